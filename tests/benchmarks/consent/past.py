"""Reads of the past beside a long history: what held at one time, by what was known at another."""

from __future__ import annotations

import asyncio
import json
import os
import random
from datetime import UTC, datetime, timedelta
from functools import partial

from sekisho.adapters.records.consent_history import ConsentHistory
from sekisho.adapters.records.database import Database
from sekisho.domain.consent import ConsentState
from sekisho.domain.terms import SubjectNumber
from tests.benchmarks.consent.place import CUSTOMERS, Place, place, rebuilt
from tests.benchmarks.consent.rows import Row, Tell, at_most, quantile, timed

EVENTS = int(os.environ.get("SEKISHO_BENCH_EVENTS", "1000000"))
EACH = 20  # events of each person, a month after one another
_FULL = 10_000_000  # the events that the target is about
_READS = 2_000
_PURPOSES = ("micro_segmentation", "realtime_web", "targeted_advertising")
_FIRST = datetime(2020, 1, 1, tzinfo=UTC)
_MONTH = timedelta(days=30)
_VALID, _KNOWN = 12, 15  # the last rounds that count at the moments asked for
_TARGET = 0.020


def measure(tell: Tell, *, keep: bool) -> None:
    """Read what held of single people a year after the first event, by what was known three months later."""
    with place(f"past_{EVENTS}", remembered, keep=keep) as made:
        asyncio.run(_read(made, tell))


def remembered(made: Place) -> None:
    """Put a history beside the demonstration's: round by round, everybody's next event, in another order each time.

    A person's events lie as far apart in the table as in a ledger that grew over years. Only what a read of the past
    looks at is real: the hashes are of the right length and chain nothing, and no projection follows from the events.
    """
    people = max(1, EVENTS // EACH)
    with made.connect() as connection:
        found = connection.execute("SELECT value FROM ledger_counter WHERE name = 'consent'").fetchone()
        low = int(str(found[0])) if found else 0
    insert = (
        "INSERT INTO consent_event (seq, id, number, purpose, cells, kind, method, actor, notice_version,"
        " recorded_at, said_at, counts_at, facts, hash, outcome)"
        " SELECT %(low)s::bigint + %(round)s::bigint * %(people)s::bigint + i,"
        " md5((%(round)s::bigint * 10000000000 + i)::text)::uuid::text,"
        f" {CUSTOMERS + 1} + (i * 7919 + %(round)s::bigint * 104729) %% %(people)s::bigint,"
        " %(purpose)s, %(cells)s, %(kind)s, 'web_form', 'data_subject', '1', %(at)s::bigint + i,"
        " %(at)s::bigint + i, %(at)s::bigint + i, %(facts)s, sha256(int8send(i)), %(outcome)s"
        " FROM generate_series(1, %(people)s::bigint) i"
    )
    rounds = []
    for number in range(EACH):
        purpose, yes = _PURPOSES[number % len(_PURPOSES)], _agrees(number)
        rounds.append(
            {
                "low": low, "round": number, "people": people, "purpose": purpose, "cells": json.dumps([purpose]),
                "kind": "give" if yes else "withdraw", "at": _micros(_FIRST + number * _MONTH), "outcome": int(yes),
                "facts": json.dumps({"notice_key": purpose, "source": "benchmark", "round": number}),
            }
        )  # fmt: skip
    rebuilt(made, "consent_event", [(insert, each) for each in rounds])
    with made.connect() as connection:
        counters = {"data_subject": CUSTOMERS + people, "consent": low + EACH * people}
        for name, value in counters.items():
            connection.execute("UPDATE ledger_counter SET value = %s WHERE name = %s", (value, name))


async def _read(made: Place, tell: Tell) -> None:
    database = Database(made.url)
    history = ConsentHistory(database, made.purposes())
    valid_at, known_at = (_FIRST + rounds * _MONTH + _MONTH / 2 for rounds in (_VALID, _KNOWN))
    chance, people = random.Random(1), max(1, EVENTS // EACH)
    total = (await database.peek("SELECT count(*) FROM consent_event"))[0][0] if EVENTS < _FULL else EVENTS
    right = {_PURPOSES[number % len(_PURPOSES)]: _agrees(number) for number in range(_VALID + 1)}

    async def read(count: int) -> None:
        numbers = [SubjectNumber(CUSTOMERS + 1 + chance.randrange(people)) for _ in range(count)]
        _, records = await history.records_at(numbers, valid_at=valid_at, known_at=known_at)
        for record in records:
            found = {str(cell): held.state is ConsentState.GIVEN for cell, held in record.items()}
            if found != right:
                raise RuntimeError(f"{found} held at {valid_at}, not {right}")

    try:
        one = await timed(_READS, partial(read, 1))
        many = await timed(_READS // 20, partial(read, 100))
    finally:
        await database.close()
    measured = f"as-of read beside {total:,} events, one person, p99"
    row = at_most(measured, quantile(one, 0.99), _TARGET, "ms", scale=1e3)
    met = row.met if total >= _FULL else None
    tell(Row(row.measure, f"{row.found} (p50 {quantile(one, 0.5) * 1e3:.1f})", f"{row.target} for 10 M", met))
    tell(Row("the same, 100 people in one read, p99", f"{quantile(many, 0.99) * 1e3:.1f} ms"))


def _agrees(number: int) -> bool:
    return number // len(_PURPOSES) % 2 == 0


def _micros(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000

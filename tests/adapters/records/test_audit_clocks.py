"""Wrong clocks harm nothing: the log orders by its index, and every time is only what its writer believed."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_export import export_audit
from sekisho.adapters.records.audit_search import stored_heads, stored_records, stored_subjects
from sekisho.audit_verify import Outcome, Verdict, saved_notes, verify_export, verify_rows
from sekisho.domain.audit_export import ExportFormat, ExportOrder
from sekisho.domain.instants import instant_of
from sekisho.domain.record import canonical
from sekisho.domain.tlog import leaf_hash, tree_root
from sekisho.ports import AuditQuery
from tests.adapters.records.export_world import START, SetClock, opened_log, release, seqs_in, seqs_of, stored
from tests.adapters.records.tree_world import change, read, verified

HOUR = timedelta(hours=1)
LEAP = datetime(2016, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
"""The last instant before a leap second, which POSIX clocks show twice."""


def ahead_and_behind(number: int) -> tuple[timedelta, timedelta]:
    return HOUR, -HOUR


def to_and_fro(number: int) -> tuple[timedelta, timedelta]:
    chance = random.Random(number)
    return timedelta(minutes=chance.randrange(-60, 61)), timedelta(minutes=chance.randrange(-60, 61))


def backwards(number: int) -> tuple[timedelta, timedelta]:
    return -timedelta(minutes=2 * number), timedelta()


def leap(number: int) -> tuple[timedelta, timedelta]:
    return LEAP - START - timedelta(seconds=number % 4 // 2), LEAP - START


_EACH = 12
SKEWS: list[Callable[[int], tuple[timedelta, timedelta]]] = [ahead_and_behind, to_and_fro, backwards, leap]


@pytest.fixture
async def written(database, keys, tmp_path):
    """A log of two writers whose clocks disagree in every way, and the ids in the order of acknowledgement."""
    one, other, ids = SetClock(), SetClock(), []
    with_one, with_other = opened_log(database, keys, tmp_path, one), opened_log(database, keys, tmp_path, other)
    async with with_one as first, with_other as second:
        for number in range(_EACH * len(SKEWS)):
            right = START + timedelta(seconds=number)
            one.instant, other.instant = (right + wrong for wrong in SKEWS[number // _EACH](number))
            ids.append((await (first, second)[number % 2].append(release(number))).id)
        await first.settled()
        await second.settled()
        yield first, ids


def times_in(records: list[bytes]) -> list[str]:
    """Return the times of records, in the order of the log."""
    return [json.loads(record)["at"] for record in records]


async def verify(log: SqlAuditLog) -> Verdict:
    """Verify the log as its database tells it."""

    def look(connection) -> Verdict:
        return verify_rows(
            stored_records(connection),
            list(stored_heads(connection)),
            list(stored_subjects(connection)),
            saved_notes(log.heads_folder),
            log.keyring.verification_key(),
        )

    return await log.database.read(look)


async def test_the_order_is_the_index(written, database):
    """Records stand in the order in which they were acknowledged, each once, whatever their times say."""
    _, ids = written
    records = await stored(database)
    assert seqs_of(records) == list(range(1, len(records) + 1))
    assert [record["id"] for record in map(json.loads, records) if record["kind"] == "access.release"] == ids
    assert times_in(records) != sorted(times_in(records))  # the clocks did disagree


async def test_a_search_in_pages_loses_and_repeats_nothing(written, database):
    """Pages go on behind an index: neither equal times nor times that go back make a gap."""
    log, ids = written
    found: list[str] = []
    after = 0
    while page := await log.search(
        AuditQuery(limit=3, after_seq=after, since=START - 2 * HOUR - timedelta(days=9_999))
    ):
        found += [str(record["id"]) for record in page if record["kind"] == "access.release"]
        after = int(str(page[-1]["seq"]))
    assert found == ids


async def test_verification_raises_no_false_alarm(written, database, keys, tree, tmp_path):
    """Database, tree and exports of such a log are what was written; exports are in the order of the log."""
    log, _ = written
    verdict = await verify(log)
    assert verdict.ok, verdict
    checkpoint = read(await tree.advance())
    records = await stored(database)
    assert checkpoint.size == len(records)
    assert checkpoint.root == tree_root([leaf_hash(record) for record in records])
    assert verified(tree).ok
    for form in (ExportFormat.RAW, ExportFormat.NDJSON):
        await export_audit(log, ExportOrder(form), tmp_path / form)
        verdict = verify_export(tmp_path / form, keys.verification_key())
        assert verdict.ok, verdict
        found = seqs_in(tmp_path / form, form)  # the order of the export itself included
        assert found == list(range(1, verdict.records + 1))


async def test_a_record_that_was_re_timed_is_named(written, database, keys):
    """Putting a time right is tampering like any other, also where it makes the log look better."""
    log, _ = written
    victim = json.loads((await stored(database))[9])
    better = canonical({**victim, "at": "2026-11-02T09:00:07.500000Z"})
    literal = f"x'{better.hex()}'" if database.dialect == "sqlite" else f"'\\x{better.hex()}'"
    await change(database, f"UPDATE audit_record SET record = {literal} WHERE seq = {victim['seq']}")
    verdict = await verify(log)
    assert verdict.outcome is Outcome.TAMPERED
    assert verdict.bad is not None
    assert verdict.bad.seq == victim["seq"]


async def test_heartbeats_do_not_wait_for_a_clock_that_went_back(database, keys, tmp_path):
    """They are due by time that passes: a clock that steps back, or stands, makes no silence and no flood."""
    clock = SetClock()
    log = SqlAuditLog(database, keys, clock, tmp_path / "heads", heartbeat_seconds=0.02)
    await log.start()
    try:
        for step in (-HOUR, timedelta(), HOUR):
            before = len(await log.search(AuditQuery(kind="writer.heartbeat")))
            clock.instant += step
            async with asyncio.timeout(30):
                while len(await log.search(AuditQuery(kind="writer.heartbeat"))) <= before:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)  # nobody tells when one is written
    finally:
        await log.close()


@pytest.mark.parametrize("spelt", ["2016-12-31T23:59:60Z", "2016-12-31T23:59:60.5Z", "2017-01-01T08:59:60+09:00"])
def test_a_leap_second_is_refused_and_no_fault(spelt):
    """No time of the calendar is 60 seconds past: who sends one is told so, and nothing is guessed."""
    with pytest.raises(ValueError, match="second"):
        instant_of(spelt)

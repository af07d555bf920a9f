"""How an import is written: slice by slice while the next is worked out, columns in one go, records from rows."""

from __future__ import annotations

import asyncio
import uuid

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.records import consents
from sekisho.adapters.records.consent_chain import EventChain
from sekisho.adapters.records.consent_decisions import apart
from sekisho.adapters.records.consent_projection import copied, copy_lines, fetch
from sekisho.adapters.records.consent_rebuild import verified
from sekisho.adapters.records.consent_rows import recorded_event
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database
from sekisho.consents.parts import Parts
from sekisho.consents.trail import Trail
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.consent_trail import audited_events
from sekisho.domain.terms import Catalogue
from tests.adapters.records.conftest import PURPOSES
from tests.adapters.records.test_ledger import FAR_AWAY, LONG_AGO, event
from tests.consents.fakes import FakeNotices
from tests.fakes import FakeAuditLog, FakeClock

KINDS = [
    ConsentEventKind.GIVE,
    ConsentEventKind.WITHDRAW,
    ConsentEventKind.REFUSE,
    ConsentEventKind.DEFER,
    ConsentEventKind.RENEW,
]
EVENTS = st.lists(
    st.tuples(st.integers(1, 6), st.sampled_from(["lifecycle_email", "recommendation", "ab_measurement"]),
              st.sampled_from(KINDS), st.integers(0, 9), st.booleans()),
    max_size=24,
)  # fmt: skip
_EVENTS = text(
    "SELECT number, purpose, cells, kind, occurred_at, said_at, counts_at, valid_until, outcome, holds_until,"
    " effects, sealed IS NULL FROM consent_event WHERE seq > :after ORDER BY seq"
)
_STATES = text("SELECT number, cell, state, since, valid_until, linked, linked_until FROM consent_state")


def said(number, purpose, kind, day, proven):
    evidence = {"form": f"F-{day}"} if proven else None
    cells = PURPOSES[purpose].all_cells()[: 1 + day % 2]
    at, of_age_at = LONG_AGO.replace(day=1 + day), FAR_AWAY if day % 3 == 0 else None
    return event(number, purpose, kind, cells=cells, occurred=at, of_age_at=of_age_at, evidence=evidence)


@given(before=EVENTS, history=EVENTS, links=st.sets(st.sampled_from([(1, 2), (3, 4), (2, 5)])))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_history_written_in_slices_is_the_one_written_at_once(
    database, people, keys, monkeypatch, before, history, links
):
    """Whoever is named in several slices, or linked to somebody who is, ends where one go leaves them."""
    found = []
    for slice_of in (10_000, 3):
        monkeypatch.setattr(consents, "_SLICE", slice_of)
        names = [uuid.uuid4().hex for _ in range(6)]
        numbers = (await people.register("customer_id", names)).tolist()
        ledger = SqlConsentLedger(database, PURPOSES, SystemClock(), keys)
        for one, other in sorted(links):
            await ledger.link(numbers[one - 1], numbers[other - 1], "desk")
        await ledger.import_history([said(numbers[who - 1], *rest) for who, *rest in before])
        after = await ledger.last_seq()
        result = await ledger.import_history([said(numbers[who - 1], *rest) for who, *rest in history])
        found.append((result.recorded, result.unchanged, await _written(database, after, numbers)))
    assert found[0] == found[1]
    by_default = frozenset({"ab_measurement"})
    proof = await database.read(lambda connection: verified(connection, by_default, EventChain(keys)))
    assert proof.findings == ()


async def _written(database, after, numbers):
    """Return the events behind *after* and the states of *numbers*, people by their place."""
    place = {number: at for at, number in enumerate(numbers)}

    def read(connection):
        events = [
            (place[number], *rest, effects and [[place[who], *bit] for who, *bit in orjson.loads(effects)], sealed)
            for number, *rest, effects, sealed in connection.execute(_EVENTS, {"after": after})
        ]
        return events, sorted(
            ((place[number], *rest) for number, *rest in connection.execute(_STATES) if number in place), key=str
        )

    return await database.read(read)


FIELDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ["\\N", "\\.", "NULL", "\t", "\n", "\r", "a\\tb", "", '"', "{}", "\\x41"]
)


@given(
    rows=st.lists(
        st.tuples(st.integers(-(2**63), 2**63 - 1), st.none() | FIELDS, st.none() | st.binary(max_size=4),
                  st.none() | st.integers(0, 3)),
        min_size=1, max_size=5,
    )
)  # fmt: skip
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_columns_arrive_as_they_were(database, rows):
    """Texts of every kind, bytes, integers and nulls come back from COPY as they went in."""
    if database.dialect != "postgresql":
        pytest.skip("COPY is PostgreSQL's")

    def through(connection):
        connection.exec_driver_sql("CREATE TEMP TABLE there (n bigint, t text, b bytea, i smallint) ON COMMIT DROP")
        copied(connection, "there", ("n", "t", "b", "i"), copy_lines(rows))
        back = fetch(connection, "SELECT n, t, b, i FROM there", ())
        arrays = "SELECT * FROM unnest(%s::bigint[], %s::text[], %s::bytea[], %s::smallint[])"
        return back, fetch(connection, arrays, list(zip(*rows, strict=True)))

    for back in await database.run(through):
        assert [(n, t, None if b is None else bytes(b), i) for n, t, b, i in back] == rows


async def test_records_made_from_rows_are_those_made_from_events(database: Database, ledger, people, keys):
    """What the log says of imported events does not depend on how they came to it."""
    numbers = (await people.register("customer_id", [f"c{i}" for i in range(6)])).tolist()
    await ledger.link(numbers[0], numbers[1], "desk")
    rows = []
    history = [
        apart(said(numbers[n % 6], ["lifecycle_email", "recommendation"][n % 2], KINDS[n % 5], n % 9, n % 3 == 0))
        for n in range(1_203)
    ]
    await ledger.import_part(history, lambda appending, _unchanged: rows.extend(appending.rows), lambda: None)
    told = []
    for note in ("note_imported", "note_batch"):
        parts = Parts(
            Catalogue({}, {}, PURPOSES, {}, {}, "r1"),
            people,
            ledger,
            FakeNotices(FakeClock()),
            audit := FakeAuditLog(),
            keys,
            SystemClock(),
        )
        events = rows if note == "note_imported" else [recorded_event(row) for row in rows]
        await getattr(Trail(parts), note)(events, "b" * 64, *([asyncio.Lock()] if events is rows else []))
        told.append(audit.records)
    assert told[0] == told[1]
    found = [one for record in told[0] for one in audited_events(record)]
    assert [(one.seq, list(one.cells), one.facts) for one in found] == [
        (row.seq, orjson.loads(row.cells), orjson.loads(row.facts)) for row in rows
    ]
    assert [one.id for one in found] == sorted(one.id for one in found)  # as they were recorded
    # A no of one who is linked is repeated for the other, and says of which event it is the copy.
    copies = [(at, one.facts["copy_of"]) for at, one in enumerate(found) if "copy_of" in one.facts]
    assert len(copies) == len(found) - 1_203 > 0
    assert [original for _, original in copies] == [found[at - 1].id for at, _ in copies]

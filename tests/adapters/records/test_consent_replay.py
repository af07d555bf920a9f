"""A restored older ledger, made whole again from the audit log; and the log held against the ledger."""

from __future__ import annotations

import asyncio
import hashlib

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import text

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.consent_audited import UnauditedEvents
from sekisho.adapters.records.consent_chain import EventChain
from sekisho.adapters.records.consent_fold import by_default_purposes
from sekisho.adapters.records.consent_rebuild import verified
from sekisho.adapters.records.consent_replay import ConsentReplay, own_records
from sekisho.adapters.records.consent_rows import EventRow
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.notices import SqlNotices
from sekisho.consents.parts import Parts
from sekisho.consents.trail import Trail
from sekisho.domain.consent import ConsentEventKind, Provenance
from sekisho.domain.terms import Catalogue
from sekisho.errors import ForgedConsent, TamperedLog
from sekisho.ports import ConsentEventInput
from tests.adapters.records.conftest import PURPOSES
from tests.adapters.records.consent_world import histories, world

CLOCK = SystemClock()
BY_DEFAULT = by_default_purposes(PURPOSES)
TABLES = ("consent_event", "consent_state", "consent_cell", "data_subject_link")
EXAMPLES = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
async def audit(database, keys, tmp_path):
    """A started audit log in the same database."""
    log = SqlAuditLog(database, keys, CLOCK, tmp_path / "heads")
    await log.start()
    yield log
    await log.close()


@pytest.fixture
def trail(database, keys, people, ledger, audit):
    """The trail of the ledger; it leaves no event to anybody else."""
    catalogue = Catalogue({}, {}, PURPOSES, {}, {}, "r1")
    parts = Parts(catalogue, people, ledger, SqlNotices(database, ledger, PURPOSES), audit, keys, CLOCK)
    return Trail(parts, UnauditedEvents(database, keys, grace_s=-3600))


def prove(database, keys):
    return database.read(lambda connection: verified(connection, BY_DEFAULT, EventChain(keys)))


def tables(connection):
    """All that is in the tables of consent."""
    return {
        name: sorted((tuple(row) for row in connection.execute(text(f"SELECT * FROM {name}"))), key=str)
        for name in TABLES
    }


def restore(database, older, seq):
    """Put the tables of consent back to what they were at *seq*; the audit log and the people stay."""

    def put(connection):
        for name in reversed(TABLES):
            connection.execute(text(f"DELETE FROM {name}"))
        for name in TABLES:
            for row in older[name]:
                marks = ", ".join(f":c{place}" for place in range(len(row)))
                values = {f"c{place}": value for place, value in enumerate(row)}
                connection.execute(text(f"INSERT INTO {name} VALUES ({marks})"), values)
        connection.execute(text("UPDATE ledger_counter SET value = :seq WHERE name = 'consent'"), {"seq": seq})

    return database.run(put)


def without_evidence(events):
    """Rows of events, without what a replay loses or adds."""
    rows = []
    for row in events:
        values = list(row)
        facts = orjson.loads(values[14])
        facts.pop("sealed_sha256", None)
        rows.append((*values[:14], orjson.dumps(facts), *values[16:]))
    return rows


@given(steps=histories)
@EXAMPLES
async def test_whatever_happened_comes_back_the_same(database, ledger, people, keys, trail, steps):
    """Restored to any earlier state and replayed, the ledger has every event, hash and state that it had."""
    site = await world(ledger, people, CLOCK)
    half = len(steps) // 2
    for step in steps[:half]:
        await site.do(step)
    older, seq = await database.read(tables), await ledger.last_seq()
    for step in steps[half:]:
        await site.do(step)
    await trail.catch_up()
    newest = await database.read(tables)
    await restore(database, older, seq)
    done = await ConsentReplay(database, keys, PURPOSES).replay()
    again = await database.read(tables)
    assert (done.seq, done.missing, done.nameless) == (seq + done.events, (), 0)
    assert without_evidence(again["consent_event"]) == without_evidence(newest["consent_event"])
    assert {name: again[name] for name in TABLES[1:]} == {name: newest[name] for name in TABLES[1:]}
    proof = await prove(database, keys)
    assert (proof.findings, proof.unaudited) == ((), 0)
    assert (await ConsentReplay(database, keys, PURPOSES).replay()).events == 0
    await ledger.record([site.event({**steps_of_one, "who": 1})])
    assert (await prove(database, keys)).ok
    await trail.catch_up()


steps_of_one = {
    "who": 0, "purpose": "lifecycle_email", "kind": ConsentEventKind.GIVE, "all_cells": True, "claim": None,
    "until": None, "of_age": None, "confirmed": False, "historical": False, "notice": "v1", "evidence": True,
}  # fmt: skip


def say(number, kind=ConsentEventKind.GIVE, **more):
    return ConsentEventInput(
        number, "lifecycle_email", PURPOSES["lifecycle_email"].all_cells(), kind, "paper", "desk", **more
    )


async def test_an_import_comes_back_too(database, ledger, people, keys, trail):
    """Events that share a record are found in it, also when the restored ledger ends in the middle of the record."""
    numbers = (await world(ledger, people, CLOCK)).people
    (given,) = await ledger.record([say(numbers[0])])
    await trail.note([given])
    events = [
        say(numbers[line % 4], occurred_at=CLOCK.now(), provenance=Provenance(batch="b" * 64, line=line))
        for line in range(1_200)
    ]
    await ledger.import_history(events[:700])
    older, seq = await database.read(tables), await ledger.last_seq()
    await ledger.import_history(events[700:])
    imported = await ledger.changes(1, 5_000)
    await trail.note_batch(imported, "b" * 64)
    assert await trail.catch_up() == 0
    newest = await database.read(tables)
    await restore(database, older, seq)
    done = await ConsentReplay(database, keys, PURPOSES).replay()
    assert (done.events, done.seq, done.without_evidence) == (500, 1_201, 0)
    assert await database.read(tables) == newest
    assert (await prove(database, keys)).findings == ()


async def test_a_gap_is_named_and_nothing_passes_it(database, ledger, people, keys, trail):
    """What no record tells of is named; the events before it come back, none behind it does."""
    number = (await world(ledger, people, CLOCK)).people[0]
    older = await database.read(tables)
    for place in range(6):
        done = await ledger.record([say(number)])
        if place not in {2, 5}:
            await trail.note(done)
    await restore(database, older, 0)
    done = await ConsentReplay(database, keys, PURPOSES).replay()
    assert (done.events, done.seq, done.missing) == (2, 2, (3,))
    assert (await prove(database, keys)).findings == ()


async def test_what_the_log_has_seen_but_does_not_tell_is_missing(database, ledger, people, keys, trail, audit):
    """A release that names a sequence proves that there was an event, though no record tells what it was."""
    from sekisho.ports import AuditEntry

    number = (await world(ledger, people, CLOCK)).people[0]
    older = await database.read(tables)
    await trail.note(await ledger.record([say(number)]))
    await ledger.record([say(number, ConsentEventKind.WITHDRAW)])
    await audit.append(AuditEntry("access.release", {"consent": {"seq": 2}}))
    await restore(database, older, 0)
    done = await ConsentReplay(database, keys, PURPOSES).replay()
    assert (done.seq, done.missing) == (1, (2,))


async def test_what_was_recorded_after_the_restore_is_not_overwritten(database, ledger, people, keys, trail):
    """Two events at one sequence are a matter for people: the replay refuses and writes nothing."""
    number = (await world(ledger, people, CLOCK)).people[0]
    await trail.note(await ledger.record([say(number)]))
    older = await database.read(tables)
    for _ in range(3):
        await trail.note(await ledger.record([say(number, ConsentEventKind.WITHDRAW)]))
    await restore(database, older, 1)
    await ledger.record([say(number)])
    with pytest.raises(TamperedLog, match="does not lead to the event of sequence 3"):
        await ConsentReplay(database, keys, PURPOSES).replay()
    assert await ledger.last_seq() == 2


@pytest.mark.parametrize(
    "field", ["cells", "recorded_at", "facts", "subject_ref", "method", "outcome", "valid_until"]
)
async def test_a_changed_record_writes_nothing(database, ledger, people, keys, trail, field):
    """Whatever a record says otherwise than the event was, its hash no longer follows."""
    one, other, *_ = (await world(ledger, people, CLOCK)).people
    older = await database.read(tables)
    await trail.note(await ledger.record([say(one), say(other)]))
    records = await database.read(lambda connection: list(own_records(connection)))
    forged = {
        "cells": ["recommendation/data_category=purchase"],
        "recorded_at": records[0]["recorded_at"] + 1,
        "facts": {"batch": "x"},
        "subject_ref": records[1]["subject_ref"],
        "method": "api",
        "outcome": 0,
        "valid_until": 1,
    }
    records[0][field] = forged[field]
    await restore(database, older, 0)
    with pytest.raises(TamperedLog):
        await ConsentReplay(database, keys, PURPOSES).replay(records)
    assert await ledger.last_seq() == 0


async def test_other_keys_find_nobody(database, ledger, people, keys, trail, tmp_path, monkeypatch):
    """References that no person number gives are not guessed at."""
    monkeypatch.setattr("sekisho.adapters.records.consent_replay._BEYOND", 1_000)
    number = (await world(ledger, people, CLOCK)).people[0]
    older = await database.read(tables)
    await trail.note(await ledger.record([say(number)]))
    await restore(database, older, 0)
    with pytest.raises(TamperedLog, match="do not know"):
        await ConsentReplay(database, FileKeyRing.create(tmp_path / "other"), PURPOSES).replay()


async def test_a_person_who_is_gone_keeps_the_number(database, ledger, people, keys, trail):
    """With the people restored too, the consent comes back under its number, and nobody new ever gets that number."""
    await people.register("customer_id", ["a"])
    older = await database.read(tables)
    newer = await people.register("customer_id", ["b", "c"])
    await trail.note(await ledger.record([say(int(newer[1]), ConsentEventKind.WITHDRAW)]))
    await restore(database, older, 0)

    def forget(connection):
        connection.execute(text("DELETE FROM data_subject_identifier WHERE number > 1"))
        connection.execute(text("DELETE FROM data_subject WHERE number > 1"))
        connection.execute(text("UPDATE ledger_counter SET value = 1 WHERE name = 'data_subject'"))

    await database.run(forget)
    done = await ConsentReplay(database, keys, PURPOSES).replay()
    assert (done.events, done.nameless) == (1, 1)
    assert [event.kind.value for event in await ledger.history(int(newer[1]))] == ["withdraw"]
    assert int((await people.register("customer_id", ["d"]))[0]) == 4


async def test_the_log_finds_a_history_that_was_chained_anew(database, ledger, people, keys, trail):
    """Somebody who can compute every hash again still cannot change what the audit log was told."""
    number = (await world(ledger, people, CLOCK)).people[0]
    await trail.note(await ledger.record([say(number, ConsentEventKind.WITHDRAW), say(number)]))
    older = await database.read(tables)
    await restore(database, {**older, "consent_event": [], "consent_state": []}, 0)
    forged = SqlConsentLedger(database, PURPOSES, CLOCK, keys)
    await forged.record([say(number), say(number)])
    proof = await prove(database, keys)
    assert (proof.ok, proof.unaudited) == (True, 2)

    def take_the_ids(connection):
        """Give the forged events the ids of the audited ones, and chain them anew."""
        from sekisho.adapters.records.consent_chain import GENESIS, EventChain
        from sekisho.adapters.records.consent_fold import events_after

        before = GENESIS
        for row, real in zip(events_after(connection, 0, 9), older["consent_event"], strict=True):
            before = EventChain(keys).following(before, row._replace(id=real[1]))
            connection.execute(
                text("UPDATE consent_event SET id = :id, hash = :hash WHERE seq = :seq"),
                {"id": real[1], "hash": before, "seq": row.seq},
            )

    await database.run(take_the_ids)
    proof = await prove(database, keys)
    assert proof.findings == (
        "Sequence 1 is not the event that the audit log tells of.",
        "Sequence 2 is not the event that the audit log tells of.",
    )


async def test_what_a_crash_kept_out_of_the_log_is_written_once(database, ledger, people, trail, audit, keys):
    """Events without a record, copies for linked people among them, get one; those with one get no second."""
    one, other, *_ = (await world(ledger, people, CLOCK)).people
    await trail.note(await ledger.record([say(one), say(other)]))
    await ledger.link(one, other, "desk")
    await ledger.record([say(one, ConsentEventKind.WITHDRAW)])
    assert await trail.catch_up() == 3
    assert await trail.catch_up() == 0
    records = await database.read(lambda connection: list(own_records(connection)))
    assert [record["consent_seq"] for record in records] == [1, 2, 3, 4, 5]
    assert [record["kind"] for record in records][2:] == ["consent.link", "consent.withdraw", "consent.withdraw"]
    assert (await prove(database, keys)).unaudited == 0
    assert await audit.healthy()


async def test_an_event_that_somebody_else_wrote_is_never_audited(database, ledger, people, trail, keys):
    """A yes written by hand, chained as well as anybody without the key can, stops the trail before it is told of."""
    number = (await world(ledger, people, CLOCK)).people[0]
    await trail.note(await ledger.record([say(number, ConsentEventKind.WITHDRAW)]))

    def forge(connection):
        columns = {name: name for name in EventRow._fields}
        before = connection.execute(text("SELECT hash FROM consent_event WHERE seq = 1")).scalar_one()
        columns |= {"seq": "2", "id": "'forged'", "kind": "'give'", "outcome": "1", "hash": ":hash"}
        names, values = ", ".join(columns), ", ".join(columns.values())
        sql = f"INSERT INTO consent_event ({names}) SELECT {values} FROM consent_event"
        connection.execute(text(sql), {"hash": hashlib.sha256(bytes(before)).digest()})
        connection.execute(text("UPDATE ledger_counter SET value = 2 WHERE name = 'consent'"))

    await database.run(forge)
    for _ in range(2):
        with pytest.raises(ForgedConsent):
            await trail.catch_up()
    records = await database.read(lambda connection: list(own_records(connection)))
    assert [record["consent_seq"] for record in records] == [1]
    proof = await prove(database, keys)
    assert "Sequence 2 is not what was recorded: its hash does not follow from it." in proof.findings


async def test_a_worker_that_met_a_forged_event_denies_everything(ledger, people):
    """Once told, the ledger answers nobody any more, but goes on taking refusals."""
    number = (await world(ledger, people, CLOCK)).people[0]
    cells = PURPOSES["recommendation"].all_cells()
    await ledger.view(cells)
    ledger.deny_all()
    with pytest.raises(ForgedConsent):
        await ledger.view(cells)
    assert (await ledger.record([say(number, ConsentEventKind.WITHDRAW)]))[0].seq


async def test_an_event_just_recorded_is_left_to_its_caller(database, ledger, people, trail, keys):
    """Whoever recorded an event is about to audit it: for some seconds nobody else does."""
    number = (await world(ledger, people, CLOCK)).people[0]
    done = await ledger.record([say(number)])
    patient = UnauditedEvents(database, keys, grace_s=3600)
    assert await patient.unaudited() == ([], 0)
    events, seq = await UnauditedEvents(database, keys, grace_s=-3600).unaudited()
    assert ([event.id for event in events], seq) == ([done[0].id], 1)
    assert await patient.advance(0) is False


async def test_two_catch_ups_at_once_write_each_event_once(database, ledger, people, trail):
    """Workers that look at the same time agree in the end."""
    number = (await world(ledger, people, CLOCK)).people[0]
    await ledger.record([say(number) for _ in range(20)])
    await asyncio.gather(trail.catch_up(), trail.catch_up())
    records = await database.read(lambda connection: list(own_records(connection)))
    assert sorted(record["consent_seq"] for record in records) == list(range(1, 21))

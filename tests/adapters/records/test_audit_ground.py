"""A record that rests on where consent stood: written while it stands there, in the transaction that finds out."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from psycopg import pq

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing, RingWrapping
from sekisho.adapters.records import audit_postgres, audit_sink
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_batch import Batch, Overtaken, SignedHead
from sekisho.adapters.records.audit_lane import LoopLane
from sekisho.adapters.records.audit_postgres import Together, all_of
from sekisho.adapters.records.audit_sink import open_sink
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.key_epochs import SqlKeyEpochs
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.record import StoredRecord
from sekisho.domain.terms import Cell, SubjectNumber
from sekisho.errors import ConsentMoved, ConsentUnavailable
from sekisho.ports import AuditEntry, AuditQuery, ConsentEventInput, Ground
from tests.adapters.records.test_audit import RELEASE, verdict

CELL = Cell("lifecycle_email")


async def said(
    ledger: SqlConsentLedger, number: int, kind: ConsentEventKind, *, until: datetime | None = None
) -> None:
    """Record what a person says."""
    event = ConsentEventInput(
        SubjectNumber(number), "lifecycle_email", (CELL,), kind, "web_form", "data_subject", valid_until=until
    )
    await ledger.record([event])


@pytest.fixture
async def agreed(ledger: SqlConsentLedger, people: PeopleRegistry) -> SqlConsentLedger:
    """The ledger, in which the first of three people agrees."""
    await people.register("customer_id", ["1", "2", "3"])
    await said(ledger, 1, ConsentEventKind.GIVE)
    return ledger


async def ground_of(ledger: SqlConsentLedger) -> Ground:
    """Return where consent stands now."""
    ground = ledger.ground(await ledger.view((CELL,)))
    assert ground is not None
    return ground


def entry(ground: Ground | None, record_id: str | None = None) -> AuditEntry:
    """Return a release that rests on *ground*."""
    return AuditEntry("access.release", RELEASE, record_id, ground)


async def released(log: SqlAuditLog) -> list[object]:
    """Return the ids of all releases."""
    return [record["id"] for record in await log.search(AuditQuery(kind="access.release"))]


async def test_while_consent_stands_a_record_rests_on_it(log: SqlAuditLog, agreed: SqlConsentLedger) -> None:
    """It is written and says so; one that rests on nothing does not say so."""
    ground = await ground_of(agreed)
    for _ in range(3):
        assert (await log.append(entry(ground))).grounded
    assert not (await log.append(entry(None))).grounded
    assert (await verdict(log)).ok


@pytest.mark.parametrize("kind", [ConsentEventKind.WITHDRAW, ConsentEventKind.GIVE])
async def test_after_any_event_no_record_rests_on_what_was_before(
    log: SqlAuditLog, agreed: SqlConsentLedger, kind: ConsentEventKind
) -> None:
    """Whoever waits is told, nothing is written, and the log goes on without a gap."""
    ground = await ground_of(agreed)
    first = await log.append(entry(ground))
    await said(agreed, 1, kind)
    for turn in range(3):
        with pytest.raises(ConsentMoved):
            await log.append(entry(ground, f"stale-{turn}"))
    last = await log.append(entry(await ground_of(agreed)))
    assert last.seq == first.seq + 1
    assert await released(log) == [first.id, last.id]
    assert (await verdict(log)).ok


async def test_a_yes_that_has_ended_is_no_ground(log: SqlAuditLog, agreed: SqlConsentLedger) -> None:
    """Time ends a yes without an event: the database's clock is asked, too."""
    await said(agreed, 2, ConsentEventKind.GIVE, until=SystemClock().now() + timedelta(days=1))
    ground = await ground_of(agreed)
    assert (await log.append(entry(ground))).grounded
    with pytest.raises(ConsentMoved):
        await log.append(entry(replace(ground, until=ground.until - 2 * 86_400_000_000)))


@pytest.mark.parametrize("place", range(1, 5))
async def test_another_history_of_the_same_length_is_no_ground(
    log: SqlAuditLog, agreed: SqlConsentLedger, place: int
) -> None:
    """A ledger that was restored may count to the same sequence: its last event says something else."""
    ground = await ground_of(agreed)
    event = list(ground.event)
    event[place] = 77 if isinstance(event[place], int) or event[place] is None else "other"
    with pytest.raises(ConsentMoved):
        await log.append(entry(replace(ground, event=tuple(event))))
    assert (await log.append(entry(ground))).grounded


async def test_a_whole_ground_is_people_and_keys_too(
    database, log: SqlAuditLog, agreed: SqlConsentLedger, people: PeopleRegistry, keys: FileKeyRing
) -> None:
    """Where nobody looked since the request came, who was registered and which keys began counts as consent does."""
    whole = replace(await ground_of(agreed), whole=True)
    assert (await log.append(entry(whole))).grounded
    await people.register("customer_id", ["4"])
    with pytest.raises(ConsentMoved):
        await log.append(entry(whole))
    assert (await log.append(entry(replace(whole, whole=False)))).grounded
    now = replace(await ground_of(agreed), whole=True)
    assert (await log.append(entry(now))).grounded
    await SqlKeyEpochs(database, keys, {"ring": RingWrapping(keys)}).begin("pseudonyms")
    with pytest.raises(ConsentMoved):
        await log.append(entry(now))
    now = replace(await ground_of(agreed), whole=True)
    assert now.key_epoch is not None
    assert (await log.append(entry(now))).grounded
    other = (now.key_epoch[0], now.key_epoch[1] + 1)
    for doubt in (replace(now, key_epoch=None), replace(now, identifiers=None), replace(now, key_epoch=other)):
        with pytest.raises(ConsentMoved):
            await log.append(entry(doubt))


async def test_of_a_group_each_rests_on_its_own(log: SqlAuditLog, agreed: SqlConsentLedger) -> None:
    """What one rests on does not hold for another, and none pays for another."""
    old = await ground_of(agreed)
    await said(agreed, 2, ConsentEventKind.GIVE)
    now = await ground_of(agreed)
    asked = [log.append(entry((old, now, None)[place % 3], f"r-{place}")) for place in range(90)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [isinstance(answer, ConsentMoved) for answer in answers] == [place % 3 == 0 for place in range(90)]
    assert len(await released(log)) == 60
    assert (await verdict(log)).ok


async def test_who_withdraws_is_in_no_record_that_rests_on_what_came_later(
    log: SqlAuditLog, agreed: SqlConsentLedger
) -> None:
    """Pages and withdrawals race: a page that began after one was acknowledged never rests on what was before it."""
    acknowledged = 0

    async def withdraw() -> None:
        nonlocal acknowledged
        for turn in range(12):
            kind = (ConsentEventKind.WITHDRAW, ConsentEventKind.GIVE)[turn % 2]
            await said(agreed, 1, kind)
            acknowledged = turn + 2
            await asyncio.sleep(0)

    async def release() -> None:
        for _ in range(12):
            ground = await ground_of(agreed)
            await asyncio.sleep(0)
            known = acknowledged
            try:
                receipt = await log.append(entry(ground))
            except ConsentMoved:
                continue
            assert receipt.grounded
            assert ground.seq >= known

    await asyncio.gather(withdraw(), *(release() for _ in range(6)))
    assert (await verdict(log)).ok


async def test_what_is_in_doubt_is_no_ground(agreed: SqlConsentLedger) -> None:
    """A view that is known to be older, a ledger below its floor, and a forged one are asked again."""
    older = await agreed.view((CELL,))
    assert agreed.ground(older) is not None
    await said(agreed, 2, ConsentEventKind.GIVE)
    newer = await agreed.view((CELL,))
    assert agreed.ground(older) is None
    assert agreed.ground(newer) is not None
    agreed.raise_floor(newer.seq + 1)
    assert agreed.ground(newer) is None


async def test_a_forged_ledger_is_no_ground(agreed: SqlConsentLedger) -> None:
    """Once a foreign event was found, nothing rests on any view."""
    view = await agreed.view((CELL,))
    agreed.deny_all()
    assert agreed.ground(view) is None
    with pytest.raises(ConsentUnavailable):
        await agreed.view((CELL,))


def test_of_several_grounds_the_one_that_ends_first_counts() -> None:
    """A group goes at once on the ground that holds where all of its grounds do; where they cannot, there is none."""
    ground = Ground(5, (5, 1, "[]", "give", None), 100)
    assert all_of([]) is None
    assert all_of([ground, replace(ground, until=50), ground]) == replace(ground, until=50)
    assert all_of([ground, replace(ground, seq=6)]) is None
    assert all_of([ground, replace(ground, event=(5, 2, "[]", "give", None))]) is None
    whole = replace(ground, whole=True, identifiers=3, key_epoch=(1, 0))
    assert all_of([ground, whole, replace(whole, until=7)]) == replace(whole, until=7)
    assert all_of([whole, replace(whole, key_epoch=(2, 0))]) is None


async def test_one_look_serves_a_request(
    database, keys: FileKeyRing, agreed: SqlConsentLedger, people: PeopleRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who agrees, who is known and which keys hold are read by one statement; whoever came later is read anew."""
    epochs = SqlKeyEpochs(database, keys, {})
    ground = await ground_of(agreed)
    await people.keys("customer_id", ground)
    await epochs.refresh(ground)
    looks: list[str] = []
    real = type(database).peek

    async def counted(self, sql, parameters=()):
        looks.append(sql)
        return await real(self, sql, parameters)

    monkeypatch.setattr(type(database), "peek", counted)
    ground = await ground_of(agreed)
    known = await people.keys("customer_id", ground)
    await epochs.refresh(ground)
    assert len(looks) == 1
    await people.register("customer_id", ["4"])
    assert await people.keys("customer_id", ground) is known  # of the request that began before
    assert len((await people.keys("customer_id", await ground_of(agreed))).values) == len(known.values) + 1
    assert len((await people.keys("customer_id")).values) == len(known.values) + 1


@pytest.mark.postgres
@pytest.mark.enable_socket
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_a_writer_that_is_alone_goes_to_the_server_once(
    log: SqlAuditLog, agreed: SqlConsentLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sequence, record, look at the ledger and commit travel together; after a withdrawal it goes once more."""
    ground = await ground_of(agreed)
    for _ in range(3):
        await log.append(entry(ground))
    trips: list[int] = []
    real = Together.run

    async def counted(self, calls):
        trips.append(len(calls))
        return await real(self, calls)

    monkeypatch.setattr(Together, "run", counted)
    await log.append(entry(ground))
    assert len(trips) == 1
    await said(agreed, 1, ConsentEventKind.WITHDRAW)
    trips.clear()
    with pytest.raises(ConsentMoved):
        await log.append(entry(ground))
    assert len(trips) == 2


@pytest.mark.postgres
@pytest.mark.enable_socket
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_a_writer_that_was_overtaken_takes_other_sequences(
    log: SqlAuditLog, agreed: SqlConsentLedger, keys: FileKeyRing, tmp_path
) -> None:
    """Two processes take turns: each finds that the other was there, and no sequence is given twice or left out."""
    ground = await ground_of(agreed)
    other = SqlAuditLog(log.database, keys, SystemClock(), tmp_path / "heads")
    await other.start()
    seqs = []
    for turn in range(4):
        for each in (log, other):
            alone = [await each.append(entry(ground if turn % 2 else None)) for _ in range(1 + turn)]
            seqs += [receipt.seq for receipt in alone]
    both = await asyncio.gather(*(each.append(entry(ground)) for each in (log, other) * 20))
    seqs += sorted(receipt.seq for receipt in both)
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    await other.close()
    assert (await verdict(log)).ok


@pytest.mark.postgres
@pytest.mark.enable_socket
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_what_does_not_hold_is_no_error_of_the_server(
    log: SqlAuditLog, agreed: SqlConsentLedger, keys: FileKeyRing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server's log is for what goes wrong: that others wrote, or somebody withdrew, is none of that."""
    told: list[int] = []
    real = audit_postgres._checked

    def noted(result: pq.abc.PGresult) -> pq.abc.PGresult:
        told.append(result.status)
        return real(result)

    other = SqlAuditLog(log.database, keys, SystemClock(), tmp_path / "heads")
    await other.start()
    monkeypatch.setattr(audit_postgres, "_checked", noted)
    ground = await ground_of(agreed)
    for each in (log, log, other, other, log):  # who wrote twice goes at once, and finds that the other was there
        await each.append(entry(ground))
    await log.append(entry(ground))
    await said(agreed, 1, ConsentEventKind.WITHDRAW)
    with pytest.raises(ConsentMoved):
        await log.append(entry(ground))
    monkeypatch.undo()
    await other.close()
    assert len(told) > 20
    assert set(told) <= {pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK}
    assert (await verdict(log)).ok


@pytest.mark.postgres
@pytest.mark.enable_socket
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
@pytest.mark.parametrize("moved", ["counter", "ground"])
async def test_of_a_group_that_moved_nothing_is_written(
    log: SqlAuditLog, agreed: SqlConsentLedger, moved: str
) -> None:
    """No record, no person, no end of the chain, and no sequence is used up."""
    await log.append(entry(None))
    statement = sa.text(
        "SELECT c.value, (SELECT count(*) FROM audit_record), (SELECT count(*) FROM audit_subject),"
        " (SELECT count(*) FROM audit_tail), (SELECT count(*) FROM audit_head)"
        " FROM ledger_counter c WHERE name = 'audit'"
    )

    def state(connection: sa.Connection) -> tuple[object, ...]:
        return tuple(connection.execute(statement).one())

    before = await log.database.read(state)
    ground = replace(await ground_of(agreed), seq=77) if moved == "ground" else await ground_of(agreed)
    first = int(str(before[0])) + (2 if moved == "counter" else 1)
    rows = [
        StoredRecord(first + n, f"r-{n}", "w", n, 0, "access.release", None, None, None, b"{}", b"c")
        for n in range(3)
    ]
    batch = Batch(rows, [(first, bytes(16))], [SignedHead("w", 0, "note")], ("w", 2, b"tag"))
    sink = await open_sink(log.database.engine, LoopLane())
    assert sink.begin_later()
    with pytest.raises(Overtaken):
        await sink.write(batch, ground)
    sink.close()
    assert await log.database.read(state) == before


@pytest.mark.postgres
@pytest.mark.enable_socket
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_a_withdrawal_on_its_way_to_the_disk_is_not_looked_past(
    log: SqlAuditLog, agreed: SqlConsentLedger
) -> None:
    """Whichever is committed first counts: a withdrawal that was, in another process, keeps the record out."""
    ground = await ground_of(agreed)
    for _ in range(3):
        await log.append(entry(ground))
    with log.database.engine.connect() as connection:
        connection.execute(sa.text("UPDATE ledger_counter SET value = value + 1 WHERE name = 'consent'"))
        assert (await log.append(entry(ground))).grounded  # not acknowledged yet
        connection.commit()
    with pytest.raises(ConsentMoved):
        await log.append(entry(ground))


@pytest.mark.postgres
@pytest.mark.enable_socket
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_a_withdrawal_while_the_log_is_locked_is_not_looked_past(
    database: Database, agreed: SqlConsentLedger, keys: FileKeyRing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a record rests on is looked at when its turn has come, not when it was sent."""
    monkeypatch.setattr(audit_sink, "_PATIENCE_MS", 30_000)
    log = SqlAuditLog(database, keys, SystemClock(), tmp_path / "heads", patience_seconds=30)
    await log.start()
    ground = await ground_of(agreed)
    for _ in range(3):
        await log.append(entry(ground))
    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()")
    with database.engine.connect() as other:
        other.execute(sa.text("UPDATE ledger_counter SET value = value WHERE name = 'audit'"))
        asked = asyncio.create_task(log.append(entry(ground)))
        while not await database.read(lambda connection: connection.execute(waiting).scalar_one()):  # noqa: ASYNC110 - the server tells no event
            await asyncio.sleep(0.01)
        await said(agreed, 1, ConsentEventKind.WITHDRAW)
        other.rollback()
    with pytest.raises(ConsentMoved):
        await asked
    await log.close()
    assert (await verdict(log)).ok

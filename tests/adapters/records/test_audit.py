"""The audit log: durable when it answers, one chain per writer, found again by what it is about."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from datetime import timedelta
from unittest.mock import ANY

import pytest
import sqlalchemy as sa

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records import audit
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_queue import share
from sekisho.adapters.records.audit_search import newest_heads, stored_heads, stored_records, stored_subjects
from sekisho.adapters.records.audit_writer import AuditWriter
from sekisho.adapters.records.tables import audit_head, audit_record, audit_tail
from sekisho.audit_verify import Verdict, saved_notes, verify_rows
from sekisho.domain.note import parse_head, parse_note
from sekisho.domain.record import subject_ref
from sekisho.errors import AuditUnavailable
from sekisho.ports import AuditEntry, AuditQuery

RELEASE = {"requester": "recommender", "purpose": "recommendation", "decision": "allow", "rows": 3}


def ref(number: int) -> str:
    """Return the reference of a person under the tests' key."""
    return subject_ref(b"test" * 8, number)


def numbered(people: int) -> bytes:
    """Return so many made-up references as bytes, in ascending order."""
    return b"".join(number.to_bytes(16, "big") for number in range(people))


def writers(connection: sa.Connection) -> list[str]:
    """Return the names of all writers."""
    return list(connection.execute(sa.select(audit_record.c.writer).distinct()).scalars())


async def verdict(log: SqlAuditLog, since: str | None = None) -> Verdict:
    """Verify the whole log from what its database and its folder of heads say."""
    saved = saved_notes(log.heads_folder)

    def read(connection: sa.Connection) -> Verdict:
        heads = list(stored_heads(connection))
        people = list(stored_subjects(connection))
        rows = stored_records(connection)
        key = log.keyring.verification_key()
        return verify_rows(rows, heads, people, saved, key, since=since, later=lambda: saved_notes(log.heads_folder))

    return await log.database.read(read)


async def count(log: SqlAuditLog, table: sa.Table) -> int:
    """Return the number of rows of *table*."""
    statement = sa.select(sa.func.count()).select_from(table)
    return await log.database.read(lambda connection: connection.execute(statement).scalar_one())


async def test_a_receipt_names_a_record_that_is_there(log):
    """What append answered can be read back by id, with the sequence it answered."""
    receipt = await log.append(AuditEntry("access.release", RELEASE, id="release-1"))
    record = await log.get("release-1")
    assert receipt.id == "release-1"
    assert record is not None
    assert record["seq"] == receipt.seq == 2  # after writer.open
    assert {key: record[key] for key in RELEASE} == RELEASE
    assert await log.get("release-2") is None


async def test_concurrent_records_share_commits_and_leave_no_gap(log):
    """Two hundred records at once take contiguous sequences in far fewer than two hundred commits."""
    receipts = await asyncio.gather(*(log.append(AuditEntry("access.release", RELEASE)) for _ in range(200)))
    assert sorted(receipt.seq for receipt in receipts) == list(range(2, 202))
    assert await count(log, audit_record) == 201
    assert await count(log, audit_head) < 40
    assert (await verdict(log)).ok


async def test_the_order_of_the_records_is_the_order_of_the_calls(log):
    """Records of one caller stand in the order in which it handed them over."""
    receipts = await asyncio.gather(*(log.append(AuditEntry("access.end", {"n": n})) for n in range(50)))
    assert [receipt.seq for receipt in receipts] == sorted(receipt.seq for receipt in receipts)


async def test_an_orderly_life_is_verified(log):
    """Open, records, close: the log proves itself, every record covered by a head saved outside."""
    await log.append(AuditEntry("access.release", {**RELEASE, "subjects": [ref(1), ref(2)]}))
    await log.append(AuditEntry("access.deny", {"purpose": "広告", "reasons": ["purpose_not_registered"]}))
    await log.close()
    found = await verdict(log)
    assert found.ok, found
    assert (found.records, found.writers, found.unsigned_tail) == (4, 1, 0)
    kinds = [record["kind"] for record in await log.search(AuditQuery())]
    assert kinds == ["writer.open", "access.release", "access.deny", "writer.close"]


async def test_every_start_is_a_chain_that_holds_the_one_before(log, keys, tmp_path):
    """A new process begins its own chain and states where the log stood."""
    last = await log.append(AuditEntry("access.release", RELEASE))
    second = SqlAuditLog(log.database, keys, SystemClock(), tmp_path / "heads")
    receipt = await second.start()
    await asyncio.gather(*(each.append(AuditEntry("access.end", {})) for each in (log, second) * 5))
    record = await second.get(receipt.id)
    assert record is not None
    assert record["follows"] == {"writer": log.writer_name, "wseq": 1, "chain": ANY}
    assert receipt.seq == last.seq + 1
    await second.close()
    found = await verdict(log)
    assert found.ok, found
    assert found.writers == 2


async def test_search_finds_by_what_records_are_about(log):
    """Requester, purpose, decision, person, time and position each narrow the search."""
    await log.append(AuditEntry("access.release", {**RELEASE, "subjects": [ref(1), ref(2)]}, id="a"))
    await log.append(AuditEntry("access.deny", {**RELEASE, "requester": "ads", "decision": "deny"}, id="b"))
    await log.append(AuditEntry("access.release", {**RELEASE, "purpose": "support", "subjects": [ref(2)]}, id="c"))

    async def ids(query: AuditQuery) -> list[object]:
        return [record["id"] for record in await log.search(query)]

    assert await ids(AuditQuery(requester="ads")) == ["b"]
    assert await ids(AuditQuery(purpose="recommendation")) == ["a", "b"]
    assert await ids(AuditQuery(decision="deny")) == ["b"]
    assert await ids(AuditQuery(data_subject=ref(2))) == ["a", "c"]
    assert await ids(AuditQuery(data_subject=ref(3))) == []
    assert await ids(AuditQuery(data_subject="not hexadecimal")) == []
    assert await ids(AuditQuery(after_seq=3)) == ["c"] or await ids(AuditQuery(after_seq=3)) == ["b", "c"]
    assert await ids(AuditQuery(after_seq=1, limit=2)) == ["a", "b"]
    now = SystemClock().now()
    assert await ids(AuditQuery(since=now - timedelta(hours=1), requester="ads")) == ["b"]
    assert await ids(AuditQuery(since=now)) == []
    assert await ids(AuditQuery(until=now - timedelta(hours=1))) == []


async def test_people_stand_beside_the_record_not_in_it(log):
    """The record holds how many people and a digest; the references are one row beside it, up to 65,536."""
    few = await log.append(AuditEntry("access.release", {"subjects": [ref(2), ref(1), ref(2)]}))
    page = await log.append(AuditEntry("access.release", {"subjects": numbered(65_536)}))
    many = await log.append(AuditEntry("access.release", {"subjects": numbered(65_537)}))
    record = await log.get(few.id)
    assert record is not None
    expected = b"".join(sorted(bytes.fromhex(ref(n)) for n in (1, 2)))
    assert record["subjects"] == {"n": 2, "digest": hashlib.sha256(expected).hexdigest()}
    large = await log.get(many.id)
    assert large is not None
    assert large["subjects"] == {"n": 65_537, "digest": ANY}
    stored = await log.database.read(lambda connection: list(stored_subjects(connection)))
    assert stored == [(few.seq, expected), (page.seq, numbered(65_536))]
    assert (await verdict(log)).ok


@pytest.mark.parametrize(
    "fields",
    [{"score": 0.5}, {"reason": "line\nend"}, {"seq": 9}, {"subjects": ["customer_id:17850"]}, {"x": "y" * 40_000}],
)
async def test_what_cannot_be_recorded_may_not_happen(log, fields):
    """An entry that is no record is refused without its values, and others of the moment are not harmed."""
    good = asyncio.ensure_future(log.append(AuditEntry("access.release", RELEASE)))
    with pytest.raises(AuditUnavailable) as caught:
        await log.append(AuditEntry("access.release", fields))
    assert "17850" not in str(caught.value)
    assert (await good).seq > 0
    assert await log.healthy()
    assert (await verdict(log)).ok


@pytest.mark.parametrize("kind", ["writer.open", "writer.close", "gap", "Not A Kind"])
async def test_the_logs_own_kinds_cannot_be_written_by_others(log, kind):
    """Nobody else can say that a writer closed, or that there was a gap."""
    with pytest.raises(AuditUnavailable):
        await log.append(AuditEntry(kind, {}))


async def test_a_used_id_fails_alone(log):
    """Of a group in which one id was used before, the others are recorded, and the log goes on."""
    await log.append(AuditEntry("access.release", RELEASE, id="used"))
    outcomes = await asyncio.gather(
        *(log.append(AuditEntry("access.release", RELEASE, id=name)) for name in ("n1", "used", "n2")),
        return_exceptions=True,
    )
    assert [isinstance(outcome, AuditUnavailable) for outcome in outcomes] == [False, True, False]
    assert await log.healthy()
    found = await verdict(log)
    assert found.ok, found


async def test_of_many_that_wait_half_goes_first(log, monkeypatch):
    """Many go in halves, so that nobody is without work while the database is; few go together."""
    sizes = list[int]()
    write = AuditWriter._write_group

    async def counted(writer, group):
        sizes.append(len(group))
        await write(writer, group)

    monkeypatch.setattr(AuditWriter, "_write_group", counted)
    receipts = await asyncio.gather(*(log.append(AuditEntry("access.end", {})) for _ in range(400)))
    assert sum(sizes) == 400 == len({receipt.seq for receipt in receipts})
    assert max(sizes) <= 200
    assert len(sizes) <= 8 + sizes.count(1)  # the first may go before its company is there
    assert [share(waiting) for waiting in (1, 32, 60, 100, 5_000)] == [32, 32, 32, 50, 512]


async def test_nothing_is_recorded_before_the_start_or_after_the_end(database, keys, tmp_path):
    """A log that is not running refuses; closing twice is harmless; one start is enough."""
    log = SqlAuditLog(database, keys, SystemClock(), tmp_path / "heads")
    assert not await log.healthy()
    with pytest.raises(AuditUnavailable):
        await log.append(AuditEntry("access.release", RELEASE))
    await log.start()
    assert await log.healthy()
    with pytest.raises(AuditUnavailable):
        await log.start()
    await log.close()
    await log.close()
    assert not await log.healthy()
    with pytest.raises(AuditUnavailable):
        await log.append(AuditEntry("access.release", RELEASE))


async def test_close_waits_for_what_was_handed_over(log):
    """Records that wait when the log is closed are written before its last record."""
    waiting = [asyncio.ensure_future(log.append(AuditEntry("access.end", {}))) for _ in range(20)]
    await asyncio.sleep(0)
    await log.close()
    seqs = [(await each).seq for each in waiting]
    (last,) = await log.search(AuditQuery(after_seq=max(seqs)))
    assert last["kind"] == "writer.close"


async def test_silence_is_broken_by_heartbeats(database, keys, tmp_path):
    """A writer without work records that it is there, so a cut tail or a dead writer shows."""
    log = SqlAuditLog(database, keys, SystemClock(), tmp_path / "heads", heartbeat_seconds=0.02)
    await log.start()
    await asyncio.sleep(0.3)
    await log.close()
    kinds = [record["kind"] for record in await log.search(AuditQuery())]
    assert kinds.count("writer.heartbeat") >= 3


async def test_a_full_queue_refuses_at_once_and_is_told_later(log, monkeypatch):
    """Beyond the bound nobody waits; a gap record says how many were refused."""
    monkeypatch.setattr(audit, "MAX_WAITING", 8)
    outcomes = await asyncio.gather(
        *(log.append(AuditEntry("access.release", RELEASE)) for _ in range(40)), return_exceptions=True
    )
    refused = sum(isinstance(outcome, AuditUnavailable) for outcome in outcomes)
    assert 0 < refused < 40  # the fault fired, and it fired for some only
    await log.append(AuditEntry("access.end", {}))
    gaps = [record for record in await log.search(AuditQuery()) if record["kind"] == "gap"]
    assert sum(gap["refused"]["access.release"] for gap in gaps) == refused
    assert (await verdict(log)).ok


async def test_a_cancelled_caller_disturbs_nobody(log):
    """A caller that goes away leaves the others of its group their answers."""
    tasks = [asyncio.ensure_future(log.append(AuditEntry("access.end", {}))) for _ in range(10)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes[3], asyncio.CancelledError)
    assert all(not isinstance(outcome, BaseException) for n, outcome in enumerate(outcomes) if n != 3)


async def test_a_saved_head_is_a_checkpoint_for_later(log):
    """Somebody who kept a head can hold the log against it at any later time."""
    await log.append(AuditEntry("access.release", RELEASE))
    kept = saved_notes(log.heads_folder)[-1]
    await log.append(AuditEntry("access.release", RELEASE))
    assert (await verdict(log, since=kept)).ok


async def test_a_head_follows_every_record_at_once(log):
    """A moment after a record is acknowledged, a head that covers it is outside the database."""
    for _ in range(3):
        await log.append(AuditEntry("access.release", RELEASE))
        assert (await verdict(log)).unsigned_tail == 0  # waits for it, a quarter of a second at most
    receipt = await log.append(AuditEntry("access.release", RELEASE))
    assert await log.settled()
    assert {parse_head(parse_note(note).text).size for note in saved_notes(log.heads_folder)} >= {receipt.seq}


async def test_nobody_waits_for_a_signature(log, monkeypatch):
    """A record is acknowledged once it is committed, however long the key ring takes to sign its head."""
    await log.settled()
    signing, signed = threading.Event(), threading.Event()
    real = FileKeyRing.sign

    def slow(ring: FileKeyRing, message: bytes) -> bytes:
        signing.set()
        assert signed.wait(5)
        return real(ring, message)

    monkeypatch.setattr(FileKeyRing, "sign", slow)
    receipt = await log.append(AuditEntry("access.release", RELEASE))
    assert await asyncio.to_thread(signing.wait, 5)  # the fault fired
    assert await log.get(receipt.id) is not None
    signed.set()
    assert await log.settled()
    assert (await verdict(log)).unsigned_tail == 0


async def test_the_last_head_is_in_the_database_after_an_orderly_end(log):
    """Closing leaves nothing to be signed by anybody later."""
    await log.append(AuditEntry("access.release", RELEASE))
    await log.close()
    assert await count(log, audit_tail) == 0
    (newest,) = await log.database.read(lambda c: newest_heads(c, dict.fromkeys(writers(c), 3)))
    assert parse_head(parse_note(newest).text).size == 3

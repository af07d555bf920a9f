"""Heads are signed after the commit: what a crash leaves between the two, and what the next start makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_batch import ChainEnd
from sekisho.adapters.records.audit_export import export_raw
from sekisho.adapters.records.audit_heads import HeadsFile
from sekisho.adapters.records.audit_seal import Sealer
from sekisho.adapters.records.audit_search import stored_heads, stored_records, stored_subjects
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.tables import audit_record, audit_tail
from sekisho.audit_verify import Outcome, Verdict, saved_notes, verify_export, verify_rows
from sekisho.domain.record import canonical, next_link
from sekisho.errors import AuditUnavailable
from sekisho.ports import AuditEntry
from tests.intruder import disarm

RELEASE = AuditEntry("access.release", {"requester": "recommender"})


async def verdict(database: Database, keys: FileKeyRing, heads: Path, since: str | None = None) -> Verdict:
    """Verify the whole log."""

    def read(connection: sa.Connection) -> Verdict:
        return verify_rows(
            stored_records(connection),
            list(stored_heads(connection)),
            list(stored_subjects(connection)),
            saved_notes(heads),
            keys.verification_key(),
            since=since,
        )

    return await database.read(read)


async def restart(database: Database, keys: FileKeyRing, heads: Path) -> None:
    """Start a log on what is there, and close it."""
    log = SqlAuditLog(database, keys, SystemClock(), heads)
    await log.start()
    await log.close()


@pytest.fixture
async def crashed(database, keys, tmp_path, monkeypatch) -> SqlAuditLog:
    """A log whose process died after its third commit and before the signature."""
    log = SqlAuditLog(database, keys, SystemClock(), tmp_path / "heads")
    await log.start()
    await log.append(RELEASE)
    assert await log.settled()
    with monkeypatch.context() as patch:
        patch.setattr(Sealer, "sign", lambda _: True)
        patch.setattr(Sealer, "unstored", ())
        await log.append(RELEASE)
        assert await log.settled()  # the writer is through with it, but for the signature
        writer = log._writer
        assert writer is not None

        async def nothing() -> None:
            """Store no head."""

        patch.setattr(writer, "_store_heads", nothing)
        patch.setattr(writer, "_size", 0)  # so that it writes no closing record
        await log.close()
    return log


async def test_what_a_crash_left_unsigned_is_signed_at_the_next_start(crashed, database, keys, tmp_path):
    """Until then nobody vouches for the last group, and verification says of how many records."""
    before = await verdict(database, keys, tmp_path / "heads")
    assert before.outcome is Outcome.INCOMPLETE
    assert before.unsigned_tail == 1
    await restart(database, keys, tmp_path / "heads")
    after = await verdict(database, keys, tmp_path / "heads")
    assert after.ok, after
    assert (after.records, after.writers, after.unsigned_tail) == (5, 2, 0)
    left = sa.select(sa.func.count()).select_from(audit_tail)
    assert await database.read(lambda connection: connection.execute(left).scalar_one()) == 0


@pytest.mark.parametrize("what", ["appended", "changed", "untagged"])
async def test_nothing_that_the_log_did_not_write_is_signed(crashed, database, keys, tree, tmp_path, what):
    """A record put behind a dead chain, or changed at its end, or an end without its tag, stays without a head.

    The tree is signed over whatever the database holds: its checkpoint does not vouch for the writer's records.
    """

    def forge(connection: sa.Connection) -> None:
        disarm(connection)
        if what == "untagged":
            connection.execute(sa.update(audit_tail).values(tag=b"t" * 32))
            return
        seq = sa.select(sa.func.max(audit_record.c.seq)).scalar_subquery()
        last = connection.execute(sa.select(audit_record).where(audit_record.c.seq == seq)).one()._asdict()
        before = sa.select(audit_record.c.chain).where(audit_record.c.wseq == last["wseq"] - 1)
        chain = bytes(last["chain"] if what == "appended" else connection.execute(before).scalar_one())
        more = int(what == "appended")
        last |= {"seq": last["seq"] + more, "wseq": last["wseq"] + more, "id": "forged", "requester": "nobody"}
        record = canonical({
            "v": 1, "id": "forged", "seq": last["seq"], "writer": last["writer"], "wseq": last["wseq"],
            "prev": chain.hex(), "at": "2026-11-05T00:00:00.000000Z", "kind": last["kind"], "requester": "nobody",
        })  # fmt: skip
        last |= {"record": record, "chain": next_link(chain, record), "at": 1_793_836_800_000_000}
        if more:
            connection.execute(sa.insert(audit_record).values(last))
            connection.execute(sa.update(audit_tail).values(wseq=last["wseq"]))
            connection.execute(sa.text("UPDATE ledger_counter SET value = value + 1 WHERE name = 'audit'"))
        else:
            connection.execute(sa.update(audit_record).where(audit_record.c.seq == last["seq"]).values(last))

    await database.run(forge)
    await restart(database, keys, tmp_path / "heads")
    found = await verdict(database, keys, tmp_path / "heads")
    assert found.outcome is Outcome.INCOMPLETE, found
    assert found.unsigned_tail == 1 + (what == "appended")
    assert found.bad is not None
    assert found.bad.writer != ""
    later = await verdict(database, keys, tmp_path / "heads", since=await tree.advance())
    assert later.outcome is Outcome.INCOMPLETE, later


async def test_a_start_beside_a_living_writer_takes_nothing_from_it(database, keys, tmp_path):
    """A second process that starts while the first has an unsigned end: both go on, everything is proven."""
    first = SqlAuditLog(database, keys, SystemClock(), tmp_path / "heads")
    second = SqlAuditLog(database, keys, SystemClock(), tmp_path / "heads")
    await first.start()
    await first.append(RELEASE)  # its head goes into the database with the next record only
    await second.start()
    for log in (first, second, first):
        await log.append(RELEASE)
    await second.close()
    await first.close()
    found = await verdict(database, keys, tmp_path / "heads")
    assert found.ok, found
    assert found.unsigned_tail == 0


async def test_an_export_covers_its_own_record(database, keys, tmp_path):
    """The head of the very last record of an export is in it, although it is signed after the commit."""
    log = SqlAuditLog(database, keys, SystemClock(), tmp_path / "heads")
    await log.start()
    for number in range(5):
        await log.append(RELEASE)
        await export_raw(log, tmp_path / f"export-{number}")
        proven = verify_export(tmp_path / f"export-{number}", keys.verification_key())
        assert proven.ok, proven
        assert proven.unsigned_tail == 0
    await log.close()


async def test_a_key_ring_that_cannot_sign_stops_the_log(database, keys, tmp_path, monkeypatch):
    """What was committed stays acknowledged, nothing more is, and all is signed once the key ring is back."""
    log = SqlAuditLog(database, keys, SystemClock(), tmp_path / "heads")
    await log.start()
    assert await log.settled()

    def fail(_ring: FileKeyRing, _message: bytes) -> bytes:
        raise OSError("the token was pulled")

    with monkeypatch.context() as patch:
        patch.setattr(FileKeyRing, "sign", fail)
        await log.append(RELEASE)
        assert not await log.settled()  # the fault fired
        with pytest.raises(AuditUnavailable):
            await log.append(RELEASE)
        assert not await log.healthy()
    assert await log.healthy()
    await log.append(RELEASE)
    await log.close()
    assert (await verdict(database, keys, tmp_path / "heads")).ok


def test_a_tag_is_for_one_end_only(keys, tmp_path):
    """Writer, place and chain value all count: no tag of one end passes for another."""
    sealer = Sealer(keys, HeadsFile(tmp_path / "heads", "w"))
    ends = [ChainEnd("w", 1, b"a" * 32), ChainEnd("w", 2, b"a" * 32), ChainEnd("v", 1, b"a" * 32)]
    assert len({sealer.tail(end)[2] for end in [*ends, ChainEnd("w", 1, b"b" * 32)]}) == 4

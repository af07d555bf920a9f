"""The audit log when its database or its disk fails: it says no, loses nothing it acknowledged, comes back.

Every test asserts that the fault it is about really happened.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_sink import SqliteSink
from sekisho.adapters.records.database import Database, migrate
from sekisho.audit_verify import Outcome, Verdict, verify_database
from sekisho.errors import AuditUnavailable
from sekisho.ports import AuditEntry, AuditQuery

RELEASE = AuditEntry("access.release", {"requester": "recommender", "padding": "x" * 600})


@dataclass
class Site:
    """A log on a SQLite file, with pragmas that tests set for every new connection."""

    folder: Path
    database: Database
    log: SqlAuditLog
    pragmas: list[str] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """The database's file."""
        return self.folder / "own.db"

    def verify(self) -> Verdict:
        """Verify the log as it stands in the file and in the folder of heads."""
        return verify_database(self.file, self.log.heads_folder, self.log.keyring.verification_key())

    async def kinds(self) -> list[object]:
        """Return what kinds of records there are, in order."""
        return [record["kind"] for record in await self.log.search(AuditQuery(limit=1000))]

    async def fault(self, *pragmas: str) -> None:
        """Set *pragmas* on the writer's connection, present and future."""
        self.pragmas[:] = pragmas
        writer = self.log._writer
        assert writer is not None
        sink = writer._sink
        assert isinstance(sink, SqliteSink)
        for pragma in pragmas:
            sink._connection.execute(pragma)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A started log on a fresh SQLite file."""
    url = f"sqlite:///{tmp_path}/own.db"
    migrate(url)
    database = Database(url)
    log = SqlAuditLog(
        database,
        FileKeyRing.create(tmp_path / "keys"),
        SystemClock(),
        tmp_path / "heads",
        heartbeat_seconds=3600,
    )
    made = Site(tmp_path, database, log)

    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in made.pragmas:
            connection.execute(pragma)

    sa.event.listen(database.engine, "connect", prepare)
    await log.start()
    yield made
    made.pragmas.clear()
    await log.close()
    await database.close()


async def attempts(log: SqlAuditLog, number: int) -> tuple[list[str], int]:
    """Append *number* records at once; return the ids acknowledged and the number refused."""
    outcomes = await asyncio.gather(*(log.append(RELEASE) for _ in range(number)), return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert all(isinstance(outcome, AuditUnavailable) for outcome in refused), refused
    return [outcome.id for outcome in outcomes if not isinstance(outcome, BaseException)], len(refused)


def stored_ids(file: Path) -> set[str]:
    """Return the ids that a reader of the file sees."""
    connection = sqlite3.connect(file)
    try:
        return {row[0] for row in connection.execute("SELECT id FROM audit_record")}
    finally:
        connection.close()


def page_count(file: Path) -> int:
    """Return the size of the file in pages, the write-ahead log included."""
    connection = sqlite3.connect(file)
    try:
        return int(connection.execute("PRAGMA page_count").fetchone()[0])
    finally:
        connection.close()


async def test_a_read_only_database_refuses_everything_and_comes_back(site):
    """Read-only: every record is refused, none is half there; writable again: the log goes on by itself."""
    before, _ = await attempts(site.log, 3)
    await site.fault("PRAGMA query_only=ON")
    acknowledged, refused = await attempts(site.log, 5)
    assert (acknowledged, refused) == ([], 5)
    assert not await site.log.healthy()
    assert len(stored_ids(site.file)) == 1 + len(before)
    site.pragmas.clear()
    assert await site.log.healthy()
    after, refused = await attempts(site.log, 2)
    assert refused == 0
    assert set(before + after) <= stored_ids(site.file)
    (gap,) = [record for record in await site.log.search(AuditQuery()) if record["kind"] == "gap"]
    assert gap["refused"] == {"access.release": 5}
    assert site.verify().ok


async def test_a_full_disk_refuses_and_loses_nothing(site):
    """When no page is left, what was acknowledged stays and the rest is refused; with room it goes on."""
    pages = page_count(site.file)
    await site.fault(f"PRAGMA max_page_count={pages + 12}")
    acknowledged: list[str] = []
    refused = 0
    while not refused:
        told, refused = await attempts(site.log, 4)
        acknowledged += told
    assert page_count(site.file) >= pages + 8  # the fault fired
    assert stored_ids(site.file) >= set(acknowledged)
    site.pragmas.clear()
    more, refused = await attempts(site.log, 4)
    assert refused == 0
    assert stored_ids(site.file) >= set(acknowledged + more)
    assert "gap" in await site.kinds()
    assert site.verify().ok


async def test_a_database_that_is_gone_is_noticed(site):
    """A file that was moved away is not written to any more: no record goes to where nobody finds it."""
    before, _ = await attempts(site.log, 3)
    away = site.folder / "away.db"
    for suffix in ("", "-wal", "-shm"):
        (site.folder / f"own.db{suffix}").rename(site.folder / f"away.db{suffix}")
    acknowledged, refused = await attempts(site.log, 4)
    assert (acknowledged, refused) == ([], 4)
    assert len(stored_ids(away)) == 1 + len(before)
    for suffix in ("", "-wal", "-shm"):
        (site.folder / f"own.db{suffix}").unlink(missing_ok=True)
        if (left := site.folder / f"away.db{suffix}").exists():
            left.rename(site.folder / f"own.db{suffix}")
    after, refused = await attempts(site.log, 2)
    assert refused == 0
    assert set(before + after) <= stored_ids(site.file)
    assert site.verify().ok


async def test_a_restored_past_is_refused_and_exposed(site):
    """An older copy in the database's place: the writer refuses to go on from it, and verify says why."""
    await attempts(site.log, 2)
    copy = site.folder / "copy.db"
    source, target = sqlite3.connect(site.file), sqlite3.connect(copy)
    source.backup(target)
    source.close()
    target.close()
    await attempts(site.log, 3)
    for suffix in ("", "-wal", "-shm"):
        (site.folder / f"own.db{suffix}").unlink(missing_ok=True)
    shutil.copy(copy, site.file)
    acknowledged, refused = await attempts(site.log, 3)
    assert (acknowledged, refused) == ([], 3)
    assert not await site.log.healthy()
    verdict = site.verify()
    assert verdict.outcome is Outcome.TAMPERED
    assert "cut off or rolled back" in verdict.finding


async def test_a_commit_that_fails_leaves_nothing(site, monkeypatch):
    """An error at the commit itself: the group is refused and rolled back, the chain goes on without it."""
    fired: list[SqliteSink] = []

    async def fail(sink: SqliteSink) -> None:
        fired.append(sink)
        raise sqlite3.OperationalError("disk I/O error at canary-17850")

    before, _ = await attempts(site.log, 2)
    with monkeypatch.context() as patch, capture_logs() as logged:
        patch.setattr(SqliteSink, "commit", fail)
        acknowledged, refused = await attempts(site.log, 6)
        with pytest.raises(AuditUnavailable) as caught:
            await site.log.append(RELEASE)
    assert fired
    assert logged  # the outage is told once, without the text of the database's error
    assert "canary" not in f"{logged}{caught.value}{caught.value.__cause__}"
    assert (acknowledged, refused) == ([], 6)
    assert len(stored_ids(site.file)) == 1 + len(before)
    _, refused = await attempts(site.log, 1)
    assert refused == 0
    assert site.verify().ok


async def test_a_commit_without_an_answer_is_found_again(site, monkeypatch):
    """A commit that happened although its answer was lost: nobody is told so, and the chain continues."""
    real = SqliteSink.commit
    fired: list[SqliteSink] = []

    async def lose(sink: SqliteSink) -> None:
        await real(sink)
        if not fired:
            fired.append(sink)
            raise sqlite3.OperationalError("connection lost")

    monkeypatch.setattr(SqliteSink, "commit", lose)
    acknowledged, refused = await attempts(site.log, 1)
    assert fired
    assert (acknowledged, refused) == ([], 1)
    assert len(stored_ids(site.file)) == 2  # it is there, as a record without a release
    _, refused = await attempts(site.log, 1)
    assert refused == 0
    assert await site.kinds() == ["writer.open", "access.release", "gap", "access.release"]
    assert site.verify().ok


async def test_a_slow_database_is_not_waited_for(site):
    """A record that is not durable in time is refused, although it may turn up in the log later."""
    site.log._patience = 0.15
    blocker = sqlite3.connect(site.file, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    acknowledged, refused = await attempts(site.log, 3)
    blocker.execute("ROLLBACK")
    blocker.close()
    assert (acknowledged, refused) == ([], 3)
    site.log._patience = 5.0
    _, refused = await attempts(site.log, 1)
    assert refused == 0
    assert site.verify().ok


async def test_heads_that_cannot_be_saved_stop_the_log(site):
    """Without a place for heads outside the database nothing more is acknowledged than is in flight."""
    await attempts(site.log, 1)
    shutil.rmtree(site.log.heads_folder)
    site.log.heads_folder.write_text("in the way")
    acknowledged, refused = await attempts(site.log, 3)
    assert (acknowledged, refused) == ([], 3)
    assert not await site.log.healthy()
    site.log.heads_folder.unlink()
    _, refused = await attempts(site.log, 1)
    assert refused == 0
    assert site.verify().ok


async def test_a_head_that_was_cut_short_is_repaired(site, monkeypatch):
    """A write that reaches half a head: the next one stands on a clean file."""
    real = os.write
    fired: list[int] = []

    def short(descriptor: int, data: bytes) -> int:
        if data.startswith(b"sekisho/audit/") and not fired:
            fired.append(descriptor)
            return real(descriptor, data[: len(data) // 2])
        return real(descriptor, data)

    monkeypatch.setattr("sekisho.adapters.records.audit_heads.os.write", short)
    acknowledged, _ = await attempts(site.log, 1)
    await site.log.settled()
    assert fired
    assert len(acknowledged) == 1  # the record itself was durable, its head goes into the database with the next
    _, refused = await attempts(site.log, 2)
    assert refused == 0
    verdict = site.verify()
    assert verdict.ok, verdict
    assert verdict.unsigned_tail == 0


@pytest.mark.parametrize(
    ("pragma", "word"), [("synchronous=NORMAL", "synchronous"), ("journal_mode=MEMORY", "journal_mode")]
)
async def test_a_database_that_may_forget_is_refused_at_the_start(tmp_path, pragma, word):
    """A database whose commits may be lost never becomes an audit log."""
    url = f"sqlite:///{tmp_path}/own.db"
    migrate(url)
    database = Database(url)
    sa.event.listen(database.engine, "connect", lambda connection, _: connection.execute(f"PRAGMA {pragma}"))
    log = SqlAuditLog(database, FileKeyRing.create(tmp_path / "keys"), SystemClock(), tmp_path / "heads")
    with pytest.raises(AuditUnavailable, match=word):
        await log.start()
    assert stored_ids(tmp_path / "own.db") == set()
    await database.close()


@pytest.mark.postgres
@pytest.mark.enable_socket
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_a_server_that_answers_too_early_is_refused(database, keys, tmp_path):
    """PostgreSQL with synchronous_commit off is refused like SQLite with synchronous off."""

    def hurry(connection, _record):
        connection.execute("SET synchronous_commit = off")
        connection.commit()

    sa.event.listen(database.engine, "connect", hurry)
    log = SqlAuditLog(database, keys, SystemClock(), tmp_path / "heads")
    with pytest.raises(AuditUnavailable, match="synchronous_commit"):
        await log.start()


@pytest.mark.postgres
@pytest.mark.enable_socket
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_a_server_that_hangs_up_costs_nothing_acknowledged(database, keys, tmp_path):
    """PostgreSQL ends the writer's session: the next record finds out, and the log comes back by itself."""
    log = SqlAuditLog(database, keys, SystemClock(), tmp_path / "heads")
    await log.start()
    before, _ = await attempts(log, 5)

    def hang_up(connection: sa.Connection) -> int:
        others = sa.text(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(connection.execute(others).scalar_one())

    assert await database.run(hang_up) >= 1  # the fault fired
    during, refused = await attempts(log, 3)
    assert refused >= 1  # whoever came first found the connection dead
    after, refused = await attempts(log, 3)
    assert refused == 0
    there = {record["id"] for record in await log.search(AuditQuery(limit=1000))}
    assert set(before + during + after) <= there
    await log.close()


async def test_verification_beside_a_busy_writer_raises_no_alarm(site):
    """The log can be verified at any moment while it is written to."""
    verified = asyncio.Event()

    async def writer() -> int:
        refused = 0
        while not verified.is_set():
            refused += (await attempts(site.log, 5))[1]
        return refused

    writing = asyncio.gather(*(writer() for _ in range(20)))
    verdicts: list[Verdict] = []
    # Until it was seen at several lengths: on a busy machine eight verifications can come before the second record.
    while len(verdicts) < 8 or len({verdict.records for verdict in verdicts}) < 3:
        verdicts.append(await asyncio.to_thread(site.verify))
    verified.set()
    assert await writing == [0] * 20
    assert all(verdict.ok for verdict in verdicts), verdicts


async def test_a_database_without_its_tables_cannot_be_started_on(tmp_path):
    """A database that was never migrated is refused, and the message quotes nothing of it."""
    database = Database(f"sqlite:///{tmp_path}/own.db")
    log = SqlAuditLog(database, FileKeyRing.create(tmp_path / "keys"), SystemClock(), tmp_path / "heads")
    with pytest.raises(AuditUnavailable) as caught:
        await log.start()
    assert "audit_record" not in str(caught.value)
    assert "ledger_counter" not in str(caught.value)
    await database.close()

"""Ten times more than the log can take: it says no, what it said yes to is there, and memory stays as it was."""

from __future__ import annotations

import asyncio
import resource
import shutil
import signal
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from tests.adapters.records.test_audit_faults import RELEASE, attempts, stored_ids
from tests.faults.service import Clients, Service, token
from tests.faults.whole_log import WholeLog

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records import audit
from sekisho.adapters.records.audit import MAX_WAITING, SqlAuditLog
from sekisho.adapters.records.audit_queue import Pending
from sekisho.adapters.records.database import Database, migrate
from sekisho.audit_verify import verify_database
from sekisho.errors import AuditUnavailable
from sekisho.ports import AuditEntry

_MB = 1 << 20


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqlAuditLog]:
    """A started log on SQLite."""
    migrate(f"sqlite:///{tmp_path}/own.db")
    database = Database(f"sqlite:///{tmp_path}/own.db")
    keys = FileKeyRing.create(tmp_path / "keys")
    opened = SqlAuditLog(database, keys, SystemClock(), tmp_path / "heads")
    await opened.start()
    yield opened
    await opened.close()
    await database.close()


def held_up(log: SqlAuditLog, monkeypatch) -> threading.Event:
    """Keep the writer's commits from going on until the event is set; nobody loses patience meanwhile."""
    monkeypatch.setattr(log, "_patience", 60.0)
    writer, go_on = log._writer, threading.Event()
    assert writer is not None
    commit = writer._commit

    async def wait(group: Sequence[Pending]) -> None:
        go_on.wait(60)  # in the writer's own thread
        await commit(group)

    monkeypatch.setattr(writer, "_commit", wait)
    return go_on


async def test_what_does_not_fit_is_refused_at_once(log: SqlAuditLog, tmp_path: Path, monkeypatch) -> None:
    """With the database held up, no more than the bound waits; what was acknowledged is there, and it comes back."""
    monkeypatch.setattr(audit, "MAX_WAITING", MAX_WAITING // 8)
    bound, writer, go_on = audit.MAX_WAITING, log._writer, held_up(log, monkeypatch)
    assert writer is not None
    tasks = [asyncio.create_task(log.append(RELEASE)) for _ in range(10 * bound)]
    while sum(task.done() for task in tasks) < 8 * bound:
        await asyncio.sleep(0.01)
        assert writer.queue.qsize() <= bound
    assert writer.queue.qsize() == bound
    assert not await log.healthy()
    go_on.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(outcome, AuditUnavailable) for outcome in outcomes) >= 8 * bound  # the fault fired
    acknowledged = {each.id for each in outcomes if not isinstance(each, BaseException)}
    assert bound <= len(acknowledged) <= bound + 512  # a group more was in the writer's hands
    assert acknowledged <= stored_ids(tmp_path / "own.db")
    again, no = await attempts(log, 10)
    assert (len(again), no) == (10, 0)
    verdict = verify_database(tmp_path / "own.db", tmp_path / "heads", log.keyring.verification_key())
    assert verdict.ok, verdict


async def test_pages_of_many_people_are_bounded_by_their_size(log: SqlAuditLog, tmp_path: Path, monkeypatch) -> None:
    """Few records with many references each fill the queue before their number does."""
    monkeypatch.setattr(audit, "MAX_WAITING_BYTES", _MB)
    writer, go_on = log._writer, held_up(log, monkeypatch)
    assert writer is not None
    people = b"".join(number.to_bytes(16, "big") for number in range(4_096))  # 64 KB
    tasks = [asyncio.create_task(log.append(AuditEntry("access.release", {"subjects": people}))) for _ in range(60)]
    while not any(task.done() for task in tasks):  # noqa: ASYNC110 - no event says that one was refused
        await asyncio.sleep(0.01)
    assert writer.given - writer.taken <= _MB
    go_on.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(outcome, AuditUnavailable) for outcome in outcomes) >= 10  # the fault fired
    assert {each.id for each in outcomes if not isinstance(each, BaseException)} <= stored_ids(tmp_path / "own.db")
    assert writer.given == writer.taken


@pytest.mark.long
@pytest.mark.enable_socket
async def test_a_gateway_that_is_asked_too_much_stays_small(built: Path, tmp_path: Path) -> None:
    """Ten times as many clients as it serves at once: some are refused, every 200 is on record, memory is flat."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert most >= 1_024
    folder = Path(shutil.copytree(built, tmp_path / "workspace"))
    clients, crowd = Clients(token(folder)), Clients(token(folder))
    service = await Service.start(folder)
    try:
        async with clients.asking(64, service.port):
            await clients.answered(1_500)
        before = service.memory
        async with crowd.asking(640, service.port):
            await crowd.answered(6_000)
            during = service.memory
        after = service.memory
        log = WholeLog(folder, f"sqlite:///{folder}/var/sekisho.db")
        assert await log.missing({**clients.seen, **crowd.seen}) == {}
        assert crowd.answers[503] > 0  # the fault fired
        assert set(crowd.answers) <= {200, 503, "broken off", "refused"}
        assert max(during, after) - before < 150 * _MB
        await service.end()
        assert (await log.verdict()).ok
    finally:
        await service.end(signal.SIGKILL)
    took = sorted(crowd.took)
    p99 = took[len(took) * 99 // 100]
    calm = sorted(clients.took)[len(clients.took) * 99 // 100]
    sizes = " / ".join(f"{size // _MB}" for size in (before, during, after))
    sys.stdout.write(
        f"\n640 clients: {dict(crowd.answers)}, p99 of a 200 {p99:.2f} s (64 clients: {calm:.2f} s),"
        f" {sizes} MB before / during / after\n"
    )

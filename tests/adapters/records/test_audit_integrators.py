"""Two integrators of one log: one is stopped in the middle and wakes up later; no two checkpoints ever disagree."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records import audit_tree
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.database import Database
from sekisho.audit_verify import Outcome
from sekisho.errors import AuditUnavailable
from tests.adapters.records.tree_world import change, read, record, records, verified

_SECONDS = [
    pytest.param(1.0, id="a moment"),
    pytest.param(32.0, id="half a minute", marks=pytest.mark.long),  # longer than a server lets a transaction rest
]
_LONG = _SECONDS[1:]

# Stops itself just before it signs: the tiles are written, the locks are held.
_LEADER = """
import asyncio, signal, sys, threading
from pathlib import Path
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records import audit_tree
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.database import Database
from sekisho.errors import AuditUnavailable

url, keys, state, idle = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
audit_tree._STOPPED_MS = idle
sign = AuditTree._sign
stops = [True]

def stopping(self, signed, frontier):
    if stops:
        stops.clear()
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)  # here, and not a little later
    return sign(self, signed, frontier)

AuditTree._sign = stopping

async def main():
    tree = AuditTree(Database(url), FileKeyRing(keys), state / "tree", state / "heads")
    while True:
        try:
            note = await tree.advance()
        except AuditUnavailable:
            print("no", flush=True)
        else:
            print(note.replace("\\n", "|"), flush=True)
        await asyncio.sleep(0.1)

asyncio.run(main())
"""


class Leader:
    """An integrator in a process of its own, stopped in the middle."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def wake(self) -> list[str]:
        """Let it go on; return the checkpoints that it signs first."""
        self.process.send_signal(signal.SIGCONT)
        assert self.process.stdout is not None
        said = [(await asyncio.wait_for(self.process.stdout.readline(), 30)).decode().strip() for _ in range(3)]
        return [line.replace("|", "\n") for line in said if line not in {"no", ""}]


@asynccontextmanager
async def stopped_leader(url: str, keys: Path, state: Path, idle: int) -> AsyncIterator[Leader]:
    """A leader that has stopped itself."""
    command = [sys.executable, "-c", _LEADER, url, str(keys), str(state), str(idle)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        for _ in range(1_000):
            if _state(process.pid) == "T":
                break
            await asyncio.sleep(0.02)
        else:
            raise AssertionError("the leader did not stop")  # the fault fired
        yield Leader(process)
    finally:
        process.kill()
        await process.wait()


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]


def idle_of(seconds: float) -> int:
    """How long the server lets the stopped leader's transaction rest: its own setting in the long form."""
    return audit_tree._STOPPED_MS if seconds > 30 else 300


@pytest.mark.parametrize("seconds", _LONG)
async def test_a_leader_that_was_stopped_holds_the_folder_and_goes_on(
    log: SqlAuditLog, tree: AuditTree, url: str, tmp_path: Path, monkeypatch, seconds: float
) -> None:
    """On one machine nobody signs beside it; awake, it either signs what continues, or nothing."""
    monkeypatch.setattr(audit_tree, "_WAIT_S", 0.2)
    await record(log, 5)
    first = await tree.advance()
    await record(log, 5)
    async with stopped_leader(url, tmp_path / "keys", tmp_path, idle_of(seconds)) as leader:
        await record(log, 5)
        with pytest.raises(AuditUnavailable, match="another process"):
            await tree.advance()
        await asyncio.sleep(seconds)
        assert await tree.published() == first
        signed = await leader.wake()
    assert signed
    last = await tree.advance()
    assert read(last).size > read(first).size
    for note in (first, *signed):
        assert verified(tree, note).ok


@pytest.mark.parametrize("seconds", _SECONDS)
async def test_a_zombie_whose_lock_was_lost_takes_nothing_back(
    log: SqlAuditLog, tree: AuditTree, url: str, tmp_path: Path, seconds: float
) -> None:
    """Where locks are not shared, or were taken away: what another signed meanwhile is not signed over."""
    await record(log, 5)
    await tree.advance()
    await record(log, 5)
    async with stopped_leader(url, tmp_path / "keys", tmp_path, idle_of(seconds)) as leader:
        (tmp_path / "tree" / ".lock").unlink()
        await record(log, 5)
        if url.startswith("postgresql"):
            await asyncio.sleep(max(seconds, 0.5))  # until the server has ended its transaction
        newer = await tree.advance()
        await record(log, 5)
        signed = await leader.wake()
    assert signed
    assert [read(note).size for note in signed if read(note).size < read(newer).size] == []
    newest = await tree.advance()
    for note in (newer, *signed):
        assert verified(tree, note).ok
    assert read(newest).size >= read(newer).size


@pytest.mark.parametrize("seconds", _LONG)
async def test_two_machines_sign_one_history(
    log: SqlAuditLog, tree: AuditTree, url: str, tmp_path: Path, monkeypatch, seconds: float
) -> None:
    """Each with folders of its own, one stopped and left behind: its checkpoints stand in the other's tree.

    Over one server only one is at work, until the server ends the transaction of the one that is stopped.
    """
    other = tmp_path / "other"
    other.mkdir()
    await record(log, 5)
    await tree.advance()
    async with stopped_leader(url, tmp_path / "keys", other, idle_of(seconds)) as leader:
        await record(log, 300)
        if url.startswith("postgresql"):
            with monkeypatch.context() as patch:
                patch.setattr(audit_tree, "_WAIT_S", 0.2)
                with pytest.raises(AuditUnavailable, match="another process"):
                    await tree.advance()
            await asyncio.sleep(max(seconds, 0.5))
        ahead = await tree.advance()
        signed = await leader.wake()
    assert signed
    await tree.advance()
    for note in (ahead, *signed):
        assert verified(tree, note).ok


async def test_a_machine_that_lags_signs_a_rewritten_log_and_is_exposed(
    log: SqlAuditLog, tree: AuditTree, database: Database, keys: FileKeyRing, tmp_path: Path
) -> None:
    """It does not know what the other has signed: whoever kept one of the other's checkpoints sees the fork."""
    await record(log, 3)
    lagging = AuditTree(database, keys, tmp_path / "other" / "tree", tmp_path / "other" / "heads")
    await lagging.advance()
    await record(log, 4)
    ahead = await tree.advance()
    await log.close()
    last = len(await records(database))
    await change(database, f"UPDATE audit_record SET record = chain WHERE seq = {last - 2}")
    with pytest.raises(AuditUnavailable, match="does not continue"):
        await tree.advance()
    forged = await lagging.advance()
    assert read(forged).size >= read(ahead).size
    assert verified(lagging, ahead).outcome is Outcome.TAMPERED

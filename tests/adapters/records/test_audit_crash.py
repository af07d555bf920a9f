"""A writer that is killed: what it acknowledged is in the log, and the log proves itself."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.database import Database, migrate
from sekisho.audit_verify import Outcome, verify_database
from tests.adapters.records.test_audit_faults import stored_ids

PROGRAM = """
import asyncio, sys
from pathlib import Path
from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.database import Database
from sekisho.ports import AuditEntry

async def main(folder):
    log = SqlAuditLog(
        Database(f"sqlite:///{folder}/own.db"), FileKeyRing(folder / "keys"), SystemClock(), folder / "heads"
    )
    await log.start()
    async def client():
        while True:
            receipt = await log.append(AuditEntry("access.release", {"padding": "x" * 600}))
            print(receipt.id, flush=True)
    await asyncio.gather(*(client() for _ in range(16)))

asyncio.run(main(Path(sys.argv[1])))
"""


async def restart(folder: Path) -> None:
    """Start a log on what a killed one left, and close it."""
    database = Database(f"sqlite:///{folder}/own.db")
    log = SqlAuditLog(database, FileKeyRing(folder / "keys"), SystemClock(), folder / "heads")
    await log.start()
    await log.close()
    await database.close()


@pytest.mark.slow
async def test_what_was_acknowledged_survives_kill_9(tmp_path):
    """A writer killed at any moment, three times over: every id it printed is in a log that proves itself."""
    migrate(f"sqlite:///{tmp_path}/own.db")
    keys = FileKeyRing.create(tmp_path / "keys")
    acknowledged: set[str] = set()
    for number in (40, 170, 333):
        process = await asyncio.to_thread(
            subprocess.Popen, [sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(number):
            acknowledged.add((await asyncio.to_thread(process.stdout.readline)).strip())
        process.kill()
        rest, _ = await asyncio.to_thread(process.communicate)
        acknowledged |= {line for line in rest.split("\n")[:-1] if line}
        assert process.returncode == -signal.SIGKILL  # the fault fired
        verdict = verify_database(tmp_path / "own.db", tmp_path / "heads", keys.verification_key())
        # Killed between a commit and its signature, the last group is there and nobody vouches for it yet.
        assert verdict.ok or verdict.outcome is Outcome.INCOMPLETE, verdict
        assert verdict.unsigned_tail <= 17  # sixteen clients and a heartbeat: one group
        await restart(tmp_path)
        verdict = verify_database(tmp_path / "own.db", tmp_path / "heads", keys.verification_key())
        assert verdict.ok, verdict
        assert verdict.unsigned_tail == 0
    assert len(acknowledged) >= 40 + 170 + 333
    assert acknowledged <= stored_ids(tmp_path / "own.db")

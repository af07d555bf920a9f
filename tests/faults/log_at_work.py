"""A log and its tree at work, told to fail by whoever traces it: ``python -m tests.faults.log_at_work FOLDER``.

It says in one line each what it promised: the id of a record that was acknowledged, a checkpoint that was published.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import structlog

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.database import Database
from sekisho.errors import AuditUnavailable
from sekisho.ports import AuditEntry

ROUNDS = (2, 260, 1, 1)
"""Records of each round: few, more than a full tile, and what comes after a fault."""


def say(what: str, told: str) -> None:
    """Say it past every buffer."""
    os.write(1, f"{json.dumps([what, told])}\n".encode())


async def append(log: SqlAuditLog) -> None:
    """Record one release."""
    try:
        receipt = await log.append(AuditEntry("access.release", {"rows": 1, "padding": "x" * 100}))
    except AuditUnavailable:
        say("refused", "record")
    else:
        say("id", receipt.id)


async def main(folder: Path) -> None:
    """Record, sign, close."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    database, keys = Database(f"sqlite:///{folder}/own.db"), FileKeyRing(folder / "keys")
    log = SqlAuditLog(database, keys, SystemClock(), folder / "heads")
    tree = AuditTree(database, keys, folder / "heads" / "tree", folder / "heads")
    try:
        await log.start()
    except AuditUnavailable:
        say("refused", "start")
    else:
        for count in ROUNDS:
            await asyncio.gather(*(append(log) for _ in range(count)))
            await log.settled()
            try:
                say("checkpoint", await tree.advance())
            except AuditUnavailable as unavailable:
                say("refused", str(unavailable))
        await log.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))

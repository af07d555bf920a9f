"""What the tests of the log's tree share: what is recorded, read past the log, and verified."""

from __future__ import annotations

import asyncio
from pathlib import Path

import sqlalchemy as sa

from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.tables import audit_record
from sekisho.adapters.records.tree_folder import TreeFolder
from sekisho.audit_verify import Verdict, verify_tree
from sekisho.domain.checkpoint import Checkpoint, parse_checkpoint
from sekisho.domain.note import parse_note
from sekisho.ports import AuditEntry
from tests.intruder import disarm

RELEASE = {"requester": "recommender", "purpose": "recommendation", "decision": "allow", "rows": 3}


async def record(log: SqlAuditLog, count: int) -> list[str]:
    """Record so many releases; return their ids."""
    receipts = await asyncio.gather(*(log.append(AuditEntry("access.release", RELEASE)) for _ in range(count)))
    return [receipt.id for receipt in receipts]


async def records(database: Database) -> list[bytes]:
    """Every record, in order of sequence."""
    statement = sa.select(audit_record.c.record).order_by(audit_record.c.seq)
    return await database.read(lambda connection: [bytes(row) for (row,) in connection.execute(statement)])


async def change(database: Database, *statements: str) -> None:
    """Do to the database what only an intruder does."""

    def work(connection: sa.Connection) -> None:
        disarm(connection)
        for statement in statements:
            connection.execute(sa.text(statement))

    await database.run(work)


def read(note: str) -> Checkpoint:
    """The checkpoint of a note."""
    return parse_checkpoint(parse_note(note).text)


def folder_of(tree: AuditTree) -> Path:
    """The folder of a tree that lies in one."""
    assert isinstance(tree.files, TreeFolder)
    return tree.files.folder


def verified(tree: AuditTree, since: str | None = None) -> Verdict:
    """What the verifier says of the folder."""
    with tree.files.at_hand() as folder:
        return verify_tree(folder, tree._keyring.verification_key(), since=since)

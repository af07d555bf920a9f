"""What a log says after a fault: whether it holds what was released, proves itself, and its tree goes on."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit_search import stored_heads, stored_records, stored_subjects
from sekisho.adapters.records.audit_tree import TREE_FOLDER, AuditTree
from sekisho.adapters.records.database import Database
from sekisho.audit_verify import Verdict, saved_notes, verify_rows, verify_tree


class WholeLog:
    """The log of a workspace, read past its gateway.

    Parameters
    ----------
    folder:
        The workspace.
    url:
        Its records' database.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.heads = folder / "var" / "audit"
        self.keys = FileKeyRing(folder / "var" / "keys")
        self.url = url
        self.checkpoint: str | None = None

    async def verdict(self) -> Verdict:
        """Verify every record, head and chain, also while the gateway writes."""
        database = Database(self.url)
        key = self.keys.verification_key()

        def read(connection: sa.Connection) -> Verdict:
            saved = saved_notes(self.heads)
            heads, people = list(stored_heads(connection)), list(stored_subjects(connection))
            return verify_rows(
                stored_records(connection), heads, people, saved, key, later=lambda: saved_notes(self.heads)
            )

        try:
            return await database.read(read)
        finally:
            await database.close()

    async def grow(self) -> Verdict:
        """Bring the tree up to the newest record as a second process does; verify it since the last time."""
        database = Database(self.url)
        try:
            tree = AuditTree(database, self.keys, self.heads / TREE_FOLDER, self.heads)
            note = await tree.advance()
        finally:
            await database.close()
        verdict = verify_tree(self.heads / TREE_FOLDER, self.keys.verification_key(), since=self.checkpoint)
        self.checkpoint = note
        return verdict

    async def missing(self, seen: dict[str, int]) -> dict[str, tuple[int, int]]:
        """Return the releases of *seen* of which more rows arrived than are on record, with both numbers."""
        recorded = Counter[str]()
        there = set[str]()
        for record in await self.records("access.release"):
            release = record.get("parent_id", record["id"])
            recorded[release] += record["rows"]
            there.add(release)
        return {
            release: (rows, recorded[release])
            for release, rows in seen.items()
            if release not in there or rows > recorded[release]
        }

    async def records(self, kind: str) -> list[dict[str, Any]]:
        """Return the records of one kind, as they are stored."""
        statement = sa.text("SELECT record FROM audit_record WHERE kind = :kind ORDER BY seq")
        database = Database(self.url)
        try:
            return await database.read(
                lambda connection: [
                    json.loads(bytes(row.record)) for row in connection.execute(statement, {"kind": kind})
                ]
            )
        finally:
            await database.close()

"""A log that was written before: what is verified and exported, with its people, its head and its tree."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import sqlalchemy as sa

from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.database import Database, bulk_insert
from sekisho.adapters.records.tables import audit_record, audit_subject, ledger_counter
from sekisho.domain.note import HEADS_SUFFIX, Head, head_text, parse_key, sign_note
from tests.benchmarks.audit.place import fresh
from tests.benchmarks.audit_export import records

RECORDS = int(os.environ.get("SEKISHO_BENCH_RECORDS", "200000"))
_GROUP = 10_000
_WRITER = "bench"


@dataclass(frozen=True)
class History:
    """Where the log is."""

    url: str
    folder: Path

    @property
    def heads(self) -> Path:
        """The folder of saved heads."""
        return self.folder / "heads"

    @property
    def tree(self) -> Path:
        """The folder of the tree."""
        return self.folder / "tree"

    def keys(self) -> FileKeyRing:
        """The keys of the log."""
        return FileKeyRing(self.folder / "keys")


@contextmanager
def history() -> Iterator[History]:
    """Yield a log of :data:`RECORDS` releases about one person each; it is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder, fresh("history") as url:
        made = History(url, Path(folder))
        keys = FileKeyRing.create(made.folder / "keys")
        _fill(made, keys)
        asyncio.run(_grow(made, keys))
        yield made


def _fill(made: History, keys: FileKeyRing) -> None:
    columns = [column.name for column in audit_record.columns]
    rows, last = records(RECORDS, _WRITER), None
    engine = Database(made.url).engine
    while group := list(islice(rows, _GROUP)):
        last = group[-1]
        with engine.begin() as connection:
            bulk_insert(connection, audit_record, columns, group)
            people = [(row.seq, row.wseq.to_bytes(16, "big")) for row in group]
            bulk_insert(connection, audit_subject, ["seq", "refs"], people)
    assert last is not None
    with engine.begin() as connection:
        connection.execute(sa.update(ledger_counter).where(ledger_counter.c.name == "audit").values(value=RECORDS))
    engine.dispose()
    note = sign_note(head_text(Head(_WRITER, RECORDS, last.chain)), parse_key(keys.verification_key()), keys.sign)
    made.heads.mkdir()
    (made.heads / f"{_WRITER}{HEADS_SUFFIX}").write_text(f"{note}\n", encoding="utf-8")


async def _grow(made: History, keys: FileKeyRing) -> None:
    database = Database(made.url)
    try:
        await AuditTree(database, keys, made.tree, made.heads).advance()
    finally:
        await database.close()

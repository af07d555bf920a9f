"""Imports under way and done: how far each file has come stands in the same transaction as its events.

Whatever ends a process, and whenever, the lines that are done are those whose events are in the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection, func, select, text, update

from sekisho.adapters.records.consent_rows import instant
from sekisho.adapters.records.consent_tables import consent_cell, import_batch
from sekisho.adapters.records.consent_writer import Appending
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.errors import ConsentUnavailable
from sekisho.ports.imports import ImportPart, ImportProgress, KeptEvent

T = TypeVar("T")

_UNREADABLE = "The consent ledger did not answer. Send the same file again: it goes on where it stopped."
_COLUMNS = ("id", "format", "lines", "recorded", "unchanged", "left_out", "last_seq", "finished_at")
_SELECT = select(*(import_batch.c[name] for name in _COLUMNS))
_BEGIN = (
    "INSERT INTO import_batch (id, format, lines, recorded, unchanged, left_out, last_seq, started_at)"
    " VALUES (:id, :format, 0, 0, 0, 0, 0, {now}) ON CONFLICT (id) DO NOTHING"
)


class _MovedError(Exception):
    """The part does not fit any more; undoes the transaction."""


class SqlImportBatches:
    """Import batches in the gateway's own database; implements ``ports.imports.ImportBatches``.

    Parameters
    ----------
    database:
        The gateway's own database, migrated.
    ledger:
        The ledger in the same database.
    """

    def __init__(self, database: Database, ledger: SqlConsentLedger) -> None:
        self._database = database
        self._ledger = ledger

    async def begin(self, batch: str, file_format: str) -> ImportProgress:
        """See ``ports.imports.ImportBatches.begin``."""
        statement = text(_BEGIN.format(now=self._database.now_sql))

        def work(connection: Connection) -> ImportProgress:
            connection.execute(statement, {"id": batch, "format": file_format})
            return _progress(connection, batch)

        return await self._run(work)

    async def find(self, batch: str) -> ImportProgress | None:
        """See ``ports.imports.ImportBatches.find``."""

        def work(connection: Connection) -> ImportProgress | None:
            row = connection.execute(_SELECT.where(import_batch.c.id == batch)).first()
            return None if row is None else _read(row)

        try:
            return await self._database.read(work)
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None

    async def asked_again(self) -> int:
        """See ``ports.imports.ImportBatches.asked_again``."""
        try:
            return await self._database.read(_asked_again)
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None

    async def append(
        self, batch: str, part: ImportPart, at_work: Callable[[], None]
    ) -> tuple[ImportProgress, Sequence[KeptEvent]] | None:
        """See ``ports.imports.ImportBatches.append``."""
        after: ImportProgress | None = None
        events: Sequence[KeptEvent] = ()

        def also(appending: Appending, unchanged: int) -> None:
            nonlocal after, events
            after = _move(appending.connection, batch, part, unchanged, appending.seq)
            events = appending.rows

        try:
            if part.events:
                await self._ledger.import_part(part.events, also, at_work)
            else:
                after = await self._run(lambda connection: _move(connection, batch, part, 0, 0))
        except _MovedError:
            return None
        assert after is not None  # noqa: S101 - a part is one transaction
        return after, events

    async def finish(self, batch: str) -> ImportProgress:
        """See ``ports.imports.ImportBatches.finish``."""
        statement = (
            update(import_batch)
            .where(import_batch.c.id == batch, import_batch.c.finished_at.is_(None))
            .values(finished_at=text(self._database.now_sql))
        )

        def work(connection: Connection) -> ImportProgress:
            connection.execute(statement)
            return _progress(connection, batch)

        return await self._run(work)

    async def _run(self, work: Callable[[Connection], T]) -> T:
        try:
            return await self._database.run(work)
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None


def _move(connection: Connection, batch: str, part: ImportPart, unchanged: int, seq: int) -> ImportProgress:
    """Note that the lines of *part* are done, inside the transaction of its events."""
    columns = import_batch.c
    moved = connection.execute(
        update(import_batch)
        .where(columns.id == batch, columns.lines == part.after, columns.finished_at.is_(None))
        .values(
            lines=part.until,
            recorded=columns.recorded + len(part.events),
            unchanged=columns.unchanged + unchanged,
            left_out=columns.left_out + part.left_out,
            last_seq=seq or columns.last_seq,
        )
    )
    # The ledger's counter is locked by now, so that nobody can be asked again before this commits.
    if moved.rowcount != 1 or (part.events and _asked_again(connection) != part.asked_again_seq):
        raise _MovedError
    return _progress(connection, batch)


def _asked_again(connection: Connection) -> int:
    return connection.execute(select(func.max(consent_cell.c.asked_again_seq))).scalar() or 0


def _progress(connection: Connection, batch: str) -> ImportProgress:
    return _read(connection.execute(_SELECT.where(import_batch.c.id == batch)).one())


def _read(row: tuple[object, ...]) -> ImportProgress:
    values = dict(zip(_COLUMNS, row, strict=True))
    values["batch"], values["finished_at"] = values.pop("id"), instant(values["finished_at"])  # type: ignore[arg-type]  # a row's columns by name
    return ImportProgress(**values)  # type: ignore[arg-type]  # a row's columns by name

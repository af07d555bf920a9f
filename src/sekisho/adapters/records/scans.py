"""What is known of columns, and every review, in the gateway's own database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.adapters.records.scan_rows import (
    column_of,
    column_row,
    proposal_text,
    renamed,
    review_of,
    review_text,
    run_of,
    run_row,
    stored_name,
)
from sekisho.adapters.records.scan_tables import column_review, scan_run, scanned_column
from sekisho.domain.record import micros
from sekisho.domain.scans import ColumnPlace, KnownColumn, Review, Scanned, after_new_field, after_review, after_scan
from sekisho.errors import NotFound, PolicyUnavailable
from sekisho.ports.scans import ScanRun

_T = TypeVar("_T")

_COUNTER: Final = "classification"
_CHUNK: Final = 500
_NEXT = sa.text(
    "INSERT INTO ledger_counter (name, value) VALUES (:name, 1)"
    " ON CONFLICT (name) DO UPDATE SET value = ledger_counter.value + 1 RETURNING value"
)
_LOCK = sa.text(
    "INSERT INTO ledger_counter (name, value) VALUES (:name, 0)"
    " ON CONFLICT (name) DO UPDATE SET value = ledger_counter.value"
)
_VERSION = f"SELECT value FROM ledger_counter WHERE name = '{_COUNTER}'"
_CLAIM: Final = "scan"
_UNREADABLE = "The classes of columns cannot be read now, so nothing is released. Try again."
_UNWRITTEN = "The classes of columns cannot be written now; nothing was changed. Try again."


class SqlColumnRecords:
    """Implements ``ports.scans.ColumnRecords`` over the gateway's own database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def version(self) -> int:
        """See the port."""
        try:
            rows = await self._database.peek(_VERSION)
        except DatabaseFailed:
            raise PolicyUnavailable(_UNREADABLE) from None
        return int(rows[0][0]) if rows else 0

    async def known(self, store: str | None = None) -> list[KnownColumn]:
        """See the port."""
        table = scanned_column.c
        statement = sa.select(scanned_column).where(table.gone_at.is_(None)).order_by(table.id)
        if store is not None:
            statement = statement.where(table.store == store)
        return await self._columns(statement)

    async def page(
        self, *, state: str | None, dataset: str | None, after: str | None, limit: int
    ) -> list[KnownColumn]:
        """See the port."""
        table = scanned_column.c
        statement = sa.select(scanned_column).where(table.gone_at.is_(None)).order_by(table.id).limit(limit)
        for column, value in ((table.state, state), (table.dataset, dataset)):
            if value is not None:
                statement = statement.where(column == value)
        if after is not None:
            statement = statement.where(table.id > after)
        return await self._columns(statement)

    async def find(self, column_id: str) -> KnownColumn | None:
        """See the port."""
        table = scanned_column.c
        found = await self._columns(sa.select(scanned_column).where(table.id == column_id, table.gone_at.is_(None)))
        return found[0] if found else None

    async def keep(
        self, store: str, relation: str, found: Sequence[Scanned], at: datetime, new_id: Callable[[], str]
    ) -> list[KnownColumn]:
        """See the port."""
        table = scanned_column.c
        here = (table.store == store) & (table.relation == stored_name(relation))

        def write(connection: sa.Connection) -> list[KnownColumn]:
            connection.execute(_LOCK, {"name": _COUNTER})  # no review comes between
            rows = connection.execute(sa.select(scanned_column).where(here)).mappings().all()
            before = {row["name"]: column_of(row) for row in rows}
            gone = {row["name"] for row in rows if row["gone_at"] is not None}
            after: dict[str, KnownColumn] = {}
            for each in found:
                name, top_name = stored_name(each.place.name), stored_name(each.place.top)
                known_before = bool(before) if name == top_name else top_name in before
                after[name] = after_scan(before.get(name), new_id(), each, at, table_known=known_before)
            for name, known in list(after.items()):
                top_name = stored_name(known.scanned.place.top)
                top = after.get(top_name)
                if name != top_name and name not in before and top is not None:
                    after[top_name] = after_new_field(top)
            left = before.keys() - after.keys() - gone
            if left:
                connection.execute(
                    sa.update(scanned_column).where(here, table.name.in_(left)).values(gone_at=micros(at))
                )
            new = [column_row(after[name]) for name in after if name not in before]
            if new:
                connection.execute(sa.insert(scanned_column), new)
            for name in after.keys() & before.keys():
                _update(connection, after[name])
            if new or left or any(_differs(before[name], after[name]) for name in after.keys() & before.keys()):
                _next(connection)
            return list(after.values())

        return await self._write(write)

    async def keep_tables(self, store: str, relations: Sequence[str], at: datetime) -> None:
        """See the port."""
        table = scanned_column.c

        def write(connection: sa.Connection) -> None:
            there = (table.store == store) & table.gone_at.is_(None)
            held = set(connection.execute(sa.select(table.relation).where(there).distinct()).scalars())
            left = sorted(held - set(map(stored_name, relations)))
            for start in range(0, len(left), _CHUNK):
                some = table.relation.in_(left[start : start + _CHUNK])
                connection.execute(sa.update(scanned_column).where(there, some).values(gone_at=micros(at)))
            if left:
                _next(connection)

        await self._write(write)

    async def review(self, reviews: Sequence[tuple[str, str, Review]]) -> list[KnownColumn]:
        """See the port."""
        table = scanned_column.c

        def write(connection: sa.Connection) -> list[KnownColumn]:
            done = []
            for review_id, column_id, review in reviews:
                # The counter's row is locked until commit, so that reviews are in one order.
                seq = _next(connection)
                statement = sa.select(scanned_column).where(table.id == column_id, table.gone_at.is_(None))
                row = connection.execute(statement).mappings().one_or_none()
                if row is None:
                    raise NotFound("There is no such column.")
                known = after_review(column_of(row), review)
                _update(connection, known)
                connection.execute(
                    sa.insert(column_review).values(
                        seq=seq,
                        id=review_id,
                        column_id=column_id,
                        at=micros(review.at),
                        review=review_text(review),
                        proposal=proposal_text(known.scanned.proposal),
                    )
                )
                done.append(known)
            return done

        return await self._write(write)

    async def history(self, column_id: str) -> list[Review]:
        """See the port."""
        table = column_review.c
        statement = sa.select(table.review).where(table.column_id == column_id).order_by(table.seq)
        texts = await self._read(lambda connection: list(connection.execute(statement).scalars()))
        return [review_of(text) for text in texts]

    async def rename(self, shown: Callable[[ColumnPlace], str]) -> int:
        """See the port. What is to be written is found before the database is held."""
        table, runs = scanned_column.c, scan_run.c
        columns = sa.select(table.id, table.store, table.relation, table.name)
        results_of = sa.select(runs.id, runs.result)
        held = await self._read(lambda connection: [(r[0], r[1], r[2], r[3]) for r in connection.execute(columns)])
        told = await self._read(lambda connection: [(r[0], r[1]) for r in connection.execute(results_of)])
        names, results = await asyncio.to_thread(renamed, held, told, shown)
        if not names and not results:
            return 0

        def write(connection: sa.Connection) -> None:
            connection.execute(_LOCK, {"name": _COUNTER})
            for column_id, name in names.items():
                connection.execute(sa.update(scanned_column).where(table.id == column_id).values(name=name))
            for run_id, result in results.items():
                connection.execute(sa.update(scan_run).where(runs.id == run_id).values(result=result))
            _next(connection)

        await self._write(write)
        return len(names)

    async def begin(self, run: ScanRun, *, unless_since: datetime | None = None) -> bool:
        """See the port."""
        table = scan_run.c

        def write(connection: sa.Connection) -> bool:
            if unless_since is not None:
                connection.execute(_NEXT, {"name": _CLAIM})  # whoever comes second waits here
                since = (table.requester == run.by) & (table.started_at > micros(unless_since))
                if connection.execute(sa.select(sa.func.count()).select_from(scan_run).where(since)).scalar():
                    return False
            connection.execute(sa.insert(scan_run).values(run_row(run)))
            return True

        return await self._write(write)

    async def update(self, run: ScanRun) -> None:
        """See the port."""
        statement = sa.update(scan_run).where(scan_run.c.id == run.id).values(run_row(run))
        await self._write(lambda connection: connection.execute(statement))

    async def scan(self, scan_id: str) -> ScanRun | None:
        """See the port."""
        statement = sa.select(scan_run).where(scan_run.c.id == scan_id)
        row = await self._read(lambda connection: connection.execute(statement).mappings().one_or_none())
        return None if row is None else run_of(row)

    async def _columns(self, statement: sa.Select[Any]) -> list[KnownColumn]:
        return await self._read(
            lambda connection: [column_of(row) for row in connection.execute(statement).mappings()]
        )

    async def _read(self, work: Callable[[sa.Connection], _T]) -> _T:
        try:
            return await self._database.read(work)
        except DatabaseFailed:
            raise PolicyUnavailable(_UNREADABLE) from None

    async def _write(self, work: Callable[[sa.Connection], _T]) -> _T:
        try:
            return await self._database.run(work)
        except DatabaseFailed:
            raise PolicyUnavailable(_UNWRITTEN) from None


def _next(connection: sa.Connection) -> int:
    return int(connection.execute(_NEXT, {"name": _COUNTER}).scalar_one())


def _update(connection: sa.Connection, known: KnownColumn) -> None:
    row = column_row(known)
    connection.execute(sa.update(scanned_column).where(scanned_column.c.id == row.pop("id")).values(row))


def _differs(before: KnownColumn, after: KnownColumn) -> bool:
    """Return whether what is in force may have changed."""
    return (before.state, before.drift, before.scanned.dataset) != (after.state, after.drift, after.scanned.dataset)

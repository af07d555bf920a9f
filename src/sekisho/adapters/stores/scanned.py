"""What other stores read for a statement that DuckDB runs: streamed into temporary tables, page by page.

The tables belong to the connection that runs the statement and end with it: no other statement sees them, and nothing
of them is written to a disk. What they may hold is bounded, for one statement and for all that run at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import aclosing, contextmanager
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from sekisho.domain.governed import Scan
from sekisho.domain.terms import ColumnType
from sekisho.errors import SekishoError, StatementRefused, StoreUnavailable
from sekisho.ports import ConsentView, DataStore, PeopleIndex

TYPES = {
    ColumnType.STRING: "VARCHAR",
    ColumnType.INTEGER: "BIGINT",
    ColumnType.DOUBLE: "DOUBLE",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.DATE: "DATE",
    ColumnType.TIMESTAMP: "TIMESTAMP",
}
"""DuckDB's type of each type of the catalogue."""

_PAGE_ROWS = 50_000
# Instants are in UTC and without a zone; DuckDB's own cast of a text drops its offset. No value can fail.
_INSTANT = (
    r"CASE WHEN regexp_matches({c}, ':\d\d(\.\d+)?\s*[+-]\d\d(:?\d\d)?$')"
    r" THEN make_timestamp(epoch_us(TRY_CAST({c} AS TIMESTAMPTZ))) ELSE TRY_CAST({c} AS TIMESTAMP) END"
)


@dataclass(eq=False)
class Held:
    """The bytes that the scans of one statement hold."""

    amount: int = 0


class Scans:
    """Loads scans. One object for all statements of a process.

    Parameters
    ----------
    stores:
        The stores that are scanned, by name. Every store that runs governed statements can be.
    pool:
        Where DuckDB works.
    most:
        Bytes that the scans of one statement may hold.
    most_together:
        Bytes that the scans of all statements may hold that run at once.
    """

    def __init__(
        self, stores: Mapping[str, DataStore], pool: Executor, *, most: int, most_together: int | None = None
    ) -> None:
        self._stores = dict(stores)
        self._pool = pool
        self._most = most
        self._most_together = most_together or 2 * most
        self._together = 0

    @contextmanager
    def held(self) -> Iterator[Held]:
        """Count what one statement holds, until its connection is closed."""
        held = Held()
        try:
            yield held
        finally:
            self._together -= held.amount

    async def load(
        self,
        cursor: duckdb.DuckDBPyConnection,
        scans: Sequence[Scan],
        consent: ConsentView | None,
        people: PeopleIndex,
        held: Held,
    ) -> None:
        """Read every one of *scans* in its own store, at the same time, into tables of *cursor*.

        When one fails the others are stopped. Raises what the stores raise, and ``StatementRefused`` when the rows
        are more than may be held.
        """
        lock = asyncio.Lock()  # one connection does one thing at a time
        try:
            async with asyncio.TaskGroup() as group:
                for scan in scans:
                    group.create_task(self._load(cursor, lock, scan, consent, people, held))
        except BaseExceptionGroup as faults:
            raise _first(faults) from None

    async def _load(
        self,
        cursor: duckdb.DuckDBPyConnection,
        lock: asyncio.Lock,
        scan: Scan,
        consent: ConsentView | None,
        people: PeopleIndex,
        held: Held,
    ) -> None:
        store = self._stores.get(scan.query.stores[0])
        if store is None:
            raise StoreUnavailable("The store of this dataset is not connected.")
        loop = asyncio.get_running_loop()
        columns = ", ".join(f'"{name}" {TYPES[kind]}' for name, kind in scan.types)
        insert: str | None = None
        try:
            async with lock:
                await loop.run_in_executor(
                    self._pool, cursor.execute, f'CREATE TEMP TABLE "{scan.table}" ({columns})'
                )
            async with aclosing(store.fetch(scan.query, consent, people, page_rows=_PAGE_ROWS)) as pages:
                async for page in pages:
                    self._take(held, page.nbytes)
                    insert = insert or _insertion(scan, page.schema)
                    async with lock:
                        await loop.run_in_executor(self._pool, _insert, cursor, insert, page)
        except duckdb.OutOfMemoryException:
            raise _too_much() from None
        except duckdb.Error:
            raise StoreUnavailable("The rows of another store could not be taken in.") from None

    def _take(self, held: Held, amount: int) -> None:
        if held.amount + amount > self._most:
            raise _too_much()
        if self._together + amount > self._most_together:
            raise StoreUnavailable("The statements over several stores that run now hold too much; ask again.")
        held.amount += amount
        self._together += amount


def _too_much() -> StatementRefused:
    return StatementRefused(
        "What the statement needs of its stores is more than may be held to join it; narrow it by conditions on"
        " columns of one store, or ask that store alone."
    )


def _insertion(scan: Scan, schema: pa.Schema) -> str:
    """Return the statement that takes a page in. A value that is none of its type becomes NULL: no row can fail."""
    if [field.name for field in schema] != [name for name, _ in scan.types]:
        raise StoreUnavailable("A store answered with other columns than it was asked for.")
    values = []
    for field, (name, kind) in zip(schema, scan.types, strict=True):
        text = pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        form = _INSTANT if text and kind is ColumnType.TIMESTAMP else f"TRY_CAST({{c}} AS {TYPES[kind]})"
        values.append(form.replace("{c}", f'"{name}"'))
    return f'INSERT INTO temp.main."{scan.table}" SELECT {", ".join(values)} FROM temp.main.incoming'


def _insert(cursor: duckdb.DuckDBPyConnection, insertion: str, page: pa.RecordBatch) -> None:
    cursor.register("incoming", page)
    try:
        cursor.execute(insertion)
    finally:
        cursor.unregister("incoming")


def _first(faults: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the fault that tells most: our own before any other."""
    flat = [_first(fault) if isinstance(fault, BaseExceptionGroup) else fault for fault in faults.exceptions]
    return next((fault for fault in flat if isinstance(fault, SekishoError)), flat[0])

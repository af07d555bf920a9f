"""Large answers as Arrow, by ADBC: a second connection that reads in the snapshot of the first.

asyncpg makes a Python object of every value; ADBC fills Arrow's buffers from the server's binary form, for a fifth of
the processor's time. The statement is declared as a cursor with its values bound, so that no value stands in SQL
text, and fetched page by page, so that the server waits for the reader.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

import adbc_driver_manager
import adbc_driver_postgresql
import asyncpg
import pyarrow as pa
import pyarrow.compute as pc

from sekisho.adapters.stores.key_bits import PLAIN, Keyed
from sekisho.adapters.stores.postgresql import rows
from sekisho.adapters.stores.postgresql.session import Session, password_of, settings_of
from sekisho.domain.terms import Store
from sekisho.errors import StatementRefused

LARGE = 10_000
"""Rows that the server expects, from which opening a second connection pays."""

_PART = 8_192  # rows that are fetched at once

_READ = frozenset(
    ("int2", "int4", "int8", "float4", "float8", "numeric", "text", "varchar", "bpchar", "name", "bool", "date",
     "timestamp", "timestamptz", "bytea")
)  # fmt: skip
"""Types that ADBC reads as asyncpg does; an answer with others takes the other path."""
_BOUND = {
    "int2": pa.int16(), "int4": pa.int32(), "int8": pa.int64(), "float4": pa.float32(), "float8": pa.float64(),
    "text": pa.string(), "varchar": pa.string(), "bool": pa.bool_(), "date": pa.date32(),
    "timestamp": pa.timestamp("us"), "timestamptz": pa.timestamp("us", "UTC"),
    "int8[]": pa.list_(pa.int64()), "bytea": pa.binary(),
}  # fmt: skip
"""Types of parameters that ADBC binds."""

# PostgreSQL's infinite instants and days come out of ADBC with the distance of the two epochs added, wrapped around.
_INSTANTS = (2**63 - 1 + 946_684_800_000_000 - 2**64, -(2**63) + 946_684_800_000_000)
_DAYS = (2**31 - 1 + 10_957 - 2**32, -(2**31) + 10_957)

_ENDS = (datetime.max, datetime.min)  # noqa: DTZ901 - instants are in UTC and without a zone

_SET = "SELECT pg_catalog.set_config('{}', '{}', false)"
_WHOLE = {"cursor_tuple_fraction": "1"}
"""All rows of an export are read: the plan that has the first ones soonest is the wrong one."""
_READ_BACK = "SELECT name, setting FROM pg_catalog.pg_settings"
_OTHERWISE = "A column of the answer has a value that is not released; cast it to text."


def _fits(answers: Sequence[Any], parameters: Sequence[Any]) -> bool:
    """Return whether ADBC reads all columns and binds all parameters, as the server describes them."""
    return all(a.type.schema == "pg_catalog" and a.type.name in _READ for a in answers) and all(
        p.schema == "pg_catalog" and p.name in _BOUND for p in parameters
    )


@dataclass(slots=True)
class Started:
    """A statement, ready to be fetched: its values, its cursor, its schema, and its computed numerics.

    There is no cursor where ``whole`` are all rows of the answer. ``keyed`` puts person numbers in the place of keys.
    """

    sql: str = field(repr=False)
    statement: Any
    given: list[object] = field(repr=False)
    cursor: Any
    schema: pa.Schema
    numerics: list[int]
    whole: Sequence[Any] = field(default=(), repr=False)
    keyed: Keyed = PLAIN


async def begin(session: Session, store: Store, started: Started, *, statement_s: float) -> Bulk | None:
    """Return a second connection in the snapshot of *session*, or ``None`` for an answer that is not large."""
    statement, given = started.statement, started.given
    types = statement.get_parameters()
    if not _fits(statement.get_attributes(), types):
        return None
    plan = await session.connection.fetchval(f"EXPLAIN (FORMAT JSON) {started.sql}", *given)
    if json.loads(plan)[0]["Plan"]["Plan Rows"] < LARGE:
        return None
    snapshot = await session.connection.fetchval("SELECT pg_catalog.pg_export_snapshot()")
    large = await Bulk.connect(store.location, await password_of(store), settings_of(statement_s) | _WHOLE)
    try:
        await large.declare(snapshot, started.sql, given, types)
        await session.connection.execute("ROLLBACK")  # at rest, it would be closed while the answer is read
    except BaseException:
        large.end()
        raise
    return large


class Bulk:
    """One connection, used from one thread of its own; what it raises is the other driver's, without its text.

    It goes without the driver's DB-API, which would load two libraries of data frames.
    """

    def __init__(self, url: str, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._ended = False
        self._database = adbc_driver_postgresql.connect(url)
        try:
            self._connection = adbc_driver_manager.AdbcConnection(self._database)
            self._statement = adbc_driver_manager.AdbcStatement(self._connection)
            self._statement.set_options(
                **{adbc_driver_postgresql.StatementOptions.USE_COPY.value: "false"}  # which neither binds nor fetches
            )
        except BaseException:
            self._database.close()
            raise

    @classmethod
    async def connect(cls, url: str, password: str | None, settings: Mapping[str, str]) -> Bulk:
        """Open a connection whose *settings* are what is asked for, and read back."""
        if password is not None:
            url += ("&" if "?" in url else "?") + "password=" + quote(password, safe="")
        pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="postgresql-bulk")

        def opened() -> Bulk:
            bulk = cls(url, pool)
            try:
                for name, value in settings.items():
                    bulk._read(_SET.format(name, value.replace("'", "''")))
                _compare(settings, bulk._read(_READ_BACK))
            except BaseException:
                bulk._closed()
                raise
            return bulk

        try:
            made: Bulk = await _in(pool, opened)
        except BaseException:
            pool.shutdown(wait=False)
            raise
        return made

    async def declare(self, snapshot: str, sql: str, values: Sequence[object], types: Sequence[Any]) -> None:
        """Begin to read in *snapshot*, and declare the statement."""

        def declared() -> None:
            self._read("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            self._read(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
            bound = [pa.array([value], _BOUND[kind.name]) for value, kind in zip(values, types, strict=True)]
            names = [str(number) for number in range(len(bound))]
            self._read(
                f"DECLARE answer NO SCROLL CURSOR FOR {sql}",
                pa.RecordBatch.from_arrays(bound, names=names) if bound else None,
            )

        await _in(self._pool, declared)

    async def pages(
        self, started: Started, page_rows: int, of: Callable[[Awaitable[pa.Table]], Awaitable[pa.Table]]
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        """Yield the answer, at least one batch, and close the connection. *of* keeps the time of the server."""
        schema, last = None, False
        try:
            while not last:
                found = await of(_in(self._pool, lambda: self._fetched(page_rows)))
                if schema is None:
                    texts = [_texts(column) for column in found.columns] if started.numerics else ()
                    schema = rows.decided(started.schema, started.numerics, texts)
                elif not found.num_rows:
                    return
                last = found.num_rows < page_rows
                page = await asyncio.to_thread(_batch, found, schema, started)
                del found  # before the next is here
                yield page
                del page
        finally:
            self.end()

    def end(self) -> None:
        """Stop what runs and close the connection, without waiting for either."""
        self._ended = True
        with suppress(adbc_driver_manager.Error):
            self._statement.cancel()
        with suppress(RuntimeError):
            self._pool.submit(self._closed)
        self._pool.shutdown(wait=False)

    def _fetched(self, rows: int) -> pa.Table:
        """Return the next *rows*, or what is left, in parts: the driver's own copy of a part is twice its size."""
        parts: list[pa.Table] = []
        while rows and not self._ended:
            wanted = min(rows, _PART)
            parts.append(self._read(f"FETCH FORWARD {wanted:d} FROM answer"))
            rows -= wanted
            if parts[-1].num_rows < wanted:
                break
        return pa.concat_tables(parts)

    def _read(self, sql: str, values: pa.RecordBatch | None = None) -> pa.Table:
        self._statement.set_sql_query(sql)
        if values is not None:
            self._statement.bind(values)
        found, _ = self._statement.execute_query()
        return pa.RecordBatchReader.from_stream(found).read_all()

    def _closed(self) -> None:
        with suppress(adbc_driver_manager.Error, RuntimeError):
            self._statement.close()
            self._connection.close()
            self._database.close()


def _compare(settings: Mapping[str, str], found: pa.Table) -> None:
    held = dict(zip(found.column(0).to_pylist(), found.column(1).to_pylist(), strict=True))
    if any(held.get(name) != value for name, value in settings.items()):
        raise asyncpg.InterfaceError("a setting was not accepted")


async def _in(pool: ThreadPoolExecutor, work: Any) -> Any:
    try:
        return await asyncio.get_running_loop().run_in_executor(pool, work)
    except adbc_driver_manager.Error as error:
        code = error.sqlstate
        if not code or code == "00000":
            raise asyncpg.InterfaceError("the connection was lost") from None
        raise asyncpg.PostgresError.get_message_class_for_sqlstate(code)("") from None


def _batch(found: pa.Table, schema: pa.Schema, started: Started) -> pa.RecordBatch:
    """Return what was fetched as one batch of *schema*. Raises ``StatementRefused`` where a value does not fit."""
    try:
        columns = [
            _column(column.combine_chunks(), field.type) for column, field in zip(found.columns, schema, strict=True)
        ]
    except pa.ArrowException:
        raise StatementRefused(_OTHERWISE) from None
    return started.keyed.page(pa.RecordBatch.from_arrays(columns, schema=schema))


def _texts(column: pa.ChunkedArray) -> list[object]:
    """Return the texts of a column of numerics, and nothing of any other."""
    return [
        text for chunk in column.chunks if isinstance(chunk, pa.ExtensionArray) for text in chunk.storage.to_pylist()
    ]


def _column(column: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_timestamp(kind):
        # Arrow keeps zoned instants in UTC, so this drops the label only.
        return _finite(column.cast(pa.timestamp("us")), pa.int64(), _INSTANTS, _ENDS)
    if pa.types.is_date(kind):
        return _finite(column, pa.int32(), _DAYS, (date.max, date.min))
    return column if column.type == kind else column.cast(kind)


def _finite(column: pa.Array, raw: pa.DataType, infinite: tuple[int, int], ends: tuple[date, date]) -> pa.Array:
    """Return *column* with the ends of time as Python has them, which is how the other driver reads infinity."""
    values = column.cast(raw)
    last, first = (pa.scalar(end, column.type).cast(raw) for end in ends)
    for wrapped, end in zip(infinite, (last, first), strict=True):
        values = pc.if_else(pc.equal(values, wrapped), end, values)
    inside = pc.and_(pc.less_equal(values, last), pc.greater_equal(values, first))
    if pc.all(inside, skip_nulls=True).as_py() is False:
        raise StatementRefused(_OTHERWISE)
    return values.cast(column.type)

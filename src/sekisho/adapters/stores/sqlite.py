"""SQLite stores: read-only connections, each watched by an authorizer.

The people tables live in each connection's own temporary database, so the store's file is never
written. SQLite's authorizer is the second oracle: while a governed statement is prepared, it may read the
columns of the plan and call allow-listed functions, and nothing else.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import pyarrow as pa

from sekisho.adapters.stores.people_table import Version, refresh
from sekisho.adapters.stores.personal_data import Key, statement
from sekisho.domain.access import TransformKind
from sekisho.domain.governed import GovernedQuery, Output, Projection
from sekisho.domain.terms import ColumnType, Dataset, Store, StoreKind
from sekisho.errors import StatementRefused, StoreUnavailable
from sekisho.ports import ConsentView, PeopleIndex, PeopleKeys

_T = TypeVar("_T")

_FUNCTIONS = frozenset(
    {
        "count", "sum", "avg", "min", "max", "row_number", "rank", "dense_rank", "percent_rank", "cume_dist",
        "ntile", "lag", "lead", "first_value", "last_value", "nth_value", "coalesce", "ifnull", "nullif",
        "iif", "abs", "round",
        "floor", "ceil", "ceiling", "sign", "sqrt", "ln", "exp", "pow", "power", "lower", "upper", "length", "substr",
        "substring", "trim", "ltrim", "rtrim", "replace", "instr", "concat", "like", "glob", "date", "datetime",
        "strftime",
        "julianday", "time", "unixepoch", "current_date", "current_time", "current_timestamp",
    }
)  # fmt: skip
_ARROW = {
    ColumnType.STRING: pa.string(),
    ColumnType.INTEGER: pa.int64(),
    ColumnType.DOUBLE: pa.float64(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.DATE: pa.string(),
    ColumnType.TIMESTAMP: pa.timestamp("us"),
}
_STEP = 20_000  # virtual machine instructions between two looks at the clock


@dataclass(eq=False)
class _Connection:
    """One connection, what it may read just now, and the versions of its people tables."""

    db: sqlite3.Connection
    reads: frozenset[tuple[str, str]] = frozenset()
    governed: bool = False
    stop: bool = False
    versions: dict[str, Version] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def alone(self, work: Callable[..., _T], *arguments: Any) -> _T:
        """Do *work* when nothing else runs on the connection: closed under a statement, it would end the process."""
        with self._lock:
            return work(*arguments)


class SqliteStore:
    """One SQLite store. Implements ``ports.DataStore``.

    Parameters
    ----------
    store:
        The store; its location is the database file.
    datasets:
        Its datasets.
    connections:
        How many statements may run at once.
    timeout:
        Seconds after which a statement is stopped.
    """

    def __init__(
        self, store: Store, datasets: Mapping[str, Dataset], *, connections: int = 4, timeout: float = 60.0
    ) -> None:
        self._path = Path(store.location)
        self._timeout = timeout
        self._places = asyncio.Semaphore(connections)
        self._idle: list[_Connection] = []
        self._pool = ThreadPoolExecutor(max_workers=connections, thread_name_prefix=f"sqlite-{store.name}")
        self._key_types = {
            dataset.data_subject.identifier: column.type
            for dataset in datasets.values()
            if dataset.store == store.name and dataset.data_subject is not None
            for column in dataset.columns
            if column.name == dataset.data_subject.column
        }
        self._keys = [
            (dataset.relation, dataset.data_subject.column, self._key_types.get(dataset.data_subject.identifier))
            for dataset in datasets.values()
            if dataset.store == store.name and dataset.data_subject is not None
        ]

    async def fetch(
        self, query: GovernedQuery, consent: ConsentView | None, people: PeopleIndex, *, page_rows: int
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        """See ``ports.DataStore.fetch``."""
        loop = asyncio.get_running_loop()
        tables = [(p, await people.keys(p.identifier), consent if p.cells else None) for p in query.projections]
        connection = await self._acquire()
        watchdog = loop.call_later(self._timeout, setattr, connection, "stop", True)
        sound = False
        try:
            columns, rows, done = await loop.run_in_executor(
                self._pool, connection.alone, self._start, connection, query, tables, page_rows
            )
            schema = _schema(query, columns, rows)
            while True:
                yield _batch(rows, schema)
                if done is None:
                    break
                cursor = done
                rows = await loop.run_in_executor(self._pool, connection.alone, cursor.fetchmany, page_rows)
                if not rows:
                    break
            sound = True
        except sqlite3.Error as fault:
            raise _sanitised(fault, stopped=connection.stop) from None
        except pa.ArrowException:
            raise StatementRefused("An output column mixes types; cast it to one type.") from None
        except OverflowError:
            raise StatementRefused("A number is outside of what SQLite holds (64 bits).") from None
        finally:
            watchdog.cancel()
            self._release(connection, sound=sound)

    async def rows_with_key(self, dataset: Dataset, keys: Sequence[Key], most: int) -> list[tuple[object, ...]]:
        """See ``adapters.stores.personal_data.KeyedStore``."""
        relation = dataset.relation.replace('"', '""')
        sql = statement(f'main."{relation}"', dataset, len(keys))
        reads = frozenset((dataset.relation, column.name) for column in dataset.columns)
        loop = asyncio.get_running_loop()
        connection = await self._acquire()
        watchdog = loop.call_later(self._timeout, setattr, connection, "stop", True)
        sound = False
        try:
            rows = await loop.run_in_executor(
                self._pool, connection.alone, _whole, connection, sql, [*keys, most], reads
            )
            sound = True
        except sqlite3.Error as fault:
            raise _sanitised(fault, stopped=connection.stop) from None
        finally:
            watchdog.cancel()
            self._release(connection, sound=sound)
        return rows

    async def _acquire(self) -> _Connection:
        await self._places.acquire()
        if self._idle:
            return self._idle.pop()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._open)
        except BaseException:
            self._places.release()
            raise

    def _release(self, connection: _Connection, *, sound: bool) -> None:
        if sound:
            connection.stop = False
            self._idle.append(connection)
        else:  # a broken-off statement may still run in its thread: stop it and forget the connection
            connection.stop = True
            self._pool.submit(connection.alone, connection.db.close)
        self._places.release()

    def _open(self) -> _Connection:
        try:
            db = sqlite3.connect(
                f"file:{quote(str(self._path))}?mode=ro", uri=True, check_same_thread=False, isolation_level=None,
                cached_statements=256,
            )  # fmt: skip
            connection = _Connection(db)
            db.execute("PRAGMA trusted_schema = OFF")
            db.execute("PRAGMA temp_store = MEMORY")
            db.execute("PRAGMA mmap_size = 268435456")
            try:
                for relation, column, key_type in self._keys:
                    _check_key(db, relation, column, key_type)
            except StoreUnavailable:
                db.close()
                raise
            db.set_authorizer(lambda *args: _authorise(connection, *args))
            db.set_progress_handler(lambda: 1 if connection.stop else 0, _STEP)
        except sqlite3.Error:
            raise StoreUnavailable("The SQLite store could not be opened.") from None
        return connection

    def _start(
        self,
        connection: _Connection,
        query: GovernedQuery,
        tables: list[tuple[Projection, PeopleKeys, ConsentView | None]],
        page_rows: int,
    ) -> tuple[list[str], list[tuple[object, ...]], sqlite3.Cursor | None]:
        for projection, keys, view in tables:
            self._bring_up(connection, projection.table, keys, view)
        connection.reads, connection.governed = query.reads, True
        try:
            cursor = connection.db.execute(query.sql, dict(query.parameters))
            rows = cursor.fetchmany(page_rows)
        finally:
            connection.governed = False
        names = [column[0] for column in cursor.description]
        if len(rows) < page_rows:
            cursor.close()
            return names, rows, None
        return names, rows, cursor

    def _bring_up(self, connection: _Connection, table: str, keys: PeopleKeys, consent: ConsentView | None) -> None:
        key_type = self._key_types.get(keys.identifier, ColumnType.STRING)
        change = refresh(connection.versions.get(table), keys, consent, key_type)
        if change is None:
            return
        db = connection.db
        connection.versions.pop(table, None)
        db.execute("BEGIN")
        try:
            if change.whole is not None:
                kind = "INTEGER" if key_type is ColumnType.INTEGER else "TEXT"
                db.execute(f'DROP TABLE IF EXISTS temp."{table}"')
                db.execute(f'CREATE TABLE temp."{table}" (k {kind} PRIMARY KEY, n INTEGER)')
                db.execute(f'CREATE INDEX temp."{table}_n" ON "{table}" (n)')
                added = change.whole
            else:
                db.executemany(f'DELETE FROM temp."{table}" WHERE n = ?', [(n,) for n in change.removed.tolist()])
                added = change.added
            if added is not None:
                rows = zip(added.column("k").to_pylist(), added.column("n").to_pylist(), strict=True)
                db.executemany(f'INSERT OR REPLACE INTO temp."{table}" VALUES (?, ?)', rows)
            db.execute("COMMIT")
        except sqlite3.Error:
            db.execute("ROLLBACK")
            raise
        connection.versions[table] = change.version

    async def healthy(self) -> bool:
        """Return whether the database file is there."""
        return await asyncio.to_thread(self._path.is_file)

    def close(self) -> None:
        """Close every connection."""
        while self._idle:
            self._idle.pop().db.close()
        self._pool.shutdown(wait=True, cancel_futures=True)

    @property
    def kind(self) -> StoreKind:
        """The engine."""
        return StoreKind.SQLITE


def _check_key(db: sqlite3.Connection, relation: str, column: str, key_type: ColumnType | None) -> None:
    """Raise ``StoreUnavailable`` where a key is declared as another type than the file has.

    A text beside a column of numbers, or a number beside one of texts, is compared as a number: ``017850`` would be
    17850, who is somebody else.
    """
    found = db.execute("SELECT type FROM pragma_table_xinfo(?) WHERE name = ? COLLATE NOCASE", [relation, column])
    declared = str((found.fetchone() or [""])[0]).upper()
    if not declared or "BLOB" in declared:  # of no affinity: what is a text there is told by the governed table
        return
    # SQLite, Datatypes, 3.1: the first of these decides.
    texts = "INT" not in declared and any(word in declared for word in ("CHAR", "CLOB", "TEXT"))
    if texts != (key_type is ColumnType.STRING):
        said = key_type.value if key_type is not None else "unknown"
        raise StoreUnavailable(
            f"The key {column} of {relation} is {declared} in the SQLite store, and {said} in sekisho.yaml; correct"
            " its type, or declare a view that casts it."
        )


def _whole(
    connection: _Connection, sql: str, parameters: list[Key], reads: frozenset[tuple[str, str]]
) -> list[tuple[object, ...]]:
    connection.reads, connection.governed = reads, True
    try:
        return connection.db.execute(sql, parameters).fetchall()
    finally:
        connection.governed = False


def _authorise(
    connection: _Connection, action: int, first: str | None, second: str | None, _db: str | None, _by: str | None
) -> int:
    """Say what a statement may do; everything while the gateway itself writes its people tables."""
    if not connection.governed:
        return sqlite3.SQLITE_OK
    if action in {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE}:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_READ:
        # A column name is empty when a table is only counted.
        if (first, second) in connection.reads or (not second and any(t == first for t, _ in connection.reads)):
            return sqlite3.SQLITE_OK
    elif action == sqlite3.SQLITE_FUNCTION and second is not None and second.lower() in _FUNCTIONS:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _schema(query: GovernedQuery, names: list[str], rows: list[tuple[object, ...]]) -> pa.Schema:
    fields = []
    for position, name in enumerate(names):
        if position >= len(query.outputs):
            fields.append(pa.field(name, pa.int64()))
        else:
            fields.append(pa.field(name, _type(query.outputs[position], [row[position] for row in rows])))
    return pa.schema(fields)


def _type(output: Output, values: list[object]) -> pa.DataType:
    if output.transform is TransformKind.PSEUDONYM:
        return pa.int64()
    if output.transform is TransformKind.TOKEN:  # the raw identifier, a text or a number
        return pa.int64() if all(isinstance(v, int | None) for v in values) else pa.string()
    if output.type is not None:
        return _ARROW[output.type]
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int}:
        return pa.int64() if kinds else pa.string()
    return pa.float64() if kinds <= {int, float} else pa.string()


def _batch(rows: list[tuple[object, ...]], schema: pa.Schema) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    return pa.record_batch(
        [_array(values, column.type) for values, column in zip(columns, schema, strict=True)], schema=schema
    )


def _array(values: tuple[object, ...], kind: pa.DataType) -> pa.Array:
    if kind == pa.bool_():  # SQLite keeps truth values as 0 and 1
        return pa.array(values, pa.int64()).cast(kind)
    if pa.types.is_timestamp(kind):  # and instants as texts, which governed tables tell in one spelling
        return pa.array(values, pa.string()).cast(kind)
    return pa.array(values, kind)


def _sanitised(fault: sqlite3.Error, *, stopped: bool) -> StatementRefused | StoreUnavailable:
    """Return our own error: the engine's text may print a value."""
    if stopped:
        return StoreUnavailable("The statement took too long and was stopped.")
    name = getattr(fault, "sqlite_errorname", None)  # the driver's own faults have none
    if name == "SQLITE_AUTH":
        return StatementRefused("The statement reads more than was decided about.")
    if isinstance(fault, sqlite3.OperationalError) and name not in {"SQLITE_ERROR", None}:
        return StoreUnavailable("The SQLite store could not be read.")
    return StatementRefused("SQLite could not evaluate the statement; check types and functions.")

"""Stores of files (Parquet, JSON Lines), read by one embedded DuckDB per process.

Lock-down: the files of the stores are the only ones that can be opened, extensions, settings and
attaching are off, and the settings are locked. A requester's statement that reaches this module was generated
by the rewriter; as a second oracle DuckDB's own list of the tables it names is compared with the plan.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from sekisho.adapters.stores.duckdb_oracle import in_step
from sekisho.adapters.stores.duckdb_oracle import tables as _tables
from sekisho.adapters.stores.people_table import Version, refresh, refresh_numbers
from sekisho.adapters.stores.personal_data import Key, statement
from sekisho.adapters.stores.row_marks import LEAST, Marked, RowMarks
from sekisho.adapters.stores.scanned import TYPES, Scans
from sekisho.domain.governed import COPIES, NUMBER, GovernedQuery, Shape
from sekisho.domain.terms import ColumnType, Dataset, Store, StoreKind
from sekisho.errors import StatementRefused, StoreUnavailable
from sekisho.ports import ConsentView, DataStore, PeopleIndex, PeopleKeys

_HELD = {
    ColumnType.STRING: re.compile(r"VARCHAR|ENUM\(.*\)"),
    ColumnType.INTEGER: re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT)"),
    ColumnType.DOUBLE: re.compile(r"FLOAT|DOUBLE|DECIMAL\((\d|1[0-8]),\d+\)"),
    ColumnType.BOOLEAN: re.compile("BOOLEAN"),
    ColumnType.DATE: re.compile("DATE"),
    ColumnType.TIMESTAMP: re.compile(r"TIMESTAMP(_S|_MS|_NS| WITH TIME ZONE)?"),
}
"""What the files may hold for each type of the catalogue."""
_UNUSABLE = (
    duckdb.ConversionException,
    duckdb.OutOfRangeException,
    duckdb.InvalidInputException,
    duckdb.BinderException,
    duckdb.TypeMismatchException,
    duckdb.NotImplementedException,
    duckdb.ConstraintException,
    duckdb.CatalogException,
    duckdb.ParserException,
    duckdb.SyntaxException,
)
_AGAIN_S = 0.05  # between two interrupts of what does not end
_MIDWAY = ("Conversion", "Out of Range", "Invalid Input", "Not implemented", "Mismatch Type")

_ENDS_S = 10.0  # in which DuckDB ends what was interrupted


class DuckDbStores:
    """All DuckDB stores of a workspace. Implements ``ports.DataStore``.

    Parameters
    ----------
    stores:
        The stores of this kind.
    datasets:
        Their datasets; each becomes a view under its catalogue name.
    threads:
        Threads of the engine.
    timeout:
        Seconds after which a statement is stopped.
    copies:
        Folder of the copies that :meth:`attach` may be given, or ``None``.
    others:
        The other stores, by name, which it reads by governed scans where a statement is over several.
    scan_bytes:
        What the scans of one statement may hold in memory; those of all statements at once, twice as much.
    least_marked:
        Rows from which a dataset's rows are marked (:mod:`sekisho.adapters.stores.row_marks`).
    """

    def __init__(
        self,
        stores: Mapping[str, Store],
        datasets: Mapping[str, Dataset],
        *,
        threads: int = 2,
        timeout: float = 120.0,
        copies: Path | None = None,
        others: Mapping[str, DataStore] | None = None,
        scan_bytes: int = 1 << 30,
        least_marked: int = LEAST,
    ) -> None:
        self._timeout = timeout
        self._write = threading.Lock()
        self._versions: dict[str, Version] = {}
        self._checked: set[tuple[object, ...]] = set()
        self._key_types: dict[str, ColumnType] = {}
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="duckdb")
        self._stores = dict(stores)
        self._scans = Scans(others or {}, self._pool, most=scan_bytes)
        for dataset in datasets.values():
            key = dataset.column(dataset.data_subject.column) if dataset.data_subject is not None else None
            if dataset.data_subject is not None and key is not None:
                self._key_types[dataset.data_subject.identifier] = key.type
        try:
            # No variable of this process is a table; the parser, a database of its own, needs no lock-down.
            self._parser = duckdb.connect(":memory:", config={"threads": 1})
            self._db = duckdb.connect(":memory:", config={"threads": threads, "python_enable_replacements": False})
            folders = [str(Path(store.location)) for store in stores.values()] + ([str(copies)] if copies else [])
            self._db.execute("SET allowed_directories = ?", [folders])
            for store in stores.values():
                self._db.execute(f'CREATE SCHEMA "{store.name}"')
            self._db.execute("CREATE SCHEMA people")
            self._db.execute(f"CREATE SCHEMA {COPIES}")
            for dataset in datasets.values():
                if dataset.store in stores:
                    self._view(stores[dataset.store], dataset)
            for setting in (
                "SET temp_directory = ''",  # what does not fit into memory is customers' data in clear on a disk
                "SET autoinstall_known_extensions = false",
                "SET autoload_known_extensions = false",
                "SET enable_external_access = false",
                "SET lock_configuration = true",
            ):
                self._db.execute(setting)
        except duckdb.Error as fault:
            raise StoreUnavailable("The file stores could not be opened; run sekisho check.") from fault
        locked = self._db.execute(
            "SELECT current_setting('enable_external_access'), current_setting('lock_configuration')"
        ).fetchall()
        if locked != [(False, True)]:
            raise StoreUnavailable("DuckDB did not accept its lock-down.")
        self._rows = RowMarks(stores, datasets, self._db.cursor, threads=threads, timeout=timeout, least=least_marked)

    def _view(self, store: Store, dataset: Dataset) -> None:
        pattern = (Path(store.location) / dataset.relation).as_posix().replace("'", "''")
        columns = ", ".join(f'"{column.name}"' for column in dataset.columns)
        if dataset.relation.endswith((".jsonl", ".ndjson", ".json")):
            types = ", ".join(f"'{column.name}': '{TYPES[column.type]}'" for column in dataset.columns)
            source = f"read_json('{pattern}', format = 'newline_delimited', columns = {{{types}}})"
        elif dataset.relation.endswith(".csv"):
            types = ", ".join(f"'{column.name}': '{TYPES[column.type]}'" for column in dataset.columns)
            source = f"read_csv('{pattern}', header = true, columns = {{{types}}})"
        else:
            source = f"read_parquet('{pattern}')"
        schema, table = dataset.name.split(".", 1)
        self._db.execute(f'CREATE VIEW "{schema}"."{table}" AS SELECT {columns} FROM {source}')
        held = {name: kind for name, kind, *_ in self._db.execute(f'DESCRIBE "{schema}"."{table}"').fetchall()}
        for declared in dataset.columns:
            # What may run on withheld rows is judged by these types: a comparison of unlike ones casts, and fails.
            if not _HELD[declared.type].fullmatch(held[declared.name]):
                raise StoreUnavailable(
                    f"The files of {dataset.name} hold {declared.name} as {held[declared.name]}, the catalogue as"
                    f" {declared.type.value}; correct its type in sekisho.yaml."
                )

    def attach(self, dataset: Dataset, paths: Sequence[Path]) -> None:
        """Let statements read *paths*, a copy of *dataset* with person numbers, in the place of an earlier one.

        Raises ``StoreUnavailable`` when they are no such files.
        """
        columns = ", ".join(f'"{name}"' for name in (*(column.name for column in dataset.columns), NUMBER))
        files = ", ".join("'" + path.as_posix().replace("'", "''") + "'" for path in paths)
        view = f'{COPIES}."{dataset.name}"'
        with self._write, self._db.cursor() as cursor:
            try:
                cursor.execute(f"CREATE OR REPLACE VIEW {view} AS SELECT {columns} FROM read_parquet([{files}])")
            except duckdb.Error:
                raise StoreUnavailable(f"The copy of {dataset.name} could not be opened.") from None
            self._rows.attach(dataset.name, paths)

    async def by_bits(
        self, datasets: Collection[str], people: PeopleIndex, copies: Collection[str], *, rowwise: bool = False
    ) -> frozenset[str]:
        """See ``ports.KeyBits.by_bits``: here each row has its bit, which does not say whose it is."""
        if rowwise:  # and four bytes for each row of the files stay unread
            return frozenset()
        return frozenset([name for name in datasets if await self._rows.usable(name, people, copied=name in copies)])

    async def fetch(
        self, query: GovernedQuery, consent: ConsentView | None, people: PeopleIndex, *, page_rows: int
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        """See ``ports.DataStore.fetch``."""
        loop = asyncio.get_running_loop()
        marked = [await self._rows.of(each, consent) for each in query.projections if each.shape is Shape.ROWS]
        for projection in query.projections:
            if projection.shape is Shape.ROWS:
                continue
            keys = await people.keys(projection.identifier) if projection.keys else None
            view = consent if projection.cells else None
            wanted = Version(keys.version if keys is not None else 0, view.version if view is not None else 0)
            if self._versions.get(projection.table) != wanted:
                await loop.run_in_executor(self._pool, self._bring_up, projection.table, keys, view)
        cursor = self._db.cursor()
        with self._scans.held() as held:
            watchdog = None
            work: Future[Any] = Future()
            work.cancel()  # until there is some
            try:
                if query.scans:
                    async with asyncio.timeout(self._timeout):
                        await self._scans.load(cursor, query.scans, consent, people, held)
                watchdog = loop.call_later(self._timeout, cursor.interrupt)
                work = self._pool.submit(self._start, cursor, query, marked, page_rows)
                reader, batch = await asyncio.wrap_future(work)
                while batch is not None:
                    for each in marked:
                        each.look()
                    yield batch
                    work = self._pool.submit(_next, reader)
                    batch = await asyncio.wrap_future(work)
            except TimeoutError:
                raise StoreUnavailable("The statement took too long and was stopped.") from None
            except (duckdb.Error, OSError, pa.ArrowException, UnicodeError) as fault:
                raise _sanitised(fault) from None
            finally:
                if watchdog is not None:
                    watchdog.cancel()
                cursor.interrupt()
                self._stop(loop, cursor, work)

    async def rows_with_key(self, dataset: Dataset, keys: Sequence[Key], most: int) -> list[tuple[object, ...]]:
        """See ``adapters.stores.personal_data.KeyedStore``; instants are naive and in UTC."""
        schema, table = dataset.name.split(".", 1)
        sql = statement(f'"{schema}"."{table}"', dataset, len(keys))
        loop = asyncio.get_running_loop()
        cursor = self._db.cursor()
        watchdog = loop.call_later(self._timeout, cursor.interrupt)
        try:
            return await loop.run_in_executor(self._pool, _whole, cursor, sql, [*keys, most])
        except (duckdb.Error, OSError, pa.ArrowException, UnicodeError) as fault:
            raise _sanitised(fault) from None
        finally:
            watchdog.cancel()
            cursor.interrupt()
            self._let_go(cursor)

    def _stop(self, loop: asyncio.AbstractEventLoop, cursor: duckdb.DuckDBPyConnection, work: Future[Any]) -> None:
        """Stop *work* on *cursor*, and close it when that has ended: closing waits for what runs.

        An interrupt that comes before the engine has begun is lost, so that it is repeated.
        """
        if work.cancel() or work.done():
            self._let_go(cursor)
            return
        cursor.interrupt()
        if not loop.is_closed():
            loop.call_later(_AGAIN_S, self._stop, loop, cursor, work)

    def _let_go(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Close *cursor*; for a caller who went away its statement still runs for a moment, and is waited for."""
        try:
            cursor.close()
        except duckdb.Error:
            self._pool.submit(_close, cursor)

    def _start(
        self, cursor: duckdb.DuckDBPyConnection, query: GovernedQuery, marked: Sequence[Marked], page_rows: int
    ) -> tuple[pa.RecordBatchReader, pa.RecordBatch | None]:
        for each in marked:
            each.put_beside(cursor)
        # The plan of files may be another when the files are.
        asked = (query.sql, *(each.numbered.states for each in marked))
        if asked not in self._checked:
            named = _tables(self._parse(query.sql))
            planned = {table for table, _ in query.reads if "." in table}
            planned |= {f"people.{projection.table}" for projection in query.projections}
            if not named <= planned:
                raise StatementRefused("The statement reads more than was decided about.")
            if marked and not in_step(_explained(cursor, query)):
                raise StatementRefused("DuckDB would not read the files row by row beside who may be read.")
            if len(self._checked) < 10_000:
                self._checked.add(asked)
        answer = cursor.sql(query.sql, params=dict(query.parameters) or None)
        reader: pa.RecordBatchReader = answer.to_arrow_reader(page_rows)
        batch = _next(reader)
        if batch is None:
            batch = pa.RecordBatch.from_pylist([], schema=reader.schema)
        return reader, batch

    def _parse(self, sql: str) -> object:
        """Return DuckDB's own reading of a statement, made apart from the data."""
        with self._write:
            ((text,),) = self._parser.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()
        tree = json.loads(text)
        if tree.get("error") is not False or len(tree.get("statements", ())) != 1:
            raise StatementRefused("DuckDB does not read the statement as one SELECT.")
        return tree

    def _bring_up(self, table: str, keys: PeopleKeys | None, consent: ConsentView | None) -> None:
        with self._write:
            known = self._versions.get(table)
            if keys is not None:
                key_type = self._key_types.get(keys.identifier, ColumnType.STRING)
                change = refresh(known, keys, consent, key_type)
            elif consent is not None:
                change = refresh_numbers(known, consent)
            else:
                raise StatementRefused("A copy with person numbers is read by consent alone.")
            if change is None:
                return
            cursor = self._db.cursor()
            try:
                cursor.execute("BEGIN")
                if change.whole is not None:
                    cursor.register("incoming", change.whole)
                    cursor.execute(f'CREATE OR REPLACE TABLE people."{table}" AS SELECT * FROM incoming')
                    cursor.unregister("incoming")
                else:
                    removed = pa.table({"n": change.removed})
                    cursor.register("removed", removed)
                    cursor.execute(f'DELETE FROM people."{table}" WHERE n IN (SELECT n FROM removed)')
                    cursor.unregister("removed")
                    if change.added is not None and change.added.num_rows:
                        cursor.register("added", change.added)
                        cursor.execute(f'INSERT INTO people."{table}" SELECT * FROM added')
                        cursor.unregister("added")
                cursor.execute("COMMIT")
                self._versions[table] = change.version
            except duckdb.Error:
                self._versions.pop(table, None)
                raise StoreUnavailable("The consent projection beside the files could not be written.") from None
            finally:
                cursor.close()

    async def healthy(self) -> bool:
        """Return whether the files of every store are there."""
        return await asyncio.to_thread(lambda: all(Path(store.location).is_dir() for store in self._stores.values()))

    def close(self) -> None:
        """Stop the threads and close the database."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._db.close()
        self._parser.close()

    @property
    def kind(self) -> StoreKind:
        """The engine."""
        return StoreKind.DUCKDB


def _close(cursor: duckdb.DuckDBPyConnection) -> None:
    """Close *cursor* when what was interrupted on it has ended."""
    deadline = time.monotonic() + _ENDS_S
    while time.monotonic() < deadline:
        try:
            cursor.close()
        except duckdb.Error:
            cursor.interrupt()
            time.sleep(0.01)
        else:
            return


def _explained(cursor: duckdb.DuckDBPyConnection, query: GovernedQuery) -> object:
    """Return the engine's plan of a statement."""
    parameters = dict(query.parameters) or None
    ((_, plan),) = cursor.execute(f"EXPLAIN (FORMAT json) {query.sql}", parameters).fetchall()
    return json.loads(plan)


def _next(reader: pa.RecordBatchReader) -> pa.RecordBatch | None:
    try:
        return reader.read_next_batch()
    except StopIteration:
        return None


def _whole(cursor: duckdb.DuckDBPyConnection, sql: str, parameters: list[Key]) -> list[tuple[object, ...]]:
    table: pa.Table = cursor.sql(sql, params=parameters).to_arrow_table()
    return list(zip(*(_microseconds(column).to_pylist() for column in table.columns), strict=True))


def _microseconds(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return instants in UTC with the resolution of Python's; every other column as it is."""
    if not pa.types.is_timestamp(column.type):
        return column
    # Arrow keeps zoned instants in UTC, so that this drops the label only.
    return column.cast(pa.timestamp(column.type.unit)).cast(pa.timestamp("us"), safe=False)


def _sanitised(fault: Exception) -> StatementRefused | StoreUnavailable:
    """Return our own error: the engine's text may print a value.

    A fault in the middle of an answer comes through Arrow as an ``OSError``, whose text begins with its kind.
    """
    text = str(fault)
    if isinstance(fault, duckdb.InterruptException) or text.startswith("INTERRUPT Error:"):
        return StoreUnavailable("The statement took too long and was stopped.")
    if isinstance(fault, duckdb.OutOfMemoryException) or text.startswith("Out of Memory Error:"):
        return StoreUnavailable("The statement needs more memory than there is; narrow it, or ask again later.")
    kind = type(fault).__name__.removesuffix("Exception")
    if not isinstance(fault, duckdb.Error):
        kind = next((kind for kind in _MIDWAY if text.startswith(f"{kind} Error:")), "")
    if isinstance(fault, _UNUSABLE) or (kind and not isinstance(fault, duckdb.Error)):
        return StatementRefused(f"DuckDB could not evaluate the statement ({kind}); check types and functions.")
    return StoreUnavailable("The file store could not be read.")

"""The retailer with its stores in different engines, so that statements over several are joined in DuckDB.

The engine of each of ``crm``, ``pos`` and ``web`` is chosen; the adapters are the real ones. What is judged is the
whole way: scans, temporary tables and the statement over them, against a reference that filters and masks first and
then runs the requester's text in DuckDB.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from sekisho.adapters.stores.duckdb import DuckDbStores
from sekisho.adapters.stores.postgresql import PostgresStore
from sekisho.adapters.stores.sqlite import SqliteStore
from sekisho.domain.access import TransformKind
from sekisho.domain.terms import Catalogue, ColumnType, Dataset, Store, StoreKind
from tests.adapters.stores.servers import Server, database
from tests.query.reference import Judge, Reference
from tests.query.rows import spelled
from tests.query.world import (
    ARROW,
    DATASETS,
    PURPOSES,
    REQUESTERS,
    ROWS,
    Rows,
    WatchedStore,
    World,
    transform_of,
    twin_rows,
)

_FILES, _LITE, _SERVER = StoreKind.DUCKDB, StoreKind.SQLITE, StoreKind.POSTGRESQL
_SQLITE = {
    ColumnType.STRING: "TEXT", ColumnType.INTEGER: "INTEGER", ColumnType.DOUBLE: "REAL",
    ColumnType.BOOLEAN: "INTEGER", ColumnType.DATE: "TEXT", ColumnType.TIMESTAMP: "TEXT",
}  # fmt: skip


@dataclass(frozen=True)
class Places:
    """Where the stores lie, and whether the gateway may write into the servers."""

    crm: StoreKind
    pos: StoreKind
    web: StoreKind
    writes: bool = True

    def kind(self, store: str) -> StoreKind:
        """Return the engine of *store*."""
        kind: StoreKind = getattr(self, store)
        return kind


PLACES: Mapping[str, Places] = {
    "SQLite, files": Places(_LITE, _FILES, _FILES),
    "SQLite, SQLite": Places(_LITE, _LITE, _LITE),
    "SQLite, SQLite, files": Places(_LITE, _LITE, _FILES),
    "PostgreSQL, files": Places(_SERVER, _FILES, _FILES),
    "SQLite, PostgreSQL": Places(_LITE, _SERVER, _SERVER),
    "PostgreSQL, SQLite, files": Places(_SERVER, _LITE, _FILES),
    "PostgreSQL read only, files": Places(_SERVER, _FILES, _FILES, writes=False),
    "PostgreSQL read only": Places(_SERVER, _SERVER, _SERVER, writes=False),
}


def datasets_in(places: Places) -> dict[str, Dataset]:
    """Return the datasets with the relations that they have there."""
    found = {}
    for dataset in DATASETS.values():
        relation = dataset.relation
        table = dataset.name.split(".")[1]
        if places.kind(dataset.store) is not _FILES:
            relation = table
        elif dataset.store == "crm":
            relation = f"{table}.parquet"
        found[dataset.name] = replace(dataset, relation=relation)
    return found


def catalogue_in(places: Places, folder: Path, urls: Mapping[str, str]) -> Catalogue:
    """Return the catalogue of the stores there."""
    stores = {}
    for name in ("crm", "pos", "web"):
        kind = places.kind(name)
        location = {_LITE: str(folder / f"{name}.db"), _FILES: str(folder / name)}.get(kind, urls.get(name, ""))
        stores[name] = Store(name, kind, location, writes=places.writes or kind is not _SERVER)
    return Catalogue(stores, datasets_in(places), PURPOSES, REQUESTERS, {}, "c1")


class JoinedWorld(World):
    """The retailer behind a real gateway, its stores where *places* says."""

    def __init__(
        self, folder: Path, places: Places, servers: Mapping[str, Server], rows: Rows = ROWS, **engine: Any
    ) -> None:
        declared = catalogue_in(places, folder, {name: server.url for name, server in servers.items()})
        datasets = dict(declared.datasets)
        for name in declared.stores:
            there = [dataset for dataset in datasets.values() if dataset.store == name]
            if places.kind(name) is _SERVER:
                for dataset in there:
                    servers[name].load(dataset, [_typed(row, dataset) for row in rows[dataset.name]])
                servers[name].bootstrap(there, name, writes=places.writes)
            elif places.kind(name) is _LITE:
                _write_sqlite(folder / f"{name}.db", there, rows)
            else:
                _write_files(folder / name, there, rows)
        self.folder = folder
        self.others: dict[str, WatchedStore] = {}
        self.servers: list[PostgresStore] = []
        closing = []
        for name, store in declared.stores.items():
            if store.kind is _LITE:
                lite = SqliteStore(store, datasets, timeout=300)
                self.others[name], close = WatchedStore(lite), lite.close
            elif store.kind is _SERVER:
                server = PostgresStore(store, datasets, timeout=300)
                self.servers.append(server)
                self.others[name], close = WatchedStore(server), server.close
            else:
                continue
            closing.append(close)
        files = {name: store for name, store in declared.stores.items() if store.kind is _FILES}
        self.duckdb = DuckDbStores(files, datasets, threads=1, timeout=300, others=self.others, **engine)
        self._closing = (self.duckdb.close, *closing)
        self._stand_behind(declared, rows, self.others | {"duckdb": WatchedStore(self.duckdb)})
        self.gateway = replace(self.gateway, small_tables=self.servers, key_bits=(self.duckdb, *self.servers))

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None
    ) -> None:
        async def settle() -> None:
            await asyncio.gather(*(task for server in self.servers for task in server._settling))
            for server in self.servers:
                server.close()

        self._runner.run(settle())
        super().__exit__(kind, fault, at)


def _typed(row: Mapping[str, Any], dataset: Dataset) -> dict[str, Any]:
    """Return *row* without where it came from, with a column that no catalogue names."""
    kept = {column.name: row[column.name] for column in dataset.columns}
    return kept | {"password": "MKpass"}


def _write_sqlite(path: Path, datasets: list[Dataset], rows: Rows) -> None:
    with sqlite3.connect(path) as db:
        for dataset in datasets:
            columns = [*((c.name, _SQLITE[c.type]) for c in dataset.columns), ("password", "TEXT")]
            db.execute(f"CREATE TABLE {dataset.relation} ({', '.join(f'{name} {kind}' for name, kind in columns)})")
            marks = ", ".join("?" for _ in columns)
            instants = {column.name for column in dataset.columns if column.type is ColumnType.TIMESTAMP}
            values = [
                [
                    spelled(value and str(value), n) if name in instants else value
                    for name, value in _typed(row, dataset).items()
                ]
                for n, row in enumerate(rows[dataset.name])
            ]
            db.executemany(f"INSERT INTO {dataset.relation} VALUES ({marks})", values)
    db.close()


def _write_files(folder: Path, datasets: list[Dataset], rows: Rows) -> None:
    folder.mkdir()
    for dataset in datasets:
        held = [_typed(row, dataset) for row in rows[dataset.name]]
        if dataset.relation == "*.jsonl":
            text = "\n".join(
                json.dumps({k: str(v) if isinstance(v, datetime) else v for k, v in row.items()}) for row in held
            )
            (folder / "events.jsonl").write_text(text)
        else:
            pq.write_table(arrow_of(dataset, held), folder / dataset.relation)


def arrow_of(
    dataset: Dataset, rows: list[dict[str, Any]], types: Mapping[str, pa.DataType | None] | None = None
) -> pa.Table:
    """Return *rows* with the catalogue's types, or those of *types*; texts of dates become dates."""
    columns = {}
    for column in dataset.columns:
        wanted = (types or {}).get(column.name, ARROW[column.type])
        values = [row[column.name] for row in rows]
        if wanted == pa.date32():
            values = [date.fromisoformat(value) if isinstance(value, str) else value for value in values]
        elif wanted == pa.timestamp("us"):
            values = [datetime.fromisoformat(value) if isinstance(value, str) else value for value in values]
        made = pa.array(values, wanted)
        columns[column.name] = made.cast(pa.string()) if made.type == pa.null() else made
    return pa.table(columns)


class JoinedReference(Reference):
    """Masked copies of all tables in one DuckDB, where the requester's own text runs."""

    errors = (duckdb.Error,)

    def rows(self, sql: str, *parameters: object) -> list[tuple[object, ...]]:
        """Run *sql* as it was written. Raises the engine's own error."""
        return [tuple(row) for row in self._duckdb.execute(sql, list(parameters)).fetchall()]

    def _load(self, dataset: Dataset) -> None:
        purpose = PURPOSES[self._purpose]
        types: dict[str, pa.DataType | None] = {}
        for column in dataset.columns:
            key = dataset.data_subject is not None and dataset.data_subject.column == column.name
            kind = transform_of(column, purpose, key=key)
            if kind not in {TransformKind.CLEAR, TransformKind.WITHHOLD}:
                types[column.name] = None
        store, table = dataset.name.split(".")
        self._duckdb.execute(f"CREATE SCHEMA IF NOT EXISTS {store}")
        self._duckdb.register("incoming", arrow_of(dataset, self.masked(dataset), types))
        self._duckdb.execute(f"CREATE TABLE {store}.{table} AS SELECT * FROM incoming")
        self._duckdb.unregister("incoming")


@contextmanager
def servers_of(places: Places) -> Iterator[dict[str, Server]]:
    """Make a database for each store that lies in a server; skip without one."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(database())
            for name in ("crm", "pos", "web")
            if places.kind(name) is StoreKind.POSTGRESQL
        }


@contextmanager
def joined_world(folder: Path, places: Places, rows: Rows = ROWS, **engine: Any) -> Iterator[JoinedWorld]:
    """Build a world."""
    folder.mkdir(parents=True, exist_ok=True)
    with servers_of(places) as servers, JoinedWorld(folder, places, servers, rows, **engine) as world:
        yield world


@contextmanager
def joined_judge(folder: Path, places: Places) -> Iterator[Judge]:
    """Build a world, its twin and its reference."""
    with joined_world(folder / "one", places) as world, joined_world(folder / "two", places, twin_rows()) as twin:
        reference = JoinedReference(world)
        try:
            yield Judge(world, twin, reference, ordered=False)
        finally:
            reference.close()

"""Datasets that all lie in one store, on any engine, behind a real gateway, with a twin and a reference.

The same statement can so be asked of every engine: ``ground(StoreKind.SQLITE, SHOP, ROWS)`` has the store ``shop`` in
a SQLite file, ``ground(StoreKind.DUCKDB, …)`` in Parquet files, ``ground(StoreKind.POSTGRESQL, …)`` in a server.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from sekisho.adapters.stores.duckdb import DuckDbStores
from sekisho.adapters.stores.sqlite import SqliteStore
from sekisho.domain.access import TransformKind
from sekisho.domain.terms import Catalogue, Column, ColumnType, Dataset, Store, StoreKind
from tests.query.postgres import DirectStore, PostgresReference, database, load
from tests.query.reference import Judge
from tests.query.rows import spelled
from tests.query.world import ARROW, PURPOSES, REQUESTERS, Rows, WatchedStore, World, transform_of

Datasets = Mapping[str, Dataset]

ENGINES = (StoreKind.POSTGRESQL, StoreKind.DUCKDB, StoreKind.SQLITE)

_POSTGRESQL = {
    ColumnType.STRING: "text", ColumnType.INTEGER: "bigint", ColumnType.DOUBLE: "numeric",
    ColumnType.BOOLEAN: "boolean", ColumnType.DATE: "date", ColumnType.TIMESTAMP: "timestamp",
}  # fmt: skip
_SQLITE = {
    ColumnType.STRING: "TEXT", ColumnType.INTEGER: "INTEGER", ColumnType.DOUBLE: "REAL",
    ColumnType.BOOLEAN: "INTEGER", ColumnType.DATE: "TEXT", ColumnType.TIMESTAMP: "TEXT",
}  # fmt: skip


def written(value: object, kind: ColumnType, engine: StoreKind) -> object:
    """Return *value* as an engine holds it: SQLite has texts for dates, the others have none."""
    if engine is StoreKind.SQLITE:
        if isinstance(value, datetime):
            return value.isoformat(sep=" ")
        return value.isoformat() if isinstance(value, date) else int(value) if isinstance(value, bool) else value
    if isinstance(value, str) and kind is ColumnType.DATE:
        return date.fromisoformat(value)
    return datetime.fromisoformat(value) if isinstance(value, str) and kind is ColumnType.TIMESTAMP else value


def _in_words_of(engine: StoreKind, datasets: Datasets, rows: Rows) -> Rows:
    return {
        name: [
            row | {column.name: written(row[column.name], column.type, engine) for column in dataset.columns}
            for row in rows[name]
        ]
        for name, dataset in datasets.items()
    }


def _spelled(dataset: Dataset, rows: Rows) -> list[dict[str, Any]]:
    """Return the rows of a SQLite table, which spells each instant in its own way."""
    instants = [column.name for column in dataset.columns if column.type is ColumnType.TIMESTAMP]
    held = enumerate(rows[dataset.name])
    return [row | {name: spelled(row[name], n) for name in instants} for n, row in held]


def _table(name: str) -> str:
    return name.split(".")[1]


class Ground(World):
    """*datasets*, all of one store, on *engine*; *place* is a folder or the server's database."""

    def __init__(
        self, engine: StoreKind, datasets: Datasets, rows: Rows, place: Path | str, *, small: bool = False
    ) -> None:
        rows = _in_words_of(engine, datasets, rows)
        self.engine, self.datasets = engine, datasets
        (name,) = {dataset.store for dataset in datasets.values()}
        if isinstance(place, str):
            self.connection = psycopg.connect(place, autocommit=True)
            for dataset in datasets.values():
                kinds = {c.name: _POSTGRESQL[c.type] for c in dataset.columns}
                load(self.connection, "public", _table(dataset.name), kinds, rows[dataset.name])
            declared, inner = self._declared(name, "", ""), DirectStore(self.connection)
            self._closing = (self.connection.close,)
            self._stand_behind(declared, rows, {name: WatchedStore(inner)})
            inner.small = small
            self.gateway = replace(self.gateway, small_tables=(inner,))
        elif engine is StoreKind.SQLITE:
            declared = self._declared(name, str(place / "store.db"), "")
            with sqlite3.connect(place / "store.db") as db:
                for dataset in datasets.values():
                    kinds = {c.name: _SQLITE[c.type] for c in dataset.columns}
                    fill_sqlite(db, "main", dataset, kinds, {dataset.name: _spelled(dataset, rows)})
            db.close()
            self.sqlite = SqliteStore(declared.stores[name], declared.datasets, timeout=900)
            self._closing = (self.sqlite.close,)
            self._stand_behind(declared, rows, {name: WatchedStore(self.sqlite)})
        else:
            declared = self._declared(name, str(place), ".parquet")
            for dataset in datasets.values():
                columns = {c.name: pa.array([r[c.name] for r in rows[dataset.name]], ARROW[c.type])
                           for c in dataset.columns}  # fmt: skip
                pq.write_table(pa.table(columns), place / f"{_table(dataset.name)}.parquet")
            self.duckdb = DuckDbStores(declared.stores, declared.datasets, threads=1, timeout=900)
            self._closing = (self.duckdb.close,)
            self._stand_behind(declared, rows, {"duckdb": WatchedStore(self.duckdb)})
            self.gateway = replace(self.gateway, key_bits=(self.duckdb,))

    def _declared(self, name: str, location: str, suffix: str) -> Catalogue:
        stores = {name: Store(name, self.engine, location)}
        held = {n: replace(d, relation=f"{_table(n)}{suffix}") for n, d in self.datasets.items()}
        return Catalogue(stores, held, PURPOSES, REQUESTERS, {}, "c1")


def fill_sqlite(
    db: sqlite3.Connection, schema: str, dataset: Dataset, kinds: Mapping[str, str], rows: Mapping[str, Any]
) -> None:
    """Write one dataset into a schema of *db*."""
    table = f"{schema}.{_table(dataset.name)}"
    db.execute(f"CREATE TABLE {table} ({', '.join(f'{n} {k}' for n, k in kinds.items())})")
    marks = ", ".join("?" for _ in kinds)
    db.executemany(f"INSERT INTO {table} VALUES ({marks})", [[r[n] for n in kinds] for r in rows[dataset.name]])


def _shown_type(column: Column, dataset: Dataset) -> ColumnType:
    """Return the type of a column as the purpose sees it."""
    key = dataset.data_subject is not None and dataset.data_subject.column == column.name
    kind = transform_of(column, PURPOSES["recommendation"], key=key)
    if kind is TransformKind.YEAR:
        return ColumnType.INTEGER
    return column.type if kind in {TransformKind.CLEAR, TransformKind.WITHHOLD} else ColumnType.STRING


class GroundReference(PostgresReference):
    """Masked copies of a ground's tables in its own engine, in a schema called like the store."""

    errors = (psycopg.Error, duckdb.Error, sqlite3.Error)

    def __init__(self, ground: Ground, purpose: str = "recommendation") -> None:
        self._ground = self._world = ground
        self._purpose = purpose
        (self._store,) = ground.catalogue.stores
        if ground.engine is StoreKind.POSTGRESQL:
            self._connection = ground.connection
        elif ground.engine is StoreKind.DUCKDB:
            self._files = duckdb.connect(":memory:")
            self._files.execute(f"CREATE SCHEMA {self._store}")
        else:
            self._file = sqlite3.connect(":memory:")
            self._file.execute(f"ATTACH ':memory:' AS {self._store}")
        for dataset in ground.datasets.values():
            if purpose in dataset.purposes:
                self._load(dataset)

    def rows(self, sql: str, *parameters: object) -> list[tuple[object, ...]]:
        """Run *sql* as it was written. Raises the engine's own error."""
        if self._ground.engine is StoreKind.POSTGRESQL:
            return super().rows(sql, *parameters)
        if self._ground.engine is StoreKind.DUCKDB:
            return [tuple(row) for row in self._files.execute(sql, list(parameters)).fetchall()]
        return [tuple(row) for row in self._file.execute(sql, parameters)]

    def _value(
        self, kind: TransformKind, value: Any, place: int | None, domain: str | None, column_type: ColumnType
    ) -> object:
        if kind is TransformKind.HOST and value is not None and self._ground.engine is StoreKind.SQLITE:
            return ""  # SQLite has no way to take a host out of a URL
        return super()._value(kind, value, place, domain, column_type)

    def _load(self, dataset: Dataset) -> None:
        rows = self.masked(dataset)
        types = {c.name: _shown_type(c, dataset) for c in dataset.columns}
        if self._ground.engine is StoreKind.POSTGRESQL:
            kinds = {name: _POSTGRESQL[kind] for name, kind in types.items()}
            load(self._connection, self._store, _table(dataset.name), kinds, rows)
        elif self._ground.engine is StoreKind.SQLITE:
            kinds = {name: _SQLITE[kind] for name, kind in types.items()}
            fill_sqlite(self._file, self._store, dataset, kinds, {dataset.name: rows})
        else:
            table = pa.table({name: pa.array([r[name] for r in rows], ARROW[kind]) for name, kind in types.items()})
            self._files.register("incoming", table)
            self._files.execute(f"CREATE TABLE {dataset.name} AS SELECT * FROM incoming")
            self._files.unregister("incoming")


@contextmanager
def ground(
    engine: StoreKind, datasets: Datasets, rows: Rows, folder: Path, twins: Rows | None = None, *, small: bool = False
) -> Iterator[Judge]:
    """Build a ground, its reference, and its twin (itself, where *twins* is not given).

    *small* is whether tables of PostgreSQL are believed to have few rows, so that plans are alike.
    """
    with ExitStack() as stack:

        def built(rows: Rows, name: str) -> Ground:
            if engine is StoreKind.POSTGRESQL:
                place = stack.enter_context(database())
                return stack.enter_context(Ground(engine, datasets, rows, place, small=small))
            (folder / name).mkdir()
            return stack.enter_context(Ground(engine, datasets, rows, folder / name))

        first = built(rows, "first")
        twin = first if twins is None else built(twins, "twin")
        yield Judge(first, twin, GroundReference(first), ordered=False, plans_alike=small)

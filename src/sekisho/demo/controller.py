"""The controller's own data, read past the gateway: what the story's numbers are held against.

Who holds the data can count it; no requester gets any of this.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa

from sekisho.demo.server import rows_of
from sekisho.domain.terms import Catalogue, StoreKind


class ControllersFiles:
    """The files of a workspace under their catalogue names (``pos.order_lines``), in DuckDB's dialect.

    Use as a context manager.

    Parameters
    ----------
    catalogue:
        The workspace's catalogue.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._db = duckdb.connect(":memory:", config={"threads": 2})
        for store in catalogue.stores.values():
            self._db.execute(f'CREATE SCHEMA "{store.name}"')
        for dataset in catalogue.datasets.values():
            store = catalogue.stores[dataset.store]
            schema, table = dataset.name.split(".", 1)
            if dataset.name == "crm.order_lines":  # what was loaded from the shop's files is held against them
                self._db.execute('CREATE VIEW "crm"."order_lines" AS FROM "pos"."order_lines"')
            elif store.kind is StoreKind.DUCKDB:
                pattern = str(Path(store.location) / dataset.relation).replace("'", "''")
                reader = "read_json" if "json" in Path(dataset.relation).suffix else "read_parquet"
                self._db.execute(f'CREATE VIEW "{schema}"."{table}" AS FROM {reader}(\'{pattern}\')')
            elif store.kind is StoreKind.POSTGRESQL:
                self._keep(*rows_of(store, dataset), f'"{schema}"."{table}"')
            else:
                self._copy(store.location, dataset.relation, f'"{schema}"."{table}"')

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def rows(self, sql: str, *, people: Sequence[int] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of *sql*, in which ``people`` is a table with the column ``customer_id``."""
        with closing(self._db.cursor()) as cursor:
            cursor.register("people", pa.table({"customer_id": pa.array(people, pa.int64())}))
            return cursor.execute(sql).fetchall()

    def one(self, sql: str, *, people: Sequence[int] = ()) -> tuple[Any, ...]:
        """Return the only row of *sql*."""
        return self.rows(sql, people=people)[0]

    def _copy(self, path: str, relation: str, name: str) -> None:
        """Copy a SQLite table: DuckDB's extension for SQLite is not part of it, and nothing is downloaded."""
        with closing(sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro", uri=True)) as connection:
            cursor = connection.execute(f'SELECT * FROM "{relation}"')
            self._keep([column[0] for column in cursor.description], cursor.fetchall(), name)

    def _keep(self, columns: Sequence[str], rows: Sequence[tuple[object, ...]], name: str) -> None:
        table = pa.table(dict(zip(columns, map(pa.array, zip(*rows, strict=True)), strict=True)))
        with closing(self._db.cursor()) as writing:
            writing.register("incoming", table)
            writing.execute(f"CREATE TABLE {name} AS FROM incoming")

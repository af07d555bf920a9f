"""The retailer in a PostgreSQL server: one store called ``shop`` that holds all of its datasets.

The governed statement is run as it is, by psycopg, so that what is judged is the rewriter and not an adapter.
"""

# ruff: noqa: D102 - methods do what their port says

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncGenerator, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pytest
import sqlglot
from psycopg import sql as pg
from psycopg.conninfo import make_conninfo
from sqlalchemy import make_url

from sekisho.domain.access import TransformKind
from sekisho.domain.governed import GovernedQuery, Projection, Shape
from sekisho.domain.terms import ColumnType, Dataset
from sekisho.errors import StatementRefused
from sekisho.ports import ConsentView, PeopleKeys
from sekisho.query import oracle
from tests.query.reference import Judge, Reference
from tests.query.shop import SHOP, shop, shop_catalogue
from tests.query.world import PURPOSES, ROWS, Rows, WatchedStore, World, transform_of, twin_rows

_TYPES = {
    ColumnType.STRING: "text", ColumnType.INTEGER: "bigint", ColumnType.DOUBLE: "numeric",
    ColumnType.BOOLEAN: "boolean", ColumnType.DATE: "date", ColumnType.TIMESTAMP: "timestamp",
}  # fmt: skip
_OTHER_TYPES = {
    "member_rank": "varchar(40)", "channel": "varchar(40)", "points": "int", "minutes": "bigint",
    "occurred_at": "timestamptz", "customer_id": "int",
}  # fmt: skip
_SETTINGS = (
    "-c search_path=pg_catalog,pg_temp -c standard_conforming_strings=on -c TimeZone=UTC -c statement_timeout=20000"
    " -c jit=off -c client_min_messages=error"
)


@contextmanager
def database() -> Iterator[str]:
    """Make a database for as long as it is needed; skip without a server, fail in CI."""
    url = os.environ.get("SEKISHO_TEST_POSTGRES")
    if url is None:
        if os.environ.get("CI") == "true":
            pytest.fail("SEKISHO_TEST_POSTGRES must name a PostgreSQL server")
        pytest.skip("SEKISHO_TEST_POSTGRES names no PostgreSQL server")
    server = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    name = f"sekisho_query_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(pg.SQL("CREATE DATABASE {}").format(pg.Identifier(name)))
        try:
            yield make_conninfo(server, dbname=name, options=_SETTINGS)
        finally:
            admin.execute(pg.SQL("DROP DATABASE {} WITH (FORCE)").format(pg.Identifier(name)))


def load(connection: psycopg.Connection[Any], schema: str, table: str, kinds: Mapping[str, str], rows: Any) -> None:
    """Write *rows* into a new table, and let the planner know them."""
    name = pg.Identifier(schema, table)
    columns = pg.SQL(", ").join(pg.SQL("{} ").format(pg.Identifier(c)) + pg.SQL(k) for c, k in kinds.items())
    connection.execute(pg.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(pg.Identifier(schema)))
    connection.execute(pg.SQL("CREATE TABLE {} ({})").format(name, columns))
    with connection.cursor().copy(pg.SQL("COPY {} FROM STDIN").format(name)) as copy:
        for row in rows:
            copy.write_row([row[c] for c in kinds])
    connection.execute(pg.SQL("ANALYZE {}").format(name))


class PostgresWorld(World):
    """The retailer behind a real gateway, its data in one PostgreSQL database."""

    def __init__(self, conninfo: str, rows: Rows = ROWS) -> None:
        renamed = {shop(name): table for name, table in rows.items()}
        self.connection = psycopg.connect(conninfo, autocommit=True)
        for dataset in SHOP.values():
            kinds = {c.name: _OTHER_TYPES.get(c.name, _TYPES[c.type]) for c in dataset.columns} | {"password": "text"}
            schema, _, table = dataset.relation.rpartition(".")
            full = ({"password": f"MKpass{n}"} | row for n, row in enumerate(renamed[dataset.name]))
            load(self.connection, schema or "public", table, kinds, full)
        self.connection.execute("CREATE TABLE public.hidden AS SELECT 1 AS customer_id, 'NGsecret' AS secret")
        self.connection.execute("CREATE INDEX ON sales.order_lines (customer_id)")
        self._closing = (self.connection.close,)
        self.direct = DirectStore(self.connection)
        self._stand_behind(shop_catalogue(), renamed, {"shop": WatchedStore(self.direct)})
        self.gateway = replace(self.gateway, key_bits=(self.direct,), small_tables=(self.direct,))


class DirectStore:
    """Runs governed statements as they are, after asking the server what it would read.

    ``shape`` says how they learn who may be read: ``members`` (a people table as it must be), ``overlay`` (a people
    table of everybody, and those who withdrew), ``bits`` (where a statement takes them). ``small`` says whether every
    table is believed to have few rows; ``plans`` holds how the server would run what it was asked.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.shape = "members"
        self.small = False
        self.plans: list[str] = []
        self._held: dict[str, object] = {}
        self._looked_at: set[str] = set()
        connection.execute("CREATE SCHEMA sekisho")

    async def fetch(
        self, query: GovernedQuery, consent: ConsentView | None, people: Any, *, page_rows: int
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        given: dict[str, object] = {}
        for projection in query.projections:
            given |= await self._people(projection, consent if projection.cells else None, people)
        values = [given.get(name, value) for name, value in query.parameters.items()]
        try:
            with psycopg.RawCursor(self.connection) as cursor:
                if query.sql not in self._looked_at:
                    cursor.execute(f"EXPLAIN (VERBOSE, FORMAT JSON) {query.sql}", values)
                    ((told,),) = cursor.fetchall()
                    oracle.check(told[0], query.reads)
                    self._looked_at.add(query.sql)
                cursor.execute(f"EXPLAIN {query.sql}", values)
                self.plans.append("\n".join(row[0] for row in cursor.fetchall()))
                cursor.execute(query.sql, values)
                description, rows = cursor.description or (), cursor.fetchall()
        except psycopg.Error:
            raise StatementRefused(
                "PostgreSQL could not evaluate the statement; check types and functions."
            ) from None
        names = [column.name for column in description]
        columns = [_arrow([row[place] for row in rows], column.type_code) for place, column in enumerate(description)]
        table = pa.record_batch(columns, names=names)
        for start in range(0, max(len(rows), 1), page_rows):
            yield table.slice(start, page_rows)

    async def by_bits(
        self, datasets: Collection[str], people: Any, copies: Collection[str], *, rowwise: bool = False
    ) -> frozenset[str]:
        del people, copies, rowwise
        return frozenset(datasets) if self.shape == "bits" else frozenset()

    async def few(self, datasets: Collection[str]) -> frozenset[str]:
        return frozenset(datasets) if self.small else frozenset()

    async def _people(self, projection: Projection, consent: ConsentView | None, people: Any) -> dict[str, object]:
        """Write the people table, or return what stands in its place."""
        keys = await people.keys(projection.identifier)
        everybody = set(keys.numbers.tolist())
        listed = everybody & set(consent.members().tolist()) if consent else everybody
        if projection.shape is Shape.BITS:
            values = np.array(keys.values.to_pylist()).astype(np.int64)
            flags = np.zeros(int(values.max() - values.min()) + 1, np.bool_)
            flags[values[np.isin(keys.numbers, list(listed))] - values.min()] = True
            bits = np.packbits(flags, bitorder="little").tobytes()
            return dict(zip(projection.bits, (int(values.min()), int(values.max()), bits), strict=True))
        gone: list[int] = []
        if self.shape == "overlay" and consent is not None:
            gone, listed = sorted(everybody - listed), everybody
        self._bring_up(projection, keys, listed, (keys.version, consent.version if consent else None, self.shape))
        return {projection.withdrawn: gone}

    def _bring_up(self, projection: Projection, keys: PeopleKeys, listed: set[int], version: object) -> None:
        if self._held.get(projection.table) == version:
            return
        self.connection.execute(pg.SQL("DROP TABLE IF EXISTS {}").format(pg.Identifier("sekisho", projection.table)))
        rows = [
            {"k": k, "n": n}
            for k, n in zip(keys.values.to_pylist(), keys.numbers.tolist(), strict=True)
            if n in listed
        ]
        of = "bigint" if all(row["k"].isdigit() for row in rows) else "text"
        load(self.connection, "sekisho", projection.table, {"k": of, "n": "bigint"}, rows)
        self._held[projection.table] = version

    async def healthy(self) -> bool:
        return True


_ARROW = {16: pa.bool_(), 20: pa.int64(), 21: pa.int64(), 23: pa.int64(), 700: pa.float64(), 701: pa.float64(),
          1700: pa.float64(), 1082: pa.date32(), 1114: pa.timestamp("us"), 1184: pa.timestamp("us")}  # fmt: skip


def _arrow(values: Sequence[Any], code: int) -> pa.Array:
    kind = _ARROW.get(code, pa.string())
    if kind == pa.string():
        return pa.array([value if value is None else str(value) for value in values], kind)
    if kind == pa.float64():
        return pa.array([float(value) if isinstance(value, Decimal) else value for value in values], kind)
    if kind == pa.timestamp("us"):
        return pa.array([value if value is None else value.replace(tzinfo=None) for value in values], kind)
    return pa.array(values, kind)


class PostgresReference(Reference):
    """Masked copies in a schema ``shop``, where the requester's own text runs."""

    errors: tuple[type[Exception], ...] = (psycopg.Error,)

    def __init__(self, world: PostgresWorld, purpose: str = "recommendation") -> None:
        self._world = world
        self._purpose = purpose
        self._connection = world.connection
        for dataset in SHOP.values():
            if purpose in dataset.purposes:
                self._load(dataset)

    def close(self) -> None:
        """Leave the connection to the world."""

    def rows(self, sql: str, *parameters: object) -> list[tuple[object, ...]]:
        """Run *sql* as it was written. Raises the server's own error."""
        marks = [
            t.start for t in sqlglot.tokenize(sql, read="postgres") if t.token_type.name in {"PLACEHOLDER", "QDCOLON"}
        ]
        for number, start in reversed(list(enumerate(marks, start=1))):
            sql = f"{sql[:start]}${number}{sql[start + 1 :]}"
        with psycopg.RawCursor(self._connection) as cursor:
            return cursor.execute(sql, list(parameters)).fetchall()

    def _load(self, dataset: Dataset) -> None:
        purpose, kinds = PURPOSES[self._purpose], {}
        for c in dataset.columns:
            key = dataset.data_subject is not None and dataset.data_subject.column == c.name
            kind = transform_of(c, purpose, key=key)
            kept = kind in {TransformKind.CLEAR, TransformKind.WITHHOLD}
            kinds[c.name] = _OTHER_TYPES.get(c.name, _TYPES[c.type]) if kept else "text"
            if kind is TransformKind.YEAR:
                kinds[c.name] = "int"
        load(self._connection, "shop", dataset.name.split(".")[1], kinds, self.masked(dataset))


@contextmanager
def judged() -> Iterator[Judge]:
    """Build a world, its twin and its reference."""
    with database() as one, database() as two, PostgresWorld(one) as world, PostgresWorld(two, twin_rows()) as twin:
        yield Judge(world, twin, PostgresReference(world), ordered=False)

"""A statement that fooled the rewriter: the second oracle of its engine stops it, and nothing else would have.

Each statement here is handed to the store as if the rewriter had made it. It reads a value that nobody decided about:
the oracle refuses, and without the oracle the value comes.
"""

# ruff: noqa: E501 - a statement reads best on its own line

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from tests.query.postgres import PostgresWorld, database
from tests.query.world import World

from sekisho.adapters.stores import duckdb as duckdb_store
from sekisho.adapters.stores import sqlite as sqlite_store
from sekisho.adapters.stores.duckdb import DuckDbStores
from sekisho.domain.access import TransformKind
from sekisho.domain.governed import GovernedQuery, Output
from sekisho.errors import SekishoError
from sekisho.query import oracle

# ``{people}`` is the people table of the statement, ``{folder}`` the folder of the stores, ``{file}`` one of its files.
DUCKDB = {
    "another dataset": "SELECT secret AS x FROM pos.secrets",
    "another dataset in EXISTS": "SELECT country AS x FROM pos.order_lines WHERE country LIKE 'NG%' AND EXISTS (SELECT 1 FROM pos.secrets)",
    "another dataset in WITH": "WITH s AS (SELECT secret FROM pos.secrets) SELECT secret AS x FROM s",
    "the people table": "SELECT k::varchar AS x FROM {people}",
    "a file as a table": "SELECT secret AS x FROM '{folder}/pos/secrets.parquet'",
    "read_parquet": "SELECT password AS x FROM read_parquet('{file}')",
    "parquet_scan": "SELECT password AS x FROM parquet_scan('{file}')",
    "parquet_metadata": "SELECT stats_max_value AS x FROM parquet_metadata('{file}') WHERE path_in_schema = 'stock_code' OR stats_max_value LIKE 'MK%'",
    "read_text": "SELECT content AS x FROM read_text('{folder}/web/events.jsonl')",
    "read_blob": "SELECT content::varchar AS x FROM read_blob('{folder}/web/events.jsonl')",
    "read_json": "SELECT cookie_id AS x FROM read_json('{folder}/web/events.jsonl')",
    "read_csv": "SELECT column0 AS x FROM read_csv('{folder}/web/events.jsonl', header = false, delim = '\\x01', columns = {{'column0': 'VARCHAR'}}, quote = '', escape = '')",
    "query()": "SELECT secret AS x FROM query('SELECT secret FROM pos.secrets')",
    "query_table()": "SELECT secret AS x FROM query_table('pos.secrets')",
    "json_execute_serialized_sql": "SELECT secret AS x FROM json_execute_serialized_sql(json_serialize_sql('SELECT secret FROM pos.secrets'))",
    "pragma_storage_info": "SELECT '17000 ' || stats AS x FROM pragma_storage_info('{people}')",
    "SUMMARIZE": "SELECT max AS x FROM (SUMMARIZE pos.secrets)",
    "UNPIVOT": "SELECT v AS x FROM (UNPIVOT pos.secrets ON secret INTO NAME n VALUE v)",
    "whole row": "SELECT s::varchar AS x FROM pos.secrets s",
    "to_json": "SELECT to_json(s)::varchar AS x FROM pos.secrets s",
    "COLUMNS": "SELECT min(COLUMNS('sec.*')) AS x FROM pos.secrets",
    "a write in WITH": "WITH d AS (DELETE FROM {people} RETURNING k) SELECT k::varchar AS x FROM d",
    "TABLE": "TABLE pos.secrets",
    "set operation": "SELECT 'a' AS x UNION ALL SELECT secret FROM pos.secrets",
    "lateral": "SELECT q.x FROM (SELECT 1 AS one) o, LATERAL (SELECT secret AS x FROM pos.secrets) q",
}  # fmt: skip
SQLITE = {
    "another table": "SELECT secret AS x FROM hidden",
    "another table in a subquery": "SELECT (SELECT secret FROM hidden) AS x",
    "another table in WITH": "WITH h AS (SELECT secret FROM hidden) SELECT secret AS x FROM h",
    "another table in a set operation": "SELECT 'a' AS x UNION ALL SELECT secret FROM hidden",
    "a column that no dataset has": "SELECT password AS x FROM customers",
    "that column aggregated": "SELECT max(password) AS x FROM customers",
    "that column in WHERE": "SELECT 'NGyes' AS x FROM customers WHERE password LIKE 'MKpass1%'",
    "that column in ORDER BY": "SELECT name AS x FROM customers ORDER BY password LIMIT 1",
    "that column in GROUP BY": "SELECT max(name) AS x FROM customers GROUP BY password",
    "that column in a window": "SELECT first_value(name) OVER (ORDER BY password) AS x FROM customers",
    "that column in CASE": "SELECT CASE WHEN password > 'MKpass2' THEN 'NGyes' ELSE 'NGno' END AS x FROM customers",
    "another dataset's text": "SELECT note AS x FROM customers",
    "a table function": "SELECT j.value AS x FROM json_each((SELECT json_array(secret) FROM hidden)) j",
    "group_concat": "SELECT group_concat(body) AS x FROM tickets",
    "quote": "SELECT quote(body) AS x FROM tickets",
    "printf": "SELECT printf('%s', body) AS x FROM tickets",
    "json_array": "SELECT json_array(body) AS x FROM tickets",
    "json_group_array": "SELECT json_group_array(body) AS x FROM tickets",
    "json_object": "SELECT json_object('a', body) AS x FROM tickets",
    "unlikely": "SELECT unlikely(body) AS x FROM tickets",
}  # fmt: skip
POSTGRES = {
    "another table": "SELECT secret AS x FROM public.hidden",
    "another table in EXISTS": "SELECT country AS x FROM sales.order_lines WHERE country LIKE 'NG%' AND EXISTS (SELECT 1 FROM public.hidden)",
    "another table in WITH": "WITH h AS MATERIALIZED (SELECT secret FROM public.hidden) SELECT secret AS x FROM h",
    "another table in a set operation": "SELECT 'a' AS x UNION ALL SELECT secret FROM public.hidden",
    "another table by LATERAL": "SELECT q.x FROM (SELECT 1 AS one) o, LATERAL (SELECT secret AS x FROM public.hidden) q",
    "a sample of another table": "SELECT secret AS x FROM public.hidden TABLESAMPLE SYSTEM (100)",
    "a column that no dataset has": "SELECT password AS x FROM sales.order_lines",
    "that column in WHERE": "SELECT country AS x FROM sales.order_lines WHERE password LIKE 'MKpass1%' AND country LIKE 'NG%'",
    "that column in ORDER BY": "SELECT country AS x FROM sales.order_lines WHERE country LIKE 'NG%' ORDER BY password",
    "that column in GROUP BY": "SELECT max(country) || 'NGx' AS x FROM sales.order_lines GROUP BY password",
    "that column in a window": "SELECT country || 'NGx' AS x FROM (SELECT country, rank() OVER (ORDER BY password) AS r FROM sales.order_lines) q WHERE r > 0",
    "a whole row": "SELECT t::text AS x FROM sales.order_lines t",
    "to_json": "SELECT to_json(t)::text AS x FROM sales.order_lines t",
    "row_to_json": "SELECT row_to_json(t)::text AS x FROM sales.order_lines t",
    "jsonb_agg": "SELECT jsonb_agg(country)::text AS x FROM sales.order_lines",
    "array_agg": "SELECT array_agg(country)::text AS x FROM sales.order_lines",
    "string_agg": "SELECT string_agg(country, ',') AS x FROM sales.order_lines",
    "xmlagg": "SELECT xmlagg(xmlelement(name a, country))::text AS x FROM sales.order_lines",
    "query_to_xml": "SELECT query_to_xml('SELECT secret FROM public.hidden', true, true, '')::text AS x",
    "table_to_xml": "SELECT table_to_xml('public.hidden', true, true, '')::text AS x",
    "schema_to_xml": "SELECT schema_to_xml('public', true, true, '')::text AS x",
    "cursor_to_xml of nothing": "SELECT query_to_xml_and_xmlschema('SELECT secret FROM public.hidden', true, true, '')::text AS x",
    "pg_stats": "SELECT most_common_vals::text AS x FROM pg_catalog.pg_stats WHERE most_common_vals::text LIKE '%NG%'",
    "histogram of pg_stats": "SELECT histogram_bounds::text AS x FROM pg_catalog.pg_stats WHERE histogram_bounds::text LIKE '%MK%'",
    "ts_stat": "SELECT word || 'NGx' AS x FROM ts_stat('SELECT to_tsvector(secret) FROM public.hidden')",
    "generate_series": "SELECT country || i AS x FROM sales.order_lines, generate_series(1, 2) AS s(i)",
    "unnest": "SELECT unnest(ARRAY[country]) AS x FROM sales.order_lines",
    "regexp_matches": "SELECT (regexp_matches(country, 'NG.*'))[1] AS x FROM sales.order_lines",
    "regexp_split_to_table": "SELECT regexp_split_to_table(country, 'x') AS x FROM sales.order_lines",
    "format": "SELECT format('%s', country) AS x FROM sales.order_lines",
    "repeat": "SELECT repeat(country, 2) AS x FROM sales.order_lines",
    "convert_to": "SELECT convert_from(convert_to(country, 'UTF8'), 'UTF8') AS x FROM sales.order_lines",
    "pg_typeof and a value": "SELECT pg_typeof(country)::text || country AS x FROM sales.order_lines",
    "a write in WITH": "WITH d AS (DELETE FROM public.hidden RETURNING secret) SELECT secret AS x FROM d",
    "FOR UPDATE": "SELECT country AS x FROM sales.order_lines FOR UPDATE",
}  # fmt: skip

_TOLD = re.compile(r"NG|MK|170\d\d")


@dataclass(frozen=True)
class Store:
    """A store of a world, a statement that it runs, and what its oracle is."""

    world: World
    name: str
    base: str
    off: Any

    def told(self, sql: str) -> list[str]:
        """Return what of *sql*'s answer nobody may see."""
        self.world.ask(self.base)  # the people table stands
        governed = self.world.watched[self.name].ran[-1]
        people = governed.projections[0].table
        places = {
            "people": {"duckdb": f"people.{people}", "crm": f'temp."{people}"', "shop": f"sekisho.{people}"}[self.name],
            "folder": getattr(self.world, "folder", Path()), "file": f"{getattr(self.world, 'folder', '')}/pos/order_lines.parquet",
        }  # fmt: skip
        query = replace(
            governed, sql=sql.format(**places), parameters={}, hidden=0, projections=(),
            outputs=(Output("x", None, TransformKind.CLEAR),),
        )  # fmt: skip
        rows = self.world._runner.run(self._rows(query))
        return [value for value in rows if _TOLD.search(value)]

    async def _rows(self, query: GovernedQuery) -> list[str]:
        nobody: Any = self.world.people
        found: list[str] = []
        async for batch in self.world.watched[self.name].inner.fetch(query, None, nobody, page_rows=1_000):
            found += [str(value) for value in batch.column(0).to_pylist()]
        return found


@pytest.fixture(scope="module")
def duckdb_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    off = [(duckdb_store, "_tables", lambda _tree: set()), (DuckDbStores, "_parse", lambda *_: {})]
    with World(tmp_path_factory.mktemp("duckdb")) as world:
        world.gateway = replace(world.gateway, key_bits=())  # else no people table stands that could be read
        yield Store(world, "duckdb", "SELECT customer_id, stock_code FROM pos.order_lines", off)


@pytest.fixture(scope="module")
def sqlite_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with World(tmp_path_factory.mktemp("sqlite")) as world:
        yield Store(
            world, "crm", "SELECT customer_id, body FROM crm.tickets", [(sqlite_store, "_authorise", lambda *_: 0)]
        )


@pytest.fixture(scope="module")
def postgres_world() -> Iterator[Store]:
    with database() as conninfo, PostgresWorld(conninfo) as world:
        yield Store(
            world, "shop", "SELECT customer_id, country FROM shop.order_lines", [(oracle, "check", lambda *_: None)]
        )


def _held_by_the_oracle(store: Store, sql: str) -> None:
    with pytest.raises(SekishoError):
        assert store.told(sql) is None
    patches = [mock.patch.object(*patch) for patch in store.off]
    for patch in patches:
        patch.start()
    try:
        assert store.told(sql), "without the oracle nothing is told either"
    finally:
        mock.patch.stopall()
        _forget(store)


def _forget(store: Store) -> None:
    inner: Any = store.world.watched[store.name].inner
    for known in ("_checked", "_looked_at"):
        if hasattr(inner, known):
            getattr(inner, known).clear()
    if isinstance(inner, DuckDbStores):
        inner._versions.clear()  # a statement may have emptied the people table


@pytest.mark.parametrize("what", DUCKDB)
def test_duckdb_parses_what_the_rewriter_made_once_more(duckdb_world: Store, what: str) -> None:
    """DuckDB's own list of the tables stops files, table functions, other datasets, the people table and writes."""
    _held_by_the_oracle(duckdb_world, DUCKDB[what])


@pytest.mark.parametrize("what", SQLITE)
def test_sqlite_authorises_each_column_and_function(sqlite_world: Store, what: str) -> None:
    """SQLite's authorizer stops other tables, other columns and functions, in whatever clause they stand."""
    _held_by_the_oracle(sqlite_world, SQLITE[what])


@pytest.mark.postgres
@pytest.mark.parametrize("what", POSTGRES)
def test_postgresql_explains_what_it_would_read(postgres_world: Store, what: str) -> None:
    """The server's plan stops other tables, columns, functions and whole rows, also for a role that may read them."""
    _held_by_the_oracle(postgres_world, POSTGRES[what])

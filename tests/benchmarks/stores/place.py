"""A workspace over ten million order lines of a million people, once in PostgreSQL and once in a Parquet file."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

import duckdb
import psycopg
from sqlalchemy import URL, make_url

from sekisho.adapters.stores.postgresql import rights
from sekisho.bootstrap import Workspace, open_workspace, prepare
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.terms import Cell, SubjectNumber
from sekisho.ports import ConsentEventInput
from sekisho.settings import FILE_NAME, load

ROWS = int(os.environ.get("SEKISHO_BENCH_ROWS", "10000000"))
"""Order lines in each store."""
PEOPLE = int(os.environ.get("SEKISHO_BENCH_SHOPPERS", "1000000"))
"""Customers; three of four agree."""

PURPOSE = "recommendation"
_BLOCK = 100_000
_RANKS, _COUNTRIES = ("bronze", "silver", "gold"), ("JP", "GB", "FR", "DE", "US", "KR", "TW", "IT", "ES", "AU")
_CUSTOMERS = """
CREATE UNLOGGED TABLE customers AS SELECT
  n AS customer_id, 'Name ' || n AS name, 'c' || n || '@shop.example' AS email, '090-' || n AS phone,
  lpad((n * 7919 % 1000000)::text, 7, '0') AS postal_code, 'prefecture ' || n % 47 AS prefecture,
  date '1940-01-01' + (n * 31 % 24000)::int AS birth_date, (ARRAY['f', 'm', 'x'])[1 + n % 3] AS gender,
  'band ' || n % 9 AS income_band, (ARRAY[{ranks}])[1 + n % 3] AS member_rank,
  date '2000-01-01' + (n % {days})::int AS signed_up_on, 'ja' AS language, n % 5000 AS points, n % 10 > 0 AS active
FROM generate_series(1::bigint, {people}) n;
ALTER TABLE customers ADD PRIMARY KEY (customer_id);
CREATE INDEX ON customers (signed_up_on);
"""
# The same in both engines; lists are written otherwise.
_LINES = """
SELECT (i >> 2) AS invoice, 1 + i * 7919 % {people} AS customer_id, 's' || i % 4000 AS stock_code,
  'product number ' || i % 4000 AS description, 1 + i % 12 AS quantity,
  (100 + i % 9000) / 100.0::float8 AS unit_price,
  timestamp '2020-01-01 00:00:00' + i * interval '10 seconds' AS ordered_at, {countries}[1 + i * 31 % 10] AS country
FROM {source}
"""


@dataclass(frozen=True)
class Place:
    """A workspace in *folder*; *shop* is its database in PostgreSQL, as an administrator sees it."""

    folder: Path
    shop: str

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """Return a connection that commits each statement."""
        return psycopg.connect(self.shop, autocommit=True)

    def parquet(self) -> str:
        """Return the SHA-256 of the Parquet file."""
        with (self.folder / "stores" / "files" / "order_lines.parquet").open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def place(keep: Path | None) -> Iterator[Place]:
    """Yield the workspace, built when *keep* does not hold it; without *keep* it is gone afterwards."""
    given = os.environ.get("SEKISHO_BENCH_POSTGRES") or os.environ["SEKISHO_TEST_POSTGRES"]
    server = make_url(given).set(drivername="postgresql")
    with tempfile.TemporaryDirectory(prefix="sekisho-bench-") as temporary:
        folder = (keep or Path(temporary)).resolve() / f"{ROWS}-{PEOPLE}"
        name = f"sekisho_bench_{hashlib.sha256(str(folder).encode()).hexdigest()[:10]}"
        made = Place(folder, _text(server.set(database=name)))
        try:
            if not _is_whole(made):
                _remove(server, name)
                shutil.rmtree(folder, ignore_errors=True)
                _build(made, server, name)
                (folder / "filled").touch()
            yield made
        finally:
            if keep is None or not (folder / "filled").exists():
                _remove(server, name)


def _is_whole(made: Place) -> bool:
    """Return whether everything that was left is there still: a server that went down hard has emptied its tables."""
    if not (made.folder / "filled").exists():
        return False
    try:
        with made.connect() as shop:
            counted = shop.execute(
                "SELECT (SELECT count(*) FROM order_lines), (SELECT count(*) FROM customers)"
            ).fetchone()
    except psycopg.Error:
        return False
    return counted == (ROWS, PEOPLE)


def _build(made: Place, server: URL, name: str) -> None:
    folder = made.folder
    (folder / "stores" / "files").mkdir(parents=True)
    records = server.set(database=f"{name}_records")
    role = server.set(database=name, username=f"{name}_gateway", password=None)
    text = (files(__package__) / "workspace.yaml").read_text(encoding="utf-8")
    text = text.replace("@RECORDS@", _text(records)).replace("@SHOP@", _text(role))
    (folder / FILE_NAME).write_text(text, encoding="utf-8")
    with psycopg.connect(_text(server), autocommit=True) as admin:
        for database in (name, records.database):
            admin.execute(f"CREATE DATABASE {database}")
    with made.connect() as shop:
        shop.execute("SET synchronous_commit = off")
        shop.execute("SET maintenance_work_mem = '1GB'")
        shop.execute(_CUSTOMERS.format(ranks=_list(_RANKS), people=PEOPLE, days=max(1, PEOPLE // 133)))
        lines = _LINES.format(
            people=PEOPLE, countries=f"(ARRAY[{_list(_COUNTRIES)}])",
            source=f"generate_series(0::bigint, {ROWS - 1}) i",
        )  # fmt: skip
        shop.execute(f"CREATE UNLOGGED TABLE order_lines AS {lines}")
        shop.execute("CREATE INDEX ON order_lines (ordered_at)")
        shop.execute("CREATE INDEX ON order_lines (customer_id)")
        # As autovacuum would leave it; else the first read of all sets the hint bits of every row.
        shop.execute("VACUUM (FREEZE, ANALYZE)")
    lines = _LINES.format(people=PEOPLE, countries=f"[{_list(_COUNTRIES)}]", source=f"range({ROWS}) r(i)")
    with duckdb.connect() as db:
        target = folder / "stores" / "files" / "order_lines.parquet"
        db.execute("SET enable_progress_bar = false")
        db.execute(f"COPY ({lines}) TO '{target}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)")
    settings = prepare(folder)
    catalogue = load(folder).catalogue
    datasets = [dataset for dataset in catalogue.datasets.values() if dataset.store == "shop"]
    asyncio.run(
        rights.apply(rights.script(catalogue.stores["shop"], datasets, password=None, connections=64), made.shop)
    )
    asyncio.run(_people(folder))
    with psycopg.connect(_text(make_url(settings.database_url).set(drivername="postgresql")), autocommit=True) as own:
        own.execute("SET synchronous_commit = off")
        own.execute(
            "INSERT INTO consent_state (number, cell, state, seq, since, notice_version)"
            " SELECT n, %s, CASE WHEN n %% 4 = 0 THEN 'refused' ELSE 'given' END, 1, 1600000000000000, '1'"
            " FROM generate_series(1::bigint, %s) n ON CONFLICT DO NOTHING",
            (PURPOSE, PEOPLE),
        )
        own.execute("VACUUM (FREEZE, ANALYZE)")


async def _people(folder: Path) -> None:
    """Register everybody, as customers 1, 2 and so on, and let the first one agree by an event."""
    async with open_workspace(folder) as workspace:
        for low in range(1, PEOPLE + 1, _BLOCK):
            values = [str(number) for number in range(low, min(low + _BLOCK, PEOPLE + 1))]
            await workspace.people.register("customer_id", values)
        await _first(workspace)


async def _first(workspace: Workspace) -> None:
    event = ConsentEventInput(
        SubjectNumber(1), PURPOSE, (Cell(PURPOSE),), ConsentEventKind.GIVE, "api", "data_subject"
    )  # fmt: skip
    await workspace.ledger.record([event])


def _remove(server: URL, name: str) -> None:
    with psycopg.connect(_text(server), autocommit=True) as admin:
        for database in (name, f"{name}_records"):
            admin.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        admin.execute(f"DROP ROLE IF EXISTS {name}_gateway")
        admin.execute(f"DROP ROLE IF EXISTS {name}_peer")


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False).replace(quote("/", safe=""), "/")


def _list(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)

"""DuckDB's lock-down: what no statement could do even if everything before it failed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sekisho.adapters.stores import duckdb_locked
from sekisho.adapters.stores.duckdb import DuckDbStores
from sekisho.domain.terms import Column, ColumnClass, ColumnType, Dataset, Store, StoreKind
from sekisho.errors import StoreUnavailable
from tests.query.world import DATASETS, World


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("locked")) as world:
        yield world


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_parquet('https://example.org/x.parquet')",
        "COPY (SELECT 1) TO 'sekisho-lockdown.csv'",
        "ATTACH 'sekisho-lockdown.db' AS x",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET allowed_directories = ['/']",
        "SET autoload_known_extensions = true",
        "SET home_directory = '/'",
        "EXPORT DATABASE 'sekisho-lockdown'",
        "PRAGMA threads = 9",
    ],
)
def test_the_engine_is_locked(locked: World, sql: str) -> None:
    """Files elsewhere, the network, extensions and settings are out of reach of the connection itself."""
    with pytest.raises(duckdb.Error):
        locked.duckdb._db.execute(sql)


@pytest.mark.parametrize("place", range(len(duckdb_locked._SETTINGS)))
def test_an_engine_that_is_not_locked_does_not_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    """Each setting of the lock-down is read back: one that says something else keeps the stores closed."""
    held = list(duckdb_locked._SETTINGS)
    held[place] = "max_expression_depth"  # in the place of the setting, one that says something else
    monkeypatch.setattr(duckdb_locked, "_SETTINGS", held)
    with pytest.raises(StoreUnavailable, match="did not accept its lock-down"):
        World(tmp_path)


def test_no_variable_of_the_process_is_a_table(locked: World) -> None:
    """DuckDB would read a Python variable by its name; here it does not."""
    secret_table = pa.table({"a": [1]})
    with pytest.raises(duckdb.CatalogException):
        locked.duckdb._db.execute("SELECT * FROM secret_table")
    assert secret_table.num_rows == 1


@pytest.mark.parametrize(
    ("column", "held"),
    [
        ("quantity", pa.array(["1", "x"])),
        ("country", pa.array([1, 2])),
        ("invoiced_at", pa.array(["2011-01-01", "x"])),
        ("gift", pa.array([0, 1])),
        ("unit_price", pa.array([1, 2], pa.decimal128(38, 2))),
    ],
)
def test_files_of_another_type_than_the_catalogue_says_are_not_read(
    tmp_path: Path, column: str, held: pa.Array
) -> None:
    """Leak-proofness is judged by the catalogue's types, so a file that holds others is refused at the start."""
    dataset = DATASETS["pos.order_lines"]
    with World(tmp_path) as world:
        table = pq.read_table(world.folder / "pos" / dataset.relation).slice(0, 2)
    table = table.set_column(table.schema.get_field_index(column), column, held)
    pq.write_table(table, tmp_path / "pos" / dataset.relation)
    with pytest.raises(StoreUnavailable, match=column):
        DuckDbStores({"pos": Store("pos", StoreKind.DUCKDB, str(tmp_path / "pos"))}, {dataset.name: dataset})


LIST = Dataset(
    "pos.list", "pos", "*.csv",
    (
        Column("customer_id", ColumnType.INTEGER, ColumnClass.DIRECT_IDENTIFIER),
        Column("member_rank", ColumnType.STRING, ColumnClass.NONE),
        Column("email", ColumnType.STRING, ColumnClass.DIRECT_IDENTIFIER),
    ),
    None, "profile", frozenset(),
)  # fmt: skip


def listed(folder: Path, **files: str) -> list[tuple[object, ...]]:
    """Return the rows of a dataset of CSV files with these lines, as it is read."""
    for name, lines in files.items():
        (folder / f"{name}.csv").write_text(lines)
    stores = DuckDbStores({"pos": Store("pos", StoreKind.DUCKDB, str(folder))}, {LIST.name: LIST})
    try:
        return stores._db.sql("SELECT * FROM pos.list ORDER BY 1").fetchall()
    finally:
        stores.close()


def test_columns_of_a_csv_file_go_by_its_header(tmp_path: Path) -> None:
    """Whatever the order in a file, and with a column too many, no column stands in another's place."""
    rows = listed(
        tmp_path,
        one="email,member_rank,customer_id\na@shop.example,gold,1\n",
        two="member_rank,customer_id,phone,email\nsilver,2,090-1234-5678,b@shop.example\n",
    )
    assert rows == [(1, "gold", "a@shop.example"), (2, "silver", "b@shop.example")]


@pytest.mark.parametrize("lines", ["customer_id,rank,email\n1,gold,a@shop.example\n", "1,gold,a@shop.example\n"])
def test_a_csv_file_without_a_declared_column_is_not_read(tmp_path: Path, lines: str) -> None:
    """A header that lacks a name, or is none, is a fault of the workspace and not the names of what stands there."""
    with pytest.raises(StoreUnavailable):
        listed(tmp_path, one=lines)


def test_a_dataset_without_files_does_not_open(tmp_path: Path) -> None:
    """A pattern that matches nothing is a fault of the workspace."""
    dataset = replace(DATASETS["pos.products"], relation="none-*.parquet")
    with pytest.raises(StoreUnavailable):
        DuckDbStores({"pos": Store("pos", StoreKind.DUCKDB, str(tmp_path))}, {dataset.name: dataset})


_ELSEWHERE = """
import sys
from pathlib import Path
from sekisho.adapters.stores.duckdb_locked import locked_down
from sekisho.domain.terms import Column, ColumnClass, ColumnType, Dataset, Store, StoreKind
seen = Column("seen", ColumnType.TIMESTAMP, ColumnClass.NONE)
dataset = Dataset("pos.visits", "pos", "visits.parquet", (seen,), None, None, frozenset())
store = Store("pos", StoreKind.DUCKDB, sys.argv[1])
engine = locked_down({"pos": store}, {"pos.visits": dataset}, threads=1, copies=None)
print(engine.cursor().execute("SELECT year(seen), CAST(seen AS TIMESTAMP) FROM pos.visits").fetchall())
"""


def test_instants_with_a_zone_are_those_of_utc_wherever_the_machine_stands(tmp_path: Path) -> None:
    """A year that is shown in place of an instant, and a row filter, do not depend on the machine's time zone."""
    seen = pa.array([datetime(2025, 12, 31, 20, 30, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"seen": seen}), tmp_path / "visits.parquet")
    told = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE, str(tmp_path)],
        env=os.environ | {"TZ": "Asia/Tokyo"}, check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert told.stdout.strip() == "[(2025, datetime.datetime(2025, 12, 31, 20, 30))]"

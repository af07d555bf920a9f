"""How SQLite and DuckDB find the rows of one person: typed, bounded, as they are stored."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sekisho.adapters.stores import duckdb as duckdb_stores
from sekisho.adapters.stores.duckdb import DuckDbStores
from sekisho.adapters.stores.personal_data import Key, statement
from sekisho.adapters.stores.sqlite import SqliteStore
from sekisho.domain.terms import Column, ColumnClass, ColumnType, Dataset, Store, StoreKind, SubjectNumber
from sekisho.errors import StatementRefused, StoreUnavailable
from sekisho.ports import DataSubjectRef
from tests.adapters.stores.person import data_of, dataset_of

_N = ColumnClass.NONE


async def sqlite_rows(folder: Path, setup: str, dataset: Dataset, *keys: Key, **more: Any) -> list[dict[str, object]]:
    """Return the rows of number 7, called *keys*, from a SQLite file made by *setup*."""
    path = folder / "crm.db"
    with sqlite3.connect(path) as db:
        db.executescript(setup)
    db.close()
    store = SqliteStore(Store("crm", StoreKind.SQLITE, str(path)), {dataset.name: dataset}, **more)
    try:
        refs = [DataSubjectRef("customer_id", str(key)) for key in keys]
        return (await data_of({"crm": store}, {7: refs}, {dataset.name: dataset}).rows_of(SubjectNumber(7), 10))[
            dataset.name
        ]
    finally:
        store.close()


async def test_keys_are_values_and_never_part_of_a_statement(tmp_path: Path) -> None:
    """Whatever an identifier says, it finds the rows that hold it, letter by letter."""
    setup = "CREATE TABLE things (key TEXT); INSERT INTO things VALUES ('a'), ('x'') OR 1=1 --'), ('?'), ('A')"
    things = dataset_of("things")
    assert await sqlite_rows(tmp_path, setup, things, "x') OR 1=1 --", "?", 'key"') == [
        {"key": "x') OR 1=1 --"},
        {"key": "?"},
    ]


async def test_a_column_that_the_table_lacks_is_no_text(tmp_path: Path) -> None:
    """SQLite would read a quoted name that is no column as a text, and tell it as the person's data."""
    things = dataset_of("things", ColumnType.STRING, Column("income", ColumnType.STRING, _N))
    with pytest.raises(StoreUnavailable):
        await sqlite_rows(tmp_path, "CREATE TABLE things (key TEXT); INSERT INTO things VALUES ('a')", things, "a")


async def test_sqlite_reads_the_columns_of_the_catalogue_and_nothing_else(tmp_path: Path) -> None:
    """SQLite's own list of what a statement reads is compared here, too: a view reaches into no other table."""
    setup = """CREATE TABLE secrets (key TEXT); INSERT INTO secrets VALUES ('a');
        CREATE VIEW things AS SELECT * FROM secrets"""
    with pytest.raises(StoreUnavailable):
        await sqlite_rows(tmp_path, setup, dataset_of("things"), "a")


async def test_a_column_that_compares_loosely_gives_no_answer(tmp_path: Path) -> None:
    """Where the column takes ``A`` for ``a``, nobody knows whose row it is: the privacy officer must look."""
    setup = "CREATE TABLE things (key TEXT COLLATE NOCASE); INSERT INTO things VALUES ('A'), ('a')"
    with pytest.raises(StoreUnavailable):
        await sqlite_rows(tmp_path, setup, dataset_of("things"), "a")


async def test_what_sqlite_keeps_becomes_json(tmp_path: Path) -> None:
    """Truth values, bytes, numbers and texts are told as they are stored, in JSON; a name may hold a quote."""
    things = dataset_of(
        'odd "things"', ColumnType.INTEGER, Column("yes", ColumnType.BOOLEAN, _N),
        Column("raw", ColumnType.STRING, _N), Column("much", ColumnType.DOUBLE, _N),
    )  # fmt: skip
    setup = """CREATE TABLE "odd ""things\"\"" (key, yes, raw, much);
        INSERT INTO "odd ""things\"\"" VALUES (1, 1, x'00ff', 9e999), ('1', 0, '関所', 0.5), (1, NULL, NULL, 2)"""
    assert await sqlite_rows(tmp_path, setup, things, 1) == [
        {"key": 1, "yes": True, "raw": "AP8=", "much": None},
        {"key": 1, "yes": None, "raw": None, "much": 2},
    ]


@pytest.mark.parametrize(
    ("broken", "seconds"),
    [
        ("CREATE TABLE other (key TEXT)", 60.0),
        ("CREATE TABLE things (key TEXT, note); INSERT INTO things VALUES ('a', CAST(x'61ff' AS TEXT))", 60.0),
        (
            """CREATE TABLE things (key TEXT, note);
           WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
           INSERT INTO things SELECT 'b', 'c' FROM n, (SELECT i FROM n LIMIT 400)""",
            0.0,
        ),
    ],
    ids=["no-table", "no-text", "too-slow"],
)
async def test_sqlite_that_cannot_answer_says_nothing_of_its_data(
    tmp_path: Path, broken: str, seconds: float
) -> None:
    """A missing table, unreadable text and an answer that takes too long are the store's faults, without a value."""
    things = dataset_of("things", ColumnType.STRING, Column("note", ColumnType.STRING, _N))
    with pytest.raises(StoreUnavailable) as told:
        await sqlite_rows(tmp_path, broken, things, "a", timeout=seconds)
    assert told.value.__cause__ is None
    assert str(told.value) == (
        "The rows of crm.things could not be read." if seconds else "The statement took too long and was stopped."
    )


async def test_a_store_answers_others_after_a_fault(tmp_path: Path) -> None:
    """A connection on which a statement failed is not used again, and its place is free."""
    with sqlite3.connect(tmp_path / "crm.db") as db:
        db.executescript("CREATE TABLE things (key TEXT); INSERT INTO things VALUES ('a')")
    db.close()
    things, missing = dataset_of("things"), dataset_of("missing")
    place = Store("crm", StoreKind.SQLITE, str(tmp_path / "crm.db"))
    store = SqliteStore(place, {things.name: things}, connections=1)
    try:
        for _ in range(3):
            with pytest.raises((StatementRefused, StoreUnavailable)):
                await store.rows_with_key(missing, ["a"], 1)
            assert store._idle == []
            assert await store.rows_with_key(things, ["a"], 1) == [("a",)]
    finally:
        store.close()


async def duckdb_rows(folder: Path, table: pa.Table, dataset: Dataset, *keys: Key) -> list[dict[str, object]]:
    """Return the rows of number 7, called *keys*, from one Parquet file."""
    (folder / "pos").mkdir()
    pq.write_table(table, folder / "pos" / "things.parquet")
    store = DuckDbStores({"pos": Store("pos", StoreKind.DUCKDB, str(folder / "pos"))}, {dataset.name: dataset})
    try:
        refs = [DataSubjectRef("customer_id", str(key)) for key in keys]
        return (await data_of({"pos": store}, {7: refs}, {dataset.name: dataset}).rows_of(SubjectNumber(7), 10))[
            dataset.name
        ]
    finally:
        store.close()


@pytest.mark.parametrize("kind", [pa.int8(), pa.int32(), pa.int64(), pa.uint16(), pa.uint64()], ids=str)
async def test_files_with_keys_of_any_width_are_found(tmp_path: Path, kind: pa.DataType) -> None:
    """A whole number is found in a column of every width, also beside one that the column could not hold."""
    things = dataset_of("things.parquet", ColumnType.INTEGER, store="pos")
    table = pa.table({"key": pa.array([17, 18, None, 17], kind)})
    assert await duckdb_rows(tmp_path, table, things, 17, 2**62, -3) == [{"key": 17}, {"key": 17}]


async def test_what_duckdb_keeps_becomes_json(tmp_path: Path) -> None:
    """Instants are UTC whatever zone the file has, decimals are numbers, what is not finite is null."""
    at = datetime(2011, 1, 1, 9, 30, tzinfo=timezone(timedelta(hours=9)))
    columns = {
        "zoned": (ColumnType.TIMESTAMP, pa.array([at], pa.timestamp("us", "Asia/Tokyo"))),
        "fine": (ColumnType.TIMESTAMP, pa.array([1_293_840_000_000_000_123], pa.timestamp("ns"))),
        "price": (ColumnType.DOUBLE, pa.array([Decimal("1.25")], pa.decimal128(9, 2))),
        "score": (ColumnType.DOUBLE, pa.array([float("nan")])),
        "born": (ColumnType.DATE, pa.array([at.date()])),
        "gift": (ColumnType.BOOLEAN, pa.array([True])),
        "band": (ColumnType.STRING, pa.array(["関"]).dictionary_encode()),
        "none": (ColumnType.STRING, pa.array([None], pa.string())),
    }
    more = [Column(name, kind, ColumnClass.SENSITIVE) for name, (kind, _) in columns.items()]
    table = pa.table({"key": ["a"]} | {name: values for name, (_, values) in columns.items()})
    rows = await duckdb_rows(
        tmp_path, table, dataset_of("things.parquet", ColumnType.STRING, *more, store="pos"), "a"
    )
    assert rows == [
        {
            "key": "a", "zoned": "2011-01-01T00:30:00Z", "fine": "2011-01-01T00:00:00Z", "price": 1.25, "score": None,
            "born": "2011-01-01", "gift": True, "band": "関", "none": None,
        }
    ]  # fmt: skip
    assert at.astimezone(UTC).isoformat() == "2011-01-01T00:30:00+00:00"
    assert isinstance(rows[0]["gift"], bool)


def test_files_are_read_by_their_statistics(tmp_path: Path) -> None:
    """The filter reaches the scan with the column as it is, so that row groups without the person are skipped."""
    (tmp_path / "pos").mkdir()
    things = dataset_of("things.parquet", ColumnType.INTEGER, store="pos")
    pq.write_table(
        pa.table({"key": pa.array(range(50_000), pa.int32())}), tmp_path / "pos/things.parquet", row_group_size=5_000
    )
    store = DuckDbStores({"pos": Store("pos", StoreKind.DUCKDB, str(tmp_path / "pos"))}, {things.name: things})
    sql = statement('"pos"."things"', things, 1)
    ((_, plan),) = store._db.execute(f"EXPLAIN ANALYZE {sql}", [17_850, 10]).fetchall()
    store.close()
    assert "Row Groups Scanned: 1 / 10" in plan
    assert "CAST" not in plan.replace(sql, "")


async def test_files_that_went_leave_no_answer(tmp_path: Path) -> None:
    """Files that vanished or hold something else are a store that is unavailable; no text of the engine is told."""
    things = dataset_of("things.jsonl", ColumnType.INTEGER, store="pos")
    path = tmp_path / "things.jsonl"
    path.write_text('{"key": 1}\n')
    store = DuckDbStores({"pos": Store("pos", StoreKind.DUCKDB, str(tmp_path))}, {things.name: things})
    data = data_of({"pos": store}, {7: [DataSubjectRef("customer_id", "1")]}, {things.name: things})
    assert await data.rows_of(SubjectNumber(7), 10) == {"pos.things": [{"key": 1}]}
    path.write_text('{"key": "NGsecret"}\n{"key": 1}\n')  # what is no number is nobody's key
    assert await data.rows_of(SubjectNumber(7), 10) == {"pos.things": [{"key": 1}]}
    for change in (lambda: path.write_text('{"key": NGsecret}\n'), path.unlink):
        change()
        with pytest.raises(StoreUnavailable) as told:
            await data.rows_of(SubjectNumber(7), 10)
        assert "NGsecret" not in str(told.value)
    store.close()


async def test_duckdb_stops_what_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store's own timeout holds here, too: a read that would take days ends."""

    def endless(cursor: Any, sql: str, parameters: list[Key]) -> list[tuple[object, ...]]:
        days = "SELECT sum(hash(a.i + b.i)) FROM range(10000000) a(i), range(10000000) b(i)"
        found: list[tuple[object, ...]] = cursor.execute(days).fetchall()
        return found

    monkeypatch.setattr(duckdb_stores, "_whole", endless)
    store = DuckDbStores({"pos": Store("pos", StoreKind.DUCKDB, str(tmp_path))}, {}, timeout=0.3)
    try:
        async with asyncio.timeout(10):
            with pytest.raises(StoreUnavailable, match="too long"):
                await store.rows_with_key(dataset_of("things.parquet", store="pos"), ["a"], 10)
    finally:
        store.close()

"""Masks at the scan: the SQL of each engine and the Arrow form give the same answers, and fail on no value."""

# ruff: noqa: E501 - tables of values

from __future__ import annotations

import datetime as dt
import math
import os
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
import pytest
from psycopg import sql as pg
from sqlglot import exp

from sekisho.adapters.clock import SystemClock
from sekisho.domain.masks import (
    Bucket,
    Constant,
    DatePart,
    Hierarchy,
    Keep,
    Mask,
    Partial,
    Redact,
    TopBottom,
    TransformKind,
    Truncate,
    Withhold,
)
from sekisho.domain.terms import ColumnType, StoreKind
from sekisho.query.dialects import DIALECTS
from sekisho.transform.scan import masked

TEXTS = [
    None, "", " ", "a", "林", "山田花子", "山田 花子", "山田　花子", " 林 誠 ", "林 大輔", "Taro Yamada", "Taro T. Yamada", "T Yamada",
    "hanako@example.co.jp", "HANAKO@Example.JP", "a@b@example.com", "@example.com", "hanako@", "hanako", "x@例え.jp", "x@a b.jp",
    "x@example.com\n", "\nx@example.com", "o'brien@example.ie", "x@" + "a" * 253, "x@" + "a" * 254, "x@-._", "x@a.jp (花子)",
    "090-1234-5678", "09012345678", "+81 90 1234 5678", "(03) 1234-5678", "4111 1111 1111 1234", "1234567", "12345678", "12-34-56-78",
    "０９０１２３４５６７８", "090-1234-567x", "090-1234-5678\n", "1" * 19, "1" * 20, "-", "()",
    "東京都渋谷区神南1-2-3", "神奈川県横浜市", "和歌山県", "鹿児島", "〒150-0041 東京都渋谷区", "〒１５０－００４１　京都府", "渋谷区神南", "東京",
    "北海道", "大阪府", "東京府", "青森", "県", "🙂🙂🙂🙂", "𠮷野 太郎", "がぎ ぐげ",
    "https://taro:pw@shop.example.com:8080/x?y#z", "http://taro@", "http://taro:12@", "mailto:taro@example.org", "http://h", "taro",
    "Mozilla Chrome/1 Edg/2", "Chrome Safari", "Firefox", "curl", "1990", "1990-04-12", "1990/4/12", "1990年4月", "19900412",
    "19900412T1000", "1990041210", "19901312", "1700000000", "2459000.5", "１９９０", "***", "'; DROP TABLE t; --", "\\", "%_",
]  # fmt: skip
NUMBERS = [
    None,
    0,
    1,
    9,
    10,
    17,
    18,
    19,
    64,
    65,
    90,
    91,
    -1,
    -10,
    -11,
    10**12,
    -(10**15),
    2**62,
    -(2**62),
    2**63 - 1,
    -(2**63),
]
REALS = [None, 0.0, -0.0, 0.1, 9.999, 10.0, 17.5, 65.0, 90.000001, -0.1, -10.0, 1e14, -1e15, 1e16, 5e-324, 1e-301, 1.7e308, math.inf, -math.inf, math.nan]  # fmt: skip
DATES = [None, *map(dt.date.fromisoformat, (
    "2026-01-01", "2026-03-31", "2026-04-01", "2026-06-30", "2026-07-01", "2026-12-31", "2024-02-29", "1969-12-31", "1868-01-25",
    "0001-01-01", "9999-12-31",
))]  # fmt: skip

GROUPS = {"山田花子": "A", "": "nothing", "o'brien@example.ie": "it's", "18": "young", "-1": "odd", "65": "old"}
MASKS: list[tuple[Mask | TransformKind, ColumnType]] = [
    *((kind, ColumnType.STRING) for kind in (TransformKind.PREFIX3, TransformKind.BROWSER, TransformKind.HOST)),
    *((Partial(keep), ColumnType.STRING) for keep in Keep),
    (Constant("x'y"), ColumnType.STRING),
    (Constant(-7), ColumnType.INTEGER),
    (Constant(3), ColumnType.DOUBLE),
    (Redact(), ColumnType.STRING),
    (Redact(), ColumnType.DATE),
    (Withhold(), ColumnType.INTEGER),
    (Hierarchy("h", 1, GROUPS), ColumnType.STRING),
    (Hierarchy("h", 1, GROUPS), ColumnType.INTEGER),
    *((Bucket(width, start), kind) for kind in (ColumnType.INTEGER, ColumnType.DOUBLE)
      for width, start in ((10, 0), (7, 3), (5, -2), (1, 0), (10**12, 5))),
    *((Bucket(bounds=(0, 18, 65)), kind) for kind in (ColumnType.INTEGER, ColumnType.DOUBLE)),
    *((TopBottom(bottom, top), kind) for kind in (ColumnType.INTEGER, ColumnType.DOUBLE)
      for bottom, top in ((0, 90), (None, 90), (-5, None))),
    *((Truncate(part), ColumnType.DATE) for part in DatePart),
    (TransformKind.YEAR, ColumnType.DATE),
    (TransformKind.AGE_BAND, ColumnType.DATE),
    (TransformKind.YEAR, ColumnType.STRING),
    (TransformKind.AGE_BAND, ColumnType.STRING),
]  # fmt: skip
VALUES: dict[ColumnType, list[Any]] = {
    ColumnType.STRING: TEXTS, ColumnType.INTEGER: NUMBERS, ColumnType.DOUBLE: REALS, ColumnType.DATE: DATES,
}  # fmt: skip
ARROW = {
    ColumnType.STRING: pa.string(), ColumnType.INTEGER: pa.int64(), ColumnType.DOUBLE: pa.float64(),
    ColumnType.DATE: pa.date32(),
}  # fmt: skip


def named(case: object) -> str:
    """Return a name for a case."""
    if isinstance(case, TransformKind | ColumnType):
        return str(case.value)
    return str(case)


def in_duckdb(mask: str, kind: ColumnType, values: Sequence[Any]) -> list[Any]:
    """Return *values* masked in DuckDB."""
    connection = duckdb.connect(":memory:")
    given = pa.table({"i": range(len(values)), "c": pa.array(values, ARROW[kind])})
    connection.register("t", given)
    return [row[0] for row in connection.execute(f"SELECT {mask} FROM t ORDER BY i").fetchall()]


def in_sqlite(mask: str, _: ColumnType, values: Sequence[Any]) -> list[Any]:
    """Return *values* masked in SQLite, where dates are texts."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (i INTEGER PRIMARY KEY, c)")
    connection.executemany("INSERT INTO t VALUES (?, ?)", enumerate(values))
    return [row[0] for row in connection.execute(f"SELECT {mask} FROM t ORDER BY i")]


@pytest.fixture(scope="module")
def server() -> Iterator[psycopg.Connection[Any]]:
    """Return a connection to PostgreSQL."""
    address = os.environ.get("SEKISHO_TEST_POSTGRES")
    if address is None:
        pytest.skip("no PostgreSQL server is named")
    with psycopg.connect(address.replace("+psycopg", ""), autocommit=True) as connection:
        yield connection


def sql_of(engine: StoreKind, case: Mask | TransformKind, kind: ColumnType) -> str:
    """Return *case* over a column ``c`` in the words of *engine*."""
    transform, mask = (case, None) if isinstance(case, TransformKind) else (case.kind, case)
    dialect = DIALECTS[engine]
    return dialect.generate(dialect.mask(transform, exp.column("c", quoted=True), kind, mask))


def in_arrow(case: Mask | TransformKind, column: pa.Array, today: dt.date) -> list[Any]:
    """Return *column* under *case* in Arrow."""
    if isinstance(case, TransformKind):
        return list(masked(column, case, today=today).to_pylist())
    return list(masked(column, case.kind, case).to_pylist())


def plain(values: Sequence[Any]) -> list[Any]:
    """Return values that compare: no number is one, and minus zero is zero."""
    return ["NaN" if isinstance(v, float) and math.isnan(v) else v + 0 if isinstance(v, float) else v for v in values]


@pytest.mark.parametrize(("case", "kind"), MASKS, ids=named)
def test_duckdb_masks_as_arrow_does(case: Mask | TransformKind, kind: ColumnType) -> None:
    """DuckDB and Arrow give the same for every value."""
    values = VALUES[kind]
    found = in_duckdb(sql_of(StoreKind.DUCKDB, case, kind), kind, values)
    assert plain(found) == plain(in_arrow(case, pa.array(values, ARROW[kind]), SystemClock().now().date()))


@pytest.mark.parametrize(("case", "kind"), MASKS, ids=named)
def test_sqlite_masks_as_arrow_does(case: Mask | TransformKind, kind: ColumnType) -> None:
    """SQLite and Arrow give the same for every value that SQLite holds."""
    if case is TransformKind.HOST:
        pytest.skip("SQLite shows no host")
    values = [None if v is None or (isinstance(v, float) and math.isnan(v)) else v for v in VALUES[kind]]
    arrow = ARROW[kind]
    if kind is ColumnType.DATE:
        values, arrow = [None if v is None else v.isoformat() for v in values], pa.string()
        values += ["2026-04-01T09:30:00", "unknown", "2026-13-01", "2026", "２０２６-04-01", ""]
    if case == Redact() and kind is ColumnType.DATE:
        return  # the column's own type decides, and Arrow's is a text here
    if case in {TransformKind.YEAR, TransformKind.AGE_BAND}:
        values = values[: len(VALUES[kind])]
    found = in_sqlite(sql_of(StoreKind.SQLITE, case, kind), kind, values)
    assert plain(found) == plain(in_arrow(case, pa.array(values, arrow), SystemClock().now().date()))


@pytest.mark.postgres
@pytest.mark.parametrize(("case", "kind"), MASKS, ids=named)
def test_postgresql_masks_as_arrow_does(
    server: psycopg.Connection[Any], case: Mask | TransformKind, kind: ColumnType
) -> None:
    """PostgreSQL and Arrow give the same for every value."""
    types = {"string": "text", "integer": "int8", "double": "float8", "date": "date"}
    values = VALUES[kind]
    server.execute("DROP TABLE IF EXISTS pg_temp.t")
    server.execute(pg.SQL("CREATE TEMP TABLE t (i int, c {})").format(pg.SQL(types[kind.value])))
    with server.cursor() as cursor:
        insert = pg.SQL("INSERT INTO t VALUES (%s, %s::{})").format(pg.SQL(types[kind.value]))
        cursor.executemany(insert, list(enumerate(values)))
    mask = sql_of(StoreKind.POSTGRESQL, case, kind)
    found = [row[0] for row in server.execute(f"SELECT {mask} FROM pg_temp.t ORDER BY i".encode()).fetchall()]
    assert plain(found) == plain(in_arrow(case, pa.array(values, ARROW[kind]), SystemClock().now().date()))


@pytest.mark.postgres
def test_postgresql_fails_on_no_number(server: psycopg.Connection[Any]) -> None:
    """Numbers of any size and days that are none become null: an error would tell of a row."""
    bucket = sql_of(StoreKind.POSTGRESQL, Bucket(10, 3), ColumnType.DOUBLE)
    for number in ("1e400", "-1e400", "1e-400", "'NaN'", "'Infinity'"):
        found = server.execute(f"SELECT {bucket} FROM (SELECT {number}::numeric AS c) t".encode()).fetchall()
        assert found in ([(None,)], [(-7.0,)])
    whole = sql_of(StoreKind.POSTGRESQL, Bucket(10, 3), ColumnType.INTEGER)
    for kind in ("int2", "int4", "int8"):
        low = {"int2": -(2**15), "int4": -(2**31), "int8": -(2**63)}[kind]
        server.execute(f"SELECT {whole} FROM (SELECT '{low}'::{kind} AS c) t".encode()).fetchall()
    for part in DatePart:
        day = sql_of(StoreKind.POSTGRESQL, Truncate(part), ColumnType.DATE)
        for edge in ("infinity", "-infinity", "4714-11-24 BC", "5874897-12-31"):
            assert server.execute(f"SELECT {day} FROM (SELECT DATE '{edge}' AS c) t".encode()).fetchall() == [(None,)]


@pytest.mark.parametrize("part", list(DatePart), ids=str)
def test_duckdb_fails_on_no_day(part: DatePart) -> None:
    """A day without end has no first day."""
    mask = sql_of(StoreKind.DUCKDB, Truncate(part), ColumnType.DATE)
    for edge in ("infinity", "-infinity", "5877642-06-25 (BC)", "5881580-07-10"):
        found = duckdb.execute(f"SELECT {mask} FROM (SELECT CAST('{edge}' AS DATE) AS c) t").fetchall()
        assert found == [(None,)]


@pytest.mark.parametrize("case", [TransformKind.YEAR, TransformKind.AGE_BAND, *map(Truncate, DatePart)], ids=named)
@pytest.mark.parametrize(
    "when", ["infinity", "-infinity", "290309-12-22 (BC) 00:00:00+00", "294247-01-10 04:00:54+00"]
)
def test_duckdb_fails_on_no_instant(case: Mask | TransformKind, when: str) -> None:
    """The first and the last instants with a zone have a mask or none: an error would tell of a row."""
    mask = sql_of(StoreKind.DUCKDB, case, ColumnType.TIMESTAMP)
    with duckdb.connect() as engine:
        assert (
            len(engine.execute(f"SELECT {mask} FROM (SELECT CAST('{when}' AS TIMESTAMPTZ) AS c) t").fetchall()) == 1
        )

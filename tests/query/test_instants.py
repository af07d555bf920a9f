"""Instants of SQLite, which keeps them as texts in any spelling, are told and compared as on the other engines."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import orjson
import pyarrow as pa
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.domain.terms import Catalogue, Column, ColumnClass, ColumnType, Dataset, Store, StoreKind
from sekisho.errors import InvalidRequest, StatementRefused
from sekisho.http.rows import json_rows
from sekisho.query.dialects.sqlite_instants import COLUMN, OPERAND, canonical, day_from
from sekisho.query.plan import bind
from sekisho.release import Ask
from tests.query.ground import Ground
from tests.query.planning import plan_of
from tests.query.reference import counted
from tests.query.test_leakproof import Codec
from tests.query.world import PURPOSES, REQUESTERS

_NONE = ColumnClass.NONE
_FOR = frozenset({"recommendation"})
LOG = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            "log.entries", "log", "entries",
            (
                Column("id", ColumnType.INTEGER, _NONE), Column("at", ColumnType.TIMESTAMP, _NONE),
                Column("until", ColumnType.TIMESTAMP, _NONE), Column("day", ColumnType.DATE, _NONE),
                Column("note", ColumnType.STRING, _NONE),
            ),
            None, None, _FOR,
        ),
        Dataset(
            "log.days", "log", "days",
            (Column("at", ColumnType.DATE, _NONE), Column("n", ColumnType.INTEGER, _NONE)), None, None, _FOR,
        ),
    )
}  # fmt: skip

SPELLED: list[tuple[object, str | None]] = [
    ("2026-11-02 10:00:00", "2026-11-02 10:00:00"),
    ("2026-11-02T19:00:00+09:00", "2026-11-02 10:00:00"),
    ("2026-11-02", "2026-11-02 00:00:00"),
    ("2026-11-02T10:00:00.123456Z", "2026-11-02 10:00:00.123456"),
    ("1969-12-31 23:59:59.5", "1969-12-31 23:59:59.5"),
    ("2026-11-02T05:00:00+09:00", "2026-11-01 20:00:00"),
    ("2026-11-02T21:00-05:00", "2026-11-03 02:00:00"),
    ("2026-11-02 10:00:00.500000000 +00", "2026-11-02 10:00:00.5"),
    ("2024-02-29T23:30z", "2024-02-29 23:30:00"),
    ("0001-01-01 00:00:00", "0001-01-01 00:00:00"),
    ("9999-12-31T23:59:59.999999Z", "9999-12-31 23:59:59.999999"),
    ("2026-11-02 03:00:00-0700", "2026-11-02 10:00:00"),
    ("2026-11-03T00:00:00.000Z", "2026-11-03 00:00:00"),
    (None, None), ("not an instant", None), ("2026-02-30 10:00:00", None), ("now", None), ("10:00", None), ("", None),
    ("2026-11-02 25:00:00", None), ("2026-11-02T10:00:00+15:00", None), ("2026-11-02 10:00 noon", None),
    ("2461346.5", None), ("-0001-01-01 00:00:00", None),
]  # fmt: skip
"""What SQLite holds, and the instant that it is."""


def _rows(*, spelled: bool) -> dict[str, list[dict[str, Any]]]:
    def at(n: int) -> object:
        text, instant = SPELLED[n % len(SPELLED)]
        return text if spelled else instant and datetime.fromisoformat(instant)

    entries = [
        {
            "place": None, "id": n, "at": at(n), "until": at(n * 7 + 3), "day": f"2026-11-0{1 + n % 3}",
            "note": "even" if n % 2 else "odd",
        }
        for n in range(len(SPELLED))
    ]  # fmt: skip
    days = [{"place": None, "at": f"2026-11-0{n}", "n": n} for n in (1, 2, 3)]
    return {"log.entries": entries, "log.days": days}


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Return the log in SQLite, every instant in its own spelling."""
    with Ground(StoreKind.SQLITE, LOG, _rows(spelled=True), tmp_path_factory.mktemp("texts")) as found:
        yield found


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Return the same log in DuckDB, which has a type for instants."""
    with Ground(StoreKind.DUCKDB, LOG, _rows(spelled=False), tmp_path_factory.mktemp("typed")) as found:
        yield found


# -- one text for each instant ---------------------------------------------------------------------------

_DB = sqlite3.connect(":memory:", check_same_thread=False)


@cache
def _written_for(template: str) -> str:
    return sqlglot.parse_one(template, dialect="sqlite").sql("sqlite")


def _in_sqlite(template: str, value: object) -> str | None:
    (told,) = _DB.execute(f"SELECT {_written_for(template)} FROM (SELECT ? AS c)", (value,)).fetchone()
    assert told is None or isinstance(told, str)
    return told


@pytest.mark.parametrize(("spelled", "instant"), SPELLED)
def test_every_spelling_of_an_instant_is_told_alike(spelled: object, instant: str | None) -> None:
    """In UTC, to the microsecond; what is no instant is NULL; values that Python reads are told the same."""
    assert _in_sqlite(COLUMN, spelled) == instant
    if isinstance(spelled, str):
        assert canonical(spelled) == instant


@pytest.mark.parametrize("value", [1_700_000_000, 2_461_346.5, b"2026-11-02 10:00:00", "0000-01-01"])
def test_what_is_no_text_is_no_instant(value: object) -> None:
    """Numbers are no Julian days here, and there is no year 0."""
    assert _in_sqlite(COLUMN, value) is None


@pytest.mark.parametrize("kind", ["TEXT", "TIMESTAMP", "DATETIME", "NUMERIC", ""])
def test_the_declared_type_of_a_column_changes_nothing(kind: str) -> None:
    """SQLite turns what is compared with a column into numbers where it can, by the column's declared type."""
    db = sqlite3.connect(":memory:")
    db.execute(f"CREATE TABLE t (n INTEGER, c {kind})")
    db.executemany("INSERT INTO t VALUES (?, ?)", [(n, text) for n, (text, _) in enumerate(SPELLED)])
    told = [row[0] for row in db.execute(f"SELECT {_written_for(COLUMN)} FROM t ORDER BY n")]
    db.close()
    assert told == [instant for _, instant in SPELLED]


_INSTANTS = st.datetimes(datetime.fromisoformat("0001-01-03"), datetime.fromisoformat("9999-12-29"))
_OFFSETS = st.integers(-14 * 60 - 59, 14 * 60 + 59)


@st.composite
def _written(draw: st.DrawFn) -> tuple[datetime, str]:
    """Return an instant and some spelling of it."""
    minutes = draw(_OFFSETS)
    near = draw(st.sampled_from([timedelta(0), timedelta(microseconds=1), timedelta(milliseconds=500), None]))
    base = datetime.fromisoformat("2026-11-02 23:59:59.500")
    at = draw(_INSTANTS) if near is None else base + near
    at = at.replace(microsecond=draw(st.sampled_from([0, 1, 120_000, 999_999, at.microsecond])))
    local = (at + timedelta(minutes=minutes)).isoformat(draw(st.sampled_from([" ", "T"])))
    sign, left = ("-" if minutes < 0 else "+"), abs(minutes)
    zones = [f"{sign}{left // 60:02d}:{left % 60:02d}", f"{sign}{left // 60:02d}{left % 60:02d}"]
    if minutes == 0:
        zones += ["", "Z", "z"]
    if left % 60 == 0:
        zones.append(f"{sign}{left // 60:02d}")
    if at.microsecond:
        local = local.rstrip("0") if draw(st.booleans()) else local + "000"
    return at, local + draw(st.sampled_from(zones))


@settings(max_examples=300)
@given(_written(), _written())
def test_order_and_equality_are_those_of_the_instants(one: tuple[datetime, str], other: tuple[datetime, str]) -> None:
    """Two texts are equal, and stand before each other, where their instants do."""
    texts = [_in_sqlite(COLUMN, spelled) for _, spelled in (one, other)]
    first, second = texts
    assert first is not None
    assert second is not None
    assert (first == second, first < second) == (one[0] == other[0], one[0] < other[0])
    assert texts == [canonical(spelled) for _, spelled in (one, other)]
    assert [datetime.fromisoformat(_six(text)) for text in (first, second)] == [one[0], other[0]]


def _six(text: str) -> str:
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction:0<6}"


_NEARLY = (
    r"(2026|1969|0100)-[01][0-9]-[0-3][0-9]([ T][0-2][0-9]:[0-6][0-9](:[0-6][0-9](\.[0-9]{0,8})?)?)?[ Zz+0-9:-]{0,7}"
)


@settings(max_examples=100)
@given(st.from_regex(_NEARLY, fullmatch=True))
def test_sqlite_and_python_read_the_same_texts(text: str) -> None:
    """What tells an instant in the store tells the same one as a literal or parameter, and nothing else does."""
    assert _in_sqlite(COLUMN, text) == canonical(text)


@pytest.mark.parametrize(("spelled", "instant"), [(s, i) for s, i in SPELLED[:5] if s != SPELLED[3][0]])
def test_what_is_computed_is_told_alike(spelled: object, instant: str | None) -> None:
    """An expression beside an instant is brought to the same text, to the millisecond."""
    assert _in_sqlite(OPERAND, spelled) == instant


def test_days_beyond_the_calendar() -> None:
    """Before the first day stands the empty text, after the last one what stands behind all digits."""
    assert day_from("0001-01-01 00:00:00", -1) < "0001-01-01"
    assert day_from("9999-12-31 00:00:00", 2) > "9999-12-31T23:59:59Z"
    assert day_from("2026-11-30 23:00:00", 2) == "2026-12-02"


# -- the same answers as where instants have a type --------------------------------------------------------

TEN = "2026-11-02T10:00:00Z"
ALIKE: list[tuple[str, tuple[object, ...]]] = [
    *((f"SELECT id FROM log.entries WHERE at {op} '{value}'", ())
      for op in ("=", "<>", "<", "<=", ">", ">=")
      for value in (TEN, "2026-11-02", "2026-11-01 20:00:00", "2026-11-03 02:00:00", "2026-11-02 10:00:00.5")),
    *((f"SELECT id FROM log.entries WHERE at {op} ?", (value,))
      for op in ("=", "<", "<=", ">", ">=")
      for value in (TEN, "2026-11-02", "2026-11-01 20:00:00", "2026-11-03", None)),
    (f"SELECT id FROM log.entries WHERE '{TEN}' < at", ()),
    (f"SELECT id FROM log.entries WHERE '{TEN}' >= at AND note = 'odd'", ()),
    (f"SELECT id FROM log.entries WHERE at BETWEEN '2026-11-01' AND '{TEN}'", ()),
    ("SELECT id FROM log.entries WHERE at BETWEEN ? AND ?", ("2026-11-01 20:00:00", "2026-11-02T10:00:00.5Z")),
    (f"SELECT id FROM log.entries WHERE at NOT BETWEEN '2026-11-02' AND '{TEN}'", ()),
    (f"SELECT id FROM log.entries WHERE at IN ('{TEN}', '2026-11-02', '9999-12-31T23:59:59.999999Z')", ()),
    ("SELECT id FROM log.entries WHERE at NOT IN (?, ?)", (TEN, "2026-11-02")),
    ("SELECT id FROM log.entries WHERE at IS NULL", ()),
    (f"SELECT id FROM log.entries WHERE at = TIMESTAMP '{TEN[:-1]}' OR at = DATE '2026-11-02'", ()),
    (f"SELECT id FROM log.entries WHERE CAST(at AS TIMESTAMP) = '{TEN}'", ()),
    ("SELECT id FROM log.entries WHERE at >= day", ()),
    ("SELECT id FROM log.entries WHERE at = day OR until > day", ()),
    ("SELECT id FROM log.entries WHERE day < at AND at < until", ()),
    ("SELECT a.id, b.id FROM log.entries a JOIN log.entries b ON a.at = b.until", ()),
    ("SELECT a.id, b.id FROM log.entries a LEFT JOIN log.entries b ON a.at < b.until AND b.note = 'odd'", ()),
    ("SELECT id, n FROM log.entries e JOIN log.days d ON e.at >= d.at", ()),
    ("SELECT id FROM log.entries WHERE at IN (SELECT at FROM log.days)", ()),
    ("SELECT id FROM log.entries WHERE day IN (SELECT at FROM log.entries)", ()),
    ("SELECT id FROM log.entries WHERE at > (SELECT max(at) FROM log.days)", ()),
    ("SELECT id FROM log.entries e WHERE EXISTS (SELECT 1 FROM log.days d WHERE d.at = e.at)", ()),
    ("SELECT at, count(*) FROM log.entries GROUP BY at", ()),
    (f"SELECT at, count(*) AS n FROM log.entries GROUP BY 1 HAVING min(until) > '{TEN}'", ()),
    ("SELECT DISTINCT at FROM log.entries", ()),
    ("SELECT count(DISTINCT at), min(at), max(until) FROM log.entries", ()),
    ("SELECT id, row_number() OVER (ORDER BY at, id) AS n FROM log.entries WHERE at IS NOT NULL", ()),
    (f"SELECT id, lag(at, 1, '{TEN}') OVER (ORDER BY id) AS before FROM log.entries", ()),
    (f"SELECT id, coalesce(at, until, '{TEN}') AS given FROM log.entries", ()),
    ("SELECT id, coalesce(at, day) AS given FROM log.entries", ()),
    (f"SELECT id, CASE WHEN note = 'odd' THEN at ELSE '{TEN}' END AS one FROM log.entries", ()),
    (f"SELECT id, CASE at WHEN '{TEN}' THEN 1 ELSE 2 END AS one FROM log.entries", ()),
    ("SELECT id, nullif(at, ?) AS other FROM log.entries", (TEN,)),
    ("SELECT at FROM log.entries UNION SELECT until FROM log.entries", ()),
    ("SELECT at FROM log.entries UNION SELECT at FROM log.days", ()),
    ("SELECT at FROM log.days EXCEPT SELECT at FROM log.entries", ()),
    ("SELECT at FROM log.days INTERSECT SELECT at FROM log.entries", ()),
    (f"WITH w AS (SELECT id, at AS t FROM log.entries) SELECT id, t FROM w WHERE t <= '{TEN}'", ()),
    (f"SELECT e.id FROM log.entries e JOIN log.entries f USING (at) WHERE at = '{TEN}'", ()),
    ("SELECT * FROM log.entries WHERE note = 'odd'", ()),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "parameters"), ALIKE, ids=lambda value: str(value)[:100])
def test_answers_are_those_of_an_engine_with_instants(
    sql: str, parameters: tuple[object, ...], texts: Ground, typed: Ground
) -> None:
    """In every position an instant of SQLite counts as the instant, whatever its spelling."""
    found, expected = texts.ask(sql, *parameters), typed.ask(sql, *parameters)
    assert counted(_of_days(found.rows)) == counted(_of_days(expected.rows))


def _of_days(rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Return *rows* with days as texts, as SQLite tells them."""
    return [tuple(str(v) if isinstance(v, date) and not isinstance(v, datetime) else v for v in row) for row in rows]


@pytest.mark.parametrize("value", ["2026-11-02T19:00:00+09:00", "2026-11-02 03:00-0700", "2026-11-02T10:00:00.000Z"])
def test_a_value_may_have_an_offset(value: str, texts: Ground) -> None:
    """It means the instant, as literal and as parameter."""
    expected = texts.ask(f"SELECT id FROM log.entries WHERE at = '{TEN}'").rows
    assert len(expected) == 3
    assert texts.ask(f"SELECT id FROM log.entries WHERE at = '{value}'").rows == expected
    assert texts.ask("SELECT id FROM log.entries WHERE at = ?", value).rows == expected


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        ("at = datetime('2026-11-02 10:00:00')", [0, 1, 11]),
        ("at = datetime('2026-11-02', '+10 hours')", [0, 1, 11]),
        ("at = strftime('%Y-%m-%dT%H:%M:%SZ', '2026-11-02 10:00')", [0, 1, 11]),
        ("at = date('2026-11-02', '+1 day')", [12]), ("date(at) = '2026-11-01'", [5]),
        ("strftime('%H', at) = '20'", [5]), ("substr(at, 1, 13) = '2026-11-01 20'", [5]),
        ("at LIKE '2026-11-01 %'", [5]), ("julianday(at) < julianday('1900-01-01')", [9]),
        ("at < '1970-01-01'", [4, 9]), ("unixepoch(at) = 1793563200", [5]),
        ("datetime(at, '+4 hours') = '2026-11-02 00:00:00'", [5]), ("at > CURRENT_TIMESTAMP", [10]),
        ("at = '2026-11-02' AND day = '2026-11-03'", [2]),
    ],
)  # fmt: skip
def test_date_functions_go_on_working(condition: str, ids: list[int], texts: Ground) -> None:
    """They read the text of the instant, and what they give is compared as an instant where one stands beside it."""
    if "CURRENT_TIMESTAMP" in condition:
        condition += " AND at > '2100-01-01'"
    found = texts.ask(f"SELECT id FROM log.entries WHERE {condition} ORDER BY id")
    assert found.column("id") == ids


# -- as it leaves ------------------------------------------------------------------------------------------


def test_instants_leave_as_instants(texts: Ground) -> None:
    """Timestamps in Arrow, RFC 3339 in JSON; also those that are computed."""
    sql = f"SELECT at, min(until) AS least, coalesce(at, '{TEN}') AS given FROM log.entries WHERE id = 1 GROUP BY at"

    async def asked() -> tuple[pa.Schema, bytes, list[str]]:
        release = await texts.gateway.query(REQUESTERS["recommender"], Ask("recommendation", sql, (), None))
        pages = [page async for page in release.pages()]
        rows = orjson.dumps(json_rows(pages[0].batch), option=orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z)
        return release.schema, rows, [str(output.type) for output in release.columns]

    schema, rows, types = texts._runner.run(asked())
    assert [field.type for field in schema] == [pa.timestamp("us")] * 3
    assert types == ["timestamp"] * 3
    assert rows == b'[["2026-11-02T10:00:00Z","9999-12-31T23:59:59.999999Z","2026-11-02T10:00:00Z"]]'


# -- what tells no instant ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM log.entries WHERE at > 'soon'", "SELECT id FROM log.entries WHERE at > '2026'",
        "SELECT id FROM log.entries WHERE at IN ('2026-11-02', '2026-11-31')",
        "SELECT id FROM log.entries WHERE at = 5", "SELECT id FROM log.entries WHERE at = TRUE",
        "SELECT coalesce(at, 'never') AS x FROM log.entries", "SELECT n FROM log.entries JOIN log.days USING (at)",
        "SELECT id FROM log.entries WHERE at < TIMESTAMP 'soon'",
        "SELECT at FROM log.entries UNION SELECT 'soon'",
        "SELECT at FROM log.entries UNION ALL SELECT note FROM log.entries",
        "SELECT id FROM log.entries WHERE at <> note", "SELECT coalesce(at, id) AS x FROM log.entries",
        "SELECT x.note FROM log.entries e JOIN (SELECT note FROM log.entries) x ON x.note = e.at",
    ],
)  # fmt: skip
def test_what_tells_no_instant_is_refused(sql: str, texts: Ground) -> None:
    """As engines with a type for instants refuse it, instead of comparing letters."""
    with pytest.raises(StatementRefused):
        texts.ask(sql)


@pytest.mark.parametrize("value", ["soon", "2026", 5, True, ""])
def test_a_parameter_that_tells_no_instant_is_refused(value: object, texts: Ground) -> None:
    """Also inside a function, where its type is not known from a column alone."""
    for sql in ("SELECT id FROM log.entries WHERE at > ?", "SELECT coalesce(at, ?) AS x FROM log.entries"):
        with pytest.raises(InvalidRequest, match="Parameter 1"):
            texts.ask(sql, value)


# -- what it takes -----------------------------------------------------------------------------------------

SQLITE_LOG = Catalogue({"log": Store("log", StoreKind.SQLITE, "")}, LOG, PURPOSES, REQUESTERS, {}, "c1")


@pytest.mark.parametrize(
    ("condition", "parameters"),
    [
        (f"at >= '{TEN}'", ()), ("at < ?", (TEN,)), (f"at = '{TEN}'", ()), (f"at IN ('{TEN}', '2026-11-04')", ()),
        ("at BETWEEN ? AND ?", (TEN, TEN)), (f"'{TEN}' > at", ()),
    ],
)  # fmt: skip
def test_an_index_on_the_texts_is_used(condition: str, parameters: tuple[object, ...]) -> None:
    """The days around what is asked for are looked up; the instants themselves are compared above."""
    plan = plan_of(f"SELECT id FROM log.entries WHERE {condition}", declared=SQLITE_LOG)
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE entries (id INTEGER, at TEXT, until TEXT, day TEXT, note TEXT)")
    db.execute("CREATE INDEX entries_at ON entries (at)")
    values = dict(bind(plan, parameters, Codec()).parameters)
    steps = " ".join(str(row) for row in db.execute(f"EXPLAIN QUERY PLAN {plan.sql}", values))
    db.close()
    assert re.search(r"SEARCH t USING INDEX entries_at", steps), steps


def test_a_statement_without_instants_pays_nothing() -> None:
    """A column of instants that is not named is not read, and what has none is planned as before."""
    plan = plan_of("SELECT id, day FROM log.entries WHERE day > '2026-01-01'", declared=SQLITE_LOG)
    assert "DATETIME" not in plan.sql

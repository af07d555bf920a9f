"""A mask that gives another type than the column has is met as that type, by every engine alike, or not at all."""

# ruff: noqa: E501 - a statement reads best on its own line

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from sqlglot import exp
from tests.query.planning import plan_of
from tests.query.postgres import PostgresWorld, database
from tests.query.reference import counted
from tests.query.retailer import catalogue
from tests.query.shop import shop, shop_catalogue
from tests.query.world import World

from sekisho.domain.masks import Bucket, DatePart, Hierarchy, Mask, TopBottom, TransformKind, Truncate
from sekisho.domain.terms import Catalogue, ColumnClass, ColumnType
from sekisho.errors import MaskedColumnUse
from sekisho.query.dialects.duckdb import DUCKDB
from sekisho.query.dialects.sqlite import SQLITE as SQLITE_DIALECT

# A column of ``crm.customers`` as it is declared for a case: type, generalisation, mask.
Declared = tuple[str, ColumnType, str | None, Mask | None]
YEAR: Declared = ("birth_date", ColumnType.DATE, "year", None)
AGE: Declared = ("birth_date", ColumnType.DATE, "age_band", None)
GROUP: Declared = ("birth_date", ColumnType.INTEGER, None, Hierarchy("g", 1, {"1": "low", "2": "high"}))
BUCKET: Declared = ("points", ColumnType.INTEGER, None, Bucket(50))
TOP: Declared = ("points", ColumnType.INTEGER, None, TopBottom(2, 9))
QUARTER: Declared = ("birth_date", ColumnType.DATE, None, Truncate(DatePart.QUARTER))
PREFIX: Declared = ("birth_date", ColumnType.STRING, "prefix3", None)

COMPARISONS = [
    "x = {}", "{} = x", "x <> {}", "x < {}", "x <= {}", "x > {}", "x >= {}", "x BETWEEN {} AND {}", "x IN ({}, {})", "x NOT IN ({})",
    "x IS DISTINCT FROM {}", "x IS NOT DISTINCT FROM {}", "NOT (x > {})", "(x, points) = ({}, 3)", "coalesce(x, {}) IS NULL",
    "CASE x WHEN {} THEN 1 END = 1", "CASE WHEN points > 3 THEN x ELSE {} END IS NULL", "nullif(x, {}) IS NULL",
    "(SELECT max(x) FROM crm.customers) > {}", "(x) > ({})",
    "points IN (SELECT points FROM crm.customers GROUP BY points HAVING max(x) > {})",
    "EXISTS (SELECT 1 FROM (SELECT x AS y FROM crm.customers) d WHERE d.y > {})",
    "EXISTS (SELECT 1 FROM (SELECT x AS y FROM crm.customers UNION ALL SELECT NULL) d WHERE d.y > {})",
    "points IN (WITH d AS (SELECT points, lag(x) OVER (ORDER BY points) AS y FROM crm.customers) SELECT points FROM d WHERE y > {})",
]  # fmt: skip
RAW = {
    "year": (YEAR, ["'1990-01-01'", "'1990-01-01 00:00'", "signed_up_on", "CURRENT_DATE", "date('1990-01-01')", "TRUE", "'a'", "'1990.0'"]),
    "age": (AGE, ["'1990-01-01'", "signed_up_on", "'thirty'"]),
    "group": (GROUP, ["1", "points", "TRUE", "1 + 1", "(SELECT max(points) FROM crm.customers)"]),
    "bucket": (BUCKET, ["'abc'", "'50.5'", "signed_up_on", "lower(member_rank)"]),
    "top": (TOP, ["'abc'", "member_rank"]),
    "prefix": (PREFIX, ["100", "points"]),
}  # fmt: skip
ELSEWHERE = {
    "year": (
        YEAR,
        [
            "SELECT CAST(x AS DATE) AS v FROM crm.customers", "SELECT CAST(x AS TIMESTAMP) AS v FROM crm.customers",
            "SELECT CURRENT_DATE - x AS v FROM crm.customers", "SELECT points FROM crm.customers WHERE x LIKE '199%'",
            "SELECT substr(x, 6, 2) AS v FROM crm.customers", "SELECT length(x) AS v FROM crm.customers",
            "SELECT upper(x) AS v FROM crm.customers", "SELECT date(x) AS v FROM crm.customers",
            "SELECT x FROM crm.customers UNION SELECT signed_up_on FROM crm.customers",
            "SELECT signed_up_on FROM crm.customers EXCEPT SELECT x FROM crm.customers",
            "SELECT a.points FROM crm.customers a JOIN crm.customers b ON a.x = b.signed_up_on",
            "SELECT a.points FROM crm.customers a JOIN (SELECT signed_up_on AS x FROM crm.customers) b USING (x)",
            "SELECT lag(x, 1, '1990-01-01') OVER (ORDER BY points) AS v FROM crm.customers",
            "SELECT points FROM crm.customers WHERE x IN (SELECT signed_up_on FROM crm.customers)",
            "SELECT points FROM crm.customers WHERE x + 1 > '1990-01-01'",
            "SELECT points FROM crm.customers WHERE x IS TRUE",
        ],
    ),
    "group": (
        GROUP,
        [
            "SELECT sum(x) AS v FROM crm.customers", "SELECT avg(x) AS v FROM crm.customers", "SELECT x + 1 AS v FROM crm.customers",
            "SELECT -x AS v FROM crm.customers", "SELECT abs(x) AS v FROM crm.customers", "SELECT CAST(x AS INT) AS v FROM crm.customers",
            "SELECT x FROM crm.customers UNION ALL SELECT points FROM crm.customers",
        ],
    ),
}  # fmt: skip
SQLITE = [
    "SELECT strftime('%Y', x) AS v FROM crm.customers", "SELECT julianday(x) AS v FROM crm.customers",
    "SELECT unixepoch(x) AS v FROM crm.customers", "SELECT ifnull(x, signed_up_on) > '2' AS v FROM crm.customers",
]  # fmt: skip
DATES = [
    "SELECT EXTRACT(YEAR FROM x) AS v FROM crm.customers",
    "SELECT x + INTERVAL '1 day' AS v FROM crm.customers",
    "SELECT date_trunc('year', x) AS v FROM crm.customers",
]


def _with(declared: Catalogue, name: str, column: Declared) -> Catalogue:
    """Return *declared* where a column of the customers is *column*."""
    place, kind, generalise, mask = column
    dataset = declared.datasets[name]
    columns = tuple(
        replace(each, type=kind, generalise=generalise, mask=mask, column_class=ColumnClass.QUASI_IDENTIFIER)
        if each.name == place
        else each
        for each in dataset.columns
    )
    return replace(declared, datasets={**declared.datasets, name: replace(dataset, columns=columns)})


def _named(sql: str, column: Declared) -> str:
    """Return *sql* with the column in place of ``x``."""
    return re.sub(r"\bx\b", column[0], sql)


def _refused(sql: str, column: Declared, engine: str) -> None:
    sql = _named(sql, column)
    if engine == "postgresql":
        declared, sql = _with(shop_catalogue(), "shop.customers", column), shop(sql)
    else:
        declared = _with(catalogue(Path("/nowhere")), "crm.customers", column)
    if engine == "joined":
        sql = f"SELECT 1 AS one FROM pos.products p JOIN ({sql}) q ON 1 = 1"
    with pytest.raises(MaskedColumnUse) as refusal:
        plan_of(sql, declared=declared)
    assert refusal.value.detail is not None
    assert f".{column[0]} is masked" in refusal.value.detail
    assert "1990" not in refusal.value.detail


CASES = [
    (how, f"SELECT points FROM crm.customers WHERE {comparison.replace('{}', value)}", column)
    for how, (column, values) in RAW.items()
    for value in values
    for comparison in COMPARISONS
] + [(how, sql, column) for how, (column, statements) in ELSEWHERE.items() for sql in statements]

_IDS = [f"{how}: {sql[36:]}" for how, sql, _ in CASES]


@pytest.mark.parametrize("engine", ["sqlite", "joined", "postgresql"])
@pytest.mark.parametrize(("how", "sql", "column"), CASES, ids=_IDS)
def test_what_only_the_raw_type_could_answer_is_refused(how: str, sql: str, column: Declared, engine: str) -> None:
    """Beside a value of the column's own type a mask of another type is refused, by name, whatever the engine does."""
    assert how
    _refused(sql, column, engine)


@pytest.mark.parametrize(
    ("sql", "engine"),
    [(sql, "sqlite") for sql in SQLITE] + [(sql, engine) for sql in DATES for engine in ("postgresql", "joined")],
)
def test_a_year_is_no_date_to_functions_of_one_engine(sql: str, engine: str) -> None:
    """SQLite would read a year as a Julian day, and an interval has no place beside a number."""
    _refused(sql, YEAR, engine)


def test_a_truncated_date_beside_an_instant_is_its_first_instant() -> None:
    """On SQLite, too, where both are texts: the day is told as an instant before it is compared."""
    sql = (
        "SELECT t.channel FROM crm.tickets t JOIN crm.customers c ON c.customer_id = t.customer_id"
        " WHERE c.birth_date <= t.opened_at"
    )
    plan = plan_of(sql, declared=_with(catalogue(Path("/nowhere")), "crm.customers", QUARTER))
    assert """STRFTIME('%Y-%m-%d %H:%M:%f', "c"."birth_date"), '0'), '.') <= "t"."opened_at\"""" in plan.sql
    assert plan_of(shop(sql), declared=_with(shop_catalogue(), "shop.customers", QUARTER))


def test_the_refusal_says_what_the_mask_shows() -> None:
    """The sentence names the column, the mask, the construct, and what to write instead."""
    with pytest.raises(MaskedColumnUse) as refusal:
        plan_of("SELECT points FROM crm.customers WHERE birth_date > '1990-01-01'")
    assert refusal.value.detail == (
        "crm.customers.birth_date is masked (year) and cannot be used in > like that."
        " It shows the year alone: use it as a whole number."
    )


# -- answered ------------------------------------------------------------------------------------------

ALIKE = {
    # The same question, written otherwise: a number as a text, a parameter, a day as its first instant.
    "year": (YEAR, [("x > 1980", ()), ("x > '1980'", ()), ("'1980' < x", ()), ("x > ?", (1980,)), ("x > ?", ("1980",)), ("x + 0 > '1980'", ()), ("coalesce(x, '0') > '1980'", ())]),
    "max": (YEAR, [("(SELECT max(x) FROM crm.customers) = 1998", ()), ("(SELECT max(x) FROM crm.customers) = '1998'", ())]),
    "age": (AGE, [("x IN (30, 40)", ()), ("x IN ('30', '40')", ()), ("x IN (?, ?)", (30, "40")), ("x BETWEEN '30' AND '40'", ())]),
    "bucket": (BUCKET, [("x = 50", ()), ("x = '50'", ()), ("x = ?", ("50",)), ("(SELECT max(x) FROM crm.customers) = '100' AND x = 50", ())]),
    "quarter": (QUARTER, [("x >= '1980-01-01'", ()), ("x >= '1980-01-01 00:00:00'", ()), ("x >= '1980-01-01T00:00:00Z'", ()), ("x >= ?", ("1980-01-01T00:00:00Z",)), ("NOT x < '1980-01-01T00:00'", ())]),
}  # fmt: skip
UNREADABLE: list[tuple[Declared, str, object]] = [
    (YEAR, "x > ?", "1990-01-01"), (YEAR, "x IN (1980, ?)", "qq"), (YEAR, "x = ?", True), (YEAR, "max(x) OVER () > ?", "1990-01-01"),
    (AGE, "x BETWEEN ? AND 40", "1990-01-01"), (QUARTER, "x > ?", 1980), (QUARTER, "x > ?", "1980-01-01T10:00:00Z"),
    (QUARTER, "x > ?", "1980-02-30"), (PREFIX, "x = ?", 100), (BUCKET, "x = ?", "50.5"), (BUCKET, "coalesce(x, ?) > 3", "none"),
]  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return the world of files and SQLite; a test puts its own catalogue in front."""
    with World(tmp_path_factory.mktemp("types")) as world:
        yield world


@pytest.fixture(scope="module")
def server() -> Iterator[World]:
    """Return the world of PostgreSQL."""
    with database() as url, PostgresWorld(url) as world:
        yield world


def _ask(
    world: World, column: Declared, engine: str, condition: str, *parameters: object
) -> list[tuple[object, ...]]:
    name = "shop.customers" if engine == "postgresql" else "crm.customers"
    sql = _named(f"SELECT points FROM crm.customers c WHERE {condition}", column)
    if engine == "joined":  # DuckDB judges what a scan of SQLite brings
        sql = sql.replace("WHERE", "LEFT JOIN pos.products p ON p.stock_code = 'none' WHERE")
    before = world.gateway
    world.gateway = replace(before, catalogue=_with(world.catalogue, name, column))
    try:
        return world.ask(shop(sql) if engine == "postgresql" else sql, *parameters).rows
    finally:
        world.gateway = before


ENGINES = ["sqlite", "joined", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("column", "written"), list(ALIKE.values()), ids=list(ALIKE))
def test_one_question_has_one_answer_however_its_values_are_written(
    column: Declared, written: list[tuple[str, tuple[object, ...]]], engine: str, request: pytest.FixtureRequest
) -> None:
    """What means the mask is answered by it, the same on every engine, whether a number, its text or a parameter."""
    files = request.getfixturevalue("files")
    world = request.getfixturevalue("server") if engine == "postgresql" else files
    expected = counted(_ask(files, column, "sqlite", *_flat(written[0])))
    assert expected
    for condition, parameters in written:
        assert counted(_ask(world, column, engine, condition, *parameters)) == expected, condition


def _flat(written: tuple[str, tuple[object, ...]]) -> tuple[str, *tuple[object, ...]]:
    return (written[0], *written[1])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("column", "condition", "parameter"), UNREADABLE)
def test_a_parameter_of_the_raw_type_is_refused(
    column: Declared, condition: str, parameter: object, engine: str, request: pytest.FixtureRequest
) -> None:
    """A parameter that the mask cannot be compared with is refused like a literal, and the refusal does not hold it."""
    world = request.getfixturevalue("server" if engine == "postgresql" else "files")
    if "OVER" in condition:
        condition = f"EXISTS (SELECT 1 FROM (SELECT {condition} AS y FROM crm.customers) d WHERE d.y)"
    with pytest.raises(MaskedColumnUse) as refusal:
        _ask(world, column, engine, condition, parameter)
    assert str(parameter) not in str(refusal.value.detail).replace("parameter 1", "")


# -- the masks themselves ------------------------------------------------------------------------------


def test_numbers_kept_as_texts_are_capped_as_numbers_in_sqlite() -> None:
    """A column of texts declared as whole numbers is compared by value: ``'100'`` is above 85, and not shown."""
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE t (c TEXT)")
    db.executemany("INSERT INTO t VALUES (?)", [("100",), ("9",), ("86",), (None,)])
    shown = {}
    for mask in (TopBottom(2, 85), Bucket(bounds=(0, 50, 90))):
        sql = SQLITE_DIALECT.mask(mask.kind, exp.column("c"), ColumnType.INTEGER, mask).sql("sqlite")
        shown[mask.kind] = [row[0] for row in db.execute(f"SELECT {sql} FROM t")]
    db.close()
    assert shown == {TransformKind.TOP_BOTTOM: [85, 9, 85, None], TransformKind.BUCKET: [90, 0, 50, None]}


@pytest.mark.parametrize("kind", [TransformKind.YEAR, TransformKind.AGE_BAND])
def test_a_text_that_is_no_date_has_no_year(kind: TransformKind) -> None:
    """Dates kept as texts show their year in DuckDB and SQLite, and null where there is none."""
    values = "(SELECT '1985-05-06' AS c UNION ALL SELECT 'unknown' UNION ALL SELECT '198' UNION ALL SELECT NULL)"
    in_duckdb = DUCKDB.mask(kind, exp.column("c"), ColumnType.STRING).sql("duckdb")
    in_sqlite = SQLITE_DIALECT.mask(kind, exp.column("c"), ColumnType.STRING).sql("sqlite")
    db = sqlite3.connect(":memory:")
    one = [row[0] for row in db.execute(f"SELECT {in_sqlite} FROM {values} v")]
    db.close()
    with duckdb.connect() as engine:
        two = [row[0] for row in engine.execute(f"SELECT {in_duckdb} FROM {values} v").fetchall()]
    assert one == two
    assert one[1:] == [None, None, None]
    assert one[0] == 1985 or kind is TransformKind.AGE_BAND

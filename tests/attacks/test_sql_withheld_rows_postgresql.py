"""No expression of a requester runs on a withheld row of a PostgreSQL store, neither when it runs nor when it is planned.

As ``test_sql_withheld_rows.py``: withheld rows hold values on which the expressions fail. Besides, PostgreSQL tries
conditions on the statistics of a column while it plans, and those know the values of everybody.
"""

# ruff: noqa: E501 - a statement reads best on its own line

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import psycopg
import pytest
from tests.attacks.test_sql_withheld_rows import SHAPES, SOME, STATEMENTS
from tests.query.postgres import PostgresWorld, database
from tests.query.shop import shop
from tests.query.world import FIRST_ID, PEOPLE, REQUESTERS, ROWS, Rows, agrees

from sekisho.errors import SekishoError
from sekisho.query import rules
from sekisho.query.dialects import Dialect
from sekisho.release import Ask

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

LINES = 20_000

EXPRESSIONS = (
    "CAST(o.stock_code AS INT) = 5",
    "o.stock_code::int + 1 > 0",
    "CAST(o.quantity AS SMALLINT) = 5",
    "CAST(o.description AS DATE) > DATE '2000-01-01'",
    "CAST(left(o.country, 2) AS INT) = 1",
    "CASE WHEN o.gift THEN CAST(o.stock_code AS INT) ELSE 5 END = 5",
    "coalesce(CAST(o.stock_code AS INT), 5) = 5",
    "o.quantity * 1000000000 > 0",
    "o.quantity * o.quantity < 100",
    "abs(o.quantity - 4611686018427387904) + o.quantity > 0",
    "sqrt(o.unit_price) > 0",
    "ln(o.unit_price) IS NOT NULL",
    "1 / (o.unit_price + 1) > 0",
    "o.quantity % (o.unit_price + 1)::int = 0",
    "date_trunc('month', CAST(o.description AS DATE)) > DATE '2000-01-01'",
    "to_char(o.description::date, 'YYYY') > ''",
    "o.invoiced_at + o.stock_code::interval > o.invoiced_at",
    "substring(o.country, o.unit_price::int, 1) = '1'",
    "split_part(o.country, '', o.unit_price::int) <> 'x'",
    "o.stock_code::boolean IS NOT NULL",
    "width_bucket(o.unit_price, 0, o.unit_price, 3) > 0",
    "(o.stock_code, 1) IN (('5', 1)) AND o.stock_code::int = 5",
)

FILTERED = {
    "consent": SHAPES["consent"],
    **{
        name: (SHAPES[name][0], {"shop.order_lines": SHAPES[name][1]["pos.order_lines"]})
        for name in ("filter", "consent and filter", "tree of filters")
    },
}


def _rows() -> Rows:
    line = ROWS["pos.order_lines"][0]
    fine = {"stock_code": "1", "quantity": 5, "unit_price": 1.0, "country": "11", "description": "2001-01-01"}
    bad = {"stock_code": "NGx", "quantity": 2**62, "unit_price": -1.0, "country": "NGx", "description": "NGdate"}
    rows: Rows = dict(ROWS)
    rows["pos.order_lines"] = [
        line | (fine if agrees(p, "recommendation") else bad)
        | {"place": p, "customer_id": FIRST_ID + p, "invoice": f"I{n // 3}", "gift": n % 2 == 0}
        for n in range(LINES)
        for p in [n % PEOPLE]
    ]  # fmt: skip
    return rows


@pytest.fixture(scope="module")
def crowd() -> Iterator[PostgresWorld]:
    with database() as conninfo, PostgresWorld(conninfo, _rows()) as built:
        yield built


@pytest.fixture
def hurried(crowd: PostgresWorld) -> Iterator[PostgresWorld]:
    """The same, on a server that works with several processes wherever it may."""
    before = crowd.direct.shape
    for setting in ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_table_scan_size"):
        crowd.connection.execute(f"SET {setting} = 0")
    crowd.gateway.statements._known.clear()
    yield crowd
    crowd.connection.execute("RESET ALL")
    crowd.direct.shape = before
    crowd.gateway.statements._known.clear()


def runs(crowd: PostgresWorld, sql: str) -> str:
    """Return what the store runs for *sql*."""
    ask = Ask("recommendation", sql, ())
    return str(crowd._runner.run(crowd.gateway.explain(REQUESTERS["recommender"], ask))["sql"])


def failing(crowd: PostgresWorld, shape: str, expressions: tuple[str, ...] = EXPRESSIONS) -> Iterator[str]:
    """Yield the statements that end in an error."""
    purpose, filters = FILTERED[shape]
    crowd.policy.filters = dict(filters)
    for statement in STATEMENTS["duckdb"]:
        for expression in expressions:
            sql = shop(statement.format(expression))
            try:
                crowd.ask(sql, purpose=purpose)
            except SekishoError:
                yield sql


@pytest.mark.parametrize("shape", FILTERED)
def test_no_expression_meets_a_withheld_row(crowd: PostgresWorld, shape: str) -> None:
    """Every statement is answered: nothing failed on a row that is not the requester's to see."""
    assert list(failing(crowd, shape)) == []


@pytest.fixture
def believed_small(crowd: PostgresWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresWorld]:
    """The same, hidden from the planner as small tables are, and without the fence."""
    monkeypatch.setattr(Dialect, "fence", lambda _self, select: select)
    monkeypatch.setattr(crowd.direct, "small", True)
    crowd.gateway.statements._known.clear()
    yield crowd
    crowd.gateway.statements._known.clear()


def test_no_expression_meets_a_withheld_row_of_a_small_table(believed_small: PostgresWorld) -> None:
    """What hides a small table from the planner is a fence as well, whatever else there is."""
    assert list(failing(believed_small, "consent")) == []


@pytest.mark.long
def test_no_expression_meets_a_filtered_row_of_a_small_table(believed_small: PostgresWorld) -> None:
    """The same where the policy's filters withhold the rows."""
    assert list(failing(believed_small, "tree of filters")) == []


@pytest.mark.parametrize(
    "shape",
    [pytest.param("members", marks=pytest.mark.long), pytest.param("overlay", marks=pytest.mark.long), "bits"],
)
def test_no_expression_meets_a_withheld_row_whatever_says_who_may_be_read(hurried: PostgresWorld, shape: str) -> None:
    """The same with a table of members, a table of everybody and who withdrew, and bits; in plans of several processes."""
    hurried.direct.shape = shape
    assert list(failing(hurried, "consent")) == []
    assert ("GET_BIT" in runs(hurried, "SELECT count(*) AS n FROM shop.order_lines")) is (shape == "bits")


@pytest.mark.parametrize("shape", ["overlay", "bits"])
def test_without_the_fence_these_shapes_fail_as_well(
    hurried: PostgresWorld, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither who withdrew nor bits by themselves keep an expression from a withheld row."""
    hurried.direct.shape = shape
    monkeypatch.setattr(Dialect, "fence", lambda _self, select: select)
    assert len(list(islice(failing(hurried, "consent"), SOME))) == SOME


def test_without_the_fence_expressions_meet_withheld_rows(
    crowd: PostgresWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same statements fail when nothing is fenced, so this suite would see a fence that does not hold."""
    monkeypatch.setattr(Dialect, "fence", lambda _self, select: select)
    crowd.gateway.statements._known.clear()
    try:
        assert len(list(islice(failing(crowd, "consent"), SOME))) == SOME
    finally:
        crowd.gateway.statements._known.clear()


def test_without_the_judgement_expressions_meet_withheld_rows(
    crowd: PostgresWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same statements fail when every expression is taken for harmless."""
    monkeypatch.setattr(rules, "leak_proof", lambda *_: True)
    crowd.gateway.statements._known.clear()
    try:
        assert len(list(islice(failing(crowd, "consent"), SOME))) == SOME
    finally:
        crowd.gateway.statements._known.clear()


PATTERNS = (
    "o.country LIKE '_G\\'",
    "o.country ILIKE '%g\\'",
    "o.country LIKE '_G!' ESCAPE '!'",
    "o.country NOT LIKE '_G\\'",
)


def test_the_planner_tries_patterns_on_withheld_values(crowd: PostgresWorld) -> None:
    """Why such patterns are refused: fenced or not, the server fails on a value that nobody may see, before it runs."""
    people = crowd.plan("SELECT quantity FROM shop.order_lines").projections[0].table
    crowd.ask("SELECT quantity FROM shop.order_lines LIMIT 1")
    for pattern in PATTERNS:
        with pytest.raises(psycopg.errors.InvalidEscapeSequence):
            crowd.connection.execute(
                "EXPLAIN SELECT count(*) FROM (SELECT t.country, g.n FROM sales.order_lines t"
                f" JOIN sekisho.{people} g ON g.k = t.customer_id OFFSET 0) o WHERE {pattern}"
            )


def test_no_pattern_reaches_the_planner(crowd: PostgresWorld) -> None:
    """They are refused by their form, and so say nothing about any value."""
    for pattern in (*PATTERNS, "o.country LIKE '_Z\\'"):
        with pytest.raises(SekishoError, match="escape character"):
            crowd.ask(f"SELECT count(*) AS n FROM shop.order_lines o WHERE {pattern}")


def test_patterns_that_cannot_fail_are_answered(crowd: PostgresWorld) -> None:
    """Other patterns are tried on withheld values too, and cannot fail on them."""
    patterns = ("o.country LIKE '_G%'", "o.country ILIKE '%\\_g%'", "o.country LIKE 'N' || o.country || '%'")
    assert list(failing(crowd, "consent", patterns)) == []


def test_a_value_that_has_no_year_is_no_error(crowd: PostgresWorld) -> None:
    """A mask fails on no withheld row: infinity, and the dates before our era."""
    execute = crowd.connection.execute
    execute("BEGIN")
    try:
        execute("UPDATE public.customers SET birth_date = 'infinity' WHERE customer_id < 17010")
        execute("UPDATE public.customers SET birth_date = '0044-03-15 BC' WHERE customer_id = 17001")
        assert crowd.ask("SELECT birth_date FROM shop.customers WHERE birth_date < 1990").rows
    finally:
        execute("ROLLBACK")

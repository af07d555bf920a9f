"""Which statements hand the keys of rows to the store's adapter: those in which nothing else is done with them."""

from __future__ import annotations

import pytest
import sqlglot

from sekisho.domain.governed import GovernedQuery, Shape
from tests.query.planning import plan_of
from tests.query.shop import shop_catalogue

LINES = "FROM shop.order_lines"


def shapes(sql: str, *, large: bool = True) -> list[Shape]:
    """Return the shapes of consent in the plan of *sql*."""
    plan = plan_of(sql, declared=shop_catalogue(), shape="bits", large=large)
    return [projection.shape for projection in plan.projections]


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT quantity {LINES}",
        f"SELECT customer_id, quantity {LINES}",
        f"SELECT l.customer_id AS who, l.customer_id AS again, quantity {LINES} l WHERE quantity > 1",
        f"SELECT customer_id {LINES} WHERE UPPER(stock_code) = 'X'",
    ],
)
def test_rows_whose_key_is_only_shown(sql: str) -> None:
    """Their person number is found when they are here; no people table stands in the statement."""
    plan = plan_of(sql, declared=shop_catalogue(), shape="bits", large=True)
    assert [projection.shape for projection in plan.projections] == [Shape.HANDED]
    assert plan.hidden == 1
    assert '"sekisho"' not in plan.sql
    assert "GET_BIT" in plan.sql
    assert shapes(sql, large=False) == [Shape.KEYS]


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT quantity {LINES} WHERE customer_id IS NOT NULL",
        f"SELECT customer_id = customer_id AS same {LINES}",
        f"SELECT CASE WHEN customer_id IS NULL THEN 1 END AS none {LINES}",
        f"SELECT quantity {LINES} LIMIT 5",
        f"SELECT quantity {LINES} ORDER BY quantity",
        f"SELECT quantity {LINES} ORDER BY quantity OFFSET 3",
        f"SELECT a.quantity {LINES} a JOIN shop.customers c ON a.customer_id = c.customer_id",
        f"SELECT DISTINCT customer_id {LINES}",
        f"SELECT customer_id, COUNT(*) AS n {LINES} GROUP BY customer_id",
        f"SELECT quantity FROM (SELECT * {LINES}) x",
    ],
)
def test_what_asks_for_a_person_in_the_store_joins_the_table(sql: str) -> None:
    """Where keys are compared, grouped, joined, sorted or cut by, person numbers stand in the statement."""
    assert Shape.HANDED not in shapes(sql)


@pytest.mark.parametrize(
    ("sql", "columns", "carried"),
    [
        (f"SELECT quantity {LINES}", 2, 1),
        (f"SELECT customer_id, quantity {LINES}", 2, 0),
        (f"SELECT quantity, customer_id AS who, customer_id AS again {LINES}", 3, 0),
    ],
)
def test_a_key_that_is_shown_is_asked_for_once(sql: str, columns: int, carried: int) -> None:
    """The statement answers with the hidden key only where no output shows it."""
    plan = plan_of(sql, declared=shop_catalogue(), shape="bits", large=True)
    assert plan.hidden == 1
    assert len(sqlglot.parse_one(plan.sql, dialect="postgres").expressions) == columns
    assert GovernedQuery(**{name: getattr(plan, name) for name in GovernedQuery.__slots__}).carried == carried


def test_an_aggregate_that_does_not_ask_takes_bits_alone() -> None:
    """Nothing changes for what shows no row."""
    assert shapes(f"SELECT COUNT(*) AS n {LINES}") == [Shape.BITS]

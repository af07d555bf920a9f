"""What withheld rows of a small table hold does not show in how a PostgreSQL server runs a statement.

The planner estimates by statistics of whole columns, withheld rows included, and by another plan groups come in
another order: a requester who moves a bound until the order changes finds a withheld value by halving. So the plan of
a statement, costs and all, must be the same whatever those rows hold.
"""

# ruff: noqa: ISC004 - a statement reads best on its own line

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.query.postgres import PostgresWorld, database
from tests.query.world import FIRST_ID, PEOPLE, ROWS, Rows, agrees

from sekisho.domain.row_filters import Comparison

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

LINES = 2_000
BOUNDS = (10, 700, 2_500, 100_000)

STATEMENTS = (
    "SELECT country, count(*) AS n FROM shop.order_lines WHERE quantity > {} GROUP BY country",
    "SELECT country, count(*) AS n FROM shop.order_lines WHERE quantity > {} OR unit_price <= 4 GROUP BY country",
    "SELECT country, count(*) AS n FROM shop.order_lines WHERE quantity + 0 > {} OR quantity < 4 GROUP BY country",
    "SELECT invoice, sum(quantity) AS n FROM shop.order_lines WHERE quantity BETWEEN {} AND 1000000 GROUP BY invoice",
    "SELECT DISTINCT country FROM shop.order_lines WHERE quantity >= {}",
    "SELECT a.country, count(*) AS n FROM shop.order_lines a JOIN shop.order_lines b ON a.invoice = b.invoice"
    " WHERE b.quantity > {} GROUP BY a.country",
    "SELECT o.stock_code, o.quantity FROM shop.order_lines o WHERE o.country IN"
    " (SELECT country FROM shop.order_lines WHERE quantity > {})",
    "WITH x AS (SELECT * FROM shop.order_lines WHERE quantity > {}) SELECT x.country FROM x JOIN shop.customers USING"
    " (customer_id)",
    "SELECT customer_id, count(*) AS n FROM shop.order_lines WHERE quantity > {} GROUP BY customer_id",
)


def _rows(greatest: int) -> Rows:
    """Return many rows, of which those of people without consent hold *greatest*, and else the same."""
    line = ROWS["pos.order_lines"][0]
    rows: Rows = dict(ROWS)
    rows["pos.order_lines"] = [
        line
        | {
            "place": p,
            "customer_id": FIRST_ID + p,
            "invoice": f"I{n // 3}",
            "country": f"C{n * 7919 % 1009}",
            "quantity": n % 600 if agrees(p, "recommendation") else greatest,
            "unit_price": n % 900,
            "gift": not agrees(p, "recommendation"),
        }
        for n in range(LINES)
        for p in [n % PEOPLE]
    ]
    return rows


Worlds = tuple[PostgresWorld, PostgresWorld]


@pytest.fixture(scope="module")
def worlds() -> Iterator[Worlds]:
    """Two databases that differ in what withheld rows hold, and in nothing else."""
    with (
        database() as one,
        database() as two,
        PostgresWorld(one, _rows(0)) as low,
        PostgresWorld(two, _rows(99_999)) as high,
    ):
        yield low, high


def told(worlds: Worlds, *, small: bool, purpose: str = "recommendation") -> list[str]:
    """Return the statements whose plans differ between the worlds."""
    different = []
    for statement in STATEMENTS:
        for bound in BOUNDS:
            sql = statement.format(bound)
            plans = []
            for world in worlds:
                world.direct.small = small
                world.direct.plans.clear()
                world.ask(sql, purpose=purpose)
                (plan,) = world.direct.plans
                plans.append(plan)
            if plans[0] != plans[1]:
                different.append(sql)
    return different


@pytest.mark.parametrize("shape", ["members", "overlay", "bits"])
def test_a_plan_is_the_same_whatever_withheld_rows_hold(worlds: Worlds, shape: str) -> None:
    """Whoever may be read is told by, the server runs, and estimates, a statement in one way."""
    for world in worlds:
        world.direct.shape = shape
    assert told(worlds, small=True) == []


def test_a_plan_is_the_same_whatever_filtered_rows_hold(worlds: Worlds) -> None:
    """Rows that a filter of the policy withholds are as hidden as those of people who do not agree."""
    for world in worlds:
        world.policy.filters = {"shop.order_lines": (Comparison("gift", "eq", False),)}
    try:
        assert told(worlds, small=True, purpose="fraud") == []
    finally:
        for world in worlds:
            world.policy.filters = {}


def test_plans_by_the_values_of_a_table_tell(worlds: Worlds) -> None:
    """The same statements are planned by what withheld rows hold where tables are believed to be large."""
    assert len(told(worlds, small=False)) > 10


def test_the_order_of_groups_tells_a_withheld_value(worlds: Worlds) -> None:
    """Why it matters: without this the order of an answer's groups says on which side of a bound a value lies."""
    sql = (
        "SELECT country, count(*) AS n FROM shop.order_lines WHERE quantity > {} OR unit_price <= {} GROUP BY country"
    )

    def differs(*, small: bool) -> bool:
        found = False
        for least in range(0, 400, 10):
            answers = []
            for world in worlds:
                world.direct.small = small
                answers.append(world.ask(sql.format(1_000, least)).rows)
            assert sorted(answers[0]) == sorted(answers[1])
            found = found or answers[0] != answers[1]
        return found

    assert differs(small=False)
    assert not differs(small=True)


def test_a_key_is_still_found_by_its_index(worlds: Worlds) -> None:
    """One person's rows of a small table are not searched for among all: a key, once given, is asked inside."""
    world, _ = worlds
    world.direct.small = True
    world.direct.plans.clear()
    world.ask(f"SELECT quantity FROM shop.order_lines WHERE customer_id = '{world.pseudonym(12)}'")
    assert "Index Cond: (customer_id" in world.direct.plans[-1]

"""Which statements are fenced, and which conditions are copied into a governed table."""

# ruff: noqa: D102, E501 - methods do what their protocol says; a statement reads best on its own line

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sekisho.errors import InvalidRequest, MaskedColumnUse
from sekisho.query.plan import bind
from sekisho.query.statements import Statements
from tests.query.planning import plan_of
from tests.query.world import PURPOSES, REQUESTERS, ClassPolicy, catalogue

HARMLESS = [
    "SELECT quantity FROM pos.order_lines",
    "SELECT country, count(*), sum(quantity), avg(unit_price), min(country) FROM pos.order_lines GROUP BY country",
    "SELECT quantity FROM pos.order_lines WHERE quantity > 5 AND NOT country = 'Japan' OR gift",
    "SELECT quantity FROM pos.order_lines WHERE gift AND unit_price <= 2.5",
    "SELECT quantity FROM pos.order_lines WHERE quantity BETWEEN 1 AND 9 AND country IN ('Japan', 'France')",
    "SELECT quantity FROM pos.order_lines WHERE quantity BETWEEN ? AND ? AND country = ?",
    "SELECT quantity FROM pos.order_lines WHERE invoiced_at >= '2011-01-01' AND customer_id IS NOT NULL",
    "SELECT quantity FROM pos.order_lines WHERE unit_price > quantity",
    "SELECT o.quantity FROM pos.order_lines o JOIN web.events e ON o.customer_id = e.customer_id AND e.category = 'tea'",
    "SELECT o.quantity FROM pos.order_lines o JOIN web.events e USING (customer_id, invoice)",
    "SELECT quantity FROM pos.order_lines o WHERE EXISTS (SELECT 1 FROM web.events e WHERE e.invoice = o.invoice)",
    "SELECT customer_id, count(*) FROM pos.order_lines GROUP BY customer_id HAVING count(*) > 3 AND sum(quantity) > 2",
    "SELECT category FROM web.events WHERE user_agent = 'Firefox' ORDER BY occurred_at LIMIT 5",
    "SELECT x.quantity FROM (SELECT quantity FROM pos.order_lines) x",
]

MAY_FAIL = [
    "SELECT quantity + 1 FROM pos.order_lines",
    "SELECT lower(country) FROM pos.order_lines",
    "SELECT CAST(quantity AS INT) FROM pos.order_lines",
    "SELECT CASE WHEN gift THEN 1 END FROM pos.order_lines",
    "SELECT rank() OVER (ORDER BY quantity) FROM pos.order_lines",
    "SELECT quantity FROM pos.order_lines WHERE country LIKE 'J%'",
    "SELECT quantity FROM pos.order_lines WHERE country",
    "SELECT quantity FROM pos.order_lines WHERE (country)",
    "SELECT quantity FROM pos.order_lines WHERE NOT country",
    "SELECT quantity FROM pos.order_lines WHERE gift AND country",
    "SELECT quantity FROM pos.order_lines WHERE gift OR (quantity)",
    "SELECT quantity FROM pos.order_lines WHERE country IS TRUE",
    "SELECT quantity FROM pos.order_lines WHERE country IS NOT FALSE",
    "SELECT country FROM pos.order_lines GROUP BY country HAVING country",
    "SELECT country FROM pos.order_lines GROUP BY country HAVING max(country)",
    "SELECT quantity FROM pos.order_lines WHERE country = 5",
    "SELECT quantity FROM pos.order_lines WHERE 5 = country",
    "SELECT quantity FROM pos.order_lines WHERE country IN ('a', 5)",
    "SELECT quantity FROM pos.order_lines WHERE country BETWEEN 'a' AND 5",
    "SELECT quantity FROM pos.order_lines WHERE quantity = 'x'",
    "SELECT quantity FROM pos.order_lines WHERE quantity = country",
    "SELECT quantity FROM pos.order_lines WHERE gift = 1",
    "SELECT quantity FROM pos.order_lines WHERE quantity > 0.0000000000000001",
    "SELECT quantity FROM pos.order_lines WHERE quantity > 10000000000000000000",
    "SELECT quantity FROM pos.order_lines WHERE quantity > 1e400",
    "SELECT quantity FROM pos.order_lines WHERE quantity = max(quantity)",
    "SELECT quantity FROM pos.order_lines WHERE quantity IN (SELECT 1)",
    "SELECT quantity FROM pos.order_lines WHERE quantity = (SELECT 1)",
    "SELECT o.quantity FROM pos.order_lines o JOIN web.events e ON o.country",
    "SELECT o.quantity FROM pos.order_lines o JOIN web.events e ON o.quantity = e.category",
    "SELECT o.quantity FROM pos.order_lines o JOIN (SELECT 1 AS stock_code) s USING (stock_code)",
    "SELECT quantity FROM pos.order_lines UNION ALL SELECT 0.00000000000000000000000001",
    "SELECT x.q FROM (SELECT quantity AS q FROM pos.order_lines UNION ALL SELECT quantity FROM pos.order_lines) x",
]


@pytest.mark.parametrize("sql", HARMLESS)
def test_what_cannot_fail_needs_no_fence(sql: str) -> None:
    """Comparisons of like types, logic and plain aggregates leave the planner free."""
    plan = plan_of(sql)
    assert not plan.fenced
    assert "OFFSET 0" not in plan.sql


@pytest.mark.parametrize("sql", MAY_FAIL)
def test_what_may_fail_fences_every_table(sql: str) -> None:
    """Whatever could fail on a row, or casts a column behind the scenes, fences all governed tables."""
    plan = plan_of(sql)
    assert plan.fenced
    assert plan.sql.count("OFFSET 0") == plan.sql.count('AS "t"')


@pytest.mark.parametrize(
    "condition",
    [
        "country = 'Japan'", "'Japan' = country", "country IN ('Japan', 'France')", "quantity > 3", "3 < quantity",
        "quantity BETWEEN 1 AND 3", "invoiced_at < '2011-05-01'", "country = ?",
    ],
)  # fmt: skip
def test_harmless_conditions_are_asked_inside(condition: str) -> None:
    """A comparison of a clear column with values of its type, false for null, is asked inside, and once."""
    plan = plan_of(f"SELECT lower(country) FROM pos.order_lines WHERE {condition} AND country <> 'x'")
    inside, outside = plan.sql.split('AS "order_lines"', 1)
    assert inside.count(" WHERE ") == outside.count(" WHERE ") == 1
    assert " AND " not in outside
    assert plan_of(f"SELECT lower(country) FROM pos.order_lines WHERE {condition}").sql.count(" WHERE ") == 1


def test_a_condition_on_a_key_is_asked_twice() -> None:
    """A comparison of a key is asked inside, where an index answers it, and stays outside."""
    plan = plan_of("SELECT lower(country) FROM pos.order_lines WHERE invoice = 'token'")
    assert plan.sql.count(" WHERE ") == 2


@pytest.mark.parametrize("join", ["LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "JOIN"])
def test_beside_a_join_a_condition_stays_outside_too(join: str) -> None:
    """An outer join makes rows of nulls, which only the condition outside keeps out."""
    plan = plan_of(
        f"SELECT lower(o.country) FROM pos.order_lines AS p {join} pos.order_lines AS o"
        " ON o.stock_code = p.stock_code WHERE o.country = 'Japan'"
    )
    assert plan.sql.count(" WHERE ") == 2


@pytest.mark.parametrize(
    "condition",
    [
        "country IS NULL", "country IS NOT NULL", "NOT country = 'Japan'", "country <> 'Japan'", "country LIKE 'J%'",
        "country = stock_code", "country = 5", "quantity = 'x'", "quantity > 0.00000000000000000000001",
        "country = 'Japan' OR quantity > 3", "lower(country) = 'japan'", "country IN ('Japan', 5)",
        "country NOT IN ('Japan')", "quantity IN (SELECT 1)", "invoice <> 'token'", "customer_id IS NULL",
        "country IS NOT DISTINCT FROM 'Japan'", "gift", "country = NULL", "country IN (NULL)",
    ],
)  # fmt: skip
def test_other_conditions_stay_outside(condition: str) -> None:
    """What could fail, is true for null, or is no single comparison is not copied."""
    plan = plan_of(f"SELECT lower(country) FROM pos.order_lines WHERE {condition}")
    governed = plan.sql.split('AS "t"', 1)[1].split('AS "order_lines"', 1)[0]
    assert " WHERE " not in governed


@pytest.mark.parametrize("condition", ["user_agent = 'Firefox'", "referrer IN ('a')"])
def test_conditions_on_masks_stay_outside(condition: str) -> None:
    """Inside, the column would be raw."""
    plan = plan_of(f"SELECT category FROM web.events WHERE {condition}")
    assert plan.sql.count(" WHERE ") == 1


def test_a_condition_of_an_outer_query_is_not_copied_into_a_table_of_an_inner_one() -> None:
    """Only the SELECT that holds the condition decides about its own tables."""
    plan = plan_of(
        "SELECT o.quantity FROM pos.order_lines o WHERE EXISTS"
        " (SELECT 1 FROM web.events e WHERE e.category = 'tea' AND o.quantity = 3)"
    )
    inner = plan.sql.split('"web"."events"', 1)
    assert "WHERE" not in inner[0].split('"pos"."order_lines"', 1)[1].split('AS "o"')[0]
    assert "'tea'" in inner[1].split('AS "e"')[0]


def test_using_two_columns_of_unlike_types_is_fenced() -> None:
    """JOIN … USING compares too: a text with a number makes the engine cast the text."""
    declared = catalogue(Path("/nowhere"))
    events = declared.datasets["web.events"]
    texts = tuple(replace(c, name="quantity") if c.name == "category" else c for c in events.columns)
    datasets = {**declared.datasets, "web.events": replace(events, columns=texts)}
    statements = Statements(replace(declared, datasets=datasets))
    for using, fenced in (("quantity", True), ("invoice", False)):
        sql = f"SELECT o.gift FROM pos.order_lines o JOIN web.events e USING ({using})"
        question = statements.read(REQUESTERS["recommender"], PURPOSES["recommendation"], sql)
        assert question.plan(ClassPolicy().permit(question.request)).fenced is fenced


# ruff: noqa: D102 - each method does what its protocol says


class Codec:
    """Decodes ``p:N`` and ``t:V``; knows the raw keys of persons below 10."""

    def person(self, token: str) -> int | None:
        return int(token[2:]) if token.startswith("p:") else None

    def raw_key(self, identifier: str, number: int) -> str | None:
        return str(17000 + number) if number < 10 else None

    def token(self, domain: str, token: str) -> str | None:
        return token[2:] if token.startswith("t:") and domain == "invoice" else None

    def seed(self, name: str) -> int:
        return len(name)


def test_tokens_become_parameters() -> None:
    """A pseudonym is bound as number and as raw key of the column's type; a key that is unknown matches nothing."""
    plan = plan_of("SELECT quantity FROM pos.order_lines WHERE customer_id = ? AND invoice = 't:MK'")
    assert sorted(map(str, bind(plan, ["p:7"], Codec()).parameters.values())) == ["17007", "7", "MK"]
    assert bind(plan, ["pseudonym:p:7"], Codec()).parameters == bind(plan, ["p:7"], Codec()).parameters
    assert None in bind(plan, ["p:12"], Codec()).parameters.values()
    assert set(bind(plan, [None], Codec()).parameters.values()) == {None, "MK"}


@pytest.mark.parametrize("value", ["x:7", "", 7, 7.5, True, "17007"])
def test_what_is_no_token_is_refused(value: object) -> None:
    """Only what the codec decodes is bound; the refusal does not repeat the value."""
    plan = plan_of("SELECT quantity FROM pos.order_lines WHERE customer_id = ?")
    with pytest.raises(MaskedColumnUse) as caught:
        bind(plan, [value], Codec())
    assert str(value) not in str(caught.value) or not str(value)


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("country = ?", 5), ("country = (?)", 5), ("(country) = ?", 5), ("? = country", True), ("quantity > ?", "x"),
        ("quantity > ?", True), ("quantity > ?", 1.5), ("gift = ?", 1), ("invoiced_at = ?", 5), ("country IN (?)", 1),
        ("quantity BETWEEN ? AND 3", "x"), ("unit_price = ?", "x"), ("country = ?", []), ("country = ?", {}),
        ("country = ?", b"x"), ("country = ?", "\ud800"),
    ],
)  # fmt: skip
def test_a_parameter_has_the_type_of_its_column(condition: str, value: object) -> None:
    """The judgement that a comparison cannot fail relies on types, so a parameter of another type is refused."""
    plan = plan_of(f"SELECT stock_code FROM pos.order_lines WHERE {condition}")
    with pytest.raises(InvalidRequest):
        bind(plan, [value], Codec())

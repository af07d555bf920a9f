"""A statement that names people by their pseudonyms learns nothing of where their rows lie in the store.

The store has one order for every purpose. Whoever finds out in which place a pseudonym stands, or which of two comes
first, for two purposes, knows which pseudonyms are the same person.
"""

# ruff: noqa: E501 - a statement reads best on its own line

from __future__ import annotations

import itertools

import pytest
from tests.attacks.test_sql_order import RAW, agreement
from tests.query.reference import Judge
from tests.query.shop import shop
from tests.query.world import PEOPLE, PURPOSES, REQUESTERS, World, agrees, number_of

from sekisho.domain.governed import Shape

PLACED = [
    "SELECT r FROM (SELECT customer_id, row_number() OVER () AS r FROM crm.customers) x WHERE customer_id = '{a}'",
    "SELECT min(r) AS r FROM (SELECT customer_id, row_number() OVER () AS r FROM pos.order_lines) x WHERE customer_id = '{a}'",
    "SELECT max(r) AS r FROM (SELECT customer_id, sum(1) OVER (ROWS UNBOUNDED PRECEDING) AS r FROM crm.customers) x WHERE customer_id = '{a}'",
    "SELECT r FROM (SELECT customer_id = '{a}' AS own, row_number() OVER () AS r FROM crm.customers) x WHERE own",
    "SELECT 25 - count(*) AS r FROM (SELECT customer_id FROM crm.customers LIMIT 12) x WHERE customer_id = '{a}'",
    "SELECT 25 - count(*) AS r FROM (SELECT customer_id = '{a}' AS own FROM crm.customers LIMIT 12) x WHERE own",
]
"""What tells in which place one person's row lies."""

FIRST_OF_TWO = [
    "SELECT customer_id = '{a}' AS r FROM crm.customers WHERE customer_id IN ('{a}', '{b}')",
    "SELECT customer_id = '{a}' AS r FROM pos.order_lines WHERE customer_id IN ('{a}', '{b}')",
    "SELECT customer_id = '{a}' AS r FROM crm.customers WHERE customer_id IN ('{a}', '{b}') ORDER BY points >= 0",
    "SELECT customer_id = '{a}' AS r FROM crm.customers WHERE customer_id IN ('{a}', '{b}') LIMIT 1",
    "SELECT x.own AS r FROM (SELECT customer_id, customer_id = '{a}' AS own FROM crm.customers WHERE customer_id IN ('{a}', '{b}')) x",
    "SELECT customer_id = '{a}' AS r, count(*) FROM crm.customers WHERE customer_id IN ('{a}', '{b}') GROUP BY 1",
    "SELECT DISTINCT customer_id = '{a}' AS r FROM crm.customers WHERE customer_id IN ('{a}', '{b}')",
    "SELECT customer_id = '{a}' AS r FROM crm.customers WHERE customer_id = '{a}' UNION ALL SELECT customer_id = '{a}' FROM crm.customers WHERE customer_id = '{b}'",
    "SELECT c.customer_id = '{a}' AS r FROM crm.customers c JOIN crm.tickets t ON c.customer_id = t.customer_id WHERE c.customer_id IN ('{a}', '{b}')",
]
"""What shows in its first row which of two people comes first."""

OF_DUCKDB = [
    "SELECT arg_max(CASE WHEN customer_id = '{a}' THEN 1 ELSE 0 END, 1) AS r FROM pos.order_lines WHERE customer_id IN ('{a}', '{b}')",
    "SELECT arg_max(CASE WHEN customer_id = '{a}' THEN 1 ELSE 0 END, 1) AS r FROM pos.order_lines WHERE customer_id IN ('{a}', '{b}') GROUP BY quantity > 0",
    "SELECT DISTINCT arg_max(customer_id = '{a}', 1) OVER () AS r FROM pos.order_lines WHERE customer_id IN ('{a}', '{b}')",
    "SELECT arg_min(customer_id = '{a}', 1) AS r FROM pos.order_lines WHERE customer_id IN ('{a}', '{b}')",
    "SELECT mode(own) AS r FROM (SELECT customer_id = '{a}' AS own FROM pos.order_lines WHERE customer_id IN ('{a}', '{b}') GROUP BY 1) x",
]

CHOSEN = [
    "SELECT prefecture, customer_id, count(*) FROM crm.customers GROUP BY prefecture",
    "SELECT customer_id, count(*) FROM crm.customers",
    "SELECT customer_id, max(points > 0) FROM crm.customers GROUP BY prefecture",
    "SELECT customer_id, sum(count(*)) OVER () FROM crm.customers",
    "SELECT prefecture, customer_id = '<p12>' AS own FROM crm.customers GROUP BY prefecture",
    "SELECT prefecture FROM crm.customers GROUP BY prefecture HAVING customer_id = '<p12>'",
    "SELECT prefecture FROM crm.customers GROUP BY prefecture ORDER BY customer_id = '<p12>'",
    "SELECT points, count(*) FROM crm.customers WHERE customer_id IN ('<p12>', '<p20>')",
    "SELECT prefecture, (SELECT count(*) FROM crm.tickets t WHERE t.customer_id = c.customer_id) AS n FROM crm.customers c WHERE customer_id IN ('<p12>', '<p20>') GROUP BY prefecture",
    "SELECT c.customer_id, o.customer_id AS other, count(*) FROM crm.customers c, crm.tickets o GROUP BY c.customer_id",
    "SELECT x.customer_id, count(*) FROM (SELECT customer_id, prefecture FROM crm.customers) x GROUP BY x.prefecture",
]
"""A value of a row that SQLite chooses."""

AROUND = [
    "SELECT customer_id, (SELECT count(c.points) FROM crm.tickets) FROM crm.customers c",
    "SELECT customer_id, (SELECT count(c.points)) FROM crm.customers c",
    "SELECT customer_id, (SELECT count(*) FILTER (WHERE c.points >= 0) FROM crm.tickets) FROM crm.customers c",
    "SELECT customer_id, (SELECT max((SELECT c.points)) FROM crm.tickets) FROM crm.customers c",
    "SELECT customer_id, (SELECT c.points AS a FROM crm.tickets HAVING count(a) > 0) FROM crm.customers c",
    "SELECT (SELECT count(c.points) FROM crm.tickets) AS n, points FROM crm.customers c WHERE customer_id IN ('<p12>', '<p20>')",
]
"""An aggregate of a column around: SQLite makes one row of the rows there, and chooses which of them is shown."""

GROUPED = [
    "SELECT customer_id, prefecture, count(*) FROM crm.customers GROUP BY customer_id",
    "SELECT substr(prefecture, 1, 1) AS p, count(*) FROM crm.customers WHERE customer_id IN ('<p12>', '<p20>') GROUP BY 1",
    "SELECT substr(prefecture, 1, 1), count(*) FROM crm.customers WHERE customer_id IN ('<p12>', '<p20>') GROUP BY substr(prefecture, 1, 1)",
    "SELECT customer_id, count(*), max(minutes) FROM crm.tickets GROUP BY customer_id HAVING count(*) > 1",
    "SELECT customer_id, (SELECT sum(t.minutes + c.points) FROM crm.tickets t WHERE t.customer_id = c.customer_id) FROM crm.customers c",
    "SELECT customer_id, (SELECT count(*) FILTER (WHERE t.minutes > c.points) FROM crm.tickets t) FROM crm.customers c",
    "SELECT c.customer_id, count(*) FROM crm.customers c JOIN crm.tickets t USING (customer_id) GROUP BY c.customer_id",
    "SELECT country, count(*) FROM pos.order_lines WHERE customer_id IN ('<p12>', '<p20>') GROUP BY ROLLUP (country)",
    "SELECT arg_max(country, quantity), arg_min(description, quantity) FILTER (WHERE quantity > 2) FROM pos.order_lines WHERE customer_id = '<p12>'",
]
"""What everybody writes, and tells nothing."""

CONSENTING = [p for p in range(10, PEOPLE) if agrees(p, "recommendation") and agrees(p, "advertising")]


def _places(world: World, sql: str, purpose: str) -> list[int]:
    """Return the persons in the order that *sql* tells, one question each."""
    said = []
    for place in CONSENTING:
        column = world.ask(sql.format(a=world.pseudonym(place, purpose=purpose)), purpose=purpose).column("r")
        said.append((int(str(column[0])) if column else 99, number_of(place)))
    return [number for _, number in sorted(said, key=lambda each: each[0])]


def _placed(world: World, sql: str) -> None:
    one, two = (_places(world, sql, purpose) for purpose in ("recommendation", "advertising"))
    assert set(one) == set(two) == {number_of(place) for place in CONSENTING}
    if "LIMIT" in sql:  # tells of twelve that they are among them
        assert one[:12] != two[:12]
        assert set(one[:12]) != {number_of(place) for place in CONSENTING[:12]}
        return
    assert abs(agreement(one, two)) < 0.5
    assert abs(agreement(one, RAW)) < 0.5


def _first(world: World, sql: str) -> list[int]:
    """Return for each two neighbours 1 or -1 where *sql* tells one of them apart as the first, 0 where it does not."""
    told = []
    for one, two in itertools.pairwise(CONSENTING):
        a, b = world.pseudonym(one), world.pseudonym(two)
        first, second = (world.ask(sql.format(a=own, b=other)).column("r")[0] for own, other in ((a, b), (b, a)))
        told.append(int(bool(first)) - int(bool(second)))
    return told


@pytest.mark.parametrize("sql", PLACED)
def test_nobody_learns_in_which_place_a_named_person_stands(judge: Judge, sql: str) -> None:
    """Row numbers and cuts of which no key is shown are mixed where the statement names somebody."""
    _placed(judge.world, sql)


@pytest.mark.parametrize("sql", PLACED)
def test_nobody_learns_in_which_place_a_named_person_stands_in_postgresql(shop_judge: Judge, sql: str) -> None:
    """Row numbers and cuts of which no key is shown are mixed there, too."""
    _placed(shop_judge.world, shop(sql))


@pytest.mark.parametrize("sql", OF_DUCKDB)
def test_a_choice_among_equals_rests_on_their_values(judge: Judge, sql: str) -> None:
    """ARG_MAX, ARG_MIN and MODE answer the same whichever of two named people comes first."""
    assert not any(_first(judge.world, sql))


@pytest.mark.parametrize("sql", FIRST_OF_TWO)
def test_nobody_learns_which_of_two_named_people_comes_first(judge: Judge, sql: str) -> None:
    """The order of an answer is not that of the store where people are named."""
    told = _first(judge.world, sql)
    assert abs(sum(told)) < len(told) / 2


@pytest.mark.parametrize("sql", FIRST_OF_TWO)
def test_nobody_learns_which_of_two_named_people_comes_first_in_postgresql(shop_judge: Judge, sql: str) -> None:
    """The order of an answer is not that of the table there."""
    told = _first(shop_judge.world, shop(sql))
    assert abs(sum(told)) < len(told) / 2


@pytest.mark.parametrize("limit", [1, 2])
def test_a_limit_of_rows_is_no_place_either(judge: Judge, limit: int) -> None:
    """Which rows ``max_rows`` leaves does not rest on the order in the store."""
    told = []
    for one, two in itertools.pairwise(CONSENTING):
        a, b = judge.world.pseudonym(one), judge.world.pseudonym(two)
        sql = f"SELECT customer_id = '{a}' AS r FROM crm.customers WHERE customer_id IN ('{a}', '{b}')"
        told.append(bool(judge.world.ask(sql, max_rows=limit).column("r")[0]))
    assert 0.2 < sum(told) / len(told) < 0.8


@pytest.mark.parametrize("sql", CHOSEN)
def test_no_value_is_of_a_row_that_the_store_chooses(judge: Judge, sql: str) -> None:
    """Where a key is shown or compared, a column is grouped by or aggregated."""
    assert judge.refuses(sql) == "statement_refused"


@pytest.mark.parametrize("sql", AROUND)
def test_no_aggregate_makes_one_row_of_a_statement_around(judge: Judge, sql: str) -> None:
    """An aggregate is of the SELECT in which it stands, as its rows are judged."""
    assert judge.refuses(sql) == "statement_refused"


@pytest.mark.parametrize("sql", GROUPED)
def test_groups_are_answered(judge: Judge, sql: str) -> None:
    """What names people and groups as the standard has it is answered as before."""
    judge.answers(sql)


def test_a_named_person_is_placed_by_number_where_bits_would_do(shop_judge: Judge) -> None:
    """Rows that are cut in a statement that names people carry the person by whom they are mixed."""
    world = shop_judge.world
    named = shop_judge.fill("IN ('<p12>', '<p20>')")
    texts = {
        f"SELECT r FROM (SELECT ticket_id, row_number() OVER () AS r FROM shop.tickets) x WHERE ticket_id = '{world.token('ticket', 'MK-T0012')}'": Shape.KEYS,
        f"SELECT count(*) FROM shop.customers WHERE EXISTS (SELECT 1 FROM shop.tickets) AND customer_id {named}": Shape.BITS,
    }
    for sql, shape in texts.items():
        question = world.gateway.statements.read(REQUESTERS["recommender"], PURPOSES["recommendation"], sql)
        plan = question.plan(world.policy.permit(question.request), by_bits=frozenset(["shop.tickets"]))
        assert shape in {projection.shape for projection in plan.projections}


def test_masked_texts_of_named_people_come_with_their_key(judge: Judge) -> None:
    """Texts that are masked on the way out cannot be put in order in the store, so that their key must be shown."""
    named = "(SELECT {} FROM crm.customers WHERE customer_id IN ('<p12>', '<p20>')) x"
    assert judge.refuses(f"SELECT note FROM {named.format('note')}") == "statement_refused"
    judge.answers(f"SELECT x.customer_id, x.note FROM {named.format('customer_id, note')}")

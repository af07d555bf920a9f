"""The order of rows says nothing: what two purposes get cannot be aligned by where rows lie in the store."""

# ruff: noqa: E501 - a statement reads best on its own line

from __future__ import annotations

import pytest
from tests.query.reference import Judge, plain
from tests.query.world import FIRST_ID, World, agrees, number_of

UNORDERED = [
    "SELECT customer_id FROM crm.customers",
    "SELECT customer_id, points FROM crm.customers WHERE points >= 0",
    "SELECT customer_id, count(*) FROM crm.tickets GROUP BY customer_id",
    "SELECT DISTINCT customer_id FROM pos.order_lines",
    "SELECT customer_id FROM crm.customers UNION SELECT customer_id FROM crm.tickets",
    "SELECT customer_id FROM (SELECT customer_id FROM pos.order_lines GROUP BY 1) x",
    "WITH x AS (SELECT customer_id FROM crm.customers) SELECT customer_id FROM x",
    "SELECT (customer_id) AS c FROM crm.customers",
    "SELECT customer_id FROM crm.customers ORDER BY customer_id",
    "SELECT customer_id, points FROM crm.customers ORDER BY 1",
    "SELECT customer_id, count(*) FROM crm.tickets GROUP BY customer_id ORDER BY customer_id",
    "SELECT customer_id FROM crm.customers UNION SELECT customer_id FROM crm.tickets ORDER BY customer_id",
]


NUMBERED = [
    "SELECT customer_id, row_number() OVER () AS r FROM crm.customers",
    "SELECT customer_id, row_number() OVER (ORDER BY points >= 0) AS r FROM crm.customers",
    "SELECT customer_id, ntile(25) OVER () AS r FROM crm.customers",
    "SELECT customer_id, sum(1) OVER (ROWS UNBOUNDED PRECEDING) AS r FROM crm.customers",
    "SELECT customer_id, row_number() OVER () AS r FROM crm.tickets GROUP BY customer_id",
    "SELECT customer_id AS customer_id, row_number() OVER () AS r FROM crm.tickets GROUP BY (1)",
    "SELECT customer_id, row_number() OVER (ORDER BY count(*) > 0) AS r FROM pos.order_lines GROUP BY customer_id",
    "SELECT customer_id, row_number() OVER () AS r FROM (SELECT customer_id FROM crm.customers) x",
    "WITH x AS (SELECT customer_id FROM crm.customers) SELECT customer_id, row_number() OVER () AS r FROM x",
    "SELECT x.customer_id, x.r FROM (SELECT customer_id, row_number() OVER () AS r FROM crm.customers) x",
    "SELECT customer_id, points >= 0 AS r FROM crm.customers ORDER BY points >= 0",
    "SELECT customer_id, 1 AS r FROM crm.tickets GROUP BY customer_id ORDER BY count(*) > 0",
    "SELECT customer_id, (SELECT count(*) FROM crm.customers) AS r FROM crm.customers ORDER BY r",
    "SELECT customer_id, sum(points) OVER () AS r FROM crm.customers ORDER BY r",
]

NOT_MIXED = [
    "SELECT DISTINCT customer_id FROM crm.customers ORDER BY points >= 0",
    "SELECT customer_id FROM crm.customers UNION SELECT customer_id FROM crm.tickets ORDER BY customer_id IS NULL",
    "SELECT ticket_id, row_number() OVER () AS r FROM crm.tickets GROUP BY ticket_id",
]

FIRST_OF_SEVERAL = [
    "SELECT o.points AS r, (SELECT t.customer_id FROM crm.customers t WHERE t.points >= o.points) AS customer_id FROM crm.customers o GROUP BY o.points",
    "SELECT o.signed_up_on AS r, (SELECT q.k FROM (SELECT DISTINCT t.customer_id AS k, t.signed_up_on AS d FROM crm.customers t) q WHERE q.d <= o.signed_up_on) AS customer_id FROM crm.customers o GROUP BY o.signed_up_on",
    "WITH c AS (SELECT customer_id AS k, minutes AS m FROM crm.tickets) SELECT o.minutes AS r, ((SELECT k FROM c WHERE m = o.minutes)) AS customer_id FROM crm.tickets o GROUP BY o.minutes",
]
"""To SQLite a subquery of several rows has the value of its first."""

IS_FIRST = (
    "SELECT count(*) AS n FROM crm.customers c WHERE c.points = {} AND (SELECT t.customer_id FROM crm.customers t"
    " WHERE t.signed_up_on >= '2001-01-01') IN ('{}')"
)
"""Whether the first row is of a person whose pseudonym is known."""

CLEAR_OF_SEVERAL = [
    "SELECT customer_id, (SELECT DISTINCT channel FROM crm.tickets) AS c FROM crm.customers",
    "SELECT customer_id, (SELECT minutes FROM crm.tickets UNION ALL SELECT points FROM crm.customers) AS c FROM crm.customers",
    "SELECT customer_id, (SELECT max(t.minutes) FROM crm.tickets t WHERE t.customer_id = c.customer_id) AS m FROM crm.customers c",
]

NOT_FIRST = [
    "SELECT (SELECT DISTINCT customer_id FROM crm.tickets) AS customer_id FROM crm.customers",
    "SELECT (SELECT customer_id FROM crm.tickets UNION ALL SELECT customer_id FROM crm.customers) AS c FROM crm.tickets",
]

CUT = [
    "SELECT customer_id FROM crm.customers",
    "SELECT DISTINCT customer_id FROM crm.customers",
    "SELECT DISTINCT customer_id, points >= 0 AS o FROM crm.customers ORDER BY o",
    "SELECT customer_id, 1 AS o FROM crm.customers UNION SELECT customer_id, 1 FROM crm.customers ORDER BY o",
    "SELECT customer_id FROM crm.customers UNION SELECT customer_id FROM crm.tickets",
    "SELECT customer_id FROM crm.tickets GROUP BY customer_id",
]


def persons(world: World, sql: str, purpose: str) -> list[int]:
    """Return the persons behind an answer's pseudonyms, in the order of the answer, each once."""
    column = world.ask(sql, purpose=purpose).column("c" if " AS c " in sql else "customer_id")
    decode = world.keyed(purpose=purpose).pseudonyms.decode
    numbers = [decode(str(value)) for value in column if value is not None]
    return list(dict.fromkeys(number for number in numbers if number is not None))


def agreement(first: list[int], second: list[int]) -> float:
    """Return Kendall's tau of the persons that both lists hold: 1 for one order, 0 for unrelated orders."""
    common = [n for n in first if n in set(second)]
    place = {n: i for i, n in enumerate(second)}
    pairs = [(a, b) for i, a in enumerate(common) for b in common[i + 1 :]]
    assert len(common) > 12
    return sum(1 if place[a] < place[b] else -1 for a, b in pairs) / len(pairs)


RAW = [number_of(place) for place in range(50)]
"""Persons in the order of their raw keys."""


@pytest.mark.parametrize("sql", UNORDERED)
def test_an_answer_without_order_is_in_the_order_of_its_tokens(judge: Judge, sql: str) -> None:
    """Neither two purposes' answers nor an answer and the raw keys have an order in common."""
    one, two = (persons(judge.world, sql, purpose) for purpose in ("recommendation", "advertising"))
    assert abs(agreement(one, two)) < 0.5
    assert abs(agreement(one, RAW)) < 0.5
    assert abs(agreement(one, sorted(RAW))) < 0.5


@pytest.mark.parametrize("sql", NUMBERED)
def test_ties_are_not_broken_by_the_store(judge: Judge, sql: str) -> None:
    """Row numbers, frames and orders with ties put people in an order that no other purpose has."""
    one, two = (by_number(judge.world, sql, purpose) for purpose in ("recommendation", "advertising"))
    assert abs(agreement(one, two)) < 0.5
    assert abs(agreement(one, RAW)) < 0.5
    assert abs(agreement(one, sorted(RAW))) < 0.5


def by_number(world: World, sql: str, purpose: str) -> list[int]:
    """Return the persons of an answer in the order of its column ``r``, then of its rows."""
    answer = world.ask(sql, purpose=purpose)
    decode = world.keyed(purpose=purpose).pseudonyms.decode
    places = [int(str(plain(value))) for value in answer.column("r")]
    rows = sorted(zip(places, range(len(places)), map(str, answer.column("customer_id")), strict=True))
    return [number for _, _, token in rows if (number := decode(token)) is not None]


@pytest.mark.parametrize("sql", CUT)
def test_single_rows_cannot_be_walked_through(judge: Judge, sql: str) -> None:
    """LIMIT 1 OFFSET k, asked for two purposes, does not name the same person under two pseudonyms."""
    walks = []
    for purpose in ("recommendation", "advertising"):
        decode = judge.world.keyed(purpose=purpose).pseudonyms.decode
        asked = [f"{sql} LIMIT 1 OFFSET {k}" for k in range(25)]
        walks.append([decode(str(judge.world.ask(one, purpose=purpose).rows[0][0])) for one in asked])
    one, two = ([number for number in walk if number is not None] for walk in walks)
    assert len(set(one)) == 25
    assert abs(agreement(one, two)) < 0.5


@pytest.mark.parametrize("sql", FIRST_OF_SEVERAL)
def test_a_value_of_several_rows_is_not_the_first_of_the_store(judge: Judge, sql: str) -> None:
    """Where a subquery has several rows, it does not show the same person under the pseudonyms of two purposes."""
    found = []
    for purpose in ("recommendation", "advertising"):
        decode = judge.world.keyed(purpose=purpose).pseudonyms.decode
        answer = judge.world.ask(sql, purpose=purpose)
        found.append({row[0]: decode(str(row[1])) for row in answer.rows if row[1] is not None})
    one, two = found
    common = one.keys() & two.keys()
    assert len(common) > 8
    assert sum(one[place] == two[place] for place in common) <= len(common) / 3


def test_whose_row_is_the_first_is_not_asked_by_pseudonyms(judge: Judge) -> None:
    """A pseudonym beside a subquery of several rows does not find whose row lies first in the store."""
    world, first = judge.world, next(p for p in range(50) if agrees(p, "recommendation") and agrees(p, "advertising"))
    assert all(agrees(p, "recommendation") == agrees(p, "advertising") == (p >= first) for p in range(first + 1))
    asked = [
        world.ask(IS_FIRST.format(10 * (first % 13), world.pseudonym(first, purpose=purpose)), purpose=purpose)
        for purpose in ("recommendation", "advertising")
    ]
    assert [answer.rows == [(0,)] for answer in asked] != [False, False]


@pytest.mark.parametrize("sql", CLEAR_OF_SEVERAL)
def test_a_clear_value_of_several_rows_is_shown_beside_a_key(judge: Judge, sql: str) -> None:
    """A value that is no key rests on the values alone, and is answered."""
    assert judge.world.ask(sql).rows == judge.twin.ask(sql).rows


@pytest.mark.parametrize("sql", [*NOT_MIXED, *NOT_FIRST])
def test_what_cannot_be_mixed_is_refused(judge: Judge, sql: str) -> None:
    """Where no order can be hidden, keys are neither cut nor ordered nor numbered."""
    assert judge.refuses(sql) == "statement_refused"


def test_tokens_of_two_purposes_have_nothing_in_common(judge: Judge) -> None:
    """The same person and the same invoice have other tokens for another purpose and another requester."""
    world = judge.world
    answers = [
        {value for row in world.ask(sql, purpose=purpose, requester=requester).rows for value in row}
        for sql in ("SELECT customer_id, invoice FROM pos.order_lines",)
        for purpose, requester in (
            ("recommendation", "recommender"),
            ("advertising", "recommender"),
            ("recommendation", "other"),
        )
    ]
    assert not answers[0] & answers[1]
    assert not answers[0] & answers[2]
    assert not answers[1] & answers[2]


def test_neither_raw_keys_nor_person_numbers_leave(judge: Judge) -> None:
    """No answer to any position of a key holds a raw key or a person number."""
    raw = {str(FIRST_ID + p) for p in range(50)}
    for sql in [*UNORDERED, "SELECT * FROM pos.order_lines", "SELECT customer_id IS NULL FROM pos.order_lines"]:
        for row in judge.world.ask(sql).rows:
            for value in row:
                assert str(value) not in raw
    column = judge.world.ask("SELECT customer_id FROM crm.customers").column("customer_id")
    assert all(isinstance(value, str) and len(value) == 32 for value in column)

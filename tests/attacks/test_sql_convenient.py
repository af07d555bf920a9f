"""What analysts' tools need, and what an attacker would make of it: masks and withheld rows in each construct."""

# ruff: noqa: E501 - a statement reads best on its own line

from __future__ import annotations

import asyncio

import pytest
from tests.query.reference import Judge
from tests.query.shop import shop
from tests.query.world import REQUESTERS

from sekisho.errors import MaskedColumnUse
from sekisho.release import Ask

MASKED = [
    # grouping sets
    "SELECT query_text, count(*) FROM web.events GROUP BY ROLLUP (query_text)",
    "SELECT query_text, count(*) FROM web.events GROUP BY ROLLUP (1)",
    "SELECT count(*) FROM web.events GROUP BY GROUPING SETS ((event_type), (event_type, query_text))",
    "SELECT count(*) FROM web.events GROUP BY CUBE (event_type, cookie_id)",
    "SELECT count(*) FROM web.events GROUP BY GROUPING SETS (ROLLUP (query_text), ())",
    "SELECT grouping(query_text) FROM web.events GROUP BY ROLLUP (query_text)",
    "SELECT count(*) FROM web.events GROUP BY ROLLUP (event_type, length(query_text))",
    "SELECT customer_id, count(*) FROM web.events GROUP BY ROLLUP (customer_id) ORDER BY customer_id DESC",
    "SELECT max(customer_id) FROM web.events GROUP BY CUBE (event_type)",
    # a blank beside a key
    "SELECT customer_id, count(*) FROM web.events GROUP BY customer_id, query_text",
    "SELECT customer_id, count(*) FROM web.events GROUP BY customer_id, cookie_id HAVING cookie_id = 'MKcookie1'",
    "SELECT customer_id, cookie_id || 'x' FROM web.events GROUP BY customer_id, cookie_id",
    "SELECT customer_id, cookie_id FROM web.events GROUP BY customer_id, cookie_id ORDER BY cookie_id",
    # NATURAL JOIN joins by whatever both sides have
    "SELECT e.category FROM web.events e NATURAL JOIN (SELECT 'MKquery 001' AS query_text) x",
    "SELECT e.category FROM web.events e NATURAL JOIN (SELECT 17015 AS customer_id) x",
    "SELECT e.category FROM web.events e NATURAL JOIN (VALUES ('MK-00004')) AS v(invoice)",
    "SELECT e.category FROM web.events e NATURAL LEFT JOIN (SELECT 'MKcookie1' AS cookie_id) x",
    "SELECT e.category FROM web.events e NATURAL JOIN (SELECT query_text FROM web.events) x",
    "SELECT e.category FROM web.events e NATURAL JOIN (SELECT country AS invoice FROM pos.order_lines) x",
    "SELECT e.category FROM web.events e NATURAL JOIN (SELECT 1 AS other) x",
    # LATERAL sees the row
    "SELECT x.q FROM web.events e, LATERAL (SELECT upper(e.query_text) AS q) x",
    "SELECT x.q FROM web.events e CROSS JOIN LATERAL (SELECT e.customer_id + 1 AS q) x",
    "SELECT x.q FROM web.events e CROSS JOIN LATERAL (SELECT 1 AS q WHERE e.query_text LIKE 'MK%') x",
    "SELECT x.q FROM web.events e CROSS JOIN LATERAL (SELECT o.quantity AS q FROM pos.order_lines o WHERE o.customer_id > e.customer_id) x",
    "SELECT x.q FROM web.events e CROSS JOIN LATERAL (SELECT e.cookie_id AS q) x WHERE x.q = 'MKcookie1'",
    "SELECT e.category, (SELECT count(*) FROM (SELECT 1 AS z) e, LATERAL (SELECT e.query_text AS q) x WHERE x.q > 'M') FROM web.events e",
    "SELECT e.category FROM web.events e WHERE EXISTS (SELECT 1 FROM pos.order_lines o, LATERAL (SELECT e.query_text AS q) x WHERE x.q > 'M')",
    # DISTINCT ON picks by an order
    "SELECT DISTINCT ON (query_text) category FROM web.events",
    "SELECT DISTINCT ON (cookie_id) category FROM web.events",
    "SELECT DISTINCT ON (2) category, query_text FROM web.events",
    "SELECT DISTINCT ON (category) category, event_type FROM web.events ORDER BY category, query_text",
    "SELECT DISTINCT ON (category) category, event_type FROM web.events ORDER BY category, customer_id",
    "SELECT DISTINCT ON (category) category, customer_id FROM web.events ORDER BY category, invoice DESC",
    "SELECT DISTINCT ON (length(query_text)) category FROM web.events",
    "SELECT DISTINCT ON (category) * FROM web.events",
    # named windows
    "SELECT row_number() OVER w FROM web.events WINDOW w AS (ORDER BY query_text)",
    "SELECT count(*) OVER w FROM web.events WINDOW w AS (PARTITION BY cookie_id)",
    "SELECT rank() OVER w FROM web.events WINDOW w AS (ORDER BY customer_id)",
    "SELECT rank() OVER w FROM web.events WINDOW w AS (ORDER BY category), v AS (ORDER BY query_text)",
    "SELECT nth_value(query_text, 1) OVER (ORDER BY occurred_at) FROM web.events",
    "SELECT nth_value(customer_id, 1) OVER (ORDER BY occurred_at) FROM web.events",
    # texts joined from rows
    "SELECT string_agg(query_text, ',') FROM web.events",
    "SELECT string_agg(category, query_text) FROM web.events",
    "SELECT string_agg(category, ',' ORDER BY query_text) FROM web.events",
    "SELECT string_agg(category, ',' ORDER BY customer_id) FROM web.events",
    "SELECT string_agg(DISTINCT cookie_id, ',') FROM web.events",
    "SELECT string_agg(CAST(customer_id AS TEXT), ',') FROM web.events",
    # ALL and ANY
    "SELECT category FROM web.events WHERE query_text = ANY (SELECT 'MKquery 001')",
    "SELECT category FROM web.events WHERE category = ANY (SELECT query_text FROM web.events)",
    "SELECT category FROM web.events WHERE customer_id = ANY (SELECT 17015)",
    "SELECT category FROM web.events WHERE customer_id >= ALL (SELECT customer_id FROM web.events)",
    "SELECT category FROM web.events WHERE customer_id = ANY (SELECT quantity FROM pos.order_lines)",
    "SELECT category FROM web.events WHERE invoice = ANY (SELECT country FROM pos.order_lines)",
    # functions
    "SELECT reverse(query_text) FROM web.events",
    "SELECT lpad(query_text, 3, 'x') FROM web.events",
    "SELECT lpad(category, 1000001, 'x') FROM web.events",
    "SELECT lpad(category, length(user_agent), 'x') FROM web.events",
    "SELECT lpad(category, (SELECT 100000000), 'x') FROM web.events",
    "SELECT CAST(query_text AS DECIMAL(9, 2)) FROM web.events",
    "SELECT corr(customer_id, 1), regr_slope(customer_id, 1) FROM web.events",
    # labels
    "SELECT category AS \"a'b\" FROM web.events",
    'SELECT category AS "a""b" FROM web.events',
    'SELECT category AS "a;b" FROM web.events',
    'SELECT category AS "@a" FROM web.events',
    'SELECT category AS "+a" FROM web.events',
    'SELECT category AS "__nth" FROM web.events',
    'SELECT q."e.query_text" FROM (SELECT query_text AS "e.query_text" FROM web.events) q WHERE q."e.query_text" > \'M\'',
]  # fmt: skip

WITHHELD = [
    "SELECT x.q FROM pos.order_lines o, LATERAL (SELECT CAST(o.description AS INT) AS q WHERE o.description LIKE 'NG%') x",
    "SELECT nth_value(quantity, CASE WHEN country LIKE 'NG%' THEN 0 ELSE 1 END) OVER (ORDER BY quantity) FROM pos.order_lines",
    "SELECT country, count(*) FROM pos.order_lines GROUP BY ROLLUP (country)",
    "SELECT country, grouping(country), sum(quantity) FROM pos.order_lines GROUP BY CUBE (country)",
    "SELECT string_agg(country, ',' ORDER BY country) FROM pos.order_lines",
    "SELECT count(*) FROM pos.order_lines WHERE quantity >= ALL (SELECT quantity FROM pos.order_lines)",
    "SELECT DISTINCT ON (country) country, quantity FROM pos.order_lines ORDER BY country, quantity DESC",
    "SELECT CAST(description AS DECIMAL(3, 0)) FROM pos.order_lines WHERE description LIKE 'NG%'",
    "SELECT count(*) FROM pos.order_lines NATURAL JOIN web.events",
    "SELECT p.title, count(o.quantity) FROM pos.products p LEFT JOIN pos.order_lines o USING (stock_code) GROUP BY p.title",
    "SELECT p.title FROM pos.products p WHERE NOT EXISTS (SELECT 1 FROM pos.order_lines o WHERE o.stock_code = p.stock_code AND o.quantity > 11)",
    "SELECT p.title FROM pos.products p JOIN pos.order_lines o ON o.stock_code = p.stock_code AND CAST(o.description AS INT) > 0 WHERE o.country LIKE 'NG%'",
]  # fmt: skip


@pytest.mark.parametrize("sql", MASKED)
def test_no_convenience_reads_a_mask(judge: Judge, sql: str) -> None:
    """What tools need takes masked columns where everything else takes them: shown, or as keys among keys."""
    assert judge.refuses(sql) in {"masked_column_use", "statement_refused"}


@pytest.mark.postgres
@pytest.mark.parametrize("sql", MASKED)
def test_no_convenience_reads_a_mask_in_postgresql(shop_judge: Judge, sql: str) -> None:
    """The same on PostgreSQL."""
    assert shop_judge.refuses(shop(sql)) in {"masked_column_use", "statement_refused"}


@pytest.mark.parametrize("sql", WITHHELD)
def test_no_convenience_counts_withheld_rows(judge: Judge, sql: str) -> None:
    """Withheld rows are not there: no error, no group, no order tells of them."""
    judge.refusal(sql, exact=False)


@pytest.mark.postgres
@pytest.mark.parametrize("sql", WITHHELD)
def test_no_convenience_counts_withheld_rows_in_postgresql(shop_judge: Judge, sql: str) -> None:
    """The same on PostgreSQL."""
    shop_judge.refusal(shop(sql), exact=False)


def test_what_an_engine_cannot_plan_is_no_fault_of_the_store(judge: Judge) -> None:
    """DuckDB copies no subquery within WITHIN GROUP: the statement is refused, and the store is not called down."""
    sql = (
        "SELECT mode() WITHIN GROUP (ORDER BY (SELECT max(o.quantity) FROM pos.order_lines o WHERE o.stock_code = l.stock_code))"
        " AS q FROM pos.order_lines l"
    )
    assert judge.refuses(sql) == "statement_refused"


VALUES_AS_CONDITIONS = [
    "SELECT count(*) AS n FROM crm.tickets WHERE minutes > 3 AND (SELECT max(resolved) FROM crm.tickets)",
    "SELECT count(*) AS n FROM crm.tickets WHERE (SELECT max(resolved) FROM crm.tickets) AND minutes > 3 AND channel = 'mail'",
    "SELECT count(*) AS n FROM pos.order_lines WHERE quantity > 3 AND (SELECT bool_or(gift) FROM pos.order_lines)",
    "SELECT customer_id, arg_max(stock_code, quantity) FILTER (WHERE (SELECT bool_or(gift) FROM pos.order_lines)) AS n FROM pos.order_lines GROUP BY customer_id",
]


@pytest.mark.parametrize("sql", VALUES_AS_CONDITIONS)
def test_a_subquery_may_be_a_condition(judge: Judge, sql: str) -> None:
    """A subquery that is a truth stands beside other conditions."""
    assert judge.refusal(sql, exact=False) is None


def test_a_subquery_may_be_a_condition_of_what_is_explained(judge: Judge) -> None:
    """Why a statement is refused is told, also where a subquery that is a truth is what is left of its conditions."""
    sql = "SELECT minutes FROM crm.tickets WHERE body > 'a' AND (SELECT max(resolved) FROM crm.tickets)"
    ask = Ask("recommendation", sql)
    with pytest.raises(MaskedColumnUse):
        asyncio.run(judge.world.gateway.explain(REQUESTERS["recommender"], ask))

"""Names that the gateway and an engine could read in two ways: refused, or bound as the engine binds them.

Each statement here passes a raw value as a clear one, if the gateway takes a name for one thing and the engine for
another: aliases that shadow columns or each other, common table expressions that shadow each other or the
catalogue, sources that shadow sources, columns of USING.
"""

# ruff: noqa: E501, ISC004 - a statement reads best on its own line

from __future__ import annotations

import pytest
from tests.query.reference import Judge

CONFUSED = [
    # Two output columns of one name: which does ORDER BY mean?
    "SELECT note AS x, 'a' AS x FROM crm.customers ORDER BY x",
    "SELECT 'a' AS x, note AS x FROM crm.customers ORDER BY x",
    "SELECT note, 1 AS note FROM crm.customers ORDER BY note",
    "SELECT customer_id, points AS customer_id FROM crm.customers ORDER BY customer_id",
    "SELECT invoice AS x, quantity AS X FROM pos.order_lines ORDER BY x",
    "SELECT query_text AS x, 1 AS x FROM web.events GROUP BY x",
    # A name that the gateway makes must never be one that the requester refers to.
    "SELECT note AS x, 1 AS x, 2 AS x_2, note AS x_2 FROM crm.customers ORDER BY x_2",
    # An alias of the select list that SQLite does not see there, so that the name is the outer query's column.
    "SELECT q.z FROM (SELECT t.body, (SELECT q.y FROM (SELECT 1 AS body, body AS y FROM (SELECT 1 AS one) s) q) AS z"
    " FROM crm.tickets t) q",
    "SELECT (SELECT q.y FROM (SELECT 1 AS body, lower(body) AS y FROM (SELECT 1 AS one) s) q) FROM crm.tickets t",
    "SELECT t.minutes FROM crm.tickets t WHERE (SELECT q.y FROM (SELECT 'x' AS body, body AS y"
    " FROM (SELECT 1 AS one) s) q) LIKE '%refund%'",
    "SELECT t.minutes, (SELECT q.y FROM (SELECT 1 AS customer_id, customer_id + 0 AS y FROM (SELECT 1 AS one) s) q)"
    " FROM crm.tickets t",
    # A reference to a later output column, which is no such thing.
    "SELECT y AS x, 1 AS y FROM crm.customers",
    "SELECT b + 1 AS a, a + 1 AS b FROM pos.order_lines",
    "SELECT x + 1 AS x FROM pos.order_lines",
    "SELECT (SELECT q.y FROM (SELECT query_text AS y, 1 AS query_text FROM (SELECT 1 AS one) s) q) || 'x' FROM web.events",
    # A WITH name twice: SQLite takes the inner one even before it is defined.
    "WITH x AS (SELECT channel AS v FROM crm.tickets) SELECT s.v FROM (WITH a AS (SELECT v FROM x),"
    " x AS (SELECT body AS v FROM crm.tickets) SELECT v FROM a) s",
    "WITH x AS (SELECT category AS v FROM web.events) SELECT lower(s.v) FROM (WITH x AS (SELECT query_text AS v"
    " FROM web.events) SELECT v FROM x) s",
    "WITH x AS (SELECT 'a' AS v), x AS (SELECT note AS v FROM crm.customers) SELECT v || '' FROM x",
    "WITH x AS (SELECT member_rank AS v FROM crm.customers), X AS (SELECT note AS v FROM crm.customers)"
    " SELECT v || '' FROM x",
    # A WITH name used before or outside of it, or in itself without RECURSIVE.
    "WITH a AS (SELECT v FROM b), b AS (SELECT note AS v FROM crm.customers) SELECT v FROM a",
    "WITH r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r, crm.customers",
    "SELECT s.v FROM (WITH x AS (SELECT points AS v FROM crm.customers) SELECT v FROM x) s, x",
    # Column aliases that repeat a name; DuckDB means the first.
    "SELECT x.b FROM (SELECT query_text AS a, 1 AS b FROM web.events) x(b)",
    "WITH x(b) AS (SELECT query_text AS a, 1 AS b FROM web.events) SELECT b FROM x",
    "WITH x AS (SELECT query_text AS a, 1 AS b FROM web.events) SELECT y.b || 'x' FROM x y(b)",
    "SELECT x.b FROM (SELECT query_text AS a, 1 AS c FROM web.events) x(b, B)",
    "SELECT v.b FROM (VALUES ('a', 1)) v(b, b), pos.order_lines",
    "SELECT x.a FROM (SELECT 1 AS a FROM pos.order_lines) x(a, b)",
    "SELECT o.q FROM pos.order_lines o(q)",
    # A qualified name whose source is shadowed by a nearer one.
    "SELECT count(*) FROM web.events WHERE EXISTS (SELECT 1 FROM (SELECT query_text AS category FROM web.events) events"
    " WHERE web.events.category LIKE '%00%')",
    "SELECT count(*) FROM crm.tickets WHERE EXISTS (SELECT 1 FROM (SELECT body AS channel FROM crm.tickets) tickets"
    " WHERE crm.tickets.channel LIKE '%refund%')",
    "SELECT pos.events.category FROM web.events",
    "SELECT crm.events.* FROM web.events",
    "SELECT web.tickets.body FROM crm.tickets",
    # USING: the merged column from inside, and beside a third source.
    "SELECT a.points FROM crm.customers a JOIN crm.tickets b USING (customer_id) WHERE EXISTS"
    " (SELECT t.body AS customer_id FROM crm.tickets t JOIN crm.customers u ON customer_id LIKE '%refund%')",
    "SELECT customer_id FROM crm.customers a JOIN crm.tickets b USING (customer_id)"
    " JOIN (SELECT points AS customer_id FROM crm.customers) c ON c.customer_id = a.points",
    "SELECT a.points FROM crm.customers a JOIN crm.tickets b USING (nosuchcolumn)",
    "SELECT a.points FROM crm.customers a JOIN crm.tickets b USING (points)",
    "SELECT customer_id FROM crm.customers a JOIN crm.tickets b ON a.customer_id = b.customer_id",
    # Places where no name is looked for.
    "SELECT quantity, sum(quantity) OVER (ORDER BY stock_code ROWS BETWEEN (SELECT count(*) FROM pos.order_lines o"
    " WHERE o.invoice > 'MK-00007') PRECEDING AND CURRENT ROW) FROM pos.order_lines",
    "SELECT sum(1) OVER (ORDER BY quantity ROWS BETWEEN quantity PRECEDING AND CURRENT ROW) FROM pos.order_lines",
    "SELECT sum(1) OVER (ORDER BY quantity RANGE BETWEEN customer_id PRECEDING AND CURRENT ROW) FROM pos.order_lines",
    "SELECT quantity FROM pos.order_lines UNION ALL SELECT quantity FROM pos.order_lines"
    " ORDER BY (SELECT max(invoice) FROM pos.order_lines)",
    "WITH RECURSIVE r AS (SELECT points AS v FROM crm.customers UNION ALL SELECT v + 1 FROM r WHERE v < 3 ORDER BY"
    " (SELECT max(note) FROM crm.customers)) SELECT v FROM r",
    "SELECT points FROM crm.customers UNION ALL SELECT minutes FROM crm.tickets ORDER BY note",
    "SELECT points FROM crm.customers UNION ALL SELECT minutes FROM crm.tickets ORDER BY crm.tickets.body",
    "SELECT points FROM crm.customers UNION ALL SELECT minutes FROM crm.tickets ORDER BY points || (SELECT note"
    " FROM crm.customers LIMIT 1)",
    "SELECT points AS p FROM crm.customers c WHERE EXISTS (SELECT 1 FROM crm.tickets t WHERE p = 1)",
    "SELECT a.points FROM crm.customers a JOIN crm.tickets b ON x = 1 AND 1 = (SELECT 1 AS x)",
    "SELECT 'a' AS note FROM crm.customers WHERE note = 'a'",
    "SELECT upper(member_rank) AS note FROM crm.customers GROUP BY note",
    "SELECT points AS note, count(*) FROM crm.customers GROUP BY note",
]

AGREED = [
    # Bound as the engine binds them: the answer is that of the reference.
    "SELECT -points AS points FROM crm.customers ORDER BY points LIMIT 3",
    "SELECT points AS p, points AS q FROM crm.customers ORDER BY p, q",
    "SELECT note AS x, 1 AS x, 2 AS x_2 FROM crm.customers ORDER BY x_2",
    "SELECT points, points FROM crm.customers ORDER BY points",
    "SELECT points, count(*) FROM crm.customers GROUP BY (1) ORDER BY ((2)), 1",
    "SELECT lower(member_rank) AS member_rank, count(*) FROM crm.customers GROUP BY member_rank",
    "SELECT lower(country) AS country, count(*) FROM pos.order_lines GROUP BY country",
    "SELECT quantity * 2 AS d, d + 1 AS e FROM pos.order_lines",
    "SELECT quantity AS country, country AS quantity FROM pos.order_lines WHERE quantity > 6",
    "SELECT quantity + 1 AS q FROM pos.order_lines WHERE q > 6",
    "SELECT country AS c, count(*) AS n FROM pos.order_lines GROUP BY c HAVING n > 2",
    "SELECT query_text AS category FROM web.events ORDER BY event_type, occurred_at",
    "WITH customers AS (SELECT points FROM crm.customers) SELECT points FROM customers",
    "WITH order_lines AS (SELECT 1 AS quantity) SELECT pos.order_lines.quantity FROM pos.order_lines, order_lines o",
    "WITH x AS (SELECT points AS v FROM crm.customers), y AS (SELECT v + 1 AS v FROM x) SELECT a.v FROM y a, x b"
    " WHERE a.v = b.v",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n, points FROM r, crm.customers",
    "SELECT x.a, x.c FROM (SELECT country AS a, quantity AS b FROM pos.order_lines) x(a, c)",
    "SELECT customer_id, points, minutes FROM crm.customers a JOIN crm.tickets b USING (customer_id)",
    "SELECT * FROM crm.customers a JOIN crm.tickets b USING (customer_id)",
    "SELECT b.* FROM crm.customers a JOIN crm.tickets b USING (customer_id)",
    "SELECT customer_id, a.quantity FROM pos.order_lines a JOIN web.events b USING (customer_id, invoice)",
    "SELECT customer_id, invoice FROM pos.order_lines a FULL JOIN web.events b USING (customer_id, invoice)",
    "SELECT crm.customers.points FROM crm.customers",
    'SELECT "CRM"."Customers"."Points" FROM Crm.CUSTOMERS',
    'SELECT "points" AS "顧客" FROM crm.customers ORDER BY "顧客"',
    'SELECT points AS "select" FROM crm.customers ORDER BY "select"',
    "SELECT t.t FROM (SELECT points AS t FROM crm.customers) t",
    "SELECT g.n FROM (SELECT points AS n FROM crm.customers) g",
    "FROM pos.order_lines",
    "TABLE pos.order_lines",
    "SELECT points /* ; DROP TABLE x */ FROM crm.customers -- WHERE 1 = 0",
    "SELECT points FROM crm.customers /*! UNION SELECT email FROM crm.customers */",
    "SELECT points FROM crm.customers /*!50000 UNION SELECT email FROM crm.customers */",
    "SELECT points FROM crm.customers; -- end",
    "SELECT (customer_id), ((note)) FROM crm.customers",
    "SELECT (SELECT note FROM crm.customers b WHERE b.customer_id = a.customer_id) FROM crm.customers a",
    "SELECT (SELECT max(minutes) FROM crm.tickets t WHERE t.customer_id = c.customer_id) FROM crm.customers c",
    "SELECT customer_id AS a, customer_id AS b, customer_id FROM crm.customers",
]


@pytest.mark.parametrize("sql", CONFUSED)
def test_a_name_with_two_meanings_is_refused(judge: Judge, sql: str) -> None:
    """Where gateway and engine could mean different columns, nobody is asked."""
    assert judge.refuses(sql) in {"statement_refused", "unknown_column", "masked_column_use", "unknown_dataset"}


@pytest.mark.parametrize("sql", AGREED)
def test_a_name_is_bound_as_the_engine_binds_it(judge: Judge, sql: str) -> None:
    """Shadowing that the engine defines gives the answer that the engine gives over masked data."""
    judge.answers(sql)

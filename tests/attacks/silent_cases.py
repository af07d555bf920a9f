"""Statements that are answered, each safe because of one guard that refuses nothing; ``silent.py`` has the guards.

The stores are those of SQLite and DuckDB; for PostgreSQL the same statements are asked of the store ``shop``.
"""

# ruff: noqa: E501 - a statement reads best on its own line

from __future__ import annotations

MASKED = {
    f"{name} ({mask})": sql
    for mask, c, t, raw in (
        ("prefix", "postal_code", "crm.customers", "'102-MK11'"),
        ("year", "birth_date", "crm.customers", "'1961-03-11'"),
        ("host", "referrer", "web.events", "'https://1user:p@shop1.example/1?q=1'"),
        ("browser", "user_agent", "web.events", "'Mozilla 0 Firefox/1'"),
    )
    for name, sql in {
        "shown": f"SELECT {c} FROM {t}",
        "grouped": f"SELECT {c}, count(*) AS n FROM {t} GROUP BY {c}",
        "distinct": f"SELECT DISTINCT {c} FROM {t}",
        "counted distinct": f"SELECT count(DISTINCT {c}) AS n FROM {t}",
        "compared": f"SELECT count(*) AS n FROM {t} WHERE {c} = {raw}",
        "smallest": f"SELECT min({c}) AS n FROM {t}",
        "largest": f"SELECT max({c}) AS n FROM {t}",
        "listed": f"SELECT count(*) AS n FROM {t} WHERE {c} IN (SELECT {c} FROM {t}) AND {c} IN ({raw})",
        "joined with VALUES": f"SELECT count(*) AS n FROM {t} c JOIN (SELECT {raw} AS e) v ON c.{c} = v.e",
        "joined with itself": f"SELECT count(*) AS n FROM {t} a JOIN {t} b ON a.{c} = b.{c}",
        "merged by USING": f"SELECT count(*) AS n FROM {t} a JOIN {t} b USING ({c})",
        "in CASE": f"SELECT sum(CASE WHEN {c} = {raw} THEN 1 ELSE 0 END) AS n FROM {t}",
        "in a window": f"SELECT count(*) OVER (PARTITION BY {c}) AS n FROM {t}",
        "ranked": f"SELECT rank() OVER (ORDER BY {c}) AS n FROM {t}",
        "in a set operation": f"SELECT {c} FROM {t} UNION SELECT {raw}",
        "intersected": f"SELECT {c} FROM {t} INTERSECT SELECT {raw}",
        "subtracted": f"SELECT {c} FROM {t} EXCEPT SELECT {raw}",
        "in a subquery": f"SELECT q.x FROM (SELECT {c} AS x FROM {t}) q",
        "in WITH": f"WITH q AS (SELECT {c} AS x FROM {t}) SELECT count(DISTINCT x) AS n FROM q",
        "correlated": f"SELECT count(*) AS n FROM {t} a WHERE EXISTS (SELECT 1 FROM {t} b WHERE b.{c} = a.{c} AND b.customer_id <> a.customer_id)",
        "in HAVING": f"SELECT count(*) AS n FROM {t} GROUP BY customer_id HAVING max({c}) = {raw}",
        "computed": f"SELECT {c} || 'x' AS x FROM {t}",
        "as a star": f"SELECT * FROM {t}",
    }.items()
}  # fmt: skip
BLANK = {
    f"{name} ({c})": sql
    for c, t in (
        ("email", "crm.customers"), ("name", "crm.customers"), ("income_band", "crm.customers"), ("cookie_id", "web.events")
    )
    for name, sql in {
        "shown": f"SELECT {c} FROM {t}",
        "in a subquery": f"SELECT q.x FROM (SELECT {c} AS x FROM {t}) q",
        "in a set operation": f"SELECT {c} FROM {t} UNION ALL SELECT {c} FROM {t}",
        "correlated": f"SELECT (SELECT b.{c} FROM {t} b WHERE b.customer_id = a.customer_id LIMIT 1) AS x FROM {t} a",
    }.items()
}  # fmt: skip
"""Guard: the mask at the scan."""

SHOWN = {
    "a text": "SELECT note FROM crm.customers",
    "a text of a join": "SELECT t.body FROM crm.tickets t JOIN crm.customers c USING (customer_id)",
    "a text of a subquery": "SELECT q.x FROM (SELECT note AS x FROM crm.customers) q",
    "a text of WITH": "WITH q AS (SELECT body AS x FROM crm.tickets) SELECT x FROM q",
    "a text of a scalar subquery": "SELECT (SELECT b.note FROM crm.customers b WHERE b.customer_id = a.customer_id) AS x FROM crm.customers a",
    "a text of a file": "SELECT query_text FROM web.events",
    "a key": "SELECT customer_id FROM crm.customers",
    "a key, grouped": "SELECT customer_id, count(*) AS n FROM crm.tickets GROUP BY customer_id",
    "a key, distinct": "SELECT DISTINCT customer_id FROM pos.order_lines",
    "a key of a set operation": "SELECT customer_id FROM crm.customers UNION SELECT customer_id FROM crm.tickets",
    "a key of a subquery": "SELECT q.c FROM (SELECT customer_id AS c FROM crm.customers) q",
    "a key of USING": "SELECT customer_id, points FROM crm.customers JOIN crm.tickets USING (customer_id)",
    "a key of WITH RECURSIVE": "WITH RECURSIVE r(c, n) AS (SELECT customer_id, 1 FROM crm.customers UNION ALL SELECT c, n + 1 FROM r WHERE n < 2) SELECT c FROM r",
    "a link": "SELECT invoice FROM pos.order_lines",
    "a link, grouped": "SELECT invoice, count(*) AS n FROM pos.order_lines GROUP BY invoice",
    "a link, distinct": "SELECT DISTINCT ticket_id FROM crm.tickets",
    "a link of a join": "SELECT o.invoice FROM pos.order_lines o JOIN web.events e USING (invoice)",
    "a link of a set operation": "SELECT invoice FROM pos.order_lines UNION SELECT invoice FROM web.events",
    "a link of a file": "SELECT event_id FROM web.events",
}  # fmt: skip
"""Guard: the transform on the way out."""

ABOUT_ROWS = {
    "counted": "SELECT count(*) AS n FROM {t}",
    "summed": "SELECT sum({m}) AS n FROM {t}",
    "averaged": "SELECT avg({m}) AS n FROM {t}",
    "largest": "SELECT max({m}) AS n FROM {t}",
    "grouped": "SELECT {g}, count(*) AS n FROM {t} GROUP BY {g}",
    "distinct": "SELECT DISTINCT {g} FROM {t}",
    "in HAVING": "SELECT {g} FROM {t} GROUP BY {g} HAVING count(*) > 1",
    "in a scalar subquery": "SELECT (SELECT max({m}) FROM {t}) AS n FROM {t} LIMIT 1",
    "in EXISTS": "SELECT count(*) AS n FROM {t} a WHERE EXISTS (SELECT 1 FROM {t} b WHERE b.{m} > a.{m})",
    "in NOT EXISTS": "SELECT count(*) AS n FROM {t} a WHERE NOT EXISTS (SELECT 1 FROM {t} b WHERE b.{m} > a.{m})",
    "in IN": "SELECT count(*) AS n FROM {t} WHERE {m} IN (SELECT max({m}) FROM {t})",
    "in a window": "SELECT DISTINCT max({m}) OVER () AS n FROM {t}",
    "ranked": "SELECT max(q.r) AS n FROM (SELECT rank() OVER (ORDER BY {m}) AS r FROM {t}) q",
    "outer joined": "SELECT count(b.{m}) AS n FROM {t} a LEFT JOIN {t} b ON a.customer_id = b.customer_id",
    "cross joined": "SELECT count(*) AS n FROM {t} a CROSS JOIN {t} b",
    "in a set operation": "SELECT {g} FROM {t} UNION SELECT 'x'",
    "subtracted": "SELECT count(*) AS n FROM (SELECT {g} FROM {t} EXCEPT SELECT 'x') q",
    "in WITH": "WITH q AS (SELECT {m} AS x FROM {t}) SELECT max(x) AS n FROM q",
    "by keys": "SELECT count(DISTINCT customer_id) AS n FROM {t}",
    "as a number of rows": "SELECT 1 AS one FROM {t} GROUP BY customer_id",
    "by an offset": "SELECT {m} FROM {t} GROUP BY {m} ORDER BY 1 DESC LIMIT 1",
}  # fmt: skip
"""Guard: consent at the scan; and, with a policy's row filter, that filter."""
TABLES = {
    "crm.tickets": {"t": "crm.tickets", "m": "minutes", "g": "channel"},
    "pos.order_lines": {"t": "pos.order_lines", "m": "quantity", "g": "country"},
}

HOISTED = {
    "a masked prefix, less": "SELECT count(*) AS n FROM crm.customers WHERE postal_code < '102-MK20'",
    "a masked prefix, between": "SELECT count(*) AS n FROM crm.customers WHERE postal_code BETWEEN '0' AND '102-MK20'",
    "a masked prefix, not greater": "SELECT count(*) AS n FROM crm.customers WHERE postal_code <= '102-MK20'",
    "a masked prefix, unequal": "SELECT count(*) AS n FROM crm.customers WHERE postal_code <> '1029'",
    "a masked prefix, not a pattern": "SELECT count(*) AS n FROM crm.customers WHERE postal_code NOT LIKE '%MK%'",
    "a masked prefix, its length": "SELECT count(*) AS n FROM crm.customers WHERE length(postal_code) < 8 AND length(postal_code) <> 4",
    "a masked prefix, replaced": "SELECT count(*) AS n FROM crm.customers WHERE replace(postal_code, 'MK', '') = postal_code",
    "a masked year": "SELECT count(*) AS n FROM crm.customers WHERE birth_date < '1961-02-01'",
    "a masked host, greater": "SELECT count(*) AS n FROM web.events WHERE referrer > 'https://A'",
    "a masked host, not a pattern": "SELECT count(*) AS n FROM web.events WHERE referrer NOT LIKE '%MK%'",
    "a masked browser, less": "SELECT count(*) AS n FROM web.events WHERE user_agent < 'Mozilla A'",
    "a masked browser, not a pattern": "SELECT count(*) AS n FROM web.events WHERE user_agent NOT LIKE '%MK%'",
    "a cast": "SELECT count(*) AS n FROM pos.order_lines WHERE CAST(replace(stock_code, 'S', '') AS INT) >= 0",
    "an overflow": "SELECT count(*) AS n FROM crm.tickets WHERE abs(-9223372036854775807 - (minutes >= 770000)) > 0",
    "a product": "SELECT count(*) AS n FROM pos.order_lines WHERE quantity * 99999999999999 > 0",
}  # fmt: skip
"""Guard: the list of what may be hoisted into the governed table."""

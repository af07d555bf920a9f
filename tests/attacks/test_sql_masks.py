"""No expression of a requester meets a raw masked value: refused, or answered from the masks alone."""

# ruff: noqa: E501, ISC004 - a statement reads best on its own line

from __future__ import annotations

import pytest
from tests.query.reference import Judge

TRUTHS = [
    f"SELECT {column} {truth} AS b FROM {dataset}"
    for dataset, column in (
        ("crm.customers", "note"), ("crm.customers", "customer_id"), ("crm.tickets", "body"),
        ("crm.tickets", "ticket_id"), ("pos.order_lines", "customer_id"), ("pos.order_lines", "invoice"),
        ("web.events", "query_text"),
    )
    for truth in ("IS TRUE", "IS FALSE", "IS NOT TRUE", "IS NOT FALSE")
]  # fmt: skip
"""To SQLite a text is true by the number with which it begins, to DuckDB a number that is not zero."""

SEALED = [
    "SELECT lower(note) FROM crm.customers",
    "SELECT note || '' FROM crm.customers",
    "SELECT substr(body, 1, 6) FROM crm.tickets",
    "SELECT length(body) FROM crm.tickets",
    "SELECT instr(body, 'refund') FROM crm.tickets",
    "SELECT replace(body, 'MK', '') FROM crm.tickets",
    "SELECT CAST(note AS INT) FROM crm.customers",
    "SELECT CAST(query_text AS INT) FROM web.events",
    "SELECT TRY_CAST(query_text AS INT) FROM web.events",
    "SELECT query_text::varchar FROM web.events",
    "SELECT coalesce(note, 'x') FROM crm.customers",
    "SELECT coalesce(query_text, country) FROM web.events, pos.order_lines",
    "SELECT nullif(note, 'MKnote 11 likes tea') FROM crm.customers",
    "SELECT CASE WHEN points > 5 THEN note ELSE 'x' END FROM crm.customers",
    "SELECT CASE note WHEN 'a' THEN 1 END FROM crm.customers",
    "SELECT CASE WHEN note LIKE '%tea%' THEN 1 END FROM crm.customers",
    "SELECT iif(note > 'MK', 1, 0) FROM crm.customers",
    "SELECT ifnull(note, 1) FROM crm.customers",
    "SELECT min(note) FROM crm.customers",
    "SELECT max(query_text) FROM web.events",
    "SELECT any_value(query_text) FROM web.events",
    "SELECT count(note) FROM crm.customers",
    "SELECT count(DISTINCT note) FROM crm.customers",
    "SELECT count(DISTINCT query_text) FROM web.events",
    "SELECT approx_count_distinct(query_text) FROM web.events",
    "SELECT DISTINCT note FROM crm.customers",
    "SELECT DISTINCT (note) FROM crm.customers",
    "SELECT note, count(*) FROM crm.customers GROUP BY note",
    "SELECT note AS n, count(*) FROM crm.customers GROUP BY n",
    "SELECT note, count(*) FROM crm.customers GROUP BY 1",
    "SELECT note, count(*) FROM crm.customers GROUP BY (1)",
    "SELECT note, count(*) FROM crm.customers GROUP BY ((1))",
    "SELECT count(*) FROM crm.customers GROUP BY note",
    "SELECT member_rank FROM crm.customers GROUP BY member_rank HAVING max(note) > 'MKnote 3'",
    "SELECT points FROM crm.customers WHERE note = 'MKnote 11 likes tea'",
    "SELECT points FROM crm.customers WHERE 'MKnote 11 likes tea' = note",
    "SELECT points FROM crm.customers WHERE note IN ('MKnote 11 likes tea')",
    "SELECT points FROM crm.customers WHERE note LIKE 'MKnote 1%'",
    "SELECT points FROM crm.customers WHERE note > 'MKnote 2'",
    "SELECT points FROM crm.customers WHERE note BETWEEN 'M' AND 'MKnote 3'",
    "SELECT points FROM crm.customers WHERE (note || 'x') = 'y'",
    "SELECT points FROM crm.customers WHERE note IS 'MKnote 11 likes tea'",
    "SELECT points FROM crm.customers WHERE 1 IS (note LIKE '%tea%')",
    "SELECT points FROM crm.customers WHERE note IS NOT DISTINCT FROM 'x'",
    "SELECT points FROM crm.customers WHERE note IS NOT 'x'",
    "SELECT points FROM crm.customers WHERE note",
    "SELECT points FROM crm.customers WHERE NOT note",
    "SELECT points FROM crm.customers WHERE points > 5 OR note > 'a'",
    "SELECT points FROM crm.customers WHERE (note, points) = ('a', 1)",
    "SELECT points FROM crm.customers WHERE (note, points) IN (('a', 1))",
    "SELECT points FROM crm.customers WHERE note IN (SELECT body FROM crm.tickets)",
    "SELECT points FROM crm.customers WHERE 'x' IN (SELECT body FROM crm.tickets)",
    "SELECT points FROM crm.customers WHERE (SELECT max(body) FROM crm.tickets) > 'MKbody 050'",
    "SELECT points FROM crm.customers WHERE (SELECT body FROM crm.tickets LIMIT 1) LIKE '%refund%'",
    "SELECT points FROM crm.customers c WHERE EXISTS (SELECT 1 FROM crm.tickets t WHERE t.body = c.note)",
    "SELECT points FROM crm.customers c WHERE EXISTS (SELECT 1 FROM crm.tickets t WHERE c.note LIKE '%tea%')",
    "SELECT a.points FROM crm.customers a JOIN crm.customers b ON a.note = b.note",
    "SELECT a.points FROM crm.customers a JOIN crm.customers b USING (note)",
    "SELECT a.points FROM crm.customers a JOIN (VALUES ('MKnote 11 likes tea')) v(note) USING (note)",
    "SELECT e.category FROM web.events e JOIN (VALUES ('MKquery 001')) v(q) ON e.query_text = v.q",
    "SELECT note FROM crm.customers ORDER BY note",
    "SELECT note FROM crm.customers ORDER BY 1",
    "SELECT note FROM crm.customers ORDER BY (1)",
    "SELECT note FROM crm.customers ORDER BY +1",
    "SELECT note FROM crm.customers ORDER BY - -1",
    "SELECT note FROM crm.customers ORDER BY 'note'",
    "SELECT query_text FROM web.events ORDER BY 1 DESC NULLS LAST",
    "SELECT note AS n FROM crm.customers ORDER BY n",
    "SELECT points FROM crm.customers ORDER BY note",
    "SELECT points FROM crm.customers ORDER BY note IS NULL, note",
    "SELECT points FROM crm.customers ORDER BY CASE WHEN note > 'M' THEN 1 ELSE 0 END",
    "SELECT points FROM crm.customers ORDER BY length(note)",
    "SELECT points FROM crm.customers ORDER BY (SELECT max(body) FROM crm.tickets)",
    "SELECT row_number() OVER (ORDER BY note) FROM crm.customers",
    "SELECT rank() OVER (ORDER BY query_text) FROM web.events",
    "SELECT sum(points) OVER (PARTITION BY note) FROM crm.customers",
    "SELECT lag(note) OVER (ORDER BY points) FROM crm.customers",
    "SELECT first_value(query_text) OVER (ORDER BY occurred_at) FROM web.events",
    "SELECT count(*) OVER (PARTITION BY query_text) FROM web.events",
    "SELECT count(*) FILTER (WHERE query_text LIKE '%0%') FROM web.events",
    "SELECT count(*) FILTER (WHERE note LIKE '%0%') FROM crm.customers",
    "SELECT category FROM web.events QUALIFY row_number() OVER (PARTITION BY query_text ORDER BY category) = 1",
    "SELECT category FROM web.events QUALIFY query_text > 'M'",
    "SELECT note FROM crm.customers UNION ALL SELECT member_rank FROM crm.customers",
    "SELECT member_rank FROM crm.customers UNION ALL SELECT note FROM crm.customers",
    "SELECT 'z' UNION ALL SELECT note FROM crm.customers",
    "SELECT note FROM crm.customers UNION SELECT note FROM crm.customers",
    "SELECT note FROM crm.customers UNION ALL SELECT body FROM crm.tickets",
    "SELECT query_text FROM web.events INTERSECT SELECT 'MKquery 001'",
    "SELECT count(*) FROM (SELECT query_text FROM web.events INTERSECT SELECT 'MKquery 001') x",
    "SELECT count(*) FROM (SELECT note FROM crm.customers EXCEPT SELECT 'MKnote 11 likes tea') x",
    "SELECT count(*) FROM (SELECT note FROM crm.customers UNION SELECT 'MKnote 11 likes tea') x",
    "SELECT points FROM crm.customers WHERE EXISTS (SELECT note FROM crm.customers EXCEPT SELECT body FROM crm.tickets)",
    "SELECT points FROM crm.customers WHERE 'x' IN (SELECT member_rank FROM crm.customers UNION SELECT note FROM crm.customers)",
    "SELECT x.v FROM (SELECT member_rank AS v FROM crm.customers UNION ALL SELECT note FROM crm.customers) x",
    "SELECT lower(x.v) FROM (SELECT note AS v FROM crm.customers) x",
    "WITH x AS (SELECT note AS v FROM crm.customers) SELECT lower(v) FROM x",
    "WITH x(v) AS (SELECT note FROM crm.customers) SELECT v FROM x WHERE v LIKE '%tea%'",
    "WITH x AS (SELECT note FROM crm.customers), y AS (SELECT note AS v FROM x) SELECT count(DISTINCT v) FROM y",
    "WITH RECURSIVE r(v) AS (SELECT 'a' UNION ALL SELECT note FROM crm.customers, r WHERE v = 'a') SELECT v FROM r",
    "WITH RECURSIVE r(v, n) AS (SELECT note, 1 FROM crm.customers UNION ALL SELECT v || 'x', n + 1 FROM r WHERE n < 3)"
    " SELECT n FROM r",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r, crm.customers WHERE note > 'M' AND n < 3)"
    " SELECT n FROM r",
    "SELECT (SELECT lower(body) FROM crm.tickets LIMIT 1) FROM crm.customers",
    "SELECT lower((SELECT body FROM crm.tickets LIMIT 1)) FROM crm.customers",
    "SELECT (SELECT body FROM crm.tickets LIMIT 1) || 'x' FROM crm.customers",
    "SELECT 1 / (CASE WHEN note LIKE '%tea%' THEN 0 ELSE 1 END) FROM crm.customers",
    "SELECT abs(CASE WHEN body LIKE '%refund%' THEN -9223372036854775807 - 1 ELSE 1 END) FROM crm.tickets",
    "SELECT points FROM crm.customers LIMIT (SELECT length(note) FROM crm.customers)",
]

BLANK = [
    "SELECT lower(email) FROM crm.customers",
    "SELECT points FROM crm.customers WHERE email LIKE 'MKmail1%'",
    "SELECT points FROM crm.customers WHERE email = 'MKmail11@example.org'",
    "SELECT points FROM crm.customers WHERE email = '***'",
    "SELECT points FROM crm.customers WHERE email IS NULL",
    "SELECT points FROM crm.customers WHERE income_band IS NULL",
    "SELECT points FROM crm.customers WHERE income_band IS NOT NULL",
    "SELECT count(email) FROM crm.customers",
    "SELECT count(DISTINCT email) FROM crm.customers",
    "SELECT max(income_band) FROM crm.customers",
    "SELECT email, count(*) FROM crm.customers GROUP BY email",
    "SELECT email, count(*) FROM crm.customers GROUP BY 1",
    "SELECT points FROM crm.customers ORDER BY email",
    "SELECT email FROM crm.customers ORDER BY (1)",
    "SELECT cookie_id FROM web.events ORDER BY 1",
    "SELECT row_number() OVER (ORDER BY name) FROM crm.customers",
    "SELECT count(*) OVER (PARTITION BY income_band) FROM crm.customers",
    "SELECT a.points FROM crm.customers a JOIN crm.customers b ON a.email = b.email",
    "SELECT a.points FROM crm.customers a JOIN crm.customers b USING (email)",
    "SELECT a.points FROM crm.customers a JOIN (VALUES ('MKmail11@example.org')) v(email) USING (email)",
    "SELECT category FROM web.events WHERE cookie_id IN ('MKcookie1')",
    "SELECT category FROM web.events WHERE to_json(cookie_id) = 'x'",
    "SELECT cookie_id::varchar || 'x' FROM web.events",
    "SELECT CASE WHEN income_band = 'MKband1' THEN 1 END FROM crm.customers",
    "SELECT coalesce(income_band, 'x') FROM crm.customers",
    "SELECT email FROM crm.customers UNION ALL SELECT member_rank FROM crm.customers",
    "SELECT email FROM crm.customers INTERSECT SELECT '***'",
    "SELECT points FROM crm.customers WHERE CAST(name AS INT) = 1",
    "SELECT points FROM crm.customers WHERE 1 / (CASE WHEN name > 'M' THEN 0 ELSE 1 END) = 1",
]

KEYED = [
    "SELECT lower(invoice) FROM pos.order_lines",
    "SELECT invoice || '' FROM pos.order_lines",
    "SELECT customer_id + 0 FROM pos.order_lines",
    "SELECT -customer_id FROM crm.customers",
    "SELECT customer_id % 10 FROM crm.customers",
    "SELECT CAST(customer_id AS TEXT) FROM crm.customers",
    "SELECT customer_id::varchar FROM pos.order_lines",
    "SELECT length(ticket_id) FROM crm.tickets",
    "SELECT min(customer_id) FROM crm.customers",
    "SELECT max(invoice) FROM pos.order_lines",
    "SELECT sum(customer_id) FROM crm.customers",
    "SELECT avg(customer_id) FROM pos.order_lines",
    "SELECT median(customer_id) FROM pos.order_lines",
    "SELECT any_value(customer_id) FROM pos.order_lines",
    "SELECT coalesce(customer_id, 0) FROM pos.order_lines",
    "SELECT coalesce(invoice, country) FROM pos.order_lines",
    "SELECT nullif(invoice, 'MK-00007') FROM pos.order_lines",
    "SELECT greatest(customer_id, 5) FROM pos.order_lines",
    "SELECT CASE WHEN quantity > 1 THEN customer_id END FROM pos.order_lines",
    "SELECT CASE customer_id WHEN 5 THEN 1 END FROM pos.order_lines",
    "SELECT CASE WHEN customer_id > 5 THEN 1 END FROM pos.order_lines",
    "SELECT points FROM crm.customers WHERE customer_id > 5",
    "SELECT points FROM crm.customers WHERE customer_id BETWEEN 1 AND 20",
    "SELECT points FROM crm.customers WHERE customer_id = 17",
    "SELECT points FROM crm.customers WHERE customer_id = 17015",
    "SELECT points FROM crm.customers WHERE customer_id = '17015'",
    "SELECT points FROM crm.customers WHERE customer_id IS 17",
    "SELECT points FROM crm.customers WHERE 17 IS customer_id",
    "SELECT points FROM crm.customers WHERE customer_id IS NOT 17",
    "SELECT points FROM crm.customers WHERE customer_id IN (17, 18)",
    "SELECT points FROM crm.customers WHERE customer_id IN ('<p12>', 17)",
    "SELECT points FROM crm.customers WHERE customer_id IN (1 + 1)",
    "SELECT points FROM crm.customers WHERE customer_id <> 17",
    "SELECT points FROM crm.customers WHERE customer_id IS NOT DISTINCT FROM 17",
    "SELECT points FROM crm.customers WHERE customer_id = points",
    "SELECT points FROM crm.customers WHERE customer_id IN (SELECT points FROM crm.customers)",
    "SELECT points FROM crm.customers WHERE points IN (SELECT customer_id FROM crm.customers)",
    "SELECT points FROM crm.customers WHERE (customer_id, points) IN (SELECT customer_id, points FROM crm.customers)",
    "SELECT points FROM crm.customers WHERE (customer_id, 1) = (17, 1)",
    "SELECT points FROM crm.customers WHERE (SELECT customer_id FROM crm.customers LIMIT 1) = 17",
    "SELECT points FROM crm.customers WHERE (SELECT customer_id FROM crm.customers LIMIT 1) > 17",
    "SELECT quantity FROM pos.order_lines WHERE invoice = 'MK-00007'",
    "SELECT quantity FROM pos.order_lines WHERE invoice LIKE 'MK-0000%'",
    "SELECT quantity FROM pos.order_lines WHERE invoice > 'MK-00007'",
    "SELECT quantity FROM pos.order_lines WHERE invoice IS NOT DISTINCT FROM 'MK-00007'",
    "SELECT quantity FROM pos.order_lines WHERE invoice IN (SELECT country FROM pos.order_lines)",
    "SELECT quantity FROM pos.order_lines WHERE invoice = country",
    "SELECT quantity FROM pos.order_lines WHERE invoice = ('MK' || '-00007')",
    "SELECT quantity FROM pos.order_lines WHERE 'MK-00007' IN (SELECT invoice FROM pos.order_lines)",
    "SELECT e.category FROM web.events e WHERE e.event_id = e.invoice",
    "SELECT e.category FROM web.events e JOIN pos.order_lines o ON e.event_id = o.invoice",
    "SELECT o.quantity FROM pos.order_lines o JOIN (VALUES ('MK-00007')) v(i) ON o.invoice = v.i",
    "SELECT o.quantity FROM pos.order_lines o JOIN (VALUES ('MK-00007')) v(invoice) USING (invoice)",
    "SELECT o.quantity FROM pos.order_lines o JOIN (SELECT 'MK-00007' AS invoice) v USING (invoice)",
    "SELECT o.quantity FROM pos.order_lines o JOIN (SELECT 17 AS customer_id) v USING (customer_id)",
    "SELECT o.quantity FROM pos.order_lines o LEFT JOIN (SELECT DISTINCT quantity AS customer_id FROM pos.order_lines) v"
    " USING (customer_id)",
    "SELECT customer_id FROM crm.customers ORDER BY (1)",
    "SELECT customer_id FROM crm.customers ORDER BY - -1",
    "SELECT customer_id FROM crm.customers ORDER BY 1 + 0",
    "SELECT customer_id FROM crm.customers ORDER BY NULL",
    "SELECT customer_id AS c FROM crm.customers ORDER BY c DESC",
    "SELECT points FROM crm.customers ORDER BY customer_id",
    "SELECT points FROM crm.customers ORDER BY customer_id = '<p12>', customer_id",
    "SELECT invoice FROM pos.order_lines UNION SELECT invoice FROM web.events ORDER BY (1) DESC",
    "SELECT customer_id FROM crm.customers UNION ALL SELECT customer_id FROM crm.tickets ORDER BY - -1",
    "SELECT row_number() OVER (ORDER BY customer_id) FROM crm.customers",
    "SELECT ntile(4) OVER (ORDER BY invoice) FROM pos.order_lines",
    "SELECT lag(customer_id) OVER (ORDER BY points) FROM crm.customers",
    "SELECT first_value(customer_id) OVER (ORDER BY points) FROM crm.customers",
    "SELECT percent_rank() OVER (PARTITION BY country ORDER BY invoice) FROM pos.order_lines",
    "SELECT quantity FROM pos.order_lines QUALIFY rank() OVER (ORDER BY invoice) < 5",
    "SELECT quantity FROM pos.order_lines QUALIFY invoice > 'M'",
    "SELECT country FROM pos.order_lines GROUP BY country HAVING min(invoice) < 'MK-00007'",
    "SELECT country FROM pos.order_lines GROUP BY country, customer_id HAVING customer_id > 10",
    "SELECT count(DISTINCT (invoice, country)) FROM pos.order_lines",
    "SELECT count(DISTINCT (customer_id, quantity)) FROM pos.order_lines",
    "SELECT count(DISTINCT customer_id + 0) FROM pos.order_lines",
    "SELECT count(DISTINCT CASE WHEN customer_id > 5 THEN 1 END) FROM pos.order_lines",
    "SELECT count(*) FILTER (WHERE invoice > 'M') FROM pos.order_lines",
    "SELECT approx_count_distinct(invoice || '') FROM pos.order_lines",
    "SELECT corr(customer_id, quantity) FROM pos.order_lines",
    "SELECT invoice FROM pos.order_lines UNION ALL SELECT country FROM pos.order_lines",
    "SELECT country FROM pos.order_lines UNION ALL SELECT invoice FROM pos.order_lines",
    "SELECT invoice FROM pos.order_lines UNION ALL SELECT 'MK-00007'",
    "SELECT invoice FROM pos.order_lines UNION ALL SELECT event_id FROM web.events",
    "SELECT customer_id FROM pos.order_lines UNION ALL SELECT quantity FROM pos.order_lines",
    "SELECT quantity FROM pos.order_lines UNION ALL SELECT customer_id FROM pos.order_lines",
    "SELECT invoice FROM pos.order_lines INTERSECT SELECT 'MK-00007'",
    "SELECT invoice FROM pos.order_lines EXCEPT SELECT 'MK-00007'",
    "SELECT count(*) FROM (SELECT invoice FROM pos.order_lines UNION SELECT 'MK-00007') x",
    "SELECT count(*) FROM (SELECT invoice FROM pos.order_lines INTERSECT SELECT 'MK-00007') x",
    "SELECT count(*) FROM (SELECT 'MK-00007' INTERSECT SELECT invoice FROM pos.order_lines) x",
    "SELECT count(*) FROM (SELECT ticket_id FROM crm.tickets EXCEPT SELECT 'MK-T0016') x",
    "SELECT count(*) FROM (SELECT customer_id FROM crm.customers UNION SELECT 17) x",
    "SELECT count(*) FROM (SELECT country, invoice FROM pos.order_lines UNION SELECT 'Japan', 'MK-00007') x",
    "SELECT count(*) FROM (SELECT 1 FROM (SELECT invoice FROM pos.order_lines INTERSECT SELECT 'MK-00007') y) x",
    "SELECT quantity FROM pos.order_lines WHERE EXISTS (SELECT invoice FROM pos.order_lines INTERSECT SELECT 'MK-00007')",
    "SELECT quantity FROM pos.order_lines WHERE invoice IN (SELECT invoice FROM web.events UNION SELECT 'MK-00007')",
    "SELECT quantity FROM pos.order_lines WHERE invoice IN (SELECT 'MK-00007' UNION ALL SELECT invoice FROM web.events)",
    "WITH x AS (SELECT invoice FROM pos.order_lines UNION SELECT 'MK-00007') SELECT count(*) FROM x",
    "WITH RECURSIVE r AS (SELECT invoice FROM pos.order_lines UNION SELECT 'MK-00007' FROM r) SELECT count(*) FROM r",
    "WITH RECURSIVE r(c, n) AS (SELECT customer_id, 1 FROM crm.customers UNION ALL SELECT c + 1, n + 1 FROM r WHERE n < 3)"
    " SELECT n FROM r",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 60)"
    " SELECT c.points, r.n FROM crm.customers c JOIN r ON c.customer_id = r.n",
    "SELECT x.v FROM (SELECT country AS v FROM pos.order_lines UNION ALL SELECT invoice FROM pos.order_lines) x",
    "SELECT lower(x.v) FROM (SELECT invoice AS v FROM pos.order_lines) x",
    "WITH x AS (SELECT invoice AS v FROM pos.order_lines) SELECT max(v) FROM x",
    "SELECT (SELECT max(invoice) FROM pos.order_lines) FROM web.events",
    "SELECT (SELECT invoice FROM pos.order_lines LIMIT 1) || 'x' FROM web.events",
    "SELECT coalesce((SELECT customer_id FROM crm.customers LIMIT 1), 0) FROM crm.customers",
    "SELECT abs((SELECT customer_id FROM crm.customers LIMIT 1)) FROM crm.customers",
    "SELECT customer_id, invoice FROM pos.order_lines WHERE customer_id = invoice",
    "SELECT points FROM crm.customers WHERE customer_id LIKE '1%'",
    "SELECT 1 / (customer_id - 17) FROM crm.customers",
    "SELECT CAST(invoice AS INT) FROM pos.order_lines",
    "SELECT substr(invoice, 1, quantity) FROM pos.order_lines",
    "SELECT sum(quantity) OVER (ORDER BY quantity ROWS BETWEEN customer_id PRECEDING AND CURRENT ROW) FROM pos.order_lines",
]

FORGED = [
    "00000000000000000000000000000000",
    "ffffffffffffffffffffffffffffffff",
    "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
    "0123456789abcdef0123456789abcdef",
    "pseudonym:0123456789abcdef0123456789abcdef",
    "",
    "17015",
    "17",
    "' OR 1 = 1 --",
    "A" * 43,
    "A" * 9000,
]


@pytest.mark.parametrize("sql", SEALED)
def test_a_masked_text_is_only_shown(judge: Judge, sql: str) -> None:
    """Free text may be an output column; nothing compares, orders, groups, counts or computes with it."""
    assert judge.refuses(sql) in {"masked_column_use", "statement_refused"}


@pytest.mark.parametrize("sql", TRUTHS)
def test_what_is_masked_on_the_way_out_is_neither_true_nor_false(judge: Judge, sql: str) -> None:
    """A raw key or text shows whether it is there, and not which number an engine sees in it."""
    assert judge.refuses(sql) == "masked_column_use"


@pytest.mark.parametrize("sql", BLANK)
def test_a_blank_answers_no_question(judge: Judge, sql: str) -> None:
    """A redacted or withheld column may be shown; a question that only its raw value could answer is refused."""
    assert judge.refuses(sql) in {"masked_column_use", "statement_refused"}


@pytest.mark.parametrize("sql", KEYED)
def test_a_key_stands_in_equality_positions_only(judge: Judge, sql: str) -> None:
    """A raw key meets keys of its domain and tokens; no order, no computation, no dictionary of raw values."""
    assert judge.refuses(sql) in {"masked_column_use", "statement_refused"}


@pytest.mark.parametrize("token", FORGED)
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT points FROM crm.customers WHERE customer_id = '{}'",
        "SELECT points FROM crm.customers WHERE customer_id IN ('<p12>', '{}')",
        "SELECT quantity FROM pos.order_lines WHERE invoice <> '{}'",
        "SELECT CASE WHEN ticket_id = '{}' THEN 1 END FROM crm.tickets",
    ],
)
def test_a_forged_token_is_refused(judge: Judge, sql: str, token: str) -> None:
    """What is no token of this requester and purpose is refused in every position, as literal and as parameter."""
    assert judge.refuses(sql.format(token.replace("'", "''"))) == "masked_column_use"
    assert judge.refuses(sql.replace("'{}'", "?"), token) == "masked_column_use"


@pytest.mark.parametrize(
    ("sql", "of", "value"),
    [
        ("SELECT points FROM crm.customers WHERE customer_id = ?", {"purpose": "advertising"}, 12),
        ("SELECT points FROM crm.customers WHERE customer_id = ?", {"requester": "other"}, 12),
        ("SELECT quantity FROM pos.order_lines WHERE customer_id IN (?)", {"purpose": "advertising"}, 12),
        ("SELECT quantity FROM pos.order_lines WHERE invoice = ?", {"purpose": "advertising"}, "MK-00007"),
        ("SELECT quantity FROM pos.order_lines WHERE invoice = ?", {"requester": "other"}, "MK-00007"),
    ],
)
def test_a_token_of_another_purpose_or_requester_is_refused(
    judge: Judge, sql: str, of: dict[str, str], value: int | str
) -> None:
    """A token opens nothing but for whom and for what it was made."""
    world = judge.world
    token = world.pseudonym(value, **of) if isinstance(value, int) else world.token("invoice", value, **of)
    assert judge.refuses(sql, token) == "masked_column_use"


def test_a_token_of_another_domain_is_refused(judge: Judge) -> None:
    """The token of an event is no token of an invoice."""
    token = judge.world.token("event", "MK-00007")
    assert judge.refuses("SELECT quantity FROM pos.order_lines WHERE invoice = ?", token) == "masked_column_use"


def test_a_token_of_a_withheld_person_finds_nothing(judge: Judge) -> None:
    """A pseudonym that is genuine, of somebody who did not agree, matches no row of theirs."""
    for place in (3, 13):  # 13 agreed to advertising, not to this
        token = judge.world.pseudonym(place)
        for dataset in ("crm.customers", "crm.tickets", "pos.order_lines", "web.events"):
            assert judge.world.ask(f"SELECT customer_id FROM {dataset} WHERE customer_id = ?", token).rows == []
            assert judge.world.ask(f"SELECT count(*) FROM {dataset} WHERE customer_id = ?", token).rows == [(0,)]

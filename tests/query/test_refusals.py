"""Each refusal is met by a statement of its own, and by its own words: another guard behind it does not hide it.

Most attacks meet several guards, one behind the other, so that taking one away changes no answer of theirs. Here the
words say which of them refused; nothing is run.
"""

# ruff: noqa: E501 - a statement reads best on its own line

from __future__ import annotations

from dataclasses import replace

import pytest

from sekisho.domain.access import TransformKind
from sekisho.domain.row_filters import Comparison
from sekisho.errors import SekishoError, StatementRefused
from tests.query.doubles import ClassPolicy
from tests.query.planning import plan_of, question_of
from tests.query.test_golden import all_stores

ALL = all_stores()
_ONE = "(SELECT 1 AS a)"
WORDS = {
    # what is one statement
    "SELECT points FROM crm.customers; SELECT 1": "exactly one statement",
    "DELETE FROM crm.customers": "only SELECT statements are read; found DELETE",
    "DROP TABLE crm.customers": "only SELECT statements are read; found DROP",
    "COPY pos.order_lines TO 'x.csv'": "only SELECT statements are read; found COPY",
    "SELECT points\x00 FROM crm.customers": "NUL character",
    "SELECT 1": "reads no dataset",
    "SELECT points FROM crm.customers WHERE": "check its syntax",
    "SELECT * FROM upper('x') u, crm.customers": "tables are named, not computed; found function upper",
    "SELECT * FROM crm.main.customers": "no dataset 'main.customers' for you",
    # the allow-list
    "SELECT quantity FROM pos.order_lines ORDER BY ALL": "ORDER BY ALL is not on the allow-list",
    "SELECT sum(quantity ORDER BY country) FROM pos.order_lines": "an ORDER BY stands at the end",
    "SELECT extract(foo1 FROM occurred_at) FROM web.events": "a unit or keyword",
    "SELECT (*) FROM pos.order_lines": "* stands in the select list",
    "SELECT quantity FROM pos.order_lines LIMIT quantity": "LIMIT and OFFSET take a number",
    "SELECT CAST(country AS BLOB) FROM pos.order_lines": "plain scalar types only",
    "SELECT quantity FROM pos.order_lines WHERE gift IS quantity": "IS takes NULL, TRUE and FALSE",
    "SELECT points FROM crm.customers WHERE :v0 = 1": "parameters are written as ?",
    "SELECT 1 AS __x FROM crm.customers": "starts with two underscores",
    "SELECT quantity FROM pos.order_lines o ASOF JOIN web.events e ON o.invoiced_at >= e.occurred_at": "ASOF JOIN is not",
    "SELECT sum(1) OVER (ORDER BY quantity ROWS BETWEEN quantity PRECEDING AND CURRENT ROW) FROM pos.order_lines": "bounds of a window frame",
    "SELECT EXISTS(query_text) FROM web.events": "EXISTS takes a subquery",
    "SELECT coalesce(SELECT query_text FROM web.events) FROM web.events": "parentheses of its own",
    "SELECT points FROM crm.customers FOR UPDATE": "SELECT with LOCKS",
    "SELECT md5(country) FROM pos.order_lines": "function md5 is not on the allow-list",
    "SELECT member_rank GLOB 'g*' FROM crm.customers": "GLOB is not on the allow-list",
    "SELECT lpad(country, 100000, 'x') FROM pos.order_lines": "take a length of at most",
    "SELECT points FROM shop.customers WHERE member_rank LIKE 'a' ESCAPE '!!'": "ESCAPE takes one character",
    "SELECT o.quantity FROM shop.order_lines o WHERE o.country LIKE '_G\\'": "does not end with its escape character",
    "SELECT o.quantity FROM shop.order_lines o WHERE o.country LIKE o.stock_code": "a LIKE pattern is a literal",
    "SELECT substr(member_rank, '1') FROM shop.customers": "takes whole numbers here",
    "SELECT to_char(signed_up_on, '\"MM\"') FROM shop.customers": "without field names in quotes",
    f"SELECT points AS {'顧' * 22} FROM shop.customers": "longer than 63 bytes",
    # names
    "SELECT FROM crm.customers": "names at least one column",
    "SELECT (SELECT *) FROM crm.customers": "* needs a FROM clause",
    "SELECT x.* FROM crm.customers": "no source 'x' to take * of",
    "SELECT b.* FROM crm.customers a RIGHT JOIN crm.tickets b USING (customer_id)": "beside outer JOIN USING as it likes",
    "SELECT (SELECT 1, 2) FROM crm.customers": "has exactly one column",
    "SELECT crm.tickets.channel FROM crm.tickets, crm.customers c WHERE EXISTS (SELECT 1 FROM (SELECT body AS channel FROM crm.tickets) tickets WHERE crm.tickets.channel = 'x')": "is an alias of something else",
    "SELECT customer_id FROM crm.customers a JOIN crm.tickets b ON a.customer_id = b.customer_id": "is in several sources",
    "SELECT points FROM crm.customers WHERE password = 'x'": "no column 'password' in the sources",
    "SELECT c.password FROM crm.customers c": "no column 'password' in 'c'",
    "SELECT note AS x, 1 AS x FROM crm.customers ORDER BY x": "several output columns are called 'x'",
    f"SELECT c.note FROM shop.customers c WHERE EXISTS (SELECT 1 FROM {_ONE} a JOIN {_ONE} b ON c.points = 1, (SELECT 'x' AS points) c)": "ON does not see 'c'",
    "SELECT quantity AS o, CAST(o AS VARCHAR) AS z FROM pos.order_lines o": "is an output column and a source",
    "SELECT points AS rowid FROM crm.customers WHERE rowid > 50": "may be the number of a row",
    "WITH x AS (SELECT 1 AS a), X AS (SELECT 2 AS a) SELECT a FROM x, crm.customers": "two common table expressions have one name",
    "SELECT x.a FROM (SELECT 1 AS a FROM pos.order_lines) x(a, b)": "names more columns than its query has",
    "SELECT x.b FROM (SELECT 1 AS a, 2 AS c FROM web.events) x(b, B)": "two columns of an alias have one name",
    "SELECT o.q FROM pos.order_lines o(q)": "columns are not renamed in FROM",
    "SELECT a.points FROM crm.customers a JOIN crm.tickets b USING (points)": "not a column of both sides",
    "SELECT points FROM crm.customers a, crm.tickets a": "two sources are called 'a'",
    "SELECT points FROM crm.customers, (SELECT 1 AS a)": "a subquery in FROM needs an alias",
    "SELECT v.a FROM (VALUES (1)) v, pos.order_lines": "VALUES in FROM needs an alias that names",
    "SELECT points FROM crm.customers UNION SELECT minutes, channel FROM crm.tickets": "the same number of columns",
    "SELECT points FROM crm.customers UNION ALL SELECT minutes FROM crm.tickets ORDER BY note": "takes names of its output columns",
    "SELECT points FROM crm.customers ORDER BY 7": "number in ORDER BY is out of range",
    "SELECT points FROM crm.customers ORDER BY 'note'": "ORDER BY takes columns, their numbers",
    "WITH RECURSIVE r(n) AS (SELECT points FROM crm.customers UNION ALL SELECT 1, 2 FROM r) SELECT n FROM r": "both branches of a recursive WITH",
    "SELECT v.a FROM (VALUES ((SELECT max(quantity) FROM pos.order_lines))) v(a), pos.order_lines": "VALUES takes literals",
    "SELECT 1 FROM pos.order_lines o, LATERAL (SELECT 1 AS q)": "a subquery in FROM needs an alias",
    "SELECT quantity FROM pos.order_lines p WHERE EXISTS (SELECT 1 FROM web.events o, LATERAL (SELECT o.category AS q) x)": "LATERAL does not stand in a subquery",
    "SELECT 1 AS n FROM pos.order_lines NATURAL JOIN (SELECT 1 AS z) k": "finds no column to join by",
    "SELECT 1 AS n FROM pos.order_lines o JOIN web.events e ON true NATURAL JOIN pos.order_lines": "finds 'invoice' in several sources",
    "SELECT 1 AS n FROM pos.order_lines NATURAL JOIN (SELECT max(quantity) FROM pos.order_lines) m": "finds a column without a name",
    "WITH x AS (SELECT 1 AS a) SELECT points FROM crm.customers WHERE EXISTS (WITH y AS (SELECT 1 AS a) SELECT 1 FROM y) AND EXISTS (SELECT 1 FROM y)": "'y' is not defined here",
    # order
    "SELECT DISTINCT customer_id FROM crm.customers ORDER BY points >= 0": "after DISTINCT; select from it as a subquery",
    "SELECT customer_id FROM crm.customers UNION SELECT customer_id FROM crm.tickets ORDER BY customer_id IS NULL": "LIMIT and ORDER BY after a set operation",
    "SELECT ticket_id, row_number() OVER () AS r FROM crm.tickets GROUP BY ticket_id": "show the person's key too",
    # DISTINCT ON
    "SELECT DISTINCT ON (country) * FROM pos.order_lines": "* does not stand beside it",
    "SELECT DISTINCT ON (country) country, country FROM pos.order_lines": "needs a name of its own for each column",
    "SELECT DISTINCT ON (5) country FROM pos.order_lines": "number in DISTINCT ON is out of range",
    "SELECT DISTINCT ON (country) country FROM pos.order_lines ORDER BY quantity": "beside DISTINCT ON takes what DISTINCT ON names",
    # masked uses
    "SELECT points FROM crm.customers WHERE note = 'x'": "cannot be used in =. It may only be an output column",
    "SELECT points FROM crm.customers WHERE email = ?": "cannot be used in =. Its value is not shown",
    "SELECT points FROM crm.customers WHERE customer_id = points": "with something that is not a key or a token",
    "SELECT e.category FROM web.events e WHERE e.event_id = e.invoice": "with another kind of key",
    "SELECT points FROM crm.customers WHERE customer_id IN (SELECT points FROM crm.customers)": "cannot be used in IN",
    "SELECT DISTINCT note FROM crm.customers": "cannot be used in DISTINCT",
    "SELECT note, count(*) FROM crm.customers GROUP BY note": "cannot be used in GROUP BY",
    "SELECT email, count(*) FROM crm.customers GROUP BY email": "cannot be used in GROUP BY",
    "SELECT points FROM crm.customers ORDER BY note": "cannot be used in ORDER BY",
    "SELECT email AS e FROM crm.customers UNION ALL SELECT email FROM crm.customers ORDER BY e": "cannot be used in ORDER BY",
    "SELECT count(note) FROM crm.customers": "cannot be used in COUNT",
    "SELECT count(*) OVER (PARTITION BY note) FROM crm.customers": "cannot be used in PARTITION BY",
    "SELECT a.points FROM crm.customers a JOIN crm.customers b USING (note)": "cannot be used in JOIN USING",
    "SELECT note FROM crm.customers UNION ALL SELECT member_rank FROM crm.customers": "cannot be used in a set operation",
    "SELECT note FROM crm.customers UNION ALL SELECT note FROM crm.customers": "cannot be used in a set operation",
    "SELECT points FROM crm.customers WHERE email IS NULL": "cannot be used in IS NULL",
    "SELECT note IS TRUE AS b FROM crm.customers": "cannot be used in IS TRUE",
    "SELECT minutes FROM crm.tickets WHERE opened_at = 'x'": "tells none",
}


@pytest.mark.parametrize("sql", WORDS)
def test_a_refusal_has_its_own_words(sql: str) -> None:
    """A requester reads what was refused, and each refusal is needed for these words."""
    with pytest.raises(SekishoError) as refused:
        plan_of(sql, declared=ALL)
    assert WORDS[sql].casefold() in str(refused.value.detail).casefold()


_SCANNED = "SELECT c.points, o.quantity FROM crm.customers c JOIN pos.order_lines o USING (customer_id)"


@pytest.mark.parametrize("sql", ["SELECT points FROM crm.customers", _SCANNED])
def test_nothing_but_the_key_of_a_person_becomes_a_pseudonym(sql: str) -> None:
    """A policy that asks for a pseudonym of another column is not answered with what that column holds."""
    question = question_of(sql, declared=ALL)
    permit = ClassPolicy().permit(question.request)
    of_customers = {**permit.transforms["crm.customers"], "points": TransformKind.PSEUDONYM}
    with pytest.raises(StatementRefused, match="Only the data-subject key"):
        question.plan(replace(permit, transforms={**permit.transforms, "crm.customers": of_customers}))


@pytest.mark.parametrize("sql", ["SELECT points FROM crm.customers", _SCANNED])
def test_rows_are_filtered_by_columns_of_the_catalogue(sql: str) -> None:
    """A filter of the policy that names another column is no filter that could be left out."""
    question = question_of(sql, declared=ALL)
    permit = ClassPolicy().permit(question.request)
    with pytest.raises(StatementRefused, match="not in the catalogue"):
        question.plan(replace(permit, row_filters={"crm.customers": (Comparison("nothing", "eq", "x"),)}))

"""A name that the requester gives is never another value to the engine than to the gateway.

Columns of sources are written with their alias. Names of output columns and of JOIN … USING stand alone: what else bears
such a name in the text that the engine reads would be taken for it, raw.
"""

# ruff: noqa: E501 - a statement reads best on its own line

from __future__ import annotations

import pytest
from tests.query.reference import Judge, plain
from tests.query.shop import shop

OWN = [
    "SELECT (note), points AS column1 FROM crm.customers WHERE column1 LIKE '%tea%'",
    "SELECT (ticket_id), minutes AS column1 FROM crm.tickets GROUP BY 1, 2 HAVING column1 > 20",
    "SELECT (customer_id), minutes AS column1 FROM crm.tickets WHERE column1 > 17",
    "SELECT points, (note), minutes AS column2 FROM crm.customers JOIN crm.tickets USING (customer_id) WHERE column2 LIKE 'MK%'",
    "SELECT (invoice), quantity AS column1, column1 + 1 AS x FROM pos.order_lines",
    "SELECT (customer_id), quantity AS column1, column1 + 1 AS x FROM pos.order_lines",
    "SELECT (query_text), category AS column1, upper(column1) AS x FROM web.events",
    "SELECT (invoice), country AS column1 FROM pos.order_lines WHERE column1 > 'M'",
    "SELECT (invoice), country AS column1 FROM pos.order_lines QUALIFY column1 > 'M' AND row_number() OVER () > 0",
]
"""What has no name gets one that the statement does not use."""

_JOINED = "(SELECT customer_id, invoice, stock_code AS {k}, quantity FROM pos.order_lines) o JOIN (SELECT stock_code AS {k} FROM pos.products) p USING ({k})"
ORDERED = [
    ("SELECT (o.customer_id), {k} FROM " + _JOINED + " ORDER BY {k}", "column1"),
    ("SELECT (o.invoice), {k} FROM " + _JOINED + " ORDER BY {k} DESC", "column1"),
    ("SELECT o.customer_id AS c, o.customer_id AS c, p.{k} AS x FROM " + _JOINED + " ORDER BY {k}", "c_2"),
    (
        "SELECT (customer_id), {k} FROM (SELECT customer_id, quantity AS {k} FROM pos.order_lines) o ORDER BY {k}",
        "column1",
    ),
    ("SELECT (customer_id), minutes AS {k} FROM crm.tickets ORDER BY {k}", "column1"),
]
"""What is ordered by is the last column that is shown."""

IN_PARENTHESES = [
    f"SELECT o.{key} AS stock_code, quantity FROM pos.order_lines o JOIN pos.products p USING (stock_code) ORDER BY {by}"
    for key in ("invoice", "customer_id")
    for by in ("(stock_code)", "((stock_code)) DESC")
] + [
    "SELECT o.ticket_id AS customer_id, minutes FROM crm.tickets o JOIN crm.customers USING (customer_id) ORDER BY (customer_id)"
]

WHOLE_ROWS = [
    "SELECT quantity AS o, CAST(o AS VARCHAR) AS z, invoice FROM pos.order_lines o",
    "SELECT quantity AS order_lines, CAST(order_lines AS VARCHAR) AS z, invoice FROM pos.order_lines",
    "SELECT quantity AS o, invoice FROM pos.order_lines o WHERE CAST(o AS VARCHAR) LIKE '%MK-00001%'",
    "SELECT quantity AS o, invoice FROM pos.order_lines o ORDER BY CAST(o AS VARCHAR)",
    "SELECT quantity AS o, count(invoice) AS n FROM pos.order_lines o GROUP BY o",
    "SELECT quantity AS o, count(invoice) AS n FROM pos.order_lines o GROUP BY quantity HAVING CAST(o AS VARCHAR) > '3'",
    "SELECT quantity AS o, invoice FROM pos.order_lines o QUALIFY row_number() OVER () > 0 AND CAST(o AS VARCHAR) > '3'",
    "SELECT category AS e, concat(e, '') AS z FROM (SELECT category, query_text FROM web.events) e WHERE query_text IS NULL",
    "WITH x AS (SELECT quantity, invoice FROM pos.order_lines) SELECT quantity AS x, x || '' AS z, invoice FROM x",
]
"""DuckDB reads the name of a source as the struct of its row before it looks for an output column."""


@pytest.mark.parametrize("sql", OWN)
def test_a_generated_name_hides_no_name_of_the_statement(judge: Judge, sql: str) -> None:
    """An output column without a name of its own is never what a name of the statement means."""
    judge.refusal(sql, exact=False)
    if "HAVING" not in sql and "WHERE" not in sql and "QUALIFY" not in sql:
        judge.answers(sql)


@pytest.mark.parametrize(("sql", "name"), ORDERED)
def test_what_is_ordered_by_is_what_is_named(judge: Judge, sql: str, name: str) -> None:
    """An answer is in the order of the column that the statement names, not of a key that got its name."""
    shown = [str(plain(row[-1])) for row in judge.world.ask(sql.format(k=name)).rows]
    numbers = sorted(shown, key=int) if shown[0].isdigit() else sorted(shown)
    assert shown == (numbers[::-1] if "DESC" in sql else numbers)


@pytest.mark.parametrize("sql", IN_PARENTHESES)
def test_a_name_in_parentheses_is_the_same_name(judge: Judge, sql: str) -> None:
    """ORDER BY (name) means the output column, as engines read it, where JOIN USING has a column of that name."""
    assert judge.refuses(sql) == "masked_column_use"


@pytest.mark.parametrize("sql", [shop(sql) for sql in IN_PARENTHESES])
def test_a_name_in_parentheses_is_the_same_name_to_postgresql(shop_judge: Judge, sql: str) -> None:
    """ORDER BY (name) means the output column there."""
    assert shop_judge.refuses(sql) == "masked_column_use"


@pytest.mark.parametrize("sql", WHOLE_ROWS)
def test_an_output_column_is_not_the_row_of_a_source(judge: Judge, sql: str) -> None:
    """A name of an output column that is a source's as well stands in ORDER BY alone, where engines agree."""
    assert judge.refuses(sql) == "statement_refused"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT country, count(*) AS order_lines FROM pos.order_lines GROUP BY country ORDER BY order_lines DESC, country",
        "SELECT channel, count(*) AS tickets FROM crm.tickets GROUP BY channel HAVING tickets > 3 ORDER BY tickets, channel",
    ],
)
def test_counts_are_called_by_what_is_counted(judge: Judge, sql: str) -> None:
    """Where a name can mean one thing only, an output column bears the name of its table."""
    judge.answers(sql)

"""What an engine, or the generator of its SQL, reads in a way of its own: words that are no names, clauses that it lacks."""

# ruff: noqa: E501 - a statement reads best on its own line

from __future__ import annotations

import pytest
from tests.query.reference import Judge

_JOINED = "pos.order_lines o JOIN pos.products p USING (stock_code)"
CALLED_ALIAS = [
    "SELECT invoice AS country, count(*) FROM pos.order_lines alias GROUP BY invoice, alias.country HAVING alias.country LIKE 'MK%'",
    "SELECT customer_id AS country FROM pos.order_lines alias GROUP BY customer_id, country HAVING alias.country > '17020'",
    "SELECT query_text AS category FROM web.events alias GROUP BY ROLLUP (alias.category)",
    'SELECT invoice AS country FROM pos.order_lines "ALIAS" ORDER BY lower(alias.country)',
    "SELECT invoice AS country FROM (SELECT invoice, country FROM pos.order_lines) alias QUALIFY row_number() OVER (ORDER BY alias.country) > 0 AND alias.country LIKE 'MK%'",
    "WITH alias AS (SELECT invoice, country FROM pos.order_lines) SELECT invoice AS country FROM alias GROUP BY invoice, alias.country HAVING alias.country LIKE 'MK%'",
]
"""DuckDB reads ``alias.x`` as the output column ``x``."""

OF_ROWS = [
    f"SELECT points AS {name} FROM crm.customers {rest}"
    for name in ("rowid", "_rowid_", "oid", '"RowId"')
    for rest in (f"WHERE {name} > 50", f"ORDER BY {name} + 0 LIMIT 3", f"GROUP BY points HAVING {name} > 50")
]
"""SQLite reads these as the number of a row, which a subquery does not have."""


@pytest.mark.parametrize("sql", CALLED_ALIAS)
def test_no_source_of_duckdb_is_called_alias(judge: Judge, sql: str) -> None:
    """A column behind the word ALIAS is never the output column of its name, raw."""
    assert judge.refuses(sql) == "statement_refused"


def test_output_columns_may_be_called_alias(judge: Judge) -> None:
    """The word is a name like any other where no source bears it, and in SQLite."""
    judge.answers("SELECT country AS alias, count(*) FROM pos.order_lines GROUP BY country HAVING alias > 'A'")
    judge.answers(
        "SELECT note AS prefecture, alias.points FROM crm.customers alias WHERE alias.prefecture = '東京都'"
    )


@pytest.mark.parametrize("by", ["MK%", "S0%"])
def test_sqlite_has_no_qualify(judge: Judge, by: str) -> None:
    """QUALIFY is not written as a SELECT around, in which the name of a joined column would mean a raw key."""
    sql = (
        "SELECT t.ticket_id AS rank, minutes FROM (SELECT ticket_id, channel AS rank, minutes FROM crm.tickets) t"
        f" JOIN (SELECT DISTINCT channel AS rank FROM crm.tickets) c USING (rank) QUALIFY rank LIKE '{by}'"
    )
    assert judge.refuses(sql) == "statement_refused"


@pytest.mark.parametrize("sql", OF_ROWS)
def test_a_word_for_the_number_of_a_row_is_no_output_column(judge: Judge, sql: str) -> None:
    """A condition on an output column is not asked of the number that SQLite gives a row."""
    assert judge.refuses(sql) == "statement_refused"


@pytest.mark.parametrize("table", ["crm.customers", "pos.order_lines"])
@pytest.mark.parametrize("digit", ["²", "١", "1"])
@pytest.mark.parametrize("clause", ["ORDER BY", "UNION SELECT 'x' ORDER BY"])
def test_a_text_is_no_column_number(judge: Judge, table: str, digit: str, clause: str) -> None:
    """A text beside ORDER BY, of whatever digits, is refused and no fault of the gateway."""
    shown = "prefecture" if table == "crm.customers" else "country"
    sql = f"SELECT {'DISTINCT ' if clause == 'ORDER BY' else ''}{shown} FROM {table} {clause} '{digit}'"
    assert judge.refuses(sql) == "statement_refused"

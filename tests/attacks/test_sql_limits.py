"""Huge and deep statements, and parameters of every wrong kind: refused, at once and without a crash."""

from __future__ import annotations

import pytest
from tests.query.reference import Judge


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + "(" * 400 + "points" + ")" * 400 + " FROM crm.customers",
        "SELECT " + "-" * 3000 + "1 FROM crm.customers",
        "SELECT " + "not " * 2000 + "true FROM crm.customers",
        "SELECT " + "case when true then " * 300 + "1" + " end" * 300 + " FROM crm.customers",
        "SELECT points FROM crm.customers WHERE " + " OR ".join("points = 1" for _ in range(3000)),
        "SELECT " + "".join(f"(SELECT points FROM crm.customers WHERE points = {n} AND EXISTS " for n in range(100)),
        "SELECT points FROM crm.customers WHERE points IN (" + ",".join(map(str, range(9000))) + ")",
        "SELECT " + ",".join(["points"] * 6000) + " FROM crm.customers",
        "SELECT points FROM crm.customers -- " + "x" * 60_000,
        "SELECT points FROM crm.customers" + " UNION ALL SELECT points FROM crm.customers" * 200,
        "SELECT '" + "x" * 49_990,
        "WITH " + ",".join(f"c{n} AS (SELECT * FROM crm.customers)" for n in range(600)) + " SELECT 1 FROM c1",
        "SELECT points FROM crm.customers WHERE points = 1" + " + 1" * 4000,
        "\ud800 SELECT points FROM crm.customers",
        "SELECT 1 FROM crm.customers" + " JOIN crm.tickets" * 40,
        "SELECT 1 FROM crm.customers" + " NATURAL JOIN crm.tickets" * 40,
        "SELECT 1 FROM crm.customers" + " JOIN crm.tickets t JOIN crm.tickets ON t.on" * 40,
        "SELECT " + "date(" * 40 + "points" + ")" * 40 + " FROM crm.customers",
        "SELECT " + "ARRAY[abs(" * 40 + "points" + ")]" * 40 + " FROM crm.customers",
    ],
    ids=[
        "parentheses", "minus", "not", "case", "or", "nested", "in list", "columns", "comment", "unions", "literal",
        "with", "sum", "surrogate", "joins", "natural joins", "joins on a name", "types", "arrays",
    ],
)  # fmt: skip
def test_a_huge_statement_is_refused_at_once(judge: Judge, sql: str) -> None:
    """Size and depth end in a refusal, not in a crash or a long wait."""
    assert judge.refuses(sql) in {"statement_refused", "invalid_request"}


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        ("SELECT points FROM crm.customers WHERE points = ?", ()),
        ("SELECT points FROM crm.customers WHERE points = ?", (1, 2)),
        ("SELECT points FROM crm.customers", (1,)),
        ("SELECT points FROM crm.customers WHERE points = ?", ([1],)),
        ("SELECT points FROM crm.customers WHERE points = ?", ({"a": 1},)),
        ("SELECT points FROM crm.customers WHERE points = ?", ("1",)),
        ("SELECT points FROM crm.customers WHERE points = (?)", ("1",)),
        ("SELECT points FROM crm.customers WHERE points = ?", (True,)),
        ("SELECT points FROM crm.customers WHERE points = ?", (10**40,)),
        ("SELECT points FROM crm.customers WHERE member_rank = ?", ("\ud800",)),
        ("SELECT quantity FROM pos.order_lines WHERE quantity = ?", (10**40,)),
        ("SELECT quantity FROM pos.order_lines WHERE country = ?", (5,)),
        ("SELECT quantity FROM pos.order_lines WHERE country = (?)", (5,)),
        ("SELECT quantity FROM pos.order_lines WHERE (country) = ?", (5,)),
        ("SELECT quantity FROM pos.order_lines WHERE country IN (?, ?)", ("Japan", 5)),
        ("SELECT quantity FROM pos.order_lines WHERE quantity BETWEEN ? AND ?", (1, "x")),
        ("SELECT quantity FROM pos.order_lines WHERE invoiced_at = ?", (5,)),
        ("SELECT quantity FROM pos.order_lines WHERE country = ?", ("\udfff",)),
        ("SELECT quantity FROM pos.order_lines ORDER BY ?", (1,)),
        ("SELECT invoice FROM pos.order_lines ORDER BY ?", (1,)),
        ("SELECT note FROM crm.customers ORDER BY ?", (1,)),
        ("SELECT quantity FROM pos.order_lines LIMIT ?", ("x",)),
        ("SELECT quantity FROM pos.order_lines LIMIT ?", (-5,)),
        ("SELECT ? FROM ?", ("points", "crm.customers")),
        ("SELECT points FROM crm.customers WHERE $p0 = ?", (1, 1)),
    ],
)
def test_parameters_are_plain_values_of_the_right_type(
    judge: Judge, sql: str, parameters: tuple[object, ...]
) -> None:
    """A parameter of another number, type or place is refused, on both engines."""
    assert judge.refusal(sql, *parameters) in {"statement_refused", "invalid_request", "unknown_dataset", None}

"""A recursive WITH shows its own rows by what they hold."""

from __future__ import annotations

import pytest
from tests.query.reference import Judge
from tests.query.world import PURPOSES, REQUESTERS

from sekisho.domain.access import Use

RECURSIVE = [
    f"WITH RECURSIVE x(a, b, d) AS (SELECT NULL, {start}, 0 UNION ALL"
    f" SELECT c.{column}, {seen}, x.d + 1 FROM x, {dataset} c WHERE x.d < 2) SELECT b FROM x WHERE d = 2"
    for dataset, column, start, seen in (
        ("crm.tickets", "ticket_id", "NULL", "x.a"), ("crm.tickets", "customer_id", "NULL", "x.a"),
        ("crm.tickets", "ticket_id", "''", "lower(x.a)"), ("crm.tickets", "customer_id", "0", "x.a + 0"),
        ("crm.customers", "note", "NULL", "x.a"), ("crm.customers", "name", "''", "lower(x.a)"),
        ("pos.order_lines", "customer_id", "NULL", "x.a"), ("pos.order_lines", "customer_id", "0", "x.a + 1"),
        ("pos.order_lines", "invoice", "''", "lower(x.a)"), ("web.events", "query_text", "''", "lower(x.a)"),
    )
]  # fmt: skip
"""A recursive branch sees in its second round what it gave in its first, whatever the anchor says."""


@pytest.mark.parametrize("sql", RECURSIVE)
def test_a_null_does_not_open_a_recursion_to_keys(judge: Judge, sql: str) -> None:
    """What a recursive branch may do with its own rows is judged by what they hold, not by the anchor's NULL."""
    assert judge.refuses(sql) == "masked_column_use"


def test_keys_go_through_a_recursion_whose_anchor_shows_them(judge: Judge) -> None:
    """An anchor that shows a key, and a branch that hands it on or says NULL, are answered."""
    anchor = "WITH RECURSIVE x(a, d) AS (SELECT customer_id, 0 FROM crm.customers UNION ALL"
    for branch in ("x.a", "NULL"):
        judge.answers(f"{anchor} SELECT {branch}, x.d + 1 FROM x WHERE x.d < 2) SELECT d, a FROM x")


def test_the_policy_hears_how_a_recursion_uses_its_own_rows(judge: Judge) -> None:
    """A column that a recursive branch compares under the name of the recursion is compared to the policy as well."""
    sql = (
        "WITH RECURSIVE x(a, d) AS (SELECT 0, 0 UNION ALL SELECT c.points, x.d + 1 FROM x, crm.customers c"
        " WHERE x.d < 2 AND x.a > 5) SELECT count(*) FROM x"
    )
    asked = judge.world.gateway.statements.read(REQUESTERS["recommender"], PURPOSES["recommendation"], sql).request
    assert Use.COMPARED in dict(asked.datasets[0].columns)["points"]

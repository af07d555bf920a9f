"""Columns merged by USING and NATURAL: a raw key meets nothing there but a raw key of the same domain."""

from __future__ import annotations

import pytest

from sekisho.errors import MaskedColumnUse
from tests.query.planning import plan_of

RAW_VALUE_OF_A_LINK = [
    "SELECT o.quantity FROM pos.order_lines o JOIN (SELECT 'MK-00007' AS invoice) v USING (invoice)",
    "SELECT o.quantity FROM (SELECT 'MK-00007' AS invoice) v JOIN pos.order_lines o USING (invoice)",
    "SELECT o.quantity FROM pos.order_lines o NATURAL JOIN (SELECT 'MK-00007' AS invoice) v",
]
RAW_NUMBER_OF_A_PERSON = [
    "SELECT customer_id FROM pos.order_lines JOIN (SELECT 17 AS customer_id) v USING (customer_id)",
    "SELECT customer_id FROM (SELECT 17 AS customer_id) v JOIN pos.order_lines USING (customer_id)",
    "SELECT points FROM crm.customers NATURAL JOIN (SELECT '17' AS customer_id) v",
]
ANOTHER_DOMAIN = [
    (
        "SELECT customer_id FROM pos.order_lines FULL JOIN (SELECT invoice AS customer_id FROM pos.order_lines) v"
        " USING (customer_id)"
    ),
]


@pytest.mark.parametrize("sql", [*RAW_VALUE_OF_A_LINK, *RAW_NUMBER_OF_A_PERSON, *ANOTHER_DOMAIN])
def test_kinds_that_differ_are_never_merged(sql: str) -> None:
    """Whose rows a raw identifier or number names would show: a requester's value, or another key, is refused."""
    with pytest.raises(MaskedColumnUse, match="JOIN USING"):
        plan_of(sql)


@pytest.mark.parametrize("how", ["JOIN {} o USING (customer_id)", "NATURAL JOIN {} o"])
def test_kinds_that_are_one_are_merged(how: str) -> None:
    """Keys of one domain meet as they are, inside the store."""
    keys = "(SELECT customer_id FROM web.events)"
    assert plan_of(f"SELECT customer_id FROM (SELECT customer_id FROM pos.order_lines) c {how.format(keys)}")

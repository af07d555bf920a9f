"""Obligations: discharged before a row leaves, or nothing leaves."""

from __future__ import annotations

from typing import Any

import pytest
from tests.gateway.site import NDJSON, Site
from tests.gateway.test_default_deny import ANSWER, Answering

from sekisho.errors import AccessDenied

pytestmark = pytest.mark.asyncio(loop_scope="module")

DESK = ("support_desk", "customer_support")
CONTACT = "SELECT name, email, phone FROM crm.customers"


async def _released(site: Site) -> int:
    return len(await site.records("access.release"))


async def test_the_desk_sees_one_customer_in_the_clear(shared: Site) -> None:
    """With the pseudonym that came with a ticket: name, e-mail, phone of that customer, the rest masked."""
    (ticket,) = await shared.rows(*DESK, "SELECT customer_id FROM support.tickets LIMIT 1")
    her = shared.customer_of(*DESK, ticket["customer_id"])
    sql = "SELECT name, email, phone, address, line_id, income_band FROM crm.customers WHERE customer_id = ?"
    response = await shared.post(*DESK, sql, ticket["customer_id"])
    truth = shared.sqlite("crm", f"SELECT name, email, phone FROM customers WHERE customer_id = {her}")
    if response.status_code == 200:
        ((name, email, phone, address, line, income),) = response.json()["rows"]
        assert [(name, email, phone)] == truth
        assert (address, line) == ("***", "***")
        assert income is None
    else:  # a contract does not reach the income band at all
        assert response.json()["code"] == "column_denied"
        sql = "SELECT name, email, phone, address, line_id FROM crm.customers WHERE customer_id = ?"
        (row,) = await shared.rows(*DESK, sql, ticket["customer_id"])
        assert [(row["name"], row["email"], row["phone"])] == truth
        assert (row["address"], row["line_id"]) == ("***", "***")


@pytest.mark.parametrize(
    "sql",
    [
        CONTACT,
        "SELECT name FROM crm.customers LIMIT 2",
        "SELECT name FROM crm.customers ORDER BY email LIMIT 2",
        "SELECT a.name, b.name AS other FROM crm.customers a JOIN crm.customers b ON a.member_rank = b.member_rank",
        "SELECT a.name, b.email AS other FROM crm.customers a CROSS JOIN crm.customers b",
    ],
)
async def test_two_customers_at_a_time_are_none(shared: Site, sql: str) -> None:
    """An answer about two people is refused whole, with the reason, and nothing is recorded as released."""
    before = await _released(shared)
    response = await shared.post(*DESK, sql)
    assert (response.status_code, response.json()["code"]) == (403, "access_denied")
    assert response.json()["reasons"] == ["one_data_subject_at_a_time"]
    assert await _released(shared) == before


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT max(name) AS n FROM crm.customers",
        "SELECT count(*) AS n FROM crm.customers GROUP BY name",
        "SELECT DISTINCT name FROM crm.customers LIMIT 1",
        "SELECT name FROM crm.customers UNION ALL SELECT email FROM crm.customers",
        "SELECT name, row_number() OVER (ORDER BY name) AS n FROM crm.customers LIMIT 1",
        "SELECT lag(name) OVER (ORDER BY name) AS before FROM crm.customers LIMIT 1",
        "SELECT c.member_rank, (SELECT max(name) FROM crm.customers) AS n FROM crm.customers c LIMIT 1",
        "SELECT name FROM (SELECT name FROM crm.customers) t LIMIT 1",
        "WITH t AS (SELECT name FROM crm.customers) SELECT name FROM t LIMIT 1",
        "SELECT gender FROM crm.customers WHERE EXISTS (SELECT 1 FROM crm.customers WHERE name LIKE 'A%') LIMIT 1",
        "SELECT member_rank FROM crm.customers WHERE email IN (SELECT email FROM crm.customers) LIMIT 1",
    ],
)
async def test_whom_a_row_is_about_must_be_known(shared: Site, sql: str) -> None:
    """Where a row may be made of several people, "one at a time" cannot be counted: refused."""
    before = await _released(shared)
    response = await shared.post(*DESK, sql)
    assert (response.status_code, response.json()["code"]) == (422, "statement_refused")
    assert await _released(shared) == before


async def test_one_at_a_time_is_counted_over_all_pages(shared: Site) -> None:
    """A second person on a later page ends the answer there."""
    release = await shared.release(*DESK, CONTACT + " ORDER BY email", page_rows=1)
    pages = release.pages()
    first = await anext(pages)
    assert first.batch.num_rows == 1
    assert not first.last
    with pytest.raises(AccessDenied):
        await anext(pages)


async def test_the_limit_of_the_policy_is_the_limit(shared: Site) -> None:
    """The stricter of policy and request counts, over pages and forms, and the cut is told."""
    answer: dict[str, Any] = ANSWER | {
        "obligations": [{"kind": "max_rows", "value": 37}, {"kind": "max_rows", "value": 90}]
    }
    question = ("recommender", "recommendation", "SELECT stock_code, customer_id FROM pos.order_lines")
    async with shared.with_parts(policy=Answering(answer)) as asked:
        for wanted, expected in ((None, 37), (5, 5), (36, 36), (1_000_000, 37)):
            more: dict[str, Any] = {} if wanted is None else {"max_rows": wanted}
            body = (await asked.post(*question, **more)).json()
            assert (len(body["rows"]), body["release"]["complete"]) == (expected, False)
            lines = (await asked.post(*question, accept=NDJSON, **more)).text.splitlines()
            assert len(lines) == expected + 1
        pages = await asked.pages(*question, page_rows=10)
    assert [page.batch.num_rows for page in pages] == [10, 10, 10, 7]
    assert [page.complete for page in pages] == [False] * 4


async def test_at_most_two_people_means_two(shared: Site) -> None:
    """The number of people is the policy's: two may pass, three may not, and a person counts once."""
    answer: dict[str, Any] = ANSWER | {"obligations": [{"kind": "max_data_subjects", "value": 2}]}
    keys = sorted({row["customer_id"] for row in await shared.rows(
        "recommender", "recommendation", "SELECT customer_id FROM pos.order_lines"
    )})  # fmt: skip
    sql = "SELECT stock_code, customer_id FROM pos.order_lines WHERE customer_id IN (?, ?, ?)"
    async with shared.with_parts(policy=Answering(answer)) as asked:
        two = await asked.post("recommender", "recommendation", sql, keys[0], keys[1], keys[1])
        three = await asked.post("recommender", "recommendation", sql, *keys[:3])
    assert two.status_code == 200
    assert len({row[1] for row in two.json()["rows"]}) == 2
    assert (three.status_code, three.json()["code"]) == (403, "access_denied")


async def test_an_aggregate_under_one_at_a_time_is_refused(shared: Site) -> None:
    """Nobody can count the people of an aggregate, so an obligation about their number is not discharged."""
    answer: dict[str, Any] = ANSWER | {
        "obligations": [{"kind": "max_data_subjects", "value": 1}],
        "columns": {"pos.order_lines": {"stock_code": "clear"}},
    }
    sql = "SELECT count(stock_code) AS n FROM pos.order_lines"
    async with shared.with_parts(policy=Answering(answer)) as asked:
        response = await asked.post("recommender", "recommendation", sql)
    assert (response.status_code, response.json()["code"]) == (422, "statement_refused")

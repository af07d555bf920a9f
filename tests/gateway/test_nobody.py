"""Lines of nobody: they are about no data subject, so no answer in rows has one, whatever its ground."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from tests.gateway.site import Site, opened

from sekisho.demo.workspace import build_workspace

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with enough customers for groups of ten."""
    folder = tmp_path_factory.mktemp("larger") / "workspace"
    build_workspace(folder, customers=600)
    return folder


ASKING = [
    ("recommender", "recommendation"),
    ("recommender", "realtime_web"),
    ("marketer", "micro_segmentation"),
    ("marketer", "lifecycle_email"),
    ("marketer", "personalised_video"),
    ("ads", "targeted_advertising"),
    ("ads", "social_advertising"),
    ("analyst", "churn_prediction"),
    ("analyst", "ab_measurement"),
    ("fraud_team", "fraud_prevention"),
]


@pytest.mark.parametrize(("requester", "purpose"), ASKING)
async def test_no_shape_of_statement_shows_a_line_of_nobody(shared: Site, requester: str, purpose: str) -> None:
    """Plain, filtered, joined from either side, in a set: each row is a person's."""
    ((nobodys,),) = shared.files("SELECT count(*) FROM {pos} WHERE customer_id IS NULL")
    assert nobodys == 1000
    for table in ("pos.order_lines", "web.events"):
        rows = await shared.rows(requester, purpose, f"SELECT customer_id FROM {table}")
        people = {row["customer_id"] for row in rows}
        assert len(people) > 5
        assert None not in people
        for sql in (
            f"SELECT stock_code FROM {table} WHERE customer_id IS NULL",
            (
                f"SELECT stock_code FROM {table} t WHERE NOT EXISTS "
                f"(SELECT 1 FROM {table} u WHERE u.customer_id = t.customer_id)"
            ),
            (
                f"SELECT t.stock_code FROM {table} t LEFT JOIN {table} u ON t.customer_id = u.customer_id "
                "WHERE u.customer_id IS NULL"
            ),
            f"SELECT stock_code FROM {table} EXCEPT SELECT stock_code FROM {table} WHERE customer_id IS NOT NULL",
        ):
            assert await shared.rows(requester, purpose, sql) == [], sql
        (counts,) = await shared.rows(
            requester, purpose, f"SELECT count(*) AS n, count(customer_id) AS m FROM {table}"
        )
        assert counts["n"] == counts["m"] == len(rows)


async def test_what_only_nobody_bought_is_not_there(shared: Site) -> None:
    """A product that stands on nobody's lines alone does not exist for a purpose that needs consent."""
    only = [row[0] for row in shared.files("SELECT stock_code FROM {pos} GROUP BY 1 HAVING count(customer_id) = 0")]
    assert len(only) > 100
    sold = await shared.rows("marketer", "micro_segmentation", "SELECT DISTINCT stock_code FROM pos.order_lines")
    assert not {row["stock_code"] for row in sold} & set(only)


async def test_published_statistics_count_their_sales_but_not_as_people(larger: Path) -> None:
    """The published sales hold the lines of nobody, as the view says; people are those who are known."""
    async with opened(larger) as site:
        response = await site.client.post(
            "/v1/views/sales_by_month_country:read",
            json={"purpose": "management_statistics"},
            headers=site.headers("analyst"),
        )
    body = response.json()
    names = [column["name"] for column in body["columns"]]
    rows = [dict(zip(names, row, strict=True)) for row in body["rows"]]
    truth = {
        (month, country): (items, people, unknown)
        for month, country, items, people, unknown in site.files(
            "SELECT date_trunc('month', invoiced_at), country, sum(quantity), count(DISTINCT customer_id), "
            "count(*) FILTER (customer_id IS NULL) FROM {pos} GROUP BY 1, 2"
        )
    }
    assert rows
    unknown = 0
    for row in rows:
        key = (datetime.fromisoformat(row["month"].rstrip("Z")), row["country"])
        items, people, lines = truth[key]
        assert (row["items"], row["people"]) == (items, people)
        assert row["people"] >= 10
        unknown += lines
    assert unknown > 0
    assert len(rows) == sum(people >= 10 for _, people, _ in truth.values())

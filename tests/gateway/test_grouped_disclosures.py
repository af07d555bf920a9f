"""A grouped answer that shows pseudonyms is about the people whom they name: the log says so."""

from __future__ import annotations

import pytest
from tests.gateway.site import Site

PURPOSE = "micro_segmentation"


async def test_distinct_and_grouped_answers_name_their_people(site: Site) -> None:
    """Whoever is shown by ``DISTINCT``, ``GROUP BY`` or a window function finds the disclosure."""
    agreeing = len(site.agreeing(PURPOSE))
    for sql in (
        "SELECT DISTINCT customer_id FROM crm.customers",
        "SELECT customer_id, count(*) AS n FROM crm.customers GROUP BY customer_id",
    ):
        rows = await site.rows("marketer", PURPOSE, sql)
        assert len(rows) == agreeing
        (record,) = (await site.records("access.release"))[-1:]
        assert record["subjects"]["n"] == agreeing, sql


async def test_an_aggregate_without_pseudonyms_names_nobody(site: Site) -> None:
    """A count is not about one person."""
    await site.rows("marketer", PURPOSE, "SELECT count(*) AS n FROM crm.customers")
    (record,) = (await site.records("access.release"))[-1:]
    assert record["subjects"]["n"] == 0


@pytest.mark.parametrize(
    ("sql", "of_a_row"),
    [
        ("SELECT c.member_rank, o.member_rank AS other FROM crm.customers c, crm.customers o", 2),
        ("SELECT DISTINCT c.customer_id, o.customer_id AS other FROM crm.customers c, crm.customers o", 2),
        ("SELECT member_rank FROM crm.customers", 1),
    ],
)
async def test_no_page_is_about_more_people_than_its_record_names(
    site: Site, monkeypatch: pytest.MonkeyPatch, sql: str, of_a_row: int
) -> None:
    """Rows of several people make a page as much smaller: of too many a record keeps a digest, and finds nobody."""
    monkeypatch.setattr("sekisho.domain.governed.MAX_SUBJECT_REFS", 12)
    pages = await site.pages("marketer", PURPOSE, sql, page_rows=65_536)
    assert len(pages) > 1
    assert max(page.batch.num_rows for page in pages) == 12 // of_a_row
    records = (await site.records("access.release"))[-len(pages) :]
    assert 1 < max(record["subjects"]["n"] for record in records) <= 12

"""A grouped answer that shows pseudonyms is about the people whom they name: the log says so."""

from __future__ import annotations

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

"""How often a requester may have decisions explained."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import httpx
from tests.fakes import FakeClock
from tests.gateway.site import Site

from sekisho.adapters.records.usage import SqlMeter
from sekisho.domain.limits import Limits
from sekisho.explaining import MOST_A_MINUTE

NOON = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
LINES = "SELECT stock_code FROM pos.order_lines"
REFUSED = "SELECT nothing FROM pos.order_lines"


def metered(site: Site, clock: FakeClock) -> Any:
    """Return *site* with a gateway whose minutes are those of *clock*."""
    return site.with_parts(meter=SqlMeter(site.workspace.database, clock))


async def explain(site: Site, requester: str, purpose: str, sql: str = LINES) -> httpx.Response:
    """Have a statement explained over HTTP."""
    body = {"purpose": purpose, "sql": sql}
    return await site.client.post("/v1/query:explain", json=body, headers=site.headers(requester))


async def test_one_explanation_too_many_is_refused_until_the_minute_is_over(site: Site) -> None:
    """Whatever is explained counts, yes and no alike and over all purposes; others are not held up."""
    clock = FakeClock(NOON)
    async with metered(site, clock) as asked:
        meter = asked.gateway.meter
        assert meter is not None
        asked_for = [
            ("recommendation", LINES, 200),
            ("recommendation", REFUSED, 422),
            ("no_such_purpose", LINES, 422),
        ]
        for purpose, sql, status in asked_for:
            assert (await explain(asked, "recommender", purpose, sql)).status_code == status
        with site.workspace.database.engine.begin() as connection:
            (used,) = connection.exec_driver_sql("SELECT used FROM usage WHERE what = 'explanations'").one()
            assert used == len(asked_for)
            connection.exec_driver_sql(f"UPDATE usage SET used = {MOST_A_MINUTE - 1}")
        assert (await explain(asked, "recommender", "recommendation")).status_code == 200
        for purpose, sql, _ in asked_for:
            refused = await explain(asked, "recommender", purpose, sql)
            assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
            assert refused.headers["retry-after"]
        assert (await explain(asked, "marketer", "lifecycle_email")).status_code == 200
        clock.advance(60)
        assert (await explain(asked, "recommender", "recommendation")).status_code == 200


async def test_a_purpose_has_as_many_explanations_as_answers(site: Site) -> None:
    """What limits answers in a minute limits explanations for that purpose, and takes none of the answers."""
    catalogue = site.gateway.catalogue
    limited = replace(catalogue.purposes["recommendation"], limits=Limits(answers_per_minute=2))
    purposes = MappingProxyType({**catalogue.purposes, "recommendation": limited})
    clock = FakeClock(NOON)
    async with site.with_parts(
        catalogue=replace(catalogue, purposes=purposes), meter=SqlMeter(site.workspace.database, clock)
    ) as asked:
        for status in (200, 200, 429):
            assert (await explain(asked, "recommender", "recommendation")).status_code == status
        assert (await explain(asked, "recommender", "ab_measurement")).status_code != 429
        for status in (200, 200, 429):
            response = await asked.post("recommender", "recommendation", LINES)
            assert response.status_code == status, response.text

"""The client library against the real service: query, check, record, filter, follow."""

from __future__ import annotations

import httpx
from tests.gateway.site import Site

from sekisho.client import AsyncClient

PURPOSE = "micro_segmentation"


def client(site: Site, requester: str) -> AsyncClient:
    """Return a client of *requester* in the application of *site*."""
    token = site.headers(requester)["Authorization"].removeprefix("Bearer ")
    return AsyncClient("http://sekisho", token, transport=httpx.ASGITransport(app=site.app))


async def test_a_service_reads_checks_and_passes_on_a_withdrawal(site: Site) -> None:
    """After a withdrawal through the client, the person is gone from its queries, checks and filters."""
    agreeing = site.agreeing(PURPOSE)
    gone, stays = agreeing[:2]
    async with client(site, "marketer") as sekisho:
        before = await sekisho.query("SELECT customer_id FROM crm.customers", purpose=PURPOSE)
        assert before.complete
        assert before.table.num_rows == len(agreeing)
        assert await sekisho.allowed(f"customer_id:{gone}", PURPOSE)
        recorded = await sekisho.withdraw(f"customer_id:{gone}", PURPOSE)
        assert recorded.state == "withdrawn"
        assert not await sekisho.allowed(f"customer_id:{gone}", PURPOSE)
        names = [f"customer_id:{gone}", f"customer_id:{stays}"]
        assert await sekisho.filter(names, PURPOSE) == names[1:]
        after = await sekisho.query("SELECT customer_id FROM crm.customers", purpose=PURPOSE)
        assert after.table.num_rows == len(agreeing) - 1
        changes = [change async for change in sekisho.changes(recorded.seq - 1)]
    assert [(change.seq, change.purpose, change.event) for change in changes] == [(recorded.seq, PURPOSE, "withdraw")]
    known = changes[0].data_subject.removeprefix("pseudonym:")
    assert site.customer_of("marketer", PURPOSE, known) == gone
    assert known not in after.table.column("customer_id").to_pylist()

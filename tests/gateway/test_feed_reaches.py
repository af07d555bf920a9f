"""What changes for a service is in its feed, also when it comes from a notice or from linked identifiers."""

from __future__ import annotations

from typing import Any

from tests.gateway.site import Site

from sekisho.domain.consent import ConsentEventKind, Provenance
from sekisho.domain.terms import Cell
from sekisho.ports import ConsentEventInput

PURPOSE = "micro_segmentation"


async def changes(site: Site, requester: str, after: int) -> list[dict[str, Any]]:
    """Return what *requester* reads of the feed above *after*."""
    response = await site.client.get(
        "/v1/consents/changes", params={"after_seq": after}, headers=site.headers(requester)
    )
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def test_a_publication_that_asks_again_is_told(site: Site) -> None:
    """A service hears that everybody must be asked again for its purpose; another service does not."""
    before = await site.workspace.ledger.last_seq()
    await site.workspace.ledger.publish({PURPOSE: (Cell(PURPOSE),)}, "requester:privacy_officer", Provenance())
    (item,) = await changes(site, "marketer", before)
    assert (item["event"], item["purpose"], item["data_subject"]) == ("publish", PURPOSE, None)
    assert await changes(site, "recommender", before) == []


async def test_a_link_that_takes_a_yes_away_is_told_without_the_link(site: Site) -> None:
    """When the no of a linked identifier counts for a person, the service hears that its use must end."""
    agrees, refuses = site.agreeing(PURPOSE)[0], next(c for c in site.customers() if c not in site.agreeing(PURPOSE))
    ledger, one, other = site.workspace.ledger, site.number_of(agrees), site.number_of(refuses)
    no = ConsentEventInput(other, PURPOSE, (Cell(PURPOSE),), ConsentEventKind.REFUSE, "web_form", "data_subject")
    await ledger.record([no])

    async def told(after: int) -> list[object]:
        found = [item for item in await changes(site, "marketer", after) if item["cells"] == [PURPOSE]]
        assert {item["event"] for item in found} == {"change"}
        people = [
            site.customer_of("marketer", PURPOSE, item["data_subject"].removeprefix("pseudonym:")) for item in found
        ]
        return [item["allowed"] for item, person in zip(found, people, strict=True) if person == agrees]

    before = await ledger.last_seq()
    linked = await ledger.link(one, other, "requester:privacy_officer")
    assert await told(before) == [False]
    await ledger.unlink(one, other, "requester:privacy_officer")
    assert await told(linked.seq) == [True]


async def test_a_read_waits_for_its_sequence(site: Site) -> None:
    """``min_seq`` beyond the ledger's end is answered 503 by the feed as by every consent read."""
    beyond = await site.workspace.ledger.last_seq() + 50
    response = await site.client.get(
        "/v1/consents/changes", params={"min_seq": beyond}, headers=site.headers("marketer")
    )
    assert (response.status_code, response.json()["code"]) == (503, "consent_unavailable")

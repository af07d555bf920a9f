"""From a third party's query to the registers: what the officer, the auditor and the person are told."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser

import pytest
from tests.gateway.site import Site

ADS = "SELECT customer_id, stock_code, country FROM pos.order_lines"
PURPOSE = "targeted_advertising"


async def _get(site: Site, requester: str, path: str, accept: str = "application/json", status: int = 200):
    response = await site.client.get(path, headers=site.headers(requester, accept))
    assert response.status_code == status, response.text
    return response


async def test_a_query_of_a_third_party_is_in_the_register(site: Site) -> None:
    """What left for the advertising company stands there with the facts that the workspace declared when it left."""
    response = await site.post("ads", PURPOSE, ADS)
    release = response.json()["release"]
    [item] = (await _get(site, "privacy_officer", "/v1/provision-records")).json()["items"]

    assert (item["id"], item["audit_seq"], item["rows"]) == (release["id"], release["audit_seq"], release["rows"])
    assert item["third_party"]["missing"] == []
    assert {each["column"] for each in item["items"]} == {"customer_id", "stock_code", "country"}
    assert item["consent"]["cells"] == [PURPOSE]
    people = (await _get(site, "privacy_officer", f"/v1/provision-records/{item['id']}?limit=50000")).json()
    shown = {row[0] for row in response.json()["rows"]}
    assert {each["data_subject"] for each in people["data_subjects"]} == {
        f"customer_id:{customer}" for customer in site.customers_of("ads", PURPOSE, sorted(shown))
    }
    recorded = (await _get(site, "auditor", f"/v1/audit/records/{item['id']}")).json()
    assert recorded["provided_to"]["name"] == item["third_party"]["name"]


async def test_the_register_of_a_person_is_found_by_body_and_disclosed_to_them(site: Site) -> None:
    """The officer finds one person's records without an identifier in the address; the person sees the same."""
    rows = await site.rows("ads", PURPOSE, ADS)
    customer = site.customer_of("ads", PURPOSE, str(rows[0]["customer_id"]))
    headers = site.headers("privacy_officer")
    body = {"data_subject": f"customer_id:{customer}", "purpose": PURPOSE}
    found = await site.client.post("/v1/provision-records:search", json=body, headers=headers)
    [item] = found.json()["items"]
    issuer = site.workspace.issuer
    assert issuer is not None
    token = issuer.data_subject_token(f"customer_id:{customer}")
    mine = await site.client.get("/v1/me/disclosures", headers={"Authorization": f"Bearer {token}"})
    told = next(each for each in mine.json()["items"] if each["release_id"] == item["release_id"])
    assert told["provision"] == {name: item[name] for name in ("third_party", "items", "consent")}


async def test_an_aggregate_names_nobody_and_is_no_provision(site: Site) -> None:
    """What counts people without naming one provides no personal data."""
    await site.rows("ads", PURPOSE, "SELECT country, COUNT(*) AS n FROM pos.order_lines GROUP BY country")
    assert (await _get(site, "auditor", "/v1/provision-records")).json() == {"items": []}


async def test_requesters_read_no_register(site: Site) -> None:
    """Whoever keeps neither privacy nor audit is refused, on every address."""
    for path in ("/v1/provision-records", "/v1/provision-records?direction=received", "/v1/ropa"):
        response = await _get(site, "ads", path, status=403)
        assert response.json()["code"] == "access_denied"
    response = await site.client.post("/v1/provision-records:search", json={}, headers=site.headers("recommender"))
    assert response.status_code == 403


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=x", "from=yesterday", "cursor=x", "direction=both", "requester=", "to=1&to=2"],
)
async def test_a_wrong_parameter_is_told(site: Site, query: str) -> None:
    """A parameter that cannot be is ``invalid_request`` and changes nothing."""
    response = await _get(site, "auditor", f"/v1/provision-records?{query}", status=422)
    assert response.json()["code"] == "invalid_request"


class _Balanced(HTMLParser):
    """Counts open elements."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        """Note an element that is closed."""
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close it."""
        assert self.open.pop() == tag


@pytest.mark.parametrize("locale", ["ja", "en"])
async def test_the_records_of_processing_come_in_three_forms(site: Site, locale: str) -> None:
    """JSON, CSV and a page to print tell of the same purposes and of what happened; a page loads nothing."""
    rows = await site.rows("ads", PURPOSE, ADS)
    people = len({row["customer_id"] for row in rows})
    records = (await _get(site, "privacy_officer", "/v1/ropa")).json()
    [ads] = next(each["happened"] for each in records["activities"] if each["purpose"] == PURPOSE)
    assert (ads["releases"], ads["rows"], ads["people"]) == (1, len(rows), people)
    assert [each["purpose"] for each in records["activities"]] == list(site.workspace.settings.catalogue.purposes)

    table = await _get(site, "auditor", f"/v1/ropa?locale={locale}", "text/csv")
    lines = list(csv.reader(io.StringIO(table.text)))
    assert len({len(line) for line in lines}) == 1
    assert sum(line[10] == "1" for line in lines) == 1

    page = await _get(site, "auditor", f"/v1/ropa?locale={locale}", "text/html")
    parser = _Balanced()
    parser.feed(page.text)
    assert parser.open == []
    assert f'lang="{locale}"' in page.text
    assert ads["first"] not in page.text  # a reader needs no fractions of a second, which break a narrow column
    assert re.sub(r"\.\d+", "", ads["first"]) in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for activity in records["activities"]:
        assert activity["title"][locale] in page.text
        assert all(titles[locale] in page.text for titles in activity["data_titles"].values())
    declared = site.workspace.settings.catalogue.purposes.values()
    assert all(set(purpose.data_categories) == purpose.data_titles.keys() for purpose in declared)

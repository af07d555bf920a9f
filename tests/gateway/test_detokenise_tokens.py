"""Tokens of linking identifiers turned back: to the person whose they are, for a purpose of its own, on record."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.gateway.site import Site, opened
from tests.gateway.test_detokenise import FROM, PURPOSE, ask, declared

from sekisho.domain.obligations import Allowance
from sekisho.domain.rights import RequestKind, RequestStatus
from sekisho.ports import DataSubjectRef

pytestmark = pytest.mark.asyncio(loop_scope="module")

INVOICES = "pos.order_lines.invoice"
EVENTS = "app.events.event_id"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(built: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A workspace with a purpose that turns back, for all tests here."""
    folder = Path(shutil.copytree(built, tmp_path_factory.mktemp("tokens") / "workspace"))
    declared(folder)
    async with opened(folder) as made:
        yield made


async def turn(site: Site, named: list[str], column: str | None = INVOICES, **more: Any) -> httpx.Response:
    """Ask whose tokens they are."""
    return await ask(site, named, column=column, **more)


async def invoices(site: Site, who: tuple[str, str] = FROM) -> list[tuple[str, str]]:
    """Return token and customer of every invoice that a requester received, each once."""
    rows = await site.rows(*who, "SELECT DISTINCT invoice, customer_id FROM pos.order_lines")
    return [(row["invoice"], str(site.customer_of(*who, row["customer_id"]))) for row in rows]


async def test_a_token_leads_to_its_person(site: Site) -> None:
    """Each token is answered with the identifier of the person whose invoice it is, in order; older epochs, too."""
    before = await invoices(site)
    await site.client.post("/v1/keys:rotate", json={}, headers=site.headers("privacy_officer"))
    asked = [*before[:3], *(await invoices(site))[:2], before[0]]
    answer = await turn(site, [token for token, _ in asked])
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    assert [(item["pseudonym"], item["identifier"]) for item in items] == asked


async def test_whoever_is_told_of_is_on_record_first(site: Site) -> None:
    """One record says of which column, by whom received, and every person; made-up tokens add nobody."""
    (token, customer), *_ = await invoices(site)
    answer = await turn(site, [token, token, "A" * 43])
    record = (await site.records("access.release"))[-1]
    assert record["id"] == answer.json()["release"]["id"]
    assert (record["action"], record["received_of"]) == ("detokenise", INVOICES)
    assert (record["received_by"], record["received_for"]) == FROM
    assert record["subjects"]["n"] == record["rows"] == 1
    assert record["columns"] == {"pos.order_lines.customer_id": "clear", "pos.order_lines.invoice": "token"}
    told = await site.workspace.consents.rights.disclosures(DataSubjectRef("customer_id", customer))
    assert "responder" in {item["requester"] for item in told["items"]}  # type: ignore[attr-defined]


async def test_what_nobody_received_is_answered_alike(site: Site) -> None:
    """Made up, another's, of another purpose or column, a raw number, a pseudonym: null."""
    (token, _), *_ = await invoices(site)
    (other, _), *_ = await invoices(site, ("marketer", "personalised_video"))
    (raw,) = site.files("SELECT invoice FROM {pos} WHERE customer_id IS NOT NULL LIMIT 1")[0]
    pseudonym = (await site.rows(*FROM, "SELECT customer_id FROM crm.customers"))[0]["customer_id"]
    answer = await turn(site, ["A" * 43, other, str(raw), pseudonym, "", token.lower(), token + "A"])
    assert {item["identifier"] for item in answer.json()["items"]} == {None}
    assert (await turn(site, [token], received_by="ads")).json()["items"][0]["identifier"] is None
    assert (await turn(site, [token], None)).json()["items"][0]["identifier"] is None
    assert (await turn(site, [pseudonym], None)).json()["items"][0]["identifier"] is not None
    if EVENTS.rpartition(".")[0] in site.gateway.catalogue.datasets:
        assert (await turn(site, [token], EVENTS)).json().get("items", [{"identifier": None}])[0][
            "identifier"
        ] is None


async def test_an_erased_person_stays_forgotten(site: Site) -> None:
    """The rows of somebody erased stay in the store, and their tokens lead to nobody; no record names them."""
    known = await invoices(site)
    token, customer = known[0]
    other = next(item for item in known if item[1] != customer)
    rights = site.workspace.consents.rights
    asked = await rights.request(DataSubjectRef("customer_id", customer), RequestKind.ERASURE, None)
    await rights.close(site.requester("privacy_officer"), str(asked["id"]), RequestStatus.DONE)
    answer = await turn(site, [token, other[0]])
    assert [item["identifier"] for item in answer.json()["items"]] == [None, other[1]]
    assert (await site.records("access.release"))[-1]["subjects"]["n"] == 1


@pytest.mark.parametrize(
    ("by", "more", "code"),
    [
        ("marketer", {}, "purpose_not_registered"),
        ("privacy_officer", {}, "purpose_not_registered"),
        ("fraud_team", {"purpose": "fraud_prevention"}, "access_denied"),
        ("responder", {"received_for": "personalised_video"}, "access_denied"),
        ("responder", {"column": "pos.order_lines.stock_code"}, "invalid_request"),
        ("responder", {"column": "pos.order_lines.customer_id"}, "invalid_request"),
        ("responder", {"column": "pos.order_lines.nothing"}, "invalid_request"),
        ("responder", {"column": "support.tickets.ticket_id"}, "invalid_request"),
        ("responder", {"column": 'pos.order_lines.invoice" OR 1=1 --'}, "invalid_request"),
        ("responder", {"identifier": "email_sha256"}, "invalid_request"),
    ],
)
async def test_who_may_not(site: Site, by: str, more: dict[str, Any], code: str) -> None:
    """Another requester, purpose, source, kind of identifier or column is refused, one of another's dataset too."""
    (token, _), *_ = await invoices(site)
    answer = await ask(site, [token], by, **{"column": INVOICES, **more})
    assert answer.json()["code"] == code
    assert "items" not in answer.json()


async def test_so_many_a_day(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens and pseudonyms are counted together, found or not."""
    from sekisho import detokenising

    monkeypatch.setattr(detokenising, "_DAY", Allowance(3, 3_601))
    (token, _), *_ = await invoices(site)
    assert (await turn(site, [token, "A" * 43])).status_code == 200
    assert (await ask(site, ["0" * 32])).status_code == 200
    assert (await turn(site, [token])).json()["code"] == "budget_exhausted"


async def test_a_token_of_several_people_is_nobodys(folder: Path) -> None:
    """Where the store has a value in the rows of two people, neither is named."""
    import duckdb

    declared(folder)
    file = next((folder / "stores" / "pos").glob("*.parquet"))
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE sales AS SELECT * FROM read_parquet('{file}')")
        (shared,) = connection.execute("SELECT invoice FROM sales WHERE customer_id IS NOT NULL LIMIT 1").fetchall()[
            0
        ]
        (other,) = connection.execute(
            "SELECT customer_id FROM sales"
            " WHERE customer_id NOT IN (SELECT customer_id FROM sales WHERE invoice = ?)",
            [shared],
        ).fetchall()[0]
        row = "SELECT * REPLACE (CAST(? AS BIGINT) AS customer_id) FROM sales WHERE invoice = ? LIMIT 1"
        connection.execute(f"INSERT INTO sales {row}", [other, shared])
        connection.execute(f"COPY sales TO '{file}' (FORMAT parquet)")
    async with opened(folder) as site:
        keyed = await site.gateway.pseudonymity.of(
            site.requester(FROM[0]), site.gateway.catalogue.purposes[FROM[1]], None
        )
        answer = await turn(site, [keyed.tokens("invoice").encode_one(shared)])
        assert answer.json()["items"][0]["identifier"] is None


async def test_the_policy_shows_the_identifier_or_nothing(folder: Path) -> None:
    """Where the policy does not show the key of the people, no token is turned back."""
    declared(folder, PURPOSE.replace("[customer_id]", "[email]"))
    async with opened(folder) as site:
        (token, _), *_ = await invoices(site)
        assert (await turn(site, [token])).json()["reasons"] == ["identifier_not_clear"]

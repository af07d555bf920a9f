"""Pseudonyms turned back: for a purpose of its own, by policy, on record person by person, within limits."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.gateway.site import Site, opened

from sekisho.domain.rights import RequestKind, RequestStatus
from sekisho.errors import WorkspaceError
from sekisho.ports import DataSubjectRef
from sekisho.release import Ask
from sekisho.settings import load

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYS = "SELECT customer_id FROM crm.customers"
FROM = ("marketer", "micro_segmentation")
PURPOSE = """
  incident_response:
    title: {ja: 事故対応, en: Incident response}
    description: {ja: 漏えいした本人に知らせます。, en: We tell the people concerned by a leak.}
    legal_basis: legal_obligation
    clear: [customer_id]
    detokenise: [micro_segmentation]
    retention_days: 3
"""
REQUESTER = """
  responder:
    title: {ja: 対応担当, en: Responder}
    purposes: [incident_response]
"""


def declared(folder: Path, purpose: str = PURPOSE) -> None:
    """Add a purpose that turns pseudonyms back, and who is registered for it."""
    file = folder / "sekisho.yaml"
    said = file.read_text()
    said = said.replace("\npurposes:\n", "\npurposes:" + purpose, 1)
    said = said.replace("\nrequesters:\n", "\nrequesters:" + REQUESTER, 1)
    said = said.replace("purposes: &known_customers\n", "purposes: &known_customers\n      - incident_response\n", 1)
    file.write_text(said)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(built: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A workspace with such a purpose, for all tests here."""
    folder = Path(shutil.copytree(built, tmp_path_factory.mktemp("detokenise") / "workspace"))
    declared(folder)
    async with opened(folder) as made:
        yield made


async def ask(site: Site, named: list[str], by: str = "responder", **more: Any) -> httpx.Response:
    """Ask for identifiers."""
    body = {
        "purpose": "incident_response", "received_by": FROM[0], "received_for": FROM[1], "pseudonyms": named,
        **more,
    }  # fmt: skip
    return await site.client.post("/v1/pseudonyms:detokenise", json=body, headers=site.headers(by))


async def received(site: Site, who: tuple[str, str] = FROM) -> list[str]:
    """Return what a requester received."""
    return [row["customer_id"] for row in await site.rows(*who, KEYS)]


async def test_pseudonyms_become_identifiers(site: Site) -> None:
    """Each pseudonym is answered with the identifier of its person, in order, those of a former epoch too."""
    before = await received(site)
    await site.client.post("/v1/keys:rotate", json={}, headers=site.headers("privacy_officer"))
    names = [*before[:3], *(await received(site))[:2], before[0]]
    answer = await ask(site, names)
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    assert [item["pseudonym"] for item in items] == names
    assert [item["identifier"] for item in items] == [str(c) for c in site.customers_of(*FROM, names)]


async def test_whoever_is_told_of_is_on_record_first(site: Site) -> None:
    """One record names every person of the answer, its purpose and whose pseudonyms; unknown ones add nobody."""
    names = (await received(site))[:3]
    answer = await ask(site, [*names, names[0], "0" * 32])
    record = (await site.records("access.release"))[-1]
    assert record["id"] == answer.json()["release"]["id"]
    assert record["action"] == "detokenise"
    assert (record["requester"], record["purpose"]) == ("responder", "incident_response")
    assert (record["received_by"], record["received_for"]) == FROM
    assert record["subjects"]["n"] == record["rows"] == 3
    assert record["columns"] == {"crm.customers.customer_id": "clear"}
    person = DataSubjectRef("customer_id", answer.json()["items"][0]["identifier"])
    told = await site.workspace.consents.rights.disclosures(person)
    assert "responder" in {item["requester"] for item in told["items"]}  # type: ignore[attr-defined]


async def test_no_record_no_identifier(site: Site) -> None:
    """Without its record no answer leaves."""
    names = await received(site)
    inner = site.workspace.audit

    class Down:
        def __getattr__(self, name: str) -> Any:
            return getattr(inner, name)

        async def append(self, _: object) -> object:
            from sekisho.errors import AuditUnavailable

            raise AuditUnavailable("down")

    async with site.with_parts(audit=Down()) as broken:
        answer = await ask(broken, names[:1])
    assert answer.json()["code"] == "audit_unavailable"
    assert "items" not in answer.json()


async def test_unknown_pseudonyms_are_answered_alike(site: Site) -> None:
    """Made up, another purpose's, another requester's, spelled otherwise: null, as if nobody had ever received it."""
    mine = (await received(site))[0]
    others = (await received(site, ("marketer", "personalised_video")))[0]
    answer = await ask(site, ["0" * 32, others, mine.upper(), mine + "0", "", "customer_id:12347", "あ" * 32])
    assert {item["identifier"] for item in answer.json()["items"]} == {None}
    for more in ({"received_by": "recommender"}, {"received_by": "ads"}):
        answer = await ask(site, [mine], **more)
        assert answer.json()["items"] == [{"pseudonym": mine, "identifier": None}]


async def test_an_erased_person_stays_forgotten(site: Site) -> None:
    """Nobody who was erased is named again, and no record names them."""
    names = (await received(site))[:2]
    customer = site.customer_of(*FROM, names[0])
    rights = site.workspace.consents.rights
    opened_request = await rights.request(DataSubjectRef("customer_id", str(customer)), RequestKind.ERASURE, None)
    officer = site.requester("privacy_officer")
    await rights.close(officer, str(opened_request["id"]), RequestStatus.DONE)
    answer = await ask(site, names)
    assert [item["identifier"] is None for item in answer.json()["items"]] == [True, False]
    assert (await site.records("access.release"))[-1]["subjects"]["n"] == 1


@pytest.mark.parametrize(
    ("by", "more", "code"),
    [
        ("marketer", {}, "purpose_not_registered"),
        ("privacy_officer", {}, "purpose_not_registered"),
        ("fraud_team", {"purpose": "fraud_prevention"}, "access_denied"),
        ("responder", {"received_for": "personalised_video"}, "access_denied"),
        ("responder", {"received_for": "nothing"}, "access_denied"),
        ("responder", {"received_by": "nobody"}, "invalid_request"),
        ("responder", {"purpose": "nothing"}, "unknown_purpose"),
        ("responder", {"identifier": "email_sha256"}, "invalid_request"),
        ("responder", {"pseudonyms": []}, "invalid_request"),
        ("responder", {"pseudonyms": ["0" * 32] * 1_001}, "invalid_request"),
        ("responder", {"sql": "SELECT 1"}, "invalid_request"),
    ],
)
async def test_who_may_not(site: Site, by: str, more: dict[str, Any], code: str) -> None:
    """Another requester, purpose, source or kind of identifier is refused, and too many at once."""
    names = await received(site)
    answer = await ask(site, names[:1], by, **more)
    assert answer.json()["code"] == code
    assert "items" not in answer.json()


async def test_a_refusal_is_on_record(site: Site) -> None:
    """Who was refused stands in the log."""
    await ask(site, ["0" * 32], "marketer")
    record = [r for r in await site.records("access.deny") if r.get("action") == "detokenise"][-1]
    assert (record["requester"], record["code"]) == ("marketer", "purpose_not_registered")


async def test_the_purpose_answers_no_statement(site: Site) -> None:
    """A purpose that turns pseudonyms back lists nobody: statements are refused, explained or not."""
    answer = await site.post("responder", "incident_response", KEYS)
    assert answer.json()["code"] == "access_denied"
    assert answer.json()["reasons"] == ["detokenises_only"]
    with pytest.raises(Exception, match="detokenise"):
        await site.gateway.explain(site.requester("responder"), Ask("incident_response", KEYS))


async def test_so_many_a_day(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one requester hands in for a purpose in a day is limited, found or not, and a refusal tells nobody."""
    from sekisho import detokenising
    from sekisho.domain.obligations import Allowance

    monkeypatch.setattr(detokenising, "_DAY", Allowance(3, 3_600))
    names = (await received(site))[:2]
    assert (await ask(site, names)).status_code == 200
    assert (await ask(site, ["0" * 32])).status_code == 200
    answer = await ask(site, names[:1])
    assert (answer.status_code, answer.json()["code"]) == (429, "budget_exhausted")


async def test_limits_of_the_purpose_hold(folder: Path) -> None:
    """Rows a day that the policy allows are counted here as for statements."""
    declared(folder, PURPOSE + "    limits: {rows: 2, rows_per_day: 3}\n")
    async with opened(folder) as site:
        names = await received(site)
        assert (await ask(site, names[:2])).status_code == 200
        assert (await ask(site, names[:3])).status_code != 200
        assert (await ask(site, names[:2])).json()["code"] == "budget_exhausted"


async def test_the_policy_shows_the_identifier_or_nothing(folder: Path) -> None:
    """Where the policy shows the key only as a pseudonym, nothing is turned back."""
    declared(folder, PURPOSE.replace("[customer_id]", "[email]"))
    async with opened(folder) as site:
        answer = await ask(site, (await received(site))[:1])
        assert answer.json()["reasons"] == ["identifier_not_clear"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("legal_obligation", "consent"), "turns no pseudonym back"),
        (("clear: [customer_id]\n", "output: rows\n"), "which identifiers"),
        (("detokenise: [micro_segmentation]", "detokenise: [nothing]"), "unknown purpose"),
    ],
)
async def test_the_workspace_says_it_wrongly(folder: Path, change: tuple[str, str], says: str) -> None:
    """A purpose that could not turn anything back is a fault of the file."""
    declared(folder, PURPOSE.replace(*change))
    with pytest.raises(WorkspaceError, match=says):
        load(folder)

"""Decisions over HTTP: what bodies are taken, what the signal does, who may speak for whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from tests.consents.fakes import FakeParts, make_parts, state_of
from tests.consents.recording_desk import DESK, MAILER
from tests.fakes import FakeIdentity
from tests.http.conftest import World, client_of

from sekisho.consents import Consents
from sekisho.consents.reading import Reading
from sekisho.consents.recording import Recording
from sekisho.domain.consent import ActorType, Assurance, ConsentState
from sekisho.http.app import create_app
from sekisho.ports import DataSubjectRef

MARIKO, KENJI = DataSubjectRef("customer_id", "17850"), DataSubjectRef("customer_id", "12583")
CUSTOMER, OTHER = {"Authorization": "Bearer mariko"}, {"Authorization": "Bearer kenji"}
AT_DESK, AT_MAILER = {"Authorization": "Bearer desk"}, {"Authorization": "Bearer mailer"}
ADS, EMAIL = "targeted_advertising", "lifecycle_email"
GPC = {"Sec-GPC": "1"}


@dataclass
class Site:
    """The application over recording itself, on fakes."""

    fakes: FakeParts
    client: httpx.AsyncClient

    async def decide(self, *decisions: dict[str, Any], headers: Any = CUSTOMER) -> httpx.Response:
        """Decide, as Mariko unless *headers* say otherwise."""
        return await self.client.post("/v1/me/consents", json={"decisions": list(decisions)}, headers=headers)

    async def event(self, headers: dict[str, str] = AT_DESK, **more: Any) -> httpx.Response:
        """Hand in an event about Mariko, at the desk unless *headers* say otherwise."""
        body = {"data_subject": "customer_id:17850", "purpose": EMAIL, "event": "give", "method": "web_form", **more}
        return await self.client.post("/v1/consents/events", json=body, headers=headers)

    async def state(self, cell: str = EMAIL, person: DataSubjectRef = MARIKO) -> ConsentState:
        """Return what counts for one cell now."""
        return await state_of(self.fakes, person, cell)


@pytest.fixture
async def site(world: World) -> AsyncIterator[Site]:
    fakes = make_parts()
    cases = SimpleNamespace(recording=Recording(fakes.parts), reading=Reading(fakes.parts))
    identity = FakeIdentity({"desk": DESK, "mailer": MAILER}, {"mariko": MARIKO, "kenji": KENJI})
    app = create_app(replace(world.services, consents=cast(Consents, cases), identity=identity))
    async with client_of(app) as client:
        yield Site(fakes, client)


def give(purpose: str = EMAIL, version: Any = 1, **more: Any) -> dict[str, Any]:
    return {"purpose": purpose, "decision": "give", "notice_version": version, "locale": "ja", **more}


def problem(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


# /v1/me/consents ------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [1, "1"])
async def test_a_customer_decides(site: Site, version: Any) -> None:
    """A version is a number or its text; the answer has an item for each decision and the sequence."""
    scope = {"data_category": "purchase"}
    answer = await site.decide(
        give(version=version), give("recommendation", scope=scope), {"purpose": ADS, "decision": "refuse"}
    )
    assert answer.status_code == 200
    body = answer.json()
    assert body["seq"] == 3
    assert [(i["purpose"], i["state"], i.get("scope")) for i in body["items"]] == [
        (EMAIL, "given", None),
        ("recommendation", "given", scope),
        (ADS, "refused", None),
    ]
    assert [item["receipt_id"] for item in body["items"]] == [event.id for event in site.fakes.ledger.events]


async def test_withdrawing_takes_no_more_than_giving(site: Site) -> None:
    """The same address, the same credential, fewer fields (GDPR 7(3)); an outdated page can still withdraw."""
    assert (await site.decide(give())).status_code == 200
    assert (await site.decide({"purpose": EMAIL, "decision": "withdraw"})).status_code == 200
    assert await site.state() is ConsentState.WITHDRAWN
    answer = await site.decide({"purpose": EMAIL, "decision": "withdraw", "notice_version": 99})
    assert answer.json()["items"][0]["state"] == "withdrawn"
    short = await site.client.post(f"/v1/me/consents/{EMAIL}:withdraw", headers=CUSTOMER)
    assert (short.status_code, short.json()["state"]) == (200, "withdrawn")


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (give(version=2), (409, "notice_outdated")),
        ({"purpose": EMAIL, "decision": "give"}, (422, "invalid_request")),
        (give("nonsense"), (422, "unknown_purpose")),
        (give("customer_support"), (422, "invalid_request")),
        (give(version=0), (422, "invalid_request")),
        (give(version=True), (422, "invalid_request")),
        (give(version=1.5), (422, "invalid_request")),
        (give(decision="renew"), (422, "invalid_request")),
        (give(decision="object"), (422, "invalid_request")),
        (give(person="customer_id:12583"), (422, "invalid_request")),
        (give(locale="klingon!"), (422, "invalid_request")),
    ],
)
async def test_what_cannot_be_decided_decides_nothing(
    site: Site, decision: dict[str, Any], expected: tuple[int, str]
) -> None:
    """All or none, with a stable code; nothing of it is recorded."""
    assert problem(await site.decide(give(ADS), decision)) == expected
    assert site.fakes.ledger.events == []


@pytest.mark.parametrize("body", [{}, {"decisions": []}, {"decisions": [give()] * 201}, [give()]])
async def test_a_body_without_decisions_is_refused(site: Site, body: Any) -> None:
    """None, too many, or another form."""
    answer = await site.client.post("/v1/me/consents", json=body, headers=CUSTOMER)
    assert problem(answer) == (422, "invalid_request")


async def test_a_fault_names_places_never_values(site: Site) -> None:
    """What was sent stands in no error."""
    answer = await site.decide(give(purpose="secret-purpose" * 20, locale="secret locale", secret_member="secret"))
    assert problem(answer) == (422, "invalid_request")
    assert "secret" not in answer.text


async def test_everybody_decides_for_themselves_alone(site: Site) -> None:
    """The person is the token's: nothing in the body names another, and requesters have no page."""
    assert (await site.decide(give())).status_code == 200
    assert (await site.decide({"purpose": EMAIL, "decision": "withdraw"}, headers=OTHER)).status_code == 200
    assert await site.state() is ConsentState.GIVEN
    assert await site.state(person=KENJI) is ConsentState.WITHDRAWN
    for headers in (AT_DESK, AT_MAILER, {}, {"Authorization": "Bearer forged"}):
        assert problem(await site.decide(give(), headers=headers)) == (401, "unauthenticated")
    assert problem(await site.event(headers=CUSTOMER)) == (401, "unauthenticated")


# Sec-GPC --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "objects"),
    [
        ([("Sec-GPC", "1")], True),
        ([("Sec-GPC", "0"), ("Sec-GPC", "1")], True),
        ([("Sec-GPC", "true")], False),
        ([("Sec-GPC", "1, 1")], False),
        ([("Sec-GPC", "")], False),
        ([], False),
    ],
)
async def test_exactly_one_counts(site: Site, headers: list[tuple[str, str]], objects: bool) -> None:
    """W3C GPC: the value is exactly ``1`` on any of the headers; a read of ``/v1/me`` is enough."""
    await site.decide(give(ADS), give())
    await site.client.get("/v1/me/consents", headers=[*CUSTOMER.items(), *headers])
    assert await site.state(ADS) is (ConsentState.OBJECTED if objects else ConsentState.GIVEN)
    assert await site.state() is ConsentState.GIVEN


async def test_the_signal_wins_over_the_yes_that_it_comes_with_and_not_over_the_next(site: Site) -> None:
    """Given under the signal: objected. Given later without: given, until the signal comes again."""
    answer = await site.decide(give(ADS), headers={**CUSTOMER, **GPC})
    assert answer.json()["items"][0]["state"] == "objected"
    assert await site.state(ADS) is ConsentState.OBJECTED
    await site.decide(give(ADS))
    assert await site.state(ADS) is ConsentState.GIVEN
    await site.client.post(f"/v1/me/consents/{EMAIL}:withdraw", headers={**CUSTOMER, **GPC})
    assert await site.state(ADS) is ConsentState.OBJECTED


# /v1/consents/events --------------------------------------------------------------------------------


async def test_the_old_body_still_does(site: Site) -> None:
    """Without any of the newer fields a yes is recorded, also to what asks for explicit consent."""
    for purpose in (EMAIL, "emotion_analysis"):
        answer = await site.event(purpose=purpose, actor="operator 7")
        assert answer.status_code == 200
        body = answer.json()
        assert (set(body), body["state"]) == ({"id", "seq", "state", "receipt_id"}, "given")
    given = site.fakes.ledger.inputs[1]
    assert given.evidence == {"actor": "operator 7"}
    assert given.provenance.actor_type is ActorType.DATA_SUBJECT


async def test_the_newer_fields_are_kept(site: Site) -> None:
    """Who acted, on which text, how old the person is, how plainly it was said."""
    answer = await site.event(
        actor={"type": "guardian", "id": "Hanako", "relation": "mother", "assurance": "document"},
        age=12,
        of_age_at="2030-01-01T00:00:00+09:00",
        locale="ja",
        served_id="served-1",
        consent_type="explicit",
        notice_version=1,
        reason="counter_7",
    )
    assert answer.status_code == 200
    known = site.fakes.ledger.events[0].provenance
    assert (known.actor_type, known.relation, known.assurance) == (ActorType.GUARDIAN, "mother", Assurance.DOCUMENT)
    assert (known.locale, known.served_id, known.consent_type, known.reason) == (
        "ja", "served-1", "explicit", "counter_7",
    )  # fmt: skip
    assert known.of_age_at is not None
    assert site.fakes.ledger.inputs[1].evidence == {"actor": "Hanako"}


@pytest.mark.parametrize(
    "more",
    [
        {"actor": {"type": "ghost"}},
        {"actor": {"id": "x"}},
        {"actor": {"type": "guardian", "phone": "x"}},
        {"actor": {"type": "guardian", "relation": "Mother of Mariko"}},
        {"age": -1},
        {"age": "12"},
        {"of_age_at": "2030-01-01T00:00:00"},
        {"consent_type": "loud"},
        {"served_id": "a b"},
        {"reason": "she told me at the counter that"},
        {"event": "expire"},
        {"event": "publish"},
        {"event": "link"},
    ],
)
async def test_an_event_that_cannot_be_read_is_refused(site: Site, more: dict[str, Any]) -> None:
    """Closed lists and codes: nothing that names anybody fits into what is kept beside the evidence."""
    assert problem(await site.event(**more)) == (422, "invalid_request")
    assert site.fakes.ledger.events == []


async def test_a_yes_against_the_law_is_told_by_article(site: Site) -> None:
    """The detail has article and remedy."""
    answer = await site.event(age=12)
    assert problem(answer) == (422, "invalid_request")
    assert "GDPR 8(1): let a guardian say yes" in answer.json()["detail"]


async def test_an_outdated_notice_is_a_conflict(site: Site) -> None:
    """409, with the version to ask again on."""
    answer = await site.event(notice_version="7")
    assert problem(answer) == (409, "notice_outdated")
    assert "Version 1" in answer.json()["detail"]


async def test_a_service_passes_on_a_withdrawal_and_nothing_else(site: Site) -> None:
    """403 for a yes and for another's purpose, 200 for a no to its own."""
    assert problem(await site.event(AT_MAILER)) == (403, "access_denied")
    assert problem(await site.event(AT_MAILER, event="withdraw", purpose=ADS)) == (403, "purpose_not_registered")
    answer = await site.event(AT_MAILER, event="withdraw")
    assert (answer.status_code, answer.json()["state"]) == (200, "withdrawn")

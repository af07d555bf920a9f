"""Who is who, over HTTP: resolving, linking and unlinking identifiers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import httpx
import pytest
from tests.consents.fakes import MARIKO, FakeParts, make_parts
from tests.http.conftest import REQUESTER, World, client_of

from sekisho.consents import Consents
from sekisho.consents.linking import Linking
from sekisho.domain.terms import Requester
from sekisho.http.app import create_app

DESK = {"Authorization": "Bearer desk-token"}
PERSON = {"data_subject": "customer_id:17850"}
EMAIL = "email_sha256:" + "ab" * 32
PAIR = {"data_subjects": ["customer_id:17850", EMAIL]}


@pytest.fixture
def fakes() -> FakeParts:
    return make_parts()


@pytest.fixture
async def site(world: World, fakes: FakeParts) -> AsyncIterator[httpx.AsyncClient]:
    """The application over the real use case."""
    world.identity.requesters["desk-token"] = Requester("consent_desk", frozenset(), frozenset({"collection_point"}))
    consents = cast(Consents, SimpleNamespace(linking=Linking(fakes.parts)))
    async with client_of(create_app(replace(world.services, consents=consents)), **DESK) as opened:
        yield opened


async def test_a_person_is_resolved_to_an_id_that_says_nothing(site, fakes):
    """The id is no identifier and no number; a stranger is not found, without a word of the name."""
    await fakes.parts.registered(MARIKO)
    answer = await site.post("/v1/data-subjects:resolve", json=PERSON)
    assert answer.status_code == 200
    assert list(answer.json()) == ["id"]
    assert "17850" not in answer.text
    assert (await site.post("/v1/data-subjects:resolve", json=PERSON)).json() == answer.json()
    stranger = await site.post("/v1/data-subjects:resolve", json={"data_subject": "customer_id:4711"})
    assert (stranger.status_code, stranger.json()["code"]) == (404, "not_found")
    assert "4711" not in stranger.text


async def test_an_outsider_learns_nothing_of_anybody(site, fakes):
    """A service without the role gets the same refusal for customers and strangers, and makes nobody known."""
    await fakes.parts.registered(MARIKO)
    answers = set()
    for person in ("customer_id:17850", "customer_id:4711", EMAIL):
        for path, body in (
            (":resolve", {"data_subject": person}),
            (":link", {"data_subjects": [person, "customer_id:1"]}),
            (":unlink", {"data_subjects": [person, "customer_id:1"]}),
        ):
            answer = await site.post(f"/v1/data-subjects{path}", json=body, headers=REQUESTER)
            told = answer.json()
            told.pop("trace_id")
            answers.add((path.replace("un", ""), answer.status_code, tuple(sorted(told.items()))))
    assert len(answers) == 2
    assert {status for _, status, _ in answers} == {403}
    assert list(fakes.people.known) == [MARIKO]
    unauthenticated = await site.post("/v1/data-subjects:resolve", json=PERSON, headers={"Authorization": "Bearer x"})
    assert unauthenticated.status_code == 401


async def test_two_identifiers_are_linked_and_unlinked(site, fakes):
    """Both answer the sequence; the order of the two does not matter."""
    linked = await site.post("/v1/data-subjects:link", json=PAIR)
    assert (linked.status_code, linked.json()) == (200, {"seq": 1})
    unlinked = await site.post("/v1/data-subjects:unlink", json={"data_subjects": PAIR["data_subjects"][::-1]})
    assert (unlinked.status_code, unlinked.json()) == (200, {"seq": 2})
    assert [event.kind.value for event in fakes.ledger.events] == ["link", "unlink"]


@pytest.mark.parametrize(
    "people",
    [
        pytest.param(["customer_id:1"], id="one"),
        pytest.param(["customer_id:1", "customer_id:2", "customer_id:3"], id="three"),
        pytest.param(["customer_id:1", "customer_id:1"], id="same"),
        pytest.param(["customer_id:1", "Mariko"], id="no-kind"),
        pytest.param(["customer_id:1", "line_id:Mariko"], id="unknown-kind"),
        pytest.param("customer_id:1", id="text"),
    ],
)
async def test_what_is_no_pair_is_an_invalid_request(site, fakes, people):
    """Nothing is linked, and no identifier comes back."""
    for verb in ("link", "unlink"):
        answer = await site.post(f"/v1/data-subjects:{verb}", json={"data_subjects": people})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
        assert "Mariko" not in answer.text
    assert fakes.ledger.events == []

"""``/v1/me/disclosures``, ``/v1/me/requests`` and ``/v1/requests``: who may call what, and what is handed on."""

# ruff: noqa: D102 - each method does what its use case says

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from tests.http.conftest import AUDITOR, CUSTOMER, REQUESTER, World, client_of

from sekisho.domain.rights import RequestKind, RequestStatus
from sekisho.domain.terms import Requester
from sekisho.errors import AccessDenied, NotFound
from sekisho.http.app import create_app
from sekisho.ports import DataSubjectRef

NOTE = "電話は 090-1234-5678"
SUMMARY = {"id": "r1", "status": "received", "received_at": "2026-11-21T00:00:00Z", "due_at": "2026-12-21T00:00:00Z"}
MINE: list[tuple[str, str, object]] = [
    ("GET", "/v1/me/disclosures", None),
    ("GET", "/v1/me/requests", None),
    ("GET", "/v1/me/requests/r1", None),
    ("POST", "/v1/me/requests", {"kind": "access"}),
    ("POST", "/v1/me/requests", {"kind": 1}),
]
OFFICERS: list[tuple[str, str, object]] = [
    ("GET", "/v1/requests", None),
    ("GET", "/v1/requests/r1", None),
    ("POST", "/v1/requests/r1:close", {"outcome": "done"}),
]


@dataclass
class FakeRights:
    """Keeps calls; what an officer may is the use case's own question."""

    calls: list[tuple[object, ...]] = field(default_factory=list)

    async def disclosures(self, person: DataSubjectRef, cursor: str | None = None) -> dict[str, object]:
        self.calls.append(("disclosures", person, cursor))
        return {"items": [{"release_id": "a"}], "next_cursor": "a"}

    async def request(self, person: DataSubjectRef, kind: RequestKind, note: str | None = None) -> dict[str, object]:
        self.calls.append(("request", person, kind, note))
        return {**SUMMARY, "kind": kind.value}

    async def own_requests(self, person: DataSubjectRef) -> dict[str, object]:
        self.calls.append(("own_requests", person))
        return {"items": [SUMMARY]}

    async def own_request(self, person: DataSubjectRef, request_id: str) -> dict[str, object]:
        self.calls.append(("own_request", person, request_id))
        if request_id != "r1":
            raise NotFound("There is no such request.")
        return {**SUMMARY, "answer": {"datasets": "not_connected"}}

    async def requests(
        self, requester: Requester, status: RequestStatus | None = None, cursor: str | None = None
    ) -> dict[str, object]:
        self._officer(requester)
        self.calls.append(("requests", status, cursor))
        return {"items": [SUMMARY]}

    async def examine(self, requester: Requester, request_id: str) -> dict[str, object]:
        self._officer(requester)
        self.calls.append(("examine", request_id))
        return {**SUMMARY, "note": NOTE}

    async def close(
        self, requester: Requester, request_id: str, outcome: RequestStatus, message: str | None = None
    ) -> dict[str, object]:
        self._officer(requester)
        self.calls.append(("close", request_id, outcome, message))
        return {**SUMMARY, "status": outcome.value}

    def _officer(self, requester: Requester) -> None:
        if "privacy_officer" not in requester.roles:
            raise AccessDenied("Requests of people are for the privacy officer.")


OFFICER = {"Authorization": "Bearer officer-token"}
PERSON = DataSubjectRef("customer_id", "17850")


@pytest.fixture
def rights() -> FakeRights:
    return FakeRights()


@pytest.fixture
def app(world: World, rights: FakeRights) -> FastAPI:
    world.identity.requesters["officer-token"] = Requester("office", frozenset(), frozenset({"privacy_officer"}))
    consents = cast("Any", SimpleNamespace(rights=rights))
    return create_app(replace(world.services, consents=consents))


@pytest.fixture
async def client(app: FastAPI):
    async with client_of(app) as opened:
        yield opened


@pytest.mark.parametrize(("method", "path", "body"), MINE + OFFICERS)
async def test_without_a_token_nothing_answers(
    client: httpx.AsyncClient, rights: FakeRights, method: str, path: str, body: object
) -> None:
    """Every route asks who it is, before anything is done."""
    for headers in ({}, {"Authorization": "Bearer nobody"}):
        answer = await client.request(method, path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert rights.calls == []


@pytest.mark.parametrize(("method", "path", "body"), MINE)
async def test_a_service_is_no_person(
    client: httpx.AsyncClient, rights: FakeRights, method: str, path: str, body: object
) -> None:
    """Not even the privacy officer's token stands for a person."""
    for headers in (REQUESTER, AUDITOR, OFFICER):
        assert (await client.request(method, path, json=body, headers=headers)).status_code == 401
    assert rights.calls == []


@pytest.mark.parametrize(("method", "path", "body"), OFFICERS)
async def test_requests_of_people_are_for_the_privacy_officer(
    client: httpx.AsyncClient, rights: FakeRights, method: str, path: str, body: object
) -> None:
    """Other services are refused, a person's token is none."""
    statuses = [
        (await client.request(method, path, json=body, headers=headers)).status_code
        for headers in (REQUESTER, AUDITOR, CUSTOMER, OFFICER)
    ]
    assert statuses == [403, 403, 401, 200]
    assert len(rights.calls) == 1


async def test_a_person_asks_for_themselves(client: httpx.AsyncClient, rights: FakeRights) -> None:
    """The person is who the token says; a request is 201 with the day it is due."""
    asked = {"kind": "rectification", "note": NOTE}
    answer = await client.post("/v1/me/requests", json=asked, headers=CUSTOMER)
    assert (answer.status_code, answer.json()) == (201, {**SUMMARY, "kind": "rectification"})
    assert (await client.get("/v1/me/requests", headers=CUSTOMER)).json() == {"items": [SUMMARY]}
    one = (await client.get("/v1/me/requests/r1", headers=CUSTOMER)).json()
    assert one["answer"] == {"datasets": "not_connected"}
    page = (await client.get("/v1/me/disclosures?cursor=a", headers=CUSTOMER)).json()
    assert page == {"items": [{"release_id": "a"}], "next_cursor": "a"}
    missing = await client.get("/v1/me/requests/r2", headers=CUSTOMER)
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert rights.calls == [
        ("request", PERSON, RequestKind.RECTIFICATION, NOTE),
        ("own_requests", PERSON),
        ("own_request", PERSON, "r1"),
        ("disclosures", PERSON, "a"),
        ("own_request", PERSON, "r2"),
    ]


async def test_the_officer_lists_reads_and_closes(client: httpx.AsyncClient, rights: FakeRights) -> None:
    """Status and cursor narrow the list; outcome and message close."""
    await client.get("/v1/requests?status=received&cursor=r1", headers=OFFICER)
    await client.get("/v1/requests", headers=OFFICER)
    assert (await client.get("/v1/requests/r1", headers=OFFICER)).json()["note"] == NOTE
    closed = await client.post("/v1/requests/r1:close", json={"outcome": "refused", "message": "m"}, headers=OFFICER)
    assert closed.json()["status"] == "refused"
    assert rights.calls == [
        ("requests", RequestStatus.RECEIVED, "r1"),
        ("requests", None, None),
        ("examine", "r1"),
        ("close", "r1", RequestStatus.REFUSED, "m"),
    ]


@pytest.mark.parametrize(
    ("headers", "path", "body"),
    [
        (CUSTOMER, "/v1/me/requests", {}),
        (CUSTOMER, "/v1/me/requests", {"kind": "forget_me"}),
        (CUSTOMER, "/v1/me/requests", {"kind": "access", "data_subject": "customer_id:1"}),
        (CUSTOMER, "/v1/me/requests", {"kind": "access", "note": "x" * 5000}),
        (CUSTOMER, "/v1/me/requests", {"kind": "access", "note": 1}),
        (OFFICER, "/v1/requests/r1:close", {}),
        (OFFICER, "/v1/requests/r1:close", {"outcome": "received"}),
        (OFFICER, "/v1/requests/r1:close", {"outcome": "done", "message": ["x"]}),
    ],
)
async def test_bodies_are_checked(
    client: httpx.AsyncClient, rights: FakeRights, headers: dict[str, str], path: str, body: object
) -> None:
    """Unknown kinds, members and outcomes are refused without quoting them."""
    answer = await client.post(path, json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "forget_me" not in answer.text
    assert rights.calls == []


@pytest.mark.parametrize("query", ["status=lost", "status=received&status=done", "cursor=a&cursor=b"])
async def test_query_parameters_are_checked(client: httpx.AsyncClient, query: str) -> None:
    """A status that is none, and a parameter that stands twice, are refused."""
    answer = await client.get(f"/v1/requests?{query}", headers=OFFICER)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")

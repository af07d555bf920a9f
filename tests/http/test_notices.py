"""``/v1/notices`` and ``/v1/purposes`` over HTTP: who may call them, and what they answer."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from tests.consents.fakes import make_parts
from tests.http.conftest import AUDITOR, CUSTOMER, REQUESTER, client_of

from sekisho.consents import Consents
from sekisho.consents.notices import Notices
from sekisho.domain.notices import Change
from sekisho.domain.terms import Requester
from sekisho.http.app import create_app

OFFICER = {"Authorization": "Bearer officer-token"}
TEXTS = {"ja": "お知らせ <b>\r\n", "en": "Notice & more\n"}
DRAFT: dict[str, Any] = {"key": "terms", "change": "minor", "purposes": ["newsletter"], "texts": TEXTS}
WRITES = {
    "/v1/notices:draft": DRAFT,
    "/v1/notices:publish": {"key": "terms", "version": "2"},
    "/v1/notices:simulate": {"key": "terms", "version": "2"},
    "/v1/purposes": {"purpose": "newsletter", "change": "major", "facts": {"retention_days": 30}},
    "/v1/purposes:publish": {"purpose": "newsletter", "version": "1"},
    "/v1/purposes:simulate": {"purpose": "newsletter", "version": "1"},
}


@pytest.fixture
def fakes():
    return make_parts()


@pytest.fixture
async def client(world, fakes):
    world.identity.requesters["officer-token"] = Requester(
        "privacy_officer", frozenset(), frozenset({"privacy_officer"})
    )
    notices = Notices(fakes.parts, "Example Shop", "privacy@shop.example")
    consents = cast(Consents, SimpleNamespace(notices=notices))
    async with client_of(create_app(replace(world.services, consents=consents))) as opened:
        yield opened


async def post(client: httpx.AsyncClient, path: str, body: object, who: dict[str, str] = OFFICER) -> httpx.Response:
    return await client.post(path, json=body, headers=who)


async def test_anybody_may_read_the_notice_in_force(client):
    """Without a token, byte for byte, with a hash that the reader can check."""
    response = await client.get("/v1/notices/newsletter?locale=en")

    shown = response.json()
    assert response.status_code == 200
    assert (shown["key"], shown["version"], shown["locale"]) == ("notice", "1", "en")
    assert shown["sha256"] == hashlib.sha256(shown["text"].encode()).hexdigest()
    assert shown["controller"] == {"name": "Example Shop", "contact": "privacy@shop.example"}
    assert {fact["purpose"] for fact in shown["purposes"]} >= {"newsletter", "recommendation"}
    assert {
        "content_type", "change", "effective_from", "supersedes", "served_id", "in_force", "locales",
    } <= shown.keys()  # fmt: skip
    assert "etag" not in shown
    assert response.headers["content-language"] == "en"
    assert response.headers["cache-control"] == "no-cache"
    again = (await client.get("/v1/notices/notice?locale=en")).json()
    assert again.pop("served_id") != shown.pop("served_id")
    assert again == shown


async def test_what_was_shown_already_is_not_sent_again(client, fakes):
    """A reader who has this very text is told so; after a publication it is sent."""
    first = await client.get("/v1/notices/newsletter")
    tag = first.headers["etag"]
    assert tag.startswith(f'W/"{first.json()["sha256"]}.')
    for known in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        same = await client.get("/v1/notices/newsletter", headers={"If-None-Match": known})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    fakes.notices.show("newsletter", key="mail", change=Change.MINOR)
    assert (await client.get("/v1/notices/newsletter", headers={"If-None-Match": tag})).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v1/notices/nothing",
        "/v1/notices/notice?version=2",
        "/v1/notices/notice?version=x",
        "/v1/notices/terms",
        "/v1/notices/terms?version=2",
        "/v1/notices/..%2Fme",
    ],
)
async def test_what_was_never_published_is_not_found(client, path):
    """Unknown keys, versions and drafts are answered alike."""
    await post(client, "/v1/notices:draft", DRAFT)
    response = await client.get(path)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("query", ["locale=ja&locale=en", f"locale={'x' * 17}", f"version={'1' * 17}"])
async def test_a_query_that_cannot_be_meant_is_refused(client, query):
    """A parameter stands once, and is short."""
    response = await client.get(f"/v1/notices/notice?{query}")

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


async def test_a_notice_is_drafted_simulated_and_published(client):
    """The texts that are drafted are those that are shown, and versions are taken as they were answered."""
    drafted = (await post(client, "/v1/notices:draft", DRAFT)).json()
    assert (drafted["key"], drafted["version"], drafted["status"]) == ("terms", "2", "draft")
    for version in ("2", 2):
        effect = await post(client, "/v1/notices:simulate", {"key": "terms", "version": version})
        assert (effect.status_code, effect.json()["asked_again"]) == (200, 0)
    done = (await post(client, "/v1/notices:publish", {"key": "terms", "version": 2})).json()
    assert (done["status"], done["version"], done["seq"]) == ("published", "2", 0)

    shown = (await client.get("/v1/notices/newsletter")).json()
    assert (shown["text"], shown["version"], shown["locale"]) == (TEXTS["ja"], "2", "ja")
    items = (await client.get("/v1/notices", headers=AUDITOR)).json()["items"]
    assert [(item["key"], item["version"]) for item in items] == [("notice", "1"), ("terms", "2")]


async def test_facts_are_drafted_simulated_and_published(client):
    """What people are told of a purpose changes by versions; what is enforced is not taken."""
    drafted = (await post(client, "/v1/purposes", WRITES["/v1/purposes"])).json()
    assert (drafted["purpose"], drafted["version"], drafted["facts"]["retention_days"]) == ("newsletter", "1", 30)
    effect = (await post(client, "/v1/purposes:simulate", WRITES["/v1/purposes:simulate"])).json()
    assert effect["asked_again"] == 0
    refused = await post(client, "/v1/purposes", {"purpose": "newsletter", "change": "major", "facts": {"cells": []}})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")

    items = (await client.get("/v1/purposes", headers=AUDITOR)).json()["items"]
    newsletter = next(item for item in items if item["purpose"] == "newsletter")
    assert (newsletter["version"], newsletter["legal_basis"]) == (None, "consent")
    assert [version["status"] for version in newsletter["versions"]] == ["draft"]


@pytest.mark.parametrize("path", [*WRITES, "/v1/notices", "GET /v1/purposes"])
async def test_only_those_who_administer_may(client, path):
    """Without a token, with a customer's, or without the role: refused, and nothing changes."""
    method = "GET" if path not in WRITES else "POST"
    path, body = path.removeprefix("GET "), WRITES.get(path)

    async def status(headers: dict[str, str]) -> tuple[int, str]:
        response = await client.request(method, path, json=body, headers=headers)
        return response.status_code, response.json()["code"]

    assert await status({}) == await status(CUSTOMER) == (401, "unauthenticated")
    assert await status(REQUESTER) == (403, "access_denied")
    if method == "POST":
        assert await status(AUDITOR) == (403, "access_denied")
    assert len((await client.get("/v1/notices", headers=OFFICER)).json()["items"]) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"change": "huge"},
        {"texts": {"ja": "x"}},
        {"texts": {"ja": "x", "en": ""}},
        {"texts": {"ja": "x", "en": "a\u0000b"}},
        {"texts": {}},
        {"purposes": []},
        {"key": "Terms"},
        {"extra": 1},
    ],
    ids=str,
)
async def test_a_draft_that_cannot_be_read_is_refused(client, change):
    """With a fault that names the member and never repeats the words."""
    response = await post(client, "/v1/notices:draft", {**DRAFT, **change})

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert "お知らせ" not in response.text

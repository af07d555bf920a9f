"""Webhooks over HTTP: nobody's but their owner's, and a secret that is told once."""

# ruff: noqa: PLC0414 - the fixture is handed over by name

from __future__ import annotations

import pytest
from tests.http.conftest import client_of
from tests.http.feed_site import AUDITOR, MAILER, OFFICER, RECOMMENDER, URL, Site
from tests.http.feed_site import site as site


async def test_a_webhook_is_made_listed_and_deleted(site: Site) -> None:
    """The secret is told at the making and stands in nothing after it."""
    async with client_of(site.app, **MAILER) as client:
        made = await client.post("/v1/webhooks", json={"url": URL})
        assert made.status_code == 201
        secret = made.json()["secret"]
        assert secret.startswith("whsec_")
        webhook = made.json()["id"]
        listed = await client.get("/v1/webhooks")
        assert listed.json()["items"] == [{k: v for k, v in made.json().items() if k != "secret"}]
        assert secret not in listed.text
        evidence = await client.get(f"/v1/webhooks/{webhook}/deliveries", params={"limit": 2})
        assert evidence.json()["items"][0] == {
            "seq": 1, "status": "delivered", "attempts": 1, "delivered_at": "2026-11-21T00:00:00Z", "response": 200,
        }  # fmt: skip
        rest = await client.get(
            f"/v1/webhooks/{webhook}/deliveries",
            params={"limit": 2, "cursor": evidence.json()["next_cursor"], "status": "delivered"},
        )
        assert [item["seq"] for item in rest.json()["items"]] == [3]
        assert "next_cursor" not in rest.json()
        assert (await client.post(f"/v1/webhooks/{webhook}:replay", json={"after_seq": 1})).status_code == 202
        assert site.outbox.replayed == [1]
        assert (await client.post(f"/v1/webhooks/{webhook}:pause")).json() == {"id": webhook, "paused": True}
        assert (await client.post(f"/v1/webhooks/{webhook}:resume", json={})).json()["paused"] is False
        assert (await client.delete(f"/v1/webhooks/{webhook}")).status_code == 204
        assert (await client.get("/v1/webhooks")).json() == {"items": []}
    kinds = [record["kind"] for record in site.fakes.audit.records]
    assert kinds == ["webhook.create", "webhook.replay", "webhook.pause", "webhook.resume", "webhook.delete"]
    assert site.fakes.audit.records[0]["host"] == "receiver.example"
    assert secret not in str(site.fakes.audit.records)
    assert "key-of-the-receiver" not in str(site.fakes.audit.records)


async def test_anothers_webhook_does_not_exist(site: Site) -> None:
    """Every call on another service's webhook is answered like one on none; the privacy officer sees it."""
    async with client_of(site.app, **MAILER) as client:
        webhook = (await client.post("/v1/webhooks", json={"url": URL})).json()["id"]
    calls: list[tuple[str, str, object]] = [
        ("DELETE", "", None),
        ("GET", "/deliveries", None),
        ("POST", ":replay", {"after_seq": 0}),
        ("POST", ":pause", {}),
        ("POST", ":resume", {}),
    ]
    async with client_of(site.app, **RECOMMENDER) as client:
        for method, tail, body in calls:
            answers = []
            for name in (webhook, "01890000-0000-7000-8000-000000000000"):
                response = await client.request(method, f"/v1/webhooks/{name}{tail}", json=body)
                assert response.status_code == 404
                answers.append({k: v for k, v in response.json().items() if k != "trace_id"})
            assert answers[0] == answers[1]
        assert (await client.get("/v1/webhooks")).json() == {"items": []}
    async with client_of(site.app, **OFFICER) as client:
        assert [item["id"] for item in (await client.get("/v1/webhooks")).json()["items"]] == [webhook]
        assert (await client.get(f"/v1/webhooks/{webhook}/deliveries")).status_code == 200
    async with client_of(site.app, **AUDITOR) as client:
        assert (await client.get("/v1/webhooks")).status_code == 403
        assert (await client.post("/v1/webhooks", json={"url": URL})).status_code == 403


@pytest.mark.parametrize(
    "body",
    [{}, {"url": ""}, {"url": 1}, {"url": "http://receiver.example/"}, {"url": URL, "secret": "x"}],
    ids=["nothing", "empty", "number", "http", "more"],
)
async def test_a_webhook_that_cannot_be_is_refused_without_its_words(site: Site, body: dict[str, object]) -> None:
    """The answer names the fault and repeats nothing of the URL."""
    async with client_of(site.app, **MAILER) as client:
        response = await client.post("/v1/webhooks", json=body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert "receiver" not in response.text
    assert site.outbox.known == {}
    assert site.fakes.audit.records == []

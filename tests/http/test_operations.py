"""Health, metrics, keys, documentation, and the headers on everything."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import httpx
import pytest
from tests.http.conftest import QUERY, REQUESTER, World, client_of

from sekisho.http.app import create_app
from sekisho.http.services import HttpSettings

SECURITY = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


async def test_every_response_has_the_security_headers(client: httpx.AsyncClient) -> None:
    """Answers, problems and operations carry the same headers, and no server name."""
    for method, path in [("GET", "/health/live"), ("GET", "/nowhere"), ("POST", "/v1/query"), ("GET", "/metrics")]:
        response = await client.request(method, path)
        shown = {name: response.headers[name] for name in SECURITY}
        assert shown == SECURITY
        assert "server" not in response.headers
        assert re.fullmatch("[0-9a-f]{32}", response.headers["sekisho-trace-id"])


async def test_live_and_ready(client: httpx.AsyncClient) -> None:
    """A process that runs is live; one whose parts all answer is ready."""
    assert (await client.get("/health/live")).json() == {"status": "live"}
    assert (await client.get("/health/ready")).json() == {"status": "ready", "checks": {"audit": "ok"}}


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ("policy", "policy_unavailable"),
        ("audit", "audit_unavailable"),
        ("consent", "consent_unavailable"),
        ("store:crm", "store_unavailable"),
    ],
)
async def test_a_part_that_fails_makes_the_service_unready(world: World, part: str, code: str) -> None:
    """No, an exception and no answer in time all count as failed, and the code names the part."""

    async def no() -> bool:
        return False

    async def raises() -> bool:
        raise RuntimeError("secret")

    async def hangs() -> bool:
        await asyncio.sleep(60)
        return True

    for probe in (no, raises, hangs):
        settings = HttpSettings(health_timeout=0.02)
        app = create_app(
            replace(world.services, health={"fine": world.audit.healthy, part: probe}, settings=settings)
        )
        async with client_of(app) as client:
            response = await client.get("/health/ready")
        assert (response.status_code, response.json()["code"]) == (503, code)
        assert response.json()["checks"] == {"fine": "ok", part: "failed"}
        assert "retry-after" in response.headers
        assert "secret" not in response.text


async def test_metrics_have_bounded_labels(world: World, client: httpx.AsyncClient) -> None:
    """Requests count by route template and code; names in paths never become labels."""
    await client.post("/v1/query", json=QUERY, headers=REQUESTER)
    await client.get("/v1/datasets/secret-name", headers=REQUESTER)
    await client.get("/secret-path")
    response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    assert 'sekisho_http_requests_total{code="ok",route="/v1/query",status="200"} 1.0' in response.text
    assert 'code="not_found",route="/v1/datasets/{name}",status="404"} 1.0' in response.text
    assert 'route="unmatched"' in response.text
    assert 'sekisho_released_rows_total{format="json"} 3.0' in response.text
    assert "secret" not in response.text


async def test_two_applications_count_apart(world: World) -> None:
    """Metrics belong to an application, not to the process."""
    from sekisho.http.metrics import Metrics

    other = create_app(replace(world.services, metrics=Metrics()))
    async with client_of(world.app) as one, client_of(other) as two:
        await one.get("/health/live")
        assert "/health/live" not in (await two.get("/metrics")).text


async def test_public_keys_may_be_cached(client: httpx.AsyncClient) -> None:
    """The key set is public and says for how long it may be kept."""
    response = await client.get("/.well-known/jwks.json")
    assert response.json()["keys"][0]["kid"] == "k1"
    assert response.headers["cache-control"] == "public, max-age=300"


async def test_docs_need_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    """``/docs`` lists every operation, without scripts and other hosts, under a policy that allows its style."""
    page = await client.get("/docs")
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert all(path.replace("{", "{") in page.text for path in paths)
    assert "<script" not in page.text
    assert not re.search(r"(src|href)=\"(https?:)?//", page.text)
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[^']+'; frame-ancestors 'none'; base-uri 'none'",
        page.headers["content-security-policy"],
    )
    import base64
    import hashlib

    style = page.text.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert digest in page.headers["content-security-policy"]


async def test_global_privacy_control_is_declared(client: httpx.AsyncClient) -> None:
    """The well-known document says that the signal is heeded, and since when."""
    said = (await client.get("/.well-known/gpc.json")).json()
    assert said["gpc"] is True
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", said["lastUpdate"])


async def test_openapi_knows_the_contract(client: httpx.AsyncClient) -> None:
    """The generated document has every path of this part, bodies, and problems instead of echoes."""
    document = (await client.get("/openapi.json")).json()
    operations = {(method, path) for path, item in document["paths"].items() for method in item}
    assert operations == {
        ("get", "/.well-known/gpc.json"),
        ("get", "/.well-known/jwks.json"),
        ("get", "/health/live"),
        ("get", "/health/ready"),
        ("get", "/metrics"),
        ("get", "/v1/audit/checkpoint"),
        ("post", "/v1/audit/exports"),
        ("get", "/v1/catalog/columns"),
        ("get", "/v1/catalog/columns/{column_id}/reviews"),
        ("post", "/v1/catalog/columns/{column_id}:review"),
        ("post", "/v1/catalog/scans"),
        ("get", "/v1/catalog/scans/{scan_id}"),
        ("get", "/v1/audit/exports/{export_id}"),
        ("get", "/v1/audit/exports/{export_id}/files/{name}"),
        ("get", "/v1/audit/consistency"),
        ("get", "/v1/audit/records/{record_id}"),
        ("get", "/v1/audit/records/{record_id}/proof"),
        ("post", "/v1/audit/records:search"),
        ("get", "/v1/consents/changes"),
        ("post", "/v1/consents/events"),
        ("post", "/v1/consents:check"),
        ("post", "/v1/consents:filter"),
        ("post", "/v1/consents:import"),
        ("get", "/v1/data-subjects/{subject_id}/consents"),
        ("post", "/v1/data-subjects:link"),
        ("post", "/v1/data-subjects:resolve"),
        ("post", "/v1/data-subjects:unlink"),
        ("get", "/v1/datasets"),
        ("get", "/v1/datasets/{name}"),
        ("get", "/v1/me/consents"),
        ("post", "/v1/me/consents"),
        ("post", "/v1/me/consents/{purpose}:withdraw"),
        ("post", "/v1/me/consents:withdraw-all"),
        ("get", "/v1/me/disclosures"),
        ("get", "/v1/me/history"),
        ("get", "/v1/me/receipts/{receipt_id}"),
        ("post", "/v1/me/requests"),
        ("get", "/v1/me/requests"),
        ("get", "/v1/me/requests/{request_id}"),
        ("post", "/v1/me/session:confirm"),
        ("post", "/v1/me/session:end"),
        ("get", "/v1/me/session:oidc"),
        ("get", "/v1/me/session:oidc-callback"),
        ("post", "/v1/me/session:request"),
        ("get", "/v1/notices"),
        ("get", "/v1/notices/{key}"),
        ("post", "/v1/notices:draft"),
        ("post", "/v1/notices:publish"),
        ("post", "/v1/notices:simulate"),
        ("post", "/v1/policy:simulate"),
        ("get", "/v1/grants"),
        ("post", "/v1/grants/{grant_id}:revoke"),
        ("post", "/v1/keys:rotate"),
        ("post", "/v1/pseudonyms:detokenise"),
        ("get", "/v1/purposes"),
        ("post", "/v1/purposes"),
        ("post", "/v1/purposes:publish"),
        ("post", "/v1/purposes:simulate"),
        ("post", "/v1/query"),
        ("post", "/v1/query:explain"),
        ("get", "/v1/provision-records"),
        ("post", "/v1/provision-records:search"),
        ("get", "/v1/provision-records/{record_id}"),
        ("get", "/v1/ropa"),
        ("get", "/v1/audit/reports/{month}"),
        ("get", "/v1/requests"),
        ("get", "/v1/requests/{request_id}"),
        ("post", "/v1/requests/{request_id}:close"),
        ("get", "/v1/views"),
        ("get", "/v1/views/{name}"),
        ("post", "/v1/views/{name}:read"),
        ("post", "/v1/webhooks"),
        ("get", "/v1/webhooks"),
        ("delete", "/v1/webhooks/{webhook_id}"),
        ("get", "/v1/webhooks/{webhook_id}/deliveries"),
        ("post", "/v1/webhooks/{webhook_id}:pause"),
        ("post", "/v1/webhooks/{webhook_id}:replay"),
        ("post", "/v1/webhooks/{webhook_id}:resume"),
    }
    body = document["paths"]["/v1/query"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["purpose", "sql"]
    search = document["paths"]["/v1/audit/records:search"]["post"]["requestBody"]
    assert {"from", "to"} <= set(search["content"]["application/json"]["schema"]["properties"])
    assert "HTTPValidationError" not in str(document)
    parameters = document["paths"]["/v1/datasets/{name}"]["get"]["parameters"]
    assert [p["name"] for p in parameters] == ["name"]

"""Every error is a problem with a stable code, and quotes nothing of the request."""

from __future__ import annotations

import asyncio
import contextlib
import json

import httpx
import orjson
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message
from tests.http.conftest import AUDITOR, CUSTOMER, QUERY, REQUESTER, World, client_of

from sekisho import errors
from sekisho.errors import (
    AccessDenied,
    ConsentUnavailable,
    InvalidRequest,
    RateLimited,
    SekishoError,
    TamperedLog,
)
from sekisho.http.bodies import QUERY as ADAPTER
from sekisho.http.bodies import QueryBody, read_body
from sekisho.http.problems import STATUS

CANARY = "canary-7f3a-山田花子"

CONTRACT = {
    401: {"unauthenticated"},
    403: {"purpose_not_registered", "access_denied", "column_denied"},
    404: {"not_found"},
    409: {"idempotency_conflict", "notice_outdated"},
    422: {
        "statement_refused", "masked_column_use", "aggregate_required", "unknown_purpose", "unknown_dataset",
        "unknown_column", "invalid_request",
    },
    429: {"budget_exhausted", "rate_limited"},
    500: {"internal_error"},
    503: {
        "policy_unavailable", "audit_unavailable", "consent_unavailable", "store_unavailable", "mail_unavailable",
        "keys_unavailable",
    },
}  # fmt: skip


def leaves(cls: type[SekishoError]) -> list[type[SekishoError]]:
    """Return the classes of the tree without subclasses."""
    below = cls.__subclasses__()
    return [leaf for sub in below for leaf in leaves(sub)] if below else [cls]


REQUEST_ERRORS = [leaf for leaf in leaves(errors.SekishoError) if leaf.code in STATUS]


def test_codes_have_the_statuses_of_the_contract() -> None:
    """The table of statuses is the contract's, and every error of a request is in it."""
    assert {status: {c for c, s in STATUS.items() if s == status} for status in CONTRACT} == CONTRACT
    offline = {leaf.code for leaf in leaves(errors.SekishoError)} - set(STATUS)
    assert offline == {"workspace_invalid", "audit_tampered"}


@pytest.mark.parametrize("error", REQUEST_ERRORS, ids=lambda e: e.code)
async def test_each_error_is_a_problem(world: World, client: httpx.AsyncClient, error) -> None:
    """An error of the gateway becomes problem+json with its status, code, detail and reasons."""
    world.gateway.error = error("A sentence that helps.", reasons=("why",))
    response = await client.post("/v1/query", json=QUERY, headers=REQUESTER)
    problem = response.json()
    assert response.status_code == STATUS[error.code]
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["trace_id"] == response.headers["sekisho-trace-id"]
    if error.code != "unauthenticated":  # the gateway never raises it; identity does
        assert problem["detail"] == "A sentence that helps."
    assert problem == {
        "type": f"urn:sekisho:problem:{error.code}",
        "title": error.title,
        "status": STATUS[error.code],
        "code": error.code,
        "detail": problem["detail"],
        "reasons": ["why"],
        "trace_id": problem["trace_id"],
    }
    assert ("retry-after" in response.headers) == (response.status_code == 503 or error.code == "rate_limited")
    assert ("www-authenticate" in response.headers) == (response.status_code == 401)


@pytest.mark.parametrize("error", [RuntimeError(CANARY), TamperedLog(CANARY), KeyError(CANARY)])
async def test_an_unexpected_error_says_nothing(world: World, client: httpx.AsyncClient, error) -> None:
    """What nobody foresaw is a 500 without detail; the log has its class and the trace id only."""
    world.gateway.error = error
    with structlog.testing.capture_logs() as logs:
        response = await client.post("/v1/query", json=QUERY, headers=REQUESTER)
    assert response.status_code == 500
    assert set(response.json()) == {"type", "title", "status", "code", "trace_id"}
    assert response.json()["code"] == "internal_error"
    assert logs == [
        {
            "event": "unexpected_error",
            "log_level": "error",
            "error": type(error).__name__,
            "trace_id": response.headers["sekisho-trace-id"],
        }
    ]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/v1/query"), ("POST", "/v1/datasets"), ("GET", "/v1/datasets/"), ("GET", "/v2/x")],
)
async def test_what_does_not_exist_is_not_found(client: httpx.AsyncClient, method: str, path: str) -> None:
    """Unknown paths and wrong methods are the same ``not_found``."""
    response = await client.request(method, path, headers=REQUESTER)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


BAD_BODIES = [
    b"",
    b"null",
    b"[]",
    b"{",
    b'{"purpose": "recommendation"}',
    b'{"purpose": 5, "sql": "SELECT 1"}',
    b'{"purpose": "p", "sql": ""}',
    b'{"purpose": "p", "sql": "S", "max_rows": 0}',
    b'{"purpose": "p", "sql": "S", "max_rows": "5"}',
    b'{"purpose": "p", "sql": "S", "max_rows": true}',
    b'{"purpose": "p", "sql": "S", "parameters": [{}]}',
    b'{"purpose": "p", "sql": "S", "parameters": [NaN]}',
    b'{"purpose": "p", "sql": "S", "parameters": [1e400]}',
    b'{"purpose": "p", "sql": "S", "parameters": [%d]}' % 2**70,
    b'{"purpose": "p", "sql": "\\ud800"}',
    b'{"purpose": "p", "sql": "S", "unknown": 1}',
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"purpose": "p", "sql": "S", "parameters": ' + b"[" * 200 + b"]" * 200 + b"}",
]


@pytest.mark.parametrize("path", ["/v1/query", "/v1/query:explain"])
@pytest.mark.parametrize("body", BAD_BODIES, ids=lambda b: repr(b[:40]))
async def test_a_body_that_cannot_be_read_is_invalid(client: httpx.AsyncClient, path: str, body: bytes) -> None:
    """Missing, wrong, unknown, too deep, not JSON: always ``invalid_request``, never a 500."""
    response = await client.post(path, content=body, headers=REQUESTER)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


async def test_a_fault_names_its_place(client: httpx.AsyncClient) -> None:
    """The detail names members of the contract and kinds of faults."""
    body = {"sql": CANARY, "max_rows": CANARY, CANARY: CANARY, "parameters": [[CANARY]]}
    response = await client.post("/v1/query", json=body, headers=REQUESTER)
    detail = response.json()["detail"]
    assert "purpose: missing" in detail
    assert "max_rows: int type" in detail
    assert "extra forbidden" in detail
    assert CANARY not in response.text


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data"])
async def test_only_json_is_read(client: httpx.AsyncClient, content_type: str) -> None:
    """A body of another type is refused before it is read."""
    response = await client.post(
        "/v1/query", content=orjson.dumps(QUERY), headers={**REQUESTER, "Content-Type": content_type}
    )
    assert response.json()["code"] == "invalid_request"


async def test_a_body_of_ten_megabytes_is_refused(world: World, client: httpx.AsyncClient) -> None:
    """A body over 1 MiB is ``invalid_request``, with its length announced or not, and on any route."""

    async def chunks():
        for _ in range(160):
            yield b" " * 65_536

    announced = await client.post("/v1/query", content=b" " * 10_000_000, headers=REQUESTER)
    chunked = await client.post("/v1/query", content=chunks(), headers=REQUESTER)
    nowhere = await client.post("/nowhere", content=b" " * 10_000_000)
    for response in (announced, chunked, nowhere):
        assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
        assert "1048576 bytes" in response.json()["detail"]
        assert response.headers["x-content-type-options"] == "nosniff"
    assert world.gateway.asked == []


@pytest.mark.parametrize("length", ["-1", "1e9", "9" * 30, "abc"])
async def test_a_length_that_is_no_number_is_refused(client: httpx.AsyncClient, length: str) -> None:
    """A Content-Length that cannot be read counts as too long."""
    response = await client.get("/health/live", headers={"Content-Length": length})
    assert response.json()["code"] == "invalid_request"


CANARY_REQUESTS = [
    ("POST", "/v1/query", {"purpose": CANARY, "sql": CANARY, "parameters": [CANARY]}),
    ("POST", "/v1/query", {"purpose": {CANARY: CANARY}, "sql": [CANARY], CANARY: 1}),
    ("POST", "/v1/consents:check", {"items": [{"data_subject": CANARY, "purpose": CANARY}]}),
    ("POST", "/v1/consents:check", {"items": [{"data_subject": "x:" + CANARY, "purpose": "p", "scope": CANARY}]}),
    ("POST", "/v1/consents:check", {"items": [{"data_subject": "x:1", "purpose": "p", "scope": {CANARY: 1}}]}),
    ("POST", "/v1/consents/events", {"data_subject": f"x:{CANARY}", "purpose": CANARY, "event": CANARY}),
    ("POST", "/v1/consents/events", {"data_subject": "x:1", "purpose": "p", "event": "canary", "method": "api"}),
    ("POST", "/v1/audit/records:search", {"from": CANARY, "cursor": CANARY, "data_subject": CANARY}),
    ("POST", "/v1/audit/records:search", {"cursor": CANARY}),
    ("GET", f"/v1/datasets/{CANARY}", None),
    ("GET", f"/v1/views/{CANARY}", None),
    ("POST", f"/v1/views/{CANARY}:read", {"purpose": CANARY}),
    ("GET", f"/v1/audit/records/{CANARY}", None),
    ("GET", f"/{CANARY}", None),
    ("POST", f"/v1/me/consents/{CANARY}:withdraw", {"scope": {CANARY: [CANARY]}, CANARY: 1}),
    ("GET", f"/v1/me/consents?min_seq={CANARY}", None),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), CANARY_REQUESTS, ids=lambda v: str(v)[:30])
async def test_a_problem_never_quotes_the_request(world: World, method: str, path: str, body: object) -> None:
    """A value planted in path, query, header or body comes back in no problem and no log."""
    world.gateway.error = AccessDenied("The policy says no.")
    who = CUSTOMER if "/me/" in path else AUDITOR if "audit" in path else REQUESTER
    with structlog.testing.capture_logs() as logs:
        async with client_of(world.app, **who) as client:
            response = await client.request(
                method, path, json=body, headers={"X-Canary": "canary-7f3a", "traceparent": "canary-7f3a"}
            )
    assert response.status_code >= 400
    shown = response.text + str(response.headers) + str(logs)
    assert "canary" not in shown
    assert "山田" not in shown


async def test_a_trace_id_is_taken_from_a_valid_traceparent_only(client: httpx.AsyncClient) -> None:
    """A caller's W3C trace id is kept; anything else is replaced by a fresh one."""
    theirs = "4bf92f3577b34da6a3ce929d0e0e4736"
    valid = await client.get("/nowhere", headers={"traceparent": f"00-{theirs}-00f067aa0ba902b7-01"})
    zeros = await client.get("/nowhere", headers={"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"})
    assert valid.json()["trace_id"] == theirs
    assert zeros.json()["trace_id"] not in {theirs, "0" * 32}


@settings(max_examples=40, deadline=None)
@given(
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    )
)
def test_no_json_makes_the_query_route_fail(body: object) -> None:
    """Whatever JSON comes, reading it ends in a body or in ``InvalidRequest``."""
    content = json.dumps(body).encode()

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    with contextlib.suppress(InvalidRequest):
        assert isinstance(asyncio.run(read_body(request, ADAPTER)), QueryBody)


async def test_errors_that_may_pass_say_when_to_ask_again(world: World, client: httpx.AsyncClient) -> None:
    """Unavailable and rate-limited answers carry Retry-After."""
    for error in (ConsentUnavailable("later"), RateLimited("slow down")):
        world.gateway.error = error
        response = await client.post("/v1/query", json=QUERY, headers=REQUESTER)
        assert response.headers["retry-after"] == "1"

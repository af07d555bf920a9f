"""Each role at each address, and customers who name somebody else (broken object level authorisation)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
from tests.attacks.consent_house import PURPOSE, REQUESTERS, House, email_hash, open_house

from sekisho.consents.opaque import OpaqueIds
from sekisho.domain.terms import SubjectNumber

SERVICE = frozenset({"service"})
OFFICER = frozenset({"officer"})
SEES_ALL = frozenset({"desk", "officer"})
FOLLOWS = frozenset({"service", "relay", "desk", "officer"})
ANYBODY = frozenset(REQUESTERS)
NOBODY: frozenset[str] = frozenset()
WILLING = f"email_sha256:{email_hash('willing')}"
PAIR = {"data_subjects": [WILLING, f"email_sha256:{email_hash('refused')}"]}
TEXTS = {"ja": "お知らせ", "en": "A notice"}
SOMETHING = "0190c0de-0000-7000-8000-0000000000ff"


class Row(NamedTuple):
    """One call: the route as the document spells it, the address, the body, and whose call is served."""

    method: str
    route: str
    served: frozenset[str]
    body: object = None
    path: str | None = None


def event(kind: str, purpose: str) -> dict[str, object]:
    return {"data_subject": WILLING, "purpose": purpose, "event": kind, "method": "paper"}


def asked(purpose: str) -> dict[str, object]:
    return {"items": [{"data_subject": WILLING, "purpose": purpose}]}


QUERY = {"purpose": PURPOSE, "sql": "SELECT 1"}
DRAFT = {"key": "notice", "change": "minor", "purposes": [PURPOSE], "texts": TEXTS}
VERSION = {"key": "notice", "version": 1}
FACTS = {"purpose": PURPOSE, "change": "minor", "facts": {"dpv": "dpv:Marketing"}}
HOOK = "/v1/webhooks/{webhook_id}"

ROWS = [
    # Whose data leaves is decided by policy, purpose by purpose (tests/gateway); here anybody registered may ask.
    Row("POST", "/v1/query", ANYBODY, QUERY),
    Row("POST", "/v1/query:explain", ANYBODY, QUERY),
    Row("GET", "/v1/datasets", ANYBODY),
    Row("GET", "/v1/datasets/{name}", NOBODY),
    Row("GET", "/v1/views", ANYBODY),
    Row("GET", "/v1/views/{name}", NOBODY),
    Row("POST", "/v1/views/{name}:read", NOBODY, {"purpose": PURPOSE}),
    Row("POST", "/v1/consents:check", SERVICE | SEES_ALL, asked(PURPOSE)),
    Row("POST", "/v1/consents:check", SEES_ALL, asked("newsletter")),
    Row("POST", "/v1/consents:check", SERVICE | SEES_ALL, {**asked(PURPOSE), "valid_at": "2026-01-01T00:00:00Z"}),
    Row("POST", "/v1/consents:check", SEES_ALL, {**asked("newsletter"), "known_at": "2026-01-01T00:00:00Z"}),
    Row("POST", "/v1/consents:filter", SERVICE | SEES_ALL, {"purpose": PURPOSE, "data_subjects": [WILLING]}),
    Row("POST", "/v1/consents:filter", SEES_ALL, {"purpose": "newsletter", "data_subjects": [WILLING]}),
    Row("POST", "/v1/consents/events", SEES_ALL, event("give", PURPOSE)),
    Row("POST", "/v1/consents/events", SEES_ALL, event("refuse", PURPOSE)),
    Row("POST", "/v1/consents/events", FOLLOWS, event("withdraw", PURPOSE)),
    Row("POST", "/v1/consents/events", FOLLOWS - SERVICE, event("object", "newsletter")),
    Row("POST", "/v1/consents:import", frozenset({"desk"}), {}),
    Row("GET", "/v1/consents/changes", FOLLOWS),
    Row("POST", "/v1/webhooks", FOLLOWS, {"url": "https://hooks.shop.example/consent"}),
    Row("GET", "/v1/webhooks", FOLLOWS),
    Row("DELETE", HOOK, NOBODY),
    Row("GET", f"{HOOK}/deliveries", NOBODY),
    Row("POST", f"{HOOK}:replay", NOBODY, {"after_seq": 0}),
    Row("POST", f"{HOOK}:pause", NOBODY, {}),
    Row("POST", f"{HOOK}:resume", NOBODY, {}),
    Row("POST", "/v1/data-subjects:resolve", SEES_ALL, {"data_subject": WILLING}),
    Row("POST", "/v1/data-subjects:link", SEES_ALL, PAIR),
    Row("POST", "/v1/data-subjects:unlink", SEES_ALL, PAIR),
    Row("GET", "/v1/data-subjects/{subject_id}/consents", SEES_ALL),
    Row("GET", "/v1/notices", SEES_ALL | {"auditor"}),
    Row("POST", "/v1/notices:draft", OFFICER, DRAFT),
    Row("POST", "/v1/notices:publish", OFFICER, VERSION),
    Row("POST", "/v1/notices:simulate", OFFICER, VERSION),
    Row("GET", "/v1/purposes", SEES_ALL | {"auditor"}),
    Row("POST", "/v1/purposes", OFFICER, FACTS),
    Row("POST", "/v1/purposes:publish", OFFICER, {"purpose": PURPOSE, "version": 1}),
    Row("POST", "/v1/purposes:simulate", OFFICER, {"purpose": PURPOSE, "version": 1}),
    Row("POST", "/v1/policy:simulate", OFFICER, {"requests": "recorded"}),
    Row("GET", "/v1/grants", OFFICER),
    Row("POST", "/v1/grants/{grant_id}:revoke", NOBODY, {}),  # no grant was given in this house
    # Neither is there in this house: who may is told so, who may not is told that.
    Row("POST", "/v1/keys:rotate", NOBODY, {}),
    Row(
        "POST",
        "/v1/pseudonyms:detokenise",
        NOBODY,
        {"purpose": PURPOSE, "received_by": "marketer", "received_for": PURPOSE, "pseudonyms": ["0" * 32]},
    ),
    Row("GET", "/v1/requests", OFFICER),
    Row("GET", "/v1/requests/{request_id}", NOBODY),
    Row("POST", "/v1/requests/{request_id}:close", NOBODY, {"outcome": "done"}),
    Row("GET", "/v1/provision-records", OFFICER | {"auditor"}),
    Row("POST", "/v1/provision-records:search", OFFICER | {"auditor"}, {"data_subject": WILLING}),
    Row("GET", "/v1/provision-records/{record_id}", NOBODY),
    Row("GET", "/v1/ropa", OFFICER | {"auditor"}),
    Row("GET", "/v1/audit/reports/{month}", OFFICER | {"auditor"}),
    Row("POST", "/v1/audit/records:search", OFFICER | {"auditor"}, {}),
    Row("GET", "/v1/audit/records/{record_id}", NOBODY),
    Row("GET", "/v1/audit/records/{record_id}/proof", NOBODY),
    Row("GET", "/v1/audit/checkpoint", OFFICER | {"auditor"}),
    Row("GET", "/v1/audit/consistency", OFFICER | {"auditor"}),
    # Nothing is scanned in this house.
    Row("POST", "/v1/catalog/scans", NOBODY, {}),
    Row("GET", "/v1/catalog/scans/{scan_id}", NOBODY),
    Row("GET", "/v1/catalog/columns", NOBODY),
    Row("GET", "/v1/catalog/columns/{column_id}/reviews", NOBODY),
    Row("POST", "/v1/catalog/columns/{column_id}:review", NOBODY, {"decision": "confirm"}),
    # There is no folder of exports in this house: who may ask is told so, who may not is not even told that.
    Row("POST", "/v1/audit/exports", NOBODY, {"format": "raw"}),
    Row("GET", "/v1/audit/exports/{export_id}", NOBODY),
    Row("GET", "/v1/audit/exports/{export_id}/files/{name}", NOBODY),
]
PUBLIC = {
    ("GET", "/v1/notices/{key}"),
    ("POST", "/v1/me/session:request"),
    ("POST", "/v1/me/session:confirm"),
    ("POST", "/v1/me/session:end"),
    ("GET", "/v1/me/session:oidc"),
    ("GET", "/v1/me/session:oidc-callback"),
}
"""Addresses for whoever comes: what people are asked, and the ways of signing in and out."""


@pytest.fixture
async def house() -> AsyncIterator[House]:
    opened = await open_house()
    yield opened
    await opened.client.aclose()


def routes(house: House) -> set[tuple[str, str]]:
    """Return every method and address of version 1."""
    paths = house.app.openapi()["paths"].items()
    return {(method.upper(), path) for path, methods in paths for method in methods if path.startswith("/v1/")}


def address(house: House, row: Row) -> str:
    """Return the address of *row* about something that exists where anything does."""
    subject_id = OpaqueIds(house.fakes.keys).id_of(SubjectNumber(1))
    return row.route.format(
        name="nothing",
        webhook_id=SOMETHING,
        request_id=SOMETHING,
        record_id="record-99",
        month="2025-12",
        subject_id=subject_id,
        export_id=SOMETHING,
        scan_id=SOMETHING,
        column_id=SOMETHING,
        grant_id=SOMETHING,
    )


def state(house: House) -> tuple[object, ...]:
    """Return what a refused call must leave as it is."""
    fakes = house.fakes
    notices = tuple(fakes.notices.versions), tuple(fakes.notices.declared)
    return len(fakes.ledger.events), dict(fakes.people.known), notices


async def test_no_role_is_served_but_where_the_table_says(house: House) -> None:
    """Everybody else gets 403 or 404, changes nothing, and is told no identifier."""
    before = state(house)
    for row in ROWS:
        for role in sorted(ANYBODY - row.served):
            answer = await house.call(role, row.method, address(house, row), row.body)
            assert answer.status_code in {403, 404}, (row, role, answer.text)
            assert state(house) == before, (row, role)
            assert "email_sha256:" not in answer.text, (row, role)


@pytest.mark.parametrize("row", [row for row in ROWS if row.served], ids=lambda row: f"{row.method} {row.route}")
async def test_each_role_is_served_where_the_table_says(house: House, row: Row) -> None:
    """Whom the table names is let in."""
    for role in sorted(row.served):
        answer = await house.call(role, row.method, address(house, row), row.body)
        assert answer.status_code not in {401, 403, 404}, (role, answer.text)


async def test_customers_and_strangers_have_no_business_with_services(house: House) -> None:
    """A customer's token is no token there, nor is none; nothing is changed."""
    before = state(house)
    for row in ROWS:
        for token in ("willing", None, "forged"):
            answer = await house.call(token, row.method, address(house, row), row.body)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), (row, token)
    assert state(house) == before


async def test_no_address_is_without_a_rule(house: House) -> None:
    """Every address is in the table of roles, a customer's own, or public; whoever adds one says whose it is."""
    own = {route for route in routes(house) if route[1].startswith("/v1/me/")}
    listed = {(row.method, row.route) for row in ROWS}
    assert routes(house) - listed - own - PUBLIC == set()


async def test_what_is_a_customers_is_nobody_elses(house: House) -> None:
    """Below ``/v1/me`` no requester, of whatever role, is served, and nobody without a token."""
    before = state(house)
    for method, route in sorted(routes(house)):
        if not route.startswith("/v1/me/") or (method, route) in PUBLIC:
            continue
        path = route.format(purpose=PURPOSE, receipt_id=SOMETHING, request_id=SOMETHING)
        for token in (*REQUESTERS, None, "forged"):
            answer = await house.call(token, method, path, {})
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), (method, route)
    assert state(house) == before


@pytest.mark.parametrize(
    "other",
    [
        {"data_subject": WILLING},
        {"person": WILLING},
        {"email_sha256": email_hash("willing")},
        {"number": 1},
        {"customer_id": "1"},
    ],
    ids=lambda other: next(iter(other)),
)
async def test_a_customer_cannot_name_another(house: House, other: dict[str, Any]) -> None:
    """In the address it is not heeded, in the body it is refused: the person is the token's."""
    mine = (await house.call("refused", "GET", "/v1/me/consents")).content
    for name, value in other.items():
        assert (await house.call("refused", "GET", f"/v1/me/consents?{name}={value}")).content == mine
        history = await house.call("refused", "GET", f"/v1/me/history?{name}={value}")
        assert history.content == (await house.call("refused", "GET", "/v1/me/history")).content
    before = state(house)
    refusal = {"purpose": PURPOSE, "decision": "refuse"}
    calls: list[tuple[str, dict[str, Any]]] = [
        (f"/v1/me/consents/{PURPOSE}:withdraw", other),
        ("/v1/me/consents:withdraw-all", other),
        ("/v1/me/consents", {"decisions": [refusal], **other}),
        ("/v1/me/consents", {"decisions": [{**refusal, **other}]}),
        ("/v1/me/requests", {"kind": "access", **other}),
    ]
    for path, body in calls:
        answer = await house.call("refused", "POST", path, body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert state(house) == before


async def test_anothers_receipt_does_not_exist(house: House) -> None:
    """Somebody else's receipt, a made-up id and nonsense are answered in the same bytes."""
    others = house.fakes.ledger.events[0]
    assert others.number == 1
    answers = [
        await house.call("refused", "GET", f"/v1/me/receipts/{one}") for one in (others.id, SOMETHING, "nonsense")
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}


async def test_withdrawing_all_is_about_oneself(house: House) -> None:
    """One customer's withdrawal leaves everybody else's consent alone."""
    assert (await house.call("refused", "POST", "/v1/me/consents:withdraw-all", {})).status_code == 200
    answer = await house.call("service", "POST", "/v1/consents:check", asked(PURPOSE))
    assert answer.json()["items"][0]["allowed"] is True

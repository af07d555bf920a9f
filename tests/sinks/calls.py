"""What is asked of every address of the service, with canaries in it wherever a caller can put one."""

from __future__ import annotations

import json
import urllib.parse
import uuid
from typing import Any, NamedTuple

import httpx
from tests.sinks.canaries import EMAIL, HASHED, NAME, OTHER_HASHED, PHONE, WORD, wide
from tests.sinks.house import PERSON, TEXTS, House

CLEAR = "SELECT name, email, phone, address FROM crm.customers"
NDJSON = "application/x-ndjson"
ADDRESS = f"email_sha256:{HASHED}"
CANARY = f"{WORD}-{NAME}"
HEADERS = {
    "X-Canary": CANARY.encode(),
    "User-Agent": CANARY.encode(),
    "Referer": f"https://shop.example/?q={EMAIL}".encode(),
    "Cookie": f"__Host-session={WORD}; session={WORD}".encode(),
    "traceparent": f"00-{WORD}-{WORD}-01".encode(),
    "tracestate": f"shop={WORD}".encode(),
    "baggage": f"person={EMAIL}".encode(),
    "X-Forwarded-For": PHONE.encode(),
    "If-None-Match": f'"{WORD}"'.encode(),
    "Last-Event-ID": WORD.encode(),
    "Forwarded": f"for={WORD}".encode(),
    "Range": f"bytes={WORD}".encode(),
}
"""On every call."""


class Call(NamedTuple):
    """One call of an address: whose, with what body and query."""

    method: str
    route: str
    who: str
    body: Any = None
    query: str = ""
    type: str = "application/json"
    accept: str = "application/json"


def asked(sql: str, purpose: str = "fraud_prevention", *parameters: object, **more: object) -> dict[str, object]:
    """Return the body of a query."""
    return {"purpose": purpose, "sql": sql, "parameters": list(parameters), **more}


def said(event: str, **more: object) -> dict[str, object]:
    """Return the body of a consent event about the person of the canaries."""
    return {"data_subject": ADDRESS, "purpose": "recommendation", "event": event, "method": "paper", **more}


def _imported(person: str) -> bytes:
    line = {**said("give", evidence={"form": CANARY}), "data_subject": person, "occurred_at": "2026-01-01T00:00:00Z"}
    return json.dumps(line, ensure_ascii=False).encode() + b"\n"


LITERALS = f"SELECT name, '{CANARY}' AS x FROM crm.customers WHERE email = '{EMAIL}' OR phone IN ('{wide(PHONE)}', ?)"
ODD = [
    f"SELECT '{CANARY}",
    f'SELECT "{CANARY}" FROM crm.customers',
    f'SELECT * FROM "{CANARY}"."{EMAIL}"',
    f"EXPLAIN SELECT '{CANARY}' FROM crm.customers",
    f"SELECT CAST(name || '{CANARY}' AS INTEGER) FROM crm.customers",
    f"SELECT name FROM crm.customers -- {EMAIL}",
    f"SELECT income_band FROM crm.customers WHERE income_band = '{CANARY}'",
]

CALLS: list[Call] = [
    *(Call("POST", "/v1/query", "fraud_team", asked(CLEAR), accept=form)
      for form in ("application/json", NDJSON, "text/csv", "application/vnd.apache.arrow.stream")),
    Call("POST", "/v1/query", "fraud_team", asked(LITERALS, "fraud_prevention", PHONE)),
    Call("POST", "/v1/query", "support_desk",
         asked("SELECT subject, body FROM support.tickets", "customer_support", context={"ticket": "INC-2041"})),
    Call("POST", "/v1/query", "support_desk",
         asked("SELECT body FROM support.tickets", "customer_support", context={"ticket": CANARY, "grant": CANARY})),
    Call("POST", "/v1/query", "analyst", asked("SELECT comment FROM survey.answers", "emotion_analysis")),
    *(Call("POST", "/v1/query", "marketer", asked(sql, "micro_segmentation", CANARY)) for sql in ODD),
    Call("POST", "/v1/query", "marketer", asked("SELECT 1", CANARY, cursor=WORD)),
    *(Call("POST", "/v1/query:explain", "fraud_team", asked(sql)) for sql in (LITERALS, *ODD)),
    Call("GET", "/v1/datasets", "recommender"),
    Call("GET", "/v1/datasets/{name}", "recommender"),
    Call("GET", "/v1/views", "analyst"),
    Call("GET", "/v1/views/{name}", "analyst"),
    Call("POST", "/v1/views/{name}:read", "analyst", {"purpose": CANARY}),
    Call("POST", "/v1/consents:check", "consent_desk",
         {"items": [{"data_subject": ADDRESS, "purpose": "recommendation"}], "explain": True}),
    Call("POST", "/v1/consents:check", "consent_desk",
         {"items": [{"data_subject": ADDRESS, "purpose": CANARY, "scope": {CANARY: CANARY}}]}),
    Call("POST", "/v1/consents:filter", "consent_desk",
         {"purpose": "recommendation", "data_subjects": [ADDRESS, PERSON, f"{WORD}:{NAME}"]}),
    Call("POST", "/v1/consents/events", "consent_desk", said("give", evidence={"form": CANARY, CANARY: PHONE})),
    Call("POST", "/v1/consents/events", "consent_desk", said("withdraw", actor={"type": "operator", "id": NAME})),
    Call("POST", "/v1/consents/events", "consent_desk", said("give", actor=CANARY, notice_version=CANARY)),
    Call("GET", "/v1/consents/changes", "consent_desk", query=f"cursor={WORD}&after={WORD}"),
    Call("POST", "/v1/consents:import", "consent_desk", _imported(f"email_sha256:{OTHER_HASHED}"), type=NDJSON),
    Call("POST", "/v1/consents:import", "consent_desk", _imported(f"{WORD}:{NAME}"), type=NDJSON),
    Call("POST", "/v1/consents:import", "consent_desk", f'{{"{CANARY}": {NAME}'.encode(), "skip_faults=true", NDJSON),
    Call("POST", "/v1/consents:import", "consent_desk", f"{CANARY}\n{PHONE},{EMAIL}".encode(), type="text/csv"),
    Call("POST", "/v1/webhooks", "recommender", {"url": f"https://{WORD}:{WORD}@hooks.shop.example/{WORD}"}),
    Call("POST", "/v1/webhooks", "recommender", {"url": "http://127.0.0.1:9/hook"}),
    Call("GET", "/v1/webhooks", "recommender"),
    Call("DELETE", "/v1/webhooks/{webhook_id}", "recommender"),
    Call("GET", "/v1/webhooks/{webhook_id}/deliveries", "recommender", query=f"status={WORD}"),
    Call("POST", "/v1/webhooks/{webhook_id}:replay", "recommender", {"after_seq": 0}),
    Call("POST", "/v1/webhooks/{webhook_id}:pause", "recommender", {}),
    Call("POST", "/v1/webhooks/{webhook_id}:resume", "recommender", {}),
    Call("POST", "/v1/data-subjects:resolve", "consent_desk", {"data_subject": ADDRESS}),
    Call("POST", "/v1/data-subjects:link", "consent_desk", {"data_subjects": [PERSON, ADDRESS]}),
    Call("POST", "/v1/data-subjects:link", "consent_desk", {"data_subjects": [PERSON, f"email:{EMAIL}"]}),
    Call("POST", "/v1/data-subjects:unlink", "consent_desk", {"data_subjects": [PERSON, ADDRESS]}),
    Call("GET", "/v1/data-subjects/{subject_id}/consents", "consent_desk", query=f"valid_at={WORD}"),
    Call("GET", "/v1/notices/{key}", "", query=f"locale={WORD}&version={WORD}"),
    Call("GET", "/v1/notices", "privacy_officer"),
    Call("POST", "/v1/notices:draft", "privacy_officer",
         {"key": WORD, "change": "minor", "purposes": [CANARY], "texts": {"ja": NAME}}),
    Call("POST", "/v1/notices:publish", "privacy_officer", {"key": CANARY, "version": 1}),
    Call("POST", "/v1/notices:simulate", "privacy_officer", {"key": CANARY, "version": 1}),
    Call("GET", "/v1/purposes", "privacy_officer"),
    Call("POST", "/v1/purposes", "privacy_officer", {"purpose": CANARY, "change": "minor", "facts": {"dpv": CANARY}}),
    Call("POST", "/v1/purposes:publish", "privacy_officer", {"purpose": CANARY, "version": 1}),
    Call("POST", "/v1/purposes:simulate", "privacy_officer", {"purpose": CANARY, "version": 1}),
    Call("POST", "/v1/policy:simulate", "privacy_officer",
         {"policy": {"p.rego": f"package x\n# {CANARY}\nallow if {WORD}("}, "requests": "recorded"}),
    Call("POST", "/v1/policy:simulate", "privacy_officer",
         {"requests": [{"requester": "fraud_team", "purpose": "fraud_prevention", "sql": LITERALS}]}),
    Call("GET", "/v1/grants", "privacy_officer"),
    Call("POST", "/v1/grants/{grant_id}:revoke", "privacy_officer"),
    Call("POST", "/v1/keys:rotate", "privacy_officer", {"scope": CANARY}),
    Call("POST", "/v1/catalog/scans", "privacy_officer", {"stores": [CANARY]}),
    Call("POST", "/v1/catalog/scans", "privacy_officer", {"datasets": ["support.tickets"]}),
    Call("GET", "/v1/catalog/scans/{scan_id}", "privacy_officer"),
    Call("GET", "/v1/catalog/columns", "privacy_officer", query=f"dataset={WORD}"),
    Call("GET", "/v1/catalog/columns", "privacy_officer", query="dataset=support.tickets"),
    Call("GET", "/v1/catalog/columns/{column_id}/reviews", "privacy_officer"),
    Call("POST", "/v1/catalog/columns/{column_id}:review", "privacy_officer",
         {"decision": "override", "class": "none", "note": CANARY}),
    Call("POST", "/v1/pseudonyms:detokenise", "fraud_team",
         {"purpose": "fraud_prevention", "received_by": CANARY, "received_for": CANARY, "pseudonyms": [CANARY]}),
    Call("GET", "/v1/me/consents", "customer", query=f"locale={WORD}"),
    Call("POST", "/v1/me/consents", "customer", {"decisions": [{"purpose": "recommendation", "decision": "refuse"}]}),
    Call("POST", "/v1/me/consents", "customer",
         {"decisions": [{"purpose": CANARY, "decision": "give", "notice_version": CANARY}]}),
    Call("POST", "/v1/me/consents:withdraw-all", "customer", {}),
    Call("POST", "/v1/me/consents/{purpose}:withdraw", "customer", {"scope": {CANARY: CANARY}}),
    Call("POST", "/v1/me/session:confirm", "", {"token": CANARY}),
    Call("POST", "/v1/me/session:request", "", {"email": EMAIL}),
    Call("POST", "/v1/me/session:request", "", {"email": CANARY}),
    Call("POST", "/v1/me/session:end", "", {}),
    Call("GET", "/v1/me/session:oidc", ""),
    Call("GET", "/v1/me/session:oidc-callback", "", query=f"state={WORD}&code={WORD}"),
    Call("GET", "/v1/me/history", "customer"),
    Call("GET", "/v1/me/receipts/{receipt_id}", "customer"),
    Call("GET", "/v1/me/disclosures", "customer", query=f"cursor={WORD}"),
    Call("GET", "/v1/me/disclosures", "customer"),
    Call("POST", "/v1/me/requests", "customer", {"kind": "access", "note": TEXTS[4]}),
    Call("POST", "/v1/me/requests", "customer", {"kind": WORD, "note": CANARY}),
    Call("GET", "/v1/me/requests", "customer"),
    Call("GET", "/v1/me/requests/{request_id}", "customer"),
    Call("GET", "/v1/requests", "privacy_officer"),
    Call("GET", "/v1/requests/{request_id}", "privacy_officer"),
    Call("POST", "/v1/requests/{request_id}:close", "privacy_officer", {"outcome": "refused", "message": TEXTS[4]}),
    Call("GET", "/v1/provision-records", "auditor", query=f"cursor={WORD}"),
    Call("POST", "/v1/provision-records:search", "auditor", {"data_subject": ADDRESS}),
    Call("GET", "/v1/provision-records/{record_id}", "auditor"),
    Call("GET", "/v1/ropa", "auditor", query=f"locale={WORD}"),
    Call("POST", "/v1/audit/records:search", "auditor", {"data_subject": ADDRESS}),
    Call("POST", "/v1/audit/records:search", "auditor", {"requester": CANARY, "purpose": CANARY}),
    Call("POST", "/v1/audit/records:search", "auditor", {"decision": CANARY}),
    Call("GET", "/v1/audit/records/{record_id}", "auditor"),
    Call("GET", "/v1/audit/checkpoint", "auditor"),
    Call("GET", "/v1/audit/records/{record_id}/proof", "auditor"),
    Call("GET", "/v1/audit/consistency", "auditor", query=f"from={WORD}&to={WORD}"),
    Call("GET", "/v1/audit/reports/{month}", "auditor", query=f"locale={WORD}"),
    *(Call("POST", "/v1/audit/exports", "auditor", {"format": form, "filters": {"data_subject": ADDRESS}})
      for form in ("ndjson", "ocsf", "parquet", "csv", "cef")),
    Call("POST", "/v1/audit/exports", "auditor", {"format": "raw"}),
    Call("POST", "/v1/audit/exports", "auditor", {"format": "csv", "filters": {"requester": CANARY, "kind": CANARY}}),
    Call("GET", "/v1/audit/exports/{export_id}", "auditor"),
    Call("GET", "/v1/audit/exports/{export_id}/files/{name}", "auditor"),
    Call("GET", "/health/live", ""),
    Call("GET", "/health/ready", ""),
    Call("GET", "/metrics", ""),
    Call("GET", "/.well-known/jwks.json", ""),
    Call("GET", "/.well-known/gpc.json", ""),
    Call("GET", "/openapi.json", ""),
    Call("GET", "/docs", ""),
]  # fmt: skip

SERVED = {
    "/v1/query", "/v1/query:explain", "/v1/consents:check", "/v1/consents:filter", "/v1/consents/events",
    "/v1/consents:import", "/v1/data-subjects:resolve", "/v1/data-subjects:link", "/v1/me/requests",
    "/v1/me/session:request", "/v1/me/disclosures", "/v1/provision-records:search", "/v1/audit/records:search",
    "/v1/audit/exports", "/v1/me/consents", "/v1/policy:simulate",
}  # fmt: skip
"""Addresses where canaries must have been taken in, not only refused."""

TOLD = {"/v1/query", "/v1/me/requests/{request_id}", "/v1/requests/{request_id}"}
"""Addresses that tell, to who may know it, what is in a store or what a person wrote."""

SPOILT: list[object] = [
    {CANARY: {CANARY: [CANARY]}},
    f'{{"{CANARY}": "{NAME}'.encode(),
]
"""Bodies that no address takes."""


def make(house: House, client: httpx.Client, call: Call, **ids: str) -> httpx.Response:
    """Make a call; keep how it ended."""
    place = call.route.format_map(_Ids({name: urllib.parse.quote(value) for name, value in ids.items()}))
    content = call.body if isinstance(call.body, bytes) else None
    headers = {**HEADERS, "Accept": call.accept.encode()}
    if call.who:
        headers["Authorization"] = f"Bearer {house.tokens.get(call.who, call.who)}".encode()
    if call.method != "GET":
        headers |= {"Content-Type": call.type.encode(), "Idempotency-Key": f"{WORD}-{uuid.uuid4()}".encode()}
    if content is None and call.body is not None:
        content = json.dumps(call.body).encode()
    answer = client.request(
        call.method,
        f"{place}?{call.query or 'q=' + urllib.parse.quote(CANARY)}",
        content=content,
        headers=[(name.encode(), value) for name, value in headers.items()],
    )
    house.statuses.setdefault((call.method, call.route), set()).add(answer.status_code)
    told = answer.content + repr(answer.headers).encode()
    if answer.status_code >= 400:
        house.refusals.append(told)
    elif call.route not in TOLD:
        house.answers.append(told)
    return answer


class _Ids(dict[str, str]):
    """Names in an address; a canary for each that is not given."""

    def __missing__(self, name: str) -> str:
        return urllib.parse.quote(CANARY)

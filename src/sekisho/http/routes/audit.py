"""``/v1/audit/records``: search in the log, for auditors and the privacy officer; itself recorded."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from sekisho.errors import InvalidRequest, NotFound
from sekisho.http.auth import requester_of, requester_with_role
from sekisho.http.bodies import AUDIT_SEARCH, AuditSearchBody, read_body
from sekisho.http.routing import body_schema, json_response, router
from sekisho.http.services import Services, services_of
from sekisho.http.subjects import subject_ref
from sekisho.ports import AuditEntry, AuditQuery

ROUTER = router("audit")
ROLES: Final = ("auditor", "privacy_officer")
"""Who may read the log."""


@ROUTER.post("/v1/audit/records:search", summary="Search the log", openapi_extra=body_schema(AUDIT_SEARCH))
async def search(request: Request) -> Response:
    """Answer records in order of sequence. `from` is inclusive, `to` exclusive; `cursor` goes on."""
    requester = requester_with_role(request, *ROLES)
    services = services_of(request)
    body = await read_body(request, AUDIT_SEARCH)
    query = await _query(services, body)
    # Who searched is recorded first: without that record there is no answer.
    await services.audit.append(AuditEntry("audit.search", {"requester": requester.name, **_described(body)}))
    if query is None:
        return json_response({"items": []})
    found = await services.audit.search(query)
    items, more = found[: body.limit], len(found) > body.limit
    answer: dict[str, object] = {"items": items}
    if more:
        answer["next_cursor"] = _cursor(items[-1]["seq"])
    return json_response(answer)


@ROUTER.get("/v1/audit/records/{record_id}", summary="One record")
async def record(request: Request, record_id: str) -> Response:
    """Answer one record; the record of a release has the release's id."""
    requester = requester_of(request)
    services = services_of(request)
    found = None
    if not requester.roles.isdisjoint(ROLES):
        found = await services.audit.get(record_id)
    if found is None:
        raise NotFound("There is no such record.")
    await services.audit.append(
        AuditEntry("audit.read", {"requester": requester.name, "record": str(found.get("id", record_id))})
    )
    return json_response(found)


async def _query(services: Services, body: AuditSearchBody) -> AuditQuery | None:
    """Return the search, or ``None`` when it asks about a person nobody knows."""
    reference = None
    if body.data_subject is not None:
        reference = await services.subject_reference(subject_ref(body.data_subject))
        if reference is None:
            return None
    return AuditQuery(
        since=body.since,
        until=body.until,
        requester=body.requester,
        purpose=body.purpose,
        decision=body.decision,
        data_subject=reference,
        after_seq=_after(body.cursor),
        limit=body.limit + 1,  # one more tells whether there is a next page
    )


def _described(body: AuditSearchBody) -> dict[str, object]:
    """Return which fields were searched by; their values may be a person's."""
    named = body.model_dump(exclude_none=True, exclude={"cursor", "limit"}, by_alias=True)
    return {"searched_by": sorted(named)}


def _cursor(seq: object) -> str:
    return base64.urlsafe_b64encode(f"s{seq}".encode("ascii")).decode("ascii").rstrip("=")


def _after(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    if not text.startswith("s") or not text[1:].isdigit() or len(text) > 19:  # a number of eighteen digits
        raise InvalidRequest("The cursor is not one that a search has answered.")
    return int(text[1:])

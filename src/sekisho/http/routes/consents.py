"""``/v1/consents``: checks and events, for services. A check of a purpose of somebody else is refused."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from sekisho.domain.consent import ConsentEventKind
from sekisho.errors import InvalidRequest
from sekisho.http.auth import requester_of
from sekisho.http.bodies import CHECK, EVENT, read_body
from sekisho.http.routing import body_schema, json_response, router
from sekisho.http.services import ConsentEventRequest, ConsentQuestion, services_of
from sekisho.http.subjects import subject_ref

ROUTER = router("consents")


@ROUTER.post("/v1/consents:check", summary="May data of these people be used?", openapi_extra=body_schema(CHECK))
async def check(request: Request) -> Response:
    """Answer `allowed` and `seq` for each item. Unknown people are answered like those who refused."""
    requester = requester_of(request)
    body = await read_body(request, CHECK)
    items = await services_of(request).consents.check(
        requester,
        [ConsentQuestion(subject_ref(i.data_subject), i.purpose, dict(i.scope or {})) for i in body.items],
        min_seq=body.min_seq,
        valid_at=body.valid_at,
        known_at=body.known_at,
        explain=body.explain,
    )
    return json_response({"items": [dict(item) for item in items]})


@ROUTER.post("/v1/consents/events", summary="Record a consent event", openapi_extra=body_schema(EVENT))
async def record_event(request: Request) -> Response:
    """Record what a person decided. Only collection points record a yes; any service may pass on a no."""
    requester = requester_of(request)
    body = await read_body(request, EVENT)
    try:
        kind = ConsentEventKind(body.event)
    except ValueError:
        known = ", ".join(kind.value for kind in ConsentEventKind)
        raise InvalidRequest(f"event is one of {known}.") from None
    event = ConsentEventRequest(
        person=subject_ref(body.data_subject),
        purpose=body.purpose,
        kind=kind,
        method=body.method,
        scope=dict(body.scope or {}),
        actor=body.actor,
        notice_version=body.notice_version,
        occurred_at=body.occurred_at,
        valid_until=body.valid_until,
        evidence=dict(body.evidence),
    )
    return json_response(await services_of(request).consents.record_event(requester, event))

"""``/v1/consents``: checks, filters and events, for services. A check of a purpose of somebody else is refused."""

from __future__ import annotations

from itertools import compress

from starlette.requests import Request
from starlette.responses import Response

from sekisho.domain.consent import SAID_BY_PEOPLE, ActorType, Assurance, ConsentEventKind, ConsentType
from sekisho.domain.consent_rules import Actor
from sekisho.errors import InvalidRequest
from sekisho.http.auth import requester_of
from sekisho.http.bodies import CHECK, EVENT, FILTER, ActorBody, read_body
from sekisho.http.routing import body_schema, json_response, router
from sekisho.http.services import ConsentEventRequest, ConsentQuestion, services_of
from sekisho.http.subjects import by_kind, subject_ref

ROUTER = router("consents")


@ROUTER.post("/v1/consents:check", summary="May data of these people be used?", openapi_extra=body_schema(CHECK))
async def check(request: Request) -> Response:
    """Answer `allowed` and `seq` for each item. Unknown people are answered like those who refused.

    `valid_at` and `known_at` ask what held at that time, by what was recorded until then. Collection points and
    the privacy officer also get `state`, `receipt_id` and `reasons`, and with `explain` an `explanation`; other
    services get nothing more by it.
    """
    requester = requester_of(request)
    body = await read_body(request, CHECK)
    items = await services_of(request).consents.reading.check(
        requester,
        [ConsentQuestion(subject_ref(i.data_subject), i.purpose, dict(i.scope or {})) for i in body.items],
        min_seq=body.min_seq,
        valid_at=body.valid_at,
        known_at=body.known_at,
        explain=body.explain,
    )
    return json_response({"items": [dict(item) for item in items]})


@ROUTER.post("/v1/consents:filter", summary="Whose data may be used?", openapi_extra=body_schema(FILTER))
async def filter_people(request: Request) -> Response:
    """Answer those of `data_subjects` (100,000 at most) who are allowed, as they were named and in their order.

    For one of the caller's own purposes. Who is left out is unknown, was never asked, or said no: all alike.
    """
    requester = requester_of(request)
    body = await read_body(request, FILTER)
    named = by_kind(body.data_subjects)
    masks, seq = await services_of(request).consents.reading.filter(
        requester, body.purpose, named, scope=dict(body.scope or {}), min_seq=body.min_seq
    )
    if len(masks) == 1:
        allowed = list(compress(body.data_subjects, *masks.values()))
    else:
        turns = {kind: iter(mask) for kind, mask in masks.items()}
        allowed = [text for text in body.data_subjects if next(turns[text.partition(":")[0]])]
    return json_response({"allowed": allowed, "seq": seq})


@ROUTER.post("/v1/consents/events", summary="Record a consent event", openapi_extra=body_schema(EVENT))
async def record_event(request: Request) -> Response:
    """Record what a person decided. Only collection points record a yes; any service may pass on a no.

    A yes is recorded on the notice in force, or on the `notice_version` that was shown while it may still be
    agreed to. `state` is what counts from now on: a yes that is older than a no, or waits for its confirmation,
    is not `given`.
    """
    requester = requester_of(request)
    body = await read_body(request, EVENT)
    try:
        kind = ConsentEventKind(body.event)
    except ValueError:
        known = ", ".join(sorted(kind.value for kind in SAID_BY_PEOPLE))
        raise InvalidRequest(f"event is one of {known}.") from None
    event = ConsentEventRequest(
        person=subject_ref(body.data_subject),
        purpose=body.purpose,
        kind=kind,
        method=body.method,
        scope=dict(body.scope or {}),
        actor=_actor(body.actor),
        notice_version=None if body.notice_version is None else str(body.notice_version),
        locale=body.locale,
        served_id=body.served_id,
        occurred_at=body.occurred_at,
        valid_until=body.valid_until,
        age=body.age,
        of_age_at=body.of_age_at,
        consent_type=None if body.consent_type is None else ConsentType(body.consent_type),
        reason=body.reason,
        evidence=dict(body.evidence),
    )
    recording = services_of(request).consents.recording
    if getattr(request.state, "repeated", False):
        return json_response(await recording.repeat_no(requester, event))
    return json_response(await recording.record_event(requester, event))


def _actor(body: ActorBody | str | None) -> Actor:
    if isinstance(body, ActorBody):
        return Actor(ActorType(body.type), body.id, body.relation, Assurance(body.assurance))
    return Actor(id=body)

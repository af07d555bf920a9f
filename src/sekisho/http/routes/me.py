"""``/v1/me``: what a customer sees and decides. The person is who the token says, never a parameter."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from sekisho.domain.consent import ConsentEventKind
from sekisho.http.auth import customer_of
from sekisho.http.bodies import DECISIONS, WITHDRAW, WITHDRAW_ALL, read_body
from sekisho.http.query_parameters import whole_number
from sekisho.http.routing import body_schema, json_response, query_parameter, router
from sekisho.http.services import ConsentDecision, services_of

ROUTER = router("me")


@ROUTER.get(
    "/v1/me/consents",
    summary="My consents",
    openapi_extra=query_parameter("min_seq", "integer", "Answer from this consent sequence on."),
)
async def my_consents(request: Request) -> Response:
    """List the purposes with state, notice, since when and until when."""
    person = await customer_of(request)
    return json_response(
        await services_of(request).consents.reading.my_consents(person, min_seq=whole_number(request, "min_seq"))
    )


@ROUTER.post("/v1/me/consents", summary="Decide", openapi_extra=body_schema(DECISIONS))
async def decide(request: Request) -> Response:
    """Record decisions, all or none. A yes names the notice that was shown; a no needs nothing but the purpose.

    With `Sec-GPC: 1` a yes to what Global Privacy Control covers is followed by the objection.
    """
    person = await customer_of(request)
    body = await read_body(request, DECISIONS)
    decisions = [
        ConsentDecision(
            one.purpose,
            ConsentEventKind(one.decision),
            dict(one.scope or {}),
            None if one.notice_version is None else str(one.notice_version),
            one.locale,
        )
        for one in body.decisions
    ]
    gpc = "1" in request.headers.getlist("sec-gpc")
    return json_response(await services_of(request).consents.recording.decide(person, decisions, gpc=gpc))


@ROUTER.post("/v1/me/consents:withdraw-all", summary="Withdraw everything")
async def withdraw_all(request: Request) -> Response:
    """Withdraw consent for every purpose, and object where consent is not the ground."""
    person = await customer_of(request)
    await read_body(request, WITHDRAW_ALL, default=b"{}")
    return json_response(await services_of(request).consents.recording.withdraw_all(person))


@ROUTER.post(
    "/v1/me/consents/{purpose}:withdraw",
    summary="Withdraw one purpose",
    openapi_extra=body_schema(WITHDRAW, required=False),
)
async def withdraw(request: Request, purpose: str) -> Response:
    """Withdraw consent. It counts for every query that starts after this answer; repeating changes nothing."""
    person = await customer_of(request)
    body = await read_body(request, WITHDRAW, default=b"{}")
    scope = dict(body.scope) if body.scope else None
    return json_response(await services_of(request).consents.recording.withdraw(person, purpose, scope=scope))

"""``/v1/me``: what a customer sees and decides. The person is who the token says, never a parameter."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from sekisho.errors import InvalidRequest
from sekisho.http.auth import customer_of
from sekisho.http.bodies import WITHDRAW, WITHDRAW_ALL, read_body
from sekisho.http.routing import body_schema, json_response, query_parameter, router
from sekisho.http.services import services_of

ROUTER = router("me")


@ROUTER.get(
    "/v1/me/consents",
    summary="My consents",
    openapi_extra=query_parameter("min_seq", "integer", "Answer from this consent sequence on."),
)
async def my_consents(request: Request) -> Response:
    """List the purposes with state, notice, since when and until when."""
    person = customer_of(request)
    return json_response(await services_of(request).consents.my_consents(person, min_seq=_min_seq(request)))


@ROUTER.post("/v1/me/consents:withdraw-all", summary="Withdraw everything")
async def withdraw_all(request: Request) -> Response:
    """Withdraw consent for every purpose, and object where consent is not the ground."""
    person = customer_of(request)
    await read_body(request, WITHDRAW_ALL, default=b"{}")
    return json_response(await services_of(request).consents.withdraw_all(person))


@ROUTER.post(
    "/v1/me/consents/{purpose}:withdraw",
    summary="Withdraw one purpose",
    openapi_extra=body_schema(WITHDRAW, required=False),
)
async def withdraw(request: Request, purpose: str) -> Response:
    """Withdraw consent. It counts for every query that starts after this answer; repeating changes nothing."""
    person = customer_of(request)
    body = await read_body(request, WITHDRAW, default=b"{}")
    scope = dict(body.scope) if body.scope else None
    return json_response(await services_of(request).consents.withdraw(person, purpose, scope=scope))


def _min_seq(request: Request) -> int | None:
    values = request.query_params.getlist("min_seq")
    if not values:
        return None
    text = values[0]
    if len(values) > 1 or not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidRequest("min_seq is one whole number.")
    return int(text)

"""``/v1/webhooks``: where a service wants to hear of changes of consent."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from sekisho.domain.consent_rules import PRIVACY_OFFICER
from sekisho.domain.webhooks import Delivery, Webhook
from sekisho.errors import InvalidRequest
from sekisho.http.auth import requester_of
from sekisho.http.bodies import Body, Seq, read_body
from sekisho.http.routes.changes import whole_number
from sekisho.http.routing import body_schema, json_response, query_parameter, router
from sekisho.http.services import services_of

ROUTER = router("webhooks")

_DEFAULT_LIMIT: Final = 100
_MOST: Final = 1_000


class WebhookBody(Body):
    """``POST /v1/webhooks``."""

    url: Annotated[str, Field(min_length=1, max_length=2_000)]


class ReplayBody(Body):
    """``POST /v1/webhooks/{id}:replay``."""

    after_seq: Seq


class NothingBody(Body):
    """The optional body of ``:pause`` and ``:resume``: an empty object."""


_WEBHOOK: Final = TypeAdapter(WebhookBody)
_REPLAY: Final = TypeAdapter(ReplayBody)
_NOTHING: Final = TypeAdapter(NothingBody)
_LISTING: Final[dict[str, Any]] = {
    "parameters": [
        *query_parameter("status", "string", "One of waiting, delivered, dead.")["parameters"],
        *query_parameter("cursor", "string", "Goes on where a page ended.")["parameters"],
        *query_parameter("limit", "integer", f"Most items of a page, 1 to {_MOST}.")["parameters"],
    ]
}


@ROUTER.post("/v1/webhooks", summary="Hear of changes of consent", openapi_extra=body_schema(_WEBHOOK))
async def create(request: Request) -> Response:
    """Register an `https` URL, and answer the `secret` that signs what is sent: it is told once.

    Events are CloudEvents 1.0 (`application/cloudevents+json`), signed as in Standard Webhooks:
    `webhook-signature` is `v1,` and the base64 of HMAC-SHA-256 over `webhook-id.webhook-timestamp.body`, by the
    bytes whose base64 follows `whsec_`. They come at least once, about each person in order; `webhook-id` tells
    a repetition.
    """
    requester = requester_of(request)
    body = await read_body(request, _WEBHOOK)
    webhook, secret = await services_of(request).consents.webhooks.create(requester, body.url)
    return json_response({**_shown(webhook), "secret": secret}, 201)


@ROUTER.get("/v1/webhooks", summary="Webhooks")
async def listed(request: Request) -> Response:
    """List the caller's webhooks; the privacy officer sees everybody's. No secret stands in them."""
    requester = requester_of(request)
    items = await services_of(request).consents.webhooks.listed(requester)
    return json_response({"items": [_shown(webhook) for webhook in items]})


@ROUTER.delete("/v1/webhooks/{webhook_id}", summary="Delete a webhook")
async def delete(request: Request, webhook_id: str) -> Response:
    """Send nothing more and forget URL and secret. What was delivered stays on record."""
    requester = requester_of(request)
    await services_of(request).consents.webhooks.delete(requester, webhook_id)
    return Response(status_code=204)


@ROUTER.get("/v1/webhooks/{webhook_id}/deliveries", summary="Evidence of deliveries", openapi_extra=_LISTING)
async def deliveries(request: Request, webhook_id: str) -> Response:
    """List deliveries in order of sequence, with status, attempts, the receiver's last status and when it took it."""
    requester = requester_of(request)
    limit = whole_number(request.query_params.getlist("limit"), "limit", _DEFAULT_LIMIT)
    if not 1 <= limit <= _MOST:
        raise InvalidRequest(f"limit is 1 to {_MOST}.")
    after_seq = whole_number(request.query_params.getlist("cursor"), "cursor", 0)
    status = request.query_params.get("status")
    found = await services_of(request).consents.webhooks.deliveries(
        requester, webhook_id, status, after_seq, limit + 1
    )
    inside = PRIVACY_OFFICER in requester.roles
    answer: dict[str, object] = {"items": [_evidence(delivery, inside=inside) for delivery in found[:limit]]}
    if len(found) > limit:
        answer["next_cursor"] = str(found[limit - 1].seq)
    return json_response(answer)


@ROUTER.post("/v1/webhooks/{webhook_id}:replay", summary="Send again", openapi_extra=body_schema(_REPLAY))
async def replay(request: Request, webhook_id: str) -> Response:
    """Send every event after `after_seq` once more, in order, under the `webhook-id` that it had."""
    requester = requester_of(request)
    body = await read_body(request, _REPLAY)
    await services_of(request).consents.webhooks.replay(requester, webhook_id, body.after_seq)
    return json_response({"id": webhook_id, "after_seq": body.after_seq}, 202)


@ROUTER.post("/v1/webhooks/{webhook_id}:pause", summary="Send nothing for now")
async def pause(request: Request, webhook_id: str) -> Response:
    """Stop sending; nothing is lost meanwhile."""
    return await _pause(request, webhook_id, paused=True)


@ROUTER.post("/v1/webhooks/{webhook_id}:resume", summary="Go on sending")
async def resume(request: Request, webhook_id: str) -> Response:
    """Go on where it stopped."""
    return await _pause(request, webhook_id, paused=False)


async def _pause(request: Request, webhook_id: str, *, paused: bool) -> Response:
    requester = requester_of(request)
    await read_body(request, _NOTHING, default=b"{}")
    await services_of(request).consents.webhooks.pause(requester, webhook_id, paused=paused)
    return json_response({"id": webhook_id, "paused": paused})


def _shown(webhook: Webhook) -> dict[str, object]:
    return {
        "id": webhook.id,
        "requester": webhook.requester,
        "url": webhook.url,
        "created_at": webhook.created_at,
        "after_seq": webhook.after_seq,
        "paused": webhook.paused,
        "waiting": webhook.waiting,
        "dead": webhook.dead,
    }


def _evidence(delivery: Delivery, *, inside: bool) -> dict[str, object]:
    # Whether a name of the house exists is not for every service to find out.
    fault = delivery.fault if inside or delivery.fault != "address_refused" else "unresolved"
    shown = {
        "seq": delivery.seq,
        "status": delivery.status.value,
        "attempts": delivery.attempts,
        "next_at": delivery.next_at,
        "delivered_at": delivery.delivered_at,
        "response": delivery.response,
        "fault": fault,
    }
    return {name: value for name, value in shown.items() if value is not None}

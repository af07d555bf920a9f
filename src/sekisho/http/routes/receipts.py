"""``/v1/me/receipts`` and ``/v1/me/history``: evidence for the person."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from sekisho.domain.receipt import MEDIA_TYPE
from sekisho.http.auth import customer_of
from sekisho.http.routing import json_response, router
from sekisho.http.sequences import await_min_seq
from sekisho.http.services import services_of

ROUTER = router("receipts")


@ROUTER.get("/v1/me/history", summary="What I decided")
async def history(request: Request) -> Response:
    """List the person's decisions, newest first, with the ids of their receipts."""
    person = await customer_of(request)
    await await_min_seq(request)
    return json_response(await services_of(request).consents.receipts.history(person))


@ROUTER.get("/v1/me/receipts/{receipt_id}", summary="The receipt of a decision")
async def receipt(request: Request, receipt_id: str) -> Response:
    """Answer the receipt as JSON-LD; ``jws`` is its signature, verified with ``/.well-known/jwks.json``."""
    person = await customer_of(request)
    response = json_response(await services_of(request).consents.receipts.receipt(person, receipt_id))
    response.headers["content-type"] = MEDIA_TYPE
    return response

"""``/v1/me/receipts`` and ``/v1/me/history``: evidence for the person."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from sekisho.domain.notices import LOCALES
from sekisho.domain.receipt import MEDIA_TYPE
from sekisho.http.auth import customer_of
from sekisho.http.formats import language_of, weights_of
from sekisho.http.routing import json_response, query_parameter, router
from sekisho.http.sequences import await_min_seq
from sekisho.http.services import services_of

ROUTER = router("receipts")

_PDF: Final = "application/pdf"
_FORMS: Final[dict[str, Any]] = {"description": "The receipt.", "content": {MEDIA_TYPE: {}, _PDF: {}}}
_LOCALE: Final = query_parameter("locale", "string", "Language of the PDF, before Accept-Language: ja or en.")


@ROUTER.get("/v1/me/history", summary="What I decided")
async def history(request: Request) -> Response:
    """List the person's decisions, newest first, with the ids of their receipts."""
    person = await customer_of(request)
    await await_min_seq(request)
    return json_response(await services_of(request).consents.receipts.history(person))


@ROUTER.get(
    "/v1/me/receipts/{receipt_id}",
    summary="The receipt of a decision",
    responses={200: _FORMS},
    openapi_extra=_LOCALE,
)
async def receipt(request: Request, receipt_id: str) -> Response:
    """Answer the receipt as JSON-LD; ``jws`` is its signature, verified with ``/.well-known/jwks.json``.

    `Accept: application/pdf` gets it to print and keep, in Japanese or English; the signature is attached.
    """
    person = await customer_of(request)
    receipts = services_of(request).consents.receipts
    if _wants_pdf(request):
        locale = _locale(request)
        response = Response(await receipts.receipt_pdf(person, receipt_id, locale), media_type=_PDF)
        response.headers["content-language"] = locale
        response.headers["content-disposition"] = f'inline; filename="receipt-{locale}.pdf"'
    else:
        response = json_response(await receipts.receipt(person, receipt_id))
        response.headers["content-type"] = MEDIA_TYPE
    response.headers["vary"] = "Accept, Accept-Language"
    return response


def _wants_pdf(request: Request) -> bool:
    """Return whether ``Accept`` names PDF, and nothing of the kind of JSON as much as it (RFC 9110, 12.5.1)."""
    weights = weights_of(request.headers.get("accept", ""))
    return weights.get(_PDF, 0.0) > max(weights.get(other, 0.0) for other in (MEDIA_TYPE, "application/json"))


def _locale(request: Request) -> str:
    """Return the language to print in: what ``?locale=`` or else ``Accept-Language`` names, or else the first."""
    asked = request.query_params.get("locale") or request.headers.get("accept-language", "")
    return language_of(asked, LOCALES)

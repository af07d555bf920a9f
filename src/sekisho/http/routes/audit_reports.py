"""``/v1/audit/reports``: the monthly compliance report, for auditors and the privacy officer; itself recorded."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sekisho.consents.monthly_page import CONTENT_SECURITY_POLICY, as_html
from sekisho.domain.monthly_texts import LOCALES
from sekisho.errors import InvalidRequest
from sekisho.http.auth import requester_of
from sekisho.http.query_parameters import one
from sekisho.http.routing import json_response, query_parameter, router
from sekisho.http.services import services_of

ROUTER = router("audit")
_LOCALE = query_parameter("locale", "string", "Language of HTML: `ja` (default) or `en`.")


@ROUTER.get("/v1/audit/reports/{month}", summary="Compliance report on a month", openapi_extra=_LOCALE)
async def report(request: Request, month: str) -> Response:
    """Answer the figures of a month (`2026-10`) as JSON; with `Accept: text/html` as a page that prints well.

    The month's records are verified while they are counted, one report at a time: for a log of many millions of
    records a month, `sekisho audit report` tells how far it is.
    """
    requester = requester_of(request)
    locale = one(request, "locale") or "ja"
    if locale not in LOCALES:
        raise InvalidRequest("locale is ja or en.")
    figures = await services_of(request).consents.reports.figures(requester, month)
    if "text/html" in request.headers.get("accept", ""):
        return HTMLResponse(as_html(figures, locale), headers={"content-security-policy": CONTENT_SECURITY_POLICY})
    return json_response(figures)

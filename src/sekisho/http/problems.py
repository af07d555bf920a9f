"""Every error as a problem (RFC 9457), with a stable code, and never a value from the request.

The HTTP numbers stand here and nowhere else: the rest of the program knows codes only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import orjson
import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ExceptionHandler, Scope

from sekisho.errors import InvalidRequest, NotFound, SekishoError
from sekisho.http.context import context_of

_log = structlog.get_logger("sekisho.http")

STATUS: Final[Mapping[str, int]] = {
    "unauthenticated": 401,
    "purpose_not_registered": 403,
    "access_denied": 403,
    "column_denied": 403,
    "statement_refused": 422,
    "masked_column_use": 422,
    "aggregate_required": 422,
    "unknown_purpose": 422,
    "unknown_dataset": 422,
    "unknown_column": 422,
    "invalid_request": 422,
    "idempotency_conflict": 409,
    "notice_outdated": 409,
    "budget_exhausted": 429,
    "rate_limited": 429,
    "policy_unavailable": 503,
    "audit_unavailable": 503,
    "mail_unavailable": 503,
    "consent_unavailable": 503,
    "store_unavailable": 503,
    "keys_unavailable": 503,
    "not_found": 404,
    "internal_error": 500,
}
"""Error code to HTTP status (RFC 9110); a code that is not here is an internal error."""

MEDIA_TYPE: Final = "application/problem+json"
_RETRY_AFTER: Final = "1"  # seconds; outages of a part are bridged by asking again soon


def problem_body(
    code: str,
    title: str,
    detail: str | None,
    trace_id: str,
    *,
    reasons: Iterable[str] = (),
    extra: Mapping[str, object] | None = None,
) -> bytes:
    """Return the JSON of a problem.

    Parameters
    ----------
    code:
        One of :data:`STATUS`.
    title, detail:
        What the class of errors is called, and one sentence about this one; neither holds a value.
    trace_id:
        32 hexadecimal digits, the same as in the log.
    reasons:
        Policy reasons behind a refusal.
    extra:
        Further members (RFC 9457, 3.2).
    """
    body: dict[str, object] = {
        "type": f"urn:sekisho:problem:{code}",
        "title": title,
        "status": STATUS[code],
        "code": code,
        "trace_id": trace_id,
    }
    if detail:
        body["detail"] = detail
    if named := list(reasons):
        body["reasons"] = named
    if extra:
        body.update(extra)
    return orjson.dumps(body)


def problem_headers(code: str) -> dict[str, str]:
    """Return the headers that belong to a code: how to authenticate, when to ask again."""
    if code == "unauthenticated":
        return {"WWW-Authenticate": 'Bearer realm="sekisho"'}
    if STATUS[code] == 503 or code == "rate_limited":
        return {"Retry-After": _RETRY_AFTER}
    return {}


def problem_response(scope: Scope, error: SekishoError, extra: Mapping[str, object] | None = None) -> Response:
    """Return the response for *error* and note its code for the metrics.

    An error whose code is no part of the contract says nothing of itself.
    """
    context = context_of(scope)
    if error.code not in STATUS or error.code == "internal_error":
        return internal_error(scope, error)
    context.code = error.code
    more = {**error.explained, **(extra or {})}
    return Response(
        problem_body(error.code, error.title, error.detail, context.trace_id, reasons=error.reasons, extra=more),
        status_code=STATUS[error.code],
        headers=problem_headers(error.code),
        media_type=MEDIA_TYPE,
    )


def internal_error(scope: Scope, error: BaseException) -> Response:
    """Return a 500 without detail; the log gets the class of *error* and the trace id, never its message."""
    context = context_of(scope)
    context.code = "internal_error"
    _log.error("unexpected_error", error=type(error).__name__, trace_id=context.trace_id)
    return Response(
        problem_body("internal_error", "Internal error", None, context.trace_id),
        status_code=500,
        media_type=MEDIA_TYPE,
    )


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, SekishoError)  # noqa: S101 - registered for this class
    return problem_response(request.scope, error)


async def _http_exception(request: Request, error: Exception) -> Response:
    """Map the framework's own refusals. A wrong method says no more than a wrong path."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    if error.status_code in {404, 405}:
        return problem_response(request.scope, NotFound("There is no such resource; /openapi.json lists all."))
    if error.status_code < 500:
        return problem_response(request.scope, InvalidRequest("The request cannot be read."))
    return internal_error(request.scope, error)


async def _validation(request: Request, _error: Exception) -> Response:
    return problem_response(request.scope, InvalidRequest("A parameter cannot be read; see /openapi.json."))


HANDLERS: Final[Mapping[type[Exception], ExceptionHandler]] = {
    SekishoError: _refusal,
    HTTPException: _http_exception,
    RequestValidationError: _validation,
}
"""Exception handlers of the application. Anything else ends in the outermost middleware."""

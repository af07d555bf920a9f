"""The outermost layer, plain ASGI: trace id, security headers, size limit, metrics, last resort.

One class instead of five, because every layer costs each request; and no ``BaseHTTPMiddleware``,
which copies streams through a task group.
"""

from __future__ import annotations

import time
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sekisho.errors import InvalidRequest, SekishoError
from sekisho.http.context import BrokenOff, open_context
from sekisho.http.metrics import Metrics
from sekisho.http.problems import internal_error, problem_response

_log = structlog.get_logger("sekisho.http")

SECURITY_HEADERS: Final = (
    # Nothing that this service answers is a document that may load anything (CSP level 3).
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""Headers on every response that does not set its own."""

TRACE_HEADER: Final = b"sekisho-trace-id"

BODY_LIMITS: Final = {
    "/v1/consents:filter": 16 << 20,  # 100,000 names of 80 bytes, and room
    "/v1/consents:import": 256 << 20,  # read as it comes, never held whole
}
"""Addresses whose bodies may be larger than the limit of all others, in bytes."""


class Boundary:
    """The ASGI middleware around everything.

    Parameters
    ----------
    app:
        The application inside.
    metrics:
        Where requests are counted.
    body_limit:
        Largest request body in bytes; a longer one is ``invalid_request``, whether its length was
        announced or not. Some addresses have their own (:data:`BODY_LIMITS`).
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, body_limit: int) -> None:
        self._app = app
        self._metrics = metrics
        self._body_limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; other kinds of connection pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context = open_context(scope)
        started_at = time.perf_counter()
        status = 0

        async def secured(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = list(message["headers"])
                present = {name for name, _ in headers}
                headers += [header for header in SECURITY_HEADERS if header[0] not in present]
                headers.append((TRACE_HEADER, context.trace_id.encode("ascii")))
                message = {**message, "headers": headers}
            await send(message)

        structlog.contextvars.bind_contextvars(trace_id=context.trace_id)
        try:
            limit = max(self._body_limit, BODY_LIMITS.get(scope["path"], 0))
            if _announced_length(scope) > limit:
                raise _too_large(limit)  # noqa: TRY301 - one place answers all refusals before the routes
            await self._app(scope, _limited(receive, limit), secured)
        except BrokenOff:
            context.code = "broken_off"
            raise
        except Exception as error:  # noqa: BLE001 - the last resort: nothing passes to the server's log
            if status:
                context.code = "broken_off"
                _log.error("answer_broken_off", error=type(error).__name__, trace_id=context.trace_id)
                raise BrokenOff from None
            told = problem_response(scope, error) if isinstance(error, SekishoError) else internal_error(scope, error)
            await told(scope, receive, secured)
        finally:
            self._metrics.request(scope, status, context.code, time.perf_counter() - started_at)
            structlog.contextvars.unbind_contextvars("trace_id")


def _too_large(limit: int) -> InvalidRequest:
    return InvalidRequest(f"The request body is larger than {limit} bytes.")


def _limited(receive: Receive, limit: int) -> Receive:
    """Return *receive*, which refuses a body that grows past *limit* without having said so."""
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > limit:
                raise _too_large(limit)
        return message

    return limited


def _announced_length(scope: Scope) -> int:
    """Return the Content-Length of a request, 0 when there is none that can be read."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) < 19 else 1 << 62
    return 0

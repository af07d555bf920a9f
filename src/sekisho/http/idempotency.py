"""``Idempotency-Key``: a write that is sent twice is done once (draft-ietf-httpapi-idempotency-key-header).

The routes apply it to every POST that writes, so that no endpoint thinks of it. A key belongs to its caller
and its address; the same key with the same body is answered byte for byte as before, for a day, and with
another body it is a conflict. Nothing is kept for who is not authenticated, nor of answers that say "later".

Keys must never stand between a person and a no: while they cannot be looked up, a withdrawal is recorded
without them (saying no twice changes nothing), and every other write waits.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from sekisho.domain.consent import NO
from sekisho.errors import ConsentUnavailable, IdempotencyConflict, InvalidRequest, SekishoError, Unauthenticated
from sekisho.http.auth import customer_of, requester_of
from sekisho.http.context import context_of
from sekisho.http.problems import problem_response
from sekisho.http.services import services_of
from sekisho.ports.idempotency import Claim, IdempotencyStore, KeptAnswer

KEY_HEADER: Final = "Idempotency-Key"
REPLAYED_HEADER: Final = "Idempotency-Replayed"

# Signing in is no write of a record, and its answers are secrets that are given once.
_READS: Final = re.compile(
    r"/v1/query|.*:(check|filter|search|explain|read|lookup|resolve|simulate|detokenise)|/v1/me/session:.*"
)
# An import is told apart by the SHA-256 of its file, and may be larger than memory.
_BY_CONTENT: Final = re.compile(r".*:import")
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_STORE_S: Final = 3.0  # seconds after which a silent store is a broken one
_WAIT_S: Final = 2.0  # seconds that a twin of a call under way waits for its answer
_POLL_S: Final = 0.05
_LATER: Final = frozenset({401, 408, 425, 429})  # answers that another attempt may well change
_OWN: Final = frozenset({"content-length", "set-cookie", "date"})  # headers of one transmission
_UNREADABLE: Final = (
    "Idempotency keys cannot be looked up now; nothing was recorded. Try again; a withdrawal alone is always taken."
)
_NO: Final = frozenset(kind.value for kind in NO)

_Handler = Callable[[Request], Coroutine[Any, Any, Response]]

PARAMETER: Final[dict[str, Any]] = {
    "name": KEY_HEADER,
    "in": "header",
    "required": False,
    "description": "1 to 255 visible ASCII characters, new for each write. What is sent again is not done again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
"""The OpenAPI parameter of a route that takes a key."""


def takes_key(methods: Iterable[str] | None, path: str) -> bool:
    """Return whether a route writes, so that a key makes sense."""
    if "POST" not in (methods or ()) or not path.startswith("/v1/"):
        return False
    return _READS.fullmatch(path) is None and _BY_CONTENT.fullmatch(path) is None


def idempotent(handle: _Handler) -> _Handler:
    """Return *handle* so that a call with an ``Idempotency-Key`` is served once."""

    async def once(request: Request) -> Response:
        store = services_of(request).idempotency
        values = request.headers.getlist(KEY_HEADER)
        if store is None or not values:
            return await handle(request)
        caller = await _caller(request)
        if caller is None:
            return await handle(request)  # which says 401, and nothing is kept
        if len(values) > 1 or not _KEY.fullmatch(values[0]):
            raise InvalidRequest("Idempotency-Key is one header of 1 to 255 visible ASCII characters.")
        content = await request.body()
        held = await _reserved(store, request, caller, values[0], content)
        if isinstance(held, KeptAnswer):
            if held.status < 300 and is_no(request.scope["path"], content):
                await _stands(request, handle)
            return _replayed(request, held)
        if isinstance(held, Claim):
            return await _serve(store, held, request, handle)
        return held if held is not None else await handle(request)

    return once


async def _caller(request: Request) -> str | None:
    """Return who calls, as text that no other caller has; ``None`` for nobody."""
    try:
        return orjson.dumps(["requester", requester_of(request).name]).decode()
    except Unauthenticated:
        pass
    try:
        person = await customer_of(request)
    except Unauthenticated:
        return None
    return orjson.dumps(["data_subject", person.identifier, person.value]).decode()


async def _reserved(
    store: IdempotencyStore, request: Request, caller: str, key: str, content: bytes
) -> Claim | KeptAnswer | Response | None:
    """Return the claim or the kept answer; the answer to a twin of a call under way; ``None`` to go on without."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + _WAIT_S
    path = request.scope["path"]
    route = f"{request.method} {path}"
    sent = b"\0".join([request.scope["query_string"], content])
    while True:
        try:
            async with asyncio.timeout(_STORE_S):
                held = await store.reserve(caller, route, key, sent)
        except (ConsentUnavailable, TimeoutError):
            if is_no(path, content):
                return None
            raise ConsentUnavailable(_UNREADABLE) from None
        if held is not None:
            return held
        if clock() >= deadline:
            break
        await asyncio.sleep(_POLL_S)
    if is_no(path, content):
        return None
    conflict = IdempotencyConflict("The first call with this idempotency key is still under way. Ask again.")
    response = problem_response(request.scope, conflict)
    response.headers["Retry-After"] = "1"
    return response


async def _stands(request: Request, handle: _Handler) -> None:
    """See to it that a no which is answered from memory counts, whatever was said since; raise what hinders it.

    Some callers make the key of the person and the purpose. Were it only answered, a second no would be none.
    """
    if request.scope["path"] == "/v1/me/requests":
        return  # a request that is kept; the next objection is one of its own
    request.state.repeated = True  # what still stands is not recorded again
    await handle(request)


async def _serve(store: IdempotencyStore, claim: Claim, request: Request, handle: _Handler) -> Response:
    try:
        response = await handle(request)
    except SekishoError as error:
        response = problem_response(request.scope, error)
    except Exception:
        await _quietly(store.release(claim))
        raise
    streamed = isinstance(response, StreamingResponse | FileResponse)
    if streamed or response.status_code >= 500 or response.status_code in _LATER:
        await _quietly(store.release(claim))
        return response
    headers = tuple((name, value) for name, value in response.headers.items() if name not in _OWN)
    code = context_of(request.scope).code
    await _quietly(store.keep(claim, KeptAnswer(response.status_code, headers, bytes(response.body), code)))
    return response


async def _quietly(work: Awaitable[None]) -> None:
    """Do *work* of the store; what was done for the caller stands, whether or not it can be kept."""
    try:
        async with asyncio.timeout(_STORE_S):
            await work
    except (ConsentUnavailable, TimeoutError) as error:
        structlog.get_logger("sekisho.http").warning("idempotency_not_kept", error=type(error).__name__)


def _replayed(request: Request, kept: KeptAnswer) -> Response:
    context_of(request.scope).code = kept.code
    response = Response(kept.body, status_code=kept.status)
    for name, value in kept.headers:
        response.headers.append(name, value)
    response.headers[REPLAYED_HEADER] = "true"
    return response


def is_no(path: str, content: bytes) -> bool:
    """Return whether a write says nothing but no: a withdrawal, refusals, an objection."""
    if path.endswith((":withdraw", ":withdraw-all")):
        return True
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(body, dict):
        return False
    if path == "/v1/consents/events":
        return _is_word(body.get("event"), _NO)
    if path == "/v1/me/requests":
        return _is_word(body.get("kind"), {"objection"})
    decisions = body.get("decisions")
    if path != "/v1/me/consents" or not isinstance(decisions, list) or not decisions:
        return False
    return all(isinstance(one, dict) and _is_word(one.get("decision"), _NO) for one in decisions)


def _is_word(value: object, words: Iterable[str]) -> bool:
    return isinstance(value, str) and value in words

"""``/v1/me/disclosures``, ``/v1/me/requests``, for the privacy officer ``/v1/requests``: the rights of people."""

from __future__ import annotations

from typing import Annotated, Final, TypeVar

from pydantic import Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from sekisho.domain.rights import RequestKind, RequestStatus
from sekisho.errors import InvalidRequest
from sekisho.http.auth import customer_of, requester_of
from sekisho.http.bodies import Body, read_body
from sekisho.http.routing import body_schema, json_response, query_parameter, router
from sekisho.http.sequences import await_min_seq
from sekisho.http.services import services_of

ROUTER = router("rights")

_Word = TypeVar("_Word", RequestKind, RequestStatus)


class RequestBody(Body):
    """``POST /v1/me/requests``."""

    kind: Annotated[str, Field(pattern=r"^[a-z]{1,16}$")]
    note: Annotated[str, Field(max_length=4096)] | None = None


class CloseBody(Body):
    """``POST /v1/requests/{id}:close``."""

    outcome: Annotated[str, Field(pattern=r"^(done|refused)$")]
    message: Annotated[str, Field(max_length=4096)] | None = None


REQUEST: Final = TypeAdapter(RequestBody)
CLOSE: Final = TypeAdapter(CloseBody)
_CURSOR: Final = query_parameter("cursor", "string", "Go on where an earlier answer ended.")


@ROUTER.get("/v1/me/disclosures", summary="Who received my data", openapi_extra=_CURSOR)
async def disclosures(request: Request) -> Response:
    """List who received data about me, when, for what purpose and on which consent, oldest first."""
    person = await customer_of(request)
    await await_min_seq(request)
    rights = services_of(request).consents.rights
    return json_response(await rights.disclosures(person, _parameter(request, "cursor")))


@ROUTER.post("/v1/me/requests", summary="Use one of my rights", status_code=201, openapi_extra=body_schema(REQUEST))
async def open_request(request: Request) -> Response:
    """Ask for access, portability, rectification or erasure, or object. Answers when it is due."""
    person = await customer_of(request)
    body = await read_body(request, REQUEST)
    kind = _word(RequestKind, body.kind, "kind")
    return json_response(await services_of(request).consents.rights.request(person, kind, body.note), 201)


@ROUTER.get("/v1/me/requests", summary="My requests")
async def own_requests(request: Request) -> Response:
    """List my requests and where they stand."""
    person = await customer_of(request)
    return json_response(await services_of(request).consents.rights.own_requests(person))


@ROUTER.get("/v1/me/requests/{request_id}", summary="One of my requests")
async def own_request(request: Request, request_id: str) -> Response:
    """Answer one of my requests with what was answered to it."""
    person = await customer_of(request)
    return json_response(await services_of(request).consents.rights.own_request(person, request_id))


@ROUTER.get("/v1/requests", summary="Requests of people", openapi_extra=_CURSOR)
async def requests(request: Request) -> Response:
    """List requests, for the privacy officer; `status` narrows them to `received`, `done` or `refused`."""
    requester = requester_of(request)
    wanted = _parameter(request, "status")
    status = None if wanted is None else _word(RequestStatus, wanted, "status")
    rights = services_of(request).consents.rights
    return json_response(await rights.requests(requester, status, _parameter(request, "cursor")))


@ROUTER.get("/v1/requests/{request_id}", summary="One request")
async def examine(request: Request, request_id: str) -> Response:
    """Answer one request with what the person wrote and who it is, for the privacy officer; itself recorded."""
    requester = requester_of(request)
    return json_response(await services_of(request).consents.rights.examine(requester, request_id))


@ROUTER.post("/v1/requests/{request_id}:close", summary="Close a request", openapi_extra=body_schema(CLOSE))
async def close(request: Request, request_id: str) -> Response:
    """Close a request as done or refused. For an erasure, done lets the person's identifiers and keys go."""
    requester = requester_of(request)
    body = await read_body(request, CLOSE)
    outcome = RequestStatus(body.outcome)
    rights = services_of(request).consents.rights
    return json_response(await rights.close(requester, request_id, outcome, body.message))


def _parameter(request: Request, name: str) -> str | None:
    values = request.query_params.getlist(name)
    if len(values) > 1:
        raise InvalidRequest(f"{name} may stand once.")
    return values[0] if values else None


def _word(words: type[_Word], word: str, what: str) -> _Word:
    try:
        return words(word)
    except ValueError:
        raise InvalidRequest(f"{what} is one of {', '.join(known.value for known in words)}.") from None

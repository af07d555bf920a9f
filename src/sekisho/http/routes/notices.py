"""``/v1/notices`` and ``/v1/purposes``: what people are asked, as versions that never change."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from sekisho.domain.notices import MOST_TEXT, Change
from sekisho.http.auth import requester_of
from sekisho.http.bodies import Body, Name, read_body
from sekisho.http.query_parameters import one
from sekisho.http.routing import body_schema, json_response, query_parameter, router
from sekisho.http.services import services_of

ROUTER = router("notices")

Version = Annotated[str, Field(pattern=r"^[0-9]{1,9}$")] | Annotated[int, Field(ge=1, le=999_999_999)]
"""A version, as answers spell it or as a number."""
_Change = Annotated[str, Field(pattern=r"^(major|minor)$")]
_Locale = Annotated[str, Field(min_length=2, max_length=16)]


class NoticeDraftBody(Body):
    """``POST /v1/notices:draft``."""

    key: Name
    change: _Change
    purposes: Annotated[list[Name], Field(min_length=1, max_length=100)]
    texts: Annotated[
        dict[_Locale, Annotated[str, Field(min_length=1, max_length=MOST_TEXT)]], Field(min_length=1, max_length=20)
    ]


class NoticeVersionBody(Body):
    """``POST /v1/notices:publish`` and ``:simulate``."""

    key: Name
    version: Version


class FactsBody(Body):
    """What people may be told anew; what is enforced is declared in ``sekisho.yaml`` alone."""

    title: dict[_Locale, str] | None = None
    description: dict[_Locale, str] | None = None
    data_categories: Annotated[list[str], Field(max_length=100)] | None = None
    recipients: Annotated[list[str], Field(max_length=100)] | None = None
    transfer_countries: Annotated[list[str], Field(max_length=100)] | None = None
    transfer_information: dict[_Locale, dict[Name, str]] | None = None
    retention_days: int | None = None
    validity_days: int | None = None
    dpv: str | None = None


class PurposeDraftBody(Body):
    """``POST /v1/purposes``."""

    purpose: Name
    change: _Change
    facts: FactsBody


class PurposeVersionBody(Body):
    """``POST /v1/purposes:publish`` and ``:simulate``."""

    purpose: Name
    version: Version


NOTICE_DRAFT: Final = TypeAdapter(NoticeDraftBody)
NOTICE_VERSION: Final = TypeAdapter(NoticeVersionBody)
PURPOSE_DRAFT: Final = TypeAdapter(PurposeDraftBody)
PURPOSE_VERSION: Final = TypeAdapter(PurposeVersionBody)

_SHOWN: Final[dict[str, Any]] = {
    "parameters": [
        *query_parameter("locale", "string", "Language; another is shown where there is none.")["parameters"],
        *query_parameter("version", "string", "An older published version.")["parameters"],
    ]
}


@ROUTER.get("/v1/notices/{key}", summary="The notice in force", openapi_extra=_SHOWN)
async def in_force(request: Request, key: str) -> Response:
    """Answer the notice `key`, or the one in force for the purpose called `key`. Needs no token.

    `text` is shown byte for byte: `sha256` is of its UTF-8. `served_id` names this showing; a decision may cite it.
    """
    answer = await services_of(request).consents.notices.in_force(
        key, one(request, "locale", longest=16), one(request, "version", longest=16)
    )
    # Weak: each answer has its own served_id, and whoever keeps an older one was shown the same.
    etag = f'W/"{answer.pop("etag")}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Content-Language": str(answer["locale"])}
    if _matches(request, etag):
        return Response(status_code=304, headers=headers)
    response = json_response(answer)
    response.headers.update(headers)
    return response


@ROUTER.get("/v1/notices", summary="Every version of every notice")
async def list_notices(request: Request) -> Response:
    """Answer versions, newest last; for collection points, the privacy officer and auditors."""
    return json_response({"items": await services_of(request).consents.notices.all_notices(requester_of(request))})


@ROUTER.post("/v1/notices:draft", summary="Draft a version of a notice", openapi_extra=body_schema(NOTICE_DRAFT))
async def draft(request: Request) -> Response:
    """Keep a version that nobody is shown yet. A text is needed in Japanese and in English."""
    requester = requester_of(request)
    body = await read_body(request, NOTICE_DRAFT)
    notices = services_of(request).consents.notices
    return json_response(await notices.draft(requester, body.key, Change(body.change), body.purposes, body.texts))


@ROUTER.post("/v1/notices:publish", summary="Publish a draft", openapi_extra=body_schema(NOTICE_VERSION))
async def publish(request: Request) -> Response:
    """Bring a draft into force. Major: whoever agreed is asked again, and counts as not agreeing until then."""
    requester = requester_of(request)
    body = await read_body(request, NOTICE_VERSION)
    return json_response(await services_of(request).consents.notices.publish(requester, body.key, str(body.version)))


@ROUTER.post("/v1/notices:simulate", summary="What would publishing do?", openapi_extra=body_schema(NOTICE_VERSION))
async def simulate(request: Request) -> Response:
    """Answer how many people would have to be asked again, and which requesters would lose data."""
    requester = requester_of(request)
    body = await read_body(request, NOTICE_VERSION)
    return json_response(await services_of(request).consents.notices.simulate(requester, body.key, str(body.version)))


@ROUTER.get("/v1/purposes", summary="What people are told of each purpose")
async def list_purposes(request: Request) -> Response:
    """Answer the facts in force and every version; for collection points, the privacy officer and auditors."""
    requester = requester_of(request)
    return json_response({"items": await services_of(request).consents.notices.purposes.all_versions(requester)})


@ROUTER.post("/v1/purposes", summary="Draft what people are told", openapi_extra=body_schema(PURPOSE_DRAFT))
async def draft_purpose(request: Request) -> Response:
    """Keep other facts about a purpose: the facts in force, with those of the body in their place.

    This changes what people are told, never what is enforced: legal basis, cells, output and the like stand in
    `sekisho.yaml` alone. Asking for more than people were told is a major change.
    """
    requester = requester_of(request)
    body = await read_body(request, PURPOSE_DRAFT)
    purposes = services_of(request).consents.notices.purposes
    facts = body.facts.model_dump(exclude_unset=True)
    return json_response(await purposes.draft(requester, body.purpose, Change(body.change), facts))


@ROUTER.post("/v1/purposes:publish", summary="Publish a draft", openapi_extra=body_schema(PURPOSE_VERSION))
async def publish_purpose(request: Request) -> Response:
    """Bring drafted facts into force. Major: whoever agreed is asked again. Enforces nothing new."""
    requester = requester_of(request)
    body = await read_body(request, PURPOSE_VERSION)
    notices = services_of(request).consents.notices
    return json_response(await notices.publish_purpose(requester, body.purpose, str(body.version)))


@ROUTER.post("/v1/purposes:simulate", summary="What would publishing do?", openapi_extra=body_schema(PURPOSE_VERSION))
async def simulate_purpose(request: Request) -> Response:
    """Answer how many people would have to be asked again, and which requesters would lose data."""
    requester = requester_of(request)
    body = await read_body(request, PURPOSE_VERSION)
    purposes = services_of(request).consents.notices.purposes
    return json_response(await purposes.simulate(requester, body.purpose, str(body.version)))


def _matches(request: Request, etag: str) -> bool:
    """Return whether the caller has this already (RFC 9110, 13.1.2: compared weakly)."""
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    return etag.removeprefix("W/") in known or "*" in known

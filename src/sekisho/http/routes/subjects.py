"""``/v1/data-subjects``: who is who, for those who may know."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from sekisho.http.auth import requester_of
from sekisho.http.bodies import Body, SubjectText, read_body
from sekisho.http.query_parameters import instant, whole_number
from sekisho.http.routing import body_schema, json_response, query_parameter, router
from sekisho.http.services import services_of
from sekisho.http.subjects import subject_ref

ROUTER = router("subjects")


class ResolveBody(Body):
    """``POST /v1/data-subjects:resolve``."""

    data_subject: SubjectText


class LinkBody(Body):
    """``POST /v1/data-subjects:link`` and ``:unlink``: two identifiers of one person."""

    data_subjects: Annotated[list[SubjectText], Field(min_length=2, max_length=2)]


RESOLVE: Final = TypeAdapter(ResolveBody)
LINK: Final = TypeAdapter(LinkBody)

_TIMES = {
    "parameters": [
        *query_parameter("valid_at", "string", "What held then (RFC 3339); now when left out.")["parameters"],
        *query_parameter("known_at", "string", "By what was recorded until then; now when left out.")["parameters"],
        *query_parameter("min_seq", "integer", "Answer from this consent sequence on.")["parameters"],
    ]
}


@ROUTER.post("/v1/data-subjects:resolve", summary="The id of a person", openapi_extra=body_schema(RESOLVE))
async def resolve(request: Request) -> Response:
    """Answer the `id` under which a person stands in addresses, for collection points and the privacy officer.

    Whoever is unknown is not found, and stays unknown.
    """
    requester = requester_of(request)
    body = await read_body(request, RESOLVE)
    return json_response(
        await services_of(request).consents.linking.resolve(requester, subject_ref(body.data_subject))
    )


@ROUTER.post("/v1/data-subjects:link", summary="Two identifiers, one person", openapi_extra=body_schema(LINK))
async def link(request: Request) -> Response:
    """Take two identifiers for one person: the most restrictive consent of both counts (名寄せ). Answers `seq`.

    Pseudonyms stay as they are. An identifier never asked stays unknown.
    """
    requester = requester_of(request)
    body = await read_body(request, LINK)
    people = [subject_ref(text) for text in body.data_subjects]
    return json_response(await services_of(request).consents.linking.link(requester, people))


@ROUTER.post("/v1/data-subjects:unlink", summary="Undo a link", openapi_extra=body_schema(LINK))
async def unlink(request: Request) -> Response:
    """Undo a link. What was withdrawn while it lasted stays withdrawn on both sides. Answers `seq`."""
    requester = requester_of(request)
    body = await read_body(request, LINK)
    people = [subject_ref(text) for text in body.data_subjects]
    return json_response(await services_of(request).consents.linking.unlink(requester, people))


@ROUTER.get("/v1/data-subjects/{subject_id}/consents", summary="A person's consents", openapi_extra=_TIMES)
async def consents(request: Request, subject_id: str) -> Response:
    """List a person's purposes with state, receipt and notice, now or as they were.

    `valid_at` asks what we now know was true then, and `known_at` besides what we believed then. For collection
    points and the privacy officer.
    """
    requester = requester_of(request)
    found = await services_of(request).consents.reading.subject_consents(
        requester,
        subject_id,
        valid_at=instant(request, "valid_at"),
        known_at=instant(request, "known_at"),
        min_seq=whole_number(request, "min_seq"),
    )
    return json_response(found)

"""``/v1/query``: governed rows, and why a statement gets them or not."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from sekisho.domain.limits import ReleaseFormat
from sekisho.domain.refusal_texts import LANGUAGES
from sekisho.errors import InvalidRequest
from sekisho.http.auth import requester_of
from sekisho.http.bodies import QUERY, ContextBody, QueryBody, read_body
from sekisho.http.formats import FORMATS, JSON, Format, language_of, negotiate
from sekisho.http.release import release_response, unless_gone
from sekisho.http.routing import body_schema, json_response, router
from sekisho.http.services import services_of
from sekisho.release import Ask, Occasion

ROUTER = router("query")

RELEASE_RESPONSES: Final[dict[int | str, dict[str, object]]] = {
    200: {
        "description": "Governed rows. NDJSON and Arrow say at their end whether they are complete.",
        "content": {form.media_type: {} for form in FORMATS},
    }
}
"""What an answer with rows looks like in OpenAPI."""


@ROUTER.post("/v1/query", summary="Governed rows", openapi_extra=body_schema(QUERY), responses=RELEASE_RESPONSES)
async def query(request: Request) -> Response:
    """Run one read-only statement for a purpose. `Accept` chooses the form.

    JSON comes in pages of at most 10,000 rows: the same body with `cursor`, the `next_cursor` of the page before,
    asks for the next one.
    """
    requester = requester_of(request)
    form = negotiate(request.headers.get("accept"))
    body = await read_body(request, QUERY)
    ask = replace(_ask(body), paged=form is JSON, occasion=occasion_of(form, body.context))
    if ask.cursor is not None and not ask.paged:
        raise InvalidRequest("A cursor goes on in JSON; Arrow, NDJSON, CSV and Parquet are one answer, whole.")
    asking = services_of(request).gateway.query(requester, ask, page_rows=form.page_rows)
    release = await unless_gone(request, asking)
    return await release_response(request, release, form, requester, ask.purpose)


@ROUTER.post("/v1/query:explain", summary="The decision, without rows", openapi_extra=body_schema(QUERY))
async def explain(request: Request) -> Response:
    """Tell decision, reasons, transforms, consent requirement and the governed SQL with literals hidden.

    Of a no, tell why and which single change would make it a yes. `Accept-Language` chooses `ja` or `en`.
    """
    requester = requester_of(request)
    ask = _ask(await read_body(request, QUERY))
    language = language_of(request.headers.get("accept-language"), LANGUAGES)
    response = json_response(await services_of(request).gateway.explain(requester, ask, language))
    response.headers["content-language"] = language
    response.headers["vary"] = "Accept-Language"
    return response


def _ask(body: QueryBody) -> Ask:
    return Ask(
        body.purpose,
        body.sql,
        tuple(body.parameters),
        body.max_rows,
        cursor=body.cursor,
        occasion=occasion_of(None, body.context),
    )


def occasion_of(form: Format | None, context: ContextBody | None) -> Occasion:
    """Return on what occasion a request is made: the form of its answer, and what its body says."""
    named = None if form is None else ReleaseFormat(form.name)
    return Occasion(named) if context is None else Occasion(named, context.ticket, context.grant)

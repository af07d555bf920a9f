"""``/v1/provision-records`` (APPI 29, 30) and ``/v1/ropa`` (GDPR 30), for the privacy officer and the auditor."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sekisho.consents.processing_forms import CONTENT_SECURITY_POLICY, LOCALES, as_csv, as_html
from sekisho.consents.provisions import MOST_PEOPLE, Wanted
from sekisho.errors import InvalidRequest
from sekisho.http.auth import requester_of
from sekisho.http.bodies import Body, Instant, Name, SubjectText, read_body
from sekisho.http.query_parameters import instant, one, whole_number
from sekisho.http.routing import body_schema, json_response, query_parameter, router
from sekisho.http.services import services_of
from sekisho.http.subjects import subject_ref

ROUTER = router("registers")
_MOST: Final = 1_000


class SearchBody(Body):
    """``POST /v1/provision-records:search``."""

    data_subject: SubjectText | None = None
    requester: Name | None = None
    purpose: Name | None = None
    since: Annotated[Instant | None, Field(alias="from")] = None
    until: Annotated[Instant | None, Field(alias="to")] = None
    cursor: Annotated[str, Field(max_length=64)] | None = None
    limit: Annotated[int, Field(ge=1, le=_MOST)] = 100


SEARCH: Final = TypeAdapter(SearchBody)


def _documented(*parameters: tuple[str, str, str]) -> dict[str, Any]:
    return {"parameters": [each for one in parameters for each in query_parameter(*one)["parameters"]]}


_FILTERS: Final = _documented(
    ("direction", "string", "`provided` (default), or `received`: datasets that came from third parties."),
    ("requester", "string", "The third party, by its name in the workspace."),
    ("purpose", "string", "For which purpose it was provided."),
    ("from", "string", "From this time on (RFC 3339)."),
    ("to", "string", "Before this time."),
    ("cursor", "string", "Go on where an earlier answer ended."),
    ("limit", "integer", "Records in one answer, at most 1,000."),
)
_PAGE: Final = _documented(
    ("cursor", "string", "Go on where an earlier answer ended."),
    ("limit", "integer", "People in one answer, at most 50,000."),
)
_LOCALE: Final = query_parameter("locale", "string", "Language of CSV and HTML: `ja` (default) or `en`.")


@ROUTER.get("/v1/provision-records", summary="What third parties received", openapi_extra=_FILTERS)
async def provided(request: Request) -> Response:
    """List the records of provision to third parties (APPI 29), oldest first: one for each page that left."""
    requester = requester_of(request)
    provisions = services_of(request).consents.provisions
    direction = one(request, "direction")
    if direction == "received":
        return json_response(await provisions.received(requester))
    if direction not in {None, "provided"}:
        raise InvalidRequest("direction is provided or received.")
    wanted = Wanted(
        requester=one(request, "requester"),
        purpose=one(request, "purpose"),
        since=instant(request, "from"),
        until=instant(request, "to"),
        cursor=one(request, "cursor"),
        limit=_limit(request, 100, _MOST),
    )
    return json_response(await provisions.listed(requester, wanted))


@ROUTER.post("/v1/provision-records:search", summary="Of one person", openapi_extra=body_schema(SEARCH))
async def search(request: Request) -> Response:
    """List the records that name one person, to disclose them (APPI 33(5)); the same filters besides."""
    requester = requester_of(request)
    body = await read_body(request, SEARCH)
    person = None if body.data_subject is None else subject_ref(body.data_subject)
    wanted = Wanted(body.requester, body.purpose, body.since, body.until, body.cursor, body.limit)
    return json_response(await services_of(request).consents.provisions.listed(requester, wanted, person))


@ROUTER.get("/v1/provision-records/{record_id}", summary="One record and its people", openapi_extra=_PAGE)
async def record(request: Request, record_id: str) -> Response:
    """Answer one record with the people whom it names: by reference, for the privacy officer by identifier too."""
    requester = requester_of(request)
    limit = _limit(request, 1_000, MOST_PEOPLE)
    found = await services_of(request).consents.provisions.one(requester, record_id, one(request, "cursor"), limit)
    return json_response(found)


@ROUTER.get("/v1/ropa", summary="Records of processing", openapi_extra=_LOCALE)
async def ropa(request: Request) -> Response:
    """Answer the records of processing (GDPR 30) as JSON; with `Accept: text/csv` or `text/html` in that form."""
    requester = requester_of(request)
    locale = one(request, "locale") or "ja"
    if locale not in LOCALES:
        raise InvalidRequest("locale is ja or en.")
    records = await services_of(request).consents.processing.records(requester)
    accept = request.headers.get("accept", "")
    if "text/csv" in accept:
        headers = {"content-disposition": 'attachment; filename="ropa.csv"'}
        return Response(as_csv(records, locale), media_type="text/csv", headers=headers)
    if "text/html" in accept:
        return HTMLResponse(as_html(records, locale), headers={"content-security-policy": CONTENT_SECURITY_POLICY})
    return json_response(records)


def _limit(request: Request, default: int, most: int) -> int:
    limit = whole_number(request, "limit")
    if limit is None:
        return default
    if not 1 <= limit <= most:
        raise InvalidRequest(f"limit is a whole number from 1 to {most:,}.")
    return limit

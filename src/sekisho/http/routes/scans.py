"""``/v1/catalog``: scans of the stores and reviews of their columns, for the privacy officer."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from sekisho.domain.consent_rules import PRIVACY_OFFICER
from sekisho.domain.scans import Decision
from sekisho.domain.terms import ColumnClass
from sekisho.errors import InvalidRequest, NotFound
from sekisho.http.auth import requester_of, requester_with_role
from sekisho.http.bodies import Body, Name, read_body
from sekisho.http.query_parameters import one
from sekisho.http.routing import body_schema, json_response, query_parameter, router
from sekisho.http.services import services_of
from sekisho.ports.scans import ScanRun
from sekisho.scanning import ColumnReviews, Scans
from sekisho.scanning.reviews import MOST_NOTE, Verdict

ROUTER = router("catalogue")

_SCANS: Final = "/v1/catalog/scans"
_COLUMNS: Final = "/v1/catalog/columns"


class ScanBody(Body):
    """``POST /v1/catalog/scans``; nothing named means every store."""

    stores: Annotated[list[Name], Field(max_length=100)] = Field(default_factory=list)
    datasets: Annotated[list[Name], Field(max_length=1_000)] = Field(default_factory=list)


class ReviewBody(Body):
    """``POST /v1/catalog/columns/{id}:review``."""

    decision: Annotated[str, Field(pattern=r"^(confirm|reject|override)$")]
    column_class: Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")] | None = Field(default=None, alias="class")
    category: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")] | None = None
    note: Annotated[str, Field(max_length=MOST_NOTE)] | None = None


SCAN: Final = TypeAdapter(ScanBody)
REVIEW: Final = TypeAdapter(ReviewBody)

_FILTERS: Final[dict[str, Any]] = {
    "parameters": [
        *query_parameter("state", "string", "proposed, confirmed, rejected, overridden or stale.")["parameters"],
        *query_parameter("dataset", "string", "Columns of one dataset.")["parameters"],
        *query_parameter("cursor", "string", "The next_cursor of the page before.")["parameters"],
    ]
}


@ROUTER.post(_SCANS, summary="Scan stores", status_code=202, openapi_extra=body_schema(SCAN, required=False))
async def begin(request: Request) -> Response:
    """Begin a scan; `Location` names it. Without `stores` and `datasets` every store is scanned.

    Samples are looked at inside the gateway and not kept. For the privacy officer.
    """
    requester = requester_with_role(request, PRIVACY_OFFICER)
    body = await read_body(request, SCAN, default=b"{}")
    run = await _scans(request).begin(requester, [*body.stores, *body.datasets])
    response = json_response(_told(run), status=202)
    response.headers["Location"] = f"{_SCANS}/{run.id}"
    return response


@ROUTER.get(_SCANS + "/{scan_id}", summary="How far a scan is, and what it found")
async def show(request: Request, scan_id: str) -> Response:
    """Answer `{id, status, progress, …}`; `status` is `running`, `done` or `failed`, with `error`.

    `findings` are columns that need to be looked at (again), `ungoverned` those that nobody can ask for.
    """
    requester = requester_of(request)
    return json_response(_told(await _scans(request).find(requester, scan_id)))


@ROUTER.get(_COLUMNS, summary="Columns, what they seem to be, and their review", openapi_extra=_FILTERS)
async def columns(request: Request) -> Response:
    """Answer `{items, next_cursor?}`. `in_force` is the class that statements meet; for the privacy officer."""
    requester = requester_with_role(request, PRIVACY_OFFICER)
    reviews = _reviews(request)
    return json_response(
        await reviews.page(
            requester,
            state=one(request, "state", longest=16),
            dataset=one(request, "dataset", longest=160),
            cursor=one(request, "cursor", longest=64),
        )
    )


@ROUTER.get(_COLUMNS + "/{column_id}/reviews", summary="Every review of a column")
async def history(request: Request, column_id: str) -> Response:
    """Answer `{items}`, oldest first: who decided what, and when. 404 for who is no privacy officer."""
    requester = requester_of(request)
    items = await _reviews(request).history(requester, column_id)
    return json_response({"items": items})


@ROUTER.post(_COLUMNS + "/{column_id}:review", summary="Review a column", openapi_extra=body_schema(REVIEW))
async def review(request: Request, column_id: str) -> Response:
    """Confirm or reject what was proposed, or override it with `class` and maybe `category`.

    It counts for every statement that starts after the answer; where no column is left to the review and there is no
    section `scan` it can only restrict, and reaches other workers within a second. 404 for who is no privacy officer.
    """
    requester = requester_of(request)
    if PRIVACY_OFFICER not in requester.roles:
        raise NotFound("There is no such column.")
    body = await read_body(request, REVIEW)
    verdict = Verdict(Decision(body.decision), _class(body.column_class), body.category, body.note)
    return json_response(await _reviews(request).review(requester, column_id, verdict))


def _class(spelled: str | None) -> ColumnClass | None:
    if spelled is None:
        return None
    try:
        return ColumnClass(spelled)
    except ValueError:
        raise InvalidRequest(f"class is one of {', '.join(ColumnClass)}.") from None


def _scans(request: Request) -> Scans:
    scans = services_of(request).scans
    if scans is None:
        raise NotFound("There are no scans here.")
    return scans


def _reviews(request: Request) -> ColumnReviews:
    reviews = services_of(request).column_reviews
    if reviews is None:
        raise NotFound("There are no scans here.")
    return reviews


def _told(run: ScanRun) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": run.id,
        "status": run.status.value,
        "progress": round(run.progress, 4),
        "wanted": list(run.wanted),
        "requested_by": run.by,
        "started_at": run.started_at,
        "updated_at": run.updated_at,
        **run.result,
    }
    if run.error is not None:
        told["error"] = {"code": run.error}
    return told

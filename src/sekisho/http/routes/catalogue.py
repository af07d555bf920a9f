"""``/v1/datasets`` and ``/v1/views``: the catalogue as a requester may see it.

What one may not see and what does not exist have the same answer.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sekisho.domain.terms import Dataset, Requester, StatisticsView
from sekisho.errors import NotFound
from sekisho.http.auth import requester_of
from sekisho.http.bodies import VIEW, read_body
from sekisho.http.formats import negotiate
from sekisho.http.release import release_response
from sekisho.http.routes.query import RELEASE_RESPONSES, occasion_of
from sekisho.http.routing import body_schema, json_response, router
from sekisho.http.services import services_of

ROUTER = router("catalogue")


@ROUTER.get("/v1/datasets", summary="Datasets")
async def datasets(request: Request) -> Response:
    """List the datasets bound to the caller's purposes."""
    requester = requester_of(request)
    found = services_of(request).gateway.datasets(requester)
    return json_response({"items": [_dataset(dataset, requester) for dataset in found]})


@ROUTER.get("/v1/datasets/{name}", summary="One dataset")
async def dataset(request: Request, name: str) -> Response:
    """Describe one dataset: columns with type and class."""
    requester = requester_of(request)
    for found in services_of(request).gateway.datasets(requester):
        if found.name == name:
            return json_response(_dataset(found, requester))
    raise NotFound("There is no such dataset; /v1/datasets lists yours.")


@ROUTER.get("/v1/views", summary="Published views")
async def views(request: Request) -> Response:
    """List the published statistics views of the caller's purposes."""
    requester = requester_of(request)
    return json_response({"items": [_view(view) for view in services_of(request).gateway.views(requester)]})


@ROUTER.get("/v1/views/{name}", summary="One published view")
async def view(request: Request, name: str) -> Response:
    """Describe one published view."""
    return json_response(_view(_find_view(request, requester_of(request), name)))


@ROUTER.post(
    "/v1/views/{name}:read",
    summary="Rows of a published view",
    openapi_extra=body_schema(VIEW),
    responses=RELEASE_RESPONSES,
)
async def read_view(request: Request, name: str) -> Response:
    """Answer the view's cached release. `Accept` chooses the form."""
    requester = requester_of(request)
    form = negotiate(request.headers.get("accept"))
    body = await read_body(request, VIEW)
    release = await services_of(request).gateway.read_view(
        requester, name, body.purpose, occasion_of(form, body.context)
    )
    return await release_response(request, release, form, requester, body.purpose)


def _find_view(request: Request, requester: Requester, name: str) -> StatisticsView:
    for found in services_of(request).gateway.views(requester):
        if found.name == name:
            return found
    raise NotFound("There is no such view; /v1/views lists yours.")


def _dataset(dataset: Dataset, requester: Requester) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "title": dict(dataset.title),
        "data_category": dataset.data_category,
        "data_subject": dataset.data_subject.column if dataset.data_subject else None,
        # The purposes of others are none of the caller's business.
        "purposes": sorted(dataset.purposes & requester.purposes),
        "columns": [
            {
                "name": column.name,
                "type": column.type.value,
                "class": column.column_class.value,
                "title": dict(column.title),
            }
            for column in dataset.columns
        ],
    }


def _view(view: StatisticsView) -> dict[str, Any]:
    return {
        "name": view.name,
        "title": dict(view.title),
        "purpose": view.purpose,
        "min_group": view.min_group,
    }

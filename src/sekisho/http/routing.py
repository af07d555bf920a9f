"""Routes that hand the request straight to their function.

FastAPI keeps routing and the OpenAPI document; its dependency solver, which would parse the body a
second time and may run things in threads, is left out: 60 to 120 µs of each request.

Routes that write take an ``Idempotency-Key`` (:mod:`.idempotency`).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

import orjson
from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sekisho.errors import NotFound
from sekisho.http.idempotency import PARAMETER, idempotent, takes_key

_PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "status", "code", "trace_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "trace_id": {"type": "string"},
        "reasons": {"type": "array", "items": {"type": "string"}},
    },
}
_PROBLEM: Final[dict[str, Any]] = {
    "description": "A problem (RFC 9457) with a stable code.",
    "content": {"application/problem+json": {"schema": _PROBLEM_SCHEMA}},
}
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    # 422 stands here to replace the framework's own answer, which echoes the input.
    401: _PROBLEM,
    422: _PROBLEM,
    "4XX": _PROBLEM,
    "5XX": _PROBLEM,
}


class DirectRoute(APIRoute):
    """Calls ``endpoint(request, **path parameters)``; the endpoint is a coroutine and returns a response."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Make the route; one that writes is documented as taking a key."""
        if takes_key(options.get("methods"), path):
            extra = options.get("openapi_extra") or {}
            others = [parameter for parameter in extra.get("parameters", []) if parameter is not PARAMETER]
            options["openapi_extra"] = {**extra, "parameters": [*others, PARAMETER]}
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the function that serves the route."""
        endpoint = self.endpoint

        async def handle(request: Request) -> Response:
            response = await endpoint(request, **request.path_params)
            assert isinstance(response, Response)  # noqa: S101 - what every endpoint returns
            return response

        return idempotent(handle) if takes_key(self.methods, self.path) else handle


class StaticRoutes:
    """The ASGI middleware that serves direct routes whose address has no parameter, found by one look.

    The framework tries its routes one after another and wraps each call several times, which takes as long as
    all the rest of a small request. Whatever is not found here is its own.

    Parameters
    ----------
    app:
        The application inside.
    routers:
        Whose routes these are.
    """

    def __init__(self, app: ASGIApp, *, routers: Iterable[APIRouter]) -> None:
        self._app = app
        self._routes = {
            (method, route.path): (route, route.get_route_handler())
            for router in routers
            for route in router.routes
            if isinstance(route, DirectRoute) and "{" not in route.path
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. What an endpoint raises is for the layer outside.

        No name or id has a zero byte, and not every database can even be asked for one: there is no such resource.
        """
        if scope["type"] == "http" and "\0" in scope["path"]:
            raise NotFound("There is no such resource; /openapi.json lists all.")
        found = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        scope["route"], handle = found
        response = await handle(Request(scope, receive, send))
        await response(scope, receive, send)


def router(tag: str) -> APIRouter:
    """Return an empty router whose routes are direct and documented under *tag*."""
    return APIRouter(route_class=DirectRoute, tags=[tag], responses=PROBLEMS, default_response_class=Response)


def query_parameter(name: str, kind: str, description: str) -> dict[str, Any]:
    """Return the OpenAPI member that documents an optional query parameter read by hand."""
    parameter = {"name": name, "in": "query", "required": False, "description": description}
    return {"parameters": [{**parameter, "schema": {"type": kind}}]}


def body_schema(adapter: TypeAdapter[Any], *, required: bool = True) -> dict[str, Any]:
    """Return the OpenAPI member that documents a request body read by hand."""
    schema = adapter.json_schema(ref_template="#/components/schemas/{model}")
    # Definitions stand inline: FastAPI collects only the models that it reads itself.
    definitions = schema.pop("$defs", {})
    schema = _inlined(schema, definitions)
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inlined(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
        return {key: _inlined(value, definitions) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_inlined(value, definitions) for value in schema]
    return schema


def json_response(value: object, status: int = 200) -> Response:
    """Return *value* as JSON; instants in UTC as RFC 3339."""
    body = orjson.dumps(value, option=orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z)
    return Response(body, status_code=status, media_type="application/json")

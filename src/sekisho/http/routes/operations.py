"""``/health/*``, ``/metrics``, ``/.well-known/jwks.json`` and ``/docs``: for those who run the service."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from sekisho.errors import (
    AuditUnavailable,
    ConsentUnavailable,
    PolicyUnavailable,
    StoreUnavailable,
    Unavailable,
)
from sekisho.http.documentation import documentation_page
from sekisho.http.problems import problem_response
from sekisho.http.routing import json_response, router
from sekisho.http.services import HealthProbe, services_of
from sekisho.ports import WitnessStatus

ROUTER = router("operations")

GPC_SINCE: Final = "2026-11-21"
"""The day on which heeding the signal was last changed."""

_ERRORS: dict[str, type[Unavailable]] = {
    "policy": PolicyUnavailable,
    "audit": AuditUnavailable,
    "consent": ConsentUnavailable,
}


@ROUTER.get("/health/live", summary="Whether the process runs")
async def live(_request: Request) -> Response:
    """Answer as long as the event loop does."""
    return json_response({"status": "live"})


@ROUTER.get("/health/ready", summary="Whether requests can be answered")
async def ready(request: Request) -> Response:
    """Probe policy, consent, audit log and stores. One that does not answer makes the service unready.

    Witnesses that do not sign are told, and nothing else: the log goes on without them.
    """
    services = services_of(request)
    timeout = services.settings.health_timeout
    names = list(services.health)
    results = await asyncio.gather(*(_probe(services.health[name], timeout) for name in names))
    checks = {name: "ok" if works else "failed" for name, works in zip(names, results, strict=True)}
    failed = [name for name, works in zip(names, results, strict=True) if not works]
    if services.witnesses is not None:
        checks["witnesses"] = _witnessed(services.witnesses.status())
    if not failed:
        remarks = services.remarks()
        return json_response({"status": "ready", "checks": checks} | ({"remarks": dict(remarks)} if remarks else {}))
    error = _ERRORS.get(failed[0], StoreUnavailable)("Not ready: " + ", ".join(failed) + ".")
    return problem_response(request.scope, error, extra={"checks": checks})


@ROUTER.get("/metrics", summary="Prometheus metrics")
async def metrics(request: Request) -> Response:
    """Answer counts and durations in the Prometheus text format."""
    services = services_of(request)
    measured = services.metrics
    if services.witnesses is not None:
        measured.witnesses(services.witnesses.status())
    return Response(measured.text(), headers={"content-type": measured.content_type})


@ROUTER.get("/.well-known/jwks.json", summary="Public keys")
async def jwks(request: Request) -> Response:
    """Answer the public keys that verify receipts and the embedded issuer's tokens (RFC 7517)."""
    response = json_response(services_of(request).jwks())
    response.headers["cache-control"] = "public, max-age=300"
    return response


@ROUTER.get("/.well-known/gpc.json", summary="Global Privacy Control is heeded")
async def global_privacy_control(_request: Request) -> Response:
    """Answer that ``Sec-GPC: 1`` is taken as an objection (W3C Global Privacy Control, 4)."""
    response = json_response({"gpc": True, "lastUpdate": GPC_SINCE})
    response.headers["cache-control"] = "public, max-age=86400"
    return response


@ROUTER.get("/docs", summary="This interface, readable", include_in_schema=False)
async def docs(request: Request) -> Response:
    """Answer a page that lists the operations of the OpenAPI document."""
    return documentation_page(request.app.openapi())


def _witnessed(status: WitnessStatus) -> str:
    """Return how it stands: ``idle`` where another process asks them, or nothing was signed yet."""
    if status.asked is None:
        return "idle"
    return "ok" if status.witnessed == status.asked else "failed"


async def _probe(probe: HealthProbe, timeout: float) -> bool:  # noqa: ASYNC109 - every probe has the same
    try:
        async with asyncio.timeout(timeout):
            return await probe()
    except Exception:  # noqa: BLE001 - whatever a probe raises, the part does not work
        return False

"""The ASGI application: routes, problems, the outermost layer; composed from ``Services``."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI

from sekisho import __version__
from sekisho.http.middleware import Boundary
from sekisho.http.problems import HANDLERS
from sekisho.http.routes import (
    audit,
    audit_exports,
    audit_proofs,
    audit_reports,
    catalogue,
    changes,
    consents,
    grants,
    imports,
    keys,
    me,
    notices,
    operations,
    policy,
    query,
    receipts,
    registers,
    rights,
    scans,
    session,
    subjects,
    webhooks,
)
from sekisho.http.routing import StaticRoutes
from sekisho.http.services import Services

_DESCRIPTION: Final = (
    "No customer data leaves a store without a purpose, a decision, a consent and a record. "
    "目的・判断・同意・記録のないかぎり、顧客データは外に出ません。"
)

_PARTS: Final = (
    query,
    catalogue,
    scans,
    consents,
    changes,
    grants,
    imports,
    webhooks,
    subjects,
    notices,
    me,
    session,
    receipts,
    rights,
    registers,
    audit,
    policy,
    audit_proofs,
    audit_reports,
    audit_exports,
    keys,
    operations,
)


def create_app(services: Services) -> FastAPI:
    """Return the application that serves the HTTP contract.

    Parameters
    ----------
    services:
        What the routes call; the application keeps it in ``app.state.services``.
    """
    app = FastAPI(
        title="Sekisho",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,  # ours is in routes.operations
        redoc_url=None,
        redirect_slashes=False,  # one resource, one address
        # The framework's own tracing names functions and may carry exceptions with values.
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    app.state.services = services
    for exception, handler in HANDLERS.items():
        app.add_exception_handler(exception, handler)
    for part in _PARTS:
        app.include_router(part.ROUTER)
    app.add_middleware(StaticRoutes, routers=[part.ROUTER for part in _PARTS])
    app.add_middleware(Boundary, metrics=services.metrics, body_limit=services.settings.body_limit)
    return app

"""``/v1/grants``: grants for emergencies that are in force, and an end to one before its time."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from sekisho.domain.consent_rules import PRIVACY_OFFICER
from sekisho.http.auth import requester_with_role
from sekisho.http.routing import json_response, router
from sekisho.http.services import services_of

ROUTER = router("grants")


@ROUTER.get("/v1/grants", summary="Grants for emergencies in force")
async def in_force(request: Request) -> Response:
    """List the grants that have neither ended nor were called back; for the privacy officer."""
    requester_with_role(request, PRIVACY_OFFICER)
    found = await services_of(request).gateway.grants.in_force()
    return json_response({"items": [each.to_json() for each in found]})


@ROUTER.post("/v1/grants/{grant_id}:revoke", summary="Call a grant back")
async def revoke(request: Request, grant_id: str) -> Response:
    """End a grant before its time; for the privacy officer.

    Nothing is decided on it from the answer on, on no worker, and an answer under way on it is broken off.
    """
    officer = requester_with_role(request, PRIVACY_OFFICER)
    return json_response((await services_of(request).gateway.grants.revoke(officer, grant_id)).to_json())

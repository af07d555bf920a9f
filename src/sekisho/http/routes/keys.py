"""``/v1/keys:rotate`` for the privacy officer, ``/v1/pseudonyms:detokenise`` for a purpose of its own."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from sekisho.detokenising import MOST
from sekisho.domain.consent_rules import PRIVACY_OFFICER
from sekisho.domain.limits import ReleaseFormat
from sekisho.errors import NotFound
from sekisho.http.auth import requester_of, requester_with_role
from sekisho.http.bodies import Body, Name, read_body
from sekisho.http.routing import body_schema, json_response, router
from sekisho.http.services import services_of
from sekisho.ports import PSEUDONYMS
from sekisho.received import Received
from sekisho.release import Occasion

ROUTER = router("keys")


class RotateBody(Body):
    """``POST /v1/keys:rotate``."""

    scope: Name = PSEUDONYMS


class DetokeniseBody(Body):
    """``POST /v1/pseudonyms:detokenise``."""

    purpose: Name
    received_by: Name
    received_for: Name
    pseudonyms: Annotated[list[Annotated[str, Field(max_length=256)]], Field(min_length=1, max_length=MOST)]
    column: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,63}(\.[a-z0-9_]{1,63}){2}$")] | None = None
    identifier: Name | None = None
    ticket: Annotated[str, Field(max_length=64)] | None = None


ROTATE: Final = TypeAdapter(RotateBody)
DETOKENISE: Final = TypeAdapter(DetokeniseBody)


@ROUTER.post(
    "/v1/keys:rotate",
    summary="A new epoch of pseudonyms and tokens",
    openapi_extra=body_schema(ROTATE, required=False),
)
async def rotate(request: Request) -> Response:
    """Begin an epoch for all purposes (`pseudonyms`), or for the purpose that `scope` names.

    Whatever starts after the answer gives out new pseudonyms, on every worker; what is under way ends as it began.
    Those of the former epochs (`keys.grace_epochs`) are still read. For the privacy officer.
    """
    officer = requester_with_role(request, PRIVACY_OFFICER)
    rotation = services_of(request).rotation
    body = await read_body(request, ROTATE, default=b"{}")
    if rotation is None:
        raise NotFound("This gateway does not rotate keys.")
    begun = await rotation.rotate(officer, body.scope)
    return json_response({"epoch": begun.epoch, "scope": begun.scope, "began_at": begun.began_at})


@ROUTER.post(
    "/v1/pseudonyms:detokenise",
    summary="Turn pseudonyms back into identifiers",
    openapi_extra=body_schema(DETOKENISE),
)
async def detokenise(request: Request) -> Response:
    """Answer the identifier of each of `pseudonyms`, which `received_by` received for `received_for`.

    With `column` (`DATASET.COLUMN`) they are tokens of that linking identifier, and the identifier is that of the
    person whose it is. For a purpose that `sekisho.yaml` declares with `detokenise`. Whatever leads to nobody is
    null. The audit record names everybody who is told of, before the answer leaves.
    """
    requester = requester_of(request)
    detokenising = services_of(request).detokenising
    body = await read_body(request, DETOKENISE)
    if detokenising is None:
        raise NotFound("This gateway turns no pseudonyms back.")
    turned = await detokenising.turn_back(
        requester,
        body.purpose,
        Received(body.received_by, body.received_for, tuple(body.pseudonyms), body.column),
        body.identifier,
        Occasion(ReleaseFormat.JSON, body.ticket),
    )
    release = {
        "id": turned.id,
        "audit_seq": turned.audit_seq,
        "policy_revision": turned.policy_revision,
        "rows": turned.rows.num_rows,
    }
    return json_response({"items": turned.rows.to_pylist(), "release": release})

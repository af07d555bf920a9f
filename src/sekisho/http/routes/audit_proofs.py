"""``/v1/audit/checkpoint`` and proofs: what an auditor keeps, and what shows that the log kept its word."""

from __future__ import annotations

import base64
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from sekisho.domain.checkpoint import PROOF_SUFFIX, RecordProof, format_proof, parse_checkpoint
from sekisho.domain.note import parse_note
from sekisho.domain.tlog import leaf_hash
from sekisho.errors import InvalidRequest, NotFound
from sekisho.http.auth import requester_of, requester_with_role
from sekisho.http.query_parameters import whole_number
from sekisho.http.routes.audit import ROLES
from sekisho.http.routing import json_response, router
from sekisho.http.services import services_of
from sekisho.ports import AuditEntry, AuditProofs

ROUTER = router("audit")
_TEXT: Final = "text/plain; charset=utf-8"


@ROUTER.get("/v1/audit/checkpoint", summary="The newest signed checkpoint")
async def checkpoint(request: Request) -> Response:
    """Answer a signed note (C2SP tlog-checkpoint): how many records there are, and the root of the tree over them."""
    requester_with_role(request, *ROLES)
    return Response(await _newest(_proofs(request)), headers={"content-type": _TEXT, "cache-control": "no-store"})


@ROUTER.get("/v1/audit/records/{record_id}/proof", summary="Proof that a record is in the log")
async def proof(request: Request, record_id: str) -> Response:
    """Answer the record's place and audit path, and the checkpoint that they lead to.

    With `Accept: text/plain` the answer is one file (C2SP tlog-proof) that holds all of it, the record too.
    """
    requester = requester_of(request)
    if requester.roles.isdisjoint(ROLES):
        raise NotFound("There is no such record.")
    found = await _proofs(request).proof_of(record_id)
    # The proof carries the record, so that somebody read it.
    await services_of(request).audit.append(
        AuditEntry("audit.read", {"requester": requester.name, "record": record_id[:36], "proof": True})
    )
    if "text/plain" in request.headers.get("accept", ""):
        name = f'attachment; filename="{found.index}{PROOF_SUFFIX}"'
        return Response(format_proof(found), headers={"content-type": _TEXT, "content-disposition": name})
    return json_response(_described(record_id, found))


@ROUTER.get("/v1/audit/consistency", summary="Proof that the log only grew")
async def consistency(request: Request) -> Response:
    """Answer the proof that the tree of `to` records (the newest, left out) continues that of `from`."""
    requester_with_role(request, *ROLES)
    proofs = _proofs(request)
    note = await _newest(proofs)
    old, new = whole_number(request, "from"), whole_number(request, "to")
    if old is None:
        raise InvalidRequest("from is a number of records: the size of the tree of an older checkpoint.")
    if new is None:
        new = parse_checkpoint(parse_note(note).text).size
    hashes = await proofs.consistency(old, new)
    return json_response({"from": old, "to": new, "hashes": _base64(hashes), "checkpoint": note})


async def _newest(proofs: AuditProofs) -> str:
    return await proofs.published() or await proofs.advance()


def _proofs(request: Request) -> AuditProofs:
    proofs = services_of(request).proofs
    if proofs is None:
        raise NotFound("This service keeps no tree over its audit log.")
    return proofs


def _described(record_id: str, found: RecordProof) -> dict[str, object]:
    newest = parse_checkpoint(parse_note(found.checkpoint).text)
    record = found.record or b""
    return {
        "record_id": record_id,
        "record": record.decode(),
        "leaf_hash": _base64([leaf_hash(record)])[0],
        "index": found.index,
        "tree_size": newest.size,
        "root_hash": _base64([newest.root])[0],
        "hashes": _base64(found.hashes),
        "checkpoint": found.checkpoint,
    }


def _base64(hashes: list[bytes] | tuple[bytes, ...]) -> list[str]:
    return [base64.b64encode(each).decode("ascii") for each in hashes]

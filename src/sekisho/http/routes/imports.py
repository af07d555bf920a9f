"""``/v1/consents:import``: bulk history."""

from __future__ import annotations

import asyncio
import tempfile
from typing import Any, BinaryIO, Final

from starlette.requests import Request
from starlette.responses import Response

from sekisho.consents.import_lines import ImportFormat
from sekisho.errors import InvalidRequest
from sekisho.http.auth import requester_of
from sekisho.http.problems import problem_response
from sekisho.http.routing import json_response, query_parameter, router
from sekisho.http.services import services_of

ROUTER = router("imports")

_FORMATS: Final = {"application/x-ndjson": ImportFormat.NDJSON, "text/csv": ImportFormat.CSV}
_BLOCK: Final = 1 << 20  # bytes gathered before they are written
_FLAGS: Final = {"true": True, "false": False}
_LINE: Final = {"schema": {"type": "string", "description": "One event for each line, as POST /v1/consents/events."}}
_DOCUMENTED: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": dict.fromkeys(_FORMATS, _LINE)},
    "parameters": [
        *query_parameter("dry_run", "boolean", "Check every line and change nothing.")["parameters"],
        *query_parameter("skip_faults", "boolean", "Import the good lines of a file with faults.")["parameters"],
    ],
}


@ROUTER.post("/v1/consents:import", summary="Import consent history", openapi_extra=_DOCUMENTED)
async def import_events(request: Request) -> Response:
    """Import events that were said elsewhere, from NDJSON or CSV; `occurred_at` is required.

    Answers `{batch, lines, valid, recorded, unchanged, left_out, faults, fault_count, finished, seq}`, `faults` by
    line. A file with faults is not imported at all (422, with the same members) unless `skip_faults`. A file whose
    import broke off is sent again, and goes on; a finished one answers what it did. History never overrides
    what came in since. For collection points.
    """
    requester = requester_of(request)
    services = services_of(request)
    importing = services.consents.importing
    importing.require_may_import(requester)  # before anything of the body is kept
    file_format = _FORMATS.get(request.headers.get("content-type", "").partition(";")[0].strip().lower())
    if file_format is None:
        raise InvalidRequest("Send the file as application/x-ndjson or text/csv.")
    dry_run, skip_faults = _flag(request, "dry_run"), _flag(request, "skip_faults")
    with tempfile.TemporaryFile(dir=services.settings.spool_folder) as spool:
        await _collect(request, spool)
        report = await importing.run(requester, spool, file_format, dry_run=dry_run, skip_faults=skip_faults)
    if dry_run or report["finished"]:
        return json_response(report)
    refusal = InvalidRequest("The file has faults; correct them, or import the good lines with skip_faults=true.")
    return problem_response(request.scope, refusal, report)


async def _collect(request: Request, spool: BinaryIO) -> None:
    """Write the body to *spool* as it comes; its size is limited at the boundary."""
    waiting: list[bytes] = []
    size = 0
    async for piece in request.stream():
        waiting.append(piece)
        size += len(piece)
        if size >= _BLOCK:
            await asyncio.to_thread(spool.writelines, waiting)
            waiting, size = [], 0
    await asyncio.to_thread(spool.writelines, waiting)


def _flag(request: Request, name: str) -> bool:
    values = request.query_params.getlist(name)
    if len(values) > 1 or (values and values[0] not in _FLAGS):
        raise InvalidRequest(f"{name} is true or false.")
    return bool(values) and _FLAGS[values[0]]

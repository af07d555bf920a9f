"""``/v1/audit/exports``: exports of the log as jobs, for auditors and the privacy officer; themselves recorded."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from sekisho.domain.audit_export import MEDIA_TYPES, ExportFilters, ExportOrder
from sekisho.errors import NotFound
from sekisho.http.auth import requester_of, requester_with_role
from sekisho.http.bodies import AUDIT_EXPORT, AuditExportFilters, read_body
from sekisho.http.files import OpenFile
from sekisho.http.routes.audit import ROLES
from sekisho.http.routing import body_schema, json_response, router
from sekisho.http.services import Services, services_of
from sekisho.http.subjects import subject_ref
from sekisho.ports.exports import AuditExports, ExportJob

ROUTER = router("audit")

_PATH: Final = "/v1/audit/exports"
_NO_EXPORT: Final = "There is no such export, or it has expired."
_UNNAMED: Final = "text/plain; charset=utf-8"


@ROUTER.post(_PATH, summary="Export the log", status_code=202, openapi_extra=body_schema(AUDIT_EXPORT))
async def create(request: Request) -> Response:
    """Begin an export; `Location` names the job. `from` is inclusive, `to` exclusive, without it up to now.

    One event for each record in every format. `raw` proves itself, and takes no filters. Up to 16 exports wait or
    run; then, and while their folder is full, the answer is `rate_limited`.
    """
    requester = requester_with_role(request, *ROLES)
    services = services_of(request)
    body = await read_body(request, AUDIT_EXPORT)
    filters = await _filters(services, body.filters)
    job = await _exports(services).create(requester.name, ExportOrder(body.form, body.since, body.until, filters))
    response = json_response(_told(job), status=202)
    response.headers["Location"] = f"{_PATH}/{job.id}"
    return response


@ROUTER.get(_PATH + "/{export_id}", summary="How far an export is")
async def show(request: Request, export_id: str) -> Response:
    """Answer `{status, progress, files}`; `status` is `queued`, `running`, `done` or `failed`, with `error`."""
    services = _permitted(request)
    job = await _exports(services).find(export_id)
    if job is None:
        raise NotFound(_NO_EXPORT)
    return json_response(_told(job))


@ROUTER.get(_PATH + "/{export_id}/files/{name}", summary="A file of an export")
async def fetch(request: Request, export_id: str, name: str) -> Response:
    """Answer the file, whole. That it was fetched is recorded first."""
    requester = requester_of(request)
    services = _permitted(request)
    found = await _exports(services).open(export_id, name, requester.name)
    if found is None:
        raise NotFound(_NO_EXPORT)
    file, opened = found
    headers = {
        "Content-Disposition": f'attachment; filename="{file.name}"',
        "ETag": f'"{file.sha256}"',
        "X-Content-Type-Options": "nosniff",
    }
    media_type = MEDIA_TYPES.get(PurePath(file.name).suffix, _UNNAMED)
    return OpenFile(opened, file.bytes, services.settings.stall_timeout, headers, media_type)


def _permitted(request: Request) -> Services:
    """Return the services. Raises ``NotFound`` for who may not see exports: for them there are none."""
    requester = requester_of(request)
    if requester.roles.isdisjoint(ROLES):
        raise NotFound(_NO_EXPORT)
    return services_of(request)


def _exports(services: Services) -> AuditExports:
    if services.exports is None:
        raise NotFound("There are no exports here.")
    return services.exports


async def _filters(services: Services, body: AuditExportFilters) -> ExportFilters:
    reference = None
    if body.data_subject is not None:
        # A person whom nobody knows has no reference, and no record has an empty one.
        reference = await services.subject_reference(subject_ref(body.data_subject)) or ""
    return ExportFilters(body.requester, body.purpose, body.decision, body.kind, reference)


def _told(job: ExportJob) -> dict[str, Any]:
    order = job.order
    told: dict[str, Any] = {
        "id": job.id,
        "status": job.status.value,
        "progress": round(job.progress, 4),
        "format": order.form.value,
        "from": order.since,
        "to": order.until,
        "created_at": job.created_at,
        "files": [
            {
                "name": file.name,
                "href": f"{_PATH}/{job.id}/files/{file.name}",
                "sha256": file.sha256,
                "bytes": file.bytes,
            }
            for file in job.files
        ],
    }
    if order.filters.named:
        told["filters"] = order.filters.told()
    if job.records is not None:
        told["records"] = job.records
    if job.expires_at is not None:
        told["expires_at"] = job.expires_at
    if job.error is not None:
        told["error"] = {"code": job.error}
    return told

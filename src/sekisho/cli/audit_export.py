"""``sekisho audit export``."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sekisho.cli.running import (
    DEFAULT_WORKSPACE,
    JsonOption,
    WorkspaceOption,
    answer,
    answer_json,
    data_subject,
    progress,
    with_workspace,
)
from sekisho.domain.audit_export import ExportFilters, ExportFormat, ExportOrder
from sekisho.errors import InvalidRequest

if TYPE_CHECKING:
    from sekisho.bootstrap import Workspace

_INSTANTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]
_NAME = re.compile(r"[a-z][a-z0-9_.]{0,62}")


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command(epilog="Example: sekisho audit export --format ocsf --out audit-2026-11 --from 2026-11-01")(export)


def export(
    out: Annotated[Path, typer.Option(help="Folder to write to: new or empty.", show_default=False)],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    form: Annotated[
        ExportFormat,
        typer.Option("--format", "-f", help="raw proves itself; the others are for programs and people."),
    ] = ExportFormat.RAW,
    since: Annotated[
        datetime | None,
        typer.Option("--from", "--since", formats=_INSTANTS, help="From, in UTC.", show_default=False),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--to", "--until", formats=_INSTANTS, help="Until before, in UTC.", show_default=False),
    ] = None,
    requester: Annotated[str | None, typer.Option(help="Only of this requester.", show_default=False)] = None,
    purpose: Annotated[str | None, typer.Option(help="Only for this purpose.", show_default=False)] = None,
    decision: Annotated[str | None, typer.Option(help="permit or deny.", show_default=False)] = None,
    kind: Annotated[str | None, typer.Option(help="For example access.release.", show_default=False)] = None,
    person: Annotated[
        str | None, typer.Option("--data-subject", help="Only about this person: TYPE:VALUE.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Export audit records, one event for each. That it was exported is itself on record."""
    first, last = (None if edge is None else edge.replace(tzinfo=UTC) for edge in (since, until))
    for value in (requester, purpose, decision, kind):
        if value is not None and not _NAME.fullmatch(value):
            raise InvalidRequest("A filter is a name or a code: a to z, 0 to 9, _ and dots, a letter first.")

    async def write(opened: Workspace) -> dict[str, object]:
        from sekisho.adapters.records.audit_export import export_audit

        reference = None
        if person is not None:
            # A person whom nobody knows has no reference, and no record has an empty one.
            reference = await opened.consents.reading.subject_reference(data_subject(person)) or ""
        filters = ExportFilters(requester, purpose, decision, kind, reference)
        order = ExportOrder(form, first, last, filters)
        with progress() as told:
            done = await export_audit(
                opened.audit,
                order,
                out,
                proving=opened.exporting.proving,
                told=lambda part: told("exporting", part),
            )
        return {"folder": str(done.folder), "records": done.records, "files": sorted(done.files)}

    told = with_workspace(workspace, write)
    if as_json:
        answer_json(told)
    else:
        answer(f"{told['records']} records in {told['folder']}")

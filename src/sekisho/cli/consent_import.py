"""``sekisho consent import``, ``link`` and ``unlink``: history from elsewhere, and who is one person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sekisho.cli.running import (
    DEFAULT_WORKSPACE,
    JsonOption,
    WorkspaceOption,
    answer,
    answer_json,
    answer_table,
    data_subject,
    progress,
    requester_named,
    say,
    with_workspace,
)
from sekisho.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sekisho.bootstrap import Workspace

NOT_IMPORTED = 1
"""Exit code when a file has faults and was not imported, or (dry run) would not be."""
_DESK = "consent_desk"

FileArgument = Annotated[
    Path, typer.Argument(help="The file: NDJSON, or CSV with a header.", exists=True, dir_okay=False)
]
DeskOption = Annotated[str, typer.Option("--as", help="The collection point that records it.")]
PersonArgument = Annotated[str, typer.Argument(help="An identifier, as TYPE:VALUE.", metavar="TYPE:VALUE")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``sekisho consent``."""
    app.command("import", epilog="Example: sekisho consent import history.ndjson --dry-run")(import_history)
    app.command(epilog=f"Example: sekisho consent link customer_id:12347 email_sha256:{'0' * 8}…")(link)
    app.command(epilog=f"Example: sekisho consent unlink customer_id:12347 email_sha256:{'0' * 8}…")(unlink)


def import_history(
    file: FileArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every line and change nothing.")] = False,
    skip_faults: Annotated[
        bool, typer.Option("--skip-faults", help="Import the good lines of a file with faults.")
    ] = False,
    file_format: Annotated[
        str | None, typer.Option("--format", help="ndjson or csv; else by the file's name.", show_default=False)
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    desk: DeskOption = _DESK,
    as_json: JsonOption = False,
) -> None:
    """Import consent events that were said elsewhere. They never override what came in since.

    Every line is checked first; a file with faults is not imported unless --skip-faults. An import that was
    broken off, however, goes on when the same file is imported again; nothing is lost or recorded twice.
    Exit codes: 0 imported (dry run: it could be), 1 the file has faults, 2 used wrongly.
    """
    from sekisho.consents.import_lines import ImportFormat

    name = file_format or ("csv" if file.suffix.lower() == ".csv" else "ndjson")
    if name not in set(ImportFormat):
        raise typer.BadParameter("the format is ndjson or csv")

    async def work(opened: Workspace) -> dict[str, object]:
        requester = requester_named(opened, desk)
        with file.open("rb") as source, progress() as tell:
            try:
                return await opened.consents.importing.run(
                    requester, source, ImportFormat(name), dry_run=dry_run, skip_faults=skip_faults, tell=tell
                )
            except InvalidRequest as fault:  # of the file as a whole; the command was used rightly
                say(f"{fault.code}: {fault.detail}")
                raise typer.Exit(NOT_IMPORTED) from None

    report = with_workspace(workspace, work)
    if as_json:
        answer_json(report)
    else:
        _tell(report, dry_run=dry_run)
    good = report["fault_count"] == 0 if dry_run else report["finished"]
    raise typer.Exit(0 if good else NOT_IMPORTED)


def link(
    one: PersonArgument,
    other: PersonArgument,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    desk: DeskOption = _DESK,
    as_json: JsonOption = False,
) -> None:
    """Take two identifiers for one person (名寄せ): the more restrictive consent of both counts for each."""

    async def work(opened: Workspace) -> Mapping[str, object]:
        people = [data_subject(one), data_subject(other)]
        return await opened.consents.linking.link(requester_named(opened, desk), people)

    _told("Linked", with_workspace(workspace, work), as_json=as_json)


def unlink(
    one: PersonArgument,
    other: PersonArgument,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    desk: DeskOption = _DESK,
    as_json: JsonOption = False,
) -> None:
    """Undo a link. What was withdrawn while it lasted stays withdrawn on both sides."""

    async def work(opened: Workspace) -> Mapping[str, object]:
        people = [data_subject(one), data_subject(other)]
        return await opened.consents.linking.unlink(requester_named(opened, desk), people)

    _told("Unlinked", with_workspace(workspace, work), as_json=as_json)


def _told(what: str, done: Mapping[str, object], *, as_json: bool) -> None:
    if as_json:
        answer_json(dict(done))
    else:
        answer(f"{what}, sequence {done['seq']}.")


def _tell(report: Mapping[str, Any], *, dry_run: bool) -> None:
    if report["faults"]:
        answer_table(
            ("line", "code", "detail"),
            [(fault["line"], fault["code"], fault["detail"]) for fault in report["faults"]],
        )
    more = report["fault_count"] - len(report["faults"])
    if more > 0:
        answer(f"… and {more:,} more lines with faults.")
    if dry_run:
        answer(f"{report['lines']:,} lines: {report['valid']:,} can be imported. Nothing was changed.")
    elif report["finished"]:
        answer(
            f"{report['recorded']:,} events are in the ledger, {report['unchanged']:,} of them changed nothing;"
            f" {report['left_out']:,} lines were left out. Sequence {report['seq']}."
        )
    else:
        answer(
            f"{report['lines']:,} lines: {report['fault_count']:,} have faults, and {report['recorded']:,} events"
            " are in the ledger. Correct the file, or import the good lines with --skip-faults."
        )

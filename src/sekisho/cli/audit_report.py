"""``sekisho audit report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sekisho.cli.registers import Locale, ReaderOption
from sekisho.cli.running import (
    DEFAULT_WORKSPACE,
    JsonOption,
    WorkspaceOption,
    answer,
    answer_json,
    progress,
    requester_named,
    say,
    with_workspace,
)
from sekisho.errors import InvalidRequest

if TYPE_CHECKING:
    from sekisho.bootstrap import Workspace


def register(app: typer.Typer) -> None:
    """Add the command to ``sekisho audit``."""
    app.command(epilog="Example: sekisho audit report --month 2026-10 --output report-2026-10.html")(report)


def report(
    month: Annotated[
        str | None,
        typer.Option(help="Which month: 2026-10; the last one that is over if left out.", show_default=False),
    ] = None,
    locale: Annotated[Locale, typer.Option(help="Language of the report.")] = Locale.JA,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write; standard output if left out.", show_default=False),
    ] = None,
    reader: ReaderOption = "privacy_officer",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Write the compliance report on a month as one HTML page that prints well, and verify the month's records.

    The report is written whatever the verification finds; when the log is not what was written, it says so, and the
    exit code is 1. That it was made is itself on record.
    """
    from sekisho.consents.monthly_page import as_html

    if output is not None and output.exists():
        raise InvalidRequest("There is a file of this name; a report is written to a new one.")

    async def make(opened: Workspace) -> dict[str, Any]:
        with progress() as told:
            return await opened.consents.reports.figures(
                requester_named(opened, reader), month, lambda part: told("reading the log", part)
            )

    figures = with_workspace(workspace, make)
    page = None if as_json and output is None else as_html(figures, locale.value)
    if output is not None and page is not None:
        output.write_text(page, encoding="utf-8")
        say(f"Wrote {output}.")
    if as_json:
        answer_json(figures)
    elif output is None and page is not None:
        answer(page.removesuffix("\n"))
    verdict = figures["verification"]
    if verdict["outcome"] != "ok":
        say(f"{verdict['outcome']}: {verdict['finding']}.")
        raise typer.Exit(1)

"""``sekisho query``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sekisho.cli.releasing import (
    FormOption,
    GrantOption,
    TicketOption,
    chosen,
    occasion_of,
    page_rows,
    value_of,
    write,
)
from sekisho.cli.running import (
    DEFAULT_WORKSPACE,
    RequesterOption,
    WorkspaceOption,
    answer_json,
    requester_named,
    with_workspace,
)

if TYPE_CHECKING:
    from sekisho.bootstrap import Workspace


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command(
        epilog="Example: sekisho query --requester recommender --purpose recommendation "
        "'SELECT country, COUNT(*) AS order_lines FROM pos.order_lines GROUP BY country'"
    )(query)


def query(
    sql: Annotated[str, typer.Argument(help="One read-only statement over the catalogue's names.")],
    requester: RequesterOption,
    purpose: Annotated[
        str, typer.Option("--purpose", "-p", help="Why: a purpose of that requester.", show_default=False)
    ],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    form: FormOption = None,
    max_rows: Annotated[int | None, typer.Option(min=1, help="Rows at most.", show_default=False)] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what would happen and why, as JSON; release nothing.")
    ] = False,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter",
            help="Value of a ? in the statement, as JSON or as text; once for each.",
            show_default=False,
        ),
    ] = None,
    ticket: TicketOption = None,
    grant: GrantOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File to write; it is there when the answer is whole.", show_default=False
        ),
    ] = None,
) -> None:
    """Ask one governed query, without a server. It is decided, masked and recorded like any other."""
    written = chosen(form, output)
    given = tuple(value_of(text) for text in parameter or ())

    async def ask(opened: Workspace) -> None:
        from sekisho.release import Ask

        occasion = occasion_of(written, ticket, grant)
        if explain:
            about = Ask(purpose, sql, occasion=occasion)
            answer_json(await opened.gateway.explain(requester_named(opened, requester), about))
            return
        release = await opened.gateway.query(
            requester_named(opened, requester),
            Ask(purpose, sql, given, max_rows, occasion=occasion),
            page_rows=page_rows(written),
        )
        await write(release, written, output)

    with_workspace(workspace, ask)

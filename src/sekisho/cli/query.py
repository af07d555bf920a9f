"""``sekisho query``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sekisho.cli.explaining import explain_it
from sekisho.cli.releasing import (
    Form,
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
    JsonOption,
    RequesterOption,
    WorkspaceOption,
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
        bool,
        typer.Option(
            "--explain",
            help="Say what would happen and why, and of a no what would change it; release nothing. In words on a"
            " terminal or with --format table, else JSON.",
        ),
    ] = False,
    language: Annotated[
        str | None,
        typer.Option(help="Of --explain: ja or en; that of the terminal when left out.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
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
    from sekisho.release import Ask, Occasion

    if explain:
        about = Ask(purpose, sql, occasion=Occasion(None, ticket, grant))
        explain_it(workspace, requester, about, language, form=form, as_json=as_json)
        return
    written = chosen(Form.JSON if as_json else form, output)
    given = tuple(value_of(text) for text in parameter or ())
    occasion = occasion_of(written, ticket, grant)

    async def ask(opened: Workspace) -> None:
        release = await opened.gateway.query(
            requester_named(opened, requester),
            Ask(purpose, sql, given, max_rows, occasion=occasion),
            page_rows=page_rows(written),
        )
        await write(release, written, output)

    with_workspace(workspace, ask)

"""``sekisho grant``: a grant for an emergency (break-glass), given by a privacy officer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sekisho.cli.running import DEFAULT_WORKSPACE, WorkspaceOption, answer, requester_named, say, with_workspace

if TYPE_CHECKING:
    from sekisho.bootstrap import Workspace


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command(
        epilog="Example: sekisho grant --by privacy_officer --requester night_desk --purpose emergency "
        "--ticket INC-2041 --minutes 30"
    )(grant)


def grant(
    by: Annotated[str, typer.Option("--by", help="The privacy officer who gives it.", show_default=False)],
    requester: Annotated[str, typer.Option("--requester", "-r", help="Who gets it.", show_default=False)],
    purpose: Annotated[
        str, typer.Option("--purpose", "-p", help="A purpose with break_glass_minutes.", show_default=False)
    ],
    ticket: Annotated[str, typer.Option("--ticket", help="For which ticket or case.", show_default=False)],
    minutes: Annotated[int, typer.Option("--minutes", min=1, help="How long it lasts.", show_default=False)],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Give a grant, which is on record, and print it: it is sent with a request, as context.grant.

    `sekisho grants revoke` calls it back.
    """

    async def give(opened: Workspace) -> None:
        officer, grants = requester_named(opened, by), opened.gateway.grants
        given = await grants.give(officer, requester, purpose, ticket, minutes)
        answer(given)
        say(f"Until it ends, it can be called back: sekisho grants revoke {grants.read(given).id} --by {by}")

    with_workspace(workspace, give)

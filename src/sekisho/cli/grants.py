"""``sekisho grants``: the grants for emergencies that are in force, and an end to one before its time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from sekisho.cli.running import (
    DEFAULT_WORKSPACE,
    JsonOption,
    WorkspaceOption,
    answer,
    answer_json,
    answer_table,
    requester_named,
    with_workspace,
)

if TYPE_CHECKING:
    from sekisho.bootstrap import Workspace

app = typer.Typer(help="Grants for emergencies that are in force; calling one back.", no_args_is_help=True)


@app.command("list", epilog="Example: sekisho grants list --json")
def list_(workspace: WorkspaceOption = DEFAULT_WORKSPACE, as_json: JsonOption = False) -> None:
    """List the grants that have neither ended nor were called back, the soonest to end first."""

    async def show(opened: Workspace) -> None:
        found = await opened.gateway.grants.in_force()
        if as_json:
            answer_json([each.to_json() for each in found])
            return
        rows = [(g.id, g.requester, g.purpose, g.ticket, g.granted_by, _instant(g.expires)) for g in found]
        answer_table(("grant", "requester", "purpose", "ticket", "given by", "until"), rows)

    with_workspace(workspace, show)


@app.command(epilog="Example: sekisho grants revoke 0190c0de-0000-7000-8000-000000000001 --by privacy_officer")
def revoke(
    grant: Annotated[str, typer.Argument(help="Its id, as `sekisho grants list` tells it.", show_default=False)],
    by: Annotated[str, typer.Option("--by", help="The privacy officer who calls it back.", show_default=False)],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Call a grant back before its time: nothing is decided on it from now on, in no process. It is on record."""

    async def end(opened: Workspace) -> None:
        ended = await opened.gateway.grants.revoke(requester_named(opened, by), grant)
        answer(f"{ended.id}: called back; it was for {ended.requester}, {ended.purpose}, {ended.ticket}.")

    with_workspace(workspace, end)


def _instant(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()

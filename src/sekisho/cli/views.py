"""``sekisho views``: published statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sekisho.cli.releasing import FormOption, chosen, occasion_of, write
from sekisho.cli.running import (
    DEFAULT_WORKSPACE,
    JsonOption,
    RequesterOption,
    WorkspaceOption,
    answer_json,
    answer_table,
    requester_named,
    with_workspace,
)
from sekisho.errors import NotFound

if TYPE_CHECKING:
    from sekisho.bootstrap import Workspace

app = typer.Typer(help="Published statistics views: a closed list, one release each.", no_args_is_help=True)


@app.command("list", epilog="Example: sekisho views list")
def list_views(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """List the published views."""
    from sekisho.settings import load

    views = load(workspace).catalogue.views.values()
    if as_json:
        answer_json(
            [{"name": v.name, "title": dict(v.title), "purpose": v.purpose, "min_group": v.min_group} for v in views]
        )
    else:
        answer_table(
            ("view", "title", "purpose", "least people"),
            [(v.name, v.title.get("ja", "") + " / " + v.title.get("en", ""), v.purpose, v.min_group) for v in views],
        )


@app.command(epilog="Example: sekisho views read rfm_cells --requester analyst")
def read(
    name: Annotated[str, typer.Argument(help="Name of the view.")],
    requester: RequesterOption,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    form: FormOption = None,
) -> None:
    """Read a view's release. Everybody gets the same one."""
    written = chosen(form)

    async def ask(opened: Workspace) -> None:
        view = opened.settings.catalogue.views.get(name)
        if view is None:
            known = ", ".join(opened.settings.catalogue.views)
            raise NotFound(f"There is no such view; there are {known or 'none'}.")
        release = await opened.gateway.read_view(
            requester_named(opened, requester), name, view.purpose, occasion_of(written)
        )
        await write(release, written)

    with_workspace(workspace, ask)

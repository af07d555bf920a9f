"""``sekisho migrate``: the schema of the gateway's own database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sekisho.cli.running import DEFAULT_WORKSPACE, WorkspaceOption, answer
from sekisho.errors import StoreUnavailable

if TYPE_CHECKING:
    from pathlib import Path

app = typer.Typer(help="The schema of the gateway's own database.", no_args_is_help=True)


@app.command(epilog="Example: sekisho migrate up")
def up(workspace: WorkspaceOption = DEFAULT_WORKSPACE) -> None:
    """Bring the schema up to date. Harmless when it is."""
    _migrate(workspace, "head")
    answer("The schema is up to date.")


@app.command(epilog="Example: sekisho migrate down --yes")
def down(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    yes: Annotated[bool, typer.Option("--yes", help="Yes, remove everything.")] = False,
) -> None:
    """Remove the schema, and with it every consent and every audit record."""
    if not yes:
        raise typer.BadParameter("this removes every consent and every audit record; say --yes")
    _migrate(workspace, "base")
    answer("Nothing is left of the gateway's own records.")


def _migrate(folder: Path, target: str) -> None:
    from sekisho.adapters.records.database import DatabaseFailed, migrate
    from sekisho.settings import load

    settings = load(folder)
    if settings.database_url.startswith("sqlite"):
        (settings.folder / "var").mkdir(exist_ok=True)
    try:
        migrate(settings.database_url, target)
    except DatabaseFailed as error:
        raise StoreUnavailable(f"The own database was not changed: {error}") from None

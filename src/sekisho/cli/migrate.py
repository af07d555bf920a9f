"""``sekisho migrate``: the schema and the roles of the gateway's own database."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from sekisho.cli.running import DEFAULT_WORKSPACE, AdministratorOption, WorkspaceOption, answer, say
from sekisho.errors import InvalidRequest, StoreUnavailable

if TYPE_CHECKING:
    from pathlib import Path

app = typer.Typer(help="The schema and the roles of the gateway's own database.", no_args_is_help=True)

_OwnerOption = Annotated[
    str | None,
    typer.Option(
        "--as",
        help="PostgreSQL: as this administrator (postgresql://…, without a password), not as the gateway's role.",
        metavar="URL",
        show_default=False,
    ),
]


@app.command(epilog="Example: sekisho migrate up")
def up(workspace: WorkspaceOption = DEFAULT_WORKSPACE, owner: _OwnerOption = None) -> None:
    """Bring the schema up to date. Harmless when it is. Where roles are apart, run `sekisho migrate roles` next."""
    _migrate(workspace, "head", owner)
    answer("The schema is up to date.")


@app.command(epilog="Example: sekisho migrate down --yes")
def down(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    yes: Annotated[bool, typer.Option("--yes", help="Yes, remove everything.")] = False,
    owner: _OwnerOption = None,
) -> None:
    """Remove the schema, and with it every consent and every audit record."""
    if not yes:
        raise typer.BadParameter("this removes every consent and every audit record; say --yes")
    _migrate(workspace, "base", owner)
    answer("Nothing is left of the gateway's own records.")


@app.command(epilog="Example: sekisho migrate roles | psql --dbname=sekisho")
def roles(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    apply: AdministratorOption = None,
) -> None:
    """Print the script after which the gateway's role may add to its records, and neither change nor delete them.

    PostgreSQL only. The role that the database's url names is made if it is not there; its tables go to a role
    NAME_owner that signs in nowhere, and a role NAME_keeper may delete what `sekisho audit prune` recorded. The
    administrator's password comes from PGPASSWORD or ~/.pgpass. Run it again after each `sekisho migrate up`.
    """
    from sqlalchemy.engine import make_url

    from sekisho.adapters.records.roles import script
    from sekisho.adapters.stores.postgresql import rights
    from sekisho.settings import load

    url = load(workspace).database_url
    if not url.startswith("postgresql"):
        raise InvalidRequest("The own database is SQLite, a file: whoever may write it, owns it. See docs/audit.md.")
    password = make_url(url).password
    try:
        text = script(url, password=None if password is None else rights.verifier(str(password)))
    except ValueError as error:
        raise InvalidRequest(f"{error}.") from None
    if apply is None:
        answer(text.rstrip())
        return
    asyncio.run(rights.apply(text, administrator(apply)))
    say("The roles are ready.")


def administrator(url: str) -> str:
    """Return the URL of an administrator. Raises ``InvalidRequest`` when it has a password, or is none."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if parts.password is not None:
        raise InvalidRequest("No password belongs on a command line: use PGPASSWORD or ~/.pgpass.")
    if parts.scheme.partition("+")[0] != "postgresql":
        raise InvalidRequest("An administrator is named postgresql://role@host/database.")
    return url.replace(f"{parts.scheme}:", "postgresql:", 1)


def _migrate(folder: Path, target: str, owner: str | None) -> None:
    from sekisho.adapters.records.database import DatabaseFailed, migrate
    from sekisho.settings import load

    settings = load(folder)
    if settings.database_url.startswith("sqlite"):
        if owner is not None:
            raise InvalidRequest("The own database is SQLite, and has no administrator.")
        (settings.folder / "var").mkdir(exist_ok=True)
    try:
        migrate(settings.database_url if owner is None else administrator(owner), target)
    except DatabaseFailed as error:
        raise StoreUnavailable(f"The own database was not changed: {error}") from None

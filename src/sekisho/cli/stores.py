"""``sekisho stores``: copies of file datasets that carry person numbers; people tables and rights in servers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sekisho.cli.running import (
    DEFAULT_WORKSPACE,
    AdministratorOption,
    JsonOption,
    WorkspaceOption,
    answer,
    answer_json,
    answer_table,
    progress,
    say,
    with_workspace,
)
from sekisho.errors import InvalidRequest, NotFound, UnknownDataset

if TYPE_CHECKING:
    from sekisho.adapters.stores.colocated import Synced
    from sekisho.bootstrap import Workspace

app = typer.Typer(help="Prepare stores: rights, people tables, copies.", no_args_is_help=True)

_CONNECTIONS = 64  # eight for each of eight workers


@app.callback()
def stores() -> None:
    """Prepare stores: rights, people tables, copies."""


@app.command(epilog="Example: sekisho stores bootstrap crm | psql --dbname=crm")
def bootstrap(
    store: Annotated[str, typer.Argument(help="A store of sekisho.yaml.", show_default=False)],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    apply: AdministratorOption = None,
    connections: Annotated[
        int, typer.Option(min=2, max=10_000, help="PostgreSQL: connections that all workers together may have.")
    ] = _CONNECTIONS,
    group: Annotated[str, typer.Option(help="Files: the group of the account that the gateway runs as.")] = "sekisho",
) -> None:
    """Print the script that lets the gateway read a store and change nothing, and takes that from all others.

    For PostgreSQL it is SQL: a role that may read the columns that sekisho.yaml declares, and owns one schema,
    sekisho, for the people tables. Run it again after each change of the store's datasets. The role's password is
    read from the store's password_file; the script holds only what PostgreSQL keeps of it. The administrator's comes
    from PGPASSWORD or ~/.pgpass.

    For SQLite and files it is a shell script that gives a group the right to read: sekisho stores bootstrap pos |
    sudo sh.
    """
    from urllib.parse import urlsplit

    from sekisho.adapters.stores import file_rights
    from sekisho.domain.terms import StoreKind
    from sekisho.settings import load

    catalogue = load(workspace).catalogue
    if store not in catalogue.stores:
        raise NotFound(f"There is no such store; sekisho.yaml has {', '.join(catalogue.stores)}.")
    chosen = catalogue.stores[store]
    if chosen.kind is not StoreKind.POSTGRESQL:
        if apply is not None:
            raise InvalidRequest(
                f"{store} is no store in a server; run its script: sekisho stores bootstrap {store} | sh"
            )
        answer(file_rights.script(chosen, group=group).rstrip())
        return
    if apply is not None and urlsplit(apply).password is not None:
        raise InvalidRequest("No password belongs on a command line: use PGPASSWORD or ~/.pgpass.")
    from sekisho.adapters.stores.postgresql import rights

    password = _password(chosen.password_file) if chosen.password_file is not None else None
    datasets = [dataset for dataset in catalogue.datasets.values() if dataset.store == store]
    text = rights.script(chosen, datasets, password=password, connections=connections)
    if apply is None:
        answer(text.rstrip())
        return
    asyncio.run(rights.apply(text, apply))
    say(f"The store {store} is ready.")


def _password(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError):
        raise InvalidRequest("The store's password_file cannot be read.") from None


@app.command(epilog="Example: sekisho stores sync pos.order_lines")
def sync(
    dataset: Annotated[
        str | None,
        typer.Argument(help="One Parquet dataset, or one store in PostgreSQL; left out, all.", show_default=False),
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Write copies of Parquet files that carry person numbers, and the people tables of PostgreSQL anew.

    Copies let consent cost little on millions of rows. They lie in var/colocated of the workspace; the stores'
    files stay as they are. A running service finds a new copy by itself, and leaves a copy alone once its files
    changed: then run this again. People tables follow consent by themselves; this writes those that are in use from
    the registry and the ledger, whatever stands in them.
    """

    async def write(opened: Workspace) -> tuple[list[Synced], list[str], dict[str, list[str]]]:
        from sekisho.adapters.stores.colocated import remove_others
        from sekisho.adapters.stores.copy_folder import writing

        sync = opened.sync
        tables = {name: await sync.tables(name) for name in sync.servers if dataset in {None, name}}
        if dataset in tables:
            return [], [], tables
        possible = sync.copied()
        if dataset is not None and dataset not in possible:
            raise UnknownDataset(
                "Copies are made of Parquet files with a data subject, and people tables in PostgreSQL:"
                f" {', '.join([*possible, *sync.servers])}."
            )
        chosen = list(possible.values()) if dataset is None else [possible[dataset]]
        done: list[Synced] = []
        removed: list[str] = []
        with progress() as tell, writing(sync.folder):
            for place, each in enumerate(chosen):
                tell(each.name, place / len(chosen))
                done.append(await sync.copy(each))
            if dataset is None:
                removed = remove_others(sync.folder, possible)
        return done, removed, tables

    done, removed, tables = with_workspace(workspace, write)
    if as_json:
        answer_json(
            [
                *({"dataset": each.dataset, "rows": each.rows, "written": each.written} for each in done),
                *({"store": store, "people_tables": names} for store, names in tables.items()),
            ]
        )
    elif done or not tables:
        answer_table(
            ("dataset", "rows", "copy"),
            [(each.dataset, each.rows, "written" if each.written else "up to date") for each in done],
        )
    for name in removed:
        say(f"Removed the copy of {name}: it is no Parquet dataset with a data subject any more.")
    if not as_json:
        for store, names in tables.items():
            say(f"Wrote {len(names)} people tables in the store {store}.")

"""``sekisho stores``: copies of file datasets that carry person numbers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from sekisho.cli.running import (
    DEFAULT_WORKSPACE,
    JsonOption,
    WorkspaceOption,
    answer_json,
    answer_table,
    progress,
    say,
    with_workspace,
)
from sekisho.errors import UnknownDataset

if TYPE_CHECKING:
    from sekisho.adapters.stores.colocated import Synced
    from sekisho.bootstrap import Workspace

app = typer.Typer(help="Speed up large reads of Parquet files.", no_args_is_help=True)


@app.callback()
def stores() -> None:
    """Speed up large reads of Parquet files."""


@app.command(epilog="Example: sekisho stores sync pos.order_lines")
def sync(
    dataset: Annotated[
        str | None, typer.Argument(help="One dataset; left out, all Parquet datasets with a data subject.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,  # noqa: FBT002
) -> None:
    """Write copies that carry person numbers, so that consent costs little on millions of rows.

    They lie in var/colocated of the workspace; the stores' files stay as they are. A running service finds a
    new copy by itself, and leaves a copy alone once its files changed: then run this again.
    """

    async def write(opened: Workspace) -> tuple[list[Synced], list[str]]:
        from sekisho.adapters.stores import colocated  # noqa: PLC0415 - slow to import
        from sekisho.bootstrap import copies_folder  # noqa: PLC0415
        from sekisho.ports import AuditEntry  # noqa: PLC0415

        catalogue, folder = opened.settings.catalogue, copies_folder(opened.settings)
        possible = {each.name: each for each in colocated.eligible(catalogue.stores, catalogue.datasets)}
        if dataset is not None and dataset not in possible:
            raise UnknownDataset(f"Copies are made of Parquet files with a data subject: {', '.join(possible)}.")
        chosen = list(possible.values()) if dataset is None else [possible[dataset]]
        done: list[Synced] = []
        removed: list[str] = []
        with progress() as tell, colocated.writing(folder):
            for place, each in enumerate(chosen):
                tell(each.name, place / len(chosen))
                key = each.data_subject
                if key is None:
                    continue
                keys = await opened.people.keys(key.identifier)
                synced = await asyncio.to_thread(
                    colocated.synchronise, folder, catalogue.stores[each.store], each, keys
                )
                if synced.written:
                    await opened.audit.append(AuditEntry("stores.sync", {"dataset": each.name, "rows": synced.rows}))
                done.append(synced)
            if dataset is None:
                removed = colocated.remove_others(folder, possible)
        return done, removed

    done, removed = with_workspace(workspace, write)
    if as_json:
        answer_json([{"dataset": each.dataset, "rows": each.rows, "written": each.written} for each in done])
    else:
        answer_table(
            ("dataset", "rows", "copy"),
            [(each.dataset, each.rows, "written" if each.written else "up to date") for each in done],
        )
    for name in removed:
        say(f"Removed the copy of {name}: it is no Parquet dataset with a data subject any more.")

"""What every command shares: options, output, progress, an open workspace."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from sekisho.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from sekisho.bootstrap import Workspace
    from sekisho.bootstrap.scanning import OpenedScanning
    from sekisho.domain.terms import Requester
    from sekisho.ports import DataSubjectRef

_T = TypeVar("_T")

DEFAULT_WORKSPACE = Path("var") / "demo"

WorkspaceOption = Annotated[
    Path,
    typer.Option("--workspace", "-w", help="Folder of the workspace: the one with sekisho.yaml.", show_default=True),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer as JSON on standard output.")]
RequesterOption = Annotated[
    str, typer.Option("--requester", "-r", help="Who asks: a requester of sekisho.yaml.", show_default=False)
]
AdministratorOption = Annotated[
    str | None,
    typer.Option(
        "--apply",
        help="Run the SQL as this administrator (postgresql://…, without a password).",
        metavar="URL",
        show_default=False,
    ),
]


def with_workspace(folder: Path, work: Callable[[Workspace], Awaitable[_T]]) -> _T:
    """Open the workspace in *folder*, run *work* over it, close it. Raises what both raise."""
    from sekisho.bootstrap import configure_logging, open_workspace

    configure_logging()

    async def inside() -> _T:
        async with open_workspace(folder) as workspace:
            return await work(workspace)

    return asyncio.run(inside())


def with_scanning(folder: Path, work: Callable[[OpenedScanning], Awaitable[_T]]) -> _T:
    """Open what scans and reviews need of the workspace in *folder*, run *work*, close it. Raises what both raise."""
    from sekisho.bootstrap import configure_logging, open_scanning

    configure_logging()

    async def inside() -> _T:
        async with open_scanning(folder) as opened:
            return await work(opened)

    return asyncio.run(inside())


def requester_named(workspace: Workspace | OpenedScanning, name: str) -> Requester:
    """Return a registered requester. Raises ``NotFound`` with the names that there are."""
    requesters = workspace.settings.catalogue.requesters
    found = requesters.get(name)
    if found is None:
        raise NotFound(f"There is no requester called {name}; sekisho.yaml has {', '.join(sorted(requesters))}.")
    return found


def data_subject(text: str) -> DataSubjectRef:
    """Return the person that ``TYPE:VALUE`` names. Raises ``InvalidRequest``."""
    from sekisho.ports import DataSubjectRef

    identifier, colon, value = text.partition(":")
    if not colon or not identifier or not value.strip():
        raise InvalidRequest("A data subject is named TYPE:VALUE, for example customer_id:12347.")
    return DataSubjectRef(identifier, value)


def say(line: str) -> None:
    """Tell the person at the terminal something that is not part of the answer: on standard error."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def answer(line: str) -> None:
    """Write a line of the answer on standard output."""
    sys.stdout.write(line + "\n")


def answer_json(value: object) -> None:
    """Write *value* as one JSON document on standard output."""
    answer(json.dumps(value, ensure_ascii=False, indent=2, default=_spelled))


def _spelled(value: object) -> str:
    """Return a value that JSON has no form for as the HTTP interface spells it: times as RFC 3339."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


def answer_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table: drawn on a terminal, else tab-separated lines under a heading."""
    lines = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for cells in ([*columns], *lines):
            answer("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in cells))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=box.SIMPLE_HEAD)
    for cells in lines:
        table.add_row(*(Text(cell) for cell in cells))
    Console(highlight=False).print(table)


@contextmanager
def progress() -> Iterator[Callable[[str, float], None]]:
    """Yield what is told the work and how much of it is done (0.0 to 1.0).

    A bar on a terminal; elsewhere a line for each kind of work. All of it on standard error.
    """
    if not sys.stderr.isatty():
        last = ""

        def line(what: str, _done: float) -> None:
            nonlocal last
            if what != last:
                say(f"… {what}")
            last = what

        yield line
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description:<20}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bars:
        task = bars.add_task("", total=1.0)
        yield lambda what, done: bars.update(task, description=what, completed=done)

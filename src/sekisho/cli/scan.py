"""``sekisho scan``: what stores hold, and the review of their columns, as the privacy officer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from sekisho.cli.running import (
    DEFAULT_WORKSPACE,
    JsonOption,
    WorkspaceOption,
    answer,
    answer_json,
    answer_table,
    progress,
    requester_named,
    say,
    with_scanning,
)
from sekisho.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from sekisho.bootstrap.scanning import OpenedScanning
    from sekisho.domain.scans import KnownColumn
    from sekisho.ports.scans import ScanRun
    from sekisho.scanning.catalogue_file import Entry, Place


class _ScanGroup(TyperGroup):
    """A group in which everything that is not one of its commands is what ``run`` is to scan."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put ``run`` in front where no command is named."""
        if not args or (args[0] not in self.commands and args[0] not in {"--help", "-h"}):
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_ScanGroup,
    help="Scan stores for personal data, and review what was found: sekisho scan [STORE|DATASET]…",
    epilog="Example: sekisho scan crm; sekisho scan list --state proposed",
)

OfficerOption = Annotated[str, typer.Option("--as", help="Who does it: a requester that is a privacy officer.")]
FileArgument = Annotated[Path, typer.Argument(help="The file that sekisho scan export wrote.", show_default=False)]


@app.command("run", epilog="Example: sekisho scan run crm support.tickets, or without run")
def run(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STORE|DATASET]…", help="What is scanned; left out, every store.", show_default=False
        ),
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    officer: OfficerOption = "privacy_officer",
    as_json: JsonOption = False,
) -> None:
    """Look into stores and propose a class for every column. No value is kept.

    Exit code 1: a store could not be scanned, or a column needs to be looked at (again): it seems to need a stricter
    class than it is declared with, or it has drifted since its review.
    """

    async def work(opened: OpenedScanning) -> ScanRun:
        with progress() as told:
            return await opened.scanning.scans.scan(requester_named(opened, officer), names or (), told)

    done = with_scanning(workspace, work)
    result: Any = done.result
    if as_json:
        answer_json({"id": done.id, "status": done.status.value, "error": done.error, **result})
    else:
        _tell(result)
    if done.error is not None or result["findings"]:
        raise typer.Exit(1)


def _tell(result: Any) -> None:
    answer_table(
        ("store", "tables", "columns", "error"),
        [(s["store"], s.get("tables"), s.get("columns"), s.get("error")) for s in result["stores"]],
    )
    for each in result["findings"]:
        answer(
            f"{each['dataset']}.{each['column']}: declared {each['declared'] or 'unreviewed'}, "
            f"seems {each['proposed']} ({each['kind']}): {', '.join(each['drift'])}"
        )
    say(
        f"{len(result['findings'])} to look at, {result['reviewed']} reviewed, {result['unreviewed']} not reviewed,"
        f" {len(result['ungoverned'])} that nobody can ask for. Next: sekisho scan list"
    )


@app.command("list", epilog="Example: sekisho scan list --state stale --json")
def list_columns(
    state: Annotated[
        str | None, typer.Option(help="proposed, confirmed, rejected, overridden or stale.", show_default=False)
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Columns of one dataset.", show_default=False)] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    officer: OfficerOption = "privacy_officer",
    as_json: JsonOption = False,
) -> None:
    """List columns: what they seem to be, how sure that is, what is in force, and where their review stands."""

    async def look(opened: OpenedScanning) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        page: Any = {"next_cursor": None}
        while "next_cursor" in page:
            page = await opened.scanning.reviews.page(
                requester_named(opened, officer), state=state, dataset=dataset, cursor=page["next_cursor"]
            )
            items += page["items"]
        return items

    items = with_scanning(workspace, look)
    if as_json:
        answer_json({"items": items})
        return
    answer_table(
        ("column", "proposed", "kind", "confidence", "in force", "state", "drift"),
        [
            (
                _shown(item),
                None if item["proposal"] is None else item["proposal"]["class"],
                item["kind"],
                item["confidence"],
                item["in_force"] or "ungoverned",
                item["state"],
                " ".join(item["drift"]),
            )
            for item in items
        ],
    )


def _shown(item: dict[str, Any]) -> str:
    return f"{item['dataset'] or item['store'] + ':' + item['relation']}.{item['column']}"


@app.command(epilog="Example: sekisho scan review crm.customers.nickname --class quasi_identifier --note DPIA-12")
def review(
    column: Annotated[str, typer.Argument(help="STORE.TABLE.COLUMN, or the id of a column.", show_default=False)],
    confirm: Annotated[bool, typer.Option("--confirm", help="It is what was proposed.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="It is nothing personal.")] = False,
    column_class: Annotated[
        str | None, typer.Option("--class", help="It is of this class.", show_default=False)
    ] = None,
    category: Annotated[
        str | None, typer.Option(help="With --class: its category, such as email.", show_default=False)
    ] = None,
    note: Annotated[str | None, typer.Option(help="Why; kept with the review.", show_default=False)] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    officer: OfficerOption = "privacy_officer",
    as_json: JsonOption = False,
) -> None:
    """Decide what a column is.

    It counts on every worker for what starts from then on; within a second where no column is left to the review and
    there is no section scan.
    """
    from sekisho.domain.scans import Decision
    from sekisho.domain.terms import ColumnClass
    from sekisho.scanning.reviews import Verdict

    if [confirm, reject, column_class is not None].count(True) != 1:
        raise InvalidRequest("Say one of --confirm, --reject and --class.")
    decision = Decision.CONFIRM if confirm else Decision.REJECT if reject else Decision.OVERRIDE
    if column_class is not None and column_class not in set(ColumnClass):
        raise InvalidRequest(f"A class is one of {', '.join(ColumnClass)}.")
    verdict = Verdict(decision, None if column_class is None else ColumnClass(column_class), category, note)

    async def write(opened: OpenedScanning) -> dict[str, Any]:
        requester = requester_named(opened, officer)
        known = await opened.scanning.reviews.known(requester)
        found = [each for each in known if column in {each.id, _spelled(each)}]
        if len(found) != 1:
            raise NotFound("There is no such column; sekisho scan list shows those that a scan has found.")
        return await opened.scanning.reviews.review(requester, found[0].id, verdict)

    done = with_scanning(workspace, write)
    if as_json:
        answer_json(done)
        return
    answer(f"{_shown(done)} is {done['state']}; in force: {done['in_force'] or 'ungoverned'}.")


def _spelled(known: KnownColumn) -> str:
    scanned = known.scanned
    return f"{scanned.dataset or scanned.place.store + ':' + scanned.place.relation}.{scanned.place.name}"


@app.command(epilog="Example: sekisho scan export > catalogue.yaml")
def export(workspace: WorkspaceOption = DEFAULT_WORKSPACE, officer: OfficerOption = "privacy_officer") -> None:
    """Write the reviewed classes as a file to commit."""
    from sekisho.scanning.catalogue_file import entries_of, written

    answer(written(entries_of(_known(workspace, officer))).rstrip("\n"))


@app.command(epilog="Example: sekisho scan diff catalogue.yaml")
def diff(
    file: FileArgument,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    officer: OfficerOption = "privacy_officer",
    as_json: JsonOption = False,
) -> None:
    """Tell where a file and what is known disagree. Exit code 1 means that they do."""
    from sekisho.scanning.catalogue_file import differences, entries_of, read

    found = differences(read(_bytes(file)), entries_of(_known(workspace, officer)))
    if as_json:
        answer_json(
            {
                "items": [
                    {
                        "store": d.place[0],
                        "relation": d.place[1],
                        "column": d.place[2],
                        "file": _said(d.file),
                        "known": _said(d.known),
                    }
                    for d in found
                ]
            }
        )
    else:
        answer_table(("column", "file", "known"), [(_column(d.place), _said(d.file), _said(d.known)) for d in found])
    if found:
        raise typer.Exit(1)


@app.command(epilog="Example: sekisho scan apply catalogue.yaml")
def apply(
    file: FileArgument,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    officer: OfficerOption = "privacy_officer",
    as_json: JsonOption = False,
) -> None:
    """Review columns as a file says, all or none; what it says already is left alone."""
    from sekisho.scanning.catalogue_file import read, verdicts

    entries = read(_bytes(file))

    async def write(opened: OpenedScanning) -> list[KnownColumn]:
        requester, reviews = requester_named(opened, officer), opened.scanning.reviews
        return await reviews.review_all(requester, verdicts(entries, await reviews.known(requester)))

    done = with_scanning(workspace, write)
    if as_json:
        answer_json({"reviewed": len(done)})
        return
    answer(f"{len(done)} columns reviewed as {file.name} says.")


def _known(workspace: Path, officer: str) -> list[KnownColumn]:
    async def look(opened: OpenedScanning) -> list[KnownColumn]:
        return await opened.scanning.reviews.known(requester_named(opened, officer))

    return with_scanning(workspace, look)


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}") from None


def _column(place: Place) -> str:
    return f"{place[0]}:{place[1]}.{place[2]}"


def _said(entry: Entry | None) -> str | None:
    if entry is None:
        return None
    spelled = "unreviewed" if entry.column_class is None else entry.column_class.value
    return spelled if entry.category is None else f"{spelled} ({entry.category})"

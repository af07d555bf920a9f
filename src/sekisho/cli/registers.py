"""``sekisho ropa`` and ``sekisho provisions``: the registers that the law asks for, read as the privacy officer."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sekisho.cli.running import (
    DEFAULT_WORKSPACE,
    JsonOption,
    WorkspaceOption,
    answer,
    answer_json,
    answer_table,
    data_subject,
    requester_named,
    with_workspace,
)

if TYPE_CHECKING:
    from sekisho.bootstrap import Workspace

_PAGE = 1_000


class Form(StrEnum):
    """Forms of the records of processing."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    HTML = "html"


class Locale(StrEnum):
    """Languages of the records of processing."""

    JA = "ja"
    EN = "en"


ReaderOption = Annotated[
    str, typer.Option("--as", help="Who reads it: a requester that is a privacy officer or an auditor.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.command(epilog="Example: sekisho ropa --format html > ropa.html")(ropa)
    app.command(epilog="Example: sekisho provisions --requester ads --json")(provisions)


def ropa(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    form: Annotated[Form, typer.Option("--format", "-f", help="How it is written.")] = Form.TABLE,
    locale: Annotated[Locale, typer.Option(help="Language of table, CSV and HTML.")] = Locale.JA,
    reader: ReaderOption = "privacy_officer",
    as_json: JsonOption = False,
) -> None:
    """Write the records of processing (GDPR 30): what is declared of each purpose, and what really happened."""
    from sekisho.consents.processing_forms import as_csv, as_html

    async def read(opened: Workspace) -> dict[str, Any]:
        return await opened.consents.processing.records(requester_named(opened, reader))

    records = with_workspace(workspace, read)
    if as_json or form is Form.JSON:
        answer_json(records)
    elif form is Form.CSV:
        answer(as_csv(records, locale.value).removesuffix("\r\n"))
    elif form is Form.HTML:
        answer(as_html(records, locale.value).removesuffix("\n"))
    else:
        answer_table(("purpose", "ground", "requester", "releases", "people", "first", "last"), _lines(records))


def provisions(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    requester: Annotated[
        str | None, typer.Option("--requester", "-r", help="The third party.", show_default=False)
    ] = None,
    purpose: Annotated[str | None, typer.Option("--purpose", "-p", help="For which.", show_default=False)] = None,
    person: Annotated[
        str | None, typer.Option("--data-subject", help="Of one person alone: TYPE:VALUE.", show_default=False)
    ] = None,
    reader: ReaderOption = "privacy_officer",
    as_json: JsonOption = False,
) -> None:
    """List what was provided to third parties (第三者提供記録, APPI 29), oldest first."""
    from sekisho.consents.provisions import Wanted

    of = None if person is None else data_subject(person)

    async def read(opened: Workspace) -> list[dict[str, Any]]:
        who, register = requester_named(opened, reader), opened.consents.provisions
        items: list[dict[str, Any]] = []
        cursor: object = None
        while cursor is not None or not items:
            wanted = Wanted(requester, purpose, cursor=None if cursor is None else str(cursor), limit=_PAGE)
            found: Mapping[str, Any] = await register.listed(who, wanted, of)
            items += found["items"]
            cursor = found.get("next_cursor")
            if cursor is None:
                break
        return items

    found = with_workspace(workspace, read)
    if as_json:
        answer_json({"items": found})
        return
    answer_table(
        ("at", "third party", "purpose", "people", "columns", "consent", "kept until", "id"),
        [
            (
                each["at"],
                each["third_party"]["name"],
                each["purpose"],
                each["people"],
                ", ".join(item["column"] for item in each["items"]),
                "yes" if each["consent"]["obtained"] else each["consent"]["ground"],
                each["kept_until"],
                each["id"],
            )
            for each in found
        ],
    )


def _lines(records: Mapping[str, Any]) -> list[tuple[object, ...]]:
    lines: list[tuple[object, ...]] = []
    for activity in records["activities"]:
        happened = {each["requester"]: each for each in activity["happened"]}
        ground = activity["legal_basis"]["name"]
        for name in dict.fromkeys([*(each["requester"] for each in activity["recipients"]), *happened]):
            told = happened.get(name, {"releases": 0, "people": 0, "first": None, "last": None})
            lines.append(
                (activity["purpose"], ground, name, *(told[part] for part in ("releases", "people", "first", "last")))
            )
    return lines

"""``sekisho consent``: what people decided, and recording it as the collection point."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from sekisho.cli import consent_import, consent_receipts, consent_upkeep
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
from sekisho.errors import UnknownPurpose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sekisho.bootstrap import Workspace
    from sekisho.domain.consent import ConsentEventKind

app = typer.Typer(help="See, withdraw and give consent.", no_args_is_help=True)
consent_upkeep.register(app)
consent_import.register(app)
consent_receipts.register(app)

PersonArgument = Annotated[str, typer.Argument(help="The person, as TYPE:VALUE.", metavar="TYPE:VALUE")]
PurposeArgument = Annotated[str, typer.Argument(help="Name of the purpose.")]
ScopeOption = Annotated[
    str | None,
    typer.Option(help="One cell, as DIMENSION=VALUE (data_category=purchase); else all of it.", show_default=False),
]
MethodOption = Annotated[str, typer.Option(help="How the decision came in: web_form, call_centre, paper, api.")]
DeskOption = Annotated[str, typer.Option("--as", help="The collection point that records it.")]


@app.command(epilog="Example: sekisho consent show customer_id:12347")
def show(
    person: PersonArgument,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Show what one person decided, purpose by purpose and cell by cell."""
    reference = data_subject(person)

    async def look(opened: Workspace) -> Mapping[str, object]:
        return await opened.consents.reading.my_consents(reference)

    found = with_workspace(workspace, look)
    if as_json:
        answer_json(found)
        return
    items = found["items"]
    assert isinstance(items, list)  # noqa: S101 - the use case answers {items, seq}
    answer_table(
        ("purpose", "scope", "state", "basis", "since", "until"),
        [
            (
                item["purpose"],
                ", ".join(f"{dimension}={value}" for dimension, value in (item.get("scope") or {}).items()),
                item["state"] or "not asked for",
                item["legal_basis"],
                item.get("since"),
                item.get("until"),
            )
            for item in items
        ],
    )


@app.command(epilog="Example: sekisho consent withdraw customer_id:12347 recommendation")
def withdraw(
    person: PersonArgument,
    purpose: PurposeArgument,
    scope: ScopeOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    method: MethodOption = "call_centre",
    desk: DeskOption = "consent_desk",
    as_json: JsonOption = False,
) -> None:
    """Record a withdrawal (on legitimate interest: an objection). It counts from the next query on."""
    from sekisho.domain.consent_rules import refusal_of

    async def record(opened: Workspace) -> Mapping[str, object]:
        declared = opened.settings.catalogue.purposes.get(purpose)
        if declared is None:
            raise UnknownPurpose("There is no such purpose in this workspace.")
        return await _record(opened, desk, person, purpose, refusal_of(declared), method, scope, None)

    _told(with_workspace(workspace, record), as_json=as_json)


@app.command(epilog="Example: sekisho consent give customer_id:12347 recommendation --scope data_category=purchase")
def give(
    person: PersonArgument,
    purpose: PurposeArgument,
    scope: ScopeOption = None,
    until: Annotated[
        datetime | None, typer.Option(help="Until when it holds, in UTC.", formats=["%Y-%m-%d"], show_default=False)
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    method: MethodOption = "call_centre",
    desk: DeskOption = "consent_desk",
    as_json: JsonOption = False,
) -> None:
    """Record that somebody gave consent. Only a collection point may say yes for a person."""
    from sekisho.domain.consent import ConsentEventKind

    ends = None if until is None else until.replace(tzinfo=UTC)

    async def record(opened: Workspace) -> Mapping[str, object]:
        return await _record(opened, desk, person, purpose, ConsentEventKind.GIVE, method, scope, ends)

    _told(with_workspace(workspace, record), as_json=as_json)


async def _record(
    opened: Workspace,
    desk: str,
    person: str,
    purpose: str,
    kind: ConsentEventKind,
    method: str,
    scope: str | None,
    until: datetime | None,
) -> Mapping[str, object]:
    from sekisho.http.services import ConsentEventRequest

    dimension, equals, value = (scope or "").partition("=")
    if scope is not None and not (dimension and equals and value):
        raise typer.BadParameter("a scope is written DIMENSION=VALUE, for example data_category=purchase")
    event = ConsentEventRequest(
        person=data_subject(person),
        purpose=purpose,
        kind=kind,
        method=method,
        scope={} if scope is None else {dimension: value},
        valid_until=until,
        evidence={"source": "command line"},
    )
    return await opened.consents.recording.record_event(requester_named(opened, desk), event)


def _told(recorded: Mapping[str, object], *, as_json: bool) -> None:
    if as_json:
        answer_json(dict(recorded))
    else:
        answer(f"Recorded as {recorded['state']}, sequence {recorded['seq']}.")

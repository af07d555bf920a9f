"""``sekisho keys``: what may be told about the keys, never a secret; their rotation; pseudonyms turned back."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from sekisho.cli.running import (
    DEFAULT_WORKSPACE,
    JsonOption,
    RequesterOption,
    WorkspaceOption,
    answer_json,
    answer_table,
    requester_named,
    say,
    with_workspace,
)

if TYPE_CHECKING:
    from sekisho.bootstrap import Workspace
    from sekisho.ports import EpochRecord
    from sekisho.settings import Settings

app = typer.Typer(help="The workspace's keys; only public halves are shown.", no_args_is_help=True)

_BY = typer.Option("--by", help="The privacy officer who orders it.", show_default=False)


@app.command(epilog="Example: sekisho keys show --json")
def show(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Show the key that verifies the audit log, the key epoch, the provider, and the token issuer's public key."""
    from sekisho.adapters.identity.jwks import public_jwk
    from sekisho.adapters.keyring import open_keys
    from sekisho.settings import load

    settings = load(workspace)
    ring = open_keys(settings)
    jwk = public_jwk(ring.token_public_key())
    epoch = _epochs(settings)[-1].epoch
    provider = settings.keys.provider.value
    if as_json:
        told = {"audit_verification_key": ring.verification_key(), "epoch": epoch, "token_issuer": jwk}
        answer_json({**told, "provider": provider})
    else:
        answer_table(
            ("key", "public value"),
            [
                ("audit log (audit verify --key)", ring.verification_key()),
                ("epoch of pseudonyms", epoch),
                ("token issuer (kid)", jwk.get("kid")),
                ("provider", provider),
            ],
        )


@app.command("list", epilog="Example: sekisho keys list --json")
def list_(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """List the epochs of pseudonyms and tokens: for which purposes, since when, and which are retired."""
    from sekisho.settings import load

    epochs = _epochs(load(workspace))
    if as_json:
        answer_json([epoch.to_json() for epoch in epochs])
    else:
        columns = ("epoch", "scope", "began_at", "provider", "retired_at")
        answer_table(columns, [list(epoch.to_json().values()) for epoch in epochs])


@app.command(epilog="Example: sekisho keys rotate --by privacy_officer --scope targeted_advertising")
def rotate(
    by: Annotated[str, _BY],
    scope: Annotated[str, typer.Option("--scope", help="pseudonyms (every purpose), or one purpose.")] = "pseudonyms",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Begin an epoch: what starts from now on gives out new pseudonyms. It is on record."""

    async def begin(opened: Workspace) -> None:
        begun = await opened.rotation.rotate(requester_named(opened, by), scope)
        if as_json:
            answer_json(begun.to_json())
        else:
            answer_table(("epoch", "scope"), [(begun.epoch, begun.scope)])

    with_workspace(workspace, begin)


@app.command(epilog="Example: sekisho keys wrap")
def wrap(workspace: WorkspaceOption = DEFAULT_WORKSPACE) -> None:
    """Wrap the secrets by the provider that sekisho.yaml names, and remove them from the folder; no key changes.

    The same again, after the provider's own key was rotated, wraps everything under its newest version.
    """
    from sekisho.adapters.keyring import wrap_keys, wrappings_of
    from sekisho.adapters.records.database import Database
    from sekisho.adapters.records.key_epochs import SqlKeyEpochs
    from sekisho.settings import load

    settings = load(workspace)
    ring = wrap_keys(settings)

    async def rewrap() -> int:
        database = Database(settings.database_url)
        try:
            return await SqlKeyEpochs(database, ring, wrappings_of(settings, ring)).rewrap()
        finally:
            await database.close()

    count = asyncio.run(rewrap())
    say(f"The secrets of {settings.keys_folder} and {count} data keys are wrapped by {settings.keys.provider.value}.")


@app.command(
    epilog="Example: sekisho keys detokenise -r investigator -p incident_response --received-by ad_platform "
    "--received-for targeted_advertising < pseudonyms.txt"
)
def detokenise(
    requester: RequesterOption,
    purpose: Annotated[
        str, typer.Option("--purpose", "-p", help="A purpose declared with detokenise.", show_default=False)
    ],
    received_by: Annotated[str, typer.Option("--received-by", help="Who received them.", show_default=False)],
    received_for: Annotated[str, typer.Option("--received-for", help="For what purpose.", show_default=False)],
    column: Annotated[
        str | None, typer.Option("--column", help="They are tokens of this linking identifier: DATASET.COLUMN.")
    ] = None,
    identifier: Annotated[str | None, typer.Option("--identifier", help="Kind of identifier wanted.")] = None,
    ticket: Annotated[str | None, typer.Option("--ticket", help="For which ticket or case.")] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Turn pseudonyms or tokens, one a line on standard input, back into identifiers, on record person by person."""
    from sekisho.domain.limits import ReleaseFormat
    from sekisho.received import Received
    from sekisho.release import Occasion

    pseudonyms = tuple(line.strip() for line in sys.stdin if line.strip())

    async def turn(opened: Workspace) -> None:
        turned = await opened.detokenising.turn_back(
            requester_named(opened, requester),
            purpose,
            Received(received_by, received_for, pseudonyms, column),
            identifier,
            Occasion(ReleaseFormat.JSON, ticket),
        )
        rows = turned.rows.to_pylist()
        if as_json:
            answer_json({"items": rows, "release": {"id": turned.id, "audit_seq": turned.audit_seq}})
        else:
            answer_table(turned.rows.schema.names, [list(row.values()) for row in rows])

    with_workspace(workspace, turn)


def _epochs(settings: Settings) -> list[EpochRecord]:
    """Return the epochs that the gateway's own database knows; before its first start, the first."""
    from sekisho.adapters.keyring import open_keys, wrappings_of
    from sekisho.adapters.records.database import Database
    from sekisho.adapters.records.key_epochs import SqlKeyEpochs
    from sekisho.errors import KeysUnavailable
    from sekisho.ports import PSEUDONYMS, EpochRecord

    ring = open_keys(settings)

    async def read() -> list[EpochRecord]:
        database = Database(settings.database_url)
        try:
            return await SqlKeyEpochs(database, ring, wrappings_of(settings, ring)).records()
        except KeysUnavailable:
            return []
        finally:
            await database.close()

    return asyncio.run(read()) or [EpochRecord(1, PSEUDONYMS, None)]

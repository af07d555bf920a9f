"""``sekisho consent verify`` and ``replay``: prove the ledger, and write again what a restore took from it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from sekisho.cli.running import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, answer, answer_json, say
from sekisho.errors import TamperedLog

if TYPE_CHECKING:
    from sekisho.adapters.records.consent_rebuild import Proof
    from sekisho.adapters.records.consent_replay import Replayed
    from sekisho.audit_verify import Verdict
    from sekisho.settings import Settings

FOUND_WRONG = 1
"""Exit code when the ledger is not what it should be, or cannot be completed."""


def verify(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Prove the consent ledger: its hash chain, every state made anew from the events, and the audit log beside it.

    Works while the workspace is in use, and on a ledger that was restored. Exit codes: 0 all is as it was
    written, 1 something is not.
    """
    proof = asyncio.run(_verified(_settings(workspace)))
    if as_json:
        answer_json(
            {
                "ok": proof.ok,
                "events": proof.events,
                "people": proof.people,
                "states": proof.states,
                "without_evidence": proof.without_evidence,
                "unaudited": proof.unaudited,
                "pruned": proof.pruned,
                "findings": list(proof.findings),
            }
        )
    else:
        for finding in proof.findings:
            answer(finding)
        gone = f", and {proof.pruned:,} are older than what is kept of it" if proof.pruned else ""
        answer(
            f"{'ok' if proof.ok else 'not ok'}: {proof.events:,} events, {proof.states:,} states of"
            f" {proof.people:,} people; {proof.unaudited:,} events are not in the audit log yet{gone}."
        )
    raise typer.Exit(0 if proof.ok else FOUND_WRONG)


def replay(
    export: Annotated[
        Path | None,
        typer.Argument(help="Folder of a raw audit export; else the workspace's own audit log.", show_default=False),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="The log's public key, from its owner (sekisho keys show).", show_default=False),
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Write again the consent events that a restored ledger lacks, from the audit log or from an export of it.

    The audit log is proved first; a tampered one is refused. Repeating it is harmless. Exit codes: 0 the ledger
    is complete, 1 events are missing everywhere and everything stays denied.
    """
    settings = _settings(workspace)
    verdict = _proved(settings, export, key)
    if not verdict.ok:
        raise TamperedLog(
            f"The audit log is {verdict.outcome.name.lower()}: {verdict.finding}. Nothing was replayed."
        )
    done = asyncio.run(_replayed(settings, export))
    if as_json:
        answer_json(
            {
                "events": done.events,
                "seq": done.seq,
                "missing": list(done.missing),
                "without_evidence": done.without_evidence,
                "nameless": done.nameless,
            }
        )
    else:
        for seq in done.missing[:20]:
            answer(f"sequence {seq} is in no audit record")
        answer(f"{done.events:,} events written again; the ledger reaches sequence {done.seq:,}.")
        if done.nameless:
            say(f"{done.nameless:,} people are back by number alone: restore their identifiers, too.")
        if done.missing:
            say("Everything stays denied until the missing events are found: name an export that holds them.")
    raise typer.Exit(FOUND_WRONG if done.missing else 0)


def register(app: typer.Typer) -> None:
    """Add the commands of this module to ``sekisho consent``."""
    app.command(epilog="Example: sekisho consent verify")(verify)
    app.command(epilog="Example: sekisho consent replay audit-2026-11")(replay)


def _settings(workspace: Path) -> Settings:
    from sekisho.settings import load

    return load(workspace)


def _proved(settings: Settings, export: Path | None, key: str | None) -> Verdict:
    from sekisho.adapters.keyring import open_keys
    from sekisho.audit_verify import verify_export
    from sekisho.cli.audit import verified_workspace

    trusted = key or open_keys(settings).verification_key()
    if export is None:
        return verified_workspace(settings, trusted, None)
    return verify_export(export, trusted, raw_only=True)


async def _verified(settings: Settings) -> Proof:
    from sekisho.adapters.keyring import open_keys
    from sekisho.adapters.records.consent_chain import EventChain
    from sekisho.adapters.records.consent_fold import by_default_purposes
    from sekisho.adapters.records.consent_rebuild import verified
    from sekisho.adapters.records.database import Database

    database = Database(settings.database_url)
    try:
        by_default = by_default_purposes(settings.catalogue.purposes)
        chain = EventChain(open_keys(settings))
        return await database.read(lambda connection: verified(connection, by_default, chain))
    finally:
        await database.close()


async def _replayed(settings: Settings, export: Path | None) -> Replayed:
    """Replay outside the composed workspace, which does not open while its ledger is too old."""
    from sekisho.adapters.clock import SystemClock
    from sekisho.adapters.keyring import open_keys
    from sekisho.adapters.records.audit import SqlAuditLog
    from sekisho.adapters.records.consent_replay import ConsentReplay
    from sekisho.adapters.records.database import Database
    from sekisho.adapters.records.people_rows import numbers_unerased
    from sekisho.adapters.records.shredded import ShreddedPeople, erased_by_log
    from sekisho.ports import AuditEntry

    keys = open_keys(settings)
    database = Database(settings.database_url)
    audit = SqlAuditLog(database, keys, SystemClock(), settings.audit_folder)
    try:
        await audit.start()
        # On record first: whatever happens then, it is known that somebody wrote to the ledger by hand.
        await audit.append(AuditEntry("consent.replay", {"from": "log" if export is None else "export"}))
        records = None if export is None else _records(export)
        replayed = await ConsentReplay(database, keys, settings.catalogue.purposes).replay(records)
        # Who was erased since is erased again when the workspace opens.
        told = None if export is None else _records(export)
        erased = await database.read(lambda connection: erased_by_log(connection, keys, told))
        ShreddedPeople(settings.audit_folder, keys).add(
            await database.read(partial(numbers_unerased, numbers=erased))
        )
        return replayed
    finally:
        await audit.close()
        await database.close()


def _records(export: Path) -> Iterator[dict[str, Any]]:
    from sekisho.domain.note import RECORDS_FILE

    with (export / RECORDS_FILE).open("rb") as file:
        for line in file:
            yield orjson.loads(line)

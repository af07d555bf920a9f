"""``sekisho audit``: export the log, and prove it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from sekisho.cli import audit_export, audit_prune, audit_report
from sekisho.cli.running import (
    DEFAULT_WORKSPACE,
    JsonOption,
    answer,
    answer_json,
    say,
)
from sekisho.cli.witness import witness
from sekisho.errors import InvalidRequest, SekishoError

if TYPE_CHECKING:
    from sekisho.audit_verify import Verdict
    from sekisho.domain.witness_policy import WitnessPolicy
    from sekisho.ports import KeyRing
    from sekisho.settings import Settings

app = typer.Typer(help="The audit log: export it, verify it, witness it.", no_args_is_help=True)
app.command(epilog="Example: sekisho audit witness --folder var/witness --log sekisho/audit+50b0aa56+AZAR…")(witness)
audit_export.register(app)
audit_prune.register(app)
audit_report.register(app)

USED_WRONGLY = 64
"""Exit code of ``audit verify`` when used wrongly (EX_USAGE): 2 means an incomplete log there."""


class _Verify(TyperCommand):
    """A command whose wrong use has another exit code."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse *args*; a fault of the caller exits with :data:`USED_WRONGLY`."""
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            if getattr(error, "exit_code", None) == 2:
                error.exit_code = USED_WRONGLY  # type: ignore[attr-defined]  # it has one, as was just seen
            raise


@app.command(cls=_Verify, epilog="Example: sekisho audit verify audit-2026-11 --key sekisho/audit+1be05639+AQQ7NP…")
def verify(
    path: Annotated[
        Path, typer.Argument(help="Folder of an export or of a tree, a proof, or a workspace.")
    ] = DEFAULT_WORKSPACE,
    key: Annotated[
        str | None,
        typer.Option(help="The log's public key, from its owner (sekisho keys show).", show_default=False),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="What you kept earlier, a checkpoint or a head: the log must continue it.", show_default=False
        ),
    ] = None,
    witness: Annotated[
        list[str] | None,
        typer.Option(help="Key of a witness that must have signed; may be repeated.", show_default=False),
    ] = None,
    quorum: Annotated[
        int | None, typer.Option(min=1, help="How many of them must have; all if left out.", show_default=False)
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="The same as a file (C2SP tlog-policy).", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Prove that an audit log is what was written: every hash is computed anew, every head held against it.

    Exit codes: 0 ok, 1 tampered, 2 incomplete, 3 not signed by the trusted key or by too few
    of the witnesses demanded, 64 used wrongly.
    """
    try:
        verdict = _verified(path, key, since, _policy(witness, quorum, policy))
    except SekishoError as error:
        say(f"{error.code}: {error.detail}")
        raise typer.Exit(USED_WRONGLY) from None
    if as_json:
        answer_json(verdict.as_dict())
    else:
        answer(_sentence(verdict))
    raise typer.Exit(int(verdict.outcome))


def _policy(witnesses: list[str] | None, quorum: int | None, file: Path | None) -> WitnessPolicy | None:
    from sekisho.audit_verify.witnesses import read_policy

    if not witnesses and quorum is None and file is None:
        return None
    return read_policy(witnesses or [], quorum, file)


def _verified(path: Path, key: str | None, since: str | None, policy: WitnessPolicy | None) -> Verdict:
    from sekisho.audit_verify import verify_path
    from sekisho.settings import FILE_NAME, load

    if not (path / FILE_NAME).is_file():
        if key is None:
            raise InvalidRequest("name the log's public key with --key; whoever keeps the log has it")
        return verify_path(path, key, since=since, policy=policy)
    if policy is not None:
        raise InvalidRequest("witnesses sign checkpoints; name the tree's folder, an export, a proof or a checkpoint")
    settings = load(path)
    if key is None:
        from sekisho.adapters.keyring import open_keys

        key = open_keys(settings).verification_key()
        say(f"Using the workspace's own key, {key}. Whoever could change the log may have changed it, too: ")
        say("keep the key elsewhere, and name it with --key.")
    return verified_workspace(settings, key, since)


def verified_workspace(settings: Settings, key: str, since: str | None) -> Verdict:
    """Return what the proof of a workspace's own audit log says; see ``verify``.

    Writers on other machines save their heads there, and put each into the database with their next group: until then
    the end of their chains is known by its tail, which the log's own key vouches for, where that is at hand.
    """
    from sekisho.audit_verify import saved_notes, verify_database, verify_rows
    from sekisho.audit_verify.verdict import Verdict, VerificationFailed

    kind, _, place = settings.database_url.partition(":///")
    if kind == "sqlite":
        return verify_database(Path(place), settings.audit_folder, key, since=since)
    from sekisho.adapters.records.audit_seal import heads_to_come
    from sekisho.adapters.records.audit_search import (
        stored_anchor,
        stored_heads,
        stored_records,
        stored_subjects,
    )
    from sekisho.adapters.records.audit_sink import open_tails
    from sekisho.adapters.records.database import Database

    keys = _own_keys(settings, key)

    async def read() -> Verdict:
        # The saved heads come first: what they count must be in the database by the time it is read.
        try:
            saved = saved_notes(settings.audit_folder)
        except VerificationFailed as failed:
            return Verdict(failed.outcome, failed.finding)
        database = Database(settings.database_url)
        try:
            return await database.read(
                lambda connection: verify_rows(
                    stored_records(connection),
                    [*stored_heads(connection), *(heads_to_come(keys, open_tails(connection)) if keys else ())],
                    stored_subjects(connection),
                    saved,
                    key,
                    since=since,
                    later=lambda: saved_notes(settings.audit_folder),
                    anchor=stored_anchor(connection),
                )
            )
        finally:
            await database.close()

    return asyncio.run(read())


def _own_keys(settings: Settings, key: str) -> KeyRing | None:
    """Return the workspace's key ring, when it can be opened here and *key* is its own."""
    from sekisho.adapters.keyring import open_keys

    with suppress(SekishoError):
        keys = open_keys(settings)
        if keys.verification_key() == key:
            return keys
    return None


def _sentence(verdict: Verdict) -> str:
    if verdict.ok and verdict.witnesses and not verdict.records:
        return f"ok: a checkpoint of this log, also signed by {', '.join(verdict.witnesses)}."
    if verdict.ok and not verdict.records and verdict.heads:
        return "ok: a checkpoint of this log."
    if verdict.ok and not verdict.writers:
        proved = f", {verdict.proved:,} proved to be in the signed tree" if verdict.proved else ""
        return f"ok: {verdict.records:,} events{proved}; nothing was changed.{_beside(verdict)}"
    checked = f"{verdict.records:,} records of {verdict.writers:,} writers, {verdict.heads:,} signed heads"
    if verdict.ok:
        return f"ok: {checked}; nothing was changed, removed or reordered.{_beside(verdict)}"
    told = ""
    if verdict.bad is not None:
        parts = {
            "record": verdict.bad.seq,
            "id": verdict.bad.id,
            "writer": verdict.bad.writer,
            "place": verdict.bad.wseq,
        }
        told = ", ".join(f"{name} {value}" for name, value in parts.items() if value is not None)
        told = f" ({told})"
    return f"{verdict.outcome.name.lower()}: {verdict.finding}{told}."


def _beside(verdict: Verdict) -> str:
    """Return what else is to be told of a good verdict."""
    begins = f" The log {verdict.pruned}." if verdict.pruned else ""
    seen = f" Also signed by {', '.join(verdict.witnesses)}." if verdict.witnesses else ""
    return begins + seen

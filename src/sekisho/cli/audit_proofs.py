"""``sekisho audit checkpoint`` and ``audit proof``: what to keep of the log, and what to show of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sekisho.cli.running import DEFAULT_WORKSPACE, WorkspaceOption, answer, say, with_workspace
from sekisho.errors import InvalidRequest

if TYPE_CHECKING:
    from sekisho.bootstrap import Workspace


def register(app: typer.Typer) -> None:
    """Add the commands to ``sekisho audit``."""
    app.command(epilog="Example: sekisho audit checkpoint > checkpoint-2026-11-22")(checkpoint)
    app.command(epilog="Example: sekisho audit proof 0199d3c2-7c1e-7d2f-8000-5d1c2ae0f3aa --out record.tlog-proof")(
        proof
    )


def checkpoint(workspace: WorkspaceOption = DEFAULT_WORKSPACE) -> None:
    """Bring the tree over the log up to its newest record, and print the signed checkpoint. Keep it elsewhere."""

    async def work(opened: Workspace) -> str:
        return await opened.composed.tree.advance()

    answer(with_workspace(workspace, work).rstrip("\n"))


def proof(
    record: Annotated[str, typer.Argument(help="Id of a record; that of a release is the release's id.")],
    out: Annotated[
        Path | None, typer.Option(help="File to write; standard output if left out.", show_default=False)
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Write the proof that one record is in the log, with the record, in one file that `audit verify` takes."""
    from sekisho.domain.checkpoint import format_proof
    from sekisho.ports import AuditEntry

    if out is not None and out.exists():
        raise InvalidRequest("There is a file of this name; a proof is written to a new one.")

    async def work(opened: Workspace) -> str:
        found = await opened.composed.tree.proof_of(record)
        # The proof carries the record, so that somebody read it.
        await opened.audit.append(AuditEntry("audit.read", {"record": record[:36], "proof": True}))
        return format_proof(found)

    text = with_workspace(workspace, work)
    if out is None:
        answer(text.rstrip("\n"))
        return
    out.write_text(text, encoding="utf-8")
    say(f"Wrote {out}.")

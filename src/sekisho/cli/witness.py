"""``sekisho audit witness``: see every checkpoint of somebody else's log, and sign no fork of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sekisho.cli.running import answer, say
from sekisho.errors import InvalidRequest

if TYPE_CHECKING:
    from sekisho.domain.note import VerificationKey


def witness(
    folder: Annotated[
        Path, typer.Option(help="Its own folder: key and memory. New or empty: a key is made.", show_default=False)
    ],
    log: Annotated[
        list[str] | None,
        typer.Option(help="Public key of a log to witness; may be repeated.", show_default=False),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Name of a new witness, such as audit.example/witness.", show_default=False),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes a free one.")] = 8100,
    show_key: Annotated[bool, typer.Option("--show-key", help="Print the witness's public key, and end.")] = False,
) -> None:
    """Run a witness: a service that signs the checkpoints of logs, and refuses forks and rollbacks.

    Run it where whoever administers the gateway cannot write. Prints one line when ready.
    """
    from sekisho.domain.note import MalformedNoteError, parse_key
    from sekisho.witness import Memory, Witness, public_key, serve_witness

    try:
        logs = [parse_key(vkey) for vkey in log or ()]
    except MalformedNoteError as error:
        raise InvalidRequest(f"--log: {error}; the log's owner prints it with sekisho keys show.") from None
    if not logs and not show_key:
        raise InvalidRequest("Name at least one log with --log; its owner prints the key with sekisho keys show.")
    if show_key:
        answer(_shown(public_key(folder, name)))
        return
    memory = Memory(folder, name)
    try:
        say(f"The key of this witness is {_shown(memory.key)}")
        serve_witness(Witness(memory, logs), host, port, lambda url: _ready(memory.key.name, url))
    finally:
        memory.close()


def _shown(key: VerificationKey) -> str:
    from sekisho.domain.note import format_key

    return format_key(key.name, key.public, key.kind)


def _ready(name: str, url: str) -> None:
    sys.stdout.write(f"The witness {name} is ready on {url}\n")
    sys.stdout.flush()

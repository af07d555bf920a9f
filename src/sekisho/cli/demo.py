"""``sekisho demo``."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sekisho.cli.running import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, answer_json, progress, say
from sekisho.errors import InvalidRequest

if TYPE_CHECKING:
    from sekisho.demo.scene import Part
    from sekisho.demo.workspace import Built


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command(epilog="Example: sekisho demo --workspace var/demo")(demo)


def demo(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    scale: Annotated[int, typer.Option(min=1, help="How many times the real customers occur, for benchmarks.")] = 1,
    postgres: Annotated[
        str | None,
        typer.Option(
            help="Put customers, tickets and order lines into this PostgreSQL server, as an administrator"
            " (postgresql://…, without a password).",
            metavar="URL",
        ),
    ] = None,
    own_records: Annotated[
        bool, typer.Option("--own-records", help="With --postgres: the gateway's own records, too.")
    ] = False,
    drop: Annotated[
        bool, typer.Option("--drop", help="With --postgres: drop what was made on the server, and stop.")
    ] = False,
    build_only: Annotated[bool, typer.Option("--build-only", help="Stop after building.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Build the demonstration workspace, on real order lines, and tell its story in nine parts.

    A finished workspace is used again. Exit code 0 means that every expectation of the story held.

    With --postgres the story runs over databases and roles of its own on a server, called sekisho_demo_…; the
    administrator's password comes from PGPASSWORD or ~/.pgpass. --drop takes the same URL and workspace.
    """
    if postgres is None and (drop or own_records):
        raise InvalidRequest("--drop and --own-records are for --postgres URL.")
    if postgres is not None and drop:
        _drop(postgres, workspace)
        return
    from sekisho.bootstrap import configure_logging
    from sekisho.demo.workspace import build_workspace

    configure_logging()
    began = time.perf_counter()
    with progress() as tell:
        built = build_workspace(workspace, scale, tell, postgres=postgres, own_records=own_records)
    took = time.perf_counter() - began
    say(f"Built {built.folder} in {took:.0f} s." if built.fresh else f"{built.folder} is there already.")
    if build_only:
        if as_json:
            answer_json(_about(built))
        return
    parts = asyncio.run(_tell(built, quiet=as_json))
    seconds = time.perf_counter() - began
    held = all(part.held for part in parts)
    if as_json:
        answer_json(
            {**_about(built), "held": held, "seconds": round(seconds, 1), "parts": [part.as_json() for part in parts]}
        )
    else:
        from sekisho.demo.stage import show_ending, stage

        show_ending(stage(), parts, seconds)
    if not held:
        raise typer.Exit(1)


def _drop(url: str, workspace: Path) -> None:
    from sekisho.demo.server import DemoServer

    databases, roles = DemoServer(url, workspace).drop()
    say(f"Dropped {databases} databases and {roles} roles. {workspace} itself is left: remove it when you like.")


async def _tell(built: Built, *, quiet: bool) -> list[Part]:
    from sekisho.demo.stage import show, show_opening, stage
    from sekisho.demo.story import tell

    console = stage()
    if not quiet:
        show_opening(console, built)
    parts = []
    async for part in tell(built):
        parts.append(part)
        if not quiet:
            show(console, part)
    return parts


def _about(built: Built) -> dict[str, object]:

    return {
        "workspace": str(built.folder),
        "scale": built.scale,
        "built_now": built.fresh,
        "stores": asdict(built.facts),
        "consent_events": built.consent_events,
    }

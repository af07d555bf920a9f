"""``sekisho serve``."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sekisho.cli.running import DEFAULT_WORKSPACE, WorkspaceOption, say
from sekisho.errors import SekishoError, WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command(epilog="Example: sekisho serve --port 8000")(serve)


def serve(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes a free one.")] = 8000,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Processes; more than one needs PostgreSQL for the own records.")
    ] = 1,
) -> None:
    """Serve a workspace over HTTP, with documentation at /docs. Prints one line when ready."""
    from sekisho.http.allocators import choose_allocators

    choose_allocators()  # before anything else is loaded
    from sekisho.bootstrap import configure_logging, prepare
    from sekisho.http.server import listen, refuse_exposed_issuer
    from sekisho.http.server import serve as serve_app

    configure_logging(verbose=True)
    settings = prepare(workspace)
    if workers > 1 and settings.database_url.startswith("sqlite"):
        raise WorkspaceError(
            "SQLite serves one process. Name a PostgreSQL server under `database:` in sekisho.yaml, or leave out "
            "--workers."
        )
    refuse_exposed_issuer(host, embedded_issuer=settings.identity.embedded, allowed=False)
    listener = listen(host, port)
    first = workers == 1 or _is_first_of(workers)
    app = OpenedApp(workspace, workers)
    try:
        serve_app(
            app,
            host,
            port,
            embedded_issuer=settings.identity.embedded,
            listener=listener,
            announce=None if first else lambda _line: None,
            stopping=app.stop_streams,
        )
    except SystemExit:  # of the server; why it could not begin is known better here
        if app.failure is None:
            raise
    if app.failure is not None:
        raise app.failure


class OpenedApp:
    """The ASGI application of a workspace that is opened when the server starts, in the server's own loop.

    Parameters
    ----------
    folder:
        Folder of the workspace.
    workers:
        How many processes serve it.

    Attributes
    ----------
    failure:
        Why the workspace could not be opened, or ``None``.
    """

    def __init__(self, folder: Path, workers: int = 1) -> None:
        self._folder, self._workers = folder, workers
        self._app: Callable[[Scope, Receive, Send], Awaitable[None]] | None = None
        self.failure: SekishoError | None = None
        self._stop: Callable[[], None] | None = None

    def stop_streams(self) -> None:
        """End the answers that go on for as long as somebody listens."""
        if self._stop is not None:
            self._stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Open and close with the server; hand everything else to the application."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._app is not None:
            await self._app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        from sekisho.bootstrap import build_app, open_workspace
        from sekisho.bootstrap.free_text import load_recognizers

        async with AsyncExitStack() as stack:
            await receive()
            try:
                opened = await stack.enter_async_context(open_workspace(self._folder, serving=self._workers))
                await load_recognizers(opened.detector, opened.settings)
                self._app, self._stop = build_app(opened), opened.consents.feed.stop
                await stack.enter_async_context(opened.composed.running())
                await stack.enter_async_context(opened.sync.running())
                await stack.enter_async_context(opened.policies.running())
                await stack.enter_async_context(opened.policy_records.running())
                await stack.enter_async_context(opened.exporting.running())
                await stack.enter_async_context(opened.scanning.running())
            except SekishoError as failure:
                self.failure = failure
                await send({"type": "lifespan.startup.failed", "message": failure.code})
                return
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


def _is_first_of(workers: int) -> bool:
    """Start *workers* processes and return, in each, whether it is the first; the parent never returns.

    The parent passes signals on, and ends all when one ends: a service that runs with fewer processes than it
    was told to hides that something is wrong.
    """
    children = []
    for place in range(workers):
        child = os.fork()
        if child == 0:
            return place == 0
        children.append(child)

    told = False

    def stop(number: int, frame: object) -> None:
        nonlocal told
        told = True
        pass_on(number, frame)

    def pass_on(number: int, _frame: object) -> None:
        for each in children:
            with suppress(ProcessLookupError):
                os.kill(each, number)

    signal.signal(signal.SIGHUP, pass_on)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    failed = False
    while children:
        ended, _ = os.wait()
        children.remove(ended)
        if not told:
            failed = True
            stop(signal.SIGTERM, None)
    if failed:
        say("A worker ended by itself; all were stopped.")
    sys.exit(1 if failed else 0)

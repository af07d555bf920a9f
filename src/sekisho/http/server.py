"""Run the application with uvicorn: settings that belong together, one line when ready, safe defaults."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import logging
import socket
import sys
from collections.abc import Callable
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from sekisho.errors import WorkspaceError
from sekisho.http.memory import Trimmed, do_without_data_frames, give_memory_back

_BACKLOG: Final = 2048
_MAX_HEADERS: Final = 32 * 1024  # bytes of request line and headers, where the parser has a limit
_KEEP_ALIVE: Final = 30  # seconds an idle connection stays
_SHUTDOWN: Final = 20  # seconds for answers under way when the service stops
_YOUNG: Final = 20_000  # objects made before the youngest are looked through for cycles; requests make few


def serve(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    embedded_issuer: bool,
    allow_embedded_issuer: bool = False,
    concurrency: int = 512,
    announce: Callable[[str], None] | None = None,
    listener: socket.socket | None = None,
    stopping: Callable[[], None] | None = None,
) -> None:
    """Serve *app* until a signal ends it.

    Parameters
    ----------
    host, port:
        Where to listen; port 0 takes a free one.
    embedded_issuer:
        Whether tokens of the embedded issuer are accepted: anyone on this machine can make them.
    allow_embedded_issuer:
        Accept them off loopback all the same.
    concurrency:
        Connections and requests at once; above it the server answers 503.
    announce:
        Gets the one line when ready; without it, standard output does.
    listener:
        A socket from :func:`listen` that several processes share; without it, one of its own.
    stopping:
        Called before open answers are waited for, to end those that never would by themselves.

    Raises ``WorkspaceError`` when the embedded issuer would be reachable from elsewhere, or the
    address cannot be listened on.
    """
    refuse_exposed_issuer(host, embedded_issuer=embedded_issuer, allowed=allow_embedded_issuer)
    listener = listener or listen(host, port)
    give_memory_back()  # before threads of the workspace begin, each with a cache of its own
    config = uvicorn.Config(
        app,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http="httptools",
        ws="none",
        interface="asgi3",
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,  # nothing here depends on the client's address
        log_config=None,  # bootstrap configures logging
        backlog=_BACKLOG,
        limit_concurrency=concurrency,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_SHUTDOWN,
        h11_max_incomplete_event_size=_MAX_HEADERS,
    )
    hide_exceptions_from_log()
    shown_host, shown_port = listener.getsockname()[:2]
    shown = f"[{shown_host}]" if ":" in shown_host else shown_host
    line = f"Sekisho is ready on http://{shown}:{shown_port} (docs: http://{shown}:{shown_port}/docs)"
    try:
        Server(config, lambda: (announce or _print)(line), stopping or (lambda: None)).run(sockets=[listener])
    finally:
        listener.close()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that is bound. Raises ``WorkspaceError`` with the remedy."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise WorkspaceError(f"Cannot listen on {host}: {error.strerror}.") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise WorkspaceError(
            f"Cannot listen on {host} port {port}: {error.strerror}. Choose another with --port."
        ) from None
    return listener


def is_loopback(host: str) -> bool:
    """Return whether *host* can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False  # a name may resolve to anything


def refuse_exposed_issuer(host: str, *, embedded_issuer: bool, allowed: bool) -> None:
    """Raise ``WorkspaceError`` when tokens that anyone here can make would open a public address."""
    if embedded_issuer and not allowed and not is_loopback(host):
        raise WorkspaceError(
            f"The embedded token issuer is for trying things out, and {host} can be reached from elsewhere. "
            "Name your identity provider in sekisho.yaml, or listen on 127.0.0.1."
        )


def keep_what_stays() -> None:
    """Take what start-up has made out of the search for reference cycles, and look for new ones more rarely.

    Some hundred thousand objects stay for as long as the process: looking through them holds up every request
    under way for a tenth of a second, once in about a thousand requests.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG)


def hide_exceptions_from_log() -> None:
    """Keep exceptions out of uvicorn's log: their messages may hold data values."""
    logger = logging.getLogger("uvicorn.error")
    if not any(isinstance(item, _WithoutExceptions) for item in logger.filters):
        logger.addFilter(_WithoutExceptions())


class _WithoutExceptions(logging.Filter):
    """Names the class of an exception and drops the rest of it."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[0] is not None:
            record.msg, record.args = f"request ended by {record.exc_info[0].__name__}", ()
            record.exc_info = record.exc_text = None
        return True


class Server(uvicorn.Server):
    """Says once that it listens, and once that it stops, before it waits for open answers; holds little memory.

    Parameters
    ----------
    config:
        The server's settings.
    ready, stopping:
        Called when it listens, and before it stops.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        ready: Callable[[], None] = lambda: None,
        stopping: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(config)
        self._ready, self._stopping = ready, stopping
        self._trimmed = Trimmed()
        self._trimming: asyncio.Future[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then say so."""
        await super().startup(sockets=sockets)
        if self.started:
            keep_what_stays()
            do_without_data_frames()
            self._trimmed.trim()  # what start-up needed
            self._ready()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second, give back what has become free: an answer leaves some behind wherever it is made."""
        if self._trimmed.has_grown() and (self._trimming is None or self._trimming.done()):
            # Not waited for: with every thread at work, the server would hear of its end late.
            self._trimming = asyncio.ensure_future(asyncio.to_thread(self._trimmed.trim))
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End streams that would never end by themselves, then stop."""
        self._stopping()
        await super().shutdown(sockets=sockets)


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()

"""A witness over HTTP: one write, two reads, and no patience."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from asyncio.events import TimerHandle
from collections.abc import Callable
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sekisho.domain.checkpoint import MAX_CHECKPOINT_BYTES
from sekisho.domain.note import format_key
from sekisho.errors import WorkspaceError
from sekisho.witness.witness import Answer, Witness

PATIENCE: Final = 10.0
"""Seconds in which a whole request must have come."""

_MAX_BODY: Final = MAX_CHECKPOINT_BYTES + 63 * 45 + 64  # a proof has 63 lines at most
_CONNECTIONS: Final = 256
_KEEP_ALIVE: Final = 75  # seconds; a log comes every few
_SHUTDOWN: Final = 10
_NO_STORE: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def witness_app(witness: Witness) -> Starlette:
    """Return the ASGI application of *witness*."""

    async def add_checkpoint(request: Request) -> Response:
        body = bytearray()
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > _MAX_BODY:
                    return _response(Answer(413, "a request has at most 64 KiB\n"))
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        return _response(await run_in_threadpool(witness.add_checkpoint, bytes(body)))

    async def checkpoint(request: Request) -> Response:
        note = witness.latest(request.path_params["log"])
        return _response(Answer(404, "no checkpoint of this log was signed\n") if note is None else Answer(200, note))

    async def about(_request: Request) -> Response:
        key = format_key(witness.key.name, witness.key.public, witness.key.kind)
        return JSONResponse({**witness.about(), "key": key}, headers=_NO_STORE)

    return Starlette(
        routes=[
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/checkpoint/{log}", checkpoint),
            Route("/", about),
        ]
    )


def _response(answer: Answer) -> Response:
    return Response(answer.text, answer.status, headers={**_NO_STORE, "content-type": answer.form})


def serve_witness(witness: Witness, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve *witness* until a signal ends it; *announce* gets its address when ready.

    Raises ``WorkspaceError`` when the address cannot be listened on.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise WorkspaceError(f"Cannot listen on {host} port {port}: {error.strerror}.") from None
    shown, at = listener.getsockname()[:2]
    shown = f"[{shown}]" if ":" in shown else shown
    config = uvicorn.Config(
        witness_app(witness),
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=_Impatient,
        ws="none",
        interface="asgi3",
        lifespan="off",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_config=None,
        log_level="critical",
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_SHUTDOWN,
    )
    with contextlib.closing(listener):
        _Announcing(config, lambda: announce(f"http://{shown}:{at}")).run(sockets=[listener])


class _Announcing(uvicorn.Server):
    """Says once that it listens."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._ready()


class _Impatient(HttpToolsProtocol):
    """Cuts off who does not send a whole request in time: uvicorn itself waits for as long as it takes."""

    _timer: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # typeshed names the base's argument otherwise
        super().connection_made(transport)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._begin()
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._end()
        super().on_message_complete()

    def _begin(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(PATIENCE, self.transport.abort)

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

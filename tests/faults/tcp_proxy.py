"""A TCP proxy that breaks connections in the ways of networks: late, reset, silent, refused."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress

_CHUNK = 65_536


class FaultProxy:
    """Passes bytes to *port* of this machine, and back.

    Parameters
    ----------
    port:
        Where to.

    Attributes
    ----------
    delay:
        Seconds that each part of an answer is late.
    silent:
        Whether connections are half open: what comes is taken and goes nowhere, and no answer comes.
    refusing:
        Whether new connections are reset at once.
    fired:
        How often a fault met bytes or a connection.
    """

    def __init__(self, port: int) -> None:
        self.delay, self.silent, self.refusing, self.fired = 0.0, False, False, 0
        self._to = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> int:
        """Listen; return the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Reset everything that is open, and listen no more."""
        assert self._server is not None
        self._server.close()
        self.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def reset(self) -> None:
        """Reset every connection on both sides."""
        for writer in self._writers:
            self.fired += 1
            _abort(writer)
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            self.fired += 1
            _abort(writer)
            return
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            _abort(writer)
            return
        self._writers |= {writer, forth}
        for task in (
            asyncio.create_task(self._pass(reader, forth, late=False)),
            asyncio.create_task(self._pass(back, writer, late=True)),
        ):
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, late: bool) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                if self.silent:
                    self.fired += 1
                    continue
                if late and self.delay:
                    self.fired += 1
                    await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()
        if not self.silent:
            writer.close()


def _abort(writer: asyncio.StreamWriter) -> None:
    """Reset a connection: with nothing to linger for, closing sends RST."""
    plain = writer.get_extra_info("socket")
    with suppress(OSError):
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()

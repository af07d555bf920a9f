"""One question and its answer at a time over a connection that is kept: HTTP/1.1 without what a general client adds.

A general client takes half of what a decision takes, before a byte is sent. What is read here is read by the parser
of Node.js (llhttp, through ``httptools``). A connection whose answer did not come, whole and by itself, is never
used again: what arrives late on it would be the answer to another question.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Final, cast

import httptools

_MOST: Final = 16 * 2**20  # octets of an answer
_OK: Final = 200


class Unanswered(ConnectionError):
    """No complete answer with status 200 and JSON in it came over the connection."""


class Exchange:
    """Connections to one server, as many as questions are under way at once.

    Parameters
    ----------
    host, port:
        Where the server listens; not looked at with *socket*.
    socket:
        Path of a socket of this machine, in place of host and port.
    tls:
        How both sides prove who they are; ``None`` for plain text.
    """

    def __init__(self, host: str, port: int, *, socket: str | None = None, tls: ssl.SSLContext | None = None) -> None:
        self._host, self._port, self._socket, self._tls = host, port, socket, tls
        named = f"[{host}]" if ":" in host else host
        self._head = f" HTTP/1.1\r\nHost: {named}:{port}\r\nContent-Type: application/json\r\nContent-Length: "
        self._idle: list[_Line] = []
        self._busy: set[_Line] = set()

    async def ask(self, target: str, body: bytes) -> bytes:
        """Return the body of the answer to *body*, sent to *target*: path and query.

        Raises ``OSError`` (``Unanswered`` among them) when none comes; nothing is tried twice.
        """
        line = await self._line()
        self._busy.add(line)
        try:
            return await line.ask(f"POST {target}{self._head}{len(body)}\r\n\r\n".encode("ascii") + body)
        finally:
            self._busy.discard(line)
            if line.free:
                self._idle.append(line)
            else:  # also when who asked went away
                line.close()

    def close(self) -> None:
        """Close all connections; questions under way are unanswered."""
        for line in (*self._idle, *self._busy):
            line.close()
        self._idle.clear()

    async def _line(self) -> _Line:
        while self._idle:
            line = self._idle.pop()
            if line.free:
                return line
        loop = asyncio.get_running_loop()
        if self._socket is not None:
            return (await loop.create_unix_connection(_Line, self._socket))[1]
        return (await loop.create_connection(_Line, self._host, self._port, ssl=self._tls))[1]


class _Line(asyncio.Protocol):
    """One connection: a question, then its whole answer, then the next."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._answer: asyncio.Future[bytes] | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._body = bytearray()
        self._json = False
        self._lasts = True

    @property
    def free(self) -> bool:
        """Whether the connection stands and nothing is awaited on it."""
        return self._lasts and self._answer is None and self._transport is not None

    async def ask(self, question: bytes) -> bytes:
        """Return the body of the answer to *question*, the octets of one request."""
        if self._transport is None:
            raise Unanswered("the connection was closed")
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._answer = answer
        self._parser = httptools.HttpResponseParser(self)
        self._body, self._json = bytearray(), False
        self._transport.write(question)
        whole = await answer
        self._answer = None  # not in a finally: who goes away leaves a connection that is not free
        return whole

    def close(self) -> None:
        """Close the connection."""
        self._end("the connection was closed")

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self._transport = cast("asyncio.WriteTransport", transport)  # which uvloop's does not inherit from

    def data_received(self, data: bytes) -> None:
        """Read a piece of the answer; what comes unasked ends the connection."""
        if self._answer is None or self._answer.done() or self._parser is None:
            self._end("the server spoke unasked")
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._end("the answer is not HTTP")

    def connection_lost(self, _fault: Exception | None) -> None:
        """Tell who waits."""
        self._end("the connection was closed before the answer was whole")

    # What the parser tells.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take note of what kind of answer it is."""
        if name.lower() == b"content-type":
            self._json = value.partition(b";")[0].strip().lower() == b"application/json"

    def on_body(self, piece: bytes) -> None:
        """Take a piece of the answer's body."""
        self._body += piece
        if len(self._body) > _MOST:
            self._end("the answer is too long")

    def on_message_complete(self) -> None:
        """Hand the answer over."""
        if self._parser is None or self._answer is None or self._answer.done():
            self._end("the server spoke unasked")
        elif self._parser.get_status_code() != _OK or not self._json:
            self._end("the server answers otherwise than with JSON and 200")
        else:
            self._lasts = self._parser.should_keep_alive()
            self._answer.set_result(bytes(self._body))

    def _end(self, why: str) -> None:
        transport, self._transport = self._transport, None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Unanswered(why))
        if transport is not None:
            transport.abort()

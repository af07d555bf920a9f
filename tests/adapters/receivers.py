"""Receivers of deliveries on loopback, and resolvers that answer what a test tells them."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from ipaddress import ip_address

from sekisho.domain.webhook_targets import Address

PUBLIC = "93.184.216.34"
SECRET = "token-of-the-receiver"


def resolving(*answers: Sequence[str]) -> tuple[Callable[[str, int], Awaitable[Sequence[Address]]], list[str]]:
    """Return a resolver that gives *answers* one after another, the last for ever, and the names it was asked."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[Address]:
        asked.append(host)
        return [ip_address(text) for text in answers[min(len(asked), len(answers)) - 1]]

    return resolve, asked


class Receiver:
    """An HTTP/1.1 server on loopback that answers what it is told and keeps what it got."""

    def __init__(self, answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n", wait: float = 0.0) -> None:
        self.answer = answer
        self.wait = wait
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.connections = 0
        self.sent = 0
        self.port = 0
        self.open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.open[task] = writer
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
            }
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.requests.append((head[0], headers, body))
            await asyncio.sleep(self.wait)
            for start in range(0, len(self.answer), 65_536):
                writer.write(self.answer[start : start + 65_536])
                await writer.drain()
                self.sent += 65_536
        writer.close()


@contextlib.asynccontextmanager
async def listening(receiver: Receiver, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """Run *receiver* on a free port of loopback."""
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task, writer in receiver.open.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*receiver.open, return_exceptions=True)
        await asyncio.sleep(0)  # the transports close in the next turn of the loop

"""The connection over which an OPA server is asked: each answer is the answer to its question, or there is none."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine

import pytest
import uvloop

from sekisho.adapters.opa.exchange import Exchange, Unanswered
from tests.policies.serving import response

pytestmark = pytest.mark.enable_socket

Answers = Callable[[bytes, asyncio.StreamWriter], Coroutine[None, None, None]]


def kept(body: bytes) -> bytes:
    """Return an answer after which the connection stays."""
    return response(body).replace(b"Connection: close\r\n", b"")


@contextlib.asynccontextmanager
async def exchanging(answers: Answers) -> AsyncIterator[tuple[Exchange, list[asyncio.StreamWriter]]]:
    """Run a server that keeps its connections; yield a way to it, and the connections that were made."""
    lines: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                await answers(await reader.readexactly(size), writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    exchange = Exchange("127.0.0.1", server.sockets[0].getsockname()[1])
    try:
        yield exchange, lines
    finally:
        exchange.close()
        for line in lines:
            line.close()
        server.close()


async def echo(question: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(kept(question))


async def kept_and_alone() -> None:
    async with exchanging(echo) as (exchange, lines):
        assert [await exchange.ask("/v1/data", b"%d" % n) for n in range(3)] == [b"0", b"1", b"2"]
        assert len(lines) == 1
        assert await asyncio.gather(*(exchange.ask("/v1/data", b"%d" % n) for n in range(5))) == [
            b"0",
            b"1",
            b"2",
            b"3",
            b"4",
        ]
        assert len(lines) == 5


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_questions_follow_each_other_on_one_connection(run):
    """A connection is kept, and carries one question at a time, on both event loops that serve the gateway."""
    run(kept_and_alone())


async def test_who_goes_away_leaves_no_answer_to_the_next():
    """The answer to a question that was given up never is the answer to another one."""
    late, asked = asyncio.Event(), asyncio.Event()

    async def slow(question: bytes, writer: asyncio.StreamWriter) -> None:
        if question == b"first":
            asked.set()
            await late.wait()
        writer.write(kept(question))

    async with exchanging(slow) as (exchange, lines):
        gone = asyncio.create_task(exchange.ask("/v1/data", b"first"))
        await asked.wait()
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        late.set()
        assert await exchange.ask("/v1/data", b"second") == b"second"
        assert len(lines) == 2


async def test_what_comes_unasked_is_no_answer():
    """A second answer to one question is dropped together with its connection."""

    async def twice(question: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(kept(question) + kept(b"unasked"))

    async with exchanging(twice) as (exchange, lines):
        assert [await exchange.ask("/v1/data", b"a"), await exchange.ask("/v1/data", b"b")] == [b"a", b"b"]
        assert len(lines) == 2


async def test_an_answer_in_pieces_is_whole():
    """An answer whose length is not said beforehand is read to its end."""

    async def chunked(_question: bytes, writer: asyncio.StreamWriter) -> None:
        head = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        writer.write(head + b"3\r\n[1,\r\n")
        await writer.drain()
        writer.write(b"2\r\n2]\r\n0\r\n\r\n")

    async with exchanging(chunked) as (exchange, _):
        assert await exchange.ask("/v1/data", b"") == b"[1,2]"


async def test_a_connection_that_was_closed_is_not_used_again():
    """A server that closes after its answer is asked over another connection; one that answers with an error, too."""
    answers = [response(b"1"), response(b"2", "302 Found"), response(b"3", kind="text/html"), kept(b"4")]

    async def one(_question: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answers.pop(0))

    async with exchanging(one) as (exchange, lines):
        assert await exchange.ask("/v1/data", b"") == b"1"
        for _ in range(2):
            with pytest.raises(Unanswered):
                await exchange.ask("/v1/data", b"")
        assert await exchange.ask("/v1/data", b"") == b"4"
        assert len(lines) == 4

"""Reading rows as they come: in bounded memory, and never a part for the whole."""

from __future__ import annotations

import builtins
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pyarrow as pa
import pytest

from sekisho.client import AsyncClient, Broken, Client, ClientError, Problem, query

SECRET = "token-NGsecret"
QUERY: dict[str, Any] = {"purpose": "recommendation"}


def arrow(batches: int, *, complete: str | None = "true") -> list[bytes]:
    """Return a stream of Arrow batches of 1,000 rows, in pieces."""
    sink = pa.BufferOutputStream()
    batch = pa.record_batch({"n": list(range(1000))})
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        for place in range(batches):
            last = place == batches - 1
            writer.write_batch(batch, custom_metadata={"complete": complete} if last and complete else None)
    content: bytes = sink.getvalue().to_pybytes()
    return [content[at : at + 777] for at in range(0, len(content), 777)]


def serve(pieces: list[bytes], *, ending: bool) -> tuple[str, threading.Thread]:
    """Serve one answer in chunks, and drop the connection with or without the end of them."""
    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        with listening, listening.accept()[0] as peer:
            # The whole request: a connection that is closed with some of it unread takes back what was sent on it.
            with peer.makefile("rb") as request:
                headers = dict(
                    line.lower().split(b": ", 1) for line in iter(request.readline, b"\r\n") if b": " in line
                )
                request.read(int(headers.get(b"content-length", 0)))
            peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nSekisho-Release-Id: r\r\n\r\n")
            for piece in pieces:
                peer.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            if ending:
                peer.sendall(b"0\r\n\r\n")

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}", thread


def by_query(address: str) -> int:
    """Return how many rows the whole answer has."""
    with Client(address, SECRET) as client:
        return int(client.query("SELECT 1", **QUERY).table.num_rows)


def by_stream(address: str) -> int:
    """Return how many rows come one batch after another."""
    with Client(address, SECRET) as client, client.stream("SELECT 1", **QUERY) as batches:
        return sum(batch.num_rows for batch in batches)


def by_function(address: str) -> int:
    """Return how many rows the module's own function answers."""
    return int(query("SELECT 1", address=address, token=SECRET, **QUERY).table.num_rows)


WAYS: list[Callable[[str], int]] = [by_query, by_stream, by_function]
ENDINGS = {
    "the server died between two batches": (arrow(8)[:40], False),
    "the connection lost its end": (arrow(8), False),
    "the last batch says nothing": (arrow(8, complete=None), True),
    "half a batch": (arrow(8)[:5], True),
    "nothing at all": ([], True),
    "more after its end": ([*arrow(2), b"NG"], True),
}


@pytest.mark.enable_socket
@pytest.mark.parametrize("way", WAYS)
def test_a_whole_answer_is_read(way: Callable[[str], int]) -> None:
    """All batches come, whichever way they are asked for."""
    address, thread = serve(arrow(8), ending=True)
    assert way(address) == 8000
    thread.join(10)


@pytest.mark.enable_socket
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("way", WAYS)
def test_what_breaks_off_raises(way: Callable[[str], int], ending: str) -> None:
    """An answer that has no end raises, and nothing of the token stands in what is raised."""
    address, thread = serve(*ENDINGS[ending][:1], ending=ENDINGS[ending][1])
    with pytest.raises(Broken) as raised:
        way(address)
    assert SECRET not in repr(raised.value)
    assert raised.value.__cause__ is None
    thread.join(10)


@pytest.mark.enable_socket
@pytest.mark.parametrize("ending", [None, *ENDINGS])
async def test_the_asynchronous_client_reads_the_same(ending: str | None) -> None:
    """Batches come one after another; one that has no end raises."""
    pieces, ends = (arrow(8), True) if ending is None else ENDINGS[ending]
    for whole in (True, False):
        address, thread = serve(pieces, ending=ends)
        async with AsyncClient(address, SECRET) as client:
            try:
                if whole:
                    rows = (await client.query("SELECT 1", **QUERY)).table.num_rows
                else:
                    rows = sum([batch.num_rows async for batch in client.batches("SELECT 1", **QUERY)])
                assert (rows, ending) == (8000, None)
            except Broken:
                assert ending is not None
        thread.join(10)


def test_batches_come_before_the_last_is_there() -> None:
    """A batch is handed on when it is there: the answer is never held whole."""
    sent = 0
    pieces = arrow(50)

    def coming() -> Iterator[bytes]:
        nonlocal sent
        for piece in pieces:
            sent += 1
            yield piece

    def handle(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=coming())

    with (
        Client("http://sekisho", SECRET, transport=httpx.MockTransport(handle)) as client,
        client.stream("SELECT 1", **QUERY) as batches,
    ):
        assert next(iter(batches)).num_rows == 1000
        assert sent < len(pieces) / 10
        assert batches.complete is None


def test_a_refusal_of_a_stream_is_raised() -> None:
    """A statement that is refused raises before there is anything to read."""
    refusal = httpx.Response(422, json={"code": "statement_refused", "detail": "No."})
    with Client("http://sekisho", SECRET, transport=httpx.MockTransport(lambda _: refusal)) as client:
        with pytest.raises(Problem, match="statement_refused"), client.stream("SELECT 1", **QUERY):
            pass
        with pytest.raises(Problem, match="statement_refused"):
            client.query("SELECT 1", **QUERY)


@pytest.mark.parametrize("token", ["NGsecret\n", "NGsecret関"])
def test_a_token_that_is_none_is_not_repeated(token: str) -> None:
    """A token that cannot be sent raises without being told."""
    with Client("http://sekisho", token) as client, pytest.raises(ClientError) as raised:
        client.query("SELECT 1", **QUERY)
    assert "NGsecret" not in repr(raised.value)
    assert raised.value.__context__ is None


def _answer() -> Any:
    content = b"".join(arrow(1))
    answer = httpx.Response(200, content=content)
    with Client("http://sekisho", SECRET, transport=httpx.MockTransport(lambda _: answer)) as client:
        return client.query("SELECT 1", **QUERY)


def test_an_answer_is_arrow_and_polars() -> None:
    """Rows are handed over as what the caller works with."""
    answer = _answer()
    assert answer.arrow().num_rows == answer.polars().height == 1000


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    """Without the library the answer says what to install."""
    answer, importing = _answer(), builtins.__import__

    def without(name: str, *more: Any, **keys: Any) -> Any:
        if name == library:
            raise ImportError(name)
        return importing(name, *more, **keys)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ClientError, match=f"pip install {library}"):
        getattr(answer, library)()


def test_one_question_needs_an_address_and_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without them nothing is asked, and what is missing is told."""
    monkeypatch.delenv("SEKISHO_URL", raising=False)
    monkeypatch.delenv("SEKISHO_TOKEN", raising=False)
    with pytest.raises(ClientError, match="SEKISHO_TOKEN"):
        query("SELECT 1", **QUERY)

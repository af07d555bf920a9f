"""A page that must not wait does not, and a part is never taken for the whole."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pyarrow as pa
import pytest
import structlog
import uvicorn
from starlette.types import Message, Send
from tests.fakes import FakeClock, FakeRelease
from tests.http.conftest import QUERY, REQUESTER, World, batch, client_of

from sekisho.errors import AuditUnavailable, ConsentUnavailable
from sekisho.http import rows
from sekisho.http.context import BrokenOff
from sekisho.http.formats import ARROW, CSV, JSON, NDJSON, PARQUET
from sekisho.http.server import hide_exceptions_from_log, listen

SECRET = "value-of-a-person"


async def ask(world: World, accept: str, send: Send) -> None:
    """Ask the application itself, part by part as a server would."""
    requests: list[Message] = [{"type": "http.request", "body": json.dumps(QUERY).encode(), "more_body": False}]

    async def receive() -> Message:
        if requests:
            return requests.pop()
        await asyncio.sleep(3600)
        raise AssertionError

    headers = [(b"authorization", b"Bearer recommender-token"), (b"accept", accept.encode())]
    scope = {
        "type": "http", "method": "POST", "path": "/v1/query", "raw_path": b"/v1/query", "query_string": b"",
        "headers": headers, "http_version": "1.1", "scheme": "http", "server": ("x", 80), "root_path": "",
    }  # fmt: skip
    await world.app(scope, receive, send)


@contextlib.asynccontextmanager
async def served(app) -> AsyncIterator[str]:
    """Serve *app* with uvicorn on loopback."""
    listener = listen("127.0.0.1", 0)
    hide_exceptions_from_log()
    config = uvicorn.Config(app, http="httptools", ws="none", log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


@pytest.mark.enable_socket
@pytest.mark.parametrize("form", [NDJSON, ARROW], ids=lambda f: f.name)
@pytest.mark.parametrize("error", [AuditUnavailable(SECRET), RuntimeError(SECRET)], ids=["known", "unknown"])
async def test_a_stream_that_breaks_is_an_error_for_its_reader(world: World, caplog, form, error) -> None:
    """A fault after the first page drops the connection: the client raises, and logs hold no message."""
    world.gateway.release = FakeRelease([batch(5), batch(5, 5)], breaks=error)
    with structlog.testing.capture_logs() as logs, caplog.at_level(logging.DEBUG, "uvicorn.error"):
        async with served(world.app) as url, httpx.AsyncClient(trust_env=False) as client:
            headers = {**REQUESTER, "Accept": form.media_type}
            async with client.stream("POST", url + "/v1/query", json=QUERY, headers=headers) as response:
                assert response.status_code == 200
                parts = response.aiter_raw()
                received = await anext(parts)
                with pytest.raises(httpx.RemoteProtocolError):
                    received += b"".join([part async for part in parts])
            assert (await client.get(url + "/health/live")).status_code == 200
    assert received
    assert b"complete" not in received
    assert SECRET not in str(logs) + caplog.text
    assert {log["event"] for log in logs} == {"answer_broken_off"}
    assert world.gateway.release.closed


@pytest.mark.enable_socket
@pytest.mark.parametrize("form", [JSON, NDJSON, CSV, ARROW, PARQUET], ids=lambda f: f.name)
async def test_a_whole_answer_arrives_over_a_socket(world: World, form) -> None:
    """Over a real connection every form of several pages arrives with its end."""
    world.gateway.release = FakeRelease([batch(3000), batch(3000, 3000)])
    async with served(world.app) as url, httpx.AsyncClient(trust_env=False) as client:
        response = await client.post(url + "/v1/query", json=QUERY, headers={**REQUESTER, "Accept": form.media_type})
        large = await client.post(url + "/v1/query", content=b" " * 10_000_000, headers=REQUESTER)
    assert response.status_code == 200
    assert response.content
    assert "server" not in response.headers or form  # uvicorn's own header is off in ``serve``
    assert (large.status_code, large.json()["code"]) == (422, "invalid_request")


@pytest.mark.enable_socket
async def test_a_client_that_leaves_stops_the_reading(world: World) -> None:
    """When the client closes the connection, no further page is asked for."""
    release = world.gateway.release = FakeRelease([batch(50, 50 * i) for i in range(1000)], pause=0.01)
    async with served(world.app) as url:
        reader, writer = await asyncio.open_connection(*url.removeprefix("http://").split(":"))
        body = json.dumps(QUERY).encode()
        writer.write(
            b"POST /v1/query HTTP/1.1\r\nhost: x\r\nauthorization: Bearer recommender-token\r\n"
            b"accept: application/x-ndjson\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
        )
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        writer.close()
        for _ in range(100):
            if release.closed:
                break
            await asyncio.sleep(0.02)
    assert release.closed
    assert release.read < 100


@pytest.mark.enable_socket
async def test_no_page_is_asked_for_before_the_one_before_is_taken(world: World) -> None:
    """A client that does not read holds the release at what the buffers hold; then it is broken off."""
    release = world.gateway.release = FakeRelease([batch(20_000, 20_000 * i) for i in range(60)])
    app = world.with_settings(stall_timeout=0.3)
    async with served(app) as url:
        host, port = url.removeprefix("http://").split(":")
        plain = socket.create_connection((host, int(port)))
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        body = json.dumps(QUERY).encode()
        plain.sendall(
            b"POST /v1/query HTTP/1.1\r\nhost: x\r\nauthorization: Bearer recommender-token\r\n"
            b"accept: application/x-ndjson\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
        )
        for _ in range(200):
            if release.closed:
                break
            await asyncio.sleep(0.02)
        plain.close()
    assert release.closed
    assert release.read < 60


@pytest.mark.parametrize("form", [NDJSON, ARROW], ids=lambda f: f.name)
async def test_a_break_raises_through_asgi(world: World, form) -> None:
    """The application ends a broken answer by an exception without cause, not by a last part."""
    world.gateway.release = FakeRelease([batch(5)], breaks=ConsentUnavailable(SECRET))
    async with client_of(world.app, Accept=form.media_type, **REQUESTER) as client:
        with pytest.raises(BrokenOff) as caught:
            await client.post("/v1/query", json=QUERY)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert str(caught.value) == ""


@pytest.mark.parametrize("form", [CSV, PARQUET], ids=lambda f: f.name)
async def test_a_whole_form_that_breaks_is_a_problem(world: World, form) -> None:
    """CSV and Parquet have sent nothing when a later page fails: the answer is a problem, no part of it."""
    world.gateway.release = FakeRelease([batch(5), batch(5, 5)], breaks=AuditUnavailable("The log is full."))
    async with client_of(world.app, Accept=form.media_type, **REQUESTER) as client:
        response = await client.post("/v1/query", json=QUERY)
    assert (response.status_code, response.json()["code"]) == (503, "audit_unavailable")
    assert world.gateway.release.closed
    assert [(each["pages"], each["reason"]) for each in world.audit.records] == [([100, 101], "not_sent")]


@pytest.mark.parametrize("form", [CSV, PARQUET], ids=lambda f: f.name)
async def test_a_whole_form_has_a_largest_size(world: World, form) -> None:
    """An answer larger than the spool may be is refused with what to do instead."""
    world.gateway.release = FakeRelease([batch(2000, 2000 * i) for i in range(5)])
    app = world.with_settings(spool_limit=10_000)
    async with client_of(app, Accept=form.media_type, **REQUESTER) as client:
        response = await client.post("/v1/query", json=QUERY)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert "Arrow or NDJSON" in response.json()["detail"]
    (void,) = world.audit.records  # nobody is told that their data went to a requester who got nothing
    assert (void["kind"], void["reason"]) == ("access.void", "not_sent")


async def test_a_page_that_waited_too_long_is_dropped_and_recorded(world: World) -> None:
    """Two seconds after its recheck a spooled page is void: a problem instead of rows, and a record."""
    world.gateway.release = FakeRelease(
        [batch(1), batch(1, 1), batch(1, 2)], before_page=lambda index: world.clock.advance(1.1 * index)
    )
    async with client_of(world.app, Accept="text/csv", **REQUESTER) as client:
        response = await client.post("/v1/query", json=QUERY)
        measured = await client.get("/metrics")
    assert (response.status_code, response.json()["code"]) == (503, "consent_unavailable")
    assert world.audit.records == [
        {
            "seq": 1,
            "id": "record-1",
            "kind": "access.void",
            "parent_id": "0190c0de-0000-7000-8000-000000000001",
            "requester": "recommender",
            "purpose": "recommendation",
            "pages": [100, 101, 102],
            "reason": "recheck_too_old",
        }
    ]
    assert "sekisho_void_pages_total 3.0" in measured.text
    assert 'sekisho_released_pages_total{format="csv"}' not in measured.text


async def test_a_slow_store_does_not_make_streamed_pages_old(world: World) -> None:
    """A streamed page's age counts from its own recheck, not from the start of the answer."""
    world.gateway.release = FakeRelease(
        [batch(1, i) for i in range(4)], before_page=lambda _: world.clock.advance(1.5)
    )
    async with client_of(world.app, Accept=NDJSON.media_type, **REQUESTER) as client:
        response = await client.post("/v1/query", json=QUERY)
    assert json.loads(response.text.splitlines()[-1])["complete"] is True
    assert world.audit.records == []


async def test_a_streamed_page_that_grew_old_while_encoded_breaks_the_stream(world: World, monkeypatch) -> None:
    """A streamed page that is not sent in time is void; what left before is broken off."""
    original = rows.ndjson_lines

    def slow(page: pa.RecordBatch) -> bytes:
        world.clock.advance(3.0 if page.column(0)[0].as_py() == 1 else 0.0)
        return original(page)

    monkeypatch.setattr("sekisho.http.formats.ndjson_lines", slow)
    world.gateway.release = FakeRelease([batch(1), batch(1, 1), batch(1, 2)])
    async with client_of(world.app, Accept=NDJSON.media_type, **REQUESTER) as client:
        with pytest.raises(BrokenOff):
            await client.post("/v1/query", json=QUERY)
    assert [record["pages"] for record in world.audit.records] == [[101]]
    assert world.gateway.release.read == 2


@pytest.mark.parametrize(("times", "ends"), [(1, True), (0, False)], ids=["unchanged", "withdrawn"])
async def test_a_streamed_page_that_grew_old_is_checked_by_itself(
    world: World, monkeypatch: pytest.MonkeyPatch, times: int, *, ends: bool
) -> None:
    """A later page that was not sent in time leaves when nobody in it has withdrawn since, and else is void."""
    original = rows.ndjson_lines

    def slow(page: pa.RecordBatch) -> bytes:
        world.clock.advance(3.0 if page.column(0)[0].as_py() == 1 else 0.0)
        return original(page)

    monkeypatch.setattr("sekisho.http.formats.ndjson_lines", slow)
    release = world.gateway.release = Withdrawing(
        [batch(1), batch(1, 1), batch(1, 2)], times=times, clock=world.clock
    )
    async with client_of(world.app, Accept=NDJSON.media_type, **REQUESTER) as client:
        if ends:
            response = await client.post("/v1/query", json=QUERY)
            assert json.loads(response.text.splitlines()[-1])["complete"] is True
        else:
            with pytest.raises(BrokenOff):
                await client.post("/v1/query", json=QUERY)
    assert release.latest == [True]
    assert [record["pages"] for record in world.audit.records] == ([] if ends else [[101]])


async def test_a_page_is_asked_for_only_after_an_empty_part(world: World) -> None:
    """Before each further page the connection is asked, by an empty part, whether it has taken the last."""
    release = world.gateway.release = FakeRelease([batch(1), batch(1, 1), batch(1, 2)])
    seen: list[tuple[int, int, bool]] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            seen.append((release.read, len(message["body"]), message["more_body"]))

    await ask(world, NDJSON.media_type, send)
    assert [(read, length > 0, more) for read, length, more in seen] == [
        (1, True, True), (1, False, True), (2, True, True), (2, False, True), (3, True, False),
    ]  # fmt: skip


@dataclass
class Withdrawing(FakeRelease):
    """An answer that may leave as often as ``times`` says, and then holds somebody who withdrew."""

    times: int = 1
    clock: FakeClock | None = None
    latest: list[bool] = field(default_factory=list)

    async def renew(self, *, latest: bool = False) -> float | None:
        """Check once more."""
        self.latest.append(latest)
        self.times -= 1
        if self.times < 0:
            raise ConsentUnavailable("Consent changed while the answer was written; ask again.")
        return None if self.clock is None else self.clock.monotonic()


@pytest.mark.parametrize(("times", "ends"), [(1, False), (99, True)], ids=["withdrawn", "unchanged"])
async def test_a_file_that_leaves_slowly_is_checked_on_its_way(world: World, times: int, ends: bool) -> None:
    """Of a file no part leaves two seconds after the last check of consent: it is checked again, or broken off."""
    release = world.gateway.release = Withdrawing([batch(60_000), batch(60_000)], times=times, clock=world.clock)
    parts: list[tuple[int, bool]] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            if message["body"]:
                parts.append((len(message["body"]), message["more_body"]))
            elif parts:
                world.clock.advance(3.0)  # the client takes its time

    if ends:
        await ask(world, "text/csv", send)
        assert len(parts) > 2
        assert not parts[-1][1]
    else:
        with pytest.raises(BrokenOff):
            await ask(world, "text/csv", send)
        assert [more for _, more in parts] == [True]
        assert world.audit.records == []  # it began to leave, and the log says that it was released
    assert release.closed

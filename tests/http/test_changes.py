"""The feed over HTTP: pages and streams that resume, and of others nothing but their own."""

# ruff: noqa: PLC0414 - the fixture is handed over by name

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from starlette.types import Message
from tests.http.conftest import client_of
from tests.http.feed_site import AUDITOR, CHANGES, MAILER, OFFICER, RECOMMENDER, STREAM, Site
from tests.http.feed_site import site as site
from tests.http.test_release import served

from sekisho.consents.feed import MAX_STREAMS
from sekisho.http import event_stream
from sekisho.http.context import BrokenOff


class Reader:
    """A client of a stream that speaks ASGI itself: it takes parts one by one, and leaves when told."""

    def __init__(self, site: Site, headers: Mapping[str, str], query: str = "") -> None:
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self.leaving = asyncio.Event()
        self.asked = False
        raw = [(name.lower().encode(), value.encode()) for name, value in {**headers, **STREAM}.items()]
        scope = {
            "type": "http",
            "method": "GET",
            "path": CHANGES,
            "raw_path": CHANGES.encode(),
            "query_string": query.encode(),
            "headers": raw,
            "http_version": "1.1",
            "scheme": "http",
            "server": ("sekisho", 80),
            "client": None,
            "root_path": "",
        }
        self.task = asyncio.create_task(site.app(scope, self.receive, self.send))

    async def receive(self) -> Message:
        """Give the empty body, then wait for leaving."""
        if not self.asked:
            self.asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.leaving.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take a message."""
        await self.messages.put(message)

    async def until(self, text: str) -> str:
        """Return what was read when *text* has come."""
        read = ""
        async with asyncio.timeout(10):
            while text not in read:
                message = await self.messages.get()
                if message["type"] == "http.response.body":
                    read += message.get("body", b"").decode()
                    if not message.get("more_body"):
                        break
        assert text in read, read
        return read

    async def leave(self) -> None:
        """Leave, and wait until the service has noticed."""
        self.leaving.set()
        async with asyncio.timeout(10):
            await self.task


def events_of(text: str) -> list[dict[str, Any]]:
    """Return the data of the events in *text*, checking that each has its id."""
    events = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if "data" in fields:
            data = json.loads(fields["data"])
            assert fields["event"] == "consent"
            assert fields["id"] == str(data["seq"])
            events.append(data)
    return events


# -- pages -----------------------------------------------------------------------------------------------


async def test_pages_go_on_where_the_last_one_ended(site: Site) -> None:
    """``next_after_seq`` leads through the feed without a gap, to its end and not past it."""
    for number in (1, 2, 3, 1, 2):
        await site.say(number)
    async with client_of(site.app, **OFFICER) as client:
        seqs, after = [], 0
        for _ in range(4):
            page = (await client.get(CHANGES, params={"after_seq": after, "limit": 2})).json()
            seqs += [item["seq"] for item in page["items"]]
            after = page["next_after_seq"]
        assert seqs == [1, 2, 3, 4, 5]
        assert page == {"items": [], "next_after_seq": 5}
        item = (await client.get(CHANGES)).json()["items"][0]
        assert {"seq", "id", "data_subject", "purpose", "cells", "event", "recorded_at"} <= item.keys()
        assert item["data_subject"] == "customer_id:12347"


async def test_a_service_reads_its_own_and_comes_to_the_end(site: Site) -> None:
    """Others' purposes are not there, neither is an identifier; auditors read no feed, strangers nothing."""
    await site.say(1)
    await site.say(1, "recommendation")
    await site.say(2, kind="withdraw")
    async with client_of(site.app) as client:
        response = await client.get(CHANGES, headers=MAILER)
        assert [item["seq"] for item in response.json()["items"]] == [1, 3]
        assert response.json()["items"][1]["releases"] == []
        assert "customer_id" not in response.text
        page = (await client.get(CHANGES, headers=RECOMMENDER, params={"after_seq": 2})).json()
        assert page == {"items": [], "next_after_seq": 3}
        assert (await client.get(CHANGES, headers=AUDITOR)).status_code == 403
        assert (await client.get(CHANGES, headers={**AUDITOR, **STREAM})).status_code == 403
        assert (await client.get(CHANGES)).status_code == 401
        assert (await client.get(CHANGES, headers=STREAM)).status_code == 401
        ahead = await client.get(CHANGES, headers=MAILER, params={"after_seq": 4})
        assert (ahead.status_code, ahead.json()["code"]) == (503, "consent_unavailable")


@pytest.mark.parametrize(
    "query",
    ["after_seq=-1", "after_seq=x", "after_seq=1&after_seq=2", "after_seq=", "after_seq=１", "limit=0", "limit=1001",
     "limit=9999999999999999999", "after_seq=1.5"],
    ids=range(9),
)  # fmt: skip
async def test_parameters_that_are_no_numbers_are_refused(site: Site, query: str) -> None:
    """A parameter is one whole number within its bounds."""
    async with client_of(site.app, **OFFICER) as client:
        response = await client.get(f"{CHANGES}?{query}")
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


# -- streams ---------------------------------------------------------------------------------------------


async def test_a_stream_tells_what_was_and_what_comes(site: Site) -> None:
    """Events follow as they are recorded, each with its sequence as id."""
    await site.say(1)
    reader = Reader(site, OFFICER)
    start = await reader.messages.get()
    headers = dict(start["headers"])
    assert start["status"] == 200
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert headers[b"cache-control"] == b"no-store"
    assert b"content-length" not in headers
    assert [event["seq"] for event in events_of(await reader.until("id: 1\n\n"))] == [1]
    await site.say(2)
    await site.say(3)
    assert [event["seq"] for event in events_of(await reader.until("id: 3\n\n"))] == [2, 3]
    await reader.leave()


async def test_last_event_id_resumes_and_counts_before_the_query(site: Site) -> None:
    """A browser comes back with the id it had last: what follows on it is told, once."""
    for number in (1, 2, 3):
        await site.say(number)
    for last in range(4):
        reader = Reader(site, {**OFFICER, "Last-Event-ID": str(last)}, "after_seq=0")
        text = await reader.until("id: 3\n\n")
        assert [event["seq"] for event in events_of(text)] == list(range(last + 1, 4))
        await reader.leave()
    reader = Reader(site, OFFICER, "after_seq=2")
    assert [event["seq"] for event in events_of(await reader.until("id: 3\n\n"))] == [3]
    await reader.leave()
    async with client_of(site.app, **OFFICER) as client:
        response = await client.get(CHANGES, headers={**STREAM, "Last-Event-ID": "x"})
        assert response.status_code == 422


async def test_a_quiet_stream_stays_alive_and_moves_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comment and the place reached, also where nothing was the reader's own: no event, nothing of others."""
    monkeypatch.setattr("sekisho.http.routes.changes.HEARTBEAT_S", 0.01)
    reader = Reader(site, MAILER)
    await reader.until(": alive\nid: 0\n\n")
    await site.say(1, "recommendation")
    text = await reader.until("id: 1\n\n")
    assert events_of(text) == []
    assert "recommendation" not in text
    await reader.leave()


async def test_a_stream_ends_with_its_token(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the credential no longer counts, nothing more is told, and the stream ends in good order."""
    monkeypatch.setattr("sekisho.http.routes.changes.HEARTBEAT_S", 0.01)
    reader = Reader(site, MAILER)
    await reader.until("id: 0\n\n")
    del site.identity.requesters["mailer-token"]
    await site.say(1)
    async with asyncio.timeout(10):
        await reader.task
    rest = [reader.messages.get_nowait() for _ in range(reader.messages.qsize())]
    assert rest[-1]["more_body"] is False
    assert b"pseudonym" not in b"".join(message["body"] for message in rest)


async def test_a_stream_has_its_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """After half an hour the stream ends, and the reader comes back by itself."""
    monkeypatch.setattr("sekisho.http.routes.changes.HEARTBEAT_S", 0.01)
    reader = Reader(site, MAILER)
    assert "retry: 1000\n\n" in await reader.until("id: 0\n\n")
    site.fakes.clock.advance(event_stream.LONGEST_S)
    async with asyncio.timeout(10):
        await reader.task


async def test_stopping_the_service_ends_its_streams(site: Site) -> None:
    """A stream does not hold the service up when it stops."""
    reader = Reader(site, MAILER)
    await reader.until("id: 0\n\n")
    site.feed.stop()
    async with asyncio.timeout(10):
        await reader.task


async def test_a_reader_that_takes_nothing_is_broken_off(site: Site) -> None:
    """Nothing is read on for who does not take it, and after the limit the connection goes."""
    for number in range(300):
        await site.say(number % 3 + 1)
    reader = Reader(site, OFFICER)
    reader.messages = asyncio.Queue(maxsize=1)  # takes the head, and then no more
    with pytest.raises(BrokenOff):
        async with asyncio.timeout(10):
            await reader.task
    assert site.feed._streams["officer"] == 0


async def test_a_broken_ledger_breaks_the_stream_off(site: Site) -> None:
    """The stream ends without its terminator: the reader comes back, and hears nothing wrong meanwhile."""
    await site.say(1)
    reader = Reader(site, OFFICER)
    await reader.until("id: 1\n\n")
    await site.say(2)
    await site.say(3)
    del site.fakes.ledger.events[1]
    await site.say(1)
    with pytest.raises(BrokenOff):
        async with asyncio.timeout(10):
            await reader.task


async def test_streams_are_limited_and_places_come_back(site: Site) -> None:
    """One service holds a bounded number of streams; one that leaves frees its place."""
    readers = [Reader(site, MAILER) for _ in range(MAX_STREAMS)]
    for reader in readers:
        await reader.until("id: 0\n\n")
    async with client_of(site.app, **MAILER, **STREAM) as client:
        response = await client.get(CHANGES)
        assert (response.status_code, response.json()["code"]) == (429, "rate_limited")
    await readers.pop().leave()
    readers.append(Reader(site, MAILER))
    await readers[-1].until("id: 0\n\n")
    for reader in readers:
        await reader.leave()
    assert site.feed._streams["mailer"] == 0


@pytest.mark.enable_socket
async def test_a_stream_over_a_real_connection_ends_when_its_client_leaves(site: Site) -> None:
    """With the real server: events arrive, and a client that goes away leaves nothing running."""
    await site.say(1)
    async with served(site.app) as url, httpx.AsyncClient(trust_env=False) as client:
        async with client.stream("GET", url + CHANGES, headers={**OFFICER, **STREAM}) as response:
            lines = response.aiter_lines()
            read = [await anext(lines) for _ in range(8)]
            assert "id: 1" in read
            await site.say(2)
            async with asyncio.timeout(10):
                while "id: 2" not in read:
                    read.append(await anext(lines))
        async with asyncio.timeout(10):
            while site.feed._streams["officer"]:  # noqa: ASYNC110 - the server notices in its own time
                await asyncio.sleep(0.01)


def test_an_event_of_a_stream_is_one_line_of_data() -> None:
    """No value can begin a field or an event of its own."""
    body = event_stream.event({"seq": 7, "note": "a\nid: 9\n\ndata: x\r"})
    assert body.count(b"\n") == 4
    assert body.startswith(b"id: 7\nevent: consent\ndata: {")

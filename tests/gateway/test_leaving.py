"""Who leaves stops the statement in the store: before the first page, and between two."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
from tests.gateway.site import ARROW, NDJSON, Site

from sekisho.http import release as sending
from sekisho.http.context import BrokenOff

WHO = ("marketer", "micro_segmentation")
# Each would run for minutes.
ENDLESS = {
    "duckdb": "SELECT count(*) AS n FROM pos.order_lines a, pos.order_lines b, pos.order_lines c"
    " WHERE a.quantity + b.quantity > c.quantity",
    "crm": "SELECT count(*) AS n FROM " + ", ".join(f"crm.customers t{i}" for i in range(7)),
}


class Watched:
    """Notes when a function of a store begins and ends, in whatever thread."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        self.begun, self.ended = threading.Event(), threading.Event()
        inner = getattr(owner, name)

        def watched(*args: Any) -> Any:
            self.begun.set()
            try:
                return inner(*args)
            finally:
                self.ended.set()

        monkeypatch.setattr(owner, name, watched)


async def asked_and_left(site: Site, sql: str, accept: str, left: threading.Event) -> list[Any]:
    """Ask over ASGI, leave when *left* is set, and return what was sent."""
    body = json.dumps({"purpose": WHO[1], "sql": sql}).encode()
    headers = {**site.headers(WHO[0], accept), "content-type": "application/json"}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/v1/query", "raw_path": b"/v1/query", "query_string": b"", "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1), "server": ("sekisho", 80),
    }  # fmt: skip
    waiting = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop()
        await asyncio.to_thread(left.wait)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async with asyncio.timeout(60):
        with pytest.raises(BrokenOff):
            await site.app(scope, receive, send)
    return sent


@pytest.mark.parametrize("accept", ["application/json", NDJSON, ARROW, "text/csv"])
@pytest.mark.parametrize("store", ENDLESS)
async def test_a_statement_that_nobody_waits_for_is_stopped(
    site: Site, monkeypatch: pytest.MonkeyPatch, store: str, accept: str
) -> None:
    """The client leaves while the store works on the first page: the store stops, and serves the next one."""
    watched = Watched(monkeypatch, site.workspace.stores[store], "_start")
    sent = await asked_and_left(site, ENDLESS[store], accept, watched.begun)
    assert [message["status"] for message in sent if "status" in message] in ([], [500])  # to nobody
    assert await asyncio.to_thread(watched.ended.wait, 30)
    table = "pos.order_lines" if store == "duckdb" else "crm.customers"
    assert await site.rows(*WHO, f"SELECT count(*) AS n FROM {table}")


async def test_who_leaves_between_two_pages_is_not_waited_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client leaves while the store works on a later page: the answer ends without it."""
    started = threading.Event()
    release = sending._Pages.read
    pages = 0

    async def read(self: Any) -> Any:
        nonlocal pages
        pages += 1
        if pages > 1:
            started.set()
            await asyncio.sleep(3600)
        return await release(self)

    monkeypatch.setattr(sending._Pages, "read", read)
    sql = "SELECT a.stock_code FROM pos.order_lines a, pos.order_lines b WHERE a.quantity > b.quantity"
    try:
        sent = await asked_and_left(site, sql, NDJSON, started)
    except pytest.fail.Exception:  # it ended by itself, which is as well: nothing is broken off twice
        sent = []
    assert not any(message.get("more_body") is False for message in sent)

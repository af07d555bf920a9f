"""Checks, filters and events over HTTP: one connection, or 64 at once."""

from __future__ import annotations

import asyncio
import http.client
import json
import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from tests.benchmarks.client import start
from tests.benchmarks.consent.ledger import PEOPLE, PURPOSE, WRITERS, people
from tests.benchmarks.consent.place import place
from tests.benchmarks.consent.rows import Row, Tell, at_least, at_most, quantile

_PORT = 8899
_SECONDS = 6.0
_FILTERED = 100_000


def measure(tell: Tell, *, keep: bool) -> None:
    """Measure a server process from outside."""
    with place(f"http_{PEOPLE}", people, keep=keep) as made:
        server = start(made.folder, _PORT, "governed", "marketer")
        try:
            one = [_ask(server.connection, server.token, _checks(1)) for _ in range(2_000)]
            tell(_slowest("check over HTTP, one item, p99", one, 0.005))
            hundred = [_ask(server.connection, server.token, _checks(100)) for _ in range(500)]
            tell(_slowest("check over HTTP, 100 items, p99", hundred, 0.015))
            some = min(_FILTERED, PEOPLE)
            ids = [f"customer_id:c{number}" for number in random.Random(1).sample(range(PEOPLE), some)]
            body = json.dumps({"purpose": PURPOSE, "data_subjects": ids}).encode()
            filters = [_ask(server.connection, server.token, body, "/v1/consents:filter") for _ in range(11)][1:]
            row = at_most(f"filter {some:,} ids over HTTP, p50", quantile(filters, 0.5), 0.060, "ms", scale=1e3)
            tell(row if some == _FILTERED else replace(row, target=f"{row.target} for {_FILTERED:,}", met=None))
            rate = asyncio.run(_events(_token_of(made.folder, "consent_desk")))
            tell(at_least(f"events over HTTP, {WRITERS} writers", rate, 1_000, "/s"))
        finally:
            server.stop()


def _slowest(measured: str, taken: list[float], limit: float) -> Row:
    note = f" (p50 {quantile(taken, 0.5) * 1e3:.1f})"
    return at_most(measured, quantile(taken, 0.99), limit, "ms", scale=1e3, note=note)


def _token_of(folder: Path, requester: str) -> str:
    command = [sys.executable, "-m", "sekisho", "token", "--workspace", str(folder), "--requester", requester]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _checks(count: int) -> bytes:
    items = [{"data_subject": f"customer_id:c{random.randrange(PEOPLE)}", "purpose": PURPOSE} for _ in range(count)]
    return json.dumps({"items": items}).encode()


def _ask(connection: http.client.HTTPConnection, token: str, body: bytes, path: str = "/v1/consents:check") -> float:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    begun = time.perf_counter()
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    answer = response.read()
    taken = time.perf_counter() - begun
    if response.status != 200:
        raise RuntimeError(f"{response.status}: {answer[:300]!r}")
    return taken


async def _events(token: str) -> float:
    """Return how many events a second 64 connections record; raw sockets, so that the client costs little."""
    end, done = time.monotonic() + _SECONDS, 0

    async def write(writer: int) -> None:
        nonlocal done
        chance = random.Random(writer)
        reader, sending = await asyncio.open_connection("127.0.0.1", _PORT)
        while time.monotonic() < end:
            body = json.dumps(
                {
                    "data_subject": f"customer_id:c{chance.randrange(PEOPLE)}",
                    "purpose": PURPOSE,
                    "event": "withdraw" if chance.random() < 0.5 else "give",
                    "method": "web_form",
                }
            )
            sending.write(
                f"POST /v1/consents/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
            lines = head.lower().split(b"\r\n")
            length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length"))
            await reader.readexactly(length)
            done += 1
        sending.close()

    begun = time.monotonic()
    await asyncio.gather(*(write(writer) for writer in range(WRITERS)))
    return done / (time.monotonic() - begun)

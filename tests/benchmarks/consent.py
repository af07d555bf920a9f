"""``python -m tests.benchmarks.consent``: the consent engine's figures on PostgreSQL, beside two other designs.

Needs ``SEKISHO_TEST_POSTGRES``. A workspace is built whose own records are in PostgreSQL; a million people with
consent in every cell are put beside the demonstration's by SQL, so that indexes and bitmaps have their real size.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine, make_url, text

from sekisho.bootstrap import Workspace, open_workspace
from sekisho.demo.workspace import build_workspace
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.terms import Cell, SubjectNumber
from sekisho.ports import ConsentEventInput
from tests.benchmarks.client import start
from tests.benchmarks.peers import Peer, c15t, fides

PEOPLE = int(os.environ.get("SEKISHO_BENCH_PEOPLE", "1000000"))
HISTORY = int(os.environ.get("SEKISHO_BENCH_EVENTS", "10000000"))
PURPOSE = "micro_segmentation"
ROOT = Path("var/bench-consent")

Rows = list[tuple[str, str, str]]


def p(values: list[float], share: float) -> float:
    """Return the *share* quantile of *values*."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def prepared() -> tuple[Path, str]:
    """Return a workspace with many people, and the URL of its records."""
    server = make_url(os.environ["SEKISHO_TEST_POSTGRES"]).set(drivername="postgresql+psycopg")
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE IF EXISTS sekisho_bench WITH (FORCE)")
        connection.exec_driver_sql("CREATE DATABASE sekisho_bench")
    engine.dispose()
    url = server.set(database="sekisho_bench").render_as_string(hide_password=False)
    shutil.rmtree(ROOT, ignore_errors=True)
    build_workspace(ROOT / "workspace", customers=500, records=url)
    return ROOT / "workspace", url


async def fill(folder: Path, url: str, tell: Console) -> None:
    """Register many people and let them agree to everything."""
    async with open_workspace(folder) as workspace:
        known = 500
        for begin in range(0, PEOPLE, 100_000):
            values = [f"c{number}" for number in range(begin, min(begin + 100_000, PEOPLE))]
            await workspace.people.register("customer_id", values)
        cells = [
            str(cell) for purpose in workspace.settings.catalogue.purposes.values() for cell in purpose.all_cells()
        ]
    engine = create_engine(url)
    with engine.begin() as connection:
        for cell in cells[:12]:
            connection.execute(
                text(
                    "INSERT INTO consent_state (number, cell, state, seq, since, valid_until, notice_version)"
                    " SELECT n, :cell, CASE WHEN n % 4 = 0 THEN 'refused' ELSE 'given' END, 1, 1,"
                    " CASE WHEN n % 5 = 0 THEN 4102444800000000 END, '1'"
                    " FROM generate_series(CAST(:low AS bigint), CAST(:high AS bigint)) n ON CONFLICT DO NOTHING"
                ),
                {"cell": cell, "low": known + 1, "high": known + PEOPLE},
            )
        connection.exec_driver_sql("ANALYZE consent_state")
    engine.dispose()
    tell.print(f"{PEOPLE:,} people × 12 cells are in place")


def start_up(folder: Path) -> Rows:
    """Measure how long a worker needs until it is ready, and what it holds, in a process of its own."""
    program = (
        "import asyncio, resource, sys, time; from pathlib import Path\n"
        "from sekisho.bootstrap import open_workspace\n"
        "async def main():\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n    begun = time.monotonic()\n"
        "    async with open_workspace(Path(sys.argv[1])):\n"
        "        print(time.monotonic() - begun, before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
        "asyncio.run(main())"
    )
    out = subprocess.run(
        [sys.executable, "-c", program, str(folder)], check=True, capture_output=True, text=True
    ).stdout
    seconds, before, after = (float(value) for value in out.split())
    return [
        (f"worker start, {PEOPLE:,} people × 12: time to ready", f"{seconds:.1f} s", "≤ 30 s for 10 M"),
        ("the same: memory beyond the imports", f"{(after - before) / 1024:.0f} MB", "≤ 400 MB for 10 M"),
    ]


async def timed(count: int, call: Callable[[], Awaitable[object]]) -> list[float]:
    """Return the seconds of each of *count* calls."""
    taken = []
    for _ in range(count):
        begun = time.perf_counter()
        await call()
        taken.append(time.perf_counter() - begun)
    return taken


async def inside(workspace: Workspace) -> Rows:
    """Measure what happens in the process: lookups, fresh checks, events at the port, the import."""
    ledger, cell = workspace.ledger, (Cell(PURPOSE),)
    view = await ledger.view(cell)
    numbers = [random.randrange(501, PEOPLE) for _ in range(100_000)]
    begun = time.perf_counter()
    for number in numbers:
        view.is_member(number)
    lookup = (time.perf_counter() - begun) / len(numbers)
    fresh = await timed(2_000, lambda: ledger.view(cell))
    rows = [
        ("lookup in a caught-up bitmap, mean", f"{lookup * 1e6:.2f} µs", "≤ 2 µs"),
        ("fresh check with its catch-up, p50", f"{statistics.median(fresh) * 1e3:.2f} ms", "≤ 1 ms"),
    ]
    rows.append(("events, 64 writers at the port", f"{await written(workspace):,.0f} /s", "≥ 4,000 /s"))
    rows.append(("import", f"{await imported(workspace):,.0f} events/s", "≥ 20,000 /s"))
    return rows


def said(number: int, kind: ConsentEventKind, at: datetime | None = None, **more: Any) -> ConsentEventInput:
    """Return one event."""
    return ConsentEventInput(
        SubjectNumber(number), PURPOSE, (Cell(PURPOSE),), kind, "api", "data_subject", occurred_at=at, **more
    )


async def written(workspace: Workspace, seconds: float = 6.0) -> float:
    """Return how many events a second 64 writers record durably."""
    end, done = time.monotonic() + seconds, 0

    async def write(place: int) -> None:
        nonlocal done
        chance = random.Random(place)
        while time.monotonic() < end:
            kind = ConsentEventKind.WITHDRAW if chance.random() < 0.5 else ConsentEventKind.GIVE
            await workspace.ledger.record([said(chance.randrange(501, PEOPLE), kind)])
            done += 1

    begun = time.monotonic()
    await asyncio.gather(*(write(place) for place in range(64)))
    return done / (time.monotonic() - begun)


async def imported(workspace: Workspace, count: int = 200_000) -> float:
    """Return how many lines a second an import takes, from the file to the audited events."""
    import io

    from sekisho.consents.import_lines import ImportFormat

    first = datetime(2020, 1, 1, tzinfo=UTC)
    lines = (
        json.dumps(
            {
                "data_subject": f"customer_id:c{number}",
                "purpose": PURPOSE,
                "event": "give",
                "method": "web_form",
                "occurred_at": (first + timedelta(seconds=number)).isoformat(),
            }
        )
        for number in range(count)
    )
    content = io.BytesIO("\n".join(lines).encode())
    desk = workspace.settings.catalogue.requesters["consent_desk"]
    begun = time.monotonic()
    report = await workspace.consents.importing.run(desk, content, ImportFormat.NDJSON)
    assert report["recorded"] == count, report
    return count / (time.monotonic() - begun)


async def past(workspace: Workspace, url: str) -> Rows:
    """Measure reads of the past beside a long history."""
    people = PEOPLE // 2
    each = max(1, HISTORY // people)
    engine = create_engine(url)
    with engine.begin() as connection:
        low = connection.execute(text("SELECT max(seq) FROM consent_event")).scalar_one()
        connection.execute(
            text(
                "INSERT INTO consent_event (seq, id, number, purpose, cells, kind, method, actor, recorded_at,"
                " said_at, counts_at, facts, hash, outcome)"
                " SELECT :low + (k - 1) * :people + n, md5((k * 10000000 + n)::text),"
                " 500 + n, :purpose, :cells, CASE WHEN k % 2 = 0 THEN 'withdraw' ELSE 'give' END, 'api',"
                " 'data_subject', k * 1000000000000, k * 1000000000000, k * 1000000000000, '{}', '\\x00', k % 2"
                " FROM generate_series(1, :people) n, generate_series(1, :each) k"
            ),
            {"low": low, "people": people, "each": each, "purpose": PURPOSE, "cells": json.dumps([PURPOSE])},
        )
        total = connection.execute(text("SELECT count(*) FROM consent_event")).scalar_one()
        connection.exec_driver_sql("ANALYZE consent_event")
    engine.dispose()
    at = datetime(1970, 3, 1, tzinfo=UTC)
    taken = await timed(
        2_000,
        lambda: workspace.ledger.records_at(
            [SubjectNumber(random.randrange(501, 500 + people))], valid_at=at, known_at=at
        ),
    )
    return [(f"as-of read beside {total:,} events, p99", f"{p(taken, 0.99) * 1e3:.1f} ms", "≤ 20 ms")]


def over_http(folder: Path) -> Rows:
    """Measure checks, filters and events over HTTP, one connection, or 64 at once."""
    server = start(folder, 8899, "governed", "marketer")
    desk = token_of(folder, "consent_desk")
    try:
        one = [ask(server.connection, server.token, checks(1)) for _ in range(2_000)]
        hundred = [ask(server.connection, server.token, checks(100)) for _ in range(500)]
        ids = [f"customer_id:c{number}" for number in random.sample(range(PEOPLE), 100_000)]
        body = json.dumps({"purpose": PURPOSE, "data_subjects": ids}).encode()
        ask(server.connection, server.token, body, "/v1/consents:filter")
        filters = [ask(server.connection, server.token, body, "/v1/consents:filter") for _ in range(10)]
        rate = asyncio.run(events_over_http(8899, desk))
    finally:
        server.stop()
    return [
        ("check over HTTP, one item, p99", f"{p(one, 0.99) * 1e3:.1f} ms (p50 {p(one, 0.5) * 1e3:.1f})", "≤ 5 ms"),
        (
            "check over HTTP, 100 items, p99",
            f"{p(hundred, 0.99) * 1e3:.1f} ms (p50 {p(hundred, 0.5) * 1e3:.1f})",
            "≤ 15 ms",
        ),
        ("filter 100,000 ids over HTTP, p50", f"{p(filters, 0.5) * 1e3:.0f} ms", "≤ 60 ms"),
        ("events over HTTP, 64 writers", f"{rate:,.0f} /s", "≥ 1,000 /s"),
    ]


def token_of(folder: Path, requester: str) -> str:
    """Return a token."""
    command = [sys.executable, "-m", "sekisho", "token", "--workspace", str(folder), "--requester", requester]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def checks(count: int) -> bytes:
    """Return the body of a check of *count* people."""
    items = [{"data_subject": f"customer_id:c{random.randrange(PEOPLE)}", "purpose": PURPOSE} for _ in range(count)]
    return json.dumps({"items": items}).encode()


def ask(connection: http.client.HTTPConnection, token: str, body: bytes, path: str = "/v1/consents:check") -> float:
    """Return the seconds of one call."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    begun = time.perf_counter()
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    answer = response.read()
    taken = time.perf_counter() - begun
    if response.status != 200:
        raise RuntimeError(f"{response.status}: {answer[:300]!r}")
    return taken


async def events_over_http(port: int, token: str, seconds: float = 6.0) -> float:
    """Return how many events a second 64 connections record; raw sockets, so that the client costs little."""
    end, done = time.monotonic() + seconds, 0

    async def write(place: int) -> None:
        nonlocal done
        chance = random.Random(place)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.monotonic() < end:
            body = json.dumps(
                {
                    "data_subject": f"customer_id:c{chance.randrange(PEOPLE)}",
                    "purpose": PURPOSE,
                    "event": "withdraw" if chance.random() < 0.5 else "give",
                    "method": "web_form",
                }
            )
            writer.write(
                f"POST /v1/consents/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
            length = next(
                int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
            )
            await reader.readexactly(length)
            done += 1
        writer.close()

    begun = time.monotonic()
    await asyncio.gather(*(write(place) for place in range(64)))
    return done / (time.monotonic() - begun)


async def peers(workspace: Workspace, url: str) -> Rows:
    """Measure the two other designs, on the same server, with as many writers."""
    rows: Rows = []
    for peer in (fides(url), c15t(url)):
        rate = await beside(peer)
        wrong = peer.wrong()
        rows.append((f"{peer.name}: decisions, 64 writers", f"{rate:,.0f} /s", "; ".join(wrong)))
        peer.close()
    return rows


async def beside(peer: Peer, seconds: float = 4.0) -> float:
    """Return how many decisions a second 64 writers make with *peer*."""
    end, done = time.monotonic() + seconds, 0

    def write(place: int) -> None:
        nonlocal done
        chance = random.Random(place)
        while time.monotonic() < end:
            peer.decide(chance.randrange(10_000), chance.random() < 0.5)
            done += 1

    begun = time.monotonic()
    await asyncio.gather(*(asyncio.to_thread(write, place) for place in range(16)))
    return done / (time.monotonic() - begun)


async def main() -> None:
    """Measure everything and print one table."""
    console = Console()
    folder, url = await asyncio.to_thread(prepared)
    await fill(folder, url, console)
    rows = await asyncio.to_thread(start_up, folder)
    console.print(rows)
    rows += await asyncio.to_thread(over_http, folder)
    console.print(rows[-4:])
    async with open_workspace(folder) as workspace:
        rows += await inside(workspace)
        console.print(rows[-4:])
        rows += await past(workspace, url)
        rows += await peers(workspace, url)
    table = Table("measure", "found", "target")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print(f"largest process: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    asyncio.run(main())

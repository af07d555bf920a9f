"""What is measured inside one process: decisions, the audit log, and profiles."""

from __future__ import annotations

import asyncio
import cProfile
import pstats
import sqlite3
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path

from sekisho.bootstrap import Workspace, open_workspace
from sekisho.domain.access import AccessRequest, DatasetUse, Use
from sekisho.ports import AuditEntry
from sekisho.release import Ask
from tests.benchmarks.cases import Row

CLIENTS = 64


def _request(workspace: Workspace) -> AccessRequest:
    """Return a question of twenty columns over three datasets."""
    catalogue = workspace.settings.catalogue
    uses, left = [], 20
    for name in ("crm.customers", "pos.order_lines", "web.events"):
        columns = [column.name for column in catalogue.datasets[name].columns][: min(7, left)]
        left -= len(columns)
        uses.append(DatasetUse(catalogue.datasets[name], {c: frozenset({Use.SHOWN, Use.COMPARED}) for c in columns}))
    return AccessRequest(catalogue.requesters["recommender"], catalogue.purposes["recommendation"], tuple(uses))


async def decisions(folder: Path) -> list[Row]:
    """Return the cost of a cached and of a cold decision."""
    async with open_workspace(folder) as workspace:
        await workspace.policy.decide(_request(workspace))
        cached = []
        for _ in range(2_000):
            request = _request(workspace)  # a new object: the key is built every time
            start = time.perf_counter()
            await workspace.policy.decide(request)
            cached.append(time.perf_counter() - start)
        cold = []
        engine = workspace.policy._pdp  # type: ignore[attr-defined]
        for _ in range(500):
            start = time.perf_counter()
            await engine.decide(_request(workspace))
            cold.append(time.perf_counter() - start)
    fast, slow = statistics.median(cached) * 1e6, statistics.quantiles(cold, n=100)[98] * 1e3
    return [
        Row("policy decision, cached, key built, p50", fast, None, None, "≤ 50 µs", fast <= 50, unit="µs"),
        Row("policy decision, embedded, cold, p99", slow, None, None, "≤ 3 ms", slow <= 3),
    ]


async def audited(folder: Path, *, quick: bool) -> list[Row]:
    """Return releases recorded a second by 64 clients, against one commit each."""
    each = 20 if quick else 100
    async with open_workspace(folder) as workspace:
        fields = {
            "requester": "recommender", "purpose": "recommendation", "decision": "permit", "rows": 1, "page": 0,
            "columns": {"crm.customers": {"customer_id": "pseudonym", "member_rank": "clear"}},
            "consent": {"cells": ["recommendation/data_category=profile"], "seq": 1, "read_at": 1},
        }  # fmt: skip
        waits: list[float] = []

        async def client() -> None:
            for _ in range(each):
                start = time.perf_counter()
                await workspace.audit.append(AuditEntry("access.release", fields))
                waits.append(time.perf_counter() - start)

        start = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        grouped = CLIENTS * each / (time.perf_counter() - start)
    single = await asyncio.to_thread(_commit_each, CLIENTS, max(5, each // 5))
    p99 = statistics.quantiles(waits, n=100)[98] * 1e3
    ratio = grouped / single
    return [
        Row("audited releases a second, 64 clients", grouped, single, ratio, "≥ 5", ratio >= 5, unit="/s"),
        Row("audit wait added, 64 clients, p99", p99, None, None, "≤ 30 ms", p99 <= 30),
    ]


def _commit_each(clients: int, each: int) -> float:
    """Return inserts a second when every one is its own durable commit, from as many threads."""
    with tempfile.TemporaryDirectory(dir="var") as folder:
        path = f"{folder}/single.db"
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("CREATE TABLE record (seq INTEGER PRIMARY KEY, body BLOB)")

        def run(_client: int) -> None:
            db = sqlite3.connect(path, timeout=60, isolation_level=None)
            db.execute("PRAGMA synchronous = FULL")
            for _ in range(each):
                db.execute("INSERT INTO record (body) VALUES (?)", (b"x" * 700,))
            db.close()

        start = time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(run, range(clients)))
        return clients * each / (time.perf_counter() - start)


async def profile(folder: Path, sql: str) -> str:
    """Return the ten functions in which the event loop spends most time while *sql* runs."""
    async with open_workspace(folder) as workspace:
        requester = workspace.settings.catalogue.requesters["recommender"]
        parameters: tuple[object, ...] = ()
        if "customer_id = ?" in sql:
            first = await workspace.gateway.query(
                requester, Ask("recommendation", "SELECT customer_id FROM crm.customers LIMIT 1")
            )
            async for page in first.pages():
                parameters = (page.batch.column(0)[0].as_py(),)
        elif "?" in sql:
            parameters = ("2011-01-25",) if "invoiced_at" in sql else ("宮城県",)
        times = 300 if "crm" in sql else 3

        async def run() -> None:
            for _ in range(times):
                release = await workspace.gateway.query(
                    requester, Ask("recommendation", sql, parameters), page_rows=65_536
                )
                async for _page in release.pages():
                    pass

        await run()
        profiler = cProfile.Profile()
        profiler.enable()
        await run()
        profiler.disable()
    text = StringIO()
    pstats.Stats(profiler, stream=text).strip_dirs().sort_stats("tottime").print_stats(10)
    return "\n".join(line for line in text.getvalue().splitlines()[6:] if line.strip())

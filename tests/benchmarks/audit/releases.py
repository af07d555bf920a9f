"""Audited releases a second at the port, beside two other designs on the same server in the same run."""

from __future__ import annotations

import asyncio
import gc
import itertools
import secrets
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import asyncpg
import uvloop

from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.domain.record import canonical
from sekisho.ports import AuditEntry
from tests.benchmarks.audit.peers import CONNECTIONS, TABLES, Alone, Locked, Peer
from tests.benchmarks.audit.place import RELEASE, connect, fresh, log_at
from tests.benchmarks.consent.rows import Row, Tell, quantile

_CALLERS = {64: 8_000, 256: 14_000}
_TIMES = {"a commit each": 5, "a locked head": 30}
_P99 = 0.030
_SECONDS = 3.0
_TURNS = 3
_WARM = 0.7


def measure(tell: Tell, *, keep: bool, where: str = "") -> None:
    """Measure the three designs in turns; *where* is told beside what was measured."""
    del keep
    with tempfile.TemporaryDirectory() as folder, fresh("releases") as url:
        with connect("releases") as connection:
            connection.execute(TABLES)
        uvloop.run(_measure(tell, url, Path(folder), where))


async def _measure(tell: Tell, url: str, folder: Path, where: str) -> None:
    async with log_at(url, folder) as log, asyncpg.create_pool(
        url, min_size=CONNECTIONS, max_size=CONNECTIONS
    ) as pool:  # fmt: skip
        gc.collect()
        gc.freeze()  # as a service does
        peers: list[Peer] = [Alone(pool), Locked(pool)]
        data = canonical(RELEASE) + bytes(200)
        alone, _ = await load(1, _WARM, partial(peers[0].record, data))
        tell(Row(f"a commit, one after the other{where}", f"{1e3 / alone:.2f} ms"))
        for callers, target in _CALLERS.items():
            ours: list[tuple[float, float]] = []
            theirs: dict[str, list[float]] = {peer.name: [] for peer in peers}
            await load(callers, _WARM, ours_at(log))
            for _ in range(_TURNS):
                ours.append(await load(callers, _SECONDS, ours_at(log)))
                for peer in peers:
                    theirs[peer.name].append((await load(callers, _SECONDS / 2, partial(peer.record, data)))[0])
            rate = sorted(ours)[_TURNS // 2][0]
            found = f"{rate:,.0f} /s"
            tell(Row(f"audited releases, {callers} callers{where}", found, f"≥ {target:,} /s", rate >= target))
            slow = max(wait for _, wait in ours)
            tell(Row("  the wait that it adds, p99", f"{slow * 1e3:.1f} ms", "≤ 30 ms", slow <= _P99))
            for name, rates in theirs.items():
                theirs_rate = sorted(rates)[_TURNS // 2]
                times = rate / theirs_rate
                tell(
                    Row(
                        f"  against {name}, {CONNECTIONS} connections",
                        f"{times:,.1f} times {theirs_rate:,.0f} /s", f"≥ {_TIMES[name]} times", times >= _TIMES[name],
                    )
                )  # fmt: skip


def ours_at(log: SqlAuditLog) -> Callable[[], Awaitable[object]]:
    """Return what records one page about one person."""
    people = itertools.cycle([secrets.token_bytes(16) for _ in range(10_000)])
    return lambda: log.append(AuditEntry("access.release", {**RELEASE, "subjects": next(people)}))


async def load(callers: int, seconds: float, record: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Return how many a second are recorded, and the p99 of the wait."""
    waits: list[float] = []
    begun = time.perf_counter()
    end = begun + seconds

    async def call() -> None:
        at = time.perf_counter()
        while at < end:
            await record()
            now = time.perf_counter()
            waits.append(now - at)
            at = now

    await asyncio.gather(*(call() for _ in range(callers)))
    return len(waits) / (time.perf_counter() - begun), quantile(waits, 0.99)

"""``python -m tests.benchmarks.policy``: what decisions cost, in one run with plain OPA (needs ``opa``)."""

from __future__ import annotations

import argparse
import asyncio
import http.client
import itertools
import json
import os
import platform
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import uvloop
from rich.console import Console

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.decisions import DecisionCache
from sekisho.adapters.opa import Demands, OpaServers
from sekisho.adapters.rego import EmbeddedRego, shipped_policies
from sekisho.errors import PolicyUnavailable
from tests.benchmarks.cases import Row, as_table
from tests.benchmarks.policy.questions import World
from tests.benchmarks.policy.timing import Timed, grows, in_turns
from tests.policies.serving import KEYID, Opa, SigningKey, build_bundle, configuration, running_opa

SMALL, LARGE = World(10, 10), World(500, 100)
PARTS = ("cached", "embedded", "opa", "reload")


async def cached(times: int) -> AsyncIterator[Row]:
    """Decisions from memory; the question is a new object each time, so its key is made each time."""
    cache = DecisionCache(EmbeddedRego(), SystemClock())
    found = await in_turns(
        {"small": lambda: cache.decide(SMALL.question()), "large": lambda: cache.decide(LARGE.question())}, times * 4
    )
    await cache.close()
    p50 = found["small"].p50 * 1e6
    yield Row("decision from memory, with its key, p50", p50, None, None, "≤ 50 µs", p50 <= 50, unit="µs")
    yield grows("the same, 500 datasets and 100 purposes", found["large"], found["small"], "µs")


async def embedded(times: int) -> AsyncIterator[Row]:
    """Decisions of the embedded engine, each taken anew: by the policies that come with it, and as by one's own."""
    engine, own = EmbeddedRego(), EmbeddedRego(interpreted=True)
    timed = await in_turns(
        {
            "small": lambda: engine.decide(SMALL.question()),
            "large": lambda: engine.decide(LARGE.question()),
            "own": lambda: own.decide(SMALL.question()),
        },
        times,
    )
    await engine.close()
    await own.close()
    small, interpreted = timed["small"], timed["own"]
    yield Row(
        "embedded, cold, p50 | the same policies interpreted",
        small.p50 * 1e3, interpreted.p50 * 1e3, small.p50 / interpreted.p50, "", met=True, note=small.note(),
    )  # fmt: skip
    yield Row(
        "embedded, cold, p99 | the same policies interpreted",
        small.p99 * 1e3, interpreted.p99 * 1e3, small.p99 / interpreted.p99, "≤ 3 ms", small.p99 <= 0.003,
        note=interpreted.note(),
    )  # fmt: skip
    yield grows("the same p50, 500 datasets and 100 purposes", timed["large"], small)


async def opa(times: int) -> AsyncIterator[Row]:
    """Decisions of an OPA server on loopback, beside bare HTTP; then what a server that hangs costs."""
    async with _opa_server() as (server, demands):
        pdp = OpaServers([server.url], demands=demands)
        bare = http.client.HTTPConnection(server.url.removeprefix("http://"))
        timed = await in_turns(
            {
                "bare": partial(_bare, bare),
                "small": lambda: pdp.decide(SMALL.question()),
                "large": lambda: pdp.decide(LARGE.question()),
            },
            times,
        )
        small, plain = timed["small"], timed["bare"]
        ratio = small.p50 / plain.p50
        yield Row(
            "OPA on loopback, client included, p50 | plain opa over HTTP",
            small.p50 * 1e3, plain.p50 * 1e3, ratio, "≤ 1.5 ms", small.p50 <= 0.0015, note=small.note(),
        )  # fmt: skip
        yield grows("the same, 500 datasets and 100 purposes", timed["large"], small)
        yield _held_up(await _refusals(server, pdp))
        await pdp.close()
        bare.close()


async def _bare(connection: http.client.HTTPConnection) -> object:
    body = json.dumps({"input": SMALL.question().to_json()})
    connection.request("POST", "/v1/data/sekisho/access/decision", body, {"Content-Type": "application/json"})
    return json.loads(connection.getresponse().read())["result"]


@asynccontextmanager
async def _opa_server() -> AsyncIterator[tuple[Opa, Demands]]:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        bundle, key = folder / "policies.tar.gz", SigningKey(folder)
        revision = await asyncio.to_thread(partial(build_bundle, bundle, key=key))
        with running_opa(folder, "--config-file", str(configuration(folder, bundle, key))) as server:
            yield server, Demands(revision, KEYID)


async def _refusals(server: Opa, pdp: OpaServers) -> Timed:
    """Return what ten questions to a server that is held up took."""
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGSTOP)
    timed = Timed()
    try:
        for _ in range(10):
            started = time.perf_counter()
            try:
                await pdp.decide(SMALL.question())
            except PolicyUnavailable:
                timed.wall.append(time.perf_counter() - started)
            await asyncio.sleep(0.3)
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    assert len(timed.wall) == 10
    return timed


def _held_up(refusals: Timed) -> Row:
    longest = max(refusals.wall) * 1e3
    return Row("OPA held up (SIGSTOP): longest refusal of ten", longest, None, None, "≤ 300 ms", longest <= 300)


async def reload(_times: int) -> AsyncIterator[Row]:
    """Policies that know 500 datasets, exchanged ten times while decisions are taken one after the other."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(shutil.copytree(shipped_policies(), Path(made) / "policies"))
        engine = EmbeddedRego(_knowing(folder, 0))
        took, gaps = [], []
        ends = [time.perf_counter()]
        stop = asyncio.Event()

        async def decide() -> None:
            while not stop.is_set():
                await engine.decide(LARGE.question())
                ends.append(time.perf_counter())

        deciding = asyncio.create_task(decide())
        for turn in range(1, 11):
            _knowing(folder, turn)
            before, started = len(ends), time.perf_counter()
            assert await asyncio.to_thread(engine.reload)
            took.append(time.perf_counter() - started)
            during = ends[before - 1 :]
            gaps.append(max((b - a for a, b in itertools.pairwise(during)), default=took[-1]))
            await asyncio.sleep(0.2)
        stop.set()
        await deciding
        await engine.close()
    longest, gap = max(took) * 1e3, max(gaps) * 1e3
    yield Row(
        "reload of policies with 500 datasets, longest of ten", longest, None, None, "≤ 2,000 ms", longest <= 2000
    )
    yield Row("longest time between two decisions meanwhile", gap, None, None, "no pause", gap <= longest / 2)


def _knowing(folder: Path, turn: int) -> Path:
    """Write a rule for each of 500 datasets into the policies, which say something else each *turn*."""
    datasets = {
        each.name: {"owner": f"team_{number % 20}", "turn": turn, "purposes": ["purpose_0", "purpose_1"]}
        for number, each in enumerate(LARGE.datasets)
    }
    (folder / "sekisho" / "workspace").mkdir(exist_ok=True)
    text = f"package sekisho.workspace\n\ndatasets := {json.dumps(datasets)}\n"
    (folder / "sekisho" / "workspace" / "workspace.rego").write_text(text, "utf-8")
    return folder


MEASURES = {"cached": cached, "embedded": embedded, "opa": opa, "reload": reload}


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {', '.join(PARTS)}, between commas")
    parser.add_argument("--json", action="store_true", help="JSON instead of the table")
    options = parser.parse_args()
    rows = [row for name in options.only.split(",") async for row in MEASURES[name](100 if options.quick else 1_000)]
    title = f"Policy, {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    console = Console(width=140)
    if options.json:
        print(json.dumps({"machine": title, "rows": [asdict(row) for row in rows]}))  # noqa: T201 - the answer
    else:
        console.print(as_table(title, rows))


if __name__ == "__main__":
    uvloop.run(main())  # the loop that `sekisho serve` runs on

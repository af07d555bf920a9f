"""What simulating costs beside plain decisions, and what noting costs a request: ratios of one run.

``python -m tests.benchmarks.policy_simulation [--questions N]``. Times are of the processors of all processes that
take part, so that what else runs on the machine counts little; rounds alternate, and the best of each counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

from sekisho.adapters.policy_sandbox import ProcessSandbox
from sekisho.adapters.records.asked import SqlAskedQuestions
from sekisho.adapters.records.database import Database, migrate
from sekisho.adapters.rego import EmbeddedRego, policy_files, shipped_policies
from sekisho.domain.access import AccessRequest, DatasetUse, Deny, Use
from sekisho.domain.asked import AskedQuestion
from sekisho.noted import Noted
from tests.policies.catalogue import DATASETS, PURPOSES, REQUESTERS, ask

ROUNDS = 5


def questions(count: int) -> list[AccessRequest]:
    """Return different questions: every requester, purpose and dataset, with more and more columns."""
    asked = []
    for number in range(count):
        requester = REQUESTERS[number % len(REQUESTERS)]
        purpose = list(PURPOSES.values())[number // 7 % len(PURPOSES)]
        dataset = DATASETS[number // 3 % len(DATASETS)]
        taken = dataset.columns[: 1 + number % len(dataset.columns)]
        uses = {column.name: frozenset({Use.SHOWN}) for column in taken}
        asked.append(ask(requester, purpose, DatasetUse(dataset, uses)))
    return asked


def processors() -> float:
    """Return the seconds of processor of this process and of those that it has ended."""
    spent = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in spent)


async def timed(work: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """Return wall clock and processor seconds of *work*."""
    wall, used = time.perf_counter(), processors()
    await work()
    return time.perf_counter() - wall, processors() - used


async def measure(count: int) -> dict[str, object]:
    """Return microseconds a question, and ratios."""
    asked = questions(count)
    files = policy_files(shipped_policies())
    modules = {name: content.decode() for name, content in files.items()}
    embedded = EmbeddedRego(threads=1)
    await embedded.decide(asked[0])

    async def plain() -> None:
        for each in asked:
            await embedded.decide(each)

    async def simulated() -> None:
        async with ProcessSandbox(seconds=600).open(modules) as candidate:
            await candidate.decide(asked)

    async def started() -> None:
        async with ProcessSandbox().open(modules):
            pass

    best: dict[str, tuple[float, float]] = {}
    for _ in range(ROUNDS):
        for name, work in (("plain", plain), ("simulated", simulated), ("started", started)):
            wall, used = await timed(work)
            known = best.get(name, (wall, used))
            best[name] = (min(wall, known[0]), min(used, known[1]))
    await embedded.close()
    noted, no = Noted(), Deny("access_denied", (), "")
    times = 200
    used = time.process_time()
    for _ in range(times):
        for each in asked:
            noted.note(each, None, no)
    noting = (time.process_time() - used) / (times * count)
    kept = await written(asked)
    per = {name: tuple(seconds / count * 1e6 for seconds in pair) for name, pair in best.items() if name != "started"}
    return {
        "questions": count,
        "plain_us": {"wall": round(per["plain"][0], 1), "processor": round(per["plain"][1], 1)},
        "simulated_us": {"wall": round(per["simulated"][0], 1), "processor": round(per["simulated"][1], 1)},
        "simulated_a_second": round(1e6 / per["simulated"][0]),
        "ratio": {
            "wall": round(per["simulated"][0] / per["plain"][0], 2),
            "processor": round(per["simulated"][1] / per["plain"][1], 2),
        },
        "start_ms": {"wall": round(best["started"][0] * 1e3, 1), "processor": round(best["started"][1] * 1e3, 1)},
        "note_us": round(noting * 1e6, 3),
        "note_share_of_a_decision": round(noting * 1e6 / per["plain"][1], 5),
        "written_us": round(kept * 1e6, 1),
    }


async def written(asked: list[AccessRequest]) -> float:
    """Return processor seconds a question of writing all of them down, in the background."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'records.db'}"
        migrate(url)
        database = Database(url)
        questions_kept = SqlAskedQuestions(database)
        used = processors()
        await questions_kept.keep([(AskedQuestion.of(each), 1) for each in asked], date(2026, 11, 22))
        spent = processors() - used
        await database.close()
    return spent / len(asked)


def main() -> None:
    """Measure and print one JSON document."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--questions", type=int, default=500)
    told = asyncio.run(measure(options.parse_args().questions))
    sys.stdout.write(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()

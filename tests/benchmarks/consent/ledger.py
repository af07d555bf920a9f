"""What happens in one process: lookups, fresh checks, events at the port, the import."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import os
import random
import statistics
import time
from datetime import UTC, datetime, timedelta

from sekisho.bootstrap import Workspace, open_workspace
from sekisho.consents.import_lines import ImportFormat
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.terms import Cell, SubjectNumber
from sekisho.ports import ConsentEventInput
from tests.benchmarks.consent.place import CUSTOMERS, Place, decided, place, registered
from tests.benchmarks.consent.rows import Tell, at_least, at_most, timed

PEOPLE = int(os.environ.get("SEKISHO_BENCH_PEOPLE", "200000"))
PURPOSE = "micro_segmentation"
WRITERS = 64
_SECONDS = 6.0
_LINES = 200_000
_PASSES = 3


def measure(tell: Tell, *, keep: bool) -> None:
    """Measure beside :data:`PEOPLE` registered people with a decision in each of twelve cells."""
    with place(f"ledger_{PEOPLE}", people, keep=keep) as made:
        asyncio.run(_measure(made, tell))


def people(made: Place) -> None:
    """Register :data:`PEOPLE` and let them decide."""
    registered(made, PEOPLE)
    decided(made, PEOPLE, logged=True)


def someone(chance: random.Random) -> int:
    """Return the number of one of them."""
    return CUSTOMERS + 1 + chance.randrange(PEOPLE)


async def _measure(made: Place, tell: Tell) -> None:
    async with open_workspace(made.folder) as workspace:
        view, chance = await workspace.ledger.view((Cell(PURPOSE),)), random.Random(1)
        numbers = [someone(chance) for _ in range(100_000)]
        begun = time.perf_counter()
        for number in numbers:
            view.is_member(number)
        lookup = (time.perf_counter() - begun) / len(numbers)
        tell(at_most("lookup in a caught-up bitmap, mean", lookup, 2e-6, "µs", scale=1e6))
        fresh = await timed(2_000, lambda: workspace.ledger.view((Cell(PURPOSE),)))
        tell(at_most("fresh check with its catch-up, p50", statistics.median(fresh), 1e-3, "ms", scale=1e3))
        tell(at_least(f"events, {WRITERS} writers at the port", await _written(workspace), 4_000, "/s"))
        passes = [await _imported(workspace) for _ in range(_PASSES)]
        rate, count = max(passes), min(_LINES, PEOPLE)
        note = " / ".join(f"{one:,.0f}" for one in passes)
        tell(at_least(f"import of {count:,} lines, best of {note}", rate, 20_000, "events/s"))


async def _written(workspace: Workspace) -> float:
    """Return how many events a second the writers record durably."""
    end, done = time.monotonic() + _SECONDS, 0

    async def write(writer: int) -> None:
        nonlocal done
        chance = random.Random(writer)
        while time.monotonic() < end:
            kind = ConsentEventKind.WITHDRAW if chance.random() < 0.5 else ConsentEventKind.GIVE
            number = SubjectNumber(someone(chance))
            await workspace.ledger.record(
                [ConsentEventInput(number, PURPOSE, (Cell(PURPOSE),), kind, "api", "data_subject")]
            )
            done += 1

    begun = time.monotonic()
    await asyncio.gather(*(write(writer) for writer in range(WRITERS)))
    return done / (time.monotonic() - begun)


async def _imported(workspace: Workspace) -> float:
    """Return how many lines a second an import takes, from the file to the audited events.

    Most count, all but those of people who just now said something else: they were said after what the ledger knew
    of the same people before, imports before this one included.
    """
    first = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=await workspace.ledger.last_seq())
    count = min(_LINES, PEOPLE)
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
    gc.collect()
    begun = time.monotonic()
    report = await workspace.consents.importing.run(desk, content, ImportFormat.NDJSON)
    if report["recorded"] != count or int(str(report["unchanged"])) * 3 > count:
        raise RuntimeError(f"recorded {report['recorded']} of {count}, {report['unchanged']} of them for nothing")
    return count / (time.monotonic() - begun)

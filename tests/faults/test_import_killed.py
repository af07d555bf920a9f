"""An import that is killed again and again: the same file goes on, and nothing is lost or recorded twice."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.consents.import_house import ndjson, open_house, said

LINES = 6_000
PART = 100
PROGRAM = f"""
import asyncio, sys
from tests.consents.import_house import DESK, open_house
from sekisho.consents import import_parts
from sekisho.consents.import_lines import ImportFormat

async def main(url, path):
    import_parts.PART = {PART}
    house = open_house(url)
    with open(path, "rb") as file:
        tell = lambda what, done: print(what, done, flush=True)
        report = await house.importing.run(DESK, file, ImportFormat.NDJSON, tell=tell)
    print("finished", report["recorded"], flush=True)
    await house.database.close()

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


def history() -> bytes:
    """Return a file about two hundred people, in no order of time."""
    chance = random.Random(20261121)
    purposes = ["lifecycle_email", "recommendation", "ab_measurement"]
    return ndjson(
        said(
            f"customer_id:{chance.randrange(200)}",
            chance.choice(purposes),
            chance.choice(["give", "withdraw", "refuse", "object"]),
            chance.randrange(2_000),
            evidence={"form": f"F-{line}"},
        )
        for line in range(LINES)
    )


@pytest.mark.slow
async def test_kill_9_at_any_time_neither_loses_nor_repeats_an_event(empty_url, tmp_path):
    """Killed five times, some parts in or between two of them, the ledger is that of an import in one go."""
    content = history()
    path = tmp_path / "history.ndjson"
    await asyncio.to_thread(path.write_bytes, content)
    whole = open_house(f"sqlite:///{tmp_path}/whole.db")
    chance = random.Random(7)
    seen: list[int] = []
    try:
        expected = await whole.run(content)
        for parts in (0, 1, 7, 12, 3):
            killed = await asyncio.to_thread(_run, empty_url, path, parts, chance.uniform(0, 0.05))
            assert killed == -signal.SIGKILL  # the fault fired
            broken = open_house(empty_url)
            done = await broken.batches.find(expected["batch"])
            events = await broken.ledger.last_seq()
            await broken.database.close()
            assert events == (0 if done is None else done.recorded)
            seen.append(events)
        assert seen == sorted(seen)
        assert 0 < seen[-1] < LINES
        assert await asyncio.to_thread(_run, empty_url, path, None, 0) == 0
        broken = open_house(empty_url)
        try:
            report = await broken.run(content)
            counted = ("batch", "lines", "valid", "recorded", "left_out", "unchanged", "finished", "seq")
            assert {name: report[name] for name in counted} == {name: expected[name] for name in counted}
            assert await broken.ledger_says() == await whole.ledger_says()
            assert [row[:3] for row in await broken.states()] == [row[:3] for row in await whole.states()]
        finally:
            await broken.database.close()
    finally:
        await whole.database.close()


def _run(url: str, path: Path, parts: int | None, pause: float) -> int:
    """Import *path* in a process of its own; kill it *pause* seconds after *parts* parts, or let it finish."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, url, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    imported = -1  # the end of the check counts as the first
    for line in process.stdout:
        checked = line.startswith("checking lines 1.0")
        imported += checked or line.startswith("importing")
        if parts is not None and imported >= parts:
            try:
                process.wait(pause)
            except subprocess.TimeoutExpired:
                process.kill()
            break
    process.communicate()
    return process.returncode

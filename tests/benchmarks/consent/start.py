"""A worker's start beside many people: how long until it is ready, and what it holds then."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from functools import partial

from tests.benchmarks.consent.place import Place, agreeing, decided, place
from tests.benchmarks.consent.rows import Row, Tell, at_most
from tests.benchmarks.consent.worker import Started

PEOPLE = int(os.environ.get("SEKISHO_BENCH_START_PEOPLE", "1000000"))
_FULL = 10_000_000  # the people that the targets are about
_SECONDS, _MEMORY = 30.0, 400.0


def measure(tell: Tell, *, keep: bool) -> None:
    """Start a worker beside nobody but the demonstration's people, then beside :data:`PEOPLE` more."""
    with place("nobody", lambda _: None, keep=keep) as made:
        empty = _started(made)
    with place(f"start_{PEOPLE}", partial(decided, people=PEOPLE), keep=keep) as made:
        if not keep:
            _started(made)  # reads from the disk what the filling has pushed out of memory
        _forget(made)
        whole = _started(made)  # saves its position when it ends
        found = _started(made)
    right = [theirs + agreeing(PEOPLE) for theirs in empty.agree]
    for each in (whole, found):
        if each.agree != right:
            raise RuntimeError(f"{each.agree} agree in the cells, not {right}")
    share = PEOPLE / _FULL
    beside = f"worker start, {PEOPLE:,} people × 12 cells"
    note = "" if share == 1 else f" for {_FULL // 1_000_000} M"
    highest = max(whole.highest, found.highest) - empty.highest
    rows = [
        at_most(f"{beside}: process start to ready", found.seconds, _SECONDS, "s"),
        at_most("the same where no position was saved, and the database is read", whole.seconds, _SECONDS, "s"),
        at_most("memory at its highest in either, beyond an empty worker", highest, _MEMORY, "MB"),
    ]
    for row in rows:
        tell(Row(row.measure, row.found, row.target + note, row.met if share == 1 else None))
    opening = (f"{one.opening:.1f} s ({one.cpu:.1f} s of CPU)" for one in (found, whole))
    tell(Row("of it opening the workspace, either way", ", ".join(opening)))
    tell(Row("whole process at its highest, and when ready", f"{found.highest:.0f} MB, {found.now:.0f} MB"))
    tell(Row("an empty worker: ready, and whole process", f"{empty.seconds:.1f} s, {empty.highest:.0f} MB"))


def _forget(made: Place) -> None:
    """Remove the position that a worker saved."""
    for path in made.folder.rglob("consent.bits"):
        path.unlink()


def _started(made: Place) -> Started:
    """Return what a worker tells of its start; a process of its own, measured from before it exists."""
    command = [sys.executable, "-m", "tests.benchmarks.consent.worker", str(made.folder), str(time.monotonic())]
    done = subprocess.run([*command, *made.cells()], check=True, capture_output=True, text=True)
    return Started(**json.loads(done.stdout.splitlines()[-1]))

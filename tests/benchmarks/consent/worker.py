"""One worker until it is ready: ``python -m tests.benchmarks.consent.worker WORKSPACE BEGUN CELL…``.

Prints one line of JSON: seconds since BEGUN (``time.monotonic`` of the parent, just before it started this
process), memory as Linux counts it (``ru_maxrss`` would begin with the parent's), and how many agree in each cell,
counted after the measuring, so that what was loaded is known to be right.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from sekisho.bootstrap import build_app, configure_logging, open_workspace
from sekisho.domain.terms import Cell


@dataclass(frozen=True)
class Started:
    """What a worker tells when it is ready; seconds, and MB."""

    seconds: float
    opening: float
    cpu: float
    now: float
    highest: float
    agree: list[int]


def _memory(name: str) -> float:
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[name].split()[0]) / 1024


async def main(folder: Path, begun: float, cells: list[str]) -> None:
    """Open the workspace, as a server does before it answers that it is ready."""
    configure_logging()
    opening = time.monotonic()
    async with open_workspace(folder) as workspace:
        build_app(workspace)
        done, cpu, now, highest = time.monotonic(), time.process_time(), _memory("VmRSS"), _memory("VmHWM")
        agree = [len((await workspace.ledger.view((Cell(cell),))).members()) for cell in cells]
    told = Started(done - begun, done - opening, cpu, now, highest, agree)
    sys.stdout.write(json.dumps(asdict(told)) + "\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))

"""Timings of awaitable things, taken in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.benchmarks.cases import Row


@dataclass
class Timed:
    """What one thing took each time: seconds on the clock and of the processor."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @property
    def p50(self) -> float:
        """The median, in seconds."""
        return statistics.median(self.wall)

    @property
    def p99(self) -> float:
        """The time that one in a hundred exceeds, in seconds."""
        return statistics.quantiles(self.wall, n=100)[98]

    def note(self) -> str:
        """Return the time of the processor, which others on the machine do not change as much."""
        busiest = statistics.quantiles(self.cpu, n=100)[98]
        return f"CPU {statistics.median(self.cpu) * 1e3:.3f} ms, p99 {busiest * 1e3:.3f} ms"


async def in_turns(
    things: dict[str, Callable[[], Awaitable[object]]], times: int, warm: int = 20
) -> dict[str, Timed]:
    """Do each of *things* in turns, so that all see the same noise; the first *warm* rounds do not count."""
    timed = {name: Timed() for name in things}
    for turn in range(times + warm):
        for name, thing in things.items():
            awaited = thing()  # the question is made here, and is not what is measured
            cpu, wall = time.process_time(), time.perf_counter()
            await awaited
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            if turn >= warm:
                timed[name].wall.append(wall)
                timed[name].cpu.append(cpu)
    return timed


def grows(measure: str, large: Timed, small: Timed, unit: str = "ms") -> Row:
    """Return the row that says how little a large workspace changes a figure."""
    ratio = statistics.median(a / b for a, b in zip(large.wall, small.wall, strict=True))
    scale = 1e6 if unit == "µs" else 1e3
    return Row(measure, large.p50 * scale, small.p50 * scale, ratio, "≤ 1.2", ratio <= 1.2, unit=unit)

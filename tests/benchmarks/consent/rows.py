"""One line of the table, and how a share of the slowest is read off."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What was found, what was wanted; ``met`` is ``None`` where nothing was."""

    measure: str
    found: str
    target: str = ""
    met: bool | None = None

    @property
    def verdict(self) -> str:
        """``yes``, ``NO`` or nothing."""
        return {True: "yes", False: "NO", None: ""}[self.met]


Tell = Callable[[Row], None]
"""Takes each row as it comes."""


def quantile(values: list[float], share: float) -> float:
    """Return the *share* quantile of *values*."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def at_most(measure: str, found: float, limit: float, unit: str, *, scale: float = 1.0, note: str = "") -> Row:
    """Return the row of a figure that must not exceed *limit*; both are shown times *scale*."""
    return Row(measure, f"{found * scale:,.4g} {unit}{note}", f"≤ {limit * scale:,.4g} {unit}", found <= limit)


def at_least(measure: str, found: float, limit: float, unit: str) -> Row:
    """Return the row of a rate that must reach *limit*."""
    return Row(measure, f"{found:,.0f} {unit}", f"≥ {limit:,.0f} {unit}", found >= limit)


def loop_ms() -> float:
    """Return the CPU milliseconds of one fixed loop: how fast this machine is just now (it has neighbours)."""
    best = float("inf")
    for _ in range(5):
        begun, held = time.thread_time(), {}
        for number in range(60_000):
            held[number % 1_000] = (number, str(number))
        best = min(best, time.thread_time() - begun)
    return best * 1e3


async def timed(count: int, call: Callable[[], Awaitable[object]]) -> list[float]:
    """Return the seconds of each of *count* calls, one after the other."""
    taken = []
    for _ in range(count):
        begun = time.perf_counter()
        await call()
        taken.append(time.perf_counter() - begun)
    return taken

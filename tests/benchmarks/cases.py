"""What is measured, and against what."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One line of the table. ``ours`` and ``theirs`` are medians in milliseconds, or as ``unit`` says."""

    measure: str
    ours: float
    theirs: float | None
    ratio: float | None
    target: str
    met: bool
    unit: str = "ms"
    note: str = ""


@dataclass(frozen=True)
class Pair:
    """Two timings of one question, taken in turns so that both see the same noise."""

    ours: list[float]
    theirs: list[float]

    def row(self, measure: str, at_most: float, note: str = "") -> Row:
        """Return the table's line: the medians, and the median of the ratios of neighbours."""
        ratio = statistics.median(a / b for a, b in zip(self.ours, self.theirs, strict=True))
        ours, theirs = statistics.median(self.ours) * 1e3, statistics.median(self.theirs) * 1e3
        return Row(measure, ours, theirs, ratio, f"≤ {at_most}", ratio <= at_most, note=note)

    def added(self, measure: str, at_most: float, note: str = "") -> Row:
        """Return the line of what ours adds: the median of the differences of neighbours, in milliseconds."""
        added = statistics.median(a - b for a, b in zip(self.ours, self.theirs, strict=True)) * 1e3
        row = self.row(measure, 0)
        note = f"{added:+.2f} ms; {note}" if note else f"{added:+.2f} ms"
        return Row(measure, row.ours, row.theirs, row.ratio, f"≤ +{at_most} ms", added <= at_most, note=note)


def in_turns(ours: Callable[[], float], theirs: Callable[[], float], times: int, warm: int = 3) -> Pair:
    """Run both *times* times in turns, after *warm* rounds that do not count."""
    for _ in range(warm):
        ours()
        theirs()
    pairs = [(ours(), theirs()) if i % 2 else (theirs(), ours())[::-1] for i in range(times)]
    return Pair([a for a, _ in pairs], [b for _, b in pairs])


def as_table(title: str, rows: Iterable[Row]) -> Table:
    """Return the table that is printed."""
    table = Table(title=title)
    for heading in ("measure", "governed", "without", "ratio", "target", "met", "note"):
        table.add_column(heading)
    for row in rows:
        table.add_row(
            row.measure,
            f"{row.ours:,.3f} {row.unit}",
            "" if row.theirs is None else f"{row.theirs:,.3f} {row.unit}",
            "" if row.ratio is None else f"{row.ratio:.2f}",
            row.target,
            ("yes" if row.met else "NO") if row.target else "",
            row.note,
        )
    return table

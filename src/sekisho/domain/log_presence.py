"""When the audit log was written and when it was not: writers, outages and silence, a fold over its records.

A running gateway writes a heartbeat every ten seconds (``writer.heartbeat``). So a time without any record of anybody
is one in which no gateway ran or none could write; and a writer that falls silent without ``writer.close`` was killed
or cut off.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from sekisho.domain.record import micros

SILENCE: Final = 30_000_000
"""Microseconds without a record that are called silence: three heartbeats."""

_MOST_GAPS = 200  # gap records that are told one by one
_MOST_SILENT = 20  # times of silence, the longest ones


class Interval(NamedTuple):
    """From when until when, in microseconds since 1970."""

    since: int
    until: int


@dataclass(slots=True)
class Presence:
    """What was found.

    Attributes
    ----------
    opened, closed:
        Writers that began, and that ended in order.
    broken_off:
        Writers that fell silent without a closing record.
    beats_missed:
        Times in which a writer, which went on later, left out heartbeats.
    gaps, gap_count, refused:
        Outages that the log itself told of, the first ones; how many; and what was refused meanwhile, by kind.
    silences, silent_count, silent:
        Times without any record, the longest ones in order; how many there were; and all of them together, in
        microseconds.
    """

    opened: int = 0
    closed: int = 0
    broken_off: int = 0
    beats_missed: int = 0
    gaps: list[Interval] = field(default_factory=list)
    gap_count: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    silences: list[Interval] = field(default_factory=list)
    silent_count: int = 0
    silent: int = 0


class LogPresence:
    """Follows the writers of a log between two instants, in microseconds since 1970.

    Records from before may be added too, so that it is known who was writing.
    """

    def __init__(self, since: int, until: int) -> None:
        self._since, self._until = since, until
        self._found = Presence()
        self._last = since  # of any record
        self._writers: dict[str, int] = {}  # the newest record of those that did not close
        self._longest: list[tuple[int, int]] = []  # a heap: length, and its beginning negated

    def add(self, record: Mapping[str, Any], at: int) -> None:
        """Take the next record of the log."""
        kind, writer, counted = record["kind"], record["writer"], self._since <= at < self._until
        before = self._writers.get(writer)
        if counted:
            self._hear(at)
            self._found.beats_missed += before is not None and at - before > SILENCE
            if kind == "writer.open":
                self._found.opened += 1
            elif kind == "writer.close":
                self._found.closed += 1
            elif kind == "gap":
                self._gap(record)
        if kind == "writer.close":
            self._writers.pop(writer, None)
        else:
            self._writers[writer] = at if before is None else max(before, at)

    def found(self, now: int) -> Presence:
        """Return what was found, at the end; *now* ends a month that is not over."""
        end = min(self._until, now)
        if end > self._last:
            self._hear(end)
        self._found.broken_off = sum(self._since <= at < end - SILENCE for at in self._writers.values())
        self._found.silences = [Interval(-begin, -begin + length) for length, begin in sorted(self._longest)[::-1]]
        return self._found

    def _hear(self, at: int) -> None:
        length = at - self._last
        if length > SILENCE:
            self._found.silent_count += 1
            self._found.silent += length
            heapq.heappush(self._longest, (length, -self._last))
            if len(self._longest) > _MOST_SILENT:
                heapq.heappop(self._longest)
        self._last = max(self._last, at)

    def _gap(self, record: Mapping[str, Any]) -> None:
        self._found.gap_count += 1
        refused = record.get("refused")
        if isinstance(refused, dict):
            self._found.refused.update({str(kind): int(count) for kind, count in refused.items()})
        if len(self._found.gaps) < _MOST_GAPS:
            edges = [datetime.fromisoformat(str(record[edge])) for edge in ("since", "until")]
            self._found.gaps.append(Interval(*map(micros, edges)))

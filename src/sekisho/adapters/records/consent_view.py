"""Bits by person: one changing column for each cell, and the views of their intersections, which never change."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sekisho.domain.terms import Cell

_LOGGED = 256  # changes of a view that are remembered one by one


@dataclass(frozen=True, slots=True)
class MemberView:
    """The members of a set of cells at ``seq``; implements ``ports.ConsentView`` and never changes.

    ``flags[n]`` is whether person *n* is a member. ``changed`` holds, oldest first, each version and the
    numbers whose membership changed with it, down to ``oldest``. Versions compare within one ledger object.
    """

    seq: int
    version: int
    cells: tuple[Cell, ...]
    flags: NDArray[np.bool_] = field(repr=False)
    changed: tuple[tuple[int, NDArray[np.int64]], ...] = field(default=(), repr=False)
    oldest: int = 1

    def allowed(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return for each of *numbers* (shape (n,)) whether it is a member; unknown and negative are not."""
        if not len(self.flags):
            return np.zeros(len(numbers), np.bool_)
        known = (numbers >= 0) & (numbers < len(self.flags))
        members: NDArray[np.bool_] = self.flags.take(numbers, mode="clip") & known
        return members

    def members(self) -> NDArray[np.int64]:
        """Return all member numbers, ascending."""
        return np.flatnonzero(self.flags)

    def changes_since(self, version: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]] | None:
        """Return numbers whose membership changed after *version*, and their membership now."""
        if version < self.oldest or version > self.version:
            return None
        parts = [numbers for at, numbers in self.changed if at > version]
        numbers = np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int64)
        return numbers, self.allowed(numbers)


class Column:
    """One cell: a bit per person and, apart, when bits fall.

    Expiry times read at the start stand in sorted arrays; those of later events in a heap. ``later`` names
    the people whose newest event came later, so that an older expiry time no longer counts for them.
    """

    __slots__ = ("by_default", "flags", "heap", "later", "place", "revision", "start_numbers", "start_times")

    def __init__(self, *, by_default: bool) -> None:
        self.by_default = by_default
        self.flags = np.zeros(1, np.bool_)  # nobody has number 0
        self.revision = 0
        self.start_times: list[int] = []
        self.start_numbers: list[int] = []
        self.place = 0
        self.heap: list[tuple[int, int]] = []
        self.later: dict[int, int | None] = {}

    def start(self, expiring: list[tuple[int, int]]) -> None:
        """Take over the expiry times (microseconds) and numbers of those whose bit is set now."""
        expiring.sort()
        self.start_times = [at for at, _ in expiring]
        self.start_numbers = [number for _, number in expiring]

    def grow(self, people: int) -> bool:
        """Make room for numbers up to *people*; return whether anybody became a member by default."""
        missing = people + 1 - len(self.flags)
        if missing <= 0:
            return False
        self.flags = np.concatenate([self.flags, np.full(missing, self.by_default)])
        return self.by_default

    def put(self, number: int, until: int | None, *, in_force: bool) -> bool:
        """Take over the newest event of *number*; return whether the bit changed."""
        changed = self.grow(number)
        self.later[number] = until if in_force else None
        if in_force and until is not None:
            heapq.heappush(self.heap, (until, number))
        if self.flags[number] == in_force:
            return changed
        self.flags[number] = in_force
        return True

    def expire(self, now: int) -> bool:
        """Drop whoever's time has come at *now* (microseconds); return whether a bit changed."""
        changed = False
        times = self.start_times
        while self.place < len(times) and times[self.place] <= now:
            number = self.start_numbers[self.place]
            self.place += 1
            if number not in self.later:
                self.flags[number] = False
                changed = True
        while self.heap and self.heap[0][0] <= now:
            until, number = heapq.heappop(self.heap)
            if self.later.get(number) == until and self.flags[number]:
                self.flags[number] = False
                changed = True
        return changed


def intersection(columns: Sequence[Column]) -> NDArray[np.bool_]:
    """Return, by number, who is in all of *columns*: a copy that nothing changes afterwards."""
    shortest = min(len(column.flags) for column in columns)
    flags = columns[0].flags[:shortest].copy()
    for column in columns[1:]:
        flags &= column.flags[:shortest]
    flags.flags.writeable = False
    return flags


def next_view(cells: tuple[Cell, ...], seq: int, flags: NDArray[np.bool_], before: MemberView | None) -> MemberView:
    """Return the view after *before* whose members are *flags*, a new version only when somebody came or went."""
    if before is None:
        return MemberView(seq, 1, cells, flags)
    common = min(len(flags), len(before.flags))
    numbers = np.flatnonzero(flags[:common] != before.flags[:common])
    rest = [np.flatnonzero(part[common:]) + common for part in (flags, before.flags) if len(part) > common]
    numbers = np.concatenate([numbers, *rest])
    if not len(numbers):
        return MemberView(seq, before.version, cells, flags, before.changed, before.oldest)
    version = before.version + 1
    changed = (*before.changed, (version, numbers))[-_LOGGED:]
    oldest = max(before.oldest, changed[0][0] - 1)
    if sum(len(part) for _, part in changed) > max(len(flags), 1024):
        changed, oldest = (), version  # reading all members anew is cheaper than this log
    return MemberView(seq, version, cells, flags, changed, oldest)

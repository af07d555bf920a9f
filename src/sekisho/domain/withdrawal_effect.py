"""How fast withdrawals took effect, as the audit log shows it: a fold over its records in order of sequence.

A release of personal data says at which sequence of the consent ledger it was checked last (``consent.seq``), and for
which cells. A withdrawal says which sequence it was given, and of which cells. So of each withdrawal there are

* the first page under one of its cells that was checked at its sequence or a later one. The time until then is how
  long it took until the log *shows* the effect: mostly how long nobody asked. It bounds the effect from above;
* pages under one of its cells that were recorded after it and had been checked before it. Their answers were under
  way; for up to two seconds after its check a page may still leave. What is older is dropped by the gateway, so
  that more than that, or a release that *began* after the withdrawal was recorded, is a promise broken: there must
  be none.

When a release began stands in its id (UUIDv7), in milliseconds.
"""

from __future__ import annotations

import heapq
import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

GRACE: Final = 2_000_000
"""Microseconds for which a page may leave after its consent was checked (``release.STALE_SECONDS``)."""

_MOST = 50_000  # withdrawals of one cell against which a page is held: the newest ones
_NAMED = 20  # records that broke the promise, by id
_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII)


def began_at(release_id: str) -> int | None:
    """Return when a release began, in microseconds since 1970; ``None`` when its id does not say it."""
    if not _UUID7.fullmatch(release_id):
        return None
    return int(release_id[:8] + release_id[9:13], 16) * 1_000


def percentile(values: Iterable[int], share: int) -> int | None:
    """Return the smallest of *values* that at least *share* percent of them do not exceed; of none, ``None``."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)] if ordered else None


@dataclass(slots=True)
class Effect:
    """What was found; times are in microseconds.

    Attributes
    ----------
    withdrawals:
        How many were followed.
    seen_after:
        For each that a page followed: the time until the first page that was checked with it.
    waiting:
        Those whose cells nobody asked for again.
    under_way, lags:
        Pages recorded after a withdrawal and checked before it, and how long after it each was recorded.
    began_late:
        Pages of releases that began after a withdrawal was recorded, yet under an older sequence.
    left_late:
        Pages that left later than they may after a withdrawal under an older sequence.
    broken:
        Ids of the first records of the last two.
    """

    withdrawals: int = 0
    waiting: int = 0
    seen_after: array[int] = field(default_factory=lambda: array("q"))
    under_way: int = 0
    lags: array[int] = field(default_factory=lambda: array("q"))
    began_late: int = 0
    left_late: int = 0
    broken: list[str] = field(default_factory=list)


class _Cell:
    """The withdrawals of one cell, in order of sequence: ``ats`` has the earliest time of all from there on."""

    __slots__ = ("ats", "newest", "seqs", "waiting")

    def __init__(self) -> None:
        self.seqs: list[int] = []
        self.ats: list[int] = []
        self.waiting: list[int] = []  # a heap of sequences that no page has shown yet
        self.newest = 0  # highest sequence that a page was checked at

    def add(self, seq: int, at: int) -> None:
        place = bisect_right(self.seqs, seq)
        self.seqs.insert(place, seq)
        self.ats.insert(place, min(at, self.ats[place]) if place < len(self.ats) else at)
        while place and self.ats[place - 1] > at:
            place -= 1
            self.ats[place] = at
        if len(self.seqs) > 2 * _MOST:
            del self.seqs[:_MOST], self.ats[:_MOST]

    def older(self, seq: int) -> int | None:
        """Return when the first withdrawal after *seq* was recorded; ``None`` when there is none."""
        place = bisect_right(self.seqs, seq)
        return self.ats[place] if place < len(self.ats) else None


class WithdrawalEffect:
    """Follows withdrawals through the records of a log."""

    def __init__(self) -> None:
        self.effect = Effect()
        self._cells: dict[str, _Cell] = {}
        self._waiting: dict[int, int] = {}  # sequence to time

    def withdrawn(self, seq: int, at: int, cells: Iterable[str], *, counted: bool = True) -> None:
        """Take a withdrawal; one that is not *counted* is only held against later pages."""
        named = [self._cells.setdefault(cell, _Cell()) for cell in cells]
        for cell in named:
            cell.add(seq, at)
        if not counted:
            return
        self.effect.withdrawals += 1
        if any(cell.newest >= seq for cell in named):
            self.effect.seen_after.append(0)  # a page was quicker than the record
            return
        self._waiting[seq] = at
        for cell in named:
            heapq.heappush(cell.waiting, seq)

    def released(
        self, record_id: str, began: int | None, at: int, seq: int, cells: Iterable[str], *, counted: bool = True
    ) -> None:
        """Take a page that left: when its release began, when it was recorded, the sequence of its check."""
        first: int | None = None
        for name in cells:
            cell = self._cells.setdefault(name, _Cell())
            cell.newest = max(cell.newest, seq)
            while cell.waiting and cell.waiting[0] <= seq:
                withdrawn = self._waiting.pop(heapq.heappop(cell.waiting), None)
                if withdrawn is not None:
                    self.effect.seen_after.append(max(0, at - withdrawn))
            older = cell.older(seq)
            if older is not None and (first is None or older < first):
                first = older
        if first is not None and counted:
            self._behind(record_id, began, at, first)

    def _behind(self, record_id: str, began: int | None, at: int, withdrawn: int) -> None:
        effect, lag = self.effect, max(0, at - withdrawn)
        began_late, left_late = began is not None and began > withdrawn, lag > GRACE
        effect.began_late += began_late
        effect.left_late += left_late
        if not (began_late or left_late):
            effect.under_way += 1
            effect.lags.append(lag)
        elif len(effect.broken) < _NAMED:
            effect.broken.append(record_id)

    def found(self) -> Effect:
        """Return what was found, at the end."""
        self.effect.waiting = len(self._waiting)
        return self.effect

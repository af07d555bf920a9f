"""Bits by person: one changing column for each cell, and the views of their intersections, which never change.

Bits are packed, eight people to a byte (person *n* is bit ``n & 7`` of byte ``n >> 3``): ten million people in
twelve cells take fifteen megabytes, and two columns are intersected at the speed of memory.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sekisho.domain.terms import Cell

_LOGGED = 256  # changes of a view that are remembered one by one
_WORD = 8  # bytes that are compared at once
_SPARSE = 4  # bytes for each number from which on they are set one by one
_NEVER = 2**63 - 1

Bits = NDArray[np.uint8]
End = tuple[NDArray[np.int64], NDArray[np.int32]]


@dataclass(frozen=True, slots=True)
class MemberView:
    """The members of a set of cells at ``seq``; implements ``ports.ConsentView`` and never changes.

    ``bits`` are the members, packed. ``changed`` holds, oldest first, each version and the numbers whose
    membership changed with it, down to ``oldest``. Versions compare within one ledger object.
    """

    seq: int
    version: int
    cells: tuple[Cell, ...]
    bits: Bits = field(repr=False)
    changed: tuple[tuple[int, NDArray[np.int64]], ...] = field(default=(), repr=False)
    oldest: int = 1

    def is_member(self, number: int) -> bool:
        """Return whether person *number* is a member; unknown and negative numbers are not."""
        if number < 0 or number >> 3 >= len(self.bits):
            return False
        return bool(self.bits.item(number >> 3) >> (number & 7) & 1)

    def allowed(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return for each of *numbers* (shape (n,)) whether it is a member; unknown and negative are not."""
        if not len(self.bits):
            return np.zeros(len(numbers), np.bool_)
        known = (numbers >= 0) & (numbers < len(self.bits) * 8)
        members = _take(self.bits, numbers)
        members &= known
        return members

    def members(self) -> NDArray[np.int64]:
        """Return all member numbers, ascending."""
        return _numbers(self.bits)

    def changes_since(self, version: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]] | None:
        """Return numbers whose membership changed after *version*, and their membership now."""
        if version < self.oldest or version > self.version:
            return None
        parts = [numbers for at, numbers in self.changed if at > version]
        numbers = np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int64)
        return numbers, self.allowed(numbers)


class Column:
    """One cell: a bit per person and, apart, when bits fall.

    Expiry times read at the start stand in ``runs``, sorted arrays of some thousand (12 bytes each, and never a
    second copy of all of them); those of later events in a heap. ``newer`` has a bit for whoever's newest event
    came later, so that an older expiry time no longer counts for them; ``ends`` says when their yes ends.
    """

    __slots__ = ("bits", "by_default", "ends", "heap", "newer", "next_at", "people", "revision", "runs")

    def __init__(self, *, by_default: bool) -> None:
        self.by_default = by_default
        self.people = 0  # the highest number known here; nobody has number 0
        self.bits: Bits = np.zeros(_WORD, np.uint8)
        self.newer: Bits = np.zeros(_WORD, np.uint8)
        self.revision = 0
        self.runs: list[End] = []
        self.heap: list[tuple[int, int]] = []
        self.ends: dict[int, int] = {}
        self.next_at = _NEVER  # when the next bit may fall

    @classmethod
    def resumed(cls, bits: Bits, people: int, ends: Sequence[End], *, by_default: bool) -> Column:
        """Return the column that another one was, from its bits, its people and its :meth:`all_ends`."""
        column = cls(by_default=by_default)
        column.bits, column.newer, column.people = bits, np.zeros_like(bits), people
        column.runs = list(ends)
        column.next_at = min((int(times[0]) for times, _ in ends), default=_NEVER)
        return column

    def fill(self, numbers: NDArray[np.int64], *, on: bool) -> None:
        """Set or clear the bits of *numbers*, which must have room; for the first reading."""
        if not len(numbers):
            return
        first, last = int(numbers.min()) >> 3, int(numbers.max()) >> 3
        if (last - first) * _SPARSE > len(numbers):
            masks = np.left_shift(1, numbers & 7).astype(np.uint8)
            if on:
                np.bitwise_or.at(self.bits, numbers >> 3, masks)
            else:
                np.bitwise_and.at(self.bits, numbers >> 3, ~masks)
            return
        flags = np.zeros((last + 1 - first) * 8, np.bool_)
        flags[numbers - first * 8] = True
        part = self.bits[first : last + 1]
        part |= np.packbits(flags, bitorder="little")
        if not on:
            part ^= np.packbits(flags, bitorder="little")

    def expect(self, times: NDArray[np.int64], numbers: NDArray[np.int64]) -> None:
        """Take over when some of the bits that were read end (microseconds), and whose they are; any order."""
        if not len(times):
            return
        order = np.argsort(times)
        self.runs.append((times[order], numbers[order].astype(np.int32)))
        self.next_at = min(self.next_at, int(times[order[0]]))

    def grow(self, people: int) -> bool:
        """Make room for numbers up to *people*; return whether anybody became a member by default."""
        if people <= self.people:
            return False
        self._reserve(people)
        if self.by_default:
            first, last = self.people + 1, people
            whole = range((first + 7) >> 3, (last + 1) >> 3)
            self.bits[whole.start : whole.stop] = 255
            for number in (
                *range(first, min(whole.start * 8, last + 1)),
                *range(max(whole.stop * 8, first), last + 1),
            ):
                self.bits[number >> 3] |= 1 << (number & 7)
        self.people = people
        return self.by_default

    def put(self, number: int, until: int | None, *, on: bool) -> bool:
        """Take over what an event says of *number*; return whether a bit changed."""
        changed = self.grow(number)
        byte, mask = number >> 3, 1 << (number & 7)
        self.newer[byte] |= mask
        if on and until is not None:
            self.ends[number] = until
            heapq.heappush(self.heap, (until, number))
            self.next_at = min(self.next_at, until)
        else:
            self.ends.pop(number, None)
        if bool(self.bits.item(byte) & mask) == on:
            return changed
        self.bits[byte] ^= mask
        return True

    def clear(self) -> bool:
        """Clear everybody's bit; return whether one changed."""
        changed = bool(self.bits.any())
        self.bits[:] = 0
        self.ends.clear()
        self.heap.clear()
        self.runs.clear()
        self.next_at = _NEVER
        return changed

    def expire(self, now: int) -> bool:
        """Drop whoever's time has come at *now* (microseconds); return whether a bit changed."""
        if now < self.next_at:
            return False
        changed = False
        for at, (times, numbers) in enumerate(self.runs):
            place = int(np.searchsorted(times, now, side="right"))
            gone = numbers[:place].astype(np.int64)
            gone = gone[~_take(self.newer, gone)]
            self.fill(gone, on=False)
            changed = changed or bool(len(gone))
            self.runs[at] = (times[place:], numbers[place:])
        self.runs = [run for run in self.runs if len(run[0])]
        while self.heap and self.heap[0][0] <= now:
            until, number = heapq.heappop(self.heap)
            if self.ends.get(number) == until:
                del self.ends[number]
                self.bits[number >> 3] &= ~(1 << (number & 7)) & 255
                changed = True
        ahead = [int(times[0]) for times, _ in self.runs]
        self.next_at = min([*ahead, *(until for until, _ in self.heap[:1])], default=_NEVER)
        return changed

    def copy(self) -> Column:
        """Return a column of its own that says the same; the arrays of ends, which nothing changes, are shared."""
        other = Column(by_default=self.by_default)
        other.people, other.next_at = self.people, self.next_at
        other.bits, other.newer = self.bits.copy(), self.newer.copy()
        other.runs, other.ends, other.heap = list(self.runs), dict(self.ends), list(self.heap)
        return other

    def all_ends(self) -> Iterator[End]:
        """Yield when bits fall (microseconds), and whose they are: sorted pieces, none of them empty."""
        for times, numbers in self.runs:
            held = ~_take(self.newer, numbers.astype(np.int64))
            if held.any():
                yield times[held], numbers[held]
        if self.ends:
            numbers, times = np.array(list(self.ends), np.int32), np.array(list(self.ends.values()), np.int64)
            order = np.argsort(times)
            yield times[order], numbers[order]

    def _reserve(self, people: int) -> None:
        """Make the arrays long enough, with room to grow, so that registering one by one does not copy each time."""
        needed = ((people >> 3) // _WORD + 1) * _WORD
        if needed <= len(self.bits):
            return
        length = needed if not self.people else max(needed, (len(self.bits) * 9 // 8 // _WORD + 1) * _WORD)
        more = np.zeros(length - len(self.bits), np.uint8)
        self.bits, self.newer = np.concatenate([self.bits, more]), np.concatenate([self.newer, more])


def intersection(columns: Sequence[Column]) -> Bits:
    """Return, by number, who is in all of *columns*: a copy that nothing changes afterwards."""
    shortest = min(len(column.bits) for column in columns)
    bits = columns[0].bits[:shortest].copy()
    for column in columns[1:]:
        bits &= column.bits[:shortest]
    bits.flags.writeable = False
    return bits


def packed(flags: NDArray[np.bool_]) -> Bits:
    """Return *flags* (shape (n,), by number) as the bits that this module goes by."""
    bits = np.zeros((len(flags) // (8 * _WORD) + 1) * _WORD, np.uint8)
    part = np.packbits(flags, bitorder="little")
    bits[: len(part)] = part
    return bits


def next_view(cells: tuple[Cell, ...], seq: int, bits: Bits, before: MemberView | None) -> MemberView:
    """Return the view after *before* whose members are *bits*, a new version only when somebody came or went."""
    if before is None:
        return MemberView(seq, 1, cells, bits)
    common = min(len(bits), len(before.bits))
    differ = np.zeros(max(len(bits), len(before.bits)), np.uint8)
    np.bitwise_xor(bits[:common], before.bits[:common], out=differ[:common])
    for part in (bits, before.bits):
        if len(part) > common:
            differ[common:] = part[common:]
    numbers = _numbers(differ)
    if not len(numbers):
        return MemberView(seq, before.version, cells, bits, before.changed, before.oldest)
    version = before.version + 1
    changed = (*before.changed, (version, numbers))[-_LOGGED:]
    oldest = max(before.oldest, changed[0][0] - 1)
    if sum(len(part) for _, part in changed) > max(len(bits) * 8, 1024):
        changed, oldest = (), version  # reading all members anew is cheaper than this log
    return MemberView(seq, version, cells, bits, changed, oldest)


def _take(bits: Bits, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return the bit of each of *numbers*; what lies outside answers for the nearest byte."""
    bytes_ = bits.take(numbers >> 3, mode="clip")
    return (bytes_ >> (numbers & 7).astype(np.uint8) & 1).view(np.bool_)


def _numbers(bits: Bits) -> NDArray[np.int64]:
    """Return the numbers whose bit is set, ascending; quick when few are."""
    words = np.flatnonzero(bits.view(np.uint64))
    if len(words) * 2 > len(bits) // _WORD:
        return np.flatnonzero(np.unpackbits(bits, bitorder="little"))
    places = np.flatnonzero(np.unpackbits(bits.reshape(-1, _WORD)[words], bitorder="little"))
    numbers: NDArray[np.int64] = words[places >> 6] * 64 + (places & 63)
    return numbers

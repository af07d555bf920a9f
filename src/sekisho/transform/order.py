"""Rows in the order of their tokens, of an answer of any size, in a bounded amount of memory.

An answer whose rows would come in the order of the store comes in the order of its tokens: the order of the
store is the same for every requester and purpose, and would align their pseudonyms. For that, all rows have to
be there before the first may leave. What is more than :data:`IN_MEMORY` goes to disk, each row to the part
that the first bits of its token name. Tokens are spread evenly, so that a part is a small share of the answer,
read and ordered by itself; a part that is large all the same, because one person has so many rows, is parted
again by the next bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sekisho.errors import InvalidRequest
from sekisho.transform.spill import Place, Sealed, spill

IN_MEMORY = 24 << 20
"""Bytes of raw rows that are held in memory."""
ON_DISK = 8 << 30
"""Bytes of raw rows that one answer may put on disk."""

# Bytes that are parted and written together: a write of a few rows costs as one of many, and columns of a mebibyte
# would be fetched anew from the system each time.
_AT_ONCE = 4 << 20
_BITS = 6  # of the token, for each parting
_PARTS = 1 << _BITS
_FEW = 5_000  # keys up to which they are sorted as they are

Keys = Callable[[pa.RecordBatch], NDArray[np.uint64]]
"""The first bits of the token of each row; what has none comes last."""


@dataclass(slots=True)
class _Part:
    """What has been written of one part, and the tokens that are in it."""

    places: list[Place] = field(default_factory=list)
    bytes: int = 0
    lowest: int = 2**64 - 1
    highest: int = 0

    def add(self, place: Place) -> None:
        self.places.append(place)
        self.bytes += place.bytes

    def saw(self, keys: NDArray[np.uint64]) -> None:
        self.lowest, self.highest = min(self.lowest, int(keys.min())), max(self.highest, int(keys.max()))


class TokenOrder:
    """Takes the raw pages of one answer and gives them back ordered. Used by one thread at a time.

    Parameters
    ----------
    keys:
        The first 64 bits of each token.
    position:
        Which column the tokens are made of.
    limit:
        Rows that are asked for: those with the lowest tokens.
    folder:
        Where rows that do not fit into memory wait; ``None`` means the system's folder for such files.
    """

    def __init__(self, keys: Keys, position: int, *, limit: int, folder: Path | None = None) -> None:
        self._keys = keys
        self._position = position
        self._limit = limit
        self._folder = folder
        self._batches: list[pa.RecordBatch] = []
        self._bytes = 0
        self._rows = 0
        self._spill: Sealed | None = None
        self._parts: list[_Part] = []
        self._schema: pa.Schema | None = None
        self._repeats: tuple[int, ...] = ()

    def add(self, batch: pa.RecordBatch) -> None:
        """Take *batch*. Raises ``InvalidRequest`` when the answer is larger than what may wait on disk."""
        batch = self._narrowed(batch)
        self._batches.append(batch)
        self._bytes += batch.nbytes
        self._rows += batch.num_rows
        if self._bytes <= (IN_MEMORY if self._spill is None else min(_AT_ONCE, IN_MEMORY)):
            return
        if self._spill is None:
            if self._rows >= 4 * self._limit:
                self._prune()
            if self._bytes <= IN_MEMORY // 2:
                return
            self._spill = spill(self._folder, self._batches[0].schema)
            self._parts = [_Part() for _ in range(_PARTS)]
        self._put_away()

    def pages(self, page_rows: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows in order, as pages of *page_rows*; the last holds what is left."""
        waiting: list[pa.RecordBatch] = []
        rows = 0
        for batch in self._ordered():
            start = 0
            while rows + batch.num_rows - start >= page_rows:
                part = batch.slice(start, page_rows - rows)
                yield self._widened(self._joined([*waiting, part]))
                start += part.num_rows
                waiting, rows = [], 0
            if start < batch.num_rows:
                waiting.append(batch.slice(start))
                rows += batch.num_rows - start
        if rows:
            yield self._widened(self._joined(waiting))

    def close(self) -> None:
        """Let go of memory and disk."""
        self._batches = []
        if self._spill is not None:
            self._spill.close()

    def _ordered(self) -> Iterator[pa.RecordBatch]:
        if self._spill is None:
            yield from self._sorted(self._batches)
            return
        self._put_away()
        for part in self._parts:
            yield from self._emitted(part, 64 - 2 * _BITS)

    def _emitted(self, part: _Part, shift: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows of *part*, whose tokens differ at most in what is right of *shift* and the bits there."""
        spilled = self._opened()
        if part.lowest >= part.highest:
            for place in part.places:  # one token, or none: in the order in which they came
                yield spilled.read(place)
        elif part.bytes <= IN_MEMORY:
            yield from self._sorted([spilled.read(place) for place in part.places])
        else:
            parts = [_Part() for _ in range(_PARTS)]
            self._scatter(map(spilled.read, part.places), parts, max(shift, 0))
            for each in parts:
                yield from self._emitted(each, shift - _BITS)

    def _sorted(self, batches: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        if not batches:
            return
        batch = self._joined(batches)
        batches.clear()  # their rows are in memory once
        order = pa.array(order_of(self._keys(self._widened(batch))))
        # In steps: whoever reads them works on one while the next is not there yet.
        step = max(1, -(-batch.num_rows * (4 << 20) // max(1, batch.nbytes)))
        for start in range(0, batch.num_rows, step):
            yield pc.take(batch, order.slice(start, step), boundscheck=False)

    def _put_away(self) -> None:
        waiting, self._batches, self._bytes = self._batches, [], 0
        self._scatter(_drained(waiting), self._parts, 64 - _BITS)

    def _scatter(self, batches: Iterable[pa.RecordBatch], parts: list[_Part], shift: int) -> None:
        """Write the rows of *batches*, each to the part that the bits of its token from *shift* on name."""
        spilled = self._opened()
        for batch in self._gathered(batches, min(_AT_ONCE, IN_MEMORY)):
            keys = self._keys(self._widened(batch))
            which = ((keys >> np.uint64(shift)) & np.uint64(_PARTS - 1)).astype(np.uint8)
            order = np.argsort(which, kind="stable")
            keys = keys[order]
            scattered = pc.take(batch, pa.array(order), boundscheck=False)
            ends = np.cumsum(np.bincount(which, minlength=_PARTS)).tolist()
            del batch
            for part, (start, end) in zip(parts, pairwise([0, *ends]), strict=True):
                if end > start:
                    part.saw(keys[start:end])
                    part.add(spilled.write(scattered.slice(start, end - start)))
            del scattered
            self._bounded(spilled)

    def _bounded(self, spilled: Sealed) -> None:
        if spilled.size > ON_DISK:
            raise InvalidRequest(
                "The answer is too large to be put into the order of its pseudonyms; ask for fewer rows, or name"
                " another order."
            )

    def _prune(self) -> None:
        """Keep the rows with the lowest tokens, of which no more than the limit can be asked for."""
        batch = self._joined(self._batches)
        order = order_of(self._keys(self._widened(batch)))[: self._limit]
        batch = batch.take(pa.array(np.sort(order)))
        self._batches, self._bytes, self._rows = [batch], batch.nbytes, batch.num_rows

    def _gathered(self, batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
        """Yield *batches* in groups of *size* bytes or more, each group as one."""
        waiting: list[pa.RecordBatch] = []
        bytes_waiting = 0
        for batch in batches:
            waiting.append(batch)
            bytes_waiting += batch.nbytes
            del batch
            if bytes_waiting >= size:
                group = self._joined(waiting)
                waiting, bytes_waiting = [], 0
                yield group
                del group
        if waiting:
            yield self._joined(waiting)

    def _narrowed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return *batch* without columns that repeat the one of the tokens, as hidden person numbers mostly do."""
        tokens = batch.column(self._position)
        if self._schema is None and batch.num_rows:
            self._schema = batch.schema
            behind = range(self._position + 1, batch.num_columns)
            self._repeats = tuple(i for i in behind if batch.column(i).equals(tokens))
        if not self._repeats or not all(batch.column(i).equals(tokens) for i in self._repeats):
            return batch
        return batch.select([i for i in range(batch.num_columns) if i not in self._repeats])

    def _widened(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return *batch* with all of its columns."""
        if self._schema is None or batch.num_columns == len(self._schema):
            return batch
        kept, tokens = iter(batch.columns), batch.column(self._position)
        columns = [tokens if i in self._repeats else next(kept) for i in range(len(self._schema))]
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)

    def _joined(self, batches: list[pa.RecordBatch]) -> pa.RecordBatch:
        if len({batch.num_columns for batch in batches}) > 1:
            batches = [self._widened(batch) for batch in batches]
        return joined(batches)

    def _opened(self) -> Sealed:
        assert self._spill is not None  # noqa: S101 - parts exist only where it does
        return self._spill


def order_of(keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the indices that sort *keys*; equal ones keep their order."""
    if len(keys) >= _FEW:
        # The highest bits and, in the place of the others, the index: numbers are sorted far sooner than indices.
        low = np.uint64((1 << len(keys).bit_length()) - 1)
        order: NDArray[np.int64] = (np.sort(keys & ~low | np.arange(len(keys), dtype=np.uint64)) & low).view(np.int64)
        found = keys[order]
        if (found[1:] >= found[:-1]).all():
            return order
    return np.argsort(keys, kind="stable")


def each_once(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the distinct *numbers*, ascending.

    ``numpy.unique`` makes a table of hashes: for a page of numbers that takes forty times as long as sorting them.
    """
    ordered = np.sort(numbers)
    first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]


def _drained(batches: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield *batches*, of which none is held any longer than it is needed."""
    batches.reverse()
    while batches:
        yield batches.pop()


def joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Return *batches*, at least one, as one."""
    if len(batches) == 1:
        return batches[0]
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]

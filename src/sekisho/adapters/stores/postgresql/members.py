"""Who is known, who may be read, and what a people table holds of them: bits, and the differences between them.

Everything here is arithmetic on arrays. A million people are compared in some milliseconds, and after a
withdrawal only those are looked at who changed since.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sekisho.adapters.stores.key_bits import FEW
from sekisho.adapters.stores.people_table import rows_of
from sekisho.domain.governed import Projection
from sekisho.domain.terms import ColumnType
from sekisho.ports import ConsentView, PeopleKeys
from sekisho.transform.order import each_once

_EARLIER = 64  # states of a registry, before people were added, that are remembered

Bits = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Known:
    """All identifiers of one kind.

    Attributes
    ----------
    keys, key_type:
        The identifiers, and their type in the store.
    sha256:
        Hash over identifiers and numbers, in the order of registration.
    numbers:
        The people, each once, ascending.
    earlier:
        How many identifiers there were when the hash was another one, and people have only come since.
    """

    keys: PeopleKeys = field(repr=False)
    key_type: ColumnType
    sha256: bytes
    numbers: NDArray[np.int64] = field(repr=False)
    earlier: Mapping[bytes, int] = field(repr=False)

    def rows(self, chosen: NDArray[np.bool_]) -> pa.Table:
        """Return the rows of a people table for those identifiers that *chosen* says."""
        return rows_of(self.keys, chosen, self.key_type)


@dataclass(frozen=True, eq=False)
class Wanted:
    """Whom a statement may read: everybody who is known, or those of them who agree in *view*."""

    projection: Projection
    known: Known
    view: ConsentView | None

    @property
    def table(self) -> str:
        """Name of the people table."""
        return self.projection.table

    @property
    def seq(self) -> int:
        """Sequence of the ledger at which they agreed; 0 where nobody is asked."""
        return self.view.seq if self.view is not None else 0

    def allowed(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return for each of *numbers* whether that person may be read."""
        return np.ones(len(numbers), np.bool_) if self.view is None else self.view.allowed(numbers)


@dataclass(frozen=True, eq=False)
class Listed:
    """Who stands in a people table: one bit for each person number, and the hash of the bits."""

    bits: Bits = field(repr=False)
    sha256: bytes

    @classmethod
    def of(cls, bits: Bits) -> Listed:
        """Return the list that *bits* are."""
        return cls(bits, hashlib.sha256(bits.tobytes()).digest())

    def holds(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return for each of *numbers* whether that person is listed."""
        if not len(self.bits):
            return np.zeros(len(numbers), np.bool_)
        bits = self.bits.take(numbers >> 3, mode="clip") >> (numbers & 7).astype(np.uint8) & 1
        return bits.view(np.bool_) & (numbers < len(self.bits) * 8)

    def after(self, difference: Difference) -> Listed:
        """Return the list when those of *difference* have gone and come."""
        highest = int(max((part.max() for part in (difference.gone, difference.come) if len(part)), default=0))
        bits = np.zeros(max(len(self.bits), (highest >> 3) + 1), np.uint8)
        bits[: len(self.bits)] = self.bits
        np.bitwise_and.at(bits, difference.gone >> 3, ~_mask(difference.gone))
        np.bitwise_or.at(bits, difference.come >> 3, _mask(difference.come))
        return Listed.of(bits)


@dataclass(frozen=True, eq=False)
class Difference:
    """The people who are listed and may not be read, and those who may be read and are not listed."""

    gone: NDArray[np.int64]
    come: NDArray[np.int64]

    def __bool__(self) -> bool:
        return bool(len(self.gone) or len(self.come))


def listed_of(wanted: Wanted) -> Listed:
    """Return the list of a table that holds exactly those who are *wanted*."""
    numbers = wanted.known.numbers[wanted.allowed(wanted.known.numbers)]
    flags = np.zeros(int(numbers[-1]) + 1 if len(numbers) else 0, np.bool_)
    flags[numbers] = True
    return Listed.of(np.packbits(flags, bitorder="little"))


def _mask(numbers: NDArray[np.int64]) -> Bits:
    mask: Bits = np.left_shift(1, numbers & 7).astype(np.uint8)
    return mask


class Registries:
    """The identifiers of each kind as they were last seen, with their hashes, which grow with them."""

    def __init__(self, key_types: Mapping[str, ColumnType]) -> None:
        self._key_types = key_types
        self._held: dict[str, tuple[Known, Any, Any]] = {}

    async def of(self, keys: PeopleKeys) -> Known:
        """Return what is to be known of *keys*."""
        held = self._held.get(keys.identifier)
        if held is not None and held[0].keys is keys:
            return held[0]
        return await asyncio.to_thread(self._read, keys) if len(keys.numbers) > FEW else self._read(keys)

    def _read(self, keys: PeopleKeys) -> Known:
        """Read the identifiers, of which only those that came since the last call are hashed."""
        start, earlier = 0, {}
        numbers, values = hashlib.sha256(), hashlib.sha256()
        held = self._held.get(keys.identifier)
        if held is not None and len(keys.values) >= len(held[0].keys.values):
            before = held[0].keys
            count = len(before.values)
            if np.array_equal(keys.numbers[:count], before.numbers) and keys.values[:count].equals(before.values):
                start, numbers, values = count, held[1].copy(), held[2].copy()
                earlier = dict(list(held[0].earlier.items())[1 - _EARLIER :]) | {held[0].sha256: count}
        numbers.update(np.ascontiguousarray(keys.numbers[start:], "<i8").tobytes())
        for at in range(start, len(keys.values), 10_000):
            # Each value ends with its comma: the hash is the same wherever the identifiers are cut.
            part = keys.values[at : at + 10_000].to_pylist()
            values.update(json.dumps(part, separators=(",", ":"))[1:-1].encode() + b",")
        sha256 = hashlib.sha256(numbers.digest() + values.digest()).digest()
        key_type = self._key_types.get(keys.identifier, ColumnType.STRING)
        ascending = bool((keys.numbers[1:] > keys.numbers[:-1]).all())
        known = Known(keys, key_type, sha256, keys.numbers if ascending else each_once(keys.numbers), earlier)
        self._held[keys.identifier] = (known, numbers, values)
        return known


class Differences:
    """What people tables lack of what is wanted; each is computed from the one before it."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[Known, bytes, int, Difference]] = {}

    async def between(self, listed: Listed, wanted: Wanted) -> Difference:
        """Return how *listed* differs from what is *wanted*."""
        held = self._held.get(wanted.table)
        view = wanted.view
        found: Difference | None = None
        if held is not None and view is not None and held[0] is wanted.known and held[1] == listed.sha256:
            if held[2] == view.version:
                return held[3]
            changes = view.changes_since(held[2])
            if changes is not None:
                found = _next(held[3], listed, wanted, changes[0])
        if found is None:
            many = len(wanted.known.numbers) > FEW
            found = await asyncio.to_thread(_whole, listed, wanted) if many else _whole(listed, wanted)
        if view is not None:
            self._held[wanted.table] = (wanted.known, listed.sha256, view.version, found)
        return found


def _whole(listed: Listed, wanted: Wanted) -> Difference:
    numbers = wanted.known.numbers
    is_listed, allowed = listed.holds(numbers), wanted.allowed(numbers)
    return Difference(numbers[is_listed & ~allowed], numbers[allowed & ~is_listed])


def _next(before: Difference, listed: Listed, wanted: Wanted, changed: NDArray[np.int64]) -> Difference:
    """Return the difference after that of *before*, since when nobody changed but *changed*."""
    places = np.searchsorted(wanted.known.numbers, changed)
    changed = changed[wanted.known.numbers.take(places, mode="clip") == changed] if len(places) else changed
    is_listed, allowed = listed.holds(changed), wanted.allowed(changed)
    return Difference(
        np.union1d(np.setdiff1d(before.gone, changed), changed[is_listed & ~allowed]),
        np.union1d(np.setdiff1d(before.come, changed), changed[allowed & ~is_listed]),
    )

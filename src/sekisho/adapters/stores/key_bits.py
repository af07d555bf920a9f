"""One bit for each whole number that a raw key may be: whether the person who has it may be read.

The bits travel with a statement, so that no table of people stands beside the data and nothing is looked up there.
Where it must be known whose a row is, the rows come with their keys, and the person numbers are found here, by place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sekisho.adapters.stores.people_table import whole_numbers
from sekisho.domain.access import TransformKind
from sekisho.domain.governed import NUMBER, GovernedQuery, Projection, Shape
from sekisho.domain.terms import ColumnType
from sekisho.errors import ConsentUnavailable
from sekisho.ports import ConsentView, PeopleKeys
from sekisho.transform.order import each_once

FEW = 50_000  # people up to whom all are looked at without a thread
SPAN = 1 << 23  # whole numbers, one bit each, that travel with a statement: a mebibyte


@dataclass(frozen=True, eq=False)
class KeyBits:
    """One bit for each whole number from ``low`` to ``high``: whether the person who has it as key may be read."""

    low: int
    high: int
    bits: bytes = field(repr=False)

    def given(self, projection: Projection) -> dict[str, object]:
        """Return the parameters that a statement of *projection* takes them as."""
        return dict(zip(projection.bits, (self.low, self.high, self.bits), strict=True))


@dataclass(frozen=True, eq=False)
class Numbers:
    """The person number of each whole number that a key may be; -1 where it is nobody's.

    ``by_key`` begins with the number of ``low`` - 1, and ends with that of the whole number after the highest key:
    both are nobody's.
    """

    low: int
    by_key: NDArray[np.int64] = field(repr=False)

    @classmethod
    def between(cls, low: int, by_key: NDArray[np.int64]) -> Numbers:
        """Return the numbers *by_key* from *low* on, with nobody's on both sides."""
        return cls(low, np.pad(by_key, 1, constant_values=-1))

    def of(self, keys: pa.Array) -> pa.Array:
        """Return the person numbers of *keys*. Raises ``ConsentUnavailable`` for one that is nobody's."""
        if not len(keys):
            return pa.array([], pa.int64())
        if keys.null_count:
            raise changed()
        # Both ends are nobody's: what lies beyond one is cut to it. A difference that does not fit wraps around, and
        # lies beyond one as well, since no other whole number of 64 bits has the place of a key.
        with np.errstate(over="ignore"):
            places = keys.cast(pa.int64()).to_numpy() - np.int64(self.low - 1)
        found = self.by_key.take(places, mode="clip")
        if found.min() < 0:
            raise changed()
        return pa.array(found)


@dataclass(frozen=True, eq=False)
class Keyed:
    """How person numbers come to stand in a statement's answer.

    Attributes
    ----------
    columns:
        Those that hold keys where person numbers are expected.
    repeated:
        How many times the first of them stands once more behind all columns, as the hidden ones of the answer.
    numbers:
        Finds whose a key is; ``None`` where that is not known.
    """

    columns: Sequence[int]
    repeated: int
    numbers: Numbers | None = field(repr=False)

    @classmethod
    def of(cls, query: GovernedQuery, numbers: Numbers | None) -> Keyed:
        """Return what is to be done with the answer of *query*; nothing where it hands over no keys."""
        if not any(projection.shape is Shape.HANDED for projection in query.projections):
            return PLAIN
        shown = [place for place, output in enumerate(query.outputs) if output.transform is TransformKind.PSEUDONYM]
        hidden = range(len(query.outputs), len(query.outputs) + query.carried)
        return cls((*shown, *hidden), query.hidden - query.carried, numbers)

    def page(self, page: pa.RecordBatch) -> pa.RecordBatch:
        """Return *page* with person numbers in place of keys. Raises ``ConsentUnavailable`` for a stranger's."""
        if not self.columns:
            return page
        if self.numbers is None:
            raise changed()
        columns = page.columns
        for position in self.columns:
            columns[position] = self.numbers.of(columns[position])
        hidden = [columns[self.columns[0]]] * self.repeated
        names = [f"{NUMBER}_{place}" for place in range(self.repeated)]
        return pa.RecordBatch.from_arrays([*columns, *hidden], names=[*page.schema.names, *names])


PLAIN = Keyed((), 0, None)
"""Of an answer that hands over no keys."""


def changed() -> ConsentUnavailable:
    """Return the refusal of keys that are not those which the bits were made of."""
    return ConsentUnavailable("The keys of this store have changed; ask again.")


class BitsByKey:
    """The bits of keys, made once for each version of registry and consent.

    Parameters
    ----------
    key_types:
        Type of the raw key in the store, by kind of identifier.
    order:
        Which bit of a byte the engine takes for its first, the least (``little``) or the greatest (``big``).
    """

    def __init__(self, key_types: Mapping[str, ColumnType], order: Literal["little", "big"]) -> None:
        self._key_types = key_types
        self._order = order
        self._numbers: dict[str, tuple[PeopleKeys, Numbers | None]] = {}
        self._bits: dict[str, tuple[PeopleKeys, int, KeyBits]] = {}

    async def possible(self, keys: PeopleKeys) -> bool:
        """Return whether each person has one key, and the keys are whole numbers that lie close enough together."""
        return await self.numbers(keys) is not None

    async def of(self, projection: Projection, keys: PeopleKeys, view: ConsentView) -> KeyBits | None:
        """Return the bits of those who agree in *view*, or ``None`` where they would be too many."""
        held = self._bits.get(projection.table)
        if held is not None and held[0] is keys and held[1] == view.version:
            return held[2]
        numbers = await self.numbers(keys)
        if numbers is None:
            return None
        many = len(numbers.by_key) > FEW
        flags = await asyncio.to_thread(_flags, numbers, view) if many else _flags(numbers, view)
        bits = np.packbits(flags, bitorder=self._order).tobytes()
        made = KeyBits(numbers.low, numbers.low + len(flags) - 1, bits)
        self._bits[projection.table] = (keys, view.version, made)
        return made

    async def numbers(self, keys: PeopleKeys) -> Numbers | None:
        """Return the person numbers of keys, or ``None`` where :meth:`of` has no bits for them."""
        held = self._numbers.get(keys.identifier)
        if held is None or held[0] is not keys:
            key_type = self._key_types.get(keys.identifier, ColumnType.STRING)
            many = len(keys.values) > FEW
            made = await asyncio.to_thread(_made, keys, key_type, held) if many else _made(keys, key_type, held)
            held = self._numbers[keys.identifier] = (keys, made)
        return held[1]


def _made(keys: PeopleKeys, key_type: ColumnType, before: tuple[PeopleKeys, Numbers | None] | None) -> Numbers | None:
    """Return the numbers of *keys*: those of *before* with whoever came since, or all made anew."""
    if before is not None and before[1] is not None and (made := _with_those_after(before[0], before[1], keys)):
        return made
    return _numbers(keys, key_type)


def _with_those_after(before: PeopleKeys, known: Numbers, keys: PeopleKeys) -> Numbers | None:
    """Return *known*, made of *before*, with whoever came since; ``None`` where all must be made anew.

    To read a million keys takes a tenth of a second, and somebody may register before each statement.
    """
    count = len(before.values)
    if not np.array_equal(keys.numbers[:count], before.numbers) or not keys.values[:count].equals(before.values):
        return None
    places, values = whole_numbers(keys.values[count:])
    held, numbers = np.asarray(values), keys.numbers[count:][places]
    if not len(held):
        return known
    people = known.by_key[1:-1]
    low = min(known.low, int(held.min()))
    high = max(known.low + len(people) - 1, int(held.max()))
    if high - low >= SPAN or not len(each_once(numbers)) == len(held) == len(each_once(held)):
        return None
    by_key = np.full(high - low + 1, -1, np.int64)
    by_key[known.low - low :][: len(people)] = people
    if (by_key[held - low] >= 0).any() or np.isin(numbers, people).any():
        return None
    by_key[held - low] = numbers
    return Numbers.between(low, by_key)


def _numbers(keys: PeopleKeys, key_type: ColumnType) -> Numbers | None:
    if key_type is not ColumnType.INTEGER or not len(keys.values):
        return None
    places, values = whole_numbers(keys.values)
    held, numbers = np.asarray(values), keys.numbers[places]
    # One key for each person, and one person for each: then keys tell people apart as well as numbers do.
    if not len(held) or not len(each_once(numbers)) == len(held) == len(each_once(held)):
        return None
    low, high = int(held.min()), int(held.max())
    if high - low >= SPAN or low == -(2**63):
        return None
    by_key = np.full(high - low + 1, -1, np.int64)
    by_key[held - low] = numbers
    return Numbers.between(low, by_key)


def _flags(numbers: Numbers, view: ConsentView) -> NDArray[np.bool_]:
    people = numbers.by_key[1:-1]
    flags: NDArray[np.bool_] = people >= 0
    flags[flags] = view.allowed(people[flags])
    return flags

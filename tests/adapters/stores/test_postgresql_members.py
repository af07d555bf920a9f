"""Differences between people tables and views: computed from the one before, they are those of a whole comparison."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from sekisho.adapters.stores.postgresql.members import (
    SPAN,
    BitsByKey,
    Difference,
    Differences,
    Known,
    Registries,
    Wanted,
    listed_of,
)
from sekisho.adapters.stores.postgresql.members import _whole as whole
from sekisho.domain.governed import Projection, Shape
from sekisho.domain.terms import Cell, ColumnType
from sekisho.ports import PeopleKeys
from tests.query.doubles import FakeView

CELLS = (Cell("recommendation"),)
PROJECTION = Projection("p_0123456789ab", "customer_id", CELLS)
NUMBERS = [3, 4, 8, 9, 15, 16, 17, 40, 41, 64, 4]  # person 4 has two keys


def keys_of(numbers: list[int], version: int = 1) -> PeopleKeys:
    values = tuple(str(500 + place * 3) for place in range(len(numbers)))
    return PeopleKeys("customer_id", np.array(numbers, np.int64), values, version)


async def known_of(numbers: list[int]) -> Known:
    return await Registries({"customer_id": ColumnType.INTEGER}).of(keys_of(numbers))


def sets(difference: Difference) -> tuple[list[int], list[int]]:
    return difference.gone.tolist(), difference.come.tolist()


@pytest.mark.parametrize("seed", range(5))
async def test_a_difference_after_another_is_that_of_all(seed: int) -> None:
    """Over any history, also of people whom the registry does not know, and with views that are too old."""
    dice = random.Random(seed)
    known = await known_of(NUMBERS)
    members, log, version = set(NUMBERS[::2]), list[tuple[int, int]](), 1
    differences, listed, views = Differences(), None, list[FakeView]()
    for step in range(60):
        for number in dice.sample([*set(NUMBERS), 1, 5, 99, 1000], dice.choice((0, 1, 1, 2, 4))):
            version += 1
            members ^= {number}
            log.append((version, number))
        view = FakeView(version, version, CELLS, frozenset(members), tuple(log))
        views.append(view)
        wanted = Wanted(PROJECTION, known, view)
        listed = listed or listed_of(wanted)
        found = await differences.between(listed, wanted)
        assert sets(found) == sets(whole(listed, wanted))
        if step % 7 == 6:
            listed = listed.after(found)
            after = listed_of(wanted)
            assert np.array_equal(np.trim_zeros(listed.bits, "b"), np.trim_zeros(after.bits, "b"))
        if step % 11 == 10:  # an earlier view is compared whole, and leaves nothing behind that is wrong
            old = replace(wanted, view=views[-5])
            assert sets(await differences.between(listed, old)) == sets(whole(listed, old))


async def test_bits_are_those_of_the_keys() -> None:
    """Each key has the bit of its person in the newest view, and whole numbers between keys have none."""
    numbers = NUMBERS[:-1]
    known, bits = await known_of(numbers), BitsByKey()
    for version, members in enumerate(([3, 4], [4, 64], [], numbers), start=1):
        view = FakeView(version, version, CELLS, frozenset(members))
        made = await bits.of(Wanted(replace(PROJECTION, shape=Shape.BITS), known, view), view)
        assert made is not None
        flags = np.unpackbits(np.frombuffer(made.bits, np.uint8), bitorder="little")
        held = {made.low + int(place) for place in np.flatnonzero(flags)}
        assert held == {500 + place * 3 for place, number in enumerate(numbers) if number in members}
        assert (made.low, made.high) == (500, 527)
    assert await bits.possible(known)


async def test_a_key_in_another_spelling_has_no_bit() -> None:
    """What the store's column cannot hold is nobody's, and takes the bits from nobody."""
    keys = PeopleKeys("customer_id", np.array([3, 4, 8, 9], np.int64), ("500", "0501", "502", "5e2"), 1)
    known = await Registries({"customer_id": ColumnType.INTEGER}).of(keys)
    view = FakeView(1, 1, CELLS, frozenset([3, 4, 8, 9]))
    made = await BitsByKey().of(Wanted(replace(PROJECTION, shape=Shape.BITS), known, view), view)
    assert made is not None
    assert (made.low, made.high) == (500, 502)
    assert np.unpackbits(np.frombuffer(made.bits, np.uint8), bitorder="little").tolist()[:3] == [1, 0, 1]


@pytest.mark.parametrize(
    ("numbers", "values"),
    [
        ([3, 4, 4], ("500", "501", "502")),
        ([3, 4, 8], ("500", "501", "501")),
        ([3, 4], ("5e2", "0500")),
        ([3, 4], ("500", str(500 + SPAN))),
        ([3, 2**31], ("500", "501")),
    ],
    ids=["two keys of one person", "one key of two people", "no keys", "far apart", "a number of more than 31 bits"],
)
async def test_keys_that_do_not_tell_people_apart_have_no_bits(numbers: list[int], values: tuple[str, ...]) -> None:
    """Inside a statement a key may stand for the number only where each says as much as the other."""
    keys = PeopleKeys("customer_id", np.array(numbers, np.int64), values, 1)
    known = await Registries({"customer_id": ColumnType.INTEGER}).of(keys)
    assert not await BitsByKey().possible(known)


async def test_a_registry_that_only_grew_is_known_by_its_earlier_hash() -> None:
    """People who came are told from people who changed."""
    registries = Registries({"customer_id": ColumnType.INTEGER})
    first = await registries.of(keys_of(NUMBERS))
    grown = await registries.of(keys_of([*NUMBERS, 70], 2))
    assert grown.earlier == {first.sha256: len(NUMBERS)}
    again = await registries.of(keys_of([*NUMBERS, 70, 71], 3))
    assert again.earlier == {first.sha256: len(NUMBERS), grown.sha256: len(NUMBERS) + 1}
    other = await registries.of(keys_of([*NUMBERS[:-1], 6, 70, 71, 72], 4))
    assert other.earlier == {}
    moved = keys_of([*NUMBERS[:-1], 6, 70, 71, 72, 73], 5)
    renamed = await registries.of(replace(moved, values=("499", *moved.values[1:].to_pylist())))
    assert renamed.earlier == {}
    assert other.sha256 != again.sha256
    fresh = await Registries({"customer_id": ColumnType.INTEGER}).of(keys_of([*NUMBERS, 70], 9))
    assert fresh.sha256 == grown.sha256

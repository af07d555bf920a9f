"""Differences between people tables and views: computed from the one before, they are those of a whole comparison."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from sekisho.adapters.stores.postgresql.members import (
    Difference,
    Differences,
    Known,
    Registries,
    Wanted,
    listed_of,
)
from sekisho.adapters.stores.postgresql.members import _whole as whole
from sekisho.domain.governed import Projection
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

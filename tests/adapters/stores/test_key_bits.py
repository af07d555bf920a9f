"""One bit for each key: whose it is, whether its person may be read, and what cannot be told so."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.adapters.stores import key_bits
from sekisho.adapters.stores.key_bits import SPAN, BitsByKey, Keyed, Numbers
from sekisho.adapters.stores.people_table import whole_numbers
from sekisho.domain.governed import Projection, Shape
from sekisho.domain.terms import Cell, ColumnType
from sekisho.errors import ConsentUnavailable
from sekisho.ports import PeopleKeys
from tests.query.doubles import FakeView

CELLS = (Cell("recommendation"),)
PROJECTION = Projection("b_0123456789ab", "customer_id", CELLS, Shape.BITS)
NUMBERS = [3, 4, 8, 9, 15, 16, 17, 40, 41, 64]
TYPES = {"customer_id": ColumnType.INTEGER}


def keys_of(numbers: list[int], values: tuple[str, ...] = ()) -> PeopleKeys:
    """Return the keys of *numbers*: 500, 503, 506 and so on unless *values* are given."""
    given = values or tuple(str(500 + place * 3) for place in range(len(numbers)))
    return PeopleKeys("customer_id", np.array(numbers, np.int64), given, 1)


def unpacked(bits: bytes, order: str) -> list[int]:
    """Return the bits, 0 or 1 each."""
    flags = np.unpackbits(np.frombuffer(bits, np.uint8), bitorder="big" if order == "big" else "little")
    return [int(flag) for flag in flags]


@pytest.mark.parametrize("order", ["little", "big"])
async def test_bits_are_those_of_the_keys(order: str) -> None:
    """Each key has the bit of its person in the newest view, and whole numbers between keys have none."""
    keys, bits = keys_of(NUMBERS), BitsByKey(TYPES, "big" if order == "big" else "little")
    for version, members in enumerate(([3, 4], [4, 64], [], NUMBERS), start=1):
        view = FakeView(version, version, CELLS, frozenset(members))
        made = await bits.of(PROJECTION, keys, view)
        assert made is not None
        held = {made.low + place for place, flag in enumerate(unpacked(made.bits, order)) if flag}
        assert held == {500 + place * 3 for place, number in enumerate(NUMBERS) if number in members}
        assert (made.low, made.high) == (500, 527)
        assert made.given(PROJECTION) == dict(zip(PROJECTION.bits, (500, 527, made.bits), strict=True))
    assert await bits.possible(keys)


async def test_a_key_in_another_spelling_has_no_bit() -> None:
    """What the store's column cannot hold is nobody's, and takes the bits from nobody."""
    keys = keys_of([3, 4, 8, 9], ("500", "0501", "502", "5e2"))
    view = FakeView(1, 1, CELLS, frozenset([3, 4, 8, 9]))
    made = await BitsByKey(TYPES, "little").of(PROJECTION, keys, view)
    assert made is not None
    assert (made.low, made.high) == (500, 502)
    assert unpacked(made.bits, "little")[:3] == [1, 0, 1]


@pytest.mark.parametrize(
    ("numbers", "values"),
    [
        ([3, 4, 4], ("500", "501", "502")),
        ([3, 4, 8], ("500", "501", "501")),
        ([3, 4], ("5e2", "0500")),
        ([3, 4], ("500", str(500 + SPAN))),
        ([3, 4], (str(-(2**63)), str(1 - 2**63))),
    ],
    ids=["two keys of one person", "one key of two people", "no keys", "far apart", "the least whole number"],
)
async def test_keys_that_do_not_tell_people_apart_have_no_bits(numbers: list[int], values: tuple[str, ...]) -> None:
    """Inside a statement a key may stand for the number only where each says as much as the other."""
    assert not await BitsByKey(TYPES, "little").possible(keys_of(numbers, values))


KEYS = st.tuples(st.integers(1, 8), st.sampled_from(["7", "8", "9", "-3", "0", "12", "40", "99", "07", "x"]))


@settings(max_examples=400)
@given(
    st.lists(KEYS, min_size=1, max_size=4, unique_by=(lambda key: key[0], lambda key: key[1])),
    st.lists(KEYS, max_size=2),
    st.sampled_from(["kept", "gone", "numbered anew", "spelled anew"]),
)
async def test_whoever_came_since_is_as_if_all_were_read(
    first: list[tuple[int, str]], later: list[tuple[int, str]], then: str
) -> None:
    """Numbers that grow by those who registered are those of all keys read anew, also when somebody went."""
    changed = {
        "kept": first,
        "gone": first[1:],
        "numbered anew": [(number + 20, value) for number, value in first],
        "spelled anew": [(number, f"3{value}") for number, value in first],
    }
    grown = BitsByKey(TYPES, "little")
    with patch.object(key_bits, "SPAN", 64):
        for people in (first, first + later, [*changed[then], *later, (9, "10")]):
            values = pa.array([value for _, value in people], pa.large_string())
            keys = PeopleKeys("customer_id", np.array([number for number, _ in people], np.int64), values, 1)
            one, other = await grown.numbers(keys), await BitsByKey(TYPES, "little").numbers(keys)
            assert (one is None) is (other is None)
            if one is not None and other is not None:
                assert (one.low, one.by_key.tolist()) == (other.low, other.by_key.tolist())


async def test_the_keys_that_were_read_are_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a registration the new keys alone are read."""
    read: list[int] = []

    def watched(values: pa.LargeStringArray) -> object:
        read.append(len(values))
        return whole_numbers(values)

    monkeypatch.setattr(key_bits, "whole_numbers", watched)
    grown = BitsByKey(TYPES, "little")
    for count in (7, 8, 10):
        assert await grown.possible(keys_of(NUMBERS[:count]))
    assert read == [7, 1, 2]


async def test_keys_that_are_texts_have_no_bits() -> None:
    """A column of texts may spell one number in several ways."""
    assert not await BitsByKey({"customer_id": ColumnType.STRING}, "big").possible(keys_of(NUMBERS))


def test_every_key_beside_the_known_ones_is_nobodys() -> None:
    """Below, above, between and without a value: none of these has a number."""
    numbers = Numbers.between(-3, np.array([7, -1, 5]))
    assert numbers.of(pa.array([-3, -1, -3])).to_pylist() == [7, 5, 7]
    assert numbers.of(pa.array([], pa.int64())).to_pylist() == []
    for stranger in (-4, -2, 0, 1, 2**63 - 1, -(2**63), None):
        with pytest.raises(ConsentUnavailable):
            numbers.of(pa.array([-3, stranger], pa.int64()))


def test_without_the_numbers_no_key_leaves() -> None:
    """A page that holds keys where numbers are expected is no answer when nobody knows whose they are."""
    page = pa.record_batch([pa.array([500, 503])], names=["customer_id"])
    assert Keyed((), 0, None).page(page) is page
    with pytest.raises(ConsentUnavailable):
        Keyed((0,), 0, None).page(page)

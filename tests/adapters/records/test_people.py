"""The people registry."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.errors import ConsentUnavailable, InvalidRequest
from sekisho.ports import DataSubjectRef


async def test_numbers_are_dense_and_stay(people):
    """New people are counted from 1; who is known keeps the number, also within one call."""
    assert (await people.register("customer_id", ["a", "b", "a"])).tolist() == [1, 2, 1]
    assert (await people.register("customer_id", ["c", "b"])).tolist() == [3, 2]
    assert await people.number_of(DataSubjectRef("customer_id", "c")) == 3
    assert (await people.numbers_of("customer_id", ["b", "x", "b"])).tolist() == [2, -1, 2]
    assert await people.number_of(DataSubjectRef("line_id", "c")) is None


async def test_registering_at_the_same_time_gives_one_number(people, database, keys):
    """Two registries that meet the same people at once agree on their numbers."""
    other = PeopleRegistry(database, keys)
    values = [f"c{i}" for i in range(300)]
    first, second = await asyncio.gather(
        people.register("customer_id", values), other.register("customer_id", values[::-1])
    )
    assert first.tolist() == second.tolist()[::-1]
    assert sorted(first.tolist()) == list(range(1, 301))


async def test_keys_grow_by_what_is_new(people, database, keys):
    """All identifiers of a kind are read back; later ones are added, also those of another worker."""
    await people.register("customer_id", ["a", "b"])
    first = await people.keys("customer_id")
    assert (first.values, first.numbers.tolist()) == (("a", "b"), [1, 2])
    assert await people.keys("customer_id") is first
    await people.link(2, "email", "b@example.jp")
    assert await people.keys("customer_id") is first
    await PeopleRegistry(database, keys).register("customer_id", ["c"])
    second = await people.keys("customer_id")
    assert (second.values, second.numbers.tolist()) == (("a", "b", "c"), [1, 2, 3])
    assert second.version > first.version
    assert first.values == ("a", "b")


async def test_linked_identifiers_name_the_same_person(people):
    """A second identifier leads to the same number; linking it again changes nothing."""
    await people.register("customer_id", ["a", "b"])
    await people.link(2, "email", "b@example.jp")
    await people.link(2, "email", "b@example.jp")
    assert await people.number_of(DataSubjectRef("email", "b@example.jp")) == 2
    with pytest.raises(InvalidRequest):
        await people.link(1, "email", "b@example.jp")
    with pytest.raises(InvalidRequest):
        await people.link(77, "email", "nobody@example.jp")
    assert await people.number_of(DataSubjectRef("email", "nobody@example.jp")) is None


async def test_the_database_alone_says_nothing(people, database, keys, tmp_path):
    """Neither value nor plain hash is stored, and with another key nobody is found or read."""
    import hashlib

    await people.register("customer_id", ["17850"])
    rows = await database.peek("SELECT lookup, sealed FROM data_subject_identifier")
    stored = b"".join(bytes(part) for part in rows[0])
    assert b"17850" not in stored
    assert hashlib.sha256(b"customer_id\x0017850").digest() not in stored
    stranger = PeopleRegistry(database, FileKeyRing.create(tmp_path / "other"))
    assert await stranger.number_of(DataSubjectRef("customer_id", "17850")) is None
    with pytest.raises(ConsentUnavailable):
        await stranger.keys("customer_id")


async def test_kind_and_value_cannot_be_confused(people):
    """The kind is part of what is hashed and sealed, and is a plain name."""
    await people.register("a", ["b"])
    for kind in ("a\0b", "A", "", "1a"):
        with pytest.raises(InvalidRequest):
            await people.register(kind, ["b"])
    with pytest.raises(InvalidRequest):
        await people.register("a", [""])


async def test_a_database_that_is_gone_is_consent_unavailable(people, database):
    """Without the registry nobody's consent can be looked up."""
    await database.close()
    for call in (
        people.numbers_of("customer_id", ["a"]),
        people.register("customer_id", ["a"]),
        people.link(1, "customer_id", "a"),
    ):
        with pytest.raises(ConsentUnavailable):
            await call


@pytest.mark.slow
async def test_a_hundred_thousand_people_in_seconds(people, database: Database):
    """Bulk registration and reading back are fast enough for a first start."""
    values = [f"customer-{i}" for i in range(100_000)]
    start = time.perf_counter()
    numbers = await people.register("customer_id", values)
    keys = await people.keys("customer_id")
    assert time.perf_counter() - start < 30
    assert np.array_equal(numbers, keys.numbers)
    assert keys.values == tuple(values)

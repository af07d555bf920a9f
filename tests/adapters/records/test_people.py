"""The people registry."""

from __future__ import annotations

import asyncio
import itertools
import time

import numpy as np
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.adapters.records.people_lookup import LookupHash
from sekisho.adapters.records.tables import data_subject
from sekisho.domain.terms import SubjectNumber
from sekisho.errors import ConsentUnavailable, InvalidRequest
from sekisho.ports import DataSubjectRef

KINDS = itertools.count()  # examples of one test share a database


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
    assert (first.values.to_pylist(), first.numbers.tolist()) == (["a", "b"], [1, 2])
    assert await people.keys("customer_id") is first
    await people.attach(2, "email", "b@example.jp")
    assert await people.keys("customer_id") is first
    await PeopleRegistry(database, keys).register("customer_id", ["c"])
    second = await people.keys("customer_id")
    assert (second.values.to_pylist(), second.numbers.tolist()) == (["a", "b", "c"], [1, 2, 3])
    assert second.version > first.version
    assert first.values.to_pylist() == ["a", "b"]


async def test_linked_identifiers_name_the_same_person(people):
    """A second identifier leads to the same number; linking it again changes nothing."""
    await people.register("customer_id", ["a", "b"])
    await people.attach(2, "email", "b@example.jp")
    await people.attach(2, "email", "b@example.jp")
    assert await people.number_of(DataSubjectRef("email", "b@example.jp")) == 2
    with pytest.raises(InvalidRequest):
        await people.attach(1, "email", "b@example.jp")
    with pytest.raises(InvalidRequest):
        await people.attach(77, "email", "nobody@example.jp")
    assert await people.number_of(DataSubjectRef("email", "nobody@example.jp")) is None


async def test_the_database_alone_says_nothing(people, database, keys, tmp_path):
    """Neither value nor plain hash is stored, and with another key nobody is found or read."""
    import hashlib

    await people.register("customer_id", ["17850"])
    rows = await database.peek("SELECT lookup, sealed FROM data_subject_identifier")
    stored = b"".join(bytes(part) for part in rows[0])
    assert b"17850" not in stored
    assert hashlib.sha256(b"17850").digest()[:16] not in stored
    assert hashlib.sha256(b"customer_id\x0017850").digest() not in stored
    stranger = PeopleRegistry(database, FileKeyRing.create(tmp_path / "other"))
    assert await stranger.number_of(DataSubjectRef("customer_id", "17850")) is None
    with pytest.raises(ConsentUnavailable):
        await stranger.keys("customer_id")


async def test_how_it_was_typed_makes_nobody_a_stranger(people):
    """White space around an identifier and full-width digits name the same person at every entrance."""
    assert (await people.register("customer_id", [" 12390", "１２３９０", "12390\u3000"])).tolist() == [1, 1, 1]
    assert await people.number_of(DataSubjectRef("customer_id", "１２３９０ ")) == 1
    assert (await people.numbers_of("customer_id", [" 12390 "])).tolist() == [1]
    assert (await people.numbers_of("customer_id", ["x"] * 3_000 + ["１２３９０"])).tolist()[-1] == 1
    await people.attach(1, "line_id", "Ｕ１ ")
    await people.attach(1, "line_id", "U1")
    assert (await people.keys("line_id")).values.to_pylist() == ["U1"]
    with pytest.raises(InvalidRequest):
        await people.register("customer_id", ["\u3000"])


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
        people.attach(1, "customer_id", "a"),
        people.numbers_of("customer_id", ["a"] * 3_000),
        people.identifiers_of(1),
        people.erase(1),
    ):
        with pytest.raises(ConsentUnavailable):
            await call


async def test_identifiers_are_read_back_for_many_people_at_once(people, database):
    """Each person's identifiers come back, oldest first; who has none gets an empty list."""
    await people.register("customer_id", ["a", "b"])
    await people.attach(2, "email_sha256", "B" * 64)
    found = await people.identifiers_of_many([1, 2, 9])
    assert found == {
        1: [DataSubjectRef("customer_id", "a")],
        2: [DataSubjectRef("customer_id", "b"), DataSubjectRef("email_sha256", "b" * 64)],
        9: [],
    }
    assert await people.identifiers_of(2) == found[2]
    assert await people.identifiers_of_many([]) == {}


async def test_a_hash_of_an_address_has_one_spelling(people):
    """Upper-case hex names the same person as lower-case hex; what is no SHA-256 is refused, unsaid."""
    assert (await people.register("email_sha256", ["ab" * 32, "AB" * 32])).tolist() == [1, 1]
    assert await people.number_of(DataSubjectRef("email_sha256", "Ab" * 32 + "\n")) == 1
    assert (await people.numbers_of("email_sha256", ["aB" * 32])).tolist() == [1]
    assert await people.number_of(DataSubjectRef("customer_id", "AB" * 32)) is None
    for wrong in ("taro@example.jp", "ab" * 31, "ab" * 33, "g" * 64, "٠" * 64, ""):
        for call in (
            people.register("email_sha256", [wrong]),
            people.numbers_of("email_sha256", [wrong]),
            people.attach(1, "email_sha256", wrong),
            people.number_of(DataSubjectRef("email_sha256", wrong)),
        ):
            with pytest.raises(InvalidRequest) as refusal:
                await call
            assert not wrong or wrong not in str(refusal.value)


async def test_an_erased_person_leads_back_to_nobody(people, database):
    """Erasure deletes the identifiers and the sealing key; the number stays, and never names anybody again."""
    await people.register("customer_id", ["a", "b"])
    await people.attach(1, "line_id", "a")
    await database.run(lambda connection: connection.execute(update(data_subject).values(sealing_key=b"k" * 32)))
    await people.erase(1)
    await people.erase(1)
    assert await people.number_of(DataSubjectRef("customer_id", "a")) is None
    assert await people.identifiers_of(1) == []
    rows = await database.peek(
        "SELECT number, sealing_key IS NULL, erased_at IS NULL FROM data_subject ORDER BY number"
    )
    assert [tuple(map(int, row)) for row in rows] == [(1, 1, 0), (2, 0, 1)]
    assert await database.peek("SELECT number FROM data_subject_identifier WHERE number = 1") == []
    for kind, value in (("customer_id", "a"), ("line_id", "new")):
        with pytest.raises(InvalidRequest, match="erased"):
            await people.attach(1, kind, value)
    assert await people.number_of(DataSubjectRef("line_id", "new")) is None
    with pytest.raises(InvalidRequest):
        await people.erase(77)


async def test_who_comes_back_is_a_new_person(people):
    """After an erasure the same identifier is registered under a new number."""
    await people.register("customer_id", ["a"])
    await people.erase(1)
    assert (await people.register("customer_id", ["a"])).tolist() == [2]
    assert (await people.keys("customer_id")).numbers.tolist() == [2]


async def test_every_worker_forgets_an_erased_person_at_its_next_call(people, database, keys):
    """What another worker holds in memory drops the person: keys read back, and hashes searched in bulk."""
    many = [f"c{i}" for i in range(3_000)]
    await people.register("customer_id", many)
    other = PeopleRegistry(database, keys)
    before = await other.keys("customer_id")
    assert (await other.numbers_of("customer_id", many)).tolist() == list(range(1, 3_001))
    await people.erase(5)
    await people.erase(7)
    gone = await other.keys("customer_id")
    assert gone.version > before.version
    assert set(before.values.to_pylist()) - set(gone.values.to_pylist()) == {"c4", "c6"}
    assert dict(zip(gone.values.to_pylist(), gone.numbers.tolist(), strict=True)) == {
        f"c{i}": i + 1 for i in range(3_000) if i not in {4, 6}
    }
    assert np.flatnonzero(await other.numbers_of("customer_id", many) < 0).tolist() == [4, 6]
    await people.register("customer_id", ["c4"])
    assert (await other.numbers_of("customer_id", many))[4] == 3_001
    assert (await other.keys("customer_id")).values[-1].as_py() == "c4"


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["register", "erase", "look"]), st.lists(st.integers(0, 12), min_size=1, max_size=6)
        ),
        max_size=12,
    )
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_memory_says_what_the_database_says(database, keys, steps):
    """Whatever is registered and erased in whatever order, bulk and single look-ups and keys agree."""
    writer, reader = PeopleRegistry(database, keys), PeopleRegistry(database, keys)
    kind = f"kind{next(KINDS)}"
    padding = [f"nobody{i}" for i in range(2_000)]
    expected: dict[str, int] = {}
    for step, chosen in steps:
        values = [str(value) for value in chosen]
        if step == "register":
            expected |= zip(values, (await writer.register(kind, values)).tolist(), strict=True)
        elif step == "erase" and values[0] in expected:
            await writer.erase(SubjectNumber(expected.pop(values[0])))
        bulk = (await reader.numbers_of(kind, [*values, *padding])).tolist()
        assert bulk == [expected.get(value, -1) for value in values] + [-1] * len(padding)
        assert (await writer.numbers_of(kind, values)).tolist() == bulk[: len(values)]
        held = await reader.keys(kind)
        assert dict(zip(held.values.to_pylist(), held.numbers.tolist(), strict=True)) == expected


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=40),
    st.binary(min_size=32, max_size=32),
)
def test_the_hash_of_many_is_aes_cmac_of_each(values, key):
    """Hashing in bulk gives what the library's own AES-CMAC gives for kind, NUL, value (RFC 4493)."""
    hashing = LookupHash(key)
    expected = []
    for value in values:
        mac = CMAC(AES(key))
        mac.update(b"customer_id\0" + value.encode())
        expected.append(mac.finalize())
    assert [row.tobytes() for row in hashing.many("customer_id", values)] == expected
    assert [hashing.one("customer_id", value) for value in values] == expected
    array = pa.array(["before", *values], pa.large_string())[1:]
    assert [row.tobytes() for row in hashing.many("customer_id", array)] == expected


@pytest.mark.parametrize("kind", ["customer_id", "email_sha256"])
async def test_an_array_of_names_finds_whom_the_names_find(people, kind):
    """Names that come as an Arrow array are spelled as those that come one by one."""
    known = ["ab" * 32, "cd" * 32]
    await people.register(kind, known)
    names = ["AB" * 32, " " + known[1], "ａｂ" * 32, known[0]] + ["0" * 64] * 2_000
    array = pa.array(names, pa.large_string())
    for count in (len(names), 4, 1):
        for start in (0, 3):
            part = array[start:count]
            found = await people.numbers_of(kind, part)
            assert found.tolist() == (await people.numbers_of(kind, part.to_pylist())).tolist()
    plain = pa.array([known[0]] * 3_000, pa.large_string())
    assert set((await people.numbers_of(kind, plain)).tolist()) == {1}


@pytest.mark.slow
async def test_a_hundred_thousand_people_in_seconds(people, database: Database):
    """Bulk registration and reading back are fast enough for a first start."""
    values = [f"customer-{i}" for i in range(100_000)]
    start = time.perf_counter()
    numbers = await people.register("customer_id", values)
    keys = await people.keys("customer_id")
    assert time.perf_counter() - start < 30
    assert np.array_equal(numbers, keys.numbers)
    assert keys.values.to_pylist() == list(values)

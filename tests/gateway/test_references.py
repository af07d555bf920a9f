"""References of people for the audit log: from a table, and always those of the key and the number."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho import pseudonymity
from sekisho.adapters.keyring import FileKeyRing
from sekisho.domain.record import subject_ref
from sekisho.ports import People
from sekisho.pseudonymity import Pseudonymity

BEYOND = 1 << 24  # numbers of people that no table holds


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> FileKeyRing:
    """A real key ring."""
    return FileKeyRing.create(Path(tmp_path_factory.mktemp("ring")) / "keys")


@pytest.fixture(scope="module")
def known(keys: FileKeyRing) -> Pseudonymity:
    """One table for all examples, so that later ones find references that earlier ones made."""
    return Pseudonymity(keys, cast("People", None))


def expected(keys: FileKeyRing, numbers: list[int]) -> bytes:
    """Return the references of distinct people by their definition."""
    key = keys.derive("subject-ref")
    return b"".join(bytes.fromhex(subject_ref(key, number)) for number in sorted({n for n in numbers if n >= 0}))


@settings(deadline=None)  # computing a reference costs microseconds, waiting for the processor may cost more
@given(st.lists(st.integers(-3, 5_000) | st.integers(BEYOND - 2, BEYOND + 2), max_size=40))
def test_references_are_those_of_key_and_number(keys, known, numbers):
    """In any order, repeated or not, known or new, small or beyond the table; negative numbers are nobody."""
    assert known.references(np.array(numbers, dtype=np.int64)) == expected(keys, numbers)


def test_a_known_person_costs_no_second_computation(keys, monkeypatch):
    """What was asked once comes from the table."""
    fresh = Pseudonymity(keys, cast("People", None))
    numbers = np.arange(2_000, dtype=np.int64)
    first = fresh.references(numbers)

    def fail(_key: bytes, _number: int) -> str:
        raise AssertionError("computed again")

    monkeypatch.setattr(pseudonymity, "subject_ref", fail)
    assert fresh.references(numbers[::-1]) == first


def test_threads_may_ask_at_once(keys):
    """A table that grows under several threads gives each what is right."""
    fresh = Pseudonymity(keys, cast("People", None))
    wanted = [list(range(start, start + 3_000)) for start in range(0, 9_000, 1_500)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda numbers: fresh.references(np.array(numbers, dtype=np.int64)), wanted))
    assert answers == [expected(keys, numbers) for numbers in wanted]

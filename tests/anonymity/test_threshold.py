"""Suppression of small groups."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.anonymity.threshold import suppress_small_groups


def table(*rows: tuple[str | None, str, int | None]) -> pa.Table:
    months, countries, people = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.table(
        {
            "month": pa.array(months, pa.string()),
            "country": pa.array(countries, pa.string()),
            "people": pa.array(people, pa.int64()),
        }
    )


def kept(*rows, k=10) -> list[tuple[str | None, str, int]]:
    result = suppress_small_groups(table(*rows), "people", k)
    return [(row["month"], row["country"], row["people"]) for row in result.to_pylist()]


def test_small_groups_go():
    """Groups below the threshold are dropped, the threshold itself stays, order stays."""
    rows = [("jan", "JP", 50), ("jan", "DE", 9), ("jan", "FR", 5), ("jan", "UK", 10)]
    assert kept(*rows) == [rows[0], rows[3]]


def test_a_single_small_group_takes_the_next_smallest():
    """One dropped group could be subtracted from its block's total: the next smallest goes too."""
    rows = [("jan", "JP", 50), ("jan", "DE", 3), ("jan", "FR", 20), ("feb", "JP", 12), ("feb", "FR", 90)]
    assert kept(*rows) == [rows[0], rows[3], rows[4]]


def test_few_people_in_several_groups_take_the_next_smallest():
    """Two dropped groups that are few people together are told by subtraction as well."""
    rows = [("jan", "JP", 50), ("jan", "DE", 1), ("jan", "FR", 2), ("jan", "UK", 20)]
    assert kept(*rows) == [rows[0]]


def test_nobody_hides_nobody():
    """An empty group is dropped, needs no cover, and gives none."""
    assert kept(("jan", "JP", 50), ("jan", "DE", 0), ("jan", "FR", None)) == [("jan", "JP", 50)]
    assert kept(("jan", "JP", 50), ("jan", "DE", 0), ("jan", "FR", 3)) == []


def test_one_group_a_block_is_covered_by_the_table():
    """Where each value of the first column is one group, the whole table is the block."""
    rows = [("jan", "JP", 50), ("feb", "JP", 4), ("mar", "JP", 30)]
    assert kept(*rows) == [rows[0]]


def test_null_is_a_block():
    """A missing first value is a block of its own."""
    rows = [(None, "JP", 50), (None, "DE", 3), (None, "FR", 20), ("feb", "JP", 12)]
    assert kept(*rows) == [rows[0], rows[3]]


def test_dictionary_columns_and_several_chunks():
    """The same answer from dictionary-encoded columns in several chunks."""
    rows = [("jan", "JP", 50), ("jan", "DE", 3), (None, "FR", 20), ("jan", "FR", 20), (None, "JP", 12)]
    plain = table(*rows)
    chunked = pa.concat_tables([plain.slice(0, 2), plain.slice(2)])
    coded = chunked.set_column(0, "month", chunked.column("month").dictionary_encode())
    expected = suppress_small_groups(plain, "people", 10).to_pylist()
    assert suppress_small_groups(chunked, "people", 10).to_pylist() == expected
    assert suppress_small_groups(coded, "people", 10).to_pylist() == expected


def test_people_only():
    """A table with nothing but counts is one block."""
    people = pa.table({"people": [3, 40]})
    assert suppress_small_groups(people, "people", 10).num_rows == 0


def test_refusals():
    """A missing or fractional count and a threshold of nobody are refused."""
    with pytest.raises(ValueError, match="no column"):
        suppress_small_groups(table(), "persons", 10)
    with pytest.raises(ValueError, match="whole numbers"):
        suppress_small_groups(pa.table({"people": [1.5]}), "people", 10)
    with pytest.raises(ValueError, match="at least one"):
        suppress_small_groups(table(), "people", 0)
    assert suppress_small_groups(table(), "people", 10).num_rows == 0


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "c", None]), st.just("x"), st.integers(0, 30) | st.none())),
    st.integers(1, 12),
)
def test_what_is_dropped_cannot_be_told(rows, k):
    """No small group remains, and in each block the dropped people are none, or two groups of k people, or all."""
    remaining = kept(*rows, k=k)
    assert all(people >= k for _, _, people in remaining)
    for block in [*{row[0] for row in rows}, ...]:
        before = sorted(people or 0 for name, _, people in rows if block in (name, ...))
        after = sorted(people for name, _, people in remaining if block in (name, ...))
        for people in after:
            before.remove(people)
        hidden = [people for people in before if people]
        assert not after or not hidden or (len(hidden) >= 2 and sum(hidden) >= k)

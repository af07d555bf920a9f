"""Rows in the order of their tokens: whatever the size, the spread and the limit, and nothing readable on disk."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.errors import InvalidRequest
from sekisho.transform import order as ordering
from sekisho.transform import spill
from sekisho.transform.order import TokenOrder, each_once, order_of
from sekisho.transform.page import numbers_of
from sekisho.transform.pseudonym import PersonPseudonyms

PSEUDONYMS = PersonPseudonyms(bytes(32))


def batch(numbers: list[int], start: int = 0) -> pa.RecordBatch:
    """Return rows of persons (-1: nobody), each with a text and its place."""
    places = range(start, start + len(numbers))
    return pa.record_batch(
        {
            "person": pa.array([None if number < 0 else number for number in numbers], pa.int64()),
            "text": pa.array([f"NGsecret {place}" for place in places]).dictionary_encode(),
            "place": pa.array(places, pa.int64()),
        }
    )


def ordered(batches: list[pa.RecordBatch], page_rows: int, limit: int, folder: Path | None = None) -> pa.Table:
    """Return *batches* put into order, after looking at the size of the pages."""
    order = TokenOrder(lambda rows: PSEUDONYMS.keys(numbers_of(rows.column(0))), 0, limit=limit, folder=folder)
    try:
        for each in batches:
            order.add(each)
        pages = list(order.pages(page_rows))
    finally:
        order.close()
    assert all(page.num_rows == page_rows for page in pages[:-1])
    assert all(page.schema == batches[0].schema for page in pages)
    assert all(0 < page.num_rows <= page_rows for page in pages)
    return pa.Table.from_batches(pages, batches[0].schema)


def expected(batches: list[pa.RecordBatch]) -> list[int]:
    """Return the places of all rows, by pseudonym and then as they came."""
    rows = [row for each in batches for row in each.to_pylist()]
    shown = PSEUDONYMS.encode(np.array([-1 if row["person"] is None else row["person"] for row in rows], np.int64))
    tokens = [token or "~" for token in shown.to_pylist()]
    return [rows[i]["place"] for i in sorted(range(len(rows)), key=lambda i: tokens[i])]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.lists(st.integers(-1, 30), min_size=1, max_size=60), min_size=1, max_size=6),
    st.sampled_from([0, 300, 3000, 1 << 20]),
    st.sampled_from([0, 500, 1 << 20]),
    st.integers(1, 50),
)
def test_order_is_the_same_in_memory_and_on_disk(
    parts: list[list[int]], memory: int, at_once: int, page_rows: int
) -> None:
    """However little memory there is, rows come by pseudonym, those of one person as they came, nobody's last."""
    starts = np.cumsum([0, *map(len, parts)]).tolist()
    batches = [batch(numbers, start) for numbers, start in zip(parts, starts, strict=False)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordering, "IN_MEMORY", memory)
        patch.setattr(ordering, "_AT_ONCE", at_once)
        found = ordered(batches, page_rows, limit=10**9)
    assert found.column("place").to_pylist() == expected(batches)


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_a_limit_keeps_those_with_the_lowest_tokens(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """Which rows a limit keeps depends on their tokens, never on where they lie in the store."""
    monkeypatch.setattr(ordering, "IN_MEMORY", 4_000)
    numbers = list(range(2_000))
    for turned in (numbers, numbers[::-1]):
        batches = [batch(turned[at : at + 100], at) for at in range(0, 2_000, 100)]
        found = ordered(batches, 50, limit=limit)
        persons = found.column("person").to_pylist()[:limit]
        assert persons == sorted(numbers, key=lambda n: PSEUDONYMS.encode(np.array([n]))[0].as_py())[:limit]


def test_what_waits_on_disk_is_sealed_and_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The file has no name, its bytes show no value, and a changed one does not open."""
    monkeypatch.setattr(ordering, "IN_MEMORY", 0)
    written: list[bytes] = []
    write = os.pwrite

    def noted(file: int, data: bytes, at: int) -> int:
        written.append(bytes(data))
        return write(file, data, at)

    monkeypatch.setattr(os, "pwrite", noted)
    ordered([batch(list(range(50)))], 10, 10**9, tmp_path)
    assert written
    assert b"NGsecret" not in b"".join(written)
    assert not list(tmp_path.iterdir())
    sealed = spill.spill(tmp_path)
    place = sealed.write(batch([1, 2]))
    os.pwrite(sealed._descriptor(), b"\0", place.offset + 3)
    with pytest.raises(OSError, match="does not open"):
        sealed.read(place)
    sealed.close()
    with pytest.raises(OSError, match="closed"):
        sealed.read(place)


def test_disk_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that is larger than what may wait is refused, with what would help."""
    monkeypatch.setattr(ordering, "IN_MEMORY", 0)
    monkeypatch.setattr(ordering, "ON_DISK", 10_000)
    with pytest.raises(InvalidRequest, match="fewer rows"):
        ordered([batch(list(range(500)))], 10, 10**9)


@given(st.lists(st.integers(0, 2**64 - 1), max_size=50), st.booleans())
def test_both_ways_of_sorting_are_one(keys: list[int], large: bool) -> None:
    """Many keys are sorted by their highest bits, few as they are; equal ones keep their order."""
    array = np.array(keys * (ordering._FEW // max(1, len(keys)) + 1) if large and keys else keys, np.uint64)
    assert order_of(array).tolist() == np.argsort(array, kind="stable").tolist()


def test_keys_that_differ_in_their_lowest_bits_are_told_apart() -> None:
    """Of keys that agree in all but their lowest bits, the lower still comes first."""
    keys = np.arange(3 * ordering._FEW, 0, -1).astype(np.uint64)
    assert order_of(keys).tolist() == list(range(len(keys)))[::-1]


@given(st.lists(st.integers(0, 2**62), max_size=30))
def test_each_number_once(numbers: list[int]) -> None:
    """Numbers come once each, ascending."""
    assert each_once(np.array(numbers * 2, np.int64)).tolist() == sorted(set(numbers))


def test_rows_are_written_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits on disk is parted and written in steps, not page by page: each part once while a step holds all."""
    monkeypatch.setattr(ordering, "IN_MEMORY", 50_000)
    writes: list[int] = []
    write = spill.Sealed.write

    def counted(self: spill.Sealed, rows: pa.RecordBatch) -> spill.Place:
        writes.append(rows.num_rows)
        return write(self, rows)

    monkeypatch.setattr(spill.Sealed, "write", counted)
    ordered([batch(list(range(at, at + 100)), at) for at in range(0, 2_000, 100)], 500, 10**9)
    assert sum(writes) == 2_000
    assert len(writes) <= 2 * ordering._PARTS


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(st.lists(st.integers(-1, 30), min_size=1, max_size=60), st.booleans()), min_size=1, max_size=6
    ),
    st.sampled_from([0, 300, 3000, 1 << 20]),
    st.integers(1, 50),
)
def test_a_column_that_repeats_the_tokens_waits_once(
    parts: list[tuple[list[int], bool]], memory: int, page_rows: int
) -> None:
    """A hidden person number that is the one shown is held once and comes back; where it is another's, it stays."""
    batches = []
    for numbers, other in parts:
        rows = batch(numbers).drop_columns(["text"])
        hidden = pa.array([7 - number for number in numbers], pa.int64()) if other else rows.column("person")
        batches.append(rows.append_column("hidden", hidden))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordering, "IN_MEMORY", memory)
        found = ordered(batches, page_rows, limit=10**9)
    rows = [row for each in batches for row in each.to_pylist()]
    assert sorted(map(repr, found.to_pylist())) == sorted(map(repr, rows))


def test_a_repeated_column_is_not_written_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows on disk do not hold the person number beside itself."""
    monkeypatch.setattr(ordering, "IN_MEMORY", 0)
    columns: set[int] = set()
    write = spill.Sealed.write

    def noted(self: spill.Sealed, rows: pa.RecordBatch) -> spill.Place:
        columns.add(rows.num_columns)
        return write(self, rows)

    monkeypatch.setattr(spill.Sealed, "write", noted)
    rows = batch(list(range(50)), 100)
    ordered([rows.append_column("hidden", rows.column("person"))], 10, 10**9)
    assert columns == {3}

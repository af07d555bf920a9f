"""Files in a shape that DuckDB would read kindly: a text becomes no column, no row and nobody else's key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.query.world import FIRST_ID, World, agrees

from sekisho.adapters.stores.duckdb import DuckDbStores
from sekisho.domain.terms import Column, ColumnClass, ColumnType, Dataset, DataSubjectKey, Store, StoreKind
from sekisho.errors import StoreUnavailable

NOTES = Dataset(
    "pos.notes", "pos", "notes.csv",
    (
        Column("customer_id", ColumnType.INTEGER, ColumnClass.DIRECT_IDENTIFIER),
        Column("note", ColumnType.STRING, ColumnClass.FREE_TEXT),
        Column("member_rank", ColumnType.STRING, ColumnClass.NONE),
    ),
    DataSubjectKey("customer_id", "customer_id"), "profile", frozenset({"recommendation"}),
)  # fmt: skip
YES = next(FIRST_ID + place for place in range(50) if agrees(place, "recommendation"))
NO = FIRST_ID  # who agreed to nothing
WRITTEN = f'{YES},"tea,silver\n{YES},my address,Tokyo 1-2-3\n{NO},cups",gold\n'
"""One line of three fields, of which the second is what somebody wrote."""


@contextmanager
def _reading(folder: Path, dataset: Dataset) -> Iterator[DuckDbStores]:
    stores = DuckDbStores({"pos": Store("pos", StoreKind.DUCKDB, str(folder))}, {dataset.name: dataset})
    try:
        yield stores
    finally:
        stores.close()


def _rows(folder: Path, name: str, text: str) -> list[tuple[object, ...]]:
    (folder / name).write_text(text)
    with _reading(folder, replace(NOTES, relation=name)) as stores:
        return stores._db.sql("SELECT * FROM pos.notes").fetchall()


@pytest.mark.parametrize(
    "before",
    [
        "",
        f"{YES},tea,gold\n" * 25_000,  # more lines than DuckDB looks at before it decides what quotes are
        f"{YES},'tea',gold\n" * 5,  # quotes to it, where it sees no others
        f"{YES},#tea,gold\n" * 5,
    ],
    ids=["alone", "late", "other quotes", "marks"],
)
def test_what_somebody_wrote_is_one_value(before: str, tmp_path: Path) -> None:
    """A text between quotes is no further row and no further column, wherever in the file it stands."""
    rows = _rows(tmp_path, "notes.csv", f"customer_id,note,member_rank\n{before}{WRITTEN}")
    assert len(rows) == before.count("\n") + 1
    assert {rank for _, _, rank in rows} == {"gold"}
    assert {key for key, _, _ in rows} == {YES}


def test_a_file_with_other_quotes_is_not_read_otherwise(tmp_path: Path) -> None:
    """Where its values need them, the file does not open; nothing is put into the place of something else."""
    lines = f"customer_id,note,member_rank\n{YES},'tea, cups',gold\n"
    with pytest.raises(StoreUnavailable):
        _rows(tmp_path, "notes.csv", lines)


NOBODYS = ["017011", "+17011", "17011.4", "1_7011", "0x4273", "17011e0", "-0", "00"]
NUMBERS = {"17011": 17_011, " 17011 ": 17_011, "17011.0": 17_011, "-5": -5, "0": 0, "9223372036854775807": 2**63 - 1}


def test_a_key_of_a_csv_file_is_the_number_that_is_written(tmp_path: Path) -> None:
    """``017011`` and ``0x4273`` are others than 17011: the yes of the one shows no row of the other."""
    lines = "".join(f"{key},tea,gold\n" for key in (*NOBODYS, *NUMBERS, 2**63))
    rows = _rows(tmp_path, "notes.csv", f"customer_id,note,member_rank\n{lines}")
    assert [key for key, _, _ in rows] == [None] * len(NOBODYS) + list(NUMBERS.values()) + [None]


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("17011", 17_011), ("17011.0", 17_011), ('"17011"', 17_011), ("17011.4", None), ('"017011"', None),
        ('"0x4273"', None), ("true", None), ("1e4", 10_000), ('"abc"', None), ('{"a": 1}', None), ("[17011]", None),
    ],
)  # fmt: skip
def test_a_key_of_json_lines_is_the_number_that_is_written(written: str, key: int | None, tmp_path: Path) -> None:
    """The same of JSON Lines, where ``true`` was the person 1."""
    line = f'{{"customer_id": {written}, "note": "tea", "member_rank": "gold"}}\n'
    assert _rows(tmp_path, "notes.jsonl", line) == [(key, "tea", "gold")]


def test_a_key_that_is_no_number_is_nobodys(tmp_path: Path) -> None:
    """Through the gateway: rows with a key that only looks like that of somebody who agrees are withheld."""
    with World(tmp_path) as world:
        sql = "SELECT count(*) AS n FROM web.events"
        ((before,),) = world.ask(sql).rows
        file = next((tmp_path / "web").glob("*.jsonl"))
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        shaped = [line | {"customer_id": line["customer_id"] and f"0{line['customer_id']}"} for line in lines]
        file.write_text("\n".join(map(json.dumps, shaped)))
        assert before != 0
        assert world.ask(sql).rows == [(0,)]

"""Keys of SQLite whose declared type is not the catalogue's: a text beside a number is compared as a number."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.query.ground import ground
from tests.query.reference import outcome
from tests.query.rows import ROWS
from tests.query.world import DATASETS, World

from sekisho.domain.terms import ColumnType, StoreKind

_TICKETS = DATASETS["crm.tickets"]


@contextmanager
def _held_as(kind: str, declared: ColumnType, folder: Path) -> Iterator[World]:
    """Yield a store whose key is of the SQLite type *kind* and is *declared* in the catalogue."""
    columns = tuple(replace(c, type=declared) if c.name == "customer_id" else c for c in _TICKETS.columns)
    text = declared is ColumnType.STRING
    tickets = [
        row | {"customer_id": str(row["customer_id"]) if text else row["customer_id"]} for row in ROWS["crm.tickets"]
    ]
    datasets = {"crm.tickets": replace(_TICKETS, columns=columns)}
    with ground(StoreKind.SQLITE, datasets, {"crm.tickets": tickets}, folder) as judge:
        with sqlite3.connect(folder / "first" / "store.db") as db:
            names = ", ".join(f"{c.name} {kind if c.name == 'customer_id' else 'TEXT'}" for c in columns)
            db.execute("ALTER TABLE tickets RENAME TO before")
            db.execute(f"CREATE TABLE tickets ({names})")
            db.execute("INSERT INTO tickets SELECT * FROM before")
        db.close()
        yield judge.world


@pytest.mark.parametrize("kind", ["INTEGER", "STRING", "NUMERIC", "REAL", "POINT TEXT", "bigint"])
def test_a_text_key_in_a_column_of_numbers_is_not_read(kind: str, tmp_path: Path) -> None:
    """The yes of ``017850`` would let a row of 17850 through, who is somebody else: the store gives no answer."""
    with _held_as(kind, ColumnType.STRING, tmp_path) as world:
        assert outcome(world, "SELECT channel FROM crm.tickets")[1] == "store_unavailable"


def test_a_number_in_a_column_of_texts_is_not_read(tmp_path: Path) -> None:
    """The yes of 17850 would let a row of ``017850`` through."""
    with _held_as("TEXT", ColumnType.INTEGER, tmp_path) as world:
        with sqlite3.connect(tmp_path / "first" / "store.db") as db:
            db.execute("UPDATE tickets SET customer_id = '0' || customer_id")
        db.close()
        assert outcome(world, "SELECT channel FROM crm.tickets")[1] == "store_unavailable"


@pytest.mark.parametrize(
    ("kind", "declared"),
    [
        ("TEXT", ColumnType.STRING), ("VARCHAR(20)", ColumnType.STRING), ("TEXT COLLATE NOCASE", ColumnType.STRING),
        ("CHAR(20) COLLATE RTRIM", ColumnType.STRING), ("BLOB", ColumnType.STRING), ("", ColumnType.STRING),
        ("INTEGER", ColumnType.INTEGER), ("BIGINT", ColumnType.INTEGER), ("NUMERIC", ColumnType.INTEGER),
        ("", ColumnType.INTEGER),
    ],
)  # fmt: skip
def test_keys_of_their_declared_type_are_read(kind: str, declared: ColumnType, tmp_path: Path) -> None:
    """What SQLite compares as the catalogue says it is answered, and of those who agree alone."""
    with _held_as(kind, declared, tmp_path) as world:
        assert outcome(world, "SELECT count(*) AS n FROM crm.tickets") == ("rows", ("n",), [(48,)])


@pytest.mark.parametrize("kind", ["TEXT COLLATE NOCASE", "TEXT COLLATE RTRIM"])
def test_a_loose_collation_lets_nobody_else_through(kind: str, tmp_path: Path) -> None:
    """``17011`` with a blank behind, which such a column takes for 17011, is nobody."""
    with _held_as(kind, ColumnType.STRING, tmp_path) as world:
        with sqlite3.connect(tmp_path / "first" / "store.db") as db:
            db.execute("UPDATE tickets SET customer_id = customer_id || ' '")
        db.close()
        assert outcome(world, "SELECT channel FROM crm.tickets")[2] == []


@pytest.mark.parametrize("kind", ["", "BLOB", "INTEGER", "NUMERIC"])
@pytest.mark.parametrize(
    "written", ["'0' || customer_id", "' ' || customer_id", "customer_id || '.0'", "customer_id || 'e0'"]
)
def test_a_text_among_numbers_is_nobodys(kind: str, written: str, tmp_path: Path) -> None:
    """``017850`` in a column that keeps to no type is not 17850: the yes of the one shows no row of the other."""
    with _held_as(kind, ColumnType.INTEGER, tmp_path) as world:
        with sqlite3.connect(tmp_path / "first" / "store.db") as db:
            db.execute(f"UPDATE tickets SET customer_id = {written}")
            (numbers,) = db.execute("SELECT count(*) FROM tickets WHERE typeof(customer_id) <> 'text'").fetchone()
        db.close()
        shown = world.ask("SELECT channel FROM crm.tickets").rows
        assert (len(shown) > 0) is (numbers > 0)  # what a column of numbers turned into one is one

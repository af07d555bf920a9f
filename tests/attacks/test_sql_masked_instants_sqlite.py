"""A mask on an instant of SQLite sees the instant, and nothing of how the store spells it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.query.ground import Ground
from tests.query.reference import outcome
from tests.query.rows import ROWS
from tests.query.world import DATASETS, World

from sekisho.domain.masks import DatePart, Mask, Truncate
from sekisho.domain.terms import Column, ColumnClass, ColumnType, StoreKind

_TICKETS = DATASETS["crm.tickets"]
_QUARTER, _MONTH, _WHOLE = Truncate(DatePart.QUARTER), Truncate(DatePart.MONTH), Truncate(DatePart.YEAR)


@contextmanager
def _holding(held: object, *, mask: Mask | None, kind: ColumnType, folder: Path) -> Iterator[World]:
    """Yield a store that holds *held* as the time of every ticket; without a *mask* its year is shown."""

    def masked(column: Column) -> Column:
        if column.name != "opened_at":
            return column
        generalise = "year" if mask is None else None
        return replace(column, type=kind, column_class=ColumnClass.QUASI_IDENTIFIER, generalise=generalise, mask=mask)

    datasets = {"crm.tickets": replace(_TICKETS, columns=tuple(map(masked, _TICKETS.columns)))}
    with Ground(StoreKind.SQLITE, datasets, {"crm.tickets": ROWS["crm.tickets"]}, folder) as world:
        with sqlite3.connect(folder / "store.db") as db:
            db.execute("UPDATE tickets SET opened_at = ?", [held])
        db.close()
        yield world


@pytest.mark.parametrize(
    ("held", "year", "quarter", "month"),
    [
        ("2026-01-01T05:00:00+09:00", 2025, "2025-10-01", "2025-12-01"),
        ("2026-04-01 03:30+0900", 2026, "2026-01-01", "2026-03-01"),
        ("2025-12-31T20:00:00-05:00", 2026, "2026-01-01", "2026-01-01"),
        ("2026-09-30 23:59:59.999999", 2026, "2026-07-01", "2026-09-01"),
        ("2026-11-02", 2026, "2026-10-01", "2026-11-01"),
        ("2026-02-31 10:00:00", None, None, None),
        ("1700000000", None, None, None),
        (1_700_000_000, None, None, None),
        (None, None, None, None),
    ],
)
def test_what_is_masked_is_the_instant_in_utc(
    held: object, year: int | None, quarter: str | None, month: str | None, tmp_path: Path
) -> None:
    """Year, quarter and month are those of the instant, as on the other engines; what is none shows none."""
    first = None if year is None else f"{year}-01-01"
    masks = ((None, year), (_WHOLE, first), (_QUARTER, quarter), (_MONTH, month))
    for n, (mask, shown) in enumerate(masks):
        folder = tmp_path / str(n)
        folder.mkdir()
        with _holding(held, mask=mask, kind=ColumnType.TIMESTAMP, folder=folder) as world:
            told = outcome(world, "SELECT opened_at, count(*) AS n FROM crm.tickets GROUP BY opened_at")
            assert told == ("rows", ("opened_at", "n"), [(shown, 48)])


@pytest.mark.parametrize("held", [1_700_000_000, "1700000000", 2_460_000.5, "2460000.5", "199004121530"])
def test_digits_that_are_no_year_show_none(held: object, tmp_path: Path) -> None:
    """The first four of the seconds since 1970 would tell a day within twelve."""
    with _holding(held, mask=None, kind=ColumnType.DATE, folder=tmp_path) as world:
        assert outcome(world, "SELECT opened_at FROM crm.tickets LIMIT 1")[2] == [(None,)]


@pytest.mark.parametrize("held", ["1990", "1990-04-12", "1990/04/12", "19900412", 19_900_412, "1990-04-12T23:30:00Z"])
def test_a_year_that_is_one_is_shown(held: object, tmp_path: Path) -> None:
    """A day in any usual spelling has its year."""
    with _holding(held, mask=None, kind=ColumnType.DATE, folder=tmp_path) as world:
        assert outcome(world, "SELECT opened_at FROM crm.tickets LIMIT 1")[2] == [(1990,)]

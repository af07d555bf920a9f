"""Least and greatest values of whole columns, which an engine keeps: no plan may rest on those of withheld rows.

An expression that fails on permitted rows stands beside a condition on a column. Where the engine proves by its
statistics that the condition holds for no row at all, it never runs the expression: so whether the statement fails
tells where the values of withheld people, and what is under a mask, lie.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from tests.query.ground import ground
from tests.query.reference import Judge, outcome
from tests.query.rows import ROWS, twin_rows
from tests.query.shop import SHOP, shop_rows

from sekisho.adapters.stores import duckdb_locked
from sekisho.domain.terms import StoreKind

FAILS = ("CAST(member_rank AS INT) = 5", "CAST(member_rank AS DATE) = DATE '2012-06-01'")
BESIDE = ("postal_code = prefecture", "member_rank = postal_code", "birth_date = points", "postal_code > '9'")
CASES = [
    f"SELECT count(*) AS n FROM shop.customers WHERE {fails} AND {beside}" for fails in FAILS for beside in BESIDE
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the files of two worlds."""
    return tmp_path_factory.mktemp("statistics")


def _told(judge: Judge, statement: str) -> bool:
    """Return whether the two worlds, which may not be told apart, answer *statement* differently."""
    ours, twin = (outcome(world, judge.fill(statement)) for world in (judge.world, judge.twin))
    return ours[0] != twin[0]


@pytest.fixture(scope="module")
def judge(folder: Path) -> Iterator[Judge]:
    """Two worlds as the product opens them."""
    (folder / "ours").mkdir()
    with ground(StoreKind.DUCKDB, SHOP, shop_rows(ROWS), folder / "ours", shop_rows(twin_rows())) as made:
        yield made


@pytest.fixture(scope="module")
def unguarded(folder: Path) -> Iterator[Judge]:
    """The same worlds with DuckDB's plans resting on statistics, as it does by itself."""
    (folder / "unguarded").mkdir()
    with (
        mock.patch.dict(duckdb_locked._CONFIG, {"disabled_optimizers": ""}),
        ground(StoreKind.DUCKDB, SHOP, shop_rows(ROWS), folder / "unguarded", shop_rows(twin_rows())) as made,
    ):
        yield made


@pytest.mark.parametrize("statement", CASES)
def test_no_plan_rests_on_withheld_values(judge: Judge, unguarded: Judge, statement: str) -> None:
    """Two worlds that differ in withheld and masked values alone answer alike; with statistics they do not."""
    assert not _told(judge, statement)
    assert _told(unguarded, statement)

"""What the stores hold of one person: whole, of nobody else, and never a part for the whole."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.adapters.stores.personal_data import KeyedStore
from sekisho.domain.terms import ColumnType, Dataset, SubjectNumber
from sekisho.errors import ConsentUnavailable, StatementRefused, StoreUnavailable
from sekisho.ports import DataSubjectRef
from tests.adapters.stores.person import Recorder, customer, data_of, dataset_of
from tests.query.world import DATASETS, FIRST_ID, World

ABOUT_PEOPLE = {name for name, dataset in DATASETS.items() if dataset.data_subject is not None}


@pytest.fixture
def world(tmp_path: Path) -> Any:
    with World(tmp_path) as opened:
        yield opened


def everything(world: World) -> dict[str, KeyedStore]:
    return {"crm": world.sqlite, "pos": world.duckdb, "web": world.duckdb}


def as_json(dataset: Dataset, row: Mapping[str, object]) -> dict[str, object]:
    """Return a row of the world as the answer must have it, of the catalogue's columns alone."""
    wanted = {}
    for column in dataset.columns:
        value = row[column.name]
        if column.type is ColumnType.TIMESTAMP and value is not None:
            value = f"{datetime.fromisoformat(str(value)).isoformat()}Z"
        wanted[column.name] = value
    return wanted


@pytest.mark.parametrize("place", [0, 9, 10, 37])
def test_every_row_of_the_person_and_of_nobody_else(world: World, place: int) -> None:
    """All datasets about people, all columns of the catalogue and no other, each value; instants in UTC."""
    data = data_of(everything(world), {7: [customer(place)]})
    held = world._runner.run(data.rows_of(SubjectNumber(7), 1_000))
    assert set(held) == ABOUT_PEOPLE
    for name, rows in held.items():
        wanted = [as_json(DATASETS[name], row) for row in world.rows[name] if row["place"] == place]
        assert wanted
        assert sorted(map(json.dumps, rows)) == sorted(map(json.dumps, wanted)), name


def test_linked_numbers_are_one_person(world: World) -> None:
    """Rows of each identifier of every linked number come once, whichever number is asked about."""
    known = {7: [customer(3)], 8: [customer(5), DataSubjectRef("cookie_id", "MKcookie3")], 9: [customer(6)]}
    data = data_of(everything(world), known, linked={7: [7, 8], 8: [7, 8]})
    held = world._runner.run(data.rows_of(SubjectNumber(7), 1_000))
    assert held == world._runner.run(data.rows_of(SubjectNumber(8), 1_000))
    for name, rows in held.items():
        assert len(rows) == sum(row["place"] in {3, 5} for row in world.rows[name])
        assert {row["customer_id"] for row in rows} == {FIRST_ID + 3, FIRST_ID + 5}


def test_no_more_rows_than_asked_for(world: World) -> None:
    """Each dataset is cut at the number of rows that was asked for."""
    held = world._runner.run(data_of(everything(world), {7: [customer(13)]}).rows_of(SubjectNumber(7), 2))
    assert {name: len(rows) for name, rows in held.items()} == {
        "crm.customers": 1, "crm.tickets": 2, "pos.order_lines": 2, "web.events": 2,
    }  # fmt: skip


async def test_whoever_has_no_identifier_of_the_kind_has_no_rows() -> None:
    """No store is asked, and every dataset is named with nothing in it."""
    store = Recorder()
    data = data_of({"crm": store, "pos": store, "web": store}, {7: [DataSubjectRef("cookie_id", str(FIRST_ID))]})
    for number in (7, 8):
        assert await data.rows_of(SubjectNumber(number), 10) == {name: [] for name in ABOUT_PEOPLE}
    assert store.asked == []


@pytest.mark.parametrize(
    "value", ["017001", "+17001", "17001 ", "17_001", "１７００１", "17001.0", "1e3", "", "-0", "9223372036854775808"]
)
async def test_a_number_in_another_spelling_is_another_identifier(value: str) -> None:
    """Where the store holds whole numbers, only their one spelling names a row."""
    store = Recorder()
    data = data_of({"crm": store, "pos": store, "web": store}, {7: [DataSubjectRef("customer_id", value)]})
    assert await data.rows_of(SubjectNumber(7), 10) == {name: [] for name in ABOUT_PEOPLE}
    assert store.asked == []


@given(st.integers(-(2**64), 2**64))
def test_whole_numbers_are_bound_as_numbers(number: int) -> None:
    """Every number of 64 bits reaches the store as a number, so that the column is compared as it is stored."""
    store = Recorder()
    things = dataset_of("things", ColumnType.INTEGER)
    data = data_of({"crm": store}, {7: [DataSubjectRef("customer_id", str(number))]}, {things.name: things})
    asyncio.run(data.rows_of(SubjectNumber(7), 10))
    assert store.asked == ([("crm.things", [number], 10)] if -(2**63) <= number < 2**63 else [])


@pytest.mark.parametrize("error", [StoreUnavailable("away"), StatementRefused("no")], ids=["away", "refused"])
@pytest.mark.parametrize("failing", ["crm", "pos", "web"])
async def test_one_store_that_fails_leaves_no_answer(failing: str, error: Exception) -> None:
    """A part is never returned for the whole; that the gateway's own statement failed is the store's fault."""
    stores = {name: Recorder(error=error if name == failing else None) for name in ("crm", "pos", "web")}
    with pytest.raises(StoreUnavailable) as told:
        await data_of(stores, {7: [customer(3)]}).rows_of(SubjectNumber(7), 10)
    assert str(FIRST_ID + 3) not in str(told.value)


async def test_a_store_that_is_not_connected_leaves_no_answer() -> None:
    """A dataset of the catalogue without a store is an error, not an empty answer, for a stranger as well."""
    with pytest.raises(StoreUnavailable):
        await data_of({"crm": Recorder(), "pos": Recorder()}, {}).rows_of(SubjectNumber(7), 10)


async def test_without_the_registry_nothing_is_said() -> None:
    """Not to know who somebody is, is not to know that there is nothing."""
    store = Recorder()
    data = data_of({"crm": store, "pos": store, "web": store}, {})
    data._people.error = ConsentUnavailable("away")  # type: ignore[attr-defined]
    with pytest.raises(ConsentUnavailable):
        await data.rows_of(SubjectNumber(7), 10)


async def test_rows_of_another_key_are_never_told() -> None:
    """A store that answers with somebody else's row gets no answer out at all."""
    things = dataset_of("things", ColumnType.INTEGER)
    stores = {"crm": Recorder(rows=[(17,), (18,)])}
    data = data_of(stores, {7: [DataSubjectRef("customer_id", "17")]}, {things.name: things})
    with pytest.raises(StoreUnavailable) as told:
        await data.rows_of(SubjectNumber(7), 10)
    assert "18" not in str(told.value)

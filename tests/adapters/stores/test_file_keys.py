"""Rows of files come with their keys: a bit for each key lets them through, and the adapter finds whose they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from sekisho.adapters.stores import file_keys
from sekisho.adapters.stores.key_bits import BitsByKey
from sekisho.domain.governed import Shape
from sekisho.domain.terms import DataSubjectKey
from sekisho.errors import ConsentUnavailable, StoreUnavailable
from tests.adapters.stores.copied import CopiedWorld, source
from tests.query.world import FIRST_ID, PEOPLE, agrees, number_of

ROWS = [
    "SELECT stock_code, quantity FROM pos.order_lines",
    "SELECT customer_id, invoice, quantity FROM pos.order_lines",
    "SELECT quantity, customer_id AS who, customer_id AS again FROM pos.order_lines WHERE country = 'Japan'",
    "SELECT customer_id, upper(country) AS c FROM pos.order_lines WHERE quantity + 1 > 4",
    "SELECT * FROM pos.order_lines WHERE unit_price * quantity > 1",
]
OTHERS = [
    "SELECT stock_code FROM pos.order_lines WHERE customer_id IS NOT NULL",
    "SELECT stock_code FROM pos.order_lines ORDER BY stock_code LIMIT 3",
    "SELECT DISTINCT customer_id FROM pos.order_lines",
    "SELECT customer_id, count(*) AS n FROM pos.order_lines GROUP BY customer_id",
    "SELECT o.quantity FROM pos.order_lines o JOIN pos.order_lines p ON p.customer_id = o.customer_id",
]
HERS = next(p for p in range(PEOPLE) if agrees(p, "recommendation"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[CopiedWorld]:
    """A world of the test's own."""
    with CopiedWorld(tmp_path) as built:
        yield built


def put(world: CopiedWorld, table: pa.Table) -> None:
    """Put a file in the place of the order lines."""
    path = source(world)
    pq.write_table(table, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def shapes(world: CopiedWorld) -> list[Shape]:
    """Return how DuckDB learnt who may be read for the last statement."""
    return [projection.shape for projection in world.watched["duckdb"].ran[-1].projections]


def both(world: CopiedWorld, sql: str) -> tuple[list[Any], list[Any]]:
    """Return the rows by bits of keys, and by a join with a table of people."""
    by_bits = sorted(world.by(world.without, sql).rows, key=repr)
    assert shapes(world) == [Shape.HANDED]
    joined = sorted(world.by(replace(world.without, key_bits=()), sql).rows, key=repr)
    assert shapes(world) == [Shape.KEYS]
    return by_bits, joined


@pytest.mark.parametrize("sql", ROWS)
def test_rows_are_those_of_a_join(world: CopiedWorld, sql: str) -> None:
    """The same rows with the same pseudonyms, of those who agree; a row of nobody has no bit."""
    by_bits, joined = both(world, sql)
    assert by_bits == joined
    assert by_bits


@pytest.mark.parametrize("sql", OTHERS)
def test_what_asks_for_a_person_in_the_store_joins_a_table(world: CopiedWorld, sql: str) -> None:
    """Where keys are compared, grouped, joined, sorted or cut by, person numbers stand in the statement."""
    world.by(world.without, sql)
    assert Shape.HANDED not in shapes(world)


def test_a_copy_is_read_by_its_numbers(world: CopiedWorld) -> None:
    """A copy carries person numbers: no key is read."""
    world.sync()
    world.by(world.with_copies, ROWS[0])
    assert shapes(world) == [Shape.NUMBERS]


def test_a_withdrawal_and_a_yes_count_at_the_next_query(world: CopiedWorld) -> None:
    """Her rows go and come."""
    before, _ = both(world, ROWS[1])
    world.consents.withdraw("recommendation", number_of(HERS))
    after, joined = both(world, ROWS[1])
    assert after == joined
    assert len(after) < len(before)
    world.consents.give("recommendation", number_of(HERS))
    assert both(world, ROWS[1])[0] == before


@pytest.mark.parametrize(
    "sql", ["SELECT CAST(stock_code AS INTEGER) AS n {}", "SELECT quantity {} WHERE CAST(stock_code AS INTEGER) > 0"]
)
def test_no_expression_runs_on_a_withheld_row(world: CopiedWorld, sql: str) -> None:
    """Rows of those who do not agree hold what a cast fails on; the bits keep it from them."""
    rows = pq.read_table(source(world))
    theirs = {FIRST_ID + p for p in range(PEOPLE) if agrees(p, "recommendation")}
    codes = ["1" if key in theirs else "x" for key in rows["customer_id"].to_pylist()]
    assert "x" in codes
    place = rows.schema.get_field_index("stock_code")
    put(world, rows.set_column(place, "stock_code", pa.array(codes)))
    found = world.by(world.without, sql.format("FROM pos.order_lines")).rows
    assert shapes(world) == [Shape.HANDED]
    assert len(found) == codes.count("1")


@pytest.mark.parametrize("key", [-1, 0, 2**62, -(2**63), 2**63 - 1])
def test_keys_far_from_all_known_ones_have_no_bit_and_no_error(world: CopiedWorld, key: int) -> None:
    """Whatever whole number a row of a stranger holds, it is withheld like any other, and nothing fails by it."""
    rows = pq.read_table(source(world))
    before, _ = both(world, ROWS[0])
    strange = rows.slice(0, 1).set_column(
        rows.schema.get_field_index("customer_id"), rows.schema.field("customer_id"), pa.array([key], pa.int64())
    )
    put(world, pa.concat_tables([rows, strange]))
    assert both(world, ROWS[0]) == (before, before)


def test_a_key_with_a_fraction_is_nobodys(world: CopiedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other files, whose keys are no whole numbers: refused once, then joined; else a rounded key's bit were read."""
    before, _ = both(world, ROWS[0])
    rows = pq.read_table(source(world))
    place = rows.schema.get_field_index("customer_id")
    near = pc.add(rows["customer_id"].cast(pa.float64()), 0.25)
    put(world, rows.set_column(place, "customer_id", near))
    with pytest.raises(ConsentUnavailable, match="ask again"):
        world.by(world.without, ROWS[0])
    assert world.by(world.without, ROWS[0]).rows == []
    assert shapes(world) == [Shape.KEYS]
    put(world, rows)
    assert both(world, ROWS[0])[0] == before
    monkeypatch.setattr(file_keys.FileKeys, "check", lambda *_: None)
    put(world, rows.set_column(place, "customer_id", near))
    with pytest.raises(StoreUnavailable):  # only by what reads the keys, once rows of the rounded ones have come
        world.by(world.without, ROWS[0])


def test_keys_that_cannot_be_found_are_not_shown(world: CopiedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the registry changes so that bits are not enough, between plan and statement, nothing leaves."""
    both(world, ROWS[1])

    async def none(*_: object) -> None:
        return None

    monkeypatch.setattr(BitsByKey, "possible", lambda *_: _true())
    monkeypatch.setattr(BitsByKey, "numbers", none)
    with pytest.raises(ConsentUnavailable, match="ask again"):
        world.by(world.without, ROWS[1])


async def _true() -> bool:
    return True


def test_somebody_with_two_keys_is_looked_up_in_a_table(world: CopiedWorld) -> None:
    """A bit for each key is enough only where each person has one."""
    world.people.known["customer_id"][str(FIRST_ID + PEOPLE + 7)] = number_of(HERS)
    world.by(world.without, ROWS[0])
    assert shapes(world) == [Shape.KEYS]


def test_duckdb_is_asked_nothing_about_a_table_of_another_store(
    world: CopiedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether keys are whole numbers is asked of files alone: a small read elsewhere does not wait for DuckDB."""
    asked: list[str] = []
    looked = file_keys.FileKeys._are_whole

    def looking(self: file_keys.FileKeys, name: str, subject: DataSubjectKey) -> bool:
        asked.append(name)
        return looked(self, name, subject)

    monkeypatch.setattr(file_keys.FileKeys, "_are_whole", looking)
    world.by(world.without, "SELECT customer_id, prefecture FROM crm.customers")
    world.by(world.without, ROWS[0])
    assert asked == ["pos.order_lines"]

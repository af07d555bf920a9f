"""Row filters of the policy on every engine: the rows that pass are those a plain reading of the tree says."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

import pytest

from sekisho.domain.row_filters import (
    Ago,
    AllOf,
    AnyOf,
    Comparison,
    IsNull,
    Negated,
    RowFilter,
    columns_of,
    filter_json,
    filters_from_json,
)
from sekisho.errors import PolicyUnavailable
from sekisho.explanation import permission
from sekisho.query.plan import bind
from tests.query.postgres import PostgresWorld, database
from tests.query.shop import shop
from tests.query.world import DATASETS, PURPOSES, REQUESTERS, World, agrees

NOW = datetime.fromisoformat("2026-01-01T09:00:00+09:00")  # as the clock of the world says, in Tokyo
CUSTOMERS, TICKETS, LINES = "crm.customers", "crm.tickets", "pos.order_lines"

CASES: dict[str, tuple[str, RowFilter]] = {
    "text": (CUSTOMERS, Comparison("prefecture", "eq", "東京都")),
    "not that text": (CUSTOMERS, Comparison("member_rank", "ne", "gold")),
    "number": (LINES, Comparison("quantity", "le", 6)),
    "fraction": (LINES, Comparison("unit_price", "gt", 2.25)),
    "truth": (LINES, Comparison("gift", "eq", value=True)),
    "truth in the other store": (TICKETS, Comparison("resolved", "ne", value=True)),
    "date": (CUSTOMERS, Comparison("birth_date", "ge", "1975-06-01")),
    "timestamp": (LINES, Comparison("invoiced_at", "lt", "2011-05-01 12:00:00")),
    "timestamp of a zone": (TICKETS, Comparison("opened_at", "ge", "2025-04-01T00:00:00+09:00")),
    "one of": (LINES, Comparison("country", "in", ("Japan", "Norway"))),
    "one of dates": (CUSTOMERS, Comparison("birth_date", "in", ("1975-08-15", "1962-04-12"))),
    "one of none": (LINES, Comparison("country", "in", ())),
    "years ago": (CUSTOMERS, Comparison("birth_date", "le", Ago(years=60))),
    "days ago": (TICKETS, Comparison("opened_at", "ge", Ago(days=150))),
    "no value": (CUSTOMERS, IsNull("note")),
    "some value": (CUSTOMERS, Negated(IsNull("note"))),
    "and": (LINES, AllOf((Comparison("country", "eq", "Japan"), Comparison("quantity", "gt", 3)))),
    "or": (LINES, AnyOf((Comparison("country", "eq", "Japan"), Comparison("quantity", "gt", 9)))),
    "not": (CUSTOMERS, Negated(Comparison("note", "gt", "MKnote 2"))),
    "nested": (
        LINES,
        Negated(
            AnyOf(
                (
                    Comparison("country", "in", ("France",)),
                    AllOf((Comparison("quantity", "lt", 4), Negated(Comparison("gift", "eq", value=True)))),
                )
            )
        ),
    ),
}
SHOWN = {CUSTOMERS: "points, member_rank", TICKETS: "minutes, channel", LINES: "stock_code, quantity, country"}

_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b, "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b,
}  # fmt: skip


def read(value: Any, kind: str) -> Any:
    """Return a value of a row or a filter as one of its type."""
    if isinstance(value, Ago):
        value = value.before(NOW)
    if value is None or kind not in {"date", "timestamp"}:
        return value
    at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    if kind == "date":
        return date(at.year, at.month, at.day)
    return at if at.tzinfo is None else datetime.fromtimestamp(at.timestamp())  # noqa: DTZ006 - the tests run in UTC


def holds(part: RowFilter, row: dict[str, Any], dataset: str) -> bool | None:
    """Return whether a filter holds for *row*; ``None`` where that is unknown, as in SQL."""
    match part:
        case Comparison(name, op, value):
            column = DATASETS[dataset].column(name)
            assert column is not None
            if row[name] is None:
                return None
            mine = read(row[name], column.type.value)
            if isinstance(value, tuple):
                return any(mine == read(each, column.type.value) for each in value)
            return _COMPARED[op](mine, read(value, column.type.value))
        case IsNull(name):
            return row[name] is None
        case Negated(inner):
            held = holds(inner, row, dataset)
            return None if held is None else not held
        case AllOf(parts):
            return _all([holds(each, row, dataset) for each in parts])
        case AnyOf(parts):
            held = _all([_not(holds(each, row, dataset)) for each in parts])
            return _not(held)


def _not(held: bool | None) -> bool | None:
    return None if held is None else not held


def _all(held: Sequence[bool | None]) -> bool | None:
    return False if False in held else None if None in held else True


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresWorld]:
    with database() as conninfo, PostgresWorld(conninfo) as built:
        yield built


def passing(world: World, dataset: str, *, name: str, part: RowFilter, purpose: str) -> Counter[tuple[Any, ...]]:
    """Return the rows that must be released."""
    names = [each.strip() for each in SHOWN[dataset].split(",")]
    return Counter(
        tuple(row[each] for each in names)
        for row in world.rows[name]
        if row["place"] is not None
        and (purpose == "fraud" or agrees(row["place"], purpose))
        and holds(part, row, dataset)
    )


def asked(world: World, name: str, dataset: str, part: RowFilter, purpose: str) -> Counter[tuple[Any, ...]]:
    """Return the rows that are released."""
    world.policy.filters = {name: (part,)}
    world.gateway.statements._known.clear()
    try:
        answer = world.ask(f"SELECT {SHOWN[dataset]} FROM {name}", purpose=purpose)
    finally:
        world.policy.filters = {}
    return Counter(answer.rows)


@pytest.mark.parametrize("purpose", ["fraud", "recommendation"])
@pytest.mark.parametrize("case", CASES)
def test_rows_that_pass_the_filter_are_released_and_no_other(world: World, case: str, purpose: str) -> None:
    """In files and in SQLite, with and without consent."""
    dataset, part = CASES[case]
    assert asked(world, dataset, dataset, part, purpose) == passing(
        world, dataset, name=dataset, part=part, purpose=purpose
    )


@pytest.mark.postgres
@pytest.mark.parametrize("purpose", ["fraud", "recommendation"])
@pytest.mark.parametrize("case", CASES)
def test_a_server_passes_the_same_rows(server: PostgresWorld, case: str, purpose: str) -> None:
    """In PostgreSQL the same trees pass the same rows."""
    dataset, part = CASES[case]
    name = shop(dataset)
    assert asked(server, name, dataset, part, purpose) == passing(
        server, dataset, name=name, part=part, purpose=purpose
    )


def test_the_cases_are_no_empty_promise(world: World) -> None:
    """Most filters pass some rows and hold back others."""
    sizes = [
        (sum(passing(world, d, name=d, part=p, purpose="fraud").values()), len(world.rows[d]))
        for d, p in CASES.values()
    ]
    assert sum(0 < some < whole * 0.95 for some, whole in sizes) >= len(CASES) - 3


def test_filters_hold_in_a_statement_over_several_stores(world: World) -> None:
    """Each dataset of a join is filtered where it is read."""
    born, bought = Comparison("birth_date", "ge", "1970-01-01"), Comparison("quantity", "le", 6)
    world.policy.filters = {CUSTOMERS: (born,), LINES: (bought,)}
    world.gateway.statements._known.clear()
    try:
        answer = world.ask(
            "SELECT count(*) AS n FROM crm.customers c JOIN pos.order_lines o USING (customer_id)", purpose="fraud"
        )
    finally:
        world.policy.filters = {}
    old_enough = {row["customer_id"] for row in world.rows[CUSTOMERS] if holds(born, row, CUSTOMERS)}
    expected = sum(row["customer_id"] in old_enough and bool(holds(bought, row, LINES)) for row in world.rows[LINES])
    assert answer.rows == [(expected,)]
    assert expected


@pytest.mark.parametrize("case", CASES)
def test_no_value_of_a_filter_is_shown(world: World, case: str) -> None:
    """Neither the statement for the store nor what ``:explain`` tells holds a value of the policy."""
    dataset, part = CASES[case]
    world.policy.filters = {dataset: (part,)}
    try:
        question = world.gateway.statements.read(
            REQUESTERS["recommender"], PURPOSES["fraud"], f"SELECT {SHOWN[dataset]} FROM {dataset} LIMIT 3"
        )
        permit = world.policy.permit(question.request)
        plan = question.plan(permit)
        told = json.dumps(permission(question, permit, plan, None), ensure_ascii=False)
    finally:
        world.policy.filters = {}
    values = [each for each in _values(part) if not isinstance(each, Ago) and len(str(each)) > 2]
    assert not [value for value in values if isinstance(value, str) and value in told + plan.sql]
    assert all(slot.literal is None or slot.literal in values or len(str(slot.literal)) <= 2 for slot in plan.slots)
    assert set(columns_of(part)) <= set(told.replace('"', " ").replace("(", " ").replace(".", " ").split())


def _values(part: RowFilter) -> list[Any]:
    match part:
        case Comparison(value=value):
            return list(value) if isinstance(value, tuple) else [value]
        case Negated(inner):
            return _values(inner)
        case AllOf(parts) | AnyOf(parts):
            return [value for each in parts for value in _values(each)]
    return []


@pytest.mark.parametrize("case", CASES)
def test_a_filter_is_read_as_it_is_written(case: str) -> None:
    """What the policy writes is what the gateway holds."""
    dataset, part = CASES[case]
    assert filters_from_json([filter_json(part)], DATASETS[dataset]) == (part,) or "zone" in case


@pytest.mark.parametrize(
    "written",
    [
        [{"column": "points", "op": "eq", "value": "5"}],
        [{"column": "points", "op": "eq", "value": True}],
        [{"column": "points", "op": "eq", "value": 1.5}],
        [{"column": "points", "op": "eq", "value": 2**60}],
        [{"column": "points", "op": "in", "value": 5}],
        [{"column": "points", "op": "eq", "value": None}],
        [{"column": "points", "op": "like", "value": 5}],
        [{"column": "points", "op": "eq", "value": {"ago": {"years": 5}}}],
        [{"column": "password", "op": "is_null"}],
        [{"column": "points", "op": "is_null", "value": 1}],
        [{"column": "birth_date", "op": "eq", "value": "yesterday"}],
        [{"column": "birth_date", "op": "eq", "value": {"ago": {}}}],
        [{"column": "birth_date", "op": "eq", "value": {"ago": {"years": -1}}}],
        [{"column": "birth_date", "op": "eq", "value": {"ago": {"months": 1}}}],
        [{"column": "birth_date", "op": "in", "value": [{"ago": {"years": 1}}]}],
        [{"and": []}],
        [{"or": [{"column": "points", "op": "is_null"}], "not": {"column": "points", "op": "is_null"}}],
        [{"not": [{"column": "points", "op": "is_null"}]}],
        ["points > 5"],
        {"column": "points", "op": "is_null"},
        [{"column": "points", "op": "in", "value": list(range(300))}],
    ],
    ids=json.dumps,
)
def test_what_is_not_a_filter_is_refused(written: object) -> None:
    """A value of another type, an unknown word or column, an empty list of parts: none of it is guessed at."""
    with pytest.raises(ValueError, match=r"."):
        filters_from_json(written, DATASETS[CUSTOMERS])


def test_a_tree_is_bounded() -> None:
    """Neither deep nor wide trees make a plan."""
    deep: dict[str, object] = {"column": "points", "op": "is_null"}
    for _ in range(9):
        deep = {"not": deep}
    with pytest.raises(ValueError, match="too large"):
        filters_from_json([deep], DATASETS[CUSTOMERS])


def test_the_day_is_counted_in_years_and_days() -> None:
    """Whole years before 29 February are 28 February where there is no 29th: nobody counts as older than they are."""
    leap = datetime.fromisoformat("2028-02-29T12:00:00+09:00")
    assert Ago(years=18).before(leap).date() == date(2010, 2, 28)
    assert Ago(years=4).before(leap).date() == date(2024, 2, 29)
    assert Ago(days=1).before(leap).date() == date(2028, 2, 28)
    assert Ago(years=1, days=1).before(leap).date() == date(2027, 2, 27)


def test_a_filter_on_time_without_the_time_runs_nothing(world: World) -> None:
    """A plan that counts back from now is not bound without now."""
    world.policy.filters = {CUSTOMERS: (Comparison("birth_date", "le", Ago(years=18)),)}
    try:
        world.gateway.statements._known.clear()
        plan = world.plan("SELECT count(*) AS n FROM crm.customers", purpose="fraud")
        with pytest.raises(PolicyUnavailable):
            bind(plan, (), world.keyed(purpose="fraud"))
    finally:
        world.policy.filters = {}

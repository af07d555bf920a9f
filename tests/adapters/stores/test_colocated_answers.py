"""Statements over copies: governed as those over the files, and answered alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.domain.access import Comparison, Obligation, ObligationKind
from sekisho.errors import SekishoError, StatementRefused
from sekisho.query.dialects import Dialect
from tests.adapters.stores.copied import COUNT, LINES, CopiedWorld, counted, same_answer
from tests.query.world import FIRST_ID, PEOPLE, PURPOSES, REQUESTERS, ROWS, agrees, number_of

STATEMENTS = [
    "SELECT country, count(*) AS n, sum(quantity) AS q FROM pos.order_lines GROUP BY country ORDER BY country",
    "SELECT count(*) AS n, count(DISTINCT customer_id) AS p, count(DISTINCT invoice) AS i FROM pos.order_lines",
    "SELECT customer_id, invoice, stock_code, quantity FROM pos.order_lines",
    "SELECT stock_code, quantity FROM pos.order_lines WHERE quantity > 6",
    "SELECT stock_code FROM pos.order_lines ORDER BY stock_code LIMIT 40 OFFSET 10",
    "SELECT customer_id, sum(quantity) AS q FROM pos.order_lines GROUP BY customer_id",
    "SELECT DISTINCT customer_id FROM pos.order_lines WHERE upper(country) = 'JAPAN'",
    (
        "SELECT stock_code, row_number() OVER (PARTITION BY customer_id ORDER BY invoiced_at, stock_code) AS n "
        "FROM pos.order_lines ORDER BY 1, 2"
    ),
    (
        "SELECT o.customer_id, o.stock_code, p.customer_id AS other FROM pos.order_lines o JOIN pos.order_lines p "
        "ON o.customer_id = p.customer_id AND o.stock_code = p.stock_code"
    ),
    "SELECT o.customer_id, e.category FROM pos.order_lines o JOIN web.events e ON o.customer_id = e.customer_id",
    (
        "SELECT e.event_type, o.stock_code FROM web.events e LEFT JOIN pos.order_lines o "
        "ON o.customer_id = e.customer_id ORDER BY 1, 2"
    ),
    "SELECT customer_id FROM pos.order_lines UNION SELECT customer_id FROM web.events",
    (
        "WITH x AS (SELECT customer_id AS c, max(unit_price) AS m FROM pos.order_lines GROUP BY 1) "
        "SELECT count(*) AS n, sum(m) AS m FROM x WHERE c IS NOT NULL"
    ),
]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[CopiedWorld]:
    """A world of the test's own, with a copy of the order lines."""
    with CopiedWorld(tmp_path) as built:
        built.sync()
        yield built


@pytest.mark.parametrize("sql", STATEMENTS)
def test_answers_are_those_of_the_files(world: CopiedWorld, sql: str) -> None:
    """Names and rows are the same with the copy and without."""
    same_answer(world, sql)


def test_a_pseudonym_finds_the_same_rows(world: CopiedWorld) -> None:
    """Equality with a pseudonym reaches into the copy by number and by key."""
    place = next(p for p in range(PEOPLE) if agrees(p, "recommendation"))
    sql = "SELECT customer_id, stock_code FROM pos.order_lines WHERE customer_id = ?"
    same_answer(world, sql, world.pseudonym(place))
    assert world.ask(sql, world.pseudonym(place)).rows


def test_row_filters_of_the_policy_apply(world: CopiedWorld) -> None:
    """A filter that the policy adds narrows the copy as it narrows the files."""
    world.policy.filters = {LINES.name: (Comparison("country", "eq", "Japan"),)}
    same_answer(world, STATEMENTS[0])
    assert [row[0] for row in world.ask(STATEMENTS[0]).rows] == ["Japan"]


def test_a_person_with_two_keys_has_each_row_once(tmp_path: Path) -> None:
    """Two identifiers of one person, both in the files, double nothing."""
    with CopiedWorld(tmp_path) as world:
        first, second = next(p for p in range(PEOPLE) if agrees(p, "recommendation")), 3
        world.people.known["customer_id"][str(FIRST_ID + second)] = number_of(first)
        world.sync()
        for sql in STATEMENTS:
            same_answer(world, sql)


def test_a_smallest_group_does_not_bring_withheld_rows_back(world: CopiedWorld) -> None:
    """Where consent is asked, the join with who agrees is an inner one, whatever else a policy asks for."""
    world.policy.obligations = (Obligation(ObligationKind.MIN_GROUP, 2),)
    for copies in (frozenset({LINES.name}), frozenset[str]()):
        purpose, requester = PURPOSES["recommendation"], REQUESTERS["recommender"]
        question = world.gateway.statements.read(requester, purpose, COUNT)
        plan = question.plan(world.policy.permit(question.request), copies)
        assert plan.projections[0].keys is not bool(copies)
        assert "JOIN" in plan.sql
        assert "LEFT JOIN" not in plan.sql


def test_a_withdrawal_counts_at_the_next_query(world: CopiedWorld) -> None:
    """Also in an aggregate, which no recheck can mend: one withdrawal after the other takes its rows away."""
    for place in [p for p in range(PEOPLE) if agrees(p, "recommendation")][:5]:
        before = counted(world)
        hers = sum(row["place"] == place for row in ROWS[LINES.name])
        world.consents.withdraw("recommendation", number_of(place))
        assert counted(world) == (before[0] - hers, before[1] - 1)
        assert "colocated" in world.ran()


def test_a_yes_counts_at_the_next_query_without_a_sync(world: CopiedWorld) -> None:
    """The copy does not say who agreed, so there is nothing in it that grows old."""
    before = counted(world)
    world.consents.give("recommendation", number_of(0))
    assert counted(world) == (before[0] + sum(r["place"] == 0 for r in ROWS[LINES.name]), before[1] + 1)
    assert "colocated" in world.ran()


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CopiedWorld]:
    with CopiedWorld(tmp_path_factory.mktemp("standing")) as built:
        built.sync()
        yield built


_PLACES = st.integers(0, PEOPLE - 1)


@settings(max_examples=40, deadline=None)
@given(
    agreeing=st.sets(_PLACES),
    later=st.lists(st.tuples(_PLACES, st.booleans()), max_size=8),
    sql=st.sampled_from(STATEMENTS),
)
def test_copy_and_files_answer_alike_for_any_consent(
    standing: CopiedWorld, agreeing: set[int], later: list[tuple[int, bool]], sql: str
) -> None:
    """For any state of consent, and after any further yes and no, the copy changes no answer."""
    held = {place for place in range(PEOPLE) if number_of(place) in standing.consents.members["recommendation"]}
    for place in held ^ agreeing:
        _decide(standing, place, yes=place in agreeing)
    same_answer(standing, sql)
    for place, yes in later:
        _decide(standing, place, yes=yes)
        same_answer(standing, sql)


def _decide(world: CopiedWorld, place: int, *, yes: bool) -> None:
    (world.consents.give if yes else world.consents.withdraw)("recommendation", number_of(place))


@pytest.mark.parametrize(
    "table", ['colocated."pos.order_lines"', '"colocated"."pos.order_lines"', "people.n_0", '"pos.order_lines"']
)  # fmt: skip
def test_a_requester_cannot_name_a_copy(world: CopiedWorld, table: str) -> None:
    """Neither the copies nor the people beside them are in the catalogue."""
    with pytest.raises(SekishoError):
        world.ask(f"SELECT * FROM {table}")


def test_a_requester_cannot_name_the_number(world: CopiedWorld) -> None:
    """The column of person numbers is not in the catalogue."""
    for sql in ('SELECT "__person" FROM pos.order_lines', "SELECT o.__person AS p FROM pos.order_lines o"):
        with pytest.raises(SekishoError):
            world.ask(sql)


def test_the_second_oracle_refuses_a_copy_that_was_not_planned(world: CopiedWorld) -> None:
    """DuckDB's own parser must find in the statement no other tables than the plan's."""
    world.ask(COUNT)
    planned = world.watched["duckdb"].ran[-1]
    query = replace(
        planned, sql=planned.sql + " ", reads=frozenset({("pos.order_lines", "country")})
    )  # fmt: skip

    async def run() -> None:
        view = await world.consents.view(planned.projections[0].cells)
        async for _ in world.duckdb.fetch(query, view, world.people, page_rows=10):
            pass

    with pytest.raises(StatementRefused, match="more than was decided"):
        world._runner.run(run())


# -- leaks ---------------------------------------------------------------------------------------------

# Clear columns whose values fit these casts in rows of people who agree, and in no other row.
_EXPRESSIONS = [
    "SELECT count(*) AS n FROM pos.order_lines WHERE CAST(stock_code AS INTEGER) >= 0",
    "SELECT count(*) AS n FROM pos.order_lines WHERE CAST(stock_code AS INTEGER) >= 0 AND quantity > 0",
    "SELECT sum(CAST(stock_code AS INTEGER)) AS n FROM pos.order_lines",
    "SELECT sum(CASE WHEN quantity > 0 THEN CAST(stock_code AS DOUBLE) END) AS n FROM pos.order_lines",
    "SELECT CAST(stock_code AS INTEGER) AS c, count(*) AS n FROM pos.order_lines GROUP BY 1 ORDER BY 1",
    "SELECT country, max(CAST(description AS DATE)) AS n FROM pos.order_lines GROUP BY country ORDER BY 1",
    "SELECT count(*) AS n FROM (SELECT CAST(stock_code AS INTEGER) AS c FROM pos.order_lines) x WHERE c > 3",
    "SELECT count(DISTINCT customer_id) AS n FROM pos.order_lines WHERE CAST(left(stock_code, 1) AS INTEGER) > 1",
    (
        "SELECT a.country, count(*) AS n FROM pos.order_lines a "
        "JOIN (SELECT DISTINCT country FROM pos.order_lines) b "
        "ON a.country = b.country AND CAST(a.stock_code AS INTEGER) > 2 GROUP BY 1 ORDER BY 1"
    ),
]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CopiedWorld]:
    """240,000 rows of which no expression may see those of people who do not agree, or do not any more."""
    rows = dict(ROWS)
    late = {p for p in range(PEOPLE) if agrees(p, "recommendation")} & set(range(20, 30))
    rows[LINES.name] = [
        row | ({"stock_code": f"{n % 9}", "description": "2011-01-01"} if _stays(row["place"], late) else {})
        for n, row in enumerate(ROWS[LINES.name])
    ]
    with CopiedWorld(tmp_path_factory.mktemp("many"), rows, times=1_000) as built:
        built.sync()
        built.ask(COUNT)  # who withdraws now has been in the table of people
        for place in late:
            built.consents.withdraw("recommendation", number_of(place))
        yield built


def _stays(place: int | None, late: set[int]) -> bool:
    return place is not None and place not in late and agrees(place, "recommendation")


@pytest.mark.parametrize("sql", _EXPRESSIONS)
def test_no_expression_runs_on_withheld_rows(many: CopiedWorld, sql: str) -> None:
    """Casts that fail on every row of somebody who said no, or just withdrew, do not fail."""
    same_answer(many, sql)


def test_without_the_fence_they_do(many: CopiedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """The matrix above can be red: unfenced, DuckDB runs such casts on withheld rows of the copy."""
    monkeypatch.setattr(Dialect, "fence", lambda _dialect, select: select)
    leaked = 0
    for sql in _EXPRESSIONS:
        try:
            many.ask(sql + " -- unfenced")
        except StatementRefused:
            leaked += 1
    assert "colocated" in many.ran()
    assert leaked

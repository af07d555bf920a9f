"""The attacks on masks, keys and withheld rows, on tables that are scanned in their stores and joined in DuckDB."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from tests.attacks.test_sql_masks import BLANK, KEYED, SEALED
from tests.attacks.test_sql_withheld_rows import EXPRESSIONS, FILTERS, SHAPES, STATEMENTS
from tests.query.joined import PLACES, JoinedWorld, joined_judge, joined_world
from tests.query.joined_statements import statements
from tests.query.reference import Judge
from tests.query.world import FIRST_ID, PEOPLE, ROWS, Rows, agrees

from sekisho.domain.governed import GovernedQuery
from sekisho.errors import MaskedColumnUse, SekishoError
from sekisho.query import parse, rules, scans
from sekisho.query.dialects import Dialect

pytestmark = [pytest.mark.long, pytest.mark.enable_socket]

SEEN: Counter[str] = Counter()


@pytest.fixture(scope="module")
def everything_scanned() -> Iterator[None]:
    """Run every statement in DuckDB, also one over a single store, so that one corpus attacks all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parse, "engine_of", lambda *_: parse.JOINS)
        yield


@pytest.fixture(scope="module", params=["SQLite, SQLite, files", "PostgreSQL read only"])
def scanned(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, everything_scanned: None
) -> Iterator[Judge]:
    with joined_judge(tmp_path_factory.mktemp("scanned"), PLACES[request.param]) as built:
        yield built


@pytest.mark.parametrize("sql", SEALED + BLANK + KEYED)
def test_a_scanned_mask_answers_no_question(scanned: Judge, sql: str) -> None:
    """Refused, or answered from the masks alone; and the same in the twin world."""
    scanned.refusal(sql, exact=False)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(sql=statements())
def test_generated_statements_show_nothing_but_the_masks(scanned: Judge, sql: str) -> None:
    """Same rows as the reference or a refusal, never more; and nothing differs in the twin world."""
    SEEN[scanned.refusal(sql, exact=False) or "answered"] += 1


def test_the_grammar_reaches_both_outcomes() -> None:
    """The property above is not met by refusing everything."""
    if not SEEN:
        pytest.skip("runs after the generated statements")
    assert SEEN["answered"] > 20
    assert SEEN["masked_column_use"] > 20


def test_keys_of_different_domains_are_not_joined(scanned: Judge) -> None:
    """Neither a person with an invoice nor an invoice with a ticket."""
    for condition in ("c.customer_id = o.invoice", "t.ticket_id = o.invoice", "c.customer_id = o.quantity"):
        with pytest.raises(MaskedColumnUse):
            scanned.world.ask(
                "SELECT o.quantity FROM crm.customers c CROSS JOIN crm.tickets t JOIN pos.order_lines o"
                f" ON {condition}"
            )


# -- withheld rows -------------------------------------------------------------------------------------


def _rows(lines: int = 4_000) -> Rows:
    """Return many rows, those of people without consent failing every expression."""
    line = ROWS["pos.order_lines"][0]
    fine = {"stock_code": "5", "quantity": 5, "unit_price": 1.0, "country": "1", "description": "2001-01-01"}
    bad = {"stock_code": "NGx", "quantity": 2**61, "unit_price": -1.0, "country": "NGx", "description": "NGdate"}
    return ROWS | {
        "pos.order_lines": [
            line | (fine if agrees(p, "recommendation") else bad)
            | {"place": p, "customer_id": FIRST_ID + p, "invoice": f"I{n // 3}", "gift": n % 2 == 0}
            for n in range(lines)
            for p in [n % PEOPLE]
        ]
    }  # fmt: skip


@pytest.fixture(scope="module", params=["SQLite, SQLite", "PostgreSQL read only"])
def crowd(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, everything_scanned: None
) -> Iterator[JoinedWorld]:
    with joined_world(tmp_path_factory.mktemp("crowd"), PLACES[request.param], _rows()) as built:
        yield built


def failing(crowd: JoinedWorld, shape: str) -> list[str]:
    """Return the statements that end in an error."""
    purpose, filters = SHAPES[shape]
    crowd.policy.filters = dict(filters)
    crowd.gateway.statements._known.clear()
    failed = []
    for statement in STATEMENTS["duckdb"]:
        for expression in EXPRESSIONS["duckdb"]:
            sql = statement.format(expression)
            try:
                crowd.ask(sql, purpose=purpose)
            except SekishoError as fault:
                failed.append(f"{fault.code}: {sql}")
    crowd.gateway.statements._known.clear()
    return failed


@pytest.mark.parametrize("shape", SHAPES)
def test_no_expression_meets_a_withheld_row(crowd: JoinedWorld, shape: str) -> None:
    """Every statement is answered: nothing failed on a row that is not the requester's to see."""
    assert failing(crowd, shape) == []


def test_without_the_row_filter_in_the_scan_expressions_meet_filtered_rows(
    crowd: JoinedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The permit's row filters are the scan's alone: without them the suite sees rows that it must not see."""
    assert SHAPES["filter"][1] is FILTERS
    plain = rules.governed_table
    monkeypatch.setattr(scans, "governed_table", lambda relation, draft: _unfiltered(plain(relation, draft)))
    assert len(failing(crowd, "filter")) > 10


def _unfiltered(select: Any) -> Any:
    select.set("where", None)
    return select


def test_where_a_scan_cannot_tell_who_agrees_the_fence_holds(
    tmp_path_factory: pytest.TempPathFactory, everything_scanned: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stores that allow no writing hand over everybody: nothing fails, and much does when nothing is fenced."""
    monkeypatch.setitem(EXPRESSIONS, "duckdb", EXPRESSIONS["duckdb"][:2])
    with joined_world(tmp_path_factory.mktemp("open"), PLACES["SQLite, SQLite"], _rows(60_000)) as world:
        closed = {name: replace(store, writes=False) for name, store in world.catalogue.stores.items()}
        monkeypatch.setattr(world.gateway.statements, "_catalogue", replace(world.catalogue, stores=closed))
        assert failing(world, "consent") == []
        with monkeypatch.context() as patch:
            patch.setattr(Dialect, "fence", lambda _self, select: select)
            assert len(failing(world, "consent")) > 10


# -- what reaches the store ----------------------------------------------------------------------------

JOINED = "SELECT c.points, o.quantity FROM crm.customers c JOIN pos.order_lines o USING (customer_id) WHERE "
KEPT = [
    "c.points / 0 = 1",
    "CAST(c.prefecture AS INT) = 5",
    "c.prefecture = 5",
    "c.points = '5'",
    "abs(c.points) = 5",
    "c.prefecture LIKE 'NG%'",
    "c.prefecture > 'M'",
    "c.prefecture BETWEEN 'A' AND 'Z'",
    "c.points > 5 OR c.points < 2",
    "NOT c.points = 5",
    "c.points <> 5",
    "c.points IS NULL",
    "c.birth_date = 1961",
    "c.postal_code = '123'",
    "c.points = o.quantity",
    "c.points > c.points",
    "c.points IN (SELECT quantity FROM pos.order_lines)",
    "c.signed_up_on >= '2015-01-01'",
    "coalesce(c.points = 5, true)",
    "c.points > 0.0000000000000000000000000000000000001",
]
HANDED_OVER = [
    ("c.points = 5", '"t"."points" = 5'),
    ("5 < c.points", '5 < "t"."points"'),
    ("c.points BETWEEN 2 AND 7 AND abs(c.points) = 3", '"t"."points" BETWEEN 2 AND 7'),
    ("c.prefecture IN ('a', 'b')", "\"t\".\"prefecture\" IN ('a', 'b')"),
    ("c.prefecture = ?", '"t"."prefecture" = :v0'),
    ("c.customer_id = '<p12>'", '"t"."customer_id" = :v1'),
]


@pytest.fixture(scope="module")
def lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JoinedWorld]:
    with joined_world(tmp_path_factory.mktemp("lite"), PLACES["SQLite, files"]) as built:
        yield built


def _scan(world: JoinedWorld, sql: str, *parameters: object) -> GovernedQuery:
    world.others["crm"].ran.clear()
    world.ask(sql, *parameters)
    (query,) = world.others["crm"].ran
    return query


@pytest.mark.parametrize("condition", KEPT)
def test_a_condition_that_could_leak_stays_out_of_the_scan(lite: JoinedWorld, condition: str) -> None:
    """What can fail, what both engines read differently, and what is about a mask is asked in DuckDB alone."""
    plan = lite.plan(JOINED + condition)
    (scan,) = plan.scans
    assert " WHERE " not in scan.plan.sql


@pytest.mark.parametrize(("condition", "handed"), HANDED_OVER)
def test_a_condition_that_cannot_leak_narrows_the_scan(lite: JoinedWorld, condition: str, handed: str) -> None:
    """Comparisons of clear columns and keys with values of their own type are made in the store."""
    sql = JOINED + condition.replace("<p12>", lite.pseudonym(12))
    query = _scan(lite, sql, *(["東京都"] if "?" in condition else []))
    assert handed in query.sql
    assert "abs" not in query.sql.lower()


def test_a_condition_on_what_an_outer_join_may_miss_narrows_the_scan_only_in_where(lite: JoinedWorld) -> None:
    """ON of an outer join keeps the rows that it does not match, so that it narrows nothing."""
    on = "SELECT c.points FROM pos.order_lines o LEFT JOIN crm.customers c ON c.points = 5 AND c.points > o.quantity"
    assert " WHERE " not in lite.plan(on).scans[0].plan.sql


def test_a_scan_reads_the_columns_of_the_statement_alone(lite: JoinedWorld) -> None:
    """Neither other columns, nor what shows nothing, nor the raw key: it is a number already."""
    query = _scan(lite, "SELECT c.customer_id, c.name, c.birth_date, o.quantity FROM crm.customers c"
                        " JOIN pos.order_lines o USING (customer_id)")  # fmt: skip
    assert [output.name for output in query.outputs] == ["birth_date"]
    assert query.hidden == 1
    assert {column for table, column in query.reads if table == "customers"} == {"birth_date", "customer_id"}


def test_a_scan_holds_no_value_in_its_text_that_is_a_key(lite: JoinedWorld) -> None:
    """Keys and tokens are bound."""
    query = _scan(lite, JOINED + f"c.customer_id = '{lite.pseudonym(12)}'")
    assert str(FIRST_ID + 12) not in query.sql
    assert FIRST_ID + 12 in query.parameters.values()


def test_a_store_that_answers_with_another_view_is_not_believed(lite: JoinedWorld) -> None:
    """Whom a scan lets through against the statement's own view, DuckDB does not."""
    sql = "SELECT count(DISTINCT c.customer_id) FROM crm.customers c LEFT JOIN pos.order_lines o USING (customer_id)"
    agreed = lite.ask(sql).rows
    plan = lite.plan(sql)
    (scan,) = plan.scans
    (people,) = scan.plan.projections
    everybody = replace(people, table=f"p_{'0' * 12}", cells=())  # a table that lists whoever is known
    scan_of_all = replace(
        scan.plan,
        sql=scan.plan.sql.replace(people.table, everybody.table),
        projections=(everybody,),
        reads=frozenset((everybody.table if t == people.table else t, c) for t, c in scan.plan.reads),
    )
    requester, purpose = lite.catalogue.requesters["recommender"], lite.catalogue.purposes["recommendation"]
    question = lite.gateway.statements.read(requester, purpose, sql)
    assert question._plans
    question._plans = dict.fromkeys(question._plans, replace(plan, scans=(replace(scan, plan=scan_of_all),)))
    try:
        assert lite.ask(sql).rows == agreed
    finally:
        lite.gateway.statements._known.clear()

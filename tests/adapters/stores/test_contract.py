"""What every store does, whatever its engine: one suite, each test on DuckDB, SQLite and PostgreSQL.

``test_contract_engine.py`` has the half that is about the engine: rights, settings, types, faults, lost connections.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sekisho.domain.governed import GovernedQuery
from sekisho.domain.terms import StoreKind
from sekisho.errors import SekishoError, StatementRefused, StoreUnavailable
from sekisho.ports import ConsentView
from tests.adapters.stores.bench import CLEAR, ROWS, Bench, agreeing, places
from tests.query.world import World, number_of


def test_an_answer_is_of_the_people_in_the_view(bench: Bench) -> None:
    """Rows belong to members of the consent view, each of whom has some; nobody's rows have no number."""
    query = bench.governed(ROWS)
    people = bench.people(query, bench.view())
    assert people <= agreeing()
    assert len(people) == len(agreeing())


def test_without_cells_everybody_is_there(bench: Bench) -> None:
    """Where no consent is needed every person's rows come; nobody's are never released as rows."""
    query = bench.governed(ROWS, purpose="fraud")
    rows = sum(batch.num_rows for batch in bench.batches(query, None))
    assert rows == sum(row["place"] is not None for row in bench.world.rows[bench.dataset])
    assert None not in bench.people(query, None)


def test_pages_are_no_larger_than_asked(bench: Bench) -> None:
    """Batches hold at most page_rows rows, and all rows together."""
    batches = bench.batches(bench.governed(ROWS), bench.view(), page_rows=7)
    assert {batch.num_rows for batch in batches[:-1]} == {7}
    assert batches[-1].num_rows <= 7
    whole = bench.batches(bench.governed(ROWS), bench.view())
    assert sum(batch.num_rows for batch in batches) == sum(batch.num_rows for batch in whole)


def test_an_empty_answer_has_a_schema(bench: Bench) -> None:
    """An answer without rows is one batch of the answer's columns."""
    query = bench.governed(f"SELECT customer_id, {CLEAR[bench.kind]} AS x FROM {{}} WHERE {CLEAR[bench.kind]} = -5")
    (batch,) = bench.batches(query, bench.view())
    assert batch.num_rows == 0
    assert batch.schema.names[:2] == ["customer_id", "x"]
    assert batch.schema.types[0] == pa.int64()


def test_consent_that_changed_is_followed(bench: Bench) -> None:
    """A view after a withdrawal or a yes, one or many changes later, is what the next statement sees."""
    query, ledger = bench.governed(ROWS), bench.world.consents
    before = bench.people(query, bench.view())
    gone = sorted(before)[:3]
    ledger.withdraw("recommendation", gone[0])
    assert bench.people(query, bench.view()) == before - {gone[0]}
    ledger.withdraw("recommendation", gone[1])
    ledger.withdraw("recommendation", gone[2])
    ledger.give("recommendation", gone[0])
    assert bench.people(query, bench.view()) == before - {gone[1], gone[2]}


def test_an_older_view_brings_nobody_back(bench: Bench) -> None:
    """A statement with an older view takes nothing from the statements after it."""
    query = bench.governed(ROWS)
    old = bench.view()
    before = bench.people(query, old)
    gone = min(before)
    bench.world.consents.withdraw("recommendation", gone)
    assert gone not in bench.people(query, bench.view())
    assert gone not in bench.people(query, old) or bench.kind is not StoreKind.DUCKDB
    assert gone not in bench.people(query, bench.view())


def test_people_who_were_added_are_there(bench: Bench) -> None:
    """A new version of the identifiers makes the people table anew."""
    people = bench.world.people
    place = next(row["place"] for row in bench.world.rows[bench.dataset] if row["place"] in places())
    key = str(17001 + place)
    number = people.known["customer_id"].pop(key)
    query = bench.governed(ROWS)
    assert number not in bench.people(query, bench.view())
    people.known["customer_id"][key] = number
    people.version += 1
    assert number in bench.people(query, bench.view())


@pytest.mark.parametrize("spelt", ["0{}", "0x{:x}", "{}.0", "+{}", "x{}", "9223372036854{}"])
@pytest.mark.parametrize("purpose", ["recommendation", "fraud"])
def test_a_key_that_the_store_cannot_hold_is_nobodys_row(bench: Bench, spelt: str, purpose: str) -> None:
    """A number in another spelling is somebody else, who has no rows, and keeps nobody's rows from anybody."""
    people = bench.world.people
    consent = purpose == "recommendation"
    query = bench.governed(ROWS, purpose=purpose)
    before = bench.people(query, bench.view() if consent else None)
    place = next(row["place"] for row in bench.world.rows[bench.dataset] if row["place"] in places())
    other = max(people.known["customer_id"].values()) + 1
    people.known["customer_id"][spelt.format(17001 + place)] = other
    people.version += 1
    if consent:
        bench.world.consents.withdraw(purpose, number_of(place))
        bench.world.consents.give(purpose, other)
        before -= {number_of(place)}
    assert bench.people(query, bench.view() if consent else None) == before


def test_cells_and_purposes_have_tables_of_their_own(bench: Bench) -> None:
    """Statements of two purposes do not disturb each other."""
    first, second = bench.governed(ROWS), bench.governed(ROWS, purpose="advertising")
    for _ in range(2):
        assert bench.people(first, bench.view()) <= agreeing()
        assert bench.people(second, bench.view("advertising")) <= agreeing("advertising")
    assert bench.people(first, bench.view()) != bench.people(second, bench.view("advertising"))


def test_parameters_are_bound(bench: Bench) -> None:
    """A token finds its person's rows by number and by key."""
    place = next(row["place"] for row in bench.world.rows[bench.dataset] if row["place"] in places())
    query = bench.governed("SELECT customer_id FROM {} WHERE customer_id = ?", bench.world.pseudonym(place))
    assert bench.people(query, bench.view()) == {number_of(place)}


def test_a_fault_of_the_statement_has_none_of_the_engines_words(bench: Bench) -> None:
    """An expression that fails on a row is refused; neither value nor engine text leaves, not even as cause."""
    expression = {
        StoreKind.DUCKDB: "CAST(stock_code AS INT)",
        StoreKind.SQLITE: "abs(minutes - 9223372036854775807 - 9)",
        StoreKind.POSTGRESQL: "CAST(channel AS INT)",
    }[bench.kind]
    query = bench.governed(f"SELECT {expression} AS x FROM {{}}")
    with pytest.raises(StatementRefused) as caught:
        bench.batches(query, bench.view())
    assert not re.search("S0|mail|phone|chat", str(caught.value))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_fault_in_the_middle_of_an_answer_is_no_other(bench: Bench) -> None:
    """A row that fails after pages have gone out ends the answer by the same refusal."""
    column = CLEAR[bench.kind]
    query = bench.governed(ROWS)
    engine = "'late' || " if bench.kind is StoreKind.DUCKDB else ""
    if bench.kind is StoreKind.DUCKDB:
        sql = f"SELECT CAST(CASE WHEN i = 300000 THEN {engine}i ELSE '1' END AS INT) AS x FROM range(400000) r(i)"
        query = replace(query, sql=sql, hidden=0, projections=())
        bench.store._checked.add((sql,))
    elif bench.kind is StoreKind.POSTGRESQL:
        value = "CAST(CASE WHEN i = 300000 THEN 'late' || i ELSE '1' END AS int) AS x"
        sql = f"SELECT {value} FROM generate_series(1, 400000) AS r(i)"
        query = replace(query, sql=sql, outputs=query.outputs[:1], hidden=0, projections=())
        bench.store._checked.add((sql, query.reads))
    else:
        sql = (
            "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 3000)"
            " SELECT abs(CASE WHEN i = 2500 THEN -9223372036854775807 - 1 ELSE i END) AS x FROM r"
        )
        query = replace(query, sql=sql, hidden=0, projections=(), reads=frozenset({("r", "i")}))
    assert column

    async def read() -> int:
        seen = 0
        async for batch in bench.store.fetch(query, None, bench.world.people, page_rows=1000):
            seen += batch.num_rows
        return seen

    with pytest.raises(StatementRefused) as caught:
        bench.world._runner.run(read())
    assert "late" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_statement_that_takes_too_long_is_stopped(bench: Bench) -> None:
    """The clock runs out: the statement ends, the store is usable, and it says so without the engine's words."""
    bench.store._timeout = 0.3
    query = bench.governed(
        "SELECT count(*) AS n FROM {0} a, {0} b, {0} c, {0} d, {0} e WHERE a.customer_id = b.customer_id"
    )
    with pytest.raises(StoreUnavailable, match="too long"):
        bench.batches(query, bench.view())
    bench.store._timeout = 20
    assert bench.people(bench.governed(ROWS), bench.view())


def test_a_reader_who_stops_leaves_the_store_usable(bench: Bench) -> None:
    """An answer that nobody reads to its end is given up."""
    query, view = bench.governed(ROWS), bench.view()

    async def one_page() -> None:
        pages = bench.store.fetch(query, view, bench.world.people, page_rows=2)
        await anext(pages)
        await pages.aclose()

    for _ in range(12):
        bench.world._runner.run(one_page())
    assert bench.people(bench.governed(ROWS), bench.view())


def test_many_statements_at_once(bench: Bench) -> None:
    """Statements of two purposes at once each see their own people."""
    first, second = bench.governed(ROWS), bench.governed(ROWS, purpose="advertising")
    views = bench.view(), bench.view("advertising")

    async def people(query: GovernedQuery, view: ConsentView) -> set[int]:
        found: set[int] = set()
        async for batch in bench.store.fetch(query, view, bench.world.people, page_rows=10):
            found |= set(batch.column(1).to_pylist())
        return found

    async def all_at_once() -> list[set[int]]:
        return await asyncio.gather(*(people((first, second)[i % 2], views[i % 2]) for i in range(12)))

    for i, found in enumerate(bench.world._runner.run(all_at_once())):
        assert found <= agreeing(("recommendation", "advertising")[i % 2])
        assert found


@pytest.mark.parametrize(
    "what",
    ["another table", "a column less", "a function", "a write", "a write in WITH", "two", "a pragma", "no SELECT"],
)
def test_the_second_oracle_refuses_what_was_not_planned(bench: Bench, what: str) -> None:
    """A statement that the engine reads differently from its plan does not run, whatever the rewriter thought."""
    query = bench.governed(ROWS)
    physical, other, schema = {
        StoreKind.DUCKDB: ('"pos"."order_lines"', '"pos"."secrets"', "people"),
        StoreKind.SQLITE: ('"main"."tickets"', '"main"."hidden"', "temp"),
        StoreKind.POSTGRESQL: ('"public"."tickets"', '"public"."customers"', "sekisho"),
    }[bench.kind]
    people = f'"{schema}"."{query.projections[0].table}"'
    sql = {
        "another table": f"{query.sql} WHERE EXISTS (SELECT 1 FROM {other})",
        "a column less": query.sql + " ",  # another text: a statement that is known is not looked at again
        "a function": {
            StoreKind.DUCKDB: f"SELECT * FROM ({query.sql}) x, read_text('/etc/hostname')",
            StoreKind.SQLITE: f"SELECT hex(customer_id) AS customer_id, __person_0 FROM ({query.sql}) x",
            StoreKind.POSTGRESQL: f"SELECT x.* FROM ({query.sql}) x, generate_series(1, 2)",
        }[bench.kind],
        "a write": f"DELETE FROM {people}",
        "a write in WITH": f"WITH d AS (DELETE FROM {people} RETURNING *) SELECT n, n FROM d",
        "two": f"{query.sql}; {query.sql}",
        "a pragma": "SHOW ALL" if bench.kind is StoreKind.POSTGRESQL else "PRAGMA database_list",
        "no SELECT": f"DROP TABLE {physical}" if bench.kind is StoreKind.SQLITE else f"EXPLAIN {query.sql}",
    }[what]
    reads = query.reads
    if what == "a column less":
        if bench.kind is not StoreKind.SQLITE:  # they compare tables
            reads = frozenset()
        else:
            reads = frozenset(pair for pair in reads if pair != ("tickets", "customer_id"))
    bench.people(query, bench.view())  # the people table stands
    with pytest.raises(SekishoError):
        bench.batches(replace(query, sql=sql, reads=reads), bench.view())
    assert bench.people(query, bench.view()) == {n for n in bench.people(query, bench.view()) if n in agreeing()}
    assert len(bench.people(query, bench.view())) == len(agreeing())


def test_health_says_whether_the_data_is_there(bench: Bench) -> None:
    """A store whose files are gone is not healthy."""
    assert bench.world._runner.run(bench.store.healthy())
    bench.take_away()
    assert not bench.world._runner.run(bench.store.healthy())


def test_files_that_are_gone_are_a_store_that_is_unavailable(bench: Bench) -> None:
    """Without its files a store says that it is unavailable, and nothing of the path."""
    query, view = bench.governed(ROWS), bench.view()
    bench.take_away()
    with pytest.raises(StoreUnavailable) as caught:
        bench.batches(query, view)
    assert str(bench.folder) not in str(caught.value)


def test_numbers_come_as_numbers(bench: Bench) -> None:
    """Hidden columns are 64-bit integers, also where some are null."""
    query = bench.governed(ROWS, purpose="fraud")
    for batch in bench.batches(query, None, page_rows=50):
        assert batch.column(batch.num_columns - 1).type == pa.int64()
        assert np.asarray(batch.column(0).fill_null(-1)).dtype == np.int64


def test_sqlite_files_are_never_written(tmp_path: Path) -> None:
    """The SQLite file is opened read-only: not a byte of it changes, and no journal appears beside it."""
    with World(tmp_path) as world:
        before = (tmp_path / "crm.db").read_bytes()
        for _ in range(3):
            world.ask("SELECT customer_id, note FROM crm.customers")
        assert (tmp_path / "crm.db").read_bytes() == before
        assert {path.name for path in tmp_path.iterdir()} == {"crm.db", "pos", "web"}
        sqlite: Any = world.watched["crm"].inner
        connection = world._runner.run(sqlite._acquire())
        with pytest.raises(sqlite3.OperationalError):
            connection.db.execute("DELETE FROM customers")

"""What every store does, whatever its engine: one suite, each test on DuckDB, SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sekisho.adapters.stores.postgresql import PostgresStore
from sekisho.domain.governed import GovernedQuery
from sekisho.domain.terms import StoreKind
from sekisho.errors import SekishoError, StatementRefused, StoreUnavailable
from sekisho.ports import ConsentView
from sekisho.query.plan import bind
from sekisho.query.statements import Statements
from tests.adapters.stores.servers import Server, database
from tests.query.world import DATASETS as CATALOGUE
from tests.query.world import PEOPLE, PURPOSES, REQUESTERS, World, agrees, number_of

DATASETS = {
    StoreKind.DUCKDB: "pos.order_lines",
    StoreKind.SQLITE: "crm.tickets",
    StoreKind.POSTGRESQL: "crm.tickets",
}
CLEAR = {StoreKind.DUCKDB: "quantity", StoreKind.SQLITE: "minutes", StoreKind.POSTGRESQL: "minutes"}


@dataclass
class Bench:
    """One store of a world of its own, and what it needs to run a statement."""

    world: World
    kind: StoreKind
    folder: Path
    server: Server | None = None
    postgres: PostgresStore | None = None

    @property
    def store(self) -> Any:
        """The store."""
        if self.postgres is not None:
            return self.postgres
        return self.world.watched["duckdb" if self.kind is StoreKind.DUCKDB else "crm"].inner

    @property
    def dataset(self) -> str:
        """One of its datasets."""
        return DATASETS[self.kind]

    def governed(self, sql: str, *parameters: object, purpose: str = "recommendation") -> GovernedQuery:
        """Return the governed statement; ``{}`` in *sql* is the dataset."""
        question = self.statements.read(REQUESTERS["recommender"], PURPOSES[purpose], sql.format(self.dataset))
        plan = question.plan(self.world.policy.permit(question.request))
        return bind(plan, parameters, self.world.keyed(purpose=purpose, plan=plan))

    @cached_property
    def statements(self) -> Statements:
        """What reads statements over this store."""
        declared = self.world.catalogue
        if self.server is None:
            return Statements(declared)
        return Statements(replace(declared, stores={**declared.stores, "crm": self.server.store()}))

    def view(self, purpose: str = "recommendation") -> ConsentView:
        """Return who agrees now."""
        return self.world._runner.run(self.world.consents.view((purpose,)))  # type: ignore[arg-type]

    def batches(
        self, query: GovernedQuery, view: ConsentView | None, page_rows: int = 10_000
    ) -> list[pa.RecordBatch]:
        """Return all batches of a statement."""

        async def read() -> list[pa.RecordBatch]:
            return [b async for b in self.store.fetch(query, view, self.world.people, page_rows=page_rows)]

        return self.world._runner.run(read())

    def take_away(self) -> None:
        """Take the data away from the store."""
        if self.server is not None:
            self.server.run("ALTER TABLE tickets RENAME TO moved")
            return
        target = self.folder / ("pos" if self.kind is StoreKind.DUCKDB else "crm.db")
        target.rename(target.with_name("moved"))

    def people(self, query: GovernedQuery, view: ConsentView | None) -> set[int]:
        """Return the hidden person numbers of an answer."""
        table = pa.Table.from_batches(self.batches(query, view))
        return {n for column in table.columns[-query.hidden :] for n in column.to_pylist()}


@pytest.fixture(
    params=[
        pytest.param(kind, marks=[pytest.mark.postgres, pytest.mark.enable_socket])
        if kind is StoreKind.POSTGRESQL
        else kind
        for kind in StoreKind
    ],
    ids=[kind.value for kind in StoreKind],
)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    with World(tmp_path) as world:
        if request.param is not StoreKind.POSTGRESQL:
            yield Bench(world, request.param, tmp_path)
            return
        crm = [dataset for dataset in CATALOGUE.values() if dataset.store == "crm"]
        with database() as server:
            for dataset in crm:
                server.load(dataset, world.rows[dataset.name])
            server.run("CREATE TABLE hidden (customer_id bigint, secret text)")
            server.bootstrap(crm)
            store = PostgresStore(server.store(), CATALOGUE, timeout=20)
            yield Bench(world, request.param, tmp_path, server, store)
            world._runner.run(settled(store))
            store.close()


async def settled(store: PostgresStore) -> None:
    """Wait for the connections that are being given back."""
    await asyncio.gather(*store._settling)


ROWS = "SELECT customer_id FROM {}"


def agreeing(purpose: str = "recommendation") -> set[int]:
    return {number_of(p) for p in range(PEOPLE) if agrees(p, purpose)}


def places() -> list[int]:
    return [p for p in range(PEOPLE) if agrees(p, "recommendation")]


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
        bench.store._checked.add(sql)
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

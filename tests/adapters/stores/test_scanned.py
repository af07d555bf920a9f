"""Scans of other stores: one breaks off, is too large, is cancelled, or consent changes meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pytest

from sekisho.adapters.stores import scanned
from sekisho.domain.governed import GovernedQuery
from sekisho.domain.terms import StoreKind
from sekisho.errors import ConsentUnavailable, SekishoError, StatementRefused, StoreUnavailable
from sekisho.ports import ConsentView, DataStore
from sekisho.release import Ask
from tests.adapters.stores.servers import Server
from tests.query.joined import PLACES, JoinedWorld, joined_world, servers_of
from tests.query.world import FIRST_ID, REQUESTERS, agrees, number_of

pytestmark = [pytest.mark.enable_socket]

ROWS = "SELECT c.customer_id, c.points, o.stock_code FROM crm.customers c JOIN pos.order_lines o USING (customer_id)"
COUNT = "SELECT count(DISTINCT c.customer_id) AS n FROM crm.customers c JOIN pos.order_lines o USING (customer_id)"


@dataclass
class Meddled:
    """A store that does something else between its pages."""

    inner: DataStore
    before: Callable[[int], Awaitable[None]]
    pages: int = 0
    closed: int = 0
    running: asyncio.Event = field(default_factory=asyncio.Event)

    async def fetch(
        self, query: GovernedQuery, consent: ConsentView | None, people: Any, *, page_rows: int
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        """Yield the pages of the store, and meddle before each and after the last."""
        self.running.set()
        try:
            async for page in self.inner.fetch(query, consent, people, page_rows=page_rows):
                await self.before(self.pages)
                self.pages += 1
                yield page
            await self.before(-1)
        finally:
            self.closed += 1

    async def healthy(self) -> bool:
        """As the store."""
        return await self.inner.healthy()


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[JoinedWorld]:
    monkeypatch.setattr(scanned, "_PAGE_ROWS", 7)
    with joined_world(tmp_path_factory.mktemp("scans"), PLACES["SQLite, SQLite, files"]) as built:
        yield built


def meddle(world: JoinedWorld, store: str, before: Callable[[int], Awaitable[None]]) -> Meddled:
    """Let *before* run between the pages of a store's scans."""
    meddled = Meddled(world.others[store], before)
    world.duckdb._scans._stores[store] = meddled
    return meddled


def held(world: JoinedWorld) -> int:
    """Return how many bytes of scans are held."""
    return world.duckdb._scans._together


def tables(world: JoinedWorld) -> list[Any]:
    """Return the temporary tables that any connection still has."""
    return world.duckdb._db.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall()


async def nothing(_page: int) -> None:
    """Do nothing."""


def test_a_scan_comes_in_pages_and_is_gone_afterwards(world: JoinedWorld) -> None:
    """Pages are taken in one by one; when the answer is there, nothing is held any more."""
    crm = meddle(world, "crm", nothing)
    assert world.ask(COUNT).rows
    assert crm.pages > 2
    assert (held(world), tables(world)) == (0, [])


def test_a_scan_that_is_too_large_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What would be held is bounded; the refusal says what to do, and nothing stays."""
    with joined_world(tmp_path_factory.mktemp("small"), PLACES["SQLite, files"], scan_bytes=300) as small:
        crm = meddle(small, "crm", nothing)
        with pytest.raises(StatementRefused, match="more than may be held"):
            small.ask(ROWS)
        assert crm.closed == 1
        assert (held(small), tables(small)) == (0, [])
        # Less of the same store fits.
        assert small.ask(f"{ROWS} WHERE c.customer_id = '{small.pseudonym(12)}'").rows


def test_statements_at_once_share_what_may_be_held(world: JoinedWorld) -> None:
    """Whoever comes when the others hold it all is asked to come again."""
    world.duckdb._scans._together = world.duckdb._scans._most_together
    with pytest.raises(StoreUnavailable, match="ask again"):
        world.ask(COUNT)
    world.duckdb._scans._together = 0
    assert world.ask(COUNT).rows


@pytest.mark.parametrize("fault", [StoreUnavailable("It is gone."), ConsentUnavailable("It changed.")])
def test_a_store_that_breaks_off_ends_the_statement_and_the_other_scans(
    world: JoinedWorld, fault: SekishoError
) -> None:
    """Its own error is the answer's; nothing is released, and no other scan goes on."""

    async def wait(_page: int) -> None:
        await asyncio.Event().wait()

    async def fail(page: int) -> None:
        if page == 1:
            raise fault

    pos, crm = meddle(world, "pos", wait), meddle(world, "crm", fail)
    with pytest.raises(type(fault)):
        world.ask(COUNT)
    assert (pos.closed, crm.closed) == (1, 1)
    assert (held(world), tables(world)) == (0, [])
    assert [record["kind"] for record in world.audit.records] == ["access.deny"]


def test_who_goes_away_stops_every_scan(world: JoinedWorld) -> None:
    """A request that is cancelled while its stores are read leaves none of them running."""

    async def wait(_page: int) -> None:
        await asyncio.Event().wait()

    pos, crm = meddle(world, "pos", wait), meddle(world, "crm", wait)

    async def leave() -> None:
        asked = asyncio.ensure_future(
            world.gateway.query(REQUESTERS["recommender"], Ask("recommendation", COUNT, (), None))
        )
        await asyncio.gather(pos.running.wait(), crm.running.wait())
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked

    world._runner.run(leave())
    assert (pos.closed, crm.closed) == (1, 1)
    assert (held(world), tables(world)) == (0, [])


def test_a_scan_that_takes_too_long_is_stopped(world: JoinedWorld) -> None:
    """The time of a statement counts its scans."""

    async def wait(_page: int) -> None:
        await asyncio.Event().wait()

    crm = meddle(world, "crm", wait)
    world.duckdb._timeout = 0.2
    with pytest.raises(StoreUnavailable, match="too long"):
        world.ask(COUNT)
    assert crm.closed == int(crm.running.is_set())


@pytest.mark.parametrize("store", ["crm", "pos"])
def test_who_withdraws_after_the_scan_is_in_no_answer(world: JoinedWorld, store: str) -> None:
    """Rows are rechecked before they leave; an aggregate is computed once more."""
    leaving = next(p for p in range(10, 50) if agrees(p, "recommendation"))
    before = world.ask(COUNT).rows[0][0]
    assert isinstance(before, int)
    pseudonym = world.pseudonym(leaving)
    assert pseudonym in world.ask(ROWS).column("customer_id")

    async def withdraw(page: int) -> None:
        if page == -1 and number_of(leaving) in world.consents.members["recommendation"]:
            world.consents.withdraw("recommendation", number_of(leaving))

    meddle(world, store, withdraw)
    assert pseudonym not in world.ask(ROWS).column("customer_id")
    world.consents.give("recommendation", number_of(leaving))
    assert world.ask(COUNT).rows[0][0] == before - 1


def test_who_agrees_meanwhile_spoils_no_aggregate(world: JoinedWorld) -> None:
    """An aggregate over which people agreed, and nobody withdrew, leaves as it was computed."""
    coming = [p for p in range(10, 50) if not agrees(p, "recommendation")]
    before = world.ask(COUNT).rows

    async def agree(_: int) -> None:
        if coming:
            world.consents.give("recommendation", number_of(coming.pop()))

    meddle(world, "pos", agree)
    assert world.ask(COUNT).rows == before
    assert world.ask(COUNT).rows > before


def test_the_record_names_every_store(world: JoinedWorld) -> None:
    """Datasets and stores of the whole statement stand in the record of the release."""
    world.ask(ROWS)
    (record,) = world.audit.records
    assert record["stores"] == ["crm", "pos"]
    assert record["datasets"] == ["crm.customers", "pos.order_lines"]


def test_explain_shows_what_each_store_runs_without_values(world: JoinedWorld) -> None:
    """The statement over the scans, and each scan in its store's own words; no literal."""
    sql = f"{ROWS} WHERE c.points > 12345 AND o.country = 'Atlantis'"
    ask = Ask("recommendation", sql, (), None)
    told = world._runner.run(world.gateway.explain(REQUESTERS["recommender"], ask))
    statements = told["statements"]
    assert isinstance(statements, list)
    *scans, whole = statements
    assert {(scan["engine"], *scan["stores"]) for scan in scans} == {("sqlite", "crm"), ("sqlite", "pos")}
    assert all('WHERE "t".' in scan["sql"] for scan in scans)
    assert (whole["engine"], whole["stores"]) == ("duckdb", ["crm", "pos"])
    assert "12345" not in str(told)
    assert "Atlantis" not in str(told)


def test_dates_and_instants_of_texts(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Texts become dates and instants in UTC; one that is none is NULL, and no error that tells of a row."""
    person = next(p for p in range(10, 50) if agrees(p, "recommendation"))
    with joined_world(tmp_path_factory.mktemp("texts"), PLACES["SQLite, files"]) as world:
        import sqlite3

        values = {
            "2020-01-02T03:04:05Z": "2020-01-02 03:04:05",
            "2020-01-02 12:04:05+09:00": "2020-01-02 03:04:05",
            "2020-01-02": "2020-01-02 00:00:00",
            "not an instant": None,
        }
        with sqlite3.connect(world.folder / "crm.db") as db:
            db.execute("DELETE FROM tickets")
            marks = [(FIRST_ID + person, f"T{n}", text) for n, text in enumerate(values)]
            db.executemany("INSERT INTO tickets (customer_id, ticket_id, opened_at) VALUES (?, ?, ?)", marks)
            db.execute("UPDATE customers SET signed_up_on = 'no day' WHERE customer_id = ?", [FIRST_ID + person])
        db.close()
        rows = world.ask(
            "SELECT DISTINCT t.opened_at FROM crm.tickets t JOIN pos.order_lines o USING (customer_id)"
        ).rows
        assert {row[0] and str(row[0]) for row in rows} == set(values.values())
        days = world.ask("SELECT c.signed_up_on FROM crm.customers c JOIN pos.order_lines o USING (customer_id)").rows
        assert None in {row[0] for row in days}


# -- PostgreSQL ----------------------------------------------------------------------------------------


@pytest.fixture
def served(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[JoinedWorld, Server]]:
    monkeypatch.setattr(scanned, "_PAGE_ROWS", 7)
    places = PLACES["PostgreSQL, files"]
    folder = tmp_path_factory.mktemp("served")
    with servers_of(places) as servers, JoinedWorld(folder, places, servers) as world:
        yield world, servers["crm"]


@pytest.mark.postgres
def test_a_server_that_goes_away_midway_releases_nothing(served: tuple[JoinedWorld, Server]) -> None:
    """Its connections are cut between two pages of a scan: the store is unavailable, and works again afterwards."""
    world, server = served
    assert world.ask(COUNT).rows

    async def cut(page: int) -> None:
        if page == 1:
            await asyncio.to_thread(
                server.run,
                f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{server.role}'",
            )

    world.audit.records.clear()
    crm = meddle(world, "crm", cut)
    with pytest.raises(StoreUnavailable):
        world.ask(ROWS)
    assert crm.closed == 1
    assert [record["kind"] for record in world.audit.records] == ["access.deny"]
    meddle(world, "crm", nothing)
    assert world.ask(COUNT).rows


@pytest.mark.postgres
def test_a_server_into_which_nothing_is_written_has_no_schema_of_the_gateways(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Its script makes none, statements over that store alone are DuckDB's and are answered, and none appears."""
    places = PLACES["PostgreSQL read only, files"]
    with servers_of(places) as servers, JoinedWorld(tmp_path_factory.mktemp("read"), places, servers) as world:
        sql = "SELECT prefecture, count(*) AS n FROM crm.customers WHERE points >= 10 GROUP BY ALL"
        with pytest.raises(StatementRefused, match="Over these stores, statements are DuckDB SQL"):
            world.ask(sql.replace("GROUP BY ALL", "GROUP BY 1 LIMIT ALL"))
        rows = world.ask("SELECT year(signed_up_on) AS y, count(*) AS n FROM crm.customers GROUP BY y").rows
        assert rows
        assert world.plan("SELECT points FROM crm.customers").engine is StoreKind.DUCKDB
        (found,) = servers["crm"].run("SELECT count(*) FROM pg_namespace WHERE nspname = 'sekisho'")
        assert found[0] == 0

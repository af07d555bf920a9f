"""PostgreSQL stores: what a connection is, whom it trusts, what it stops, and what it says."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Any

import pytest

from sekisho.adapters.stores.postgresql import PostgresStore, session
from sekisho.adapters.stores.postgresql.session import Time
from sekisho.domain.terms import Store, StoreKind
from sekisho.errors import StatementRefused, StoreUnavailable
from tests.adapters.stores.person import dataset_of
from tests.adapters.stores.servers import Server, database
from tests.adapters.stores.worker import ROWS, VISITS, Registry, Worker, plain, statement

pytestmark = [pytest.mark.postgres, pytest.mark.enable_socket]


# -- connections ---------------------------------------------------------------------------------------


async def test_every_setting_is_pinned_whatever_the_role_says(server: Server, worker: Worker) -> None:
    """What the server reports for a statement is what the gateway asked for, also against the role's own settings."""
    await asyncio.to_thread(
        server.run,
        f"ALTER ROLE {server.role} SET default_transaction_read_only = off; ALTER ROLE {server.role} SET TimeZone ="
        f" 'Asia/Tokyo'; ALTER ROLE {server.role} SET search_path = public; ALTER ROLE {server.role} SET jit = on",
    )
    opened = await worker.store._acquire(Time(10))
    found = dict(await opened.connection.fetch("SELECT name, setting FROM pg_settings"))
    worker.store._release(opened, settled=True)
    assert {name: found[name] for name in session.SETTINGS} == session.SETTINGS
    assert [found[name] for name in ("default_transaction_read_only", "TimeZone", "search_path", "row_security")] == [
        "on", "UTC", "pg_catalog, pg_temp", "on"
    ]  # fmt: skip
    assert found["client_encoding"] == "UTF8"
    assert found["statement_timeout"] == found["idle_in_transaction_session_timeout"] == "20000"


async def test_a_setting_that_the_server_changed_closes_the_store(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that reads a setting otherwise is not asked anything."""
    monkeypatch.setitem(session.SETTINGS, "lock_timeout", "3s")  # it reports 3000
    with pytest.raises(StoreUnavailable, match="did not accept the setting lock_timeout"):
        await worker.people(None, statement('SELECT 1 AS "x"', (plain(),), hidden=0, projections=()))


EXCESSES = {
    "superuser": ("ALTER ROLE {role} SUPERUSER", "is a superuser"),
    "bypasses": ("ALTER ROLE {role} BYPASSRLS", "bypasses row-level security"),
    "creates roles": ("ALTER ROLE {role} CREATEROLE", "may create roles"),
    "reads everything": ("GRANT pg_read_all_data TO {role}", "predefined role"),
    "owner": ("ALTER TABLE visits OWNER TO {role}", "owns a governed table"),
    "writer": ("GRANT DELETE ON visits TO {role}", "may change a governed table"),
    "writes a column": ("GRANT UPDATE (place) ON visits TO {role}", "may change a governed table"),
    "writes as public": ("GRANT INSERT ON visits TO PUBLIC", "may change a governed table"),
}


@pytest.mark.parametrize("what", EXCESSES)
def test_a_role_that_could_do_more_than_read_is_refused(what: str) -> None:
    """The store is not opened by a role above the rules of the database, or one that may change what it reads."""
    change, told = EXCESSES[what]
    with database() as server:
        server.run("CREATE TABLE visits (customer_id bigint, place text)")
        server.bootstrap([VISITS])
        server.run(change.format(role=server.role))
        store = PostgresStore(server.store(), {VISITS.name: VISITS})
        with pytest.raises(StoreUnavailable, match=told) as caught:
            asyncio.run(_one(store))
        assert "sekisho stores bootstrap crm" in str(caught.value)
        assert not asyncio.run(store.healthy())
        if what == "owner":
            server.run("ALTER TABLE visits OWNER TO CURRENT_USER")
        server.run(f"DROP OWNED BY {server.role}")


async def _one(store: PostgresStore) -> None:
    registry: Any = Registry([])
    asked = statement('SELECT 1 AS "x"', (plain(),), hidden=0, projections=())
    async for _ in store.fetch(asked, None, registry, page_rows=1):
        pass


async def test_a_column_that_is_not_granted_cannot_be_read(worker: Worker) -> None:
    """The database itself keeps back what the catalogue does not name, and the answer says how to grant."""
    asked = statement('SELECT "t"."secret" AS "x" FROM "public"."visits" AS "t"', (plain(),), hidden=0)
    with pytest.raises(StoreUnavailable, match="may not read all"):
        await worker.people(worker.view(1, range(10)), asked)


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/crm", "postgresql://n@/crm?host=/nowhere"])
async def test_a_server_that_is_not_there_is_a_store_that_is_unavailable(url: str) -> None:
    """Nothing of the address stands in the error."""
    store = PostgresStore(Store("crm", StoreKind.POSTGRESQL, url), {})
    with pytest.raises(StoreUnavailable) as caught:
        await _one(store)
    assert not re.search("nobody|127|nowhere", str(caught.value))
    assert caught.value.__suppress_context__
    assert not await store.healthy()


async def test_connections_that_were_lost_are_made_anew(server: Server, worker: Worker) -> None:
    """When the server ends every connection, at most what was running fails; the next statement is answered."""
    view = worker.view(1, [1, 2])
    assert await worker.people(view) == {1, 2}
    pages = worker.store.fetch(statement(), view, worker.registry, page_rows=1)  # type: ignore[arg-type]
    await anext(pages)
    await asyncio.to_thread(
        server.run,
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{server.role}'",
    )
    with pytest.raises(StoreUnavailable) as caught:
        async for _ in pages:
            pass
    assert caught.value.__suppress_context__
    with_luck = await asyncio.gather(worker.people(view), return_exceptions=True)
    assert isinstance(with_luck[0], set | StoreUnavailable)
    assert await worker.people(view) == {1, 2}


# -- what runs, and what stops it --------------------------------------------------------------------

SLOW = statement("SELECT 'a' || pg_sleep(600)::text AS \"x\"", (plain(),), hidden=0, projections=())


async def running(server: Server) -> list[Any]:
    """Return what the gateway's role is doing."""
    found = await asyncio.to_thread(
        server.run, f"SELECT state, query FROM pg_stat_activity WHERE usename = '{server.role}'"
    )
    return [row for row in found if row["state"] != "idle"]


async def until(done: Any) -> None:
    """Wait until *done* answers true."""
    async with asyncio.timeout(30):
        while not await done():  # noqa: ASYNC110 - the server calls nobody back
            await asyncio.sleep(0.02)


async def test_a_caller_who_goes_away_stops_the_statement_on_the_server(
    server: Server, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway cancels what runs for a caller who is gone, and the place of its connection is free again."""
    monkeypatch.setitem(session.SETTINGS, "client_connection_check_interval", "0")  # the server's own way
    for _ in range(3):  # there are two places
        asked = asyncio.ensure_future(worker.people(None, worker.trust(SLOW)))
        await until(lambda: _sleeps(server))
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await until(lambda: _quiet(server))
    assert await worker.people(worker.view(1, [3])) == {3}


async def _sleeps(server: Server) -> bool:
    return any("pg_sleep" in row["query"] for row in await running(server))


async def _quiet(server: Server) -> bool:
    return not await running(server)


async def test_time_that_runs_out_stops_the_statement_on_the_server(server: Server, worker: Worker) -> None:
    """What takes too long is cancelled there, too."""
    worker.store._timeout = 0.5
    with pytest.raises(StoreUnavailable, match="too long"):
        await worker.people(None, worker.trust(SLOW))
    await until(lambda: _quiet(server))


async def test_a_reader_who_stops_leaves_no_snapshot_open(server: Server, worker: Worker) -> None:
    """An answer that nobody reads on ends its transaction, and its connection is used again."""
    view = worker.view(1, range(10))
    for _ in range(5):
        pages = worker.store.fetch(statement(), view, worker.registry, page_rows=2)  # type: ignore[arg-type]
        await anext(pages)
        await pages.aclose()
        await asyncio.gather(*worker.store._settling)
    assert await _quiet(server)
    assert len(worker.store._idle) == 1


async def test_nothing_is_held_in_memory_but_a_page(worker: Worker) -> None:
    """A large answer comes from a cursor: the server computes rows when they are asked for."""
    # The row that fails stands after the first pages; who stops before it never meets it.
    sql = 'SELECT (1 / (3000 - i))::text AS "x" FROM generate_series(1, 1000000) AS s(i)'
    asked = statement(sql, (plain(),), hidden=0, projections=(), reads=frozenset())
    worker.trust(asked)
    registry: Any = worker.registry
    pages = worker.store.fetch(asked, None, registry, page_rows=1000)
    assert [(await anext(pages)).num_rows for _ in range(2)] == [1000, 1000]
    await pages.aclose()
    with pytest.raises(StatementRefused):
        await worker.people(None, asked)


async def test_nothing_is_written_by_a_statement(server: Server, worker: Worker) -> None:
    """A statement that writes is refused by its transaction, whoever let it through."""
    await worker.people(worker.view(1, [1]))
    sql = 'WITH w AS (DELETE FROM "sekisho"."p_0123456789ab" RETURNING n) SELECT n::text AS "x" FROM w'
    asked = statement(sql, (plain(),), hidden=0)
    worker.trust(asked)
    with pytest.raises((StoreUnavailable, StatementRefused)):
        await worker.people(worker.view(1, [1]), asked)
    assert server_rows(server) == 1


def server_rows(server: Server) -> int:
    """Return how many rows the people table has."""
    return int(_in_thread(server, "SELECT count(*) FROM sekisho.p_0123456789ab")[0][0])


def _in_thread(server: Server, sql: str) -> list[Any]:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(server.run, sql).result()


# -- the second oracle -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [
        'EXISTS (SELECT 1 FROM "public"."hidden")',
        '"v"."customer_id" IN (SELECT customer_id FROM "public"."hidden")',
        "EXISTS (SELECT 1 FROM pg_catalog.pg_stats)",
        "EXISTS (SELECT 1 FROM generate_series(1, 2))",
        'EXISTS (SELECT 1 FROM "sekisho"."applied")',
    ],
    ids=["exists", "in", "statistics", "function", "own"],
)
async def test_what_was_not_planned_is_not_read(server: Server, worker: Worker, more: str) -> None:
    """A statement that the server reads differently from its plan does not run."""
    _in_thread(server, f"GRANT SELECT ON hidden TO {server.role}")
    view = worker.view(1, range(10))
    assert await worker.people(view)
    with pytest.raises(StatementRefused, match=r"more than|calls a function"):
        await worker.people(view, statement(f"{ROWS} WHERE {more}"))


async def test_a_value_does_not_hide_a_table_from_the_oracle(server: Server, worker: Worker) -> None:
    """A table that the first values rule out is seen all the same: the next values would read it."""
    _in_thread(server, f"GRANT SELECT ON hidden TO {server.role}")
    sql = f'{ROWS} WHERE $1::bigint = 1 AND EXISTS (SELECT 1 FROM "public"."hidden")'
    with pytest.raises(StatementRefused, match="more than was decided about"):
        await worker.people(worker.view(1, range(10)), statement(sql, parameters={"v0": 0}))


async def test_partitions_and_what_a_view_reads_stand_behind_their_table(empty: Server) -> None:
    """A governed relation may be partitioned, or a view: what stands behind it was decided about with it."""
    _in_thread(
        empty,
        "CREATE TABLE IF NOT EXISTS parted (customer_id bigint, place text) PARTITION BY RANGE (customer_id);"
        "CREATE TABLE IF NOT EXISTS parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (105);"
        "CREATE TABLE IF NOT EXISTS parted_2 PARTITION OF parted DEFAULT;"
        "INSERT INTO parted SELECT customer_id, place FROM visits;"
        "CREATE OR REPLACE VIEW seen AS SELECT customer_id, place FROM parted",
    )
    for relation in ("parted", "seen"):
        dataset = replace(VISITS, relation=relation)
        await asyncio.to_thread(empty.bootstrap, [dataset])
        store = PostgresStore(empty.store(), {dataset.name: dataset}, timeout=20)
        worker = Worker(store, Registry(list(range(10))))
        reads = frozenset({(f"public.{relation}", "customer_id")})
        view = worker.view(100, range(10))  # later than what the other tests left
        asked = statement(ROWS.replace("visits", relation), reads=reads)
        assert await worker.people(view, asked) == set(range(10))
        with pytest.raises(StatementRefused):
            await worker.people(view, replace(asked, reads=frozenset()))
        await asyncio.gather(*store._settling)
        store.close()


# -- one person's rows ---------------------------------------------------------------------------------


async def test_rows_of_a_key(worker: Worker) -> None:
    """The rows of one person come with the catalogue's columns, no more than asked for."""
    found = await worker.store.rows_with_key(VISITS, [101, 2**62], 3)
    assert [row[0] for row in found] == [101] * 3
    assert {len(row) for row in found} == {2}
    assert await worker.store.rows_with_key(VISITS, [1], 3) == []


async def test_each_first_question_of_a_connection_is_answered(server: Server) -> None:
    """A connection that knows its types already is asked for rows of a key by a statement that is new to it."""
    store = PostgresStore(server.store(), {VISITS.name: VISITS}, timeout=20, connections=1)
    for visits in (VISITS, replace(VISITS, columns=VISITS.columns[:1])):
        assert len(await store.rows_with_key(visits, [101], 3)) == 3
    await asyncio.gather(*store._settling)
    store.close()


async def test_keys_are_found_letter_by_letter(empty: Server) -> None:
    """A text key is a value: never a part of the statement."""
    _in_thread(
        empty,
        "DROP TABLE IF EXISTS things; CREATE TABLE things (key varchar(30));"
        " INSERT INTO things VALUES ('a'), ('x'') OR 1=1 --'), ('A')",
    )
    things = dataset_of("things")
    await asyncio.to_thread(empty.bootstrap, [things])
    store = PostgresStore(empty.store(), {things.name: things}, timeout=20)
    assert await store.rows_with_key(things, ["x') OR 1=1 --", "?"], 9) == [("x') OR 1=1 --",)]
    missing = replace(things, relation="missing")
    with pytest.raises(StoreUnavailable):
        await store.rows_with_key(missing, ["a"], 9)
    await asyncio.gather(*store._settling)
    store.close()

"""A small answer in one way to the server and back; what the people tables held is compared in the same snapshot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import asyncpg
import pytest
from asyncpg.prepared_stmt import PreparedStatement

from sekisho.domain.governed import GovernedQuery
from sekisho.errors import SekishoError
from tests.adapters.stores.servers import Server, database
from tests.adapters.stores.test_postgresql_overlay import OVERLAID, TABLE, ask, settled, worker_of
from tests.adapters.stores.worker import VISITS, Worker, plain, statement

pytestmark = [pytest.mark.postgres, pytest.mark.enable_socket]

ORDERED = replace(
    statement(
        'SELECT "t"."place" AS "place", "t"."place" AS "place" FROM "public"."visits" AS "t"'
        ' WHERE "t"."customer_id" < 103 ORDER BY 1 DESC LIMIT 40',
        (plain("place"), plain("place")),
        hidden=0,
        projections=(),
    ),
    cut=True,
)


@pytest.fixture
def server() -> Iterator[Server]:
    """A database with the visits of ten customers and the gateway's role."""
    with database() as made:
        made.run(
            "CREATE TABLE visits (customer_id bigint, place text);"
            "INSERT INTO visits SELECT 100 + i % 10, 'shop ' || i % 10 FROM generate_series(0, 49) AS s(i);"
        )
        made.bootstrap([VISITS])
        yield made


@pytest.fixture
async def workers(server: Server) -> AsyncIterator[list[Worker]]:
    """Two workers over one store: each counts the versions of consent for itself."""
    made = [worker_of(server) for _ in range(2)]
    made[1].version = 40
    yield made
    for each in made:
        await settled(each)
        each.store.close()


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the driver sends, statement by statement."""
    sent: list[str] = []
    execute, fetch, prepare = asyncpg.Connection.execute, PreparedStatement.fetch, asyncpg.Connection.prepare

    async def executed(self, query, *more, **options):
        sent.append(query)
        return await execute(self, query, *more, **options)

    async def fetched(self, *more, **options):
        sent.append(self.get_query())
        return await fetch(self, *more, **options)

    async def prepared(self, query, **options):
        sent.append(f"prepare {query}")
        return await prepare(self, query, **options)

    monkeypatch.setattr(asyncpg.Connection, "execute", executed)
    monkeypatch.setattr(asyncpg.Connection, "prepare", prepared)
    monkeypatch.setattr(PreparedStatement, "fetch", fetched)
    return sent


@pytest.mark.parametrize("asked", [OVERLAID, ORDERED], ids=["people", "nobody"])
async def test_a_statement_that_ran_before_goes_once(
    workers: list[Worker], trips: list[str], asked: GovernedQuery
) -> None:
    """Nothing is begun, looked at first, or ended: one statement is all, and its connection is free at once."""
    one, _ = workers
    first = [await one.batches(one.view(1, {1, 2, 3}), asked) for _ in range(3)]
    await settled(one)
    idle = len(one.store._idle)
    trips.clear()
    assert await one.batches(one.view(1, {1, 2, 3}), asked) == first[0]
    assert len(trips) == 1
    assert not one.store._settling
    assert len(one.store._idle) == idle


async def test_the_order_and_the_names_of_the_statement_stay(workers: list[Worker]) -> None:
    """Two columns of one name stay two, and rows come in the order that was asked for, once and again."""
    one, _ = workers
    for _ in range(3):
        (batch,) = await one.batches(None, ORDERED)
        assert [batch.column(place).to_pylist() for place in (0, 1)] == [
            [f"shop {n}" for n in (2, 1, 0) for _ in range(5)]
        ] * 2


async def test_what_another_worker_wrote_meanwhile_is_seen(
    server: Server, workers: list[Worker], trips: list[str]
) -> None:
    """The tables hold something else than last time: they are looked at, and the answer is that of the view."""
    one, other = workers
    for _ in range(2):
        assert await one.people(one.view(1, {1, 2, 3}), OVERLAID) == {1, 2, 3}
    assert await other.people(other.view(3, {1, 2, 3, 4}), OVERLAID) == {1, 2, 3, 4}
    trips.clear()
    assert await one.people(one.view(4, {1, 3, 4}), OVERLAID) == {1, 3, 4}
    assert sum("held.same" in sent for sent in trips) <= 1  # nobody may be missing: it is not even tried
    await settled(one)
    trips.clear()
    assert await one.people(one.view(5, {3, 4}), OVERLAID) == {3, 4}
    assert len([sent for sent in trips if not sent.startswith("prepare")]) == 1


async def test_a_table_that_changed_alone_yields_no_row(server: Server, workers: list[Worker]) -> None:
    """An equal view and another table: not one row comes of the first try, and all of the second."""
    one, other = workers
    for _ in range(2):
        assert await one.people(one.view(1, {1, 2}), OVERLAID) == {1, 2}
    assert await other.people(other.view(2, {1, 2, 5}), OVERLAID) == {1, 2, 5}
    assert await one.people(one.view(1, {1, 2}), OVERLAID) == {1, 2}


async def test_nothing_meets_a_row_of_another_table(workers: list[Worker]) -> None:
    """An expression that would fail on somebody who is listed by now, and does not agree, is not tried on them."""
    one, other = workers
    fails_on_5 = replace(
        OVERLAID, sql=f'SELECT * FROM ({OVERLAID.sql} OFFSET 0) AS "w" WHERE 1 / ("w"."__person_0" - 5) < 2'
    )
    for _ in range(2):
        assert await one.people(one.view(1, {1, 2}), fails_on_5) == {1, 2}
    assert await other.people(other.view(2, {1, 2, 5}), OVERLAID) == {1, 2, 5}
    assert await one.people(one.view(1, {1, 2}), fails_on_5) == {1, 2}


async def test_a_withdrawal_travels_with_it(workers: list[Worker]) -> None:
    """Whoever is listed and has withdrawn is left out, also when nothing is looked at first."""
    one, _ = workers
    for _ in range(2):
        assert await one.people(one.view(1, {1, 2, 3}), OVERLAID) == {1, 2, 3}
    assert await one.people(one.view(2, {2, 3}), OVERLAID) == {2, 3}
    assert await one.people(one.view(3, set()), OVERLAID) == set()


async def test_tables_that_are_gone_are_made_again(server: Server, workers: list[Worker]) -> None:
    """Somebody drops what the gateway wrote: the next answer is whole."""
    one, _ = workers
    for drop in (f"DROP TABLE {TABLE}", f"DROP TABLE {TABLE}, sekisho.applied"):
        for _ in range(2):
            assert await one.people(one.view(1, {1, 2}), OVERLAID) == {1, 2}
        ask(server, drop)
        assert await one.people(one.view(1, {1, 2}), OVERLAID) == {1, 2}


async def test_an_answer_that_is_not_small_goes_on_in_pages(server: Server) -> None:
    """One row more than a page may hold: the statement is asked with a cursor, from then on."""
    one = worker_of(server)
    asked = statement('SELECT "t"."place" AS "place" FROM "public"."visits" AS "t"', (plain("place"),), hidden=0,
                      projections=())  # fmt: skip
    for _ in range(3):
        assert [batch.num_rows for batch in await one.batches(None, one.trust(asked), page_rows=20)] == [20, 20, 10]
    await settled(one)
    one.store.close()


async def test_arguments_that_are_refused_hold_up_nobody_else(server: Server) -> None:
    """A connection that prepared a statement, and then ran nothing of it, is fit for whoever has it next."""
    worker = worker_of(server)
    dated = statement(
        'SELECT "t"."place" AS "place" FROM "public"."visits" AS "t" WHERE DATE \'2020-01-01\' < $1::date',
        (plain("place"),),
        hidden=0,
        projections=(),
        parameters={"v0": "2025-01-01"},
    )
    for _ in range(2):
        assert len(await worker.batches(None, dated)) == 1
    await settled(worker)
    for session in worker.store._idle:
        await session.end()  # the next connection has not seen the statement, and knows the types of another one
    assert len(await worker.batches(None, replace(dated, sql=dated.sql + " AND 1 = 1"))) == 1
    await settled(worker)
    with pytest.raises(SekishoError):
        await worker.batches(None, replace(dated, parameters={"v0": "no date"}))
    await settled(worker)
    assert len(await worker.batches(None, replace(dated, sql=dated.sql + " AND true"))) == 1
    await settled(worker)
    worker.store.close()

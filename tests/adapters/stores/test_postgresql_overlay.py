"""Who withdrew travels with a statement: nothing is written first, and too many are a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sekisho.adapters.stores.postgresql import PostgresStore, people, store
from sekisho.domain.governed import GovernedQuery, Projection, Shape
from sekisho.domain.terms import Cell
from sekisho.errors import ConsentUnavailable, StatementRefused, StoreUnavailable
from sekisho.ports import PeopleKeys
from tests.adapters.stores.servers import Server, database
from tests.adapters.stores.worker import PROJECTION, ROWS, VISITS, Registry, Worker, ledger_of, plain, statement

pytestmark = [pytest.mark.postgres, pytest.mark.enable_socket]

TABLE = f"sekisho.{PROJECTION.table}"
OVERLAID = statement(
    ROWS.replace(') AS "v"', ' WHERE "g"."n" <> ALL (CAST($1 AS BIGINT[]))) AS "v"'),
    parameters={PROJECTION.withdrawn: None},
)
BY_BITS = Projection("b_0123456789ab", "customer_id", (Cell("recommendation"),), Shape.BITS)
COUNTED = statement(
    'SELECT "v"."place" AS "place", count(*) AS "n" FROM (SELECT "t"."place" AS "place" FROM "public"."visits" AS "t"'
    ' WHERE CASE WHEN "t"."customer_id" BETWEEN CAST($1 AS BIGINT) AND CAST($2 AS BIGINT)'
    ' THEN GET_BIT((SELECT $3::bytea), "t"."customer_id" - CAST($1 AS BIGINT)) = 1 ELSE FALSE END) AS "v" GROUP BY 1',
    (plain("place"), plain("n")),
    hidden=0,
    parameters=dict.fromkeys(BY_BITS.bits),
    projections=(BY_BITS,),
)
EVERYBODY = set(range(10))


@pytest.fixture
def server() -> Iterator[Server]:
    """A database with the visits of ten customers and the gateway's role."""
    with database() as made:
        made.run(
            "CREATE TABLE visits (customer_id bigint, place text);"
            "INSERT INTO visits SELECT 100 + i % 10, 'shop ' || i % 10 FROM generate_series(0, 49) AS s(i);"
            "INSERT INTO visits VALUES (NULL, 'shop nobody'), (5000, 'shop unknown'), (99, 'shop before')"
        )
        made.bootstrap([VISITS])
        yield made


@pytest.fixture
async def workers(server: Server) -> AsyncIterator[list[Worker]]:
    """Two workers over one store: each counts the versions of consent for itself."""
    made = [worker_of(server) for _ in range(2)]
    made[1].version = 40
    yield made
    for worker in made:
        await settled(worker)
        worker.store.close()


def worker_of(server: Server, people: int = 10) -> Worker:
    made = PostgresStore(server.store(), {VISITS.name: VISITS}, connections=4, timeout=30)
    return Worker(made, Registry(list(range(people))))


async def settled(worker: Worker) -> None:
    """Wait until nothing goes on besides."""
    while worker.store._settling:
        await asyncio.gather(*worker.store._settling)


def ask(server: Server, sql: str) -> list[Any]:
    """Run *sql* as the administrator, from a test that runs in an event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(server.run, sql).result()


def written(server: Server) -> tuple[Any, ...]:
    """Return who wrote last, and at which sequence."""
    (row,) = ask(server, "SELECT xmin::text, consent, members FROM sekisho.applied")
    return tuple(row)


def members(server: Server) -> set[int]:
    """Return who stands in the table."""
    return {row[0] for row in ask(server, f"SELECT n FROM {TABLE}")}


async def counted(worker: Worker, view: Any, query: GovernedQuery = COUNTED) -> dict[str, int]:
    """Return how many rows of each place an answer counts."""
    return {
        place: n
        for batch in await worker.batches(view, query)
        for place, n in zip(*(column.to_pylist() for column in batch.columns), strict=True)
    }


# -- the overlay -----------------------------------------------------------------------------------------


async def test_a_withdrawal_costs_no_write(server: Server, workers: list[Worker]) -> None:
    """Whoever withdrew is left out of the next statement, of every worker, and the table stays as it is."""
    one, _ = workers
    assert await one.people(one.view(1, EVERYBODY), OVERLAID) == EVERYBODY
    before = written(server)
    left = set(EVERYBODY)
    for seq, number in enumerate((3, 0, 9), start=2):
        left -= {number}
        for worker in workers:
            assert await worker.people(worker.view(seq, left), OVERLAID) == left
    assert written(server) == before
    assert members(server) == EVERYBODY


async def test_a_worker_that_knows_nothing_reads_the_bits_and_not_the_table(
    server: Server, workers: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another worker wrote is known from ``applied``, of any size, without comparing the table."""
    one, two = workers
    await one.people(one.view(1, EVERYBODY), OVERLAID)

    async def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(people, "_read", never)
    assert await two.people(two.view(2, {1, 2}), OVERLAID) == {1, 2}
    assert await two.people(two.view(3, {1, 2, 7}), OVERLAID) == {1, 2, 7}
    assert members(server) == EVERYBODY


async def test_a_new_yes_is_brought_up_first(server: Server, workers: list[Worker]) -> None:
    """Who agrees and is not listed yet is written before the statement runs; those who had gone go with it."""
    one, two = workers
    await one.people(one.view(1, {1, 2, 3}), OVERLAID)
    assert await two.people(two.view(2, {2, 3}), OVERLAID) == {2, 3}
    assert await one.people(one.view(3, {2, 3, 4}), OVERLAID) == {2, 3, 4}
    assert members(server) == {2, 3, 4}
    assert await two.people(two.view(3, {2, 3, 4}), OVERLAID) == {2, 3, 4}


async def test_an_older_view_gets_nobody_who_agreed_since(server: Server, workers: list[Worker]) -> None:
    """The table of another worker is newer: a statement reads whom both its own view and the table allow."""
    one, two = workers
    old = one.view(5, {1, 2, 3})
    await one.people(old, OVERLAID)
    await two.people(two.view(6, {1, 3, 8}), OVERLAID)
    before = written(server)
    assert before[1] == 6
    assert await one.people(old, OVERLAID) == {1, 3}
    assert written(server) == before


async def test_too_many_are_written_first(
    server: Server, workers: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the bound nothing travels: the table is brought up before the statement runs."""
    monkeypatch.setattr(people, "OVERLAY", 3)
    one, _ = workers
    await one.people(one.view(1, EVERYBODY), OVERLAID)
    assert await one.people(one.view(2, EVERYBODY - {1, 2, 3}), OVERLAID) == EVERYBODY - {1, 2, 3}
    assert members(server) == EVERYBODY
    assert await one.people(one.view(3, EVERYBODY - {1, 2, 3, 4}), OVERLAID) == EVERYBODY - {1, 2, 3, 4}
    assert members(server) == EVERYBODY - {1, 2, 3, 4}


@pytest.mark.parametrize("fault", ["privilege", "trigger"])
async def test_too_many_and_no_way_to_write_is_a_refusal(
    server: Server, workers: list[Worker], monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """A table that is too far behind and cannot be brought up denies; below the bound statements still run."""
    monkeypatch.setattr(people, "OVERLAY", 3)
    one, _ = workers
    await one.people(one.view(1, EVERYBODY), OVERLAID)
    await settled(one)
    if fault == "privilege":
        ask(server, f"ALTER TABLE {TABLE} OWNER TO CURRENT_USER; GRANT SELECT ON {TABLE} TO {server.role}")
    else:
        ask(
            server,
            "CREATE FUNCTION public.no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''NG''; END';"
            f"CREATE TRIGGER no BEFORE DELETE ON {TABLE} EXECUTE FUNCTION public.no()",
        )
    assert await one.people(one.view(2, EVERYBODY - {1}), OVERLAID) == EVERYBODY - {1}
    with pytest.raises(ConsentUnavailable) as refused:
        await one.people(one.view(3, {5}), OVERLAID)
    assert "NG" not in str(refused.value)
    with pytest.raises(ConsentUnavailable):  # nor does it pass the second time
        await one.people(one.view(3, {5}), OVERLAID)


async def test_a_newer_table_that_does_not_fit_is_asked_for_again(
    server: Server, workers: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older view and a table with more new people than may travel: the caller takes a new view."""
    monkeypatch.setattr(people, "OVERLAY", 3)
    one, two = workers
    old = one.view(1, {1})
    await one.people(old, OVERLAID)
    await two.people(two.view(2, EVERYBODY), OVERLAID)
    with pytest.raises(ConsentUnavailable, match="ask again"):
        await one.people(old, OVERLAID)
    assert members(server) == EVERYBODY


async def test_many_are_written_besides(
    server: Server, workers: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a number on, the table is brought up while the statement that carries them runs on."""
    monkeypatch.setattr(people, "SOON", 2)
    one, _ = workers
    await one.people(one.view(1, EVERYBODY), OVERLAID)
    await one.people(one.view(2, EVERYBODY - {1}), OVERLAID)
    await settled(one)
    assert members(server) == EVERYBODY
    assert await one.people(one.view(3, EVERYBODY - {1, 2}), OVERLAID) == EVERYBODY - {1, 2}
    await settled(one)
    assert members(server) == EVERYBODY - {1, 2}


async def test_a_statement_that_takes_no_overlay_waits_for_the_table(server: Server, workers: list[Worker]) -> None:
    """Where a statement has no place for those who withdrew, the table is brought up first."""
    one, _ = workers
    await one.people(one.view(1, EVERYBODY))
    assert await one.people(one.view(2, {4, 5})) == {4, 5}
    assert members(server) == {4, 5}


async def test_an_overlay_that_nobody_fills_shows_nobody(server: Server, workers: list[Worker]) -> None:
    """The parameter's value before the store puts one in is NULL, and no number differs from NULL."""
    one, _ = workers
    await one.people(one.view(1, EVERYBODY), OVERLAID)
    (count,) = ask(server, f"SELECT count(*) FROM {TABLE} WHERE n <> ALL (NULL::bigint[])")[0]
    assert count == 0


async def test_new_people_are_put_in_by_themselves(
    server: Server, workers: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Identifiers that only came leave the rows of all others as they are; also further keys of somebody known."""
    one, _ = workers
    await one.people(one.view(1, EVERYBODY), OVERLAID)

    async def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(people, "_read", never)
    rows = {row[0]: row[1] for row in ask(server, f"SELECT k, xmin::text FROM {TABLE}")}

    class Grown(Registry):
        async def keys(self, identifier: str, ground: object = None) -> Any:
            held = await super().keys(identifier)
            numbers = np.append(held.numbers, [10, 3])  # somebody new, who has no visits, and a second key
            return PeopleKeys(identifier, numbers, (*held.values.to_pylist(), "110", "111"), 2)

    one.registry = Grown(list(range(10)))
    assert await one.people(one.view(2, set(range(11)) - {4}), OVERLAID) == set(range(10)) - {4}
    after = {row[0]: row[1] for row in ask(server, f"SELECT k, xmin::text FROM {TABLE}")}
    assert after.keys() == (rows.keys() | {110, 111}) - {104}
    assert all(after[key] == writer for key, writer in rows.items() if key in after)


# -- what others do to the tables ------------------------------------------------------------------------


async def test_a_table_that_somebody_dropped_is_made_anew(server: Server, workers: list[Worker]) -> None:
    """The next statement finds no table, writes it and is answered."""
    one, two = workers
    await one.people(one.view(1, EVERYBODY), OVERLAID)
    await settled(one)
    ask(server, f"DROP TABLE {TABLE}")
    assert await two.people(two.view(2, {1, 2}), OVERLAID) == {1, 2}
    assert members(server) == {1, 2}


async def test_data_that_is_gone_is_the_stores_fault(server: Server, workers: list[Worker]) -> None:
    """A governed table that is not there is not taken for a people table over and over."""
    one, _ = workers
    await one.people(one.view(1, EVERYBODY), OVERLAID)
    await settled(one)
    ask(server, "ALTER TABLE visits RENAME TO moved")
    with pytest.raises(StoreUnavailable):
        await one.people(one.view(2, {1}), OVERLAID)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sekisho.applied SET listed = '\\x00'",
        "UPDATE sekisho.applied SET members_sha256 = '\\x00'",
        "UPDATE sekisho.applied SET people_sha256 = '\\x00'",
        "DELETE FROM sekisho.applied",
    ],
    ids=["bits", "hash", "registry", "row"],
)
async def test_what_is_written_of_a_table_and_is_not_so_is_not_believed(
    server: Server, workers: list[Worker], change: str
) -> None:
    """A worker that finds bits unlike their hash, or another registry, compares the table itself."""
    one, two = workers
    await one.people(one.view(1, EVERYBODY), OVERLAID)
    await settled(one)
    ask(server, change)
    assert await two.people(two.view(2, {1, 2}), OVERLAID) == {1, 2}
    assert members(server) == {1, 2}


async def test_synchronising_repairs_a_table_that_somebody_wrote_into(server: Server, workers: list[Worker]) -> None:
    """``stores sync`` compares what really stands in the tables; the quick way believes what is written of them."""
    one, _ = workers
    await one.people(one.view(1, {1, 2, 3}), OVERLAID)
    await settled(one)
    ask(server, f"INSERT INTO {TABLE} VALUES (107, 7); DELETE FROM {TABLE} WHERE n = 2")

    registry: Any = one.registry
    ledger = ledger_of(lambda: one.view(2, {1, 2}))
    assert await one.store.synchronise(ledger, registry, PROJECTION.cells, anew=False) == [PROJECTION.table]
    assert members(server) == {1, 7}  # 3 went, and nothing else was looked at
    assert await one.store.synchronise(ledger, registry, PROJECTION.cells) == [PROJECTION.table]
    assert members(server) == {1, 2}


async def test_the_sequence_that_a_store_is_at(server: Server, workers: list[Worker]) -> None:
    """A table that lacks nothing is said to be as new as the ledger, and its rows stay as they are."""
    one, _ = workers
    assert await one.store.applied_seq(PROJECTION.cells) is None
    await one.people(one.view(1, {1, 2, 3}), OVERLAID)
    await one.people(one.view(4, {1, 2}), OVERLAID)
    assert await one.store.applied_seq(PROJECTION.cells) == 1

    registry: Any = one.registry
    ledger = ledger_of(lambda: one.view(seq, {1, 2}))
    for seq, names in ((5, [PROJECTION.table]), (6, []), (6, [])):
        assert await one.store.synchronise(ledger, registry, PROJECTION.cells, anew=False) == names
        assert await one.store.applied_seq(PROJECTION.cells) == seq
    assert await one.store.applied_seq(()) is None


# -- bits by key -----------------------------------------------------------------------------------------


async def test_bits_need_no_table(server: Server, workers: list[Worker]) -> None:
    """An aggregate counts the rows of those who agree now; nothing was written, and nobody unknown is counted."""
    one, two = workers
    registry: Any = one.registry
    assert await one.store.by_bits([VISITS.name, "crm.other"], registry) == {VISITS.name}
    assert await counted(one, one.view(1, EVERYBODY)) == {f"shop {n}": 5 for n in range(10)}
    assert await counted(two, two.view(2, {0, 9})) == {"shop 0": 5, "shop 9": 5}
    assert await counted(one, one.view(3, set())) == {}
    assert ask(server, "SELECT to_regclass('sekisho.applied') IS NULL")[0][0]


async def test_keys_that_lie_far_apart_have_no_bits(workers: list[Worker]) -> None:
    """A mebibyte of bits at most travels; a plan from before the keys spread is made again."""
    one, _ = workers
    registry: Any = one.registry

    class Far(Registry):
        async def keys(self, identifier: str, ground: object = None) -> Any:
            held = await super().keys(identifier)
            return replace(held, values=(*held.values[:-1].to_pylist(), str(100 + (1 << 23))))

    far: Any = Far(list(range(10)), version=2)
    assert await one.store.by_bits([VISITS.name], registry) == {VISITS.name}
    assert await one.store.by_bits([VISITS.name], far) == frozenset()
    one.registry = far
    with pytest.raises(ConsentUnavailable, match="ask again"):
        await counted(one, one.view(1, EVERYBODY))


async def test_bits_without_consent_or_without_a_place_are_refused(workers: list[Worker]) -> None:
    """Bits that nobody asked for, and a statement that does not take them, read nothing."""
    one, _ = workers
    with pytest.raises(StatementRefused):
        await counted(one, None)
    with pytest.raises(ConsentUnavailable):
        await counted(one, one.view(1, EVERYBODY), replace(COUNTED, parameters={}, sql="SELECT 1 AS place, 1 AS n"))


async def test_a_large_aggregate_is_read_by_pages(workers: list[Worker], monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that is not small comes by a cursor, whole, page by page, and is remembered as large."""
    monkeypatch.setattr(store, "_SMALL", 3)
    one, _ = workers
    view = one.view(1, EVERYBODY)
    for _ in range(2):
        pages = await one.batches(view, COUNTED, page_rows=4)
        assert [page.num_rows for page in pages] == [4, 4, 2]
        assert COUNTED.sql in one.store._large
    cut = replace(COUNTED, sql=f"{COUNTED.sql} LIMIT 2", cut=True)
    assert [page.num_rows for page in await one.batches(view, cut)] == [2]

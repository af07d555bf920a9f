"""The people tables in PostgreSQL: shared by all workers, as new as every view, whole whatever happens."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sekisho.adapters.stores.postgresql import PostgresStore, people, rights
from sekisho.domain.terms import Column, ColumnClass, ColumnType
from sekisho.errors import ConsentUnavailable, StatementRefused, StoreUnavailable
from tests.adapters.stores.servers import Server, database
from tests.adapters.stores.worker import PROJECTION, ROWS, VISITS, Registry, Worker, plain, statement

pytestmark = [pytest.mark.postgres, pytest.mark.enable_socket]

ROOT = Path(__file__).resolve().parents[3]
EVERYBODY = replace(PROJECTION, table="p_ba9876543210", cells=())


@pytest.fixture
def server() -> Iterator[Server]:
    """A database with the visits of ten customers and the gateway's role."""
    with database() as made:
        made.run(
            "CREATE TABLE visits (customer_id bigint, place text);"
            "INSERT INTO visits SELECT 100 + i % 10, 'shop ' || i FROM generate_series(0, 49) AS s(i)"
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
        await asyncio.gather(*worker.store._settling)
        worker.store.close()


def worker_of(server: Server, people: int = 10) -> Worker:
    store = PostgresStore(server.store(), {VISITS.name: VISITS}, connections=4, timeout=30)
    return Worker(store, Registry(list(range(people))))


def ask(server: Server, sql: str) -> list[Any]:
    """Run *sql* as the administrator, from a test that runs in an event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(server.run, sql).result()


def applied(server: Server) -> tuple[Any, ...]:
    """Return what is written of the table: who wrote it last, and at which sequence."""
    (row,) = ask(server, "SELECT xmin::text, consent, members, people FROM sekisho.applied")
    return tuple(row)


def members(server: Server) -> set[int]:
    """Return who stands in the table."""
    return {row[0] for row in ask(server, f"SELECT n FROM sekisho.{PROJECTION.table}")}


async def test_one_table_serves_all_workers(server: Server, workers: list[Worker]) -> None:
    """A second worker that knows of nothing else finds the table as it needs it, and writes nothing."""
    one, two = workers
    assert await one.people(one.view(7, [1, 2, 3])) == {1, 2, 3}
    before = applied(server)
    assert before[1:] == (7, 3, 1)
    assert await two.people(two.view(7, [1, 2, 3])) == {1, 2, 3}
    assert await two.people(two.view(9, [1, 2, 3])) == {1, 2, 3}  # an event about something else
    assert await one.people(one.view(12, [1, 2, 3])) == {1, 2, 3}
    assert applied(server) == before


async def test_the_workers_follow_each_other(server: Server, workers: list[Worker]) -> None:
    """Whoever comes with a newer view writes the difference; the other one takes it over without reading it."""
    one = workers[0]
    seq, agreed = 1, {1, 2, 3, 4}
    await one.people(one.view(seq, agreed))
    dice = random.Random(4)
    for _ in range(12):
        agreed = agreed ^ set(dice.sample(range(10), 2))
        seq += 1
        worker = dice.choice(workers)
        assert await worker.people(worker.view(seq, agreed)) == agreed
        assert members(server) == agreed
        assert applied(server)[1:3] == (seq, len(agreed))


async def test_only_the_difference_is_written(server: Server, workers: list[Worker]) -> None:
    """One withdrawal deletes one row; a worker that knows nothing of the table compares it first."""
    one, two = workers
    await one.people(one.view(1, range(10)))
    rows = {row[0]: row[1] for row in ask(server, f"SELECT n, xmin::text FROM sekisho.{PROJECTION.table}")}
    await two.people(two.view(2, set(range(10)) - {3}))
    await one.people(one.view(3, set(range(10)) - {3, 4} | {3}))
    after = {row[0]: row[1] for row in ask(server, f"SELECT n, xmin::text FROM sekisho.{PROJECTION.table}")}
    assert {n for n, writer in after.items() if rows[n] == writer} == set(range(10)) - {3, 4}
    assert 4 not in after


async def test_an_older_view_brings_nobody_back(server: Server, workers: list[Worker]) -> None:
    """A statement with an older view is answered from the newer table, which stays as it is."""
    one, two = workers
    old = one.view(5, [1, 2, 3])
    await one.people(old)
    assert await two.people(two.view(6, [1, 3])) == {1, 3}
    before = applied(server)
    assert await one.people(old) == {1, 3}
    assert applied(server) == before


async def test_a_consent_that_ended_between_two_events_stays_ended(server: Server, workers: list[Worker]) -> None:
    """At one sequence fewer people are later: the clock ended a consent, and no earlier reading brings it back."""
    one, two = workers
    early = one.view(5, [1, 2, 3])
    await one.people(early)
    assert await two.people(two.view(5, [1, 3])) == {1, 3}
    before = applied(server)
    assert await one.people(early) == {1, 3}
    assert applied(server) == before


async def test_a_statement_never_sees_a_table_older_than_its_view(
    server: Server, workers: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version is read in the statement's own snapshot: what did not arrive there is no answer."""
    one, two = workers
    await one.people(one.view(1, [1, 2, 3]))

    async def forgets(*_: object, **__: object) -> None:
        return None

    monkeypatch.setattr(people.PeopleTables, "bring_up", forgets)
    count = statement(
        'SELECT count(*) AS "x" FROM "public"."visits" AS "t" JOIN "sekisho"."p_0123456789ab" AS "g"'
        ' ON "g"."k" = "t"."customer_id"', (plain(),), hidden=0,
    )  # fmt: skip
    with pytest.raises(ConsentUnavailable):
        await two.batches(two.view(2, [1]), count)


async def test_many_workers_and_withdrawals_at_once(server: Server) -> None:
    """Every answer is of the people of its view, or of those of a later one; nobody who had withdrawn before."""
    crowd = [worker_of(server) for _ in range(4)]
    history = [set(range(10))]
    dice = random.Random(7)
    for _ in range(30):
        history.append(history[-1] ^ {dice.randrange(10)})

    async def asks(worker: Worker, mine: random.Random) -> None:
        seq = 0
        while seq < len(history) - 1:
            seq = min(len(history) - 1, seq + mine.randrange(1, 4))
            try:
                found = await worker.people(worker.view(seq + 1, history[seq]))
            except ConsentUnavailable:
                continue
            assert any(found == later for later in history[seq:]), seq

    await asyncio.gather(*(asks(worker, random.Random(i)) for i, worker in enumerate(crowd)))
    assert members(server) == history[-1]
    for worker in crowd:
        await asyncio.gather(*worker.store._settling)
        worker.store.close()


async def test_new_and_erased_people_are_followed(server: Server, workers: list[Worker]) -> None:
    """The registry's changes reach the table by their difference, also a worker that has not seen them."""
    one, two = workers
    for worker in workers:
        worker.registry.numbers = list(range(8))
    assert await one.people(one.view(1, range(10))) == set(range(8))
    two.registry.numbers, two.registry.version = list(range(9)), 2
    assert await two.people(two.view(1, range(10))) == set(range(9))
    two.registry.numbers, two.registry.version = [0, 1, 2, 3, 4, 5, 6, 8], 3
    assert await two.people(two.view(1, range(10))) == {0, 1, 2, 3, 4, 5, 6, 8}
    # The first worker has read none of it: it asks the registry again, and writes nothing.
    with pytest.raises(ConsentUnavailable):
        await one.people(one.view(1, range(10)))
    assert one.registry.asked > 2
    one.registry.numbers, one.registry.version = [0, 1, 2, 3, 4, 5, 6, 8], 4
    before = applied(server)
    assert await one.people(one.view(1, range(10))) == {0, 1, 2, 3, 4, 5, 6, 8}
    assert applied(server) == before  # the same people under another version


async def test_keys_that_now_belong_to_others_are_followed(workers: list[Worker]) -> None:
    """The same numbers under other keys are other people: the table is brought up."""
    one, two = workers
    assert await one.people(one.view(1, range(10))) == set(range(10))
    two.registry.first, two.registry.version = 101, 2  # the last one's key has no visits
    assert await two.people(two.view(1, range(10))) == set(range(9))


async def test_an_older_view_never_meets_newer_people(server: Server, workers: list[Worker]) -> None:
    """Where people came and consent went on, a view from before both is told to ask again."""
    one, two = workers
    for worker in workers:
        worker.registry.numbers = list(range(8))
    await two.people(two.view(9, [1, 2]))
    one.registry.numbers, one.registry.version = list(range(9)), 2
    with pytest.raises(ConsentUnavailable, match="ask again"):
        await one.people(one.view(8, [1, 2, 3]))
    assert await one.people(one.view(9, [1, 2])) == {1, 2}


async def test_everybody_is_listed_where_no_consent_is_asked(server: Server, workers: list[Worker]) -> None:
    """A projection without cells holds all who are known."""
    one, _ = workers
    asked = replace(statement(ROWS.replace(PROJECTION.table, EVERYBODY.table)), projections=(EVERYBODY,))
    assert await one.people(None, asked) == set(range(10))


async def test_consent_without_a_view_is_refused(workers: list[Worker]) -> None:
    """A statement under consent that comes without who agrees reads nothing."""
    with pytest.raises(StatementRefused):
        await workers[0].people(None)


async def test_text_keys_keep_every_letter(server: Server) -> None:
    """Keys with quotes, commas, line ends, blanks and nothing at all are the same in the table."""
    odd = ["a,b", 'say "x"', "two\nlines", " blank ", "\\.", "関所", "\\N", "NULL", "null", "1"]
    dataset = replace(
        VISITS,
        relation="odd",
        columns=(Column("customer_id", ColumnType.STRING, ColumnClass.DIRECT_IDENTIFIER), VISITS.columns[1]),
    )
    ask(server, "CREATE TABLE odd (customer_id varchar(30), place text)")
    for key in odd:
        await asyncio.to_thread(server.run, "INSERT INTO odd VALUES ($1, 'shop') RETURNING 1", key)
    await asyncio.to_thread(server.bootstrap, [dataset])

    class Odd(Registry):
        async def keys(self, identifier: str, ground: object = None) -> Any:
            return replace(await super().keys(identifier), values=tuple(odd))

    for turn in range(3):  # the first writes, the others compare what they read back
        store = PostgresStore(server.store(), {dataset.name: dataset}, timeout=30)
        worker = Worker(store, Odd(list(range(10))))
        asked = statement(ROWS.replace("visits", "odd"), reads=frozenset({("public.odd", "customer_id")}))
        agreed = set(range(10)) - {turn}
        assert await worker.people(worker.view(turn + 1, agreed), asked) == agreed
        await asyncio.gather(*store._settling)
        store.close()
    held = {row[0] for row in ask(server, f"SELECT k FROM sekisho.{PROJECTION.table}")}
    assert held == set(odd) - {odd[2]}


async def test_without_a_schema_of_its_own_the_store_says_how_to_make_one(server: Server) -> None:
    """A role that may write nothing at all is told which command gives it what is missing."""
    for change in ("ALTER SCHEMA sekisho OWNER TO CURRENT_USER", "DROP SCHEMA sekisho CASCADE"):
        ask(server, change)
        worker = worker_of(server)
        with pytest.raises(StoreUnavailable, match="sekisho stores bootstrap crm"):
            await worker.people(worker.view(1, [1]))
        await asyncio.gather(*worker.store._settling)
        worker.store.close()


KILLED = """
import asyncio, os, signal, sys
from sekisho.adapters.stores.postgresql import PostgresStore, people
from sekisho.domain.terms import Store, StoreKind
from tests.adapters.stores.worker import VISITS, Registry, Worker

apply = people.PeopleTables._apply
step = sys.argv[2]

async def dies(*given, **named):
    if step == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    await apply(*given, **named)
    os.kill(os.getpid(), signal.SIGKILL)

people.PeopleTables._apply = dies
if step == "inside":
    people._SAY = (
        "SELECT pg_sleep(600), $1::text, $2::text, $3::text[], $4::bigint, $5::bytea, $6::bigint, $7::bigint,"
        " $8::bytea, $9::bytea"
    )

async def main():
    store = PostgresStore(Store("crm", StoreKind.POSTGRESQL, sys.argv[1]), {VISITS.name: VISITS})
    worker = Worker(store, Registry(list(range(10))))
    if step == "inside":
        asyncio.get_running_loop().call_later(1.5, os.kill, os.getpid(), signal.SIGKILL)
    await worker.people(worker.view(2, [5, 6]))

asyncio.run(main())
"""


@pytest.mark.parametrize("step", ["before", "inside", "after"])
async def test_a_worker_that_is_killed_leaves_the_table_whole(
    server: Server, workers: list[Worker], step: str
) -> None:
    """Killed before, in the middle of or right after the changes: table and version are those before."""
    one, two = workers
    await one.people(one.view(1, [1, 2, 3]))
    before = applied(server)
    killed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", KILLED, server.url, step],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    # The lock of the killed one is let go by the server, which looks after its clients.
    assert await two.people(two.view(1, [1, 2, 3])) == {1, 2, 3}
    assert applied(server) == before
    assert members(server) == {1, 2, 3}
    assert await one.people(one.view(3, [7])) == {7}


# -- the script of rights ------------------------------------------------------------------------------


def test_the_script_takes_back_what_it_gave(server: Server) -> None:
    """Run again after a change of the catalogue, it leaves the columns of now and none of before."""
    fewer = replace(VISITS, columns=VISITS.columns[:1])
    for datasets, place in (([VISITS], True), ([fewer], False), ([VISITS], True)):
        server.bootstrap(datasets)
        ((granted,),) = server.run(f"SELECT has_column_privilege('{server.role}', 'visits', 'place', 'SELECT')")
        assert granted is place
    server.run("GRANT SELECT ON visits TO PUBLIC")
    server.bootstrap([fewer])
    ((granted,),) = server.run(f"SELECT has_column_privilege('{server.role}', 'visits', 'place', 'SELECT')")
    assert not granted


def test_a_script_that_fails_changes_nothing(server: Server) -> None:
    """A column that is not there stops the script, and the earlier rights stay."""
    wrong = replace(VISITS, columns=(*VISITS.columns, Column("income", ColumnType.STRING, ColumnClass.SENSITIVE)))
    with pytest.raises(StoreUnavailable, match="nothing was changed"):
        server.bootstrap([wrong])
    ((granted,),) = server.run(f"SELECT has_column_privilege('{server.role}', 'visits', 'place', 'SELECT')")
    assert granted


def test_the_password_is_not_in_the_script() -> None:
    """The script holds what PostgreSQL keeps of a password: the same as its own client library computes."""
    import base64

    from psycopg.pq import PGconn

    text = rights.script(worker_store(), [VISITS], password="s3cret 'word'", connections=7)
    assert "s3cret" not in text
    assert "CONNECTION LIMIT 7" in text
    with database() as server:
        theirs = PGconn.connect(server.admin.encode()).encrypt_password(b"pencil", b"x", b"scram-sha-256").decode()
    salt = base64.b64decode(theirs.split("$")[1].partition(":")[2])
    assert rights.verifier("pencil", salt) == theirs


def worker_store() -> Any:
    from sekisho.domain.terms import Store, StoreKind

    return Store("crm", StoreKind.POSTGRESQL, "postgresql://gate%22way@db.example/shop")


def test_names_are_quoted_in_the_script() -> None:
    """A role, schema or table with a quote in its name stays a name."""
    odd = replace(VISITS, relation='od"d.ta"ble')
    text = rights.script(worker_store(), [odd], password=None, connections=1)
    assert 'ON TABLE "od""d"."ta""ble"' in text
    assert 'CREATE ROLE "gate""way"' in text
    assert "PASSWORD" not in text

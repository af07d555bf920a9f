"""Tiny reads of PostgreSQL from the event loop: nothing rests on them, and nothing of them is left behind."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
from sqlalchemy import create_engine, make_url

from sekisho.adapters.records.database import Database, DatabaseFailed
from tests.conftest import postgres_server

pytestmark = [pytest.mark.postgres, pytest.mark.enable_socket]

MINE = "SELECT pg_backend_pid()"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a database of this module's own."""
    given = make_url(postgres_server()).set(drivername="postgresql+psycopg")
    name = f"sekisho_test_{uuid.uuid4().hex}"
    engine = create_engine(given, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield given.set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()


@pytest.fixture
async def database(server: str) -> AsyncIterator[Database]:
    """The database, open."""
    opened = Database(server)
    await _settle(opened)
    yield opened
    await opened.close()


async def _settle(database: Database) -> None:
    """Read as often as an event loop must before it gets connections."""
    for _ in range(8):
        await database.peek("SELECT 1")


@pytest.fixture
def no_thread(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading in a thread fails, from now on."""

    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(type(database), "_peek_tiny", refuse)


@pytest.mark.usefixtures("no_thread")
async def test_reads_by_number_need_no_thread(database: Database) -> None:
    """With numbers alone the event loop reads by itself, again and again over one connection."""
    first = await database.peek("SELECT ?::bigint + ?::bigint, 'x'", (2**40, 3))
    assert first == [(2**40 + 3, "x")]
    assert await database.peek(MINE) == await database.peek(MINE)


@pytest.mark.usefixtures("no_thread")
async def test_many_at_once_share_a_few_connections(database: Database) -> None:
    """As many reads as there are wait for one of three connections, and each gets its own answer."""
    found = await asyncio.gather(*(database.peek("SELECT ?::int, pg_backend_pid()", (n,)) for n in range(50)))
    assert [rows[0][0] for rows in found] == list(range(50))
    assert len({rows[0][1] for rows in found}) == 3


async def test_a_killed_connection_is_not_noticed(database: Database) -> None:
    """A server that closed a connection is read from another one."""
    ((pid,),) = await database.peek(MINE)
    await database.run(lambda connection: connection.exec_driver_sql(f"SELECT pg_terminate_backend({pid})").close())
    await asyncio.sleep(0.05)
    ((other,),) = await database.peek(MINE)
    assert other != pid


async def test_a_cancelled_read_leaves_no_half_answer(database: Database) -> None:
    """Whoever goes away in the middle takes the connection along; the next answer is the next one's."""
    ((pid,),) = await database.peek(MINE)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await database.peek("SELECT ?::int, pg_sleep(1)", (1,))
    assert await database.peek("SELECT ?::int", (2,)) == [(2,)]
    ((other,),) = await database.peek(MINE)
    assert other != pid


@pytest.mark.parametrize("statement", ["CREATE TABLE t (a int)", "SELECT 1 / ?::int", "SELECT pg_sleep(9), ?::int"])
async def test_it_reads_only_and_not_for_long(database: Database, statement: str) -> None:
    """What the server refuses, a write or two seconds of work among it, fails without its text."""
    with pytest.raises(DatabaseFailed, match=r"did not answer \(\w+\)"):
        await database.peek(statement, (0,) if "?" in statement else ())
    assert await database.peek("SELECT 1") == [(1,)]


async def test_without_such_a_connection_a_thread_reads(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL that only the other driver understands, or a refusal, costs the short cut and nothing else."""

    async def refuse(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr(asyncpg, "connect", refuse)
    assert await database.peek("SELECT ?::int", (7,)) == [(7,)]
    assert await database.peek("SELECT ?::int", (8,)) == [(8,)]


def test_every_event_loop_has_its_own(server: str) -> None:
    """A database that outlives an event loop reads in the next one, at first in threads."""
    database = Database(server)

    async def look() -> set[int]:
        await _settle(database)
        pids = {(await database.peek(MINE))[0][0] for _ in range(3)}
        assert database._glances is not None
        await database._glances.close()
        return pids

    first, second = asyncio.run(look()), asyncio.run(look())
    assert (len(first), len(second)) == (1, 1)
    assert first != second
    database.dispose()


async def test_a_closed_database_reads_nothing(database: Database) -> None:
    """After ``close`` there is no short cut left."""
    await database.peek("SELECT 1")
    await database.close()
    with pytest.raises(DatabaseFailed):
        await database.peek("SELECT 1")

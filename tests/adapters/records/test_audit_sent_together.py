"""Statements that go to PostgreSQL together: what fails, what is undone, and a server that says nothing."""

from __future__ import annotations

import asyncio
import contextlib

import psycopg
import pytest
import sqlalchemy as sa

from sekisho.adapters.records.audit_batch import Batch, Overtaken
from sekisho.adapters.records.audit_lane import LoopLane
from sekisho.adapters.records.audit_postgres import Together
from sekisho.adapters.records.audit_sink import PostgresSink, open_sink
from sekisho.adapters.records.consent_projection import driver
from sekisho.adapters.records.database import Database
from sekisho.domain.record import StoredRecord

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.enable_socket,
    pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True),
]


async def test_a_server_that_says_nothing_is_not_waited_for(url):
    """After its patience the connection is given up: an answer that comes yet is nobody's."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        together = Together(driver(connection), {b"nap": "SELECT pg_sleep(30)"}, 0.2)
        with pytest.raises(psycopg.OperationalError, match="does not answer"):
            await together.run([(b"nap", ())])
        assert driver(connection).closed
        connection.invalidate()
    engine.dispose()


async def test_who_waits_no_more_leaves_no_half_answer(url):
    """A wait that is cancelled gives the connection up, and the event loop watches it no more."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        together = Together(driver(connection), {b"nap": "SELECT pg_sleep(30)"}, 5)
        waiting = asyncio.create_task(together.run([(b"nap", ())]))
        await asyncio.sleep(0.05)
        socket = driver(connection).pgconn.socket
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert driver(connection).closed
        assert not asyncio.get_running_loop().remove_reader(socket)
        connection.invalidate()
    engine.dispose()


async def test_after_one_that_fails_none_is_run(url):
    """The first failure is what is told, and nothing that was sent after it has happened."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        statements = {b"fail": "SELECT 1 / 0", b"leave": "UPDATE ledger_counter SET value = 77", b"end": "COMMIT"}
        together = Together(driver(connection), {b"begin": "BEGIN", **statements}, 2)
        with pytest.raises(psycopg.errors.DivisionByZero):
            await together.run([(name, ()) for name in (b"begin", b"fail", b"leave", b"end")])
        connection.invalidate()
    with engine.connect() as connection:
        assert 77 not in set(connection.execute(sa.text("SELECT value FROM ledger_counter")).scalars())
    engine.dispose()


async def test_more_than_a_socket_holds_is_sent_while_the_server_answers(url):
    """The server may be telling something before it has read all: both go on."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        together = Together(driver(connection), {b"echo": "SELECT $1::bytea"}, 10)
        large = bytes(4 << 20)
        first, second = await together.run([(b"echo", [large]), (b"echo", [large])])
        assert len(first.get_value(0, 0) or b"") > len(large)
        assert first.get_value(0, 0) == second.get_value(0, 0)
        connection.invalidate()
    engine.dispose()


async def test_a_commit_that_was_a_rollback_is_none(url):
    """The server answers COMMIT with a success where the transaction had failed before: that is no commit."""
    engine = sa.create_engine(url)
    sink = PostgresSink(engine, LoopLane())
    await sink.begin()
    with contextlib.suppress(sa.exc.SQLAlchemyError):
        sink._connection.execute(sa.text("SELECT 1 / 0"))
    with pytest.raises(psycopg.OperationalError, match="undone"):
        await sink.commit()
    sink.close()
    engine.dispose()


@pytest.mark.parametrize("text", ["", "kana 関所", None])
async def test_what_is_sent_is_what_is_there(url, text):
    """Numbers, texts, bytes and nulls arrive as they were, alike in all rows or not."""
    engine = sa.create_engine(url)
    sink = PostgresSink(engine, LoopLane())
    last = await sink.begin()
    rows = [
        StoredRecord(
            last + 1 + n, f"id-{n}", "w", 5 + n, -n, f"k{n % 2}", text, (text, "x")[n % 2], None, b"\0", b"c" * n
        )
        for n in range(3)
    ]
    people = [(rows[0].seq, b"\xff" * 16), (rows[2].seq, b"\0" * 32)]
    await sink.write(Batch(rows, people, (), ("w", 7, b"tag")))
    sink.close()
    with engine.connect() as connection:
        found = connection.execute(sa.text("SELECT * FROM audit_record ORDER BY seq")).all()
        assert [tuple(row) for row in found] == [tuple(row) for row in rows]
        found = connection.execute(sa.text("SELECT seq, refs FROM audit_subject ORDER BY seq")).all()
        assert [tuple(row) for row in found] == people
        assert connection.execute(sa.text("SELECT * FROM audit_tail")).one() == ("w", 7, b"tag")
        assert (
            connection.execute(sa.text("SELECT value FROM ledger_counter WHERE name = 'audit'")).scalar() == last + 3
        )
    engine.dispose()


async def test_a_group_that_is_not_written_leaves_the_statements_prepared(database: Database) -> None:
    """Also on a connection that others used before, on which the driver had prepared statements of its own."""
    for _ in range(12):  # every connection that waits in the pool
        with database.engine.connect() as connection:
            for _ in range(6):
                connection.execute(sa.text("SELECT value FROM ledger_counter"))
                connection.commit()
    sink = await open_sink(database.engine, LoopLane())
    batch = Batch([StoredRecord(1_000_001, "r", "w", 0, 0, "k", None, None, None, b"", b"")], (), (), ("w", 0, b""))
    try:
        for _ in range(2):
            assert sink.begin_later()
            with pytest.raises(Overtaken):
                await sink.write(batch)
            await sink.begin()
            await sink.rollback()
    finally:
        sink.close()
    with database.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM audit_record")).scalar_one() == 0
        assert connection.execute(sa.text("SELECT count(*) FROM audit_tail")).scalar_one() == 0

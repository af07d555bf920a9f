"""Statements that go to PostgreSQL together: what fails, what is undone, and a server that says nothing."""

from __future__ import annotations

import contextlib

import psycopg
import pytest
import sqlalchemy as sa

from sekisho.adapters.records.audit_postgres import STATEMENTS, Together, calls
from sekisho.adapters.records.audit_sink import PostgresSink
from sekisho.adapters.records.consent_projection import driver

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.enable_socket,
    pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True),
]


def test_a_server_that_says_nothing_is_not_waited_for(url):
    """After its patience the connection is given up: an answer that comes yet is nobody's."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        together = Together(driver(connection), {b"nap": "SELECT pg_sleep(30)"}, 0.2)
        with pytest.raises(psycopg.OperationalError, match="does not answer"):
            together.run([(b"nap", ())])
        assert driver(connection).closed
        connection.invalidate()
    engine.dispose()


def test_references_arrive_as_they_were_handed_over(url):
    """References go there as bytes and not as text: each record's stand beside it, whatever is in them."""
    everything = bytes(range(256)) * 16
    rows = [(1, everything), (2, b""), (3, everything[:16]), (4, b'\\x00{}",NULL')]
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE TEMP TABLE audit_subject (seq bigint, refs bytea)"))
        together = Together(driver(connection), {b"sekisho_subjects": STATEMENTS[b"sekisho_subjects"]}, 2)
        (call,) = calls((b"sekisho_subjects", rows))
        together.run([call])
        assert len(call[1][1] or b"") < sum(len(refs) for _, refs in rows) + 64
        found = connection.execute(sa.text("SELECT seq, refs FROM audit_subject ORDER BY seq")).all()
        assert [(seq, bytes(refs)) for seq, refs in found] == rows
        connection.invalidate()
    engine.dispose()


def test_what_is_no_bytes_is_no_reference(url):
    """Nothing else than bytes goes to the database as references."""
    del url
    with pytest.raises(TypeError, match="takes nothing else"):
        calls((b"sekisho_subjects", [(1, "text")]))


def test_after_one_that_fails_none_is_run(url):
    """The first failure is what is told, and nothing that was sent after it has happened."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        statements = {b"fail": "SELECT 1 / 0", b"leave": "UPDATE ledger_counter SET value = 77", b"end": "COMMIT"}
        together = Together(driver(connection), {b"begin": "BEGIN", **statements}, 2)
        with pytest.raises(psycopg.errors.DivisionByZero):
            together.run([(name, ()) for name in (b"begin", b"fail", b"leave", b"end")])
        connection.invalidate()
    with engine.connect() as connection:
        assert 77 not in set(connection.execute(sa.text("SELECT value FROM ledger_counter")).scalars())
    engine.dispose()


def test_a_writer_that_falls_silent_half_way_holds_no_lock(url):
    """What was sent before the rest is built has an end of its own: after that the server waits only so long."""
    engine = sa.create_engine(url)
    with engine.connect() as silent, engine.connect() as other:
        silent.execute(sa.text("SET idle_in_transaction_session_timeout = 200"))
        silent.commit()
        statements = {b"begin": "BEGIN", b"take": "UPDATE ledger_counter SET value = value", b"one": "SELECT 1"}
        together = Together(driver(silent), statements, 2)
        together.run([(b"begin", ()), (b"take", ())])
        together.send([(b"one", ())])
        other.execute(sa.text("SET lock_timeout = 5000"))
        other.execute(sa.text("UPDATE ledger_counter SET value = value"))  # raises where the lock stays
        silent.invalidate()
    engine.dispose()


def test_what_was_sent_before_counts_with_the_rest(url):
    """A failure of what was sent early is told by the next run, and the commit after it is none."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        statements = {b"begin": "BEGIN", b"fail": "SELECT 1 / 0", b"leave": "UPDATE ledger_counter SET value = 78"}
        together = Together(driver(connection), {**statements, b"end": "COMMIT"}, 2)
        together.run([(b"begin", ())])
        together.send([(b"fail", ())])
        with pytest.raises(psycopg.errors.DivisionByZero):
            together.run([(b"leave", ()), (b"end", ())])
        connection.invalidate()
    with engine.connect() as connection:
        assert 78 not in set(connection.execute(sa.text("SELECT value FROM ledger_counter")).scalars())
    engine.dispose()


def test_a_commit_that_was_a_rollback_is_none(url):
    """The server answers COMMIT with a success where the transaction had failed before: that is no commit."""
    engine = sa.create_engine(url)
    sink = PostgresSink(engine)
    sink.begin(0)
    with contextlib.suppress(sa.exc.SQLAlchemyError):
        sink._connection.execute(sa.text("SELECT 1 / 0"))
    with pytest.raises(psycopg.OperationalError, match="undone"):
        sink.commit()
    sink.close()
    engine.dispose()

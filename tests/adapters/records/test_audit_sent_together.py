"""Statements that go to PostgreSQL together: what fails, what is undone, and a server that says nothing."""

from __future__ import annotations

import contextlib

import psycopg
import pytest
import sqlalchemy as sa

from sekisho.adapters.records.audit_postgres import Together
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

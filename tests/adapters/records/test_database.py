"""The database: its schema, its transactions, and what it does not say."""

from __future__ import annotations

import os

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from sekisho.adapters.records import asked_tables, scan_tables  # noqa: F401 - what they declare is held against the migrations
from sekisho.adapters.records.database import Database, DatabaseConflict, DatabaseFailed, migrate, migrations_folder
from sekisho.adapters.records.tables import data_subject, ledger_counter, metadata


def test_migrations_build_the_schema_of_the_tables(empty_url):
    """What the migrations build is, column by column and index by index, what the code declares."""
    migrate(empty_url)
    database = Database(empty_url)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    database.dispose()


def test_downgrade_leaves_nothing_and_can_be_undone(empty_url):
    """Down to ``base`` every table of ours is gone; up again it is all there."""
    migrate(empty_url)
    migrate(empty_url, "base")
    database = Database(empty_url)
    assert set(inspect(database.engine).get_table_names()) <= {"alembic_version"}
    migrate(empty_url)
    assert set(metadata.tables) <= set(inspect(database.engine).get_table_names())
    database.dispose()


def test_a_schema_that_is_the_newest_is_left_without_alembic(empty_url, monkeypatch):
    """The newest revision is known by the name of its file, so that a service that starts need not load Alembic."""
    assert ScriptDirectory(migrations_folder()).get_current_head() == max(
        path.name[:4] for path in (migrations_folder() / "versions").glob("[0-9]*.py")
    )
    migrate(empty_url)
    monkeypatch.setattr(command, "upgrade", None)
    migrate(empty_url)
    migrate(empty_url, "base")
    with pytest.raises(TypeError):
        migrate(empty_url)


async def test_migrating_twice_changes_nothing(database, url, people):
    """A second start of the same version keeps the data."""
    await people.register("customer_id", ["1"])
    migrate(url)
    assert (await people.numbers_of("customer_id", ["1"])).tolist() == [1]


async def test_a_transaction_that_fails_leaves_nothing(database):
    """Work that raises is rolled back whole, and its own error passes through."""

    def work(connection):
        connection.execute(data_subject.insert().values(number=1, created_at=0))
        raise LookupError

    with pytest.raises(LookupError):
        await database.run(work)
    assert await database.peek("SELECT count(*) FROM data_subject") == [(0,)]


async def test_a_conflict_is_told_without_the_value(database):
    """A unique key that is violated says so; the driver's text with the value stays inside."""

    def work(connection):
        connection.execute(text("INSERT INTO ledger_counter VALUES ('consent', 4711)"))

    with pytest.raises(DatabaseConflict) as caught:
        await database.run(work)
    assert "consent" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_read_sees_one_snapshot(database):
    """Two statements of one read agree, even when somebody commits between them."""

    def raise_it(connection):
        connection.execute(ledger_counter.update().values(value=ledger_counter.c.value + 1))

    def read(connection):
        first = connection.execute(text("SELECT max(value) FROM ledger_counter")).scalar_one()
        with database.engine.begin() as other:
            raise_it(other)
        return first, connection.execute(text("SELECT max(value) FROM ledger_counter")).scalar_one()

    first, second = await database.read(read)
    assert first == second
    assert await database.peek("SELECT max(value) FROM ledger_counter") == [(first + 1,)]


async def test_the_clock_is_the_databases_and_in_microseconds(database):
    """The clock expression is close to this machine's time, which the test server shares."""
    import time

    (now,) = (await database.peek(f"SELECT {database.now_sql}"))[0]
    assert abs(now / 1_000_000 - time.time()) < 5


async def test_peek_cannot_write(database):
    """The cheap way in is read-only."""
    with pytest.raises(DatabaseFailed):
        await database.peek("DELETE FROM ledger_counter RETURNING 1")
    assert await database.peek("SELECT count(*) FROM ledger_counter") == [(5,)]


async def test_after_close_everything_is_refused(database):
    """A closed database raises what an unreachable one raises."""
    await database.close()
    with pytest.raises(DatabaseFailed):
        await database.run(lambda _: None)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://h/d", "nonsense"])
def test_other_databases_are_refused(url):
    """Only a SQLite file or PostgreSQL can hold the records."""
    with pytest.raises(ValueError, match=r"database"):
        Database(url)


async def test_a_vanished_file_is_noticed(tmp_path):
    """When the SQLite file is gone, nothing is read from or written to what is left of it."""
    url = f"sqlite:///{tmp_path}/own.db"
    migrate(url)
    database = Database(url)
    await database.peek("SELECT 1")
    os.unlink(f"{tmp_path}/own.db")  # noqa: PTH108
    with pytest.raises(DatabaseFailed):
        await database.peek("SELECT value FROM ledger_counter")
    with pytest.raises(DatabaseFailed):
        await database.run(lambda connection: connection.execute(text("SELECT 1")))
    await database.close()


async def test_sqlite_commits_survive_a_power_cut(tmp_path):
    """Connections write ahead and sync each commit; foreign keys are enforced."""
    url = f"sqlite:///{tmp_path}/own.db"
    migrate(url)
    database = Database(url)

    def pragmas(connection):
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    assert await database.run(pragmas) == ["wal", 2, 1]
    await database.close()

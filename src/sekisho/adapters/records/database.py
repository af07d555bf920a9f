"""The gateway's own database: SQLite when embedded, PostgreSQL in production.

Two ways lead in. :meth:`Database.run` and :meth:`Database.read` take a function and run it in a worker
thread inside one transaction: the event loop never waits for a disk. :meth:`Database.peek` is for
reads so small that the way into a thread would cost more than the read: on SQLite it answers inline, on
PostgreSQL from connections that stay open, of the event loop itself where all parameters are numbers.

Both databases are set so that a commit that has answered survives a crash (``synchronous=FULL``,
``synchronous_commit`` not off). No driver's own text leaves this module: it may quote a value.
"""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import psycopg
from sqlalchemy import Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError, SQLAlchemyError

import sekisho
from sekisho.adapters.records.glances import Glances, NoGlance
from sekisho.adapters.records.patience import CONNECTING, GLANCE_S, PatientConnection, be_patient, limit, shortly

T = TypeVar("T")
Row = tuple[Any, ...]

_PEEKERS = 3  # threads and connections for tiny reads on PostgreSQL
_WRITERS = 4  # threads and connections on PostgreSQL; SQLite has one writer by nature
_BUSY_MS = 5_000  # how long a SQLite statement in a thread waits for another process
_PEEK_BUSY_MS = 250  # inline reads hold the event loop, so they give up early
_NOW = {
    # julianday has milliseconds; it is the only sub-second clock of SQLite before 3.42.
    "sqlite": "CAST(ROUND((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000",
    # clock_timestamp, not now(): the latter is the time at which the transaction began.
    "postgresql": "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
}

# COPY runs past SQLAlchemy, so that the driver's own errors come through too.
_DRIVER_ERRORS = (SQLAlchemyError, psycopg.Error, sqlite3.Error)


class DatabaseFailed(SQLAlchemyError):
    """The database did not do what was asked; nothing of the transaction stands.

    The message names the kind of failure only. Callers turn it into ``ConsentUnavailable`` or the like.
    """


class DatabaseConflict(DatabaseFailed):
    """A unique or foreign key forbids the change."""


class Database:
    """One database of the gateway's own, with its threads and connections.

    Parameters
    ----------
    url:
        ``sqlite:////absolute/path.db`` (a file; memory would be another database for each connection) or
        ``postgresql://user@host/name``.

    Attributes
    ----------
    dialect:
        ``sqlite`` or ``postgresql``.
    now_sql:
        SQL expression for the database's clock, in microseconds since 1970-01-01 UTC.
    engine:
        The SQLAlchemy engine, for migrations and tests; use :meth:`run` and :meth:`read`.

    Raises
    ------
    ValueError
        For any other kind of URL.
    """

    def __init__(self, url: str) -> None:
        self._url = _checked(url)
        self.dialect: str = self._url.get_backend_name()
        self.now_sql: str = _NOW[self.dialect]
        self.engine: Engine = _engine(self._url)
        self._readers_engine = self.engine.execution_options(sekisho_read=True)
        if self.dialect == "postgresql":
            # Several statements of one read see one snapshot, as they do in SQLite.
            self._readers_engine = self._readers_engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        writers = 1 if self.dialect == "sqlite" else _WRITERS
        self._writers = ThreadPoolExecutor(writers, thread_name_prefix="records-write")
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="records-read")
        self._peeker = ThreadPoolExecutor(_PEEKERS, thread_name_prefix="records-peek")
        self._lock = threading.Lock()
        self._closed = False
        self._file: tuple[int, int] | None = None
        self._inline: sqlite3.Connection | None = None
        self._tiny = threading.local()  # one connection for each thread of the peeker
        self._tinies: list[PatientConnection] = []
        self._glances = Glances(self._url) if self.dialect == "postgresql" else None

    @property
    def inline(self) -> bool:
        """Whether :meth:`peek` answers without giving up the event loop."""
        return self.dialect == "sqlite"

    async def run(self, work: Callable[[Connection], T], *, seconds: float | None = None) -> T:
        """Run *work* in one write transaction and commit; what it returns is durable.

        A caller that is cancelled meanwhile, or waits no more after *seconds*, does not undo the transaction.

        Raises
        ------
        DatabaseFailed
            When the database failed; the transaction is rolled back. Errors of *work* itself pass through.
        """
        job = self._in_thread(self._writers, self.engine, partial(shortly, work=work))
        return await self._in_time(job, seconds)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run *work* over one snapshot, without a write lock. Raises ``DatabaseFailed``."""
        return await self._in_thread(self._readers, self._readers_engine, work)

    async def peek(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Return the rows of one tiny SELECT with ``?`` parameters, as committed when it is sent.

        On SQLite this does not give up the event loop: only for reads of some rows by key.
        Raises ``DatabaseFailed``.
        """
        if self.dialect == "sqlite":
            return self._peek_inline(sql, parameters)
        if self._glances is not None and not self._closed and all(isinstance(each, int) for each in parameters):
            with suppress(NoGlance):
                try:
                    return await self._glances.rows(sql, parameters)
                except (asyncpg.PostgresError, TimeoutError) as error:
                    raise DatabaseFailed(f"The database did not answer ({type(error).__name__}).") from None
        loop = asyncio.get_running_loop()
        job = self._submit(loop, self._peeker, partial(self._peek_tiny, sql, parameters))
        return await self._in_time(job, GLANCE_S)

    async def close(self) -> None:
        """Wait for running work and close every connection. Closing twice is harmless."""
        loop = asyncio.get_running_loop()
        if self._glances is not None:
            await self._glances.close()
        for pool in (self._writers, self._readers, self._peeker):
            await loop.run_in_executor(None, pool.shutdown)
        self.dispose()

    def dispose(self) -> None:
        """Close every connection from code without an event loop."""
        with self._lock:
            self._closed = True
            self._close_inline()
            if self._glances is not None:
                self._glances.cut()
            for connection in self._tinies:
                connection.close()
            self._tinies.clear()
        self.engine.dispose()

    async def _in_thread(self, pool: ThreadPoolExecutor, engine: Engine, work: Callable[[Connection], T]) -> T:
        return await self._submit(asyncio.get_running_loop(), pool, partial(self._transact, engine, work))

    @staticmethod
    async def _in_time(job: Coroutine[Any, Any, T], seconds: float | None) -> T:
        try:
            return await asyncio.wait_for(job, seconds)
        except TimeoutError:
            raise DatabaseFailed("The database did not answer (TimeoutError).") from None

    def _transact(self, engine: Engine, work: Callable[[Connection], T]) -> T:
        with self._lock:
            self._watch_file()
        try:
            with engine.begin() as connection:
                return work(connection)
        except _DRIVER_ERRORS as error:
            raise _translated(error) from None

    def _watch_file(self) -> None:
        """Refuse when the SQLite file is gone, and start anew when another stands in its place.

        An open connection would go on writing to the file that nobody finds any more.
        """
        if self._closed:
            raise DatabaseFailed("The database is closed.")
        if self.dialect != "sqlite":
            return
        try:
            found = os.stat(str(self._url.database))  # noqa: PTH116 - on the hot path, twice as fast
        except OSError:
            raise DatabaseFailed("The database file is not there.") from None
        identity = (found.st_dev, found.st_ino)
        if identity != self._file:
            if self._file is not None:
                self._close_inline()
                self.engine.dispose()
            self._file = identity

    async def _submit(self, loop: asyncio.AbstractEventLoop, pool: ThreadPoolExecutor, job: Callable[[], T]) -> T:
        try:
            future = loop.run_in_executor(pool, job)
        except RuntimeError:
            raise DatabaseFailed("The database is closed.") from None
        return await future

    def _peek_inline(self, sql: str, parameters: Sequence[object]) -> list[Row]:
        with self._lock:
            self._watch_file()
            try:
                if self._inline is None:
                    self._inline = self._open_inline()
                return self._inline.execute(sql, parameters).fetchall()
            except sqlite3.Error as error:
                self._close_inline()
                raise DatabaseFailed(f"The database did not answer ({type(error).__name__}).") from None

    def _close_inline(self) -> None:
        if self._inline is not None:
            self._inline.close()
            self._inline = None

    def _open_inline(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            str(self._url.database), isolation_level=None, check_same_thread=False, cached_statements=64
        )
        connection.execute(f"PRAGMA busy_timeout = {_PEEK_BUSY_MS}")
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _peek_tiny(self, sql: str, parameters: Sequence[object]) -> list[Row]:
        connection: PatientConnection | None = None
        for attempt in (1, 2):
            try:
                connection = getattr(self._tiny, "connection", None)
                if connection is None or connection.closed:
                    connection = self._tiny.connection = self._open_tiny()
                return connection.execute(_percent(sql), parameters).fetchall()
            except psycopg.Error as error:
                # A connection that the server has closed since says nothing about the database: once more.
                lost = connection is not None and connection.broken
                if lost and attempt == 1:
                    continue
                raise DatabaseFailed(f"The database did not answer ({type(error).__name__}).") from None
        raise AssertionError("unreachable")  # pragma: no cover - the last try returns or raises

    def _open_tiny(self) -> PatientConnection:
        _, arguments = self.engine.dialect.create_connect_args(self._url)
        connection = PatientConnection.connect(**{**arguments, **CONNECTING}, autocommit=True, prepare_threshold=1)
        connection.patience = GLANCE_S
        connection.execute("SET statement_timeout = 2000")
        connection.execute("SET default_transaction_read_only = on")
        with self._lock:
            self._tinies = [known for known in self._tinies if not known.closed] + [connection]
        return connection


def bulk_insert(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Insert *rows* (tuples in the order of *columns*) as fast as the database takes them.

    COPY on PostgreSQL, one prepared statement on SQLite.
    """
    if not rows:
        return
    names = ", ".join(columns)
    if connection.dialect.name == "postgresql":
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    marks = ", ".join("?" * len(columns))
    connection.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", list(rows))


def migrate(url: str, target: str = "head") -> None:
    """Bring the schema of the database at *url* to *target*: ``head`` (newest) or ``base`` (nothing left).

    All or nothing, and safe when several processes start at once.

    Raises
    ------
    DatabaseFailed
        When the database does not answer or refuses.
    """
    database = Database(url)
    try:
        with database.engine.begin() as connection:
            if database.dialect == "postgresql":
                limit(connection, None)  # an index over a whole log takes its time
                # Until commit: whoever comes second finds the work done. The number is arbitrary.
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7371005)")
            if target == "head" and _is_newest(connection):
                return
            import alembic.command  # noqa: PLC0415 - a service whose schema is there goes without
            import alembic.config  # noqa: PLC0415 - only where there is something to migrate

            config = alembic.config.Config(attributes={"connection": connection})
            config.set_main_option("script_location", str(migrations_folder()))
            config.set_main_option("path_separator", "os")
            if target == "base":
                alembic.command.downgrade(config, target)
            else:
                alembic.command.upgrade(config, target)
    except _DRIVER_ERRORS as error:
        raise _translated(error) from None
    finally:
        database.dispose()


def _is_newest(connection: Connection) -> bool:
    newest = max(path.name[:4] for path in (migrations_folder() / "versions").glob("[0-9]*.py"))
    there = connection.dialect.has_table(connection, "alembic_version")
    return there and connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all() == [newest]


def migrations_folder() -> Path:
    """Return where the migrations stand: inside the installed package, or at the root of a checkout."""
    installed = (package := Path(sekisho.__file__).parent) / "migrations"
    return installed if installed.is_dir() else package.parents[1] / "migrations"


def _translated(error: Exception) -> DatabaseFailed:
    """Return *error* without the driver's text, which may quote a value."""
    if isinstance(error, DatabaseFailed):
        return error
    origin = getattr(error, "orig", None)
    name = type(origin or error).__name__
    # A value that the database cannot hold is the fault of who sent it, as one that breaks a rule is.
    if isinstance(error, IntegrityError | DataError | psycopg.IntegrityError | psycopg.DataError):
        return DatabaseConflict(f"The database refused the change ({name}).")
    return DatabaseFailed(f"The database did not do what was asked ({name}).")


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except ArgumentError:
        raise ValueError("the database URL cannot be read; write sqlite:////path/to/file or postgresql://…") from None
    if backend == "sqlite":
        if not parsed.database or parsed.database == ":memory:" or parsed.database.startswith("file:"):
            raise ValueError("the gateway's own SQLite database must be a file")
        return parsed.set(drivername="sqlite")
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise ValueError("the gateway's own database is SQLite or PostgreSQL")


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, hide_parameters=True, pool_size=3, max_overflow=0)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=_WRITERS + 2 + 1,  # each thread, and the audit log: nobody waits for a place
        max_overflow=0,
        pool_pre_ping=True,
        connect_args=CONNECTING,
    )
    be_patient(engine)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself; _begin_sqlite does
    for pragma in (
        f"busy_timeout = {_BUSY_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",  # an answered commit survives power loss; NORMAL would lose the newest
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its lock at once: turning a read into a write later can fail without a way to wait.
    reading = connection.get_execution_options().get("sekisho_read")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@lru_cache(maxsize=64)
def _percent(sql: str) -> Any:
    """Return *sql* with psycopg's parameter marks."""
    return re.sub(r"\?", "%s", sql)

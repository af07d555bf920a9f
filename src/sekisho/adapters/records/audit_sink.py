"""Where the audit writer puts its records: one connection, held by the writer alone.

Two sinks with the same steps. SQLite goes through the driver itself, because the layers above it cost more than
the commit when a record travels alone; so does PostgreSQL for what every group does (``audit_postgres``), and through
SQLAlchemy Core, aside, for what is rare. Statements come from the one schema in ``tables``.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Sequence
from functools import partial

import psycopg
import sqlalchemy as sa
from psycopg import pq
from sqlalchemy.dialects import postgresql, sqlite

from sekisho.adapters.records.audit_batch import Batch, ChainEnd, NotDurableError, Overtaken, SignedHead, Sink, Tail
from sekisho.adapters.records.audit_lane import Lane, LoopLane, ThreadLane
from sekisho.adapters.records.audit_postgres import (
    BEGIN,
    COMMIT,
    STATEMENTS,
    WAIT,
    Call,
    Together,
    held,
    holding,
    looking,
    writing,
)
from sekisho.adapters.records.consent_projection import driver
from sekisho.adapters.records.patience import ASKED_AFTER, limit
from sekisho.adapters.records.tables import audit_head, audit_record, audit_subject, audit_tail
from sekisho.ports import Ground

COUNTER = "audit"
"""Name of the row in ``ledger_counter`` that numbers the records of all writers."""

_PATIENCE_MS = 2_000  # how long a commit of somebody else may hold the database

DURABLE = ("fsync", "full_page_writes", "synchronous_commit")
"""Settings of PostgreSQL without which an acknowledged commit may be lost."""

CONFLICTS = (sqlite3.IntegrityError, psycopg.IntegrityError, sa.exc.IntegrityError)
"""What a record raises whose id, or place in the chain, is taken."""


def _heads(dialect: sa.Dialect) -> sa.Insert:
    # The same head is signed twice where a start meets a writer that is still there: same text, same bytes.
    insert = sqlite.insert if dialect.name == "sqlite" else postgresql.insert
    return insert(audit_head).on_conflict_do_nothing()


def _tail() -> sa.Insert:
    insert = sqlite.insert(audit_tail)
    new = {"wseq": insert.excluded.wseq, "tag": insert.excluded.tag}
    return insert.on_conflict_do_update(index_elements=[audit_tail.c.writer], set_=new)


_TAILS = (
    sa.select(audit_tail.c.writer, audit_tail.c.wseq, audit_tail.c.tag, audit_record.c.chain)
    .join(audit_record, (audit_record.c.writer == audit_tail.c.writer) & (audit_record.c.wseq == audit_tail.c.wseq))
    .order_by(audit_tail.c.writer)
)


def open_tails(connection: sa.Connection) -> list[Tail]:
    """Return the ends of all chains whose head is not in the database yet."""
    return [Tail(row[0], row[1], bytes(row[2]), bytes(row[3])) for row in connection.execute(_TAILS)]


_HOLDS = holding(
    "CAST(ROUND((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000",
    "IS",
    [f"?{at}" for at in range(1, 11)],
)


class SqliteSink:
    """A SQLite file. The pragmas are read back, because a wrong one loses acknowledged records in silence."""

    def __init__(self, engine: sa.Engine) -> None:
        fairy = engine.raw_connection()
        connection = fairy.driver_connection
        fairy.detach()  # its isolation is changed below: it must not return to the pool
        assert isinstance(connection, sqlite3.Connection)  # noqa: S101 - the dialect says so
        self._connection = connection
        # Python's own handling would begin a deferred transaction, and commit behind our back.
        connection.isolation_level = None
        try:
            connection.execute(f"PRAGMA busy_timeout={_PATIENCE_MS}")
            self._path = str(engine.url.database)
            self._file = self._identity()
            self._check()
            connection.execute(
                "INSERT INTO ledger_counter (name, value) VALUES (?, 0) ON CONFLICT DO NOTHING", (COUNTER,)
            )
        except BaseException:
            connection.close()
            raise
        self.standing: Sequence[bool] = ()
        self._records, self._subjects, self._heads, self._tail, self._tails = (
            str(statement.compile(dialect=engine.dialect))
            for statement in (
                sa.insert(audit_record),
                sa.insert(audit_subject),
                _heads(engine.dialect),
                _tail(),
                _TAILS,
            )
        )

    def _check(self) -> None:
        journal = self._connection.execute("PRAGMA journal_mode").fetchone()[0]
        synchronous = self._connection.execute("PRAGMA synchronous").fetchone()[0]
        if str(journal).lower() not in {"wal", "delete", "truncate", "persist"}:
            raise NotDurableError(f"SQLite runs with journal_mode={journal}: set it to WAL")
        if int(synchronous) < 2:
            raise NotDurableError(f"SQLite runs with synchronous={synchronous}: set it to FULL")

    def _identity(self) -> tuple[int, int]:
        found = os.stat(self._path)  # noqa: PTH116 - on the hot path, twice as fast
        return found.st_dev, found.st_ino

    async def begin(self, grounds: Sequence[Ground] = ()) -> int:
        """See :class:`Sink`."""
        if self._identity() != self._file:
            # SQLite would go on writing to a file that nobody finds any more.
            raise NotDurableError("the database file was moved or replaced")
        # IMMEDIATE takes the write lock before the counter is read; a deferred one could be refused later.
        self._connection.execute("BEGIN IMMEDIATE")
        (last,) = self._connection.execute("SELECT value FROM ledger_counter WHERE name=?", (COUNTER,)).fetchone()
        # Under the write lock: no withdrawal comes between this and the commit.
        self.standing = [bool(self._connection.execute(_HOLDS, held(each)).fetchone()[0]) for each in grounds]
        return int(last)

    def begin_later(self) -> bool:
        """See :class:`Sink`."""
        return False

    async def last_of(self, writer: str) -> ChainEnd | None:
        """See :class:`Sink`."""
        row = self._connection.execute(
            "SELECT writer, wseq, chain FROM audit_record WHERE writer=? ORDER BY wseq DESC LIMIT 1",
            (writer,),
        ).fetchone()
        return None if row is None else ChainEnd(*row)

    async def last(self) -> ChainEnd | None:
        """See :class:`Sink`."""
        row = self._connection.execute(
            "SELECT writer, wseq, chain FROM audit_record ORDER BY seq DESC LIMIT 1"
        ).fetchone()
        return None if row is None else ChainEnd(*row)

    async def tails(self) -> list[Tail]:
        """See :class:`Sink`."""
        return [Tail(*row) for row in self._connection.execute(self._tails)]

    async def write(self, batch: Batch, ground: Ground | None = None) -> None:
        """See :class:`Sink`."""
        assert ground is None  # noqa: S101 - it never begins later
        connection = self._connection
        connection.execute("UPDATE ledger_counter SET value=? WHERE name=?", (batch.rows[-1].seq, COUNTER))
        connection.executemany(self._records, batch.rows)
        if batch.subjects:
            connection.executemany(self._subjects, batch.subjects)
        if batch.heads:
            connection.executemany(self._heads, batch.heads)
        connection.execute(self._tail, batch.tail)
        await self.commit()

    async def seal(self, heads: Sequence[SignedHead]) -> None:
        """See :class:`Sink`."""
        self._connection.executemany(self._heads, heads)
        self._connection.executemany(
            "DELETE FROM audit_tail WHERE writer=? AND wseq=?", [(head.writer, head.wseq) for head in heads]
        )

    async def commit(self) -> None:
        """See :class:`Sink`."""
        self._connection.execute("COMMIT")

    async def rollback(self) -> None:
        """See :class:`Sink`."""
        self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """See :class:`Sink`."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()


class PostgresSink:
    """A PostgreSQL server, on one connection outside the pool. Making one blocks: do it aside.

    A group goes there once, after the sequence that this writer took last: all that is written, what it rests on
    and the commit. Where others write too, it goes there twice: before, to lock the log and to learn where it ends.
    """

    def __init__(self, engine: sa.Engine, lane: Lane) -> None:
        self._lane = lane
        self._connection = engine.connect()
        patience = 3 * _PATIENCE_MS / 1_000
        limit(self._connection, patience)
        try:
            self._forget()
            self._prepare()
            self._together = Together(driver(self._connection), STATEMENTS, patience)
        except BaseException:
            self.close()
            raise
        self.standing: Sequence[bool] = ()
        self._begun: list[Call] = []  # what a transaction that has not begun begins with
        self._heads = _heads(engine.dialect)
        self._ends = sa.select(audit_record.c.writer, audit_record.c.wseq, audit_record.c.chain).limit(1)

    def _forget(self) -> None:
        """Let the driver prepare nothing itself, nor keep what it did for others on this connection.

        After a rollback it deallocates all statements wherever it has prepared one: ours, too.
        """
        driver(self._connection).prepare_threshold = None
        self._connection.execute(sa.text("SELECT 1"))
        self._connection.rollback()

    def _prepare(self) -> None:
        execute = self._connection.execute
        # As this session sees them: a role or a database may have its own setting.
        for name in DURABLE:
            if execute(sa.text(f"SHOW {name}")).scalar_one() == "off":
                raise NotDurableError(f"PostgreSQL runs with {name}=off: set it to on")
        execute(sa.text(f"SET lock_timeout = {_PATIENCE_MS}"))
        # Nobody waits for longer than for two of these; a connection that does not even say so is given up.
        execute(sa.text(f"SET statement_timeout = {2 * _PATIENCE_MS}"))
        # The counter is locked meanwhile: a writer that was stopped here would stop those of all other processes.
        execute(sa.text(f"SET idle_in_transaction_session_timeout = {2 * _PATIENCE_MS}"))
        # And one whose machine is gone without a word, maybe in the middle of a message.
        for name, value in ASKED_AFTER.items():
            execute(sa.text(f"SET {name} = {value}"))
        execute(
            sa.text("INSERT INTO ledger_counter (name, value) VALUES (:name, 0) ON CONFLICT DO NOTHING"),
            {"name": COUNTER},
        )
        self._connection.commit()

    async def begin(self, grounds: Sequence[Ground] = ()) -> int:
        """See :class:`Sink`."""
        self._begun = []
        _, last, *looks = await self._together.run([BEGIN, WAIT, *map(looking, grounds)])
        self.standing = [look.get_value(0, 0) == b"1" for look in looks]
        return int(last.get_value(0, 0) or b"")

    def begin_later(self) -> bool:
        """See :class:`Sink`."""
        self._begun = [BEGIN, WAIT]
        return True

    def _end(self, statement: sa.Select[str, int, bytes]) -> ChainEnd | None:
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else ChainEnd(row[0], row[1], bytes(row[2]))

    async def last_of(self, writer: str) -> ChainEnd | None:
        """See :class:`Sink`."""
        statement = self._ends.where(audit_record.c.writer == writer).order_by(audit_record.c.wseq.desc())
        return await self._lane.aside(partial(self._end, statement))

    async def last(self) -> ChainEnd | None:
        """See :class:`Sink`."""
        return await self._lane.aside(partial(self._end, self._ends.order_by(audit_record.c.seq.desc())))

    async def tails(self) -> list[Tail]:
        """See :class:`Sink`."""
        return await self._lane.aside(partial(open_tails, self._connection))

    async def write(self, batch: Batch, ground: Ground | None = None) -> None:
        """See :class:`Sink`."""
        begun, self._begun = self._begun, []
        *_, written, done = await self._together.run([*begun, writing(batch, ground), COMMIT])
        self._ended(done)
        if written.get_value(0, 0) != b"1":
            raise Overtaken

    async def seal(self, heads: Sequence[SignedHead]) -> None:
        """See :class:`Sink`."""
        await self._lane.aside(partial(self._seal, heads))

    def _seal(self, heads: Sequence[SignedHead]) -> None:
        self._connection.execute(self._heads, [head._asdict() for head in heads])
        for head in heads:
            covered = (audit_tail.c.writer == head.writer) & (audit_tail.c.wseq == head.wseq)
            self._connection.execute(sa.delete(audit_tail).where(covered))

    async def commit(self) -> None:
        """See :class:`Sink`."""
        (done,) = await self._together.run([COMMIT])
        self._ended(done)

    def _ended(self, done: pq.abc.PGresult) -> None:
        if done.command_status != b"COMMIT":  # it calls a rollback a success where the transaction had failed before
            raise psycopg.OperationalError("the transaction was undone")
        self._connection.rollback()  # SQLAlchemy's own idea of a transaction; the server has none any more

    async def rollback(self) -> None:
        """See :class:`Sink`."""
        await self._lane.aside(self._undo)

    def _undo(self) -> None:
        self._connection.rollback()
        driver(self._connection).rollback()

    def close(self) -> None:
        """See :class:`Sink`."""
        # Invalidated, not returned: the settings of this session are the writer's own.
        with contextlib.suppress(sa.exc.SQLAlchemyError):
            self._connection.invalidate()
        with contextlib.suppress(sa.exc.SQLAlchemyError):
            self._connection.close()


def lane_of(engine: sa.Engine) -> Lane:
    """Return where the writer of the database of *engine* runs; call it in the event loop of those who write."""
    return ThreadLane() if engine.dialect.name == "sqlite" else LoopLane()


async def open_sink(engine: sa.Engine, lane: Lane) -> Sink:
    """Connect to the database of *engine*; call it in *lane*.

    Raises
    ------
    NotDurableError
        When a commit would not be durable.
    """
    if engine.dialect.name == "sqlite":
        return SqliteSink(engine)
    return await lane.aside(partial(PostgresSink, engine, lane))

"""How long a connection to PostgreSQL waits for a server that says nothing, and a server for a gateway that does.

A machine that is gone without a word leaves connections half open: nothing ever comes, and whoever reads from one
waits for ever. A gateway that is stopped in the middle of a transaction keeps its locks, and stops all others.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
import sqlalchemy as sa
from psycopg.abc import RV, PQGen

T = TypeVar("T")

CONNECTING = {
    "connect_timeout": 3,  # seconds
    "tcp_user_timeout": 5_000,  # milliseconds for what was sent and not taken
    "keepalives_idle": 5,  # seconds of silence, after which the other side is asked whether it is there
    "keepalives_interval": 2,
    "keepalives_count": 3,
}
"""Parameters of every connection."""

ASKED_AFTER = {
    "tcp_keepalives_idle": 5,  # seconds
    "tcp_keepalives_interval": 2,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 5_000,  # milliseconds
}
"""The same on the server's side, for a session that holds a lock; over a socket file it means nothing."""

GLANCE_S = 2.0
"""Seconds for a tiny read: an answer that comes later comes too late for the page that waits for it."""

_WRITE_S = 30.0  # one statement of a transaction that writes: it holds locks
_PING_S = 3.0  # whether a connection that rested still answers
_WORK_S = 600.0  # one statement of whatever kind
_IDLE_MS = 60_000  # that a transaction may rest, in a gateway that was stopped or is gone


class PatientConnection(psycopg.Connection[Any]):
    """A connection that is closed when the server has not answered within :attr:`patience` seconds.

    A statement of the server's own limits ends in time as long as the server is there; this is for when it is not.
    """

    patience: float | None = _WORK_S

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Wait for the server; see ``psycopg.Connection``. Raises ``psycopg.OperationalError``."""
        limit = self.patience if timeout is None else timeout
        began = time.monotonic()
        try:
            return super().wait(gen, interval, limit)
        except psycopg.OperationalError:
            if limit is not None and time.monotonic() - began >= limit:
                self.pgconn.finish()  # an answer that comes yet would be taken for that of the next statement
            raise


def be_patient(engine: sa.Engine) -> None:
    """Let the connections of *engine* be such ones."""
    sa.event.listen(engine, "do_connect", _connect)
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "checkin", _rest)
    sa.event.listen(engine, "checkout", _work)


def limit(connection: sa.Connection, seconds: float | None) -> None:
    """Set for how long *connection* waits, until it returns to the pool."""
    plain = connection.connection.driver_connection
    if isinstance(plain, PatientConnection):
        plain.patience = seconds


def shortly(connection: sa.Connection, work: Callable[[sa.Connection], T]) -> T:
    """Do *work*, which writes, and may hold locks no longer than needed."""
    limit(connection, _WRITE_S)
    return work(connection)


def _connect(_dialect: object, _record: object, given: list[Any], named: dict[str, Any]) -> PatientConnection:
    return PatientConnection.connect(*given, **named)


def _prepare(connection: Any, _record: object) -> None:
    connection.execute("SET lock_timeout = 5000")
    connection.execute(f"SET idle_in_transaction_session_timeout = {_IDLE_MS}")
    # "off" would answer before the commit is on disk; every other setting is the operator's choice.
    connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
    connection.commit()


def _rest(connection: Any, _record: object) -> None:
    if connection is not None:  # it broke
        connection.patience = _PING_S


def _work(connection: Any, _record: object, _proxy: object) -> None:
    connection.patience = _WORK_S

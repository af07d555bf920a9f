"""Tiny reads of PostgreSQL from the event loop itself: a way into a thread and back costs three times the read.

Nothing rests on it: where such a connection cannot be opened, or breaks, the caller reads in a thread as well.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from sqlalchemy.engine import URL

from sekisho.adapters.records.patience import GLANCE_S

_CONNECTIONS = 3
_SETTLED = 8  # reads of an event loop before it gets connections: a command that is soon over needs none
_AGAIN_S = 10.0  # after a connection could not be opened
_BROKEN = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)


class NoGlance(Exception):
    """The read could not be made this way."""


@dataclass(eq=False)
class _Session:
    connection: asyncpg.Connection
    statements: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class _Loop:
    """The connections of one event loop."""

    loop: asyncio.AbstractEventLoop
    reads: int = 0
    idle: list[_Session] = field(default_factory=list)
    open: set[_Session] = field(default_factory=set)
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_CONNECTIONS))


class Glances:
    """Reads of some rows by key over connections of the running event loop.

    Parameters
    ----------
    url:
        The database.
    """

    def __init__(self, url: URL) -> None:
        self._url = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._here: _Loop | None = None
        self._not_before = 0.0

    async def rows(self, sql: str, numbers: Sequence[object]) -> list[tuple[Any, ...]]:
        """Return the rows of one SELECT with ``?`` for each of *numbers*.

        Raises ``NoGlance`` when there is no connection, as for the first reads of a loop,
        ``asyncpg.PostgresError`` when the server refuses, and ``TimeoutError`` when it says nothing.
        """
        here = self._here
        if here is None or here.loop is not asyncio.get_running_loop():
            self.cut()
            here = self._here = _Loop(asyncio.get_running_loop())
        here.reads += 1
        if here.reads <= _SETTLED:
            raise NoGlance
        async with here.places:
            session = await self._session(here)
            kept = False
            try:
                statement = session.statements.get(sql)
                if statement is None:
                    prepared = session.connection.prepare(_numbered(sql), timeout=GLANCE_S)
                    statement = session.statements[sql] = await prepared
                found = await statement.fetch(*numbers, timeout=GLANCE_S)
                kept = True
                return [tuple(row) for row in found]
            except TimeoutError:
                raise
            except _BROKEN:
                raise NoGlance from None
            except asyncpg.PostgresError:
                kept = True
                raise
            finally:
                if kept and not session.connection.is_closed():
                    here.idle.append(session)
                else:  # it broke, or the caller went away in the middle of an answer
                    here.open.discard(session)
                    session.connection.terminate()

    async def _session(self, here: _Loop) -> _Session:
        while here.idle:
            session = here.idle.pop()
            if not session.connection.is_closed():
                return session
            here.open.discard(session)
        if time.monotonic() < self._not_before:
            raise NoGlance
        try:
            connection = await asyncpg.connect(self._url, timeout=GLANCE_S)
            try:
                await connection.execute("SET statement_timeout = 2000; SET default_transaction_read_only = on")
            except BaseException:
                connection.terminate()
                raise
        except (asyncpg.PostgresError, ValueError, *_BROKEN):
            self._not_before = time.monotonic() + _AGAIN_S
            raise NoGlance from None
        session = _Session(connection)
        here.open.add(session)
        return session

    async def close(self) -> None:
        """Close every connection of the running event loop."""
        here, self._here = self._here, None
        if here is None or here.loop is not asyncio.get_running_loop():
            return
        for session in here.open:
            with suppress(*_BROKEN):
                await session.connection.close(timeout=GLANCE_S)

    def cut(self) -> None:
        """Close every connection at once, also when its event loop has ended."""
        here, self._here = self._here, None
        for session in here.open if here is not None else ():
            with suppress(RuntimeError):
                session.connection.terminate()


def _numbered(sql: str) -> str:
    """Return *sql* with the parameter marks of the server."""
    count = iter(range(1, 1_000))
    return re.sub(r"\?", lambda _: f"${next(count)}", sql)

"""The connections of one store: how many there may be, and how each is given back, at rest or cut off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sekisho.adapters.stores.postgresql.session import FAULTS, Session, Time, connect, in_step, own_error
from sekisho.domain.terms import Dataset, Store
from sekisho.errors import SekishoError, StoreUnavailable

SETTLE_S = 5.0
"""Seconds for a connection to come to rest."""


class Connections:
    """Some connections to one PostgreSQL database.

    Parameters
    ----------
    store, datasets:
        The store, and those of its datasets that are looked at when a connection is opened.
    connections:
        How many there may be at once.
    timeout:
        Seconds that the server may work on a statement.
    """

    def __init__(self, store: Store, datasets: Sequence[Dataset], connections: int, timeout: float) -> None:
        self._store = store
        self._datasets = datasets
        self._timeout = timeout
        self._places = asyncio.Semaphore(connections)
        self._open: set[Session] = set()
        self._idle: list[Session] = []
        self._settling: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Close every connection at once."""
        for task in self._settling:
            if not task.get_loop().is_closed():
                task.cancel()
        for session in self._open:
            session.cut()
        self._open.clear()
        self._idle.clear()

    @asynccontextmanager
    async def _session(self, seconds: float) -> AsyncIterator[tuple[Session, Time]]:
        """Hold a connection for one piece of work, and the time that there is for it."""
        time = Time(seconds)
        session = await self._acquire(time)
        settled = failed = False
        try:
            yield session, time
            settled = True
        except FAULTS as fault:
            settled, failed = in_step(fault), True
            raise own_error(fault, self._store.name) from None
        except SekishoError:
            settled = failed = True
            raise
        finally:
            self._release(session, settled=settled, failed=failed)

    async def _acquire(self, time: Time) -> Session:
        try:
            await time.of(self._places.acquire())
        except TimeoutError:
            raise StoreUnavailable(f"The store {self._store.name} is busy; ask again.") from None
        try:
            while self._idle:
                session = self._idle.pop()
                if not session.connection.is_closed() and await self._is_as_it_was(session, time):
                    return session
                self._open.discard(session)
            session = await connect(self._store, self._datasets, statement_s=max(self._timeout, 1.0))
        except BaseException:
            self._places.release()
            raise
        self._open.add(session)
        return session

    async def _is_as_it_was(self, session: Session, time: Time) -> bool:
        """Return whether a connection at rest can be used: it lasts, and its tables are still those declared."""
        try:
            await time.of(session.look_again(self._store, self._datasets))
        except BaseException as fault:
            session.cut()
            self._open.discard(session)
            if isinstance(fault, FAULTS):
                return False  # a new one says what is the matter
            raise
        return True

    def _release(self, session: Session, *, settled: bool, failed: bool = False) -> None:
        """Give a connection back, off the caller's way; one on which something broke off is closed.

        Closing first tells the server to stop what still runs there. One without a transaction is at rest already,
        unless the work *failed*: then a statement may be prepared and not run, which the driver does in a transaction
        that it does not know of.
        """
        connection = session.connection
        if settled and not failed and not connection.is_closed() and not connection.is_in_transaction():
            self._idle.append(session)
            self._places.release()
            return
        task = asyncio.get_running_loop().create_task(self._settle(session, settled=settled))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _settle(self, session: Session, *, settled: bool) -> None:
        kept = False
        try:
            if settled:
                async with asyncio.timeout(SETTLE_S):
                    await session.connection.execute("ROLLBACK")
                kept = True
                self._idle.append(session)
            else:
                await session.end()
        except FAULTS:
            return
        finally:
            if not kept:
                session.cut()
                self._open.discard(session)
            self._places.release()

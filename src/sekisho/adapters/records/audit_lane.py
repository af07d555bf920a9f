"""Where the audit writer runs: over SQLite in a thread of its own, over PostgreSQL in the event loop.

SQLite has no way of telling that it is ready: whoever asks it waits. PostgreSQL answers on a socket, which the event
loop watches anyway: a record that goes there changes no thread, and each change costs about as much as the record.
What blocks there (the file of heads, the opening of a connection) goes aside, to a thread that nobody waits for while
a record is under way.

The writer is written once, as a coroutine. In a thread it is run through: nothing in it ever waits for a loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from sekisho.adapters.records.audit_queue import Order, Pending, running

T = TypeVar("T")
Item = Pending | Order


class Lane(Protocol):
    """What waits for the writer, and where the writer runs."""

    def start(self, writer: Coroutine[object, object, None]) -> None:
        """Run *writer*, which takes what waits; call it in a running event loop."""

    def put(self, item: Item) -> None:
        """Let *item* wait for the writer; from any thread and loop."""

    def qsize(self) -> int:
        """Return how many items wait."""

    async def get(self, seconds: float) -> Item:
        """Return what waits longest; raises ``queue.Empty`` when nothing comes for *seconds*."""

    def get_nowait(self) -> Item:
        """Return what waits longest; raises ``queue.Empty`` when nothing does."""

    def aside(self, work: Callable[[], T]) -> Awaitable[T]:
        """Do *work*, which blocks, where it holds nobody up; one after the other. Await what this returns."""

    def end(self) -> None:
        """Let go of what :meth:`aside` needed."""


class ThreadLane:
    """A thread, in which the writer may block."""

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self.put = self._items.put
        self.qsize = self._items.qsize
        self.get_nowait = self._items.get_nowait

    def start(self, writer: Coroutine[object, object, None]) -> None:
        """See :class:`Lane`."""
        # A daemon: a process that forgets to close must still end. The chain then simply has no close record.
        threading.Thread(target=_run_through, args=(writer,), name="sekisho-audit", daemon=True).start()

    async def get(self, seconds: float) -> Item:
        """See :class:`Lane`."""
        return self._items.get(timeout=seconds)

    async def aside(self, work: Callable[[], T]) -> T:
        """See :class:`Lane`."""
        return work()

    def end(self) -> None:
        """See :class:`Lane`."""


class LoopLane:
    """The event loop in which the log was started."""

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sekisho-audit")

    def start(self, writer: Coroutine[object, object, None]) -> None:
        """See :class:`Lane`."""
        self._task = self._loop.create_task(writer)

    def put(self, item: Item) -> None:
        """See :class:`Lane`."""
        self._items.append(item)
        if running() is self._loop:
            self._wake()
            return
        with contextlib.suppress(RuntimeError):  # that loop is closed: whoever waits loses patience
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def qsize(self) -> int:
        """See :class:`Lane`."""
        return len(self._items)

    async def get(self, seconds: float) -> Item:
        """See :class:`Lane`."""
        if not self._items:
            self._waiting = self._loop.create_future()
            limit = self._loop.call_later(seconds, self._wake)
            try:
                await self._waiting
            finally:
                limit.cancel()
                self._waiting = None
        return self.get_nowait()

    def get_nowait(self) -> Item:
        """See :class:`Lane`."""
        if not self._items:
            raise queue.Empty
        return self._items.popleft()

    def aside(self, work: Callable[[], T]) -> Awaitable[T]:
        """See :class:`Lane`."""
        return self._loop.run_in_executor(self._thread, work)

    def end(self) -> None:
        """See :class:`Lane`."""
        self._thread.shutdown(wait=False)


def _run_through(writer: Coroutine[object, object, None]) -> None:
    with contextlib.suppress(StopIteration):
        writer.send(None)
        raise RuntimeError("the writer waited for an event loop that is not there")

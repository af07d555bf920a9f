"""One look at the ledger's newest sequence for everybody in the process who waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sekisho.errors import ConsentUnavailable

_POLL_S = 0.1
_PAUSE_S = 1.0  # while the ledger does not answer


class Watch:
    """Waits for new events; polls only while somebody waits, once for all of them.

    Parameters
    ----------
    newest:
        Reads the sequence of the newest event.
    poll_s:
        Seconds between two looks: so long an event may go unnoticed.
    """

    def __init__(self, newest: Callable[[], Awaitable[int]], *, poll_s: float = _POLL_S) -> None:
        self._newest = newest
        self._poll_s = poll_s
        self._waiting: dict[asyncio.Future[None], int] = {}
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    @property
    def stopped(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stopped

    async def beyond(self, seq: int, timeout_s: float) -> bool:
        """Return whether an event above *seq* came within *timeout_s* seconds; ``False`` at once when stopped."""
        if self._stopped:
            return False
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[future] = seq
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())
        try:
            async with asyncio.timeout(timeout_s):
                await future
        except TimeoutError:
            return False
        finally:
            self._waiting.pop(future, None)
        return not self._stopped

    def stop(self) -> None:
        """Let everybody go who waits, for good."""
        self._stopped = True
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    async def _look(self) -> None:
        while self._waiting and not self._stopped:
            pause = self._poll_s
            try:
                newest = await self._newest()
            except ConsentUnavailable:
                pause = _PAUSE_S  # whoever waits goes on waiting, and sees what came meanwhile
            else:
                for future, seq in self._waiting.items():
                    if newest > seq and not future.done():
                        future.set_result(None)
            await asyncio.sleep(pause)

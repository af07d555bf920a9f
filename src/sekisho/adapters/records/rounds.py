"""Sharing one piece of work among those who wait, never with one who came after it began."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class Rounds:
    """Runs one piece of work at a time and lets callers share it, never one that began before they came."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work = work
        self._running: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def join(self) -> None:
        """Wait for a round that starts after this call. Raises what the work raises."""
        if self._next is None:
            self._next = asyncio.create_task(self._round(self._running))
        await asyncio.shield(self._next)

    async def _round(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})
        # From here on the work may already have read: whoever comes now needs the round after this one.
        self._running, self._next = self._next, None
        await self._work()

"""Callers that wait at the same time share one transaction, and so one wait for the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

from sekisho.errors import ConsentUnavailable, Unavailable

In = TypeVar("In")
Out = TypeVar("Out")


class GroupedWrites(Generic[In, Out]):
    """Writes batches in groups, one group at a time.

    Parameters
    ----------
    write:
        Writes some batches in one transaction and returns the answer to each. Raises anything but
        ``Unavailable`` when one of them is at fault; then nothing was written.
    size:
        Number of items from which on a group takes no further batch.
    """

    def __init__(self, write: Callable[[Sequence[Sequence[In]]], Awaitable[list[list[Out]]]], size: int) -> None:
        self._run = write
        self._size = size
        self._waiting: list[_Waiter[In, Out]] = []
        self._writer: asyncio.Task[None] | None = None

    async def join(self, batch: Sequence[In]) -> list[Out]:
        """Have *batch* written with whatever waits besides, and return its answer. Raises what *write* raises."""
        future: asyncio.Future[list[Out]] = asyncio.get_running_loop().create_future()
        self._waiting.append((batch, future))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await future

    async def _write(self) -> None:
        """Write what waits, in groups, until nothing waits any more."""
        while self._waiting:
            size, taken = 0, 0
            while taken < len(self._waiting) and (size < self._size or not taken):
                size += len(self._waiting[taken][0])
                taken += 1
            group, self._waiting = self._waiting[:taken], self._waiting[taken:]
            try:
                await self._write_group(group)
            except BaseException as error:  # whoever waits must hear of every end
                for _, future in group:
                    if not future.done():
                        known = isinstance(error, Exception)
                        future.set_exception(
                            error if known else ConsentUnavailable("Nothing was recorded. Try again.")
                        )
                if not isinstance(error, Exception):
                    raise

    async def _write_group(self, group: Sequence[_Waiter[In, Out]]) -> None:
        try:
            answers = await self._run([batch for batch, _ in group])
        except Exception as error:
            if len(group) == 1 or isinstance(error, Unavailable):
                raise
            # One of them is at fault, in whichever way; the others must not pay for it.
            for member in group:
                try:
                    await self._write_group([member])
                except Exception as own:  # noqa: BLE001 - it is handed to whoever waits
                    if not member[1].done():
                        member[1].set_exception(own)
            return
        for (_, future), answer in zip(group, answers, strict=True):
            if not future.done():
                future.set_result(answer)


_Waiter: TypeAlias = tuple[Sequence[In], asyncio.Future[list[Out]]]

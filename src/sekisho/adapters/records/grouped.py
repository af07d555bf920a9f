"""Callers that wait at the same time share one piece of work: one transaction and its wait for the disk, one read."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeAlias, TypeVar

from sekisho.errors import ConsentUnavailable, Unavailable

In = TypeVar("In")
Out = TypeVar("Out")
Key = TypeVar("Key", bound=Hashable)

Take: TypeAlias = Callable[[], list[Sequence[In]]]
"""Returns the batches of those who wait, who are the group from then on; to be called once, in any thread."""

_KEYS = 500  # of one read


class Grouped(Generic[In, Out]):
    """Has batches worked on in groups, each of which takes in whoever waits when it takes.

    Parameters
    ----------
    work:
        Does the work for all that *take* returns, and returns the answer to each. Raises anything but
        ``Unavailable`` when one of them is at fault; then nothing was done.
    size:
        Number of items from which on a group takes no further batch.
    overlap:
        Whether the next group may begin once one has taken, and not only when it is done: for work that waits
        for a lock before it takes, so that there is no pause between two of them.
    """

    def __init__(
        self, work: Callable[[Take[In]], Awaitable[list[list[Out]]]], size: int, *, overlap: bool = False
    ) -> None:
        self._work = work
        self._size = size
        self._overlap = overlap
        self._lock = threading.Lock()
        self._waiting: list[_Waiter[In, Out]] = []
        self._due = False  # whether a group has begun that those who wait now will be of, or come after
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, batch: Sequence[In]) -> list[Out]:
        """Have *batch* worked on with whatever waits besides, and return its answer. Raises what *work* raises."""
        future: asyncio.Future[list[Out]] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiting.append((batch, future))
        self._begin()
        return await future

    def _begin(self) -> None:
        with self._lock:
            if self._due or not self._waiting:
                return
            self._due = True
        task = asyncio.create_task(self._run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self) -> None:
        group: list[_Waiter[In, Out]] = []
        taken = False

        def take() -> list[Sequence[In]]:
            nonlocal taken
            with self._lock:
                if taken:  # given up meanwhile, and everybody told
                    return []
                taken = True
                size = count = 0
                while count < len(self._waiting) and (size < self._size or not count):
                    size += len(self._waiting[count][0])
                    count += 1
                group.extend(self._waiting[:count])
                del self._waiting[:count]
                if self._overlap:
                    self._due = False
            return [batch for batch, _ in group]

        try:
            await self._answer(group, take)
        except BaseException as error:  # whoever waits must hear of every end
            take()  # work that failed before it took anybody failed for those who wait
            known = isinstance(error, Exception)
            for _, future in group:
                if not future.done():
                    future.set_exception(error if known else ConsentUnavailable("Nothing was recorded. Try again."))
            if not known:
                raise
        finally:
            if not self._overlap:
                self._due = False
        self._begin()

    async def _answer(self, group: Sequence[_Waiter[In, Out]], take: Take[In]) -> None:
        try:
            answers = await self._work(take)
        except Exception as error:
            if len(group) <= 1 or isinstance(error, Unavailable):
                raise
            # One of them is at fault, in whichever way; the others must not pay for it.
            for batch, future in group:
                await self._answer_alone(batch, future)
            return
        for (_, future), answer in zip(group, answers, strict=True):
            if not future.done():
                future.set_result(answer)

    async def _answer_alone(self, batch: Sequence[In], future: asyncio.Future[list[Out]]) -> None:
        try:
            (answer,) = await self._work(lambda: [batch])
        except Exception as error:  # noqa: BLE001 - it is handed to whoever waits
            if not future.done():
                future.set_exception(error)
            return
        if not future.done():
            future.set_result(answer)


class GroupedReads(Generic[Key, Out]):
    """Reads something for each of many callers: one statement for all who wait, one at a time.

    What a caller is told was read after it came, as if it had asked alone: a change that was acknowledged before
    the call is always seen. A read that is under way takes nobody in; who comes meanwhile is read together, next.

    Parameters
    ----------
    read:
        Reads what belongs to each of some distinct keys. Raises ``Unavailable`` when it cannot.
    inline:
        Whether a read does not give up the event loop, so that there is never anybody to share it with.
    """

    def __init__(self, read: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Out]]], *, inline: bool) -> None:
        self._read = read
        self._inline = inline
        self._groups: Grouped[Key, Out] = Grouped(self._read_group, _KEYS)

    async def of(self, key: Key) -> Out:
        """Return what belongs to *key*. Raises what *read* raises."""
        if self._inline:
            return (await self._read((key,)))[key]
        return (await self._groups.join((key,)))[0]

    async def _read_group(self, take: Take[Key]) -> list[list[Out]]:
        keys = [key for (key,) in take()]
        found = await self._read(list(dict.fromkeys(keys)))
        return [[found[key]] for key in keys]


_Waiter: TypeAlias = tuple[Sequence[In], asyncio.Future[list[Out]]]

"""What waits for the audit writer, and how it is answered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sekisho.ports import AuditReceipt, Ground

_LEAST, _MOST = 32, 512  # records of a group, where as many wait


@dataclass(slots=True)
class Pending:
    """A record on its way, and who waits for it; ``done`` is ``None`` for the writer's own records."""

    kind: str
    id: str
    at: datetime
    fields: Mapping[str, object] = field(repr=False)
    refs: bytes = field(default=b"", repr=False)  # of the people it concerns, as ``domain.record.SubjectSet``
    done: asyncio.Future[AuditReceipt] | None = None
    ground: Ground | None = None  # must hold when it is written, see ``AuditEntry.ground``


@dataclass(slots=True)
class Order:
    """Something other than a record to do: ``close``, or ``probe`` whether a record could be written."""

    word: str
    done: asyncio.Future[bool]


Waiting = asyncio.Future[AuditReceipt] | asyncio.Future[bool] | None


def share(waiting: int) -> int:
    """Return how many records the next group takes at most, when so many wait.

    Of many it takes half: those who were told of one group go on, and ask again, while the database has the next.
    """
    return min(max(waiting // 2, _LEAST), _MOST)


class Answers:
    """Outcomes sorted by event loop beforehand, so that only the wake-ups are left to do after a commit."""

    __slots__ = ("_by_loop",)

    def __init__(self, outcomes: Iterable[tuple[Waiting, object]]) -> None:
        self._by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[object], object]]] = {}
        for future, outcome in outcomes:
            if future is not None:
                settled = self._by_loop.setdefault(future.get_loop(), [])
                # Each future gets the outcome of its own kind; the type of a union of futures cannot say so.
                settled.append((future, outcome))  # type: ignore[arg-type]  # see above

    def give(self) -> None:
        """Resolve the futures: those of the running loop at once, those of any other with one wake-up."""
        here = running()
        for loop, settled in self._by_loop.items():
            if loop is here:
                _settle(settled)
                continue
            with contextlib.suppress(RuntimeError):  # that loop is closed, and nobody waits in it any more
                loop.call_soon_threadsafe(_settle, settled)


def running() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread, if one does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def tell(outcomes: Iterable[tuple[Waiting, object]]) -> None:
    """Resolve futures of any number of event loops."""
    Answers(outcomes).give()


def _settle(outcomes: list[tuple[asyncio.Future[object], object]]) -> None:
    for future, outcome in outcomes:
        if future.done():  # its task was cancelled, or lost patience
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

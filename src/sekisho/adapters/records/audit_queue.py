"""What waits for the audit writer, and how it is answered."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sekisho.ports import AuditReceipt


@dataclass(slots=True)
class Pending:
    """A record on its way, and who waits for it; ``done`` is ``None`` for the writer's own records."""

    kind: str
    id: str
    at: datetime
    fields: Mapping[str, object] = field(repr=False)
    refs: bytes = field(default=b"", repr=False)  # of the people it concerns, as ``domain.record.SubjectSet``
    done: asyncio.Future[AuditReceipt] | None = None


@dataclass(slots=True)
class Order:
    """Something other than a record to do: ``close``, or ``probe`` whether a record could be written."""

    word: str
    done: asyncio.Future[bool]


def tell(
    outcomes: Sequence[tuple[asyncio.Future[AuditReceipt] | asyncio.Future[bool] | None, object]],
) -> None:
    """Resolve futures of any number of event loops, with one wake-up for each loop."""
    by_loop: defaultdict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[object], object]]]
    by_loop = defaultdict(list)
    for future, outcome in outcomes:
        if future is not None:
            by_loop[future.get_loop()].append((future, outcome))  # type: ignore[arg-type]
    for loop, settled in by_loop.items():
        with contextlib.suppress(RuntimeError):  # that loop is closed, and nobody waits in it any more
            loop.call_soon_threadsafe(_settle, settled)


def _settle(outcomes: list[tuple[asyncio.Future[object], object]]) -> None:
    for future, outcome in outcomes:
        if future.done():  # its task was cancelled, or lost patience
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

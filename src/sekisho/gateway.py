"""The gateway: one request, nine steps. (Signature only; steps follow.)"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from sekisho.domain.terms import Dataset, Requester, StatisticsView
from sekisho.query.governed import Output


@dataclass(frozen=True, slots=True)
class Ask:
    """What a requester asks: a statement for a purpose.

    ``parameters`` are the values of ``?`` in the statement; ``max_rows`` limits the answer.
    """

    purpose: str
    sql: str = field(repr=False)
    parameters: tuple[object, ...] = field(default=(), repr=False)
    max_rows: int | None = None


@dataclass(frozen=True, slots=True)
class ReleasedPage:
    """One page whose audit record is durable: it may leave now, and only now.

    ``batch`` has the visible columns only. ``complete`` is whether the whole answer ends with this page
    (``max_rows`` cut short means the last page is not complete).
    """

    batch: pa.RecordBatch = field(repr=False)
    audit_seq: int
    last: bool
    complete: bool


class Release(Protocol):
    """An answer under way. The first page is recorded before this exists, the others as they are read."""

    id: str
    policy_revision: str
    consent_seq: int
    columns: tuple[Output, ...]
    schema: pa.Schema

    def pages(self) -> AsyncIterator[ReleasedPage]:
        """Yield the pages, at least one (it may have no rows). Can be read once.

        Raises a ``SekishoError`` when a later page may not leave; what was sent must then be broken off
        without its terminator.
        """


class GatewayPort(Protocol):
    """What the HTTP layer calls."""

    async def query(self, requester: Requester, ask: Ask, *, page_rows: int = 10_000) -> Release:
        """Run all nine steps for *ask*. Raises a ``SekishoError``; then nothing was released."""

    async def explain(self, requester: Requester, ask: Ask) -> Mapping[str, Any]:
        """Return decision, reasons, transforms, consent requirement and the governed SQL without literals."""

    def datasets(self, requester: Requester) -> list[Dataset]:
        """Return the datasets that *requester* may see."""

    def views(self, requester: Requester) -> list[StatisticsView]:
        """Return the published views of *requester*'s purposes."""

    async def read_view(self, requester: Requester, name: str, purpose: str) -> Release:
        """Return the cached release of a published statistics view."""

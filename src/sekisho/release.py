"""What a requester asks, and what it gets: the values at the two ends of the nine steps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sekisho.domain.access import AccessRequest, Permit
from sekisho.domain.governed import Output
from sekisho.domain.limits import ReleaseFormat
from sekisho.domain.provisions import provided_to
from sekisho.domain.releases import keep_until
from sekisho.ports import ConsentView
from sekisho.query.statements import Question

STALE_SECONDS = 2.0
"""A page that is released later than this after its recheck is void (promise 2)."""


_FEW_SHOWN = 65_536


@dataclass(frozen=True, slots=True)
class Occasion:
    """On what occasion is asked: the form in which the answer leaves, the ticket worked on, a grant as given."""

    form: ReleaseFormat | None = None
    ticket: str | None = None
    grant: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Ask:
    """What a requester asks: a statement for a purpose.

    ``parameters`` are the values of ``?`` in the statement; ``max_rows`` limits the answer. ``paged``: the answer
    is its first page, with a cursor when more follows; ``cursor``: the page that it names.
    """

    purpose: str
    sql: str = field(repr=False)
    parameters: tuple[object, ...] = field(default=(), repr=False)
    max_rows: int | None = None
    paged: bool = False
    cursor: str | None = field(default=None, repr=False)
    occasion: Occasion = field(default_factory=Occasion)


@dataclass(frozen=True, slots=True)
class ReleasedPage:
    """One page whose audit record is durable: it may leave now, and only now.

    ``batch`` has the visible columns only. ``complete`` is whether the whole answer ends with this page
    (an answer that ``max_rows`` cut short is not complete). ``rechecked`` is when its consent was checked
    last, on the monotonic clock; infinite for an answer that no consent covers. ``cursor`` names the page that
    follows in another request.
    """

    batch: pa.RecordBatch = field(repr=False)
    audit_seq: int
    last: bool
    complete: bool
    rechecked: float = float("inf")
    cursor: str | None = field(default=None, repr=False)


@dataclass(eq=False)
class Shown:
    """Whom the pages of an answer are about: number by number while they are few, then one byte for each person."""

    _few: list[NDArray[np.int64]] = field(default_factory=list)
    _count: int = 0
    _many: NDArray[np.bool_] | None = None

    def add(self, numbers: NDArray[np.int64]) -> None:
        """Remember the people *numbers*, all of them 0 or more."""
        self._few.append(numbers)
        self._count += numbers.size
        if self._count > _FEW_SHOWN:
            self._gather()

    def people(self) -> Iterator[NDArray[np.int64]]:
        """Yield everybody who was added, some perhaps more than once."""
        yield from self._few
        if self._many is not None:
            yield np.flatnonzero(self._many)

    def _gather(self) -> None:
        size = 1 + max(int(numbers.max(initial=-1)) for numbers in self._few)
        many = np.zeros(max(size, 0 if self._many is None else self._many.size), np.bool_)
        if self._many is not None:
            many[: self._many.size] = self._many
        for numbers in self._few:
            many[numbers] = True
        self._many, self._few, self._count = many, [], 0


@dataclass(eq=False)
class Release:
    """An answer under way. Its first page is recorded before this exists, the others as they are read.

    ``id`` is the id of the first page's audit record; ``consent_seq`` the sequence that consent was read at.
    """

    id: str
    policy_revision: str
    consent_seq: int
    columns: tuple[Output, ...]
    schema: pa.Schema
    _first: ReleasedPage | None = field(repr=False)
    _rest: AsyncGenerator[ReleasedPage, None] | None = field(repr=False)
    _renew: Callable[..., Awaitable[float]] | None = field(default=None, repr=False)

    async def pages(self) -> AsyncIterator[ReleasedPage]:
        """Yield the pages, at least one (it may have no rows). Can be read once.

        Raises a ``SekishoError`` when a later page may not leave; what was sent must then be broken off
        without its terminator.
        """
        first, self._first = self._first, None
        held = [] if first is None else [first]
        del first
        if held:
            yield held.pop()  # whoever reads a page decides how long it stays
        if self._rest is not None:
            async for page in self._rest:
                held.append(page)
                del page
                yield held.pop()

    async def renew(self, *, latest: bool = False) -> float | None:
        """Check consent once more, for all that was read or its *latest* page; return when, ``None`` without consent.

        Raises ``ConsentUnavailable`` when somebody in it has withdrawn.
        """
        return None if self._renew is None else await self._renew(latest=latest)

    async def close(self) -> None:
        """Stop the statement when nobody reads on."""
        if self._rest is not None:
            await self._rest.aclose()


def everybody(hidden: list[NDArray[np.int64]], view: ConsentView, rows: int) -> NDArray[np.bool_]:
    """Return for each row whether all of its people agree; an outer join's missing side is nobody."""
    keep = np.ones(rows, dtype=np.bool_)
    for numbers in hidden:
        keep &= view.allowed(numbers) | (numbers < 0)
    return keep


def nobody_left(before: ConsentView, now: ConsentView) -> bool:
    """Return whether whoever agreed in *before* agrees in *now*: what was computed of them may leave."""
    if now.version == before.version:
        return True
    changes = now.changes_since(before.version)
    return changes is not None and bool(changes[1].all())


def masks_of(request: AccessRequest) -> dict[str, dict[str, object]]:
    """Return the parameters of the masks of all columns that *request* uses, by dataset and column."""
    return {
        f"{use.dataset.name}.{column.name}": asdict(column.mask)
        for use in request.datasets
        for column in use.dataset.columns
        if column.mask is not None and column.name in use.columns
    }


def described(question: Question, permit: Permit, fingerprint: str, now: datetime) -> dict[str, object]:
    """Return what every release record of one answer says: names, codes, counts and hashes only."""
    request = question.request
    return {
        "requester": request.requester.name,
        "recipient": request.requester.recipient.value,
        "purpose": request.purpose.name,
        "legal_basis": permit.legal_basis.value,
        **provided_to(request),
        "decision": "permit",
        "action": request.action,
        "datasets": [use.dataset.name for use in request.datasets],
        "stores": sorted({use.dataset.store for use in request.datasets}),
        "columns": {f"{n}.{c}": k.value for n, t in permit.transforms.items() for c, k in t.items()},
        "policy": {"revision": permit.revision},
        "query_fp": fingerprint,
        "keep_until": keep_until(request.purpose, now, permit.obligations),
    }


def as_page(table: pa.Table) -> pa.RecordBatch:
    """Return a small table as one batch."""
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


async def ahead_of(source: AsyncIterator[pa.RecordBatch]) -> AsyncGenerator[pa.RecordBatch, None]:
    """Yield what *source* yields; the batch that follows is asked for while its reader works on one."""
    coming = asyncio.ensure_future(anext(source, None))
    try:
        while (batch := await coming) is not None:
            coming = asyncio.ensure_future(anext(source, None))
            yield batch
    finally:
        coming.cancel()
        await asyncio.wait((coming,))  # what still runs in the source must have ended when the source is closed

"""Steps (6) to (9) of one answer: pages from the store, transformed, rechecked, recorded, released.

``gateway.py`` says what comes before. A page leaves this module only after its audit record is durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sekisho.costs import Laps, Step
from sekisho.discharge import Duties
from sekisho.domain.access import ObligationKind, Permit, TransformKind
from sekisho.domain.governed import GovernedQuery
from sekisho.domain.obligations import Discharges, strictest
from sekisho.domain.transforms import Above, kinds_above
from sekisho.errors import AccessDenied, AuditUnavailable, ConsentMoved, ConsentUnavailable, StoreUnavailable
from sekisho.ports import AuditEntry, AuditLog, Clock, ConsentView, ConsentViews, DataStore, Detector, PeopleIndex
from sekisho.ports.consent import Ground
from sekisho.pseudonymity import KeyedTransforms, Pseudonymity
from sekisho.release import STALE_SECONDS, ReleasedPage, Shown, ahead_of, everybody, nobody_left
from sekisho.transform.order import TokenOrder, each_once, joined, order_of
from sekisho.transform.page import is_heavy, numbers_of, transform_page

SMALL_PAGE_ROWS = 10_000
SMALL_PAGE_BYTES = 4 << 20
"""A page of a text format holds at most so many rows and bytes."""

FEW_ROWS = 1_000

_TRIES = 3
"""Times that a later page is checked and recorded before the answer ends without it."""

_TEXT_PAGES = 3
"""Pages whose texts are read at the same time: reading blocks a thread, and others need the rest of them."""

KEYED = kinds_above(Above.EQUALITY)
"""Transforms whose raw value is a key inside the store."""


@dataclass(frozen=True, slots=True)
class Means:
    """What every answer needs of the gateway's ports; ``spool`` is where rows wait that memory does not hold."""

    consents: ConsentViews
    detector: Detector
    audit: AuditLog
    clock: Clock
    pseudonymity: Pseudonymity
    spool: Path | None = None
    reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_TEXT_PAGES), repr=False)


@dataclass(eq=False)
class Answer:
    """Steps (6) to (8) of one answer, page by page.

    ``fields`` is what every record of the answer says; ``limit`` and ``page_rows`` are in rows. ``laps`` counts what
    the steps take, and ``ended`` is told when the last page is ready. ``assumed``: nobody looked at the ledger since
    the request came; the record of the one small page rests on this whole ground, or is none.
    """

    means: Means
    store: DataStore
    people: PeopleIndex
    permit: Permit
    query: GovernedQuery
    view: ConsentView | None
    keyed: KeyedTransforms
    fields: dict[str, object]
    release_id: str
    limit: int
    page_rows: int
    laps: Laps
    ended: Callable[[Laps], None]
    duties: Duties
    assumed: Ground | None = None
    number: int = 0
    cut: bool = False
    rerun: bool = False
    persons: set[int] = field(default_factory=set)
    released: Shown = field(default_factory=Shown, repr=False)
    latest: list[NDArray[np.int64]] = field(default_factory=list, repr=False)

    async def pages(self) -> AsyncGenerator[ReleasedPage, None]:
        """Yield the pages that may leave, at least one. Raises a ``SekishoError`` when one may not."""
        released = False
        while not released:
            released = True
            async with aclosing(self._ahead()) as ahead:
                async for batch, page, last in ahead:
                    ready = await self._release(batch, page or self._transform(batch), last=last)
                    if ready is None:  # consent changed under an aggregate: it is computed once more
                        released = False
                        break
                    self.number += 1
                    if last:
                        self.ended(self.laps)
                    held = [ready]
                    del batch, page, ready  # while a page leaves, nothing of it is held here
                    yield held.pop()
                    self.laps.resume()

    async def raw(self) -> AsyncGenerator[pa.RecordBatch, None]:
        """Yield the raw pages, in the order in which they leave, cut to what was asked for and may be had."""
        self.cut = False
        self.limit = min(self.limit, strictest(self.permit.obligations, ObligationKind.MAX_ROWS) or self.limit)
        async with aclosing(
            self.store.fetch(self.query, self.view, self.people, page_rows=self.page_rows)  # (6)
        ) as fetched:
            started = [await anext(fetched)]
            if started[0].num_rows <= FEW_ROWS:
                second = await anext(fetched, None)
                if second is None:  # one small page, the common case and the one that must be quick
                    self.cut = started[0].num_rows > self.limit
                    self.laps.lap(Step.FETCH)
                    yield self._small(started[0])
                    return
                started.append(second)
            if self.assumed is not None:
                raise ConsentMoved("More than a small page rests on a look at the ledger.")
            async with aclosing(self._limited(started, fetched)) as limited, aclosing(ahead_of(limited)) as batches:
                async for batch in batches:
                    self.laps.lap(Step.FETCH)
                    yield batch

    async def release(self, batch: pa.RecordBatch, *, last: bool) -> ReleasedPage | None:
        """Return *batch* as a page that may leave; ``None`` when the whole statement must run once more."""
        return await self._release(batch, self._transform(batch), last=last)

    async def _ahead(self) -> AsyncGenerator[tuple[pa.RecordBatch, Awaitable[pa.RecordBatch] | None, bool], None]:
        """Yield each raw page, its transform where that runs ahead in a thread, and whether it is the last."""
        async with aclosing(self.raw()) as batches:
            batch: pa.RecordBatch | None = await anext(batches)
            page = self._start(batch)
            while batch is not None:
                following = await anext(batches, None)
                ready = [(batch, page, following is None)]
                batch, page = following, self._start(following)
                del following
                yield ready.pop()

    def _small(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if self.query.order_by_token and batch.num_rows > 1:
            # Before the cut: which rows come first must not depend on the order in the store.
            batch = batch.take(pa.array(order_of(self._sort_keys(batch))))
        return batch.slice(0, self.limit) if self.cut else batch

    def _position(self) -> int:
        """Return which output column's tokens order the answer."""
        return next(i for i, output in enumerate(self.query.outputs) if output.transform in KEYED)

    def _start(self, batch: pa.RecordBatch | None) -> asyncio.Task[pa.RecordBatch] | None:
        if batch is None or not is_heavy(batch, self.query.outputs):
            return None
        return asyncio.ensure_future(self._transform(batch))

    async def _limited(
        self, started: list[pa.RecordBatch], fetched: AsyncIterator[pa.RecordBatch]
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        """Yield raw pages up to the limit, none larger than a page may be; remember whether rows were left."""
        left = self.limit
        async for batch in self._ordered(started, fetched):
            parts = 1 if self.page_rows > SMALL_PAGE_ROWS else -(-batch.nbytes // SMALL_PAGE_BYTES) or 1
            step = max(1, -(-batch.num_rows // parts))
            for start in range(0, max(1, batch.num_rows), step):
                part = batch.slice(start, step)
                if part.num_rows > left:
                    self.cut = True
                    if left or left == self.limit:
                        yield part.slice(0, left)
                    return
                if left or not part.num_rows:
                    yield part
                left -= part.num_rows

    async def _ordered(
        self, started: list[pa.RecordBatch], fetched: AsyncIterator[pa.RecordBatch]
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        """Yield raw pages in the order of their tokens where the statement names no order."""
        if not self.query.order_by_token:
            async for batch in self._full(started, fetched):
                yield batch
            return
        order = TokenOrder(self._sort_keys, self._position(), limit=self.limit, folder=self.means.spool)
        try:
            # All of them, whatever the limit: which rows come first must not depend on the order in the store.
            for batch in started:
                await asyncio.to_thread(order.add, batch)
            async with aclosing(ahead_of(fetched)) as batches:
                async for batch in batches:
                    await asyncio.to_thread(order.add, batch)
            ordered = order.pages(self.page_rows)
            page = await asyncio.to_thread(next, ordered, started[0].slice(0, 0))
            while page is not None:
                yield page
                page = await asyncio.to_thread(next, ordered, None)
        except OSError:
            raise StoreUnavailable(
                "The rows could not be put into order; look at the space for spooled rows."
            ) from None
        finally:
            order.close()

    def _sort_keys(self, batch: pa.RecordBatch) -> NDArray[np.uint64]:
        return self.keyed.row_keys(batch, self.query.outputs, joined=self.query.joined)

    async def _full(
        self, started: list[pa.RecordBatch], fetched: AsyncIterator[pa.RecordBatch]
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        """Yield pages of ``page_rows`` rows, the last of what is left.

        Where an engine ends its batches depends on its threads and on rows that were withheld.
        """
        waiting, rows = started[:0], 0
        source = iter(started)
        first = True
        while (batch := next(source, None) or await anext(fetched, None)) is not None:
            while rows + batch.num_rows >= self.page_rows:
                part = batch.slice(0, self.page_rows - rows)
                yield joined([*waiting, part])
                batch, waiting, rows, first = batch.slice(part.num_rows), [], 0, False
            if batch.num_rows:
                waiting.append(batch)
                rows += batch.num_rows
        if rows or first:
            yield joined(waiting or started[:1])

    async def _transform(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        outputs, keyed = self.query.outputs, self.keyed
        work = partial(transform_page, batch, outputs, keyed, self.means.detector.mask)
        try:
            if any(output.transform is TransformKind.MASK_TEXT for output in outputs):
                async with self.means.reading:
                    return await asyncio.to_thread(work)  # (7)
            return await asyncio.to_thread(work) if is_heavy(batch, outputs) else work()  # (7)
        except (ValueError, pa.ArrowException):
            raise StoreUnavailable("A page could not be transformed, so nothing of it was released.") from None

    async def _release(
        self, batch: pa.RecordBatch, transformed: Awaitable[pa.RecordBatch], *, last: bool
    ) -> ReleasedPage | None:
        """Transform, recheck and record one page; ``None`` when the whole statement must run once more."""
        page = await transformed
        self.laps.lap(Step.TRANSFORM)
        if self.assumed is not None:  # whoever began it so looks, and begins again
            return await self._checked(batch, page, self.assumed, last=last)
        for ground in self._tries():
            rows = self.duties.rows
            with suppress(ConsentUnavailable if self.number else ConsentMoved):
                return await self._checked(batch, page, ground, last=last)
            self.duties.take_back(rows)
        return await self._checked(batch, page, None, last=last)

    def _tries(self) -> Sequence[Ground | None]:
        """Return what a page is checked by and recorded on before the last try, of which a fault is told.

        A first page is checked by the view that it was read by, and its record is written only if the ledger stands
        there still. What a page takes or records besides is done once: where there is such a thing, the look comes
        first. With a later page all that was sent would be lost: a ledger or a log that is slow is asked again.
        """
        if self.number:
            return (None,) * (_TRIES - 1)
        ground = self.means.consents.ground(self.view) if self.view is not None and not self.duties.spends else None
        return () if ground is None else (ground,)

    async def _checked(
        self, batch: pa.RecordBatch, page: pa.RecordBatch, ground: Ground | None, *, last: bool
    ) -> ReleasedPage | None:
        """Recheck and record one transformed page. Raises ``ConsentMoved`` when *ground* does not hold any more."""
        means = self.means
        hidden = self.hidden(batch)
        rechecked = means.clock.monotonic()
        seq = 0
        if self.view is not None:
            now = self.view if ground is not None else await means.consents.view(self.permit.cells)  # (8) recheck
            seq = now.seq
            if self.query.rowwise:
                # Always, also where nothing changed: this does not rest on what a store believes.
                keep = everybody(hidden, now, batch.num_rows)
                if not keep.all():
                    page = page.filter(pa.array(keep))
                    hidden = [numbers[keep] for numbers in hidden]
            elif not nobody_left(self.view, now):
                if self.number or self.rerun:
                    raise ConsentUnavailable("Consent changed while an aggregate was computed; ask again.")
                self.view, self.rerun = now, True
                return None
        people = np.concatenate(hidden) if hidden else np.empty(0, np.int64)
        done = self.duties.of_page()
        self._count(people, done)
        page = await self.duties.page(page, self.release_id, done)
        done.prove()
        self.laps.lap(Step.RECHECK)
        about = people if hidden else self._shown(batch)
        released = await self._record(page, about, seq, rechecked, ground, last=last)
        if self.view is not None:
            self._note(hidden)
        return released

    def hidden(self, batch: pa.RecordBatch) -> list[NDArray[np.int64]]:
        """Return the person numbers of each governed table of a raw page, -1 for nobody."""
        visible = len(self.query.outputs)
        return [numbers_of(batch.column(visible + i)) for i in range(self.query.hidden)]

    async def renew(self, *, latest: bool) -> float:
        """Check once more that nobody in all pages together, or the *latest*, has withdrawn; return when that was.

        For what leaves long after it was rechecked. Raises ``ConsentUnavailable``.
        """
        rechecked = self.means.clock.monotonic()
        await self.duties.renew()
        if self.view is not None:
            now = await self.means.consents.view(self.permit.cells)
            if self.query.rowwise:
                shown = self.latest if latest else self.released.people()
                sound = all(now.allowed(people).all() for people in shown)
            else:
                sound = nobody_left(self.view, now)
            if not sound:
                raise ConsentUnavailable("Consent changed while the answer was written; ask again.")
        return rechecked

    def _note(self, hidden: list[NDArray[np.int64]]) -> None:
        """Remember whom a page is about."""
        self.latest = [numbers[numbers >= 0] for numbers in hidden] if self.query.rowwise else []
        for numbers in self.latest:
            self.released.add(numbers)

    def _shown(self, batch: pa.RecordBatch) -> NDArray[np.int64]:
        """Return whom the pseudonyms of a grouped answer name: it is about them, though no row is one person's."""
        shown = [
            numbers_of(batch.column(i))
            for i, output in enumerate(self.query.outputs)
            if output.transform is TransformKind.PSEUDONYM
        ]
        return np.concatenate(shown) if shown else np.empty(0, np.int64)

    def _count(self, people: NDArray[np.int64], done: Discharges) -> None:
        """Count the people that the answer is about so far, where there is a limit. Raises ``AccessDenied``."""
        most = strictest(self.permit.obligations, ObligationKind.MAX_DATA_SUBJECTS)
        if most is not None and self.query.hidden:
            self.persons.update(each_once(people).tolist())
            if len(self.persons) > most:
                raise AccessDenied(
                    "For this purpose an answer is about one person at a time; narrow the statement to one.",
                    reasons=("one_data_subject_at_a_time",),
                )
            done.did(ObligationKind.MAX_DATA_SUBJECTS, len(self.persons))

    async def _references(self, people: NDArray[np.int64]) -> bytes:
        work = partial(self.means.pseudonymity.references, people)
        return await asyncio.to_thread(work) if people.size > SMALL_PAGE_ROWS else work()

    async def _record(
        self,
        page: pa.RecordBatch,
        people: NDArray[np.int64],
        seq: int,
        rechecked: float,
        ground: Ground | None,
        *,
        last: bool,
    ) -> ReleasedPage:
        means = self.means
        fields = self.fields | {
            "rows": page.num_rows,
            # For a small page the size of its buffers is near enough, and forty times quicker to know.
            "bytes": page.nbytes if page.num_rows > FEW_ROWS else page.get_total_buffer_size(),
            "page": self.number,
            "subjects": await self._references(people),
        }
        if self.view is not None:
            fields["consent"] = {"cells": list(self.permit.cells), "seq": seq, "read_at": self.view.seq}
        record_id = self.release_id
        if self.number:
            record_id = means.clock.new_id()
            fields["parent_id"] = self.release_id
        receipt = await means.audit.append(AuditEntry("access.release", fields, record_id, ground))  # (8) record
        if ground is not None and not receipt.grounded:
            raise AuditUnavailable("The audit log did not look at the consent that the page rests on.")
        self.laps.lap(Step.RECORD)
        if means.clock.monotonic() - rechecked > STALE_SECONDS:
            await means.audit.append(AuditEntry("access.void", {"parent_id": record_id, "page": self.number}))
            raise ConsentUnavailable("The page waited too long after its consent was checked; ask again.")
        return ReleasedPage(page, receipt.seq, last=last, complete=last and not self.cut, rechecked=rechecked)  # (9)

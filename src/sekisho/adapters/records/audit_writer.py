"""What writes the audit records of a process, in groups.

What waits when the previous commit returns goes into the next one, of many records half: under load many share one
disk sync, and nobody is without work meanwhile; a record that comes alone does not wait for company. A group is one
transaction: a contiguous range of sequences from the locked counter, the records, the references of people, the tail
of the chain and, once a second, the heads of earlier groups. Right after the commit everybody is told; then the
group's own head is signed and saved outside the database, at the latest before the next group (see ``audit_seal``).
Where it runs, and what it must not be held up by: ``audit_lane``.

When anything fails, nobody of the group is told that a record is durable, the chain stays where it was,
and the next group begins with a new connection. Once that works a ``gap`` record says how long the log was
away and how many records it refused.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import sqlalchemy as sa
import structlog

from sekisho.adapters.records.audit_batch import Batch, ChainEnd, NotDurableError, Overtaken, SignedHead, Sink
from sekisho.adapters.records.audit_heads import HeadsFile
from sekisho.adapters.records.audit_outage import Outages
from sekisho.adapters.records.audit_postgres import all_of
from sekisho.adapters.records.audit_queue import Answers, Order, Pending, share, tell
from sekisho.adapters.records.audit_seal import Sealer
from sekisho.adapters.records.audit_sink import CONFLICTS, lane_of, open_sink
from sekisho.domain.record import (
    VERSION,
    StoredRecord,
    UnrecordableError,
    canonical,
    genesis,
    next_link,
    search_columns,
    timestamp,
)
from sekisho.errors import AuditUnavailable, ConsentMoved
from sekisho.ports import AuditReceipt, Clock, Ground, KeyRing

_log = structlog.get_logger(__name__)
_SYNC_SECONDS = 1.0  # a saved head is on its disk at most this much later
_STORE_SECONDS = 1.0  # a head is in the database at most so much later than the group that follows it
_SEAL_SECONDS = 0.001  # left to those who were told before the signature takes the interpreter

MOVED = "Consent changed while the answer was on its way; ask again."
UNAVAILABLE = "the audit log cannot make a record durable now; nothing is released until it can"


class HistoryLostError(Exception):
    """The database no longer ends where this writer's chain ends: it was rolled back or rewritten."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What a transaction writes, and the chain as it stands once it is committed."""

    rows: list[StoredRecord]
    receipts: list[tuple[Pending, AuditReceipt | Exception]]
    subjects: list[tuple[int, bytes]]
    end: ChainEnd
    heads: tuple[SignedHead, ...]


class AuditWriter:
    """The writer, its queue and its chain. Made in the event loop of those whose records it writes.

    Parameters
    ----------
    engine:
        The own database. The writer takes one connection of its own from it.
    keyring:
        Signs the heads.
    clock:
        Times and identifiers of the writer's own records.
    heads:
        Folder of the saved heads, outside the database.
    heartbeat_seconds:
        How often the writer says that it is there, so that silence is seen.
    """

    def __init__(
        self, engine: sa.Engine, keyring: KeyRing, clock: Clock, heads: Path, *, heartbeat_seconds: float
    ) -> None:
        self.name = clock.new_id()
        self.queue = lane_of(engine)
        self.given = self.taken = 0  # bytes of references that were put into the queue, and taken out
        self.failed = False
        self.stopped = False
        self._engine = engine
        self._clock = clock
        self._heads = HeadsFile(heads, self.name)
        self._sealer = Sealer(keyring, self._heads)
        self._sink: Sink | None = None
        self._size = 0
        self._chain = genesis(self.name)
        self._doubt: _Attempt | None = None
        self._outages = Outages(clock)
        self._last = 0  # sequence of this writer's last record
        self._alone = False  # whether nobody else wrote before the last group, and all of its grounds held
        self._beat_every = heartbeat_seconds
        self._beat_due = 0.0
        self._sync_due = 0.0
        self._seal_due = 0.0
        self._store_due = 0.0

    def start(self) -> None:
        """Let the writer run. Its first record, ``writer.open``, is the caller's to queue."""
        self.queue.start(self._run())

    def opening(self) -> Pending:
        """Return the first record of the chain; what it follows is filled in inside the transaction."""
        key = self._sealer.key
        return self._own("writer.open", {"key": f"{key.name}+{key.key_id.hex()}"})

    def refuse(self, kind: str) -> None:
        """Count a record that was refused before it reached the queue."""
        self._outages.refuse([kind])

    def fail_waiting(self) -> None:
        """Tell everybody in the queue no; for use once the writer has stopped."""
        while True:
            try:
                item = self.queue.get_nowait()
            except queue.Empty:
                return
            if isinstance(item, Order):
                tell([(item.done, False)])
            elif item.done is not None:
                tell([(item.done, AuditUnavailable(UNAVAILABLE))])

    def _own(self, kind: str, fields: Mapping[str, object]) -> Pending:
        return Pending(kind, self._clock.new_id(), self._clock.now(), fields)

    # ---- the writer -------------------------------------------------------------------------------

    async def _run(self) -> None:
        self._beat_due = time.monotonic() + self._beat_every
        closing: Order | None = None
        try:
            while closing is None:
                group, orders = await self._collect()
                closing = next((order for order in orders if order.word == "close"), None)
                if time.monotonic() >= self._beat_due:
                    self._beat_due = time.monotonic() + self._beat_every
                    group.append(self._own("writer.heartbeat", {}))
                if closing is not None and self._size:
                    group.append(self._own("writer.close", {}))
                if group or (orders and self.failed):
                    await self._write_group(group)
                if self._sealer.due and (orders or time.monotonic() >= self._seal_due):
                    await self._seal()
                tell([(order.done, not self.failed) for order in orders if order is not closing])
                await self._sync_heads()
            await self._store_heads()
            await self.queue.aside(self._heads.close)
        finally:
            self.stopped = True
            self._heads.close()
            self._drop_sink()
            self.queue.end()
            if closing is not None:
                tell([(closing.done, not self.failed)])
            self.fail_waiting()

    async def _collect(self) -> tuple[list[Pending], list[Order]]:
        """Wait for something to do, and take all of it that is there, up to one group."""
        due = min(self._beat_due, self._sync_due) if self._heads.dirty else self._beat_due
        if self._sealer.due:
            due = min(due, self._seal_due)
        group, orders = list[Pending](), list[Order]()
        try:
            item = await self.queue.get(max(due - time.monotonic(), 0.0))
            most = share(self.queue.qsize() + 1)
            while True:
                if isinstance(item, Pending):
                    group.append(item)
                    self.taken += len(item.refs)
                else:
                    orders.append(item)
                    if item.word == "close":
                        break
                if len(group) >= most:
                    break
                item = self.queue.get_nowait()
        except queue.Empty:
            pass
        return group, orders

    async def _sync_heads(self) -> None:
        now = time.monotonic()
        if not self._heads.dirty or now < self._sync_due:
            return
        self._sync_due = now + _SYNC_SECONDS
        try:
            await self.queue.aside(self._heads.sync)
        except OSError as error:
            self._fail(error, ())

    async def _write_group(self, group: list[Pending]) -> None:
        """Make *group* durable and tell who waits, or tell everybody that it is not."""
        try:
            await self._commit(group)
        except Exception as error:  # noqa: BLE001 - whatever happened, no record of this group is durable
            self._drop_sink()
            if not isinstance(error, CONFLICTS) or len(group) == 1:
                self._fail(error, group)
                return
            for pending in group:  # one bad id must not take the others down with it: each goes alone
                await self._write_group([pending])
            return
        if self.failed:
            self.failed = False
            _log.info("audit.available")

    async def _seal(self) -> None:
        """Sign the newest head and save it; whatever fails keeps the next group from being committed."""
        try:
            saved = self._sealer.sign() if self._sealer.ready else await self.queue.aside(self._sealer.sign)
        except Exception as error:  # noqa: BLE001 - a key ring may fail in any way
            self._seal_due = time.monotonic() + _SYNC_SECONDS
            self._fail(error, ())
            return
        if not saved and not self.failed:
            self.failed = True  # the records are durable; the next group waits for the file
            _log.error("audit.heads_unavailable")

    async def _store_heads(self) -> None:
        """Put the last heads into the database; what fails here is made good by the next start."""
        sink, heads = self._sink, self._sealer.unstored
        if sink is None or not heads:
            return
        try:
            await sink.begin()
            await sink.seal(heads)
            await sink.commit()
        except Exception as error:  # noqa: BLE001 - the heads are saved outside, the tail is in the database
            _log.warning("audit.heads_not_stored", error=type(error).__name__)

    async def _commit(self, group: Sequence[Pending]) -> None:
        gap = self._outages.gap() if self._size else None
        members = [self._own("gap", gap.fields()), *group] if gap is not None else list(group)
        grounds = list(dict.fromkeys(pending.ground for pending in group if pending.ground is not None))
        if not await self._at_once(members, grounds):
            await self._in_turn(members, grounds)
        if gap is not None:
            self._outages.told(gap)

    async def _at_once(self, members: Sequence[Pending], grounds: Sequence[Ground]) -> bool:
        """Write *members* after this writer's last record, where all they rest on holds; return whether it was so."""
        sink, ground = self._sink, all_of(grounds)
        if sink is None or not self._alone or (grounds and ground is None) or not sink.begin_later():
            return False
        await self._settle()
        try:
            await self._write(sink, self._build(self._last, members), ground)
        except Overtaken:
            self._doubt = None
            return False
        return True

    async def _in_turn(self, members: Sequence[Pending], grounds: Sequence[Ground]) -> None:
        """Lock the log, and write those of *members* that rest on what holds; tell the others that it does not."""
        fresh = self._sink is None
        sink = self._sink = self._sink or await open_sink(self._engine, self.queue)
        await self._settle()
        last_seq = await sink.begin(grounds)
        if fresh:
            await self._agree(sink)
        first = None if self._size else await self._first(sink)
        gone = {ground for ground, stands in zip(grounds, sink.standing, strict=True) if not stands}
        self._alone = last_seq == self._last and not gone
        attempt = self._build(last_seq, [pending for pending in members if pending.ground not in gone], first)
        attempt.receipts.extend((pending, ConsentMoved(MOVED)) for pending in members if pending.ground in gone)
        await self._write(sink, attempt)

    async def _first(self, sink: Sink) -> Mapping[str, object]:
        """Sign what crashes left behind, and return what the first record of the chain says of those before it."""
        tails = await sink.tails()
        adopted = await self.queue.aside(partial(self._sealer.adopt, tails, self.name))
        if adopted:
            await sink.seal(adopted)
        return {"follows": _follows(await sink.last())}

    async def _settle(self) -> None:
        """Sign the head of the group before, where there was no time yet, and save the heads that are owed."""
        if self._sealer.ready:
            self._sealer.sign()
        if not self._sealer.settled:
            await self.queue.aside(self._sealer.settle)

    async def _write(self, sink: Sink, attempt: _Attempt, ground: Ground | None = None) -> None:
        """Write *attempt*, and tell who waits."""
        answers = Answers((pending.done, outcome) for pending, outcome in attempt.receipts)
        if not attempt.rows:
            await sink.rollback()
            answers.give()
            return
        self._doubt = attempt
        tail = self._sealer.tail(attempt.end)
        await sink.write(Batch(attempt.rows, attempt.subjects, attempt.heads, tail), ground)
        answers.give()  # before anything else: every line above this one is waited for
        self._seal_due = time.monotonic() + _SEAL_SECONDS
        self._arrived(attempt)

    def _arrived(self, attempt: _Attempt) -> None:
        """Go on from *attempt*, which is in the database."""
        self._size, self._chain, self._doubt = attempt.end.wseq + 1, attempt.end.chain, None
        self._last = attempt.rows[-1].seq
        self._sealer.committed(attempt.end, attempt.heads)
        if attempt.heads:
            self._store_due = time.monotonic() + _STORE_SECONDS

    async def _agree(self, sink: Sink) -> None:
        """On a new connection, find out whether the last attempt was committed after all.

        Raises
        ------
        HistoryLostError
            When the database ends neither before nor after that attempt.
        """
        end = await sink.last_of(self.name)
        found = (0, genesis(self.name)) if end is None else (end.wseq + 1, end.chain)
        doubt = self._doubt
        if doubt is not None and found == (doubt.end.wseq + 1, doubt.end.chain):
            # It was, and nobody was told: records without a release, which harm nobody.
            self._arrived(doubt)
        elif found != (self._size, self._chain):
            raise HistoryLostError
        self._doubt = None

    def _build(
        self, last_seq: int, members: Sequence[Pending], first: Mapping[str, object] | None = None
    ) -> _Attempt:
        """Return what is written of *members* after *last_seq*; the first record of a chain also says *first*."""
        rows, subjects = list[StoredRecord](), list[tuple[int, bytes]]()
        receipts: list[tuple[Pending, AuditReceipt | Exception]] = []
        name, seq, wseq, chain = self.name, last_seq + 1, self._size, self._chain
        for pending in members:
            record = {
                **pending.fields,
                "v": VERSION,
                "id": pending.id,
                "seq": seq,
                "writer": name,
                "wseq": wseq,
                "prev": chain.hex(),
                "at": timestamp(pending.at),
                "kind": pending.kind,
            }
            if wseq == 0 and first is not None:
                record |= first
            try:
                data = canonical(record)
            except UnrecordableError as error:
                receipts.append((pending, AuditUnavailable(str(error))))
                continue
            chain = next_link(chain, data)
            columns = search_columns(record, pending.at, pending.kind)
            rows.append(StoredRecord(seq, pending.id, name, wseq, *columns, data, chain))
            if pending.refs:
                subjects.append((seq, pending.refs))
            receipts.append((pending, AuditReceipt(pending.id, seq, pending.ground is not None)))
            seq, wseq = seq + 1, wseq + 1
        # The tail proves the end meanwhile: a page less to write for nearly every group.
        heads = self._sealer.unstored if time.monotonic() >= self._store_due else ()
        return _Attempt(rows, receipts, subjects, ChainEnd(name, wseq - 1, chain), heads)

    def _fail(self, error: Exception, group: Sequence[Pending]) -> None:
        self._outages.refuse(pending.kind for pending in group if pending.done is not None)
        if not self.failed:
            # The type alone: the text of a database error may quote what was to be written.
            _log.error("audit.unavailable", error=type(error).__name__)
        self.failed = True
        detail = f"{UNAVAILABLE}: {error}" if isinstance(error, NotDurableError) else UNAVAILABLE
        tell([(pending.done, AuditUnavailable(detail)) for pending in group])

    def _drop_sink(self) -> None:
        if self._sink is not None:
            self._sink.close()
            self._sink = None


def _follows(end: ChainEnd | None) -> dict[str, object] | None:
    """Return what a new chain says about the newest record before it, so that chains hold one another."""
    return None if end is None else {"writer": end.writer, "wseq": end.wseq, "chain": end.chain.hex()}

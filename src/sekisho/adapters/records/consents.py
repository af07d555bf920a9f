"""The consent ledger: append-only events with a gap-free sequence, and what follows from them.

This is the front of it. Events are written in ``consent_writer``, by the one rule of ``domain.consent``; who
agrees now is held in memory by ``consent_index``; the past is read by ``consent_history``; links between
numbers of one person stand in ``consent_links``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection

from sekisho.adapters.records import consent_links
from sekisho.adapters.records.consent_carried import SPAN, noes_to_carry
from sekisho.adapters.records.consent_chain import EventChain
from sekisho.adapters.records.consent_decisions import Decisions, apart
from sekisho.adapters.records.consent_fold import by_default_purposes
from sekisho.adapters.records.consent_history import ConsentHistory
from sekisho.adapters.records.consent_index import ConsentIndex
from sekisho.adapters.records.consent_projection import array
from sekisho.adapters.records.consent_rows import StateRow, consent_record, recorded_event
from sekisho.adapters.records.consent_saved import SavedBits
from sekisho.adapters.records.consent_view import MemberView
from sekisho.adapters.records.consent_writer import Appending, publishing
from sekisho.adapters.records.database import Database, DatabaseConflict, DatabaseFailed, Row
from sekisho.adapters.records.grouped import Grouped, GroupedReads, Take
from sekisho.adapters.records.sealing import PersonSeals
from sekisho.domain.consent import SAID_BY_PEOPLE, ConsentEventKind, ConsentRecord, Provenance
from sekisho.domain.terms import Cell, Purpose, SubjectNumber
from sekisho.errors import ConsentUnavailable, InvalidRequest
from sekisho.ports import Clock, ConsentEventInput, ConsentView, Ground, KeyRing, RecordedConsentEvent
from sekisho.ports.imports import ImportedEvent

T = TypeVar("T")

_GROUP = 1_000  # events from which on a shared transaction takes no more
_IMPORT = 20_000  # events in one transaction of an import
_SLICE = 500  # of them the database stores while the next are worked out
_UNREADABLE = "The consent ledger did not answer. Try again."
# One statement reads the sequence and the records, so that they belong together.
_RECORDS = (
    f"SELECT c.value, a.asked_again_seq, {', '.join(f's.{name}' for name in StateRow._fields)} FROM ledger_counter c"
    " LEFT JOIN consent_state s ON s.number {among} LEFT JOIN consent_cell a ON a.cell = s.cell"
    " WHERE c.name = 'consent'"
)
_AMONG = {"postgresql": "= ANY(?::bigint[])", "sqlite": "IN (?)"}
_LAST = "SELECT value FROM ledger_counter WHERE name = 'consent'"
_PEOPLE = "SELECT value FROM ledger_counter WHERE name = 'data_subject'"

_RECORDED = SAID_BY_PEOPLE | {ConsentEventKind.EXPIRE}


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did.

    ``recorded`` events were appended. ``unchanged`` of them changed nothing, because the ledger knew of
    something later; they are kept as history. ``last_seq`` is the sequence of the newest event.
    """

    recorded: int
    unchanged: int
    last_seq: int


class SqlConsentLedger:
    """The ledger in the gateway's own database; implements ``ports.ConsentLedger``.

    Parameters
    ----------
    database:
        The gateway's own database, migrated.
    purposes:
        The catalogue's purposes by name.
    clock:
        For the ids of events only. Time is the database's: it is one, however many workers there are.
    keys:
        Key ring: wraps the people's own keys that evidence is sealed under, and chains the events.
    floor:
        A sequence that is known to have existed; see :meth:`raise_floor`.
    saved:
        Where a worker that starts finds how far another had read; without it everything is read.
    """

    def __init__(
        self,
        database: Database,
        purposes: Mapping[str, Purpose],
        clock: Clock,
        keys: KeyRing,
        *,
        floor: int = 0,
        saved: SavedBits | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._by_default = by_default_purposes(purposes)
        self._active = {name: purposes[name].all_cells() for name in self._by_default}
        self._seals = PersonSeals(keys)
        self._chain = EventChain(keys)
        self._index = ConsentIndex(database, purposes, floor=floor, saved=saved)
        self._history = ConsentHistory(database, purposes)
        self._writes = Grouped(self._record, _GROUP, overlap=True)
        self._records = GroupedReads(self._records_by_number, inline=database.inline)
        self._links = GroupedReads(self._linked_by_number, inline=False)
        self._records_sql = _RECORDS.replace("{among}", _AMONG[database.dialect])

    async def start(self) -> None:
        """Read the ledger into memory, so that the first query need not. Raises ``ConsentUnavailable``."""
        await self._index.refresh(patience=None)

    async def save(self) -> None:
        """Save how far the ledger was read, where that helps the next start. Raises ``OSError``."""
        await self._index.save()

    def raise_floor(self, seq: int) -> None:
        """Deny everything while the ledger is below *seq*, which the audit log or a store has seen."""
        self._index.raise_floor(seq)

    def deny_all(self) -> None:
        """Deny every use of consent from here on: an event was found that the gateway did not write."""
        self._index.deny_all()

    async def view(self, cells: tuple[Cell, ...], *, min_seq: int | None = None) -> MemberView:
        """Catch up and return who agrees to all of *cells* now; see ``ports.ConsentLedger``."""
        return await self._index.view(cells, min_seq=min_seq)

    def ground(self, view: ConsentView) -> Ground | None:
        """Return where *view* stands, unless it is known not to hold any more; see ``ports.ConsentViews``."""
        return self._index.ground(view)

    def standing(self, cells: tuple[Cell, ...]) -> MemberView | None:
        """Return who agreed to all of *cells* at the last look; see ``ports.ConsentViews``."""
        return self._index.standing(cells)

    async def record(self, events: Sequence[ConsentEventInput]) -> list[RecordedConsentEvent]:
        """Append *events* in one transaction, all or none; durable when this returns.

        A refusal is never turned away, and the same event again is another event with the same state.

        Raises
        ------
        InvalidRequest
            When an event names nobody who is registered, no cell, or a time without a zone.
        NoticeOutdated
            When people were asked again since the notice of a yes was looked at (``checked_at``).
        ConsentUnavailable
            When the database does not answer; then nothing was recorded, or it was not acknowledged. When the ledger
            is older than what was seen: then the missing events must be replayed first.
        """
        for event in events:
            _check(event)
        return await self._writes.join(tuple(events)) if events else []

    async def import_history(self, events: Iterable[ConsentEventInput]) -> ImportResult:
        """Append a history in the order given, in transactions of some thousand events.

        Every event is kept and counts from its ``occurred_at``: a yes that is older than a no changes nothing,
        whichever of them came first. Raises as :meth:`record` does; chunks before a failure stay recorded.
        """
        recorded, unchanged, last = 0, 0, await self.last_seq()
        stream = iter(events)
        while chunk := list(islice(stream, _IMPORT)):
            for event in chunk:
                _check(event)
            count, same, last = await self._append(partial(self._import, chunk=list(map(apart, chunk))))
            recorded, unchanged = recorded + count, unchanged + same
        return ImportResult(recorded, unchanged, last)

    async def import_part(
        self, events: Sequence[ImportedEvent], also: Callable[[Appending, int], None], at_work: Callable[[], None]
    ) -> None:
        """Append *events* in one transaction, as :meth:`import_history` does.

        *also* runs at its end, with how many of them changed nothing. What it raises undoes the transaction.
        *at_work* runs once the database has begun to store them, of many alone.
        """
        for alike in {id(event.alike): event.alike for event in events}.values():
            _check(alike)
        await self._append(partial(self._import, chunk=events, also=also, at_work=at_work))

    def record_within(self, connection: Connection, events: Sequence[ConsentEventInput]) -> None:
        """Append *events* inside a transaction of somebody else, who commits; the ledger is locked until then.

        They are noes of people who were erased, and said no to everything then: what a purpose that is active by
        default consists of now counts, whatever its cells were called at that time.
        """
        for event in events:
            _check(event)
        named = {(event.number, cell) for event in events for cell in event.cells}
        events = [
            replace(event, cells=event.cells + tuple(cell for cell in now if (event.number, cell) not in named))
            for event in events
            for now in [self._active.get(event.purpose, ())]
        ]
        decisions = Decisions(self._appending(connection), self._by_default)
        for _ in decisions.record(events, self._seals):
            pass
        decisions.write()

    async def records_of(self, number: SubjectNumber) -> tuple[int, dict[Cell, ConsentRecord]]:
        """Return the sequence read at, and this person's records by cell (expiry is not yet applied)."""
        seq, records = await self._records.of(number)
        return seq, dict(records)

    async def records_at(
        self, numbers: Sequence[SubjectNumber], *, valid_at: datetime | None, known_at: datetime | None
    ) -> tuple[int, list[dict[Cell, ConsentRecord]]]:
        """Return the records that held at *valid_at* by what was recorded until *known_at*; see the port."""
        return await self._history.records_at(numbers, valid_at=valid_at, known_at=known_at)

    async def history(self, number: SubjectNumber) -> list[RecordedConsentEvent]:
        """Return one person's events in order of sequence."""
        return await self._history.history(number)

    async def event(self, event_id: str) -> RecordedConsentEvent | None:
        """Return one event, or ``None``."""
        return await self._history.event(event_id)

    async def event_ids(self, seqs: Sequence[int]) -> dict[int, str]:
        """Return the id of each event of *seqs*, in one read."""
        return await self._history.event_ids(seqs)

    async def changes(self, after_seq: int, limit: int) -> list[RecordedConsentEvent]:
        """Return up to *limit* events above *after_seq*, in order; nothing between them is left out."""
        return await self._history.changes(after_seq, limit)

    async def publish(
        self,
        cells: Mapping[str, tuple[Cell, ...]],
        actor: str,
        provenance: Provenance,
        *,
        also: Callable[[Connection, int, int], None] | None = None,
    ) -> int:
        """Make every earlier yes to the *cells* of each purpose outdated, by one event each; return the last seq.

        *also* runs in the same transaction, with that sequence and the time of the events (microseconds).
        """

        def work(appending: Appending) -> int:
            publishing(appending, cells, actor, provenance)
            if also is not None:
                also(appending.connection, appending.seq, appending.now)
            return appending.seq

        return await self._append(work)

    async def carry_noes(self, purpose: str, new: Sequence[Cell], turned: Sequence[Cell]) -> None:
        """Let noes to *purpose* count for its *new* cells, and for those *turned* active by default; see the port."""

        def work(appending: Appending, low: int) -> None:
            decisions = Decisions(appending, self._by_default)
            for _ in decisions.record(noes_to_carry(appending, low, purpose, new, turned), self._seals):
                pass
            decisions.write()

        top = int((await self._peek(_PEOPLE, ()))[0][0])
        for low in range(0, top, SPAN):
            await self._append(partial(work, low=low))

    async def link(self, one: SubjectNumber, other: SubjectNumber, actor: str) -> RecordedConsentEvent:
        """Take two numbers for one person from here on. Linking again records another event and changes nothing."""
        return recorded_event(
            await self._append(lambda appending: consent_links.link(appending, one, other, actor, self._by_default))
        )

    async def unlink(self, one: SubjectNumber, other: SubjectNumber, actor: str) -> RecordedConsentEvent:
        """Undo a link. What was withdrawn meanwhile stays on both sides. Raises ``InvalidRequest`` without a link."""
        return recorded_event(
            await self._append(lambda appending: consent_links.unlink(appending, one, other, actor, self._by_default))
        )

    async def linked(self, number: SubjectNumber) -> tuple[SubjectNumber, ...]:
        """Return all numbers that are one person with *number*, itself among them, ascending."""
        return await self._links.of(number)

    async def last_seq(self) -> int:
        """Return the sequence of the newest event, 0 for none."""
        return int((await self._peek(_LAST, ()))[0][0])

    async def _records_by_number(
        self, numbers: Sequence[SubjectNumber]
    ) -> dict[SubjectNumber, tuple[int, dict[Cell, ConsentRecord]]]:
        rows = await self._peek(self._records_sql, (numbers[0] if self._database.inline else array(numbers),))
        found: dict[SubjectNumber, tuple[int, dict[Cell, ConsentRecord]]] = {
            number: (rows[0][0], {}) for number in numbers
        }
        for _, asked, *columns in rows:
            if columns[0] is not None:
                row = StateRow._make(columns)
                by_default = row.cell.split("/")[0] in self._by_default
                found[SubjectNumber(row.number)][1][Cell(row.cell)] = consent_record(
                    row, asked, by_default=by_default
                )
        return found

    async def _linked_by_number(
        self, numbers: Sequence[SubjectNumber]
    ) -> dict[SubjectNumber, tuple[SubjectNumber, ...]]:
        try:
            return await self._database.read(lambda connection: consent_links.linked(connection, numbers))
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None

    async def _record(self, take: Take[ConsentEventInput]) -> list[list[RecordedConsentEvent]]:
        def work(appending: Appending) -> list[list[RecordedConsentEvent]]:
            batches = take()  # under the ledger's lock: whoever came while others were written is of this group
            decisions = Decisions(appending, self._by_default)
            answers = iter(decisions.answers([event for batch in batches for event in batch], self._seals))
            answered = [list(islice(answers, len(batch))) for batch in batches]
            decisions.write()
            return answered

        return await self._append(work)

    def _import(
        self,
        appending: Appending,
        chunk: Sequence[ImportedEvent],
        also: Callable[[Appending, int], None] | None = None,
        at_work: Callable[[], None] = lambda: None,
    ) -> tuple[int, int, int]:
        decisions = Decisions(appending, self._by_default, historical=True)
        with ThreadPoolExecutor(1, thread_name_prefix="records-import") as beside:
            for count, _ in enumerate(decisions.imported(chunk, self._seals), 1):
                if count % _SLICE == 0 and self._database.dialect == "postgresql":
                    decisions.send(beside)
                    if count == _SLICE:
                        at_work()  # from here on, this waits for the database more than the other way round
            decisions.write()
        if also is not None:
            also(appending, decisions.unchanged)
        return len(chunk), decisions.unchanged, appending.seq

    async def _append(self, work: Callable[[Appending], T]) -> T:
        try:
            return await self._database.run(lambda connection: work(self._appending(connection)))
        except DatabaseConflict:  # a link to nobody
            raise InvalidRequest("A consent event names a data subject who is not registered.") from None
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None

    def _appending(self, connection: Connection) -> Appending:
        appending = Appending(connection, self._database.now_sql, self._clock, self._chain)
        # The counter is locked now. An event after the end of a restored past would take a lost one's place.
        self._index.require_not_older(appending.seq)
        return appending

    async def _peek(self, sql: str, parameters: Sequence[object]) -> list[Row]:
        try:
            rows = await self._database.peek(sql, parameters)
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None
        if not rows:
            raise ConsentUnavailable(_UNREADABLE)
        return rows


def _check(event: ConsentEventInput) -> None:
    if not event.cells or any(cell.split("/")[0] != event.purpose for cell in event.cells):
        raise InvalidRequest("A consent event is about at least one cell of its purpose.")
    if event.kind not in _RECORDED:
        raise InvalidRequest("Links and notices are recorded by their own calls.")
    of_age_at = event.provenance.of_age_at
    if any(at is not None and at.tzinfo is None for at in (event.occurred_at, event.valid_until, of_age_at)):
        raise InvalidRequest("A time in a consent event has no time zone.")

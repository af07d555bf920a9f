"""The consent ledger: append-only events with a gap-free sequence, and the state that follows from them.

One transaction appends events and updates the projection ``consent_state``. It begins by taking its
sequence numbers from a counter row that stays locked until commit; therefore a reader that sees number
*n* sees every number before it, and none can appear later below it. Sequences of the database and
transaction ids give neither (docs/adr/0006).

Callers that wait at the same time share one transaction, and so one wait for the disk.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, TypeAlias

from sqlalchemy import Connection, bindparam, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from sekisho.adapters.records.consent_index import ConsentIndex, cells_from_text, cells_to_text
from sekisho.adapters.records.consent_view import MemberView
from sekisho.adapters.records.database import Database, DatabaseConflict, DatabaseFailed, Row, bulk_insert
from sekisho.adapters.records.tables import consent_event, consent_state, ledger_counter
from sekisho.domain.consent import IN_FORCE, ConsentEventKind, ConsentRecord, ConsentState, state_after
from sekisho.domain.terms import Cell, Purpose, SubjectNumber
from sekisho.errors import ConsentUnavailable, InvalidRequest
from sekisho.ports import Clock, ConsentEventInput, RecordedConsentEvent

_GROUP = 1_000  # events in one shared transaction
_IMPORT = 20_000  # events in one transaction of an import
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNREADABLE = "The consent ledger did not answer. Try again."
_REFUSING = frozenset(
    {
        ConsentState.REFUSED,
        ConsentState.WITHDRAWN,
        ConsentState.OBJECTED,
        ConsentState.REVOKED,
        ConsentState.INVALIDATED,
    }
)
_EVENT_COLUMNS = tuple(column.name for column in consent_event.columns)
_STATE_COLUMNS = tuple(column.name for column in consent_state.columns)
_Waiter: TypeAlias = tuple[Sequence[ConsentEventInput], asyncio.Future[list[RecordedConsentEvent]]]
# One statement reads the sequence and the records, so that they belong together.
_RECORDS = (
    "SELECT c.value, s.cell, s.state, s.seq, s.since, s.valid_until, s.notice_version"
    " FROM ledger_counter c LEFT JOIN consent_state s ON s.number = ? WHERE c.name = 'consent'"
)
_LAST = "SELECT value FROM ledger_counter WHERE name = 'consent'"


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did.

    ``recorded`` events stand in the ledger now; ``left_out`` were a yes older than a no that the ledger
    already holds; ``last_seq`` is the sequence of the newest event.
    """

    recorded: int
    left_out: int
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
    floor:
        A sequence that is known to have existed; see :meth:`raise_floor`.
    """

    def __init__(self, database: Database, purposes: Mapping[str, Purpose], clock: Clock, *, floor: int = 0) -> None:
        self._database = database
        self._clock = clock
        self._index = ConsentIndex(database, purposes, floor=floor)
        self._waiting: list[tuple[Sequence[ConsentEventInput], asyncio.Future[list[RecordedConsentEvent]]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read the ledger into memory, so that the first query need not. Raises ``ConsentUnavailable``."""
        await self._index.refresh()

    def raise_floor(self, seq: int) -> None:
        """Deny everything while the ledger is below *seq*, which the audit log or a store has seen."""
        self._index.raise_floor(seq)

    async def view(self, cells: tuple[Cell, ...], *, min_seq: int | None = None) -> MemberView:
        """Catch up and return who agrees to all of *cells* now; see ``ports.ConsentLedger``."""
        return await self._index.view(cells, min_seq=min_seq)

    async def record(self, events: Sequence[ConsentEventInput]) -> list[RecordedConsentEvent]:
        """Append *events* in one transaction, all or none; durable when this returns.

        A refusal is never turned away, and the same event again is another event with the same state.

        Raises
        ------
        InvalidRequest
            When an event names nobody who is registered, no cell, or a time without a zone.
        ConsentUnavailable
            When the database does not answer; then nothing was recorded, or it was not acknowledged.
        """
        for event in events:
            _check(event)
        if not events:
            return []
        future: asyncio.Future[list[RecordedConsentEvent]] = asyncio.get_running_loop().create_future()
        self._waiting.append((tuple(events), future))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await future

    async def import_history(self, events: Iterable[ConsentEventInput]) -> ImportResult:
        """Append a history, oldest ``occurred_at`` first, in transactions of some thousand events.

        A yes that says of itself that it is older than a no in the ledger is left out: history never
        overrides a withdrawal. Raises as :meth:`record` does; chunks before a failure stay recorded.
        """
        ordered = sorted(events, key=lambda event: (event.occurred_at is None, event.occurred_at or _EPOCH))
        for event in ordered:
            _check(event)
        recorded, last = 0, await self.last_seq()
        stream = iter(ordered)
        while chunk := list(islice(stream, _IMPORT)):
            done = await self._run([chunk], importing=True)
            recorded += len(done[0])
            last = done[0][-1].seq if done[0] else last
        return ImportResult(recorded, len(ordered) - recorded, last)

    async def records_of(self, number: SubjectNumber) -> tuple[int, dict[Cell, ConsentRecord]]:
        """Return the sequence read at, and this person's records by cell (expiry is not yet applied)."""
        try:
            rows = await self._database.peek(_RECORDS, (number,))
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None
        if not rows:
            raise ConsentUnavailable(_UNREADABLE)
        records = {
            Cell(cell): ConsentRecord(Cell(cell), ConsentState(state), seq, _instant(since), _instant(until), notice)
            for _, cell, state, seq, since, until, notice in rows
            if cell is not None
        }
        return rows[0][0], records

    async def last_seq(self) -> int:
        """Return the sequence of the newest event, 0 for none."""
        try:
            rows = await self._database.peek(_LAST)
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None
        if not rows:
            raise ConsentUnavailable(_UNREADABLE)
        return int(rows[0][0])

    async def _write(self) -> None:
        """Write what waits, in groups, until nothing waits any more."""
        while self._waiting:
            size, taken = 0, 0
            while taken < len(self._waiting) and (size < _GROUP or not taken):
                size += len(self._waiting[taken][0])
                taken += 1
            group, self._waiting = self._waiting[:taken], self._waiting[taken:]
            try:
                await self._write_group(group)
            except BaseException as error:  # whoever waits must hear of every end
                for _, future in group:
                    if not future.done():
                        future.set_exception(
                            error if isinstance(error, Exception) else ConsentUnavailable(_UNREADABLE)
                        )
                if not isinstance(error, Exception):
                    raise

    async def _write_group(self, group: Sequence[_Waiter]) -> None:
        try:
            answers = await self._run([events for events, _ in group])
        except InvalidRequest:
            if len(group) == 1:
                raise
            # One of them is at fault; the others must not pay for it.
            for member in group:
                try:
                    await self._write_group([member])
                except (InvalidRequest, ConsentUnavailable) as error:
                    if not member[1].done():
                        member[1].set_exception(error)
            return
        for (_, future), answer in zip(group, answers, strict=True):
            if not future.done():
                future.set_result(answer)

    async def _run(
        self, batches: Sequence[Sequence[ConsentEventInput]], *, importing: bool = False
    ) -> list[list[RecordedConsentEvent]]:
        work = partial(self._append, batches=batches, importing=importing)
        try:
            return await self._database.run(work)
        except DatabaseConflict:
            raise InvalidRequest("A consent event names a data subject who is not registered.") from None
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None

    def _append(
        self, connection: Connection, *, batches: Sequence[Sequence[ConsentEventInput]], importing: bool
    ) -> list[list[RecordedConsentEvent]]:
        # Locks the counter row until commit. Zero first for an import, which does not know its size yet.
        total = 0 if importing else sum(len(batch) for batch in batches)
        seq, now = self._advance(connection, total)
        seq -= total
        if importing:
            batches = [_without_overruled(connection, batch) for batch in batches]
            self._advance(connection, sum(len(batch) for batch in batches))
        answers: list[list[RecordedConsentEvent]] = []
        rows: list[Row] = []
        states: dict[tuple[int, Cell], Row] = {}
        for batch in batches:
            answer = []
            for event in batch:
                seq += 1
                row = _event_row(seq, self._clock.new_id(), now, event)
                rows.append(row)
                states.update(_state_rows(seq, now, event))
                answer.append(_recorded(row))
            answers.append(answer)
        bulk_insert(connection, consent_event, _EVENT_COLUMNS, rows)
        _upsert(connection, list(states.values()))
        return answers

    def _advance(self, connection: Connection, count: int) -> tuple[int, int]:
        """Lock the counter, add *count*; return its value and the database's clock in microseconds."""
        row = connection.execute(
            update(ledger_counter)
            .where(ledger_counter.c.name == "consent")
            .values(value=ledger_counter.c.value + count)
            .returning(ledger_counter.c.value, text(self._database.now_sql))
        ).one()
        return row[0], row[1]


def _check(event: ConsentEventInput) -> None:
    if not event.cells or any(cell.split("/")[0] != event.purpose for cell in event.cells):
        raise InvalidRequest("A consent event is about at least one cell of its purpose.")
    if any(at is not None and at.tzinfo is None for at in (event.occurred_at, event.valid_until)):
        raise InvalidRequest("A time in a consent event has no time zone.")


def _event_row(seq: int, event_id: str, now: int, event: ConsentEventInput) -> Row:
    return (
        seq,
        event_id,
        event.number,
        event.purpose,
        cells_to_text(event.cells),
        event.kind.value,
        event.method,
        event.actor,
        event.notice_version,
        _micros(event.occurred_at),
        now,
        _micros(event.valid_until),
        json.dumps(dict(event.evidence), sort_keys=True, ensure_ascii=False),
    )


def _state_rows(seq: int, now: int, event: ConsentEventInput) -> dict[tuple[int, Cell], Row]:
    """Return the projection of *event*: the newest event of a cell decides, by sequence alone."""
    state = state_after(event.kind)
    since = now
    if state in IN_FORCE and event.occurred_at is not None:
        since = min(now, _micros(event.occurred_at) or now)  # a no counts from when it was recorded
    until = _micros(event.valid_until) if state in IN_FORCE else None
    return {
        (event.number, cell): (event.number, cell, state.value, seq, since, until, event.notice_version)
        for cell in event.cells
    }


def _recorded(row: Row) -> RecordedConsentEvent:
    values = dict(zip(_EVENT_COLUMNS, row, strict=True))
    return RecordedConsentEvent(
        seq=values["seq"],
        id=values["id"],
        number=SubjectNumber(values["number"]),
        purpose=values["purpose"],
        cells=cells_from_text(values["cells"]),
        kind=ConsentEventKind(values["kind"]),
        recorded_at=_EPOCH + timedelta(microseconds=values["recorded_at"]),
    )


def _upsert(connection: Connection, rows: Sequence[Row]) -> None:
    if not rows:
        return
    insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(consent_state)
    keys = ("number", "cell")
    statement = statement.on_conflict_do_update(
        index_elements=keys,
        set_={name: statement.excluded[name] for name in _STATE_COLUMNS if name not in keys},
    )
    connection.execute(statement, [dict(zip(_STATE_COLUMNS, row, strict=True)) for row in rows])


def _without_overruled(connection: Connection, batch: Sequence[ConsentEventInput]) -> list[ConsentEventInput]:
    """Return *batch* without each yes that is older than a no in the ledger for one of its cells."""
    statement = select(consent_state.c.number, consent_state.c.cell, consent_state.c.since).where(
        consent_state.c.number.in_(bindparam("numbers", expanding=True)),
        consent_state.c.state.in_([state.value for state in _REFUSING]),
    )
    numbers = sorted({event.number for event in batch})
    refused: dict[tuple[int, str], int] = {}
    for start in range(0, len(numbers), 5_000):
        for number, cell, since in connection.execute(statement, {"numbers": numbers[start : start + 5_000]}):
            refused[number, cell] = since
    kept = []
    for event in batch:
        if state_after(event.kind) in IN_FORCE and event.occurred_at is not None and refused:
            said = _micros(event.occurred_at) or 0
            if any(said < refused.get((event.number, cell), said) for cell in event.cells):
                continue
        kept.append(event)
    return kept


def _micros(at: datetime | None) -> int | None:
    return None if at is None else (at - _EPOCH) // timedelta(microseconds=1)


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else _EPOCH + timedelta(microseconds=micros)

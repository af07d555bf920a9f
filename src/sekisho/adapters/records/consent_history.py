"""Reads of the past: what held at one time by what was known at another, and the events themselves.

Two times are asked for (docs/adr/0010). *known_at* chooses what is looked at: every event that was recorded by
then. *valid_at* chooses what of it had been said by then. A no that reached us late counts from when it was
recorded, as long as the ledger is read as of now; looked back on, it counts from when it was said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from sekisho.adapters.records.consent_fold import (
    COLUMNS,
    ENDLESS,
    LISTED,
    Moment,
    asked_again_at,
    by_default_purposes,
    events_after,
    events_of,
    folded,
    is_by_default,
    links_at,
    state_rows,
)
from sekisho.adapters.records.consent_projection import fetch
from sekisho.adapters.records.consent_rows import EventRow, consent_record, micros, recorded_event
from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.domain.consent import ConsentRecord
from sekisho.domain.linking import groups_of
from sekisho.domain.terms import Cell, Purpose, SubjectNumber
from sekisho.errors import ConsentUnavailable
from sekisho.ports import RecordedConsentEvent

T = TypeVar("T")

_UNREADABLE = "The consent ledger did not answer. Try again."
_GAP = "The consent ledger lacks an event in the middle; it is not read on until it is repaired."
_SIDES = "SELECT linked_seq, unlinked_seq FROM data_subject_link WHERE one {listed} OR other {listed}"


class ConsentHistory:
    """Reads the ledger as it was.

    Parameters
    ----------
    database:
        The gateway's own database, migrated.
    purposes:
        The catalogue's purposes by name.

    Every method raises ``ConsentUnavailable`` when the database does not answer.
    """

    def __init__(self, database: Database, purposes: Mapping[str, Purpose]) -> None:
        self._database = database
        self._by_default = by_default_purposes(purposes)

    async def records_at(
        self, numbers: Sequence[SubjectNumber], *, valid_at: datetime | None, known_at: datetime | None
    ) -> tuple[int, list[dict[Cell, ConsentRecord]]]:
        """Return the sequence read at, and for each of *numbers* the records by cell.

        They held at *valid_at* by what was recorded until *known_at*; a time that is left out is now. They are
        read with ``state_at(record, purpose, valid_at)``.
        """
        # Now is all there is, not the clock: recorded_at may run ahead of a clock that went back.
        moment = Moment(_or_endless(valid_at), _or_endless(known_at))

        def look(connection: Connection) -> tuple[int, list[dict[Cell, ConsentRecord]]]:
            seq = connection.exec_driver_sql("SELECT value FROM ledger_counter WHERE name = 'consent'").scalar_one()
            return seq, self._records(connection, numbers, moment)

        return await self._read(look)

    async def history(self, number: SubjectNumber) -> list[RecordedConsentEvent]:
        """Return one person's events in order of sequence; links and unlinks from both of their sides."""

        def look(connection: Connection) -> list[RecordedConsentEvent]:
            rows = events_of(connection, [number])
            listed = LISTED[connection.dialect.name]
            sides = fetch(connection, _SIDES.format(listed=listed), ([number], [number]))
            missing = {seq for pair in sides for seq in pair if seq is not None} - {row.seq for row in rows}
            if missing:
                sql = f"SELECT {COLUMNS} FROM consent_event WHERE seq {listed}"
                rows += map(EventRow._make, fetch(connection, sql, [sorted(missing)]))
            return [recorded_event(row) for row in sorted(rows, key=lambda row: row.seq)]

        return await self._read(look)

    async def event(self, event_id: str) -> RecordedConsentEvent | None:
        """Return one event, or ``None``."""
        try:
            rows = await self._database.peek(f"SELECT {COLUMNS} FROM consent_event WHERE id = ?", (event_id,))
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None
        return recorded_event(EventRow._make(rows[0])) if rows else None

    async def event_ids(self, seqs: Sequence[int]) -> dict[int, str]:
        """Return the id of each event of *seqs*, in one read."""

        def look(connection: Connection) -> dict[int, str]:
            listed = LISTED[connection.dialect.name]
            return dict(fetch(connection, f"SELECT seq, id FROM consent_event WHERE seq {listed}", [list(seqs)]))

        return await self._read(look) if seqs else {}

    async def changes(self, after_seq: int, limit: int) -> list[RecordedConsentEvent]:
        """Return up to *limit* events above *after_seq*, in order; nothing between them is left out.

        Raises ``ConsentUnavailable`` when the ledger lacks one of them.
        """
        rows = await self._read(lambda connection: events_after(connection, after_seq, limit))
        if any(row.seq != after_seq + place for place, row in enumerate(rows, 1)):
            raise ConsentUnavailable(_GAP)
        return [recorded_event(row) for row in rows]

    def _records(
        self, connection: Connection, numbers: Sequence[SubjectNumber], moment: Moment
    ) -> list[dict[Cell, ConsentRecord]]:
        answers: dict[int, dict[Cell, ConsentRecord]] = {number: {} for number in numbers}
        groups = groups_of(numbers, links_at(connection, numbers, moment.both))
        standings = folded(events_of(connection, groups), self._by_default, moment)
        asked_again = asked_again_at(connection, moment.both) if standings else {}
        distinct = {id(group): group for group in groups.values()}.values()
        for row in state_rows(standings, distinct, self._by_default):
            if row.number in answers:
                answers[row.number][Cell(row.cell)] = consent_record(
                    row, asked_again.get(row.cell), by_default=is_by_default(row.cell, self._by_default)
                )
        return [answers[number] for number in numbers]

    async def _read(self, look: Callable[[Connection], T]) -> T:
        try:
            return await self._database.read(look)
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None


def _or_endless(at: datetime | None) -> int:
    found = micros(at)
    return ENDLESS if found is None else found

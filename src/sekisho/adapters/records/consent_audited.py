"""The ledger held against the audit log: which events it tells of, which not yet, and whether they are the same.

A decision has a record under its own id; imported events share one under the id of their first event, so that both
are found by one join. Every function here reads; only the cursor of :class:`UnauditedEvents` is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, text

from sekisho.adapters.records.consent_chain import GENESIS, EventChain
from sekisho.adapters.records.consent_rows import EventRow, recorded_event
from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.domain.consent_trail import IMPORT, MAX_BATCH, AuditedEvent, audited_events
from sekisho.errors import ConsentUnavailable, ForgedConsent
from sekisho.ports import KeyRing, RecordedConsentEvent

CURSOR = "consent_audited"
"""Row of ``ledger_counter``: up to here every event of the ledger is known to be in the audit log."""

_CHUNK = 2_000  # events looked at in one read
_GRACE_S = 5.0  # an event this young is still being written by whoever recorded it
_UNREADABLE = "The consent ledger did not answer. Try again."
_FORGED = "The consent ledger holds an event that the gateway did not write. Find it with sekisho consent verify."
_ROWS = text(
    f"SELECT {', '.join(f'e.{name}' for name in EventRow._fields)}, a.kind AS told, a.record"
    " FROM consent_event e LEFT JOIN audit_record a ON a.id = e.id"
    " WHERE e.seq > :low AND e.seq <= :high ORDER BY e.seq"
)
_KNOWN = text(
    "SELECT e.seq, a.record FROM consent_event e JOIN audit_record a ON a.id = e.id"
    " WHERE e.seq > :low AND e.seq <= :high AND a.kind = :kind ORDER BY e.seq"
)
_MISSING = text(
    f"SELECT (SELECT b.hash FROM consent_event b WHERE b.seq = e.seq - 1),"
    f" {', '.join(f'e.{name}' for name in EventRow._fields)} FROM consent_event e"
    " WHERE e.seq > :low AND e.seq <= :high AND e.recorded_at <= :before"
    " AND NOT EXISTS (SELECT 1 FROM audit_record a WHERE a.id = e.id) ORDER BY e.seq"
)
_BEGIN = text(f"INSERT INTO ledger_counter (name, value) VALUES ('{CURSOR}', 0) ON CONFLICT (name) DO NOTHING")
_READ = text(
    "SELECT c.value, a.value FROM ledger_counter c"
    f" LEFT JOIN ledger_counter a ON a.name = '{CURSOR}' WHERE c.name = 'consent'"
)
_ADVANCE = text(f"UPDATE ledger_counter SET value = :seq WHERE name = '{CURSOR}' AND value < :seq")


class Told(NamedTuple):
    """An event of the ledger, and what the audit log says of it.

    ``hash`` is the ledger's hash as the log has it; ``None`` for an imported event that is not the last of its
    record, whose hash follows from it. ``found`` is whether the log tells of the event at all.
    """

    row: EventRow
    found: bool
    hash: bytes | None


class UnauditedEvents:
    """Finds the events that a crash or an outage kept out of the audit log; see ``consents.trail.Unaudited``.

    Parameters
    ----------
    database:
        The gateway's own database.
    keys:
        Key ring of the chain: an event that the gateway did not write is never audited.
    grace_s:
        Events younger than this are left to whoever recorded them.

    Both methods raise ``ConsentUnavailable`` when the database does not answer.
    """

    def __init__(self, database: Database, keys: KeyRing, *, grace_s: float = _GRACE_S) -> None:
        self._database = database
        self._chain = EventChain(keys)
        self._grace = int(grace_s * 1_000_000)

    async def unaudited(self) -> tuple[list[RecordedConsentEvent], int]:
        """Return the missing events of the next stretch, and the sequence at which the stretch ends.

        Raises ``ForgedConsent`` when one of them is not chained by the gateway's key: somebody else wrote it.
        """
        try:
            return await self._database.read(self._look)
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None

    async def advance(self, seq: int) -> bool:
        """Take note that all up to *seq* is audited; return whether the ledger goes on after it."""

        def note(connection: Connection) -> bool:
            connection.execute(_BEGIN)
            moved = connection.execute(_ADVANCE, {"seq": seq}).rowcount > 0
            last, _ = connection.execute(_READ).one()
            return moved and last > seq

        try:
            held = await self._database.read(lambda connection: connection.execute(_READ).one()[1])
            if seq <= (held or 0):
                return False  # nothing new was looked at: no need for the lock of a writer
            return await self._database.run(note)
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None

    def _look(self, connection: Connection) -> tuple[list[RecordedConsentEvent], int]:
        last, cursor = connection.execute(_READ).one()
        low = cursor or 0
        high = min(low + _CHUNK, last)
        if high <= low:
            return [], low
        before = connection.exec_driver_sql(f"SELECT {self._database.now_sql}").scalar_one() - self._grace
        young = text("SELECT min(seq) FROM consent_event WHERE seq > :low AND seq <= :high AND recorded_at > :before")
        first_young = connection.execute(young, {"low": low, "high": high, "before": before}).scalar()
        if first_young is not None:
            high = first_young - 1
        span = {"low": low, "high": high}
        found = [
            (earlier, EventRow._make(row))
            for earlier, *row in connection.execute(_MISSING, {**span, "before": before})
        ]
        if found:
            spans = imported_spans(connection, low, high)
            covered = {seq for first, end in spans for seq in range(first, end + 1)}
            found = [(earlier, row) for earlier, row in found if row.seq not in covered]
        if not all(self._chain.holds(bytes(earlier or GENESIS), row) for earlier, row in found):
            raise ForgedConsent(_FORGED)
        return [recorded_event(row) for _, row in found], high


def imported_spans(connection: Connection, low: int, high: int) -> list[tuple[int, int]]:
    """Return first and last sequence of the records about imported events between *low* and *high*.

    One that begins before *low* is among them when it reaches into it.
    """
    span = {"low": low - MAX_BATCH, "high": high, "kind": IMPORT}
    found = []
    for seq, record in connection.execute(_KNOWN, span):
        events = _events(bytes(record))
        if events and events[0].seq == seq and events[-1].seq > low:
            found.append((seq, events[-1].seq))
    return found


def told_events(connection: Connection) -> Iterator[Told]:
    """Yield every event of the ledger in order of sequence, with what the audit log says of it."""
    low, covered, ends = 0, 0, b""
    last = connection.exec_driver_sql("SELECT max(seq) FROM consent_event").scalar() or 0
    while low < last:
        for *columns, kind, record in connection.execute(_ROWS, {"low": low, "high": low + _CHUNK}):
            row = EventRow._make(columns)
            if kind == IMPORT:
                events = _events(bytes(record))
                if events and events[0].seq == row.seq and events[0].id == row.id:
                    covered, ends = events[-1].seq, bytes.fromhex(events[-1].hash or "")
            if row.seq <= covered:
                yield Told(row, found=True, hash=ends if row.seq == covered else None)
            elif kind is None or kind == IMPORT:
                yield Told(row, found=False, hash=None)
            else:
                told = next((event for event in _events(bytes(record)) if event.seq == row.seq), None)
                yield Told(row, found=told is not None, hash=bytes.fromhex(told.hash or "") if told else None)
        low += _CHUNK


def _events(record: bytes) -> list[AuditedEvent]:
    try:
        return audited_events(orjson.loads(record))
    except ValueError:
        return []  # what cannot be read tells of nothing

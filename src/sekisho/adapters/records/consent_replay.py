"""Consent events written again from the audit log, after the ledger was restored to an older state.

Each comes back with its sequence, id, time and hash; that the hash follows from the columns and from the event before
proves that it is the same event. People are found by trying the keyed reference of every person number. Evidence
is not in the audit log: it is lost, its SHA-256 stands in the facts of the row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, text

from sekisho.adapters.records.consent_chain import DIGEST, GENESIS, EventChain
from sekisho.adapters.records.consent_fold import by_default_purposes
from sekisho.adapters.records.consent_projection import active_links
from sekisho.adapters.records.consent_rebuild import rewrite
from sekisho.adapters.records.consent_rows import (
    EventRow,
    cells_from_text,
    cells_to_text,
    facts_to_provenance,
)
from sekisho.adapters.records.consent_tables import consent_event
from sekisho.adapters.records.database import Database, DatabaseFailed, bulk_insert
from sekisho.adapters.records.floor import consent_seq_of, highest_consent_seq
from sekisho.adapters.records.tables import data_subject
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.consent_trail import AuditedEvent, audited_events
from sekisho.domain.linking import groups_of
from sekisho.domain.record import subject_ref
from sekisho.domain.terms import Purpose
from sekisho.errors import ConsentUnavailable, TamperedLog
from sekisho.ports import KeyRing

_CHUNK = 5_000
_BEYOND = 1_000_000  # person numbers tried above the newest one that the database knows
_UNREADABLE = "The consent ledger did not answer; nothing was written. Try again."
_HEAD = {
    "postgresql": "SELECT value FROM ledger_counter WHERE name = 'consent' FOR UPDATE",
    "sqlite": "SELECT value FROM ledger_counter WHERE name = 'consent'",
}
_RECORDS = text(
    "SELECT seq, record FROM audit_record WHERE seq > :after AND kind LIKE 'consent.%' ORDER BY seq LIMIT :limit"
)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay did.

    Attributes
    ----------
    events:
        Events written again.
    seq:
        Sequence that the ledger reaches now.
    missing:
        Sequences that no audit record tells of, though the audit log has seen them or later ones. Nothing from
        the first of them on was written, and everything stays denied.
    without_evidence:
        How many of the events had evidence, which is lost.
    nameless:
        People whom the database did not know any more: their consent is back under their number, the
        identifiers that lead to it are not.
    """

    events: int
    seq: int
    missing: tuple[int, ...]
    without_evidence: int
    nameless: int


class ConsentReplay:
    """Writes the events that the ledger lacks.

    Parameters
    ----------
    database:
        The gateway's own database, migrated.
    keys:
        The key ring that the audit log was written with: references of people are made with it.
    purposes:
        The catalogue's purposes by name.
    """

    def __init__(self, database: Database, keys: KeyRing, purposes: Mapping[str, Purpose]) -> None:
        self._database = database
        self._key = keys.derive("subject-ref")
        self._chain = EventChain(keys)
        self._by_default = by_default_purposes(purposes)

    async def replay(self, records: Iterable[Mapping[str, Any]] | None = None) -> Replayed:
        """Write again what the ledger lacks, in one transaction; doing it twice is harmless.

        Parameters
        ----------
        records:
            Audit records, whose proof is the caller's matter; by default those of the database's own log.

        Raises
        ------
        TamperedLog
            When the ledger and the records are not about the same events, or a record cannot be read, or names
            somebody whom the keys do not know. Nothing was written then.
        ConsentUnavailable
            When the database does not answer.
        """

        def work(connection: Connection) -> Replayed:
            if records is None:
                return self._replay(connection, own_records(connection), highest_consent_seq(connection))
            return self._replay(connection, records, 0)

        try:
            return await self._database.run(work)
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None

    def _replay(self, connection: Connection, records: Iterable[Mapping[str, Any]], seen: int) -> Replayed:
        head = connection.exec_driver_sql(_HEAD[connection.dialect.name]).scalar_one()
        told, named = _newer(records, head)
        newest = max(head, seen, named)
        missing = tuple(seq for seq in range(head + 1, newest + 1) if seq not in told)
        end = missing[0] if missing else newest + 1
        events = [told[seq] for seq in range(head + 1, end)]
        unwritable = next((event.seq for event in events if event.effects is None), None)
        if unwritable is not None:
            missing = tuple(sorted({*missing, unwritable}))
            events = events[: unwritable - head - 1]
        numbers, nameless = self._people(connection, {ref for event in events for ref in event.people()})
        rows = _rows(events, numbers, self._chain, _hash_of(connection, head))
        if rows:
            bulk_insert(connection, consent_event, EventRow._fields, rows)
            connection.execute(_COUNTER, {"name": "consent", "value": rows[-1].seq})
            self._sequels(connection, rows)
        without = sum(event.sealed_sha256 is not None for event in events)
        return Replayed(len(rows), head + len(rows), missing, without, nameless)

    def _people(self, connection: Connection, refs: Collection[str]) -> tuple[dict[str, int], int]:
        """Return the number of each of *refs*, and how many of them the database did not know.

        A number that is gone is taken again, so that nobody else ever gets it.
        """
        known = connection.execute(text("SELECT value FROM ledger_counter WHERE name = 'data_subject'")).scalar_one()
        wanted, numbers = set(refs), dict[str, int]()
        for number in range(1, known + _BEYOND + 1):
            if len(numbers) == len(wanted):
                break
            ref = subject_ref(self._key, number)
            if ref in wanted:
                numbers[ref] = number
        if len(numbers) < len(wanted):
            raise TamperedLog("The audit records name people whom these keys do not know; nothing was written.")
        lost = [number for number in numbers.values() if number > known]
        if lost:
            now = connection.exec_driver_sql(f"SELECT {self._database.now_sql}").scalar_one()
            top = max(lost)
            bulk_insert(
                connection, data_subject, ("number", "created_at"), [(new, now) for new in range(known + 1, top + 1)]
            )
            connection.execute(_COUNTER, {"name": "data_subject", "value": top})
        return numbers, len(lost)

    def _sequels(self, connection: Connection, rows: Collection[EventRow]) -> None:
        """Bring links, notices and the projection to where *rows* leave them."""
        people = {row.number for row in rows if row.number is not None}
        people |= {other for row in rows if (other := facts_to_provenance(row.facts).other) is not None}
        before = groups_of(people, active_links(connection, people))
        for row in rows:
            if row.kind == ConsentEventKind.PUBLISH:
                asked = [{"cell": cell, "seq": row.seq} for cell in cells_from_text(row.cells)]
                connection.execute(_ASKED_AGAIN, asked)
            elif row.kind == ConsentEventKind.LINK:
                pair = {"seq": row.seq, "one": row.number, "other": facts_to_provenance(row.facts).other}
                connection.execute(_LINK, pair)
            elif row.kind == ConsentEventKind.UNLINK:
                undone = facts_to_provenance(row.facts).provenance.undoes
                connection.execute(_UNLINK, {"seq": row.seq, "id": undone})
        rewrite(connection, {*before, *people}, self._by_default)


_COUNTER = text("UPDATE ledger_counter SET value = :value WHERE name = :name")
_ASKED_AGAIN = text(
    "INSERT INTO consent_cell (cell, asked_again_seq) VALUES (:cell, :seq)"
    " ON CONFLICT (cell) DO UPDATE SET asked_again_seq = excluded.asked_again_seq"
)
_LINK = text(
    "INSERT INTO data_subject_link (linked_seq, one, other) SELECT :seq, :one, :other WHERE NOT EXISTS"
    " (SELECT 1 FROM data_subject_link WHERE unlinked_seq IS NULL"
    " AND ((one = :one AND other = :other) OR (one = :other AND other = :one)))"
)
_UNLINK = text(
    "UPDATE data_subject_link SET unlinked_seq = :seq"
    " WHERE linked_seq = (SELECT seq FROM consent_event WHERE id = :id)"
)


def own_records(connection: Connection) -> Iterator[dict[str, Any]]:
    """Yield the records about consent of the database's own audit log, in order of sequence."""
    after = 0
    while found := connection.execute(_RECORDS, {"after": after, "limit": _CHUNK}).all():
        for seq, record in found:
            after = seq
            yield orjson.loads(bytes(record))


def _newer(records: Iterable[Mapping[str, Any]], head: int) -> tuple[dict[int, AuditedEvent], int]:
    """Return the events above *head* that *records* tell of, by sequence, and the highest sequence that they name.

    Raises ``TamperedLog`` when two records tell of different events at one sequence.
    """
    told: dict[int, AuditedEvent] = {}
    named = 0
    for record in records:
        named = max(named, consent_seq_of(record))
        try:
            events = audited_events(record)
        except ValueError:
            raise TamperedLog("An audit record about consent cannot be read; nothing was written.") from None
        for event in events:
            if event.seq <= head:
                continue
            known = told.setdefault(event.seq, event)
            if known.id != event.id:
                raise TamperedLog(f"Two audit records tell of sequence {event.seq}; nothing was written.")
            if known.hash is None:
                told[event.seq] = event
    return told, named


def _hash_of(connection: Connection, seq: int) -> bytes:
    if not seq:
        return GENESIS
    found = connection.execute(text("SELECT hash FROM consent_event WHERE seq = :seq"), {"seq": seq}).scalar()
    if found is None:
        raise ConsentUnavailable("The newest event of the consent ledger is missing; nothing was written.")
    return bytes(found)


def _rows(
    events: Iterable[AuditedEvent], numbers: Mapping[str, int], chain: EventChain, before: bytes
) -> list[EventRow]:
    """Return the rows of *events*, chained to *before*.

    Raises ``TamperedLog`` when a hash is not the one that the audit log has.
    """
    rows = []
    for event in events:
        row = _row(event, numbers)
        before = chain.expected(before, row)
        if event.hash is not None and before.hex() != event.hash:
            raise TamperedLog(
                f"The ledger does not lead to the event of sequence {event.seq} as the audit log tells of it;"
                " nothing was written. Was something recorded after the ledger was restored?"
            )
        rows.append(row._replace(hash=before))
    if rows and event.hash is None:
        raise TamperedLog("The audit records end in the middle of an import; nothing was written.")
    return rows


def _row(event: AuditedEvent, numbers: Mapping[str, int]) -> EventRow:
    facts = dict(event.facts)
    other = facts.pop("other_ref", None)
    if other is not None:
        facts["other"] = numbers[str(other)]
    if event.sealed_sha256 is not None:
        facts[DIGEST] = event.sealed_sha256
    effects = [[numbers[ref], cell, bit, until] for ref, cell, bit, until in event.effects or ()]
    return EventRow(
        seq=event.seq,
        id=event.id,
        number=None if event.ref is None else numbers[event.ref],
        purpose=event.purpose,
        cells=cells_to_text(event.cells),
        kind=event.kind,
        method=event.method,
        actor=event.actor,
        notice_version=event.notice_version,
        occurred_at=event.occurred_at,
        recorded_at=event.recorded_at,
        said_at=event.said_at,
        counts_at=event.counts_at,
        valid_until=event.valid_until,
        facts=orjson.dumps(facts, option=orjson.OPT_SORT_KEYS).decode(),
        sealed=None,
        hash=b"",
        outcome=event.outcome,
        holds_until=event.holds_until,
        effects=orjson.dumps(effects).decode() if effects else None,
    )

"""The transaction that appends to the consent ledger: sequence, time, hash chain, the rule, the projection.

It begins by locking the ledger's counter row and holds it until commit; therefore a reader that sees number
*n* sees every number before it, and none can appear later below it. Sequences of the database and
transaction ids give neither (docs/adr/0006).

Time is the database's clock, pushed on by a microsecond where it stood still or went back: ``recorded_at``
grows from one transaction to the next, as ``seq`` does, so that "what was known at T" is a prefix of the ledger.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace

import orjson
from sqlalchemy import Connection, text

from sekisho.adapters.records.consent_chain import GENESIS, EventChain
from sekisho.adapters.records.consent_projection import (
    Change,
    Projection,
    Statement,
    fetch_together,
    inserting,
    write_together,
)
from sekisho.adapters.records.consent_rows import (
    EFFECTS,
    NOTHING,
    OFF,
    OFF_FOR_ALL,
    ON,
    EventRow,
    cells_to_text,
    is_live,
    micros,
    provenance_to_facts,
    recorded_event,
)
from sekisho.adapters.records.consent_tables import consent_event
from sekisho.adapters.records.database import bulk_insert
from sekisho.adapters.records.sealing import PersonSeals
from sekisho.domain.consent import NO, YES, ConsentEventKind, Happening, Provenance, after
from sekisho.domain.terms import Cell
from sekisho.errors import ConsentUnavailable, NoticeOutdated
from sekisho.ports import Clock, ConsentEventInput, RecordedConsentEvent

_HASH = EventRow._fields.index("hash")
_COPY = 2_000  # events from which on COPY is faster than one statement with arrays
_ADVANCE = {
    "postgresql": "UPDATE ledger_counter SET value = (%s::bigint[])[1] WHERE name = 'consent'",
    "sqlite": "UPDATE ledger_counter SET value = ? WHERE name = 'consent'",
}
_HEAD = (
    "SELECT {}, e.hash, e.recorded_at FROM ledger_counter c LEFT JOIN consent_event e ON e.seq = c.value"
    " WHERE c.name = 'consent'"
)
_NUMERIC = {"seq", "number", "occurred_at", "recorded_at", "said_at", "counts_at", "valid_until", "holds_until"}
_INSERT = inserting(
    "consent_event",
    {
        name: "bigint"
        if name in _NUMERIC
        else {"sealed": "bytea", "hash": "bytea", "outcome": "smallint"}.get(name, "text")
        for name in EventRow._fields
    },
)
_LOCK = {
    "postgresql": "SELECT value FROM ledger_counter WHERE name = 'consent' FOR UPDATE",
    "sqlite": "SELECT value FROM ledger_counter WHERE name = 'consent'",  # the transaction has the lock already
}


class Appending:
    """One transaction that appends events to the ledger, in order, and writes them at the end.

    Parameters
    ----------
    connection:
        Inside ``Database.run``.
    now_sql:
        SQL of the database's clock.
    clock:
        For ids.
    chain:
        Makes the hash of each event.

    Attributes
    ----------
    now:
        ``recorded_at`` of every event of this transaction, in microseconds.
    seq:
        Sequence of the last event appended.
    rows:
        What was appended.
    """

    def __init__(self, connection: Connection, now_sql: str, clock: Clock, chain: EventChain) -> None:
        self.connection = connection
        self._clock = clock
        self._chain = chain
        # Two statements, in one go: the second sees what was committed while the first waited for the lock.
        (held,), (head,) = fetch_together(
            connection, (_LOCK[connection.dialect.name], ()), (_HEAD.format(now_sql), ())
        )
        self.seq: int = held[0]
        now, hash_before, recorded_at = head
        if self.seq and hash_before is None:
            raise ConsentUnavailable("The newest event of the consent ledger is missing; nothing was recorded.")
        self.now: int = max(now, (recorded_at or 0) + 1)
        self._hash = bytes(hash_before) if self.seq else GENESIS
        self._written = 0
        self._counted = self.seq
        self._sending: Future[None] | None = None
        self.rows: list[EventRow] = []

    def append(
        self,
        kind: ConsentEventKind,
        actor: str,
        facts: str,
        *,
        number: int | None = None,
        purpose: str = "",
        cells: str = "[]",
        method: str = "api",
        notice_version: str | None = None,
        occurred_at: int | None = None,
        said_at: int | None = None,
        counts_at: int | None = None,
        valid_until: int | None = None,
        sealed: bytes | None = None,
        outcome: int = NOTHING,
        holds_until: int | None = None,
        effects: Sequence[Change] = (),
    ) -> EventRow:
        """Append one event, chained to the one before it, and return its row."""
        self.seq += 1
        row = EventRow(
            self.seq,
            self._clock.new_id(),
            number,
            purpose,
            cells,
            kind.value,
            method,
            actor,
            notice_version,
            occurred_at,
            self.now,
            self.now if said_at is None else said_at,
            self.now if counts_at is None else counts_at,
            valid_until,
            facts,
            sealed,
            b"",
            outcome,
            holds_until,
            orjson.dumps(effects).decode() if effects else None,
        )
        self._hash = self._chain.following(self._hash, row)
        row = EventRow._make((*row[:_HASH], self._hash, *row[_HASH + 1 :]))
        self.rows.append(row)
        return row

    def write(self, projection: Projection | None = None) -> None:
        """Write the events, the counter, and what was touched of *projection*."""
        self.wait()
        new = self.rows[self._written :]
        statements: list[Statement] = []
        if len(new) < _COPY:
            statements += [(_INSERT, new)] if new else []
        else:
            bulk_insert(self.connection, consent_event, EventRow._fields, new)
        if self.rows and (new or self._counted < self.seq):
            statements.append((_ADVANCE, [(self.seq,)]))
        if projection is not None:
            projection.write(*statements)
        else:
            write_together(self.connection, *statements)
        self._written, self._counted = len(self.rows), self.seq

    def send(self, beside: Executor) -> None:
        """Begin to write what was appended, in *beside*, while more is appended; nothing else uses the connection."""
        self.wait()
        new = self.rows[self._written :]
        self._written = len(self.rows)
        self._sending = beside.submit(bulk_insert, self.connection, consent_event, EventRow._fields, new)

    def wait(self) -> None:
        """Wait until what :meth:`send` began is done. Raises what it raised."""
        sending, self._sending = self._sending, None
        if sending is not None:
            sending.result()


_ASKED_AGAIN = text("SELECT cell, asked_again_seq FROM consent_cell")


class Decisions:
    """Applies the rule to what people say, one event after another, inside one transaction.

    Parameters
    ----------
    appending:
        The transaction.
    by_default:
        Purposes that are active until somebody objects.
    historical:
        Whether all of it is imported history, whatever each event says.

    Attributes
    ----------
    unchanged:
        How many events changed no standing: the ledger knew better.
    """

    def __init__(self, appending: Appending, by_default: Collection[str], *, historical: bool = False) -> None:
        self.unchanged = 0
        self._historical = historical
        self._appending = appending
        self._by_default = by_default
        self._projection = Projection(appending.connection, by_default)
        self._facts: dict[tuple[object, ...], str] = {}

    def record(self, events: Sequence[ConsentEventInput], seals: PersonSeals) -> Iterator[EventRow]:
        """Record *events* and yield the row of each, after its effects are in the projection."""
        self._projection.load_cells({(event.number, cell) for event in events for cell in event.cells})
        self._require_current(events)
        proofs = [(event.number, _evidence(event)) for event in events if event.evidence]
        sealed = iter(seals.seal_each(self._appending.connection, proofs))
        for event in events:
            row = self._say(event, event.number, sealed=next(sealed) if event.evidence else None)
            group = self._projection.groups.get(event.number)
            if group is not None and event.kind in NO:
                # So it stays on both sides after unlinking. The evidence is about the one who said it.
                for member in group.members:
                    if member != event.number:
                        self._say(replace(event, evidence={}), member, copy_of=row.id)
            yield row

    def _require_current(self, events: Sequence[ConsentEventInput]) -> None:
        """Raise ``NoticeOutdated`` when a notice was published between the look at it and this transaction."""
        checked = [(event.checked_at, event.cells) for event in events if event.checked_at is not None]
        if not checked:
            return
        rows = self._appending.connection.execute(_ASKED_AGAIN)
        asked_again = {row.cell: row.asked_again_seq for row in rows}
        if any(asked_again.get(cell, 0) > at for at, cells in checked for cell in cells):
            raise NoticeOutdated("A new notice was published just now; show it and ask again.")

    def answers(self, events: Sequence[ConsentEventInput], seals: PersonSeals) -> Iterator[RecordedConsentEvent]:
        """Record *events* and yield what their callers are told: each with the states right after it, time aside."""
        for event, row in zip(events, self.record(events, seals), strict=True):
            yield recorded_event(row, {cell: self._projection.state(event.number, cell) for cell in event.cells})

    def write(self) -> None:
        """Write events, counter and projection."""
        self._appending.write(self._projection)

    def _say(
        self, event: ConsentEventInput, number: int, *, sealed: bytes | None = None, copy_of: str | None = None
    ) -> EventRow:
        now = self._appending.now
        historical = event.historical or self._historical
        occurred_at = micros(event.occurred_at)
        said_at = now if occurred_at is None or occurred_at > now else occurred_at
        happening = Happening(
            self._appending.seq + 1,
            event.kind,
            said_at,
            said_at if historical or event.kind in YES else now,
            is_live(event.kind, occurred_at, now, historical=historical),
            micros(event.valid_until),
            micros(event.provenance.of_age_at),
            event.notice_version,
        )
        outcome, holds_until, effects = self._apply(number, event, happening)
        return self._appending.append(
            event.kind,
            event.actor,
            self._facts_of(event, copy_of),
            number=number,
            purpose=event.purpose,
            cells=cells_to_text(event.cells),
            method=event.method,
            notice_version=event.notice_version,
            occurred_at=occurred_at,
            said_at=said_at,
            counts_at=happening.counts_at,
            valid_until=happening.until,
            sealed=sealed,
            outcome=outcome,
            holds_until=holds_until,
            effects=effects,
        )

    def _apply(
        self, number: int, event: ConsentEventInput, happening: Happening
    ) -> tuple[int, int | None, list[Change]]:
        projection = self._projection
        group = projection.groups.get(number)
        before = {} if group is None else projection.bits(group.members, event.cells)
        by_default = event.purpose in self._by_default
        changes, changed = [], False
        for cell in event.cells:
            standing = projection.standing(number, cell)
            new = after(standing, happening, by_default=by_default, confirmed=event.confirmed)
            if new is not standing:
                changed = True
                change = projection.put(number, cell, new)
                if change is not None:
                    changes.append(change)
        if not changed:
            self.unchanged += 1
            return NOTHING, None, []
        if group is not None:
            projection.settle((group,), event.cells)
            changes = projection.changes(before)
        if not changes:
            return NOTHING, None, []
        _, _, bit, holds_until = changes[0]
        same = all(change[0] == number and change[2:] == (bit, holds_until) for change in changes)
        if same and len(changes) == len(event.cells):
            return (ON if bit else OFF), holds_until, []
        return EFFECTS, None, changes

    def _facts_of(self, event: ConsentEventInput, copy_of: str | None) -> str:
        # The provenance of a batch is mostly one object; its text is made once.
        historical = event.historical or self._historical
        key = (id(event.provenance), historical, event.confirmed, copy_of)
        facts = self._facts.get(key)
        if facts is None:
            facts = self._facts[key] = provenance_to_facts(
                event.provenance, historical=historical, confirmed=event.confirmed, copy_of=copy_of
            )
        return facts


def publishing(
    appending: Appending, cells: Mapping[str, tuple[Cell, ...]], actor: str, provenance: Provenance
) -> None:
    """Append one event for each purpose of *cells* that makes every earlier yes to its cells outdated."""
    facts = provenance_to_facts(provenance)
    rows = []
    for purpose, names in cells.items():
        row = appending.append(
            ConsentEventKind.PUBLISH,
            actor,
            facts,
            purpose=purpose,
            cells=cells_to_text(names),
            outcome=OFF_FOR_ALL,
        )
        rows += [{"cell": cell, "seq": row.seq} for cell in names]
    appending.write()
    if rows:
        appending.connection.execute(
            text(
                "INSERT INTO consent_cell (cell, asked_again_seq) VALUES (:cell, :seq)"
                " ON CONFLICT (cell) DO UPDATE SET asked_again_seq = excluded.asked_again_seq"
            ),
            rows,
        )


def _evidence(event: ConsentEventInput) -> bytes:
    return orjson.dumps(dict(event.evidence), option=orjson.OPT_SORT_KEYS)

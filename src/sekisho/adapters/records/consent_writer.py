"""The transaction that appends to the consent ledger: sequence, time, hash chain, the rule, the projection.

It begins by locking the ledger's counter row and holds it until commit; therefore a reader that sees number
*n* sees every number before it, and none can appear later below it. Sequences of the database and
transaction ids give neither (docs/adr/0006).

Time is the database's clock, pushed on by a microsecond where it stood still or went back: ``recorded_at``
grows from one transaction to the next, as ``seq`` does, so that "what was known at T" is a prefix of the ledger.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Any

import orjson
from sqlalchemy import Connection, text

from sekisho.adapters.records.consent_chain import GENESIS, EventChain
from sekisho.adapters.records.consent_projection import (
    Change,
    Projection,
    Spelled,
    Statement,
    copied,
    copy_lines,
    fetch_together,
    inserting,
    run_together,
    spelled,
    write_together,
)
from sekisho.adapters.records.consent_rows import (
    NOTHING,
    OFF_FOR_ALL,
    EventRow,
    cells_to_text,
    provenance_to_facts,
)
from sekisho.adapters.records.consent_tables import consent_event
from sekisho.adapters.records.database import bulk_insert
from sekisho.domain.consent import ConsentEventKind, Provenance
from sekisho.domain.terms import Cell
from sekisho.errors import ConsentUnavailable, InvalidRequest
from sekisho.ports import Clock

_HASH = EventRow._fields.index("hash")
_COPY = 2_000  # events from which on COPY is faster than one statement with arrays
_PAUSE = 0.000_2  # seconds, for a thread to begin: one that computes gives way only after 5 ms
_ADVANCE = {
    "postgresql": "UPDATE ledger_counter SET value = (%s::bigint[])[1] WHERE name = 'consent'",
    "sqlite": "UPDATE ledger_counter SET value = ? WHERE name = 'consent'",
}
_HEAD = (
    "SELECT {}, e.hash, e.recorded_at, p.value FROM ledger_counter c"
    " JOIN ledger_counter p ON p.name = 'data_subject'"
    " LEFT JOIN consent_event e ON e.seq = c.value WHERE c.name = 'consent'"
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
        now, hash_before, recorded_at, self._people = head
        if self.seq and hash_before is None:
            raise ConsentUnavailable("The newest event of the consent ledger is missing; nothing was recorded.")
        self.now: int = max(now, (recorded_at or 0) + 1)
        self._hash = bytes(hash_before) if self.seq else GENESIS
        self._written = 0
        self._counted = self.seq
        self._sending: Future[None] | None = None
        self._ids: list[str] = []  # the next is the last
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
        outcome: int = NOTHING,
        effects: Sequence[Change] = (),
    ) -> EventRow:
        """Append one event that the gateway itself makes happen now, and return its row."""
        return self.add(
            EventRow(
                self.seq + 1,
                self.next_id(),
                number,
                purpose,
                cells,
                kind.value,
                "api",
                actor,
                notice_version=None,
                occurred_at=None,
                recorded_at=self.now,
                said_at=self.now,
                counts_at=self.now,
                valid_until=None,
                facts=facts,
                sealed=None,
                hash=b"",
                outcome=outcome,
                holds_until=None,
                effects=orjson.dumps(effects).decode() if effects else None,
            )
        )

    def add(self, row: tuple[Any, ...]) -> EventRow:
        """Append *row*, which is the next but for its hash, chained to the one before it; return it with that.

        Any sequence of the columns will do. Raises ``InvalidRequest`` when it names a person who is not registered.
        """
        number: int | None = row[2]
        if number is not None and not 0 < number <= self._people:
            raise InvalidRequest("A consent event names a data subject who is not registered.")
        self.seq = row[0]
        self._hash = self._chain.following(self._hash, row)
        added = EventRow._make(row[:_HASH] + (self._hash,) + row[_HASH + 1 :])  # noqa: RUF005 - twice as fast
        self.rows.append(added)
        return added

    def next_id(self) -> str:
        """Return the id of the next event."""
        return self._ids.pop() if self._ids else self._clock.new_id()

    def expect(self, count: int) -> None:
        """Take note that *count* events come: their ids are drawn together."""
        self._ids = self._clock.new_ids(count)[::-1]

    def write(self, projection: Projection | None = None) -> None:
        """Write the events, the counter, and what was touched of *projection*."""
        self.wait()
        new = self.rows[self._written :]
        statements: list[Statement] = []
        if len(new) < _COPY:
            statements += [(_INSERT, new)] if new else []
        else:
            self._copy(new)
        if self.rows and (new or self._counted < self.seq):
            statements.append((_ADVANCE, [(self.seq,)]))
        if projection is not None:
            projection.write(*statements)
        else:
            write_together(self.connection, *statements)
        self._written, self._counted = len(self.rows), self.seq

    def send(self, beside: Executor, projection: Projection) -> None:
        """Begin to write to PostgreSQL what was appended and touched, in *beside*; nothing else uses it meanwhile."""
        new = self.rows[self._written :]
        self._written = len(self.rows)
        # All that computes is done here: the thread beside shall only send, and wait.
        statements = spelled(projection.changed())
        lines = copy_lines(new)
        self.wait()
        self._sending = beside.submit(self._store, lines, statements)
        time.sleep(_PAUSE)

    def _store(self, lines: bytes, statements: Sequence[Spelled]) -> None:
        copied(self.connection, consent_event.name, EventRow._fields, lines)
        run_together(self.connection, statements)

    def _copy(self, rows: Sequence[EventRow]) -> None:
        if self.connection.dialect.name == "postgresql":
            copied(self.connection, consent_event.name, EventRow._fields, copy_lines(rows))
        else:
            bulk_insert(self.connection, consent_event, EventRow._fields, rows)

    def wait(self) -> None:
        """Wait until what :meth:`send` began is done. Raises what it raised."""
        sending, self._sending = self._sending, None
        if sending is not None:
            sending.result()


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

"""Who agrees, in memory: one bit per person and cell, caught up from the ledger before every use.

Every worker holds its own index. Nothing in it is trusted for its age: :meth:`ConsentIndex.view` asks the
database for the newest sequence *after* it was called, applies what is new, lets expire what has expired
by the database's clock, and only then answers. So a withdrawal that was acknowledged before the call is
always seen, on every worker, without a notification that could be lost.

A caller may share the catch-up of others only when it was sent after this caller came
(:class:`.rounds.Rounds`): one under way may have read before the withdrawal that this caller knows of.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Connection, select, text

from sekisho.adapters.records.consent_view import Column, MemberView, intersection, next_view
from sekisho.adapters.records.database import Database, DatabaseFailed, Row
from sekisho.adapters.records.rounds import Rounds
from sekisho.adapters.records.tables import consent_state
from sekisho.domain.consent import IN_FORCE, ConsentEventKind, state_after
from sekisho.domain.terms import Cell, LegalBasis, Purpose
from sekisho.errors import ConsentUnavailable

_CHUNK = 5_000  # events applied without giving up the event loop
_WAIT_S = 1.0  # how long a min_seq is waited for
_ANSWER_S = 3.0  # how long a catch-up may take before the answer is no

_EVENT = "e.seq, e.number, e.cells, e.kind, e.valid_until"
_COUNTERS = (
    "SELECT c.value, p.value, {now} FROM ledger_counter c"
    " JOIN ledger_counter p ON p.name = 'data_subject' WHERE c.name = 'consent'"
)
_SINCE = f"SELECT {_EVENT} FROM consent_event e WHERE e.seq > ? ORDER BY e.seq LIMIT {_CHUNK}"
_NOTHING: Row = (None,) * 5  # the mark of an empty ledger
_UNREADABLE = "The consent ledger did not answer; nothing was released. Try again."
_OLDER = (
    "The consent ledger is older than what was already seen (a restored backup?); everything is denied until"
    " the missing consent events are replayed."
)
_DAMAGED = "The consent ledger is not the one that was read before; everything is denied until repaired."


@dataclass(slots=True)
class _State:
    """Everything that one reading of the ledger fills: the columns, how far they were read, and a mark.

    ``mark`` is the newest event applied: when the ledger shows another one under its sequence, it is not
    the ledger that was read.
    """

    columns: dict[Cell, Column]
    people: int = 0
    seq: int = 0
    mark: Row = _NOTHING


class ConsentIndex:
    """The bits of all cells of all purposes that ask people (consent, legitimate interest).

    Parameters
    ----------
    database:
        The gateway's own database, migrated.
    purposes:
        The catalogue's purposes by name. Contract and legal obligation hold no cells here.
    floor:
        A sequence that is known to have existed (from the audit log or a store): below it, all is denied.
    """

    def __init__(self, database: Database, purposes: Mapping[str, Purpose], *, floor: int = 0) -> None:
        self._database = database
        self._by_default = {
            cell: purpose.legal_basis is LegalBasis.LEGITIMATE_INTEREST
            for purpose in purposes.values()
            if purpose.legal_basis in {LegalBasis.CONSENT, LegalBasis.LEGITIMATE_INTEREST}
            for cell in purpose.all_cells()
        }
        self._floor = floor
        self._state: _State | None = None
        self._older = False
        self._now = 0
        self._ticks = 0
        self._views: dict[tuple[Cell, ...], tuple[tuple[int, ...], MemberView]] = {}
        self._rounds = Rounds(self._catch_up)
        # One statement, so that sequence, clock and mark belong together.
        self._head_sql = (
            f"SELECT c.value, p.value, {database.now_sql}, {_EVENT} FROM ledger_counter c"
            " JOIN ledger_counter p ON p.name = 'data_subject'"
            " LEFT JOIN consent_event e ON e.seq = ? WHERE c.name = 'consent'"
        )

    def raise_floor(self, seq: int) -> None:
        """Deny everything while the ledger is below *seq*, a sequence that somebody has already seen."""
        self._floor = max(self._floor, seq)

    async def view(self, cells: tuple[Cell, ...], *, min_seq: int | None = None) -> MemberView:
        """Catch up, after this call, and return the members of all *cells*; see ``ports.ConsentLedger``."""
        if not cells or any(cell not in self._by_default for cell in cells):
            # Nobody was ever asked: the intersection over nothing would be everybody.
            raise ConsentUnavailable("Consent is not held for what the policy asks; nothing was released.")
        await self.refresh()
        if min_seq is not None and self._seq() < min_seq:
            await self._wait_for(min_seq)
        return self._view(tuple(dict.fromkeys(cells)))

    async def refresh(self) -> None:
        """Catch up with everything committed before this call. Raises ``ConsentUnavailable``."""
        try:
            if self._database.inline:
                # Nothing to share: the read is done before the event loop could let anybody else in.
                await self._catch_up()
            else:
                async with asyncio.timeout(_ANSWER_S):
                    await self._rounds.join()
        except (DatabaseFailed, TimeoutError):
            raise ConsentUnavailable(_UNREADABLE) from None

    async def _wait_for(self, min_seq: int) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _WAIT_S
        while self._seq() < min_seq:
            if loop.time() >= deadline:
                raise ConsentUnavailable("The consent ledger has not reached the sequence asked for.")
            await asyncio.sleep(0.01)
            await self.refresh()

    def _seq(self) -> int:
        return self._state.seq if self._state is not None else 0

    async def _catch_up(self) -> None:
        while True:
            state = self._state
            rows = await self._database.peek(self._head_sql, (self._seq(),))
            if not rows:
                raise ConsentUnavailable(_DAMAGED)
            head, people, self._now, *mark = rows[0]
            if head < max(self._floor, self._seq()):
                self._older = True
                raise ConsentUnavailable(_OLDER)
            if state is None or self._older:
                await self._reload()
                continue  # the reading took a while; what came meanwhile is read like everything new
            if tuple(mark) != state.mark:
                self._older = True
                raise ConsentUnavailable(_DAMAGED)
            if people != state.people:
                self._grow(state, people)
            if head == state.seq or await self._apply_new(state) >= head:
                return
            await asyncio.sleep(0)

    async def _apply_new(self, state: _State) -> int:
        """Apply one chunk of events newer than *state*; return the sequence reached."""
        new = await self._database.peek(_SINCE, (state.seq,))
        if self._state is not state:
            return -1  # read anew meanwhile: start over
        if not new or new[0][0] != state.seq + 1 or new[-1][0] != state.seq + len(new):
            self._older = True
            raise ConsentUnavailable(_DAMAGED)  # a gap: the sequence has none
        for _, number, cells, kind, until in new:
            in_force = state_after(ConsentEventKind(kind)) in IN_FORCE
            for cell in cells_from_text(cells):
                column = state.columns.get(cell)
                if column is not None and column.put(number, until, in_force=in_force):
                    self._touch(column)
        state.seq, state.mark = new[-1][0], tuple(new[-1])
        return state.seq

    async def _reload(self) -> None:
        """Read the whole projection, in a thread; refuse a ledger that lost what was seen."""
        before = self._state
        columns = {cell: Column(by_default=flag) for cell, flag in self._by_default.items()}

        def load(connection: Connection) -> _State:
            head, people, now = connection.exec_driver_sql(_COUNTERS.format(now=self._database.now_sql)).one()
            mark = _mark(connection, head)
            lost = before is not None and _mark(connection, before.seq) != before.mark
            if lost or (head and mark == _NOTHING):
                raise ConsentUnavailable(_DAMAGED)
            _fill(connection, columns, people, now)
            return _State(columns, people, head, mark)

        state = await self._database.read(load)
        for column in state.columns.values():
            self._touch(column)
        self._state, self._older = state, False

    def _grow(self, state: _State, people: int) -> None:
        state.people = people
        for column in state.columns.values():
            if column.by_default and column.grow(people):
                self._touch(column)

    def _touch(self, column: Column) -> None:
        self._ticks += 1
        column.revision = self._ticks

    def _view(self, cells: tuple[Cell, ...]) -> MemberView:
        state = self._state
        if state is None:  # pragma: no cover - a catch-up that did not raise has read the ledger
            raise ConsentUnavailable(_UNREADABLE)
        columns = [state.columns[cell] for cell in cells]
        for column in columns:
            if column.expire(self._now):
                self._touch(column)
        revisions = tuple(column.revision for column in columns)
        held = self._views.get(cells)
        if held is not None and held[0] == revisions:
            view = held[1]
            if view.seq == state.seq:
                return view
            view = MemberView(state.seq, view.version, cells, view.flags, view.changed, view.oldest)
        else:
            view = next_view(cells, state.seq, intersection(columns), held[1] if held is not None else None)
        self._views[cells] = (revisions, view)
        return view


def _mark(connection: Connection, seq: int) -> Row:
    statement = text(f"SELECT {_EVENT} FROM consent_event e WHERE e.seq = :seq")
    found = connection.execute(statement, {"seq": seq}).one_or_none()
    return tuple(found) if found is not None else _NOTHING


def _fill(connection: Connection, columns: Mapping[Cell, Column], people: int, now: int) -> None:
    """Fill *columns* from the projection."""
    for column in columns.values():
        column.grow(people)
    rows = connection.execution_options(yield_per=50_000).execute(
        select(consent_state.c.cell, consent_state.c.number, consent_state.c.state, consent_state.c.valid_until)
    )
    expiring: dict[Cell, list[tuple[int, int]]] = {cell: [] for cell in columns}
    words = {state.value for state in IN_FORCE}
    for name, number, word, until in rows:
        if name not in columns:
            continue  # a purpose that the workspace no longer declares
        in_force = word in words and (until is None or until > now)
        columns[name].flags[number] = in_force
        if in_force and until is not None:
            expiring[name].append((until, number))
    for cell, times in expiring.items():
        columns[cell].start(times)


@lru_cache(maxsize=4096)
def cells_from_text(cells: str) -> tuple[Cell, ...]:
    """Return the cells of an event as it stands in the database (a JSON array)."""
    return tuple(Cell(cell) for cell in json.loads(cells))


def cells_to_text(cells: Iterable[Cell]) -> str:
    """Return *cells* as they stand in the database."""
    return json.dumps(list(cells), separators=(",", ":"))

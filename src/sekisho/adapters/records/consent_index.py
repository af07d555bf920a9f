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
import time
from collections.abc import Mapping, Sequence

import orjson
from sqlalchemy import Connection, text

from sekisho.adapters.records.consent_load import fill
from sekisho.adapters.records.consent_rows import EFFECTS, NOTHING, OFF_FOR_ALL, ON, cells_from_text
from sekisho.adapters.records.consent_saved import NO_EVENT, IndexState, SavedBits
from sekisho.adapters.records.consent_view import Column, MemberView, intersection, next_view
from sekisho.adapters.records.database import Database, DatabaseFailed, Row
from sekisho.adapters.records.rounds import Rounds
from sekisho.domain.terms import Cell, LegalBasis, Purpose
from sekisho.errors import ConsentUnavailable, ForgedConsent
from sekisho.ports import ConsentView, Ground

_CHUNK = 5_000  # events applied without giving up the event loop
_WAIT_S = 1.0  # how long a min_seq is waited for
_WORTH_SAVING = 100_000  # people, or events, from which on a file is faster than the database
_FAR = 1_000_000  # events from which on reading everything anew is faster than applying them
_ANSWER_S = 3.0  # how long a catch-up may take before the answer is no
_STILL_S = 1.0  # without anything new, after which the next request may find nothing new either

# What an event says, by which it is known again: replayed after a restore it has another id and another hash.
_MARK = "e.seq, e.number, e.cells, e.kind, e.valid_until"
_EVENT = f"{_MARK}, e.outcome, e.holds_until, e.effects"
_COUNTERS = (
    "SELECT c.value, p.value, {now} FROM ledger_counter c"
    " JOIN ledger_counter p ON p.name = 'data_subject' WHERE c.name = 'consent'"
)
# One statement and one way to the database, so that sequence, clock, mark and news belong together. What else of the
# gateway's own records may have moved since the last request is told besides: nobody else needs to look for it.
_NEWS = (
    "SELECT c.value, p.value, {now}, i.value, k.value, e.began_at, m.seq, m.number, m.cells, m.kind, m.valid_until,"
    " news.* FROM ledger_counter c JOIN ledger_counter p ON p.name = 'data_subject'"
    " LEFT JOIN ledger_counter i ON i.name = 'identifier' LEFT JOIN ledger_counter k ON k.name = 'key_epoch'"
    " LEFT JOIN key_epoch e ON e.epoch = k.value LEFT JOIN consent_event m ON m.seq = ?"
    f" LEFT JOIN (SELECT {_EVENT} FROM consent_event e WHERE e.seq > ? ORDER BY e.seq LIMIT {_CHUNK}) AS news ON true"
    " WHERE c.name = 'consent' ORDER BY news.seq"
)
_TOLD = 11  # columns before those of an event
_NO_NEWS = 2**62  # a sequence that nothing lies above
_UNREADABLE = "The consent ledger did not answer; nothing was released. Try again."
_OLDER = (
    "The consent ledger is older than what was already seen (a restored backup?); everything is denied until"
    " the missing consent events are replayed."
)
_FORGED = (
    "The consent ledger holds an event that the gateway did not write; everything is denied until it is repaired"
    " (sekisho consent verify)."
)
_DAMAGED = "The consent ledger is not the one that was read before; everything is denied until repaired."


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
    saved:
        Where a position is saved from which a worker goes on that starts.
    """

    def __init__(
        self,
        database: Database,
        purposes: Mapping[str, Purpose],
        *,
        floor: int = 0,
        saved: SavedBits | None = None,
    ) -> None:
        self._database = database
        self._saved = saved
        self._by_default = {
            cell: purpose.legal_basis is LegalBasis.LEGITIMATE_INTEREST
            for purpose in purposes.values()
            if purpose.legal_basis in {LegalBasis.CONSENT, LegalBasis.LEGITIMATE_INTEREST}
            for cell in purpose.all_cells()
        }
        self._floor = floor
        self._state: IndexState | None = None
        self._older = False
        self._forged = False
        self._now = 0
        self._ticks = 0
        self._besides: tuple[int | None, tuple[int, int] | None] = (None, None)
        self._still_from = 0.0
        self._spares = not database.inline  # a look into a file of one's own costs nothing worth sparing
        self._views: dict[tuple[Cell, ...], tuple[tuple[int, ...], MemberView]] = {}
        self._rounds = Rounds(self._catch_up)
        self._news_sql = _NEWS.format(now=database.now_sql)

    def raise_floor(self, seq: int) -> None:
        """Deny everything while the ledger is below *seq*, a sequence that somebody has already seen."""
        self._floor = max(self._floor, seq)

    def deny_all(self) -> None:
        """Answer nobody any more: the ledger holds what the gateway did not write. Only a new start ends it."""
        self._forged = True

    def require_not_older(self, head: int) -> None:
        """Raise ``ConsentUnavailable`` when a ledger whose newest event is *head* lacks what was already seen."""
        if head < max(self._floor, self._seq()):
            raise ConsentUnavailable(_OLDER)

    async def view(self, cells: tuple[Cell, ...], *, min_seq: int | None = None) -> MemberView:
        """Catch up, after this call, and return the members of all *cells*; see ``ports.ConsentLedger``."""
        if not cells or any(cell not in self._by_default for cell in cells):
            # Nobody was ever asked: the intersection over nothing would be everybody.
            raise ConsentUnavailable("Consent is not held for what the policy asks; nothing was released.")
        await self.refresh()
        if self._forged:
            raise ForgedConsent(_FORGED)
        if min_seq is not None and self._seq() < min_seq:
            await self._wait_for(min_seq)
        return self._view(tuple(dict.fromkeys(cells)))

    def ground(self, view: ConsentView) -> Ground | None:
        """Return where *view* stands; see ``ports.ConsentViews``. Whatever is in doubt is asked of the ledger."""
        state, held = self._state, self._views.get(view.cells)
        if state is None or held is None or self._older or self._forged:
            return None
        if view.seq != state.seq or view.seq < self._floor or held[1].version != view.version:
            return None
        until = min(state.columns[cell].next_at for cell in view.cells)
        return Ground(state.seq, state.mark, until, *self._besides)

    def standing(self, cells: tuple[Cell, ...]) -> MemberView | None:
        """Return the view of the last look; see ``ports.ConsentViews``. While somebody writes, a look is due."""
        if not self._spares or None in self._besides or time.monotonic() < self._still_from:
            return None
        if not cells or any(cell not in self._by_default for cell in cells):
            return None
        view = self._view(tuple(dict.fromkeys(cells)))
        return None if self.ground(view) is None else view

    async def refresh(self, patience: float | None = _ANSWER_S) -> None:
        """Catch up with everything committed before this call.

        Raises ``ConsentUnavailable``, also when it takes longer than *patience* seconds (``None``: any time, for
        the first reading). What takes longer goes on, and whoever comes later may find it done.
        """
        try:
            if self._database.inline:
                # Nothing to share: the read is done before the event loop could let anybody else in.
                await self._catch_up()
            else:
                async with asyncio.timeout(patience):
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
            seq = self._seq()
            rows = await self._database.peek(self._news_sql, (seq, _NO_NEWS if state is None else seq))
            if not rows:
                raise ConsentUnavailable(_DAMAGED)
            if self._state is not state:
                continue  # read anew meanwhile: start over
            head, people, self._now, identifiers, epoch, began, *mark = rows[0][:_TOLD]
            if head < max(self._floor, self._seq()):
                self._older = True
                raise ConsentUnavailable(_OLDER)
            if state is None or self._older:
                if state is not None or not await self._resume(head):
                    await self._reload()
                continue  # the reading took a while; what came meanwhile is read like everything new
            if tuple(mark) != state.mark:
                self._older = True
                raise ConsentUnavailable(_DAMAGED)
            if people != state.people:
                self._grow(state, people)
            if head != state.seq:
                self._apply_new(state, [row[_TOLD:] for row in rows if row[_TOLD] is not None])
            if head <= state.seq:
                # Of one look with the sequence: whoever is told of this view is told of these, too.
                besides = (identifiers, None if epoch is None or began is None else (epoch, began))
                if head != seq or besides != self._besides:
                    self._still_from = time.monotonic() + _STILL_S
                self._besides = besides
                return
            await asyncio.sleep(0)

    def _apply_new(self, state: IndexState, new: Sequence[Row]) -> None:
        """Apply one chunk of events newer than *state*."""
        if not new or new[0][0] != state.seq + 1 or new[-1][0] != state.seq + len(new):
            self._older = True
            raise ConsentUnavailable(_DAMAGED)  # a gap: the sequence has none
        for _, number, cells, _, _, outcome, until, effects in new:
            if outcome == OFF_FOR_ALL:
                self._clear(state, cells_from_text(cells))
            elif outcome == EFFECTS:
                for person, cell, bit, end in orjson.loads(effects):
                    self._put(state, cell, person, end, on=bool(bit))
            elif outcome != NOTHING:
                for cell in cells_from_text(cells):
                    self._put(state, cell, number, until, on=outcome == ON)
        state.seq, state.mark = new[-1][0], tuple(new[-1][:5])

    def _put(self, state: IndexState, cell: Cell, number: int, until: int | None, *, on: bool) -> None:
        column = state.columns.get(cell)
        if column is not None and column.put(number, until, on=on):
            self._touch(column)

    def _clear(self, state: IndexState, cells: Sequence[Cell]) -> None:
        # Whoever is asked again has to answer; what is active by default waits for nobody's answer.
        for cell in cells:
            column = state.columns.get(cell)
            if column is not None and not column.by_default and column.clear():
                self._touch(column)

    async def save(self, least: int = _WORTH_SAVING) -> None:
        """Save how far was read, unless that is read anew as fast: for fewer than *least* people or events since.

        Raises ``OSError`` where the disk takes nothing.
        """
        state, saved = self._state, self._saved
        if saved is None or state is None or state.people < least or self._older or self._forged:
            return
        seq, cells = await asyncio.to_thread(saved.claimed)
        if cells == self._by_default and state.seq - least < seq <= state.seq:
            return
        await asyncio.to_thread(saved.write, state.copy())

    async def _resume(self, head: int) -> bool:
        """Take over the position that was saved; return whether this ledger, which reaches *head*, is the one."""
        saved = self._saved
        if saved is None:
            return False
        state = await asyncio.to_thread(saved.read, self._by_default)
        if state is None or not head - _FAR <= state.seq <= head:
            return False
        if await self._database.read(lambda connection: _mark(connection, state.seq)) != state.mark:
            return False
        if self._state is None:  # nobody was faster
            for column in state.columns.values():
                self._touch(column)
            self._state = state
        return True

    async def _reload(self) -> None:
        """Read the whole projection, in a thread; refuse a ledger that lost what was seen."""
        before = self._state
        columns = {cell: Column(by_default=flag) for cell, flag in self._by_default.items()}

        def load(connection: Connection) -> IndexState:
            head, people, now = connection.exec_driver_sql(_COUNTERS.format(now=self._database.now_sql)).one()
            mark = _mark(connection, head)
            lost = before is not None and _mark(connection, before.seq) != before.mark
            if lost or (head and mark == NO_EVENT):
                raise ConsentUnavailable(_DAMAGED)
            fill(connection, columns, people, now)
            return IndexState(columns, people, head, mark)

        state = await self._database.read(load)
        for column in state.columns.values():
            self._touch(column)
        self._state, self._older = state, False

    def _grow(self, state: IndexState, people: int) -> None:
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
            view = MemberView(state.seq, view.version, cells, view.bits, view.changed, view.oldest)
        else:
            view = next_view(cells, state.seq, intersection(columns), held[1] if held is not None else None)
        self._views[cells] = (revisions, view)
        return view


def _mark(connection: Connection, seq: int) -> Row:
    statement = text(f"SELECT {_MARK} FROM consent_event e WHERE e.seq = :seq")
    found = connection.execute(statement, {"seq": seq}).one_or_none()
    return tuple(found) if found is not None else NO_EVENT

"""An in-memory ledger of consent: a list of events, everything else derived by ``domain.consent.after``."""

# ruff: noqa: D102 - each method does what its port says

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from tests.fakes import FakeClock

from sekisho.domain.consent import (
    NO,
    REFUSING,
    ConsentEventKind,
    ConsentRecord,
    Happening,
    Provenance,
    Standing,
    after,
    is_in_force,
    state_at,
)
from sekisho.domain.record import micros
from sekisho.domain.terms import Cell, LegalBasis, Purpose, SubjectNumber
from sekisho.errors import ConsentUnavailable, InvalidRequest
from sekisho.ports import ConsentEventInput, RecordedConsentEvent

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(at: int | None) -> datetime | None:
    """Return microseconds since the epoch as an instant."""
    return None if at is None else EPOCH + timedelta(microseconds=at)


@dataclass(frozen=True)
class FakeView:
    """Who agrees to a set of cells."""

    seq: int
    cells: tuple[Cell, ...]
    agreeing: frozenset[int]

    @property
    def version(self) -> int:
        return self.seq

    def allowed(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.array([int(number) in self.agreeing for number in numbers], np.bool_)

    def members(self) -> NDArray[np.int64]:
        return np.array(sorted(self.agreeing), np.int64)

    def changes_since(self, version: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]] | None:
        return None


@dataclass
class FakeLedger:
    """Events in a list; the clock is the database's. ``error`` is raised by every call while it is set."""

    clock: FakeClock
    purposes: Mapping[str, Purpose]
    events: list[RecordedConsentEvent] = field(default_factory=list)
    inputs: dict[int, ConsentEventInput] = field(default_factory=dict)
    calls: int = 0
    error: Exception | None = None

    async def record(self, events: Sequence[ConsentEventInput]) -> list[RecordedConsentEvent]:
        self._answering()
        self.calls += 1
        done = []
        for event in events:
            also = [n for n in self._group(event.number) if n != event.number] if event.kind in NO else []
            done.append(self._append(event))
            for number in also:
                self._append(replace(event, number=number, evidence={}))
        return done

    async def view(self, cells: tuple[Cell, ...], *, min_seq: int | None = None) -> FakeView:
        self._answering()
        if len(self.events) < (min_seq or 0):
            raise ConsentUnavailable("The consent ledger has not reached the sequence asked for.")
        numbers = {event.number for event in self.events if event.number} | set(range(1, 200))
        now = self.clock.now()

        def agrees(number: int) -> bool:
            records = self._records(SubjectNumber(number), now, None, None)
            purposes = [self.purposes[cell.partition("/")[0]] for cell in cells]
            found = zip(cells, purposes, strict=True)
            return all(is_in_force(state_at(records.get(cell), purpose, now)) for cell, purpose in found)

        return FakeView(len(self.events), cells, frozenset(n for n in numbers if agrees(n)))

    def ground(self, view: object) -> None:
        """Nothing rests on a view of this ledger."""

    def standing(self, cells: tuple[Cell, ...]) -> None:
        """Nothing begins without a look at it."""

    async def records_of(self, number: SubjectNumber) -> tuple[int, dict[Cell, ConsentRecord]]:
        self._answering()
        return len(self.events), self._records(number, self.clock.now(), None, None)

    async def records_at(
        self, numbers: Sequence[SubjectNumber], *, valid_at: datetime | None, known_at: datetime | None
    ) -> tuple[int, list[dict[Cell, ConsentRecord]]]:
        self._answering()
        at = valid_at or self.clock.now()
        return len(self.events), [self._records(number, at, valid_at, known_at) for number in numbers]

    async def history(self, number: SubjectNumber) -> list[RecordedConsentEvent]:
        self._answering()
        return [replace(event, states={}) for event in self.events if event.number == number]

    async def event(self, event_id: str) -> RecordedConsentEvent | None:
        self._answering()
        return next((replace(event, states={}) for event in self.events if event.id == event_id), None)

    async def event_ids(self, seqs: Sequence[int]) -> dict[int, str]:
        self._answering()
        return {seq: self.events[seq - 1].id for seq in seqs if 0 < seq <= len(self.events)}

    async def changes(self, after_seq: int, limit: int) -> list[RecordedConsentEvent]:
        self._answering()
        return [replace(event, states={}) for event in self.events[after_seq : after_seq + limit]]

    async def carry_noes(self, purpose: str, new: Sequence[Cell], turned: Sequence[Cell]) -> None:
        raise NotImplementedError  # the file never changes here

    async def publish(self, cells: Mapping[str, tuple[Cell, ...]], actor: str, provenance: Provenance) -> int:
        self._answering()
        for purpose, wanted in cells.items():
            kind = ConsentEventKind.PUBLISH
            self._append(
                ConsentEventInput(SubjectNumber(0), purpose, wanted, kind, "api", actor, provenance=provenance)
            )
        return len(self.events)

    async def link(self, one: SubjectNumber, other: SubjectNumber, actor: str) -> RecordedConsentEvent:
        return self._tie(one, other, ConsentEventKind.LINK, actor)

    async def unlink(self, one: SubjectNumber, other: SubjectNumber, actor: str) -> RecordedConsentEvent:
        if frozenset((one, other)) not in self._links():
            raise InvalidRequest("These identifiers are not linked.")
        return self._tie(one, other, ConsentEventKind.UNLINK, actor)

    async def linked(self, number: SubjectNumber) -> tuple[SubjectNumber, ...]:
        return self._group(number)

    async def last_seq(self) -> int:
        self._answering()
        return len(self.events)

    def _answering(self) -> None:
        if self.error is not None:
            raise self.error

    def _append(self, event: ConsentEventInput) -> RecordedConsentEvent:
        seq, now = len(self.events) + 1, self.clock.now()
        self.inputs[seq] = event
        bare = RecordedConsentEvent(
            seq, self.clock.new_id(), event.number, event.purpose, event.cells, event.kind, now, event.method,
            event.actor, event.notice_version, event.occurred_at, event.valid_until, event.provenance,
            hashlib.sha256(f"{seq}".encode()).digest(),
        )  # fmt: skip
        self.events.append(bare)
        records = self._records(event.number, now, None, None)
        self.events[-1] = replace(bare, states={c: r.state if (r := records.get(c)) else None for c in event.cells})
        return self.events[-1]

    def _records(
        self, number: SubjectNumber, now: datetime, valid_at: datetime | None, known_at: datetime | None
    ) -> dict[Cell, ConsentRecord]:
        own = self._own(number, valid_at, known_at)
        if len(group := self._group(number)) == 1:
            return own
        others = [self._own(other, valid_at, known_at) for other in group if other != number]
        for cell, record in own.items():
            no = next((r[cell].state for r in others if cell in r and r[cell].state in REFUSING), None)
            if no is not None and record.state not in REFUSING:
                own[cell] = replace(record, linked=no)
        for records in others:
            for cell, record in records.items():
                if cell not in own and record.state in REFUSING:
                    own[cell] = ConsentRecord(cell, None, 0, None, None, None, linked=record.state)
        return own

    def _own(
        self, number: SubjectNumber, valid_at: datetime | None, known_at: datetime | None
    ) -> dict[Cell, ConsentRecord]:
        standings: dict[Cell, Standing | None] = {}
        asked_again: dict[Cell, int] = {}
        for event in self.events:
            if known_at is not None and event.recorded_at > known_at:
                continue
            given = self.inputs[event.seq]
            happening = happening_of(event, historical=given.historical)
            if valid_at is not None and happening.counts_at > micros(valid_at):
                continue
            for cell in event.cells:
                if event.kind is ConsentEventKind.PUBLISH:
                    asked_again[cell] = event.seq
                elif event.number == number:
                    default = self.purposes[event.purpose].legal_basis is LegalBasis.LEGITIMATE_INTEREST
                    old = standings.get(cell)
                    standings[cell] = after(old, happening, by_default=default, confirmed=given.confirmed)
        return {
            cell: ConsentRecord(
                cell, s.state, s.seq, instant(s.since), instant(s.until), s.notice_version, instant(s.of_age_at),
                outdated=s.seq < asked_again.get(cell, 0),
            )
            for cell, s in standings.items()
            if s is not None
        }  # fmt: skip

    def _tie(
        self, one: SubjectNumber, other: SubjectNumber, kind: ConsentEventKind, actor: str
    ) -> RecordedConsentEvent:
        self._answering()
        facts = Provenance(relation=str(other))
        return self._append(ConsentEventInput(one, "", (), kind, "api", actor, provenance=facts))

    def _links(self) -> set[frozenset[int]]:
        links: set[frozenset[int]] = set()
        for event in self.events:
            if event.kind not in {ConsentEventKind.LINK, ConsentEventKind.UNLINK}:
                continue
            pair = frozenset((event.number, int(event.provenance.relation or 0)))
            if event.kind is ConsentEventKind.LINK:
                links.add(pair)
            else:
                links.discard(pair)
        return links

    def _group(self, number: SubjectNumber) -> tuple[SubjectNumber, ...]:
        found, links = {int(number)}, self._links()
        while more := {n for pair in links if pair & found for n in pair} - found:
            found |= more
        return tuple(SubjectNumber(n) for n in sorted(found))


def happening_of(event: RecordedConsentEvent, *, historical: bool = False) -> Happening:
    """Return *event* as the rule needs it: a claim is never later than the recording, a live no counts from it."""
    now = micros(event.recorded_at)
    said = now if event.occurred_at is None else min(now, micros(event.occurred_at))
    counts = now if event.kind in NO and not historical else said
    until = None if event.valid_until is None else micros(event.valid_until)
    of_age = event.provenance.of_age_at
    live = not historical and (event.kind in NO or said == now)
    of_age_at = None if of_age is None else micros(of_age)
    undated = historical and event.occurred_at is None
    outdated_seq = event.provenance.outdated_seq
    return Happening(
        event.seq, event.kind, said, counts, live, until, of_age_at, event.notice_version, undated, outdated_seq
    )

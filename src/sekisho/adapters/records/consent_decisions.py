"""What people say, as events of the ledger: each by the one rule, with what it does to the projection.

Events that say the same but for person, time and evidence share what follows from that: a million lines of an
import are written as fast as they differ.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from typing import NamedTuple

import orjson
from sqlalchemy import text

from sekisho.adapters.records.consent_projection import Change, Projection
from sekisho.adapters.records.consent_rows import (
    EFFECTS,
    NOTHING,
    OFF,
    ON,
    EventRow,
    cells_to_text,
    is_live,
    micros,
    provenance_to_facts,
    recorded_event,
)
from sekisho.adapters.records.consent_writer import Appending
from sekisho.adapters.records.sealing import PersonSeals
from sekisho.domain.consent import NO, YES, Happening, after
from sekisho.errors import NoticeOutdated
from sekisho.ports import ConsentEventInput, RecordedConsentEvent
from sekisho.ports.imports import ImportedEvent

_ASKED_AGAIN = text("SELECT cell, asked_again_seq FROM consent_cell")


class _Shape(NamedTuple):
    """What events say alike, as columns and as the rule needs it.

    ``by_claim`` is whether they count from when they were said, and not from when they came in.
    """

    said: ConsentEventInput
    kind: str
    cells: str
    facts: str
    of_age_at: int | None
    historical: bool
    by_claim: bool
    by_default: bool


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

    def record(self, events: Sequence[ConsentEventInput], seals: PersonSeals) -> Iterator[EventRow]:
        """Record *events* and yield the row of each, after its effects are in the projection."""
        self._require_current(events)
        return self.imported([apart(event) for event in events], seals)

    def imported(self, events: Sequence[ImportedEvent], seals: PersonSeals) -> Iterator[EventRow]:
        """Do the same for events that have most of what they say in common."""
        alike = {id(event.alike): event.alike for event in events}
        shapes = {key: self._shape(said) for key, said in alike.items()}
        self._projection.load_cells({(event.number, cell) for event in events for cell in event.alike.cells})
        proofs = [(event.number, _evidence(event.evidence)) for event in events if event.evidence]
        sealed = iter(seals.seal_each(self._appending.connection, proofs)) if proofs else iter(())
        self._appending.expect(len(events))
        groups, say = self._projection.groups, self._say
        for number, said, occurred_at, valid_until, evidence in events:
            shape = shapes[id(said)]
            row = say(number, shape, occurred_at, valid_until, next(sealed) if evidence else None)
            group = groups.get(number) if groups else None
            if group is not None and said.kind in NO:
                # So it stays on both sides after unlinking. The evidence is about the one who said it.
                copy = shape._replace(facts=self._facts(said, copy_of=row.id))
                for member in group.members:
                    if member != number:
                        say(member, copy, occurred_at, valid_until)
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

    def send(self, beside: Executor) -> None:
        """Begin to write what was recorded so far, in *beside*, while more is; see ``Appending.send``."""
        self._appending.send(beside, self._projection)

    def write(self) -> None:
        """Write events, counter and projection."""
        self._appending.write(self._projection)

    def _shape(self, said: ConsentEventInput) -> _Shape:
        historical = said.historical or self._historical
        return _Shape(
            said,
            said.kind.value,
            cells_to_text(said.cells),
            self._facts(said),
            micros(said.provenance.of_age_at),
            historical,
            by_claim=historical or said.kind in YES,
            by_default=said.purpose in self._by_default,
        )

    def _facts(self, said: ConsentEventInput, copy_of: str | None = None) -> str:
        historical = said.historical or self._historical
        return provenance_to_facts(said.provenance, historical=historical, confirmed=said.confirmed, copy_of=copy_of)

    def _say(
        self,
        number: int,
        shape: _Shape,
        occurred_at: int | None,
        valid_until: int | None,
        sealed: bytes | None = None,
    ) -> EventRow:
        said, appending = shape.said, self._appending
        now = appending.now
        said_at = now if occurred_at is None or occurred_at > now else occurred_at
        happening = Happening(
            appending.seq + 1,
            said.kind,
            said_at,
            said_at if shape.by_claim else now,
            not shape.historical and is_live(said.kind, occurred_at, now, historical=False),
            valid_until,
            shape.of_age_at,
            said.notice_version,
            shape.historical and occurred_at is None,
            said.provenance.outdated_seq,
        )
        outcome, holds_until, effects = self._apply(number, shape, happening)
        return appending.add(
            (
                happening.seq,
                appending.next_id(),
                number,
                said.purpose,
                shape.cells,
                shape.kind,
                said.method,
                said.actor,
                said.notice_version,
                occurred_at,
                now,
                said_at,
                happening.counts_at,
                valid_until,
                shape.facts,
                sealed,
                b"",
                outcome,
                holds_until,
                orjson.dumps(effects).decode() if effects else None,
            )
        )

    def _apply(self, number: int, shape: _Shape, happening: Happening) -> tuple[int, int | None, Sequence[Change]]:
        projection, said = self._projection, shape.said
        group = projection.groups.get(number) if projection.groups else None
        before = {} if group is None else projection.bits(group.members, said.cells)
        changes, changed = [], False
        for cell in said.cells:
            standing = projection.standing(number, cell)
            new = after(standing, happening, by_default=shape.by_default, confirmed=said.confirmed)
            if new is not standing:
                changed = True
                change = projection.put(number, cell, new)
                if change is not None:
                    changes.append(change)
        if not changed:
            self.unchanged += 1
            return NOTHING, None, ()
        if group is not None:
            projection.settle((group,), said.cells)
            changes = projection.changes(before)
        if not changes:
            return NOTHING, None, ()
        first, _, bit, holds_until = changes[0]
        same = first == number and all(
            change[0] == first and change[2:] == (bit, holds_until) for change in changes[1:]
        )
        if same and len(changes) == len(said.cells):
            return (ON if bit else OFF), holds_until, ()
        return EFFECTS, None, changes


def apart(event: ConsentEventInput) -> ImportedEvent:
    """Return *event* with its own apart from what others may say too."""
    return ImportedEvent(event.number, event, micros(event.occurred_at), micros(event.valid_until), event.evidence)


def _evidence(evidence: Mapping[str, str]) -> bytes:
    return orjson.dumps(dict(evidence), option=orjson.OPT_SORT_KEYS)

"""Rows of the consent ledger and the values that they stand for, in both directions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from sekisho.domain.consent import (
    IN_FORCE,
    NO,
    ActorType,
    Assurance,
    ConsentEventKind,
    ConsentRecord,
    ConsentState,
    ConsentType,
    Happening,
    Provenance,
    Standing,
)
from sekisho.domain.linking import Effective
from sekisho.domain.terms import Cell, SubjectNumber
from sekisho.ports import RecordedConsentEvent

OFF, ON, NOTHING, EFFECTS, OFF_FOR_ALL = range(5)
"""What column ``outcome`` says of the bits of the event's person and cells; see ``consent_tables``."""

_AGEING = IN_FORCE | {ConsentState.PENDING_CONFIRMATION}
"""States of a yes, which a major notice makes outdated: also while it waits for its confirmation."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PLAIN = Provenance()
_STATES = {state.value: state for state in ConsentState}
_NAME_OF = {state: name for name, state in _STATES.items()}  # reading .value anew takes ten times as long
_UNKNOWN = ConsentState.UNKNOWN.value
_WORDS = {"actor_type": ActorType, "assurance": Assurance, "consent_type": ConsentType}
_NAMES = tuple(field.name for field in fields(Provenance))


class EventRow(NamedTuple):
    """A row of ``consent_event``, its columns in the order of the table. Times are microseconds."""

    seq: int
    id: str
    number: int | None
    purpose: str
    cells: str
    kind: str
    method: str
    actor: str
    notice_version: str | None
    occurred_at: int | None
    recorded_at: int
    said_at: int
    counts_at: int
    valid_until: int | None
    facts: str
    sealed: bytes | None
    hash: bytes
    outcome: int
    holds_until: int | None
    effects: str | None


class StateRow(NamedTuple):
    """A row of ``consent_state``, its columns in the order of the table. Times are microseconds.

    A person who was never asked has a row only while the no of a linked person counts; its state is ``unknown``.
    """

    number: int
    cell: str
    state: str
    seq: int
    since: int
    valid_until: int | None
    of_age_at: int | None
    notice_version: str | None
    refused_seq: int | None
    refused_since: int | None
    linked: str | None
    linked_until: int | None
    linked_seq: int | None

    def effective(self) -> Effective | None:
        """Return what counts instead while identifiers are linked, ``None`` where the standing counts."""
        if self.linked is None:
            return None
        return Effective(ConsentState(self.linked), self.linked_until, self.linked_seq or 0)

    def standing(self) -> Standing | None:
        """Return the person's own standing, ``None`` when the person was never asked."""
        state = self[2]
        return None if state == _UNKNOWN else Standing(_STATES[state], *self[3:10])


def state_row(number: int, cell: str, standing: Standing | None, effective: Effective | None) -> StateRow | None:
    """Return the row of a person's standing in one cell and of what counts instead, ``None`` for neither."""
    if standing is not None and effective is None:  # nearly all
        return StateRow(number, cell, _NAME_OF[standing.state], *standing[1:], None, None, None)
    if effective is None:
        return None
    linked = (_NAME_OF[effective.state], effective.until, effective.seq)
    if standing is not None:
        return StateRow(number, cell, _NAME_OF[standing.state], *standing[1:], *linked)
    return StateRow(number, cell, ConsentState.UNKNOWN.value, 0, 0, None, None, None, None, None, *linked)


def consent_record(row: StateRow, asked_again_seq: int | None, *, by_default: bool = False) -> ConsentRecord:
    """Return what readers get of *row*.

    *asked_again_seq* is the sequence of the last major notice for this cell. Purposes that are active by default
    are not asked again: what stands there without a yes of anybody is not outdated by one.
    """
    own, instead = row.standing(), row.effective()
    # What a person's own yes waits for is the person's, whatever counts instead meanwhile.
    waits = own is not None and own.state is ConsentState.PENDING_CONFIRMATION
    counts = own if waits else instead or own
    return ConsentRecord(
        Cell(row.cell),
        None if own is None else own.state,
        row.seq,
        None if own is None else instant(row.since),
        instant(row.valid_until),
        row.notice_version,
        instant(row.of_age_at),
        outdated=counts is not None
        and counts.state in _AGEING
        and not by_default
        and counts.seq <= (asked_again_seq or 0),
        linked=None if instead is None else instead.state,
        linked_until=instant(row.linked_until),
    )


class Facts(NamedTuple):
    """What column ``facts`` holds: the provenance, and what the rule needs besides the columns.

    ``other`` is the person that a link or unlink is about besides ``number``; ``copy_of`` the id of the
    event that this one repeats for a linked person.
    """

    provenance: Provenance
    historical: bool = False
    confirmed: bool = False
    other: int | None = None
    copy_of: str | None = None


def micros(at: datetime | None) -> int | None:
    """Return *at* in microseconds since 1970-01-01 UTC."""
    return None if at is None else (at - _EPOCH) // _MICROSECOND


def instant(at: int | None) -> datetime | None:
    """Return the instant (UTC) that is *at* microseconds after 1970-01-01."""
    return None if at is None else _EPOCH + timedelta(microseconds=at)


@lru_cache(maxsize=4096)
def cells_from_text(cells: str) -> tuple[Cell, ...]:
    """Return the cells of an event as it stands in the database (a JSON array)."""
    return tuple(Cell(cell) for cell in orjson.loads(cells))


def cells_to_text(cells: Iterable[str]) -> str:
    """Return *cells* as they stand in the database."""
    return orjson.dumps(list(cells)).decode()


def provenance_to_facts(
    provenance: Provenance,
    *,
    historical: bool = False,
    confirmed: bool = False,
    other: int | None = None,
    copy_of: str | None = None,
) -> str:
    """Return column ``facts``: canonical JSON of all that differs from the defaults."""
    facts: dict[str, object] = {}
    if provenance != _PLAIN:
        for name in _NAMES:
            value = getattr(provenance, name)
            if value != getattr(_PLAIN, name):
                facts[name] = micros(value) if isinstance(value, datetime) else value
    rest = {"historical": historical, "confirmed": confirmed, "other": other, "copy_of": copy_of}
    facts.update((name, value) for name, value in rest.items() if value not in (False, None))
    return orjson.dumps(facts, option=orjson.OPT_SORT_KEYS).decode()


@lru_cache(maxsize=4096)
def facts_to_provenance(facts: str) -> Facts:
    """Return what column ``facts`` says; what a newer version wrote besides is left out."""
    said: dict[str, Any] = orjson.loads(facts)
    values = {name: said[name] for name in _NAMES if name in said}
    for name, kind in _WORDS.items():
        if name in values:
            values[name] = kind(values[name])
    if "of_age_at" in values:
        values["of_age_at"] = instant(values["of_age_at"])
    rest = {name: said[name] for name in ("historical", "confirmed", "other", "copy_of") if name in said}
    return Facts(Provenance(**values), **rest)


def happening(row: EventRow) -> tuple[Happening, bool]:
    """Return the event as ``domain.consent.after`` takes it, and whether a yes had to be confirmed.

    An event is *live* when it came in without the claim of an earlier time; a no that is no history always is.
    """
    facts = facts_to_provenance(row.facts)
    kind = ConsentEventKind(row.kind)
    return (
        Happening(
            row.seq,
            kind,
            row.said_at,
            row.counts_at,
            is_live(kind, row.occurred_at, row.recorded_at, historical=facts.historical),
            row.valid_until,
            micros(facts.provenance.of_age_at),
            row.notice_version,
            facts.historical and row.occurred_at is None,
            facts.provenance.outdated_seq,
        ),
        facts.confirmed,
    )


def is_live(kind: ConsentEventKind, occurred_at: int | None, recorded_at: int, *, historical: bool) -> bool:
    """Return ``Happening.live`` of an event with this claim."""
    return not historical and (kind in NO or occurred_at is None or occurred_at >= recorded_at)


def recorded_event(row: EventRow, states: Mapping[Cell, ConsentState | None] | None = None) -> RecordedConsentEvent:
    """Return the event of *row*, with the *states* that followed where they are known."""
    return RecordedConsentEvent(
        seq=row.seq,
        id=row.id,
        number=SubjectNumber(row.number or 0),
        purpose=row.purpose,
        cells=cells_from_text(row.cells),
        kind=ConsentEventKind(row.kind),
        recorded_at=_EPOCH + timedelta(microseconds=row.recorded_at),
        method=row.method,
        actor=row.actor,
        notice_version=row.notice_version,
        occurred_at=instant(row.occurred_at),
        valid_until=instant(row.valid_until),
        provenance=facts_to_provenance(row.facts).provenance,
        hash=bytes(row.hash),
        states={} if states is None else states,
        kept={
            "facts": row.facts,
            "said_at": row.said_at,
            "counts_at": row.counts_at,
            "sealed_sha256": None if row.sealed is None else hashlib.sha256(row.sealed).hexdigest(),
            "outcome": row.outcome,
            "holds_until": row.holds_until,
            "effects": row.effects,
        },
    )

"""The projection made again from the events, and the ledger proved: its chain, its projection, its audit trail.

Everything is read over one snapshot and in stretches, so that it works on a ledger of any size while it is used.
Nothing is believed: every hash is computed anew from the columns, every standing by the rule.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, text

from sekisho.adapters.records.consent_audited import told_events
from sekisho.adapters.records.consent_chain import DIGEST, GENESIS, EventChain
from sekisho.adapters.records.consent_fold import LISTED, events_of, folded, state_rows
from sekisho.adapters.records.consent_projection import active_links, fetch
from sekisho.adapters.records.consent_rows import (
    EventRow,
    StateRow,
    cells_from_text,
    facts_to_provenance,
)
from sekisho.adapters.records.consent_tables import consent_state
from sekisho.adapters.records.database import Row, bulk_insert
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.linking import Group, Link, groups_of

_PEOPLE = 1_000  # people folded at a time
_SHOWN = 10  # findings of one kind that are told one by one
_STATES = f"SELECT {', '.join(StateRow._fields)} FROM consent_state"


class LinkRow(NamedTuple):
    """A row of ``data_subject_link``."""

    linked_seq: int
    one: int
    other: int
    unlinked_seq: int | None


@dataclass
class Sequels:
    """What follows from events that concern more than one person: links, and notices that ask again."""

    links: dict[int, LinkRow] = field(default_factory=dict)
    asked_again: dict[str, int] = field(default_factory=dict)
    _by_id: dict[str, int] = field(default_factory=dict)
    _pairs: dict[frozenset[int], int] = field(default_factory=dict)

    def take(self, row: EventRow) -> None:
        """Take over the next event."""
        if row.kind == ConsentEventKind.PUBLISH:
            self.asked_again.update((cell, row.seq) for cell in cells_from_text(row.cells))
        elif row.kind == ConsentEventKind.LINK:
            one, other = row.number or 0, facts_to_provenance(row.facts).other or 0
            if self._pairs.setdefault(frozenset((one, other)), row.seq) == row.seq:  # else linked already
                self.links[row.seq] = LinkRow(row.seq, one, other, None)
                self._by_id[row.id] = row.seq
        elif row.kind == ConsentEventKind.UNLINK:
            seq = self._by_id.get(facts_to_provenance(row.facts).provenance.undoes or "")
            if seq is not None:
                link = self.links[seq] = self.links[seq]._replace(unlinked_seq=row.seq)
                self._pairs.pop(frozenset((link.one, link.other)), None)

    def active(self) -> list[Link]:
        """Return the links that nothing undid, in order of sequence."""
        return [Link(*row[:3]) for row in self.links.values() if row.unlinked_seq is None]


@dataclass(frozen=True, slots=True)
class Proof:
    """What :func:`verified` found.

    Attributes
    ----------
    events, people, states:
        How much was checked: events, people with a state, rows of the projection.
    without_evidence:
        Events whose evidence is gone, because they were written again from the audit log.
    unaudited:
        Events that the audit log does not tell of (yet).
    pruned:
        Events that it does not tell of and that are older than its beginning, because it was pruned.
    findings:
        What is wrong, one sentence each; empty for a ledger that is what it should be.
    """

    events: int
    people: int
    states: int
    without_evidence: int
    unaudited: int
    findings: tuple[str, ...]
    pruned: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


def rebuilt(connection: Connection, links: Iterable[Link], by_default: Collection[str]) -> Iterator[list[StateRow]]:
    """Yield the projection as it follows from the events, in stretches, by person and cell.

    Parameters
    ----------
    links:
        All that are active.
    by_default:
        Purposes that are active until somebody objects.
    """
    grouped = groups_of((), links)
    for numbers in _stretches(connection, grouped):
        yield rebuilt_of(connection, numbers, grouped, by_default)


def rebuilt_of(
    connection: Connection, numbers: Collection[int], grouped: dict[int, Group], by_default: Collection[str]
) -> list[StateRow]:
    """Return the rows of *numbers*, and of everybody who is one person with one of them, as events make them."""
    groups = {id(group): group for group in (grouped.get(number) or Group(number) for number in numbers)}
    members = {member for group in groups.values() for member in group.members}
    standings = folded(events_of(connection, members), by_default)
    return sorted(state_rows(standings, groups.values(), by_default), key=lambda row: row[:2])


def rewrite(connection: Connection, numbers: Collection[int], by_default: Collection[str]) -> None:
    """Make the projection of *numbers* and of everybody linked to them again, inside a write transaction."""
    grouped = groups_of(numbers, active_links(connection, numbers))
    ordered = sorted(grouped)
    for start in range(0, len(ordered), _PEOPLE):
        some = ordered[start : start + _PEOPLE]
        rows = rebuilt_of(connection, some, grouped, by_default)
        _forget(connection, sorted({member for number in some for member in grouped[number].members}))
        bulk_insert(connection, consent_state, StateRow._fields, [tuple(row) for row in rows])


def verified(connection: Connection, by_default: Collection[str], chain: EventChain) -> Proof:
    """Prove the ledger over one snapshot.

    Parameters
    ----------
    connection:
        Inside ``Database.read``.
    by_default:
        Purposes that are active until somebody objects; the projection depends on it.
    chain:
        With the keys that the ledger was written with.
    """
    findings = _Findings()
    sequels = Sequels()
    events = without = unaudited = pruned = 0
    began = _log_began(connection)
    before, expected = GENESIS, 1
    for row, found, audited in told_events(connection):
        if row.seq != expected:
            findings.add("missing", f"The ledger lacks sequence {expected} to {row.seq - 1}.")
        elif not chain.holds(before, row):
            findings.add("hash", f"Sequence {row.seq} is not what was recorded: its hash does not follow from it.")
        if not found and row.recorded_at <= began:
            pruned += 1
        elif not found:
            unaudited += 1
        elif audited is not None and audited != bytes(row.hash):
            findings.add("audit", f"Sequence {row.seq} is not the event that the audit log tells of.")
        without += row.sealed is None and DIGEST in row.facts
        events, before, expected = events + 1, bytes(row.hash), row.seq + 1
        sequels.take(row)
    head = connection.exec_driver_sql("SELECT value FROM ledger_counter WHERE name = 'consent'").scalar_one()
    if head != expected - 1:
        findings.add("head", f"The ledger says that it reaches sequence {head}; its events reach {expected - 1}.")
    _compare_tables(connection, sequels, findings)
    people, states = _compare_states(connection, sequels, by_default, findings)
    return Proof(events, people, states, without, unaudited, findings.told(), pruned)


def _log_began(connection: Connection) -> int:
    """Return when the first record was written that a pruned audit log keeps; 0 for one that is whole."""
    sql = "SELECT min(at) FROM audit_record WHERE seq = (SELECT max(minimum_index) FROM audit_pruned) + 1"
    return connection.exec_driver_sql(sql).scalar() or 0


def row_bytes(row: Row) -> bytes:
    """Return a row as bytes, to be compared byte by byte."""
    return orjson.dumps(tuple(row))


def _compare_tables(connection: Connection, sequels: Sequels, findings: _Findings) -> None:
    links = connection.execute(text("SELECT linked_seq, one, other, unlinked_seq FROM data_subject_link"))
    if sorted(map(row_bytes, links)) != sorted(map(row_bytes, sequels.links.values())):
        findings.add("links", "The links between people are not those that the events made.")
    cells = connection.execute(text("SELECT cell, asked_again_seq FROM consent_cell"))
    if sorted(map(row_bytes, cells)) != sorted(map(row_bytes, sequels.asked_again.items())):
        findings.add("cells", "The sequences of major notices are not those of the events.")


def _compare_states(
    connection: Connection, sequels: Sequels, by_default: Collection[str], findings: _Findings
) -> tuple[int, int]:
    """Compare the projection with what the events make, stretch by stretch; return people and rows."""
    grouped = groups_of((), sequels.active())
    people = rows = 0
    for numbers in _stretches(connection, grouped):
        made = rebuilt_of(connection, numbers, grouped, by_default)
        everybody = sorted({member for number in numbers for member in _members(grouped, number)})
        sql = f"{_STATES} WHERE number {LISTED[connection.dialect.name]}"
        kept = [StateRow._make(row) for row in fetch(connection, sql, [everybody])]
        kept.sort(key=lambda row: row[:2])
        if list(map(row_bytes, made)) != list(map(row_bytes, kept)):
            wrong = set(made).symmetric_difference(kept)
            for cell in sorted({row.cell for row in wrong}):
                findings.add("states", f"The projection of {cell} is not what the events say.")
        people, rows = people + len({row.number for row in made}), rows + len(made)
    return people, rows


def _stretches(connection: Connection, grouped: dict[int, Group]) -> Iterator[list[int]]:
    """Yield every person number, some at a time: of those who are one person the lowest."""
    tops = "SELECT max(number) FROM consent_event UNION ALL SELECT max(number) FROM consent_state"
    top = max((number or 0 for (number,) in connection.exec_driver_sql(tops)), default=0)
    for start in range(1, top + 1, _PEOPLE):
        some = range(start, min(start + _PEOPLE, top + 1))
        yield [number for number in some if _members(grouped, number)[0] == number]


def _forget(connection: Connection, numbers: list[int]) -> None:
    sql = f"DELETE FROM consent_state WHERE number {LISTED[connection.dialect.name]}"
    listed: Any = numbers if connection.dialect.name == "postgresql" else orjson.dumps(numbers).decode()
    connection.exec_driver_sql(sql, (listed,))


def _members(grouped: dict[int, Group], number: int) -> tuple[int, ...]:
    group = grouped.get(number)
    return (number,) if group is None else group.members


class _Findings:
    """Sentences, of each kind the first few and the number of the rest."""

    def __init__(self) -> None:
        self._kinds: dict[str, dict[str, None]] = {}

    def add(self, kind: str, sentence: str) -> None:
        self._kinds.setdefault(kind, {})[sentence] = None

    def told(self) -> tuple[str, ...]:
        sentences = []
        for found in self._kinds.values():
            sentences += list(found)[:_SHOWN]
            if len(found) > _SHOWN:
                sentences.append(f"And {len(found) - _SHOWN} more of this kind.")
        return tuple(sentences)

"""The ledger's events folded into what follows from them, for any moment: what the projection keeps for now.

Nothing here writes. Reads of the past and the rebuilding of the projection share these functions; they call
the same rule as the writer does (``domain.consent.after``, ``domain.linking.effective``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from sekisho.adapters.records.consent_projection import fetch
from sekisho.adapters.records.consent_rows import EventRow, StateRow, cells_from_text, happening, state_row
from sekisho.domain.consent import Standing, after
from sekisho.domain.linking import Group, Link, effective
from sekisho.domain.terms import LegalBasis, Purpose

Standings = dict[int, dict[str, Standing]]
"""Own standing by person and cell."""

ENDLESS = 2**63 - 1
"""A time after every other, in microseconds."""

COLUMNS = ", ".join(EventRow._fields)
"""The columns of an event, as ``EventRow`` takes them."""

LISTED = {"postgresql": "= ANY(%s::bigint[])", "sqlite": "IN (SELECT value FROM json_each(?))"}
"""How a number is compared with a list of them, given to ``consent_projection.fetch``."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of view, in microseconds: what had been said by ``valid``, of what was recorded by ``known``."""

    valid: int = ENDLESS
    known: int = ENDLESS

    @property
    def both(self) -> int:
        """Until when links and notices count: they are no claims, they hold from their recording on."""
        return min(self.valid, self.known)


NOW = Moment()
"""All that is in the ledger."""


def by_default_purposes(purposes: Mapping[str, Purpose]) -> frozenset[str]:
    """Return the purposes that are active until somebody objects (GDPR 21)."""
    return frozenset(
        name for name, purpose in purposes.items() if purpose.legal_basis is LegalBasis.LEGITIMATE_INTEREST
    )


def is_by_default(cell: str, by_default: Collection[str]) -> bool:
    """Return whether *cell* belongs to one of the purposes *by_default*."""
    return cell.partition("/")[0] in by_default


def folded(rows: Iterable[EventRow], by_default: Collection[str], moment: Moment = NOW) -> Standings:
    """Return where people stand after *rows*, which are in order of sequence, at *moment*.

    A no that counts only from its recording, after *moment*, counts from when it was said, like history: a
    yes that was said after it stands.
    """
    standings: Standings = {}
    for row in rows:
        if row.number is None or row.said_at > moment.valid or row.recorded_at > moment.known:
            continue
        event, confirmed = happening(row)
        if event.counts_at > moment.valid:
            event = event._replace(counts_at=event.said_at, live=False)
        mine = standings.setdefault(row.number, {})
        for cell in cells_from_text(row.cells):
            standing = after(mine.get(cell), event, by_default=is_by_default(cell, by_default), confirmed=confirmed)
            if standing is not None:
                mine[cell] = standing
    return standings


def state_rows(standings: Standings, groups: Iterable[Group], by_default: Collection[str]) -> Iterator[StateRow]:
    """Yield the rows of ``consent_state`` of the members of *groups*, which are complete."""
    for group in groups:
        if len(group.members) == 1:
            number = group.members[0]
            for cell, standing in standings.get(number, {}).items():
                row = state_row(number, cell, standing, None)
                if row is not None:
                    yield row
            continue
        held = {number: standings.get(number, {}) for number in group.members}
        for cell in sorted({cell for mine in held.values() for cell in mine}):
            said = {number: mine[cell] for number, mine in held.items() if cell in mine}
            counts = effective(group, said, by_default=is_by_default(cell, by_default))
            for number in group.members:
                row = state_row(number, cell, said.get(number), counts[number])
                if row is not None:
                    yield row


def events_of(connection: Connection, numbers: Collection[int]) -> list[EventRow]:
    """Return the events of *numbers* in order of sequence."""
    sql = f"SELECT {COLUMNS} FROM consent_event WHERE number {LISTED[connection.dialect.name]} ORDER BY seq"
    return [EventRow._make(row) for row in fetch(connection, sql, [sorted(numbers)])]


def events_after(connection: Connection, seq: int, limit: int) -> list[EventRow]:
    """Return up to *limit* events above *seq*, in order of sequence."""
    marks = ("%s", "%s") if connection.dialect.name == "postgresql" else ("?", "?")
    sql = f"SELECT {COLUMNS} FROM consent_event WHERE seq > {marks[0]} ORDER BY seq LIMIT {marks[1]}"
    return [EventRow._make(row) for row in connection.exec_driver_sql(sql, (seq, limit))]


def links_at(connection: Connection, numbers: Collection[int], at: int) -> list[Link]:
    """Return the links, active at time *at*, of the groups that *numbers* belonged to, in order of sequence."""
    listed = LISTED[connection.dialect.name]
    sql = (
        "SELECT l.linked_seq, l.one, l.other FROM data_subject_link l"
        " JOIN consent_event e ON e.seq = l.linked_seq LEFT JOIN consent_event u ON u.seq = l.unlinked_seq"
        f" WHERE (l.one {listed} OR l.other {listed}) AND e.recorded_at <= {at:d}"
        f" AND (u.seq IS NULL OR u.recorded_at > {at:d})"
    )
    known: set[int] = set()
    found: set[Link] = set()
    new = set(numbers)
    while new:
        known |= new
        wanted = sorted(new)
        links = {Link(*row) for row in fetch(connection, sql, (wanted, wanted))}
        found |= links
        new = {number for link in links for number in link[1:]} - known
    return sorted(found)


def asked_again_at(connection: Connection, at: int = ENDLESS) -> dict[str, int]:
    """Return for each cell the sequence of the last major notice until time *at*."""
    sql = f"SELECT seq, cells FROM consent_event WHERE number IS NULL AND recorded_at <= {at:d} ORDER BY seq"
    return {cell: seq for seq, cells in connection.exec_driver_sql(sql) for cell in cells_from_text(cells)}

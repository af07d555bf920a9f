"""Links between numbers of one person (名寄せ): made and undone by events of the ledger, in its sequence.

What links mean for consent stands in ``domain.linking``.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, text

from sekisho.adapters.records.consent_projection import Projection, active_links
from sekisho.adapters.records.consent_rows import EFFECTS, NOTHING, EventRow, provenance_to_facts
from sekisho.adapters.records.consent_writer import Appending
from sekisho.domain.consent import ConsentEventKind, Provenance
from sekisho.domain.linking import Link, groups_of
from sekisho.domain.terms import SubjectNumber
from sekisho.errors import InvalidRequest

MOST_LINKED = 200
"""Numbers that are one person at most: what they say is worked out for all of them, under the ledger's lock."""

_MADE = text("INSERT INTO data_subject_link (linked_seq, one, other) VALUES (:seq, :one, :other)")
_UNDONE = text("UPDATE data_subject_link SET unlinked_seq = :seq WHERE linked_seq = :linked")
_LINK_ID = text("SELECT id FROM consent_event WHERE seq = :seq")


def link(appending: Appending, one: int, other: int, actor: str, by_default: Collection[str]) -> EventRow:
    """Take two numbers for one person from here on.

    Linking again records another event and changes nothing. Raises ``InvalidRequest`` for one number twice, and
    when the two would be one person with more than :data:`MOST_LINKED` numbers.
    """
    if one == other:
        raise InvalidRequest("A person is linked to another number, not to the same one.")
    projection = _projection(appending, one, other, by_default)
    known = _between(projection.links, one, other)
    everybody = {one, other, *(number for held in projection.links for number in held[1:])}
    if known is None and len(everybody) > MOST_LINKED:
        raise InvalidRequest(f"One person has at most {MOST_LINKED} identifiers that are linked.")
    seq = appending.seq + 1
    changes = projection.relink([*projection.links, Link(seq, one, other)]) if known is None else []
    row = appending.append(
        ConsentEventKind.LINK,
        actor,
        provenance_to_facts(Provenance(), other=other),
        number=one,
        outcome=EFFECTS if changes else NOTHING,
        effects=changes,
    )
    appending.write(projection)
    if known is None:
        appending.connection.execute(_MADE, {"seq": seq, "one": one, "other": other})
    return row


def unlink(appending: Appending, one: int, other: int, actor: str, by_default: Collection[str]) -> EventRow:
    """Undo a link: everybody's own standing counts again. Raises ``InvalidRequest`` without a link."""
    projection = _projection(appending, one, other, by_default)
    known = _between(projection.links, one, other)
    if known is None:
        raise InvalidRequest("These two were not linked, or no longer are.")
    connection = appending.connection
    link_id = connection.execute(_LINK_ID, {"seq": known.seq}).scalar_one()
    changes = projection.relink([held for held in projection.links if held != known])
    row = appending.append(
        ConsentEventKind.UNLINK,
        actor,
        provenance_to_facts(Provenance(undoes=link_id), other=other),
        number=one,
        outcome=EFFECTS if changes else NOTHING,
        effects=changes,
    )
    appending.write(projection)
    connection.execute(_UNDONE, {"seq": row.seq, "linked": known.seq})
    return row


def linked(
    connection: Connection, numbers: Collection[SubjectNumber]
) -> dict[SubjectNumber, tuple[SubjectNumber, ...]]:
    """Return for each of *numbers* all that are one person with it, itself among them, ascending."""
    groups = groups_of(numbers, active_links(connection, numbers))
    return {number: tuple(map(SubjectNumber, groups[number].members)) for number in numbers}


def _projection(appending: Appending, one: int, other: int, by_default: Collection[str]) -> Projection:
    projection = Projection(appending.connection, by_default)
    projection.load((one, other))
    return projection


def _between(links: Collection[Link], one: int, other: int) -> Link | None:
    return next((held for held in links if {held.one, held.other} == {one, other}), None)

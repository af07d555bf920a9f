"""Finding a person in records about very many people, which are not turned round for the index of people.

A row of the index for each of fifty thousand people takes longer to write than the page took to release, and a
hundred times the room of what it says. The references beside such a record are ascending and evenly spread, as keyed
hashes are: where one would stand is known to within a few hundred places. PostgreSQL reads those alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from sekisho.adapters.records.tables import audit_record, audit_subject, audit_subject_ref
from sekisho.domain.record import REF_BYTES

LARGE: Final = 16_384
"""A record about more people is looked into when somebody is searched for."""

EVERYBODY: Final = bytes(REF_BYTES)
"""Under this reference, which is nobody's, the index says which records those are."""


def seqs_of(refs: Sequence[bytes]) -> sa.CompoundSelect[int]:
    """Return what selects the sequences of the records that concern any of *refs*, as far as the index goes.

    What is no reference of a person, as the empty one of somebody unknown, concerns no record.
    """
    refs = [ref for ref in refs if len(ref) == REF_BYTES and ref != EVERYBODY]
    index, large = audit_subject_ref, audit_subject_ref.alias()
    held = sa.or_(*(_Holds(audit_subject.c.refs, ref) for ref in refs)) if refs else sa.false()
    looked_into = (
        sa.select(audit_subject.c.seq)
        .join(large, large.c.seq == audit_subject.c.seq)
        .where(large.c.ref == EVERYBODY, held)
    )
    return sa.union_all(sa.select(index.c.seq).where(index.c.ref.in_(refs)), looked_into)


def people_of_large(statement: sa.Select[Any]) -> sa.Select[Any]:
    """Return *statement*, which reads ``audit_record``, for large records alone; their references come first."""
    record, subject, index = audit_record, audit_subject, audit_subject_ref
    stands = record.join(subject, subject.c.seq == record.c.seq).join(
        index, (index.c.seq == record.c.seq) & (index.c.ref == EVERYBODY)
    )
    return statement.with_only_columns(subject.c.refs, *statement.selected_columns).select_from(stands)


def references_in(refs: bytes) -> list[bytes]:
    """Return references that stand one after another."""
    return [refs[at : at + REF_BYTES] for at in range(0, len(refs), REF_BYTES)]


class _Holds(FunctionElement[bool]):
    """Whether ascending references hold one: the references, the one, and its share of all that there could be."""

    name = "holds"
    type = sa.Boolean()
    inherit_cache = True

    def __init__(self, refs: sa.ColumnElement[bytes], ref: bytes) -> None:
        share = int.from_bytes(ref[:6], "big") / (1 << 48)
        super().__init__(refs, sa.literal(ref, sa.LargeBinary), sa.literal(share, sa.Double))


@compiles(_Holds, "sqlite")
def _look_everywhere(element: _Holds, compiler: Any, **options: Any) -> str:
    refs, ref, _ = (compiler.process(each, **options) for each in element.clauses)
    return f"instr({refs}, {ref}) > 0"


@compiles(_Holds, "postgresql")
def _look_where_it_would_be(element: _Holds, compiler: Any, **options: Any) -> str:
    # Of evenly spread references this window has four standard deviations on each side. Where its ends show that the
    # reference would stand outside, all of them are read: so nobody is missed, however they are spread.
    refs, ref, share = (compiler.process(each, **options) for each in element.clauses)
    count = f"(octet_length({refs}) / {REF_BYTES})"
    around = f"(ceil(2 * sqrt({count}))::int + 8)"
    first = f"greatest(0, floor({count} * {share})::int - {around})"
    after = f"least({count}, {first} + 2 * {around} + 1)"

    def at(place: str) -> str:
        return f"substring({refs} FROM ({place}) * {REF_BYTES} + 1 FOR {REF_BYTES})"

    window = f"substring({refs} FROM {first} * {REF_BYTES} + 1 FOR ({after} - {first}) * {REF_BYTES})"
    inside = f"({first} = 0 OR {at(first)} <= {ref}) AND ({after} = {count} OR {at(f'{after} - 1')} >= {ref})"
    return f"(position({ref} IN CASE WHEN {inside} THEN {window} ELSE {refs} END) > 0)"

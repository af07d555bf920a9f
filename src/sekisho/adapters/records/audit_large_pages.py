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
    refs = _persons(refs)
    large = audit_subject_ref.alias()
    looked_into = (
        sa.select(audit_subject.c.seq)
        .join(large, large.c.seq == audit_subject.c.seq)
        .where(large.c.ref == EVERYBODY, _held(refs))
    )
    return sa.union_all(small_seqs_of(refs), looked_into)


def small_seqs_of(refs: Sequence[bytes]) -> sa.Select[int]:
    """Return what selects those of :func:`seqs_of` that the index itself names."""
    return sa.select(audit_subject_ref.c.seq).where(audit_subject_ref.c.ref.in_(_persons(refs)))


def large_of(statement: sa.Select[Any], refs: Sequence[bytes], after: int) -> sa.Select[Any]:
    """Return *statement*, which reads ``audit_record``, for those of :func:`seqs_of` that are looked into.

    Of records after sequence *after*, in order of sequence: who wants some reads no more of them than it takes.
    """
    large, subject = audit_subject_ref.alias(), audit_subject.c
    # A subquery for each large record: a join might look into all the others as well, one by one.
    held = sa.select(_held(_persons(refs))).where(subject.seq == large.c.seq).scalar_subquery()
    stands = statement.select_from(large.join(audit_record, audit_record.c.seq == large.c.seq))
    return stands.where(large.c.ref == EVERYBODY, large.c.seq > after, held).order_by(large.c.seq)


def _persons(refs: Sequence[bytes]) -> list[bytes]:
    return [ref for ref in refs if len(ref) == REF_BYTES and ref != EVERYBODY]


def _held(refs: Sequence[bytes]) -> sa.ColumnElement[bool]:
    return sa.or_(*(_Holds(audit_subject.c.refs, ref) for ref in refs)) if refs else sa.false()


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
    # The window is cut out once: each cut of what the server keeps in pieces looks for its pieces anew.
    refs, ref, share = (compiler.process(each, **options) for each in element.clauses)
    count = f"(octet_length({refs}) / {REF_BYTES})"
    around = f"(ceil(2 * sqrt({count}))::int + 8)"
    first = f"greatest(0, floor({count} * {share})::int - {around})"
    places = f"SELECT {count} AS held, {first} AS first, 2 * {around} + 1 AS width OFFSET 0"
    cut = f"substring({refs} FROM first * {REF_BYTES} + 1 FOR width * {REF_BYTES})"
    window = f"SELECT {cut} AS near, first, first + width >= held AS ends FROM ({places}) AS places OFFSET 0"
    last = f"substring(near FROM octet_length(near) - {REF_BYTES - 1})"
    inside = f"(first = 0 OR substring(near FOR {REF_BYTES}) <= {ref}) AND (ends OR {last} >= {ref})"
    found = f"position({ref} IN CASE WHEN {inside} THEN near ELSE {refs} END)"
    return f"((SELECT {found} FROM ({window}) AS around) > 0)"

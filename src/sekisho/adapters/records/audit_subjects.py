"""Whom records concern: sets of keyed references, and the index by which a person's records are found.

A record's people stand in one row beside it (``audit_subject``), which costs the same for one person and
for a full page. Searching that by person would read all of it, so ``audit_subject_ref`` turns it round. The
index is derived: it is brought up to date when somebody searches, it is no evidence and never verified, and
:func:`drop_index` lets the next search make it anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.dialects import postgresql, sqlite

from sekisho.adapters.records.audit_large_pages import EVERYBODY, LARGE
from sekisho.adapters.records.tables import audit_subject, audit_subject_ref, ledger_counter
from sekisho.domain.record import REF_BYTES, SubjectSet, UnrecordableError, ascending_subjects, subject_set
from sekisho.transform.order import order_of

INDEX_COUNTER = "audit_subject_ref"
"""Row of ``ledger_counter`` that says how far the index goes."""

_OFFSET_BITS = 17  # a position is a sequence and, below it, how many of its up to 65,536 people are done
_STEP = 4_096  # references in one transaction: on SQLite the writer of records waits meanwhile
_FEW = 64  # below this many references numpy costs more than it saves


def people_of(refs: object) -> SubjectSet:
    """Return ``domain.record.subject_set`` of *refs*, without a loop over many references given as bytes.

    Raises
    ------
    UnrecordableError
        When they are not keyed references.
    """
    if not isinstance(refs, bytes) or len(refs) < _FEW * REF_BYTES:
        return subject_set(refs)
    if len(refs) % REF_BYTES:
        raise UnrecordableError("subjects in bytes must be keyed references of 16 bytes each")
    return ascending_subjects(_ascending(refs))


def _ascending(refs: bytes) -> bytes:
    """Return *refs* sorted, each once."""
    pairs = np.frombuffer(refs, dtype=">u8").reshape(-1, 2)
    high = pairs[:, 0].astype(np.uint64)
    order = order_of(high)
    ordered = high[order]
    if (ordered[1:] == ordered[:-1]).any():  # equal in half of their bytes: repeated, or one chance in 2^64
        return np.unique(pairs.astype(np.uint64), axis=0).astype(">u8").tobytes()
    return _references(refs)[order].tobytes()


def _references(refs: bytes) -> NDArray[np.void]:
    return np.frombuffer(refs, dtype=f"V{REF_BYTES}")


def extend_index(connection: sa.Connection) -> bool:
    """Index the next people by reference, in a write transaction; return whether more may be left.

    Whoever else does the same waits for the counter's row and goes on from there. Sequences are committed
    in their order, so nothing can appear later below the position reached.
    """
    counter = ledger_counter.c
    position = connection.execute(
        sa.select(counter.value).where(counter.name == INDEX_COUNTER).with_for_update()
    ).scalar_one_or_none()
    if position is None:
        _begin(connection)
        return True
    seq, done = position >> _OFFSET_BITS, position & ((1 << _OFFSET_BITS) - 1)
    rows: list[tuple[bytes, int]] = []
    table = audit_subject.c
    size = sa.func.length(table.refs)
    small = sa.case((size <= LARGE * REF_BYTES, table.refs))  # what is large stays where it is
    found = connection.execute(
        sa.select(table.seq, size, small).where(table.seq >= seq).order_by(table.seq).limit(_STEP)
        .execution_options(yield_per=100)
    )  # fmt: skip
    reached = position
    for row_seq, length, blob in found:
        start = done if row_seq == seq else 0
        if blob is None:
            if start < length // REF_BYTES:
                rows.append((EVERYBODY, row_seq))
                reached = row_seq << _OFFSET_BITS | length // REF_BYTES
            continue
        refs = _references(bytes(blob))[start : start + _STEP - len(rows)]
        rows += [(ref, row_seq) for ref in refs.tolist()]
        reached = row_seq << _OFFSET_BITS | start + len(refs)
        if len(rows) >= _STEP:
            break
    found.close()
    if reached == position:
        return False
    _insert(connection, sorted(rows))  # in the order of the index: neighbours share a page
    connection.execute(sa.update(ledger_counter).where(counter.name == INDEX_COUNTER).values(value=reached))
    return True


def drop_index(connection: sa.Connection) -> None:
    """Forget the index, in a write transaction: the next search by person makes it anew."""
    connection.execute(
        sa.select(ledger_counter.c.value).where(ledger_counter.c.name == INDEX_COUNTER).with_for_update()
    )
    connection.execute(sa.delete(audit_subject_ref))
    connection.execute(sa.update(ledger_counter).where(ledger_counter.c.name == INDEX_COUNTER).values(value=0))


def _begin(connection: sa.Connection) -> None:
    row = {"name": INDEX_COUNTER, "value": 0}
    connection.execute(_dialect(connection).insert(ledger_counter).values(row).on_conflict_do_nothing())


def _insert(connection: sa.Connection, rows: Sequence[tuple[bytes, int]]) -> None:
    # The position moves in the same transaction; rows can be there already only if somebody put them there.
    insert = _dialect(connection).insert(audit_subject_ref).on_conflict_do_nothing()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(str(insert.compile(dialect=connection.dialect)), list(rows))
        return
    refs, seqs = zip(*rows, strict=True)
    columns = sa.select(
        sa.func.unnest(sa.cast(list(refs), postgresql.ARRAY(sa.LargeBinary))),
        sa.func.unnest(sa.cast(list(seqs), postgresql.ARRAY(sa.BigInteger))),
    )
    connection.execute(insert.from_select(["ref", "seq"], columns))


def _dialect(connection: sa.Connection) -> Any:
    return sqlite if connection.dialect.name == "sqlite" else postgresql

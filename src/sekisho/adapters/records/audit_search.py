"""Reading the audit log back: by its indexed columns, by id, by person, and whole for a proof.

What is returned is always read from the record's own bytes; the columns beside it only find it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, cast

import orjson
import sqlalchemy as sa

from sekisho.adapters.records.audit_large_pages import large_of, seqs_of, small_seqs_of
from sekisho.adapters.records.consent_projection import driver
from sekisho.adapters.records.tables import audit_head, audit_pruned, audit_record
from sekisho.domain.pruning import PRUNE_KIND, Anchor, parse_anchor
from sekisho.domain.record import StoredRecord, micros
from sekisho.ports import AuditQuery

MAX_FOUND = 1_000
"""Most records that one search returns; go on with ``after_seq``."""

_CHUNK = 1_000  # rows at a time: of more the objects no longer fit the processor's caches
_CHUNK_BYTES = 16 << 20
_BEFORE = -(2**62)  # below every sequence, those included that an intruder may have put there
_FEW = 200
_RECORDS_AFTER = (
    f"SELECT {', '.join(StoredRecord._fields)} FROM audit_record WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class Span:
    """A contiguous range of sequences, both ends included, and the newest sequence of the log."""

    first: int
    last: int
    newest: int


def search_records(connection: sa.Connection, query: AuditQuery) -> list[dict[str, object]]:
    """Return the records that match, in order of sequence, at most :data:`MAX_FOUND`.

    By person they are found through the index, as far as it goes: see ``audit_subjects.extend_index``.
    """
    limit = max(1, min(query.limit, MAX_FOUND))
    table = audit_record.c
    if query.data_subject is None:
        rows = connection.execute(sa.select(table.record).where(*matching(query)).order_by(table.seq).limit(limit))
        return [_read(record) for (record,) in rows]
    # Two searches, each of which ends with its limit: what is looked into is not looked into to the end of the log.
    refs = _references(query.data_subject)
    about = sa.select(table.seq, table.record).where(*_conditions(query))
    named = about.where(table.seq.in_(small_seqs_of(refs))).order_by(table.seq).limit(limit)
    looked_into = large_of(about, refs, query.after_seq).limit(limit)
    found = {row.seq: row.record for part in (named, looked_into) for row in connection.execute(part)}
    return [_read(found[seq]) for seq in sorted(found)[:limit]]


def _references(data_subject: str) -> list[bytes]:
    try:
        return [bytes.fromhex(data_subject)]
    except ValueError:
        return []  # nobody has such a reference


def matching(query: AuditQuery) -> list[sa.ColumnElement[bool]]:
    """Return the conditions on a record that *query* makes, its ``limit`` aside."""
    conditions = _conditions(query)
    if query.data_subject is not None:
        conditions.append(audit_record.c.seq.in_(seqs_of(_references(query.data_subject))))
    return conditions


def _conditions(query: AuditQuery) -> list[sa.ColumnElement[bool]]:
    """Return :func:`matching`, whom the record concerns aside."""
    table = audit_record.c
    conditions = [table.seq > query.after_seq]
    if query.since is not None:
        conditions.append(table.at >= micros(query.since))
    if query.until is not None:
        conditions.append(table.at < micros(query.until))
    for column, value in (
        (table.requester, query.requester),
        (table.purpose, query.purpose),
        (table.decision, query.decision),
    ):
        if value is not None:
            conditions.append(column == value)
    if query.kind is not None:
        # Written out, not a parameter: only so does the index of the rare kind serve the search.
        kind = sa.bindparam("kind", query.kind, sa.String, literal_execute=True)
        conditions.append(table.kind == kind)
    return conditions


def find_record(connection: sa.Connection, record_id: str) -> dict[str, object] | None:
    """Return the record with this id, or ``None``."""
    record = connection.execute(
        sa.select(audit_record.c.record).where(audit_record.c.id == record_id)
    ).scalar_one_or_none()
    return None if record is None else _read(record)


def _read(record: bytes) -> dict[str, object]:
    return cast("dict[str, object]", orjson.loads(bytes(record)))


def span(connection: sa.Connection, since: int | None, until: int | None) -> Span | None:
    """Return the smallest contiguous range that holds every record of a time range, or ``None``.

    *since* (inclusive) and *until* (exclusive) are microseconds since 1970-01-01 UTC. Writers' clocks
    differ, so a range may hold some records from just outside: a proof needs the range without holes.
    """
    table = audit_record.c
    newest = newest_seq(connection)
    statement = sa.select(sa.func.min(table.seq), sa.func.max(table.seq))
    if since is not None:
        statement = statement.where(table.at >= since)
    if until is not None:
        statement = statement.where(table.at < until)
    first, last = connection.execute(statement).one()
    return None if first is None else Span(first, last, newest)


def newest_seq(connection: sa.Connection) -> int:
    """Return the newest sequence of the log, 0 when it is empty."""
    return connection.execute(sa.select(sa.func.max(audit_record.c.seq))).scalar() or 0


def stored_anchor(connection: sa.Connection) -> bytes | None:
    """Return what stands in the place of pruned records, as it is stored, or ``None``."""
    table = audit_pruned.c
    found = connection.execute(
        sa.select(table.anchor).order_by(table.minimum_index.desc()).limit(1)
    ).scalar_one_or_none()
    return None if found is None else bytes(found)


def kept_anchor(connection: sa.Connection) -> Anchor | None:
    """Return what stands in the place of pruned records. Raises ``AnchorError`` when it was changed."""
    data = stored_anchor(connection)
    return None if data is None else parse_anchor(data)


def pruning_record(anchor: Anchor, connection: sa.Connection) -> bytes | None:
    """Return the record that says that what *anchor* stands for was pruned, or ``None``."""
    table = audit_record.c
    statement = sa.select(table.record).where(*matching(AuditQuery(kind=PRUNE_KIND))).order_by(table.seq)
    found = map(bytes, connection.execute(statement).scalars())
    return next((record for record in found if anchor.stated_by(_read(record))), None)


def stored_records(connection: sa.Connection) -> Iterator[StoredRecord]:
    """Yield every stored row of the log for ``audit_verify.verify_rows``, in order of sequence."""
    after = _BEFORE
    while rows := records_after(connection, after):
        yield from rows
        after = rows[-1].seq


def records_after(
    connection: sa.Connection, after: int, upto: int = 2**62, limit: int = _CHUNK
) -> list[StoredRecord]:
    """Return at most *limit* stored rows of the log behind sequence *after*, up to *upto*, in their order."""
    return list(map(StoredRecord._make, _rows(connection, _RECORDS_AFTER, after, upto, limit)))


def stored_subjects(connection: sa.Connection) -> Iterator[tuple[int, bytes]]:
    """Yield (sequence, references one after another) of every record that names people, in order of sequence."""
    after = _BEFORE
    while sizes := _rows(
        connection, f"SELECT seq, length(refs) FROM audit_subject WHERE seq > ? ORDER BY seq LIMIT {_CHUNK}", after
    ):
        # A row may have a mebibyte, and mostly has a few bytes: so many as memory is meant for.
        totals = accumulate(size for _, size in sizes)
        upto = next(
            (seq for (seq, _), total in zip(sizes, totals, strict=True) if total > _CHUNK_BYTES), sizes[-1][0]
        )
        yield from _rows(
            connection, "SELECT seq, refs FROM audit_subject WHERE seq > ? AND seq <= ? ORDER BY seq", after, upto
        )
        after = upto


def _rows(connection: sa.Connection, sql: str, *numbers: int) -> list[Any]:
    """Return the rows of *sql* as plain tuples; binary from PostgreSQL, where text is twice as long."""
    if connection.dialect.name != "postgresql":
        return list(map(tuple, connection.exec_driver_sql(sql, numbers)))
    with driver(connection).cursor(binary=True) as cursor:
        found: list[Any] = cursor.execute(sql.replace("?", "%s"), numbers).fetchall()
        return found


def stored_heads(connection: sa.Connection) -> Iterator[str]:
    """Yield the signed heads that the database holds, in order of writer and size."""
    table = audit_head.c
    for (note,) in connection.execute(sa.select(table.note).order_by(table.writer, table.wseq)):
        yield note


def newest_heads(connection: sa.Connection, upto: dict[str, int]) -> list[str]:
    """Return, for each writer, its newest head of at most *upto[writer]* records."""
    table = audit_head.c
    heads = []
    for writer, size in sorted(upto.items()):
        note = connection.execute(
            sa.select(table.note)
            .where(table.writer == writer, table.wseq < size)
            .order_by(table.wseq.desc())
            .limit(1)
        ).scalar_one_or_none()
        if note is not None:
            heads.append(note)
    return heads


def present_writers(connection: sa.Connection, writers: Iterable[str]) -> set[str]:
    """Return which of *writers* have a record."""
    table, names = audit_record.c, sorted(writers)
    found: set[str] = set()
    for at in range(0, len(names), _FEW):
        among = table.writer.in_(names[at : at + _FEW])
        found.update(connection.execute(sa.select(table.writer).where(among).distinct()).scalars())
    return found

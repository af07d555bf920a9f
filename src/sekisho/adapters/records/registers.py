"""The registers' reading of the audit log: provisions to third parties, and what was released at all.

Nothing is kept besides the records: an index over them (``ix_audit_record_provision``) holds the few that are
releases to third parties, and the database keeps it as it keeps every index.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, TypeVar, cast

import orjson
import sqlalchemy as sa

from sekisho.adapters.records.audit_large_pages import EVERYBODY, people_of_large, references_in, seqs_of
from sekisho.adapters.records.audit_subjects import extend_index
from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.adapters.records.tables import audit_record, audit_subject, audit_subject_ref
from sekisho.domain.provisions import is_provision
from sekisho.domain.record import REF_BYTES, micros
from sekisho.errors import AuditUnavailable
from sekisho.ports.registers import Activity, Found, ProvisionQuery

T = TypeVar("T")

_MOST: Final = 1_000  # records of one answer
_LARGE_AT_ONCE: Final = 20  # records with their people; a mebibyte each
_CHUNK: Final = 500  # values of one statement
_INDEX_PAUSE_S: Final = 0.002
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MARK = b'"recipient":"third_party"'.hex()  # as the canonical form spells it; inside a string it would be escaped

# Spelled as the index is, or it would not serve the search.
_PROVISION: Mapping[str, str] = {
    "sqlite": f"kind = 'access.release' AND instr(record, x'{_MARK}') > 0",
    "postgresql": f"kind = 'access.release' AND position('\\x{_MARK}'::bytea in record) > 0",
}
# Spelled otherwise, so that a search by person begins with the person.
_OF_PERSON: Mapping[str, str] = {
    "sqlite": f"kind = 'access.release' AND 0 < instr(record, x'{_MARK}')",
    "postgresql": f"kind = 'access.release' AND 0 < position('\\x{_MARK}'::bytea in record)",
}
_JSON: Mapping[str, str] = {
    "sqlite": "json_extract(CAST(record AS TEXT), '$.{}')",
    "postgresql": "(convert_from(record, 'UTF8')::jsonb #>> '{{{}}}')",
}
_RELEASED = """
SELECT requester, purpose, recipient, datasets, SUM(CASE WHEN parent IS NULL THEN 1 ELSE 0 END) AS releases,
  COUNT(*) AS pages, SUM(shown) AS shown, MIN(at) AS first_at, MAX(at) AS last_at
FROM (
  SELECT requester, purpose, at, {recipient} AS recipient, {datasets} AS datasets, {parent} AS parent,
    CAST({rows} AS BIGINT) AS shown
  FROM audit_record WHERE kind = 'access.release' AND seq NOT IN ({void})
) AS released
GROUP BY requester, purpose, recipient, datasets ORDER BY requester, purpose, datasets
"""
_REACHED = """
SELECT r.requester, r.purpose, COUNT(DISTINCT s.ref)
FROM audit_record AS r JOIN audit_subject_ref AS s ON s.seq = r.seq
WHERE r.kind = 'access.release' AND s.ref <> :everybody AND r.seq NOT IN ({void}) GROUP BY r.requester, r.purpose
"""


class SqlRegisters:
    """Implements ``ports.registers.Registers`` over the audit log in *database*."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def provisions(self, query: ProvisionQuery) -> Found:
        """See the port. By person the index of people is brought up to date first."""
        if query.references is not None:
            await self._index_people()
        return await self._read(partial(_provisions, query=query))

    async def people(self, seq: int) -> bytes:
        """See the port."""

        def find(connection: sa.Connection) -> bytes:
            refs = connection.execute(sa.select(audit_subject.c.refs).where(audit_subject.c.seq == seq))
            return bytes(refs.scalar_one_or_none() or b"")

        return await self._read(find)

    async def last_provisions(self, pairs: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], datetime]:
        """See the port."""

        def find(connection: sa.Connection) -> dict[tuple[str, str], datetime]:
            statement = sa.text(
                "SELECT at FROM audit_record WHERE requester = :requester AND purpose = :purpose"
                f" AND {_PROVISION[connection.dialect.name]} ORDER BY seq DESC LIMIT 1"
            )
            found = {}
            for requester, purpose in pairs:
                at = connection.execute(statement, {"requester": requester, "purpose": purpose}).scalar_one_or_none()
                if at is not None:
                    found[requester, purpose] = _instant(at)
            return found

        return await self._read(find)

    async def activities(self) -> list[Activity]:
        """See the port."""
        return await self._read(_activities)

    async def people_reached(self, most: int) -> Mapping[tuple[str, str], int] | None:
        """See the port."""
        if await self._read(_references) > most:
            return None
        await self._index_people()
        return await self._read(_reached)

    async def _index_people(self) -> None:
        try:
            behind = True
            while behind:
                behind = await self._database.run(extend_index)
                await asyncio.sleep(_INDEX_PAUSE_S)  # the writer of records gets the database meanwhile
        except DatabaseFailed:
            raise AuditUnavailable("the audit log cannot be read now") from None

    async def _read(self, work: Callable[[sa.Connection], T]) -> T:
        try:
            return await self._database.read(work)
        except DatabaseFailed:
            raise AuditUnavailable("the audit log cannot be read now") from None


def _provisions(connection: sa.Connection, query: ProvisionQuery) -> Found:
    table, dialect = audit_record.c, connection.dialect.name
    statement = sa.select(table.seq, table.record).where(table.seq > query.after_seq)
    if query.references is None:
        statement = statement.where(sa.text(_PROVISION[dialect]))
    else:
        refs = [bytes.fromhex(reference) for reference in query.references]
        statement = statement.where(table.seq.in_(seqs_of(refs)), sa.text(_OF_PERSON[dialect]))
    if query.since is not None:
        statement = statement.where(table.at >= micros(query.since))
    if query.until is not None:
        statement = statement.where(table.at < micros(query.until))
    for column, value in ((table.requester, query.requester), (table.purpose, query.purpose)):
        if value is not None:
            statement = statement.where(column == value)
    limit = max(1, min(query.limit, _MOST))
    rows = connection.execute(statement.order_by(table.seq).limit(limit + 1)).all()
    shown = rows[:limit]
    void = voided(connection, shown[0].seq) if shown else set()
    read = [cast("dict[str, object]", orjson.loads(bytes(record))) for seq, record in shown if seq not in void]
    records = [record for record in read if is_provision(record)]
    return Found(records, shown[-1].seq if len(rows) > limit else None)


def voided(connection: sa.Connection, since: int) -> set[int]:
    """Return the sequences of records after *since* that never left; a void comes after what it voids."""
    statement = sa.text("SELECT record FROM audit_record WHERE kind = 'access.void' AND seq > :since ORDER BY seq")
    seqs: set[int] = set()
    ids: set[str] = set()
    for (raw,) in connection.execute(statement, {"since": since}):
        void = orjson.loads(bytes(raw))
        pages = void.get("pages")
        if isinstance(pages, list):
            seqs.update(seq for seq in pages if isinstance(seq, int))
        else:
            ids.add(str(void.get("parent_id")))
    for chunk in _chunks(sorted(ids)):
        seqs.update(connection.scalars(sa.select(audit_record.c.seq).where(audit_record.c.id.in_(chunk))))
    return seqs


def _activities(connection: sa.Connection) -> list[Activity]:
    field = _JSON[connection.dialect.name]
    sql = _RELEASED.format(
        recipient=field.format("recipient"),
        datasets=field.format("datasets"),
        parent=field.format("parent_id"),
        rows=field.format("rows"),
        void=_listed(voided(connection, 0)),
    )
    found = connection.execute(sa.text(sql))
    return [
        Activity(
            str(row.requester),
            str(row.purpose),
            row.recipient,
            tuple(orjson.loads(row.datasets)) if row.datasets else (),
            int(row.releases),
            int(row.pages),
            int(row.shown or 0),
            _instant(row.first_at),
            _instant(row.last_at),
        )
        for row in found
    ]


def _references(connection: sa.Connection) -> int:
    """Return how many references of people stand beside the records."""
    size = connection.execute(sa.text("SELECT SUM(length(refs)) FROM audit_subject")).scalar_one_or_none()
    return int(size or 0) // REF_BYTES


def _reached(connection: sa.Connection) -> dict[tuple[str, str], int]:
    void = voided(connection, 0)
    rows = connection.execute(sa.text(_REACHED.format(void=_listed(void))), {"everybody": EVERYBODY})
    reached = {(str(requester), str(purpose)): int(people) for requester, purpose, people in rows}
    table, more = audit_record.c, dict[tuple[str, str], set[bytes]]()
    large = people_of_large(
        sa.select(table.seq, table.requester, table.purpose).where(table.kind == "access.release")
    )
    for refs, seq, requester, purpose in connection.execute(large.execution_options(yield_per=_LARGE_AT_ONCE)):
        if seq not in void:
            more.setdefault((str(requester), str(purpose)), set()).update(references_in(bytes(refs)))
    index = audit_subject_ref.c
    for (requester, purpose), people in more.items():
        known = (
            sa.select(index.ref)
            .join(audit_record, table.seq == index.seq)
            .where(
                table.requester == requester,
                table.purpose == purpose,
                table.kind == "access.release",
                index.ref != EVERYBODY,
                sa.text(f"audit_record.seq NOT IN ({_listed(void)})"),
            )
        )
        people.update(bytes(ref) for ref in connection.scalars(known))
        reached[requester, purpose] = len(people)
    return reached


def _listed(seqs: Iterable[int]) -> str:
    """Return whole numbers as they stand in a statement; there may be more than it takes parameters."""
    return ",".join(str(int(seq)) for seq in sorted(seqs)) or "-1"


def _chunks(ids: list[str]) -> Iterable[list[str]]:
    return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))


def _instant(at: int) -> datetime:
    return _EPOCH + timedelta(microseconds=int(at))

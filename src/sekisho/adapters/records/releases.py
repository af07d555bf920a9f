"""The releases that people's data were in, found in the audit log for many people at once."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime

import orjson
import sqlalchemy as sa

from sekisho.adapters.records.audit_large_pages import people_of_large, references_in
from sekisho.adapters.records.audit_subjects import extend_index
from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.adapters.records.tables import audit_record, audit_subject_ref
from sekisho.domain.record import micros
from sekisho.domain.releases import RELEASE_KIND, ReleaseRecord
from sekisho.errors import AuditUnavailable

_CHUNK = 500  # people in one statement
_LARGE_AT_ONCE = 20  # records with their people; a mebibyte each
_INDEX_PAUSE_S = 0.002  # between steps of the index, in which the writer of records gets the database


class SqlReleaseIndex:
    """Implements ``ports.feeds.ReleaseIndex`` over the audit log in *database*."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def releases_of(
        self, references: Collection[str], *, since: datetime, requester: str | None = None
    ) -> dict[str, list[ReleaseRecord]]:
        """Return the released pages since *since* by keyed reference of the person, one read for all.

        The index by person is brought up to date first, so that what is durable is found.
        """
        refs = sorted({bytes.fromhex(reference) for reference in references})
        record, subject = audit_record.c, audit_subject_ref.c
        released = sa.select(record.seq, record.record).where(record.kind == RELEASE_KIND, record.at >= micros(since))
        if requester is not None:
            released = released.where(record.requester == requester)
        statement = (
            released.with_only_columns(subject.ref, record.seq, record.record)
            .select_from(audit_record.join(audit_subject_ref, record.seq == subject.seq))
            .where(subject.ref.in_(sa.bindparam("refs", expanding=True)))
        )
        large = people_of_large(released).execution_options(yield_per=_LARGE_AT_ONCE)

        def find(connection: sa.Connection) -> dict[str, list[ReleaseRecord]]:
            rows = [
                (seq, bytes(ref), raw)
                for start in range(0, len(refs), _CHUNK)
                for ref, seq, raw in connection.execute(statement, {"refs": refs[start : start + _CHUNK]})
            ]
            for people, seq, raw in connection.execute(large):
                held = frozenset(references_in(bytes(people)))
                rows += [(seq, ref, raw) for ref in refs if ref in held]
            found: dict[str, list[ReleaseRecord]] = {}
            for _, ref, raw in sorted(rows, key=lambda row: row[0]):
                read = ReleaseRecord.read(orjson.loads(bytes(raw)))
                if read is not None:
                    found.setdefault(ref.hex(), []).append(read)
            return found

        try:
            behind = True
            while behind:
                behind = await self._database.run(extend_index)
                await asyncio.sleep(_INDEX_PAUSE_S)
            return await self._database.read(find)
        except DatabaseFailed:
            raise AuditUnavailable("the audit log cannot be read now") from None

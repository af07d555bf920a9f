"""The releases that people's data were in, found in the audit log for many people at once."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime

import orjson
import sqlalchemy as sa

from sekisho.adapters.records.audit_subjects import extend_index
from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.adapters.records.tables import audit_record, audit_subject_ref
from sekisho.domain.record import micros
from sekisho.domain.releases import RELEASE_KIND, ReleaseRecord
from sekisho.errors import AuditUnavailable

_CHUNK = 500  # people in one statement
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
        statement = (
            sa.select(subject.ref, record.record)
            .join(audit_record, record.seq == subject.seq)
            .where(
                subject.ref.in_(sa.bindparam("refs", expanding=True)),
                record.kind == RELEASE_KIND,
                record.at >= micros(since),
            )
            .order_by(record.seq)
        )
        if requester is not None:
            statement = statement.where(record.requester == requester)

        def find(connection: sa.Connection) -> dict[str, list[ReleaseRecord]]:
            found: dict[str, list[ReleaseRecord]] = {}
            for start in range(0, len(refs), _CHUNK):
                for ref, raw in connection.execute(statement, {"refs": refs[start : start + _CHUNK]}):
                    read = ReleaseRecord.read(orjson.loads(bytes(raw)))
                    if read is not None:
                        found.setdefault(bytes(ref).hex(), []).append(read)
            return found

        try:
            behind = True
            while behind:
                behind = await self._database.run(extend_index)
                await asyncio.sleep(_INDEX_PAUSE_S)
            return await self._database.read(find)
        except DatabaseFailed:
            raise AuditUnavailable("the audit log cannot be read now") from None

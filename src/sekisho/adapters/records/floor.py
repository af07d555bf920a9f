"""What the database says of the past before anything is opened: a restored past undoes no refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import sqlalchemy as sa

from sekisho.adapters.records.tables import audit_record, data_subject

_CHUNK = 1_000  # records read at a time, newest first


def highest_consent_seq(connection: sa.Connection) -> int:
    """Return the highest consent sequence that the audit log names, 0 when it names none.

    While the ledger is below it, consent events are missing and everything is denied. Consent sequences only
    grow, so the newest records that name one decide; heartbeats and refusals before them are passed over.
    """
    before = None
    while True:
        newest = sa.select(audit_record.c.seq, audit_record.c.record).order_by(audit_record.c.seq.desc())
        if before is not None:
            newest = newest.where(audit_record.c.seq < before)
        rows = connection.execute(newest.limit(_CHUNK)).all()
        highest = max((consent_seq_of(orjson.loads(raw)) for _, raw in rows), default=0)
        if highest or len(rows) < _CHUNK:
            return highest
        before = rows[-1][0]


def consent_seq_of(record: Mapping[str, Any]) -> int:
    """Return the highest consent sequence that an audit record names, 0 when it names none."""
    consent = record.get("consent")
    named = (record.get("consent_seq"), consent.get("seq") if isinstance(consent, dict) else None)
    return max((value for value in named if isinstance(value, int)), default=0)


def holds_records(url: str) -> bool:
    """Return whether the database at *url* holds anything that keys were used for."""
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            tables = (audit_record.c.seq, data_subject.c.number)
            return any(connection.execute(sa.select(column).limit(1)).first() is not None for column in tables)
    finally:
        engine.dispose()

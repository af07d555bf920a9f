"""What the database says of the past before anything is opened: a restored past undoes no refusal."""

from __future__ import annotations

import orjson
import sqlalchemy as sa

from sekisho.adapters.records.tables import audit_record, data_subject

_NEWEST = 1_000  # consent sequences only grow, so the newest records name the highest


def highest_consent_seq(connection: sa.Connection) -> int:
    """Return the highest consent sequence that the newest audit records name, 0 when they name none.

    While the ledger is below it, consent events are missing and everything is denied.
    """
    newest = sa.select(audit_record.c.record).order_by(audit_record.c.seq.desc()).limit(_NEWEST)
    highest = 0
    for (raw,) in connection.execute(newest):
        record = orjson.loads(raw)
        consent = record.get("consent")
        for value in (record.get("consent_seq"), consent.get("seq") if isinstance(consent, dict) else None):
            if isinstance(value, int):
                highest = max(highest, value)
    return highest


def holds_records(url: str) -> bool:
    """Return whether the database at *url* holds anything that keys were used for."""
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            tables = (audit_record.c.seq, data_subject.c.number)
            return any(connection.execute(sa.select(column).limit(1)).first() is not None for column in tables)
    finally:
        engine.dispose()

"""What is known of the past before anything is opened: a restored past undoes no refusal.

The audit log names consent sequences, which tells when the ledger alone was restored. A backup of the whole
database takes the log back as well, and the two agree; so the highest sequence also stands in a file beside the
saved heads.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

from sekisho.adapters.records.tables import audit_record, data_subject
from sekisho.durable import write_whole
from sekisho.errors import ConsentUnavailable

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


class SavedFloor:
    """The highest consent sequence that was ever seen here, in the file ``consent.seq`` outside the database.

    It only grows. Whoever means to begin anew with an empty database removes it with the saved heads.

    Parameters
    ----------
    folder:
        The folder of the saved heads of the audit log.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "consent.seq"

    def read(self) -> int:
        """Return the sequence, 0 when none was saved. Raises ``ConsentUnavailable`` when the file cannot be read."""
        try:
            return int(self._path.read_text("ascii"))
        except FileNotFoundError:
            return 0
        except (OSError, ValueError):
            raise ConsentUnavailable(
                "The file consent.seq beside the saved heads cannot be read; it says how far the ledger must reach."
                " Restore it, or remove it and run sekisho consent verify."
            ) from None

    def save(self, seq: int) -> None:
        """Save *seq* unless a higher one stands there. A disk that takes nothing is not an error: see ``read``."""
        if seq <= self.read():
            return
        with contextlib.suppress(OSError):
            write_whole(self._path, f"{seq}\n".encode("ascii"))


def holds_records(url: str) -> bool:
    """Return whether the database at *url* holds anything that keys were used for."""
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            tables = (audit_record.c.seq, data_subject.c.number)
            return any(connection.execute(sa.select(column).limit(1)).first() is not None for column in tables)
    finally:
        engine.dispose()

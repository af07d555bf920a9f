"""What an export of the audit log is: its form, what it covers, what its files are called.

Every form holds one event for each record. ``raw`` is the records with what proves them, and needs a range without
holes; the others are for programs and people, and take filters. All are sealed alike: a manifest with the SHA-256 of
each file, and the log's signature over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sekisho.domain.note import RECORDS_FILE
from sekisho.domain.record import timestamp


class ExportFormat(StrEnum):
    """The forms of an export."""

    RAW = "raw"
    NDJSON = "ndjson"
    OCSF = "ocsf"
    PARQUET = "parquet"
    CSV = "csv"
    CEF = "cef"


EVENTS_FILES: Mapping[ExportFormat, str] = {
    ExportFormat.RAW: RECORDS_FILE,
    ExportFormat.NDJSON: "audit.ndjson",
    ExportFormat.OCSF: "audit.ocsf.ndjson",
    ExportFormat.PARQUET: "audit.parquet",
    ExportFormat.CSV: "audit.csv",
    ExportFormat.CEF: "audit.cef",
}
"""What the file with the events is called, in each form."""

CHECKPOINT_FILE = "checkpoint"
"""A signed checkpoint of the log's tree that covers the export, where there is one."""

WITNESSED_FILE = "witnessed"
"""The newest checkpoint that enough witnesses signed, where it is not the one above."""

PROOFS_FILE = "proofs"
"""The proof that each record of the export is in the tree of the checkpoint (``domain.range_proof``)."""

MEDIA_TYPES: Mapping[str, str] = {
    ".ndjson": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
    ".csv": "text/csv; charset=utf-8; header=present",
    ".json": "application/json",
}
"""Media types by the end of a file's name; everything else is ``text/plain``."""


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Every(StrEnum):
    """How often a scheduled export is made; hours and days are those of UTC."""

    HOUR = "hour"
    DAY = "day"

    @property
    def length(self) -> timedelta:
        """How long a period is."""
        return timedelta(hours=1) if self is Every.HOUR else timedelta(days=1)

    def begin(self, instant: datetime) -> datetime:
        """Return when the period of *instant* began."""
        return instant - (instant - _EPOCH) % self.length


@dataclass(frozen=True, slots=True)
class ExportFilters:
    """Which records of a range: those of which everything named here is true.

    ``data_subject`` is the keyed reference of a person; it is told nobody.
    """

    requester: str | None = None
    purpose: str | None = None
    decision: str | None = None
    kind: str | None = None
    data_subject: str | None = field(default=None, repr=False)

    @property
    def named(self) -> tuple[str, ...]:
        """The names of the filters that are set, which is all that a record says of them."""
        return tuple(name for name in sorted(self.__slots__) if getattr(self, name) is not None)

    def told(self) -> dict[str, object]:
        """Return what a manifest says of them: of a person only that there is one."""
        return {name: True if name == "data_subject" else getattr(self, name) for name in self.named}


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """What is to be exported: *since* (inclusive) until *until* (exclusive), in UTC."""

    form: ExportFormat
    since: datetime | None = None
    until: datetime | None = None
    filters: ExportFilters = field(default_factory=ExportFilters)

    def recorded(self) -> dict[str, object]:
        """Return the fields of the record that says it was begun."""
        return {
            "format": self.form.value,
            "since": None if self.since is None else timestamp(self.since),
            "until": None if self.until is None else timestamp(self.until),
            **({"filtered_by": list(self.filters.named)} if self.filters.named else {}),
        }

"""The log that proves itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sekisho.domain.checkpoint import RecordProof


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What is to be recorded: pseudonyms and codes, counts and hashes; never a value, never SQL text.

    ``kind`` is one of the audit kinds (``access.release``, ``access.deny``, ``consent.withdraw`` …).
    ``id`` is chosen by the caller when it must be known before (a release), else the log chooses.
    ``fields`` are JSON values: strings, integers, booleans, lists and objects of them; no floats.
    ``fields["subjects"]`` names the people concerned by keyed references (``subject_ref``): a list of them,
    or their bytes one after another.
    """

    kind: str
    fields: Mapping[str, object]
    id: str | None = None


@dataclass(frozen=True, slots=True)
class AuditReceipt:
    """Proof of durability: the record's id and its gap-free sequence in the log."""

    id: str
    seq: int


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """A search in the log. Times are UTC, ``since`` inclusive, ``until`` exclusive."""

    since: datetime | None = None
    until: datetime | None = None
    requester: str | None = None
    purpose: str | None = None
    decision: str | None = None
    data_subject: str | None = None  # a keyed reference, see ``subject_ref``
    kind: str | None = None
    after_seq: int = 0
    limit: int = 100


class AuditLog(Protocol):
    """The log that proves itself."""

    async def append(self, entry: AuditEntry) -> AuditReceipt:
        """Record *entry*; it is durable when this returns. Raises ``AuditUnavailable``."""

    async def search(self, query: AuditQuery) -> list[dict[str, object]]:
        """Return records in order of sequence, each with its ``seq``."""

    async def get(self, record_id: str) -> dict[str, object] | None:
        """Return one record, or ``None``."""

    async def healthy(self) -> bool:
        """Return whether a record could be made durable now."""

    async def close(self) -> None:
        """Write the closing record and stop."""


class AuditProofs(Protocol):
    """The tree over the log, and what it proves."""

    async def advance(self) -> str:
        """Bring the tree up to the newest record; return a signed checkpoint. Raises ``AuditUnavailable``."""

    async def published(self) -> str | None:
        """Return the newest checkpoint with all its signatures, or ``None`` before the first."""

    async def proof_of(self, record_id: str) -> RecordProof:
        """Return the proof that a record is in the log. Raises ``NotFound`` and ``AuditUnavailable``."""

    async def consistency(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the tree of *new* records continues that of *old*. Raises ``InvalidRequest``."""

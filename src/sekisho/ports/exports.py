"""Exports of the audit log as jobs: asked for by one worker, made by any, fetched from each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import BinaryIO, Protocol

from sekisho.domain.audit_export import ExportOrder


class ExportStatus(StrEnum):
    """How far a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ExportFile:
    """One file of an export."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class ExportJob:
    """An export that was asked for.

    Attributes
    ----------
    id:
        Also the id of the record that says it was begun.
    requester:
        Who asked.
    order:
        What for.
    status, progress:
        How far it is; *progress* goes from 0.0 to 1.0.
    created_at, expires_at:
        When it was asked for, and when its files are deleted; ``None`` while it is under way.
    records, files:
        How many records it holds, and in which files; nothing before it is done.
    error:
        Why it failed, as a code.
    """

    id: str
    requester: str
    order: ExportOrder
    status: ExportStatus
    progress: float
    created_at: datetime
    expires_at: datetime | None = None
    records: int | None = None
    files: tuple[ExportFile, ...] = ()
    error: str | None = None


class AuditExports(Protocol):
    """Makes exports in the background, and keeps them for a while."""

    async def create(self, requester: str, order: ExportOrder) -> ExportJob:
        """Record that an export was asked for, and begin it.

        Raises ``InvalidRequest`` for an order that cannot be, ``RateLimited`` when there is no room for more,
        ``AuditUnavailable`` when it cannot be recorded or kept.
        """

    async def find(self, export_id: str) -> ExportJob | None:
        """Return the job with this id, or ``None`` when there is none any more."""

    async def open(self, export_id: str, name: str, requester: str) -> tuple[ExportFile, BinaryIO] | None:
        """Record that *requester* fetches a file of an export that is done, and open it; ``None`` for no such file.

        Raises ``AuditUnavailable`` when it cannot be recorded.
        """

"""Composes the exports of the audit log: those that are asked for, and those on a schedule."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_tree import TREE_FOLDER
from sekisho.adapters.records.exports.jobs import ExportLimits, FolderExports
from sekisho.adapters.records.exports.schedule import ScheduledExports
from sekisho.adapters.records.exports.writing import Checkpoints
from sekisho.bootstrap.consents import keep_on
from sekisho.domain.audit_export import CHECKPOINT_FILE
from sekisho.domain.checkpoint import MAX_CHECKPOINT_BYTES
from sekisho.ports import Clock
from sekisho.settings import Settings


@dataclass(frozen=True)
class Exporting:
    """Makes exports for as long as a service runs.

    Attributes
    ----------
    jobs:
        Exports that are asked for.
    scheduled:
        Exports that are made by themselves.
    checkpoint:
        Answers the newest signed checkpoint of the log's tree, where there is one.
    """

    jobs: FolderExports
    scheduled: ScheduledExports
    checkpoint: Checkpoints

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Make exports for as long as this is open; what is under way then is put back, and begun anew."""
        tasks = [
            asyncio.create_task(keep_on("exports", self.jobs.run)),
            asyncio.create_task(keep_on("scheduled_exports", self.scheduled.run)),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def exporting(settings: Settings, log: SqlAuditLog, clock: Clock) -> Exporting:
    """Return the exports of a workspace."""
    wanted = settings.exports
    checkpoint = checkpoint_in(settings.audit_folder / TREE_FOLDER)
    limits = ExportLimits(running=wanted.running, bytes=wanted.gigabytes << 30, keep=timedelta(days=wanted.keep_days))
    return Exporting(
        FolderExports(log, clock, wanted.folder, limits=limits, checkpoint=checkpoint),
        ScheduledExports(log, clock, wanted.schedules, checkpoint=checkpoint),
        checkpoint,
    )


def checkpoint_in(folder: Path) -> Checkpoints:
    """Return what answers the newest checkpoint that stands in the folder of the log's tree."""

    def newest() -> bytes | None:
        try:
            with (folder / CHECKPOINT_FILE).open("rb") as file:
                note = file.read(MAX_CHECKPOINT_BYTES + 1)
        except FileNotFoundError:
            return None
        return note if 0 < len(note) <= MAX_CHECKPOINT_BYTES else None

    return newest

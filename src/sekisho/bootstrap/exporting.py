"""Composes the exports of the audit log: those that are asked for, and those on a schedule."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.exports.jobs import ExportLimits, FolderExports
from sekisho.adapters.records.exports.proving import Proving, TreeProving
from sekisho.adapters.records.exports.schedule import ScheduledExports
from sekisho.bootstrap.background import beside, keep_on
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
    proving:
        Answers for the records of an export.
    """

    jobs: FolderExports
    scheduled: ScheduledExports
    proving: Proving

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Make exports for as long as this is open; what is under way then is put back, and begun anew."""
        async with beside(keep_on("exports", self.jobs.run), keep_on("scheduled_exports", self.scheduled.run)):
            yield


def exporting(settings: Settings, log: SqlAuditLog, tree: AuditTree, clock: Clock) -> Exporting:
    """Return the exports of a workspace."""
    wanted = settings.exports
    proving = TreeProving(tree)
    limits = ExportLimits(running=wanted.running, bytes=wanted.gigabytes << 30, keep=timedelta(days=wanted.keep_days))
    return Exporting(
        FolderExports(log, clock, wanted.folder, limits=limits, proving=proving),
        ScheduledExports(log, clock, wanted.schedules, proving=proving),
        proving,
    )

"""Export jobs: recorded, made by whichever worker is free, kept for some days, deleted.

A worker that dies lets go of its job; another, or the next start, begins it anew from the first record. The range of
a job was fixed when it was asked for, so that every attempt writes the same records.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Final

import structlog

from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.exports.folder import JobsFolder, KeptJob, told
from sekisho.adapters.records.exports.proving import Proving
from sekisho.adapters.records.exports.writing import (
    Exported,
    ExportTooLarge,
    Pace,
    is_full,
    uncut,
    write_export,
)
from sekisho.domain.audit_export import ExportFormat, ExportOrder
from sekisho.errors import AuditUnavailable, InvalidRequest, RateLimited, SekishoError
from sekisho.ports import AuditEntry, Clock
from sekisho.ports.exports import ExportFile, ExportJob, ExportStatus

_LOOK_S: Final = 1.0  # how often a worker looks for jobs of others
_SWEEP_S: Final = 60.0
_TOLD_S: Final = 0.5  # how often progress is written down
_REST: Final = 0.25  # share of its time that a job leaves to requests
_ORPHAN_S: Final = 3_600.0  # age at which a folder without a job is one that a crash left

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ExportLimits:
    """What exports may take.

    Attributes
    ----------
    running:
        Jobs that run at once, on all workers of the machine.
    waiting:
        Jobs that run or wait for their turn.
    bytes:
        Size of the folder.
    keep:
        How long files are kept once they are there.
    attempts:
        How often a job is begun before it has failed.
    """

    running: int = 2
    waiting: int = 16
    bytes: int = 20 << 30
    keep: timedelta = timedelta(days=7)
    attempts: int = 3


class FolderExports:
    """Implements ``ports.exports.AuditExports`` over one folder.

    Parameters
    ----------
    log:
        What is exported, and where it is recorded.
    clock:
        Of the house.
    folder:
        For this account alone; made on first use.
    limits:
        What exports may take.
    proving:
        Answers for the records of an export.
    """

    def __init__(
        self,
        log: SqlAuditLog,
        clock: Clock,
        folder: Path,
        *,
        limits: ExportLimits | None = None,
        proving: Proving | None = None,
    ) -> None:
        self._log = log
        self._clock = clock
        self._jobs = JobsFolder(folder)
        self._limits = limits or ExportLimits()
        self._proving = proving
        self._wake = asyncio.Event()

    # -- what the port says ----------------------------------------------------------------------------

    async def create(self, requester: str, order: ExportOrder) -> ExportJob:
        """See ``ports.exports.AuditExports``."""
        if order.form is ExportFormat.RAW and order.filters.named:
            raise InvalidRequest("The raw format takes no filters: its proof needs a range without holes.")
        if order.since is not None and order.until is not None and order.since >= order.until:
            raise InvalidRequest("The range is empty: `from` is not before `to`.")
        export_id = self._clock.new_id()
        fields = {"requester": requester, **order.recorded()}
        try:
            await uncut(asyncio.to_thread(self._take_place, export_id))
            begun = await self._log.append(AuditEntry("export.create", fields, export_id))
            await self._log.settled()  # so that a head covers this very record
            job = ExportJob(export_id, requester, order, ExportStatus.QUEUED, 0.0, self._clock.now())
            await uncut(asyncio.to_thread(self._jobs.write, KeptJob(job, begun.seq)))
        except BaseException as fault:
            self._jobs.give_back(export_id)
            if isinstance(fault, OSError):
                raise AuditUnavailable("The export cannot be kept now: its folder takes no files.") from None
            raise
        self._wake.set()
        return job

    async def find(self, export_id: str) -> ExportJob | None:
        """See ``ports.exports.AuditExports``."""
        return await asyncio.to_thread(self._find, export_id)

    async def open(self, export_id: str, name: str, requester: str) -> tuple[ExportFile, BinaryIO] | None:
        """See ``ports.exports.AuditExports``."""
        job = await self.find(export_id)
        if job is None or job.status is not ExportStatus.DONE:
            return None
        file = next((each for each in job.files if each.name == name), None)
        if file is None:
            return None
        try:
            opened = await asyncio.to_thread((self._jobs.of(export_id) / "files" / file.name).open, "rb")
        except OSError:
            return None  # it expired meanwhile
        try:
            fields = {
                "requester": requester,
                "export": export_id,
                "file": file.name,
                "sha256": file.sha256,
                "records": job.records,
                "bytes": file.bytes,
            }
            await self._log.append(AuditEntry("export.read", fields))
        except BaseException:
            opened.close()
            raise
        return file, opened

    def _find(self, export_id: str) -> ExportJob | None:
        kept = self._jobs.read(export_id)
        if kept is None:
            return None
        running = kept.job.status is ExportStatus.RUNNING
        taken = running and self._jobs.is_taken(export_id)
        return told(kept, self._jobs.read_progress(export_id) if running else 0.0, taken=taken)

    def _take_place(self, export_id: str) -> None:
        """Make the folder of a job, if there is room: counting and taking are one, on all workers."""
        with self._jobs.alone():
            # A folder without a job is the place of one that is being recorded.
            taken = sum(kept is None or _is_open(kept) for kept in map(self._jobs.read, self._jobs.ids()))
            if taken >= self._limits.waiting:
                raise RateLimited("Too many exports are under way; wait until one has ended.")
            if self._jobs.size() >= self._limits.bytes:
                raise RateLimited("The folder of exports is full; wait until older ones expire, or ask for less.")
            self._jobs.take_place(export_id)

    # -- the work --------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Make exports and delete old ones, until cancelled; one for each worker, and safe with many."""
        swept = -_SWEEP_S
        while True:
            if time.monotonic() - swept >= _SWEEP_S:
                await self.sweep()
                swept = time.monotonic()
            self._wake.clear()
            if await self.work_once():
                continue
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def work_once(self) -> bool:
        """Make the oldest export that waits, if there is one and it may be begun; return whether there was."""
        kept = await uncut(asyncio.to_thread(self._claim))
        if kept is None:
            return False
        try:
            await self._make(kept)
        finally:
            self._jobs.let_go(kept.job.id)
        return True

    async def sweep(self) -> None:
        """Delete what has expired, and record it; then what crashes left."""
        now = self._clock.now()
        for export_id in await asyncio.to_thread(self._jobs.ids):
            kept = await asyncio.to_thread(self._jobs.read, export_id)
            if kept is None:
                await asyncio.to_thread(self._remove_orphan, export_id)
            elif kept.job.expires_at is not None and kept.job.expires_at <= now and self._jobs.take(export_id):
                try:
                    await self._log.append(AuditEntry("export.delete", {"export": export_id, "reason": "expired"}))
                    await uncut(asyncio.to_thread(self._jobs.remove, export_id))
                finally:
                    self._jobs.let_go(export_id)

    def _remove_orphan(self, export_id: str) -> None:
        try:
            age = time.time() - self._jobs.of(export_id).stat().st_mtime
        except OSError:
            return
        if age > _ORPHAN_S and self._jobs.take(export_id):
            self._jobs.remove(export_id)
            self._jobs.let_go(export_id)

    def _claim(self) -> KeptJob | None:
        """Take the oldest job that nobody has in hand, unless enough are running."""
        open_ids = [
            export_id
            for export_id in self._jobs.ids()
            if (kept := self._jobs.read(export_id)) is not None and _is_open(kept)
        ]
        if not open_ids:
            return None
        with self._jobs.alone():
            free = [export_id for export_id in open_ids if not self._jobs.is_taken(export_id)]
            if len(open_ids) - len(free) >= self._limits.running:
                return None
            for export_id in free:
                if not self._jobs.take(export_id):
                    continue
                kept = self._jobs.read(export_id)  # as it is now that nobody else writes it
                if kept is not None and _is_open(kept):
                    return kept
                self._jobs.let_go(export_id)
        return None

    async def _make(self, kept: KeptJob) -> None:
        kept = replace(kept, attempts=kept.attempts + 1, job=replace(kept.job, status=ExportStatus.RUNNING))
        if kept.attempts > self._limits.attempts:
            await self._fail(kept, "interrupted")
            return
        try:
            await asyncio.to_thread(self._jobs.write, kept)
            done = await self._written(kept)
            await self._finish(kept, done)
        except asyncio.CancelledError:
            # Told to stop: that is nothing the job did wrong, and the next start begins it anew.
            await uncut(asyncio.to_thread(self._put_back, replace(kept, attempts=kept.attempts - 1)))
            raise
        except ExportTooLarge:
            await self._fail(kept, "too_large")
        except OSError as error:
            await self._fail(kept, "disk_full" if is_full(error) else "storage_failed")
        except SekishoError as error:
            _log.warning("export", part="job", code=error.code)
            if kept.attempts >= self._limits.attempts:
                await self._fail(kept, error.code)
            else:
                await asyncio.to_thread(self._put_back, kept)
                await asyncio.sleep(_LOOK_S)
        except Exception as error:  # noqa: BLE001 - one job that cannot be made must not end the others
            _log.error("export", part="job", error=type(error).__name__)
            await self._fail(kept, "internal_error")

    async def _written(self, kept: KeptJob) -> Exported:
        export_id = kept.job.id
        folder = await uncut(asyncio.to_thread(self._jobs.fresh_partial, export_id))
        room = self._limits.bytes - await asyncio.to_thread(self._jobs.size)
        pace = Pace(self._teller(export_id), _REST, max(room, 0))
        return await write_export(self._log, kept.job.order, folder, upto=kept.upto, proving=self._proving, pace=pace)

    def _teller(self, export_id: str) -> Callable[[float], None]:
        last = -_TOLD_S

        def tell(done: float) -> None:
            nonlocal last
            if time.monotonic() - last >= _TOLD_S:
                last = time.monotonic()
                self._jobs.write_progress(export_id, done)

        return tell

    async def _finish(self, kept: KeptJob, done: Exported) -> None:
        await self._record_end(kept, "done", done.records)
        files = tuple(ExportFile(name, digest, done.sizes[name]) for name, digest in sorted(done.files.items()))
        job = replace(
            kept.job,
            status=ExportStatus.DONE,
            records=done.records,
            files=files,
            expires_at=self._clock.now() + self._limits.keep,
        )
        await uncut(asyncio.to_thread(self._jobs.publish, job.id))
        await uncut(asyncio.to_thread(self._jobs.write, replace(kept, job=job)))

    async def _fail(self, kept: KeptJob, code: str) -> None:
        """End a job that cannot be made. First its files go: a full disk must take what says so."""
        await uncut(asyncio.to_thread(self._jobs.fresh_partial, kept.job.id))
        job = replace(
            kept.job, status=ExportStatus.FAILED, error=code, expires_at=self._clock.now() + self._limits.keep
        )
        try:
            await uncut(asyncio.to_thread(self._jobs.write, replace(kept, job=job)))
            await self._record_end(kept, "failed", 0, code)
        except (OSError, SekishoError) as error:
            _log.error("export", part="job", error=type(error).__name__)
            await asyncio.sleep(_LOOK_S)

    async def _record_end(self, kept: KeptJob, status: str, records: int, code: str | None = None) -> None:
        fields: dict[str, object] = {"export": kept.job.id, "status": status, "records": records}
        if code is not None:
            fields["code"] = code
        await self._log.append(AuditEntry("export.finish", fields))

    def _put_back(self, kept: KeptJob) -> None:
        now = self._jobs.read(kept.job.id)
        if now is not None and not _is_open(now):
            return  # it ended just before it was to stop
        self._jobs.fresh_partial(kept.job.id)
        try:
            self._jobs.write(replace(kept, job=replace(kept.job, status=ExportStatus.QUEUED)))
        except OSError:
            _log.warning("export", part="job", error="OSError")


def _is_open(kept: KeptJob) -> bool:
    return kept.job.status in {ExportStatus.QUEUED, ExportStatus.RUNNING}

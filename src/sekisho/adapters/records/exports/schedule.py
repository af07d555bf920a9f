"""Exports that are made every hour or day: without gaps, by one worker, made good after a time without service.

An export begins with the record that follows the last one of the export before it, whatever their clocks say, and
ends before the first record of the next period. So every record is in exactly one, and the chains of raw exports go
on from one to the next. What was exported last is read from the sealed manifest of the newest folder: there is no
other state that could disagree with it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import sqlalchemy as sa
import structlog

from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_search import kept_anchor
from sekisho.adapters.records.database import DatabaseFailed
from sekisho.adapters.records.exports.bounds import Bounds
from sekisho.adapters.records.exports.proving import Proving
from sekisho.adapters.records.exports.writing import Pace, uncut, write_export
from sekisho.adapters.records.tables import audit_record
from sekisho.audit_verify.exports import SealedManifest
from sekisho.audit_verify.trust import TrustedKey
from sekisho.audit_verify.verdict import VerificationFailed
from sekisho.domain.audit_export import ExportOrder
from sekisho.domain.record import micros
from sekisho.durable import sync
from sekisho.errors import AuditUnavailable, SekishoError
from sekisho.ports import AuditEntry, Clock
from sekisho.settings import ExportSchedule

_LOOK_S: Final = 10.0
_REST: Final = 0.5  # share of its time that it leaves to requests
_STAMP: Final = "%Y%m%dT%H%M%SZ"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Period:
    """What the next export is of."""

    since: datetime
    until: datetime
    bounds: Bounds


class ScheduledExports:
    """Makes exports by their schedules for as long as it runs.

    Parameters
    ----------
    log:
        What is exported, and where it is recorded.
    clock:
        Of the house.
    schedules:
        What is to be made.
    proving:
        Answers for the records of an export.
    """

    def __init__(
        self,
        log: SqlAuditLog,
        clock: Clock,
        schedules: Sequence[ExportSchedule],
        *,
        proving: Proving | None = None,
    ) -> None:
        self._log = log
        self._clock = clock
        self._schedules = tuple(schedules)
        self._proving = proving
        self._key = TrustedKey(log.keyring.verification_key())

    async def run(self) -> None:
        """Make what is due, again and again, until cancelled."""
        while True:
            for schedule in self._schedules:
                try:
                    await self.catch_up(schedule)
                except SekishoError as error:
                    _log.warning("export", part="schedule", code=error.code)
                except VerificationFailed:
                    _log.error("export", part="schedule", code="audit_tampered")
                except Exception as error:  # noqa: BLE001 - one schedule must not end the others
                    _log.error("export", part="schedule", error=type(error).__name__)
            await asyncio.sleep(_LOOK_S)

    async def catch_up(self, schedule: ExportSchedule) -> list[Path]:
        """Make every export that is due and not made; return their folders.

        Nothing is made while another worker is at it.

        Raises
        ------
        AuditUnavailable
            When the log does not answer.
        VerificationFailed
            When the newest export in the folder is not what the log sealed: nobody knows then where to go on.
        OSError
            When there is no room.
        """
        handle = await asyncio.to_thread(_alone, schedule.folder)
        if handle is None:
            return []
        made: list[Path] = []
        try:
            await uncut(asyncio.to_thread(_clear_partial, schedule))
            while (period := await self._due(schedule)) is not None:
                made.append(await self._make(schedule, period))
                await self._prune(schedule)
        finally:
            os.close(handle)
        return made

    async def _due(self, schedule: ExportSchedule) -> _Period | None:
        """Return the next period that has ended, or ``None``."""
        reached, begun = await asyncio.to_thread(self._last, schedule)
        now = self._clock.now()

        def look(connection: sa.Connection) -> _Period | None:
            table = audit_record.c
            anchor = kept_anchor(connection)
            after = reached if anchor is None else max(reached, anchor.size)
            first = connection.execute(sa.select(table.at).where(table.seq == after + 1)).scalar()
            if first is None:
                return None
            at = _EPOCH + timedelta(microseconds=first)
            since = begun or schedule.every.begin(at)
            if begun is None and schedule.every.begin(now) > since:
                until = schedule.every.begin(now)  # the first export has everything so far
            else:
                until = schedule.every.begin(max(since, at)) + schedule.every.length
            next_first = connection.execute(
                sa.select(table.seq).where(table.seq > after, table.at >= micros(until)).order_by(table.seq).limit(1)
            ).scalar()
            # Until a record of the next period is there, records of this one may still come.
            if next_first is None:
                return None
            return _Period(since, until, Bounds(after + 1, next_first - 1))

        try:
            return await self._log.database.read(look)
        except DatabaseFailed:
            raise AuditUnavailable("the audit log cannot be read now") from None

    def _last(self, schedule: ExportSchedule) -> tuple[int, datetime | None]:
        """Return the last sequence of the newest export, and until when it goes; nothing when there is none."""
        folders = _exports(schedule)
        if not folders:
            return 0, None
        manifest = SealedManifest(self._key, folders[-1])
        return manifest.last, datetime.fromisoformat(str(manifest.until))

    async def _make(self, schedule: ExportSchedule, period: _Period) -> Path:
        order = ExportOrder(schedule.form, period.since, period.until)
        fields = {
            **order.recorded(),
            "every": schedule.every.value,
            "first_seq": period.bounds.first,
            "last_seq": period.bounds.last,
        }
        begun = await self._log.append(AuditEntry("export.create", fields))
        name = f"{period.since.strftime(_STAMP)}-{period.until.strftime(_STAMP)}.{schedule.form.value}"
        partial, final = schedule.folder / f".{name}.partial", schedule.folder / name
        try:
            done = await write_export(
                self._log, order, partial, bounds=period.bounds, proving=self._proving, pace=Pace(rest=_REST)
            )
            fields = {"export": begun.id, "status": "done", "records": done.records}
            await self._log.append(AuditEntry("export.finish", fields))
            await uncut(asyncio.to_thread(_publish, partial, final))
        except BaseException:
            await uncut(asyncio.to_thread(shutil.rmtree, partial, ignore_errors=True))
            raise
        return final

    async def _prune(self, schedule: ExportSchedule) -> None:
        """Delete what is more than is kept, the oldest first; the newest says where to go on, and stays."""
        if schedule.keep is None:
            return
        for folder in (await asyncio.to_thread(_exports, schedule))[: -schedule.keep]:
            fields = {"export": folder.name, "reason": "not_kept"}
            await self._log.append(AuditEntry("export.delete", fields))
            await uncut(asyncio.to_thread(shutil.rmtree, folder))


def _exports(schedule: ExportSchedule) -> list[Path]:
    """Return the exports of a schedule that are there, in the order of their ranges."""
    named = re.compile(rf"\d{{8}}T\d{{6}}Z-\d{{8}}T\d{{6}}Z\.{schedule.form.value}")
    return sorted(path for path in schedule.folder.iterdir() if named.fullmatch(path.name) and path.is_dir())


def _publish(partial: Path, final: Path) -> None:
    partial.rename(final)
    sync(final.parent)


def _clear_partial(schedule: ExportSchedule) -> None:
    """Remove what a crash left."""
    for path in schedule.folder.glob(f".*.{schedule.form.value}.partial"):
        shutil.rmtree(path, ignore_errors=True)


def _alone(folder: Path) -> int | None:
    """Return the held lock of the folder, or ``None`` while another worker holds it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        with suppress(OSError):
            os.close(handle)
        return None
    return handle

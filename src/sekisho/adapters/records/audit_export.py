"""An export that is asked for at once: from the command line, and for the demonstration.

``records.ndjson``, or the events in another form
    Every record of the range, one to a line; in the raw form byte for byte as it was hashed.
``heads.txt``
    In the raw form, the newest signed head of each writer that the range covers. Whoever keeps it can hold the next
    export against it (``audit verify --since``).
``checkpoint``
    A signed checkpoint of the log's tree that covers every record here; ``witnessed`` beside it where witnesses
    signed an earlier one.
``proofs``
    That each record is in that tree, and that the tree continues what the witnesses signed.
``manifest.json``
    Form, range, filters, count, SHA-256 of each file, and in the raw form where each writer's chain ends.
``manifest.note``
    The seal: a signed note over the manifest's hash, so that no byte of any file can change unseen.

The raw form needs no database and no gateway to be checked. References of people stay in the database: the records
carry their digest.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.exports.proving import Proving
from sekisho.adapters.records.exports.writing import Exported, Pace, write_export
from sekisho.domain.audit_export import ExportFormat, ExportOrder
from sekisho.errors import InvalidRequest
from sekisho.ports import AuditEntry


async def export_raw(
    log: SqlAuditLog, folder: Path, *, since: datetime | None = None, until: datetime | None = None
) -> Exported:
    """Write the raw export of a time range; see :func:`export_audit`."""
    return await export_audit(log, ExportOrder(ExportFormat.RAW, since, until), folder)


async def export_audit(
    log: SqlAuditLog,
    order: ExportOrder,
    folder: Path,
    *,
    proving: Proving | None = None,
    told: Callable[[float], None] = lambda _done: None,
) -> Exported:
    """Write the export that *order* asks for to a new or empty folder, and record that it was made.

    The raw form reaches from the first record at or after ``since`` to the last one before ``until``, without holes,
    so that it may hold some records from just outside where clocks of several writers differ; the others hold exactly
    the records of the range. Without ``until`` it ends with the record of this very export.

    Raises
    ------
    InvalidRequest
        When the folder is not empty, or there is no record in the range of a raw export.
    AuditUnavailable
        When the export cannot be recorded or the log cannot be read; nothing was exported then.
    """
    there = await asyncio.to_thread(_is_empty_folder, folder)
    if order.form is ExportFormat.RAW and order.filters.named:
        raise InvalidRequest("the raw form takes no filters: its proof needs a range without holes")
    begun = await log.append(AuditEntry("export.create", order.recorded()))
    await log.settled()  # so that a head covers this very record; without one the seal vouches for it alone
    try:
        done = await write_export(log, order, folder, upto=begun.seq, proving=proving, pace=Pace(told))
    except BaseException:
        await asyncio.to_thread(_clear, folder, whole=not there)
        raise
    if order.form is ExportFormat.RAW and not done.records:
        await asyncio.to_thread(_clear, folder, whole=not there)
        raise InvalidRequest("there is no audit record in this range")
    return done


def _is_empty_folder(folder: Path) -> bool:
    """Return whether there is a folder, which is empty. Raises ``InvalidRequest`` when there is anything else."""
    if not folder.exists():
        return False
    if not folder.is_dir() or any(folder.iterdir()):
        raise InvalidRequest("the folder of an export must be empty or new")
    return True


def _clear(folder: Path, *, whole: bool) -> None:
    """Remove what was written of an export that failed; the folder was empty before."""
    if whole:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for path in folder.iterdir():
        path.unlink()

"""The folder in which export jobs are kept: any worker of the machine finds them there, after a restart too.

::

    ID/job.json      what was asked for, and how far it is; replaced whole
    ID/progress      how much is done, while it runs
    ID/lock          held by the worker that makes it; a worker that dies lets go of it
    ID/partial/      files that are being written
    ID/files/        the files, once all of them are there
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

import orjson

from sekisho.domain.audit_export import ExportFilters, ExportFormat, ExportOrder
from sekisho.durable import write_whole
from sekisho.ports.exports import ExportFile, ExportJob, ExportStatus

_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class KeptJob:
    """A job as it is kept: what is told of it, and what a worker needs to make it.

    Attributes
    ----------
    job:
        What is told.
    upto:
        The newest sequence when it was asked for; nothing after it goes along.
    attempts:
        How often it was begun.
    """

    job: ExportJob
    upto: int
    attempts: int = 0

    def to_json(self) -> bytes:
        """Return it as it stands in the file."""
        job, order = self.job, self.job.order
        return orjson.dumps(
            {
                "v": 1,
                "id": job.id,
                "requester": job.requester,
                "format": order.form.value,
                "since": order.since,
                "until": order.until,
                "filters": {name: getattr(order.filters, name) for name in order.filters.named},
                "status": job.status.value,
                "created_at": job.created_at,
                "expires_at": job.expires_at,
                "records": job.records,
                "files": [{"name": f.name, "sha256": f.sha256, "bytes": f.bytes} for f in job.files],
                "error": job.error,
                "upto": self.upto,
                "attempts": self.attempts,
            },
            option=orjson.OPT_INDENT_2,
        )

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Return what stands in a file. Raises ``ValueError``, ``KeyError`` or ``TypeError`` when it is no job."""
        kept: dict[str, Any] = orjson.loads(data)
        order = ExportOrder(
            ExportFormat(kept["format"]),
            _instant(kept["since"]),
            _instant(kept["until"]),
            ExportFilters(**kept["filters"]),
        )
        status = ExportStatus(kept["status"])
        job = ExportJob(
            id=kept["id"],
            requester=kept["requester"],
            order=order,
            status=status,
            progress=1.0 if status is ExportStatus.DONE else 0.0,
            created_at=datetime.fromisoformat(kept["created_at"]),
            expires_at=_instant(kept["expires_at"]),
            records=kept["records"],
            files=tuple(ExportFile(**file) for file in kept["files"]),
            error=kept["error"],
        )
        return cls(job, int(kept["upto"]), int(kept["attempts"]))


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


@dataclass
class JobsFolder:
    """Reads and writes the folder; every method may block.

    Parameters
    ----------
    path:
        Made on first use, for this account alone.
    """

    path: Path
    _held: dict[str, int] = field(default_factory=dict, repr=False)

    def of(self, export_id: str) -> Path:
        """Return the folder of one job."""
        return self.path / export_id

    def ids(self) -> list[str]:
        """Return the ids of all jobs, the oldest first."""
        with contextlib.suppress(FileNotFoundError):
            return sorted(name for name in os.listdir(self.path) if _ID.fullmatch(name))  # noqa: PTH208 - names alone
        return []

    def read(self, export_id: str) -> KeptJob | None:
        """Return a job, or ``None`` when there is none that can be read."""
        if not _ID.fullmatch(export_id):
            return None
        try:
            return KeptJob.from_json((self.of(export_id) / "job.json").read_bytes())
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def take_place(self, export_id: str) -> None:
        """Make the folder of a job that is to come. Raises ``OSError``."""
        self.of(export_id).mkdir(mode=0o700)

    def give_back(self, export_id: str) -> None:
        """Remove the folder of a job that did not come; one that came stays."""
        if self.read(export_id) is None:
            shutil.rmtree(self.of(export_id), ignore_errors=True)

    def write(self, kept: KeptJob) -> None:
        """Replace what is kept of a job, on the disk when this returns."""
        write_whole(self.of(kept.job.id) / "job.json", kept.to_json(), durable=True)

    def write_progress(self, export_id: str, done: float) -> None:
        """Tell the other workers how much is done."""
        with contextlib.suppress(OSError):
            write_whole(self.of(export_id) / "progress", f"{done:.4f}".encode("ascii"), durable=False)

    def read_progress(self, export_id: str) -> float:
        """Return how much is done of a job that runs."""
        try:
            return min(max(float((self.of(export_id) / "progress").read_text("ascii")), 0.0), 1.0)
        except (OSError, ValueError):
            return 0.0

    def is_taken(self, export_id: str) -> bool:
        """Return whether a worker, this one included, has the job in hand."""
        if export_id in self._held:
            return True
        taken = self.take(export_id)
        if taken:
            self.let_go(export_id)
        return not taken

    def take(self, export_id: str) -> bool:
        """Take a job in hand, unless somebody has it."""
        if export_id in self._held:
            return False
        try:
            handle = os.open(self.of(export_id) / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return False
        self._held[export_id] = handle
        return True

    def let_go(self, export_id: str) -> None:
        """Let others take a job that was taken here."""
        handle = self._held.pop(export_id, None)
        if handle is not None:
            os.close(handle)

    def size(self) -> int:
        """Return the bytes of all files in the folder."""
        total = 0
        for root, _, names in os.walk(self.path):
            for name in names:
                with contextlib.suppress(OSError):
                    total += (Path(root) / name).stat().st_size
        return total

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep the other workers from choosing and adding jobs meanwhile."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.path / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def fresh_partial(self, export_id: str) -> Path:
        """Return a folder to write files to; what an earlier attempt left is removed."""
        folder = self.of(export_id)
        for name in ("partial", "files"):
            shutil.rmtree(folder / name, ignore_errors=True)
        return folder / "partial"

    def publish(self, export_id: str) -> None:
        """Make the files that were written those of the job."""
        folder = self.of(export_id)
        (folder / "partial").rename(folder / "files")

    def remove(self, export_id: str) -> None:
        """Remove a job with everything of it; first what says that it is there."""
        with contextlib.suppress(OSError):
            (self.of(export_id) / "job.json").unlink()
        shutil.rmtree(self.of(export_id), ignore_errors=True)


def told(kept: KeptJob, progress: float, *, taken: bool) -> ExportJob:
    """Return what is told of a job now: one that nobody has in hand waits for somebody to go on with it."""
    if kept.job.status is not ExportStatus.RUNNING:
        return kept.job
    return replace(kept.job, progress=progress, status=ExportStatus.RUNNING if taken else ExportStatus.QUEUED)

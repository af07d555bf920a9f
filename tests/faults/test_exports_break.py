"""Exports while processes die and disks fill: whole and sealed, or not there."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.adapters.records.export_world import seqs_in

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.database import Database, migrate
from sekisho.adapters.records.exports.jobs import ExportLimits, FolderExports
from sekisho.audit_verify import verify_export
from sekisho.domain.audit_export import ExportFormat, ExportOrder
from sekisho.ports import AuditEntry, AuditQuery
from sekisho.ports.exports import ExportJob, ExportStatus

RECORDS = 1_500
PROGRAM = """
import asyncio, sys
from pathlib import Path
from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.exports import jobs, writing
from sekisho.adapters.records.exports.folder import JobsFolder

writing._GROUP, jobs._TOLD_S = 50, 0.0
told = JobsFolder.write_progress

def tell(self, export_id, done):
    told(self, export_id, done)
    print(done, flush=True)
    sys.stdin.readline()

JobsFolder.write_progress = tell

async def main(url, folder):
    clock = SystemClock()
    log = SqlAuditLog(Database(url), FileKeyRing(folder / "keys"), clock, folder / "heads")
    await log.start()
    limits = jobs.ExportLimits(attempts=9)
    exports = jobs.FolderExports(log, clock, folder / "exports", limits=limits)
    running = asyncio.create_task(exports.run())
    while len(sys.argv) < 4 or (await exports.find(sys.argv[3])).status != "done":
        await asyncio.sleep(0.02)
    running.cancel()
    print("end", flush=True)

asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
"""


async def _filled(url: str, folder: Path, count: int) -> tuple[SqlAuditLog, FolderExports]:
    """Return a log with so many records, and a worker over its exports."""
    migrate(url)
    keys, clock = FileKeyRing.create(folder / "keys"), SystemClock()
    log = SqlAuditLog(Database(url), keys, clock, folder / "heads")
    await log.start()
    entry = AuditEntry("access.release", {"requester": "recommender", "padding": "x" * 300, "rows": 1})
    for _ in range(0, count, 500):
        await asyncio.gather(*(log.append(entry) for _ in range(500)))
    return log, FolderExports(log, clock, folder / "exports")


async def _found(exports: FolderExports, export_id: str) -> ExportJob:
    """Return the job, which is there."""
    job = await exports.find(export_id)
    assert job is not None
    return job


def _worker(url: str, folder: Path, *wanted: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, url, str(folder), *wanted],
        stdin=subprocess.DEVNULL if wanted else subprocess.PIPE,  # a worker that waits can be killed at any group
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "form",
    [
        ExportFormat.RAW,
        *(pytest.param(each, marks=pytest.mark.long) for each in (ExportFormat.OCSF, ExportFormat.PARQUET)),
    ],
)
async def test_kill_9_during_a_job_loses_nothing_and_shows_no_part(empty_url, tmp_path, form):
    """Killed four times at any point, the job is made by the next worker; until then no file of it is told."""
    log, exports = await _filled(empty_url, tmp_path, RECORDS)
    chance = random.Random(form)
    try:
        begun = await exports.create("auditor", ExportOrder(form))
        for _ in range(4):
            process = await asyncio.to_thread(_worker, empty_url, tmp_path)
            assert process.stdout is not None
            assert process.stdin is not None
            for _ in range(chance.randrange(1, 20)):
                await asyncio.to_thread(process.stdout.readline)
                process.stdin.write("\n")
                process.stdin.flush()
            await asyncio.to_thread(process.stdout.readline)
            process.kill()
            await asyncio.to_thread(process.communicate)
            assert process.returncode == -signal.SIGKILL  # the fault fired
            seen = await _found(exports, begun.id)
            assert (seen.status, seen.files) == (ExportStatus.QUEUED, ()), seen  # and fired in the midst of it
        # Two at once: one makes it, and both can tell.
        workers = [await asyncio.to_thread(_worker, empty_url, tmp_path, begun.id) for _ in range(2)]
        for process in workers:
            out, _ = await asyncio.to_thread(process.communicate)
            assert out.endswith("end\n")
        done = await _found(exports, begun.id)
        assert (done.status, done.error) == (ExportStatus.DONE, None)
        files = tmp_path / "exports" / begun.id / "files"
        assert done.records is not None
        assert seqs_in(files, form) == list(range(1, done.records + 1))
        verdict = verify_export(files, log.keyring.verification_key())
        assert verdict.ok, verdict
        assert len(await log.search(AuditQuery(kind="export.finish"))) == 1
    finally:
        await log.close()
        await log.database.close()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of half a mebibyte."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    disk = tmp_path / "tiny"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("file systems cannot be mounted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize("form", list(ExportFormat))
async def test_a_full_disk_fails_a_job_and_nothing_else(tmp_path, tiny_disk, form):
    """The job says `disk_full` and leaves no files; the log goes on, and a smaller export is made at once."""
    url = f"sqlite:///{tmp_path}/own.db"
    log, _ = await _filled(url, tmp_path, 4_000)
    exports = FolderExports(log, SystemClock(), tiny_disk / "exports", limits=ExportLimits())
    try:
        # Parquet and its compression need more to fill the disk than the other forms.
        left = os.statvfs(tiny_disk).f_bavail * os.statvfs(tiny_disk).f_bsize
        (tiny_disk / "ballast").write_bytes(b"x" * (left - 40_000))
        begun = await exports.create("auditor", ExportOrder(form))
        assert await exports.work_once()
        failed = await _found(exports, begun.id)
        assert (failed.status, failed.error, failed.files) == (
            ExportStatus.FAILED,
            "disk_full",
            (),
        )  # the fault fired
        assert not list((tiny_disk / "exports" / begun.id).glob("**/audit.*"))
        (tiny_disk / "ballast").unlink()
        early = (await log.search(AuditQuery(limit=1)))[0]
        small = ExportOrder(form, until=datetime.fromisoformat(str(early["at"])) + timedelta(microseconds=1))
        again = await exports.create("auditor", small)
        assert await exports.work_once()
        assert (await _found(exports, again.id)).status is ExportStatus.DONE
        ends = await log.search(AuditQuery(kind="export.finish"))
        assert [record.get("code") for record in ends] == ["disk_full", None]
    finally:
        await log.close()
        await log.database.close()

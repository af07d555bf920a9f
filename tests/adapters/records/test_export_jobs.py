"""Export jobs: made by whichever worker is free, kept for a while, on record from beginning to end."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from datetime import timedelta
from unittest.mock import AsyncMock

import pytest

from sekisho.adapters.records.exports import jobs as jobs_module
from sekisho.adapters.records.exports import writing
from sekisho.adapters.records.exports.folder import JobsFolder
from sekisho.adapters.records.exports.jobs import ExportLimits, FolderExports
from sekisho.audit_verify import verify_export
from sekisho.domain.audit_export import ExportFilters, ExportFormat, ExportOrder
from sekisho.errors import AuditUnavailable, InvalidRequest, RateLimited
from sekisho.ports import AuditQuery
from sekisho.ports.exports import ExportJob, ExportStatus
from tests.adapters.records.export_world import SetClock, fill, opened_log, seqs_in, seqs_of, stored

OCSF = ExportOrder(ExportFormat.OCSF)


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
async def log(database, keys, tmp_path, clock):
    """A log with a record of each kind."""
    async with opened_log(database, keys, tmp_path, clock) as opened:
        await fill(opened, clock)
        yield opened


@pytest.fixture
def worker(log, clock, tmp_path):
    """Return what makes one more worker over the same folder."""

    def make(**limits: object) -> FolderExports:
        return FolderExports(log, clock, tmp_path / "exports", limits=ExportLimits(**limits))  # type: ignore[arg-type]

    return make


async def kinds(log, about: str) -> list[str]:
    """Return the kinds of the records about one export, in order."""
    records = await log.search(AuditQuery(limit=1_000))
    return [str(r["kind"]) for r in records if about in (r["id"], r.get("export"))]


@pytest.mark.parametrize("form", list(ExportFormat))
async def test_a_job_is_made_and_its_files_are_fetched(log, worker, database, keys, tmp_path, form):
    """From queued to done: all records up to the order, files with their hashes, every step on record."""
    exports = worker()
    begun = await exports.create("auditor", ExportOrder(form))
    assert (begun.status, begun.files) == (ExportStatus.QUEUED, ())
    upto = (await log.get(begun.id))["seq"]
    assert await exports.work_once()
    done = await exports.find(begun.id)
    assert (done.status, done.progress, done.records, done.error) == (ExportStatus.DONE, 1.0, upto, None)
    out = tmp_path / "fetched"
    out.mkdir()
    for file in done.files:
        told, opened = await exports.open(begun.id, file.name, "officer")
        with opened:
            (out / file.name).write_bytes(opened.read())
        assert told == file
        assert (out / file.name).stat().st_size == file.bytes
    assert seqs_in(out, form) == seqs_of(await stored(database))[:upto]
    verdict = verify_export(out, keys.verification_key())
    assert verdict.ok, verdict
    assert await kinds(log, begun.id) == ["export.create", "export.finish", *["export.read"] * len(done.files)]
    reads = await log.search(AuditQuery(kind="export.read"))
    assert {(r["requester"], r["records"]) for r in reads} == {("officer", upto)}


async def test_any_worker_makes_and_answers_a_job_once(worker, log):
    """What one worker took in, another makes; two that look at once make it once."""
    one, other = worker(), worker()
    begun = await one.create("auditor", OCSF)
    assert sorted(await asyncio.gather(one.work_once(), other.work_once())) == [False, True]
    assert (await one.find(begun.id)) == (await other.find(begun.id))
    assert (await other.find(begun.id)).status is ExportStatus.DONE
    assert (await kinds(log, begun.id)).count("export.finish") == 1
    assert not await other.work_once()


async def test_not_more_jobs_run_than_may(worker, monkeypatch):
    """With one job running on any worker, a limit of one keeps the others waiting."""
    one, other = worker(running=1), worker(running=1)
    first, second = await one.create("auditor", OCSF), await one.create("auditor", OCSF)
    gate, entered = asyncio.Event(), asyncio.Event()

    async def held(*arguments: object, **named: object) -> object:
        entered.set()
        await gate.wait()
        return await writing.write_export(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(jobs_module, "write_export", held)
    working = asyncio.create_task(one.work_once())
    await entered.wait()
    assert (await other.find(first.id)).status is ExportStatus.RUNNING
    assert not await other.work_once()
    gate.set()
    assert await working
    assert await other.work_once()
    assert (await one.find(second.id)).status is ExportStatus.DONE


async def test_a_job_of_a_dead_worker_is_begun_anew(worker, tmp_path, keys):
    """What was written halfway is thrown away; files that never were all there are never told."""
    exports = worker()
    begun = await exports.create("auditor", OCSF)
    folder = JobsFolder(tmp_path / "exports")
    kept = folder.read(begun.id)
    assert kept is not None
    folder.write(replace(kept, attempts=1, job=replace(kept.job, status=ExportStatus.RUNNING)))
    for name in ("partial", "files"):
        (tmp_path / "exports" / begun.id / name).mkdir()
        (tmp_path / "exports" / begun.id / name / "audit.ocsf.ndjson").write_bytes(b"half")
    seen = await exports.find(begun.id)
    assert (seen.status, seen.files) == (ExportStatus.QUEUED, ())
    assert await exports.open(begun.id, "audit.ocsf.ndjson", "auditor") is None
    assert await exports.work_once()
    assert (await exports.find(begun.id)).status is ExportStatus.DONE
    assert verify_export(tmp_path / "exports" / begun.id / "files", keys.verification_key()).ok


async def test_a_job_that_kills_its_workers_fails_at_last(worker, tmp_path, log):
    """After three attempts that never ended it is failed, with a code, and on record."""
    exports = worker(attempts=3)
    begun = await exports.create("auditor", OCSF)
    folder = JobsFolder(tmp_path / "exports")
    kept = folder.read(begun.id)
    assert kept is not None
    folder.write(replace(kept, attempts=3, job=replace(kept.job, status=ExportStatus.RUNNING)))
    assert await exports.work_once()
    failed = await exports.find(begun.id)
    assert (failed.status, failed.error, failed.files) == (ExportStatus.FAILED, "interrupted", ())
    assert await kinds(log, begun.id) == ["export.create", "export.finish"]


async def test_stopping_a_worker_puts_its_job_back(worker, monkeypatch):
    """A job under way when the service stops is queued again, and that is no failed attempt."""
    exports = worker(attempts=1)
    begun = await exports.create("auditor", OCSF)
    entered = asyncio.Event()

    async def endless(*_: object, **__: object) -> None:
        entered.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(jobs_module, "write_export", endless)
    working = asyncio.create_task(exports.work_once())
    await entered.wait()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert (await exports.find(begun.id)).status is ExportStatus.QUEUED
    monkeypatch.undo()
    assert await exports.work_once()
    assert (await exports.find(begun.id)).status is ExportStatus.DONE


async def test_old_exports_are_deleted_and_that_is_on_record(worker, log, clock, tmp_path):
    """When its days are over an export is gone, files and all; before, it is left alone."""
    exports = worker(keep=timedelta(days=7))
    begun = await exports.create("auditor", OCSF)
    await exports.work_once()
    clock.instant += timedelta(days=6)
    await exports.sweep()
    assert (await exports.find(begun.id)).status is ExportStatus.DONE
    clock.instant += timedelta(days=2)
    await exports.sweep()
    assert await exports.find(begun.id) is None
    assert await exports.open(begun.id, "audit.ocsf.ndjson", "auditor") is None
    assert not (tmp_path / "exports" / begun.id).exists()
    assert (await kinds(log, begun.id))[-1] == "export.delete"


async def test_what_a_crash_left_without_a_job_is_swept_away(worker, tmp_path):
    """A folder whose job was never written goes when it is old; a young one may yet become a job."""
    exports = worker()
    name = "01a200b3-03e6-719f-b140-268f07195af3"
    orphan = tmp_path / "exports" / name
    orphan.mkdir(parents=True)
    await exports.sweep()
    assert orphan.exists()
    os.utime(orphan, (0, 0))
    await exports.sweep()
    assert not orphan.exists()


async def test_there_is_room_for_so_many_and_no_more(worker):
    """Too many waiting jobs and a full folder are refused before anything is recorded."""
    exports = worker(waiting=1)
    await exports.create("auditor", OCSF)
    with pytest.raises(RateLimited):
        await exports.create("auditor", OCSF)
    await exports.work_once()
    with pytest.raises(RateLimited):
        await worker(bytes=100).create("auditor", OCSF)


async def test_requests_at_once_do_not_overrun_the_room(worker, log):
    """Of many on two workers as many are taken as there is room for, and only they are recorded."""
    one, other = worker(waiting=2), worker(waiting=2)
    before = int((await log.search(AuditQuery(limit=1_000)))[-1]["seq"])
    answers = await asyncio.gather(
        *(each.create("auditor", OCSF) for each in (one, other) * 4), return_exceptions=True
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["ExportJob"] * 2 + ["RateLimited"] * 6
    begun = {answer.id for answer in answers if isinstance(answer, ExportJob)}
    recorded = await log.search(AuditQuery(kind="export.create", after_seq=before, limit=1_000))
    assert {record["id"] for record in recorded} == begun


async def test_a_place_that_was_not_used_is_free_again(worker, log, monkeypatch):
    """What cannot be recorded takes no room from those who come later."""
    exports = worker(waiting=1)
    with monkeypatch.context() as patched:
        patched.setattr(log, "append", AsyncMock(side_effect=AuditUnavailable("The log is away.")))
        with pytest.raises(AuditUnavailable):
            await exports.create("auditor", OCSF)
    assert (await exports.create("auditor", OCSF)).status is ExportStatus.QUEUED


async def test_a_job_that_outgrows_the_folder_fails(worker):
    """It says so, and leaves no files that could be taken for an export."""
    exports = worker(bytes=4_000)
    begun = await exports.create("auditor", ExportOrder(ExportFormat.NDJSON))
    await exports.work_once()
    failed = await exports.find(begun.id)
    assert (failed.status, failed.error, failed.files) == (ExportStatus.FAILED, "too_large", ())


async def test_what_cannot_be_recorded_does_not_happen(worker, log, tmp_path):
    """No job and no byte of a file without its record."""
    exports = worker()
    begun = await exports.create("auditor", OCSF)
    await exports.work_once()
    await log.close()
    with pytest.raises(AuditUnavailable):
        await exports.create("auditor", OCSF)
    with pytest.raises(AuditUnavailable):
        await exports.open(begun.id, "manifest.json", "auditor")
    assert JobsFolder(tmp_path / "exports").ids() == [begun.id]


@pytest.mark.parametrize(
    "order",
    [
        ExportOrder(ExportFormat.RAW, filters=ExportFilters(requester="analyst")),
        ExportOrder(ExportFormat.CSV, SetClock().now(), SetClock().now() - timedelta(hours=1)),
    ],
    ids=["raw with filters", "backwards"],
)
async def test_an_order_that_cannot_be_is_refused(worker, order):
    """Before anything is recorded."""
    with pytest.raises(InvalidRequest):
        await worker().create("auditor", order)


async def test_names_that_are_no_file_of_the_job_open_nothing(worker, tmp_path):
    """Neither a way out of the folder nor what the folder keeps for itself."""
    exports = worker()
    begun = await exports.create("auditor", OCSF)
    await exports.work_once()
    (tmp_path / "secret").write_text("x")
    for export_id, name in (
        (begun.id, "../job.json"),
        (begun.id, "../../../secret"),
        (begun.id, "lock"),
        (begun.id, ""),
        ("..", "secret"),
        (f"../exports/{begun.id}", "manifest.json"),
        ("01a200b3-03e6-719f-b140-268f07195af3", "manifest.json"),
    ):
        assert await exports.open(export_id, name, "auditor") is None
    assert await exports.find("../exports") is None


async def test_a_raw_range_without_records_is_an_empty_proof(worker, keys, tmp_path):
    """Nothing happened in that time, and that is sealed."""
    exports = worker()
    early = SetClock().instant - timedelta(days=9)
    begun = await exports.create("auditor", ExportOrder(ExportFormat.RAW, early, early + timedelta(days=1)))
    await exports.work_once()
    assert (await exports.find(begun.id)).records == 0
    verdict = verify_export(tmp_path / "exports" / begun.id / "files", keys.verification_key())
    assert verdict.ok, verdict
    assert json.loads((tmp_path / "exports" / begun.id / "job.json").read_bytes())["records"] == 0


async def test_the_loop_makes_jobs_as_they_come(worker):
    """While the service runs, a job is made without anybody asking for it again."""
    exports = worker()
    running = asyncio.create_task(exports.run())
    try:
        begun = await exports.create("auditor", OCSF)
        async with asyncio.timeout(60):
            while (await exports.find(begun.id)).status is not ExportStatus.DONE:  # noqa: ASYNC110 - another process may write it
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

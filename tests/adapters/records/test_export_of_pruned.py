"""An export that overlaps a pruning is made anew or fails: none is sealed from which records are missing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records import pruning
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.exports import jobs as jobs_module
from sekisho.adapters.records.exports import writing
from sekisho.adapters.records.exports.bounds import Bounds
from sekisho.adapters.records.exports.jobs import FolderExports
from sekisho.adapters.records.exports.proving import TreeProving
from sekisho.audit_verify import verify_export
from sekisho.domain.audit_export import ExportFormat, ExportOrder
from sekisho.errors import AuditUnavailable, InvalidRequest
from sekisho.ports.exports import ExportJob, ExportStatus
from tests.adapters.records.export_world import START, SetClock, opened_log
from tests.adapters.records.test_pruning import OLD, fill, pruned

EARLY = START + timedelta(microseconds=100)  # of the first bundle
FORMS = (ExportFormat.RAW, ExportFormat.CSV)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def log(database: Database, keys: FileKeyRing, tmp_path: Path, clock: SetClock) -> AsyncIterator[SqlAuditLog]:
    """A log of which the first bundle is old."""
    async with opened_log(database, keys, tmp_path, clock) as opened:
        await fill(opened, 300)
        clock.instant = OLD
        await fill(opened, 20)
        yield opened


async def found_of(exports: FolderExports, export_id: str) -> ExportJob:
    """Return a job that is there."""
    found = await exports.find(export_id)
    assert found is not None
    return found


@pytest.fixture
def overlapping(log, tree, database, monkeypatch):
    """The first export that is made meets a pruning between its look at the range and its records."""
    events: Any = writing._Work._events
    met: list[object] = []

    async def work(*arguments: Any) -> int:
        if not met:
            met.append(await pruned(log, tree, database))
        done: int = await events(*arguments)
        return done

    monkeypatch.setattr(writing._Work, "_events", work)


@pytest.mark.parametrize("form", FORMS)
async def test_an_export_that_meets_a_pruning_is_not_sealed(log, tree, keys, tmp_path, overlapping, form):
    """Records of its range went while it was written: it says so, and the next one says where the log begins."""
    with pytest.raises(AuditUnavailable, match="pruned while"):
        await writing.write_export(log, ExportOrder(form), tmp_path / "one", proving=TreeProving(tree))
    assert not (tmp_path / "one" / "seal").exists()
    done = await writing.write_export(log, ExportOrder(form), tmp_path / "two", proving=TreeProving(tree))
    assert done.first_seq == 257
    found = verify_export(tmp_path / "two", keys.verification_key())
    assert (found.ok, found.pruned[:27]) == (True, "begins at record 257, prune"), found


async def test_a_job_that_meets_a_pruning_is_made_anew(log, tree, clock, tmp_path, overlapping, monkeypatch):
    """The second attempt exports what is kept."""
    monkeypatch.setattr(jobs_module, "_LOOK_S", 0)
    exports = FolderExports(log, clock, tmp_path / "exports", proving=TreeProving(tree))
    begun = await exports.create("auditor", ExportOrder(ExportFormat.CSV))
    assert await exports.work_once()
    assert (await found_of(exports, begun.id)).status is ExportStatus.QUEUED
    assert await exports.work_once()
    assert (await found_of(exports, begun.id)).status is ExportStatus.DONE


async def test_a_job_of_which_everything_was_pruned_fails(log, tree, database, clock, tmp_path, monkeypatch):
    """No attempt can be made of it, and an empty export would say that there was nothing."""
    monkeypatch.setattr(jobs_module, "_LOOK_S", 0)
    exports = FolderExports(log, clock, tmp_path / "exports")
    begun = await exports.create("auditor", ExportOrder(ExportFormat.CSV, until=EARLY))
    await pruned(log, tree, database)
    for _ in range(3):
        assert await exports.work_once()
    assert not await exports.work_once()
    found = await found_of(exports, begun.id)
    assert (found.status, found.error) == (ExportStatus.FAILED, "invalid_request")


@pytest.mark.parametrize("form", FORMS)
async def test_a_range_that_was_pruned_is_refused(log, tree, database, tmp_path, form):
    """Of records that are gone, by time, by sequence and up to one of them, there is no export; one of none stays."""
    await pruned(log, tree, database)
    for name, order, bounds, upto in (
        ("time", ExportOrder(form, until=EARLY), None, None),
        ("seq", ExportOrder(form), Bounds(256, 300), None),
        ("upto", ExportOrder(form), None, 256),
    ):
        with pytest.raises(InvalidRequest, match="the log begins at record 257"):
            await writing.write_export(log, order, tmp_path / name, bounds=bounds, upto=upto)
    later = ExportOrder(form, since=OLD + timedelta(days=300))
    assert (await writing.write_export(log, later, tmp_path / "none")).records == 0


async def test_what_a_broken_off_pruning_left_is_not_exported(log, tree, database, keys, tmp_path, monkeypatch):
    """Once a record says that they are pruned, an export by time begins after them, whether or not they are there."""
    with monkeypatch.context() as patched:
        patched.setattr(pruning, "_delete_some", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await pruned(log, tree, database)
    order = ExportOrder(ExportFormat.RAW, since=START - timedelta(days=1))
    done = await writing.write_export(log, order, tmp_path / "out", proving=TreeProving(tree))
    assert done.first_seq == 257

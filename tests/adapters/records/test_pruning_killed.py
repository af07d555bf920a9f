"""A pruning that was killed between two writes is finished by the next run: nothing is missing then."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.tables import audit_pruned
from sekisho.audit_verify import Outcome, verify_tree
from sekisho.errors import AuditUnavailable
from tests.adapters.records.export_world import SetClock, opened_log
from tests.adapters.records.test_pruning import OLD, counted, fill, pruned, verified
from tests.adapters.records.tree_world import folder_of


@pytest.fixture
async def log(database: Database, keys: FileKeyRing, tmp_path: Path) -> AsyncIterator[SqlAuditLog]:
    """A log of which the first bundle is old."""
    clock = SetClock()
    async with opened_log(database, keys, tmp_path, clock) as opened:
        await fill(opened, 300)
        clock.instant = OLD
        await fill(opened, 20)
        yield opened


@pytest.mark.parametrize("step", ["keep_anchor", "prune"])
async def test_the_tree_gets_what_an_earlier_run_left_undone(log, database, tree, keys, tmp_path, monkeypatch, step):
    """Killed with the anchor in the database alone, or all rows gone: a run that prunes nothing new ends it."""
    with monkeypatch.context() as patched:

        def killed(*_: object) -> None:
            raise OSError("killed")

        patched.setattr(type(tree.files), step, killed)
        with pytest.raises(AuditUnavailable):
            await pruned(log, tree, database)
    assert await counted(database, audit_pruned) == 1
    assert verify_tree(folder_of(tree), keys.verification_key()).ok
    assert (await pruned(log, tree, database)).records == 0
    found = verify_tree(folder_of(tree), keys.verification_key())
    assert (found.outcome, found.pruned[:20]) == (Outcome.OK, "begins at record 257"), found
    assert (await verified(database, keys, tmp_path)).ok

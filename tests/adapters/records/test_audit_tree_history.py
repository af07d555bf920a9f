"""A history that was changed is not signed, and the verifier of the tree says what it found."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records import audit_tree
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.database import Database
from sekisho.audit_verify import Outcome
from sekisho.domain.checkpoint import Checkpoint, sign_checkpoint
from sekisho.domain.note import parse_key
from sekisho.errors import AuditUnavailable, InvalidRequest
from tests.adapters.records.tree_world import change, folder_of, read, record, records, verified


@pytest.mark.parametrize(
    "statements",
    [
        ("UPDATE audit_record SET record = chain WHERE seq = 4",),
        ("DELETE FROM audit_record WHERE seq = 4",),
        ("DELETE FROM audit_record WHERE seq > 3",),
        ("DELETE FROM audit_record",),
        ("UPDATE audit_record SET seq = seq + 100 WHERE seq = 4",),
        (
            "UPDATE audit_record SET seq = 1000 WHERE seq = 3",
            "UPDATE audit_record SET seq = 3 WHERE seq = 4",
            "UPDATE audit_record SET seq = 4 WHERE seq = 1000",
        ),
    ],
    ids=["one rewritten", "one deleted", "the end cut off", "emptied", "one moved away", "two exchanged"],
)
async def test_a_changed_history_is_not_signed(
    log: SqlAuditLog, tree: AuditTree, database: Database, statements: tuple[str, ...]
) -> None:
    """Records that were signed and are not what they were: no checkpoint any more, whatever comes after them."""
    await record(log, 8)
    note = await tree.advance()
    await log.close()
    await change(database, *statements)
    with pytest.raises(AuditUnavailable, match="does not continue"):
        await tree.advance()
    assert tree.state.fault
    assert await tree.published() == note


async def test_an_old_record_that_was_rewritten_is_not_signed_when_tiles_are_made_anew(
    log: SqlAuditLog, tree: AuditTree, database: Database
) -> None:
    """The tree over the rewritten log is sound in itself, and does not continue what was signed."""
    await record(log, 300)
    await tree.advance()
    await log.close()
    await change(database, "UPDATE audit_record SET record = chain WHERE seq = 4")
    shutil.rmtree(folder_of(tree) / "tile")
    with pytest.raises(AuditUnavailable, match="does not continue"):
        await tree.advance()


async def test_a_record_that_is_missing_before_it_was_signed_stops_the_tree(
    log: SqlAuditLog, tree: AuditTree, database: Database
) -> None:
    """The sequence has no hole: what was never signed cannot be taken away unseen either."""
    await record(log, 3)
    await tree.advance()
    await record(log, 5)
    await change(database, "DELETE FROM audit_record WHERE seq = 6")
    with pytest.raises(AuditUnavailable, match="does not continue"):
        await tree.advance()


async def test_a_changed_tile_of_hashes_stops_the_tree(log: SqlAuditLog, tree: AuditTree) -> None:
    """A frontier that is read from it leads to another root; that is seen also while nothing new comes."""
    await record(log, 300)
    await tree.advance()
    (tile,) = (folder_of(tree) / "tile" / "1" / "000.p").iterdir()
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])
    with pytest.raises(AuditUnavailable, match="does not continue"):
        await tree.advance()


async def test_a_database_restored_from_a_backup_is_not_signed(
    log: SqlAuditLog, tree: AuditTree, database: Database
) -> None:
    """Even when it has grown past its old size again, with other records."""
    await record(log, 5)
    kept = await records(database)
    await record(log, 5)
    await tree.advance()
    await change(database, f"DELETE FROM audit_record WHERE seq > {len(kept)}")
    await change(database, f"UPDATE ledger_counter SET value = {len(kept)} WHERE name = 'audit'")
    again = SqlAuditLog(database, tree._keyring, SystemClock(), folder_of(tree).parent / "other-heads")
    await again.start()
    try:
        await record(again, 20)
        with pytest.raises(AuditUnavailable, match="does not continue"):
            await tree.advance()
    finally:
        await again.close()


async def test_tiles_and_database_rolled_back_together_are_not_signed(
    log: SqlAuditLog, tree: AuditTree, database: Database, tmp_path: Path
) -> None:
    """What was signed last lies with the saved heads: an old folder of tiles does not bring an old log back."""
    await record(log, 5)
    await tree.advance()
    size = len(await records(database))
    shutil.copytree(folder_of(tree), tmp_path / "old")
    await record(log, 5)
    await tree.advance()
    await log.close()
    shutil.rmtree(folder_of(tree))
    (tmp_path / "old").rename(folder_of(tree))
    await change(database, f"DELETE FROM audit_record WHERE seq > {size}")
    with pytest.raises(AuditUnavailable):
        await tree.advance()


async def test_tiles_that_were_lost_are_made_anew(log: SqlAuditLog, tree: AuditTree, monkeypatch) -> None:
    """The tree is a function of the log; and what is made anew must come to what was signed."""
    monkeypatch.setattr(audit_tree, "_CHUNK", 256)
    monkeypatch.setattr(audit_tree, "_MOST", 256)
    await record(log, 600)
    note = await tree.advance()
    shutil.rmtree(folder_of(tree) / "tile")
    await record(log, 1)
    newer = await tree.advance()
    assert read(newer).size > read(note).size
    assert verified(tree, note).ok


async def test_a_forgotten_signature_stops_the_tree(log: SqlAuditLog, tree: AuditTree, tmp_path: Path) -> None:
    """Without the file that says what was signed last, and with a checkpoint that is out, nothing is signed."""
    await record(log, 1)
    await tree.advance()
    (tmp_path / "heads" / "signed-checkpoint").unlink()
    with pytest.raises(AuditUnavailable, match="does not continue"):
        await tree.advance()


async def test_a_full_tile_that_was_changed_is_found(log: SqlAuditLog, tree: AuditTree) -> None:
    """By the verifier always, by the log when it comes across it."""
    await record(log, 300)
    note = await tree.advance()
    tile = folder_of(tree) / "tile" / "entries" / "000"
    data = tile.read_bytes()
    tile.write_bytes(data.replace(b'"rows":3', b'"rows":4', 1))
    verdict = verified(tree)
    assert (verdict.outcome, verdict.bad is not None) == (Outcome.TAMPERED, True)
    tile.write_bytes(data)
    assert verified(tree, note).ok
    hashes = folder_of(tree) / "tile" / "0" / "000"
    hashes.write_bytes(bytes(32) + hashes.read_bytes()[32:])
    assert verified(tree).outcome is Outcome.TAMPERED


async def test_a_verifier_who_kept_a_checkpoint_sees_another_history(
    log: SqlAuditLog, tree: AuditTree, keys: FileKeyRing
) -> None:
    """Signed by the log's own key, complete in itself, and not the one that was there before."""
    await record(log, 4)
    size = read(await tree.advance()).size
    other = sign_checkpoint(
        Checkpoint("sekisho/audit", size - 1, bytes(32)), parse_key(keys.verification_key()), keys.sign
    )
    assert verified(tree, other).outcome is Outcome.TAMPERED
    larger = sign_checkpoint(
        Checkpoint("sekisho/audit", size + 1, bytes(32)), parse_key(keys.verification_key()), keys.sign
    )
    assert verified(tree, larger).outcome is Outcome.TAMPERED
    with pytest.raises(InvalidRequest):
        verified(tree, "not a note\n")


async def test_a_record_is_not_proved_under_another_id(log: SqlAuditLog, tree: AuditTree, database: Database) -> None:
    """The column by which a record is found is not what was signed: exchanged ids give no proof."""
    first, second = await record(log, 2)
    await tree.advance()
    await log.close()
    await change(
        database,
        f"UPDATE audit_record SET id = 'neither' WHERE id = '{first}'",
        f"UPDATE audit_record SET id = '{first}' WHERE id = '{second}'",
    )
    with pytest.raises(AuditUnavailable, match="does not continue"):
        await tree.proof_of(first)

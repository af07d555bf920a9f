"""The tree over the audit log: it grows, it proves, and it is not signed once history was changed."""

from __future__ import annotations

import asyncio
import fcntl
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records import audit_tree
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.tables import audit_record
from sekisho.audit_verify import Outcome, Verdict, verify_proof, verify_tree
from sekisho.domain.checkpoint import Checkpoint, format_proof, parse_checkpoint, sign_checkpoint
from sekisho.domain.note import parse_key, parse_note
from sekisho.domain.tlog import check_consistency, leaf_hash, root_by_inclusion, tree_root
from sekisho.errors import AuditUnavailable, InvalidRequest, NotFound
from sekisho.ports import AuditEntry

RELEASE = {"requester": "recommender", "purpose": "recommendation", "decision": "allow", "rows": 3}


@pytest.fixture
async def log(database: Database, keys: FileKeyRing, tmp_path: Path) -> AsyncIterator[SqlAuditLog]:
    """A started log."""
    opened = SqlAuditLog(database, keys, SystemClock(), tmp_path / "heads")
    await opened.start()
    yield opened
    await opened.close()


@pytest.fixture
def tree(database: Database, keys: FileKeyRing, tmp_path: Path) -> AuditTree:
    """Its tree."""
    return AuditTree(database, keys, tmp_path / "tree", tmp_path / "heads")


async def record(log: SqlAuditLog, count: int) -> list[str]:
    """Record so many releases; return their ids."""
    receipts = await asyncio.gather(*(log.append(AuditEntry("access.release", RELEASE)) for _ in range(count)))
    return [receipt.id for receipt in receipts]


async def records(database: Database) -> list[bytes]:
    """Every record, in order of sequence."""
    statement = sa.select(audit_record.c.record).order_by(audit_record.c.seq)
    return await database.read(lambda connection: [bytes(row) for (row,) in connection.execute(statement)])


async def change(database: Database, *statements: str) -> None:
    """Do to the database what only an intruder does."""

    def work(connection: sa.Connection) -> None:
        for statement in statements:
            connection.execute(sa.text(statement))

    await database.run(work)


def read(note: str) -> Checkpoint:
    """The checkpoint of a note."""
    return parse_checkpoint(parse_note(note).text)


def verified(tree: AuditTree, since: str | None = None) -> Verdict:
    """What the verifier says of the folder."""
    return verify_tree(tree.files.folder, tree._keyring.verification_key(), since=since)


@pytest.mark.parametrize("counts", [(1,), (3, 0, 5), (254, 1, 1), (255, 256, 2), (600,)])
async def test_a_checkpoint_is_the_root_over_all_records(
    log: SqlAuditLog, tree: AuditTree, database: Database, counts: tuple[int, ...]
) -> None:
    """Whatever the steps in which it came there, and the verifier computes the same."""
    earlier: str | None = None
    for count in counts:
        await record(log, count)
        note = await tree.advance()
        leaves = [leaf_hash(each) for each in await records(database)]
        assert read(note) == Checkpoint("sekisho/audit", len(leaves), tree_root(leaves))
        assert await tree.published() == note
        verdict = verified(tree, earlier)
        assert verdict.ok, verdict
        assert verdict.records == len(leaves)
        earlier = note


async def test_nothing_new_is_signed_once(log: SqlAuditLog, tree: AuditTree) -> None:
    """The same tree has the same checkpoint, to the byte, and keeps the signatures that others gave it."""
    await record(log, 2)
    note = await tree.advance()
    assert await tree.advance() == note
    cosigned = f"{note}\u2014 witness.example/w AAAAAAAA\n"
    assert await tree.publish(cosigned)
    assert await tree.advance() == cosigned
    await record(log, 1)
    newer = await tree.advance()
    assert not await tree.publish(cosigned)
    assert await tree.published() == newer


async def test_every_record_can_be_proved(
    log: SqlAuditLog, tree: AuditTree, database: Database, keys: FileKeyRing, tmp_path: Path
) -> None:
    """Also one that is newer than the checkpoint: the tree goes on to it first."""
    ids = await record(log, 270)
    await tree.advance()
    ids += await record(log, 3)
    stored = await records(database)
    for record_id in ids[::29] + ids[-3:]:
        proof = await tree.proof_of(record_id)
        newest = read(proof.checkpoint)
        assert proof.record == stored[proof.index]
        leaf = leaf_hash(proof.record)
        assert root_by_inclusion(leaf, proof.index, newest.size, proof.hashes) == newest.root
        file = tmp_path / f"{record_id}.tlog-proof"
        file.write_text(format_proof(proof), encoding="utf-8")
        assert verify_proof(file, keys.verification_key()).ok
    with pytest.raises(NotFound):
        await tree.proof_of("0199d3c2-7c1e-7d2f-8000-5d1c2ae0f3aa")


async def test_consistency_is_proved_between_any_two_trees(
    log: SqlAuditLog, tree: AuditTree, database: Database
) -> None:
    """From an old size to a new one, up to what was signed."""
    await record(log, 300)
    size = read(await tree.advance()).size
    leaves = [leaf_hash(each) for each in await records(database)]
    for old, new in ((0, size), (1, 2), (255, 256), (256, 257), (3, size), (size, size)):
        proof = await tree.consistency(old, new)
        check_consistency(old, tree_root(leaves[:old]), new, tree_root(leaves[:new]), proof)
    for old, new in ((2, 1), (0, size + 1), (-1, 2)):
        with pytest.raises(InvalidRequest):
            await tree.consistency(old, new)


async def test_a_proof_of_another_record_is_found(
    log: SqlAuditLog, tree: AuditTree, keys: FileKeyRing, tmp_path: Path
) -> None:
    """A changed record, place or hash, and a checkpoint of somebody else."""
    proof = await tree.proof_of((await record(log, 5))[2])
    text, file, vkey = format_proof(proof), tmp_path / "one.tlog-proof", keys.verification_key()

    def outcome(changed: str) -> Outcome:
        file.write_text(changed, encoding="utf-8")
        return verify_proof(file, vkey).outcome

    assert outcome(text) is Outcome.OK
    assert outcome(text.replace(f"index {proof.index}", f"index {proof.index - 1}")) is Outcome.TAMPERED
    lines = text.split("\n")
    lines[3], lines[4] = lines[4], lines[3]
    assert outcome("\n".join(lines)) is Outcome.TAMPERED
    assert outcome(text.replace("extra ey", "extra eX")) is Outcome.TAMPERED
    other = FileKeyRing.create(tmp_path / "other")
    forged = sign_checkpoint(read(proof.checkpoint), parse_key(other.verification_key()), other.sign)
    assert outcome(text[: text.index("sekisho/audit")] + forged) is Outcome.UNTRUSTED


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
    shutil.rmtree(tree.files.folder / "tile")
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
    (tile,) = (tree.files.folder / "tile" / "1" / "000.p").iterdir()
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
    again = SqlAuditLog(database, tree._keyring, SystemClock(), tree.files.folder.parent / "other-heads")
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
    shutil.copytree(tree.files.folder, tmp_path / "old")
    await record(log, 5)
    await tree.advance()
    await log.close()
    shutil.rmtree(tree.files.folder)
    (tmp_path / "old").rename(tree.files.folder)
    await change(database, f"DELETE FROM audit_record WHERE seq > {size}")
    with pytest.raises(AuditUnavailable):
        await tree.advance()


async def test_tiles_that_were_lost_are_made_anew(log: SqlAuditLog, tree: AuditTree, monkeypatch) -> None:
    """The tree is a function of the log; and what is made anew must come to what was signed."""
    monkeypatch.setattr(audit_tree, "_CHUNK", 256)
    monkeypatch.setattr(audit_tree, "_MOST", 256)
    await record(log, 600)
    note = await tree.advance()
    shutil.rmtree(tree.files.folder / "tile")
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


async def test_a_crash_between_signing_and_publishing_loses_nothing(
    log: SqlAuditLog, tree: AuditTree, monkeypatch
) -> None:
    """The next round publishes what was signed."""
    await record(log, 3)

    def crash(_note: str) -> None:
        raise OSError

    with monkeypatch.context() as broken:
        broken.setattr(tree.files, "publish", crash)
        with pytest.raises(AuditUnavailable):
            await tree.advance()
    assert await tree.published() is None
    note = await tree.advance()
    assert note == tree.files.signed()
    assert verified(tree).ok


async def test_a_full_tile_that_was_changed_is_found(log: SqlAuditLog, tree: AuditTree) -> None:
    """By the verifier always, by the log when it comes across it."""
    await record(log, 300)
    note = await tree.advance()
    tile = tree.files.folder / "tile" / "entries" / "000"
    data = tile.read_bytes()
    tile.write_bytes(data.replace(b'"rows":3', b'"rows":4', 1))
    verdict = verified(tree)
    assert (verdict.outcome, verdict.bad is not None) == (Outcome.TAMPERED, True)
    tile.write_bytes(data)
    assert verified(tree, note).ok
    hashes = tree.files.folder / "tile" / "0" / "000"
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


@pytest.mark.parametrize("missing", ["checkpoint", "tile/entries/000.p/*", "tile/0/000.p/*"])
async def test_a_missing_file_makes_it_incomplete(log: SqlAuditLog, tree: AuditTree, missing: str) -> None:
    """Neither good nor tampered with."""
    await record(log, 4)
    await tree.advance()
    for path in tree.files.folder.glob(missing):
        path.unlink()
    assert verified(tree).outcome is Outcome.INCOMPLETE


async def test_partial_tiles_go_when_the_full_one_is_there(log: SqlAuditLog, tree: AuditTree) -> None:
    """Until then whoever holds an older checkpoint finds the tiles of its tree."""
    await record(log, 100)
    await tree.advance()
    await record(log, 100)
    await tree.advance()
    partial = tree.files.folder / "tile" / "0" / "000.p"
    assert len(list(partial.iterdir())) == 2
    await record(log, 100)
    await tree.advance()
    assert not partial.exists()


async def test_several_at_once_come_to_one_checkpoint(
    log: SqlAuditLog, database: Database, keys: FileKeyRing, tmp_path: Path
) -> None:
    """One goes on with the tree, the others wait for it."""
    await record(log, 50)
    several = [AuditTree(database, keys, tmp_path / "tree", tmp_path / "heads") for _ in range(5)]
    notes = await asyncio.gather(*(each.advance() for each in several))
    assert len(set(notes)) == 1


async def test_whoever_holds_the_tree_too_long_makes_the_others_say_so(
    log: SqlAuditLog, tree: AuditTree, monkeypatch
) -> None:
    """A process that was stopped in the middle does not hang the others for ever."""
    monkeypatch.setattr(audit_tree, "_WAIT_S", 0.2)
    await record(log, 1)
    await tree.advance()
    with (tree.files.folder / ".lock").open("r+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(AuditUnavailable, match="another process"):
            await tree.advance()
    assert await tree.advance()


_FOR_EVER = """
import asyncio, sys
from pathlib import Path
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.database import Database

async def main(url, folder):
    tree = AuditTree(Database(url), FileKeyRing(folder / "keys"), folder / "tree", folder / "heads")
    while True:
        await tree.advance()
        print(flush=True)

asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
"""


@pytest.mark.parametrize("round_", range(5))
async def test_a_process_killed_anywhere_leaves_a_tree_that_goes_on(
    log: SqlAuditLog, tree: AuditTree, url: str, tmp_path: Path, round_: int
) -> None:
    """Tiles, signature and checkpoint: each is whole or not there, and the next process continues."""
    command = [sys.executable, "-c", _FOR_EVER, url, str(tmp_path)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        for _ in range(5 + 2 * round_):
            await record(log, 20)
            assert await process.stdout.readline()
        await asyncio.sleep(0.003 * round_)
    finally:
        process.kill()
        assert await process.wait() == -signal.SIGKILL
    before = await tree.published()
    assert before is not None
    await record(log, 3)
    after = await tree.advance()
    assert read(after).size > read(before).size
    assert verified(tree, before).ok

"""The tree over the audit log: it grows, it proves, and it is not signed once history was changed."""

from __future__ import annotations

import asyncio
import fcntl
import signal
import sys
from pathlib import Path

import pytest

from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records import audit_tree
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.database import Database
from sekisho.audit_verify import Outcome, verify_proof
from sekisho.domain.checkpoint import Checkpoint, format_proof, sign_checkpoint
from sekisho.domain.note import parse_key
from sekisho.domain.tlog import check_consistency, leaf_hash, root_by_inclusion, tree_root
from sekisho.errors import AuditUnavailable, InvalidRequest, NotFound
from tests.adapters.records.tree_world import folder_of, read, record, records, verified


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


@pytest.mark.parametrize("missing", ["checkpoint", "tile/entries/000.p/*", "tile/0/000.p/*"])
async def test_a_missing_file_makes_it_incomplete(log: SqlAuditLog, tree: AuditTree, missing: str) -> None:
    """Neither good nor tampered with."""
    await record(log, 4)
    await tree.advance()
    for path in folder_of(tree).glob(missing):
        path.unlink()
    assert verified(tree).outcome is Outcome.INCOMPLETE


async def test_partial_tiles_go_when_the_full_one_is_there(log: SqlAuditLog, tree: AuditTree) -> None:
    """Until then whoever holds an older checkpoint finds the tiles of its tree."""
    await record(log, 100)
    await tree.advance()
    await record(log, 100)
    await tree.advance()
    partial = folder_of(tree) / "tile" / "0" / "000.p"
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
    with (folder_of(tree) / ".lock").open("r+") as other:
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

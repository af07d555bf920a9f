"""What a verification is given beside the log: damaged, cut short, newer or of another log, not taken for it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from sekisho.adapters.keyring import FileKeyRing
from sekisho.audit_verify import Outcome, Verdict, verify_database, verify_export, verify_path, verify_tree
from sekisho.domain.note import MANIFEST_FILE, SEAL_FILE, parse_key, seal_text, sign_note
from sekisho.domain.pruning import anchor_after
from sekisho.domain.tlog import Frontier
from sekisho.errors import InvalidRequest
from tests.history.cases import opened
from tests.history.worlds import CSV, DATABASE, EXPORT, HEADS, TREE, World


@pytest.fixture
def world(worlds: tuple[World, ...]) -> World:
    """A short log."""
    return worlds[0]


@pytest.fixture
def copy(world: World, tmp_path: Path) -> Path:
    """Everything of it, to be changed."""
    return Path(shutil.copytree(world.last.folder, tmp_path / "copy"))


def in_database(world: World, copy: Path, since: str | None = None) -> Verdict:
    """What is said of the database."""
    return verify_database(copy / DATABASE, copy / HEADS, world.vkey, since=since)


@pytest.mark.parametrize("kept", [1, 2, 3, 4])
def test_a_head_cut_inside_a_character_is_no_tampering(world: World, copy: Path, kept: int) -> None:
    """A write that a full disk or a crash cut short, also between the bytes of one character, raises no alarm."""
    path = max((copy / HEADS).glob("*.heads"), key=lambda each: each.stat().st_size)
    data = path.read_bytes()
    newest = data[data.rindex(b"sekisho/audit/") :]
    path.write_bytes(data + newest[: newest.index("—".encode()) + kept])
    assert in_database(world, copy).ok


def test_saved_heads_that_cannot_be_read_are_missing(world: World, copy: Path) -> None:
    """What the verifier may not read is incomplete, and neither a crash nor tampering."""
    (copy / HEADS / "gone.heads").symlink_to(copy / "nowhere")
    found = in_database(world, copy)
    assert (found.outcome, found.finding) == (Outcome.INCOMPLETE, "gone.heads cannot be read")


@pytest.mark.parametrize("target", ["proof", "checkpoint"])
def test_what_shows_no_history_takes_no_earlier_checkpoint(world: World, target: str) -> None:
    """A proof of one record, or a checkpoint alone, does not continue what was kept: ok would pass that over."""
    stage = world.stages[0]
    path = stage.proofs[0] if target == "proof" else stage.folder / TREE / "checkpoint"
    assert verify_path(path, world.vkey).ok
    with pytest.raises(InvalidRequest, match="does not show"):
        verify_path(path, world.vkey, since=world.last.checkpoint)


@pytest.mark.parametrize("how", ["twice", "a mark before it", "another text", "not text"])
def test_a_kept_checkpoint_that_is_damaged_is_no_tampering(
    world: World, copy: Path, tmp_path: Path, how: str
) -> None:
    """What the verifier kept is the verifier's own: when it cannot be read, the log is not called tampered."""
    note = world.stages[0].checkpoint
    texts = {"twice": note + note, "a mark before it": f"\ufeff{note}", "another text": "a\nb\nc\n\n\u2014 d e\n"}
    kept = tmp_path / "kept"
    kept.write_bytes(texts[how].encode() if how in texts else b"\xff\n\n")
    with pytest.raises(InvalidRequest):
        in_database(world, copy, str(kept))
    with pytest.raises(InvalidRequest):
        verify_export(copy / EXPORT, world.vkey, since=str(kept))
    with pytest.raises(InvalidRequest):
        verify_tree(copy / TREE, world.vkey, since=str(kept))


def test_a_kept_checkpoint_may_lack_its_last_line_end(world: World, copy: Path) -> None:
    """``--since "$(cat kept)"`` is the checkpoint of the file: a shell takes the last line end away."""
    note = world.stages[0].checkpoint.rstrip("\n")
    assert verify_tree(copy / TREE, world.vkey, since=note).ok
    assert in_database(world, copy, note).ok


def test_a_policy_that_trusts_other_logs_is_not_passed_over(worlds: tuple[World, ...], world: World) -> None:
    """Where a policy names logs, the log whose key was given is one of them."""
    tree = world.stages[1].folder / TREE
    ours, theirs = (replace(world.policy(), logs=(parse_key(each.vkey),)) for each in (world, worlds[2]))
    assert verify_path(tree, world.vkey, policy=ours).ok
    with pytest.raises(InvalidRequest, match="other logs"):
        verify_path(tree, world.vkey, policy=theirs)


def test_a_copy_that_was_made_while_the_log_went_on_raises_no_alarm(world: World, copy: Path) -> None:
    """The checkpoint was copied before the one that witnesses signed: the tree is held against both."""
    stages = world.stages
    earlier = (stages[0].folder / TREE / "checkpoint").read_text("utf-8")
    text, _, lines = earlier.rpartition("\n\n")
    log = parse_key(world.vkey).name
    own = next(line for line in lines.splitlines() if line.startswith(f"\u2014 {log} "))
    (copy / TREE / "checkpoint").write_text(f"{text}\n\n{own}\n", "utf-8")
    found = verify_tree(copy / TREE, world.vkey, policy=world.policy())
    assert found.ok, found
    assert (found.records, len(found.witnesses)) == (stages[1].size, 2)
    shutil.rmtree(copy / TREE / "tile")
    shutil.copytree(stages[0].folder / TREE / "tile", copy / TREE / "tile")
    assert verify_tree(copy / TREE, world.vkey, policy=world.policy()).outcome is Outcome.INCOMPLETE


@pytest.mark.parametrize("kept", ["forged", "text", "number"])
def test_a_beginning_that_no_record_states_is_found_where_nothing_was_pruned(
    world: World, copy: Path, kept: str
) -> None:
    """Exports and reports begin where the database says that pruning ended: nobody says so but the log."""
    assert in_database(world, copy).ok
    frontier = Frontier()
    frontier.extend([bytes(32)] * 256)
    anchor = anchor_after(frontier, ("somebody", 256, bytes(32)), {})
    values: dict[str, object] = {"forged": anchor.to_json(), "text": "nobody", "number": 1 << 40}
    with opened(copy / DATABASE) as connection:
        connection.execute("INSERT INTO audit_pruned (minimum_index, anchor) VALUES (256, ?)", (values[kept],))
    found = in_database(world, copy)
    assert found.outcome is Outcome.TAMPERED, found
    assert "pruned" in found.finding


@pytest.mark.parametrize(("name", "field"), [(CSV, "records"), (EXPORT, "records"), (EXPORT, "last_seq")])
def test_a_manifest_that_counts_other_events_is_refused(world: World, copy: Path, name: str, field: str) -> None:
    """Also one that the log itself sealed: how many events there are, and up to which record, is counted."""
    folder = copy / name
    manifest = json.loads((folder / MANIFEST_FILE).read_text("utf-8"))
    assert verify_export(folder, world.vkey).ok
    manifest[field] += 1
    reseal(folder, world.keys, manifest)
    found = verify_export(folder, world.vkey)
    assert found.outcome is Outcome.TAMPERED, found


def reseal(folder: Path, keys: FileKeyRing, manifest: dict[str, object]) -> None:
    """Seal another manifest with the log's own key."""
    data = json.dumps(manifest).encode()
    (folder / MANIFEST_FILE).write_bytes(data)
    text = seal_text(int(str(manifest["records"])), data)
    (folder / SEAL_FILE).write_text(sign_note(text, parse_key(keys.verification_key()), keys.sign), "utf-8")

"""Changes to the tree of a log: its tiles, bundles and checkpoints, the proofs made from it, what witnesses see."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from hypothesis import reject

from sekisho.domain import tlog
from sekisho.domain.checkpoint import Checkpoint, format_proof, parse_proof, sign_checkpoint, with_signatures
from sekisho.domain.note import parse_key
from sekisho.domain.record import canonical
from sekisho.domain.tlog import TILE_WIDTH, Frontier, Tile, bundle, records_in, tile_at, tiles_of
from tests.history.cases import FOUND, INCOMPLETE, UNTRUSTED, Case, Must, at
from tests.history.in_database import rewrite_from
from tests.history.worlds import TREE, Stage, ask, checkpoint_of


def bundles_of(size: int) -> list[Tile]:
    """Return the bundles of the tree over *size* records."""
    return [tile_at(None, index, size) for index in range(-(-size // TILE_WIDTH))]


def files_of(stage: Stage) -> list[Tile]:
    """Return every tile and bundle of the tree at a stage."""
    return [*bundles_of(stage.size), *tiles_of(stage.size)]


def write_tree(folder: Path, records: Sequence[bytes]) -> Frontier:
    """Write the whole tree over *records*, as the integrator would have."""
    shutil.rmtree(folder / "tile")
    frontier = Frontier()
    tiles = [each for record in records for each in frontier.append(tlog.leaf_hash(record))] + frontier.partial()
    for tile in bundles_of(len(records)):
        tiles.append((tile, bundle(records[tile.index * TILE_WIDTH :][: tile.width])))
    for tile, data in tiles:
        (folder / tile.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / tile.path).write_bytes(data)
    return frontier


def record_at(data: bytes, place: int) -> int:
    """Return which record of a bundle has byte *place*, its length included."""
    end = 0
    for number, record in enumerate(records_in(data)):
        end += 2 + len(record)
        if place < end:
            return number
    raise AssertionError


def flip_byte_of_bundle(case: Case) -> Must:
    """One byte of a record or of its length; the record is named."""
    folder = case.tree()
    tile = case.one_of(bundles_of(case.world.last.size))
    data = (folder / tile.path).read_bytes()
    changed, place = case.byte_changed(data)
    (folder / tile.path).write_bytes(changed)
    return at(tile.index * TILE_WIDTH + record_at(data, place) + 1)


def flip_byte_of_tile(case: Case) -> Must:
    """One byte of a hash; where it is a record's, that record is named."""
    folder = case.tree()
    tile = case.one_of(tiles_of(case.world.last.size))
    changed, place = case.byte_changed((folder / tile.path).read_bytes())
    (folder / tile.path).write_bytes(changed)
    return Must() if tile.level else at(tile.index * TILE_WIDTH + place // 32 + 1)


def flip_byte_of_checkpoint(case: Case) -> Must:
    """One byte of what was signed, or of the signature."""
    path = case.tree() / "checkpoint"
    path.write_bytes(case.byte_changed(path.read_bytes())[0])
    return Must(FOUND)


def flip_byte_of_what_was_witnessed(case: Case) -> Must:
    """One byte of the newest checkpoint that witnesses signed, to a verifier who demands them."""
    stage = case.one_of(case.world.stages[1:])
    path = case.tree(stage) / ("witnessed" if stage is case.world.last else "checkpoint")
    if stage is not case.world.last:
        (case.target / "witnessed").unlink()
    path.write_bytes(case.byte_changed(path.read_bytes())[0])
    case.policy = case.world.policy()
    return Must(FOUND)


def remove_a_witness(case: Case) -> Must:
    """The line of a witness is gone, or is one of another log's witness, to a verifier who demands it."""
    stage = case.one_of(case.world.stages[1:])
    folder = case.tree(stage)
    number = case.number(0, 1)
    name = case.world.witnesses[number].key.name
    for path in (folder / "checkpoint", folder / "witnessed"):
        lines = path.read_text("utf-8").splitlines(keepends=True)
        left = "".join(line for line in lines if not line.startswith(f"\u2014 {name} "))
        if case.number(0, 1):
            other = case.one_of(case.others)
            theirs = (other.stages[1].folder / TREE / "witnessed").read_text("utf-8").splitlines(keepends=True)[-1]
            left = with_signatures(left, [theirs])
        path.write_text(left, "utf-8")
    case.policy = case.world.policy(*case.one_of([(number,), (0, 1)]))
    return Must(UNTRUSTED)


def cut_or_extend_a_file(case: Case) -> Must:
    """A tile, a bundle or the checkpoint is shorter or longer than it was."""
    folder = case.tree()
    path = case.one_of([folder / tile.path for tile in files_of(case.world.last)] + [folder / "checkpoint"])
    data = path.read_bytes()
    if case.number(0, 1):
        path.write_bytes(data[: case.number(0, len(data) - 1)])
    else:
        path.write_bytes(data + bytes([case.number(0, 255)]) * case.one_of((1, 2, 32, 33)))
    return Must(FOUND)


def remove_a_file(case: Case) -> Must:
    """A tile, a bundle or the checkpoint is not there."""
    folder = case.tree()
    tile = case.one_of([None, *files_of(case.world.last)])
    (folder / ("checkpoint" if tile is None else tile.path)).unlink()
    return Must(INCOMPLETE, refused=tile is None)


def swap_files(case: Case) -> Must:
    """Two tiles or two bundles in each other's place, or one kind in the place of the other."""
    folder = case.tree()
    tiles = files_of(case.world.last)
    one = case.one_of(tiles)
    other = case.one_of(each for each in tiles if each != one)
    first, second = folder / one.path, folder / other.path
    data = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(data)
    return Must(FOUND)


def move_records_in_a_bundle(case: Case) -> Must:
    """Records of a bundle are deleted, swapped, doubled or put in; with or without the hashes beside them."""
    folder = case.tree()
    tile = case.one_of(bundles_of(case.world.last.size))
    records = records_in((folder / tile.path).read_bytes())
    one = case.number(0, len(records) - 2)
    other = case.number(one + 1, len(records) - 1)
    changed = case.one_of(
        (
            [*records[:one], *records[one + 1 :]],
            [*records[:one], records[other], *records[one + 1 : other], records[one], *records[other + 1 :]],
            [*records[:one], records[other], *records[one:]],
            [*records[:one], records[one], *records[one:]],
        )
    )
    (folder / tile.path).write_bytes(bundle(changed))
    # The first place at which another record stands than before, or none, or one too many.
    first = next((n for n, (a, b) in enumerate(zip(records, changed, strict=False)) if a != b), len(records) - 1)
    if case.number(0, 1):
        hashes = [tlog.leaf_hash(record) for record in changed][: tile.width]
        (folder / Tile(0, tile.index, tile.width).path).write_bytes(b"".join(hashes))
        return Must(FOUND)
    return at(tile.index * TILE_WIDTH + first + 1)


def put_in_files_of_another_log(case: Case) -> Must:
    """Tiles, bundles or checkpoint of another tenant's log, or of another log under the same key."""
    folder = case.tree()
    world = case.one_of([*case.others, case.world])
    theirs = world.stages[case.number(0, 1)]
    case.since = case.world.last.checkpoint if world is case.world else None  # an own old checkpoint is a sound one
    source = theirs.folder / TREE
    if case.number(0, 2) == 0:
        shutil.copyfile(source / "checkpoint", folder / "checkpoint")
        return Must(FOUND)
    tile = case.one_of(files_of(case.world.last))
    shutil.copyfile(source / case.one_of(files_of(theirs)).path, folder / tile.path)
    return Must(FOUND)


def rewrite_the_tree(case: Case) -> Must:
    """A record rewritten, and all chains, bundles and tiles made anew: everything but the signature."""
    folder = case.tree()
    write_tree(folder, forged_records(case))
    return Must()


def forged_records(case: Case) -> list[bytes]:
    """Return the records of the last stage, one of them another, all chained as they should be."""
    rows = case.rows()
    place = case.number(0, len(rows) - 1)
    forged = rewrite_from(rows, place, requester=f"somebody {case.number(0, 10**6)}")
    return [row.record for row in forged]


def sign_a_fork(case: Case) -> Must:
    """Two readers are shown two histories, both signed by the log; the second reader kept the first checkpoint."""
    folder = case.tree()
    records = fork(case, folder)
    kept = case.one_of(stage for stage in case.world.stages if records[: stage.size] != originals(case, stage))
    case.since = kept.checkpoint
    return Must()


def originals(case: Case, stage: Stage) -> list[bytes]:
    """Return the records of a stage, as they were written."""
    return [row.record for row in case.rows()[: stage.size]]


def fork(case: Case, folder: Path, least: int = 0) -> list[bytes]:
    """Write another history to the folder, of *least* records or more, signed by the log itself; return it."""
    records = forged_records(case)
    records = records[: case.number(max(least, 1), len(records))]
    frontier = write_tree(folder, records)
    (folder / "checkpoint").write_text(signed(case, Checkpoint(key(case).name, frontier.size, frontier.root())))
    (folder / "witnessed").unlink(missing_ok=True)
    return records


def key(case: Case):
    return parse_key(case.world.vkey)


def signed(case: Case, checkpoint: Checkpoint) -> str:
    """Return a checkpoint that the log itself signs."""
    return sign_checkpoint(checkpoint, key(case), case.world.keys.sign)


def show_witnesses_two_histories(case: Case) -> Must:
    """One witness saw the log, a stranger a fork of it: who demands the first, or both, cannot be shown the fork."""
    folder = case.tree()
    fork(case, folder)
    (folder / "witnessed").unlink(missing_ok=True)
    note = (folder / "checkpoint").read_text("utf-8")
    other = case.others[0].witnesses[0]
    line = other._memory.cosignature(note.partition("\n\n")[0] + "\n", 1_700_000_000)
    (folder / "checkpoint").write_text(with_signatures(note, [line]), "utf-8")
    case.policy = case.one_of((case.world.policy(0), case.world.policy(0, 1)))
    return Must(UNTRUSTED)


def ask_a_witness_for_a_fork(case: Case) -> Must:
    """A witness that saw the log is shown a fork, an older tree, or a proof that is none: it signs nothing.

    What it refused is shown to a verifier who demands it.
    """
    folder = case.tree()
    seen = case.world.stages[1]
    how = case.number(0, 2)
    if how == 0:
        records = fork(case, folder, seen.size)
        if records[: seen.size] == originals(case, seen):
            reject()
    elif how == 1:
        size = case.number(1, seen.size - 1)
        frontier = write_tree(folder, originals(case, case.world.last)[:size])
        (folder / "checkpoint").write_text(signed(case, Checkpoint(key(case).name, size, frontier.root())), "utf-8")
        records = originals(case, case.world.last)[:size]
    else:
        records = originals(case, case.world.last)
    leaves = [tlog.leaf_hash(record) for record in records]
    note = (folder / "checkpoint").read_text("utf-8")

    def prove(old: int) -> list[bytes]:
        proof = tlog.consistency_proof(old, len(leaves), lambda level, index: tlog.tree_root(
            leaves[index << level : (index + 1) << level]
        ))  # fmt: skip
        if how == 2:
            place = case.number(0, len(proof) - 1)
            proof[place] = case.byte_changed(proof[place])[0]
        return proof

    witness = case.world.witnesses[case.number(0, 1)]
    line = ask(witness, note, prove)
    (folder / "checkpoint").write_text(with_signatures(note, [line or ""]), "utf-8")
    (folder / "witnessed").unlink(missing_ok=True)
    case.policy = case.world.policy(case.world.witnesses.index(witness))
    return Must(UNTRUSTED)


def roll_back_the_tree(case: Case) -> Must:
    """An old copy of the folder, sound in itself, to somebody who kept a newer checkpoint."""
    number = case.number(0, len(case.world.stages) - 2)
    folder = case.tree(case.world.stages[number])
    size = case.number(1, case.world.stages[number].size)
    records = originals(case, case.world.last)[:size]
    if size != case.world.stages[number].size:  # and a checkpoint that the log once signed, of even fewer
        frontier = write_tree(folder, records)
        (folder / "checkpoint").write_text(signed(case, Checkpoint(key(case).name, size, frontier.root())), "utf-8")
        (folder / "witnessed").unlink(missing_ok=True)
    case.since = case.one_of(case.world.stages[number + 1 :]).checkpoint
    return Must()


# -- proofs of one record ----------------------------------------------------------------------------


def flip_byte_of_proof(case: Case) -> Must:
    """One byte of a proof file: record, place, hashes, checkpoint, and the witnesses that are demanded."""
    stage = case.one_of(case.world.stages[:2])
    path = case.one_of(stage.proofs)
    case.target = case.folder / path.name
    case.target.write_bytes(case.byte_changed(path.read_bytes())[0])
    case.policy = case.world.policy()
    return Must(FOUND, refused=True)


def change_a_proof(case: Case) -> Must:
    """Another record, place, path or checkpoint in a proof."""
    stages = case.world.stages
    stage = case.one_of(stages)
    path = case.one_of(stage.proofs)
    proof = parse_proof(path.read_text("utf-8"))
    hashes, record, index, checkpoint = list(proof.hashes), proof.record or b"", proof.index, proof.checkpoint
    how = case.number(0, 5)
    if how == 0:
        place = case.number(0, len(hashes) - 1)
        hashes[place] = case.byte_changed(hashes[place])[0]
    elif how == 1:
        one, other = case.number(0, len(hashes) - 1), case.number(0, len(hashes) - 1)
        hashes[one], hashes[other] = hashes[other], hashes[one]
    elif how == 2:
        place = case.number(0, len(hashes))
        hashes = case.one_of((hashes[:place] + hashes[place + 1 :], [*hashes[:place], bytes(32), *hashes[place:]]))
    elif how == 3:
        index = case.number(0, stage.size + 5)
    elif how == 4:
        said = json.loads(record) | {"requester": f"somebody {case.number(0, 10**6)}"}
        record = case.one_of((canonical(said), case.one_of(case.rows()).record))
    else:
        other_stage = case.one_of([each for world in (case.world, *case.others) for each in world.stages])
        checkpoint = other_stage.checkpoint
    case.target = case.folder / path.name
    if (hashes, record, index) == (list(proof.hashes), proof.record, proof.index) and checkpoint_of(
        checkpoint
    ) == checkpoint_of(proof.checkpoint):
        reject()
    changed = type(proof)(index, tuple(hashes), checkpoint, record)
    case.target.write_text(format_proof(changed), "utf-8")
    return Must(FOUND) if how == 5 else at(index + 1)


CHANGES = {
    flip_byte_of_bundle: 6, flip_byte_of_tile: 4, flip_byte_of_checkpoint: 2, flip_byte_of_what_was_witnessed: 3,
    remove_a_witness: 1, cut_or_extend_a_file: 4, remove_a_file: 1, swap_files: 1, move_records_in_a_bundle: 4,
    put_in_files_of_another_log: 2, rewrite_the_tree: 3, sign_a_fork: 3, show_witnesses_two_histories: 2,
    ask_a_witness_for_a_fork: 4, roll_back_the_tree: 3, flip_byte_of_proof: 4, change_a_proof: 4,
}  # fmt: skip
"""Each change, and how large a share of all it is."""

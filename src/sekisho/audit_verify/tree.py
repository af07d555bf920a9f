"""The check of a log's tree: a folder of tiles and bundles of records, and the proof of one record in one file.

Everything is computed anew from the records. A checkpoint that the verifier kept binds more than the newest one: the
tree must continue it, whatever else fits together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from sekisho.audit_verify.trust import TrustedKey, anchor_in, note_of, parse
from sekisho.audit_verify.verdict import Outcome, Verdict, VerificationFailed, failed_verdict
from sekisho.audit_verify.witnesses import require_witnesses
from sekisho.domain.chain import BadRecord, BrokenChainError, Walk
from sekisho.domain.checkpoint import (
    MAX_CHECKPOINT_BYTES,
    PROOF_HEADER,
    Checkpoint,
    RecordProof,
    parse_checkpoint,
    parse_proof,
)
from sekisho.domain.note import MalformedNoteError, parse_note
from sekisho.domain.pruning import PRUNED_FILE, Anchor
from sekisho.domain.record import stands_at
from sekisho.domain.tlog import (
    TILE_WIDTH,
    Frontier,
    ProofError,
    Tile,
    leaf_hash,
    leaf_hashes,
    records_in,
    root_by_inclusion,
    tile_at,
)
from sekisho.domain.witness_policy import WitnessPolicy
from sekisho.errors import InvalidRequest

CHECKPOINT_FILE = "checkpoint"
WITNESSED_FILE = "witnessed"
_MAX_PROOF_BYTES = 1 << 18
MAX_ANCHOR_BYTES = 1 << 30
"""Of an anchor; it holds a line for each process that ever wrote."""

Passing = Callable[[Frontier, Walk], None]
"""Is told how far a check of the tree came."""


def verify_tree(
    folder: Path,
    vkey: str,
    *,
    since: str | None = None,
    policy: WitnessPolicy | None = None,
    passing: Passing | None = None,
) -> Verdict:
    """Verify the tree in *folder*: its checkpoint's signature, every record, every tile, the root.

    Parameters
    ----------
    folder:
        With ``checkpoint``, ``tile/entries/…`` and ``tile/0/…``, as a log keeps them or a copy of it.
    vkey:
        The log's public key, from its owner.
    since:
        A checkpoint that was kept earlier (text or path): the tree must continue it.
    policy:
        Which witnesses must have signed. The newest checkpoint may be a few seconds ahead of them; then the tree must
        continue the newest one that they signed, which lies beside it, and what is after that is counted.
    passing:
        Is shown the tree and the chains after each bundle.

    Raises
    ------
    InvalidRequest
        When *vkey* or *since* cannot be read.
    """
    key = TrustedKey(vkey)
    earlier = None if since is None else _kept(since, key)
    walk = Walk(marks={})
    try:
        data = _read(folder / CHECKPOINT_FILE, MAX_CHECKPOINT_BYTES)
        newest = seen = _checkpoint(data, key, CHECKPOINT_FILE)
        known: list[tuple[str, Checkpoint]] = []
        try:
            signed = _witnessed(data, policy, CHECKPOINT_FILE)
        except VerificationFailed as failed:
            if failed.outcome is not Outcome.UNTRUSTED or not (folder / WITNESSED_FILE).is_file():
                raise
            data = _read(folder / WITNESSED_FILE, MAX_CHECKPOINT_BYTES)
            seen, signed = _checkpoint(data, key, WITNESSED_FILE), _witnessed(data, policy, WITNESSED_FILE)
            if seen.size > newest.size:  # a log in use went on between the two reads, or between two files of a copy
                known.append(("the checkpoint beside it", newest))
                newest = seen
            else:
                known.append(("the checkpoint that witnesses signed", seen))
        if earlier is not None:
            known.append(("the checkpoint kept earlier", earlier))
        anchor = _anchor(folder, newest.size)
        walk = Walk(marks={}, anchor=anchor)
        _walk(folder, newest, known, walk, Frontier() if anchor is None else anchor.frontier(), passing)
    except VerificationFailed as failed:
        return failed_verdict(failed, walk, 0)
    heads = 1 + (earlier is not None)
    tail = newest.size - seen.size
    return Verdict(Outcome.OK, "", None, walk.count, len(walk.chains), heads, tail, signed, pruned=walk.pruned)


def verify_checkpoint(file: Path, vkey: str, *, policy: WitnessPolicy | None = None) -> Verdict:
    """Verify who signed the checkpoint in *file*; of the records nothing is known.

    Raises ``InvalidRequest`` when *vkey* cannot be read.
    """
    key = TrustedKey(vkey)
    try:
        data = _read(file, MAX_CHECKPOINT_BYTES)
        _checkpoint(data, key, file.name)
        return Verdict(Outcome.OK, heads=1, witnesses=_witnessed(data, policy, file.name))
    except VerificationFailed as failed:
        return Verdict(failed.outcome, failed.finding)


def verify_proof(
    file: Path, vkey: str, *, record: bytes | None = None, policy: WitnessPolicy | None = None
) -> Verdict:
    """Verify the proof of one record in *file* (C2SP tlog-proof); *record* where the file does not carry it.

    *policy* says which witnesses must have signed the checkpoint of the proof.

    Raises ``InvalidRequest`` when *vkey* cannot be read, or there is no record.
    """
    key = TrustedKey(vkey)
    try:
        proof = parse_proof_of(_read(file, _MAX_PROOF_BYTES))
        found = proof.record if record is None else record
        if found is None:
            raise InvalidRequest("the proof does not carry its record; name a file that does")
        checkpoint = proof.checkpoint.encode()
        included(found, proof, _checkpoint(checkpoint, key, "the checkpoint of the proof"))
        signed = _witnessed(checkpoint, policy, "the checkpoint of the proof")
    except VerificationFailed as failed:
        return Verdict(failed.outcome, failed.finding, failed.bad)
    return Verdict(Outcome.OK, "", None, 1, 1, 1, witnesses=signed)


def is_proof(path: Path) -> bool:
    """Return whether *path* is a file that begins as the proof of a record does."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(PROOF_HEADER)) == PROOF_HEADER.encode()


def is_checkpoint(path: Path) -> bool:
    """Return whether *path* is a file with a checkpoint, whoever signed it."""
    if not path.is_file() or path.stat().st_size > MAX_CHECKPOINT_BYTES:
        return False
    try:
        parse_checkpoint(parse_note(path.read_bytes().decode("utf-8")).text)
    except (UnicodeDecodeError, MalformedNoteError):
        return False
    return True


def _witnessed(data: bytes, policy: WitnessPolicy | None, what: str) -> tuple[str, ...]:
    """Return who signed a checkpoint of those that *policy* trusts, who must be enough."""
    if policy is None:
        return ()
    return tuple(str(each) for each in require_witnesses(parse(note_of(data, what), what), policy, what))


def _kept(since: str, key: TrustedKey) -> Checkpoint:
    try:
        data = since.encode() if "\n" in since else _first_bytes(Path(since), MAX_CHECKPOINT_BYTES)
        return _checkpoint(data.rstrip(b"\n") + b"\n", key, "--since")  # a shell takes the end of the last line away
    except VerificationFailed as failed:
        raise InvalidRequest(f"{failed.finding}; --since takes a signed checkpoint kept earlier") from None


def _checkpoint(data: bytes, key: TrustedKey, what: str) -> Checkpoint:
    """Return a checkpoint that the trusted key signed, of its own log."""
    note = key.verify(note_of(data, what), what)
    try:
        checkpoint = parse_checkpoint(note.text)
    except MalformedNoteError as error:
        raise VerificationFailed(Outcome.TAMPERED, f"{what} is damaged: {error}") from None
    if checkpoint.origin != key.key.name:
        raise VerificationFailed(Outcome.TAMPERED, f"{what} speaks of another log")
    return checkpoint


def parse_proof_of(data: bytes) -> RecordProof:
    """Return the proof of one record. Raises ``VerificationFailed`` when it is none."""
    try:
        return parse_proof(data.decode("utf-8"))
    except (UnicodeDecodeError, MalformedNoteError) as error:
        raise VerificationFailed(Outcome.TAMPERED, f"this is no proof of a record: {error}") from None


def included(record: bytes, proof: RecordProof, checkpoint: Checkpoint) -> None:
    """Check that *record* is in the tree of *checkpoint*. Raises ``VerificationFailed`` when it is not."""
    try:
        root = root_by_inclusion(leaf_hash(record), proof.index, checkpoint.size, proof.hashes)
    except ProofError as error:
        raise VerificationFailed(
            Outcome.TAMPERED, f"this is no proof of a record: {error}", _at(proof.index)
        ) from None
    if root != checkpoint.root:
        raise VerificationFailed(Outcome.TAMPERED, "the record is not in the log that was signed", _at(proof.index))
    said = stands_at(record)
    if said is None or said[1] != proof.index + 1:
        raise VerificationFailed(Outcome.TAMPERED, "the record says that it stands elsewhere", _at(proof.index))


def _anchor(folder: Path, size: int) -> Anchor | None:
    """Return what is kept of pruned records where the first bundle is gone, ``None`` where it is there."""
    if not size or _path(folder, tile_at(None, 0, size)).exists() or not (folder / PRUNED_FILE).is_file():
        return None
    anchor = anchor_in(_read(folder / PRUNED_FILE, MAX_ANCHOR_BYTES))
    if anchor is not None and anchor.size >= size:
        raise VerificationFailed(Outcome.TAMPERED, f"{PRUNED_FILE} speaks of more records than there are")
    return anchor


def _walk(
    folder: Path,
    newest: Checkpoint,
    known: Sequence[tuple[str, Checkpoint]],
    walk: Walk,
    frontier: Frontier,
    passing: Passing | None,
) -> None:
    """Compute the tree anew from the records, and hold tiles, roots, chains and *known* checkpoints against it."""
    for what, earlier in known:
        if earlier.size < frontier.size:
            raise VerificationFailed(Outcome.INCOMPLETE, f"{what} speaks of records that were pruned")
        if earlier.size > newest.size:
            raise VerificationFailed(
                Outcome.TAMPERED, f"{what} counts {earlier.size} records, this one {newest.size}"
            )
    sizes = {earlier.size for _, earlier in known}
    if frontier.size in sizes:
        _compare(frontier, known)
    for first, records, wrong in _bundles(folder, frontier.size, newest.size):
        leaves = leaf_hashes(records)
        tile = tile_at(0, first // TILE_WIDTH, newest.size)
        said = _hashes(folder, tile)
        if wrong or said != b"".join(leaves):
            raise _first_wrong(tile, said, leaves, wrong)
        ends = sorted(size - first for size in sizes if first < size <= first + len(leaves))
        try:
            for record, leaf in zip(records, leaves, strict=True):
                walk.step(record, leaf)
            for begin, end in pairwise((0, *ends, len(leaves))):
                for full, data in frontier.extend(leaves[begin:end]):
                    if full.level and _hashes(folder, full) != data:
                        raise _another(full)
                if frontier.size in sizes:
                    _compare(frontier, known)
            if passing is not None:
                passing(frontier, walk)
        except BrokenChainError as broken:
            raise VerificationFailed(Outcome.TAMPERED, broken.finding, broken.bad) from None
    if frontier.root() != newest.root:
        raise VerificationFailed(Outcome.TAMPERED, "the records are not those over which the checkpoint was signed")
    for partial, data in frontier.partial():
        if partial.level and _hashes(folder, partial) != data:
            raise _another(partial)
    try:
        walk.require_beginning()
    except BrokenChainError as broken:
        raise VerificationFailed(Outcome.TAMPERED, broken.finding, broken.bad) from None


def _compare(frontier: Frontier, known: Sequence[tuple[str, Checkpoint]]) -> None:
    for what, earlier in known:
        if frontier.size == earlier.size and frontier.root() != earlier.root:
            raise VerificationFailed(Outcome.TAMPERED, f"the records contradict {what}: one of them was rewritten")


def _bundles(folder: Path, begin: int, size: int) -> Iterator[tuple[int, list[bytes], str]]:
    """Yield each bundle: the number of its first leaf, its records as far as they can be told, what is wrong."""
    for index in range(begin // TILE_WIDTH, -(-size // TILE_WIDTH)):
        tile = tile_at(None, index, size)
        path = _path(folder, tile)
        data, wrong = _read(path, 65_537 * TILE_WIDTH), ""
        try:
            records = records_in(data)
        except ProofError as error:
            wrong, records = f"{tile.path}: {error}", _whole_records(data)
        if not wrong and len(records) < tile.width:
            wrong = f"{tile.path} holds too few records"
        if len(records) > tile.width and path == folder / tile.path:  # a log may have grown past a partial one
            wrong = f"{tile.path} holds too many records"
        yield index * TILE_WIDTH, records[: tile.width], wrong


def _whole_records(data: bytes) -> list[bytes]:
    """Return the records of a bundle that is cut off, up to there."""
    end = 0
    while (after := end + 2 + int.from_bytes(data[end : end + 2], "big")) <= len(data):
        end = after
    return records_in(data[:end])


def _first_wrong(tile: Tile, said: bytes, leaves: Sequence[bytes], wrong: str) -> VerificationFailed:
    """Return what is to be said of a bundle whose *leaves* are not what its *tile* has *said*, or that is *wrong*."""
    first = tile.index * TILE_WIDTH
    for place, leaf in enumerate(leaves):
        if said[32 * place : 32 * place + 32] != leaf:
            return VerificationFailed(
                Outcome.TAMPERED, "a record is not the one whose hash stands in the tree", _at(first + place)
            )
    if wrong:
        return VerificationFailed(Outcome.TAMPERED, wrong, _at(first + len(leaves)))
    return _another(tile)


def _hashes(folder: Path, tile: Tile) -> bytes:
    """Return the hashes in *tile*: all that the file holds, unless a log has grown past it meanwhile."""
    path = _path(folder, tile)
    data = _read(path, 32 * TILE_WIDTH)
    return data if path == folder / tile.path else data[: 32 * tile.width]


def _another(tile: Tile) -> VerificationFailed:
    return VerificationFailed(Outcome.TAMPERED, f"{tile.path} is not the tile of these records")


def _path(folder: Path, tile: Tile) -> Path:
    """Return where *tile* lies: the full one where a log has grown past a partial one meanwhile."""
    path = folder / tile.path
    return path if path.exists() else folder / Tile(tile.level, tile.index, TILE_WIDTH).path


def _at(index: int) -> BadRecord:
    return BadRecord(None, None, index + 1, None)


def _read(path: Path, limit: int) -> bytes:
    """Return the bytes of a file of what is verified; a pipe or a device, whose end nobody knows, is none."""
    if not path.is_file():
        raise VerificationFailed(Outcome.INCOMPLETE, f"{path.name} is missing")
    return _first_bytes(path, limit)


def _first_bytes(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError:
        raise VerificationFailed(Outcome.INCOMPLETE, f"{path.name} is missing") from None
    if len(data) > limit:
        raise VerificationFailed(Outcome.TAMPERED, f"{path.name} is larger than such a file can be")
    return data

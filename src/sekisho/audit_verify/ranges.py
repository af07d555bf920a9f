"""The check of a range of records while they are read for something else: each is checked, then handed on.

What is held against the records, all computed anew from their bytes:

(1) every writer's chain and the sequence of the log, from the first record of the range on;
(2) the columns by which records are found;
(3) signed heads of each writer, as far as they speak of the range;
(4) the tree: each leaf, and by proofs of consistency that the tree before the range, and that after it, are
    beginnings of the tree that the checkpoint's signature is over;
(5) the signatures of witnesses under that checkpoint;
(6) that each chain's end in the range is signed for, by a head of it or of what its writer wrote later: whoever may
    write to the database can append a record that fits, and the tree then takes it in.

A range that is not what was written is read to its end nevertheless: whoever reads it is told what was found first.
People noted beside the records are not looked at; ``audit verify`` over the whole log does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson

from sekisho.audit_verify.database import UNSIGNED, contradiction, unsigned
from sekisho.audit_verify.tree import CHECKPOINT_FILE, WITNESSED_FILE, _checkpoint, _path, _read
from sekisho.audit_verify.trust import HeldHeads, Origin, TrustedKey, note_of, parse
from sekisho.audit_verify.verdict import Outcome, RangeVerdict, VerificationFailed
from sekisho.audit_verify.witnesses import Cosigned, cosigned_by
from sekisho.domain.chain import BadRecord, BrokenChainError, Walk, name_of
from sekisho.domain.checkpoint import MAX_CHECKPOINT_BYTES, Checkpoint
from sekisho.domain.note import HEAD_ORIGIN
from sekisho.domain.record import StoredRecord
from sekisho.domain.tlog import (
    TILE_WIDTH,
    Frontier,
    ProofError,
    Tile,
    check_consistency,
    consistency_proof,
    leaf_hash,
    nodes_from,
    tile_at,
)
from sekisho.domain.witness_policy import WitnessPolicy


class RangeCheck:
    """Checks records from number *first* of the log on, in order of sequence.

    Parameters
    ----------
    key:
        Who must have signed heads and checkpoint.
    heads:
        Signed heads, each of a size that lies in the range.
    tree:
        Folder of the log's tree.
    policy:
        Whose signatures are wanted under the checkpoint.
    """

    def __init__(
        self, key: TrustedKey, first: int, heads: Iterable[str], tree: Path, policy: WitnessPolicy | None = None
    ) -> None:
        self._key, self._first, self._folder, self._policy = key, first, tree, policy
        self._held, self._ends = HeldHeads(key), HeldHeads(key)
        self._failed: VerificationFailed | None = None
        self._walk = Walk(first_seq=first, partial=True, marks={})
        self._checkpoint: Checkpoint | None = None
        self._note: str | None = None
        self._cosigned: tuple[Cosigned, ...] = ()
        self._frontier: Frontier | None = None
        self._row = b""  # the hashes of the tile of leaves that is being compared
        self._last = first - 1
        try:
            self._held.add(heads, Origin.DATABASE)
            self._walk = Walk(first_seq=first, partial=first > 1, marks=self._held.marks())
            self._begin()
        except VerificationFailed as failed:
            self._failed = failed

    def step(self, row: StoredRecord) -> dict[str, Any] | None:
        """Check the next record; return it, or ``None`` when it cannot be read."""
        self._last = max(self._last, row.seq)
        if self._failed is None:
            try:
                return self._checked(row)
            except BrokenChainError as broken:
                self._failed = VerificationFailed(Outcome.TAMPERED, broken.finding, broken.bad)
            except VerificationFailed as fault:
                self._failed = fault
        try:
            record = orjson.loads(row.record)
        except ValueError:
            return None
        return record if isinstance(record, dict) else None

    def unsigned(self, heads: Sequence[str] = ()) -> dict[str, int]:
        """Take the newest heads of writers, of what was read or more; return each chain's size that none reaches."""
        if self._failed is not None:
            return {}
        chains = self._walk.chains
        own = tuple(f"{HEAD_ORIGIN}{name}\n{chain.size}\n" for name, chain in chains.items())
        try:
            self._ends.add_ends((note for note in heads if note.startswith(own)), chains)
            self._ends.add((note for note in heads if not note.startswith(own)), Origin.DATABASE)
        except VerificationFailed as failed:
            self._failed = failed
            return {}
        return {chain.writer: chain.size for chain in unsigned(chains, self._signed())}

    def end(self, newest: int) -> RangeVerdict:
        """Return what was found; *newest* is the newest sequence of the log."""
        if self._failed is None:
            try:
                self._held.compare(self._walk.chains, begins=False, ends=False)
                self._end(newest)
            except VerificationFailed as fault:
                self._failed = fault
        failed = self._failed
        return RangeVerdict(
            Outcome.OK if failed is None else failed.outcome,
            "" if failed is None else failed.finding,
            None if failed is None else failed.bad,
            self._first,
            self._last,
            len(self._walk.chains),
            len(self._held),
            self._checkpoint,
            self._note,
            tuple((each.witness, each.at) for each in self._cosigned),
            None if self._policy is None else self._policy.met_by({each.witness for each in self._cosigned}),
        )

    # -- means ---------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Read the checkpoint, and prove that the tree before the range is a beginning of its tree."""
        data = _read(self._folder / CHECKPOINT_FILE, MAX_CHECKPOINT_BYTES)
        newest = _checkpoint(data, self._key, CHECKPOINT_FILE)
        self._use(data, newest)
        if (self._folder / WITNESSED_FILE).is_file() and not self._cosigned:
            data = _read(self._folder / WITNESSED_FILE, MAX_CHECKPOINT_BYTES)
            witnessed = _checkpoint(data, self._key, WITNESSED_FILE)
            if witnessed.size <= newest.size:
                self._consistent(witnessed, newest)
        before = self._first - 1
        if before > newest.size:
            return  # said at the end
        try:
            self._frontier = Frontier(before, lambda tile: self._hashes(tile, newest.size))
        except ProofError as error:
            raise self._wrong(str(error)) from None
        self._proved(self._frontier)

    def _use(self, data: bytes, checkpoint: Checkpoint) -> None:
        self._note, self._checkpoint = note_of(data, CHECKPOINT_FILE), checkpoint
        if self._policy is not None:
            self._cosigned = tuple(cosigned_by(parse(self._note, CHECKPOINT_FILE), self._policy.witnesses))

    def _checked(self, row: StoredRecord) -> dict[str, Any]:
        seq, leaf = self._walk.seq, leaf_hash(row.record)
        checkpoint, frontier = self._checkpoint, self._frontier
        if checkpoint is not None and frontier is not None and seq <= checkpoint.size:
            index, place = divmod(seq - 1, TILE_WIDTH)
            if not self._row or not place:
                self._row = self._hashes(tile_at(0, index, checkpoint.size), checkpoint.size)
            if self._row[32 * place : 32 * place + 32] != leaf and row.seq == seq:
                raise VerificationFailed(
                    Outcome.TAMPERED,
                    "a record is not the one whose hash stands in the tree",
                    BadRecord(row.writer, row.wseq, seq, row.id),
                )
        record = self._walk.step(row.record, leaf)
        finding = contradiction(row, record, self._walk.chains[record["writer"]].value)
        if finding is not None:
            raise VerificationFailed(Outcome.TAMPERED, finding, BadRecord(row.writer, row.wseq, row.seq, row.id))
        if frontier is not None and checkpoint is not None and seq <= checkpoint.size:
            frontier.append(leaf)
        return record

    def _end(self, newest: int) -> None:
        """Prove that the tree after the range is a beginning of the checkpoint's, and every end signed for."""
        checkpoint = self._checkpoint
        assert checkpoint is not None  # noqa: S101 - without one the range has failed already
        if checkpoint.size > newest:
            raise VerificationFailed(
                Outcome.TAMPERED,
                f"the checkpoint counts {checkpoint.size} records, the log has {newest}: the rest was cut off",
            )
        if self._frontier is not None:
            self._proved(self._frontier)
        if checkpoint.size < self._last:
            raise VerificationFailed(
                Outcome.INCOMPLETE, f"the newest {self._last - checkpoint.size} records are under no checkpoint yet"
            )
        for chain in unsigned(self._walk.chains, self._signed()):
            raise VerificationFailed(Outcome.INCOMPLETE, UNSIGNED, name_of(chain.last))

    def _signed(self) -> dict[str, int]:
        """Return the size of each writer's newest head."""
        every = frozenset(Origin)
        sizes = self._held.newest(every)
        for writer, size in self._ends.newest(every).items():
            sizes[writer] = max(sizes.get(writer, 0), size)
        return sizes

    def _proved(self, frontier: Frontier) -> None:
        assert self._checkpoint is not None  # noqa: S101 - there is no frontier without one
        self._consistent(Checkpoint(self._checkpoint.origin, frontier.size, frontier.root()), self._checkpoint)

    def _consistent(self, old: Checkpoint, new: Checkpoint) -> None:
        try:
            proof = consistency_proof(old.size, new.size, nodes_from(new.size, lambda t: self._hashes(t, new.size)))
            check_consistency(old.size, old.root, new.size, new.root, proof)
        except ProofError:
            raise self._wrong("they do not lead to its root") from None

    def _hashes(self, tile: Tile, size: int) -> bytes:
        """Return the hashes of *tile* of a smaller tree, from the files of the tree of *size*."""
        now = tile_at(tile.level, tile.index, size)
        return _read(_path(self._folder, now), 32 * TILE_WIDTH)[: 32 * tile.width]

    def _wrong(self, why: str) -> VerificationFailed:
        return VerificationFailed(Outcome.TAMPERED, f"the tiles are not those of the tree that was signed: {why}")

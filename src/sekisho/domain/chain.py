"""The pure check of a log's records: every chain computed anew, the sequence without a hole.

Nothing that is stored beside a record is believed. A :class:`Walk` takes the bytes of the records in order
of sequence and stops at the first that cannot stand where it stands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from sekisho.domain.pruning import PRUNE_KIND, Anchor
from sekisho.domain.record import MAX_RECORD_BYTES, VERSION, genesis, next_link


@dataclass(frozen=True, slots=True)
class BadRecord:
    """The first record that is not what was written; a part that cannot be told is ``None``."""

    writer: str | None
    wseq: int | None
    seq: int | None
    id: str | None


class BrokenChainError(ValueError):
    """A record cannot stand where it stands; ``finding`` says why, ``bad`` names it."""

    def __init__(self, finding: str, bad: BadRecord) -> None:
        super().__init__(finding)
        self.finding = finding
        self.bad = bad


@dataclass(frozen=True, slots=True)
class _Suspects:
    """Two neighbours of a chain that do not fit: the earlier was changed, or what the later says of it."""

    earlier: BadRecord
    later: BadRecord
    after_later: bytes  # chain value after the later one, if it is intact


class _LinkBroken(BrokenChainError):
    def __init__(self, suspects: _Suspects) -> None:
        super().__init__("the record is not the one that its successor was chained to", suspects.earlier)
        self.suspects = suspects


@dataclass(slots=True)
class Chain:
    """One writer's chain as computed so far.

    Attributes
    ----------
    start, before:
        Place of the first record seen, and the chain value before it.
    size, value:
        Number of records in the chain, and the chain value after the last of them.
    marks:
        Chain values at the sizes that somebody asked for.
    """

    writer: str
    start: int
    before: bytes
    size: int
    value: bytes
    last: Mapping[str, Any]
    marks: dict[int, bytes] = field(default_factory=dict)


def name_of(record: Mapping[str, Any], seq: int | None = None) -> BadRecord:
    """Return how a record is named: by what it says of itself, and *seq*, where it stands."""

    def said(key: str, kind: type) -> Any:
        value = record.get(key)
        return value if type(value) is kind else None

    return BadRecord(
        said("writer", str), said("wseq", int), said("seq", int) if seq is None else seq, said("id", str)
    )


def pruned_by(first: int, record: Mapping[str, Any]) -> str:
    """Return how a log is described that begins at *first* because *record* says so."""
    return f"begins at record {first}, pruned by record {record['seq']} on {str(record['at'])[:10]}"


class Walk:
    """Goes over records in order of sequence.

    Parameters
    ----------
    first_seq:
        Sequence of the first record.
    partial:
        Whether chains may begin in the middle, as in an export of a range.
    marks:
        For each writer, the sizes at which its chain value is to be remembered.
    anchor:
        What is kept of the records before the first, where they were pruned; *first_seq* follows from it.
    writers:
        The writers whose records these are, where that is known.

    Attributes
    ----------
    chains:
        The chain of each writer so far.
    newest:
        The chain of the newest record so far.
    pruned_by:
        The record that says what was pruned, once it came.
    """

    def __init__(
        self,
        *,
        first_seq: int = 1,
        partial: bool = False,
        marks: Mapping[str, set[int]],
        anchor: Anchor | None = None,
        writers: Collection[str] | None = None,
    ) -> None:
        if anchor is not None:
            first_seq = anchor.size + 1
        self.chains: dict[str, Chain] = {}
        self.pruned_by: Mapping[str, Any] | None = None
        self.seq = first_seq  # of the next record
        self._anchor = anchor
        self._first = first_seq
        self._partial = partial
        self._marks = marks
        self._writers = writers
        self.newest: Chain | None = None

    @property
    def earlier(self) -> Mapping[str, tuple[int, bytes]]:
        """Size and chain value of each writer whose records were pruned, where they were."""
        return {} if self._anchor is None else self._anchor.chains

    @property
    def count(self) -> int:
        """Number of records that were found good."""
        return self.seq - self._first

    def step(self, data: bytes, leaf: bytes | None = None) -> dict[str, Any]:
        """Check the next record and return it; *leaf* is its hash in the tree, where it is known.

        Raises
        ------
        BrokenChainError
            When it cannot stand here.
        """
        seq = self.seq
        try:
            record: dict[str, Any] = orjson.loads(data)
            writer, wseq, prev = record["writer"], record["wseq"], record["prev"]
            sound = record["v"] == VERSION and len(data) <= MAX_RECORD_BYTES and type(writer) is str
            stands = record["seq"]
        except (ValueError, KeyError, TypeError):
            raise BrokenChainError("the record cannot be read", BadRecord(None, None, seq, None)) from None
        if not sound:
            raise BrokenChainError("this is not a record of such a log", name_of(record, seq))
        if stands != seq:
            raise BrokenChainError(
                f"the record is not number {seq} of the log: one is missing, moved, or not the log's own",
                name_of(record, seq),
            )
        chain = self.chains.get(writer)
        if chain is None:
            chain = self._begin(record, data)
        elif wseq != chain.size:
            if chain.size == chain.start + 1 and prev != chain.value.hex():
                # Neither number nor link: in a range it may be the first one that says a wrong number.
                raise self._broken(chain, record, data)
            raise BrokenChainError(f"the record is not number {chain.size} of its writer", name_of(record, seq))
        elif prev != chain.value.hex():
            raise self._broken(chain, record, data)
        chain.value = sha256(chain.value + (leaf or sha256(b"\x00" + data).digest())).digest()
        chain.size = wseq + 1
        chain.last = record
        marks = self._marks.get(writer)
        if marks and chain.size in marks:
            chain.marks[chain.size] = chain.value
        self.newest = chain
        self.seq = seq + 1
        if self._anchor is not None and record.get("kind") == PRUNE_KIND and self._anchor.stated_by(record):
            self.pruned_by = record
        return record

    def require_beginning(self) -> None:
        """Check that a record said why what was before the first is gone, if it is.

        Raises
        ------
        BrokenChainError
            When none did.
        """
        if self._anchor is not None and self.pruned_by is None:
            finding = f"the log begins at record {self._first}, and no record says that it was pruned"
            raise BrokenChainError(finding, BadRecord(None, None, self._first, None))

    @property
    def pruned(self) -> str:
        """Where the log begins, and which record says so; empty when nothing was pruned."""
        return "" if self.pruned_by is None else pruned_by(self._first, self.pruned_by)

    def _begin(self, record: dict[str, Any], data: bytes) -> Chain:
        name = name_of(record, self.seq)
        writer, wseq = record["writer"], record["wseq"]
        if self._writers is not None and writer not in self._writers:
            raise BrokenChainError("the record is of a writer that has none here", name)
        try:
            before = bytes.fromhex(record["prev"])
        except (TypeError, ValueError):
            raise BrokenChainError("the record does not say what it follows", name) from None
        known = None if self._anchor is None else self._anchor.chains.get(writer)
        if known is not None and (wseq, before) != known:
            raise BrokenChainError("the record does not continue its writer's chain where it was pruned", name)
        if type(wseq) is not int or wseq < 0 or (wseq > 0 and not self._partial and known is None):
            raise BrokenChainError("the first record of this writer is missing", name)
        if wseq == 0:
            if before != genesis(writer):
                raise BrokenChainError("the record does not begin its writer's chain", name)
            self._check_follows(record.get("follows"), name, next_link(before, data))
        chain = self.chains[writer] = Chain(writer, wseq, before, wseq, before, record)
        return chain

    def _check_follows(self, follows: object, name: BadRecord, after: bytes) -> None:
        """Check what a new chain says of the newest record before it: so chains hold one another."""
        newest = self.newest
        if newest is None and self._anchor is not None:
            writer, size, chain = self._anchor.last
            if follows != {"writer": writer, "wseq": size - 1, "chain": chain.hex()}:
                raise BrokenChainError("the chain does not follow the record before it, which was pruned", name)
            return
        if newest is None:
            if self._first == 1 and follows is not None:
                raise BrokenChainError("records before the first one are missing", name)
            return  # the record it follows lies before this range
        expected = {"writer": newest.writer, "wseq": newest.size - 1, "chain": newest.value.hex()}
        if follows == expected:
            return
        if isinstance(follows, dict) and follows | {"chain": None} == expected | {"chain": None}:
            raise _LinkBroken(_Suspects(name_of(newest.last), name, after))
        raise BrokenChainError("the chain does not follow the record before it", name)

    def _broken(self, chain: Chain, record: dict[str, Any], data: bytes) -> BrokenChainError:
        later = name_of(record, self.seq)
        if chain.size == chain.start:
            return BrokenChainError("the record does not say what it follows", later)
        try:
            after = next_link(bytes.fromhex(record["prev"]), data)
        except (TypeError, ValueError):
            return BrokenChainError("the record does not say what it follows", later)
        return _LinkBroken(_Suspects(name_of(chain.last), later, after))

    def run(self, records: Iterable[bytes], ends: Mapping[tuple[str, int], bytes]) -> None:
        """Check all of *records*.

        *ends* are signed chain values by writer and size; they only help to name the record at fault.

        Raises
        ------
        BrokenChainError
            At the first record that cannot stand where it stands.
        """
        iterator = iter(records)
        try:
            for data in iterator:
                self.step(data)
        except _LinkBroken as broken:
            raise accuse(broken, iterator, ends) from None


def accuse(
    broken: BrokenChainError, rest: Iterator[bytes], ends: Mapping[tuple[str, int], bytes]
) -> BrokenChainError:
    """Tell which of two neighbours was changed, by what comes after them.

    If the later one is the record that its own successor, or a signed value, was chained to, then it is
    intact and the earlier one is not.
    """
    if not isinstance(broken, _LinkBroken):
        return broken
    suspects = broken.suspects
    writer, wseq = suspects.later.writer, suspects.later.wseq
    for data in rest:
        try:
            record = orjson.loads(data)
            if record["writer"] == writer:
                intact = record["prev"] == suspects.after_later.hex()
                break
        except (ValueError, KeyError, TypeError):
            continue
    else:
        signed = ends.get((writer or "", (wseq or 0) + 1))
        intact = signed is None or signed == suspects.after_later
    if intact:
        return broken
    return BrokenChainError("the record is not chained to the record before it", suspects.later)

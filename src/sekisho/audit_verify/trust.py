"""What a verifier of the audit log trusts: one public key, and the heads that it signed.

A head is believed only as far as its signature was checked. Of many heads of one writer from one place
only the newest is checked at once; an older one is checked when the records contradict it, because only
then does it matter who signed it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sekisho.audit_verify.verdict import Outcome, VerificationFailed
from sekisho.domain.chain import BadRecord, Chain
from sekisho.domain.checkpoint import Checkpoint, parse_checkpoint
from sekisho.domain.note import (
    HEADS_SUFFIX,
    Head,
    MalformedNoteError,
    Note,
    VerificationKey,
    notes_in,
    parse_head,
    parse_key,
    parse_note,
    split_notes,
)
from sekisho.domain.pruning import Anchor, AnchorError, parse_anchor
from sekisho.domain.tlog import Frontier, leaf_hash
from sekisho.errors import InvalidRequest


class Origin(StrEnum):
    """Where a head was kept, in the words of findings."""

    SAVED = "a head saved outside the database"
    DATABASE = "a head in the database"
    EXPORT = "a head in the export"
    CHECKPOINT = "the checkpoint"


class TrustedKey:
    """The one key that is trusted.

    Parameters
    ----------
    vkey:
        Verification key as ``name+hash+base64``, from the log's owner.

    Raises
    ------
    InvalidRequest
        When it is not such a key.
    """

    def __init__(self, vkey: str) -> None:
        try:
            self.key: VerificationKey = parse_key(vkey)
        except MalformedNoteError as error:
            raise InvalidRequest(f"{error}; take it from the log's owner, not from the export") from None
        self._public = Ed25519PublicKey.from_public_bytes(self.key.public)

    def verify(self, note: str, what: str) -> Note:
        """Return the note if the trusted key signed it; other signatures are nobody's and ignored.

        Raises
        ------
        VerificationFailed
            ``UNTRUSTED`` when this key did not sign, ``TAMPERED`` when the note or the signature is damaged.
        """
        parsed = parse(note, what)
        signer = (self.key.name, self.key.key_id)
        ours = [line for line in parsed.signatures if (line.name, line.key_id) == signer]
        if not ours:
            raise VerificationFailed(
                Outcome.UNTRUSTED, f"{what} is not signed by {self.key.name}+{self.key.key_id.hex()}"
            )
        for line in ours:
            try:
                self._public.verify(line.signature, parsed.text.encode("utf-8"))
            except InvalidSignature:
                raise VerificationFailed(Outcome.TAMPERED, f"the signature of {what} is wrong") from None
        return parsed


def note_of(data: bytes, what: str) -> str:
    """Return the text of a note's bytes. Raises ``VerificationFailed``."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise VerificationFailed(Outcome.TAMPERED, f"{what} is not text") from None


def parse(note: str, what: str) -> Note:
    """Return a note of the right shape, its signatures not asked. Raises ``VerificationFailed``."""
    try:
        return parse_note(note)
    except MalformedNoteError as error:
        raise VerificationFailed(Outcome.TAMPERED, f"{what} is damaged: {error}") from None


@dataclass(frozen=True, slots=True)
class HeldHead:
    """A head to hold against the records, and where it was kept."""

    head: Head
    origin: Origin
    note: str = field(repr=False)

    def describe(self) -> str:
        """Return how findings name it."""
        return f"{self.origin} (writer {self.head.writer}, {self.head.size} records)"


class HeldHeads:
    """All heads of a verification.

    Parameters
    ----------
    key:
        Whose signatures count.
    """

    def __init__(self, key: TrustedKey) -> None:
        self._key = key
        self._heads: list[HeldHead] = []
        self._tree: Checkpoint | None = None  # a checkpoint of the tree over all records
        self._frontier = Frontier()
        self._covered: dict[str, int] = {}  # what it covers of each writer

    def __len__(self) -> int:
        """Return the number of heads, a checkpoint of the tree among them."""
        return len(self._heads) + (self._tree is not None)

    def add(self, notes: Iterable[str], origin: Origin) -> None:
        """Take the heads of one place, and check the signature of the newest of each writer.

        What the verifier kept may be a checkpoint of the log's tree instead: it binds all writers at once.

        Raises
        ------
        VerificationFailed
            When one is damaged, or the newest is not signed by the trusted key.
        """
        newest: dict[str, HeldHead] = {}
        for note in notes:
            text = parse(note, str(origin)).text
            try:
                if origin is Origin.CHECKPOINT and text.startswith(f"{self._key.key.name}\n"):
                    if self._tree is not None:
                        raise InvalidRequest("name one checkpoint of the tree, the newest that you kept")
                    self._tree = parse_checkpoint(self._key.verify(note, str(origin)).text)
                    continue
                head = parse_head(text)
            except MalformedNoteError as error:
                if origin is Origin.CHECKPOINT:  # the verifier's own, which says nothing of the log
                    raise InvalidRequest(f"{origin} is damaged: {error}; --since takes one kept earlier") from None
                raise VerificationFailed(Outcome.TAMPERED, f"{origin} is damaged: {error}") from None
            held = HeldHead(head, origin, note)
            self._heads.append(held)
            if head.writer not in newest or newest[head.writer].head.size < head.size:
                newest[head.writer] = held
        for held in newest.values():
            self._key.verify(held.note, held.describe())

    def add_ends(self, notes: Iterable[str], chains: Mapping[str, Chain]) -> None:
        """Take saved heads of the very ends of *chains*, after everything else was compared.

        Raises
        ------
        VerificationFailed
            When one is damaged, not signed by the trusted key, or contradicts the records.
        """
        known = len(self._heads)
        self.add(notes, Origin.SAVED)
        for held in self._heads[known:]:
            chain = chains[held.head.writer]
            if held.head.size != chain.size or held.head.chain != chain.value:
                self._contradicted(held, chain.start)

    def begin_after(self, anchor: Anchor) -> None:
        """Begin where *anchor* says, which is held against a record later, and not with the log's first record."""
        self._frontier = anchor.frontier()
        if self._tree is not None:
            self._covered = {name: size for name, (size, _) in anchor.chains.items()}

    def take(self, record: bytes, chains: Mapping[str, Chain]) -> None:
        """Take the next record of the log, which *chains* end with, into the tree that a checkpoint speaks of."""
        if self._tree is None or self._frontier.size >= self._tree.size:
            return
        self._frontier.append(leaf_hash(record))
        if self._frontier.size == self._tree.size:
            self._covered = {name: chain.size for name, chain in chains.items()}

    def passing(self, records: Iterable[bytes], chains: Mapping[str, Chain]) -> Iterator[bytes]:
        """Yield *records*, and :meth:`take` each once it was checked."""
        for record in records:
            yield record
            self.take(record, chains)

    def marks(self) -> dict[str, set[int]]:
        """Return, for each writer, the sizes that heads speak of."""
        sizes: defaultdict[str, set[int]] = defaultdict(set)
        for held in self._heads:
            sizes[held.head.writer].add(held.head.size)
        return sizes

    def ends(self) -> dict[tuple[str, int], bytes]:
        """Return the chain values that heads speak of, by writer and size."""
        return {(held.head.writer, held.head.size): held.head.chain for held in self._heads}

    def newest(self, origins: frozenset[Origin], *, tree: bool = False) -> dict[str, int]:
        """Return, for each writer, the size of its newest head from one of *origins*.

        With *tree*, what a checkpoint of the tree covers counts as well: that is known outside. It is no word of the
        writer's, since the tree is signed over whatever the database holds.
        """
        sizes: dict[str, int] = dict(self._covered) if tree else {}
        for held in self._heads:
            if held.origin in origins:
                sizes[held.head.writer] = max(sizes.get(held.head.writer, 0), held.head.size)
        return sizes

    def compare(self, chains: Mapping[str, Chain], *, begins: bool, ends: bool, anchor: Anchor | None = None) -> None:
        """Hold every head against the computed chains.

        Parameters
        ----------
        begins, ends:
            Whether the records claim to reach from the log's beginning, and to its end.
        anchor:
            What is kept of records that were pruned; a head of what was before is held against it as far as it goes.

        Raises
        ------
        VerificationFailed
            ``TAMPERED`` when a head contradicts the records or counts records that are not there;
            ``INCOMPLETE`` when the records do not reach a head, and do not claim to.
        """
        agreed: dict[str, int] = {}  # how far a writer's chain is known to be what was signed
        for held in sorted(self._heads, key=lambda each: (each.head.writer, each.head.size)):
            writer, size = held.head.writer, held.head.size
            chain = chains.get(writer)
            if anchor is not None and self._is_pruned(held, anchor):
                continue
            if chain is None or size > chain.size:
                present = 0 if chain is None else chain.size
                self._short(held, present, whole=ends and (begins or chain is not None))
                continue
            if size < chain.start:
                raise VerificationFailed(
                    Outcome.INCOMPLETE, f"{held.describe()} speaks of records before the first one here"
                )
            value = chain.before if size == chain.start else chain.marks[size]
            if value != held.head.chain:
                self._contradicted(held, agreed.get(writer, chain.start))
            agreed[writer] = size
        if self._tree is not None:
            self._compare_tree(self._tree, begins=begins, ends=ends, pruned=0 if anchor is None else anchor.size)

    def _compare_tree(self, tree: Checkpoint, *, begins: bool, ends: bool, pruned: int) -> None:
        present = self._frontier.size
        if tree.size < pruned:
            raise VerificationFailed(Outcome.INCOMPLETE, "the checkpoint speaks of records that were pruned")
        if not begins:
            raise VerificationFailed(Outcome.INCOMPLETE, "the checkpoint speaks of records before the first one here")
        if present < tree.size and not ends:
            raise VerificationFailed(
                Outcome.INCOMPLETE, "the checkpoint speaks of records that this range does not reach"
            )
        if present < tree.size:
            raise VerificationFailed(
                Outcome.TAMPERED,
                f"the checkpoint counts {tree.size} records, here are {present}: history was cut off or rolled back",
                BadRecord(None, None, present + 1, None),
            )
        if self._frontier.root() != tree.root:
            raise VerificationFailed(Outcome.TAMPERED, "the records contradict the checkpoint: one was rewritten")

    def _is_pruned(self, held: HeldHead, anchor: Anchor) -> bool:
        """Return whether a head speaks of nothing but pruned records, and agrees with what is kept of them."""
        size, value = anchor.chains.get(held.head.writer, (0, b""))
        if held.head.size > size:
            return False
        if held.head.size == size and held.head.chain != value:
            self._contradicted(held, 0)
        if held.head.size < size and held.origin is Origin.CHECKPOINT:
            raise VerificationFailed(Outcome.INCOMPLETE, f"{held.describe()} speaks of records that were pruned")
        return True

    def _short(self, held: HeldHead, present: int, *, whole: bool) -> None:
        if not whole:
            raise VerificationFailed(
                Outcome.INCOMPLETE, f"{held.describe()} speaks of records that this range does not reach"
            )
        self._key.verify(held.note, held.describe())
        raise VerificationFailed(
            Outcome.TAMPERED,
            f"{held.describe()} counts records that are not there: history was cut off or rolled back",
            BadRecord(held.head.writer, present, None, None),
        )

    def _contradicted(self, held: HeldHead, agreed: int) -> None:
        self._key.verify(held.note, held.describe())
        first, last = agreed, held.head.size - 1
        where = f"number {first}" if first == last else f"one of the numbers {first} to {last}"
        raise VerificationFailed(
            Outcome.TAMPERED,
            f"{held.describe()} contradicts the records: {where} of this writer was rewritten",
            BadRecord(held.head.writer, first, None, None),
        )


def anchor_in(data: bytes | None) -> Anchor | None:
    """Return what is kept of pruned records, from its bytes. Raises ``VerificationFailed`` when they were changed."""
    try:
        return None if data is None else parse_anchor(data)
    except AnchorError as error:
        raise VerificationFailed(Outcome.TAMPERED, str(error)) from None


def saved_notes(folder: Path) -> list[str]:
    """Return the notes of all files of saved heads in *folder*, none when there is no such folder.

    Raises ``VerificationFailed`` when one is no text, or cannot be read.
    """
    notes: list[str] = []
    for path in sorted(folder.glob(f"*{HEADS_SUFFIX}")):
        try:
            notes += notes_in(path.read_bytes())
        except UnicodeDecodeError:
            raise VerificationFailed(Outcome.TAMPERED, f"{path.name} is not text") from None
        except OSError:
            raise VerificationFailed(Outcome.INCOMPLETE, f"{path.name} cannot be read") from None
    return notes


def checkpoint_notes(since: str) -> list[str]:
    """Return the notes of a checkpoint that the verifier kept: its text, or the path of its file.

    Raises
    ------
    InvalidRequest
        When there is none in it, or one of them is damaged: that is no fault of the log.
    """
    text = since
    if "\n" not in since:
        try:
            text = Path(since).read_bytes().decode("utf-8")
        except OSError:
            raise InvalidRequest(
                "there is no such checkpoint file; --since takes a signed head kept earlier"
            ) from None
        except UnicodeDecodeError:
            raise InvalidRequest("the checkpoint is not a signed head") from None
    notes = list(split_notes(text.rstrip("\n") + "\n\n"))
    if not notes:
        raise InvalidRequest("the checkpoint is not a signed head")
    try:
        for note in notes:
            parse_note(note)
    except MalformedNoteError as error:
        raise InvalidRequest(
            f"the checkpoint is damaged: {error}; --since takes a signed head kept earlier"
        ) from None
    return notes

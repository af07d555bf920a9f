"""Checkpoints of the log's tree, what witnesses sign under them, and the proof of one record in one file.

A *checkpoint* (C2SP tlog-checkpoint) is a signed note of three lines: the log's origin, the number of records, the
root of the tree over them in base64. The origin is the name of the log's key, which is neither a writer's head
(``sekisho/audit/<writer>``) nor the seal of an export, so a signature of one never passes as another.

A *cosignature* (C2SP tlog-cosignature, type 0x04) is a witness's line under it: that at a time it knew of no larger
tree of this log, and that this one continues what it had seen before.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sekisho.domain.note import (
    MalformedNoteError,
    Note,
    NoteSignature,
    VerificationKey,
    parse_note,
    sign_note,
    strict_base64,
)
from sekisho.domain.tlog import MAX_PROOF

PROOF_HEADER = "c2sp.org/tlog-proof@v1"
PROOF_SUFFIX = ".tlog-proof"
MAX_CHECKPOINT_BYTES = 65_536
"""A checkpoint with all its signatures is far below this; more is not read."""

_SIZE_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself: *size* records, and the root of the tree over them."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode('ascii')}\n"


@dataclass(frozen=True, slots=True)
class RecordProof:
    """The proof that one record is in the log, as it stands in one file (C2SP tlog-proof).

    Attributes
    ----------
    index:
        The record's place, its sequence less one.
    hashes:
        The audit path, from the leaf up.
    checkpoint:
        The signed note, with all its signatures.
    record:
        The record itself where the file carries it; nothing vouches for it but the proof.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    record: bytes | None = field(default=None, repr=False)


def parse_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint of a note's text; lines after the third are let be.

    Raises ``MalformedNoteError`` when it is none.
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not lines[0]:
        raise MalformedNoteError("a checkpoint is an origin, a size and a root")
    root = strict_base64(lines[2])
    if len(root) != 32:
        raise MalformedNoteError("the root of a checkpoint has 32 bytes")
    return Checkpoint(lines[0], parse_size(lines[1]), root)


def parse_size(text: str) -> int:
    """Return a decimal number without leading zeros. Raises ``MalformedNoteError`` when it is none."""
    if not (text.isascii() and text.isdigit()) or len(text) > _SIZE_DIGITS or str(int(text)) != text:
        raise MalformedNoteError("a size is a decimal number without leading zeros")
    return int(text)


def sign_checkpoint(checkpoint: Checkpoint, key: VerificationKey, sign: Callable[[bytes], bytes]) -> str:
    """Return *checkpoint* as a note signed by *key*, whose name is its origin."""
    return sign_note(checkpoint.text, key, sign)


def cosigned_message(text: str, at: int) -> bytes:
    """Return what a witness signs at *at*, in seconds since 1970, under a checkpoint's *text*."""
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def cosignature_line(text: str, at: int, key: VerificationKey, sign: Callable[[bytes], bytes]) -> str:
    """Return a witness's line for a checkpoint's *text*."""
    signature = at.to_bytes(8, "big") + sign(cosigned_message(text, at))
    return f"\u2014 {key.name} {base64.b64encode(key.key_id + signature).decode('ascii')}\n"


def cosignature_of(note: Note, key: VerificationKey) -> tuple[int, bytes] | None:
    """Return the time and the signature that *key* put under *note*, not verified yet; ``None`` when it did not."""
    for line in note.signatures:
        if (line.name, line.key_id) == (key.name, key.key_id) and len(line.signature) == 72:
            return int.from_bytes(line.signature[:8], "big"), line.signature[8:]
    return None


def with_signatures(note: str, lines: Sequence[NoteSignature | str]) -> str:
    """Return *note* with further signature lines at its end; a line that stands there already is not repeated."""
    text = note
    for line in lines:
        added = line if isinstance(line, str) else _line(line)
        text += "" if added in text else added
    return text


def _line(signature: NoteSignature) -> str:
    encoded = base64.b64encode(signature.key_id + signature.signature).decode("ascii")
    return f"\u2014 {signature.name} {encoded}\n"


def hash_lines(hashes: Sequence[bytes]) -> str:
    """Return *hashes* as lines of base64."""
    return "".join(f"{base64.b64encode(each).decode('ascii')}\n" for each in hashes)


def parse_hash_lines(lines: Sequence[str]) -> tuple[bytes, ...]:
    """Return the hashes of lines of base64. Raises ``MalformedNoteError`` when they are no proof."""
    if len(lines) > MAX_PROOF:
        raise MalformedNoteError("a proof has at most 63 hashes")
    hashes = tuple(strict_base64(line) for line in lines)
    if any(len(each) != 32 for each in hashes):
        raise MalformedNoteError("a hash has 32 bytes")
    return hashes


def format_proof(proof: RecordProof) -> str:
    """Return the text of a ``.tlog-proof`` file."""
    extra = "" if proof.record is None else f"extra {base64.b64encode(proof.record).decode('ascii')}\n"
    return f"{PROOF_HEADER}\n{extra}index {proof.index}\n{hash_lines(proof.hashes)}\n{proof.checkpoint}"


def parse_proof(text: str) -> RecordProof:
    """Return the proof of a ``.tlog-proof`` file. Raises ``MalformedNoteError`` when it is none."""
    head, blank, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if not blank or lines[0] != PROOF_HEADER:
        raise MalformedNoteError("this is not a proof of a record")
    lines = lines[1:]
    record = None
    if lines and lines[0].startswith("extra "):
        record = strict_base64(lines.pop(0).removeprefix("extra "))
    if not lines or not lines[0].startswith("index "):
        raise MalformedNoteError("a proof says the place of its record")
    index = parse_size(lines[0].removeprefix("index "))
    parse_checkpoint(parse_note(checkpoint).text)
    return RecordProof(index, parse_hash_lines(lines[1:]), checkpoint, record)

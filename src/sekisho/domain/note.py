"""Signed notes: the text that a log signs, and the lines around it (C2SP signed-note, tlog-checkpoint).

A *head* says how far a writer's chain went. Its text has three lines: the origin
``sekisho/audit/<writer>``, the number of records, the chain value in base64. A *seal* says what an export
holds: the origin ``sekisho/audit-export``, the number of records, the SHA-256 of its manifest in base64.
The origins differ, so a signature of one can never pass as the other.

Here is only the shape. Whether a signature is right is asked in ``audit_verify``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

HEAD_ORIGIN = "sekisho/audit/"
SEAL_ORIGIN = "sekisho/audit-export"
MANIFEST_FILE = "manifest.json"
SEAL_FILE = "manifest.note"
RECORDS_FILE = "records.ndjson"
HEADS_FILE = "heads.txt"
HEADS_SUFFIX = ".heads"
"""What a saved head's file is called after its writer."""

ED25519 = 0x01
"""Signature type of a log's own Ed25519 key (C2SP signed-note)."""

COSIGNATURE = 0x04
"""Signature type of a witness's timestamped Ed25519 signature (C2SP tlog-cosignature)."""

_MAX_SIGNATURES = 32  # the specification asks for at least 16
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_DASH = "\u2014 "


class MalformedNoteError(ValueError):
    """Bytes that are not a signed note."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key: a name, the four bytes that name it in signatures, 32 bytes of Ed25519, what it signs.

    ``kind`` is :data:`ED25519` for a log's own key and :data:`COSIGNATURE` for a witness's.
    """

    name: str
    key_id: bytes
    public: bytes
    kind: int = ED25519


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A text and the signatures under it. The text is worth nothing before one of them is verified."""

    text: str
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """How far a writer's chain went: *size* records, and the chain value after the last of them."""

    writer: str
    size: int
    chain: bytes


def strict_base64(text: str) -> bytes:
    """Return the bytes of base64 that has one spelling only: a changed spare bit is a changed byte, too.

    Raises ``MalformedNoteError`` for any other text.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedNoteError("a line is not base64") from None
    if base64.b64encode(data).decode("ascii") != text:
        raise MalformedNoteError("a line is not canonical base64")
    return data


def key_id(name: str, public: bytes, kind: int = ED25519) -> bytes:
    """Return the first four bytes of SHA-256(name, newline, signature type, public key)."""
    return hashlib.sha256(name.encode("utf-8") + b"\n" + bytes([kind]) + public).digest()[:4]


def format_key(name: str, public: bytes, kind: int = ED25519) -> str:
    """Return a public key as ``name+hash+base64(type || key)``."""
    encoded = base64.b64encode(bytes([kind]) + public).decode("ascii")
    return f"{name}+{key_id(name, public, kind).hex()}+{encoded}"


def parse_key(vkey: str, kind: int = ED25519) -> VerificationKey:
    """Return the key of ``name+hash+base64(type || key)``, which must be of this *kind*.

    Raises
    ------
    MalformedNoteError
        When the text is not such a key, is not Ed25519, or its hash is not its own.
    """
    parts = vkey.strip().split("+", 2)
    if len(parts) != 3 or not parts[0] or any(character.isspace() for character in parts[0]):
        raise MalformedNoteError("a verification key looks like name+hash+base64")
    encoded = strict_base64(parts[2])
    if len(encoded) != 33 or encoded[0] != kind:
        raise MalformedNoteError("the verification key is not an Ed25519 key of this kind")
    key = VerificationKey(parts[0], key_id(parts[0], encoded[1:], kind), encoded[1:], kind)
    if key.key_id.hex() != parts[1]:
        raise MalformedNoteError("the hash in the verification key is not the hash of this key")
    return key


def sign_note(text: str, key: VerificationKey, sign: Callable[[bytes], bytes]) -> str:
    """Return *text* as a note signed by *key*; *sign* answers with the signature of the bytes it gets."""
    encoded = base64.b64encode(key.key_id + sign(text.encode("utf-8"))).decode("ascii")
    return f"{text}\n{_DASH}{key.name} {encoded}\n"


def parse_note(note: str) -> Note:
    """Return the text and the signatures of a note.

    Raises
    ------
    MalformedNoteError
        When it has another shape than the specification's.
    """
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise MalformedNoteError("a note is a text, an empty line and signature lines")
    if _CONTROL.search(note):
        raise MalformedNoteError("a note has no control characters")
    signatures = []
    for line in lines[:-1].split("\n"):
        name, space, encoded = line.removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH) or not space or not name or "+" in name:
            raise MalformedNoteError("a signature line is a dash, a name and base64")
        data = strict_base64(encoded)
        if len(data) < 5:
            raise MalformedNoteError("a signature is too short")
        signatures.append(NoteSignature(name, data[:4], data[4:]))
    if len(signatures) > _MAX_SIGNATURES:
        raise MalformedNoteError(f"a note has at most {_MAX_SIGNATURES} signatures")
    return Note(text + "\n", tuple(signatures))


def head_text(head: Head) -> str:
    """Return what is signed for a head."""
    return f"{HEAD_ORIGIN}{head.writer}\n{head.size}\n{base64.b64encode(head.chain).decode('ascii')}\n"


def seal_text(records: int, manifest: bytes) -> str:
    """Return what is signed for an export: it binds every byte of *manifest*, which binds every file."""
    digest = base64.b64encode(hashlib.sha256(manifest).digest()).decode("ascii")
    return f"{SEAL_ORIGIN}\n{records}\n{digest}\n"


def parse_head(text: str) -> Head:
    """Return the head of a note's text.

    Raises
    ------
    MalformedNoteError
        When it is not three lines of a head.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0].startswith(HEAD_ORIGIN):
        raise MalformedNoteError("a head is an origin, a size and a chain value")
    writer, size, chain = lines[0].removeprefix(HEAD_ORIGIN), lines[1], strict_base64(lines[2])
    if not (size.isascii() and size.isdigit()) or len(size) > 18 or str(int(size)) != size or size == "0":
        raise MalformedNoteError("the size of a head is a positive decimal number")
    if not writer or len(chain) != 32:
        raise MalformedNoteError("a head names its writer and a chain value of 32 bytes")
    return Head(writer, int(size), chain)


def notes_in(data: bytes) -> list[str]:
    """Return the notes of a file's bytes as :func:`split_notes` does.

    A write that was cut short may have ended in the middle of a character: it is left out before anything is decoded.
    Raises ``UnicodeDecodeError`` when what is whole is no text.
    """
    whole, blank, _ = data.rpartition(b"\n\n")
    return list(split_notes((whole + blank).decode("utf-8")))


def split_notes(text: str) -> Iterator[str]:
    """Yield the notes of a file in which notes follow one another, an empty line after each.

    What stands after the last empty line is a write that a crash cut short; it is not yielded.
    """
    pieces = text.split("\n\n")
    for index in range(0, len(pieces) - 2, 2):
        yield f"{pieces[index]}\n\n{pieces[index + 1]}\n"

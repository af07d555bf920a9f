"""What a witness signs and what it refuses: ``add-checkpoint`` of C2SP tlog-witness, without the HTTP.

(1) read the request                              400
(2) the log is one that this witness knows        404
(3) a key of that log signed                      403
(4) the old size is not above the new             400
(5) the old size is the one remembered            409, with the size remembered
(6) trees of one size have one root               409
(7) the new tree continues the remembered one     422
(8) remember it, durably                          503 where that fails
(9) answer with the signature                     200

Nobody comes between (5) and (8): two requests at once could else take a larger tree back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sekisho.domain.checkpoint import (
    Checkpoint,
    cosignature_of,
    cosigned_message,
    parse_checkpoint,
    parse_hash_lines,
    parse_size,
    with_signatures,
)
from sekisho.domain.note import MalformedNoteError, Note, NoteSignature, VerificationKey, parse_note
from sekisho.domain.tlog import ProofError, check_consistency, tree_root
from sekisho.errors import WorkspaceError
from sekisho.witness.memory import Memory, hashed

_TEXT, _SIZE = "text/plain; charset=utf-8", "text/x.tlog.size"
_CLOCK_MAY_LAG = 60  # seconds by which the clock may be set back; the last time is then said again

_BROKEN = "this witness could not keep what it signed, and signs nothing before it was started anew\n"
_FORGOT = "this witness signed a larger tree than it remembers: its memory was taken back, it signs nothing more\n"
_CLOCK = "the clock of this witness went back; it signs again when the clock is right\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request: an HTTP status, what it says and in which form."""

    status: int
    text: str
    form: str = _TEXT


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request: the size of the tree to continue, the proof, the checkpoint and all of its note."""

    old: int
    proof: tuple[bytes, ...]
    note: Note
    checkpoint: Checkpoint


class Witness:
    """A witness of the logs whose keys it was given.

    Parameters
    ----------
    memory:
        What it remembers.
    logs:
        Keys of the logs; a log with several keys has one name for all of them.
    clock:
        Seconds since 1970.

    Raises
    ------
    WorkspaceError
        When the clock is before what was signed last.
    """

    def __init__(
        self, memory: Memory, logs: Sequence[VerificationKey], *, clock: Callable[[], float] = time.time
    ) -> None:
        self._memory, self._clock = memory, clock
        self._keys: dict[str, list[VerificationKey]] = {}
        for key in logs:
            self._keys.setdefault(key.name, []).append(key)
        self._alone = threading.Lock()
        self._stopped = ""
        if self._now() is None:
            raise WorkspaceError(
                "The clock is before the last signature of this witness. Put it right; if that signature's time was "
                "wrong, make a new witness, in another folder."
            )

    @property
    def key(self) -> VerificationKey:
        """The witness's public key."""
        return self._memory.key

    def add_checkpoint(self, body: bytes) -> Answer:
        """Return the answer to a request to sign a checkpoint."""
        try:
            asked = _read(body)  # (1)
        except (MalformedNoteError, UnicodeDecodeError):
            return Answer(400, "not a request to sign a checkpoint\n")
        keys = self._keys.get(asked.checkpoint.origin)
        if keys is None:  # (2)
            return Answer(404, "this witness does not know the log\n")
        signatures = _signed_by(asked.note, keys)
        if not signatures:  # (3)
            return Answer(403, "no key of the log signed the checkpoint\n")
        if asked.old > asked.checkpoint.size:  # (4)
            return Answer(400, "the old size is above the new one\n")
        with self._alone:
            return self._signed(asked, signatures)

    def latest(self, name: str) -> str | None:
        """Return the latest cosigned note of the log whose origin has the SHA-256 *name*, or ``None``."""
        return next((note for origin, note in self._memory.notes().items() if hashed(origin) == name), None)

    def about(self) -> dict[str, object]:
        """Return what anybody may know: name, key, and how far each log was seen."""
        seen = {origin: self._memory.latest(origin) for origin in self._keys}
        return {
            "name": self.key.name,
            "logs": [
                {
                    "origin": origin,
                    "size": None if checkpoint is None else checkpoint.size,
                    "checkpoint": f"/checkpoint/{hashed(origin)}",
                    "forked": self._memory.has_fork(origin),
                }
                for origin, checkpoint in sorted(seen.items())
            ],
        }

    def _signed(self, asked: _Asked, signatures: list[NoteSignature]) -> Answer:
        """Check against what is remembered, remember, sign: one request at a time."""
        checkpoint, origin = asked.checkpoint, asked.checkpoint.origin
        known = self._memory.latest(origin) or Checkpoint(origin, 0, tree_root(()))
        if checkpoint.size > known.size and self._has_signed(asked.note):
            self._stopped = self._stopped or _FORGOT
        if self._stopped:
            return Answer(503, self._stopped)
        if asked.old != known.size:  # (5)
            return Answer(409, f"{known.size}\n", _SIZE)
        if checkpoint.size == known.size and checkpoint.root != known.root:  # (6)
            self._memory.keep_fork(origin, with_signatures(f"{asked.note.text}\n", signatures))
            return Answer(409, "another tree of this size was signed before\n")
        try:  # (7)
            check_consistency(known.size, known.root, checkpoint.size, checkpoint.root, asked.proof)
        except ProofError:
            return Answer(422, "the proof does not show that the tree continues the one before it\n")
        at = self._now()
        if at is None:
            return Answer(503, _CLOCK)
        line = self._memory.cosignature(asked.note.text, at)
        try:  # (8)
            self._memory.keep(origin, with_signatures(f"{asked.note.text}\n", [*signatures, line]), at)
        except OSError:
            if self._memory.uncertain:
                self._stopped = _BROKEN
            return Answer(503, "this witness cannot keep what it would sign\n")
        return Answer(200, line)  # (9)

    def _has_signed(self, note: Note) -> bool:
        """Return whether a signature of this witness stands under *note*: then it was there once."""
        ours = cosignature_of(note, self.key)
        if ours is None:
            return False
        return _verifies(self.key, ours[1], cosigned_message(note.text, ours[0]))

    def _now(self) -> int | None:
        """Return the time to sign with, never before the last one; ``None`` when the clock is far behind."""
        now, last = int(self._clock()), self._memory.newest
        if now < last - _CLOCK_MAY_LAG:
            return None
        return max(now, last)


def _read(body: bytes) -> _Asked:
    head, blank, text = body.decode("utf-8").partition("\n\n")
    first, *proof = head.split("\n")
    if not blank or not first.startswith("old "):
        raise MalformedNoteError("a request has an old size, a proof, an empty line and a checkpoint")
    note = parse_note(text)
    return _Asked(parse_size(first.removeprefix("old ")), parse_hash_lines(proof), note, parse_checkpoint(note.text))


def _signed_by(note: Note, keys: Sequence[VerificationKey]) -> list[NoteSignature]:
    """Return the signatures of *keys* under *note*, each once; none when one of them is wrong."""
    found: dict[VerificationKey, NoteSignature] = {}
    known = {(key.name, key.key_id): key for key in keys}
    for line in note.signatures:
        key = known.get((line.name, line.key_id))
        if key is None:
            continue
        if not _verifies(key, line.signature, note.text.encode("utf-8")):
            return []
        found.setdefault(key, line)
    return list(found.values())


def _verifies(key: VerificationKey, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except InvalidSignature:
        return False
    return True

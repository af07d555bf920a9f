"""What a witness remembers: its key, and the latest checkpoint that it signed of each log, in one folder.

=====================  ==========================================================================
``witness.key``        the Ed25519 key as a signed note's signer key, ``PRIVATE+KEY+name+hash+base64``
``checkpoints.json``   the cosigned checkpoints; replaced whole, never written in place
``lock``               held by the one process that uses the folder
``<hash>.fork``        the first checkpoint of a log that was refused because it forks, signed by that log
=====================  ==========================================================================

Whatever is wrong here is a reason not to start: a witness that forgot would sign a fork.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sekisho.domain.checkpoint import (
    Checkpoint,
    cosignature_line,
    cosignature_of,
    cosigned_message,
    parse_checkpoint,
)
from sekisho.domain.note import (
    COSIGNATURE,
    MalformedNoteError,
    VerificationKey,
    format_key,
    parse_key,
    parse_note,
    strict_base64,
)
from sekisho.durable import sync, write_new
from sekisho.errors import WorkspaceError

_KEY, _STATE, _LOCK = "witness.key", "checkpoints.json", "lock"
_SIGNER = "PRIVATE+KEY+"
_VERSION = 1
_MAX_KEY_BYTES = 4_096


class Memory:
    """The folder of one witness, locked for this process until :meth:`close`.

    Parameters
    ----------
    folder:
        Where it is. New or empty: a key is made there.
    name:
        Name of a new witness, by best custom a URL without scheme; an old one has its name already.

    Attributes
    ----------
    folder:
        The folder.
    key:
        The witness's public key.
    newest:
        When it last signed anything, in seconds since 1970.
    uncertain:
        Whether the disk may hold less than is remembered: then nothing may be signed any more.

    Raises
    ------
    WorkspaceError
        When another process uses the folder, or something in it is missing, damaged or open to others.
    """

    def __init__(self, folder: Path, name: str | None = None) -> None:
        self.folder = folder
        self.uncertain = False
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise WorkspaceError(f"Cannot open the witness's folder {folder}: {error.strerror}.") from None
        try:
            self._private, self.key = self._opened(name)
            self._notes, self.newest = self._read()
        except BaseException:
            os.close(self._lock)
            raise

    def _opened(self, name: str | None) -> tuple[Ed25519PrivateKey, VerificationKey]:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise WorkspaceError(
                f"Another witness runs on {self.folder}. Two on one folder could sign two histories."
            ) from None
        has_key, has_state = (self.folder / _KEY).exists(), (self.folder / _STATE).exists()
        if has_key and not has_state:
            raise WorkspaceError(
                f"{_STATE} is gone from {self.folder}: this witness forgot what it signed. Make a new one, in "
                "another folder, and give its key to those who trusted this one."
            )
        if not has_key:
            if has_state and self._read_notes():
                raise WorkspaceError(f"{_KEY} is gone from {self.folder}. Make a new witness, in another folder.")
            self._make(name)
        private, key = _read_signer(self.folder / _KEY)
        if name is not None and name != key.name:
            raise WorkspaceError(f"The witness in {self.folder} has another name, {key.name}; leave out --name.")
        return private, key

    def close(self) -> None:
        """Let another process use the folder."""
        os.close(self._lock)

    def latest(self, origin: str) -> Checkpoint | None:
        """Return the latest checkpoint signed of the log *origin*, or ``None``."""
        note = self._notes.get(origin)
        return None if note is None else parse_checkpoint(parse_note(note).text)

    def notes(self) -> Mapping[str, str]:
        """Return the latest cosigned note of each log."""
        return dict(self._notes)

    def cosignature(self, text: str, at: int) -> str:
        """Return the line of this witness under a checkpoint's *text*."""
        return cosignature_line(text, at, self.key, self._private.sign)

    def keep(self, origin: str, note: str, at: int) -> None:
        """Remember *note*, signed at *at*, as the latest of its log; it is durable when this returns.

        Raises ``OSError`` when it is not; what was remembered before still is.
        """
        notes = {**self._notes, origin: note}
        document = json.dumps({"version": _VERSION, "checkpoints": [notes[each] for each in sorted(notes)]}, indent=1)
        self._replace(_STATE, document.encode())
        self._notes, self.newest = notes, max(at, self.newest)
        try:
            sync(self.folder)
        except OSError:
            self.uncertain = True  # the new file is there; a crash may bring the old one back
            raise

    def keep_fork(self, origin: str, note: str) -> None:
        """Keep the first note that forks a log: with the one remembered it convicts that log."""
        with suppress(OSError):
            write_new(self.folder / f"{hashed(origin)}.fork", note.encode())

    def has_fork(self, origin: str) -> bool:
        """Return whether that log once tried to have a fork signed."""
        return (self.folder / f"{hashed(origin)}.fork").exists()

    # -- the folder ----------------------------------------------------------------------------------

    def _make(self, name: str | None) -> None:
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes_raw()
        named = f"sekisho/witness-{public[:4].hex()}" if name is None else name
        vkey = format_key(named, public, COSIGNATURE)
        try:
            parse_key(vkey, COSIGNATURE)
        except MalformedNoteError:
            raise WorkspaceError("A witness's name has neither spaces nor plus signs.") from None
        try:
            # The key is last: where it is, all is.
            self._replace(_STATE, json.dumps({"version": _VERSION, "checkpoints": []}).encode())
            self._replace(_KEY, _signer_text(vkey, private).encode())
            sync(self.folder)
        except OSError as error:
            raise WorkspaceError(f"Cannot make a witness in {self.folder}: {error.strerror}.") from None

    def _read_notes(self) -> list[str]:
        path = self.folder / _STATE
        try:
            document = json.loads(path.read_bytes())
        except OSError as error:
            raise WorkspaceError(f"Cannot read {path}: {error.strerror}.") from None
        except (ValueError, RecursionError):
            raise self._damaged() from None
        if not isinstance(document, dict) or document.get("version") != _VERSION:
            raise self._damaged()
        notes = document.get("checkpoints")
        if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
            raise self._damaged()
        return notes

    def _read(self) -> tuple[dict[str, str], int]:
        notes: dict[str, str] = {}
        newest = 0
        for text in self._read_notes():
            try:
                note = parse_note(text)
                origin = parse_checkpoint(note.text).origin
                ours = cosignature_of(note, self.key)
                if ours is None or origin in notes:
                    raise self._damaged()
                self._private.public_key().verify(ours[1], cosigned_message(note.text, ours[0]))
            except (MalformedNoteError, InvalidSignature):
                raise self._damaged() from None
            notes[origin], newest = text, max(newest, ours[0])
        return notes, newest

    def _damaged(self) -> WorkspaceError:
        return WorkspaceError(
            f"{self.folder / _STATE} is damaged: it does not hold what this witness signed. Do not restore an old "
            "copy; make a new witness, in another folder."
        )

    def _replace(self, name: str, content: bytes) -> None:
        """Put *content* in the place of the file *name*, whole or not at all; the folder is not synced yet."""
        draft = self.folder / f".{name}.new"
        draft.unlink(missing_ok=True)  # what a crash left
        try:
            write_new(draft, content)
            draft.rename(self.folder / name)
        except OSError:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise


def public_key(folder: Path, name: str | None = None) -> VerificationKey:
    """Return the public key of the witness in *folder*, also while it runs; a new one is made where there is none.

    Raises ``WorkspaceError`` as :class:`Memory` does.
    """
    if (folder / _KEY).exists():
        return _read_signer(folder / _KEY)[1]
    memory = Memory(folder, name)
    memory.close()
    return memory.key


def hashed(origin: str) -> str:
    """Return the name by which addresses and files call a log."""
    return hashlib.sha256(origin.encode()).hexdigest()


def _read_signer(path: Path) -> tuple[Ed25519PrivateKey, VerificationKey]:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise WorkspaceError(f"Cannot open {path}: {error.strerror}.") from None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise WorkspaceError(
                f"{path} is not a file of this account alone. If others may have read it, make a new witness; "
                "else run chmod 600 on it."
            )
        line = os.read(handle, _MAX_KEY_BYTES).decode("utf-8", "replace")
    finally:
        os.close(handle)
    try:
        return _signer(line)
    except ValueError:
        raise WorkspaceError(f"{path} holds no key of a witness. Make a new witness, in another folder.") from None


def _signer(line: str) -> tuple[Ed25519PrivateKey, VerificationKey]:
    """Return the key of a signer key's text. Raises ``ValueError`` when it is none."""
    name, _, rest = line.strip().removeprefix(_SIGNER).partition("+")
    _, _, encoded = rest.partition("+")
    data = strict_base64(encoded)
    private = Ed25519PrivateKey.from_private_bytes(data[1:])
    vkey = format_key(name, private.public_key().public_bytes_raw(), COSIGNATURE)
    if _signer_text(vkey, private) != line:
        raise MalformedNoteError("the parts of the key do not belong together")
    return private, parse_key(vkey, COSIGNATURE)


def _signer_text(vkey: str, private: Ed25519PrivateKey) -> str:
    encoded = base64.b64encode(bytes([COSIGNATURE]) + private.private_bytes_raw()).decode("ascii")
    name, key_hash, _ = vkey.split("+", 2)
    return f"{_SIGNER}{name}+{key_hash}+{encoded}\n"

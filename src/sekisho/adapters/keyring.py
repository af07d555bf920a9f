"""The key ring in a folder: three secrets that never leave the process, and what is derived from them.

======================  ===========================================================================
``master.key``          32 random bytes; every other symmetric key is derived from it by label
``log.key``             Ed25519 seed of the audit log: signs heads and checkpoints
``issuer.key``          Ed25519 seed of the embedded token issuer, apart from the log on purpose: who can
                        mint a token must not be able to sign a log
``keyring.json``        not secret: the key epoch, and the name under which the log signs
======================  ===========================================================================

The folder has mode 0700 and the files 0600. Anything wider is refused rather than repaired: a key
that others could read must be replaced, and only people can know whether it was read.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import secrets
import stat
from pathlib import Path
from typing import NoReturn, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sekisho.errors import WorkspaceError

_SECRETS = ("master.key", "log.key", "issuer.key")
_ABOUT = "keyring.json"
_SECRET_BYTES = 32
_MAX_ABOUT_BYTES = 4096
_MAX_DERIVED = 255 * 32  # RFC 5869, 2.3
_ED25519_NOTE_TYPE = b"\x01"  # C2SP signed-note, "Signature types"
# C2SP signed-note: a key name is not empty and has neither white space nor a plus sign.
_LOG_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:-]{0,127}")


class FileKeyRing:
    """``ports.KeyRing`` over a folder that only its owner can open.

    Parameters
    ----------
    folder:
        The key folder, made by :meth:`create`.

    Raises
    ------
    WorkspaceError
        When a file is missing, has another size, is a link, belongs to somebody else, or may be read by
        others; the message says what to do.
    """

    __slots__ = ("_epoch", "_issuer", "_log", "_log_name", "_master")

    def __init__(self, folder: Path) -> None:
        _check_private(folder)
        master, log, issuer = (_read(folder / name, _SECRET_BYTES) for name in _SECRETS)
        if any(len(key) != _SECRET_BYTES for key in (master, log, issuer)):
            raise WorkspaceError(f"a key in {folder} is not {_SECRET_BYTES} bytes long; restore it from a backup")
        self._master = master
        self._log = Ed25519PrivateKey.from_private_bytes(log)
        self._issuer = Ed25519PrivateKey.from_private_bytes(issuer)
        self._epoch, self._log_name = _read_about(folder)

    @classmethod
    def create(cls, folder: Path, *, log_name: str = "sekisho/audit") -> Self:
        """Make new keys in *folder* and return the ring over them.

        The folder appears whole or not at all. *log_name* is the name under which the audit log signs
        (C2SP signed-note recommends a URL without scheme, owned by the controller).

        Raises ``WorkspaceError`` when there are keys already: new keys would cut every pseudonym and every
        stored identifier off from its person, so nothing here replaces old ones.
        """
        if _LOG_NAME.fullmatch(log_name) is None:
            raise WorkspaceError("the log's name has characters other than letters, digits and . _ / : -")
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
            raise WorkspaceError(
                f"{folder} exists already; keys are never replaced. Open it, or name an empty folder"
            )
        draft = folder.parent / f".{folder.name}.{secrets.token_hex(8)}"
        draft.mkdir(mode=0o700)
        try:
            draft.chmod(0o700)
            for name in _SECRETS:
                _write(draft / name, secrets.token_bytes(_SECRET_BYTES))
            about = {"version": 1, "epoch": 1, "log_name": log_name}
            _write(draft / _ABOUT, json.dumps(about, sort_keys=True).encode() + b"\n")
            _sync(draft)
            draft.rename(folder)  # refused by the system when somebody else filled the folder meanwhile
        except OSError as error:
            for path in draft.glob("*"):
                path.unlink(missing_ok=True)
            draft.rmdir()
            raise WorkspaceError(f"cannot make keys in {folder}: {error.strerror}") from None
        _sync(folder.parent)
        return cls(folder)

    @property
    def epoch(self) -> int:
        """The current key epoch, from 1."""
        return self._epoch

    def derive(self, label: str, length: int = 32) -> bytes:
        """Return the key of *label*: HKDF-SHA-256 of the master key (RFC 5869), *length* bytes.

        Labels are paths (``pseudonym/recommendation/recommender/1``); equal labels give equal keys, and
        the keys of two labels say nothing of each other.
        """
        if not label:
            raise ValueError("a key needs a label")
        if not 16 <= length <= _MAX_DERIVED:
            raise ValueError("a key has 16 to 8,160 bytes")
        # The master key is uniform, so that the extract step needs no salt (RFC 5869, 3.1 and 3.3).
        return HKDF(SHA256(), length, salt=None, info=b"sekisho/v1/" + label.encode()).derive(self._master)

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature (64 bytes) of *message* by the log key."""
        return self._log.sign(message)

    def verification_key(self) -> str:
        """Return the log's public key as a C2SP note verifier key.

        ``name+hex(key id)+base64(0x01 || public key)``, where the key id is the first four bytes of
        SHA-256(name || newline || 0x01 || public key).
        """
        typed = _ED25519_NOTE_TYPE + _public(self._log)
        key_id = hashlib.sha256(self._log_name.encode() + b"\n" + typed).digest()[:4]
        return f"{self._log_name}+{key_id.hex()}+{base64.b64encode(typed).decode()}"

    def sign_token(self, message: bytes) -> bytes:
        """Return the Ed25519 signature (64 bytes) of *message* by the token issuer's key."""
        return self._issuer.sign(message)

    def token_public_key(self) -> bytes:
        """Return the token issuer's Ed25519 public key (32 bytes)."""
        return _public(self._issuer)

    def __repr__(self) -> str:
        return f"FileKeyRing(epoch={self._epoch}, keys hidden)"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: keys would leave the process with it."""
        raise TypeError("a key ring cannot be copied or sent elsewhere")


def _public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _check_private(folder: Path) -> None:
    try:
        status = folder.lstat()
    except OSError:
        raise WorkspaceError(
            f"there are no keys in {folder}; make a workspace's first keys with `sekisho keys create`, "
            "or restore the folder from a backup"
        ) from None
    if not stat.S_ISDIR(status.st_mode):
        raise WorkspaceError(f"{folder} is not a folder (links are not followed); name the folder itself")
    if status.st_uid != os.geteuid():
        raise WorkspaceError(f"{folder} belongs to another account; run as its owner, or chown it")
    if status.st_mode & 0o077:
        raise WorkspaceError(
            f"{folder} has mode {stat.S_IMODE(status.st_mode):04o}, so that others can reach the keys; "
            "run chmod 700 on it, and replace the keys if others may have read them"
        )


def _read(path: Path, limit: int) -> bytes:
    """Return the whole file, having checked the opened file itself and not its name."""
    try:
        # O_NONBLOCK: a pipe put in a key's place must not hang the start.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise WorkspaceError(f"cannot open {path}: {error.strerror}; restore the key folder from a backup") from None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            raise WorkspaceError(f"{path} is not a file of this account; restore it from a backup")
        if status.st_mode & 0o077:
            raise WorkspaceError(
                f"{path} has mode {stat.S_IMODE(status.st_mode):04o}, so that others can reach the key; "
                "run chmod 600 on it, and replace the keys if others may have read them"
            )
        return os.read(handle, limit + 1)
    finally:
        os.close(handle)


def _read_about(folder: Path) -> tuple[int, str]:
    text = _read(folder / _ABOUT, _MAX_ABOUT_BYTES)
    try:
        about = json.loads(text)
        version, epoch, name = about["version"], about["epoch"], about["log_name"]
        valid = version == 1 and type(epoch) is int and epoch >= 1 and _LOG_NAME.fullmatch(name) is not None
    except (ValueError, KeyError, TypeError):
        valid = False
    if not valid:
        raise WorkspaceError(f"{folder / _ABOUT} cannot be read; restore it from a backup")
    return epoch, name


def _write(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(file.fileno(), 0o600)  # whatever the umask was
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""The key ring of a folder: three secrets that never leave the process, and what is derived from them.

======================  ===========================================================================
``master.key``          32 random bytes; every other symmetric key is derived from it by label
``log.key``             Ed25519 seed of the audit log: signs heads and checkpoints
``issuer.key``          Ed25519 seed of the embedded token issuer, apart from the log on purpose: who can
                        mint a token must not be able to sign a log
``keyring.json``        not secret: the first key epoch, and the name under which the log signs; where a
                        provider wraps the secrets, it holds them wrapped, and the three files are not there
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
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sekisho.durable import sync, write_new
from sekisho.errors import WorkspaceError
from sekisho.ports import KeyWrapping

_SECRETS = ("master.key", "log.key", "issuer.key")
_ABOUT = "keyring.json"
_SECRET_BYTES = 32
_MAX_ABOUT_BYTES = 65_536
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
    wrapping:
        The provider that has wrapped the secrets; ``None`` for secrets that lie in the folder themselves.

    Raises
    ------
    WorkspaceError
        When a file is missing, has another size, is a link, belongs to somebody else, or may be read by
        others; when the secrets are wrapped by another provider than *wrapping*. The message says what to do.
    KeysUnavailable
        When the provider does not unwrap them.
    """

    __slots__ = ("_epoch", "_issuer", "_log", "_log_name", "_master")

    def __init__(self, folder: Path, wrapping: KeyWrapping | None = None) -> None:
        _check_private(folder)
        about = _read_about(folder)
        secrets_of = _plain(folder, about) if wrapping is None else _unwrapped(folder, about, wrapping)
        master, log, issuer = secrets_of
        if any(len(key) != _SECRET_BYTES for key in secrets_of):
            raise WorkspaceError(f"a key in {folder} is not {_SECRET_BYTES} bytes long; restore it from a backup")
        self._master = master
        self._log = Ed25519PrivateKey.from_private_bytes(log)
        self._issuer = Ed25519PrivateKey.from_private_bytes(issuer)
        self._epoch, self._log_name = about.epoch, about.log_name

    @classmethod
    def create(cls, folder: Path, *, log_name: str = "sekisho/audit", wrapping: KeyWrapping | None = None) -> Self:
        """Make new keys in *folder* and return the ring over them.

        The folder appears whole or not at all. *log_name* is the name under which the audit log signs
        (C2SP signed-note recommends a URL without scheme, owned by the controller). With a *wrapping* the
        secrets are wrapped before anything is written.

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
        made = {name: secrets.token_bytes(_SECRET_BYTES) for name in _SECRETS}
        about = _About(1, log_name) if wrapping is None else _wrapped(_About(1, log_name), made, wrapping)
        draft = folder.parent / f".{folder.name}.{secrets.token_hex(8)}"
        draft.mkdir(mode=0o700)
        try:
            draft.chmod(0o700)
            for name, secret in made.items() if wrapping is None else ():
                write_new(draft / name, secret)
            write_new(draft / _ABOUT, about.to_json())
            sync(draft)
            draft.rename(folder)  # refused by the system when somebody else filled the folder meanwhile
        except OSError as error:
            for path in draft.glob("*"):
                path.unlink(missing_ok=True)
            draft.rmdir()
            raise WorkspaceError(f"cannot make keys in {folder}: {error.strerror}") from None
        sync(folder.parent)
        return cls(folder, wrapping)

    @classmethod
    def wrap(cls, folder: Path, wrapping: KeyWrapping) -> Self:
        """Wrap the secrets of *folder*, or wrap them anew under the provider's newest key; return the ring.

        Every key stays what it is. Nothing is removed before the wrapped secrets are durable and were unwrapped
        again; what breaks off in between is mended by doing it again.

        Raises as opening the ring does.
        """
        _check_private(folder)
        about = _read_about(folder)
        held = _plain(folder, about) if not about.wrapped else _unwrapped(folder, about, wrapping, strict=False)
        renewed = _wrapped(about, dict(zip(_SECRETS, held, strict=True)), wrapping)
        if _unwrapped(folder, renewed, wrapping, strict=False) != held:
            raise WorkspaceError(f"{wrapping.provider} did not give back what it had wrapped; nothing was changed")
        draft = folder / f".{_ABOUT}.{secrets.token_hex(8)}"
        write_new(draft, renewed.to_json())
        draft.rename(folder / _ABOUT)
        sync(folder)
        for name in _SECRETS:
            (folder / name).unlink(missing_ok=True)
        sync(folder)
        return cls(folder, wrapping)

    @property
    def epoch(self) -> int:
        """The epoch whose keys are derived from the master key: the first."""
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


@dataclass(frozen=True, slots=True)
class _About:
    """What ``keyring.json`` says; ``wrapped`` holds the secrets by file name, in base64."""

    epoch: int
    log_name: str
    provider: str | None = None
    wrapped: Mapping[str, str] = field(default_factory=dict, repr=False)

    def to_json(self) -> bytes:
        told: dict[str, object] = {"version": 1, "epoch": self.epoch, "log_name": self.log_name}
        if self.wrapped:
            told |= {"version": 2, "provider": self.provider, "wrapped": dict(self.wrapped)}
        return json.dumps(told, sort_keys=True).encode() + b"\n"


def _read_about(folder: Path) -> _About:
    text = _read(folder / _ABOUT, _MAX_ABOUT_BYTES)
    try:
        about = json.loads(text)
        version, epoch, name = about["version"], about["epoch"], about["log_name"]
        provider, wrapped = (about["provider"], about["wrapped"]) if version == 2 else (None, {})
        valid = version in {1, 2} and type(epoch) is int and epoch >= 1 and _LOG_NAME.fullmatch(name) is not None
        valid = valid and set(wrapped) == (set(_SECRETS) if version != 1 else set())
        valid = valid and all(isinstance(text, str) for text in wrapped.values())
    except (ValueError, KeyError, TypeError):
        valid = False
    if not valid:
        raise WorkspaceError(f"{folder / _ABOUT} cannot be read; restore it from a backup")
    return _About(epoch, name, provider, wrapped)


def _plain(folder: Path, about: _About) -> tuple[bytes, ...]:
    if about.wrapped:
        raise WorkspaceError(
            f"the keys in {folder} are wrapped by the provider {about.provider}; name it with `keys: {{provider: …}}`"
        )
    return tuple(_read(folder / name, _SECRET_BYTES) for name in _SECRETS)


def _unwrapped(folder: Path, about: _About, wrapping: KeyWrapping, *, strict: bool = True) -> tuple[bytes, ...]:
    if not about.wrapped:
        raise WorkspaceError(
            f"the keys in {folder} are not wrapped yet; run `sekisho keys wrap`, which wraps them by the provider "
            f"{wrapping.provider} and changes none of them"
        )
    if about.provider != wrapping.provider:
        raise WorkspaceError(
            f"the keys in {folder} are wrapped by the provider {about.provider}, not {wrapping.provider}; "
            "name that one with `keys: {provider: …}`"
        )
    if strict and any((folder / name).exists() for name in _SECRETS):
        raise WorkspaceError(
            f"beside the wrapped keys in {folder} there are keys in the open; run `sekisho keys wrap`, which "
            "removes them"
        )
    try:
        raw = [base64.b64decode(about.wrapped[name], validate=True) for name in _SECRETS]
    except ValueError:
        raise WorkspaceError(f"{folder / _ABOUT} cannot be read; restore it from a backup") from None
    return tuple(wrapping.unwrap(each, f"ring/{name}") for name, each in zip(_SECRETS, raw, strict=True))


def _wrapped(about: _About, held: Mapping[str, bytes], wrapping: KeyWrapping) -> _About:
    wrapped = {
        name: base64.b64encode(wrapping.wrap(secret, f"ring/{name}")).decode() for name, secret in held.items()
    }
    return _About(about.epoch, about.log_name, wrapping.provider, wrapped)

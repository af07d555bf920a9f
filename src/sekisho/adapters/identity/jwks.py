"""Where verification keys come from: the embedded issuer, or a JSON Web Key Set in a file (RFC 7517).

Only public signature keys are taken: Ed25519, P-256, and RSA of 2,048 bits or more. A symmetric key, a
private key, a key without ``kid`` or one ``kid`` twice spoils the whole set, because each is a sign that
somebody published the wrong file.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from sekisho.errors import Unauthenticated, WorkspaceError

_MAX_FILE = 65_536  # bytes
_MIN_RSA_BITS = 2048
_MAX_RSA_BITS = 8192  # verification time grows with the square of it
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
ACCEPTED: Mapping[tuple[str, str | None], tuple[str, ...]] = {
    ("OKP", "Ed25519"): ("EdDSA", "Ed25519"),
    ("EC", "P-256"): ("ES256",),
    ("RSA", None): ("RS256",),
}
"""Key type and curve to the algorithms that such a key may verify."""

_KINDS: dict[str, type[OKPKey | ECKey | RSAKey]] = {"OKP": OKPKey, "EC": ECKey, "RSA": RSAKey}


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key and the algorithms that it may verify."""

    key: OKPKey | ECKey | RSAKey
    algorithms: tuple[str, ...]


class VerificationKeys(Protocol):
    """A pinned key set."""

    def current(self) -> tuple[object, Mapping[str, VerificationKey]]:
        """Return a version, equal as long as the keys are, and the keys by ``kid``.

        Raises ``Unauthenticated`` when the keys cannot be read: without keys nobody is who they say.
        """


def key_id_of(public_key: bytes) -> str:
    """Return the ``kid`` of a raw Ed25519 public key: its JWK thumbprint (RFC 7638, RFC 8037)."""
    x = base64.urlsafe_b64encode(public_key).rstrip(b"=").decode()
    canonical = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": x}, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()


def public_jwk(public_key: bytes) -> dict[str, str]:
    """Return a raw Ed25519 public key (32 bytes) as a JWK, for publishing."""
    x = base64.urlsafe_b64encode(public_key).rstrip(b"=").decode()
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": x,
        "use": "sig",
        "alg": "EdDSA",
        "kid": key_id_of(public_key),
    }


class EmbeddedKeys:
    """The one key of the embedded issuer, given as its raw Ed25519 public key (32 bytes)."""

    def __init__(self, public_key: bytes) -> None:
        self._keys = key_set({"keys": [public_jwk(public_key)]})

    def current(self) -> tuple[object, Mapping[str, VerificationKey]]:
        """Return the key; its version never changes."""
        return 0, self._keys


class JwksFile:
    """A JSON Web Key Set in a file, read again whenever the file changes.

    Parameters
    ----------
    path:
        The file. Replace it by renaming another over it, so that no half of it is ever read.

    Raises
    ------
    WorkspaceError
        When the file cannot be used at start; later faults refuse credentials until it can.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            self._version = self._stamp()
            self._keys = key_set(self._load())
        except OSError as error:
            raise WorkspaceError(
                f"cannot read the key set {path}: {error.strerror}; fix identity.jwks in sekisho.yaml"
            ) from None
        except ValueError as error:
            raise WorkspaceError(f"the key set {path} cannot be used: {error}") from None

    def current(self) -> tuple[object, Mapping[str, VerificationKey]]:
        """Return the keys in the file now; its version is the file's stamp."""
        try:
            stamp = self._stamp()
            with self._lock:
                if stamp != self._version:
                    self._keys = key_set(self._load())
                    self._version = stamp
                return self._version, self._keys
        except (OSError, ValueError):
            raise Unauthenticated("the issuer's published keys cannot be read; the service needs care") from None

    def _stamp(self) -> tuple[int, int, int]:
        status = self._path.stat()
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _load(self) -> object:
        with self._path.open("rb") as file:
            text = file.read(_MAX_FILE + 1)
        if len(text) > _MAX_FILE:
            raise ValueError("it is larger than 64 KiB")
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError("it is not JSON") from None


def key_set(document: object) -> dict[str, VerificationKey]:
    """Return the keys of a JSON Web Key Set by ``kid``. Raises ``ValueError`` with what is wrong with it."""
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list) or not listed:
        raise ValueError('it has no keys; a key set is {"keys": [...]} (RFC 7517, 5)')
    keys: dict[str, VerificationKey] = {}
    for place, member in enumerate(listed, start=1):
        kid, key = _key(place, member)
        if kid in keys:
            raise ValueError(f"key {place} has the kid of another; make every kid unique")
        keys[kid] = key
    return keys


def _key(place: int, member: object) -> tuple[str, VerificationKey]:
    member = member if isinstance(member, dict) else {}
    if _PRIVATE_MEMBERS & set(member):
        raise ValueError(f"key {place} is secret; publish the public keys only, and replace this one")
    kid, kty = member.get("kid"), member.get("kty")
    if not isinstance(kid, str) or not kid:
        raise ValueError(f"key {place} has no kid; give every key one")
    if member.get("use", "sig") != "sig":
        raise ValueError(f"key {place} is not for signatures; leave it out")
    algorithms = ACCEPTED.get((str(kty), None if kty == "RSA" else str(member.get("crv"))))
    if algorithms is None:
        raise ValueError(f"key {place} is of a kind that is not accepted; use Ed25519, P-256 or RSA")
    if "alg" in member:
        if member["alg"] not in algorithms:
            raise ValueError(f"key {place} is for an algorithm that is not accepted for its kind")
        algorithms = (str(member["alg"]),)
    if kty == "RSA" and not _MIN_RSA_BITS <= _bits(member.get("n")) <= _MAX_RSA_BITS:
        raise ValueError(f"key {place} has a modulus outside {_MIN_RSA_BITS} to {_MAX_RSA_BITS} bits")
    try:
        key = _KINDS[str(kty)].import_key({str(name): value for name, value in member.items()})
        # A raw key is opened here, so that a malformed one is found at start and not at the first token.
        key.public_key  # noqa: B018 - reading it is what finds the fault
    except (JoseError, ValueError, TypeError, AttributeError):
        raise ValueError(f"key {place} cannot be read") from None
    return kid, VerificationKey(key, algorithms)


def _bits(modulus: object) -> int:
    try:
        raw = base64.urlsafe_b64decode(str(modulus) + "=" * (-len(str(modulus)) % 4))
    except (binascii.Error, ValueError):
        return 0
    return int.from_bytes(raw, "big").bit_length()

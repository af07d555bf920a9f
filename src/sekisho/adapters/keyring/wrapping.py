"""Wrapping by the ring itself: for workspaces whose secrets lie in a folder and nowhere else."""

from __future__ import annotations

import os
from typing import Final, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sekisho.errors import KeysUnavailable
from sekisho.ports import KeyRing

_NONCE_BYTES: Final = 12
_FORMAT: Final = b"\x01"  # AES-256-GCM: this byte, nonce, ciphertext and tag


class RingWrapping:
    """``ports.KeyWrapping`` under a key of the ring (label ``key-wrapping``)."""

    __slots__ = ("_cipher",)

    provider: Final = "file"

    def __init__(self, keys: KeyRing) -> None:
        self._cipher = AESGCM(keys.derive("key-wrapping"))

    def wrap(self, secret: bytes, bound: str) -> bytes:
        """See the port."""
        nonce = os.urandom(_NONCE_BYTES)
        return _FORMAT + nonce + self._cipher.encrypt(nonce, secret, _FORMAT + bound.encode())

    def unwrap(self, wrapped: bytes, bound: str) -> bytes:
        """See the port."""
        nonce, content = wrapped[1 : 1 + _NONCE_BYTES], wrapped[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, content, wrapped[:1] + bound.encode())
        except (InvalidTag, ValueError):
            raise KeysUnavailable(
                "A wrapped key is not one of this key folder; restore the folder from the backup of the same day."
            ) from None

    def __repr__(self) -> str:
        return "RingWrapping(key hidden)"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: a key would leave the process with it."""
        raise TypeError("a key wrapping cannot be copied or sent elsewhere")

"""Tokens of linking identifiers (invoice, ticket, event): AES-SIV, deterministic and authenticated.

AES-SIV (RFC 5297) gives equal values equal tokens, and refuses every token that was not made under this
key and domain. The domain is associated data: the same text in two domains gives two tokens, so that
only columns declared joinable join.

A value is padded to a multiple of 16 bytes (ISO/IEC 7816-4) before it is encrypted: without that the
length of the token would tell an order (``536365``) from its cancellation (``C536365``). Values of 15 bytes
or fewer, in UTF-8, give tokens of the same length, 43 characters.
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache

import numpy as np
import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from numpy.typing import NDArray

_BLOCK = 16
_MAX_TOKEN = 8192  # characters; a longer one was not made from an identifier
_TOKEN = re.compile(r"[0-9A-Za-z_-]+")
_NOTHING = 2**64 - 1
_LABEL = b"sekisho token v1"


class Tokens:
    """Tokens of one domain under one key.

    Parameters
    ----------
    key:
        32, 48 or 64 secret bytes (AES-SIV takes two AES keys), derived by the caller per purpose,
        requester and epoch.
    domain:
        Name of the token domain; columns of one domain may be joined.
    cached:
        How many recent values keep their token in memory across batches (an identifier repeats on
        many lines). The cache is bounded and evicts the least recently used.

    Raises
    ------
    ValueError
        For a key of another length.
    """

    __slots__ = ("_associated", "_cipher", "_domain", "_token")

    def __init__(self, key: bytes, domain: str, *, cached: int = 65_536) -> None:
        if len(key) not in {32, 48, 64}:
            raise ValueError("a token key has 32, 48 or 64 bytes")
        self._cipher = AESSIV(key)
        self._domain = domain
        self._associated = [_LABEL, domain.encode()]
        self._token = lru_cache(maxsize=cached)(self._encrypt)

    def __repr__(self) -> str:
        """Return a text without the key."""
        return f"Tokens(domain={self._domain!r})"

    def encode(self, array: pa.Array) -> pa.Array:
        """Return the tokens of *array*, nulls staying null.

        Parameters
        ----------
        array:
            Strings (plain, large or dictionary), or whole numbers, which are read as decimal text.

        Returns
        -------
        A string array of the same length. Each distinct value is encrypted once.

        Raises
        ------
        ValueError
            For another type of column: its text form would not be fixed.
        """
        kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)):
            raise ValueError("tokens are made of strings or whole numbers")
        coded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
        values = coded.dictionary.cast(pa.string()).to_pylist()
        tokens = [None if value is None else self._token(value) for value in values]
        return pa.array(tokens, pa.string()).take(coded.indices)

    def keys(self, array: pa.Array) -> NDArray[np.uint64]:
        """Return the first 8 characters of the token of each value, as a number: they sort like the tokens.

        Nulls come last. Takes what :meth:`encode` takes.
        """
        coded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
        tokens = self.encode(coded.dictionary).to_pylist()
        heads = np.array(
            [_NOTHING if token is None else int.from_bytes(token[:8].encode(), "big") for token in (*tokens, None)],
            np.uint64,
        )
        found: NDArray[np.uint64] = heads[coded.indices.fill_null(len(tokens)).to_numpy(zero_copy_only=False)]
        return found

    def encode_one(self, value: str) -> str:
        """Return the token of one value."""
        return self._token(value)

    def decode(self, token: str) -> str | None:
        """Return the value of *token*, or ``None`` for anything that this key and domain did not make."""
        if len(token) > _MAX_TOKEN or not _TOKEN.fullmatch(token):
            return None
        try:
            sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            return None
        # Base64 has several spellings of the same bytes; only ours is a token.
        if len(sealed) < 2 * _BLOCK or _text(sealed) != token:
            return None
        try:
            padded = self._cipher.decrypt(sealed, self._associated)
        except InvalidTag:
            return None
        value, mark, rest = padded.rpartition(b"\x80")
        if not mark or rest.strip(b"\0"):  # pragma: no cover - the tag has proved that we padded it
            return None
        return value.decode()

    def _encrypt(self, value: str) -> str:
        raw = value.encode() + b"\x80"
        return _text(self._cipher.encrypt(raw + bytes(-len(raw) % _BLOCK), self._associated))


def _text(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")

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
import pyarrow.compute as pc
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from numpy.typing import NDArray

from sekisho.transform.siv import BLOCK as _BLOCK
from sekisho.transform.siv import MOST, ShortSiv

_MANY = 64  # distinct values from which they are encrypted together
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

    __slots__ = ("_associated", "_cipher", "_domain", "_short", "_token")

    def __init__(self, key: bytes, domain: str, *, cached: int = 65_536) -> None:
        if len(key) not in {32, 48, 64}:
            raise ValueError("a token key has 32, 48 or 64 bytes")
        self._cipher = AESSIV(key)
        self._domain = domain
        self._associated = [_LABEL, domain.encode()]
        self._short = ShortSiv(key, self._associated)
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
        A string array of the same length. Each distinct value is encrypted once; of whole numbers, unless most of
        them are distinct: then looking for the others takes longer.

        Raises
        ------
        ValueError
            For another type of column: its text form would not be fixed.
        """
        kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)):
            raise ValueError("tokens are made of strings or whole numbers")
        if _mostly_distinct(array):
            return self._tokens(array.cast(pa.string()))
        coded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
        return self._tokens(coded.dictionary.cast(pa.string())).take(coded.indices)

    def keys(self, array: pa.Array) -> NDArray[np.uint64]:
        """Return the first 8 characters of the token of each value, as a number: they sort like the tokens.

        Nulls come last. Takes what :meth:`encode` takes.
        """
        coded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
        tokens = self.encode(coded.dictionary)
        nothing = len(tokens)
        heads = np.full(nothing + 1, _NOTHING, np.uint64)
        first = pc.fill_null(pc.binary_slice(tokens.cast(pa.binary()), 0, 8), bytes([255] * 8))
        heads[:nothing] = np.frombuffer(first.buffers()[2] or b"", ">u8", nothing)
        found: NDArray[np.uint64] = heads[coded.indices.fill_null(nothing).to_numpy(zero_copy_only=False)]
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

    def _tokens(self, values: pa.Array) -> pa.Array:
        """Return the token of each of *values*."""
        if len(values) >= _MANY and not values.null_count:
            short = pc.less_equal(pc.binary_length(values), MOST)
            if short.true_count == len(values):
                return self._short.tokens(values)
            if short.true_count:
                places = pa.array(np.argsort(np.argsort(~short.to_numpy(zero_copy_only=False), kind="stable")))
                long = [self._token(value) for value in values.filter(pc.invert(short)).to_pylist()]
                made = pa.concat_arrays([self._short.tokens(values.filter(short)), pa.array(long, pa.string())])
                return made.take(places)
        tokens = [None if value is None else self._token(value) for value in values.to_pylist()]
        return pa.array(tokens, pa.string())

    def _encrypt(self, value: str) -> str:
        raw = value.encode() + b"\x80"
        return _text(self._cipher.encrypt(raw + bytes(-len(raw) % _BLOCK), self._associated))


def _mostly_distinct(array: pa.Array) -> bool:
    """Return whether *array* holds whole numbers, most of which stand in it once. Sorting them tells soonest."""
    if not pa.types.is_integer(array.type) or array.null_count or len(array) < _MANY:
        return False
    ordered = np.sort(array.to_numpy())
    return 2 * int(np.count_nonzero(ordered[1:] != ordered[:-1])) >= len(ordered)


def _text(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")

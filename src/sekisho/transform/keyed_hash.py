"""Keyed hashes of texts: HMAC-SHA-256 (RFC 2104), cut to 128 bits and written as 32 hexadecimal digits.

Equal texts of one domain have equal hashes under one key, so their columns can be joined, grouped and counted;
nobody turns one back, the gateway neither. The key is derived for purpose, requester, epoch and domain. Who holds the
key and guesses a value can confirm it, which is why no key leaves the gateway.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sekisho.domain.keyed_hash import KeyedHash

_BYTES = 16
_NOTHING = 2**64 - 1


class Hashes:
    """The hashes under one key."""

    __slots__ = ("_hash",)

    def __init__(self, key: bytes) -> None:
        if len(key) < _BYTES:
            raise ValueError("a key of hashes has 16 bytes or more")
        self._hash = KeyedHash(key)

    def __repr__(self) -> str:
        """Return a text without the key."""
        return "Hashes()"

    def encode(self, texts: pa.Array) -> pa.Array:
        """Return the hash of each of *texts*, nulls staying null; each distinct text is hashed once."""
        coded = _coded(texts)
        made = self._digests(coded.dictionary)
        text = made.tobytes().hex()
        width = 2 * _BYTES
        offsets = np.arange(0, len(text) + 1, width, dtype=np.int32)
        hashed = pa.StringArray.from_buffers(
            len(coded.dictionary), pa.py_buffer(offsets), pa.py_buffer(text.encode())
        )
        return hashed.take(coded.indices)

    def keys(self, texts: pa.Array) -> NDArray[np.uint64]:
        """Return the first 64 bits of each hash, by which they sort; nulls come last."""
        coded = _coded(texts)
        nothing = len(coded.dictionary)
        heads = np.full(nothing + 1, _NOTHING, np.uint64)
        heads[:nothing] = self._digests(coded.dictionary).view(">u8")[::2]
        found: NDArray[np.uint64] = heads[coded.indices.fill_null(nothing).to_numpy(zero_copy_only=False)]
        return found

    def _digests(self, texts: pa.Array) -> NDArray[np.uint8]:
        digest = self._hash.digest
        made = b"".join([digest(text.encode())[:_BYTES] for text in texts.to_pylist()])
        return np.frombuffer(made, np.uint8)


def _coded(texts: pa.Array) -> pa.DictionaryArray:
    if pa.types.is_dictionary(texts.type):
        return texts
    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
        raise ValueError("keyed hashes are made of texts")
    return texts.cast(pa.string()).dictionary_encode()

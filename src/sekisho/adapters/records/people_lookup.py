"""Finding people by keyed hash: the hash for many values at once, and the registry's hashes in memory.

The hash is AES-256-CMAC (NIST SP 800-38B, RFC 4493) of kind, NUL, value: a pseudo-random function, so
that without the key nobody can tell whether a value is known. It is computed for all values together,
block by block, which costs a twentieth of an HMAC for each.

The index keeps 96 bits of each hash beside the person's number, sorted: 16 bytes a person. A stranger is
taken for somebody known with a chance of ten million in 2^96; finding 100,000 in the database instead
takes half a second on either database, here a few hundredths.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC
from numpy.typing import NDArray

from sekisho.ports import Names

HASH_BYTES = 16
_AT_ONCE = 8_192  # values whose blocks stay in the processor's cache
_TAIL = 16  # the tail is merged when it is longer than this part of the whole
_NOBODY = -1

Hashes = NDArray[np.uint64]
"""Shape (n, 2): the bytes of a hash, read as two little-endian words."""

_WORD = np.dtype("<u8")
_BLOCK = np.dtype(f"V{HASH_BYTES}")
_KEPT = np.frombuffer(b"".join(b"\xff" * used + bytes(HASH_BYTES - used) for used in range(HASH_BYTES + 1)), _BLOCK)


class LookupHash:
    """The keyed hash of identifiers. ``key`` has 32 secret bytes."""

    __slots__ = ("_aes", "_cipher", "_closings")

    def __init__(self, key: bytes) -> None:
        self._aes = algorithms.AES(key)
        self._cipher = Cipher(self._aes, modes.ECB())  # noqa: S305 - the block cipher inside the CMAC
        # SP 800-38B, 6.1: K1 closes a whole last block, K2 one that was filled up with a bit 1 and zeros.
        whole = _doubled(self._cipher.encryptor().update(bytes(HASH_BYTES)))
        filled = int.from_bytes(_doubled(whole), "big")
        ends = [
            (filled ^ (0x80 << 8 * (HASH_BYTES - 1 - used))).to_bytes(HASH_BYTES, "big") for used in range(HASH_BYTES)
        ]
        self._closings = np.frombuffer(b"".join([*ends, whole]), _BLOCK)

    def one(self, identifier: str, value: str) -> bytes:
        """Return the hash of one identifier."""
        mac = CMAC(self._aes)
        mac.update(f"{identifier}\0{value}".encode())
        return mac.finalize()

    def many(self, identifier: str, values: Names) -> Hashes:
        """Return the hash of each of *values*, all of one kind."""
        if not len(values):
            return np.empty((0, 2), _WORD)
        kind, separator = pa.scalar(identifier, pa.large_string()), pa.scalar("\0", pa.large_string())
        given = values if isinstance(values, pa.LargeStringArray) else pa.array(values, pa.large_string())
        texts = pc.binary_join_element_wise(kind, given, separator)
        offsets = np.frombuffer(texts.buffers()[1], np.int64)[: len(values) + 1]
        starts, lengths = offsets[:-1], np.diff(offsets)
        blocks = -(-lengths // HASH_BYTES)
        # Room for a whole block after the last value, so that every message can be taken as one slice.
        data = np.append(np.frombuffer(texts.buffers()[2], np.uint8)[: offsets[-1]], np.zeros(HASH_BYTES, np.uint8))
        hashes = np.empty(len(values), _BLOCK)
        for count in np.flatnonzero(np.bincount(blocks)).tolist():
            places = np.flatnonzero(blocks == count)
            for start in range(0, len(places), _AT_ONCE):
                chosen = places[start : start + _AT_ONCE]
                hashes[chosen] = self._chained(data, starts[chosen], lengths[chosen], count)
        return hashes.view(_WORD).reshape(-1, 2)

    def _chained(
        self, data: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64], blocks: int
    ) -> NDArray[np.void]:
        """Return the hashes of messages of *blocks* blocks each, the last of which may be filled up."""
        size = blocks * HASH_BYTES
        # Whole blocks are taken as one item each: numpy would go byte by byte through anything else.
        every = np.ndarray((len(data) - size + 1,), f"V{size}", data, strides=(1,))
        messages = every[starts].view(_WORD).reshape(-1, 2 * blocks)
        used = lengths - (blocks - 1) * HASH_BYTES
        last = messages[:, -2:] & _words(_KEPT[used])  # behind a short message stands what belongs to the next
        last ^= _words(self._closings[used])
        encryptor = self._cipher.encryptor()
        state = np.zeros((len(starts), 2), _WORD)
        out = np.empty(state.nbytes + HASH_BYTES - 1, np.uint8)  # the library wants a block of slack
        for block in range(blocks):
            state ^= last if block == blocks - 1 else messages[:, 2 * block : 2 * block + 2]
            written = encryptor.update_into(state.view(np.uint8).reshape(-1).data, out.data)
            state = _words(out[:written])
        return out[:written].view(_BLOCK)


class LookupIndex:
    """The hashes of one kind of identifier, up to a position and an erasure of the registry.

    Not safe for two threads at once.
    """

    def __init__(self) -> None:
        self.position = 0
        self.erased_at = 0
        self._main = _Sorted.of(np.empty((0, 2), _WORD), np.empty(0, np.int64))
        self._tail = self._main

    def __len__(self) -> int:
        """Return how many identifiers are held."""
        return len(self._main.numbers) + len(self._tail.numbers)

    def add(self, hashes: Hashes, numbers: NDArray[np.int64]) -> None:
        """Hold the person ``numbers[i]`` of each ``hashes[i]``."""
        if not len(numbers):
            return
        self._tail = self._tail.merged(_Sorted.of(hashes, numbers))
        if len(self._tail.numbers) > len(self._main.numbers) // _TAIL:
            self._main, self._tail = self._main.merged(self._tail), _Sorted.of(hashes[:0], numbers[:0])

    def remove(self, numbers: NDArray[np.int64]) -> None:
        """Forget every identifier of *numbers*."""
        if len(numbers):
            self._main, self._tail = self._main.without(numbers), self._tail.without(numbers)

    def find(self, hashes: Hashes) -> NDArray[np.int64]:
        """Return the person of each of *hashes*, -1 where there is none."""
        heads, checks = _halves(hashes)
        # A nearly ordered search stays in the cache, and by 16 bits the order is a radix sort.
        order = np.argsort((heads >> np.uint64(48)).astype(np.uint16), kind="stable")
        heads, checks = heads[order], checks[order]
        ordered = self._main.find(heads, checks)
        if len(self._tail.numbers):
            ordered = np.maximum(ordered, self._tail.find(heads, checks))
        found = np.empty(len(hashes), np.int64)
        found[order] = ordered
        return found


class _Sorted:
    """Hashes in order of their first 64 bits, the next 32 beside them."""

    __slots__ = ("checks", "heads", "numbers")

    def __init__(self, heads: NDArray[np.uint64], checks: NDArray[np.uint32], numbers: NDArray[np.uint32]) -> None:
        self.heads, self.checks, self.numbers = heads, checks, numbers

    @classmethod
    def of(cls, hashes: Hashes, numbers: NDArray[np.int64]) -> _Sorted:
        if len(numbers) and int(numbers.max()) >= 2**32:
            raise OverflowError("the lookup index counts people up to 2^32")
        heads, checks = _halves(hashes)
        order = np.argsort(heads)
        return cls(heads[order], checks[order], numbers.astype(np.uint32)[order])

    def merged(self, other: _Sorted) -> _Sorted:
        if not len(self.numbers):
            return other
        heads = np.concatenate([self.heads, other.heads])
        order = np.argsort(heads, kind="stable")  # two ordered runs: the stable sort merges them
        return _Sorted(
            heads[order],
            np.concatenate([self.checks, other.checks])[order],
            np.concatenate([self.numbers, other.numbers])[order],
        )

    def without(self, numbers: NDArray[np.int64]) -> _Sorted:
        kept = ~np.isin(self.numbers, numbers.astype(np.uint32))
        return _Sorted(self.heads[kept], self.checks[kept], self.numbers[kept])

    def find(self, heads: NDArray[np.uint64], checks: NDArray[np.uint32]) -> NDArray[np.int64]:
        if not len(self.numbers):
            return np.full(len(heads), _NOBODY, np.int64)
        places = np.minimum(np.searchsorted(self.heads, heads), len(self.heads) - 1)
        known = (self.heads[places] == heads) & (self.checks[places] == checks)
        return np.where(known, self.numbers[places].astype(np.int64), _NOBODY)


def _words(blocks: NDArray[Any]) -> Hashes:
    return blocks.view(_WORD).reshape(-1, 2)


def _halves(hashes: Hashes) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    return np.ascontiguousarray(hashes[:, 0]), hashes[:, 1].astype(np.uint32)


def _doubled(block: bytes) -> bytes:
    """Return *block* times x in GF(2^128), SP 800-38B 6.1."""
    value = int.from_bytes(block, "big") << 1
    if value >> 128:
        value ^= (1 << 128) | 0x87
    return value.to_bytes(HASH_BYTES, "big")

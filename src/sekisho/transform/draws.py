"""Keyed draws by person: numbers that look random, and are the same whenever the same is asked for.

Each draw is one AES block of the person number and a further word under a key of its own (a pseudo-random
permutation of 128-bit blocks, FIPS 197; see ``pseudonym`` for why ECB is right for single blocks). Nobody without the
key can tell it from chance, and two purposes, requesters or key epochs have unrelated draws, because their keys are.
"""

from __future__ import annotations

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

_BLOCK = 16


class Draws:
    """Draws under one key of 16 or 32 secret bytes. Safe to share between threads."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        if len(key) not in {16, 32}:
            raise ValueError("a key of draws has 16 or 32 bytes")
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - single blocks, see pseudonym.py

    def __repr__(self) -> str:
        """Return a text without the key."""
        return "Draws()"

    def words(
        self, people: NDArray[np.int64], further: NDArray[np.uint64] | int = 0
    ) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Return two independent words of 64 bits for each of *people*, by what *further* tells apart."""
        blocks = np.empty((len(people), 2), dtype=">u8")
        blocks[:, 0] = people.view(np.uint64)
        blocks[:, 1] = further
        out = np.empty(blocks.nbytes + _BLOCK - 1, dtype=np.uint8)
        written = self._cipher.encryptor().update_into(blocks.reshape(-1).view(np.uint8).data, out.data)
        drawn = out[:written].view(">u8").reshape(-1, 2).astype(np.uint64)
        return drawn[:, 0], drawn[:, 1]

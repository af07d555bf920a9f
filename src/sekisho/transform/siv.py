"""AES-SIV (RFC 5297) of many short texts at once.

A text of up to 15 bytes is one block when it is padded. Then the whole of AES-SIV is two AES blocks: the synthetic
initialisation vector is the CMAC of one block (RFC 4493), and the ciphertext is one block of counter mode. So a
column is two passes of the block cipher over all of it, and what a library's call costs for each value is paid once.
The bytes are those that the library makes, which reads them back.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC
from numpy.typing import NDArray

BLOCK = 16
MOST = BLOCK - 1
"""Bytes of a text that fits one block with its padding."""
TOKEN = 43
"""Characters of the token of such a text: two blocks, base64 without its filling."""

_ENCODED = 44  # characters of base64 of 32 bytes and one of filling
_WORD = np.dtype("<u8")
_ITEM = np.dtype(f"V{BLOCK}")
_KEPT = np.frombuffer(b"".join(b"\xff" * used + bytes(BLOCK - used) for used in range(BLOCK)), _ITEM)
_MARK = np.frombuffer(b"".join(bytes(used) + b"\x80" + bytes(MOST - used) for used in range(BLOCK)), _ITEM)
# RFC 5297, 2.5: the counter starts at the vector with the highest bits of its last two words cleared.
_COUNTER = np.frombuffer(b"\xff" * 8 + b"\x7f\xff\xff\xff" * 2, _WORD)
_MINUS, _UNDERSCORE = np.uint8(ord("-") - ord("+")), np.uint8(ord("_") - ord("/"))  # RFC 4648, 5
_AT_ONCE = 8_192  # values whose blocks stay in the processor's cache


class ShortSiv:
    """Makes base64 (RFC 4648, 5) of AES-SIV of padded texts under one key and one list of associated data."""

    __slots__ = ("_first", "_mask", "_second")

    def __init__(self, key: bytes, associated: Sequence[bytes]) -> None:
        mac, counter = algorithms.AES(key[: len(key) // 2]), algorithms.AES(key[len(key) // 2 :])
        # Each message of these is one block: the block cipher inside CMAC and counter mode.
        self._first, self._second = Cipher(mac, modes.ECB()), Cipher(counter, modes.ECB())  # noqa: S305 - see above
        vector = _cmac(mac, bytes(BLOCK))
        for data in associated:
            vector = _xor(_doubled(vector), _cmac(mac, data))
        closing = _doubled(self._first.encryptor().update(bytes(BLOCK)))
        self._mask = np.frombuffer(_xor(vector, closing), _WORD)

    def tokens(self, texts: pa.Array) -> pa.Array:
        """Return the token of each of *texts*, strings without nulls of at most :data:`MOST` bytes each."""
        count = len(texts)
        text = np.empty(count, f"V{TOKEN}")
        for start in range(0, count, _AT_ONCE):
            text[start : start + _AT_ONCE] = self._encoded(_padded(texts.slice(start, _AT_ONCE)))
        letters = text.view(np.uint8)
        for start in range(0, len(letters), _AT_ONCE * TOKEN):
            part = letters[start : start + _AT_ONCE * TOKEN]
            part += (part == ord("+")) * _MINUS + (part == ord("/")) * _UNDERSCORE
        offsets = np.arange(0, (count + 1) * TOKEN, TOKEN, dtype=np.int32)
        return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(text))

    def _encoded(self, padded: NDArray[np.uint64]) -> NDArray[np.void]:
        """Return base64 (RFC 4648, 4) of vector and ciphertext of each block of *padded*."""
        sealed = np.zeros((len(padded), 2 * BLOCK + 1), np.uint8)
        vector = _passed(self._first, padded ^ self._mask)
        sealed[:, :BLOCK] = vector.view(np.uint8).reshape(-1, BLOCK)
        sealed[:, BLOCK:-1] = (_passed(self._second, vector & _COUNTER) ^ padded).view(np.uint8).reshape(-1, BLOCK)
        encoded = binascii.b2a_base64(sealed.data, newline=False)
        # The 33rd byte is zero and fills the last group: without it, base64 would end one character earlier.
        return np.frombuffer(encoded, f"V{_ENCODED}").astype(f"V{TOKEN}")


def _padded(texts: pa.Array) -> NDArray[np.uint64]:
    """Return each text and its padding as two words."""
    _, where, content = texts.buffers()
    offsets = np.frombuffer(where, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    first, last = int(offsets[0]), int(offsets[-1])
    # Room for a whole block behind the last text, so that every block is taken as one item.
    data = np.zeros(last - first + BLOCK, np.uint8)
    if last > first:
        data[: last - first] = np.frombuffer(content, np.uint8)[first:last]
    every = np.ndarray((len(data) - BLOCK + 1,), _ITEM, data, strides=(1,))
    lengths = np.diff(offsets)
    return _words(every[offsets[:-1] - first]) & _words(_KEPT[lengths]) | _words(_MARK[lengths])


def _passed(cipher: Cipher[modes.ECB], blocks: NDArray[np.uint64]) -> NDArray[np.uint64]:
    out = np.empty(blocks.nbytes + MOST, np.uint8)  # the library wants a block of slack
    written = cipher.encryptor().update_into(blocks.view(np.uint8).reshape(-1).data, out.data)
    return _words(out[:written])


def _words(blocks: NDArray[np.generic]) -> NDArray[np.uint64]:
    words: NDArray[np.uint64] = blocks.view(_WORD).reshape(-1, 2)
    return words


def _cmac(cipher: algorithms.AES, data: bytes) -> bytes:
    mac = CMAC(cipher)
    mac.update(data)
    return mac.finalize()


def _doubled(block: bytes) -> bytes:
    """Return *block* doubled in the field of 2^128 (RFC 5297, 2.3)."""
    value = int.from_bytes(block, "big") << 1
    return (value ^ (0x87 | 1 << 128) if value >> 128 else value).to_bytes(BLOCK, "big")


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))

"""What was found in texts seen before: support logs repeat.

A text is known by its keyed hash alone, and of it are kept only the places and kinds of what was found: no text and
no match stays in memory. The key is derived from the key ring, so that hashes that leak confirm no guess.
"""

from __future__ import annotations

import hmac
import struct
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from sekisho.transform.spans import Stretch

_ENTRY_BYTES: Final = 65 + 33 + 220
"""What an entry holds besides its stretches: the hash, the value's head, its place in the table (CPython 3.11)."""
_STRETCH_BYTES: Final = 12


class StretchCache:
    """Stretches by text, the least recently used leave first. Safe to call from several threads.

    Parameters
    ----------
    key:
        Of the hash.
    version:
        Of everything that finds: what another version found is not known.
    max_bytes:
        How much it may hold.
    """

    def __init__(self, key: bytes, version: str, max_bytes: int) -> None:
        self._key = hmac.digest(key, version.encode(), "sha256")
        self._max_bytes = max_bytes
        self._entries: OrderedDict[bytes, bytes] = OrderedDict()
        self._kinds: list[str] = []
        self._numbers: dict[str, int] = {}
        self._lock = threading.Lock()
        self.size = 0
        """Bytes that it holds, by its own count."""

    def __len__(self) -> int:
        """How many texts are known."""
        return len(self._entries)

    def name(self, text: bytes) -> bytes:
        """Return the name of a text: the keyed hash of its UTF-8 bytes."""
        return hmac.digest(self._key, text, "sha256")

    def get(self, names: Sequence[bytes]) -> list[list[Stretch] | None]:
        """Return what was found in each text of *names*, ``None`` for what is not known."""
        kept: list[bytes | None] = []
        with self._lock:
            for name in names:
                entry = self._entries.get(name)
                if entry is not None:
                    self._entries.move_to_end(name)
                kept.append(entry)
        return [None if entry is None else self._unpacked(entry) for entry in kept]

    def put(self, name: bytes, stretches: Sequence[Stretch]) -> None:
        """Keep what was found in the text *name*."""
        with self._lock:
            numbers: list[int] = []
            for start, end, kind in stretches:
                if kind not in self._numbers:
                    self._numbers[kind] = len(self._kinds)
                    self._kinds.append(kind)
                numbers += start, end, self._numbers[kind]
            entry = struct.pack(f"<{len(numbers)}I", *numbers)
            known = self._entries.pop(name, None)
            if known is not None:
                self.size -= _ENTRY_BYTES + len(known)
            self._entries[name] = entry
            self.size += _ENTRY_BYTES + len(entry)
            while self.size > self._max_bytes:
                _, dropped = self._entries.popitem(last=False)
                self.size -= _ENTRY_BYTES + len(dropped)

    def _unpacked(self, entry: bytes) -> list[Stretch]:
        if not entry:
            return []
        numbers = struct.unpack(f"<{len(entry) // 4}I", entry)
        kinds = self._kinds
        return [(numbers[at], numbers[at + 1], kinds[numbers[at + 2]]) for at in range(0, len(numbers), 3)]

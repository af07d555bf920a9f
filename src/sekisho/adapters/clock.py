"""The real clock: the one place where the program reads time and draws identifiers."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime

_RANDOM_BITS = 74  # rand_a (12) and rand_b (62) of RFC 9562, 5.7, taken as one counter
_STEP_BYTES = 5  # within a millisecond the counter grows by 1 to 2^40: unguessable, 2^33 ids before it is full


class SystemClock:
    """``ports.Clock`` over the machine's own clocks; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._millisecond = 0
        self._counter = 0

    def now(self) -> datetime:
        """Return the current instant in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds on a clock that never steps."""
        return time.monotonic()

    def new_id(self) -> str:
        """Return a new UUIDv7, greater than every one that this clock gave before."""
        return self.new_ids(1)[0]

    def new_ids(self, count: int) -> list[str]:
        """Return *count* new UUIDv7, ascending, and greater than every one that this clock gave before.

        The random bits serve as a counter within one millisecond (RFC 9562, 6.2, method 2), and a clock
        that was set back keeps its last millisecond, so that ids order as they were drawn.
        """
        millisecond = time.time_ns() // 1_000_000
        steps = os.urandom(_STEP_BYTES * count)
        ids = []
        with self._lock:
            for at in range(0, len(steps), _STEP_BYTES):
                if millisecond > self._millisecond:
                    self._millisecond, self._counter = millisecond, _fresh_counter()
                else:
                    self._counter += 1 + int.from_bytes(steps[at : at + _STEP_BYTES], "big")
                    if self._counter >> _RANDOM_BITS:
                        self._millisecond += 1
                        self._counter = _fresh_counter()
                ids.append(_spelled(self._millisecond, self._counter))
        return ids


def _spelled(millisecond: int, counter: int) -> str:
    rand_a, rand_b = counter >> 62, counter & ((1 << 62) - 1)
    text = f"{millisecond << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _fresh_counter() -> int:
    """Return 73 random bits: the top bit stays clear, so that the counter has room to grow."""
    return int.from_bytes(os.urandom(10), "big") >> (80 - _RANDOM_BITS + 1)

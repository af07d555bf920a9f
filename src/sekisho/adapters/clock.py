"""The real clock: the one place where the program reads time and draws identifiers."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime
from weakref import WeakSet

import numpy as np

_RANDOM_BITS = 74  # rand_a (12) and rand_b (62) of RFC 9562, 5.7, taken as one counter
_LOW = (1 << 62) - 1  # rand_b
_STEP_BYTES = 5  # within a millisecond the counter grows by 1 to 2^40: unguessable, 2^33 ids before it is full
_COUNTER_BYTES = 10
_DRAWN = 4_096  # bytes at once: each call of the system gives the interpreter up to the other threads


class SystemClock:
    """``ports.Clock`` over the machine's own clocks; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._millisecond = 0
        self._counter = 0
        self._drawn = b""
        self._used = 0
        _clocks.add(self)

    def now(self) -> datetime:
        """Return the current instant in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds on a clock that never steps."""
        return time.monotonic()

    def new_id(self) -> str:
        """Return a new UUIDv7, greater than every one that this clock gave before."""
        millisecond, counter = self._next()
        bits = millisecond << 80 | 0x7 << 76 | counter >> 62 << 64 | 0b10 << 62 | counter & _LOW
        return _spelled(bits.to_bytes(16).hex(), 0)

    def new_ids(self, count: int) -> list[str]:
        """Return *count* new UUIDv7, ascending, and greater than every one that this clock gave before.

        The random bits serve as a counter within one millisecond (RFC 9562, 6.2, method 2), and a clock
        that was set back keeps its last millisecond, so that ids order as they were drawn.
        """
        if not count:
            return []
        steps = np.zeros((count, 8), np.uint8)
        steps[:, :_STEP_BYTES] = np.frombuffer(os.urandom(_STEP_BYTES * count), np.uint8).reshape(count, _STEP_BYTES)
        ahead = np.cumsum(steps.view("<u8")[:, 0] + np.uint64(1))
        millisecond, start = self._advance(int(ahead[-1]))
        low = ahead + np.uint64(start & _LOW)  # 62 bits, and sometimes one more, which goes to the 12 above
        words = np.empty((count, 2), ">u8")
        words[:, 0] = np.uint64(millisecond << 16 | 0x7 << 12) + np.uint64(start >> 62) + (low >> np.uint64(62))
        words[:, 1] = low & np.uint64(_LOW) | np.uint64(0b10 << 62)
        text = words.tobytes().hex()
        return [_spelled(text, at) for at in range(0, len(text), 32)]

    def _next(self) -> tuple[int, int]:
        """Let the counter grow by one random step; return its millisecond, and where it stands then."""
        now = time.time_ns() // 1_000_000
        with self._lock:
            if now > self._millisecond:
                self._millisecond, self._counter = now, _counter_of(self._random(_COUNTER_BYTES))
            step = 1 + int.from_bytes(self._random(_STEP_BYTES), "big")
            if (self._counter + step) >> _RANDOM_BITS:
                self._millisecond, self._counter = self._millisecond + 1, _fresh_counter()
            self._counter += step
            return self._millisecond, self._counter

    def _random(self, count: int) -> bytes:
        """Return *count* random bytes, each given once; the lock is held."""
        if self._used + count > len(self._drawn):
            self._drawn, self._used = os.urandom(_DRAWN), 0
        begin, self._used = self._used, self._used + count
        return self._drawn[begin : self._used]

    def forget(self) -> None:
        """Draw anew from now on: a process that was forked would give the ids of its parent again."""
        self._drawn = b""

    def _advance(self, by: int) -> tuple[int, int]:
        """Let the counter grow; return its millisecond, and where it stood in it."""
        now = time.time_ns() // 1_000_000
        with self._lock:
            if now > self._millisecond:
                self._millisecond, self._counter = now, _fresh_counter()
            elif (self._counter + by) >> _RANDOM_BITS:
                self._millisecond, self._counter = self._millisecond + 1, _fresh_counter()
            start = self._counter
            self._counter += by
            return self._millisecond, start


_clocks: WeakSet[SystemClock] = WeakSet()


def _forget_all() -> None:
    for clock in _clocks:
        clock.forget()


os.register_at_fork(after_in_child=_forget_all)


def _spelled(text: str, at: int) -> str:
    return (
        f"{text[at : at + 8]}-{text[at + 8 : at + 12]}-{text[at + 12 : at + 16]}"
        f"-{text[at + 16 : at + 20]}-{text[at + 20 : at + 32]}"
    )


def _fresh_counter() -> int:
    """Return 73 random bits: the top bit stays clear, so that the counter has room to grow."""
    return _counter_of(os.urandom(_COUNTER_BYTES))


def _counter_of(drawn: bytes) -> int:
    return int.from_bytes(drawn[:_COUNTER_BYTES], "big") >> (8 * _COUNTER_BYTES - _RANDOM_BITS + 1)

"""Memory of a serving process: what it does without, which of it stays for the next page, when the rest goes back."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Final

import pyarrow as pa

_ARENA_MAX: Final = -8  # malloc.h
_MMAP_THRESHOLD: Final = -3
_TRIM_THRESHOLD: Final = -1
_LARGE_BLOCK: Final = 2 << 20  # bytes from which a block goes back to the system as soon as it is free
_KEPT: Final = 4 << 20  # bytes at the end of a heap that stay for the next block
_GROWN: Final = 16 << 20  # bytes
_STATM: Final = Path("/proc/self/statm")


def give_memory_back() -> None:
    """Let memory that an export needed go back to the system, instead of staying in caches of each thread.

    Two arenas of the C library instead of eight for each processor, and Arrow's buffers from there. Blocks of less
    than two mebibytes, as columns of a page are, stay for the next page: to fetch each anew took a fifth of the
    processor's time of an export, with keys nearly half. :class:`Trimmed` gives back what has become too much.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    with contextlib.suppress(AttributeError, OSError):  # another C library has no such knob
        library = ctypes.CDLL(None)
        library.mallopt(_ARENA_MAX, 2)
        # Fixed, or every large block that is freed would make the library keep larger ones.
        library.mallopt(_MMAP_THRESHOLD, _LARGE_BLOCK)
        library.mallopt(_TRIM_THRESHOLD, _KEPT)


def do_without_data_frames() -> None:
    """Keep Arrow from loading pandas, which it does by itself where that is installed: 45 MB, and nothing asks it."""
    if not any(isinstance(finder, _WithoutDataFrames) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WithoutDataFrames())


class _WithoutDataFrames(MetaPathFinder):
    """Says of pandas that it is not installed."""

    def find_spec(self, fullname: str, _path: object, _target: object = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("a serving process does without pandas", name=fullname)


class Trimmed:
    """Gives back what is free, also between blocks in use, whenever the process has grown by some mebibytes.

    To do so after every page took a fifth of the processor's time of an export. One object for the process.
    """

    def __init__(self) -> None:
        self._resident = 0

    def has_grown(self) -> bool:
        """Return whether the process has grown since it was least. Takes some microseconds."""
        with contextlib.suppress(OSError):  # not told here
            now = _resident()
            self._resident = min(self._resident or now, now)
            return now >= self._resident + _GROWN
        return False

    def trim(self) -> None:
        """Give back what is free. Takes some milliseconds, beside which others go on."""
        with contextlib.suppress(AttributeError, OSError):  # another C library, another system
            ctypes.CDLL(None).malloc_trim(0)
            self._resident = _resident()


def _resident() -> int:
    """Return the bytes that the process has in memory. Raises ``OSError`` where that is not told."""
    return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")

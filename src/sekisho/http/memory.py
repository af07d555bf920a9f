"""Memory that large answers leave behind: which of it stays for the next page, and when the rest goes back."""

from __future__ import annotations

import contextlib
import ctypes
from typing import Final

import pyarrow as pa

_ARENA_MAX: Final = -8  # malloc.h
_MMAP_THRESHOLD: Final = -3
_TRIM_THRESHOLD: Final = -1
_LARGE_BLOCK: Final = 1 << 20  # bytes from which a block goes back to the system as soon as it is free
_KEPT: Final = 4 << 20  # bytes at the end of a heap that stay for the next block


def give_memory_back() -> None:
    """Let memory that an export needed go back to the system, instead of staying in caches of each thread.

    Two arenas of the C library instead of eight for each processor, and Arrow's buffers from there. Blocks of less
    than a mebibyte, as columns of a page mostly are, stay for the next page: to fetch each anew took a fifth of the
    processor's time of an export, with keys nearly half. :func:`trim_memory` gives back what has become too much.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    with contextlib.suppress(AttributeError, OSError):  # another C library has no such knob
        library = ctypes.CDLL(None)
        library.mallopt(_ARENA_MAX, 2)
        # Fixed, or every large block that is freed would make the library keep larger ones.
        library.mallopt(_MMAP_THRESHOLD, _LARGE_BLOCK)
        library.mallopt(_TRIM_THRESHOLD, _KEPT)


def trim_memory() -> None:
    """Give back what is free now, also between blocks that are in use. Takes some milliseconds."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)

"""Memory that large answers leave behind: which of it stays for the next page, and when the rest goes back."""

from __future__ import annotations

import contextlib
import ctypes
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa

_ARENA_MAX: Final = -8  # malloc.h
_MMAP_THRESHOLD: Final = -3
_TRIM_THRESHOLD: Final = -1
_LARGE_BLOCK: Final = 1 << 20  # bytes from which a block goes back to the system as soon as it is free
_DONT_NEED: Final = 4  # sys/mman.h of Linux
_MAPPING: Final = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r-[-x]p \S+ \S+ \d+ +/\S+\.so\S*\n")
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


def let_go_of_start() -> None:
    """Let go of the pages of libraries that only the start ran through; what is used again is mapped again.

    They are as the files have them, and stay in the system's own cache: to map some again costs a microsecond. Each
    worker would otherwise keep all code and tables that once initialised a library, some 60 MB.
    """
    with contextlib.suppress(AttributeError, OSError):
        advise = ctypes.CDLL(None).madvise
        for start, end in _clean_mappings():
            advise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _DONT_NEED)


def _clean_mappings() -> Iterator[tuple[int, int]]:
    """Yield the addresses of each mapping of a library that can be read only, and of which no page was changed."""
    mapping: re.Match[str] | None = None
    with Path("/proc/self/smaps").open(encoding="utf-8") as lines:
        for line in lines:
            if line[0] in "0123456789abcdef":
                mapping = _MAPPING.fullmatch(line)
            # What was changed before it was protected, as addresses in a table, is not in the file.
            elif mapping is not None and line.startswith("Anonymous:") and line.split()[1] == "0":
                yield int(mapping[1], 16), int(mapping[2], 16)


def trim_memory() -> None:
    """Give back what is free now, also between blocks that are in use. Takes some milliseconds."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)

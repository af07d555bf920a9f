"""Pages of programs that only start-up ran, given back to the system.

Resident memory counts the pages of shared libraries that this process has touched: to register functions, resolve
symbols and translate policies takes a hundred megabytes of them, few of which a request needs. What is mapped from
a file and never written is the same there: given back, it comes again by itself when it is next used, from the page
cache, within microseconds.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_MAPS: Final = Path("/proc/self/smaps")
_DONT_NEED: Final = 4  # madvise(2) of Linux
_ELF64: Final = b"\x7fELF\x02\x01"  # 64 bits, little-endian
_HEAD: Final = struct.Struct("<32xQ14xHH")  # where the segments are told, bytes that each takes, how many
_SEGMENT: Final = struct.Struct("<IIQQQQ")  # kind, flags, offset, two addresses, bytes in the file
_LOADED, _WRITABLE = 1, 2  # the kind of a segment that is mapped, and its flag
_PERMISSIONS: Final = frozenset({"r-xp", "r--p"})
_CHANGED: Final = "Anonymous:"


@dataclass(frozen=True, slots=True)
class Mapping:
    """A stretch of the process's memory, ``start`` to ``end``, that shows a file from ``offset`` on, in bytes."""

    start: int
    end: int
    offset: int
    file: str

    def of(self, constant: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Yield from which address to which it shows what is *constant* (:func:`constant`), in whole pages.

        Nothing where it shows more than that: the loader maps a whole file first, and then puts over it what is
        written. Nor the pages in which something else begins or ends.
        """
        page = mmap.PAGESIZE
        last = self.offset + self.end - self.start
        for low, high in constant:
            if low // page * page <= self.offset and last <= -(-high // page) * page:
                start = max(self.offset, -(-low // page) * page)
                end = min(last, high // page * page)
                if start < end:
                    yield self.start + start - self.offset, self.start + end - self.offset


def give_code_back() -> int:
    """Give pages of code and constants back; return of how many bytes. Does nothing where that is not to be had.

    Only what a file declares never to be written, and of that only what nobody has changed all the same: there is
    nothing in such a page that the file does not hold. Takes some milliseconds.
    """
    given = 0
    with suppress(AttributeError, OSError):  # another system
        advise = ctypes.CDLL(None).madvise
        advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for each in mappings(_MAPS.read_text(encoding="utf-8", errors="surrogateescape")):
            for start, end in each.of(constant(each.file)):
                if advise(start, end - start, _DONT_NEED) == 0:
                    given += end - start
    return given


def mappings(told: str) -> Iterator[Mapping]:
    """Yield what ``/proc/self/smaps`` tells of files that are mapped for reading or running, unchanged."""
    found: Mapping | None = None
    for line in told.splitlines():
        fields = line.split(maxsplit=5)
        if fields[0] == _CHANGED:
            if found is not None and fields[1] == "0":
                yield found
        elif not fields[0].endswith(":"):
            found = None
            if len(fields) == 6 and fields[1] in _PERMISSIONS and fields[5].startswith("/"):
                start, _, end = fields[0].partition("-")
                found = Mapping(int(start, 16), int(end, 16), int(fields[2], 16), fields[5])


@cache
def constant(file: str) -> tuple[tuple[int, int], ...]:
    """Return from which offset to which *file* is never written, in bytes; nothing of what is no program."""
    try:
        with Path(file).open("rb") as opened:
            head = opened.read(_HEAD.size)
            if not head.startswith(_ELF64):
                return ()
            where, size, count = _HEAD.unpack(head)
            opened.seek(where)
            told = opened.read(size * count)
            segments = [_SEGMENT.unpack_from(told, at) for at in range(0, size * count, size)]
    except (OSError, ValueError, struct.error):
        return ()
    return tuple(
        (offset, offset + length)
        for kind, flags, offset, _, _, length in segments
        if kind == _LOADED and not flags & _WRITABLE
    )

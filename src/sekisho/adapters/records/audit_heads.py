"""Signed heads outside the database: one file per writer, to which is only ever appended.

A history that is rewritten inside the database, with every hash computed anew, no longer fits the heads
that were saved here. The folder belongs on another disk, or under another owner, than the database.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from sekisho.domain.note import HEADS_SUFFIX
from sekisho.durable import sync


class HeadsFile:
    """The saved heads of one writer.

    A write that fails is undone as far as the file allows, and the newest head is kept and written first
    when the file takes writes again: a newer head covers all older ones.

    Parameters
    ----------
    folder:
        Where the file is kept; made when missing.
    writer:
        Whose heads these are; the file is called after it.
    """

    def __init__(self, folder: Path, writer: str) -> None:
        self.path = folder / f"{writer}{HEADS_SUFFIX}"
        self._descriptor: int | None = None
        self._length = 0  # bytes known to be whole notes
        self._newest = ""
        self._owed: str | None = None
        self._dirty = False

    @property
    def dirty(self) -> bool:
        """Whether something was written and not yet synced."""
        return self._dirty

    @property
    def settled(self) -> bool:
        """Whether the file is open, and where it was, and no head is owed."""
        descriptor = self._descriptor
        return self._owed is None and descriptor is not None and os.fstat(descriptor).st_nlink > 0

    def settle(self) -> None:
        """Open the file when it is not open, and write the head that is owed.

        Raises
        ------
        OSError
            When the file takes no writes.
        """
        if self._descriptor is not None and os.fstat(self._descriptor).st_nlink == 0:
            self._drop()  # somebody removed the file: writing on would save nothing
        if self._descriptor is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._descriptor = os.open(self.path, flags, 0o644)
            self._length = min(self._length, os.fstat(self._descriptor).st_size)
            if not self._length:
                sync(self.path.parent)  # which names the file since just now
            os.ftruncate(self._descriptor, self._length)  # what a failed write left behind
        if self._owed is not None:
            owed, self._owed = self._owed, None
            try:
                self._write(owed)
            except OSError:
                self._owed = owed
                raise
            self.sync()

    def append(self, note: str) -> bool:
        """Append *note*; return ``False``, and keep it as owed, when the file does not take it."""
        try:
            self.settle()
            self._write(note)
        except OSError:
            self._owed = note
            self._drop()
            return False
        return True

    def _write(self, note: str) -> None:
        descriptor = self._descriptor
        if descriptor is None:
            raise OSError("the file of saved heads is not open")
        data = f"{note}\n".encode()
        if os.write(descriptor, data) != len(data):
            raise OSError("the disk of the saved heads is full")
        self._length += len(data)
        self._newest = note
        self._dirty = True

    def sync(self) -> None:
        """Bring what was written to the disk.

        A failed sync is never repeated: the kernel may have dropped the pages, and say so once. The file is opened
        anew, and the newest head is written and synced once more.
        """
        if self._descriptor is None or not self._dirty:
            return
        try:
            os.fsync(self._descriptor)
        except OSError:
            self._drop()
            self._owed, self._dirty = self._newest, False
            self._length -= len(f"{self._newest}\n".encode())
            raise
        self._dirty = False

    def _drop(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            with contextlib.suppress(OSError):  # nothing more can be done with it
                os.close(descriptor)

    def close(self) -> None:
        """Sync and close; never raises."""
        with contextlib.suppress(OSError):  # the heads in the database stay
            self.sync()
        self._drop()

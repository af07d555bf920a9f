"""Which revision is in force, as the workers of one machine tell each other."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

_BYTES = 16  # a revision, see ``policy_revision``


class RevisionInForce:
    """A revision in a small file that every worker maps into its memory: to read it costs less than a microsecond.

    Parameters
    ----------
    path:
        The file; made where it is missing, for this account alone.
    """

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(descriptor).st_size != _BYTES:
                os.ftruncate(descriptor, _BYTES)
            self._bytes = mmap.mmap(descriptor, _BYTES)
        finally:
            os.close(descriptor)

    def is_other_than(self, revision: str) -> bool:
        """Return whether a worker decides by another revision than *revision*."""
        return self._bytes[:] != revision.encode()

    def write(self, revision: str) -> None:
        """Say that decisions are taken by *revision* from now on."""
        self._bytes[:] = revision.encode()

    def close(self) -> None:
        """Let go of the file."""
        self._bytes.close()

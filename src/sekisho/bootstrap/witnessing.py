"""The tree over the audit log, grown and shown to witnesses: one process of a machine asks them."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from sekisho.ports import Witnesses

_LOCK_FILE = "witnesses.lock"
_PAUSE_S = 0.05
_TRIES = 10


class GrowingTree(Protocol):
    """What is needed of the tree."""

    async def advance(self) -> str:
        """Return a signed checkpoint of the newest record."""

    def prover(self, note: str) -> Callable[[int], list[bytes]]:
        """Return what proves that the tree of *note* continues an earlier one."""

    async def publish(self, note: str, *, witnessed: bool = False) -> bool:
        """Publish a checkpoint with more signatures; return whether it was still the newest."""


class WitnessedTree:
    """A tree whose checkpoints witnesses sign.

    Parameters
    ----------
    tree:
        The tree.
    witnesses:
        Who signs, or ``None`` for nobody.
    folder:
        Where the processes of a machine agree on which of them asks.
    """

    def __init__(self, tree: GrowingTree, witnesses: Witnesses | None, folder: Path) -> None:
        self._tree, self._witnesses, self._folder = tree, witnesses, folder
        self._lock: int | None = None

    async def grow(self) -> None:
        """Bring the tree up to the newest record, and have it signed. Raises what ``advance`` does."""
        note = await self._tree.advance()
        if self._witnesses is None or not self._is_ours():
            return
        cosigned = await self._witnesses.cosign(note, self._tree.prover(note))
        status = self._witnesses.status()
        witnessed = status.witnessed is not None and status.witnessed == status.asked
        if cosigned == note and not witnessed:
            return
        for _ in range(_TRIES):  # another process may be at work on the tree for a moment
            if await self._tree.publish(cosigned, witnessed=witnessed):
                return
            await asyncio.sleep(_PAUSE_S)

    def close(self) -> None:
        """Let another process ask."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _is_ours(self) -> bool:
        """Return whether this process is the one that asks; it stays so until it ends."""
        if self._lock is not None:
            return True
        handle = None
        with suppress(OSError):
            handle = os.open(self._folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._lock = handle
            return True
        if handle is not None:
            os.close(handle)
        return False

"""The log's tree on disk: tiles, bundles of records, the newest checkpoint (C2SP tlog-tiles).

Any file server can serve the folder to monitors as it stands. Full tiles never change: one that lies there and says
something else than it should is found when it would be written again.

What was signed last lies in a folder of its own, best under another owner or on another disk, as the saved heads do:
whoever rolls database and tiles back together does not roll it back with them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sekisho.domain.pruning import PRUNED_FILE
from sekisho.domain.tlog import TILE_WIDTH, Tile
from sekisho.durable import sync, write_whole

CHECKPOINT_FILE = "checkpoint"
WITNESSED_FILE = "witnessed"
"""The newest checkpoint that enough witnesses signed; the newest of all may be a few seconds ahead of it."""

SIGNED_FILE = "signed-checkpoint"
"""What was signed last, in the folder of the saved heads."""

_LOCK_FILE = ".lock"


class TileChanged(Exception):
    """A full tile, which never changes, says something else than it did."""


class Signed:
    """What was signed last, and who may go on with it: files of this machine, wherever the tree lies.

    Parameters
    ----------
    file:
        The file that says what was signed last.
    locks:
        The folder of the lock.
    """

    def __init__(self, file: Path, locks: Path) -> None:
        self._signed = file
        self._locks = locks

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Hold the tree against other processes of this machine; yield whether it could be had at once."""
        self._locks.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._locks / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            yield _locked(handle)
        finally:
            os.close(handle)  # and with it the lock

    def signed(self) -> str | None:
        """Return the checkpoint that was signed last, or ``None`` before the first."""
        return _text(self._signed)

    def remember(self, note: str) -> None:
        """Save *note* as what was signed last, before anybody sees it. Raises ``OSError``."""
        self._signed.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self._signed, note.encode())
        sync(self._signed.parent)


class TreeFolder(Signed):
    """The files of one log's tree.

    Parameters
    ----------
    folder:
        Where tiles, bundles and the checkpoint lie; made when missing.
    signed:
        The file that says what was signed last.
    """

    def __init__(self, folder: Path, signed: Path) -> None:
        super().__init__(signed, folder)
        self.folder = folder

    @contextmanager
    def at_hand(self) -> Iterator[Path]:
        """Yield a folder of this machine that holds the whole tree, for as long as it is needed."""
        yield self.folder

    def read(self, tile: Tile) -> bytes:
        """Return what *tile* holds; of a partial one, perhaps what the full tile holds that it grew into.

        Raises ``FileNotFoundError`` when it is not there.
        """
        try:
            return (self.folder / tile.path).read_bytes()
        except FileNotFoundError:
            if tile.width == TILE_WIDTH:
                raise
        data = (self.folder / Tile(tile.level, tile.index, TILE_WIDTH).path).read_bytes()
        return data if tile.level is None else data[: 32 * tile.width]

    def write(self, tiles: Iterable[tuple[Tile, bytes]]) -> None:
        """Write *tiles*, each whole or not at all, and bring them to the disk.

        Raises ``TileChanged`` when a full tile lies there with other content, ``OSError`` when the disk is full.
        """
        written: list[Path] = []
        made: list[Path] = []
        folders: set[Path] = set()
        for tile, data in tiles:
            path = self.folder / tile.path
            with contextlib.suppress(FileNotFoundError):
                there = path.read_bytes()
                if there == data:
                    continue
                if tile.width == TILE_WIDTH:
                    raise TileChanged(tile.path)
            made += _made(path.parent)
            write_whole(path, data)
            written.append(path)
            folders.add(path.parent)
        try:
            for folder in folders.union(each.parent for each in made):
                sync(folder)
        except OSError:
            # A sync that failed may seem to succeed when it is repeated: what it was for is written anew.
            for path in written:
                path.unlink(missing_ok=True)
            for folder in reversed(made):
                with contextlib.suppress(OSError):  # another process came first
                    folder.rmdir()
            raise

    def forget_partial(self, tile: Tile) -> None:
        """Remove the partial tiles that became the full *tile*; what cannot be removed stays."""
        shutil.rmtree(self.folder / f"{tile.path}.p", ignore_errors=True)

    def keep_anchor(self, anchor: bytes) -> None:
        """Keep what stands in the place of pruned records. Raises ``OSError``."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self.folder / PRUNED_FILE, anchor)
        sync(self.folder)

    def prune(self, minimum: int) -> int:
        """Remove bundles and tiles that end at or before *minimum*, the oldest first; return how many.

        These are the ones that a log need not serve any more (C2SP tlog-tiles, pruning): every proof of a record that
        is kept does without them.
        """
        removed = 0
        for level in (None, *range(8)):
            for index in range(minimum >> 8 * ((level or 0) + 1)):
                path = self.folder / Tile(level, index, TILE_WIDTH).path
                shutil.rmtree(f"{path}.p", ignore_errors=True)
                try:
                    path.unlink()
                except FileNotFoundError:
                    continue
                removed += 1
        return removed

    def checkpoint(self) -> str | None:
        """Return the newest checkpoint with all its signatures, or ``None`` before the first."""
        return _text(self.folder / CHECKPOINT_FILE)

    def publish(self, note: str) -> None:
        """Make *note* the newest checkpoint. Raises ``OSError``."""
        write_whole(self.folder / CHECKPOINT_FILE, note.encode())
        sync(self.folder)

    def witnessed(self) -> str | None:
        """Return the newest checkpoint that enough witnesses signed, or ``None`` before the first."""
        return _text(self.folder / WITNESSED_FILE)

    def publish_witnessed(self, note: str) -> None:
        """Make *note* the newest checkpoint that enough witnesses signed. Raises ``OSError``."""
        write_whole(self.folder / WITNESSED_FILE, note.encode())
        sync(self.folder)


def _made(folder: Path) -> list[Path]:
    """Make *folder* and those above it where they are missing; return the new ones, from above."""
    if folder.is_dir():
        return []
    above = _made(folder.parent)
    folder.mkdir(exist_ok=True)
    return [*above, folder]


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None

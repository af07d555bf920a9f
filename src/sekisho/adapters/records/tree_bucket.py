"""The log's tree in object storage: the same objects under the same names as in a folder (C2SP tlog-tiles).

An object is there whole or not at all, and whoever reads it after it was written reads what was written (Amazon S3
says so since 2020, and what speaks its protocol does the same). What was signed last, and the lock, stay on this
machine.
Who may write the bucket is said by the environment of the process (the keys, profile or role that every client of
object storage takes from there), never by the workspace.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from pyarrow.fs import AwsStandardS3RetryStrategy, FileSelector, FileSystem, FileType, S3FileSystem

from sekisho.adapters.records.tree_folder import CHECKPOINT_FILE, WITNESSED_FILE, Signed, TileChanged
from sekisho.domain.pruning import PRUNED_FILE
from sekisho.domain.tlog import TILE_WIDTH, Tile

_T = TypeVar("_T")
_R = TypeVar("_R")
_AT_ONCE = 16
_CONNECT_S = 3
_REQUEST_S = 10
_TILE = re.compile(r"tile/(?:entries|[0-9]{1,2})/(?:x[0-9]{3}/)*[0-9]{3}(?:\.p/[0-9]{1,3})?")
_FILES = frozenset({CHECKPOINT_FILE, WITNESSED_FILE, PRUNED_FILE})


def object_storage(*, region: str | None, endpoint: str | None) -> FileSystem:
    """Return the object storage of *region*, or that at *endpoint* (``https://host[:port]``)."""
    scheme, _, host = (endpoint or "https://").partition("://")
    return S3FileSystem(
        region=region,
        scheme=scheme,
        endpoint_override=host or None,
        connect_timeout=_CONNECT_S,
        request_timeout=_REQUEST_S,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=2),
        # One request writes a tile: it is there whole, or it is not.
        allow_delayed_open=True,
        background_writes=False,
    )


class TreeBucket(Signed):
    """The objects of one log's tree. The methods are those of ``TreeFolder``, and raise what those raise.

    Parameters
    ----------
    storage:
        Where the bucket is.
    place:
        Bucket, and what all names begin with: ``audit-log/tree``.
    signed:
        The file that says what was signed last.
    """

    def __init__(self, storage: FileSystem, place: str, signed: Path) -> None:
        super().__init__(signed, signed.parent)
        self._storage = storage
        self._place = place.rstrip("/")

    @contextmanager
    def at_hand(self) -> Iterator[Path]:
        """Yield a folder with a copy of the whole tree, which is then removed. Raises ``OSError``.

        An object that is none of the tree's is left out: its name could lead out of the folder.
        """
        with TemporaryDirectory(prefix="sekisho-tree-") as made:

            def fetch(name: str) -> None:
                path = Path(made) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self._get(name))

            found = self._storage.get_file_info(FileSelector(self._place, allow_not_found=True, recursive=True))
            names = [each.path.removeprefix(f"{self._place}/") for each in found if each.type is FileType.File]
            # What says how far the tree goes is fetched first: what it counts is there by then.
            _each(fetch, [name for name in names if name in _FILES])
            _each(fetch, [name for name in names if _TILE.fullmatch(name)])
            yield Path(made)

    def read(self, tile: Tile) -> bytes:
        """Return what *tile* holds; of a partial one, perhaps what the full tile holds that it grew into.

        Raises ``FileNotFoundError`` when it is not there.
        """
        try:
            return self._get(tile.path)
        except FileNotFoundError:
            if tile.width == TILE_WIDTH:
                raise
        data = self._get(Tile(tile.level, tile.index, TILE_WIDTH).path)
        return data if tile.level is None else data[: 32 * tile.width]

    def write(self, tiles: Iterable[tuple[Tile, bytes]]) -> None:
        """Write *tiles*. All are there when this returns; when it raises, some may be, as they should be.

        Raises ``TileChanged`` when a full tile is there with other content, ``OSError`` when the storage does not
        take them.
        """

        def one(item: tuple[Tile, bytes]) -> None:
            tile, data = item
            there = self._find(tile.path)
            if there == data:
                return
            if there is not None and tile.width == TILE_WIDTH:
                raise TileChanged(tile.path)
            self._put(tile.path, data)

        _each(one, list(tiles))

    def forget_partial(self, tile: Tile) -> None:
        """Remove the partial tiles that became the full *tile*; what cannot be removed stays."""
        try:
            self._remove_below(f"{tile.path}.p")
        except OSError:
            return

    def keep_anchor(self, anchor: bytes) -> None:
        """Keep what stands in the place of pruned records. Raises ``OSError``."""
        self._put(PRUNED_FILE, anchor)

    def prune(self, minimum: int) -> int:
        """Remove bundles and tiles that end at or before *minimum*; return how many. See ``TreeFolder.prune``."""
        full = [
            Tile(level, index, TILE_WIDTH)
            for level in (None, *range(8))
            for index in range(minimum >> 8 * ((level or 0) + 1))
        ]

        def one(tile: Tile) -> bool:
            self._remove_below(f"{tile.path}.p")
            if self._storage.get_file_info(self._name(tile.path)).type is not FileType.File:
                return False
            self._storage.delete_file(self._name(tile.path))
            return True

        return sum(_each(one, full))

    def checkpoint(self) -> str | None:
        """Return the newest checkpoint with all its signatures, or ``None`` before the first."""
        return self._text(CHECKPOINT_FILE)

    def publish(self, note: str) -> None:
        """Make *note* the newest checkpoint. Raises ``OSError``."""
        self._put(CHECKPOINT_FILE, note.encode())

    def witnessed(self) -> str | None:
        """Return the newest checkpoint that enough witnesses signed, or ``None`` before the first."""
        return self._text(WITNESSED_FILE)

    def publish_witnessed(self, note: str) -> None:
        """Make *note* the newest checkpoint that enough witnesses signed. Raises ``OSError``."""
        self._put(WITNESSED_FILE, note.encode())

    def _name(self, path: str) -> str:
        return f"{self._place}/{path}"

    def _get(self, path: str) -> bytes:
        with self._storage.open_input_file(self._name(path)) as file:
            data: bytes = file.read()
        return data

    def _find(self, path: str) -> bytes | None:
        try:
            return self._get(path)
        except FileNotFoundError:
            return None

    def _put(self, path: str, data: bytes) -> None:
        with self._storage.open_output_stream(self._name(path)) as file:
            file.write(data)

    def _text(self, path: str) -> str | None:
        found = self._find(path)
        return None if found is None else found.decode()

    def _remove_below(self, path: str) -> None:
        for each in self._storage.get_file_info(FileSelector(self._name(path), allow_not_found=True)):
            if each.type is FileType.File:
                self._storage.delete_file(each.path)


def _each(work: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="tree") as pool:
        return list(pool.map(work, items))

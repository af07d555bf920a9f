"""The releases of statistics views, kept in files so that a restart does not make a second release."""

from __future__ import annotations

import asyncio
import re
import uuid
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc

from sekisho.errors import StoreUnavailable

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


class FileViewCache:
    """One Arrow file for each view and revision. Implements ``ports.ViewCache``.

    Parameters
    ----------
    folder:
        Where the files lie; made on first use. They hold published statistics only.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[tuple[str, str], pa.Table] = {}

    async def get(self, name: str, revision: str) -> pa.Table | None:
        """Return the release of view *name* as declared in *revision*, or ``None``."""
        known = self._known.get((name, revision))
        if known is None:
            known = await asyncio.to_thread(self._read, self._path(name, revision))
            if known is not None:
                self._known[name, revision] = known
        return known

    async def put(self, name: str, revision: str, release: pa.Table) -> pa.Table:
        """Keep *release*, already fit to be published, unless another worker was first; return what stands.

        Raises ``StoreUnavailable`` when it cannot be kept.
        """
        path = self._path(name, revision)
        await asyncio.to_thread(self._write, path, release)
        standing = await asyncio.to_thread(self._read, path)
        if standing is None:
            raise StoreUnavailable("The release of a view was removed while it was made; ask again.")
        self._known[name, revision] = standing
        return standing

    def _path(self, name: str, revision: str) -> Path:
        if not _NAME.fullmatch(name):
            raise StoreUnavailable("A view's name cannot be a file's name.")
        return self._folder / f"{name}-{revision[:32]}.arrow"

    def _read(self, path: Path) -> pa.Table | None:
        try:
            with pa.memory_map(str(path)) as source:
                return pa.ipc.open_file(source).read_all()
        except FileNotFoundError:
            return None
        except (OSError, pa.ArrowException):
            raise StoreUnavailable("A kept view cannot be read; remove its file to release it anew.") from None

    def _write(self, path: Path, release: pa.Table) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(f".{uuid.uuid4().hex}.part")
            try:
                with pa.OSFile(str(part), "wb") as sink, pa.ipc.new_file(sink, release.schema) as writer:
                    writer.write_table(release)
                with suppress(FileExistsError):  # one release ever: two of them could be compared
                    path.hardlink_to(part)
            finally:
                part.unlink(missing_ok=True)
        except OSError:
            raise StoreUnavailable("The release of a view cannot be kept, so it is not made.") from None

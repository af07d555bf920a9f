"""Held answers as sealed files in one folder that all workers of a machine share.

A file is there under its name only when all of it is. Its name tells its owner (as a keyed hash) and its id; the
key that opens it is derived from the id, and is in no file. What a killed worker left is swept away by age.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any
from weakref import WeakValueDictionary

import pyarrow as pa

from sekisho.errors import RateLimited, StoreUnavailable
from sekisho.ports import Clock, KeyRing
from sekisho.transform.spill import Place, Sealed

KEPT_S = 600.0
"""Seconds for which an answer is held, from when its first page was made."""
EACH = 8
"""Answers that are held for one requester; the oldest gives way. As many are made at a time in one process."""
IN_ALL = 64
"""Answers that are held for all."""
BYTES = 4 << 30
"""Bytes that held answers may take."""

_NAME = re.compile(r"[0-9a-f]{32}")
_END = 24  # bytes: number, offset and length of the index


@dataclass(eq=False)
class _Held:
    """See ``ports.held.Held``."""

    id: str
    about: Mapping[str, object]
    rows: int
    _sealed: Sealed = field(repr=False)
    _places: list[Place] = field(repr=False)

    async def read(self, start: int) -> pa.RecordBatch:
        """See ``ports.held.Held``."""
        first = 0
        for place in self._places:
            if start < first + place.rows:
                try:
                    batch: pa.RecordBatch = await asyncio.to_thread(self._sealed.read, place)
                except (OSError, pa.ArrowException):
                    raise StoreUnavailable("A held answer cannot be read; ask again without the cursor.") from None
                return batch.slice(start - first)
            first += place.rows
        raise StoreUnavailable("A held answer has no such row; ask again without the cursor.")

    def close(self) -> None:
        """See ``ports.held.Held``."""
        self._sealed.close()


class HeldFiles:
    """Implements ``ports.held.HeldAnswers``.

    Parameters
    ----------
    folder:
        Made on first use, for this account alone.
    keys, clock:
        Of the house.
    """

    def __init__(self, folder: Path, keys: KeyRing, clock: Clock) -> None:
        self._folder = folder
        self._keys = keys
        self._clock = clock
        self._sweeping: asyncio.TimerHandle | None = None
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def hold(
        self, requester: str, batches: AsyncIterator[pa.RecordBatch], about: Callable[[], Mapping[str, object]]
    ) -> _Held:
        """See ``ports.held.HeldAnswers``."""
        owner = self._keys.derive(f"held-by/{requester}", 16).hex()[:16]
        # Whoever asks for many at once waits for its own: what is being made is never removed to make room.
        async with self._turns.setdefault(owner, asyncio.Semaphore(EACH)):
            held = await self._hold(owner, batches, about)
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(KEPT_S + 1, self._again)
        return held

    async def _hold(
        self, owner: str, batches: AsyncIterator[pa.RecordBatch], about: Callable[[], Mapping[str, object]]
    ) -> _Held:
        name = secrets.token_hex(16)
        part = self._folder / f"{owner}-{name}.part"
        path = part.with_suffix(".held")
        try:
            await asyncio.to_thread(self._make_room, owner)
            file = await asyncio.to_thread(_made, part)
        except OSError:
            raise _unkept() from None
        sealed = Sealed(file, self._keys.derive(f"held/{name}"))
        try:
            places = [await asyncio.to_thread(sealed.write, batch) async for batch in batches if batch.num_rows]
            said = dict(about())
            await asyncio.to_thread(self._finish, sealed, file, places, said)
            part.rename(path)
        except BaseException as fault:
            sealed.close()
            with suppress(OSError):
                part.unlink()
            if isinstance(fault, OSError):
                raise _unkept() from None
            raise
        return _Held(name, said, sum(place.rows for place in places), sealed, places)

    async def find(self, name: str) -> _Held | None:
        """See ``ports.held.HeldAnswers``."""
        if not _NAME.fullmatch(name):
            return None
        return await asyncio.to_thread(self._find, name)

    def sweep(self) -> None:
        """Remove what has expired, and what was left half made."""
        with suppress(OSError):
            self._kept()

    def _again(self) -> None:
        self._sweeping = None
        self.sweep()
        with suppress(OSError):
            if any(self._folder.iterdir()):
                self._sweeping = asyncio.get_running_loop().call_later(KEPT_S / 4, self._again)

    def _find(self, name: str) -> _Held | None:
        try:
            path = next(self._folder.glob(f"*-{name}.held"), None)
            if path is None or self._age(path) > KEPT_S:
                return None
            file = path.open("r+b", buffering=0)
        except OSError:
            return None
        sealed = Sealed(file, self._keys.derive(f"held/{name}"))
        try:
            index = _index(file, sealed)
        except (OSError, ValueError):
            sealed.close()
            return None
        places = [Place(**place) for place in index["places"]]
        return _Held(name, index["about"], sum(place.rows for place in places), sealed, places)

    def _finish(self, sealed: Sealed, file: IO[bytes], places: list[Place], about: Mapping[str, object]) -> None:
        index = {"about": about, "places": [asdict(place) for place in places]}
        place = sealed.write_bytes(json.dumps(index).encode())
        end = b"".join(n.to_bytes(8, "big") for n in (place.number, place.offset, place.length))
        os.pwrite(file.fileno(), end, sealed.size)

    def _make_room(self, owner: str) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = self._kept()
        own = [path for path in kept if path.name.startswith(owner) and path.suffix == ".held"]
        for path in own[: max(0, len(own) - EACH + 1)]:
            path.unlink(missing_ok=True)
            kept.pop(path)
        if len(kept) >= IN_ALL or sum(kept.values()) >= BYTES:
            raise RateLimited(
                "Too many answers are held for paging; ask later, or for Arrow or NDJSON, which need no cursor."
            )

    def _kept(self) -> dict[Path, int]:
        """Return the size of each file that has not expired, the oldest first; remove the others."""
        found = []
        for path in self._folder.iterdir():
            with suppress(OSError):
                age = self._age(path)
                if age > KEPT_S:
                    path.unlink()
                else:
                    found.append((age, path, path.stat().st_size))
        return {path: size for _, path, size in sorted(found, reverse=True)}

    def _age(self, path: Path) -> float:
        return self._clock.now().timestamp() - path.stat().st_mtime


def _index(file: IO[bytes], sealed: Sealed) -> dict[str, Any]:
    """Return what stands at the end of a held answer. Raises ``OSError`` or ``ValueError`` where it is torn."""
    size = os.fstat(file.fileno()).st_size
    end = os.pread(file.fileno(), _END, max(0, size - _END))
    number, offset, length = (int.from_bytes(end[at : at + 8], "big") for at in (0, 8, 16))
    if offset + length + _END != size:  # of a torn file: any numbers may stand there
        raise OSError("a held answer lost its end")
    index: dict[str, Any] = json.loads(sealed.read_bytes(Place(number, offset, length, 0, 0)))
    return index


def _made(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+b", buffering=0)


def _unkept() -> StoreUnavailable:
    return StoreUnavailable("The answer could not be held for paging; ask for Arrow or NDJSON, or later.")

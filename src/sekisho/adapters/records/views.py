"""The one release of each statistics view, in the gateway's own database: every gateway over it releases the same.

A release is made once for each set of terms and never again, so its row is inserted and never changed; whoever comes
second reads the first one's. The row is sealed (AES-256-GCM) and bound to its view and terms.

A database that is restored takes its rows back. So a copy of each stands beside the saved heads as well, and comes
back from there: a second release, made at another time, could be compared with the first.
"""

from __future__ import annotations

import asyncio
import os
import re
import uuid
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import pyarrow as pa
import pyarrow.ipc
import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.adapters.records.tables import view_release
from sekisho.durable import sync, write_new
from sekisho.errors import StoreUnavailable
from sekisho.ports import KeyRing

MOST_BYTES: Final = 16 << 20
"""Bytes of a release, compressed and sealed: one row of the database, for which records wait on SQLite."""

_T = TypeVar("_T")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_TERMS: Final = re.compile(r"[0-9a-f]{64}")
_NONCE_BYTES: Final = 12
_FORMAT: Final = b"\x01"  # AES-256-GCM over a compressed Arrow stream: this byte, nonce, ciphertext and tag
_INSERT: Final = (
    "INSERT INTO view_release (name, terms, made_at, sealed) VALUES (:name, :terms, {now}, :sealed)"
    " ON CONFLICT (name, terms) DO NOTHING"
)
_UNKEPT: Final = "The release of a view cannot be kept, so it is not made."
_UNREAD: Final = "The release of a view cannot be looked up now. Try again."
_UNOPENED: Final = "A kept release of a view cannot be opened: it is damaged, or was sealed by other keys."
_TWO: Final = (
    "Two releases of this view were made: the database was restored, and its own is not the one whose copy stands in"
    " views beside the saved heads. Remove that copy to go on with the database's."
)


@dataclass(frozen=True, slots=True)
class _Place:
    """Which release: of what view, under what terms."""

    view: str
    terms: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.view) or not _TERMS.fullmatch(self.terms):
            raise StoreUnavailable("A view's name cannot be a file's name.")

    @property
    def bound(self) -> bytes:
        return f"{self.view}/{self.terms}".encode()


class SqlViewCache:
    """Releases of views in the gateway's own database; implements ``ports.ViewCache``.

    Parameters
    ----------
    database:
        The gateway's own database, migrated.
    keys:
        Key ring; the label is ``view-release``.
    copies:
        Folder of the copies, outside the database and its backup; made on first use.
    """

    def __init__(self, database: Database, keys: KeyRing, copies: Path) -> None:
        self._database = database
        self._cipher = AESGCM(keys.derive("view-release"))
        self._copies = copies
        self._known: dict[_Place, pa.Table] = {}

    async def get(self, name: str, revision: str) -> pa.Table | None:
        """Return the release of view *name* under the terms *revision*, or ``None``.

        Raises ``StoreUnavailable`` when that cannot be told, or two releases were made.
        """
        place = _Place(name, revision)
        if (known := self._known.get(place)) is not None:
            return known
        sealed = await _answered(self._database.read(partial(_stored, place=place)), _UNREAD)
        if sealed is None:
            sealed = await asyncio.to_thread(self._remembered, place)
            if sealed is None:
                return None
            sealed = await self._inserted(place, sealed)
        return await self._standing(place, sealed)

    async def put(self, name: str, revision: str, release: pa.Table) -> pa.Table:
        """Keep *release*, already fit to be published, unless another gateway was first; return what stands.

        Raises ``StoreUnavailable`` when it cannot be kept.
        """
        place = _Place(name, revision)

        def first() -> bytes:
            return self._remembered(place) or self._sealed(place, release)

        return await self._standing(place, await self._inserted(place, await asyncio.to_thread(first)))

    async def _inserted(self, place: _Place, sealed: bytes) -> bytes:
        """Insert *sealed* unless there is a row; return what the row holds, durable."""
        values = {"name": place.view, "terms": place.terms, "sealed": sealed}

        def insert(connection: sa.Connection) -> bytes | None:
            # On PostgreSQL this waits for whoever inserts the same row, so that the row is there afterwards.
            mine = connection.execute(sa.text(_INSERT.format(now=self._database.now_sql)), values).rowcount
            return sealed if mine else _stored(connection, place)

        standing = await _answered(self._database.run(insert), _UNKEPT)
        if standing is None:
            raise StoreUnavailable(_UNKEPT)
        return standing

    async def _standing(self, place: _Place, sealed: bytes) -> pa.Table:
        """Return the release in *sealed*, which is the row's, once its copy is on the disk."""

        def settle() -> pa.Table:
            release = self._opened(place, sealed)
            self._copy(place, sealed)
            return release

        self._known[place] = release = await asyncio.to_thread(settle)
        return release

    def _sealed(self, place: _Place, release: pa.Table) -> bytes:
        plain, nonce = pa.BufferOutputStream(), os.urandom(_NONCE_BYTES)
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_stream(plain, release.schema, options=options) as writer:
            writer.write_table(release)
        sealed = _FORMAT + nonce + self._cipher.encrypt(nonce, plain.getvalue().to_pybytes(), _FORMAT + place.bound)
        if len(sealed) > MOST_BYTES:
            raise StoreUnavailable("The release of a view is too large to be kept, so it is not made.")
        return sealed

    def _opened(self, place: _Place, sealed: bytes) -> pa.Table:
        layout, nonce, content = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return pa.ipc.open_stream(self._cipher.decrypt(nonce, content, layout + place.bound)).read_all()
        except (InvalidTag, ValueError):
            raise StoreUnavailable(_UNOPENED) from None

    def _remembered(self, place: _Place) -> bytes | None:
        """Return the release, sealed, that was made before the database forgot it."""
        try:
            sealed = self._copy_of(place).read_bytes()
        except FileNotFoundError:
            return None
        except OSError:
            raise StoreUnavailable(_UNOPENED) from None
        self._opened(place, sealed)  # what is inserted stays for ever
        return sealed

    def _copy(self, place: _Place, sealed: bytes) -> None:
        """Bring a copy of the row to the disk; one that is there already says what was released first."""
        path = self._copy_of(place)
        try:
            if not path.exists():
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
                try:
                    write_new(draft, sealed)
                    with suppress(FileExistsError):
                        path.hardlink_to(draft)
                finally:
                    draft.unlink(missing_ok=True)
                sync(path.parent)
            if path.read_bytes() != sealed:
                raise StoreUnavailable(_TWO)
        except OSError:
            raise StoreUnavailable(_UNKEPT) from None

    def _copy_of(self, place: _Place) -> Path:
        return self._copies / f"{place.view}-{place.terms}.sealed"


async def _answered(asked: Awaitable[_T], failure: str) -> _T:
    try:
        return await asked
    except DatabaseFailed:
        raise StoreUnavailable(failure) from None


def _stored(connection: sa.Connection, place: _Place) -> bytes | None:
    held = sa.select(view_release.c.sealed).where(
        view_release.c.name == place.view, view_release.c.terms == place.terms
    )
    sealed = connection.execute(held).scalar_one_or_none()
    return None if sealed is None else bytes(sealed)

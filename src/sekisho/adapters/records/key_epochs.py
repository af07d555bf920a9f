"""Epochs of the keys that pseudonyms and tokens are made with, in the gateway's own database.

Each epoch after the first has a data key: 32 random bytes, wrapped by the provider of keys. The keys of the first
are derived from the master key, so that pseudonyms which were given out before there were epochs go on to be read.

That an epoch began is a committed row and a counter. A worker reads the counter at the start of every request that
makes or reads pseudonyms, after the request came, as it does with the sequence of consent: nothing is believed for
its age, and no notification can be lost. A worker that cannot unwrap the data key of a new epoch refuses such
requests: going on under the former one would give out what the rotation ended.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, NoReturn

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection, insert, select, update

from sekisho.adapters.records.consent_rows import instant
from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.adapters.records.people_rows import take
from sekisho.adapters.records.rounds import Rounds
from sekisho.adapters.records.tables import key_epoch
from sekisho.errors import ConsentUnavailable, KeysUnavailable
from sekisho.ports import PSEUDONYMS, EpochKeys, EpochRecord, Ground, KeyRing, KeyWrapping

_COUNTER: Final = "key_epoch"
# With the time at which it began: a database that was restored may count the same number anew.
_NEWEST: Final = (
    "SELECT c.value, e.began_at FROM ledger_counter c LEFT JOIN key_epoch e ON e.epoch = c.value"
    f" WHERE c.name = '{_COUNTER}'"
)
_KEY_BYTES: Final = 32
_TRIES: Final = 5
_UNREADABLE: Final = "The epochs of the keys could not be read; nothing was released. Try again."


class _Overtaken(Exception):
    """Another epoch began meanwhile."""


class _Row(NamedTuple):
    epoch: int
    scope: str
    began_at: int
    provider: str | None
    wrapped: bytes | None
    retired_at: int | None


class DataKey:
    """The data key of one epoch; implements ``ports.EpochKeys``."""

    __slots__ = ("_epoch", "_key")

    def __init__(self, epoch: int, key: bytes) -> None:
        self._epoch = epoch
        self._key = key

    @property
    def epoch(self) -> int:
        """Number of the epoch."""
        return self._epoch

    def derive(self, label: str, length: int = 32) -> bytes:
        """Return the key of *label*: HKDF-SHA-256 of the data key (RFC 5869)."""
        return HKDF(SHA256(), length, salt=None, info=b"sekisho/v1/" + label.encode()).derive(self._key)

    def __repr__(self) -> str:
        return f"DataKey(epoch={self._epoch}, key hidden)"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: a key would leave the process with it."""
        raise TypeError("a data key cannot be copied or sent elsewhere")


@dataclass(frozen=True, slots=True)
class _Known:
    """All epochs up to the ``newest``: number and scope, newest first, the keys of those that are not retired.

    ``newest`` is its number and when it began; ``wrapped`` is what each key was unwrapped from.
    """

    newest: tuple[int, int | None] = (0, None)
    scopes: tuple[tuple[int, str], ...] = ()
    keys: Mapping[int, EpochKeys] = field(default_factory=dict, repr=False)
    wrapped: Mapping[int, bytes] = field(default_factory=dict, repr=False)


class SqlKeyEpochs:
    """Implements ``ports.KeyEpochs``.

    Parameters
    ----------
    database:
        The gateway's own database, migrated.
    ring:
        Has the keys of the first epoch.
    wrappings:
        Who can unwrap data keys, by name; the first wraps new ones.
    grace:
        How many former epochs are still read. The data key of one that no purpose reads any more is deleted.
    """

    def __init__(
        self, database: Database, ring: KeyRing, wrappings: Mapping[str, KeyWrapping], *, grace: int = 1
    ) -> None:
        self._database = database
        self._ring = ring
        self._wrappings = wrappings
        self._grace = grace
        self._known = _Known()
        self._learning = asyncio.Lock()
        self._rounds = Rounds(self._look)

    async def refresh(self, ground: Ground | None = None) -> None:
        """See the port."""
        if ground is not None and ground.key_epoch == self._known.newest:
            return
        try:
            if self._database.inline:
                await self._look()
            else:
                await self._rounds.join()
        except DatabaseFailed:
            # The keys are there; what is not is the database, and with it consent.
            raise ConsentUnavailable("The gateway's own records cannot be read now.") from None

    def of(self, purpose: str) -> Sequence[EpochKeys]:
        """See the port."""
        known = self._known
        read = _read(known.scopes, purpose, self._grace)
        if not read or read[0] not in known.keys:
            raise KeysUnavailable(_UNREADABLE)
        return [known.keys[epoch] for epoch in read if epoch in known.keys]

    async def begin(self, scope: str) -> EpochRecord:
        """See the port."""
        provider, wrapping = next(iter(self._wrappings.items()))
        try:
            for _ in range(_TRIES):
                last = (await self._database.peek(_NEWEST))[0][0]
                key, bound = secrets.token_bytes(_KEY_BYTES), _bound(last + 1)
                wrapped = await asyncio.to_thread(wrapping.wrap, key, bound)
                if await asyncio.to_thread(wrapping.unwrap, wrapped, bound) != key:
                    raise KeysUnavailable("The key provider did not give back what it had wrapped.")
                try:
                    return await self._database.run(
                        lambda connection, last=last, wrapped=wrapped: self._begin(  # type: ignore[misc]
                            connection, last, scope, provider, wrapped
                        )
                    )
                except _Overtaken:
                    continue
        except (DatabaseFailed, IndexError):
            raise KeysUnavailable("The new epoch could not be written; none has begun. Try again.") from None
        raise KeysUnavailable("Others begin epochs at the same time; none has begun here. Try again.")

    async def records(self) -> list[EpochRecord]:
        """See the port."""
        try:
            rows = await self._database.read(_rows)
        except DatabaseFailed:
            raise KeysUnavailable(_UNREADABLE) from None
        return [
            EpochRecord(row.epoch, row.scope, instant(row.began_at or None), row.provider, instant(row.retired_at))
            for row in rows
        ]

    async def rewrap(self) -> int:
        """Wrap every data key anew under the newest key of the provider; return how many there are.

        Raises ``KeysUnavailable``; then nothing was changed.
        """
        provider, wrapping = next(iter(self._wrappings.items()))
        try:
            rows = [row for row in await self._database.read(_rows) if row.wrapped is not None]
            renewed = {
                row.epoch: await asyncio.to_thread(wrapping.wrap, await self._unwrapped(row), _bound(row.epoch))
                for row in rows
            }

            def write(connection: Connection) -> None:
                for epoch, wrapped in renewed.items():
                    connection.execute(
                        update(key_epoch)
                        .where(key_epoch.c.epoch == epoch, key_epoch.c.wrapped.is_not(None))
                        .values(provider=provider, wrapped=wrapped)
                    )

            await self._database.run(write)
        except DatabaseFailed:
            raise KeysUnavailable("The data keys could not be written; nothing was changed. Try again.") from None
        return len(renewed)

    async def _look(self) -> None:
        rows = await self._database.peek(_NEWEST)
        if not rows or rows[0][1] is None:
            raise KeysUnavailable(_UNREADABLE)
        if rows[0] != self._known.newest:
            await self._learn(rows[0])

    async def _learn(self, newest: tuple[int, int | None]) -> None:
        async with self._learning:
            before = self._known
            if before.newest == newest:
                return
            rows = await self._database.read(_rows)
            keys: dict[int, EpochKeys] = {}
            for row in rows:
                if row.epoch == self._ring.epoch:
                    keys[row.epoch] = self._ring
                elif row.wrapped is not None and before.wrapped.get(row.epoch) == row.wrapped:
                    keys[row.epoch] = before.keys[row.epoch]
                elif row.wrapped is not None:
                    keys[row.epoch] = DataKey(row.epoch, await self._unwrapped(row))
            wrapped = {row.epoch: row.wrapped for row in rows if row.wrapped is not None}
            scopes = tuple((row.epoch, row.scope) for row in reversed(rows))
            self._known = _Known((rows[-1].epoch, rows[-1].began_at), scopes, keys, wrapped)

    async def _unwrapped(self, row: _Row) -> bytes:
        wrapping = self._wrappings.get(row.provider or "")
        if wrapping is None:
            raise KeysUnavailable(
                f"The data key of epoch {row.epoch} was wrapped by the provider {row.provider}; name it in `keys`."
            )
        key = await asyncio.to_thread(wrapping.unwrap, row.wrapped or b"", _bound(row.epoch))
        if len(key) != _KEY_BYTES:
            raise KeysUnavailable(f"The data key of epoch {row.epoch} is damaged; restore the database.")
        return key

    def _begin(self, connection: Connection, last: int, scope: str, provider: str, wrapped: bytes) -> EpochRecord:
        epoch, now = take(connection, _COUNTER, 1, self._database.now_sql)
        if epoch != last + 1:
            raise _Overtaken
        new = EpochRecord(epoch, scope, instant(now), provider)
        connection.execute(
            insert(key_epoch).values(epoch=epoch, scope=scope, began_at=now, provider=provider, wrapped=wrapped)
        )
        rows = _rows(connection)
        scopes = tuple((row.epoch, row.scope) for row in reversed(rows))
        read = {each for name in {*(scope for _, scope in scopes), ""} for each in _read(scopes, name, self._grace)}
        for row in rows:
            if row.epoch not in read and row.retired_at is None:
                connection.execute(
                    update(key_epoch).where(key_epoch.c.epoch == row.epoch).values(wrapped=None, retired_at=now)
                )
        return new


def _rows(connection: Connection) -> list[_Row]:
    return [_Row(*row) for row in connection.execute(select(*key_epoch.c).order_by(key_epoch.c.epoch))]


def _read(scopes: Sequence[tuple[int, str]], purpose: str, grace: int) -> list[int]:
    """Return the epochs of *scopes* (newest first) that are read for *purpose*: the current and *grace* former."""
    return [epoch for epoch, scope in scopes if scope in {PSEUDONYMS, purpose}][: grace + 1]


def _bound(epoch: int) -> str:
    return f"epoch/{epoch}"

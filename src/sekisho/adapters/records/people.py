"""People: which identifier belongs to which data subject, kept so that the database alone says nothing.

An identifier is found by a keyed hash (HMAC-SHA-256 of kind, NUL, value) and read back from
ciphertext (AES-SIV, RFC 5297, bound to its kind). Without the gateway's keys neither can be computed, so
that neither a copy of the database nor a guess at telephone numbers finds anybody.

A person is a dense number, counted from 1; consent is a bit at that number.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, select, text, update

from sekisho.adapters.records.database import Database, DatabaseConflict, DatabaseFailed, bulk_insert
from sekisho.adapters.records.tables import data_subject_identifier as identifiers
from sekisho.adapters.records.tables import ledger_counter
from sekisho.domain.terms import SubjectNumber
from sekisho.errors import ConsentUnavailable, InvalidRequest
from sekisho.ports import DataSubjectRef, KeyRing, PeopleKeys

_KIND = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_CHUNK = 5_000  # values in one IN list; SQLite takes 32,766 parameters
_UNREADABLE = "The people registry did not answer; nothing was released. Try again."

_VERSION = "SELECT value FROM ledger_counter WHERE name = 'identifier'"
_NUMBER = "SELECT number FROM data_subject_identifier WHERE lookup = ?"


@dataclass(slots=True)
class _Known:
    """What is held in memory of one kind: all of it up to a position of the identifier counter."""

    numbers: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    values: tuple[str, ...] = field(default=(), repr=False)
    position: int = 0
    keys: PeopleKeys | None = field(default=None, repr=False)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class PeopleRegistry:
    """The gateway's own registry of people; implements ``ports.People``.

    Parameters
    ----------
    database:
        The gateway's own database, migrated.
    keys:
        Key ring; the labels are ``people-lookup`` and ``people-seal``.

    Every method raises ``ConsentUnavailable`` when the database does not answer, because without the
    registry no consent can be looked up.
    """

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._hash = hmac.new(keys.derive("people-lookup"), digestmod=hashlib.sha256)
        self._cipher = AESSIV(keys.derive("people-seal", 64))
        self._known: dict[str, _Known] = {}

    async def number_of(self, ref: DataSubjectRef) -> SubjectNumber | None:
        """Return the person's number, or ``None`` when the identifier is unknown."""
        lookup = self._lookup(_kind(ref.identifier), ref.value)
        try:
            rows = await self._database.peek(_NUMBER, (lookup,))
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None
        return SubjectNumber(rows[0][0]) if rows else None

    async def numbers_of(self, identifier: str, values: Sequence[str]) -> NDArray[np.int64]:
        """Return a number for each of *values* (shape (n,)), -1 where unknown."""
        _kind(identifier)
        if not values:
            return np.empty(0, np.int64)

        def find(connection: Connection) -> NDArray[np.int64]:
            lookups = [self._lookup(identifier, value) for value in values]
            found = _find(connection, list(dict.fromkeys(lookups)))
            return np.fromiter((found.get(lookup, -1) for lookup in lookups), np.int64, len(lookups))

        try:
            return await self._database.read(find)
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None

    async def keys(self, identifier: str) -> PeopleKeys:
        """Return all identifiers of one kind, decrypted, in the order in which they were added.

        Held in memory; when nothing was added since, the same object is returned after one tiny read.
        """
        known = self._known.setdefault(_kind(identifier), _Known())
        try:
            version = (await self._database.peek(_VERSION))[0][0]
            if known.keys is not None and known.position == version:
                return known.keys
            async with known.lock:
                # Whoever waited for the lock reads again: what was loaded may be older than its call.
                return await self._refresh(identifier, known)
        except (DatabaseFailed, InvalidTag, IndexError):
            raise ConsentUnavailable(_UNREADABLE) from None

    async def register(self, identifier: str, values: Sequence[str]) -> NDArray[np.int64]:
        """Return a number for each of *values* (shape (n,)); new people where unknown.

        One transaction for all. Raises ``InvalidRequest`` for an empty value.
        """
        _kind(identifier)
        if not all(values):
            raise InvalidRequest("An identifier of a data subject is empty.")

        def add(connection: Connection) -> NDArray[np.int64]:
            return self._add(connection, identifier, values)

        try:
            return await self._database.run(add)
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None

    async def link(self, number: SubjectNumber, identifier: str, value: str) -> None:
        """Add another identifier to person *number*; the same again changes nothing.

        Raises ``InvalidRequest`` when the identifier is somebody else's or the person is unknown.
        """
        await self.link_many(identifier, np.array([number], np.int64), [value])

    async def link_many(self, identifier: str, numbers: NDArray[np.int64], values: Sequence[str]) -> None:
        """Add ``values[i]`` to person ``numbers[i]``, all or none; see :meth:`link`."""
        _kind(identifier)
        if not all(values):
            raise InvalidRequest("An identifier of a data subject is empty.")

        def add(connection: Connection) -> None:
            self._link(connection, identifier, [int(number) for number in numbers], values)

        try:
            await self._database.run(add)
        except DatabaseConflict:
            raise InvalidRequest("An identifier was to be linked to nobody who is registered.") from None
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None

    def _lookup(self, identifier: str, value: str) -> bytes:
        digest = self._hash.copy()
        digest.update(f"{identifier}\0{value}".encode())
        return digest.digest()

    def _add(self, connection: Connection, identifier: str, values: Sequence[str]) -> NDArray[np.int64]:
        lookups = [self._lookup(identifier, value) for value in values]
        # The counter first: whoever registers the same person at the same time waits here, then finds it.
        last, now = _take(connection, "data_subject", 0, self._database.now_sql)
        found = _find(connection, list(dict.fromkeys(lookups)))
        new = {lookup: value for lookup, value in zip(lookups, values, strict=True) if lookup not in found}
        if new:
            _take(connection, "data_subject", len(new), self._database.now_sql)
            found.update(zip(new, range(last + 1, last + 1 + len(new)), strict=True))
            bulk_insert(
                connection,
                _table("data_subject"),
                ("number", "created_at"),
                [(found[lookup], now) for lookup in new],
            )
            self._insert(connection, identifier, [(lookup, found[lookup], new[lookup]) for lookup in new])
        return np.fromiter((found[lookup] for lookup in lookups), np.int64, len(lookups))

    def _link(self, connection: Connection, identifier: str, numbers: Sequence[int], values: Sequence[str]) -> None:
        _take(connection, "data_subject", 0, self._database.now_sql)  # one writer of identifiers at a time
        wanted: dict[bytes, tuple[int, str]] = {}
        for number, value in zip(numbers, values, strict=True):
            lookup = self._lookup(identifier, value)
            if wanted.setdefault(lookup, (number, value))[0] != number:
                raise InvalidRequest("One identifier was to be linked to two people.")
        found = _find(connection, list(wanted))
        if any(wanted[lookup][0] != number for lookup, number in found.items()):
            raise InvalidRequest("The identifier already belongs to another person; link the people instead.")
        self._insert(
            connection,
            identifier,
            [(lookup, number, value) for lookup, (number, value) in wanted.items() if lookup not in found],
        )

    def _insert(self, connection: Connection, identifier: str, rows: Sequence[tuple[bytes, int, str]]) -> None:
        if not rows:
            return
        last, now = _take(connection, "identifier", len(rows), self._database.now_sql)
        bound = [identifier.encode()]
        first = last - len(rows) + 1
        bulk_insert(
            connection,
            identifiers,
            ("lookup", "kind", "number", "sealed", "created_at", "position"),
            [
                (lookup, identifier, number, self._cipher.encrypt(value.encode(), bound), now, first + place)
                for place, (lookup, number, value) in enumerate(rows)
            ],
        )

    async def _refresh(self, identifier: str, known: _Known) -> PeopleKeys:
        bound = [identifier.encode()]

        def load(connection: Connection) -> tuple[int, list[int], list[str]]:
            version = connection.execute(text(_VERSION)).scalar_one()
            rows = connection.execute(
                select(identifiers.c.number, identifiers.c.sealed)
                .where(identifiers.c.kind == identifier, identifiers.c.position > known.position)
                .order_by(identifiers.c.position)
            ).all()
            opened = [self._cipher.decrypt(bytes(sealed), bound).decode() for _, sealed in rows]
            return version, [number for number, _ in rows], opened

        version, numbers, values = await self._database.read(load)
        if numbers:
            known.numbers = np.concatenate([known.numbers, np.array(numbers, np.int64)])
            known.numbers.flags.writeable = False
            known.values += tuple(values)
        known.position = version
        if numbers or known.keys is None:
            known.keys = PeopleKeys(identifier, known.numbers, known.values, version)
        return known.keys


def _kind(identifier: str) -> str:
    if not _KIND.match(identifier):
        raise InvalidRequest("The kind of a data subject's identifier is not a lower-case name.")
    return identifier


def _table(name: str) -> Any:
    return identifiers.metadata.tables[name]


def _take(connection: Connection, name: str, count: int, now_sql: str) -> tuple[int, int]:
    """Add *count* to the counter *name*, lock it until commit; return its value and the database's clock."""
    row = connection.execute(
        update(ledger_counter)
        .where(ledger_counter.c.name == name)
        .values(value=ledger_counter.c.value + count)
        .returning(ledger_counter.c.value, text(now_sql))
    ).one()
    return row[0], row[1]


def _find(connection: Connection, lookups: Sequence[bytes]) -> dict[bytes, int]:
    statement = select(identifiers.c.lookup, identifiers.c.number).where(
        identifiers.c.lookup.in_(bindparam("lookups", expanding=True))
    )
    found: dict[bytes, int] = {}
    for start in range(0, len(lookups), _CHUNK):
        rows = connection.execute(statement, {"lookups": lookups[start : start + _CHUNK]})
        found.update((bytes(lookup), number) for lookup, number in rows)
    return found

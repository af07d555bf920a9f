"""People: which identifier belongs to which data subject, kept so that the database alone says nothing.

An identifier is found by a keyed hash (AES-CMAC of kind, NUL, value) and read back from ciphertext
(AES-SIV, RFC 5297, bound to its kind). Without the gateway's keys neither can be computed, so that neither
a copy of the database nor a guess at telephone numbers finds anybody.

A person is a dense number, counted from 1; consent is a bit at that number. An erased person's number
stays, with its events, and leads back to nobody: its identifiers and the key of its evidence are gone. What it
had said no to outlives it in ``suppression``, and is said again for whoever is named so later.
"""

from __future__ import annotations

import array
import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, func, select, text, update

from sekisho.adapters.records.consent_projection import array as spelled_array
from sekisho.adapters.records.database import Database, DatabaseConflict, DatabaseFailed, bulk_insert
from sekisho.adapters.records.grouped import GroupedReads
from sekisho.adapters.records.people_lookup import LookupHash, LookupIndex
from sekisho.adapters.records.people_rows import (
    VERSION,
    bring_up,
    erased_since,
    find_hashes,
    identifiers_among,
    take,
)
from sekisho.adapters.records.rounds import Rounds
from sekisho.adapters.records.shredded import ShreddedPeople
from sekisho.adapters.records.suppression import RecordsNoes, SuppressionList
from sekisho.adapters.records.tables import data_subject
from sekisho.adapters.records.tables import data_subject_identifier as identifiers
from sekisho.domain.identifiers import EMAIL_SHA256, all_normalised, normalised
from sekisho.domain.terms import SubjectNumber
from sekisho.errors import ConsentUnavailable, InvalidRequest
from sekisho.ports import DataSubjectRef, Ground, KeyRing, Names, PeopleKeys, listed

_KIND = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_AT_ONCE = 5_000  # identifiers that are read together
_MANY = 2_000  # values from which looking up in memory pays
_FIRST_VISIBLE, _LAST_VISIBLE = ord("!"), ord("~")
_UNREADABLE = "The people registry did not answer; nothing was released. Try again."

_NUMBERS = {
    "postgresql": "SELECT lookup, number FROM data_subject_identifier WHERE lookup = ANY(?::bytea[])",
    "sqlite": "SELECT lookup, number FROM data_subject_identifier WHERE lookup IN (?)",
}


@dataclass(slots=True)
class _Known:
    """What is held in memory of one kind: all of it up to a position of the identifier counter."""

    numbers: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    values: pa.LargeStringArray = field(default_factory=lambda: pa.array([], pa.large_string()), repr=False)
    position: int = 0
    erased_at: int = 0
    keys: PeopleKeys | None = field(default=None, repr=False)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class _Looked:
    """The lookup index of one kind; whoever searches it or brings it up holds the lock."""

    index: LookupIndex = field(default_factory=LookupIndex)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class PeopleRegistry:
    """The gateway's own registry of people; implements ``ports.People``.

    Parameters
    ----------
    database:
        The gateway's own database, migrated.
    keys:
        Key ring; the labels are ``people-lookup`` and ``people-seal``.
    record:
        Where the noes of an erased person who is named again are recorded (``SqlConsentLedger.record_within``);
        without it, such a person cannot be registered.
    shredded:
        Where it is remembered, outside the database, who was erased.

    Every method raises ``ConsentUnavailable`` when the database does not answer, because without the
    registry no consent can be looked up, and ``InvalidRequest`` for a value that cannot be of its kind.
    """

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        record: RecordsNoes | None = None,
        shredded: ShreddedPeople | None = None,
    ) -> None:
        self._shredded = shredded
        self._database = database
        self._suppression = SuppressionList(keys, record)
        self._hash = LookupHash(keys.derive("people-lookup"))
        self._cipher = AESSIV(keys.derive("people-seal", 64))
        self._known: dict[str, _Known] = {}
        self._looked: dict[str, _Looked] = {}
        self._newest = 0
        self._rounds = Rounds(self._read_version)
        self._numbers = GroupedReads(self._numbers_by_lookup, inline=database.inline)

    async def number_of(self, ref: DataSubjectRef) -> SubjectNumber | None:
        """Return the person's number, or ``None`` when the identifier is unknown."""
        kind = _kind(ref.identifier)
        return await self._numbers.of(self._hash.one(kind, normalised(kind, ref.value)))

    async def numbers_of(self, identifier: str, values: Names) -> NDArray[np.int64]:
        """Return a number for each of *values* (shape (n,)), -1 where unknown.

        The first call with many values of a kind reads that kind's hashes into memory (16 bytes a person);
        later ones read what came and went since.
        """
        spelled = values if _is_plain(identifier, values) else _spelled(identifier, listed(values))
        if not len(spelled):
            return np.empty(0, np.int64)
        try:
            if len(spelled) < _MANY:
                spelled = listed(spelled)
                return await self._database.read(partial(self._find, identifier=identifier, values=spelled))
            version = await self._version()
            looked = self._looked.setdefault(identifier, _Looked())
            async with looked.lock:
                if looked.index.position < version:
                    await self._database.read(partial(bring_up, looked.index, identifier))
                return await asyncio.to_thread(lambda: looked.index.find(self._hash.many(identifier, spelled)))
        except (DatabaseFailed, IndexError):
            raise ConsentUnavailable(_UNREADABLE) from None

    async def keys(self, identifier: str, ground: Ground | None = None) -> PeopleKeys:
        """Return all identifiers of one kind, decrypted, in the order in which they were added.

        Held in memory; when nobody came or was erased since, the same object is returned after one tiny read, or
        after none where *ground* tells so.
        """
        known = self._known.get(identifier) or self._known.setdefault(_kind(identifier), _Known())
        if ground is not None and known.keys is not None and known.position == ground.identifiers:
            return known.keys
        try:
            version = await self._version()
            if known.keys is not None and known.position == version:
                return known.keys
            async with known.lock:
                # Whoever waited for the lock reads again: what was loaded may be older than its call.
                return await self._refresh(identifier, known)
        except (DatabaseFailed, InvalidTag, IndexError):
            raise ConsentUnavailable(_UNREADABLE) from None

    async def _version(self) -> int:
        """Return the position of the identifier counter, as committed after this call began."""
        if self._database.inline:
            await self._read_version()
        else:
            await self._rounds.join()
        return self._newest

    async def _read_version(self) -> None:
        self._newest = (await self._database.peek(VERSION))[0][0]

    async def identifiers_of(self, number: SubjectNumber) -> list[DataSubjectRef]:
        """Return the identifiers of a person, decrypted, oldest first; none for an erased or unknown one."""
        return (await self.identifiers_of_many([number]))[number]

    async def identifiers_of_many(
        self, numbers: Sequence[SubjectNumber]
    ) -> dict[SubjectNumber, list[DataSubjectRef]]:
        """Return the identifiers of each of *numbers*, decrypted, oldest first."""
        found: dict[SubjectNumber, list[DataSubjectRef]] = {number: [] for number in numbers}

        def read(connection: Connection) -> None:
            for number, kind, sealed in identifiers_among(connection, list(found)):
                found[SubjectNumber(number)].append(DataSubjectRef(kind, self._opened(kind, sealed)))

        try:
            await self._database.read(read)
        except (DatabaseFailed, InvalidTag):
            raise ConsentUnavailable(_UNREADABLE) from None
        return found

    async def register(self, identifier: str, values: Sequence[str]) -> NDArray[np.int64]:
        """Return a number for each of *values* (shape (n,)); new people where unknown, also after an erasure.

        One transaction for all. Raises ``InvalidRequest`` for an empty value.
        """
        spelled = _named(identifier, values)
        try:
            return await self._database.run(partial(self._add, identifier=identifier, values=spelled))
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None

    async def attach(self, number: SubjectNumber, identifier: str, value: str) -> None:
        """Add another identifier to person *number*; the same again changes nothing.

        Raises ``InvalidRequest`` when the identifier is somebody else's, or the person is unknown or erased.
        """
        await self.attach_many(identifier, np.array([number], np.int64), [value])

    async def attach_many(self, identifier: str, numbers: NDArray[np.int64], values: Sequence[str]) -> None:
        """Add ``values[i]`` to person ``numbers[i]``, all or none; see :meth:`attach`."""
        spelled = _named(identifier, values)

        def add(connection: Connection) -> None:
            self._attach(connection, identifier, [int(number) for number in numbers], spelled)

        try:
            await self._database.run(add)
        except DatabaseConflict:
            raise InvalidRequest("An identifier was to be linked to nobody who is registered.") from None
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None

    async def erase(self, number: SubjectNumber) -> None:
        """Forget who *number* is, for good: its identifiers and the key of its sealed evidence are deleted.

        Its events stay, and their hashes hold. Whoever comes back later is a new person, who starts with the
        noes of the old one. Erasing again changes nothing. Every worker's memory drops the person at its next call.

        Raises ``InvalidRequest`` when there is no such person.
        """

        def forget(connection: Connection) -> None:
            row = connection.execute(select(data_subject.c.erased_at).where(data_subject.c.number == number)).first()
            if row is None:
                raise InvalidRequest("There is nobody to erase.")
            if row.erased_at is not None:
                return
            if self._shredded is not None:
                self._shredded.add([number])  # before anything is gone: a restored backup must not undo it
            # The ledger first: a no that is being recorded is seen, and none comes in after the look at them.
            take(connection, "consent", 0, self._database.now_sql)
            # The counter's lock orders erasures among themselves and with everything that names a person.
            _, now = take(connection, "identifier", 1, self._database.now_sql)
            last = connection.execute(select(func.max(data_subject.c.erased_at))).scalar()
            found = identifiers_among(connection, [number])
            named = [(kind, self._opened(kind, sealed)) for _, kind, sealed in found]
            self._suppression.keep(connection, number, named, now)
            connection.execute(delete(identifiers).where(identifiers.c.number == number))
            connection.execute(
                update(data_subject)
                .where(data_subject.c.number == number, data_subject.c.erased_at.is_(None))
                .values(sealing_key=None, erased_at=max(now, (last or 0) + 1))
            )

        try:
            await self._database.run(forget)
        except (DatabaseFailed, InvalidTag):
            raise ConsentUnavailable(_UNREADABLE) from None

    async def _numbers_by_lookup(self, lookups: Sequence[bytes]) -> dict[bytes, SubjectNumber | None]:
        wanted = lookups[0] if self._database.inline else spelled_array(lookups)
        try:
            rows = await self._database.peek(_NUMBERS[self._database.dialect], (wanted,))
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None
        return dict.fromkeys(lookups) | {bytes(lookup): SubjectNumber(number) for lookup, number in rows}

    def _opened(self, kind: str, sealed: bytes) -> str:
        return self._cipher.decrypt(bytes(sealed), [kind.encode()]).decode()

    def _find(self, connection: Connection, *, identifier: str, values: Sequence[str]) -> NDArray[np.int64]:
        lookups = self._lookups(identifier, values)
        found = find_hashes(connection, list(dict.fromkeys(lookups)))
        return np.fromiter((found.get(lookup, -1) for lookup in lookups), np.int64, len(lookups))

    def _lookups(self, identifier: str, values: Sequence[str]) -> list[bytes]:
        raw = self._hash.many(identifier, values).tobytes()
        return [raw[at : at + 16] for at in range(0, len(raw), 16)]

    def _add(self, connection: Connection, *, identifier: str, values: Sequence[str]) -> NDArray[np.int64]:
        lookups = self._lookups(identifier, values)
        # The counter first: whoever registers the same person at the same time waits here, then finds it.
        last, now = take(connection, "data_subject", 0, self._database.now_sql)
        found = find_hashes(connection, list(dict.fromkeys(lookups)))
        new = {lookup: value for lookup, value in zip(lookups, values, strict=True) if lookup not in found}
        if new:
            take(connection, "data_subject", len(new), self._database.now_sql)
            found.update(zip(new, range(last + 1, last + 1 + len(new)), strict=True))
            people = [(found[lookup], now) for lookup in new]
            bulk_insert(connection, data_subject, ("number", "created_at"), people)
            # Before the counter of identifiers: an erasure locks the ledger, and then that.
            self._suppression.say_again(connection, identifier, [(found[lookup], new[lookup]) for lookup in new], now)
            self._insert(connection, identifier, [(lookup, found[lookup], new[lookup]) for lookup in new])
        return np.fromiter((found[lookup] for lookup in lookups), np.int64, len(lookups))

    def _attach(self, connection: Connection, identifier: str, numbers: Sequence[int], values: Sequence[str]) -> None:
        _, now = take(connection, "data_subject", 0, self._database.now_sql)  # one writer of identifiers at a time
        wanted: dict[bytes, tuple[int, str]] = {}
        for lookup, number, value in zip(self._lookups(identifier, values), numbers, values, strict=True):
            if wanted.setdefault(lookup, (number, value))[0] != number:
                raise InvalidRequest("One identifier was to be linked to two people.")
        found = find_hashes(connection, list(wanted))
        if any(wanted[lookup][0] != number for lookup, number in found.items()):
            raise InvalidRequest("The identifier already belongs to another person; link the people instead.")
        new = [(lookup, number, value) for lookup, (number, value) in wanted.items() if lookup not in found]
        self._suppression.say_again(connection, identifier, [(number, value) for _, number, value in new], now)
        before = self._insert(connection, identifier, new)
        # After the insert, under the counter's lock: nobody can be erased in between.
        erased = connection.execute(
            select(identifiers.c.position)
            .join(data_subject, data_subject.c.number == identifiers.c.number)
            .where(identifiers.c.kind == identifier, identifiers.c.position > before)
            .where(data_subject.c.erased_at.is_not(None))
            .limit(1)
        ).first()
        if erased is not None:
            raise InvalidRequest("An identifier was to be linked to somebody who was erased.")

    def _insert(self, connection: Connection, identifier: str, rows: Sequence[tuple[bytes, int, str]]) -> int:
        """Add identifiers of one kind; return the position before them."""
        last, now = take(connection, "identifier", len(rows), self._database.now_sql)
        bound = [identifier.encode()]
        before = last - len(rows)
        bulk_insert(
            connection,
            identifiers,
            ("lookup", "kind", "number", "sealed", "created_at", "position"),
            [
                (lookup, identifier, number, self._cipher.encrypt(value.encode(), bound), now, position)
                for position, (lookup, number, value) in enumerate(rows, before + 1)
            ],
        )
        return before

    async def _refresh(self, identifier: str, known: _Known) -> PeopleKeys:
        bound = [identifier.encode()]

        def load(connection: Connection) -> tuple[int, NDArray[np.int64], pa.Array, list[int], int]:
            version = connection.execute(text(VERSION)).scalar_one()
            newer = (
                select(identifiers.c.number, identifiers.c.sealed)
                .where(identifiers.c.kind == identifier, identifiers.c.position > known.position)
                .order_by(identifiers.c.position)
            )
            # Row by row into arrays that grow: objects of all rows together would be a quarter of a gigabyte.
            numbers, ends, letters = array.array("q"), array.array("q", [0]), bytearray()
            with connection.execute(newer, execution_options={"yield_per": _AT_ONCE}) as rows:
                for number, sealed in rows:
                    letters += self._cipher.decrypt(bytes(sealed), bound)
                    numbers.append(number)
                    ends.append(len(letters))
            values = pa.LargeStringArray.from_buffers(len(numbers), pa.py_buffer(ends), pa.py_buffer(letters))
            return version, np.array(numbers, np.int64), values, *erased_since(connection, known.erased_at)

        version, numbers, values, erased, erased_at = await self._database.read(load)
        if erased and len(known.numbers):
            kept = ~np.isin(known.numbers, np.array(erased, np.int64))
            if not kept.all():
                known.numbers, known.values = known.numbers[kept], known.values.filter(pa.array(kept))
        if len(numbers):
            known.numbers = np.concatenate([known.numbers, numbers])
            known.values = pa.concat_arrays([known.values, values])
        known.numbers.flags.writeable = False
        known.position, known.erased_at = version, erased_at
        if known.keys is None or known.keys.values is not known.values:
            known.keys = PeopleKeys(identifier, known.numbers, known.values, version)
        return known.keys


def _kind(identifier: str) -> str:
    if not _KIND.match(identifier):
        raise InvalidRequest("The kind of a data subject's identifier is not a lower-case name.")
    return identifier


def _spelled(identifier: str, values: Sequence[str]) -> Sequence[str]:
    return all_normalised(_kind(identifier), values)


def _is_plain(identifier: str, values: Names) -> bool:
    """Return whether *values* are an array of which none can have two spellings: visible ASCII, as typed."""
    if not isinstance(values, pa.LargeStringArray) or _kind(identifier) == EMAIL_SHA256 or values.offset:
        return False
    letters = np.frombuffer(values.buffers()[2], np.uint8)[: pc.sum(pc.binary_length(values)).as_py()]
    return bool(len(letters)) and int(letters.min()) >= _FIRST_VISIBLE and int(letters.max()) <= _LAST_VISIBLE


def _named(identifier: str, values: Sequence[str]) -> Sequence[str]:
    spelled = _spelled(identifier, values)
    if not all(spelled):
        raise InvalidRequest("An identifier of a data subject is empty.")
    return spelled

"""Sign-in links and sessions of customers: the tables ``sign_in_link`` and ``customer_session``.

Of a token only its SHA-256 is kept, so that a copy of the database opens no session; whom it is for is kept
as AES-SIV ciphertext. Tokens have 256 random bits: finding a row by their hash tells nobody anything about
another token, however long it takes. All times are the database's.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from sekisho.adapters.records.consent_tables import customer_session, sign_in_link
from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.domain.identifiers import normalised
from sekisho.errors import ConsentUnavailable
from sekisho.ports import DataSubjectRef, KeyRing

LINK_LIFE = timedelta(minutes=15)
"""How long a link can be used, and the window in which links of one address are counted."""
IDLE = timedelta(minutes=30)
"""A session that is not used for so long is over."""
LONGEST = timedelta(hours=8)
"""No session lasts longer, however much it is used."""

T = TypeVar("T")

_SECOND = 1_000_000  # microseconds
_MOVED = 60 * _SECOND  # a session's end is moved on once a minute at most: not every read is a write
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNREADABLE = "Signing in is not possible now. Try again."


class SqlSessions:
    """``consents.sign_in.Sessions`` on the gateway's own database.

    Parameters
    ----------
    database:
        The own database, migrated.
    keys:
        Key ring; the label is ``session-seal``.

    Every method raises ``ConsentUnavailable`` when the database does not answer.
    """

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._cipher = AESSIV(keys.derive("session-seal", 64))
        self._clock = literal_column(database.now_sql, BigInteger())
        self._find = (
            "SELECT token_hash, identifier, sealed, expires_at, ends_at, "
            f"{database.now_sql} FROM customer_session WHERE token_hash = ? AND ended_at IS NULL"
        )

    async def keep_link(self, token: str, person: DataSubjectRef, *, known: bool, most: int) -> bool:
        """Keep a link for *person* and return whether it may be sent.

        For somebody who is not *known*, and beyond *most* links within :data:`LINK_LIFE`, the same is done
        with a row that nobody can use: the database does not tell the cases apart from outside.
        """
        sealed = self._seal(person)

        def work(connection: Connection) -> bool:
            table = sign_in_link.c
            if connection.dialect.name == "postgresql":
                # Until commit: links for one address that are asked for at once count one another. SQLite has one
                # writer anyway.
                alone = int.from_bytes(hashlib.sha256(sealed).digest()[:8], "big", signed=True)
                connection.execute(select(func.pg_advisory_xact_lock(alone)))
            now = self._now(connection)
            connection.execute(delete(sign_in_link).where(table.expires_at <= now))
            sent = connection.execute(
                select(func.count())
                .select_from(sign_in_link)
                .where(table.identifier == person.identifier, table.sealed == sealed)
            ).scalar_one()
            usable = known and sent < most
            row = {
                "token_hash": _hash(token) if usable else secrets.token_bytes(32),
                "identifier": person.identifier,
                "sealed": sealed if usable else secrets.token_bytes(len(sealed)),
                "expires_at": now + LINK_LIFE // timedelta(microseconds=1),
                "used_at": None if usable else now,
            }
            connection.execute(insert(sign_in_link).values(row))
            return usable

        return await self._run(work)

    async def use_link(self, token: str) -> DataSubjectRef | None:
        """Use up a link and return whom it is for; ``None`` when it is unknown, used or expired.

        One conditional UPDATE: of any number of uses at once exactly one succeeds.
        """
        table = sign_in_link.c
        statement = (
            update(sign_in_link)
            .where(table.token_hash == _hash(token), table.used_at.is_(None), table.expires_at > self._clock)
            .values(used_at=self._clock)
            .returning(table.identifier, table.sealed)
        )
        row = await self._run(lambda connection: connection.execute(statement).one_or_none())
        return None if row is None else self._open(row[0], row[1])

    async def start(self, token: str, person: DataSubjectRef, assurance: str) -> datetime:
        """Begin a session and return until when it lasts if it is not used."""
        sealed = self._seal(person)

        def work(connection: Connection) -> int:
            table, now = customer_session.c, self._now(connection)
            over = or_(table.expires_at <= now, table.ended_at.is_not(None))
            connection.execute(delete(customer_session).where(over))
            expires_at = now + IDLE // timedelta(microseconds=1)
            row = {
                "token_hash": _hash(token),
                "identifier": person.identifier,
                "sealed": sealed,
                "assurance": assurance,
                "expires_at": expires_at,
                "ends_at": now + LONGEST // timedelta(microseconds=1),
            }
            connection.execute(insert(customer_session).values(row))
            return expires_at

        return _EPOCH + timedelta(microseconds=await self._run(work))

    async def person_of(self, token: str) -> DataSubjectRef | None:
        """Return whose session *token* is, and move its end on; ``None`` when there is none or it is over."""
        hashed = _hash(token)
        try:
            rows = await self._database.peek(self._find, (hashed,))
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None
        if not rows:
            return None
        found, identifier, sealed, expires_at, ends_at, now = rows[0]
        if not hmac.compare_digest(bytes(found), hashed) or now >= min(expires_at, ends_at):
            return None
        later = min(now + IDLE // timedelta(microseconds=1), ends_at)
        if later - expires_at >= _MOVED:
            table = customer_session.c
            moved = (
                update(customer_session)
                .where(table.token_hash == hashed, table.ended_at.is_(None), table.expires_at < later)
                .values(expires_at=later)
            )
            await self._run(lambda connection: connection.execute(moved))
        return self._open(identifier, sealed)

    async def end(self, token: str) -> None:
        """End a session; one that there is not, or that has ended, stays so."""
        await self._end(customer_session.c.token_hash == _hash(token))

    async def end_all(self, person: DataSubjectRef) -> None:
        """End every session of *person*, and make every link useless."""
        sealed = self._seal(person)
        link = sign_in_link.c
        unused = update(sign_in_link).where(link.sealed == sealed, link.used_at.is_(None)).values(used_at=self._clock)
        await self._run(lambda connection: connection.execute(unused))
        await self._end(customer_session.c.sealed == sealed)

    async def _end(self, condition: ColumnElement[bool]) -> None:
        table = customer_session.c
        ended = update(customer_session).where(condition, table.ended_at.is_(None))
        await self._run(lambda connection: connection.execute(ended.values(ended_at=self._clock)))

    def _now(self, connection: Connection) -> int:
        now: int = connection.execute(select(self._clock)).scalar_one()
        return now

    def _seal(self, person: DataSubjectRef) -> bytes:
        value = normalised(person.identifier, person.value)  # all sessions of a person are found by it
        return self._cipher.encrypt(value.encode(), [person.identifier.encode()])

    def _open(self, identifier: str, sealed: bytes) -> DataSubjectRef | None:
        try:
            value = self._cipher.decrypt(bytes(sealed), [identifier.encode()])
        except InvalidTag:
            return None  # sealed under other keys: it opens nothing
        return DataSubjectRef(identifier, value.decode())

    async def _run(self, work: Callable[[Connection], T]) -> T:
        try:
            return await self._database.run(work)
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()

"""What people asked of the controller: the table ``dsr_request``.

What a person wrote and what was answered are sealed under the person's own key, so that erasing the person takes
both; that there was a request, of which kind and when, stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import orjson
from sqlalchemy import BigInteger, Connection, Row, func, insert, literal_column, select, text, update

from sekisho.adapters.records.consent_tables import dsr_request
from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.adapters.records.sealing import PersonSeals
from sekisho.domain.record import micros
from sekisho.domain.rights import RequestKind, RequestStatus, RightsRequest, due_at
from sekisho.domain.terms import SubjectNumber
from sekisho.errors import ConsentUnavailable, RateLimited
from sekisho.ports import KeyRing

T = TypeVar("T")

_DAY = 86_400_000_000  # microseconds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOCK = 7371007  # an arbitrary number, ours alone
_LOCKS = 1 << 31
_UNREADABLE = "Requests cannot be kept or read now. Try again."


class SqlRequests:
    """``consents.rights.Requests`` on the gateway's own database.

    Parameters
    ----------
    database:
        The own database, migrated.
    keys:
        Key ring, for people's own keys.

    Every method raises ``ConsentUnavailable`` when the database does not answer.
    """

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._seals = PersonSeals(keys)
        self._clock = literal_column(database.now_sql, BigInteger())

    async def open(
        self, request_id: str, number: SubjectNumber, kind: RequestKind, note: str | None, *, most: int
    ) -> RightsRequest:
        """Keep a new request, received now by the database's clock.

        Raises ``RateLimited`` when the person made *most* within a day.
        """

        def work(connection: Connection) -> RightsRequest:
            if self._database.dialect == "postgresql":  # SQLite writes one transaction at a time
                # Until the commit whoever opens another request of this person waits, and counts this one.
                of_person = {"ours": _LOCK, "number": number % _LOCKS}
                connection.execute(text("SELECT pg_advisory_xact_lock(:ours, :number)"), of_person)
            now = connection.execute(select(self._clock)).scalar_one()
            table = dsr_request.c
            recent = select(func.count()).where(table.number == number, table.received_at > now - _DAY)
            if connection.execute(recent).scalar_one() >= most:
                raise RateLimited("There were too many requests within a day; the earlier ones are being answered.")
            received = _at(now)
            request = RightsRequest(
                request_id, number, kind, RequestStatus.RECEIVED, received, due_at(received), note=note
            )
            row = {
                "id": request_id,
                "number": number,
                "kind": kind.value,
                "status": request.status.value,
                "received_at": now,
                "due_at": micros(request.due_at),
                "sealed": self._sealed(connection, number, {"note": note}),
            }
            connection.execute(insert(dsr_request).values(row))
            return request

        return await self._run(work)

    async def answer(
        self, request_id: str, status: RequestStatus, answer: Mapping[str, object] | None
    ) -> RightsRequest | None:
        """Keep the *answer* and the *status* of a request that is open; return it as it stands then.

        One that was closed meanwhile stays as it is; ``None`` when there is none of that id.
        """

        def work(connection: Connection) -> RightsRequest | None:
            table = dsr_request.c
            row = connection.execute(
                select(dsr_request).where(table.id == request_id).with_for_update()
            ).one_or_none()
            if row is None:
                return None
            request = self._read(connection, row)
            if request.status is not RequestStatus.RECEIVED:
                return request
            content = {"note": request.note, "answer": answer}
            changed = (
                update(dsr_request)
                .where(table.id == request_id)
                .values(
                    status=status.value,
                    closed_at=None if status is RequestStatus.RECEIVED else self._clock,
                    sealed=self._sealed(connection, request.number, content),
                )
                .returning(*dsr_request.c)
            )
            return self._read(connection, connection.execute(changed).one())

        return await self._run(work)

    async def get(self, request_id: str) -> RightsRequest | None:
        """Return one request with what is sealed in it, or ``None``."""

        def work(connection: Connection) -> RightsRequest | None:
            row = connection.execute(select(dsr_request).where(dsr_request.c.id == request_id)).one_or_none()
            return None if row is None else self._read(connection, row)

        return await self._read_only(work)

    async def of(self, numbers: Sequence[SubjectNumber]) -> list[RightsRequest]:
        """Return the requests of a person's *numbers*, oldest first, without what is sealed."""
        statement = select(dsr_request).where(dsr_request.c.number.in_(numbers)).order_by(dsr_request.c.received_at)
        return await self._read_only(lambda connection: [_plain(row) for row in connection.execute(statement)])

    async def all(self, status: RequestStatus | None, after: str, limit: int) -> list[RightsRequest]:
        """Return requests with ids above *after* in order of their ids, without what is sealed."""
        statement = select(dsr_request).where(dsr_request.c.id > after).order_by(dsr_request.c.id).limit(limit)
        if status is not None:
            statement = statement.where(dsr_request.c.status == status.value)
        return await self._read_only(lambda connection: [_plain(row) for row in connection.execute(statement)])

    def _sealed(self, connection: Connection, number: SubjectNumber, content: Mapping[str, object]) -> bytes | None:
        raw = orjson.dumps(content, default=str)
        return self._seals.seal(connection, {number: raw}).get(number)

    def _read(self, connection: Connection, row: Row[Any]) -> RightsRequest:
        plain = _plain(row)
        opened = None if row.sealed is None else self._seals.open(connection, row.number, bytes(row.sealed))
        if opened is None:
            return plain
        content = orjson.loads(opened)
        return RightsRequest(
            plain.id,
            plain.number,
            plain.kind,
            plain.status,
            plain.received_at,
            plain.due_at,
            plain.closed_at,
            content.get("note"),
            content.get("answer"),
        )

    async def _run(self, work: Callable[[Connection], T]) -> T:
        try:
            return await self._database.run(work)
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None

    async def _read_only(self, work: Callable[[Connection], T]) -> T:
        try:
            return await self._database.read(work)
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None


def _plain(row: Row[Any]) -> RightsRequest:
    return RightsRequest(
        row.id,
        SubjectNumber(row.number),
        RequestKind(row.kind),
        RequestStatus(row.status),
        _at(row.received_at),
        _at(row.due_at),
        None if row.closed_at is None else _at(row.closed_at),
    )


def _at(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)

"""Grants for emergencies, kept until they have long ended, so that each can be called back before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import sqlalchemy as sa

from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.adapters.records.patience import GLANCE_S
from sekisho.adapters.records.tables import emergency_grant
from sekisho.domain.request_context import Grant
from sekisho.errors import PolicyUnavailable

_T = TypeVar("_T")
_KEPT_S: Final = 30 * 86_400  # after its end; none lasts longer than a day
_UNKNOWN: Final = "Whether a grant stands cannot be told, so nothing is released on one."
_GRANT: Final = tuple(column for column in emergency_grant.c if column.name != "revoked_at")


class SqlGrants:
    """Grants in the gateway's own database; implements ``ports.GrantRegister``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, grant: Grant) -> None:
        """See the port."""

        def write(connection: sa.Connection) -> None:
            connection.execute(sa.delete(emergency_grant).where(emergency_grant.c.expires < grant.issued - _KEPT_S))
            connection.execute(sa.insert(emergency_grant).values(**grant.to_json()))

        await self._run(write)

    async def revoked(self, grant_id: str) -> bool | None:
        """See the port."""
        try:
            found = await self._database.peek("SELECT revoked_at FROM emergency_grant WHERE id = ?", (grant_id,))
        except DatabaseFailed:
            raise PolicyUnavailable(_UNKNOWN) from None
        return found[0][0] is not None if found else None

    async def revoke(self, grant_id: str, at: int) -> Grant | None:
        """See the port."""
        named = emergency_grant.c.id == grant_id

        def write(connection: sa.Connection) -> Grant | None:
            ended = sa.update(emergency_grant).where(named, emergency_grant.c.revoked_at.is_(None))
            connection.execute(ended.values(revoked_at=at))
            found = connection.execute(sa.select(*_GRANT).where(named)).first()
            return None if found is None else Grant(**found._asdict())

        return await self._run(write)

    async def in_force(self, at: int) -> list[Grant]:
        """See the port."""
        statement = (
            sa.select(*_GRANT)
            .where(emergency_grant.c.expires > at, emergency_grant.c.revoked_at.is_(None))
            .order_by(emergency_grant.c.expires, emergency_grant.c.id)
        )
        found = await self._run(lambda connection: connection.execute(statement).all())
        return [Grant(**row._asdict()) for row in found]

    async def _run(self, work: Callable[[sa.Connection], _T]) -> _T:
        try:
            return await self._database.run(work, seconds=GLANCE_S)
        except DatabaseFailed:
            raise PolicyUnavailable(_UNKNOWN) from None

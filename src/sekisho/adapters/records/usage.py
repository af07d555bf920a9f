"""How much was released for a purpose in a window of time: counted over all workers, taken before it leaves."""

from __future__ import annotations

from sqlalchemy import Connection, text

from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.adapters.records.patience import GLANCE_S
from sekisho.domain.obligations import Allowance
from sekisho.errors import PolicyUnavailable
from sekisho.ports import Clock

# One statement, so that two workers never both take what is left. A window that another worker's clock has opened
# already is used on: what is behind never opens an older one.
_TAKE = text(
    """
    INSERT INTO usage (account, what, seconds, since, used) VALUES (:account, :what, :seconds, :since, :amount)
    ON CONFLICT (account, what, seconds) DO UPDATE SET
      used = CASE WHEN usage.since >= excluded.since THEN usage.used ELSE 0 END + excluded.used,
      since = CASE WHEN usage.since >= excluded.since THEN usage.since ELSE excluded.since END
    WHERE CASE WHEN usage.since >= excluded.since THEN usage.used ELSE 0 END + excluded.used <= :most
    RETURNING used
    """
)


class SqlMeter:
    """Counts in the gateway's own database; implements ``ports.Meter``."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def take(self, account: str, what: str, amount: int, allowance: Allowance) -> bool:
        """Take *amount* and return True, or take nothing and return False when it is more than is left.

        Raises ``PolicyUnavailable`` when nobody can count.
        """
        if amount > allowance.amount:
            return False
        now = int(self._clock.now().timestamp())
        values = {
            "account": account,
            "what": what,
            "seconds": allowance.seconds,
            "since": now - now % allowance.seconds,
            "amount": amount,
            "most": allowance.amount,
        }

        def take(connection: Connection) -> bool:
            return connection.execute(_TAKE, values).first() is not None

        try:
            return await self._database.run(take, seconds=GLANCE_S)
        except DatabaseFailed:
            raise PolicyUnavailable("What was released cannot be counted, so nothing is released.") from None

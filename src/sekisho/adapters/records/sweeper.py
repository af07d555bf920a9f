"""Writes down that consents have ended: an ``expire`` event for each yes whose validity is over.

Nothing depends on it. Every reader derives the end from ``valid_until`` and the database's clock, and the bits fall
by themselves; the events tell the feed and the record of it afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import NoReturn

import structlog
from sqlalchemy import Connection, text

from sekisho.adapters.records.consent_chain import EventChain
from sekisho.adapters.records.consent_decisions import Decisions
from sekisho.adapters.records.consent_fold import by_default_purposes
from sekisho.adapters.records.consent_writer import Appending
from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.adapters.records.sealing import PersonSeals
from sekisho.domain.consent import IN_FORCE, ActorType, ConsentEventKind, Provenance
from sekisho.domain.terms import Cell, Purpose, SubjectNumber
from sekisho.errors import ConsentUnavailable
from sekisho.ports import Clock, ConsentEventInput, KeyRing

_log = structlog.get_logger(__name__)
_PEOPLE = 5_000  # person numbers looked at in one read
_EVENTS = 1_000  # cells ended in one transaction, in which no other event is written
_UNREADABLE = "The consent ledger did not answer. Try again."
_BY_CLOCK = Provenance(actor_type=ActorType.SYSTEM)
_TOP = text("SELECT value FROM ledger_counter WHERE name = 'data_subject'")
_ENDED = text(
    "SELECT number, cell FROM consent_state WHERE number > :low AND number <= :high"
    f" AND state IN ({', '.join(repr(state.value) for state in sorted(IN_FORCE))})"
    " AND valid_until <= :now ORDER BY number, cell LIMIT :limit"
)


class ExpirySweeper:
    """Finds consents that have ended and records it, each once, however many workers sweep.

    Parameters
    ----------
    database:
        The gateway's own database, migrated.
    purposes:
        The catalogue's purposes by name.
    clock:
        For the ids of events; the time is the database's.
    keys:
        Key ring.
    ready:
        Called before each transaction: the ledger's ``start``, which raises ``ConsentUnavailable`` while the
        ledger is older than what was already seen. Nothing may be written to such a ledger.
    """

    def __init__(
        self,
        database: Database,
        purposes: Mapping[str, Purpose],
        clock: Clock,
        keys: KeyRing,
        ready: Callable[[], Awaitable[None]],
    ) -> None:
        self._database = database
        self._clock = clock
        self._seals = PersonSeals(keys)
        self._chain = EventChain(keys)
        self._by_default = by_default_purposes(purposes)
        self._ready = ready

    async def sweep(self) -> int:
        """Go through all people once; return the number of events that were recorded.

        Raises ``ConsentUnavailable`` when the database does not answer, or the ledger is not to be written to.
        """
        count, low = 0, 0
        try:
            top = await self._database.read(lambda connection: connection.execute(_TOP).scalar_one())
            while low < top:
                high = min(low + _PEOPLE, top)
                while await self._database.read(partial(self._any, low=low, high=high)):
                    await self._ready()
                    ended, written = await self._database.run(partial(self._end, low=low, high=high))
                    count += written
                    if not ended:
                        break  # another worker was first
                low = high
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None
        return count

    async def run(self, interval: float) -> NoReturn:
        """Sweep every *interval* seconds until cancelled; what fails is tried again the next time."""
        while True:
            try:
                await self.sweep()
            except ConsentUnavailable as error:
                _log.warning("consent.not_swept", code=error.code)
            await asyncio.sleep(interval)

    def _any(self, connection: Connection, *, low: int, high: int) -> bool:
        now = connection.exec_driver_sql(f"SELECT {self._database.now_sql}").scalar_one()
        found = connection.execute(_ENDED, {"low": low, "high": high, "now": now, "limit": 1})
        return found.first() is not None

    def _end(self, connection: Connection, *, low: int, high: int) -> tuple[int, int]:
        """End what has ended; return how many events did so, and how many were written."""
        # The counter's row is locked from here on: whoever sweeps at the same time looks afterwards.
        appending = Appending(connection, self._database.now_sql, self._clock, self._chain)
        span = {"low": low, "high": high, "now": appending.now, "limit": _EVENTS}
        cells: dict[tuple[int, str], list[Cell]] = {}
        for number, cell in connection.execute(_ENDED, span):
            cells.setdefault((number, cell.partition("/")[0]), []).append(Cell(cell))
        events = [
            ConsentEventInput(
                SubjectNumber(number),
                purpose,
                tuple(ended),
                ConsentEventKind.EXPIRE,
                method="system",
                actor="system",
                provenance=_BY_CLOCK,
            )
            for (number, purpose), ended in cells.items()
        ]
        decisions = Decisions(appending, self._by_default)
        count = sum(1 for _ in decisions.record(events, self._seals))
        decisions.write()
        return count - decisions.unchanged, count

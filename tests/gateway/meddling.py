"""Parts of the gateway that let a test act at one exact moment of an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing

import pyarrow as pa

from sekisho.domain.governed import GovernedQuery
from sekisho.ports import AuditEntry, AuditLog, AuditQuery, AuditReceipt, ConsentView, DataStore, People

Act = Callable[[], Awaitable[object]]


class MeddlingStore:
    """A store during whose work something happens: consent was read before, the recheck comes after.

    Parameters
    ----------
    store:
        The real one.
    before:
        Awaited before the real store is asked.
    after:
        Awaited when it has answered its first page, before that page is handed over.
    times:
        For how many statements; the others pass.
    """

    def __init__(
        self, store: DataStore, *, before: Act | None = None, after: Act | None = None, times: int = 1
    ) -> None:
        self.store = store
        self.before = before
        self.after = after
        self.times = times
        self.statements = 0
        self.closed = 0

    async def fetch(
        self, query: GovernedQuery, consent: ConsentView | None, people: People, *, page_rows: int
    ) -> AsyncIterator[pa.RecordBatch]:
        """Fetch from the real store."""
        self.statements += 1
        meddling = self.statements <= self.times
        if meddling and self.before is not None:
            await self.before()
        batches = self.store.fetch(query, consent, people, page_rows=page_rows)
        first = True
        try:
            async with aclosing(batches):
                async for batch in batches:
                    if first and meddling and self.after is not None:
                        await self.after()
                    first = False
                    yield batch
        finally:
            self.closed += 1

    async def healthy(self) -> bool:
        """Return what the real store says."""
        return await self.store.healthy()


class MeddlingAudit:
    """An audit log that tells what is recorded, and lets a test act around a record being made durable."""

    def __init__(
        self,
        log: AuditLog,
        *,
        before: Callable[[AuditEntry], None] | None = None,
        after: Callable[[AuditEntry], None] | None = None,
    ) -> None:
        self.log = log
        self.before = before
        self.after = after

    async def append(self, entry: AuditEntry) -> AuditReceipt:
        """Record with the real log."""
        if self.before is not None:
            self.before(entry)
        receipt = await self.log.append(entry)
        if self.after is not None:
            self.after(entry)
        return receipt

    async def search(self, query: AuditQuery) -> list[dict[str, object]]:
        """Search the real log."""
        return await self.log.search(query)

    async def get(self, record_id: str) -> dict[str, object] | None:
        """Return a record of the real log."""
        return await self.log.get(record_id)

    async def healthy(self) -> bool:
        """Return what the real log says."""
        return await self.log.healthy()

    async def close(self) -> None:
        """Leave the real log to its owner."""

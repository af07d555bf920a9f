"""Workers that start together, each with its own connections, publish what the file says once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.notices import SqlNotices
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.consents.notices import Notices
from sekisho.consents.parts import Parts
from sekisho.domain.notices import Change
from sekisho.domain.terms import Catalogue
from sekisho.errors import AuditUnavailable
from sekisho.ports import AuditEntry, AuditReceipt
from tests.adapters.records.conftest import PURPOSES
from tests.fakes import FakeAuditLog


class OnceOnly(FakeAuditLog):
    """A log that, like the real one, takes an id once."""

    async def append(self, entry: AuditEntry) -> AuditReceipt:
        """Record *entry*, or refuse an id that is taken."""
        if any(record["id"] == entry.id for record in self.records):
            raise AuditUnavailable("The record could not be written.")
        return await super().append(entry)


async def start(url, keys, audit, purposes, workers=4):
    """Start *workers* over the database at once; return the sequence of the ledger afterwards."""
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(workers):
            database = Database(url)
            stack.push_async_callback(database.close)
            ledger = SqlConsentLedger(database, purposes, SystemClock(), keys)
            registry, people = SqlNotices(database, ledger, purposes), PeopleRegistry(database, keys)
            catalogue = Catalogue({}, {}, purposes, {}, {}, "r1")
            parts = Parts(catalogue, people, ledger, registry, audit, keys, SystemClock())
            made.append(Notices(parts, "Example Shop", "privacy@shop.example"))
        await asyncio.gather(*(notices.sync() for notices in made))
        return await ledger.last_seq(), await registry.notices()


async def test_four_workers_start_as_one(url, keys):
    """The first start asks nobody; a file with more data asks again: one event of the facts, one of the notice."""
    audit = OnceOnly()
    seq, notices = await start(url, keys, audit, PURPOSES)
    assert (seq, [n.version for n in notices]) == (0, [1] * len(PURPOSES))

    mail = replace(PURPOSES["lifecycle_email"], data_categories=("location",))
    seq, notices = await start(url, keys, audit, {**PURPOSES, "lifecycle_email": mail})

    assert seq == 2
    assert [(n.key, n.version, n.change) for n in notices[len(PURPOSES) :]] == [("lifecycle_email", 2, Change.MAJOR)]
    kinds = [record["kind"] for record in audit.records]
    assert (kinds.count("notice.publish"), kinds.count("purpose.publish"), kinds.count("consent.publish")) == (
        5,
        5,
        2,
    )
    assert len({record["id"] for record in audit.records}) == 12

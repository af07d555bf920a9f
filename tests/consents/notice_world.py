"""A database with the real registry and ledger, for the use cases of notices."""

# ruff: noqa: D102 - the world says what its names say

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.consents.fakes import PURPOSES
from tests.fakes import FakeAuditLog

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.notices import SqlNotices
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.consents.notices import Notices
from sekisho.consents.parts import Parts
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.notices import Change
from sekisho.domain.terms import Catalogue, Purpose, Requester, SubjectNumber
from sekisho.ports import ConsentEventInput

MAJOR, MINOR = Change.MAJOR, Change.MINOR
OFFICER = Requester("privacy_officer", frozenset(), frozenset({"privacy_officer"}))
DESK = Requester("desk", frozenset(), frozenset({"collection_point"}))
TEXTS = {"ja": "お知らせ\r\n", "en": "Notice\n"}
REQUESTERS = {
    requester.name: requester
    for requester in (
        OFFICER,
        DESK,
        Requester("recommender", frozenset({"recommendation", "ab_measurement"})),
        Requester("mailer", frozenset({"lifecycle_email", "newsletter"})),
        Requester("lab", frozenset({"ab_measurement", "customer_support"})),
    )
}


@dataclass
class World:
    """A database with its ports; ``notices_of`` are the use cases of a worker that read this file."""

    database: Database
    people: PeopleRegistry
    ledger: SqlConsentLedger
    registry: SqlNotices
    audit: FakeAuditLog
    keys: FileKeyRing

    def notices_of(
        self, purposes: Mapping[str, Purpose] = PURPOSES, contact: str = "privacy@shop.example"
    ) -> Notices:
        catalogue = Catalogue({}, {}, purposes, REQUESTERS, {}, "r1")
        parts = Parts(catalogue, self.people, self.ledger, self.registry, self.audit, self.keys, SystemClock())
        return Notices(parts, "Example Shop", contact)

    async def give(self, purpose: str, people: int = 1, cells: int | None = None) -> None:
        names = [str(number) for number in range(people)]
        events = [
            ConsentEventInput(
                SubjectNumber(int(number)), purpose, PURPOSES[purpose].all_cells()[:cells],
                ConsentEventKind.GIVE, "api", "requester:desk",
            )
            for number in await self.people.register("customer_id", names)
        ]  # fmt: skip
        await self.ledger.record(events)

    async def in_force(self, purpose: str) -> set[int]:
        """Return who has a cell of *purpose* in force."""
        members: set[int] = set()
        for cell in PURPOSES[purpose].all_cells():
            members |= set((await self.ledger.view((cell,))).members().tolist())
        return members

    def recorded(self, kind: str) -> list[dict[str, object]]:
        return [record for record in self.audit.records if record["kind"] == kind]


@asynccontextmanager
async def world_in(folder: Path, template: Path) -> AsyncIterator[World]:
    shutil.copy(template / "records.db", folder)
    database, keys = Database(f"sqlite:///{folder}/records.db"), FileKeyRing(template / "keys")
    ledger = SqlConsentLedger(database, PURPOSES, SystemClock(), keys)
    people = PeopleRegistry(database, keys)
    try:
        yield World(database, people, ledger, SqlNotices(database, ledger, PURPOSES), FakeAuditLog(), keys)
    finally:
        await database.close()


def changed(name: str = "lifecycle_email", **facts: object) -> dict[str, Purpose]:
    """Return the purposes of a file in which one says something else."""
    return {**PURPOSES, name: replace(PURPOSES[name], **facts)}  # type: ignore[arg-type]


async def published(notices, key="terms", change=MINOR, purposes=("recommendation",), texts=TEXTS):
    draft = await notices.draft(OFFICER, key, change, purposes, texts)
    return await notices.publish(OFFICER, key, draft["version"])

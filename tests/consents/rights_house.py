"""Rights over real requests, people and audit log; the ledger is a fake."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.consents.fakes import FakeParts, make_parts

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.adapters.records.requests import SqlRequests
from sekisho.adapters.records.sessions import SqlSessions
from sekisho.consents.parts import Parts
from sekisho.consents.reading import Reading
from sekisho.consents.recording import Recording
from sekisho.consents.rights import PersonalData, Rights
from sekisho.domain.terms import Recipient, Requester, SubjectNumber
from sekisho.ports import AuditEntry, DataSubjectRef

MARIKO = DataSubjectRef("customer_id", "17850")
KENJI = DataSubjectRef("customer_id", "12583")
STRANGER = DataSubjectRef("customer_id", "nobody")
OFFICER = Requester("privacy_office", frozenset(), frozenset({"privacy_officer"}))
RECOMMENDER = Requester(
    "recommender", frozenset({"recommendation"}), recipient=Recipient.INTERNAL, title={"ja": "おすすめ", "en": "Tips"}
)


@dataclass
class Shelf:
    """Rows of the stores, by the number that is asked about."""

    rows: dict[int, dict[str, list[dict[str, object]]]] = field(default_factory=dict)
    error: Exception | None = None

    async def rows_of(self, number: SubjectNumber, most: int) -> Mapping[str, Sequence[Mapping[str, object]]]:
        """Return the person's rows."""
        if self.error is not None:
            raise self.error
        return {dataset: rows[:most] for dataset, rows in self.rows.get(number, {}).items()}


@dataclass
class RightsHouse:
    """The use cases and what stands behind them."""

    fakes: FakeParts
    parts: Parts
    people: PeopleRegistry
    sessions: SqlSessions
    audit: SqlAuditLog
    database: Database
    keys: FileKeyRing
    erased: list[int] = field(default_factory=list)
    breaks: Exception | None = None

    def rights(self, personal_data: PersonalData | None = None, **changes: object) -> Rights:
        """Return the use cases; *changes* are of the ports."""
        parts = replace(self.parts, **changes)  # type: ignore[arg-type]

        async def erase(number: SubjectNumber) -> None:
            if self.breaks is not None:
                raise self.breaks
            for member in await self.fakes.ledger.linked(number):
                self.erased.append(member)
                await self.people.erase(member)

        return Rights(
            parts,
            SqlRequests(self.database, self.keys),
            self.sessions,
            decisions=Recording(parts),
            consents=Reading(parts),
            erase=erase,
            personal_data=personal_data,
        )

    async def released(self, release_id: str, *numbers: int, **fields: object) -> int:
        """Record a page that names these people, as the gateway does; return its sequence."""
        entry = {
            "requester": "recommender",
            "recipient": "internal",
            "purpose": "recommendation",
            "legal_basis": "consent",
            "decision": "permit",
            "action": "rows",
            "datasets": ["crm.customers"],
            "columns": {"crm.customers.email": "null", "crm.customers.age": "clear"},
            "policy": {"revision": "r7"},
            "query_fp": "f" * 64,
            "rows": len(numbers),
            "page": 0,
            "consent": {"cells": ["recommendation"], "seq": 41, "read_at": 40},
            "subjects": [self.parts.reference(SubjectNumber(number)) for number in numbers],
            **fields,
        }
        return (await self.audit.append(AuditEntry("access.release", entry, release_id))).seq


@asynccontextmanager
async def open_rights(database: Database, keys: FileKeyRing, folder: Path) -> AsyncIterator[RightsHouse]:
    """Open a house in which Mariko (1) and Kenji (2) are known."""
    fakes = make_parts(requesters={"recommender": RECOMMENDER})
    people = PeopleRegistry(database, keys)
    audit = SqlAuditLog(database, keys, SystemClock(), folder / "heads")
    await audit.start()
    await people.register("customer_id", [MARIKO.value, KENJI.value])
    parts = replace(fakes.parts, people=people, audit=audit, keys=keys, clock=SystemClock())
    try:
        yield RightsHouse(fakes, parts, people, SqlSessions(database, keys), audit, database, keys)
    finally:
        await audit.close()

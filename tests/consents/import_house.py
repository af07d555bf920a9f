"""A house to import into: the real registry, ledger and import batches over one database, the rest fakes."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.consents.fakes import PURPOSES, FakeKeys, FakeNotices
from tests.fakes import FakeAuditLog, FakeClock

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database, migrate
from sekisho.adapters.records.import_batches import SqlImportBatches
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.consents.import_lines import ImportFormat
from sekisho.consents.importing import Importing
from sekisho.consents.parts import Parts
from sekisho.domain.terms import Catalogue, Requester

DESK = Requester("consent_desk", frozenset(), frozenset({"collection_point"}))
MARK = "Mariko-Sato-17850"
"""What no answer may hold."""
START = datetime(2020, 1, 1, tzinfo=UTC)


def said(person: str, purpose: str, event: str, day: int, **more: Any) -> dict[str, Any]:
    """Return one line: what *person* said about *purpose*, *day* days after :data:`START`."""
    at = (START + timedelta(days=day)).isoformat()
    line = {"data_subject": person, "purpose": purpose, "event": event, "method": "web_form", "occurred_at": at}
    if event in {"give", "renew", "confirm"}:
        line["notice_version"] = "1"
    return line | more


def ndjson(lines: Iterable[Mapping[str, Any] | str]) -> bytes:
    """Return *lines* as a file; a text stands as it is."""
    return b"".join((each if isinstance(each, str) else json.dumps(each)).encode() + b"\n" for each in lines)


@dataclass
class House:
    """What an import needs, and what it leaves."""

    database: Database
    people: PeopleRegistry
    ledger: SqlConsentLedger
    batches: SqlImportBatches
    notices: FakeNotices
    audit: FakeAuditLog
    parts: Parts

    @property
    def importing(self) -> Importing:
        """The use case, as after a start."""
        return Importing(self.parts, self.batches)

    async def run(self, content: bytes, **options: Any) -> dict[str, Any]:
        """Import *content* for the desk."""
        file_format = options.pop("file_format", ImportFormat.NDJSON)
        return await self.importing.run(options.pop("requester", DESK), io.BytesIO(content), file_format, **options)

    async def ledger_says(self) -> list[tuple[Any, ...]]:
        """Return every event but for what differs from run to run: ids, hashes, times of recording."""
        rows = await self.database.peek(
            "SELECT seq, number, purpose, cells, kind, method, actor, notice_version, occurred_at, said_at,"
            " counts_at, valid_until, facts, outcome, holds_until FROM consent_event ORDER BY seq"
        )
        return [tuple(row) for row in rows]

    async def states(self) -> list[tuple[Any, ...]]:
        """Return the projection."""
        return [tuple(row) for row in await self.database.peek("SELECT * FROM consent_state ORDER BY number, cell")]

    async def everything(self) -> list[list[tuple[Any, ...]]]:
        """Return every row that an import could write."""
        tables = ("consent_event", "consent_state", "data_subject", "data_subject_identifier", "import_batch")
        return [[tuple(row) for row in await self.database.peek(f"SELECT * FROM {name}")] for name in tables]


def open_house(url: str, keys: Any = None) -> House:
    """Return a house over the database at *url*, with the newest schema."""
    migrate(url)
    keys = keys or FakeKeys()
    database, clock = Database(url), SystemClock()
    people = PeopleRegistry(database, keys)
    ledger = SqlConsentLedger(database, PURPOSES, clock, keys)
    notices = FakeNotices(FakeClock(START - timedelta(days=1)))
    notices.show(*PURPOSES)
    audit = FakeAuditLog()
    parts = Parts(
        Catalogue({}, {}, PURPOSES, {}, {}, "r1"),
        people,
        ledger,
        notices,
        audit,
        keys,
        clock,
        rule_sets=("appi@2022-04", "gdpr@2018-05"),
        identifiers=frozenset({"customer_id", "email_sha256"}),
    )
    return House(database, people, ledger, SqlImportBatches(database, ledger), notices, audit, parts)


def without(line: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return *line* without the fields *names*."""
    return {name: value for name, value in line.items() if name not in names}

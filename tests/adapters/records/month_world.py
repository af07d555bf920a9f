"""Months of an audit log: what happened when is told by the test, and written by a real log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.monthly import SqlMonthlyRecords
from sekisho.domain.month import Month
from sekisho.domain.record import subject_ref
from sekisho.ports import AuditEntry
from sekisho.ports.reports import MonthRead
from tests.adapters.records.export_world import SetClock

TOKYO = ZoneInfo("Asia/Tokyo")
OCTOBER = Month.parse("2026-10", TOKYO)
EVERYTHING = 1 << 60
CELLS = {
    purpose: (f"{purpose}/data_category=purchase", f"{purpose}/data_category=behaviour")
    for purpose in ("recommendation", "targeted_advertising", "lifecycle_email")
}
Happening = tuple[datetime, AuditEntry]


def uuid7(at: datetime, number: int) -> str:
    """An id that says when it was drawn."""
    ms = int((at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))
    text = f"{ms:012x}7{number >> 62 & 0xFFF:03x}8{number & 0xFFF_FFFF_FFFF_FFFF:015x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def page(
    purpose: str,
    *,
    requester: str = "recommender",
    rows: int = 10,
    seq: int | None = None,
    parent: str | None = None,
    people: Iterable[int] = (),
    id: str | None = None,  # noqa: A002 - as the entry calls it
    **fields: object,
) -> AuditEntry:
    """A released page."""
    told: dict[str, object] = {
        "requester": requester,
        "purpose": purpose,
        "decision": "permit",
        "legal_basis": "consent" if seq is not None else "contract",
        "columns": {"pos.order_lines.customer_id": "pseudonym"},
        "datasets": ["pos.order_lines"],
        "policy": {"revision": "d56d5203209d853b"},
        "rows": rows,
        "subjects": [subject_ref(b"r" * 32, person) for person in people],
        **fields,
    }
    if seq is not None:
        told["consent"] = {"cells": [CELLS[purpose][0]], "read_at": seq, "seq": seq}
    if parent is not None:
        told["parent_id"] = parent
    return AuditEntry("access.release", told, id)


def provided(purpose: str, people: Iterable[int], name: str = "AdHouse K.K.", country: str = "JP") -> AuditEntry:
    """A page that left to a third party."""
    party = {"name": name, "address": "Tokyo", "representative": "A. Rep", "country": country, "keeping": "each"}
    return page(purpose, requester="ads", seq=0, people=people, recipient="third_party", provided_to=party)


def refused(code: str, purpose: str | None = "recommendation", *reasons: str) -> AuditEntry:
    """A request that was refused."""
    told = {"requester": "analyst", "decision": "deny", "code": code, "reasons": list(reasons)}
    return AuditEntry("access.deny", told if purpose is None else {**told, "purpose": purpose})


def withdrawal(purpose: str, seq: int, *, kind: str = "withdraw", repeated: bool = False) -> AuditEntry:
    """Somebody takes back a yes."""
    told = {"purpose": purpose, "cells": list(CELLS[purpose]), "consent_seq": seq, "repeated": repeated}
    return AuditEntry(f"consent.{kind}", told)


async def write(
    database: Database, keys: FileKeyRing, heads: Path, happenings: Sequence[Happening], *, close: bool = True
) -> None:
    """Write a log in which each entry of *happenings*, which are in order, has its time."""
    clock = SetClock(happenings[0][0] - timedelta(seconds=1) if happenings else datetime(2026, 10, 1, tzinfo=UTC))
    log = SqlAuditLog(database, keys, clock, heads, heartbeat_seconds=1_000_000, patience_seconds=60)
    await log.start()
    waiting: list[AuditEntry] = []
    for place, (at, entry) in enumerate(happenings):
        waiting.append(entry)
        if place + 1 == len(happenings) or happenings[place + 1][0] != at:
            clock.instant = at - timedelta(microseconds=1)
            await asyncio.gather(*map(log.append, waiting))
            waiting.clear()
    if close:
        await log.close()


def at(text: str) -> datetime:
    """An instant by the clocks of Tokyo."""
    return datetime.fromisoformat(text).replace(tzinfo=TOKYO).astimezone(UTC)


class World:
    """A database whose log holds what a test says, its tree, and what reads it."""

    def __init__(self, database: Database, keys: FileKeyRing, folder: Path) -> None:
        self.database, self.keys, self.heads = database, keys, folder / "heads"
        self.tree = AuditTree(database, keys, folder / "tree", self.heads)
        self.records = SqlMonthlyRecords(database, keys, self.tree, self.heads)

    async def write(self, *happenings: Happening, close: bool = True) -> None:
        """Write one more chain of the log."""
        await write(self.database, self.keys, self.heads, happenings, close=close)

    async def read(self, month: Month = OCTOBER, upto: int = EVERYTHING) -> MonthRead:
        """Read a month."""
        return await self.records.read(month, upto, lambda _done: None)


def in_hex(world: World, data: bytes) -> str:
    """Bytes as the database writes them in a statement."""
    return f"x'{data.hex()}'" if world.database.dialect == "sqlite" else f"'\\x{data.hex()}'::bytea"

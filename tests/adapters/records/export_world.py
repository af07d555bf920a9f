"""A log with records of every kind, odd texts and clocks that differ, to be exported."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
from sqlalchemy import select

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.tables import audit_record
from sekisho.domain.audit_export import EVENTS_FILES, ExportFormat
from sekisho.domain.record import subject_ref
from sekisho.ports import AuditEntry

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
FORMULAS = ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "＝1+1", "'=1")
REVISION = "d56d5203209d853b"


class SetClock(SystemClock):
    """A clock whose time a test sets; it goes on by a microsecond each time it is asked."""

    def __init__(self, instant: datetime = START) -> None:
        super().__init__()
        self.instant = instant

    def now(self) -> datetime:
        """Return the time."""
        self.instant += timedelta(microseconds=1)
        return self.instant


def release(number: int = 0, **fields: object) -> AuditEntry:
    """Return the entry of a released page."""
    return AuditEntry(
        "access.release",
        {
            "requester": "recommender",
            "purpose": "recommendation",
            "decision": "permit",
            "action": "query",
            "legal_basis": "consent",
            "datasets": ["pos.order_lines", "web.events"],
            "stores": ["pos", "web"],
            "columns": {"pos.order_lines.customer_id": "pseudonym", "pos.order_lines.country": "clear"},
            "consent": {"cells": ["recommendation/data_category=purchase"], "read_at": 7, "seq": 7},
            "policy": {"revision": REVISION},
            "query_fp": "249f3353c697327178d8d30ec242cda9c305e215e9eeb42a6328e722bb1ef860",
            "rows": 10 + number,
            "bytes": 4_096,
            "page": 0,
            "subjects": [subject_ref(b"r" * 32, n) for n in range(number % 4)],
            **fields,
        },
    )


def entries() -> list[AuditEntry]:
    """Return an entry of each kind that a service writes, and some with texts that programs stumble over."""
    plain: list[tuple[str, dict[str, object]]] = [
        (
            "access.deny",
            {"requester": "analyst", "decision": "deny", "code": "purpose_not_registered", "reasons": []},
        ),
        (
            "access.deny",
            {"requester": "analyst", "decision": "deny", "code": "access_denied", "reasons": ["r1", "r2"]},
        ),
        ("access.void", {"parent_id": "p", "requester": "recommender", "pages": [3], "reason": "recheck_too_old"}),
        ("consent.give", {"purpose": "newsletter", "consent_seq": 8, "method": "web_form", "repeated": False}),
        ("consent.withdraw", {"purpose": "newsletter", "consent_seq": 9, "method": "web_form", "repeated": False}),
        ("consent.import", {"batch": "b", "count": 80, "ids": "AAAA" * 200, "consent_seq": 99}),
        ("notice.publish", {"notice": "広告のお知らせ", "version": 2, "change": "major"}),
        ("purpose.publish", {"purpose": "newsletter", "version": 2}),
        ("policy.activate", {"revision": REVISION}),
        ("key.rotate", {"epoch": 2}),
        ("export.create", {"requester": "auditor", "format": "raw", "since": None, "until": None}),
        ("audit.search", {"requester": "auditor", "searched_by": ["purpose"]}),
        ("rights.request", {"right": "access"}),
        ("data_subject.erase", {"events": 3}),
        ("session.start", {}),
        ("auth.fail", {"code": "unauthenticated"}),
        ("stores.sync", {"store": "crm", "tables": 2}),
        ("something.new", {"view": "sales"}),
        ("access.deny", {"decision": "deny", "code": "pipe|back\\slash=equals", "requester": "a|b=c\\d"}),
    ]
    odd = [release(n, purpose=text, requester=text) for n, text in enumerate(FORMULAS)]
    return [*(release(n) for n in range(8)), *(AuditEntry(kind, fields) for kind, fields in plain), *odd]


@asynccontextmanager
async def opened_log(
    database: Database, keys: FileKeyRing, folder: Path, clock: SetClock
) -> AsyncIterator[SqlAuditLog]:
    """A started log."""
    log = SqlAuditLog(database, keys, clock, folder / "heads", heartbeat_seconds=3_600)
    await log.start()
    try:
        yield log
    finally:
        await log.close()


async def fill(log: SqlAuditLog, clock: SetClock, step: timedelta = timedelta(minutes=7)) -> None:
    """Write every entry, *step* after one another."""
    for entry in entries():
        clock.instant += step
        await log.append(entry)


async def stored(database: Database) -> list[bytes]:
    """Return the bytes of every record, in order."""
    statement = select(audit_record.c.record).order_by(audit_record.c.seq)
    return [bytes(each) for each in await database.read(lambda c: c.execute(statement).scalars().all())]


def seqs_in(folder: Path, form: ExportFormat) -> list[int]:
    """Return the sequences of the events of an export, as the form itself tells them."""
    path = folder / EVENTS_FILES[form]
    if form is ExportFormat.PARQUET:
        return [int(seq) for seq in pq.read_table(path)["seq"].to_pylist()]
    lines = path.read_text("utf-8").splitlines()
    if form is ExportFormat.CSV:
        return [int(row["seq"]) for row in csv.DictReader(lines)]
    if form is ExportFormat.CEF:
        return [int(line.split(" cn1=")[1].split(" ")[0]) for line in lines]
    events = map(json.loads, lines)
    return [event["metadata"]["sequence"] if form is ExportFormat.OCSF else event["seq"] for event in events]


def seqs_of(records: Sequence[bytes]) -> list[int]:
    """Return the sequences of records."""
    return [json.loads(record)["seq"] for record in records]

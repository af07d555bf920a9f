"""A restored past does not undo a refusal (promise 9)."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.gateway.site import Site, opened

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.terms import Cell, SubjectNumber
from sekisho.errors import ConsentUnavailable
from sekisho.ports import AuditEntry, ConsentEventInput
from sekisho.settings import load

PURPOSE = "micro_segmentation"
PROFILES = "SELECT customer_id, member_rank FROM crm.customers"
QUESTIONS = [
    ("marketer", PURPOSE, PROFILES),
    ("marketer", PURPOSE, "SELECT stock_code FROM pos.order_lines"),
    ("marketer", PURPOSE, "SELECT count(*) AS n FROM pos.order_lines"),
    ("recommender", "recommendation", "SELECT stock_code FROM pos.order_lines"),
    ("analyst", "ab_measurement", "SELECT event_type FROM app.events"),
]


def restore_ledger(own: Path, older: Path) -> None:
    """Put the consent tables of *own* back to what they were in *older*; the audit log stays."""
    with closing(sqlite3.connect(own)) as connection:
        connection.execute("ATTACH ? AS older", (str(older),))
        for table in ("consent_state", "consent_event"):
            connection.execute(f"DELETE FROM {table}")
            connection.execute(f"INSERT INTO {table} SELECT * FROM older.{table}")
        connection.execute(
            "UPDATE ledger_counter SET value = (SELECT value FROM older.ledger_counter WHERE name = 'consent') "
            "WHERE name = 'consent'"
        )
        connection.commit()


async def _withdrawn(folder: Path, tmp_path: Path, *, queried: bool) -> tuple[Path, int]:
    """Back the database up, withdraw one customer, release something (or not); return backup and customer."""
    own, backup = folder / "var" / "sekisho.db", tmp_path / "backup.db"
    async with opened(folder) as site:
        with closing(sqlite3.connect(own)) as source, closing(sqlite3.connect(backup)) as target:
            source.backup(target)
        her = site.agreeing(PURPOSE)[0]
        await site.withdraw(her, PURPOSE)
        if queried:
            assert (await site.post(*QUESTIONS[0])).status_code == 200
    return backup, her


async def _all_denied(site: Site) -> None:
    for question in QUESTIONS:
        response = await site.post(*question)
        assert (response.status_code, response.json()["code"]) == (503, "consent_unavailable"), question
    ready = await site.client.get("/health/ready")
    assert ready.status_code == 503
    assert ready.json()["checks"]["consent"] == "failed"


async def _does_not_open(folder: Path) -> None:
    with pytest.raises(ConsentUnavailable, match="older than what was already seen"):
        async with opened(folder):
            pass


@pytest.mark.parametrize("queried", [True, False], ids=["after a release", "after the withdrawal alone"])
async def test_a_ledger_older_than_the_log_denies_everything(folder: Path, tmp_path: Path, *, queried: bool) -> None:
    """The log has seen a sequence that the ledger does not reach: the workspace does not open for anybody."""
    backup, _ = await _withdrawn(folder, tmp_path, queried=queried)
    restore_ledger(folder / "var" / "sekisho.db", backup)
    await _does_not_open(folder)
    await _does_not_open(folder)


async def test_replaying_the_missing_events_opens_it_again(folder: Path, tmp_path: Path) -> None:
    """Withdrawn once more, the ledger is where it was, and answers without her."""
    backup, her = await _withdrawn(folder, tmp_path, queried=True)
    restore_ledger(folder / "var" / "sekisho.db", backup)
    await _does_not_open(folder)
    settings = load(folder)
    database = Database(settings.database_url)
    ledger = SqlConsentLedger(database, settings.catalogue.purposes, SystemClock())
    number = (
        await PeopleRegistry(database, FileKeyRing(settings.keys_folder)).numbers_of("customer_id", [str(her)])
    )[0]
    event = ConsentEventInput(
        SubjectNumber(int(number)), PURPOSE, (Cell(PURPOSE),), ConsentEventKind.WITHDRAW, "paper", "data_subject"
    )
    await ledger.record([event])
    await database.close()
    async with opened(folder) as site:
        rows = await site.rows("marketer", PURPOSE, PROFILES)
        people = site.customers_of("marketer", PURPOSE, [row["customer_id"] for row in rows])
        assert her not in people
        assert len(people) == len(site.agreeing(PURPOSE))


async def test_a_restore_under_a_running_process_is_seen(folder: Path, tmp_path: Path) -> None:
    """What this process has seen itself counts as well, before the log is asked."""
    own, backup = folder / "var" / "sekisho.db", tmp_path / "backup.db"
    async with opened(folder) as site:
        with closing(sqlite3.connect(own)) as source, closing(sqlite3.connect(backup)) as target:
            source.backup(target)
        her = site.agreeing(PURPOSE)[0]
        await site.withdraw(her, PURPOSE)
        assert her not in site.agreeing(PURPOSE)
        assert (await site.post(*QUESTIONS[0])).status_code == 200
        restore_ledger(own, backup)
        assert her in site.agreeing(PURPOSE)
        await _all_denied(site)


async def test_a_busy_or_idle_log_does_not_forget_the_ledger(folder: Path, tmp_path: Path) -> None:
    """A thousand records that name no sequence (refusals, or heartbeats of three hours) hide nothing."""
    backup, _ = await _withdrawn(folder, tmp_path, queried=True)
    refusal = AuditEntry("access.deny", {"requester": "marketer", "decision": "deny", "code": "unknown_column"})
    async with opened(folder) as site:
        await asyncio.gather(*(site.workspace.audit.append(refusal) for _ in range(1100)))
    restore_ledger(folder / "var" / "sekisho.db", backup)
    await _does_not_open(folder)

"""A restored past does not undo a refusal (promise 9)."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.gateway.site import Site, opened, read_sqlite

from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.terms import Cell
from sekisho.errors import ConsentUnavailable
from sekisho.ports import AuditEntry, ConsentEventInput

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
        for table in ("consent_state", "consent_cell", "data_subject_link", "consent_event"):
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


async def sekisho(*arguments: object) -> tuple[int, str]:
    """Run a command line as an operator does; return its exit code and all that it wrote."""
    done = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sekisho",
        *map(str, arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    written, _ = await done.communicate()
    assert done.returncode is not None
    return done.returncode, written.decode()


async def test_replaying_the_missing_events_opens_it_again(folder: Path, tmp_path: Path) -> None:
    """Replayed from the audit log, her withdrawal holds, the others are allowed again, and the ledger goes on."""
    backup, her = await _withdrawn(folder, tmp_path, queried=True)
    own = folder / "var" / "sekisho.db"
    before = read_sqlite(own, "SELECT * FROM consent_state ORDER BY number, cell")
    last = read_sqlite(own, "SELECT max(seq) FROM consent_event")[0][0]
    restore_ledger(own, backup)
    await _does_not_open(folder)
    code, told = await sekisho("consent", "replay", "-w", folder)
    assert (code, f"reaches sequence {last:,}" in told) == (0, True), told
    assert read_sqlite(own, "SELECT * FROM consent_state ORDER BY number, cell") == before
    async with opened(folder) as site:
        rows = await site.rows("marketer", PURPOSE, PROFILES)
        people = site.customers_of("marketer", PURPOSE, [row["customer_id"] for row in rows])
        assert her not in people
        assert len(people) == len(site.agreeing(PURPOSE)) > 0
        assert await site.withdraw(site.agreeing(PURPOSE)[0], PURPOSE) == last + 1
    code, told = await sekisho("consent", "verify", "-w", folder)
    assert (code, told[:3]) == (0, "ok:"), told
    code, told = await sekisho("audit", "verify", folder)
    assert code == 0, told


async def test_an_export_brings_back_what_the_database_lost(folder: Path, tmp_path: Path) -> None:
    """With the whole database restored, its own log knows nothing: an export of the newer one still does."""
    export, forged = tmp_path / "export", tmp_path / "forged"
    backup, her = await _withdrawn(folder, tmp_path, queried=True)
    own = folder / "var" / "sekisho.db"
    last = read_sqlite(own, "SELECT max(seq) FROM consent_event")[0][0]
    code, told = await sekisho("audit", "export", "--out", export, "-w", folder)
    assert code == 0, told
    for left in own.parent.glob("sekisho.db*"):
        left.unlink()
    shutil.copy(backup, own)
    await _does_not_open(folder)
    await _does_not_open(folder)
    shutil.copytree(export, forged)
    records = forged / "records.ndjson"
    records.write_bytes(records.read_bytes().replace(b'"kind":"consent.withdraw"', b'"kind":"consent.give"'))
    code, told = await sekisho("consent", "replay", forged, "-w", folder)
    assert (code, "audit_tampered" in told) == (1, True), told
    code, told = await sekisho("consent", "replay", export, "-w", folder)
    assert (code, f"reaches sequence {last:,}" in told) == (0, True), told
    async with opened(folder) as site:
        rows = await site.rows("marketer", PURPOSE, PROFILES)
        people = site.customers_of("marketer", PURPOSE, [row["customer_id"] for row in rows])
        assert her not in people
        assert len(people) == len(site.agreeing(PURPOSE)) > 0


async def test_a_damaged_note_of_the_highest_sequence_opens_nothing(folder: Path) -> None:
    """The file outside the database is read, or nothing opens; without it the log alone decides."""
    note = folder / "var" / "audit" / "consent.seq"
    async with opened(folder):
        pass
    assert (
        int(note.read_text())
        == read_sqlite(folder / "var" / "sekisho.db", "SELECT max(seq) FROM consent_event")[0][0]
    )
    note.write_text("many")
    with pytest.raises(ConsentUnavailable, match="beside the saved heads"):
        async with opened(folder):
            pass
    note.unlink()
    async with opened(folder):
        pass


async def test_a_missing_event_is_named_and_everything_stays_denied(folder: Path, tmp_path: Path) -> None:
    """The log has seen a sequence that no record tells of: nobody knows whose refusal that was."""
    backup, _ = await _withdrawn(folder, tmp_path, queried=False)
    own = folder / "var" / "sekisho.db"
    async with opened(folder) as site:
        number = site.number_of(site.agreeing(PURPOSE)[0])
        kind = ConsentEventKind.WITHDRAW
        event = ConsentEventInput(number, PURPOSE, (Cell(PURPOSE),), kind, "paper", "data_subject")
        (lost,) = await site.workspace.ledger.record([event])  # the process dies before it is audited
        assert (await site.post(*QUESTIONS[0])).status_code == 200
    restore_ledger(own, backup)
    code, told = await sekisho("consent", "replay", "-w", folder)
    assert (code, f"sequence {lost.seq} is in no audit record" in told) == (1, True), told
    await _does_not_open(folder)


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


async def test_a_state_forged_in_the_database_is_found(folder: Path) -> None:
    """Whoever writes a yes into the ledger's tables by hand is found by one command, which names nobody."""
    async with opened(folder) as site:
        her = site.agreeing(PURPOSE)[0]
        number = site.number_of(her)
        await site.withdraw(her, PURPOSE)
    with closing(sqlite3.connect(folder / "var" / "sekisho.db")) as connection:
        connection.execute(
            "UPDATE consent_state SET state = 'given' WHERE number = ? AND cell = ?", (number, PURPOSE)
        )
        connection.execute("UPDATE consent_event SET kind = 'give' WHERE seq = (SELECT max(seq) FROM consent_event)")
        connection.commit()
    code, told = await sekisho("consent", "verify", "-w", folder, "--json")
    found = json.loads(told)
    assert (code, found["ok"]) == (1, False)
    assert len(found["findings"]) == 1  # the projection follows from the forged event; its hash does not
    assert f"Sequence {found['events']} is not what was recorded" in found["findings"][0]
    assert str(her) not in told

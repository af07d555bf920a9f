"""The sequence of the ledger: no gap, order of commit, under writers that get in each other's way.

Beside it the two ways that do not hold: a sequence of the database, and a reader that goes by the horizon of
transaction ids.
"""

from __future__ import annotations

import asyncio
import threading
import time

import psycopg
import pytest
from sqlalchemy import make_url

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.terms import Cell, SubjectNumber
from tests.adapters.records.conftest import PURPOSES
from tests.adapters.records.test_ledger import event

MAIL = (Cell("lifecycle_email"),)


async def test_sequence_has_no_gap_and_is_the_order_of_commit(url, database, people, keys):
    """Writers on several connections and threads share one sequence, and a reader never sees a hole."""
    await people.register("customer_id", ["a", "b"])
    seen: list[list[int]] = []
    stop = threading.Event()

    def watch():
        watcher = Database(url)
        try:
            while not stop.is_set():
                rows = asyncio.run(watcher.peek("SELECT seq FROM consent_event ORDER BY seq"))
                seen.append([row[0] for row in rows])
                time.sleep(0.002)
        finally:
            watcher.dispose()

    def write():
        async def many():
            own = Database(url)
            ledger = SqlConsentLedger(own, PURPOSES, SystemClock(), keys)
            for turn in range(12):
                await ledger.record([event(1), event(1, kind=ConsentEventKind.WITHDRAW)])
                if turn % 4 == 0:
                    await ledger.link(SubjectNumber(1), SubjectNumber(2), "x")
            await own.close()

        asyncio.run(many())

    watching = threading.Thread(target=watch)
    writers = [threading.Thread(target=write) for _ in range(4)]
    watching.start()
    for thread in writers:
        thread.start()
    for thread in writers:
        await asyncio.to_thread(thread.join)
    stop.set()
    await asyncio.to_thread(watching.join)
    rows = await database.peek("SELECT seq, recorded_at FROM consent_event ORDER BY seq")
    assert len(rows) >= 4 * (24 + 3)
    assert [seq for seq, _ in rows] == list(range(1, len(rows) + 1))
    times = [at for _, at in rows]
    assert times == sorted(times)
    assert all(seqs == list(range(1, len(seqs) + 1)) for seqs in seen)


@pytest.fixture
def connect(url):
    """Opens connections of the driver to the same PostgreSQL database, past everything of ours."""
    if url.startswith("sqlite"):
        pytest.skip("SQLite has one writer at a time")
    opened = []

    def open_one():
        opened.append(psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(False)))
        return opened[-1]

    yield open_one
    for connection in opened:
        connection.close()


async def test_a_database_sequence_shows_a_later_number_first(connect):
    """Why not a SEQUENCE: numbers are given before commit, so a reader sees n + 1, goes on, and never sees n."""
    admin, slow, quick, reader = (connect() for _ in range(4))
    admin.execute("CREATE TABLE event_by_sequence (seq bigserial PRIMARY KEY)")
    admin.commit()
    slow.execute("INSERT INTO event_by_sequence DEFAULT VALUES")  # takes n, and is not yet committed
    quick.execute("INSERT INTO event_by_sequence DEFAULT VALUES")  # takes n + 1
    quick.commit()
    reader.autocommit = True
    after = "SELECT seq FROM event_by_sequence WHERE seq > %s ORDER BY seq"
    assert reader.execute(after, (0,)).fetchall() == [(2,)]
    slow.commit()
    assert reader.execute(after, (2,)).fetchall() == [], "the reader went on to 2, and 1 is lost to it"


async def test_numbers_of_the_ledger_wait_for_their_commit(connect, ledger, people):
    """With the counter row the later writer waits, so the earlier number is there first."""
    await people.register("customer_id", ["a"])
    slow = connect()
    slow.execute("UPDATE ledger_counter SET value = value WHERE name = 'consent'")
    writing = asyncio.create_task(ledger.record([event(1)]))
    await asyncio.sleep(0.1)
    assert not writing.done()
    assert await ledger.last_seq() == 0
    slow.rollback()
    assert (await writing)[0].seq == 1


async def test_a_transaction_horizon_hides_an_acknowledged_withdrawal(connect, ledger, people):
    """Why not xmin: one idle transaction anywhere holds the horizon back, and with it what was acknowledged."""
    await people.register("customer_id", ["a"])
    await ledger.record([event(1)])
    assert (await ledger.view(MAIL)).is_member(1)
    admin, idle, reader = (connect() for _ in range(3))
    admin.execute("CREATE TABLE event_by_horizon (id text, txid bigint DEFAULT txid_current())")
    admin.commit()
    idle.execute("SELECT txid_current()")  # somebody else's transaction, of whatever kind, left open
    admin.execute("INSERT INTO event_by_horizon VALUES ('withdraw')")
    admin.commit()  # the withdrawal is acknowledged here
    await ledger.record([event(1, kind=ConsentEventKind.WITHDRAW)])
    by_horizon = "SELECT id FROM event_by_horizon WHERE txid < txid_snapshot_xmin(txid_current_snapshot())"
    assert reader.execute(by_horizon).fetchall() == [], "hidden until the idle transaction ends"
    assert not (await ledger.view(MAIL)).is_member(1), "and ours sees it"
    idle.rollback()
    found: list[tuple[str, ...]] = []
    for _ in range(300):  # transactions of other databases on this server hold the horizon back as well
        reader.rollback()
        if found := reader.execute(by_horizon).fetchall():
            break
        await asyncio.sleep(0.1)
    assert found == [("withdraw",)]

"""The index: never behind an acknowledged withdrawal, by the database's clock, closed when in doubt."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import statistics
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.records.consent_view import MemberView, next_view, packed
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database, migrate
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.adapters.records.rounds import Rounds
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.terms import Cell
from sekisho.errors import ConsentUnavailable
from tests.adapters.records.conftest import PURPOSES
from tests.adapters.records.test_ledger import event

MAIL = (Cell("lifecycle_email"),)


class SlowDatabase(Database):
    """A database whose answers to the catch-up are read at once and arrive when told to."""

    held: asyncio.Event | None = None
    reads = 0

    @property
    def inline(self) -> bool:
        """Never, so that catch-ups go through rounds."""
        return False

    async def peek(self, sql, parameters=()):
        """Read now, answer when told to."""
        rows = await super().peek(sql, parameters)
        self.reads += 1
        if self.held is not None:
            await self.held.wait()
        return rows


async def members(ledger, cells=MAIL):
    return (await ledger.view(cells)).members().tolist()


async def test_an_acknowledged_withdrawal_is_seen_by_every_worker(url, database, people, ledger, keys):
    """After the acknowledgement no view of another worker, begun afterwards, has the person."""
    numbers = await people.register("customer_id", [f"c{i}" for i in range(20)])
    await ledger.record([event(int(number)) for number in numbers])
    other = Database(url)
    worker = SqlConsentLedger(other, PURPOSES, SystemClock(), keys)
    assert len(await members(worker)) == 20
    for gone, number in enumerate(numbers, start=1):
        views = [asyncio.create_task(worker.view(MAIL)) for _ in range(3)]  # under way meanwhile
        await ledger.record([event(int(number), kind=ConsentEventKind.WITHDRAW)])
        after = await asyncio.gather(*(worker.view(MAIL) for _ in range(3)))
        assert all(len(view.members()) == 20 - gone for view in after)
        assert not any(view.allowed(np.array([number]))[0] for view in after)
        await asyncio.gather(*views)
    await other.close()


async def test_a_catch_up_under_way_is_not_shared(tmp_path, keys):
    """Who comes after a withdrawal waits for a catch-up of its own, not for one that read before it."""
    url = f"sqlite:///{tmp_path}/own.db"
    migrate(url)
    slow, quick = SlowDatabase(url), Database(url)
    await PeopleRegistry(quick, keys).register("customer_id", ["a"])
    writer, worker = (SqlConsentLedger(base, PURPOSES, SystemClock(), keys) for base in (quick, slow))
    await writer.record([event(1)])
    assert await members(worker) == [1]
    slow.held = asyncio.Event()
    early = asyncio.create_task(worker.view(MAIL))
    await asyncio.sleep(0.02)  # its read is done, its answer is on the way
    await writer.record([event(1, kind=ConsentEventKind.WITHDRAW)])
    late = [asyncio.create_task(worker.view(MAIL)) for _ in range(5)]
    await asyncio.sleep(0.02)
    before = slow.reads
    slow.held.set()
    assert (await early).members().tolist() == [1]
    assert [(await view).members().tolist() for view in late] == [[]] * 5
    assert slow.reads - before <= 2, "those who wait together share one catch-up"
    await slow.close()
    await quick.close()


async def test_rounds_hand_on_failures_and_go_on():
    """A failed round fails those who shared it, and nobody else."""
    started = 0

    async def work():
        nonlocal started
        started += 1
        number = started
        await asyncio.sleep(0)
        if number == 1:
            raise ConsentUnavailable("no answer")

    rounds = Rounds(work)
    first = await asyncio.gather(rounds.join(), rounds.join(), return_exceptions=True)
    assert [type(outcome) for outcome in first] == [ConsentUnavailable] * 2
    await rounds.join()
    assert started == 2


async def test_expiry_is_by_the_databases_clock(tmp_path, keys):
    """A yes ends when the database says so, whatever this process thinks the time is; no event is needed."""
    url = f"sqlite:///{tmp_path}/own.db"
    migrate(url)
    database = Database(url)
    await database.peek("SELECT 1")
    at = [2_440_587.5]  # 1970-01-01 as a Julian day
    assert database._inline is not None
    database._inline.create_function("julianday", 1, lambda _: at[0])
    await PeopleRegistry(database, keys).register("customer_id", ["a", "b", "c", "d", "e"])
    writer, ledger = (SqlConsentLedger(database, PURPOSES, SystemClock(), keys) for _ in range(2))
    base = datetime(2090, 1, 1, tzinfo=UTC)
    await writer.record([event(1, until=base), event(2, until=base + timedelta(days=1)), event(3, until=base)])
    await ledger.start()
    await writer.record([event(3), event(4, until=base), event(5, until=base)])  # 3: without end now
    assert await members(ledger) == [1, 2, 3, 4, 5]
    await writer.record([event(5)])  # and so is 5
    version = (await ledger.view(MAIL)).version
    at[0] += (base.timestamp() - 0.001) / 86_400
    assert await members(ledger) == [1, 2, 3, 4, 5]
    at[0] = 2_440_587.5 + base.timestamp() / 86_400
    view = await ledger.view(MAIL)
    assert view.members().tolist() == [2, 3, 5]
    changed = view.changes_since(version)
    assert changed is not None
    assert dict(zip(changed[0].tolist(), changed[1].tolist(), strict=True)) == {1: False, 4: False}
    at[0] += 2
    assert await members(ledger) == [3, 5]
    await database.close()


async def test_expiry_on_every_database(ledger, people):
    """A yes that ends in a moment is gone a moment later."""
    await people.register("customer_id", ["a"])
    await ledger.record([event(1, until=datetime.fromtimestamp(time.time() + 0.4, UTC))])
    assert await members(ledger) == [1]
    await asyncio.sleep(0.5)
    assert await members(ledger) == []


async def test_legitimate_interest_is_active_until_objected(ledger, people):
    """Everybody known is a member from the start, also who was added later; nobody unknown is."""
    await people.register("customer_id", ["a", "b"])
    cells = (Cell("ab_measurement"),)
    assert await members(ledger, cells) == [1, 2]
    await ledger.record([event(1, "ab_measurement", ConsentEventKind.OBJECT)])
    version = (await ledger.view(cells)).version
    await people.register("customer_id", ["c"])
    view = await ledger.view(cells)
    assert view.members().tolist() == [2, 3]
    assert view.changes_since(version)[0].tolist() == [3]
    assert view.allowed(np.array([1, 2, 3, 4, 0, -1])).tolist() == [False, True, True, False, False, False]


async def test_unknown_and_negative_numbers_are_nobody(ledger, people):
    """Numbers outside the registry are never members, on an empty ledger neither."""
    strange = np.array([-1, 0, 1, 2**62, -(2**62)])
    assert not (await ledger.view(MAIL)).allowed(strange).any()
    await people.register("customer_id", ["a"])
    await ledger.record([event(1)])
    view = await ledger.view(MAIL)
    assert view.allowed(strange).tolist() == [False, False, True, False, False]
    assert view.allowed(np.empty(0, np.int64)).tolist() == []


async def test_what_nobody_was_asked_is_not_released(ledger):
    """No cell at all, an unknown one, or one of a contract: no view, never everybody."""
    for names in ((), ("nonsense",), ("customer_support",), ("lifecycle_email", "nonsense")):
        cells = tuple(Cell(name) for name in names)
        with pytest.raises(ConsentUnavailable):
            await ledger.view(cells)


async def test_a_view_never_changes(ledger, people):
    """What was read stays as it was read, while later views move on."""
    await people.register("customer_id", ["a", "b"])
    await ledger.record([event(1), event(2)])
    first = await ledger.view(MAIL)
    assert await ledger.view(MAIL) is first
    await ledger.record([event(1, kind=ConsentEventKind.WITHDRAW)])
    second = await ledger.view(MAIL)
    assert (first.members().tolist(), second.members().tolist()) == ([1, 2], [2])
    assert (first.seq, second.seq, second.version) == (2, 3, first.version + 1)
    await ledger.record([event(1, "ab_measurement")])
    third = await ledger.view(MAIL)
    assert (third.seq, third.version) == (4, second.version)


async def test_min_seq_is_waited_for_and_then_refused(ledger, people):
    """A reader who has seen a write never reads before it; a sequence that does not come is refused."""
    await people.register("customer_id", ["a"])
    waiting = asyncio.create_task(ledger.view(MAIL, min_seq=1))
    await asyncio.sleep(0.05)
    await ledger.record([event(1)])
    assert (await waiting).members().tolist() == [1]
    start = time.monotonic()
    with pytest.raises(ConsentUnavailable):
        await ledger.view(MAIL, min_seq=2)
    assert 0.9 < time.monotonic() - start < 3


async def test_many_new_events_are_read_in_pieces(ledger, people, database, keys):
    """A worker far behind catches up completely before it answers."""
    numbers = await people.register("customer_id", [f"c{i}" for i in range(5_500)])
    worker = SqlConsentLedger(database, PURPOSES, SystemClock(), keys)
    await worker.start()
    await ledger.record([event(int(number)) for number in numbers])
    view = await worker.view(MAIL)
    assert (view.seq, len(view.members())) == (5_500, 5_500)


@pytest.fixture
async def restored(tmp_path, keys):
    """A ledger whose database is put back to before a withdrawal, and what it takes to go on."""
    url = f"sqlite:///{tmp_path}/own.db"
    migrate(url)
    database = Database(url)
    await PeopleRegistry(database, keys).register("customer_id", ["a", "b"])
    ledger = SqlConsentLedger(database, PURPOSES, SystemClock(), keys)
    await ledger.record([event(1), event(2)])
    await database.close()
    shutil.copy(tmp_path / "own.db", tmp_path / "backup.db")
    database = Database(url)
    ledger = SqlConsentLedger(database, PURPOSES, SystemClock(), keys)
    await ledger.record([event(1, kind=ConsentEventKind.WITHDRAW)])
    assert await members(ledger) == [2]
    for file in tmp_path.glob("own.db*"):
        file.unlink()
    (tmp_path / "backup.db").rename(tmp_path / "own.db")
    yield ledger, SqlConsentLedger(database, PURPOSES, SystemClock(), keys)
    await database.close()


async def test_a_restored_older_ledger_denies_until_replayed(restored):
    """Below the sequence that was seen everything is denied; with the lost withdrawal back, it goes on."""
    ledger, writer = restored
    for _ in range(2):
        with pytest.raises(ConsentUnavailable, match="older"):
            await ledger.view(MAIL)
    await writer.record([event(1, kind=ConsentEventKind.WITHDRAW)])
    assert await members(ledger) == [2]


async def test_another_history_of_the_same_length_denies(restored):
    """A restored ledger that has grown again, but differently, is not taken for the one that was read."""
    ledger, writer = restored
    await writer.record([event(2, kind=ConsentEventKind.RENEW)])
    with pytest.raises(ConsentUnavailable, match="not the one"):
        await ledger.view(MAIL)
    await writer.record([event(1, kind=ConsentEventKind.WITHDRAW)])
    with pytest.raises(ConsentUnavailable, match="not the one"):
        await ledger.view(MAIL)


async def test_below_a_known_sequence_a_fresh_worker_denies(restored, keys):
    """A worker that starts after the restore knows the sequence from elsewhere: it denies, and records nothing."""
    _, fresh = restored
    fresh.raise_floor(3)
    with pytest.raises(ConsentUnavailable, match="older"):
        await fresh.start()
    with pytest.raises(ConsentUnavailable, match="older"):
        await fresh.record([event(1, kind=ConsentEventKind.WITHDRAW)])
    replaying = SqlConsentLedger(fresh._database, PURPOSES, SystemClock(), keys)
    await replaying.record([event(1, kind=ConsentEventKind.WITHDRAW)])
    assert await members(fresh) == [2]


async def test_a_gap_in_the_events_denies(tmp_path, keys):
    """An event that was removed from the ledger is noticed by who has not read it yet."""
    url = f"sqlite:///{tmp_path}/own.db"
    migrate(url)
    database = Database(url)
    await PeopleRegistry(database, keys).register("customer_id", ["a"])
    ledger, writer = (SqlConsentLedger(database, PURPOSES, SystemClock(), keys) for _ in range(2))
    await ledger.start()
    await writer.record([event(1, kind=ConsentEventKind.WITHDRAW), event(1)])
    with sqlite3.connect(tmp_path / "own.db") as raw:
        raw.execute("DELETE FROM consent_event WHERE seq = 1")
    raw.close()
    with pytest.raises(ConsentUnavailable, match="not the one"):
        await ledger.view(MAIL)
    await database.close()


@given(st.lists(st.lists(st.booleans(), max_size=6), min_size=1, max_size=12), st.integers(0, 11))
def test_changes_lead_from_any_version_to_the_present(states, begin):
    """Applying ``changes_since`` to the members of an older version gives the members of the newest."""
    views: list[MemberView] = []
    for flags in states:
        views.append(next_view(MAIL, 0, packed(np.array(flags, np.bool_)), views[-1] if views else None))
    old, new = views[min(begin, len(views) - 1)], views[-1]
    changes = new.changes_since(old.version)
    assert changes is not None
    have = set(old.members().tolist())
    for number, member in zip(*changes, strict=True):
        (have.add if member else have.discard)(int(number))
    assert have == set(new.members().tolist())
    assert (old.version == new.version) == (len(changes[0]) == 0 and old.version == new.version)
    assert new.changes_since(new.version + 1) is None
    assert new.changes_since(0) is None


@pytest.mark.slow
async def test_a_view_with_nothing_new_costs_microseconds(tmp_path, keys):
    """On SQLite a view of an unchanged ledger stays far below a tenth of a millisecond."""
    url = f"sqlite:///{tmp_path}/own.db"
    migrate(url)
    database = Database(url)
    numbers = await PeopleRegistry(database, keys).register("customer_id", [f"c{i}" for i in range(4_339)])
    ledger = SqlConsentLedger(database, PURPOSES, SystemClock(), keys)
    await ledger.record([event(int(number)) for number in numbers])
    times = []
    for _ in range(500):
        start = time.perf_counter()
        await ledger.view(MAIL)
        times.append(time.perf_counter() - start)
    assert statistics.median(times) < 100e-6  # 12 µs on a quiet machine
    await database.close()

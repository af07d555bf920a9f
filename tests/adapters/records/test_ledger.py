"""The consent ledger: sequence, projection, groups, import."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database, migrate
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.domain.consent import ConsentEventKind, ConsentState, is_in_force, state_after, state_at
from sekisho.errors import ConsentUnavailable, InvalidRequest
from sekisho.ports import ConsentEventInput
from tests.adapters.records.conftest import PURPOSES

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FAR_AWAY = datetime(2100, 1, 1, tzinfo=UTC)


def event(number, purpose="lifecycle_email", kind=ConsentEventKind.GIVE, *, cells=None, until=None, occurred=None):
    return ConsentEventInput(
        number=number,
        purpose=purpose,
        cells=PURPOSES[purpose].all_cells() if cells is None else cells,
        kind=kind,
        method="web_form",
        actor="data_subject",
        occurred_at=occurred,
        valid_until=until,
    )


ASKED = [purpose for purpose in PURPOSES.values() if purpose.name != "customer_support"]
EVENTS = st.builds(
    lambda number, choice, kind, until: event(number, choice[0], kind, cells=choice[1], until=until),
    st.integers(1, 4),
    st.sampled_from(
        [(purpose.name, cells) for purpose in ASKED for cells in {purpose.all_cells(), purpose.all_cells()[:1]}]
    ),
    st.sampled_from(list(ConsentEventKind)),
    st.sampled_from([None, LONG_AGO, FAR_AWAY]),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(EVENTS, max_size=6), max_size=8), late=st.integers(0, 8))
def test_projection_and_bits_are_the_fold_of_the_events(tmp_path_factory, batches, late):
    """Whatever happened, state by state and bit by bit: the newest event of a cell decides, expiry aside."""
    asyncio.run(_fold(tmp_path_factory.mktemp("fold"), batches, late))


async def _fold(folder, batches, late):
    url = f"sqlite:///{folder}/records.db"
    migrate(url)
    database = Database(url)
    people = PeopleRegistry(database, FileKeyRing.create(folder / "keys"))
    await people.register("customer_id", ["a", "b", "c", "d"])
    writer = SqlConsentLedger(database, PURPOSES, SystemClock())
    # One index follows event by event, another begins to read in the middle.
    follower, latecomer = (SqlConsentLedger(database, PURPOSES, SystemClock()) for _ in range(2))
    await follower.start()
    newest, seq = {}, 0
    for place, batch in enumerate(batches):
        if place == late:
            await latecomer.start()
        for done in await writer.record(batch):
            seq += 1
            assert done.seq == seq
        for item in batch:
            newest.update({(item.number, cell): item for cell in item.cells})
        for index in (follower, latecomer) if place >= late else (follower,):
            await _compare(index, writer, newest, seq)
    await database.close()


async def _compare(index, writer, newest, seq):
    now = datetime(2050, 1, 1, tzinfo=UTC)
    for purpose in ASKED:
        for cell in purpose.all_cells():
            view = await index.view((cell,))
            assert view.seq == seq
            for number in range(1, 5):
                read_at, records = await writer.records_of(number)
                assert read_at == seq
                item = newest.get((number, cell))
                assert (cell in records) == (item is not None)
                if item is not None:
                    assert records[cell].state is state_after(item.kind)
                expected = is_in_force(state_at(records.get(cell), purpose, now))
                assert (number in view.members().tolist()) == expected
        whole = await index.view(purpose.all_cells())
        parts = [set((await index.view((cell,))).members().tolist()) for cell in purpose.all_cells()]
        assert set(whole.members().tolist()) == set.intersection(*parts)


async def test_sequence_has_no_gap_and_is_the_order_of_commit(url, database, people):
    """Writers on several connections and threads share one sequence, and a reader never sees a hole."""
    await people.register("customer_id", ["a"])
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
            ledger = SqlConsentLedger(own, PURPOSES, SystemClock())
            for _ in range(12):
                await ledger.record([event(1), event(1, kind=ConsentEventKind.WITHDRAW)])
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
    assert [seq for seq, _ in rows] == list(range(1, 97))
    times = [at for _, at in rows]
    assert times == sorted(times)
    assert all(seqs == list(range(1, len(seqs) + 1)) for seqs in seen)


async def test_callers_that_wait_share_a_transaction_and_a_fault_is_its_callers(ledger, people, database):
    """Grouped writes: everybody gets own sequences; the one who named nobody fails alone."""
    await people.register("customer_id", ["a", "b"])
    outcomes = await asyncio.gather(
        *(ledger.record([event(number), event(number)]) for number in (1, 2, 99, 1)), return_exceptions=True
    )
    assert isinstance(outcomes[2], InvalidRequest)
    answers = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    seqs = [done.seq for answer in answers for done in answer]
    assert sorted(seqs) == [1, 2, 3, 4, 5, 6]
    assert await ledger.last_seq() == 6


async def test_all_or_none(ledger, people):
    """One faulty event undoes the whole call, and the sequence stays without a gap."""
    await people.register("customer_id", ["a"])
    with pytest.raises(InvalidRequest):
        await ledger.record([event(1), event(55)])
    assert await ledger.last_seq() == 0
    assert (await ledger.record([event(1)]))[0].seq == 1


async def test_a_refusal_is_always_taken_and_changes_nothing_twice(ledger, people):
    """From every state, withdrawing and refusing work, and again; each time it is an event of its own."""
    await people.register("customer_id", ["a"])
    for kind in ConsentEventKind:
        await ledger.record([event(1, kind=kind)])
        for no, state in (("withdraw", ConsentState.WITHDRAWN), ("refuse", ConsentState.REFUSED)):
            for _ in range(2):
                done = await ledger.record([event(1, kind=ConsentEventKind(no))])
                seq, records = await ledger.records_of(1)
                assert (seq, records["lifecycle_email"].state) == (done[0].seq, state)


async def test_recorded_at_is_the_databases_clock(ledger, people, database):
    """A caller's claim about time is kept beside, and does not order or date anything but a yes."""
    await people.register("customer_id", ["a"])
    done = await ledger.record([event(1, kind=ConsentEventKind.WITHDRAW, occurred=LONG_AGO)])
    (now,) = (await database.peek(f"SELECT {database.now_sql}"))[0]
    assert abs(done[0].recorded_at.timestamp() - now / 1e6) < 5
    assert (await ledger.records_of(1))[1]["lifecycle_email"].since == done[0].recorded_at


async def test_unreadable_events_are_refused(ledger, people):
    """No cell, a cell of another purpose, a time without zone: refused before anything is written."""
    await people.register("customer_id", ["a"])
    for wrong in (
        event(1, cells=()),
        event(1, cells=("ab_measurement",)),
        event(1, until=datetime(2100, 1, 1)),  # noqa: DTZ001
    ):
        with pytest.raises(InvalidRequest):
            await ledger.record([wrong])
    assert await ledger.record([]) == []


async def test_a_database_that_is_gone_is_consent_unavailable(ledger, people, database):
    """Nothing is acknowledged and nothing is read."""
    await people.register("customer_id", ["a"])
    await database.close()
    with pytest.raises(ConsentUnavailable):
        await ledger.record([event(1)])
    with pytest.raises(ConsentUnavailable):
        await ledger.records_of(1)


async def test_imported_history_never_overrides_a_later_no(ledger, people):
    """An old yes is left out where a no stands; what is newer, or a no, is taken, oldest first."""
    await people.register("customer_id", ["a", "b", "c"])
    await ledger.record([event(1, kind=ConsentEventKind.WITHDRAW)])
    result = await ledger.import_history(
        [
            event(3, kind=ConsentEventKind.WITHDRAW, occurred=LONG_AGO + timedelta(days=9)),
            event(3, occurred=LONG_AGO + timedelta(days=1)),
            event(1, occurred=LONG_AGO),
            event(2, occurred=LONG_AGO),
        ]
    )
    assert (result.recorded, result.left_out, result.last_seq) == (3, 1, 4)
    assert (await ledger.view(("lifecycle_email",))).members().tolist() == [2]
    assert (await ledger.records_of(2))[1]["lifecycle_email"].since == LONG_AGO


@pytest.mark.slow
async def test_a_demonstration_sized_history_loads_in_seconds(ledger, people):
    """Forty-five thousand events are in, and in the bits, within seconds."""
    numbers = await people.register("customer_id", [f"c{i}" for i in range(15_000)])
    events = [event(int(number), purpose.name) for purpose in ASKED for number in numbers]
    start = time.perf_counter()
    result = await ledger.import_history(events)
    view = await ledger.view(("lifecycle_email",))
    assert time.perf_counter() - start < 20  # 2 s on a quiet machine
    assert (result.recorded, len(view.members())) == (45_000, 15_000)

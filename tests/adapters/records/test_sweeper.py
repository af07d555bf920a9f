"""The sweeper writes down what readers knew already: that a yes has ended."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.records import sweeper
from sekisho.adapters.records.sweeper import ExpirySweeper
from sekisho.domain.consent import ActorType, ConsentEventKind, ConsentState, Provenance, state_at
from sekisho.errors import ConsentUnavailable
from sekisho.ports import ConsentEventInput
from tests.adapters.records.conftest import PURPOSES
from tests.adapters.records.consent_world import world

CLOCK = SystemClock()
HOUR = timedelta(hours=1)


def gave(number, until, purpose="recommendation", **more):
    kind = more.pop("kind", ConsentEventKind.GIVE)
    now = CLOCK.now()
    return ConsentEventInput(
        number, purpose, PURPOSES[purpose].all_cells(), kind, "paper", "desk", occurred_at=now - 9 * HOUR,
        valid_until=None if until is None else now + until * HOUR, historical=True, **more,
    )  # fmt: skip


@pytest.fixture
def sweep(database, keys, ledger):
    """Make a sweeper."""

    def make():
        return ExpirySweeper(database, PURPOSES, CLOCK, keys, ledger.start)

    return make


async def _states(ledger, number):
    _, records = await ledger.records_of(number)
    return {cell: state_at(record, PURPOSES[cell.split("/")[0]], CLOCK.now()) for cell, record in records.items()}


async def _members(ledger, purpose):
    return [(await ledger.view((cell,))).members().tolist() for cell in PURPOSES[purpose].all_cells()]


async def test_readers_see_the_same_before_and_after(ledger, people, sweep):
    """Ended, lasting, unlimited, renewed, withdrawn, in its first second as an adult: nobody reads otherwise."""
    ended, lasting, unlimited, withdrawn = (await world(ledger, people, CLOCK)).people
    grown, renewed, *_ = (await world(ledger, people, CLOCK)).people
    of_age = Provenance(of_age_at=CLOCK.now() - HOUR)
    await ledger.record(
        [
            gave(ended, -1),
            gave(lasting, +1),
            gave(unlimited, None),
            gave(withdrawn, -1),
            gave(withdrawn, None, kind=ConsentEventKind.WITHDRAW),
            gave(grown, None, provenance=of_age),
            gave(renewed, -1),
            gave(renewed, +1, kind=ConsentEventKind.RENEW),
            gave(ended, -2, "ab_measurement"),
        ]
    )
    everybody = (ended, lasting, unlimited, withdrawn, grown, renewed)
    before = [await _states(ledger, number) for number in everybody]
    members = [await _members(ledger, name) for name in ("recommendation", "ab_measurement")]
    seq = await ledger.last_seq()
    assert await sweep().sweep() == 2
    assert [await _states(ledger, number) for number in everybody] == before
    assert [await _members(ledger, name) for name in ("recommendation", "ab_measurement")] == members
    assert set(before[0].values()) == {ConsentState.EXPIRED}
    written = await ledger.changes(seq, 10)
    assert [(event.number, event.kind.value, event.actor) for event in written] == [(ended, "expire", "system")] * 2
    assert {cell for event in written for cell in event.cells} == set(before[0])
    assert written[0].provenance.actor_type is ActorType.SYSTEM
    assert await sweep().sweep() == 0


async def test_two_sweepers_at_once_write_each_end_once(ledger, people, sweep, monkeypatch):
    """Whoever comes second finds the work done."""
    monkeypatch.setattr(sweeper, "_PEOPLE", 3)
    monkeypatch.setattr(sweeper, "_EVENTS", 2)
    numbers = [number for _ in range(3) for number in (await world(ledger, people, CLOCK)).people]
    await ledger.record([gave(number, -1) for number in numbers])
    seq = await ledger.last_seq()
    counts = await asyncio.gather(*(sweep().sweep() for _ in range(4)))
    written = await ledger.changes(seq, 1_000)
    cells = [(event.number, cell) for event in written for cell in event.cells]
    assert len(cells) == len(set(cells)) == 2 * len(numbers)
    assert sum(counts) == len(written)


async def test_a_ledger_that_is_too_old_is_not_written_to(ledger, people, sweep):
    """An event of the sweeper would take a sequence that a missing event had."""
    await ledger.record([gave((await world(ledger, people, CLOCK)).people[0], -1)])
    ledger.raise_floor(5)
    with pytest.raises(ConsentUnavailable, match="older"):
        await sweep().sweep()
    assert await ledger.last_seq() == 1


async def test_it_goes_on_after_a_failure(ledger, people, sweep, monkeypatch):
    """A database that was away once is asked again at the next interval."""
    await ledger.record([gave((await world(ledger, people, CLOCK)).people[0], -1)])
    one = sweep()
    real, done, tries = one.sweep, asyncio.Event(), []

    async def away_once():
        tries.append(1)
        if len(tries) == 1:
            raise ConsentUnavailable("away")
        await real()
        done.set()

    monkeypatch.setattr(one, "sweep", away_once)
    running = asyncio.create_task(one.run(0))
    await asyncio.wait({running, waiting := asyncio.create_task(done.wait())}, return_when="FIRST_COMPLETED")
    assert waiting.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await ledger.last_seq() == 2

"""What was released in a window of time is counted over all workers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from sekisho.adapters.records.database import Database
from sekisho.adapters.records.usage import SqlMeter
from sekisho.domain.obligations import Allowance
from sekisho.errors import PolicyUnavailable
from tests.fakes import FakeClock

HOURLY = Allowance(100, 3600)


def clock() -> FakeClock:
    return FakeClock(datetime(2026, 11, 2, 12, 0, tzinfo=UTC))


async def test_an_allowance_is_taken_until_nothing_is_left(database):
    """What is more than is left is not taken at all, and what fits still is."""
    meter = SqlMeter(database, clock())
    took = [await meter.take("a/p", "rows", n, HOURLY) for n in (60, 50, 40, 1, 101)]
    assert took == [True, False, True, False, False]


async def test_accounts_kinds_and_windows_are_counted_apart(database):
    """Another requester or purpose, another thing that is counted, another length of window: each has its own."""
    meter = SqlMeter(database, clock())
    assert await meter.take("a/p", "rows", 100, HOURLY)
    assert await meter.take("a/q", "rows", 100, HOURLY)
    assert await meter.take("a/p", "answers", 100, HOURLY)
    assert await meter.take("a/p", "rows", 100, Allowance(100, 60))
    assert not await meter.take("a/p", "rows", 1, HOURLY)


async def test_a_new_window_begins_with_nothing_taken(database):
    """At the turn of the window, not an hour after the first taking."""
    time = clock()
    meter = SqlMeter(database, time)
    time.advance(3599)
    assert await meter.take("a/p", "rows", 100, HOURLY)
    time.advance(1)
    assert await meter.take("a/p", "rows", 100, HOURLY)
    assert not await meter.take("a/p", "rows", 1, HOURLY)


async def test_a_clock_that_is_behind_opens_no_older_window(database):
    """A worker whose clock is behind counts in the window that the others have opened."""
    ahead, behind = clock(), clock()
    ahead.advance(3600)
    assert await SqlMeter(database, ahead).take("a/p", "rows", 90, HOURLY)
    assert not await SqlMeter(database, behind).take("a/p", "rows", 20, HOURLY)
    assert await SqlMeter(database, behind).take("a/p", "rows", 10, HOURLY)


async def test_many_at_once_never_take_more_than_there_is(url):
    """Two workers that take at the same time get together what is allowed, and not one more."""
    workers = [Database(url), Database(url)]
    meters = [SqlMeter(each, clock()) for each in workers]
    took = await asyncio.gather(*(meters[n % 2].take("a/p", "rows", 7, HOURLY) for n in range(40)))
    for each in workers:
        await each.close()
    assert sum(took) == 14


async def test_what_cannot_be_counted_is_not_released(empty_url):
    """Without the table there is no count, and without a count no answer."""
    lost = Database(empty_url)
    with pytest.raises(PolicyUnavailable):
        await SqlMeter(lost, clock()).take("a/p", "rows", 1, HOURLY)
    await lost.close()

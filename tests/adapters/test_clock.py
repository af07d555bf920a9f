"""The real clock."""

from __future__ import annotations

import os
import threading
import time
import uuid
from datetime import UTC, datetime, timedelta

from sekisho.adapters.clock import SystemClock
from sekisho.ports import Clock


def test_time_is_utc_and_moves():
    """The clock gives the current instant with its zone, and seconds that never go back."""
    clock: Clock = SystemClock()
    first = clock.monotonic()

    assert clock.now().tzinfo is UTC
    assert abs(clock.now() - datetime.fromtimestamp(time.time(), UTC)) < timedelta(seconds=5)
    assert clock.monotonic() >= first


def test_ids_are_uuid7_of_now():
    """An id is a version 7 UUID of the RFC variant that begins with the current millisecond."""
    before = time.time_ns() // 1_000_000
    value = uuid.UUID(SystemClock().new_id())

    assert (value.version, value.variant) == (7, uuid.RFC_4122)
    assert before <= value.int >> 80 <= before + 5_000


def test_ids_ascend_within_a_millisecond(monkeypatch):
    """Ids drawn in one millisecond differ and order as they were drawn, with the version kept."""
    monkeypatch.setattr(time, "time_ns", lambda: 1_770_000_000_000_000_000)
    clock = SystemClock()
    ids = [clock.new_id() for _ in range(2_000)]

    assert ids == sorted(set(ids))
    assert {i >> 80 for i in (uuid.UUID(text).int for text in ids)} == {1_770_000_000_000}


def test_ids_drawn_together_are_ids(monkeypatch):
    """Many at once are as many as asked for, ascend among those drawn before and after, and have their version."""
    monkeypatch.setattr(time, "time_ns", lambda: 1_770_000_000_000_000_000)
    clock = SystemClock()
    ids = [clock.new_id(), *clock.new_ids(2_000), *clock.new_ids(0), clock.new_id()]

    assert ids == sorted(set(ids))
    assert len(ids) == 2_002
    assert {(each.version, each.variant, str(each) == text) for text in ids for each in [uuid.UUID(text)]} == {
        (7, uuid.RFC_4122, True)
    }


def test_ids_ascend_when_the_clock_is_set_back(monkeypatch):
    """A clock that was set back by an hour still gives ascending ids."""
    clock = SystemClock()
    first = clock.new_id()
    earlier = time.time_ns() - 3_600_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: earlier)

    assert clock.new_id() > first


def test_full_counter_moves_to_the_next_millisecond():
    """When a millisecond has no ids left, the next one is used, never the same id twice."""
    clock = SystemClock()
    clock.new_id()
    clock._millisecond += 1_000_000
    clock._counter = (1 << 74) - 1
    millisecond = clock._millisecond

    assert uuid.UUID(clock.new_id()).int >> 80 == millisecond + 1


def test_a_forked_process_draws_other_ids(monkeypatch):
    """Random bytes that were drawn ahead are forgotten where a process is forked: parent and child never agree."""
    monkeypatch.setattr(time, "time_ns", lambda: 1_770_000_000_000_000_000)
    clock = SystemClock()
    clock.new_id()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, clock.new_id().encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        theirs = told.read()
    os.waitpid(child, 0)

    assert len(theirs) == 36
    assert theirs != clock.new_id()


def test_ids_of_threads_differ():
    """Threads that share a clock never draw the same id."""
    clock = SystemClock()
    drawn: list[str] = []
    threads = [threading.Thread(target=lambda: drawn.extend(clock.new_id() for _ in range(500))) for _ in "1234"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(drawn)) == 2_000


def test_ids_ascend_where_the_counter_carries(monkeypatch):
    """Where the lower part of the counter overflows, and where the whole of it does, ids still ascend."""
    monkeypatch.setattr(time, "time_ns", lambda: 1_770_000_000_000_000_000)
    for full in (1 << 62, 7 << 62, 1 << 74):
        clock = SystemClock()
        ids = clock.new_ids(1)
        clock._counter = full - (1 << 45)
        ids += [*clock.new_ids(500), clock.new_id(), *clock.new_ids(500)]
        assert ids[1:] == sorted(set(ids[1:]))
        assert {(uuid.UUID(text).version, uuid.UUID(text).variant) for text in ids} == {(7, uuid.RFC_4122)}

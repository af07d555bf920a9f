"""Work that callers share: who is let in, who hears of what, and that nobody is left waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest
from sqlalchemy import text

from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.grouped import Grouped, GroupedReads, Take
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.terms import Cell, SubjectNumber
from sekisho.errors import ConsentUnavailable
from sekisho.ports import ConsentEventInput, DataSubjectRef


class Slow:
    """Reads how often each key was written, and answers when it is let."""

    def __init__(self) -> None:
        self.written: dict[str, int] = {}
        self.reads: list[list[str]] = []
        self.let = asyncio.Event()

    async def read(self, keys: Sequence[str]) -> dict[str, int]:
        """Read at once, answer later: as a database does."""
        self.reads.append(list(keys))
        found = {key: self.written.get(key, 0) for key in keys}
        await self.let.wait()
        return found


async def begun() -> None:
    """Let every task that can run come to where it waits."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_read_takes_in_nobody_who_came_after_it_was_sent() -> None:
    """What was acknowledged before a call is seen by it, also while an older read of the same key is under way."""
    slow = Slow()
    reads: GroupedReads[str, int] = GroupedReads(slow.read, inline=False)
    before = asyncio.create_task(reads.of("a"))
    await begun()
    slow.written["a"] = 1
    after = asyncio.create_task(reads.of("a"))
    await begun()
    slow.let.set()
    assert [await before, await after] == [0, 1]


async def test_who_waits_at_the_same_time_shares_one_read() -> None:
    """Callers of one moment are one read, each key once; those who come meanwhile are one more."""
    slow = Slow()
    reads: GroupedReads[str, int] = GroupedReads(slow.read, inline=False)
    first = [asyncio.create_task(reads.of(key)) for key in ("a", "b", "a")]
    await begun()
    second = [asyncio.create_task(reads.of(key)) for key in ("c", "a")]
    await begun()
    assert slow.reads == [["a", "b"]]
    slow.let.set()
    await asyncio.gather(*first, *second)
    assert slow.reads == [["a", "b"], ["c", "a"]]


async def test_an_inline_read_is_never_shared() -> None:
    """A read that does not give up the event loop is done for its caller alone, in place."""
    slow = Slow()
    slow.let.set()
    reads: GroupedReads[str, int] = GroupedReads(slow.read, inline=True)
    await asyncio.gather(reads.of("a"), reads.of("a"))
    assert slow.reads == [["a"], ["a"]]


async def test_a_caller_who_leaves_takes_nobody_along() -> None:
    """A cancelled caller is forgotten; whoever shares the read gets the answer."""
    slow = Slow()
    reads: GroupedReads[str, int] = GroupedReads(slow.read, inline=False)
    leaving, staying = (asyncio.create_task(reads.of("a")) for _ in range(2))
    await begun()
    leaving.cancel()
    slow.let.set()
    assert await staying == 0
    assert await reads.of("a") == 0


async def test_a_failure_is_told_to_those_who_shared_it_and_to_nobody_else() -> None:
    """A read that fails fails for its group; the next one is tried."""
    failing = True

    async def read(keys: Sequence[str]) -> dict[str, int]:
        if failing:
            raise ConsentUnavailable("no answer")
        return dict.fromkeys(keys, 1)

    reads: GroupedReads[str, int] = GroupedReads(read, inline=False)
    outcomes = await asyncio.gather(reads.of("a"), reads.of("b"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConsentUnavailable] * 2
    failing = False
    assert await reads.of("a") == 1


async def test_the_next_group_takes_whoever_came_until_it_takes() -> None:
    """With overlap a group begins while one is worked on, and is made of all who came until it has the lock."""
    lock, groups = asyncio.Lock(), []
    let, started = asyncio.Event(), []

    async def work(take: Take[int]) -> list[list[int]]:
        started.append(True)
        async with lock:
            batches = take()
            groups.append([item for batch in batches for item in batch])
            await let.wait()
            return [[item * 10 for item in batch] for batch in batches]

    grouped: Grouped[int, int] = Grouped(work, 1_000, overlap=True)
    callers = []
    for number in range(4):
        callers.append(asyncio.create_task(grouped.join([number])))
        await begun()
    assert (len(started), groups) == (2, [[0]])
    let.set()
    assert await asyncio.gather(*callers) == [[0], [10], [20], [30]]
    assert groups == [[0], [1, 2, 3]]


@pytest.mark.parametrize("overlap", [False, True], ids=["alone", "overlapping"])
async def test_a_full_group_leaves_the_rest_to_the_next(overlap: bool) -> None:
    """From its size on a group takes no further batch; nobody is left behind, a large batch goes alone."""
    groups = []

    async def work(take: Take[int]) -> list[list[int]]:
        await asyncio.sleep(0)
        batches = take()
        groups.append([len(batch) for batch in batches])
        return [list(batch) for batch in batches]

    grouped: Grouped[int, int] = Grouped(work, 3, overlap=overlap)
    sizes = [1, 2, 5, 1, 1]
    answers = await asyncio.gather(*(grouped.join([0] * size) for size in sizes))
    assert [len(answer) for answer in answers] == sizes
    assert groups == [[1, 2], [5], [1, 1]]


@pytest.mark.parametrize("overlap", [False, True], ids=["alone", "overlapping"])
async def test_one_at_fault_is_alone_in_it(overlap: bool) -> None:
    """What is wrong with one batch is told to its caller; the others are worked on one by one."""

    async def work(take: Take[int]) -> list[list[int]]:
        batches = take()
        if any(item < 0 for batch in batches for item in batch):
            raise ValueError("negative")
        return [list(batch) for batch in batches]

    grouped: Grouped[int, int] = Grouped(work, 1_000, overlap=overlap)
    outcomes = await asyncio.gather(*(grouped.join([item]) for item in (1, -1, 2)), return_exceptions=True)
    assert [outcomes[0], type(outcomes[1]), outcomes[2]] == [[1], ValueError, [2]]


async def test_work_that_fails_before_it_takes_fails_for_who_waits() -> None:
    """A database that is gone is told to everybody who waits, and what it does too late writes nothing."""
    late: list[Take[int]] = []

    async def work(take: Take[int]) -> list[list[int]]:
        late.append(take)
        raise ConsentUnavailable("gone")

    grouped: Grouped[int, int] = Grouped(work, 1_000, overlap=True)
    outcomes = await asyncio.gather(grouped.join([1]), grouped.join([2]), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConsentUnavailable] * 2
    waiting = asyncio.create_task(grouped.join([3]))
    await asyncio.sleep(0)
    assert late[0]() == []
    with pytest.raises(ConsentUnavailable):
        await waiting


async def test_events_that_come_while_the_ledger_is_held_are_one_transaction(
    database: Database, ledger: SqlConsentLedger, people: PeopleRegistry
) -> None:
    """While somebody else holds the ledger's lock, all that comes is written at once as soon as it is free."""
    await people.register("customer_id", [str(number) for number in range(20)])
    held, release = threading.Event(), threading.Event()

    def hold(connection):
        connection.execute(text("UPDATE ledger_counter SET value = value WHERE name = 'consent'"))
        held.set()
        release.wait(10)

    holding = asyncio.create_task(database.run(hold))
    await asyncio.to_thread(held.wait, 10)
    cell = (Cell("lifecycle_email"),)
    writing = []
    for number in range(1, 21):
        event = ConsentEventInput(
            SubjectNumber(number), "lifecycle_email", cell, ConsentEventKind.GIVE, "api", "data_subject"
        )
        writing.append(asyncio.create_task(ledger.record([event])))
        await begun()
    release.set()
    recorded = [event for (event,) in await asyncio.gather(*writing)]
    await holding
    assert [event.seq for event in recorded] == list(range(1, 21))
    assert len({event.recorded_at for event in recorded}) == 1


async def test_people_and_records_are_found_for_many_callers(
    ledger: SqlConsentLedger, people: PeopleRegistry
) -> None:
    """Every caller gets its own person and its own records, known or not, whoever asked at the same time."""
    numbers = await people.register("customer_id", ["a", "b", "c"])
    cell = Cell("lifecycle_email")
    events = [
        ConsentEventInput(SubjectNumber(int(number)), "lifecycle_email", (cell,), kind, "api", "data_subject")
        for number, kind in zip(numbers, (ConsentEventKind.GIVE, ConsentEventKind.WITHDRAW), strict=False)
    ]
    await ledger.record(events)
    refs = [DataSubjectRef("customer_id", value) for value in ("b", "nobody", "a", "c", "b")]
    assert await asyncio.gather(*(people.number_of(ref) for ref in refs)) == [2, None, 1, 3, 2]
    found = await asyncio.gather(*(ledger.records_of(SubjectNumber(number)) for number in (3, 1, 2, 1)))
    assert [seq for seq, _ in found] == [2] * 4
    assert [records[cell].state if records else None for _, records in found] == [None, "given", "withdrawn", "given"]
    await ledger.link(SubjectNumber(1), SubjectNumber(3), "requester:desk")
    assert await asyncio.gather(*(ledger.linked(SubjectNumber(number)) for number in (1, 2, 3))) == [
        (1, 3), (2,), (1, 3)
    ]  # fmt: skip

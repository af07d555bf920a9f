"""The feed is the ledger in order: whole for who sees all, and of others nothing but their own."""

# ruff: noqa: PLC0414 - the fixture is handed over by name

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.consents.fakes import make_parts
from tests.consents.feed_world import AUDITOR, DESK, MAILER, NOBODY, OFFICER, RECOMMENDER, World, make_world
from tests.consents.feed_world import world as world

from sekisho.consents.feed import MAX_STREAMS, may_follow
from sekisho.consents.watch import Watch
from sekisho.domain.consent import ConsentEventKind, Provenance
from sekisho.domain.terms import Cell, SubjectNumber
from sekisho.errors import AccessDenied, ConsentUnavailable, RateLimited
from sekisho.pseudonymity import Pseudonymity

KINDS = st.sampled_from(
    [ConsentEventKind.GIVE, ConsentEventKind.WITHDRAW, ConsentEventKind.REFUSE, ConsentEventKind.DEFER]
)
STEPS = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from(["recommendation", "lifecycle_email", "ab_measurement"]), KINDS),
    max_size=25,
)


# -- order, gaps, resuming -------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(steps=STEPS, limit=st.integers(1, 7), data=st.data())
async def test_the_feed_can_be_left_and_taken_up_anywhere(steps, limit: int, data: st.DataObject) -> None:
    """From any sequence and by pages of any size, a reader of everything gets each event once, without a gap."""
    world = await make_world()
    for number, purpose, kind in steps:
        await world.say(number, purpose, kind)
    start = data.draw(st.integers(0, len(steps)))
    seqs, position = [], start
    while (page := await world.feed.page(OFFICER, position, limit)).items:
        assert len(page.items) <= limit
        seqs += [item["seq"] for item in page.items]
        position = page.next_after_seq
        assert position == seqs[-1]
    assert seqs == list(range(start + 1, len(steps) + 1))
    assert position == len(steps)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS, others=STEPS, limit=st.integers(1, 7))
async def test_a_reader_of_one_purpose_learns_nothing_of_the_others(steps, others, limit: int) -> None:
    """Whatever people decide about other purposes, a service reads the same; and it comes to the end of it."""
    told = []
    for mixed in (False, True):
        world = await make_world()
        rest = iter(others if mixed else [])
        for number, purpose, kind in steps:
            if purpose == "lifecycle_email":
                await world.say(number, purpose, kind)
            for n, _, k in rest:
                await world.say(n, "recommendation", k)
                break
        position, items = 0, []
        while (page := await world.feed.page(MAILER, position, limit)).next_after_seq != position:
            items += page.items
            position = page.next_after_seq
        assert position == len(world.fakes.ledger.events)
        told.append([{k: v for k, v in item.items() if k not in {"seq", "id"}} for item in items])
    assert told[0] == told[1]
    assert all(item["purpose"] == "lifecycle_email" for item in told[0])


async def test_a_service_reads_no_links_but_who_is_asked_again(world: World) -> None:
    """What concerns linking is not a service's, a notice of its own purpose is; who sees all reads everything."""
    await world.say(1, "lifecycle_email", ConsentEventKind.GIVE)
    await world.fakes.ledger.link(SubjectNumber(1), SubjectNumber(2), "officer")
    await world.fakes.ledger.publish({"lifecycle_email": (Cell("lifecycle_email"),)}, "officer", Provenance())
    page = await world.feed.page(MAILER, 0, 100)
    assert [item["event"] for item in page.items] == ["give", "publish"]
    assert page.next_after_seq == 3
    page = await world.feed.page(OFFICER, 0, 100)
    assert [(item["event"], item["data_subject"]) for item in page.items] == [
        ("give", "customer_id:12347"),
        ("link", "customer_id:12347"),
        ("publish", None),
    ]


async def test_people_are_named_as_the_reader_may_know_them(world: World) -> None:
    """Who sees all gets an identifier, none for who is forgotten; a service its own pseudonym, which it can use."""
    for number in (1, 2, 1):
        await world.say(number, "lifecycle_email", ConsentEventKind.GIVE)
    await world.fakes.people.erase(SubjectNumber(2))
    page = await world.feed.page(DESK, 0, 100)
    assert [item["data_subject"] for item in page.items] == ["customer_id:12347", None, "customer_id:12347"]
    page = await world.feed.page(MAILER, 0, 100)
    names = [str(item["data_subject"]) for item in page.items]
    assert names[0] == names[2] != names[1]
    assert all(name.startswith("pseudonym:") for name in names)
    value = names[0].removeprefix("pseudonym:")
    assert world.pseudonymity.number_of(MAILER, "lifecycle_email", value) == 1
    assert world.pseudonymity.number_of(RECOMMENDER, "lifecycle_email", value) is None
    assert world.pseudonymity.number_of(MAILER, "recommendation", value) is None


async def test_the_scope_of_an_event_is_told(world: World) -> None:
    """An event about one cell of several says which; one about all of them has no scope."""
    await world.say(1, "recommendation", ConsentEventKind.GIVE)
    await world.say(1, "recommendation", ConsentEventKind.WITHDRAW, (Cell("recommendation/data_category=behaviour"),))
    await world.say(1, "lifecycle_email", ConsentEventKind.GIVE)
    items = (await world.feed.page(DESK, 0, 100)).items
    assert [item.get("scope") for item in items] == [None, {"data_category": "behaviour"}, None]
    assert items[1]["cells"] == ["recommendation/data_category=behaviour"]
    assert items[0]["recorded_at"] == "2026-11-21T00:00:00.000000Z"


async def test_auditors_and_services_without_a_purpose_read_no_feed(world: World) -> None:
    """The feed is for who acts on it; the log is for auditors."""
    for requester in (AUDITOR, NOBODY):
        assert not may_follow(requester)
        with pytest.raises(AccessDenied):
            await world.feed.page(requester, 0, 10)
    both = replace(AUDITOR, roles=frozenset({"auditor", "privacy_officer"}))
    assert may_follow(both)


async def test_a_ledger_with_a_gap_or_an_older_one_is_not_read_past(world: World) -> None:
    """What is missing would be taken for what never was: the feed says that it cannot answer."""
    for _ in range(3):
        await world.say(1, "lifecycle_email", ConsentEventKind.GIVE)
    for requester in (OFFICER, MAILER):
        with pytest.raises(ConsentUnavailable):
            await world.feed.page(requester, 4, 10)
        assert (await world.feed.page(requester, 3, 10)).next_after_seq == 3
    del world.fakes.ledger.events[1]
    for requester in (OFFICER, MAILER, RECOMMENDER):
        with pytest.raises(ConsentUnavailable):
            await world.feed.page(requester, 0, 10)


# -- following -------------------------------------------------------------------------------------------


async def test_who_follows_gets_new_events_as_they_come(world: World) -> None:
    """Pages follow one another without a gap; when nothing comes, an empty one says so."""
    await world.say(1, "lifecycle_email", ConsentEventKind.GIVE)
    pages = world.feed.follow(OFFICER, 0, 10)
    first = await anext(pages)
    assert [item["seq"] for item in first.items] == [1]
    following = asyncio.create_task(anext(pages))
    await asyncio.sleep(0)
    await world.say(2, "lifecycle_email", ConsentEventKind.GIVE)
    second = await asyncio.wait_for(following, 10)
    assert [item["seq"] for item in second.items] == [2]
    quiet = world.feed.follow(OFFICER, 2, 0.01)
    assert (await anext(quiet)).items == []
    await quiet.aclose()
    world.feed.stop()
    with pytest.raises(StopAsyncIteration):
        await anext(pages)


async def test_who_follows_comes_forward_over_what_is_not_theirs(world: World) -> None:
    """A page without items moves the place on, so that nothing is looked through twice."""
    await world.say(1, "recommendation", ConsentEventKind.GIVE)
    pages = world.feed.follow(MAILER, 0, 10)
    page = await anext(pages)
    assert (page.items, page.next_after_seq) == ([], 1)
    await pages.aclose()


async def test_one_look_at_the_ledger_serves_everybody_who_waits() -> None:
    """However many follow, the newest sequence is read by one poller, and by none when nobody waits."""
    looks, newest, running, most = 0, 0, 0, 0

    async def read() -> int:
        nonlocal looks, running, most
        looks, running = looks + 1, running + 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return newest

    watch = Watch(read, poll_s=0.001)
    waiting = [asyncio.create_task(watch.beyond(0, 10)) for _ in range(50)]
    await asyncio.sleep(0.02)
    newest = 1
    assert all(await asyncio.gather(*waiting))
    assert most == 1
    await asyncio.sleep(0.01)
    after = looks
    await asyncio.sleep(0.02)
    assert looks == after
    assert not await watch.beyond(1, 0.01)
    watch.stop()
    assert not await watch.beyond(0, 10)


async def test_an_outage_of_the_ledger_ends_no_wait() -> None:
    """Whoever waits goes on waiting, and hears of what came as soon as the ledger answers."""
    answers: list[int | Exception] = [ConsentUnavailable("away"), 1]

    async def read() -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert await Watch(read, poll_s=0.001).beyond(0, 10)


async def test_streams_of_one_reader_are_counted(world: World) -> None:
    """One service cannot take the places of all others; ending a stream frees its place."""
    ends = [world.feed.admit(MAILER) for _ in range(MAX_STREAMS)]
    with pytest.raises(RateLimited):
        world.feed.admit(MAILER)
    world.feed.admit(RECOMMENDER)
    ends[0]()
    world.feed.admit(MAILER)


def test_pseudonyms_of_many_are_those_that_are_read_back() -> None:
    """Each is the one that the gateway gives and reads; nobody has none."""
    fakes = make_parts()
    pseudonymity = Pseudonymity(fakes.keys, fakes.people)
    numbers = np.array([3, 1, 3], np.int64)
    names = pseudonymity.pseudonyms_of(MAILER, "lifecycle_email", numbers)
    assert names[0] == names[2]
    assert [pseudonymity.number_of(MAILER, "lifecycle_email", name) for name in names] == [3, 1, 3]
    with pytest.raises(ValueError, match="nobody"):
        pseudonymity.pseudonyms_of(MAILER, "lifecycle_email", np.array([-1], np.int64))

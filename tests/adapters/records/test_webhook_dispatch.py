"""Nothing committed is skipped, nothing is sent twice without need, and each person's events arrive in order."""

# ruff: noqa: PLC0414 - fixtures are handed over by name

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping

import pytest
from sqlalchemy import text

from sekisho.adapters.records.releases import SqlReleaseIndex
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.webhooks import MAX_ATTEMPTS, Claim, DeliveryStatus, Outcome, Settlement, settle
from sekisho.errors import AuditUnavailable, ConsentUnavailable
from tests.adapters.records.webhook_world import (
    DESK,
    MAILER,
    URL,
    House,
    evidence,
    in_order,
    until,
)
from tests.adapters.records.webhook_world import elsewhere as elsewhere
from tests.adapters.records.webhook_world import here as here


async def test_nothing_is_skipped_while_many_write(here: House, elsewhere: House) -> None:
    """Two processes send while eight writers record: every event arrives once, each person's in order."""
    await here.webhooks.create(DESK, URL)
    here.sender.pause = 0.001
    writing = True

    async def write(seed: int) -> None:
        generator = random.Random(seed)
        for _ in range(12):
            kind = generator.choice([ConsentEventKind.GIVE, ConsentEventKind.WITHDRAW])
            await (here if seed % 2 else elsewhere).say(generator.randint(1, 5), kind)

    async def send(process: House) -> None:
        while writing or await process.outbox.busy():
            await process.webhooks.dispatch()
            await asyncio.sleep(0.005)

    senders = [asyncio.create_task(send(process)) for process in (here, elsewhere)]
    await asyncio.gather(*(write(seed) for seed in range(8)))
    writing = False
    await asyncio.gather(*senders)
    assert sorted(here.sender.seqs) == list(range(1, 97))
    assert in_order(here.sender.events)


async def test_what_was_committed_survives_a_kill_before_it_is_sent(here: House, elsewhere: House) -> None:
    """A process dies after queueing and claiming: when its lease ends, another sends what it did not."""
    created, _ = await here.webhooks.create(MAILER, URL)
    await here.give(1)
    await here.give(1)
    assert await here.outbox.queue(created.id, frozenset({"lifecycle_email"}))
    assert [claim.seq for claim in await here.outbox.claim(created.id, 10)] == [1]  # and then it is gone
    assert await elsewhere.webhooks.dispatch() == 0, "the lease still runs"
    await elsewhere.all_due()
    assert await elsewhere.webhooks.dispatch() == 2
    assert elsewhere.sender.seqs == [1, 2]


async def test_a_queueing_that_dies_leaves_the_place_where_it_was(
    here: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Place and deliveries are one transaction: what is not committed is queued again, and once."""
    created, _ = await here.webhooks.create(MAILER, URL)
    await here.give(1)
    from sekisho.adapters.records import webhooks as module

    def dies(*_arguments: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(module, "_queue", dies)
        with pytest.raises(RuntimeError):
            await here.outbox.queue(created.id, None)
    found = await here.outbox.webhook(created.id)
    assert found is not None
    assert found.after_seq == 0
    await here.webhooks.dispatch()
    assert here.sender.seqs == [1]


async def test_what_is_not_committed_is_not_sent(here: House) -> None:
    """An event whose transaction is rolled back is seen by nobody."""
    created, _ = await here.webhooks.create(DESK, URL)
    await here.give(1)

    def fails(connection) -> None:
        connection.execute(text("UPDATE ledger_counter SET value = value + 1 WHERE name = 'consent'"))
        connection.execute(
            text(
                "INSERT INTO consent_event SELECT seq + 1, 'x', number, purpose, cells, kind, method, actor,"
                " notice_version, occurred_at, recorded_at, said_at, counts_at, valid_until, facts, sealed, hash,"
                " outcome, holds_until, effects FROM consent_event"
            )
        )
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await here.database.run(fails)
    await here.webhooks.dispatch()
    assert here.sender.seqs == [1]
    await here.give(2)
    await here.webhooks.dispatch()
    assert here.sender.seqs == [1, 2]
    assert not await here.outbox.queue(created.id, None)


@pytest.mark.parametrize("seed", range(4))
async def test_a_persons_events_arrive_in_order_whatever_fails(here: House, elsewhere: House, seed: int) -> None:
    """With every third attempt failing, and two processes sending, no later event overtakes an earlier one."""
    generator = random.Random(seed)
    arrived: list[dict[str, object]] = []

    def answer(event: dict[str, object]) -> Outcome:
        if generator.random() < 1 / 3:
            return Outcome(503, "status") if generator.random() < 0.5 else Outcome(fault="timeout")
        arrived.append(event)
        return Outcome(200)

    here.sender.answer = answer
    await here.webhooks.create(DESK, URL)
    for _ in range(30):
        await here.give(generator.randint(1, 4))
    for _ in range(200):
        await here.all_due()
        elsewhere.clock.advance(10_000)
        await asyncio.gather(here.webhooks.dispatch(), elsewhere.webhooks.dispatch())
        if len(arrived) >= 30 and not await here.outbox.busy():
            break
    assert in_order(arrived, once=False)
    assert {event["data"]["seq"] for event in arrived} == set(range(1, 31))  # type: ignore[index]


async def test_a_later_event_waits_for_the_earlier_one_and_goes_on_after_its_death(here: House) -> None:
    """What fails to the end is dead, listed, and stands in nobody's way any more; others never waited for it."""
    created, _ = await here.webhooks.create(MAILER, URL)
    await here.give(1)
    await here.say(1, ConsentEventKind.WITHDRAW)
    await here.give(2)
    here.sender.answer = lambda event: Outcome(500, "status") if event["data"]["seq"] == 1 else Outcome(200)  # type: ignore[index]
    for attempt in range(1, MAX_ATTEMPTS + 1):
        await here.all_due()
        await here.webhooks.dispatch()
        first = (await evidence(here, created.id))[0]
        assert first.attempts == attempt
        assert (first.response, first.fault) == (500, "status")
        assert (2 in here.sender.seqs) == (attempt == MAX_ATTEMPTS)
    assert here.sender.seqs.count(1) == MAX_ATTEMPTS
    assert here.sender.seqs.count(3) == 1
    statuses = [delivery.status.value for delivery in await evidence(here, created.id)]
    assert statuses == ["dead", "delivered", "delivered"]
    dead = await here.webhooks.deliveries(MAILER, created.id, "dead", 0, 10)
    assert [delivery.seq for delivery in dead] == [1]
    listed = (await here.webhooks.listed(MAILER))[0]
    assert (listed.waiting, listed.dead) == (0, 1)
    await here.all_due()
    assert await here.webhooks.dispatch() == 0


async def test_a_lease_that_has_passed_on_writes_nothing(here: House) -> None:
    """A process that was stopped and comes back late does not undo what another has found out since."""
    created, _ = await here.webhooks.create(MAILER, URL)
    await here.give(1)
    await here.outbox.queue(created.id, None)
    late = (await here.outbox.claim(created.id, 1))[0]
    await here.all_due()
    now = (await here.outbox.claim(created.id, 1))[0]
    assert now.attempt == 2
    await here.outbox.settle(created.id, [settle(now, Outcome(200), 0.0)])
    await here.outbox.settle(created.id, [Settlement(late, Outcome(fault="timeout"), DeliveryStatus.DEAD)])
    delivery = (await evidence(here, created.id))[0]
    assert (delivery.status, delivery.response) == (DeliveryStatus.DELIVERED, 200)


async def test_what_was_claimed_before_a_replay_writes_nothing_after_it(here: House) -> None:
    """A replay counts attempts anew: an old lease is told apart by its end, not by its number alone."""
    created, _ = await here.webhooks.create(MAILER, URL)
    await here.give(1)
    await here.outbox.queue(created.id, None)
    late = (await here.outbox.claim(created.id, 1))[0]
    await here.webhooks.replay(MAILER, created.id, 0)
    await here.outbox.queue(created.id, None)
    now = (await here.outbox.claim(created.id, 1))[0]
    assert now.attempt == late.attempt
    await here.outbox.settle(created.id, [Settlement(late, Outcome(fault="timeout"), DeliveryStatus.DEAD)])
    assert (await evidence(here, created.id))[0].status is DeliveryStatus.WAITING


async def test_a_receiver_that_takes_nothing_is_left_alone_for_a_while(here: House) -> None:
    """An outage costs one attempt now and then, not one of every person; then everything arrives."""
    await here.webhooks.create(DESK, URL)
    for number in range(1, 41):
        await here.give(number)
    here.sender.answer = lambda _event: Outcome(fault="unreachable")
    first = await here.webhooks.dispatch()
    assert 0 < first < 40
    assert await here.webhooks.dispatch() == 0
    for _ in range(5):
        await here.all_due()
        assert await here.webhooks.dispatch() == 1
    here.sender.answer = lambda _event: Outcome(200)
    here.sender.sent.clear()
    await here.all_due()
    assert await here.webhooks.dispatch() == 40
    assert sorted(here.sender.seqs) == list(range(1, 41))


async def test_one_slow_receiver_holds_up_nobody_else(here: House) -> None:
    """Every webhook is served by a task of its own."""
    await here.webhooks.create(MAILER, URL)
    await here.webhooks.create(DESK, URL)
    release = asyncio.Event()
    desk_was_told = asyncio.Event()
    sent = here.sender.send

    async def slow(url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        pseudonym = json.loads(body)["subject"].removeprefix("pseudonym:")
        if here.pseudonymity.number_of(MAILER, "lifecycle_email", pseudonym) is not None:
            await release.wait()
        else:
            desk_was_told.set()
        return await sent(url, headers, body)

    here.sender.send = slow  # type: ignore[method-assign]
    await here.give(1)
    running = asyncio.create_task(here.webhooks.run())
    await asyncio.wait_for(desk_was_told.wait(), 10)
    assert not here.sender.seqs or here.sender.seqs == [1]
    release.set()
    await until(lambda: len(here.sender.sent) == 2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_dispatcher_sends_what_comes_and_outlives_an_outage(here: House) -> None:
    """``run`` notices new events by itself, and goes on after the ledger was away."""
    await here.webhooks.create(MAILER, URL)
    running = asyncio.create_task(here.webhooks.run())
    await here.give(1)
    await until(lambda: here.sender.seqs == [1])
    busy = here.outbox.busy

    async def away() -> list[object]:
        here.outbox.busy = busy  # type: ignore[method-assign]
        raise ConsentUnavailable("away")

    here.outbox.busy = away  # type: ignore[method-assign,assignment]
    await here.give(2)
    await until(lambda: here.sender.seqs == [1, 2])
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not running.cancelled() or running.done()


async def test_a_ledger_with_a_gap_is_not_sent_past(here: House) -> None:
    """A lost event stops the queue: what follows would be taken for all there is."""
    created, _ = await here.webhooks.create(MAILER, URL)
    for _ in range(3):
        await here.give(1)
    await here.database.run(lambda c: c.execute(text("DELETE FROM consent_event WHERE seq = 2")))
    with pytest.raises(ConsentUnavailable):
        await here.outbox.queue(created.id, None)
    found = await here.outbox.webhook(created.id)
    assert found is not None
    assert found.after_seq == 0


async def test_our_own_outage_kills_no_delivery(here: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nobody can say who still holds the data, a withdrawal waits, however often; then it is sent."""
    created, _ = await here.webhooks.create(MAILER, URL)
    await here.say(1, ConsentEventKind.WITHDRAW)

    async def away(*_arguments: object, **_named: object) -> dict[str, list[object]]:
        raise AuditUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(SqlReleaseIndex, "releases_of", away)
        for _ in range(MAX_ATTEMPTS + 2):
            await here.all_due()
            await here.webhooks.dispatch()
    assert (await evidence(here, created.id))[0].status is DeliveryStatus.WAITING
    await here.all_due()
    await here.webhooks.dispatch()
    assert here.sender.seqs == [1]


def test_pauses_grow_and_are_spread() -> None:
    """From seconds to hours, each drawn from the upper half of its span; the last attempt is the end."""
    waits = [settle(Claim(1, n, 0), Outcome(500, "status"), 1.0).again_after_s for n in range(1, MAX_ATTEMPTS)]
    assert waits == sorted(waits)
    assert waits[0] == 5
    assert waits[-1] == 6 * 3600
    assert settle(Claim(1, 3, 0), Outcome(500, "status"), 0.0).again_after_s == waits[2] / 2
    assert settle(Claim(1, MAX_ATTEMPTS, 0), Outcome(500, "status"), 0.5).status is DeliveryStatus.DEAD

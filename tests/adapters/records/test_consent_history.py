"""What was, by what was known: the two times of the consent ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.records.consent_history import ConsentHistory
from sekisho.domain.consent import (
    IN_FORCE,
    YES,
    ConsentEventKind,
    ConsentRecord,
    ConsentState,
    Happening,
    Provenance,
    after,
    state_at,
)
from sekisho.domain.linking import Link, effective, groups_of
from sekisho.errors import ConsentUnavailable
from sekisho.ports import ConsentEventInput
from tests.adapters.records.conftest import PURPOSES
from tests.adapters.records.consent_world import ASKING, histories, world

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CLOCK = SystemClock()
EXAMPLES = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
HOUR = timedelta(hours=1)


def number_of(at):
    return None if at is None else (at - EPOCH) // timedelta(microseconds=1)


def naively(events, number, valid_at, known_at):
    """The records of one person, worked out event by event, cell by cell, with no index and no row."""
    told = [event for event in events if known_at is None or event.recorded_at <= known_at]
    firm = [event for event in told if valid_at is None or event.recorded_at <= valid_at]
    links: dict[Any, Any] = {}
    for event in firm:
        other = orjson.loads(event.kept["facts"]).get("other")
        if event.kind is ConsentEventKind.LINK and {event.number, other} not in [set(pair) for pair in links]:
            links[event.number, other] = Link(event.seq, event.number, other)
        if event.kind is ConsentEventKind.UNLINK:
            links = {pair: link for pair, link in links.items() if set(pair) != {event.number, other}}
    group = groups_of([number], links.values())[number]
    records = {}
    for cell in [cell for name in ASKING for cell in PURPOSES[name].all_cells()]:
        by_default = cell.split("/")[0] == "ab_measurement"
        standings: dict[Any, Any] = {}
        for event in told:
            facts = orjson.loads(event.kept["facts"])
            said = event.occurred_at
            if said is None or said > event.recorded_at:
                said = event.recorded_at
            if cell not in event.cells or event.number not in group.members or (valid_at and said > valid_at):
                continue
            historical = facts.get("historical", False)
            claims = event.occurred_at is not None and event.occurred_at < event.recorded_at
            position, live = said, not historical and not claims
            if event.kind not in YES and not historical:
                looked_back = valid_at is not None and event.recorded_at > valid_at
                position, live = (said, False) if looked_back else (event.recorded_at, True)
            happening = Happening(
                event.seq,
                event.kind,
                number_of(said),
                number_of(position),
                live,
                number_of(event.valid_until),
                facts.get("of_age_at"),
                event.notice_version,
                historical and event.occurred_at is None,
            )
            standing = after(
                standings.get(event.number), happening, by_default=by_default, confirmed=facts.get("confirmed", False)
            )
            if standing is not None:
                standings[event.number] = standing
        instead = effective(group, standings, by_default=by_default)[number]
        own = standings.get(number)
        if own is None and instead is None:
            continue
        counts: Any = instead or own
        until = instead.until if instead else None
        waits = own is not None and own.state is ConsentState.PENDING_CONFIRMATION
        ageing: Any = own if waits else counts
        asked = max((e.seq for e in firm if e.kind is ConsentEventKind.PUBLISH and cell in e.cells), default=0)
        records[cell] = ConsentRecord(
            cell,
            own.state if own else None,
            own.seq if own else 0,
            EPOCH + timedelta(microseconds=own.since) if own else None,
            EPOCH + timedelta(microseconds=own.until) if own and own.until is not None else None,
            own.notice_version if own else None,
            EPOCH + timedelta(microseconds=own.of_age_at) if own and own.of_age_at is not None else None,
            outdated=ageing.state in IN_FORCE | {ConsentState.PENDING_CONFIRMATION}
            and not by_default
            and ageing.seq <= asked,
            linked=instead.state if instead else None,
            linked_until=None if until is None else EPOCH + timedelta(microseconds=until),
        )
    return records


@given(steps=histories, hours=st.lists(st.tuples(st.integers(-450, 2), st.integers(-1, 20)), min_size=3, max_size=3))
@EXAMPLES
async def test_any_moment_is_read_as_events_say_one_by_one(ledger, people, steps, hours):
    """What was true at any time, by what was known at any other, is what going through the events by hand gives."""
    site = await world(ledger, people, CLOCK)
    for step in steps:
        await site.do(step)
    events = await site.events()
    moments = [(None, None)]
    for hour, place in hours:
        known_at = None if place < 0 or place >= len(events) else events[-1 - place].recorded_at
        moments += [(CLOCK.now() + hour * HOUR, known_at), (None, known_at), (known_at, None)]
    for valid_at, known_at in moments:
        _, read = await ledger.records_at(site.people, valid_at=valid_at, known_at=known_at)
        assert read == [naively(events, number, valid_at, known_at) for number in site.people]


@given(steps=histories)
@EXAMPLES
async def test_what_was_believed_is_what_was_answered_then(ledger, people, steps):
    """Read later with both times at T, the ledger says what it answered at T; with neither, what it answers now."""
    site = await world(ledger, people, CLOCK)
    answered = []
    for step in steps:
        await site.do(step)
        newest = (await ledger.changes(await ledger.last_seq() - 1, 1))[-1]
        answered.append((newest.recorded_at, [await ledger.records_of(number) for number in site.people]))
    for at, then in answered:
        _, believed = await ledger.records_at(site.people, valid_at=at, known_at=at)
        assert believed == [records for _, records in then]
    seq, now = await ledger.records_at(site.people, valid_at=None, known_at=None)
    assert (now, seq) == ([records for _, records in answered[-1][1]], await ledger.last_seq())


def said(number, kind, **more):
    purpose = more.pop("purpose", "lifecycle_email")
    return ConsentEventInput(number, purpose, PURPOSES[purpose].all_cells(), kind, "paper", "desk", **more)


async def _state(ledger, number, valid_at, known_at, purpose="lifecycle_email"):
    _, (records,) = await ledger.records_at([number], valid_at=valid_at, known_at=known_at)
    cell = PURPOSES[purpose].all_cells()[0]
    return state_at(records.get(cell), PURPOSES[purpose], valid_at or CLOCK.now())


async def test_a_withdrawal_that_came_by_letter(ledger, people):
    """Signed on Monday, recorded on Friday: on Wednesday we believed in a yes, and now know that it was a no."""
    number = (await world(ledger, people, CLOCK)).people[0]
    now = CLOCK.now()
    await ledger.import_history([said(number, ConsentEventKind.GIVE, occurred_at=now - 240 * HOUR)])
    known = (await ledger.changes(await ledger.last_seq() - 1, 1))[0].recorded_at
    await ledger.record([said(number, ConsentEventKind.WITHDRAW, occurred_at=now - 96 * HOUR)])
    wednesday = now - 48 * HOUR
    assert await _state(ledger, number, wednesday, known) is ConsentState.GIVEN
    assert await _state(ledger, number, wednesday, None) is ConsentState.WITHDRAWN
    assert await _state(ledger, number, now - 120 * HOUR, None) is ConsentState.GIVEN
    assert await _state(ledger, number, None, None) is ConsentState.WITHDRAWN


async def test_a_no_that_came_late_does_not_end_a_yes_that_was_said_after_it(ledger, people):
    """Looked back on, a late letter stands where it was written: the yes in between came after it."""
    number = (await world(ledger, people, CLOCK)).people[0]
    now = CLOCK.now()
    await ledger.import_history([said(number, ConsentEventKind.GIVE, occurred_at=now - 48 * HOUR)])
    await ledger.record([said(number, ConsentEventKind.WITHDRAW, occurred_at=now - 72 * HOUR)])
    assert await _state(ledger, number, now - 60 * HOUR, None) is ConsentState.WITHDRAWN
    assert await _state(ledger, number, now - 24 * HOUR, None) is ConsentState.GIVEN
    assert await _state(ledger, number, None, None) is ConsentState.WITHDRAWN


async def test_a_notice_and_a_link_count_from_their_recording(ledger, people):
    """Neither is a claim about the past: before they were recorded, nobody was asked again or was one person."""
    one, other, *_ = (await world(ledger, people, CLOCK)).people
    await ledger.record([said(one, ConsentEventKind.GIVE), said(other, ConsentEventKind.WITHDRAW)])
    before = (await ledger.changes(await ledger.last_seq() - 1, 1))[0].recorded_at
    link = await ledger.link(one, other, "desk")
    assert await _state(ledger, one, None, None) is ConsentState.WITHDRAWN
    assert await _state(ledger, one, before, None) is ConsentState.GIVEN
    assert await _state(ledger, one, None, before) is ConsentState.GIVEN
    await ledger.unlink(one, other, "desk")
    assert await _state(ledger, one, None, None) is ConsentState.GIVEN
    assert await _state(ledger, one, link.recorded_at, None) is ConsentState.WITHDRAWN
    await ledger.publish({"lifecycle_email": PURPOSES["lifecycle_email"].all_cells()}, "officer", Provenance())
    assert await _state(ledger, one, None, None) is ConsentState.NEEDS_RECONSENT
    assert await _state(ledger, one, before, None) is ConsentState.GIVEN


async def test_an_ended_yes_was_a_yes_before_it_ended(ledger, people):
    """The end is derived for the time that is asked for, whether an event tells of it or not."""
    number = (await world(ledger, people, CLOCK)).people[0]
    now = CLOCK.now()
    given_at, until = now - 72 * HOUR, now - 24 * HOUR
    await ledger.import_history([said(number, ConsentEventKind.GIVE, occurred_at=given_at, valid_until=until)])
    for _ in range(2):
        assert await _state(ledger, number, now - 48 * HOUR, None) is ConsentState.GIVEN
        assert await _state(ledger, number, until, None) is ConsentState.EXPIRED
        assert await _state(ledger, number, None, None) is ConsentState.EXPIRED
        await ledger.record([said(number, ConsentEventKind.EXPIRE)])


async def test_a_person_s_history_has_both_sides_of_a_link(ledger, people):
    """Whoever asks for a person's events sees the links that others made with it, in order, each once."""
    one, other, third, _ = (await world(ledger, people, CLOCK)).people
    (given,) = await ledger.record([said(one, ConsentEventKind.GIVE)])
    linked = await ledger.link(other, one, "desk")
    (refused,) = await ledger.record([said(other, ConsentEventKind.WITHDRAW)])
    undone = await ledger.unlink(one, other, "desk")
    mine = await ledger.history(one)
    assert [event.seq for event in mine] == [given.seq, linked.seq, refused.seq + 1, undone.seq]
    assert [event.kind.value for event in mine] == ["give", "link", "withdraw", "unlink"]
    assert [event.id for event in await ledger.history(other)] == [linked.id, refused.id, undone.id]
    assert await ledger.history(third) == []
    assert await ledger.event(given.id) == mine[0]
    assert await ledger.event(CLOCK.new_id()) is None


async def test_changes_are_whole_or_not_at_all(ledger, people, database):
    """Pages follow one another without a gap; a ledger that lacks an event is not read past it."""
    number = (await world(ledger, people, CLOCK)).people[0]
    await ledger.record([said(number, ConsentEventKind.GIVE) for _ in range(7)])
    pages = [await ledger.changes(start, 3) for start in (0, 3, 6, 7)]
    assert [[event.seq for event in page] for page in pages] == [[1, 2, 3], [4, 5, 6], [7], []]
    ids = await ConsentHistory(database, PURPOSES).event_ids([2, 7, 9])
    assert ids == {2: pages[0][1].id, 7: pages[2][0].id}
    await database.run(lambda connection: connection.execute(text("DELETE FROM consent_event WHERE seq = 5")))
    with pytest.raises(ConsentUnavailable, match="lacks an event"):
        await ledger.changes(3, 3)

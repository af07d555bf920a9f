"""The suppression list: what somebody refused outlives the erasure of who they were."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import numpy as np
import orjson
import pytest

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.records.consent_audited import UnauditedEvents
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.domain.consent import ActorType, ConsentEventKind, ConsentState
from sekisho.domain.terms import Cell
from sekisho.errors import ConsentUnavailable, InvalidRequest
from sekisho.ports import ConsentEventInput, DataSubjectRef

MEASURED = Cell("ab_measurement")
MAIL = Cell("lifecycle_email")
BOUGHT, DID = Cell("recommendation/purchase"), Cell("recommendation/behaviour")
NOW = SystemClock().now()


@pytest.fixture
def people(database, keys, ledger):
    """The people registry, with the ledger behind it."""
    return PeopleRegistry(database, keys, ledger.record_within)


def said(number, kind, *cells, at=None, **rest):
    """Return what *number* said about *cells*."""
    purpose = cells[0].partition("/")[0]
    return ConsentEventInput(number, purpose, cells, kind, "api", "requester:desk", occurred_at=at, **rest)


async def registered(people, *values, kind="customer_id"):
    """Return the numbers of *values*."""
    return (await people.register(kind, values)).tolist()


async def states(ledger, number):
    """Return the state of each cell of *number*."""
    _, records = await ledger.records_of(number)
    return {cell: record.state for cell, record in records.items()}


async def kept(database):
    """Return the list."""
    return await database.peek("SELECT hash, day, refused FROM suppression")


async def test_an_objection_survives_erasure_and_being_named_again(people, ledger):
    """Who objected, was erased and is named again is a new person who objects from the first moment."""
    (one, other) = await registered(people, "17850", "12583")
    await ledger.record(
        [
            said(one, ConsentEventKind.OBJECT, MEASURED),
            said(one, ConsentEventKind.WITHDRAW, MAIL),
            said(one, ConsentEventKind.REFUSE, BOUGHT),
            said(one, ConsentEventKind.GIVE, DID),
        ]
    )
    await people.erase(one)
    before = await ledger.last_seq()
    (again,) = await registered(people, "17850")
    assert again not in {one, other}
    assert await states(ledger, again) == {
        MEASURED: ConsentState.OBJECTED,
        MAIL: ConsentState.WITHDRAWN,
        BOUGHT: ConsentState.REFUSED,
    }
    assert (await ledger.view((MEASURED,))).allowed(people_array(one, other, again)).tolist() == [False, True, False]
    events = await ledger.history(again)
    assert {event.kind for event in events} == {
        ConsentEventKind.OBJECT,
        ConsentEventKind.WITHDRAW,
        ConsentEventKind.REFUSE,
    }
    assert {(event.actor, event.method) for event in events} == {("system", "system")}
    assert {(event.provenance.actor_type, event.provenance.reason) for event in events} == {
        (ActorType.SYSTEM, "suppressed")
    }
    assert min(event.seq for event in events) > before


def people_array(*numbers):
    """Return *numbers* as an array."""
    return np.array(numbers, np.int64)


async def test_nobody_is_seen_without_the_noes(people, ledger, database, monkeypatch):
    """Were the noes not recorded, nobody would be registered: both or neither."""
    (one,) = await registered(people, "17850")
    await ledger.record([said(one, ConsentEventKind.OBJECT, MEASURED)])
    await people.erase(one)
    monkeypatch.setattr(ledger._index, "require_not_older", broken)
    with pytest.raises(ConsentUnavailable):
        await people.register("customer_id", ["17850", "new"])
    assert (await people.numbers_of("customer_id", ["17850", "new"])).tolist() == [-1, -1]
    assert len(await kept(database)) == 1


def broken(_head):
    """Refuse as a ledger that is older than what was seen does."""
    raise ConsentUnavailable("older")


async def test_without_a_ledger_nobody_erased_is_registered(people, ledger, database, keys):
    """A registry that cannot record the noes registers strangers, and nobody who had said no."""
    (one,) = await registered(people, "17850")
    await ledger.record([said(one, ConsentEventKind.OBJECT, MEASURED)])
    await people.erase(one)
    alone = PeopleRegistry(database, keys)
    with pytest.raises(ConsentUnavailable):
        await alone.register("customer_id", ["17850"])
    assert (await alone.register("customer_id", ["12583"])).tolist() == [2]


async def test_the_list_names_nobody(people, ledger, database):
    """The list holds a hash that is not the registry's, cells and a day; no number, no value, no finer time."""
    (one,) = await registered(people, "17850")
    lookup = (await database.peek("SELECT lookup FROM data_subject_identifier"))[0][0]
    await ledger.record([said(one, ConsentEventKind.OBJECT, MEASURED)])
    await people.erase(one)
    erased_at = (await database.peek("SELECT erased_at FROM data_subject"))[0][0]
    ((hash_, day, refused),) = await kept(database)
    assert len(bytes(hash_)) == 16
    assert bytes(hash_) != bytes(lookup)
    assert day == erased_at // 86_400_000_000
    assert orjson.loads(refused) == {"objected": ["ab_measurement"]}


async def test_who_refused_nothing_leaves_nothing(people, ledger, database):
    """Nothing is kept of who was never asked or agreed."""
    (one, other) = await registered(people, "17850", "12583")
    await ledger.record([said(one, ConsentEventKind.GIVE, MAIL)])
    await people.erase(one)
    await people.erase(other)
    assert await kept(database) == []
    assert await states(ledger, (await registered(people, "17850"))[0]) == {}


async def test_a_later_yes_counts_an_older_one_does_not(people, ledger):
    """A yes that the person says afterwards lifts the old no; a yes out of a file from before does not."""
    (one,) = await registered(people, "17850")
    await ledger.record([said(one, ConsentEventKind.WITHDRAW, MAIL)])
    await people.erase(one)
    (again,) = await registered(people, "17850")
    await ledger.import_history([said(again, ConsentEventKind.GIVE, MAIL, at=NOW - timedelta(days=400))])
    assert (await states(ledger, again))[MAIL] is ConsentState.WITHDRAWN
    await ledger.record([said(again, ConsentEventKind.GIVE, MAIL)])
    assert (await states(ledger, again))[MAIL] is ConsentState.GIVEN


async def test_a_yes_out_of_a_file_counts_when_it_is_younger_than_the_erasure(people, ledger, database):
    """The noes count from the end of the day of the erasure, not from when the person is named again."""
    (one,) = await registered(people, "17850")
    await ledger.record([said(one, ConsentEventKind.WITHDRAW, MAIL), said(one, ConsentEventKind.OBJECT, MEASURED)])
    await people.erase(one)

    def earlier(connection):
        connection.exec_driver_sql("UPDATE suppression SET day = day - 30")

    await database.run(earlier)
    (again,) = await registered(people, "17850")
    await ledger.import_history(
        [
            said(again, ConsentEventKind.GIVE, MAIL, at=NOW - timedelta(days=20)),
            said(again, ConsentEventKind.GIVE, MEASURED, at=NOW - timedelta(days=31)),
        ]
    )
    assert await states(ledger, again) == {MAIL: ConsentState.GIVEN, MEASURED: ConsentState.OBJECTED}


async def test_every_identifier_carries_the_no(people, ledger, database):
    """Each identifier of the person is on the list; who is named again by one leaves the others on it."""
    (one,) = await registered(people, "17850")
    await people.attach(one, "email_sha256", "AB" * 32)
    await ledger.record([said(one, ConsentEventKind.OBJECT, MEASURED)])
    await people.erase(one)
    assert len(await kept(database)) == 2
    (again,) = await registered(people, "ab" * 32, kind="email_sha256")
    assert (await states(ledger, again))[MEASURED] is ConsentState.OBJECTED
    assert len(await kept(database)) == 1
    (third,) = await registered(people, "17850")
    assert (await states(ledger, third))[MEASURED] is ConsentState.OBJECTED
    assert await kept(database) == []


async def test_an_identifier_that_somebody_takes_over_brings_the_no(people, ledger):
    """A person who is given an identifier off the list takes the no with it, unless their yes is younger."""
    (one, other) = await registered(people, "17850", "12583")
    await ledger.record([said(one, ConsentEventKind.WITHDRAW, MAIL), said(other, ConsentEventKind.GIVE, MAIL)])
    await people.erase(one)
    await people.attach(other, "customer_id", "17850")
    assert (await states(ledger, other))[MAIL] is ConsentState.WITHDRAWN
    with pytest.raises(InvalidRequest):
        await people.attach(one, "customer_id", "nobody")


async def test_who_is_erased_again_is_on_the_list_again(people, ledger, database):
    """The list follows what the person said last."""
    (one,) = await registered(people, "17850")
    await ledger.record([said(one, ConsentEventKind.WITHDRAW, MAIL)])
    await people.erase(one)
    (again,) = await registered(people, "17850")
    await ledger.record([said(again, ConsentEventKind.GIVE, MAIL), said(again, ConsentEventKind.OBJECT, MEASURED)])
    await people.erase(again)
    assert [orjson.loads(row[2]) for row in await kept(database)] == [{"objected": ["ab_measurement"]}]


async def test_the_noes_are_found_for_the_audit_log(people, ledger, database, keys):
    """What the registration recorded is among the events that the trail writes down later."""
    (one,) = await registered(people, "17850")
    await ledger.record([said(one, ConsentEventKind.OBJECT, MEASURED)])
    await people.erase(one)
    (again,) = await registered(people, "17850")
    missing, _ = await UnauditedEvents(database, keys, grace_s=-1.0).unaudited()
    assert [(event.number, event.provenance.reason) for event in missing] == [(one, None), (again, "suppressed")]


async def test_many_are_named_again_at_once(people, ledger, database):
    """A file that names erased people and strangers gives everybody what is theirs."""
    values = [f"c{i}" for i in range(40)]
    numbers = await registered(people, *values)
    await ledger.record([said(number, ConsentEventKind.OBJECT, MEASURED) for number in numbers[::2]])
    for number in numbers:
        await people.erase(number)
    again = await registered(people, *values)
    allowed = (await ledger.view((MEASURED,))).allowed(people_array(*again)).tolist()
    assert allowed == [place % 2 == 1 for place in range(40)]
    assert await kept(database) == []


async def test_a_no_that_is_being_recorded_is_kept(people, ledger, database):
    """An erasure waits for a no that is under way, and keeps it."""
    (one,) = await registered(people, "17850")
    inside, go_on = threading.Event(), threading.Event()

    def slowly(connection):
        ledger.record_within(connection, [said(one, ConsentEventKind.OBJECT, MEASURED)])
        inside.set()
        go_on.wait(30)

    if database.dialect == "sqlite":
        pytest.skip("one writer at a time")
    recording = asyncio.create_task(database.run(slowly))
    await asyncio.to_thread(inside.wait, 30)
    erasing = asyncio.create_task(people.erase(one))
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while not erasing.done() and (await database.peek(waits))[0][0] == 0:  # noqa: ASYNC110 - no event tells of it
        await asyncio.sleep(0.01)
    go_on.set()
    await asyncio.gather(recording, erasing)
    assert len(await kept(database)) == 1


async def test_erasing_and_naming_at_the_same_time_come_to_an_end(people, ledger, database):
    """Whoever is named while being erased has the no, under the old number or the new one."""
    values = [f"c{i}" for i in range(12)]
    numbers = await registered(people, *values)
    await ledger.record([said(number, ConsentEventKind.OBJECT, MEASURED) for number in numbers])
    tasks = [people.erase(number) for number in numbers]
    tasks += [people.register("customer_id", [value]) for value in values]
    tasks += [ledger.record([said(number, ConsentEventKind.WITHDRAW, MAIL)]) for number in numbers]
    await asyncio.gather(*tasks)
    for value in values:
        (number,) = await registered(people, value)
        assert (await states(ledger, number))[MEASURED] is ConsentState.OBJECTED
        assert await people.number_of(DataSubjectRef("customer_id", value)) == number

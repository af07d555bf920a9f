"""Links in the ledger: what one said counts for all, on every index, and stays with each of them afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database, migrate
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.domain.consent import ConsentEventKind, ConsentState, Provenance, is_in_force, state_at
from sekisho.domain.terms import Cell, SubjectNumber
from sekisho.errors import InvalidRequest
from tests.adapters.records.conftest import PURPOSES
from tests.adapters.records.test_ledger import ASKED, CLAIMS, EVENTS, FAR_AWAY, LONG_AGO, RECORDED, event

MAIL = (Cell("lifecycle_email"),)
MEASURING = (Cell("ab_measurement"),)
WITHDRAW, OBJECT = ConsentEventKind.WITHDRAW, ConsentEventKind.OBJECT
ALL_CELLS = [cell for purpose in ASKED for cell in purpose.all_cells()]


@pytest.fixture
async def world(database, people, keys):
    """A ledger with five people, and another worker's that has begun to read."""
    await people.register("customer_id", ["a", "b", "c", "d", "e"])
    ledger, worker = (SqlConsentLedger(database, PURPOSES, SystemClock(), keys) for _ in range(2))
    await worker.start()

    async def members(cells=MAIL):
        """Who may be used, as this worker, another one, and one that starts now say."""
        fresh = SqlConsentLedger(database, PURPOSES, SystemClock(), keys)
        found = [(await each.view(cells)).members().tolist() for each in (ledger, worker, fresh)]
        assert found[0] == found[1] == found[2]
        return found[0]

    return ledger, members


async def state_of(ledger, number, purpose="lifecycle_email", now=datetime(2050, 1, 1, tzinfo=UTC)):
    record = (await ledger.records_of(number))[1].get(Cell(purpose))
    return state_at(record, PURPOSES[purpose], now)


async def test_a_no_of_one_counts_for_all_until_unlinked(world):
    """Linking takes the yes of who is linked to a no, for anybody in the group; unlinking gives it back."""
    ledger, members = world
    await ledger.record([event(1), event(2), event(3, kind=WITHDRAW), event(4)])
    assert await members() == [1, 2, 4]
    await ledger.link(1, 2, "desk")
    assert await members() == [1, 2, 4]
    done = await ledger.link(2, 3, "desk")
    assert await members() == [4]
    assert (done.kind, done.number, done.cells, done.actor) == (ConsentEventKind.LINK, 2, (), "desk")
    assert await ledger.linked(1) == (1, 2, 3)
    assert await ledger.linked(4) == (4,)
    assert await state_of(ledger, 1) is ConsentState.WITHDRAWN
    undone = await ledger.unlink(3, 2, "desk")
    assert undone.provenance.undoes == done.id
    assert await members() == [1, 2, 4]
    assert await ledger.linked(3) == (3,)


async def test_a_no_while_linked_stays_on_both_sides(world):
    """Withdrawn while linked, it is an event of each of them, and stays after unlinking until that side gives."""
    ledger, members = world
    await ledger.record([event(1), event(2, until=FAR_AWAY)])
    await ledger.link(1, 2, "desk")
    done = await ledger.record([event(4), event(1, kind=WITHDRAW), event(4, kind=WITHDRAW)])
    assert [(each.number, each.seq) for each in done] == [(4, 4), (1, 5), (4, 7)]
    assert [(each.number, each.kind) for each in await ledger.changes(5, 1)] == [(2, WITHDRAW)]
    assert await members() == []
    await ledger.unlink(1, 2, "desk")
    assert await members() == []
    await ledger.record([event(1)])
    assert await members() == [1]
    await ledger.record([event(2)])
    assert await members() == [1, 2]


async def test_a_yes_after_the_link_lifts_the_no_for_who_answered(world):
    """Given again, it counts for those who had said yes or no, as long as it holds; never for who was not asked."""
    ledger, members = world
    await ledger.record([event(1, kind=WITHDRAW), event(2), event(3, kind=ConsentEventKind.DEFER)])
    for one in (1, 3, 4):
        await ledger.link(2, one, "desk")
    assert await members() == []
    assert await state_of(ledger, 4) is ConsentState.UNKNOWN
    soon = datetime.fromtimestamp(time.time() + 0.6, UTC)
    await ledger.record([event(2, until=soon)])
    assert await members() == [1, 2]
    assert [await state_of(ledger, number, now=LONG_AGO) for number in (3, 4)] == [
        ConsentState.DEFERRED,
        ConsentState.UNKNOWN,
    ]
    await asyncio.sleep(0.7)
    assert await members() == []
    await ledger.record([event(2)])
    assert await members() == [1, 2]
    await ledger.publish({"lifecycle_email": MAIL}, "x", Provenance())
    assert await members() == []
    assert await state_of(ledger, 1) is ConsentState.NEEDS_RECONSENT
    await ledger.record([event(2)])
    assert await members() == [1, 2]
    await ledger.unlink(1, 2, "desk")
    assert await members() == [2]


async def test_bits_and_states_agree_when_a_child_with_two_identifiers_comes_of_age(world):
    """A no that knows of a child, lifted by a yes of the other identifier: it may be used until the same instant."""
    ledger, members = world
    soon = datetime.fromtimestamp(time.time() + 1.5, UTC)
    child = event(1, kind=WITHDRAW)
    await ledger.record([replace(child, provenance=replace(child.provenance, of_age_at=soon))])
    await ledger.link(1, 2, "desk")
    await ledger.record([event(2)])
    assert await members() == [1, 2]
    await asyncio.sleep(1.6)
    assert await members() == [2]
    assert not is_in_force(await state_of(ledger, 1, now=soon))
    await ledger.record([event(2)])
    assert await members() == [1, 2], "said as an adult"
    assert await state_of(ledger, 1) is ConsentState.GIVEN


async def test_a_yes_that_waits_for_its_confirmation_lifts_no_no(world):
    """The older yes of a linked identifier counts again once the newer one is confirmed, and not if it is put off."""
    ledger, members = world
    await ledger.record([event(1), event(2, kind=WITHDRAW)])
    await ledger.link(1, 2, "desk")
    waits = replace(event(2), confirmed=True)
    await ledger.record([waits])
    assert await state_of(ledger, 2) is ConsentState.PENDING_CONFIRMATION
    assert await members() == []
    await ledger.record([replace(waits, kind=ConsentEventKind.DEFER)])
    assert await members() == []
    await ledger.record([waits])
    await ledger.record([replace(waits, kind=ConsentEventKind.CONFIRM)])
    assert await members() == [1, 2]


async def test_history_does_not_lift_a_no_by_a_link(world):
    """An imported yes that is older than the no of the linked person changes nothing."""
    ledger, members = world
    await ledger.record([event(1, kind=WITHDRAW)])
    await ledger.link(1, 2, "desk")
    await ledger.import_history([event(2, occurred=LONG_AGO)])
    assert await members() == []
    await ledger.record([event(2)])
    assert await members() == [1, 2]


async def test_linked_people_in_one_batch(world):
    """Two of a group in one transaction, in cells of their own: each of them counts in the cells of the other."""
    ledger, members = world
    first, second = ((cell,) for cell in PURPOSES["recommendation"].all_cells())
    await ledger.record(
        [event(1, "recommendation"), event(2, "recommendation", WITHDRAW), event(3, "recommendation")]
    )
    for pair in ((1, 2), (2, 3)):
        await ledger.link(*pair, "desk")
    assert await members(first) == await members(second) == []
    await ledger.record([event(1, "recommendation", cells=first), event(3, "recommendation", cells=second)])
    assert await members(first) == await members(second) == [1, 2, 3]
    await ledger.record(
        [event(3, "recommendation", WITHDRAW, cells=first), event(2, "recommendation", WITHDRAW, cells=second)]
    )
    assert await members(first) == await members(second) == []


async def test_an_objection_counts_for_all(world):
    """Legitimate interest: objected to once, no linked number is used, asked or not, until that is undone."""
    ledger, members = world
    await ledger.record([event(1, "ab_measurement", OBJECT)])
    assert await members(MEASURING) == [2, 3, 4, 5]
    await ledger.link(1, 2, "desk")
    assert await members(MEASURING) == [3, 4, 5]
    assert await state_of(ledger, 2, "ab_measurement") is ConsentState.OBJECTED
    await ledger.unlink(1, 2, "desk")
    assert await members(MEASURING) == [2, 3, 4, 5]
    assert (await ledger.records_of(2))[1] == {}, "nothing is left of what nobody said"
    await ledger.link(2, 3, "desk")
    await ledger.record([event(3, "ab_measurement", OBJECT)])
    await ledger.unlink(2, 3, "desk")
    assert await members(MEASURING) == [4, 5]


async def test_linking_twice_and_unlinking_nothing(world, people):
    """Linking again is another event without effect; what is not linked cannot be unlinked, nor a stranger linked."""
    ledger, members = world
    await ledger.record([event(1), event(2, kind=WITHDRAW)])
    for seq in (3, 4):
        assert (await ledger.link(1, 2, "desk")).seq == seq
        assert await members() == []
    await ledger.link(2, 3, "desk")
    for pair in ((1, 3), (1, 4), (4, 4)):
        with pytest.raises(InvalidRequest):
            await ledger.unlink(*pair, "desk")
    for pair in ((1, 1), (1, 99), (99, 1)):
        with pytest.raises(InvalidRequest):
            await ledger.link(*pair, "desk")
    assert await ledger.last_seq() == 5
    await ledger.unlink(1, 2, "desk")
    assert await members() == [1]
    with pytest.raises(InvalidRequest):
        await ledger.unlink(1, 2, "desk")


# What people and operators may do, in any order: (name of the operation, its arguments).
PAIRS = st.tuples(st.integers(1, 4), st.integers(1, 4)).filter(lambda pair: pair[0] != pair[1])
OPERATIONS = st.one_of(
    st.tuples(st.just("record"), st.lists(EVENTS, min_size=1, max_size=4)),
    st.tuples(st.just("import"), st.lists(EVENTS, min_size=1, max_size=4)),
    st.tuples(st.sampled_from(["link", "unlink"]), PAIRS),
    st.tuples(st.just("publish"), st.sampled_from([purpose.name for purpose in ASKED])),
)


async def perform(ledger, operation, said):
    """Do one of ``OPERATIONS``."""
    if operation == "record":
        await ledger.record(said)
    elif operation == "import":
        await ledger.import_history(said)
    elif operation == "link":
        await ledger.link(*said, "desk")
    elif operation == "publish":
        await ledger.publish({said: PURPOSES[said].all_cells()}, "officer", Provenance())
    else:
        with contextlib.suppress(InvalidRequest):
            await ledger.unlink(*said, "desk")


async def compare(database, keys, follower):
    """The follower's bits are those of an index loaded now, and those that the records say."""
    fresh = SqlConsentLedger(database, PURPOSES, SystemClock(), keys)
    now = datetime(2050, 1, 1, tzinfo=UTC)
    records = {number: (await fresh.records_of(SubjectNumber(number)))[1] for number in range(1, 5)}
    for purpose in ASKED:
        for cell in purpose.all_cells():
            said = {number for number in records if is_in_force(state_at(records[number].get(cell), purpose, now))}
            views = [await ledger.view((cell,)) for ledger in (follower, fresh)]
            assert [set(view.members().tolist()) for view in views] == [said, said], cell
            assert views[0].seq == views[1].seq


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=st.lists(OPERATIONS, max_size=12), begin=st.integers(0, 12))
def test_an_index_that_followed_is_one_that_was_loaded(tmp_path_factory, operations, begin):
    """Whatever happened, links, notices and imports among it: event by event comes to what the projection says."""
    asyncio.run(_follow(tmp_path_factory.mktemp("follow"), operations, begin))


async def _follow(folder, operations, begin):
    url = f"sqlite:///{folder}/records.db"
    migrate(url)
    database, keys = Database(url), FileKeyRing.create(folder / "keys")
    await PeopleRegistry(database, keys).register("customer_id", ["a", "b", "c", "d"])
    ledger, follower = (SqlConsentLedger(database, PURPOSES, SystemClock(), keys) for _ in range(2))
    for place, (operation, said) in enumerate(operations):
        if place == begin:
            await follower.start()
        await perform(ledger, operation, said)
        if place > begin:
            await compare(database, keys, follower)
    await compare(database, keys, follower)
    await database.close()


@pytest.mark.parametrize("seed", [1, 2])
async def test_an_index_that_followed_is_one_that_was_loaded_everywhere(database, people, keys, seed):
    """The same on every database, over one longer history."""
    await people.register("customer_id", ["a", "b", "c", "d"])
    ledger, follower = (SqlConsentLedger(database, PURPOSES, SystemClock(), keys) for _ in range(2))
    await follower.start()
    rng = random.Random(seed)
    for turn in range(60):
        operation = rng.choice(["record", "record", "record", "import", "link", "unlink", "publish"])
        if operation in {"record", "import"}:
            await perform(ledger, operation, [some_event(rng) for _ in range(rng.randint(1, 4))])
        elif operation == "publish":
            await perform(ledger, operation, rng.choice(ASKED).name)
        else:
            await perform(ledger, operation, rng.sample(range(1, 5), 2))
        if turn % 3 == 0:
            await compare(database, keys, follower)
    await compare(database, keys, follower)


def some_event(rng):
    purpose = rng.choice(ASKED)
    cells = purpose.all_cells()
    return event(
        rng.randint(1, 4),
        purpose.name,
        rng.choice([*RECORDED, ConsentEventKind.GIVE, ConsentEventKind.GIVE]),
        cells=cells[: rng.randint(1, len(cells))],
        until=rng.choice([None, LONG_AGO, FAR_AWAY]),
        occurred=rng.choice(CLAIMS),
        of_age_at=rng.choice([None, None, LONG_AGO, FAR_AWAY]),
        historical=rng.random() < 0.3,
        confirmed=rng.random() < 0.3,
    )

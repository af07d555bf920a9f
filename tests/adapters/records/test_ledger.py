"""The consent ledger: sequence, projection, groups, import."""

from __future__ import annotations

import asyncio
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
from sekisho.domain.consent import (
    NO,
    SAID_BY_PEOPLE,
    YES,
    ConsentEventKind,
    ConsentState,
    Happening,
    Provenance,
    Standing,
    after,
    is_in_force,
    state_at,
)
from sekisho.domain.terms import Cell
from sekisho.errors import ConsentUnavailable, InvalidRequest
from sekisho.ports import ConsentEventInput
from tests.adapters.records.conftest import PURPOSES

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FAR_AWAY = datetime(2100, 1, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RECORDED = sorted(SAID_BY_PEOPLE | {ConsentEventKind.EXPIRE})


def event(
    number,
    purpose="lifecycle_email",
    kind=ConsentEventKind.GIVE,
    *,
    cells=None,
    until=None,
    occurred=None,
    of_age_at=None,
    evidence=None,
    historical=False,
    confirmed=False,
):
    return ConsentEventInput(
        number=number,
        purpose=purpose,
        cells=PURPOSES[purpose].all_cells() if cells is None else cells,
        kind=kind,
        method="web_form",
        actor="data_subject",
        occurred_at=occurred,
        valid_until=until,
        evidence=evidence or {},
        provenance=Provenance(of_age_at=of_age_at),
        historical=historical,
        confirmed=confirmed,
    )


ASKED = [purpose for purpose in PURPOSES.values() if purpose.name != "customer_support"]
CLAIMS = [None, LONG_AGO, LONG_AGO + timedelta(days=1), FAR_AWAY]
EVENTS = st.builds(
    lambda number, choice, kind, until, occurred, of_age_at, historical, confirmed: event(
        number,
        choice[0],
        kind,
        cells=choice[1],
        until=until,
        occurred=occurred,
        of_age_at=of_age_at,
        historical=historical,
        confirmed=confirmed,
    ),
    st.integers(1, 4),
    st.sampled_from(
        [(purpose.name, cells) for purpose in ASKED for cells in {purpose.all_cells(), purpose.all_cells()[:1]}]
    ),
    st.sampled_from(RECORDED),
    st.sampled_from([None, LONG_AGO, FAR_AWAY]),
    st.sampled_from(CLAIMS),
    st.sampled_from([None, None, LONG_AGO, FAR_AWAY]),
    st.booleans(),
    st.booleans(),
)


def micros(at):
    return None if at is None else (at - EPOCH) // timedelta(microseconds=1)


def happened(item, done):
    """What the rule is told of an event, as its input and the time of its recording say."""
    recorded = micros(done.recorded_at)
    said = min(recorded, micros(item.occurred_at) if item.occurred_at else recorded)
    is_yes, is_no = item.kind in YES, item.kind in NO
    return Happening(
        seq=done.seq,
        kind=item.kind,
        said_at=said,
        counts_at=said if item.historical or is_yes else recorded,
        live=not item.historical and (is_no or said == recorded),
        until=micros(item.valid_until),
        of_age_at=micros(item.provenance.of_age_at),
        notice_version=item.notice_version,
        undated=item.historical and item.occurred_at is None,
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(EVENTS, max_size=6), max_size=8), late=st.integers(0, 8))
def test_projection_and_bits_are_the_fold_of_the_events(tmp_path_factory, batches, late):
    """Whatever happened, state by state and bit by bit: the rule over a person's events, expiry aside."""
    asyncio.run(_fold(tmp_path_factory.mktemp("fold"), batches, late))


async def _fold(folder, batches, late):
    url = f"sqlite:///{folder}/records.db"
    migrate(url)
    database, keys = Database(url), FileKeyRing.create(folder / "keys")
    people = PeopleRegistry(database, keys)
    await people.register("customer_id", ["a", "b", "c", "d"])
    writer = SqlConsentLedger(database, PURPOSES, SystemClock(), keys)
    # One index follows event by event, another begins to read in the middle.
    follower, latecomer = (SqlConsentLedger(database, PURPOSES, SystemClock(), keys) for _ in range(2))
    await follower.start()
    standings: dict[tuple[int, Cell], Standing | None] = {}
    seq = 0
    for place, batch in enumerate(batches):
        if place == late:
            await latecomer.start()
        for item, done in zip(batch, await writer.record(batch), strict=True):
            seq += 1
            assert done.seq == seq
            by_default = item.purpose == "ab_measurement"
            for cell in item.cells:
                standings[item.number, cell] = after(
                    standings.get((item.number, cell)),
                    happened(item, done),
                    by_default=by_default,
                    confirmed=item.confirmed,
                )
                now = standings[item.number, cell]
                assert done.states[cell] is (None if now is None else now.state)
        for index in (follower, latecomer) if place >= late else (follower,):
            await _compare(index, writer, standings, seq)
    await database.close()


async def _compare(index, writer, standings, seq):
    now = datetime(2050, 1, 1, tzinfo=UTC)
    for purpose in ASKED:
        for cell in purpose.all_cells():
            view = await index.view((cell,))
            assert view.seq == seq
            for number in range(1, 5):
                read_at, records = await writer.records_of(number)
                assert read_at == seq
                held = standings.get((number, cell))
                record = records.get(cell)
                assert (record is None) == (held is None)
                if record is not None:
                    assert held == (
                        record.state,
                        record.seq,
                        micros(record.since),
                        micros(record.valid_until),
                        micros(record.of_age_at),
                        record.notice_version,
                    )
                expected = is_in_force(state_at(record, purpose, now))
                assert (number in view.members().tolist()) == expected == view.is_member(number)
        whole = await index.view(purpose.all_cells())
        parts = [set((await index.view((cell,))).members().tolist()) for cell in purpose.all_cells()]
        assert set(whole.members().tolist()) == set.intersection(*parts)


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
    for kind in RECORDED:
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


async def test_recorded_at_grows_even_when_the_clock_does_not(url, database, people, ledger):
    """What was known at a time is a prefix of the ledger, though the clock of the database went back a century."""
    await people.register("customer_id", ["a"])
    ahead = datetime(2120, 1, 1, tzinfo=UTC)
    await ledger.record([event(1)])
    with database.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE consent_event SET recorded_at = {micros(ahead)}")
    times = [(await ledger.record([event(1)]))[0].recorded_at for _ in range(3)]
    assert [ahead, *times] == sorted({ahead, *times})


async def test_a_yes_that_claims_an_earlier_time_does_not_lift_a_no(ledger, people):
    """What came in live counts in order; a yes with a claim counts from its claim, a no from both."""
    await people.register("customer_id", ["a"])

    async def state_after(kind, **said):
        return (await ledger.record([event(1, kind=kind, **said)]))[0].states["lifecycle_email"]

    assert await state_after(ConsentEventKind.WITHDRAW) is ConsentState.WITHDRAWN
    assert await state_after(ConsentEventKind.GIVE, occurred=LONG_AGO) is ConsentState.WITHDRAWN
    assert await state_after(ConsentEventKind.GIVE, occurred=FAR_AWAY) is ConsentState.GIVEN
    assert await state_after(ConsentEventKind.REFUSE, occurred=LONG_AGO) is ConsentState.REFUSED
    assert await state_after(ConsentEventKind.GIVE) is ConsentState.GIVEN
    assert await state_after(ConsentEventKind.REFUSE, occurred=LONG_AGO, historical=True) is ConsentState.GIVEN


async def test_a_major_notice_ends_every_earlier_yes(ledger, people, database, keys):
    """One event for each purpose: earlier yeses are outdated, later ones count, what is active by default stays."""
    await people.register("customer_id", ["a", "b"])
    other = SqlConsentLedger(database, PURPOSES, SystemClock(), keys)
    await other.start()
    mail, measuring = (Cell("lifecycle_email"),), (Cell("ab_measurement"),)
    await ledger.record([event(1), event(2), event(2, "ab_measurement", ConsentEventKind.OBJECT)])
    done = []
    cells = {"lifecycle_email": mail, "ab_measurement": measuring}
    seq = await ledger.publish(
        cells, "requester:privacy_officer", Provenance(notice_key="n"), also=lambda *said: done.append(said[1:])
    )
    assert (seq, await ledger.last_seq()) == (5, 5)
    event_of_notice = (await ledger.changes(4, 1))[0]
    assert done == [(5, micros(event_of_notice.recorded_at))]
    assert (event_of_notice.number, event_of_notice.kind) == (0, ConsentEventKind.PUBLISH)
    fresh = SqlConsentLedger(database, PURPOSES, SystemClock(), keys)
    for index in (other, fresh):
        assert (await index.view(mail)).members().tolist() == []
        assert (await index.view(measuring)).members().tolist() == [1]
    records = (await ledger.records_of(1))[1]
    assert records["lifecycle_email"].outdated
    assert state_at(records["lifecycle_email"], PURPOSES["lifecycle_email"], FAR_AWAY) is ConsentState.NEEDS_RECONSENT
    await ledger.record([event(1), event(2, "ab_measurement")])
    fresh = SqlConsentLedger(database, PURPOSES, SystemClock(), keys)
    for index in (other, fresh):
        assert (await index.view(mail)).members().tolist() == [1]
        assert (await index.view(measuring)).members().tolist() == [1, 2]
    assert not (await ledger.records_of(1))[1]["lifecycle_email"].outdated
    await ledger.publish({"ab_measurement": measuring}, "requester:privacy_officer", Provenance())
    assert not (await ledger.records_of(2))[1]["ab_measurement"].outdated
    assert (await other.view(measuring)).members().tolist() == [1, 2]


async def test_what_runs_with_a_notice_stands_or_falls_with_it(ledger, people):
    """A failure of the work in the same transaction takes the events back."""
    await people.register("customer_id", ["a"])
    await ledger.record([event(1)])

    def fail(connection, seq, now):
        raise InvalidRequest("no")

    with pytest.raises(InvalidRequest):
        await ledger.publish({"lifecycle_email": ("lifecycle_email",)}, "x", Provenance(), also=fail)
    assert await ledger.last_seq() == 1
    assert (await ledger.view(("lifecycle_email",))).members().tolist() == [1]
    assert await ledger.publish({}, "x", Provenance()) == 1


async def test_unreadable_events_are_refused(ledger, people):
    """No cell, a cell of another purpose, a time without zone: refused before anything is written."""
    await people.register("customer_id", ["a"])
    for wrong in (
        event(1, cells=()),
        event(1, cells=("ab_measurement",)),
        event(1, until=datetime(2100, 1, 1)),  # noqa: DTZ001
        event(1, of_age_at=datetime(2100, 1, 1)),  # noqa: DTZ001
        event(1, kind=ConsentEventKind.LINK),
        event(1, kind=ConsentEventKind.PUBLISH),
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
    """Old yeses are kept, and change nothing where a later no stands, whichever came in first."""
    await people.register("customer_id", ["a", "b", "c"])
    await ledger.record([event(1, kind=ConsentEventKind.WITHDRAW)])
    result = await ledger.import_history(
        iter(
            [
                event(3, kind=ConsentEventKind.WITHDRAW, occurred=LONG_AGO + timedelta(days=9)),
                event(3, occurred=LONG_AGO + timedelta(days=1)),
                event(1, occurred=LONG_AGO),
                event(2, occurred=LONG_AGO),
            ]
        )
    )
    assert (result.recorded, result.unchanged, result.last_seq) == (4, 2, 5)
    assert (await ledger.view(("lifecycle_email",))).members().tolist() == [2]
    assert (await ledger.records_of(2))[1]["lifecycle_email"].since == LONG_AGO
    assert [done.seq for done in await ledger.history(3)] == [2, 3]


async def test_an_import_is_read_piece_by_piece(ledger, people, monkeypatch):
    """Events are taken as they are needed, and what was written before a fault stays written."""
    monkeypatch.setattr("sekisho.adapters.records.consents._IMPORT", 2)
    await people.register("customer_id", ["a"])
    taken = []

    def lines():
        for number in (1, 1, 1, 99, 1):
            taken.append(number)
            yield event(number)

    with pytest.raises(InvalidRequest):
        await ledger.import_history(lines())
    assert (await ledger.last_seq(), taken) == (2, [1, 1, 1, 99])


@pytest.mark.long
async def test_a_demonstration_sized_history_loads_in_seconds(ledger, people):
    """Forty-five thousand events are in, and in the bits, within seconds."""
    numbers = await people.register("customer_id", [f"c{i}" for i in range(15_000)])
    events = [event(int(number), purpose.name) for purpose in ASKED for number in numbers]
    start = time.perf_counter()
    result = await ledger.import_history(events)
    view = await ledger.view(("lifecycle_email",))
    assert time.perf_counter() - start < 20  # 2 s on a quiet machine
    assert (result.recorded, len(view.members())) == (45_000, 15_000)

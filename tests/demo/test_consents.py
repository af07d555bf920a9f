"""Consent histories: shares, cells, order, repeatability."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.demo.consents import IN_FORCE_SHARES, consent_history
from sekisho.domain.consent import ConsentEventKind, ConsentRecord, is_in_force, state_after, state_at
from sekisho.domain.terms import Cell, LegalBasis, Purpose

NOW = datetime(2026, 6, 1, tzinfo=UTC)
CATEGORIES = ("purchase", "behaviour", "intent", "profile")
PURPOSES = {
    name: Purpose(
        name,
        LegalBasis.LEGITIMATE_INTEREST if name == "ab_measurement" else LegalBasis.CONSENT,
        cells=CATEGORIES if name in {"recommendation", "lifecycle_email"} else (),
    )
    for name in IN_FORCE_SHARES
}
CELLS = {name: purpose.all_cells() for name, purpose in PURPOSES.items()}
PEOPLE = range(12_346, 12_346 + 4_339)


def states(events):
    """Return the record that follows from *events*, by person and cell."""
    records = {}
    for seq, event in enumerate(events):
        for cell in event.cells:
            records[event.customer_id, cell] = ConsentRecord(
                cell, state_after(event.kind), seq, event.occurred_at, event.valid_until, event.notice_version
            )
    return records


@pytest.fixture(scope="module")
def events():
    return consent_history(PEOPLE, seed=7, cells_by_purpose=CELLS)


@pytest.fixture(scope="module")
def records(events):
    return states(events)


def in_force(records, purpose, cell):
    """Return the people who agree to *cell*."""
    return {person for person in PEOPLE if is_in_force(state_at(records.get((person, cell)), PURPOSES[purpose], NOW))}


@pytest.mark.parametrize("purpose", sorted(IN_FORCE_SHARES))
def test_about_three_in_four_agree_to_each_purpose(records, purpose):
    """Between 60 and 88 percent of people have each cell's consent in force."""
    for cell in CELLS[purpose]:
        assert 0.59 < len(in_force(records, purpose, cell)) / len(PEOPLE) < 0.89


def test_purposes_differ(records):
    """No two purposes are agreed to by the same people."""
    groups = [frozenset(in_force(records, purpose, CELLS[purpose][0])) for purpose in PURPOSES]
    assert len(set(groups)) == len(groups)


@pytest.mark.parametrize("purpose", ["recommendation", "lifecycle_email"])
def test_some_allow_purchases_but_not_behaviour(records, purpose):
    """Within one purpose people agree to some data categories and not to others."""
    purchase, behaviour = (in_force(records, purpose, cell) for cell in CELLS[purpose][:2])
    assert len(purchase - behaviour) > 200


def test_every_way_of_not_agreeing_occurs(records):
    """Refused, withdrawn, expired, never asked and objected all have people."""
    found = {
        str(state_at(records.get((person, cell)), purpose, NOW))
        for purpose in PURPOSES.values()
        for person in PEOPLE
        for cell in purpose.all_cells()
    }
    assert {"given", "refused", "withdrawn", "expired", "unknown", "objected", "active_by_default"} <= found


def test_measurement_is_active_until_somebody_objects(events):
    """A purpose of legitimate interest has objections only, of about fifteen percent."""
    about = [event for event in events if event.purpose == "ab_measurement"]
    assert {event.kind for event in about} == {ConsentEventKind.OBJECT}
    assert 0.13 < len(about) / len(PEOPLE) < 0.17


def test_a_withdrawal_follows_what_it_withdraws(events):
    """Events stand in the order of time, and nothing is withdrawn that was not given."""
    assert [e.occurred_at for e in events] == sorted(e.occurred_at for e in events)
    given_cells = set()
    for event in events:
        keys = {(event.customer_id, cell) for cell in event.cells}
        if event.kind is ConsentEventKind.GIVE:
            given_cells |= keys
        elif event.kind is ConsentEventKind.WITHDRAW:
            assert keys <= given_cells


def test_a_yes_ends_long_ago_or_years_ahead(events):
    """No consent of the demonstration runs out while somebody looks at it."""
    ends = {event.valid_until for event in events if event.valid_until is not None}
    assert all(end < datetime(2013, 1, 1, tzinfo=UTC) or end >= datetime(2031, 1, 1, tzinfo=UTC) for end in ends)
    assert {end.year < 2013 for end in ends} == {True, False}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 10**6), unique=True, max_size=40),
    st.integers(0, 2**32),
    st.randoms(use_true_random=False),
)
def test_histories_follow_from_seed_and_ids(ids, seed, random):
    """The order of ids and of purposes changes nothing, and no one else's decisions appear."""
    first = consent_history(ids, seed=seed, cells_by_purpose=CELLS)
    shuffled = random.sample(ids, len(ids))
    backwards = dict(reversed(CELLS.items()))
    second = consent_history(np.array(shuffled, dtype=np.int64), seed=seed, cells_by_purpose=backwards)
    assert first == second
    assert {event.customer_id for event in first} <= set(ids)


@pytest.mark.parametrize("purpose", ["surprise"])
def test_a_purpose_nobody_knows_is_asked_about_too(purpose):
    """A workspace may add a purpose; it gets three in four."""
    events = consent_history(PEOPLE, seed=7, cells_by_purpose={purpose: (Cell(purpose),)})
    agreed = {
        person
        for (person, _), record in states(events).items()
        if is_in_force(state_at(record, Purpose(purpose, LegalBasis.CONSENT), NOW))
    }
    assert 0.72 < len(agreed) / len(PEOPLE) < 0.78

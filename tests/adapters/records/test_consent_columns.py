"""Columns of packed bits do what a dictionary of people would; and the whole projection is read into them."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.records import consent_load
from sekisho.adapters.records.consent_view import Column, MemberView, intersection, next_view, packed
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.domain.consent import ConsentEventKind, is_in_force, state_at
from sekisho.domain.terms import Cell
from tests.adapters.records.conftest import PURPOSES
from tests.adapters.records.test_ledger import ASKED, FAR_AWAY, LONG_AGO, event

PEOPLE = 40
NUMBERS = st.integers(1, PEOPLE)
TIMES = st.integers(1, 20)
STEPS = st.one_of(
    st.tuples(st.just("put"), NUMBERS, st.booleans(), st.none() | TIMES),
    st.tuples(st.just("grow"), st.integers(1, 200)),
    st.tuples(st.just("expire"), TIMES),
    st.tuples(st.just("clear")),
)


@given(
    by_default=st.booleans(),
    loaded=st.dictionaries(NUMBERS, st.none() | TIMES),
    parts=st.integers(1, 4),
    steps=st.lists(STEPS, max_size=30),
)
def test_a_column_is_a_dictionary_of_people(by_default, loaded, parts, steps):
    """Read, changed by events, grown, cleared and expired, a column has the bits that a plain model has."""
    column = Column(by_default=by_default)
    column.grow(PEOPLE)
    model: dict[int, int | None] = {number: None for number in range(1, PEOPLE + 1) if by_default}
    column.fill(np.array(list(loaded), np.int64), on=True)
    model.update(loaded)
    ending = [(until, number) for number, until in loaded.items() if until is not None]
    for part in range(parts):
        held = np.array(ending[part::parts], np.int64).reshape(-1, 2)
        column.expect(held[:, 0], held[:, 1])
    people, now = PEOPLE, 0
    for step, *said in steps:
        before = set(model)
        if step == "put":
            number, on, until = said
            changed = column.put(number, until, on=on)
            model.pop(number, None)
            if on:
                model[number] = until
        elif step == "grow":
            changed = column.grow(said[0])
            if by_default:
                model.update(dict.fromkeys(range(people + 1, said[0] + 1)))
            people = max(people, said[0])
        elif step == "clear":
            changed = column.clear()
            model.clear()
        else:
            now = max(now, said[0])
            changed = column.expire(now)
            model = {number: until for number, until in model.items() if until is None or until > now}
        assert changed == (set(model) != before)
        assert MemberView(1, 1, (), intersection([column])).members().tolist() == sorted(model)


@given(st.lists(st.booleans(), max_size=300), st.lists(st.integers(-70, 400), max_size=40))
def test_a_view_answers_one_by_one_and_in_bulk_alike(flags, numbers):
    """``is_member``, ``allowed`` and ``members`` say the same, of strangers too."""
    view = next_view((), 0, packed(np.array(flags, np.bool_)), None)
    members = {number for number, flag in enumerate(flags) if flag}
    assert view.members().tolist() == sorted(members)
    assert [view.is_member(number) for number in numbers] == [number in members for number in numbers]
    assert view.allowed(np.array(numbers, np.int64)).tolist() == [number in members for number in numbers]


@pytest.mark.parametrize("pages", [1, 3, 8_192])
async def test_the_whole_projection_is_read(database, people, keys, monkeypatch, pages):
    """However it is cut into pieces, and with a second connection: every bit and every end is there."""
    monkeypatch.setattr(consent_load, "_PAGES", pages)
    monkeypatch.setattr(consent_load, "_BLOCK", 100)
    monkeypatch.setattr(consent_load, "_ROWS", 100)
    numbers = (await people.register("customer_id", [f"c{number}" for number in range(700)])).tolist()
    ledger = SqlConsentLedger(database, PURPOSES, SystemClock(), keys)
    await ledger.start()  # follows event by event
    kinds = [ConsentEventKind.GIVE, ConsentEventKind.WITHDRAW, ConsentEventKind.RENEW, ConsentEventKind.OBJECT]
    for place, purpose in enumerate(ASKED):
        await ledger.record(
            [
                event(
                    number,
                    purpose.name,
                    kinds[(number * 7 + place) % 4],
                    until=[None, LONG_AGO, FAR_AWAY][number % 3],
                )
                for number in numbers
                if (number + place) % 5
            ]
        )
    fresh, now = SqlConsentLedger(database, PURPOSES, SystemClock(), keys), datetime(2050, 1, 1, tzinfo=UTC)
    records = {number: (await ledger.records_of(number))[1] for number in numbers}
    for purpose in ASKED:
        for cell in purpose.all_cells():
            said = {number for number in records if is_in_force(state_at(records[number].get(cell), purpose, now))}
            assert set((await fresh.view((cell,))).members().tolist()) == said
            assert set((await ledger.view((cell,))).members().tolist()) == said
            assert 100 < len(said) < 700


async def test_a_purpose_that_is_gone_is_not_read(database, people, keys):
    """States of purposes that the workspace no longer declares are passed over."""
    await people.register("customer_id", ["a"])
    ledger = SqlConsentLedger(database, PURPOSES, SystemClock(), keys)
    await ledger.record([event(1), event(1, "recommendation")])
    fewer = {name: purpose for name, purpose in PURPOSES.items() if name == "lifecycle_email"}
    fresh = SqlConsentLedger(database, fewer, SystemClock(), keys)
    assert (await fresh.view((Cell("lifecycle_email"),))).is_member(1)

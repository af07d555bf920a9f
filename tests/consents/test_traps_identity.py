"""Traps that other consent systems fell into, about who is who."""

from __future__ import annotations

import asyncio

import pytest
from tests.consents.import_house import DESK, House, open_house

from sekisho.consents.linking import Linking
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.terms import Cell
from sekisho.ports import ConsentEventInput, DataSubjectRef

CUSTOMER = DataSubjectRef("customer_id", "17850")
EMAIL = DataSubjectRef("email_sha256", "ab" * 32)
MAIL = Cell("lifecycle_email")


async def say(house: House, person: DataSubjectRef, kind: ConsentEventKind) -> None:
    number = await house.parts.registered(person)
    await house.ledger.record([ConsentEventInput(number, "lifecycle_email", (MAIL,), kind, "api", "data_subject")])


async def allowed(house: House, person: DataSubjectRef) -> bool:
    numbers = await house.people.numbers_of(person.identifier, [person.value])
    return bool((await house.ledger.view((MAIL,))).allowed(numbers)[0])


@pytest.mark.parametrize("linked", ["before", "after"])
async def test_an_opt_out_under_part_of_an_identity_is_never_skipped(empty_url, linked):
    """A no under one identifier reaches data under another (Fides: connectors without that identifier skip it).

    It does so whether the identifiers were linked before or after, and also where the one that said no was never
    seen before.
    """
    house = open_house(empty_url)
    try:
        linking = Linking(house.parts)
        await say(house, CUSTOMER, ConsentEventKind.GIVE)
        assert await allowed(house, CUSTOMER)
        if linked == "before":
            await linking.link(DESK, [CUSTOMER, EMAIL])
            assert await allowed(house, CUSTOMER)
        await say(house, EMAIL, ConsentEventKind.WITHDRAW)
        if linked == "after":
            assert await allowed(house, CUSTOMER)
            await linking.link(DESK, [EMAIL, CUSTOMER])
        assert not await allowed(house, CUSTOMER)
        assert not await allowed(house, EMAIL)
    finally:
        await house.database.close()


async def test_there_is_one_current_state_however_many_speak_at_once(empty_url):
    """Two workers that meet a stranger at once make one person with one state (Fides: duplicate current rows)."""
    houses = [open_house(empty_url), open_house(empty_url)]
    kinds = [ConsentEventKind.GIVE, ConsentEventKind.WITHDRAW]
    try:
        await asyncio.gather(
            *(say(houses[turn % 2], CUSTOMER, kinds[turn // 2 % 2]) for turn in range(24)),
        )
        (people,) = await houses[0].database.peek("SELECT COUNT(*) FROM data_subject")
        states = await houses[0].database.peek("SELECT number, cell, seq, state FROM consent_state")
        events = await houses[0].database.peek("SELECT seq, kind FROM consent_event ORDER BY seq")
        assert people == (1,)
        assert [seq for seq, _ in events] == list(range(1, 25))
        last, kind = events[-1]
        state = {"give": "given", "withdraw": "withdrawn"}[kind]
        assert [tuple(row) for row in states] == [(1, MAIL, last, state)]
        assert {await allowed(house, CUSTOMER) for house in houses} == {state == "given"}
    finally:
        for house in houses:
            await house.database.close()

"""Simulating a publication tells whom it would touch, and publishing then does just that."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.consents.fakes import PURPOSES
from tests.consents.notice_world import MAJOR, MINOR, OFFICER, REQUESTERS, TEXTS, published, world_in

from sekisho.domain.consent_rules import asks_people
from sekisho.domain.notices import Change
from sekisho.domain.terms import LegalBasis
from sekisho.errors import InvalidRequest


async def test_simulating_tells_whom_publishing_would_touch(world, notices):
    """People in force in any cell are counted once, by purpose and in all, with the requesters that lose data."""
    await world.give("recommendation", 5, cells=1)
    await world.give("recommendation", 2)
    await world.give("lifecycle_email", 3)
    purposes = ["recommendation", "lifecycle_email", "ab_measurement", "customer_support"]
    for change in (MAJOR, MINOR):
        await notices.draft(OFFICER, "terms", change, purposes, TEXTS)

    assert await notices.simulate(OFFICER, "terms", "2") == {
        "key": "terms",
        "version": "2",
        "change": "major",
        "asked_again": 5,
        "by_purpose": {"recommendation": 5, "lifecycle_email": 3, "ab_measurement": 0},
        "in_force_now": {"recommendation": 5, "lifecycle_email": 3, "ab_measurement": 5},
        "requesters": ["mailer", "recommender"],
    }
    minor = await notices.simulate(OFFICER, "terms", "3")
    assert (minor["asked_again"], minor["requesters"]) == (0, [])
    assert minor["by_purpose"] == dict.fromkeys(purposes[:3], 0)
    await notices.publish(OFFICER, "terms", "3")
    with pytest.raises(InvalidRequest, match="newer"):
        await notices.simulate(OFFICER, "terms", "2")
    assert (await notices.simulate(OFFICER, "terms", "3"))["asked_again"] == 0
    await published(notices, "terms", MAJOR)
    await world.give("recommendation")
    assert (await notices.simulate(OFFICER, "terms", "4"))["asked_again"] == 0  # it is in force: nobody more


ASKING = [name for name, purpose in PURPOSES.items() if asks_people(purpose)]
_ASKING = [name for name in ASKING if PURPOSES[name].legal_basis is LegalBasis.CONSENT]
_GIVEN = st.lists(st.tuples(st.sampled_from(_ASKING), st.integers(1, 4), st.sampled_from([1, None])), max_size=6)
_DRAFTS = st.lists(
    st.tuples(
        st.sampled_from(["terms", "mail"]),
        st.sampled_from(list(Change)),
        st.lists(st.sampled_from(sorted(PURPOSES)), min_size=1, max_size=4, unique=True),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=25, deadline=None)
@given(given_first=st.booleans(), decisions=_GIVEN, drafts=_DRAFTS)
def test_publishing_does_what_simulating_said(migrated, given_first, decisions, drafts):
    """Whatever people decided and whatever was published before: simulated is what then happens, to a person."""

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with world_in(Path(folder), migrated) as world:
                await _compare(world, decisions, drafts, synced=given_first)

    asyncio.run(run())


async def _compare(world, decisions, drafts, *, synced) -> None:
    notices = world.notices_of()
    if synced:
        await notices.sync()
    for purpose, people, cells in decisions:
        await world.give(purpose, people, cells)
    for key, change, purposes, publishes in drafts:
        draft = await notices.draft(OFFICER, key, change, purposes, TEXTS)
        before = {name: await world.in_force(name) for name in ASKING}
        told = await notices.simulate(OFFICER, key, draft["version"])
        assert {name: await world.in_force(name) for name in ASKING} == before
        if not publishes:
            continue
        await notices.publish(OFFICER, key, draft["version"])
        lost = {name: before[name] - await world.in_force(name) for name in ASKING}
        asked = set(purposes) & set(ASKING)
        assert told["by_purpose"] == {name: len(lost[name]) for name in asked}
        assert told["in_force_now"] == {name: len(before[name]) for name in asked}
        assert told["asked_again"] == len(set().union(*lost.values()))
        losing = {name for name in lost if lost[name]}
        assert told["requesters"] == sorted(r.name for r in REQUESTERS.values() if r.purposes & losing)

"""Questions that look alike, and decisions that know time: what memory must tell apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sekisho.adapters.decisions import DecisionCache
from sekisho.adapters.rego import EmbeddedRego
from sekisho.domain.access import AccessRequest
from sekisho.domain.request_context import Moment
from sekisho.errors import PolicyUnavailable
from tests.adapters.test_policy_cache import cached, question
from tests.fakes import FakeClock
from tests.policies.catalogue import NOW, PURPOSES, REQUESTERS, questions

TOKYO = ZoneInfo("Asia/Tokyo")


async def test_half_a_character_is_no():
    """Text that cannot be written down is refused: written with a substitute, two questions would be one."""
    cache, pdp = cached()
    odd = replace(question(), requester=replace(REQUESTERS[0], name="\ud800"))
    with pytest.raises(PolicyUnavailable):
        await cache.decide(odd)
    assert not pdp.asked


LOOKING_ALIKE = [
    ("e\u0301", "\u00e9"),  # an accent apart, and in one
    ("a", "\u0430"),  # Latin, Cyrillic
    ("a", "a\u200b"),
    ("a", "a "),
    ("a", "A"),
    ("null", ""),
    ('x", "y', "x"),
    ("\uff41", "a"),
]


@pytest.mark.parametrize(("one", "other"), LOOKING_ALIKE, ids=range(len(LOOKING_ALIKE)))
async def test_names_that_look_alike_are_two(one, other):
    """Nothing is normalised: of two names that only look alike each is asked for itself."""
    cache, pdp = cached()
    for name in (one, other):
        await cache.decide(replace(question(), requester=replace(REQUESTERS[0], name=name)))
        await cache.decide(replace(question(), view=name))
        await cache.decide(replace(question(), purpose=replace(PURPOSES["recommendation"], name=name)))
    assert len(pdp.asked) == 6


async def test_values_that_are_equal_in_python_alone_are_two():
    """True and 1, and no view and one called null, are different questions."""
    cache, pdp = cached()
    odd: list[Any] = [True, 1, "1"]
    for third_party in odd:
        await cache.decide(replace(question(), purpose=replace(PURPOSES["recommendation"], third_party=third_party)))
    odd = [None, "null", "None", 0, False]
    for view in odd:
        await cache.decide(replace(question(), view=view))
    assert len(pdp.asked) == 8


def _at(asked: AccessRequest, instant: datetime) -> AccessRequest:
    return replace(asked, now=Moment.of(instant, TOKYO))


def _moments(start: datetime, until: datetime | None) -> Iterator[datetime]:
    """Yield instants at which a decision of *start* must still be the policy's."""
    if until is None:
        yield from (start + timedelta(hours=hours) for hours in (1, 13, 61, 24 * 200))
        yield start - timedelta(days=3)
    else:
        yield until - timedelta(seconds=1)
        yield start + (until - start) / 2


async def test_until_its_end_a_decision_is_the_one_that_would_be_taken():
    """Kept without the time in its key, a decision is right at every moment until it says that it ends."""
    policies = EmbeddedRego()
    start, ending, changed = datetime.fromtimestamp(NOW.epoch, UTC), 0, 0
    for asked in [each for each in questions() if each.now is not None][::2]:
        decision = await policies.decide(_at(asked, start))
        for moment in _moments(start, decision.valid_until):
            later = await policies.decide(_at(asked, moment))
            assert replace(later, valid_until=None) == replace(decision, valid_until=None), (asked, moment)
        if decision.valid_until is not None:
            ending += 1
            for after in (timedelta(0), timedelta(days=5)):
                later = await policies.decide(_at(asked, decision.valid_until + after))
                changed += replace(later, valid_until=None) != replace(decision, valid_until=None)
    await policies.close()
    assert ending > 10
    assert changed > 3  # the ends are real: from there on another decision is taken


async def test_a_freeze_and_a_grant_end_while_their_decision_is_kept():
    """The decision of a working day is not found on the weekend, and that of a grant not after it."""
    policies, clock = EmbeddedRego(), FakeClock()
    friday = datetime(2026, 11, 20, 23, 59, 59, tzinfo=TOKYO).astimezone(UTC)
    clock.advance((friday - clock.now()).total_seconds())
    cache = DecisionCache(policies, clock)
    frozen = replace(question(), purpose=replace(PURPOSES["recommendation"], weekend_freeze=True))
    on_friday = await cache.decide(_at(frozen, clock.now()))
    assert await cache.decide(_at(frozen, clock.now())) is on_friday
    clock.advance(1)
    on_saturday = await cache.decide(_at(frozen, clock.now()))
    assert "weekend_freeze" in getattr(on_saturday, "reasons", ())
    clock.advance(2 * 24 * 3600)
    on_monday = await cache.decide(_at(frozen, clock.now()))
    assert replace(on_monday, valid_until=None) == replace(on_friday, valid_until=None)
    await cache.close()

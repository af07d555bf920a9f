"""Decisions kept in memory: what may be found again, and by whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.adapters.decisions import DecisionCache
from sekisho.adapters.rego import EmbeddedRego
from sekisho.domain.access import AccessRequest, DatasetUse, Decision, Deny, Permit, TransformKind, Use
from sekisho.domain.limits import Place
from sekisho.domain.policy_time import Timing
from sekisho.domain.request_context import Grant, Moment, RequestContext
from sekisho.domain.terms import ColumnClass, Recipient
from sekisho.errors import PolicyUnavailable
from tests.fakes import FakeClock
from tests.policies.catalogue import DATASETS, PURPOSES, REQUESTERS, ask, column, questions, using

SHOWN = frozenset({Use.SHOWN})


@dataclass
class Counting:
    """A point of decision that counts, refuses everything, and fails or changes when told to."""

    revision: str | None = "r1"
    asked: list[AccessRequest] = field(default_factory=list)
    answer: Callable[[AccessRequest], Decision] | None = None
    valid_until: timedelta | None = None
    clock: FakeClock = field(default_factory=FakeClock)
    timing: Timing = Timing.KEPT

    async def decide(self, request: AccessRequest) -> Decision:
        """Count, and answer as told."""
        self.asked.append(request)
        if self.answer is not None:
            return self.answer(request)
        until = None if self.valid_until is None else self.clock.now() + self.valid_until
        return Deny("access_denied", (f"no_{len(self.asked)}",), self.revision or "unversioned", until)

    async def in_force(self) -> str | None:
        """Return the revision."""
        return self.revision

    async def healthy(self) -> bool:
        """Return yes."""
        return True

    def ensure_loaded(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""


def cached(size: int = 4096) -> tuple[DecisionCache, Counting]:
    pdp = Counting()
    return DecisionCache(pdp, pdp.clock, size=size), pdp


def question() -> AccessRequest:
    return ask(
        REQUESTERS[0],
        PURPOSES["recommendation"],
        using(DATASETS[1], "invoice", "customer_id"),
        using(DATASETS[2], "query_text"),
    )


async def test_an_equal_question_is_not_asked_again():
    """The same question, also from other objects and in another order, is answered from memory."""
    cache, pdp = cached()
    first = await cache.decide(question())
    again = replace(
        question(),
        requester=replace(REQUESTERS[0]),
        purpose=replace(PURPOSES["recommendation"]),
        datasets=tuple(
            DatasetUse(replace(use.dataset), dict(reversed(list(use.columns.items()))))
            for use in reversed(question().datasets)
        ),
    )
    assert await cache.decide(again) is first
    assert len(pdp.asked) == 1


def poisons() -> list[AccessRequest]:
    """Return questions that differ from the one in a single thing each."""
    one = question()
    lines, events = one.datasets
    return [
        replace(one, requester=replace(one.requester, name="other")),
        replace(one, requester=replace(one.requester, purposes=frozenset({"recommendation"}))),
        replace(one, requester=replace(one.requester, roles=frozenset({"admin"}))),
        replace(one, requester=replace(one.requester, recipient=Recipient.THIRD_PARTY)),
        replace(one, purpose=PURPOSES["ab_measurement"]),
        replace(one, purpose=replace(one.purpose, cells=("purchase",))),
        replace(one, purpose=replace(one.purpose, clear=frozenset({"email"}))),
        replace(one, purpose=replace(one.purpose, explicit=frozenset({"sensitive"}))),
        replace(one, purpose=replace(one.purpose, third_party=True)),
        replace(one, action="view"),
        replace(one, view="rfm_cells"),
        replace(one, place=Place("DE")),
        replace(one, context=RequestContext("INC-1")),
        replace(one, context=RequestContext("INC-1", Grant("g", "recommender", "p", "INC-1", "officer", 1, 2))),
        replace(one, context=RequestContext("INC-1", Grant("g", "recommender", "p", "INC-1", "officer", 1, 3))),
        replace(one, datasets=(lines,)),
        replace(one, datasets=(lines, DatasetUse(events.dataset, {"ip": SHOWN}))),
        replace(one, datasets=(lines, DatasetUse(events.dataset, {}))),
        replace(one, datasets=(lines, DatasetUse(events.dataset, {"query_text": frozenset({Use.COMPARED})}))),
        replace(one, datasets=(lines, DatasetUse(events.dataset, {"query_text": SHOWN | {Use.PASSED}}))),
        replace(one, datasets=(lines, replace(events, dataset=replace(events.dataset, data_category="x")))),
        replace(one, datasets=(lines, replace(events, dataset=replace(events.dataset, data_subject=None)))),
        replace(one, datasets=(lines, replace(events, dataset=replace(events.dataset, purposes=frozenset())))),
        replace(
            one,
            datasets=(
                lines,
                replace(
                    events,
                    dataset=replace(
                        events.dataset, columns=(column("query_text", ColumnClass.NONE, "search_query"),)
                    ),
                ),
            ),
        ),
    ]


async def test_no_other_question_finds_the_answer():
    """Another requester, purpose, use, class or dataset is another question."""
    cache, pdp = cached()
    await cache.decide(question())
    for count, poison in enumerate(poisons(), start=2):
        await cache.decide(poison)
        assert len(pdp.asked) == count
    await cache.decide(question())
    assert len(pdp.asked) == len(poisons()) + 1


@settings(max_examples=200, deadline=None)
@given(pair=st.tuples(*[st.sampled_from([*poisons(), question(), *list(questions())[::7]])] * 2))
def test_keys_are_equal_exactly_when_the_canonical_questions_are(pair):
    """The key, made of kept pieces, tells questions apart exactly as their canonical bytes do."""
    cache, _ = cached()
    first, second = pair
    cache._keys.of(second)
    assert (cache._keys.of(first) == cache._keys.of(second)) == (first.canonical() == second.canonical())


def test_the_key_covers_the_whole_question():
    """A part that the question gains is a part that the key must gain: this list says so."""
    body = question().to_json()
    told = {"action", "view", "controller", "context", "requester", "purpose", "datasets"}
    assert set(question().lasting_json()) == told
    assert set(body) == told | {"now"}


def test_the_key_does_not_depend_on_when_it_is_asked():
    """An answer is found again until it ends, which it says itself: ``now`` is no part of the key."""
    cache, _ = cached()
    later = replace(question(), now=Moment(1, "monday", 2))
    assert cache._keys.of(later) == cache._keys.of(question())
    assert later.canonical() == question().canonical()
    assert later.to_json() != question().to_json()


async def test_a_new_revision_is_asked_again():
    """After a change of policy nothing of the former policy answers."""
    cache, pdp = cached()
    before = await cache.decide(question())
    pdp.revision = "r2"
    after = await cache.decide(question())
    assert (before.revision, after.revision) == ("r1", "r2")
    assert len(pdp.asked) == 2


async def test_a_slow_answer_of_a_former_policy_is_not_kept():
    """A decision that comes when its policy is in force no more is given to who asked, and to nobody else."""
    cache, pdp = cached()

    def slow(_: AccessRequest) -> Decision:
        pdp.revision = "r2"
        return Deny("access_denied", ("by_r1",), "r1")

    pdp.answer = slow
    assert (await cache.decide(question())).revision == "r1"
    pdp.answer = None
    assert (await cache.decide(question())).revision == "r2"
    pdp.revision = "r1"  # and not when the former policy comes back
    assert getattr(await cache.decide(question()), "reasons", None) == ("no_3",)
    assert len(pdp.asked) == 3


async def test_a_fast_answer_of_the_next_policy_does_not_stand_for_the_former():
    """An answer of a revision that is not known to be in force yet is not kept."""
    cache, pdp = cached()
    pdp.answer = lambda _: Deny("access_denied", ("x",), "r2")
    await cache.decide(question())
    await cache.decide(question())
    assert len(pdp.asked) == 2
    pdp.revision = "r2"
    await cache.decide(question())
    await cache.decide(question())
    assert len(pdp.asked) == 3


async def test_nothing_is_found_after_a_way_back():
    """Policies that were exchanged and put back are asked anew: a name of a revision may be used twice."""
    cache, pdp = cached()
    await cache.decide(question())
    for revision in ("r2", "r1"):
        pdp.revision = revision
        await cache.decide(question())
    assert len(pdp.asked) == 3


async def test_nothing_is_kept_of_an_unknown_revision():
    """Who cannot say which policy is in force is asked every time."""
    cache, pdp = cached()
    pdp.revision = None
    await cache.decide(question())
    await cache.decide(question())
    assert len(pdp.asked) == 2


async def test_a_revision_that_is_not_known_is_found_out_before_memory_is_used():
    """What was kept is used again once the same policy is known to be in force, and only then."""
    cache, pdp = cached()
    first = await cache.decide(question())
    found_out = iter(["r1", "r2"])

    async def in_force() -> str | None:
        pdp.revision = next(found_out)
        return pdp.revision

    pdp.in_force = in_force  # type: ignore[method-assign]
    pdp.revision = None
    assert await cache.decide(question()) is first
    pdp.revision = None
    assert (await cache.decide(question())).revision == "r2"


async def test_nothing_is_answered_from_memory_when_no_policy_answers():
    """A policy that is down is no policy, whatever was decided before."""
    cache, pdp = cached()
    await cache.decide(question())

    async def in_force() -> str | None:
        raise PolicyUnavailable("down")

    pdp.in_force = in_force  # type: ignore[method-assign]
    pdp.revision = None
    with pytest.raises(PolicyUnavailable):
        await cache.decide(question())


async def test_a_question_that_takes_too_long_is_no():
    """The time limit covers finding out the revision and the decision together."""
    clock = FakeClock()
    pdp = Counting(clock=clock)

    async def never() -> str | None:
        await asyncio.Event().wait()
        return None

    pdp.in_force = never  # type: ignore[method-assign]
    pdp.revision = None
    with pytest.raises(PolicyUnavailable):
        await DecisionCache(pdp, clock, timeout_s=0.01).decide(question())


async def test_a_question_that_is_changed_while_it_is_answered_poisons_nothing():
    """The key is made of the question as it was asked, not of what became of it."""
    cache, pdp = cached()
    columns = {"invoice": SHOWN}
    asked = ask(REQUESTERS[0], PURPOSES["recommendation"], DatasetUse(DATASETS[1], columns))

    def meddle(_: AccessRequest) -> Decision:
        columns["customer_id"] = SHOWN
        return Deny("access_denied", ("narrow",), "r1")

    pdp.answer = meddle
    await cache.decide(asked)
    pdp.answer = None
    assert getattr(await cache.decide(asked), "reasons", None) == ("no_2",)


async def test_a_decision_ends_when_it_says():
    """At ``valid_until`` the policy is asked anew, not a moment later."""
    cache, pdp = cached()
    pdp.valid_until = timedelta(seconds=10)
    await cache.decide(question())
    pdp.clock.advance(9.9)
    await cache.decide(question())
    assert len(pdp.asked) == 1
    pdp.clock.advance(0.1)
    await cache.decide(question())
    assert len(pdp.asked) == 2


async def test_a_decision_does_not_hold_before_it_was_taken():
    """When the clock goes back, a decision that knows time is asked for anew; one that does not is not."""
    cache, pdp = cached()
    pdp.valid_until = timedelta(seconds=10)
    await cache.decide(question())
    pdp.clock.advance(-5)
    await cache.decide(question())
    assert len(pdp.asked) == 2
    pdp.valid_until = None
    await cache.decide(poisons()[0])
    pdp.clock.advance(-5)
    await cache.decide(poisons()[0])
    assert len(pdp.asked) == 3


async def test_a_decision_that_is_over_when_it_comes_is_not_found_again():
    """A decision whose end has passed is given to nobody else."""
    cache, pdp = cached()
    pdp.valid_until = timedelta(0)
    await cache.decide(question())
    await cache.decide(question())
    assert len(pdp.asked) == 2


async def test_failures_are_not_kept():
    """A policy that did not answer is asked again, and its next answer counts."""
    cache, pdp = cached()

    def fail(_: AccessRequest) -> Decision:
        raise PolicyUnavailable("no")

    pdp.answer = fail
    for _ in range(2):
        with pytest.raises(PolicyUnavailable):
            await cache.decide(question())
    pdp.answer = None
    assert isinstance(await cache.decide(question()), Deny)
    assert len(pdp.asked) == 3


async def test_the_least_recently_used_goes_first():
    """Memory is bounded, and what is used stays."""
    cache, pdp = cached(size=2)
    one, two, three = question(), poisons()[0], poisons()[1]
    for each in (one, two, one, three):
        await cache.decide(each)
    assert len(pdp.asked) == 3
    await cache.decide(one)
    assert len(pdp.asked) == 3
    await cache.decide(two)
    assert len(pdp.asked) == 4


async def test_a_caller_cannot_alter_what_the_next_one_gets():
    """A kept permit is read-only, and equal to the one that the policy gave."""
    pdp = EmbeddedRego()
    cache = DecisionCache(pdp, FakeClock())
    decision = await cache.decide(question())
    assert isinstance(decision, Permit)
    with pytest.raises(TypeError):
        decision.transforms["pos.order_lines"]["invoice"] = TransformKind.CLEAR  # type: ignore[index]
    with pytest.raises(TypeError):
        decision.transforms["pos.order_lines"] = {}  # type: ignore[index]
    assert decision == await pdp.decide(question())
    await cache.close()

"""Noting decisions: bounded, in memory, and nothing that a request could wait for or fail by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.policies.catalogue import DATASETS, PURPOSES, REQUESTERS, ask, using

from sekisho.adapters.clock import SystemClock
from sekisho.domain.access import AccessRequest, Decision, Deny, Permit
from sekisho.domain.asked import AskedQuestion
from sekisho.domain.request_context import Grant, Moment, RequestContext
from sekisho.domain.terms import Catalogue, LegalBasis
from sekisho.noted import Noted
from sekisho.shadow import OUTCOMES, Shadow

NO = Deny("access_denied", ("some_reason",), "live")
OTHER = Deny("access_denied", ("another",), "next")
YES = Permit(
    LegalBasis.CONTRACT,
    consent_required=False,
    cells=(),
    transforms={},
    row_filters={},
    obligations=(),
    revision="live",
)
GRANT = Grant("g-1", "recommender", "recommendation", "INC-7", "boss", 0, 9)


def request(column: str = "stock_code") -> AccessRequest:
    """Return a question about one column."""
    return ask(REQUESTERS[0], PURPOSES["recommendation"], using(DATASETS[1], column))


def test_the_same_question_is_noted_once():
    """Decisions on one question are counted; the newest one is kept, and taking notes empties them."""
    noted, asked = Noted(), request()
    noted.note(asked, None, NO)
    noted.note(asked, None, OTHER)
    ((note,), left_out) = noted.take()
    assert (note.count, note.decision, left_out) == (2, OTHER, 0)
    assert noted.take() == ([], 0)


def test_there_is_room_for_so_many():
    """What there is no room for is counted and let go; what is noted goes on being counted."""
    noted = Noted(most=2)
    asked = [request() for _ in range(4)]
    for each in asked:
        noted.note(each, None, NO)
    noted.note(asked[0], None, NO)
    notes, left_out = noted.take()
    assert ([note.count for note in notes], left_out) == ([2, 1], 2)


def test_an_occasion_is_another_question_but_never_which():
    """With a ticket or a grant it is another question; which ticket, whose grant, is not kept."""
    noted, asked = Noted(), request()
    for context in (None, RequestContext("INC-7"), RequestContext("INC-8"), RequestContext("INC-9", GRANT)):
        noted.note(asked, context, NO)
    notes, _ = noted.take()
    questions = [note.question() for note in notes]
    assert [(q.ticket, q.grant) for q in questions] == [(False, False), (True, False), (True, True)]
    assert not any(word in str([q.to_json() for q in questions]) for word in ("INC", "boss", "g-1"))


def test_a_question_is_asked_again_as_it_was():
    """Over the same catalogue the question that comes back is the one that was asked; else there is none."""
    moment = Moment(1, "monday", 2)
    asked = request()
    catalogue = Catalogue({}, {d.name: d for d in DATASETS}, PURPOSES, {r.name: r for r in REQUESTERS}, {}, "1")
    kept = AskedQuestion.of(asked, grant=True)
    again = AskedQuestion.read(kept.to_json()).request(catalogue, moment)
    assert again is not None
    assert (again.requester, again.purpose, again.datasets) == (asked.requester, asked.purpose, asked.datasets)
    assert again.now == moment
    assert again.context.grant is not None
    assert again.context.grant.requester == asked.requester.name
    for part in ("datasets", "purposes", "requesters"):
        bare = Catalogue(**{**{n: getattr(catalogue, n) for n in catalogue.__dataclass_fields__}, part: {}})
        assert kept.request(bare, moment) is None


def counting(told: dict[str, int]) -> Callable[[str, int], None]:
    """Return what adds to *told*."""

    def count(outcome: str, times: int) -> None:
        told[outcome] = told.get(outcome, 0) + times

    return count


def now(asked: AccessRequest) -> AccessRequest:
    """Return *asked* as it is asked on a Monday."""
    return replace(asked, now=Moment(1, "monday", 2))


class Answers:
    """A policy that gives one answer, or raises it."""

    def __init__(self, answer: Decision | Exception) -> None:
        self.answer = answer

    async def decide(self, request: AccessRequest) -> Decision:
        """See ``shadow.DecidingPolicy``."""
        assert request.now is not None
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("live", "shadow", "counted"),
    [
        (NO, NO, {"same": 3}),
        (NO, OTHER, {"reasons": 3}),
        (NO, YES, {"deny_to_allow": 3}),
        (YES, NO, {"allow_to_deny": 3}),
        (YES, RuntimeError("broken"), {"unavailable": 3}),
    ],
    ids=["same", "reasons", "to-allow", "to-deny", "raises"],
)
async def test_the_shadow_counts_each_decision(live: Decision, shadow: Any, counted: dict[str, int]):
    """Every decision that was noted counts once under what differs; whatever the shadow raises is no decision."""
    told: dict[str, int] = {}
    noted, asked = Noted(), request()
    for _ in range(3):
        noted.note(asked, None, live)
    looking = Shadow(Answers(shadow), SystemClock(), now, counting(told))
    found = await looking.look(*noted.take())
    assert told == counted
    assert told.keys() <= set(OUTCOMES)
    assert [each.count for each in found] == ([] if counted.keys() == {"same"} else [3])


async def test_the_shadow_skips_what_it_does_not_get_to():
    """More questions than it looks at in one turn are counted as skipped, so that no decision is unaccounted for."""
    told: dict[str, int] = {}
    noted = Noted(most=600)
    asked = [request() for _ in range(700)]
    for each in asked:
        noted.note(each, None, NO)
    looking = Shadow(Answers(NO), SystemClock(), now, counting(told))
    assert await looking.look(*noted.take()) == []
    assert told == {"same": 500, "skipped": 200}
    assert sum(told.values()) == len(asked)

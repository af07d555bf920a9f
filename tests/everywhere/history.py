"""Judges a history of withdrawals, consents, pages and checks that many processes made at the same time.

All instants are seconds of the machine's monotonic clock, which its processes share. The rule (promise 2):
a page must not hold a person who, during the whole span from the page's recheck to the end of that recheck, had
certainly withdrawn; a check must not say yes to one. *Certainly withdrawn at t*: a withdrawal was
acknowledged before *t*, and no consent that could have come after it was even begun before *t*. A page counts
as sent at its recheck and is void when it leaves more than two seconds later.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

STALE_S = 2.0


@dataclass(frozen=True, slots=True)
class Decision:
    """A yes or a no of one person: when its call began, and when its answer had come."""

    person: int
    yes: bool
    begun: float
    answered: float


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody was shown: on a page that was rechecked and released, or by a check begun and answered.

    ``asked`` is when the query or check began.
    """

    persons: tuple[int, ...]
    asked: float
    rechecked: float
    released: float
    what: str = "page"


@dataclass(frozen=True, slots=True)
class Violation:
    """Why something that was shown must not have been."""

    person: int
    why: str
    late_s: float


@dataclass
class History:
    """Decisions and what was shown while they were made."""

    decisions: list[Decision] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)

    def violations(self) -> list[Violation]:
        """Return everything that broke the promise."""
        spans = withdrawn_spans(self.decisions)
        starts = {person: [span[0] for span in found] for person, found in spans.items()}
        broken: list[Violation] = []
        for shown in self.seen:
            waited = shown.released - shown.rechecked
            if shown.what == "page" and waited > STALE_S:
                broken.append(Violation(-1, "a page left too long after its recheck", waited))
            for person in shown.persons:
                found = spans.get(person, [])
                place = bisect.bisect_right(starts.get(person, []), shown.rechecked) - 1
                # Withdrawn when the recheck began, and no yes begun until the page left.
                if place >= 0 and shown.released < found[place][1]:
                    why = f"shown by a {shown.what} whose recheck began after the withdrawal was answered"
                    broken.append(Violation(person, why, shown.rechecked - found[place][0]))
        return broken


def withdrawn_spans(decisions: Iterable[Decision]) -> dict[int, list[tuple[float, float]]]:
    """Return for each person the spans in which he or she had certainly withdrawn, in order.

    Decisions of one person must not overlap: each is begun after the one before was answered.
    """
    by_person: dict[int, list[Decision]] = {}
    for decision in sorted(decisions, key=lambda decision: decision.begun):
        by_person.setdefault(decision.person, []).append(decision)
    return {person: _spans(made) for person, made in by_person.items()}


def _spans(made: Sequence[Decision]) -> list[tuple[float, float]]:
    spans: list[tuple[float, float]] = []
    for place, decision in enumerate(made):
        if place and decision.begun < made[place - 1].answered:
            raise ValueError("decisions of one person overlap; nothing certain can be said")
        if not decision.yes:
            following = made[place + 1].begun if place + 1 < len(made) else float("inf")
            if place + 1 < len(made) and not made[place + 1].yes:
                spans.append((decision.answered, made[place + 1].answered))
            else:
                spans.append((decision.answered, following))
    return spans

"""A new policy that decides beside the one in force, on the same questions, and counts for nothing.

It looks at what was noted, after the fact: no request waits for it, none fails with it, and none is told of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from sekisho.domain.access import AccessRequest, Decision
from sekisho.domain.decision_changes import KINDS, UNDECIDED, differences, told_changes
from sekisho.domain.request_context import RequestContext
from sekisho.noted import Note
from sekisho.ports import Clock
from sekisho.ports.policies import ShadowDifference

SAME: Final = "same"
UNAVAILABLE: Final = "unavailable"
SKIPPED: Final = "skipped"
OUTCOMES: Final = (SAME, *KINDS, UNAVAILABLE, SKIPPED)
"""What one decision of the shadow counts as; one that differs in several ways counts under each."""

_MOST_AT_A_TIME = 500
_SECONDS = 5.0
_BREATH = 16  # decisions from memory after which others have their turn


class DecidingPolicy(Protocol):
    """What decides beside the policy in force."""

    async def decide(self, request: AccessRequest) -> Decision:
        """Return the decision; whatever is raised is none."""


@dataclass(frozen=True)
class Shadow:
    """Compares.

    Parameters
    ----------
    policy:
        The new policy.
    now:
        Completes a question by the moment of asking it.
    count:
        Told how many decisions had an outcome, of :data:`OUTCOMES`.
    """

    policy: DecidingPolicy
    clock: Clock
    now: Callable[[AccessRequest], AccessRequest]
    count: Callable[[str, int], None]

    async def look(self, notes: Sequence[Note], left_out: int = 0) -> list[ShadowDifference]:
        """Decide what was noted and return the differences. Raises nothing."""
        found: list[ShadowDifference] = []
        self._skip(left_out + sum(note.count for note in notes[_MOST_AT_A_TIME:]))
        seen = 0
        try:
            async with asyncio.timeout(_SECONDS):
                for note in notes[:_MOST_AT_A_TIME]:
                    difference = await self._compare(note)
                    seen += 1
                    if difference is not None:
                        found.append(difference)
                    if seen % _BREATH == 0:
                        await asyncio.sleep(0)
        except TimeoutError:
            self._skip(sum(note.count for note in notes[seen:_MOST_AT_A_TIME]))
        return found

    async def _compare(self, note: Note) -> ShadowDifference | None:
        request = self.now(replace(note.request, context=note.context or RequestContext()))
        try:
            decision = await self.policy.decide(request)
        except Exception:  # noqa: BLE001 - whatever the shadow does, it is no decision and nobody's trouble
            self.count(UNAVAILABLE, note.count)
            return self._difference(note, UNDECIDED)
        kinds = differences(note.decision, decision)
        for kind in kinds or (SAME,):
            self.count(kind, note.count)
        return self._difference(note, decision) if kinds else None

    def _difference(self, note: Note, decision: Decision) -> ShadowDifference | None:
        changes = told_changes(note.decision, decision)
        if not changes:
            return None
        live = note.decision.revision
        return ShadowDifference(decision.revision, live, note.question(), changes, note.count, self.clock.now())

    def _skip(self, times: int) -> None:
        if times:
            self.count(SKIPPED, times)

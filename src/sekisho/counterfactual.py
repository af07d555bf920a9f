"""What single change would turn a no into a yes: found by asking again, each change by itself.

Every change that is named went through the steps that the refused statement did not pass: it was read, decided by the
policy in force and planned. Nothing is run. The candidates come from what the requester has: its registered purposes,
the columns that it used, the published views of its purposes. So nothing is told that ``/v1/datasets`` hides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial

from sekisho.domain.access import Decision, Permit, Use
from sekisho.domain.terms import Catalogue, Purpose, Requester, StatisticsView
from sekisho.errors import PurposeNotRegistered, Refused, SekishoError, UnknownPurpose
from sekisho.explanation import Change
from sekisho.query.statements import Question, Statements
from sekisho.query.variants import only_shown, without

MOST_QUESTIONS = 24
"""Questions that one explanation may put to the policy besides the one that was asked."""

_MOST_OF_A_KIND = 8


@dataclass(frozen=True)
class Counterfactual:
    """Finds the changes.

    Parameters
    ----------
    decide, plan:
        What the policy in force says to a question, and the plan under its permit; either may refuse.
    """

    catalogue: Catalogue
    statements: Statements
    decide: Callable[[Question], Awaitable[Decision]]
    plan: Callable[[Question, Permit], Awaitable[object]]

    async def after(
        self, error: SekishoError, requester: Requester, sql: str, question: Question | None
    ) -> list[Change]:
        """Return what would have helped where the gateway itself refused *question*, or before there was one."""
        if question is not None and isinstance(error, Refused):
            return await self.of(question)
        found: list[Change] = []
        if question is None and isinstance(error, UnknownPurpose | PurposeNotRegistered):
            for name in self._purposes(requester):
                other = await _made(partial(self.statements.read, requester, self.catalogue.purposes[name], sql))
                if other is not None and await self._passes(other):
                    found.append(Change("purpose", name))
        return found

    async def of(self, question: Question) -> list[Change]:
        """Return what would turn the no to *question* into a yes, purposes first."""
        found: list[Change] = []
        asked = 0
        for change, make in self._candidates(question):
            if asked >= MOST_QUESTIONS:
                break
            if change.kind == "left_out" and Change("only_shown", change.name) in found:
                continue  # the smaller change is enough
            changed = await _made(make)
            if changed is None:
                continue
            asked += 1
            if await self._passes(changed):
                found.append(change)
        return found

    async def _passes(self, question: Question) -> bool:
        """Return whether *question* gets a yes and can be planned; nothing is run."""
        try:
            decision = await self.decide(question)
            if isinstance(decision, Permit):
                await self.plan(question, decision)
                return True
        except SekishoError:
            return False
        return False

    def _candidates(self, question: Question) -> Iterator[tuple[Change, Callable[[], Question | None]]]:
        request, statements = question.request, self.statements
        for name in self._purposes(request.requester, request.purpose.name):
            yield Change("purpose", name), partial(statements.under, question, self.catalogue.purposes[name])
        columns = [(u.dataset.name, c, kinds) for u in request.datasets for c, kinds in u.columns.items()]
        computed = [(d, c) for d, c, kinds in columns if kinds - {Use.SHOWN}]
        for dataset, column in computed[:_MOST_OF_A_KIND]:
            change = Change("only_shown", f"{dataset}.{column}")
            yield change, partial(statements.changed, question, only_shown, dataset, column)
        for dataset, column, _ in columns[:_MOST_OF_A_KIND]:
            change = Change("left_out", f"{dataset}.{column}")
            yield change, partial(statements.changed, question, without, dataset, column)
        yield from self._views(question)

    def _views(self, question: Question) -> Iterator[tuple[Change, Callable[[], Question | None]]]:
        requester, asked = question.request.requester, {use.dataset.name for use in question.request.datasets}
        own = [view for view in self.catalogue.views.values() if view.purpose in requester.purposes]
        for view in own[:_MOST_OF_A_KIND]:
            purpose = self.catalogue.purposes[view.purpose]

            def made(view: StatisticsView = view, purpose: Purpose = purpose) -> Question | None:
                read = self.statements.view(requester, purpose, view)
                shared = asked & {use.dataset.name for use in read.request.datasets}
                return read if shared else None

            yield Change("view", view.name, view.purpose), made

    def _purposes(self, requester: Requester, refused: str | None = None) -> list[str]:
        names = sorted(requester.purposes & self.catalogue.purposes.keys() - {refused})
        return names[:_MOST_OF_A_KIND]


async def _made(make: Callable[[], Question | None]) -> Question | None:
    """Return the question that *make* reads, in a thread; ``None`` where it is refused before the policy is asked."""
    try:
        return await asyncio.to_thread(make)
    except SekishoError:
        return None

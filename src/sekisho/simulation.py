"""What another policy would decide: on questions that are given, or on those that were really asked.

Nothing is released, no store is touched and no decision that counts is taken here. Both sides decide the same
question, over the catalogue of today and at the same instant, so that what differs comes from the policies.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sekisho.domain.access import AccessRequest, Decision
from sekisho.domain.asked import AskedQuestion
from sekisho.domain.decision_changes import KINDS, UNDECIDED, differences, told, told_changes
from sekisho.domain.request_context import Moment
from sekisho.domain.terms import Catalogue
from sekisho.errors import InvalidRequest, PolicyUnavailable, SekishoError, UnknownPurpose
from sekisho.occasions import zone_of
from sekisho.ports import Clock, PolicyDecisionPoint
from sekisho.ports.policies import AskedQuestions, PolicySandbox
from sekisho.query.statements import Statements

DEFAULT_DAYS = 7
MOST_LISTED = 1_000
_AT_ONCE = 8
_STEP = 256
_BACKWARDS = "The period ends before it begins."

Decides = Callable[[Sequence[AccessRequest]], Awaitable[list[Decision | None]]]
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Asking:
    """One question to be decided again, how often it counts, or why it cannot be decided."""

    count: int
    question: AskedQuestion | None = None
    request: AccessRequest | None = None
    fault: SekishoError | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """From which day to which, both included, in UTC."""

    since: date
    until: date


@dataclass(frozen=True, slots=True)
class Compared:
    """One question, what both sides decide, and in which ways that differs."""

    asking: Asking
    before: Decision
    after: Decision
    kinds: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Return it as answers and listings tell it."""
        question = self.asking.question
        return {
            "question": None if question is None else question.to_json(),
            "times": self.asking.count,
            "before": told(self.before),
            "after": told(self.after),
            "changes": told_changes(self.before, self.after),
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """What two policies decide on the same questions.

    Attributes
    ----------
    before, after:
        Revisions.
    at:
        The instant as of which both decided.
    compared:
        Every question that could be decided, the most frequent first.
    gone:
        Those whose names the catalogue does not have any more.
    left_out:
        How often something was asked that there was no room to keep.
    """

    before: str
    after: str
    at: datetime
    compared: Sequence[Compared]
    gone: Sequence[Asking] = ()
    left_out: int = 0
    period: Period | None = field(default=None)

    @property
    def changed(self) -> list[Compared]:
        """The questions on which the policies differ."""
        return [each for each in self.compared if each.kinds]

    def summary(self) -> dict[str, object]:
        """Return the counts: different questions, and how often they were asked."""
        requests: Counter[str] = Counter()
        times: Counter[str] = Counter()
        for each in self.changed:
            requests.update(each.kinds)
            times.update(dict.fromkeys(each.kinds, each.asking.count))
        answer: dict[str, object] = {
            "before": self.before,
            "after": self.after,
            "at": self.at,
            "requests": len(self.compared),
            "times": sum(each.asking.count for each in self.compared),
            "changed": {"requests": len(self.changed), "times": sum(each.asking.count for each in self.changed)},
            "kinds": {k: {"requests": requests[k], "times": times[k]} for k in KINDS if requests[k]},
            "gone": {"requests": len(self.gone), "times": sum(each.count for each in self.gone)},
            "left_out": self.left_out,
        }
        if self.period is not None:
            answer |= {"since": self.period.since, "until": self.period.until}
        return answer


@dataclass(frozen=True)
class Simulation:
    """Decides questions by policies that are not in force.

    Parameters
    ----------
    policy:
        The policy in force, asked past every memory of decisions: what is decided as of another instant must
        never be found by a request of now.
    """

    catalogue: Catalogue
    policy: PolicyDecisionPoint
    sandbox: PolicySandbox
    asked: AskedQuestions
    clock: Clock

    def period(self, since: datetime | None, until: datetime | None) -> Period:
        """Return the days from *since* to *until* (exclusive), the last seven where nothing is said.

        Raises ``InvalidRequest``.
        """
        if since is not None and until is not None and until <= since:
            raise InvalidRequest(_BACKWARDS)
        now = self.clock.now()
        try:
            last = (now if until is None else until.astimezone(UTC) - timedelta(microseconds=1)).date()
            first = last - timedelta(days=DEFAULT_DAYS - 1) if since is None else since.astimezone(UTC).date()
        except OverflowError:  # at either end of the calendar there is no day before, and no offset
            raise InvalidRequest("The period lies outside the years 1 to 9999.") from None
        if first > last:
            raise InvalidRequest(_BACKWARDS)
        return Period(first, last)

    async def difference(
        self,
        old: Mapping[str, str] | None,
        new: Mapping[str, str] | None,
        period: Period,
        *,
        at: datetime | None = None,
        progress: Progress = lambda _what, _done: None,
    ) -> Difference:
        """Return what *old* and *new* decide on what was asked in *period*; ``None`` is the policy in force.

        Raises ``InvalidRequest`` for a policy that cannot be tried, ``PolicyUnavailable`` where nothing can be read.
        """
        progress("reading what was asked", 0.0)
        recorded = await self.asked.recorded(period.since, period.until)
        now = at or self.clock.now()
        moment = self._moment(now)
        # Of twenty thousand questions this takes a second, in which the event loop answers others.
        askings = await asyncio.to_thread(
            lambda: [Asking(n, each, each.request(self.catalogue, moment)) for each, n in recorded.questions]
        )
        gone = [each for each in askings if each.request is None]
        decidable = [each for each in askings if each.request is not None]
        before, first = await self._decided(old, decidable, lambda done: progress("the one policy", done / 2))
        if old == new:
            after, second = before, first
        else:
            after, second = await self._decided(new, decidable, lambda done: progress("the other", 0.5 + done / 2))
        compared = await asyncio.to_thread(
            lambda: [
                Compared(asking, was, would, differences(was, would))
                for asking, was, would in zip(decidable, before, after, strict=True)
            ]
        )
        return Difference(first, second, now, compared, gone, recorded.left_out, period)

    async def given(
        self, questions: Sequence[Mapping[str, object]], modules: Mapping[str, str] | None, at: datetime | None = None
    ) -> tuple[Difference, list[Asking | Compared]]:
        """Return what the policy in force and *modules* decide on *questions*, in their order.

        Each names ``requester`` and ``purpose``, and either ``sql``, a ``view``, or ``datasets`` with the uses of
        their columns. One that is refused before a policy is asked stands there with its fault.
        """
        now = at or self.clock.now()
        moment = self._moment(now)
        statements = Statements(self.catalogue)
        askings = [await asyncio.to_thread(self._asking, each, statements, moment) for each in questions]
        decidable = [each for each in askings if each.request is not None]
        before, first = await self._decided(None, decidable)
        after, second = (before, first) if modules is None else await self._decided(modules, decidable)
        compared = {
            id(asking): Compared(asking, was, would, differences(was, would))
            for asking, was, would in zip(decidable, before, after, strict=True)
        }
        difference = Difference(first, second, now, list(compared.values()))
        return difference, [compared.get(id(each), each) for each in askings]

    def _moment(self, at: datetime) -> Moment:
        try:
            return Moment.of(at, zone_of(self.catalogue.place))
        except (OverflowError, ValueError):  # the last day of the year 9999 has no next midnight
            raise InvalidRequest("The instant lies outside the years that a policy can be asked about.") from None

    def _asking(self, given: Mapping[str, object], statements: Statements, moment: Moment) -> Asking:
        try:
            question = self._question(given, statements)
        except SekishoError as fault:
            return Asking(1, None, None, fault)
        request = question.request(self.catalogue, moment)
        if request is None:
            return Asking(1, question, None, InvalidRequest("The question names what the catalogue does not have."))
        return Asking(1, question, request)

    def _question(self, given: Mapping[str, object], statements: Statements) -> AskedQuestion:
        requester = self.catalogue.requesters.get(str(given.get("requester")))
        purpose = self.catalogue.purposes.get(str(given.get("purpose")))
        if requester is None:
            raise InvalidRequest("There is no such requester in this workspace.")
        if purpose is None:
            raise UnknownPurpose("There is no such purpose in this workspace.")
        sql, name = given.get("sql"), given.get("view")
        occasion = {"ticket": given.get("ticket") is True, "grant": given.get("grant") is True}
        if sql is not None:
            return AskedQuestion.of(statements.read(requester, purpose, str(sql)).request, **occasion)
        if name is not None and "datasets" not in given:
            view = self.catalogue.views.get(str(name))
            if view is None:
                raise InvalidRequest("There is no such view in this workspace.")
            return AskedQuestion.of(statements.view(requester, purpose, view).request, **occasion)
        try:
            return AskedQuestion.read(given)
        except ValueError:
            raise InvalidRequest("A question has sql, a view, or datasets with the uses of columns.") from None

    async def _decided(
        self,
        modules: Mapping[str, str] | None,
        askings: Sequence[Asking],
        progress: Callable[[float], None] = lambda _done: None,
    ) -> tuple[list[Decision], str]:
        """Return what *modules*, or the policy in force, decide, and by which revision."""
        requests = [each.request for each in askings if each.request is not None]
        decisions: list[Decision] = []
        async with self._side(modules) as (revision, decide):
            for start in range(0, len(requests), _STEP):
                answers = await decide(requests[start : start + _STEP])
                decisions += [answer or UNDECIDED for answer in answers]
                progress(len(decisions) / len(requests))
        in_force = next((each.revision for each in decisions if each.revision), "")
        return decisions, revision or in_force

    @asynccontextmanager
    async def _side(self, modules: Mapping[str, str] | None) -> AsyncIterator[tuple[str, Decides]]:
        if modules is None:
            yield str(getattr(self.policy, "revision", None) or ""), self._in_force
            return
        async with self.sandbox.open(modules) as candidate:
            yield candidate.revision, candidate.decide

    async def _in_force(self, requests: Sequence[AccessRequest]) -> list[Decision | None]:
        async def one(request: AccessRequest) -> Decision | None:
            try:
                return await self.policy.decide(request)
            except PolicyUnavailable:
                return None

        decisions: list[Decision | None] = []
        for start in range(0, len(requests), _AT_ONCE):
            decisions += await asyncio.gather(*map(one, requests[start : start + _AT_ONCE]))
        return decisions

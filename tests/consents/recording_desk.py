"""A desk that records for people, over fakes: what the tests of recording share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tests.consents.fakes import MARIKO, FakeParts, make_parts, state_of

from sekisho.consents.recording import Recording
from sekisho.domain.consent import ActorType, ConsentEventKind, ConsentState
from sekisho.domain.consent_rules import COLLECTION_POINT, PRIVACY_OFFICER, WITHDRAWAL_RELAY, Actor
from sekisho.domain.terms import Purpose, Requester
from sekisho.http.services import ConsentDecision, ConsentEventRequest
from sekisho.ports import DataSubjectRef

DESK = Requester("consent_desk", frozenset(), frozenset({COLLECTION_POINT}))
OFFICER = Requester("officer", frozenset(), frozenset({PRIVACY_OFFICER}))
MAILER = Requester("mailer", frozenset({"lifecycle_email"}))
SUPPORT = Requester("support_desk", frozenset({"customer_support"}), frozenset({WITHDRAWAL_RELAY}))
EMAIL = "lifecycle_email"
K, S = ConsentEventKind, ConsentState
GUARDIAN = Actor(ActorType.GUARDIAN, "Hanako", "mother")


@dataclass
class Desk:
    """Recording over fakes, and short ways to say something."""

    fakes: FakeParts
    recording: Recording
    requester: Requester = DESK
    said: list[dict[str, Any]] = field(default_factory=list)

    async def say(
        self, kind: ConsentEventKind, purpose: str = EMAIL, person: DataSubjectRef = MARIKO, **more: Any
    ) -> dict[str, Any]:
        """Record one event a minute later and return the answer."""
        self.fakes.clock.advance(60)
        requester = more.pop("requester", self.requester)
        event = ConsentEventRequest(person, purpose, kind, more.pop("method", "call_centre"), **more)
        answer: dict[str, Any] = await self.recording.record_event(requester, event)
        self.said.append(answer)
        return answer

    async def decide(self, *decisions: ConsentDecision, gpc: bool = False) -> dict[str, Any]:
        """Record what Mariko decides on the page a minute later."""
        self.fakes.clock.advance(60)
        answer: dict[str, Any] = await self.recording.decide(MARIKO, decisions, gpc=gpc)
        return answer

    async def state(self, cell: str = EMAIL, person: DataSubjectRef = MARIKO) -> ConsentState:
        """Return the state of one cell now."""
        return await state_of(self.fakes, person, cell)

    @property
    def last(self) -> Any:
        """The newest event of the ledger."""
        return self.fakes.ledger.events[-1]

    @property
    def recorded(self) -> int:
        """How many events the ledger has."""
        return len(self.fakes.ledger.events)

    def now(self) -> datetime:
        """Return the time on the desk's clock."""
        return self.fakes.clock.now()


def open_desk(purposes: Mapping[str, Purpose] | None = None, **more: Any) -> Desk:
    """Return a desk on fresh fakes; see ``make_parts``."""
    fakes = make_parts(purposes, **more)
    return Desk(fakes, Recording(fakes.parts))


def with_purpose(desk: Desk, name: str, **changes: Any) -> Desk:
    """Return *desk* with purpose *name* declared otherwise; what was recorded stays."""
    declared = dict(desk.fakes.ledger.purposes)
    declared[name] = replace(declared[name], **changes)
    desk.fakes.ledger.purposes = declared
    parts = replace(desk.fakes.parts, catalogue=replace(desk.fakes.parts.catalogue, purposes=declared))
    return Desk(replace(desk.fakes, parts=parts), Recording(parts), desk.requester)


def give(purpose: str = EMAIL, version: str | None = "1", **scope: str) -> ConsentDecision:
    """Return a yes on the page."""
    return ConsentDecision(purpose, K.GIVE, scope, version, "ja")


def withdraw(purpose: str = EMAIL, **scope: str) -> ConsentDecision:
    """Return a withdrawal on the page."""
    return ConsentDecision(purpose, K.WITHDRAW, scope)


def refuse(purpose: str = EMAIL, **scope: str) -> ConsentDecision:
    """Return a refusal on the page."""
    return ConsentDecision(purpose, K.REFUSE, scope)

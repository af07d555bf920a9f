"""Random histories of consent, told to a real ledger: for the tests of the past, of rebuilding, of replaying."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.domain.consent import ConsentEventKind, Provenance
from sekisho.domain.terms import SubjectNumber
from sekisho.errors import InvalidRequest
from sekisho.ports import ConsentEventInput, RecordedConsentEvent
from tests.adapters.records.conftest import PURPOSES

ASKING = ("recommendation", "lifecycle_email", "ab_measurement")
SAID = (
    ConsentEventKind.GIVE,
    ConsentEventKind.WITHDRAW,
    ConsentEventKind.REFUSE,
    ConsentEventKind.RENEW,
    ConsentEventKind.CONFIRM,
    ConsentEventKind.OBJECT,
    ConsentEventKind.DEFER,
    ConsentEventKind.REQUEST,
    ConsentEventKind.EXPIRE,
)
HOURS = st.one_of(st.none(), st.integers(-400, 30))

said = st.fixed_dictionaries(
    {
        "who": st.integers(0, 3),
        "purpose": st.sampled_from(ASKING),
        "kind": st.sampled_from(SAID),
        "all_cells": st.booleans(),
        "claim": HOURS,
        "until": HOURS,
        "of_age": st.one_of(st.none(), st.none(), st.integers(-400, 400)),
        "confirmed": st.sampled_from([False, False, True]),
        "historical": st.sampled_from([False, False, True]),
        "notice": st.sampled_from(["v1", "v2"]),
        "evidence": st.booleans(),
    }
)
linked = st.fixed_dictionaries({"who": st.integers(0, 3), "other": st.integers(0, 3), "undo": st.booleans()})
published = st.fixed_dictionaries({"asks_again": st.sampled_from(ASKING)})
histories = st.lists(st.one_of(said, said, said, said, linked, published), min_size=1, max_size=14)
"""What happens to four people, one step after another."""


@dataclass
class World:
    """A ledger, four people of their own, and all that was said."""

    ledger: SqlConsentLedger
    people: list[SubjectNumber]
    now: datetime
    since: int
    told: list[RecordedConsentEvent] = field(default_factory=list)

    async def do(self, step: dict[str, Any]) -> None:
        """Tell the ledger of one step; what it refuses did not happen."""
        try:
            if "asks_again" in step:
                purpose = str(step["asks_again"])
                await self.ledger.publish({purpose: PURPOSES[purpose].all_cells()}, "officer", Provenance())
            elif "undo" in step:
                one, other = self.people[step["who"]], self.people[step["other"]]
                change = self.ledger.unlink if step["undo"] else self.ledger.link
                self.told.append(await change(one, other, "desk"))
            else:
                self.told += await self.ledger.record([self.event(step)])
        except InvalidRequest:
            return

    def event(self, step: dict[str, Any]) -> ConsentEventInput:
        """Return the event that *step* describes."""
        cells = PURPOSES[step["purpose"]].all_cells()
        return ConsentEventInput(
            number=self.people[step["who"]],
            purpose=step["purpose"],
            cells=cells if step["all_cells"] else cells[:1],
            kind=step["kind"],
            method="web_form",
            actor="requester:desk",
            notice_version=step["notice"],
            occurred_at=self._at(step["claim"]),
            valid_until=self._at(step["until"]),
            evidence={"slip": "on paper"} if step["evidence"] else {},
            provenance=Provenance(of_age_at=self._at(step["of_age"]), locale="ja"),
            historical=step["historical"],
            confirmed=step["confirmed"],
        )

    async def events(self) -> list[RecordedConsentEvent]:
        """Return every event since this world began."""
        return await self.ledger.changes(self.since, 1_000)

    def _at(self, hours: int | None) -> datetime | None:
        return None if hours is None else self.now + timedelta(hours=hours)


async def world(ledger, people, clock) -> World:
    """Return a world with four new people."""
    numbers = await people.register("customer_id", [clock.new_id() for _ in range(4)])
    return World(ledger, [SubjectNumber(int(number)) for number in numbers], clock.now(), await ledger.last_seq())

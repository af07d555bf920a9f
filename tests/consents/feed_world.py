"""The feed over fakes: people, events, and releases that somebody holds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.consents.fakes import PURPOSES, FakeParts, make_parts

from sekisho.consents.feed import Feed
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.releases import ReleaseRecord
from sekisho.domain.terms import Cell, Requester, SubjectNumber
from sekisho.ports import ConsentEventInput, RecordedConsentEvent
from sekisho.pseudonymity import Pseudonymity

MAILER = Requester("mailer", frozenset({"lifecycle_email"}))
RECOMMENDER = Requester("recommender", frozenset({"recommendation"}))
DESK = Requester("desk", frozenset(), frozenset({"collection_point"}))
OFFICER = Requester("officer", frozenset(), frozenset({"privacy_officer"}))
AUDITOR = Requester("auditor", frozenset({"lifecycle_email"}), frozenset({"auditor"}))
NOBODY = Requester("nobody", frozenset())
RELEASED = datetime(2026, 11, 10, tzinfo=UTC)


@dataclass
class FakeReleases:
    """Releases by reference; ``asked`` keeps who asked for whose."""

    found: dict[str, list[ReleaseRecord]] = field(default_factory=dict)
    asked: list[tuple[tuple[str, ...], str | None]] = field(default_factory=list)

    async def releases_of(
        self, references: Collection[str], *, since: datetime, requester: str | None = None
    ) -> dict[str, list[ReleaseRecord]]:
        """Return what was put in for *references*."""
        self.asked.append((tuple(references), requester))
        return {
            ref: [r for r in self.found[ref] if requester in {None, r.requester} and r.released_at >= since]
            for ref in references
            if ref in self.found
        }


@dataclass
class World:
    """The feed over fakes."""

    fakes: FakeParts
    feed: Feed
    releases: FakeReleases
    pseudonymity: Pseudonymity

    async def say(
        self, number: int, purpose: str, kind: ConsentEventKind, cells: tuple[Cell, ...] | None = None
    ) -> RecordedConsentEvent:
        """Record an event of person *number*."""
        cells = cells or PURPOSES[purpose].all_cells()
        event = ConsentEventInput(SubjectNumber(number), purpose, cells, kind, "web_form", "data_subject")
        return (await self.fakes.ledger.record([event]))[0]

    def released(self, number: int, release_id: str, **changes: object) -> ReleaseRecord:
        """Put a release of this person's data into the log, and return it."""
        record = ReleaseRecord(
            release_id, "mailer", "lifecycle_email", RELEASED, RELEASED + timedelta(days=30), frozenset(), None
        )
        record = replace(record, **changes)  # type: ignore[arg-type]
        self.releases.found.setdefault(self.fakes.parts.reference(SubjectNumber(number)), []).append(record)
        return record


async def make_world() -> World:
    fakes = make_parts()
    await fakes.people.register("customer_id", ["12347", "12348", "12349", "12350"])
    pseudonymity = Pseudonymity(fakes.keys, fakes.people)
    releases = FakeReleases()
    parts = replace(fakes.parts, pseudonyms=pseudonymity)
    return World(fakes, Feed(parts, releases), releases, pseudonymity)


@pytest.fixture
async def world() -> World:
    return await make_world()

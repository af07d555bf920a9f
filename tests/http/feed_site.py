"""The feed and the webhooks over fakes, behind the HTTP face."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.consents.fakes import PURPOSES, FakeParts, make_parts
from tests.fakes import FakeGateway, FakeIdentity

from sekisho.consents import Consents
from sekisho.consents.feed import Feed
from sekisho.consents.webhooks import Webhooks
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.releases import ReleaseRecord
from sekisho.domain.terms import Requester, SubjectNumber
from sekisho.domain.webhooks import Claim, Delivery, DeliveryStatus, Outcome, Settlement, Webhook
from sekisho.errors import InvalidRequest
from sekisho.http.app import create_app
from sekisho.http.services import HttpSettings, Services
from sekisho.ports import ConsentEventInput
from sekisho.pseudonymity import Pseudonymity

MAILER = {"Authorization": "Bearer mailer-token"}
RECOMMENDER = {"Authorization": "Bearer recommender-token"}
OFFICER = {"Authorization": "Bearer officer-token"}
AUDITOR = {"Authorization": "Bearer auditor-token"}
STREAM = {"Accept": "text/event-stream"}
URL = "https://receiver.example/hook?key=key-of-the-receiver"
CHANGES = "/v1/consents/changes"


class NoReleases:
    """Nobody holds anything."""

    async def releases_of(
        self, references: Collection[str], *, since: datetime, requester: str | None = None
    ) -> dict[str, list[ReleaseRecord]]:
        """Find nothing."""
        return {}


@dataclass
class FakeOutbox:
    """Webhooks in a dictionary; everything queued is delivered already."""

    known: dict[str, Webhook] = field(default_factory=dict)
    secrets: dict[str, bytes] = field(default_factory=dict)
    replayed: list[int] = field(default_factory=list)
    now: datetime = datetime(2026, 11, 21, tzinfo=UTC)

    async def create(self, webhook: str, requester: str, url: str, secret: bytes) -> Webhook:
        """Keep it."""
        self.secrets[webhook] = secret
        self.known[webhook] = Webhook(webhook, requester, self.now, url, 3)
        return self.known[webhook]

    async def webhooks(self, requester: str | None = None) -> list[Webhook]:
        """List."""
        return [w for w in self.known.values() if not w.deleted and requester in {None, w.requester}]

    async def webhook(self, webhook: str) -> Webhook | None:
        """Find."""
        return self.known.get(webhook)

    async def delete(self, webhook: str) -> None:
        """Mark."""
        self.known[webhook] = replace(self.known[webhook], deleted=True)

    async def pause(self, webhook: str, *, paused: bool) -> None:
        """Mark."""
        self.known[webhook] = replace(self.known[webhook], paused=paused)

    async def replay(self, webhook: str, after_seq: int) -> None:
        """Remember."""
        self.replayed.append(after_seq)

    async def deliveries(
        self, webhook: str, *, status: DeliveryStatus | None, after_seq: int, limit: int
    ) -> list[Delivery]:
        """Return three that were delivered."""
        made = [Delivery(n, DeliveryStatus.DELIVERED, 1, None, self.now, 200, None) for n in (1, 2, 3)]
        return [d for d in made if d.seq > after_seq and status in {None, d.status}][:limit]

    async def busy(self) -> list[Webhook]:
        """Return nothing."""
        return []

    async def queue(self, webhook: str, purposes: frozenset[str] | None) -> bool:
        """Queue nothing."""
        return False

    async def claim(self, webhook: str, limit: int) -> list[Claim]:
        """Claim nothing."""
        return []

    async def secret(self, webhook: str) -> bytes | None:
        """Return it."""
        return self.secrets.get(webhook)

    async def settle(self, webhook: str, settlements: list[Settlement] | Any) -> None:
        """Write nothing."""


class NoSender:
    """Checks, and sends nothing."""

    def check(self, url: str) -> str:
        """Take https alone."""
        if not url.startswith("https://"):
            raise InvalidRequest("url begins with https://.")
        return "receiver.example"

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Send nothing."""
        return Outcome(200)


@dataclass
class Site:
    """The application over fakes."""

    services: Services
    fakes: FakeParts
    identity: FakeIdentity
    feed: Feed
    outbox: FakeOutbox

    @property
    def app(self):
        """A fresh application."""
        return create_app(self.services)

    async def say(self, number: int, purpose: str = "lifecycle_email", kind: str = "give") -> None:
        """Record an event."""
        cells = PURPOSES[purpose].all_cells()
        event = ConsentEventInput(
            SubjectNumber(number), purpose, cells, ConsentEventKind(kind), "web_form", "data_subject"
        )
        await self.fakes.ledger.record([event])


@pytest.fixture
async def site() -> Site:
    fakes = make_parts()
    await fakes.people.register("customer_id", ["12347", "12348", "12349"])
    parts = replace(fakes.parts, pseudonyms=Pseudonymity(fakes.keys, fakes.people))
    identity = FakeIdentity(
        requesters={
            "mailer-token": Requester("mailer", frozenset({"lifecycle_email"})),
            "recommender-token": Requester("recommender", frozenset({"recommendation"})),
            "officer-token": Requester("officer", frozenset(), frozenset({"privacy_officer"})),
            "auditor-token": Requester("auditor", frozenset(), frozenset({"auditor"})),
        }
    )
    feed, outbox = Feed(parts, NoReleases()), FakeOutbox()
    services = Services(
        gateway=FakeGateway(),
        consents=cast(Consents, SimpleNamespace(feed=feed, webhooks=Webhooks(parts, feed, outbox, NoSender()))),
        identity=identity,
        audit=fakes.audit,
        clock=fakes.clock,
        subject_reference=fakes.people.number_of,  # type: ignore[arg-type]
        jwks=dict,
        health={},
        settings=HttpSettings(stall_timeout=0.2),
    )
    return Site(services, fakes, identity, feed, outbox)

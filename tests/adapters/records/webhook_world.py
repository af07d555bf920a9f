"""A process that sends webhooks over a real database, to a receiver that is none."""

# ruff: noqa: D102 - the fakes do what their ports say

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

import pytest
from sqlalchemy import update

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.consent_tables import webhook_delivery
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.adapters.records.releases import SqlReleaseIndex
from sekisho.adapters.records.webhooks import SqlWebhookOutbox
from sekisho.consents.feed import Feed
from sekisho.consents.parts import Parts
from sekisho.consents.webhooks import Webhooks
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.terms import Catalogue, Requester, SubjectNumber
from sekisho.domain.webhooks import Outcome
from sekisho.errors import InvalidRequest
from sekisho.ports import ConsentEventInput, RecordedConsentEvent
from sekisho.pseudonymity import Pseudonymity
from tests.adapters.records.conftest import PURPOSES
from tests.consents.fakes import FakeNotices
from tests.fakes import FakeAuditLog, FakeClock

URL = "https://receiver.example/hook?key=key-of-the-receiver"
MAILER = Requester("mailer", frozenset({"lifecycle_email"}))
RECOMMENDER = Requester("recommender", frozenset({"recommendation"}))
DESK = Requester("desk", frozenset(), frozenset({"collection_point"}))
OFFICER = Requester("officer", frozenset(), frozenset({"privacy_officer"}))
AUDITOR = Requester("auditor", frozenset(), frozenset({"auditor"}))


@dataclass
class FakeSender:
    """Keeps what is sent; ``answer`` decides how an attempt ends."""

    answer: Callable[[dict[str, object]], Outcome] = lambda _event: Outcome(200)
    sent: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    pause: float = 0.0

    def check(self, url: str) -> str:
        if not url.startswith("https://"):
            raise InvalidRequest("url begins with https://.")
        return "receiver.example"

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        assert url == URL
        event = json.loads(body)
        outcome = self.answer(event)
        await asyncio.sleep(self.pause)
        self.sent.append((dict(headers), body))
        return outcome

    @property
    def events(self) -> list[dict[str, object]]:
        return [json.loads(body) for _, body in self.sent]

    @property
    def seqs(self) -> list[int]:
        return [event["data"]["seq"] for event in self.events]  # type: ignore[index]


@dataclass
class House:
    """One process: use cases over the own database, and a sender that sends nowhere."""

    webhooks: Webhooks
    sender: FakeSender
    outbox: SqlWebhookOutbox
    ledger: SqlConsentLedger
    database: Database
    audit: FakeAuditLog
    clock: FakeClock
    pseudonymity: Pseudonymity

    async def give(self, number: int, purpose: str = "lifecycle_email") -> RecordedConsentEvent:
        return await self.say(number, ConsentEventKind.GIVE, purpose)

    async def say(
        self, number: int, kind: ConsentEventKind, purpose: str = "lifecycle_email"
    ) -> RecordedConsentEvent:
        cells = PURPOSES[purpose].all_cells()
        event = ConsentEventInput(SubjectNumber(number), purpose, cells, kind, "web_form", "data_subject")
        return (await self.ledger.record([event]))[0]

    async def all_due(self) -> None:
        """Let the time of every retry and lease have come."""
        await self.database.run(lambda c: c.execute(update(webhook_delivery).values(next_at=0)))
        self.clock.advance(10_000)


def house(database: Database, keys: FileKeyRing, sender: FakeSender | None = None) -> House:
    """Return a process over *database*."""
    clock, audit = FakeClock(), FakeAuditLog()
    people = PeopleRegistry(database, keys)
    ledger = SqlConsentLedger(database, PURPOSES, SystemClock(), keys)
    requesters = {requester.name: requester for requester in (MAILER, RECOMMENDER, DESK, OFFICER, AUDITOR)}
    pseudonymity = Pseudonymity(keys, people)
    parts = Parts(
        Catalogue({}, {}, PURPOSES, requesters, {}, "r1"),
        people, ledger, FakeNotices(clock), audit, keys, clock, pseudonyms=pseudonymity,
    )  # fmt: skip
    sender = sender or FakeSender()
    outbox = SqlWebhookOutbox(database, keys)
    webhooks = Webhooks(parts, Feed(parts, SqlReleaseIndex(database)), outbox, sender)
    return House(webhooks, sender, outbox, ledger, database, audit, clock, pseudonymity)


@pytest.fixture
async def here(database: Database, keys: FileKeyRing, people: PeopleRegistry) -> House:
    await people.register("customer_id", [str(number) for number in range(1, 41)])
    return house(database, keys)


@pytest.fixture
async def elsewhere(here: House, url: str, keys: FileKeyRing) -> AsyncIterator[House]:
    """Another process over the same database."""
    opened = Database(url)
    yield house(opened, keys, here.sender)
    await opened.close()


def in_order(events: list[dict[str, object]], *, once: bool = True) -> bool:
    """Return whether each person's events came in order of sequence (when not *once*, repetitions left out)."""
    last: dict[object, int] = {}
    seen: set[int] = set()
    for event in events:
        seq = event["data"]["seq"]  # type: ignore[index]
        if seq in seen and not once:
            continue
        if seq in seen or last.get(event.get("subject"), 0) > seq:
            return False
        seen.add(seq)
        last[event.get("subject")] = seq
    return True


async def evidence(here: House, webhook_id: str, requester: Requester = MAILER):
    return await here.webhooks.deliveries(requester, webhook_id, None, 0, 100)


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not reached():  # noqa: ASYNC110 - what it waits for happens in another thread
            await asyncio.sleep(0.01)

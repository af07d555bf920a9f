"""Who received a person's data is found in the real log, for many people at once; and the feed has no gap."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.adapters.records.releases import SqlReleaseIndex
from sekisho.consents.feed import Feed
from sekisho.consents.parts import Parts
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.record import subject_ref
from sekisho.domain.releases import keep_until
from sekisho.domain.terms import Catalogue, Requester, SubjectNumber
from sekisho.errors import AuditUnavailable
from sekisho.ports import AuditEntry, ConsentEventInput
from sekisho.pseudonymity import Pseudonymity
from tests.adapters.records.conftest import PURPOSES
from tests.consents.fakes import FakeNotices
from tests.fakes import FakeClock

MAILER = Requester("mailer", frozenset({"lifecycle_email"}))
OFFICER = Requester("officer", frozenset(), frozenset({"privacy_officer"}))


@pytest.fixture
async def feed(database: Database, keys: FileKeyRing, log: SqlAuditLog) -> Feed:
    """The feed over the real ledger, registry and log, with four people."""
    people = PeopleRegistry(database, keys)
    await people.register("customer_id", ["12347", "12348", "12349", "12350"])
    clock = SystemClock()
    parts = Parts(
        Catalogue({}, {}, PURPOSES, {}, {}, "r1"),
        people,
        SqlConsentLedger(database, PURPOSES, clock, keys),
        FakeNotices(FakeClock()),
        log,
        keys,
        clock,
        pseudonyms=Pseudonymity(keys, people),
    )
    return Feed(parts, SqlReleaseIndex(database))


async def release(log: SqlAuditLog, keys: FileKeyRing, people: list[int], release_id: str, **changes: object) -> None:
    """Record a page that was released to the mailer about *people*."""
    references = [subject_ref(keys.derive("subject-ref"), number) for number in people]
    fields = {
        "requester": "mailer",
        "purpose": "lifecycle_email",
        "keep_until": keep_until(PURPOSES["lifecycle_email"], SystemClock().now()),
        "consent": {"cells": ["lifecycle_email"], "seq": 0, "read_at": 0},
        "subjects": references,
    }
    kind = str(changes.pop("kind", "access.release"))
    await log.append(AuditEntry(kind, {**fields, **changes}, release_id))


async def say(feed: Feed, number: int, kind: ConsentEventKind, purpose: str = "lifecycle_email") -> None:
    """Record an event."""
    cells = PURPOSES[purpose].all_cells()
    event = ConsentEventInput(SubjectNumber(number), purpose, cells, kind, "web_form", "data_subject")
    await feed._parts.ledger.record([event])


async def test_a_withdrawal_names_what_the_log_says_was_released(
    feed: Feed, log: SqlAuditLog, keys: FileKeyRing
) -> None:
    """From the log's own records: each release once, its pages together, nobody else's and no refusals."""
    await release(log, keys, [1, 2], "r-1")
    await release(log, keys, [2, 3], "r-1-page-2", parent_id="r-1")
    await release(log, keys, [2], "r-2", requester="agency")
    await release(log, keys, [1], "r-3")
    await release(log, keys, [2], "r-4", kind="access.deny")
    await release(log, keys, [2], "r-5", purpose="recommendation")
    await release(log, keys, [2], "r-6", keep_until="2020-01-01T00:00:00.000000Z")
    await say(feed, 2, ConsentEventKind.WITHDRAW)
    item = (await feed.page(OFFICER, 0, 10)).items[0]
    assert [found["release_id"] for found in item["releases"]] == ["r-2", "r-1"]  # type: ignore[attr-defined]
    item = (await feed.page(MAILER, 0, 10)).items[0]
    assert [found["release_id"] for found in item["releases"]] == ["r-1"]  # type: ignore[attr-defined]


async def test_people_are_looked_up_in_one_read(
    database: Database, log: SqlAuditLog, keys: FileKeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many people are asked for, the log is read once."""
    await release(log, keys, [1, 2, 3], "r-1")
    reads = 0
    read = Database.read

    async def counted(self: Database, work):
        nonlocal reads
        reads += 1
        return await read(self, work)

    monkeypatch.setattr(Database, "read", counted)
    references = [subject_ref(keys.derive("subject-ref"), number) for number in range(1, 50)]
    since = SystemClock().now() - timedelta(days=1)
    found = await SqlReleaseIndex(database).releases_of(references, since=since)
    assert reads == 1
    assert set(found) == set(references[:3])
    later = SystemClock().now() + timedelta(days=1)
    assert await SqlReleaseIndex(database).releases_of(references, since=later) == {}


async def test_a_log_that_does_not_answer_is_said_so(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the log nobody knows who holds what: that is an error, and not an empty list."""

    async def away(self: Database, work):
        raise DatabaseFailed("away")

    monkeypatch.setattr(Database, "run", away)
    with pytest.raises(AuditUnavailable):
        await SqlReleaseIndex(database).releases_of(["00" * 16], since=SystemClock().now())


async def test_the_feed_has_no_gap_while_many_write(feed: Feed, url: str, keys: FileKeyRing) -> None:
    """Two processes record at once; a reader that follows along gets every sequence, in order, once."""
    other = Database(url)
    elsewhere = SqlConsentLedger(other, PURPOSES, SystemClock(), keys)
    own = feed._parts.ledger
    writing = True

    async def write(place: int) -> None:
        ledger = elsewhere if place % 2 else own
        for turn in range(15):
            kind = ConsentEventKind.WITHDRAW if turn % 2 else ConsentEventKind.GIVE
            cells = PURPOSES["lifecycle_email"].all_cells()
            number = SubjectNumber(1 + place % 4)
            await ledger.record(
                [ConsentEventInput(number, "lifecycle_email", cells, kind, "web_form", "data_subject")]
            )

    async def read(requester: Requester) -> list[int]:
        seqs: list[int] = []
        position = 0
        while True:
            ended = not writing
            page = await feed.page(requester, position, 7)
            seqs += [int(str(item["seq"])) for item in page.items]
            if ended and not page.items:
                return seqs
            position = page.next_after_seq

    readers = [asyncio.create_task(read(requester)) for requester in (OFFICER, MAILER)]
    await asyncio.gather(*(write(place) for place in range(8)))
    writing = False
    assert await asyncio.gather(*readers) == [list(range(1, 121))] * 2
    await other.close()

"""Columns and their reviews in the gateway's own database."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.adapters.records.scan_tables import column_review
from sekisho.adapters.records.scans import SqlColumnRecords
from sekisho.domain.classification import Proposal, ReviewState
from sekisho.domain.scans import ColumnPlace, Decision, Drift, Profile, Review, Scanned
from sekisho.domain.terms import ColumnClass
from sekisho.errors import NotFound, PolicyUnavailable
from sekisho.ports.scans import ScanRun, ScanStatus

AT = datetime(2026, 11, 1, tzinfo=UTC)
EMAIL = Proposal("email", ColumnClass.DIRECT_IDENTIFIER, "email", 0.91, {"match_rate": 0.9}, (("none", 0.09),))
_ids = (f"id-{n:04}" for n in itertools.count())


def new_id() -> str:
    return next(_ids)


def found(name: str = "mail", signature: str = "aa") -> Scanned:
    profile = Profile("text", 100, 1, 99, 0.9, {"latin": 1.0}, {"16": 1.0}, signature, "r1")
    return Scanned(ColumnPlace("crm", "顧客", name), "crm.t", None, True, profile, EMAIL)


def said(decision: Decision = Decision.CONFIRM) -> Review:
    return Review(decision, ColumnClass.DIRECT_IDENTIFIER, "email", "officer", AT, "なぜ")


@pytest.fixture
def records(database: Database) -> SqlColumnRecords:
    return SqlColumnRecords(database)


async def test_a_column_is_kept_whole_under_one_id(records):
    """What was found comes back as it was; another scan of the same keeps id and version."""
    (first,) = await records.keep("crm", "顧客", [found()], AT, new_id)
    version = await records.version()
    (again,) = await records.keep("crm", "顧客", [found()], AT + timedelta(hours=1), new_id)
    assert (again.id, again.scanned, again.state) == (first.id, found(), ReviewState.PROPOSED)
    assert await records.find(first.id) == again
    assert await records.version() == version
    assert await records.page(state="proposed", dataset="crm.t", after=None, limit=5) == [again]
    assert await records.page(state="stale", dataset=None, after=None, limit=5) == []


async def test_a_name_of_any_length_is_one_column_at_every_scan(records):
    """What a row cannot hold whole is found again, and told from another that begins alike."""
    long, alike = "long" * 200, "long" * 200 + "er"
    columns = [replace(found(), place=ColumnPlace("crm", long, name)) for name in (long, alike, f"{long}.x")]
    first = await records.keep("crm", long, columns, AT, new_id)
    again = await records.keep("crm", long, columns, AT, new_id)
    assert len({column.id for column in first}) == 3
    assert [column.id for column in again] == [column.id for column in first]
    assert all(len(column.scanned.place.name) <= 512 for column in await records.known("crm"))
    await records.keep_tables("crm", [long], AT)
    assert len(await records.known("crm")) == 3


async def test_a_review_changes_the_version_and_stays(records, database):
    """Each review stands in order, raises the version, and can be neither changed nor deleted."""
    (column,) = await records.keep("crm", "顧客", [found()], AT, new_id)
    version = await records.version()
    for decision in (Decision.CONFIRM, Decision.REJECT):
        (known,) = await records.review([(new_id(), column.id, said(decision))])
    assert known.state is ReviewState.REJECTED
    assert await records.version() == version + 2
    assert await records.history(column.id) == [said(Decision.CONFIRM), said(Decision.REJECT)]
    for statement in (sa.update(column_review).values(review="{}"), sa.delete(column_review)):
        with pytest.raises(DatabaseFailed):
            await database.run(lambda connection, statement=statement: connection.execute(statement))
    assert len(await records.history(column.id)) == 2


async def test_reviews_are_written_all_or_none(records):
    """One of a column that is not there leaves the others undone."""
    (column,) = await records.keep("crm", "顧客", [found()], AT, new_id)
    with pytest.raises(NotFound):
        await records.review([(new_id(), column.id, said()), (new_id(), "nowhere", said())])
    assert await records.history(column.id) == []
    known = await records.find(column.id)
    assert known is not None
    assert known.state is ReviewState.PROPOSED


async def test_a_scan_and_a_review_at_once_lose_neither(records):
    """However they meet, the review stands afterwards."""
    (column,) = await records.keep("crm", "顧客", [found()], AT, new_id)
    for turn in range(8):
        review = replace(said(), at=AT + timedelta(hours=turn))
        scan = records.keep("crm", "顧客", [found(signature=str(turn))], AT, new_id)
        await asyncio.gather(scan, records.review([(new_id(), column.id, review)]))
        known = await records.find(column.id)
        assert known is not None
        assert known.review == review


async def test_what_is_gone_comes_back_with_its_review(records):
    """A column that a scan misses is listed no more; found again, it is the same. A new one beside it is drift."""
    (column,) = await records.keep("crm", "顧客", [found()], AT, new_id)
    await records.review([(new_id(), column.id, said())])
    (other,) = await records.keep("crm", "顧客", [found("other")], AT, new_id)
    assert other.drift == (Drift.NEW_COLUMN,)
    assert [each.id for each in await records.known("crm")] == [other.id]
    assert await records.find(column.id) is None
    back = {each.id: each for each in await records.keep("crm", "顧客", [found(), found("other")], AT, new_id)}
    assert back[column.id].state is ReviewState.CONFIRMED
    await records.keep_tables("crm", [], AT)
    assert await records.known() == []


async def test_one_of_two_schedules_begins(records):
    """A scan is noted once an hour however many workers come, and told how far it is."""
    runs = [ScanRun(new_id(), "schedule", (), AT, AT) for _ in range(4)]
    begun = await asyncio.gather(*(records.begin(run, unless_since=AT - timedelta(hours=1)) for run in runs))
    assert sorted(begun) == [False, False, False, True]
    run = runs[begun.index(True)]
    done = ScanRun(run.id, run.by, (), AT, AT, ScanStatus.DONE, 1.0, {"columns": 3})
    await records.update(done)
    assert await records.scan(run.id) == done
    assert await records.scan("none") is None


async def test_what_cannot_be_read_is_not_known(records, database):
    """Without the database there is no version: nothing may be released by what was known before."""
    await database.close()
    for asked in (records.version(), records.known(), records.review([])):
        with pytest.raises(PolicyUnavailable):
            await asked

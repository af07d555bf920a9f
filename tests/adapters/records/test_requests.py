"""Requests of people: closed once, and nobody's words after the person is gone."""

from __future__ import annotations

import asyncio

import pytest

from sekisho.adapters.records.database import Database
from sekisho.adapters.records.requests import SqlRequests
from sekisho.domain.rights import RequestKind, RequestStatus
from sekisho.domain.terms import SubjectNumber
from sekisho.errors import RateLimited

ONE = SubjectNumber(1)


@pytest.fixture
async def requests(database, keys, people):
    await people.register("customer_id", ["17850"])
    return SqlRequests(database, keys)


async def test_a_closed_request_stays_as_it_was_closed(requests):
    """Of two officers who close it at once, one decides; what comes later changes nothing."""
    await requests.open("r1", ONE, RequestKind.RECTIFICATION, "note", most=5)
    done, refused = await asyncio.gather(
        requests.answer("r1", RequestStatus.DONE, {"message": "done"}),
        requests.answer("r1", RequestStatus.REFUSED, {"message": "refused"}),
    )
    kept = await requests.get("r1")

    assert done == refused == kept
    assert (kept.status, kept.answer["message"]) in {("done", "done"), ("refused", "refused")}
    assert (kept.note, kept.closed_at is not None) == ("note", True)
    assert await requests.answer("r1", RequestStatus.RECEIVED, None) == kept
    assert await requests.answer("r2", RequestStatus.DONE, None) is None
    assert await requests.get("r2") is None


async def test_nobodys_words_are_left_when_the_person_is_gone(requests, people):
    """That there was a request stays, with its dates; note and answer cannot be opened any more."""
    await requests.open("r1", ONE, RequestKind.ERASURE, "note", most=5)
    await requests.answer("r1", RequestStatus.RECEIVED, {"message": "so far"})
    await people.erase(ONE)
    request = await requests.get("r1")
    assert (request.kind, request.note, request.answer) == ("erasure", None, None)
    closed = await requests.answer("r1", RequestStatus.DONE, {"message": "gone"})
    assert (closed.status, closed.note, closed.answer) == ("done", None, None)


async def test_requests_are_counted_by_person_and_day(requests, people, database):
    """The limit is of one person and one day, by the database's clock."""
    await people.register("customer_id", ["12583"])
    await requests.open("r1", ONE, RequestKind.ACCESS, None, most=1)
    with pytest.raises(RateLimited):
        await requests.open("r2", ONE, RequestKind.ACCESS, None, most=1)
    await requests.open("r3", SubjectNumber(2), RequestKind.ACCESS, None, most=1)
    yesterday = "UPDATE dsr_request SET received_at = received_at - 86400000001"
    await database.run(lambda connection: connection.exec_driver_sql(yesterday))
    await requests.open("r4", ONE, RequestKind.ACCESS, None, most=1)
    assert [request.id for request in await requests.of([ONE])] == ["r1", "r4"]
    assert [request.id for request in await requests.all(None, "r1", 1)] == ["r3"]


async def test_requests_at_once_do_not_overrun_the_limit(requests, keys, url):
    """Of many on several workers as many are taken as one person may make."""
    databases = [Database(url) for _ in range(4)]
    workers = [SqlRequests(each, keys) for each in databases]
    answers = await asyncio.gather(
        *(workers[i % 4].open(f"r{i}", ONE, RequestKind.RECTIFICATION, None, most=2) for i in range(12)),
        return_exceptions=True,
    )
    assert sum(not isinstance(answer, Exception) for answer in answers) == 2
    assert all(isinstance(answer, RateLimited) for answer in answers if isinstance(answer, Exception))
    for each in databases:
        await each.close()

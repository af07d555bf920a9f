"""Whom records concern: the same set in every form, and an index that is derived, resumable and replaceable."""

from __future__ import annotations

import asyncio
import random
import threading

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from sekisho.adapters.records import audit, audit_subjects
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_large_pages import EVERYBODY
from sekisho.adapters.records.audit_subjects import drop_index, extend_index, people_of
from sekisho.adapters.records.tables import audit_subject_ref
from sekisho.domain.record import SubjectSet, UnrecordableError, subject_set
from sekisho.ports import AuditEntry, AuditQuery

REFS = st.lists(st.binary(min_size=16, max_size=16), max_size=200)
NEAR = st.lists(st.integers(0, 300).map(lambda n: n.to_bytes(16, "big")), min_size=80, max_size=200)
"""References that share their first half, repeated ones among them."""


@given(REFS | NEAR)
def test_many_references_make_the_set_that_few_make(refs):
    """The way without a loop and the plain one agree on number, digest and order, repeated people or not."""
    data = b"".join(refs)
    assert people_of(data) == subject_set(data) == subject_set([ref.hex() for ref in refs])


def test_bytes_that_are_no_references_are_refused():
    """Bytes of another length than whole references never get into the log."""
    with pytest.raises(UnrecordableError):
        people_of(b"x" * (16 * 100 + 1))


def ref(number: int) -> bytes:
    """Return a made-up reference; its bytes are not in the order of the numbers."""
    return (number * 7919 % 65_536).to_bytes(2, "big") + b"\x00" * 13 + b"\x07"


async def fill(log: SqlAuditLog) -> None:
    """Append 40 records: number n concerns people n to n + 9."""
    for n in range(40):
        people = b"".join(ref(n + k) for k in range(10))
        await log.append(AuditEntry("access.release", {"subjects": people}, id=f"r{n}"))


async def found(log: SqlAuditLog, number: int) -> list[object]:
    """Return the ids of the records that concern a person."""
    return [record["id"] for record in await log.search(AuditQuery(data_subject=ref(number).hex(), limit=1_000))]


async def test_a_full_page_holds_up_nobody(log, monkeypatch):
    """The references of thousands of people are sorted and hashed beside the event loop, those of a few in it."""
    threads: list[int] = []

    def watched(refs: object) -> SubjectSet:
        threads.append(threading.get_ident())
        return people_of(refs)

    monkeypatch.setattr(audit, "people_of", watched)
    for count in (1, 10_000):
        people = b"".join(number.to_bytes(16, "big") for number in range(count))
        await log.append(AuditEntry("access.release", {"subjects": people}))
    assert [each == threading.get_ident() for each in threads] == [True, False]


@pytest.mark.parametrize("step", [3, 10, 4_096])
async def test_the_index_goes_on_where_it_stopped(log, monkeypatch, step):
    """In steps that end inside a record, between two, or far beyond, everybody is found in all their records."""
    monkeypatch.setattr(audit_subjects, "_STEP", step)
    await fill(log)
    assert await found(log, 12) == [f"r{n}" for n in range(3, 13)]
    await log.append(AuditEntry("access.release", {"subjects": ref(12)}, id="later"))
    assert await found(log, 12) == [*(f"r{n}" for n in range(3, 13)), "later"]
    assert await found(log, 48) == ["r39"]
    assert await found(log, 49) == []


async def test_concurrent_searches_index_everybody_once(log, monkeypatch):
    """Searchers that index at the same time hinder nobody and leave one row for each person and record."""
    monkeypatch.setattr(audit_subjects, "_STEP", 7)
    await fill(log)
    answers = await asyncio.gather(*(found(log, number) for number in (5, 12, 20, 30) * 2))
    assert answers[:4] == answers[4:]
    assert [len(answer) for answer in answers[:4]] == [6, 10, 10, 10]
    count = sa.select(sa.func.count()).select_from(audit_subject_ref)
    assert await log.database.read(lambda connection: connection.execute(count).scalar_one()) == 400


async def test_the_index_is_made_anew_from_what_is_proven(log):
    """Rows that somebody took out of the index are back once it was dropped; rows in the way do no harm."""
    await fill(log)
    whole = await found(log, 12)
    taken = sa.delete(audit_subject_ref).where(audit_subject_ref.c.ref == ref(12))
    await log.database.run(lambda connection: connection.execute(taken))
    assert await found(log, 12) == []  # the fault fired
    await log.database.run(drop_index)
    assert await found(log, 12) == whole
    await log.database.run(drop_index)
    planted = sa.insert(audit_subject_ref).values(ref=ref(12), seq=5)
    await log.database.run(lambda connection: connection.execute(planted))
    assert await found(log, 12) == whole


async def test_an_index_of_nothing_is_up_to_date(log):
    """A log about nobody needs no rows and no end of steps."""
    assert await log.database.run(extend_index)  # takes note of where it begins
    assert not await log.database.run(extend_index)
    assert await found(log, 1) == []


@pytest.mark.parametrize("most", [0, 5, 9])
async def test_large_records_are_looked_into(log, monkeypatch, most):
    """People of records that are too large for the index are found in all of them, whoever has small ones besides."""
    monkeypatch.setattr(audit_subjects, "LARGE", most)
    await fill(log)
    await log.append(AuditEntry("access.release", {"subjects": ref(12)}, id="small"))
    assert await found(log, 12) == [*(f"r{n}" for n in range(3, 13)), "small"]
    assert await found(log, 48) == ["r39"]
    assert await found(log, 60) == []
    marked = sa.select(sa.func.count()).where(audit_subject_ref.c.ref == EVERYBODY)
    assert await log.database.read(lambda connection: connection.execute(marked).scalar_one()) == 40 + (most == 0)


@pytest.mark.parametrize("limit", [1, 3, 11])
async def test_a_search_with_a_limit_goes_on_where_it_ended(log, monkeypatch, limit):
    """Small and large records come in one order of sequence, none twice and none left out, however few at a time."""
    monkeypatch.setattr(audit_subjects, "LARGE", 9)
    for n in range(10):
        people = b"".join(ref(n + k) for k in range(10))
        await log.append(AuditEntry("access.release", {"subjects": people}, id=f"large{n}"))
        await log.append(AuditEntry("access.release", {"subjects": ref(7)}, id=f"small{n}"))
        await log.append(AuditEntry("access.deny", {"subjects": people}, id=f"denied{n}"))
    expected = [f"{size}{n}" for n in range(10) for size in ("large", "small") if size == "small" or n <= 7]
    shown: list[object] = []
    after = 0
    while page := await log.search(
        AuditQuery(data_subject=ref(7).hex(), kind="access.release", after_seq=after, limit=limit)
    ):
        assert len(page) <= limit
        shown += [record["id"] for record in page]
        after = int(str(page[-1]["seq"]))
    assert shown == expected


@pytest.mark.parametrize("spread", ["even", "crowded"])
async def test_everybody_of_a_large_record_is_found(log, monkeypatch, spread):
    """However references are spread, those of a large record are found and their neighbours are not."""
    monkeypatch.setattr(audit_subjects, "LARGE", 1_000)
    chance = random.Random(spread)
    people = {
        "even": [chance.randbytes(16) for _ in range(6_000)],
        "crowded": [b"\xa0" + chance.randbytes(15) for _ in range(5_900)] + [chance.randbytes(16) for _ in range(9)],
    }[spread]
    people = sorted(set(people))
    await log.append(AuditEntry("access.release", {"subjects": b"".join(people)}, id="large"))
    asked = [people[0], people[1], people[-1], *chance.sample(people, 40)]
    for each in asked:
        assert [r["id"] for r in await log.search(AuditQuery(data_subject=each.hex()))] == ["large"]
        beside = (int.from_bytes(each, "big") + 1 & (1 << 128) - 1).to_bytes(16, "big")
        if beside not in people:
            assert await log.search(AuditQuery(data_subject=beside.hex())) == []

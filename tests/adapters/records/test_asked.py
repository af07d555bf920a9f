"""What was asked: kept once by names, counted by day, bounded, and shared by workers."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import text

from sekisho.adapters.records import asked as module
from sekisho.adapters.records.asked import KEPT_DAYS, SqlAskedQuestions
from sekisho.adapters.records.database import Database
from sekisho.domain.asked import AskedQuestion
from sekisho.errors import PolicyUnavailable
from sekisho.ports.policies import ShadowDifference

TODAY = date(2026, 11, 22)


def question(column: str = "invoice", requester: str = "recommender") -> AskedQuestion:
    """Return a question about one column."""
    return AskedQuestion(requester, "recommendation", "query", None, {"pos.order_lines": {column: ("shown",)}})


def difference(times: int, column: str = "invoice", day: date = TODAY) -> ShadowDifference:
    """Return a difference on one question."""
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    changes = {"allow_to_deny": {"before": "allow", "after": ["no"]}}
    return ShadowDifference("shadow", "live", question(column), changes, times, at)


@pytest.fixture
def asked(database: Database) -> SqlAskedQuestions:
    """The questions over ``database``."""
    return SqlAskedQuestions(database)


async def test_counts_add_up_by_day(asked):
    """A question is kept once; its counts add up within the days that are asked for, the most frequent first."""
    await asked.keep([(question(), 2), (question("country"), 1), (question(), 1)], TODAY)
    await asked.keep([(question(), 5)], TODAY - timedelta(days=1))
    await asked.keep([(question("country"), 9)], TODAY - timedelta(days=8))
    found = await asked.recorded(TODAY - timedelta(days=6), TODAY)
    assert list(found.questions) == [(question(), 8), (question("country"), 1)]
    assert (await asked.recorded(TODAY, TODAY)).questions[0] == (question(), 3)
    assert (await asked.recorded(date(2020, 1, 1), date(2020, 1, 2))).questions == []


async def test_one_requester_cannot_push_out_another(asked, monkeypatch):
    """Beyond so many different questions of one requester none is kept, and how often that was is told."""
    monkeypatch.setattr(module, "MOST_OF_A_REQUESTER", 3)
    await asked.keep([(question("quiet", "auditor"), 1)], TODAY)
    await asked.keep([(question(f"c{n}"), 2) for n in range(5)], TODAY, left_out=4)
    await asked.keep([(question(f"c{n}"), 1) for n in range(5)], TODAY)
    found = await asked.recorded(TODAY, TODAY)
    assert len(found.questions) == 4
    assert (question("quiet", "auditor"), 1) in found.questions
    assert found.left_out == 2 * 2 + 4 + 2 * 1


async def test_what_nobody_asks_any_more_goes(asked, database):
    """After ninety days without being asked a question, its counts and old differences are gone."""
    old = TODAY - timedelta(days=KEPT_DAYS + 1)
    await asked.keep([(question("old"), 1)], old, differences=[difference(1, "old", old)])
    await asked.keep([(question(), 1)], TODAY, differences=[difference(1)])

    def rows(connection, table):
        return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()

    tables = ("asked_question", "asked_day", "shadow_difference")
    assert [await database.read(partial(rows, table=table)) for table in tables] == [1, 1, 1]


async def test_workers_add_to_the_same_counts(asked, url):
    """Two workers that write the same questions at the same time lose nothing and wait for no lock for ever."""
    second = Database(url)
    other = SqlAskedQuestions(second)
    try:
        pairs = [(question(f"c{n}"), 1) for n in range(20)]
        await asyncio.gather(*(each.keep(pairs, TODAY) for each in (asked, other) for _ in range(5)))
    finally:
        await second.close()
    found = await asked.recorded(TODAY, TODAY)
    assert [times for _, times in found.questions] == [10] * 20


async def test_differences_of_the_shadow_add_up(asked):
    """The same difference is listed once with how often it was; the newest words of it count."""
    await asked.keep([], TODAY, differences=[difference(2), difference(5, "country")])
    await asked.keep([], TODAY, differences=[difference(1)])
    found = await asked.differences(TODAY)
    assert [(each.question, each.count) for each in found] == [(question("country"), 5), (question(), 3)]
    assert found[1].last_at == difference(1).last_at
    assert await asked.differences(TODAY + timedelta(days=1)) == []


async def test_policies_are_kept_by_revision(asked, monkeypatch):
    """A revision is kept once, found by its beginning where that is one, and the oldest go."""
    monkeypatch.setattr(module, "_MOST_POLICIES", 2)
    at = datetime(2026, 11, 22, tzinfo=UTC)
    for place, revision in enumerate(["aaa1", "aaa2", "bbb3"]):
        await asked.keep_policy(revision, {"a.rego": revision}, at + timedelta(hours=place))
    assert await asked.policy("aaa1") is None
    assert await asked.policy("aaa2") == {"a.rego": "aaa2"}
    assert await asked.policy("b") == {"a.rego": "bbb3"}
    await asked.keep_policy("bbb4", {}, at + timedelta(hours=9))
    assert await asked.policy("bbb") is None
    assert await asked.policy("bbb3") == {"a.rego": "bbb3"}
    assert await asked.policy("%") is None


async def test_a_database_that_is_away_says_so(asked, database):
    """Reading and writing raise one error, which whoever writes in the background may pass over."""
    await database.close()
    with pytest.raises(PolicyUnavailable):
        await asked.recorded(TODAY, TODAY)
    with pytest.raises(PolicyUnavailable):
        await asked.keep([(question(), 1)], TODAY)


async def test_the_same_names_are_the_same_question():
    """The order in which columns and uses came makes no other question; a ticket does, whichever it was."""
    one = AskedQuestion("r", "p", "query", None, {"a": {"x": ("shown",), "y": ("compared",)}, "b": {}})
    other = AskedQuestion("r", "p", "query", None, {"b": {}, "a": {"y": ("compared",), "x": ("shown",)}})
    assert one.fingerprint() == other.fingerprint()
    assert AskedQuestion.read(one.to_json()) == one
    ticket = AskedQuestion("r", "p", "query", None, one.datasets, ticket=True)
    assert ticket.fingerprint() != one.fingerprint()

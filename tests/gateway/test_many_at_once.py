"""Many requests at the same time: each gets its own answer."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from tests.gateway.site import NDJSON, Site

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Question:
    """One request as it is sent."""

    requester: str
    purpose: str
    sql: str
    parameters: tuple[object, ...] = ()
    accept: str = "application/json"

    async def ask(self, site: Site) -> httpx.Response:
        """Send it."""
        return await site.post(self.requester, self.purpose, self.sql, *self.parameters, accept=self.accept)


async def questions(site: Site) -> list[Question]:
    """Return 32 questions by different requesters, some of which differ in a value or a purpose alone."""
    asked = []
    for requester, purpose in (
        ("recommender", "recommendation"),
        ("recommender", "realtime_web"),
        ("marketer", "micro_segmentation"),
        ("marketer", "personalised_video"),
        ("ads", "targeted_advertising"),
        ("analyst", "churn_prediction"),
    ):
        keys = await site.rows(requester, purpose, "SELECT customer_id FROM crm.customers")
        asked += [
            Question(requester, purpose, "SELECT customer_id, stock_code FROM pos.order_lines"),
            Question(requester, purpose, "SELECT customer_id, member_rank, email FROM crm.customers"),
            Question(requester, purpose, "SELECT count(*) AS n FROM pos.order_lines"),
            *(
                Question(
                    requester,
                    purpose,
                    "SELECT customer_id, prefecture FROM crm.customers WHERE customer_id = ?",
                    (row["customer_id"],),
                )
                for row in keys[:2]
            ),
        ]
    return [
        *asked,
        Question("fraud_team", "fraud_prevention", "SELECT name, email FROM crm.customers ORDER BY email"),
        Question("ads", "recommendation", "SELECT stock_code FROM pos.order_lines"),
    ]


def said(response: httpx.Response) -> Any:
    """Return what an answer says, without ids."""
    body = response.json()
    return response.status_code, body.get("code"), body.get("columns"), body.get("rows")


async def test_parallel_answers_never_mix(shared: Site) -> None:
    """32 questions at once, several rounds in other orders: each answer is the one it is when asked alone."""
    asked = await questions(shared)
    assert len(asked) == 32
    alone = {question: said(await question.ask(shared)) for question in asked}
    assert len({str(answer) for answer in alone.values()}) >= 30
    chance = random.Random(4)
    for _ in range(3):
        chance.shuffle(asked)
        answers = await asyncio.gather(*(question.ask(shared) for question in asked))
        for question, answer in zip(asked, answers, strict=True):
            assert said(answer) == alone[question], question
        ids = [answer.json()["release"]["id"] for answer in answers if answer.status_code == 200]
        assert len(set(ids)) == len(ids)


async def test_parallel_streams_never_mix(shared: Site) -> None:
    """Answers of many pages, read side by side a page at a time, keep to their own rows."""
    asked = [
        ("recommender", "recommendation"),
        ("marketer", "micro_segmentation"),
        ("ads", "social_advertising"),
        ("analyst", "churn_prediction"),
    ]
    sql = "SELECT customer_id, stock_code, quantity FROM pos.order_lines ORDER BY invoiced_at, stock_code, quantity"
    alone = [[page.batch.to_pylist() for page in await shared.pages(*who, sql, page_rows=150)] for who in asked]
    releases = await asyncio.gather(*(shared.release(*who, sql, page_rows=150) for who in asked))
    streams = [release.pages() for release in releases]
    together: list[list[Any]] = [[] for _ in asked]
    alive = set(range(len(asked)))
    while alive:
        for place in sorted(alive):
            page = await anext(streams[place], None)
            if page is None:
                alive.discard(place)
            else:
                together[place].append(page.batch.to_pylist())
    assert together == alone


async def test_each_record_is_about_its_own_answer(shared: Site) -> None:
    """Of parallel answers, the record under an answer's id names its requester, purpose and number of rows."""
    asked = [question for question in await questions(shared) if question.requester != "ads"]
    answers = await asyncio.gather(*(question.ask(shared) for question in asked))
    for question, answer in zip(asked, answers, strict=True):
        release = answer.json()["release"]
        record = await shared.workspace.audit.get(release["id"])
        assert record is not None
        assert (record["requester"], record["purpose"]) == (question.requester, question.purpose)
        assert (record["rows"], record["seq"]) == (release["rows"], release["audit_seq"])
        assert [page for page in (record["page"],) if page] == []


async def test_consent_may_change_under_parallel_queries(site: Site) -> None:
    """While people withdraw one after the other, no answer that begins after a withdrawal has that person."""
    who = ("marketer", "micro_segmentation")
    withdrawn: list[int] = []
    seen: list[tuple[int, set[int | None]]] = []
    statements = (
        "SELECT customer_id, member_rank FROM crm.customers",
        "SELECT customer_id, stock_code FROM pos.order_lines",
        "SELECT customer_id, count(*) AS n FROM pos.order_lines GROUP BY customer_id",
    )
    done = asyncio.Event()

    async def read(sql: str) -> None:
        while not done.is_set():
            known = len(withdrawn)
            response = await site.post(*who, sql)
            if response.status_code == 503:  # consent changed twice under an aggregate
                assert response.json()["code"] == "consent_unavailable"
                continue
            keys = {row[0] for row in response.json()["rows"]}
            seen.append((known, {site.customer_of(*who, key) for key in keys}))

    readers = [asyncio.create_task(read(sql)) for sql in statements * 2]
    for her in site.agreeing(who[1])[:12]:
        await site.withdraw(her, who[1])
        withdrawn.append(her)
        await asyncio.sleep(0.02)
    done.set()
    await asyncio.gather(*readers)
    assert len(seen) > 10
    for known, people in seen:
        assert not people & set(withdrawn[:known])


async def test_a_stream_that_is_left_gives_its_store_back(shared: Site) -> None:
    """Readers that stop after the first page leave the store to others, however many they are."""
    sql = "SELECT customer_id, stock_code FROM pos.order_lines ORDER BY invoiced_at"
    profiles = "SELECT member_rank FROM crm.customers ORDER BY member_rank"
    for statement in (sql, profiles):
        for _ in range(10):
            release = await shared.release("marketer", "micro_segmentation", statement, page_rows=5)
            pages = release.pages()
            await anext(pages)
            await release.close()
        async with asyncio.timeout(5):
            response = await shared.post("marketer", "micro_segmentation", statement, accept=NDJSON)
        assert response.status_code == 200

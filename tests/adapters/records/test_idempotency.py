"""Idempotency keys in both databases: one claim, one answer, and nothing that stays for long."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from sekisho.adapters.records import idempotency
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.idempotency import SqlIdempotencyStore
from sekisho.errors import ConsentUnavailable, IdempotencyConflict
from sekisho.ports.idempotency import Claim, KeptAnswer

ANSWER = KeptAnswer(201, (("content-type", "application/json"), ("location", "/v1/x")), b'{"seq":1}\n', "ok")
DAY = 24 * 3600 * 1_000_000


@pytest.fixture
def store(database, keys):
    return SqlIdempotencyStore(database, keys)


async def execute(database, sql):
    return await database.run(lambda connection: connection.execute(text(sql)).rowcount)


async def count(database):
    return await database.read(lambda c: c.execute(text("SELECT COUNT(*) FROM idempotency_key")).scalar_one())


async def test_first_a_claim_then_the_answer(store):
    """One caller serves; meanwhile others hear nothing; afterwards all hear the same, headers and code too."""
    claim = await store.reserve("a", "POST /x", "key", b"body")
    assert isinstance(claim, Claim)
    assert await store.reserve("a", "POST /x", "key", b"body") is None
    await store.keep(claim, ANSWER)
    assert await store.reserve("a", "POST /x", "key", b"body") == ANSWER
    with pytest.raises(IdempotencyConflict):
        await store.reserve("a", "POST /x", "key", b"other")
    for others in (("b", "POST /x", "key"), ("a", "POST /y", "key"), ("a", "POST /x", "yek")):
        assert isinstance(await store.reserve(*others, b"other"), Claim)


async def test_a_claim_given_up_is_free(store):
    """Release lets the next caller in, with whatever body."""
    claim = await store.reserve("a", "POST /x", "key", b"body")
    await store.release(claim)
    assert isinstance(await store.reserve("a", "POST /x", "key", b"other"), Claim)


async def test_of_many_at_once_one_is_first(database, keys):
    """Two workers, fifty callers each, ten keys: ten claims, and everybody else waits or has another body."""
    stores = [SqlIdempotencyStore(database, keys) for _ in range(2)]
    calls = [store.reserve("a", "POST /x", f"{n % 10}", b"body") for n in range(50) for store in stores]
    held = await asyncio.gather(*calls)
    assert sum(isinstance(one, Claim) for one in held) == 10
    assert sum(one is None for one in held) == 90
    mixed = await asyncio.gather(
        *(stores[0].reserve("a", "POST /x", "new", body) for body in (b"1", b"1", b"2")), return_exceptions=True
    )
    assert [type(one) for one in mixed] == [Claim, type(None), IdempotencyConflict]


async def test_more_than_one_transaction_holds(store, monkeypatch):
    """A crowd larger than a transaction takes is served in several."""
    monkeypatch.setattr(idempotency, "_GROUP", 3)
    held = await asyncio.gather(*(store.reserve("a", "POST /x", f"{n % 5}", b"body") for n in range(20)))
    assert sum(isinstance(one, Claim) for one in held) == 5


async def test_what_a_crash_left_goes_to_the_same_body_alone(store, database):
    """After a minute without an answer the claim passes on; the dead one's answer is not kept."""
    dead = await store.reserve("a", "POST /x", "key", b"body")
    await execute(database, "UPDATE idempotency_key SET created_at = created_at - 59000000")
    assert await store.reserve("a", "POST /x", "key", b"body") is None
    await execute(database, "UPDATE idempotency_key SET created_at = created_at - 1000000")
    with pytest.raises(IdempotencyConflict):
        await store.reserve("a", "POST /x", "key", b"other")
    living = await store.reserve("a", "POST /x", "key", b"body")
    assert isinstance(living, Claim)
    await store.keep(dead, ANSWER)
    await store.release(dead)
    assert await store.reserve("a", "POST /x", "key", b"body") is None
    await store.keep(living, ANSWER)
    assert await store.reserve("a", "POST /x", "key", b"body") == ANSWER


async def test_old_answers_are_removed(store, database, keys):
    """What is older than a day goes, on request and by itself while keys come in; the rest stays."""
    for n in range(4):
        await store.keep(await store.reserve("a", "POST /x", f"{n}", b"body"), ANSWER)
    await execute(database, f"UPDATE idempotency_key SET created_at = created_at - {DAY}")
    await store.reserve("a", "POST /x", "young", b"body")
    assert await store.sweep() == 4
    assert await store.sweep() == 0
    assert await count(database) == 1
    await execute(database, f"UPDATE idempotency_key SET created_at = created_at - {DAY}")
    await SqlIdempotencyStore(database, keys).reserve("a", "POST /x", "new", b"body")
    assert await count(database) == 1


async def test_a_closed_database_is_unavailable(database: Database, keys):
    """No driver's error leaves the store."""
    store = SqlIdempotencyStore(database, keys)
    claim = await store.reserve("a", "POST /x", "key", b"body")
    assert isinstance(claim, Claim)
    await database.close()
    for call in (
        lambda: store.reserve("a", "POST /x", "key", b"body"),
        lambda: store.keep(claim, ANSWER),
        lambda: store.release(claim),
        store.sweep,
    ):
        with pytest.raises(ConsentUnavailable):
            await call()


async def test_an_answer_belongs_to_its_row(store, database):
    """An answer copied to another key's row is refused."""
    for key in ("one", "two"):
        await store.keep(await store.reserve("a", "POST /x", key, b"body"), ANSWER)
    copy = (
        "UPDATE idempotency_key SET answer = (SELECT o.answer FROM idempotency_key o"
        " WHERE o.scope <> idempotency_key.scope)"
    )
    await execute(database, copy)
    with pytest.raises(ConsentUnavailable):
        await store.reserve("a", "POST /x", "one", b"body")

"""A write that is sent twice with one key is done once, and keys never stand in the way of a no."""

# ruff: noqa: D102 - each method of a broken store does what its port says

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from tests.http.conftest import CUSTOMER, REQUESTER, World, client_of

from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.database import Database, migrate
from sekisho.adapters.records.idempotency import SqlIdempotencyStore
from sekisho.domain.terms import Requester
from sekisho.errors import AccessDenied, ConsentUnavailable, RateLimited
from sekisho.http import idempotency
from sekisho.http.app import create_app
from sekisho.http.idempotency import is_no, takes_key
from sekisho.ports import DataSubjectRef
from sekisho.ports.idempotency import Claim, KeptAnswer

EVENTS = "/v1/consents/events"
GIVE = {"data_subject": "customer_id:1", "purpose": "recommendation", "event": "give", "method": "paper"}
WITHDRAW = {**GIVE, "event": "withdraw"}
KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
MINUTE, DAY = 60 * 1_000_000, 24 * 3600 * 1_000_000


@dataclass
class Kept:
    """The application over a real store, and what is behind it."""

    world: World
    client: httpx.AsyncClient
    database: Database

    async def post(self, body: object = GIVE, path: str = EVENTS, **headers: str) -> httpx.Response:
        """Write as the recommender, with the key."""
        return await self.client.post(path, json=body, headers={**REQUESTER, **KEY, **headers})

    async def rows(self, sql: str = "SELECT * FROM idempotency_key") -> list[Any]:
        """Return what stands in the table."""
        return await self.database.run(lambda connection: list(connection.execute(text(sql))))

    async def age(self, micros: int) -> None:
        """Let every row be older."""
        sql = f"UPDATE idempotency_key SET created_at = created_at - {micros}"
        await self.database.run(lambda connection: connection.execute(text(sql)).close())


@pytest.fixture
async def kept(world: World, tmp_path: Path) -> AsyncIterator[Kept]:
    url = f"sqlite:///{tmp_path}/records.db"
    migrate(url)
    database = Database(url)
    store = SqlIdempotencyStore(database, FileKeyRing.create(tmp_path / "keys"))
    app = create_app(replace(world.services, idempotency=store))
    async with client_of(app) as client:
        yield Kept(world, client, database)
    await database.close()


class Broken:
    """A store that answers nothing, or too late."""

    def __init__(self, *, silent: bool = False) -> None:
        self.silent = silent

    async def reserve(self, caller: str, route: str, key: str, content: bytes) -> Claim | KeptAnswer | None:
        if self.silent:
            await asyncio.sleep(3600)
        raise ConsentUnavailable("down")

    async def keep(self, claim: Claim, answer: KeptAnswer) -> None:
        raise ConsentUnavailable("down")

    async def release(self, claim: Claim) -> None:
        raise ConsentUnavailable("down")


class HalfBroken(Broken):
    """A store that reserves and then breaks."""

    async def reserve(self, caller: str, route: str, key: str, content: bytes) -> Claim | KeptAnswer | None:
        return Claim(b"scope", 1)


async def test_the_same_again_is_answered_and_not_done(kept: Kept) -> None:
    """A replay has the same status, bytes and type, says that it is one, and records nothing."""
    first = await kept.post()
    again = await kept.post()
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content
    assert again.headers["content-type"] == first.headers["content-type"] == "application/json"
    assert again.headers["content-length"] == str(len(first.content))
    assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (None, "true")
    assert [call[0] for call in kept.world.consents.calls] == ["record_event"]


async def test_without_a_key_every_call_is_done(kept: Kept) -> None:
    """The header is optional, and without it nothing is kept."""
    for _ in range(2):
        await kept.client.post(EVENTS, json=GIVE, headers=REQUESTER)
    assert len(kept.world.consents.calls) == 2
    assert await kept.rows() == []


async def test_without_a_store_the_header_is_not_heeded(world: World, client: httpx.AsyncClient) -> None:
    """An application without a store serves as before."""
    for _ in range(2):
        assert (await client.post(EVENTS, json=GIVE, headers={**REQUESTER, **KEY})).status_code == 200
    assert len(world.consents.calls) == 2


async def test_another_body_under_the_same_key_is_a_conflict(kept: Kept) -> None:
    """The second body is neither done nor answered with the first's answer, were it a space apart."""
    await kept.post()
    other = await kept.post({**GIVE, "purpose": "lifecycle_email"})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    spaced = await kept.client.post(
        EVENTS,
        content=b" " + httpx.Request("POST", "http://x", json=GIVE).content,
        headers={**REQUESTER, **KEY, "content-type": "application/json"},
    )
    assert spaced.status_code == 409
    assert len(kept.world.consents.calls) == 1


async def test_keys_belong_to_their_caller_and_address(kept: Kept) -> None:
    """Another requester, a customer and another address have keys of their own."""
    kept.world.identity.requesters["other-token"] = Requester("other", frozenset())
    kept.world.identity.customers["other-customer"] = DataSubjectRef("customer_id", "2")
    await kept.post()
    assert "idempotency-replayed" not in (await kept.post(Authorization="Bearer other-token")).headers
    path = "/v1/me/consents/recommendation:withdraw"
    for token in ("customer-token", "other-customer"):
        answer = await kept.post({}, path, Authorization=f"Bearer {token}")
        assert (answer.status_code, "idempotency-replayed" in answer.headers) == (200, False)
    elsewhere = await kept.post({}, "/v1/me/consents/lifecycle_email:withdraw", **CUSTOMER)
    assert "idempotency-replayed" not in elsewhere.headers
    assert len(kept.world.consents.calls) == 5
    assert len(await kept.rows()) == 5


async def test_refusals_are_kept_and_failures_are_not(kept: Kept) -> None:
    """What was refused is refused again in the same bytes; "later" and "broken" may be tried anew."""
    kept.world.consents.error = AccessDenied("Only a collection point records this.")
    first, again = await kept.post(), await kept.post()
    assert (first.status_code, again.status_code, again.content) == (403, 403, first.content)
    assert again.headers["content-type"] == "application/problem+json"
    for error in (ConsentUnavailable("down"), RateLimited("later"), RuntimeError("broken")):
        headers = {"Idempotency-Key": type(error).__name__}
        kept.world.consents.error = error
        assert (await kept.post(**headers)).status_code >= 429
        kept.world.consents.error = None
        done = await kept.post(**headers)
        assert (done.status_code, "idempotency-replayed" in done.headers) == (200, False)


async def test_nobody_leaves_a_trace(kept: Kept) -> None:
    """A call without a valid token keeps nothing, nor does one that the endpoint does not take."""
    for headers in ({"Authorization": "Bearer nobody"}, CUSTOMER):
        answer = await kept.client.post(EVENTS, json=GIVE, headers={**KEY, **headers})
        assert answer.status_code == 401
    assert await kept.rows() == []


async def test_nobody_reaches_the_store(world: World) -> None:
    """Without a valid token the answer is 401 whatever the state of the store, which is never asked."""
    async with client_of(create_app(replace(world.services, idempotency=Broken())), **KEY) as client:
        for path in (EVENTS, "/v1/me/consents:withdraw-all"):
            assert (await client.post(path, json=GIVE)).status_code == 401


async def test_reads_take_no_key(kept: Kept) -> None:
    """Two checks with one key and different bodies are two checks."""
    for person in ("customer_id:1", "customer_id:2"):
        body = {"items": [{"data_subject": person, "purpose": "recommendation"}]}
        answer = await kept.post(body, "/v1/consents:check")
        assert (answer.status_code, "idempotency-replayed" in answer.headers) == (200, False)
    assert await kept.rows() == []


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256, "tab\there"])
async def test_a_key_is_visible_ascii(kept: Kept, key: str) -> None:
    """Anything else is an invalid request, and nothing is done."""
    headers = [("Authorization", "Bearer recommender-token"), ("Idempotency-Key", key.encode())]
    answer = await kept.client.post(EVENTS, json=GIVE, headers=headers)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert kept.world.consents.calls == []


async def test_two_keys_are_none(kept: Kept) -> None:
    """Two headers are refused; 255 characters are a key."""
    two = [("Authorization", "Bearer recommender-token"), ("Idempotency-Key", "a"), ("Idempotency-Key", "a")]
    assert (await kept.client.post(EVENTS, json=GIVE, headers=two)).status_code == 422
    assert (await kept.post(**{"Idempotency-Key": "~" * 255})).status_code == 200


async def test_twins_at_the_same_moment_are_done_once(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty calls at once record one event, and all get its answer."""
    record = kept.world.consents.record_event

    async def slow(*args: Any) -> Any:
        await asyncio.sleep(0.05)
        return await record(*args)

    monkeypatch.setattr(kept.world.consents, "record_event", slow)
    answers = await asyncio.gather(*(kept.post() for _ in range(20)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert len(kept.world.consents.calls) == 1


async def test_a_twin_that_waits_too_long_is_told_to_ask_again(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the first call is under way a twin gets 409 with a time to ask again; a no does not wait for it."""
    monkeypatch.setattr(idempotency, "_WAIT_S", 0.1)
    blocked = asyncio.Event()
    record = kept.world.consents.record_event
    served, both_under_way = 0, asyncio.Event()

    async def stuck(*args: Any) -> Any:
        nonlocal served
        served += 1
        if served == 2:
            both_under_way.set()
        if served <= 2:
            await blocked.wait()
        return await record(*args)

    monkeypatch.setattr(kept.world.consents, "record_event", stuck)
    first = asyncio.create_task(kept.post())
    no = asyncio.create_task(kept.post(WITHDRAW, **{"Idempotency-Key": "no"}))
    await both_under_way.wait()
    twin = await kept.post()
    assert (twin.status_code, twin.json()["code"], twin.headers["retry-after"]) == (409, "idempotency_conflict", "1")
    assert (await kept.post(WITHDRAW, **{"Idempotency-Key": "no"})).status_code == 200
    blocked.set()
    assert [(await first).status_code, (await no).status_code] == [200, 200]
    assert (await kept.post()).content == (await first).content


async def test_what_a_crash_left_is_taken_over(kept: Kept) -> None:
    """A call that died before its answer holds the key for a minute; then the same body may try again, no other."""
    store = create_store(kept)
    claim = await store.reserve('["requester","recommender"]', f"POST {EVENTS}", KEY["Idempotency-Key"], _sent(GIVE))
    assert isinstance(claim, Claim)
    await kept.age(MINUTE)
    assert (await kept.post(WITHDRAW)).status_code == 409
    done = await kept.post()
    assert (done.status_code, "idempotency-replayed" in done.headers) == (200, False)
    await store.keep(claim, KeptAnswer(200, (), b"the dead one's"))
    assert (await kept.post()).content == done.content


async def test_an_answer_is_kept_for_a_day(kept: Kept) -> None:
    """After a day the key is free, also for another body."""
    await kept.post()
    await kept.age(DAY - MINUTE)
    assert "idempotency-replayed" in (await kept.post()).headers
    await kept.age(MINUTE)
    assert "idempotency-replayed" not in (await kept.post(WITHDRAW)).headers


@pytest.mark.parametrize("store", [Broken(), Broken(silent=True)], ids=["failing", "silent"])
async def test_a_broken_store_stops_every_write_but_a_no(
    world: World, store: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Withdrawals go on without their key; everything else fails closed."""
    monkeypatch.setattr(idempotency, "_STORE_S", 0.05)
    async with client_of(create_app(replace(world.services, idempotency=store)), **KEY) as client:
        for path, body, token in (
            (EVENTS, WITHDRAW, REQUESTER),
            (EVENTS, {**GIVE, "event": "object"}, REQUESTER),
            ("/v1/me/consents/recommendation:withdraw", {}, CUSTOMER),
            ("/v1/me/consents:withdraw-all", {}, CUSTOMER),
            ("/v1/me/consents", {"decisions": [{"purpose": "recommendation", "decision": "refuse"}]}, CUSTOMER),
        ):
            done = await client.post(path, json=body, headers=token)
            assert (done.status_code, "idempotency-replayed" in done.headers) == (200, False)
        recorded = len(world.consents.calls)
        others: list[tuple[str, object, dict[str, str]]] = [
            (EVENTS, GIVE, REQUESTER),
            (EVENTS, {"event": ["withdraw"]}, REQUESTER),
            (EVENTS, ["withdraw"], REQUESTER),
            ("/v1/me/consents", {"decisions": [{"decision": "refuse"}, {"decision": "give"}]}, CUSTOMER),
            ("/v1/me/consents", {"decisions": []}, CUSTOMER),
        ]
        for path, other, token in others:
            refused = await client.post(path, json=other, headers=token)
            assert (refused.status_code, refused.json()["code"]) == (503, "consent_unavailable")
        assert len(world.consents.calls) == recorded == 5


async def test_what_cannot_be_kept_is_answered_all_the_same(world: World) -> None:
    """The write was done; that its answer is not kept must not look like a failure."""
    async with client_of(create_app(replace(world.services, idempotency=HalfBroken())), **KEY) as client:
        assert (await client.post(EVENTS, json=GIVE, headers=REQUESTER)).status_code == 200
        world.consents.error = ConsentUnavailable("down")
        assert (await client.post(EVENTS, json=GIVE, headers=REQUESTER)).status_code == 503


async def test_the_table_names_nobody(kept: Kept) -> None:
    """Neither caller, key, address nor anything of body and answer can be read there."""
    await kept.post()
    stored = repr(await kept.rows())
    for secret in ("recommend", KEY["Idempotency-Key"], "customer_id", "consents", "seq", "event"):
        assert secret not in stored


async def test_a_changed_answer_is_not_given_out(kept: Kept) -> None:
    """An answer that was tampered with, or moved to another row, is refused."""
    await kept.post()
    sql = "UPDATE idempotency_key SET status = 201"
    await kept.database.run(lambda connection: connection.execute(text(sql)).close())
    assert (await kept.post()).json()["code"] == "consent_unavailable"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/consents/events", True),
        ("/v1/me/consents", True),
        ("/v1/me/consents/{purpose}:withdraw", True),
        ("/v1/data-subjects:link", True),
        ("/v1/webhooks", True),
        ("/v1/webhooks/{webhook_id}:replay", True),
        ("/v1/notices:publish", True),
        ("/v1/me/requests", True),
        ("/v1/query", False),
        ("/v1/query:explain", False),
        ("/v1/consents:check", False),
        ("/v1/consents:filter", False),
        ("/v1/consents:import", False),
        ("/v1/data-subjects:resolve", False),
        ("/v1/audit/records:search", False),
        ("/v1/views/{name}:read", False),
        ("/v1/notices:simulate", False),
        ("/v1/me/session:confirm", False),
        ("/metrics", False),
    ],
)
def test_writes_take_a_key(path: str, expected: bool) -> None:
    """Every POST below /v1 takes one, but for those that only read, sign in, or are told apart by content."""
    assert takes_key({"POST"}, path) is expected
    assert not takes_key({"GET"}, path)


def test_the_document_names_the_header(world: World) -> None:
    """OpenAPI tells of the header on writes, once, and on nothing else."""
    paths = world.app.openapi()["paths"]
    named = [p["name"] for p in paths[EVENTS]["post"]["parameters"]]
    assert named.count("Idempotency-Key") == 1
    assert "Idempotency-Key" not in repr(paths["/v1/consents:check"])


def test_a_no_is_known_by_address_or_words() -> None:
    """Only a body that says nothing but no is a no."""
    assert is_no("/v1/me/consents/x:withdraw", b"not json")
    assert is_no("/v1/me/requests", b'{"kind": "objection"}')
    assert not is_no("/v1/me/requests", b'{"kind": "access"}')
    assert not is_no(EVENTS, b"not json")
    assert not is_no("/v1/notices", b'{"event": "withdraw"}')


def create_store(kept: Kept) -> SqlIdempotencyStore:
    """Return another worker's store over the same database and keys."""
    folder = Path(str(kept.database.engine.url.database)).parent
    return SqlIdempotencyStore(kept.database, FileKeyRing(folder / "keys"))


def _sent(body: object) -> bytes:
    return b"\0" + httpx.Request("POST", "http://x", json=body).content

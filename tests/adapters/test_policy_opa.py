"""What an OPA server answers, and what it means when it does not."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import time
from collections.abc import AsyncIterator, Callable

import pytest

from sekisho.adapters.opa import OpaServer
from sekisho.domain.access import AccessRequest, Permit
from sekisho.errors import PolicyUnavailable
from tests.policies.catalogue import DATASETS, PURPOSES, REQUESTERS, ask, using

pytestmark = pytest.mark.enable_socket

GOOD: dict[str, object] = {
    "allow": True,
    "deny": [],
    "legal_basis": "consent",
    "consent": {"required": True, "cells": ["recommendation/data_category=purchase"]},
    "columns": {"pos.order_lines": {"customer_id": "pseudonym"}},
    "row_filters": {},
    "obligations": [],
    "valid_until": None,
}

# One try of 0.25 s, with room for a busy machine; a retry of the client would take 0.9 s, its own timeout 1.5 s.
SECONDS = 0.7


class StandIn:
    """A server on loopback that answers every request with the same bytes and keeps what was asked."""

    def __init__(self, answer: Callable[[], bytes | None]) -> None:
        self.answer = answer
        self.asked: list[bytes] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        self.writers.append(writer)
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        answer = self.answer()
        if answer is not None:
            writer.write(answer)
            await writer.drain()
            writer.close()

    async def end(self) -> None:
        """Close the connections that were left without an answer, and wait for all to be closed."""
        for writer in self.writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def standing_in(answer: Callable[[], bytes | None]) -> AsyncIterator[StandIn]:
    stand_in = StandIn(answer)
    server = await asyncio.start_server(stand_in.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    stand_in.url = f"http://127.0.0.1:{port}"
    try:
        yield stand_in
    finally:
        server.close()
        await stand_in.end()


def response(body: bytes, status: str = "200 OK", kind: str = "application/json", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def answering(result: object, **beside: object) -> bytes:
    return response(json.dumps({"result": result, **beside}).encode())


def question() -> AccessRequest:
    return ask(REQUESTERS[0], PURPOSES["recommendation"], using(DATASETS[1], "customer_id"))


async def refused(url: str) -> float:
    """Return after how many seconds the server's answer was taken as no."""
    pdp = OpaServer(url)
    began = time.monotonic()
    try:
        with pytest.raises(PolicyUnavailable):
            await pdp.decide(question())
        return time.monotonic() - began
    finally:
        await pdp.close()


async def test_a_complete_answer_is_a_decision_by_its_revision():
    """The decision carries the revision of the bundle that answered it, at the one constant path."""
    good = answering(GOOD, provenance={"bundles": {"policies": {"revision": "abc123"}}})
    async with standing_in(lambda: good) as server:
        pdp = OpaServer(server.url)
        decision = await pdp.decide(question())
        await pdp.close()
    assert isinstance(decision, Permit)
    assert decision.revision == pdp.revision == "abc123"
    assert server.asked[0].startswith(b"POST /v1/data/sekisho/access/decision?provenance=True HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "provenance",
    [None, {}, {"bundles": {}}, {"bundles": {"a": {"revision": ""}}}, {"bundles": {"a": {"revision": "1"}, "b": {}}}],
)
async def test_policies_without_revision_decide_unversioned(provenance):
    """A server that cannot say which policies decided is obeyed, but what it says cannot be kept."""
    async with standing_in(lambda: answering(GOOD, provenance=provenance)) as server:
        pdp = OpaServer(server.url)
        decision = await pdp.decide(question())
        await pdp.close()
    assert decision.revision == "unversioned"
    assert pdp.revision is None


async def test_what_is_known_of_the_revision_ages():
    """After its time the revision is unknown, so that a change of policy is not missed for longer."""
    good = answering(GOOD, provenance={"bundles": {"policies": {"revision": "abc123"}}})
    async with standing_in(lambda: good) as server:
        pdp = OpaServer(server.url, revision_ttl_s=0.05)
        await pdp.decide(question())
        assert pdp.revision == "abc123"
        await asyncio.sleep(0.06)
        await pdp.close()
    assert pdp.revision is None


@pytest.mark.parametrize(
    "answer",
    [
        response(b"{}"),
        response(b'{"result": "true"}'),
        response(b'{"result": true}'),
        response(b'{"result": {}}'),
        response(b'{"result": null}'),
        response(b'"true"'),
        response(b"true"),
        response(b"[]"),
        response(b""),
        response(b"{"),
        response(b"[" * 100_000),
        response(b"<html>sign in</html>", kind="text/html"),
        answering(GOOD).replace(b"application/json", b"text/html"),
        answering(GOOD)[:-20],
        response(json.dumps({"result": GOOD}).encode(), status="500 Internal Server Error"),
        response(json.dumps({"result": GOOD}).encode(), status="503 Service Unavailable"),
        response(b"{}", status="404 Not Found"),
        b"HTTP/1.1 200 OK\r\n\r\n\xff\xfe",
        b"nonsense\r\n\r\n",
        answering({**GOOD, "allow": "true"}),
        answering({**GOOD, "allow": 1}),
        answering({**GOOD, "extra": 1}),
        answering({key: value for key, value in GOOD.items() if key != "obligations"}),
        answering({**GOOD, "obligations": [{"kind": "delete_after", "value": 30}]}),
        answering({**GOOD, "columns": {}}),
        answering({**GOOD, "columns": {"pos.order_lines": {"customer_id": "show"}}}),
        answering({**GOOD, "consent": {"required": True, "cells": []}}),
        answering({**GOOD, "valid_until": "tomorrow"}),
    ],
)
async def test_what_is_not_a_decision_is_no(answer):
    """Undefined, truthy, cut off, failing or unknown: one try, and no."""
    async with standing_in(lambda: answer) as server:
        assert await refused(server.url) < SECONDS
        assert len(server.asked) == 1


async def test_a_failing_server_is_not_asked_again():
    """Given all the time in the world, a failure is still answered after one try."""
    async with standing_in(lambda: response(b"{}", status="500 Internal Server Error")) as server:
        pdp = OpaServer(server.url, timeout_s=5.0)
        with pytest.raises(PolicyUnavailable):
            await pdp.decide(question())
        await pdp.close()
        assert len(server.asked) == 1


async def test_a_slow_server_is_no():
    """No answer in time is no, and it is not asked again."""
    async with standing_in(lambda: None) as server:
        assert 0.2 < await refused(server.url) < SECONDS
        assert len(server.asked) == 1


async def test_a_server_that_is_down_is_no():
    """A refused connection is no, at once."""
    async with standing_in(lambda: None) as server:
        url = server.url
    assert await refused(url) < SECONDS


async def test_an_unhealthy_server_is_not_ready():
    """Health asks for bundles and plugins, and for a policy that refuses an empty question."""
    deny = {**GOOD, "allow": False, "deny": [{"code": "access_denied", "reason": "no_dataset"}]}
    answers = {
        "ready": ([response(b"{}"), answering(deny)], True),
        "no policy": ([response(b"{}"), response(b"{}")], False),
        "allows nothing asked": ([response(b"{}"), answering(GOOD)], False),
        "bundles missing": ([response(b"{}", status="500 Internal Server Error")], False),
    }
    for given, expected in answers.values():
        remaining = list(given)
        async with standing_in(functools.partial(remaining.pop, 0)) as server:
            pdp = OpaServer(server.url)
            assert await pdp.healthy() is expected
            await pdp.close()
        assert server.asked[0].startswith(b"GET /health?bundles=True&plugins=True ")
    down = OpaServer(server.url)
    assert not await down.healthy()
    await down.close()


def test_an_address_without_host_is_refused():
    """A fault in the address shows at start."""
    with pytest.raises(ValueError, match="no host"):
        OpaServer("opa")

"""What an OPA server answers, and what it means when it does not."""

from __future__ import annotations

import asyncio
import json

import pytest

from sekisho.adapters.opa import Demands, OpaServers
from sekisho.domain.access import AccessRequest, Permit
from sekisho.errors import PolicyUnavailable
from tests.policies.catalogue import DATASETS, PURPOSES, REQUESTERS, ask, using
from tests.policies.serving import SOON, StandIn, answering, asking, response, standing_in

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


PROVENANCE = {"bundles": {"policies": {"revision": "abc123"}}}


def question() -> AccessRequest:
    return ask(REQUESTERS[0], PURPOSES["recommendation"], using(DATASETS[1], "customer_id"))


async def test_a_complete_answer_is_a_decision_by_its_revision():
    """The decision carries the revision of the bundle that answered it, at the one constant path."""
    async with standing_in(lambda: answering(GOOD, provenance=PROVENANCE)) as server, asking(server.url) as pdp:
        decision = await pdp.decide(question())
        assert pdp.revision == "abc123"
    assert isinstance(decision, Permit)
    assert decision.revision == "abc123"
    path = b"POST /v1/data/sekisho/access/decision?provenance=True&strict-builtin-errors=True HTTP/1.1\r\n"
    assert server.asked[0].startswith(path)


@pytest.mark.parametrize(
    "provenance",
    [None, {}, {"bundles": {}}, {"bundles": {"a": {"revision": ""}}}, {"bundles": {"a": {"revision": "1"}, "b": {}}}],
)
async def test_policies_without_revision_decide_unversioned(provenance):
    """A server that cannot say which policies decided is obeyed, but what it says cannot be kept."""
    async with standing_in(lambda: answering(GOOD, provenance=provenance)) as server, asking(server.url) as pdp:
        decision = await pdp.decide(question())
        assert decision.revision == "unversioned"
        assert pdp.revision is None
        assert await pdp.in_force() is None


async def test_what_is_known_of_the_revision_ages():
    """After its time the revision is unknown, and found out by asking."""
    demands = Demands(known_s=0.05)
    async with (
        standing_in(lambda: answering(GOOD, provenance=PROVENANCE)) as server,
        asking(server.url, demands=demands) as pdp,
    ):
        await pdp.decide(question())
        assert pdp.revision == "abc123"
        await asyncio.sleep(0.06)
        assert pdp.revision is None
        server.beside = {"provenance": {"bundles": {"policies": {"revision": "def456"}}}}
        assert await pdp.in_force() == pdp.revision == "def456"


async def test_another_revision_than_the_expected_one_is_no():
    """Where a revision is named, no other decides, and its server is not healthy."""
    async with standing_in(lambda: answering(GOOD, provenance=PROVENANCE)) as server:
        server.beside = {"provenance": PROVENANCE}
        async with asking(server.url, demands=Demands("abc123")) as pdp:
            assert isinstance(await pdp.decide(question()), Permit)
        async with asking(server.url, demands=Demands("def456")) as pdp:
            with pytest.raises(PolicyUnavailable):
                await pdp.decide(question())
            assert not await pdp.healthy()
        server.beside = {}  # and neither do policies without one
        async with asking(server.url, demands=Demands("abc123")) as pdp:
            assert not await pdp.healthy()


async def test_an_answer_of_another_revision_is_no_though_the_server_was_healthy():
    """The revision is looked at in each answer, not only when a server is."""
    async with standing_in(lambda: answering(GOOD, provenance=PROVENANCE)) as server:
        server.beside = {"provenance": {"bundles": {"policies": {"revision": "def456"}}}}
        async with asking(server.url, demands=Demands("def456")) as pdp:
            assert await pdp.healthy()
            with pytest.raises(PolicyUnavailable):
                await pdp.decide(question())
    assert len(server.asked) == 1


CONFIG = {"labels": {"version": "1.21.3"}, "bundles": {"policies": {"signing": {"keyid": "k"}}}}


@pytest.mark.parametrize(
    ("config", "sound"),
    [
        (CONFIG, True),
        (CONFIG | {"labels": {"version": "1.30.0-dev"}}, True),
        (CONFIG | {"labels": {"version": "1.21.2"}}, False),
        (CONFIG | {"labels": {}}, False),
        (CONFIG | {"bundles": {}}, False),
        (CONFIG | {"bundles": {"policies": {}}}, False),
        (CONFIG | {"bundles": {"policies": {"signing": {"keyid": "other"}}}}, False),
        (CONFIG | {"bundles": {"policies": {"signing": {"keyid": "k"}}, "b": {"signing": {}}}}, False),
        ({}, False),
    ],
    ids=["signed", "newer", "older", "no version", "no bundle", "unsigned", "another key", "one unsigned", "nothing"],
)
async def test_a_server_must_verify_each_bundle_by_the_key_that_is_demanded(config, sound):
    """A server that does not say so, or is of a version that can be led around its signatures, is not asked."""
    async with standing_in(lambda: answering(GOOD, provenance=PROVENANCE)) as server:
        server.config = config
        async with asking(server.url, demands=Demands(keyid="k")) as pdp:
            assert await pdp.healthy() is sound
            if not sound:
                with pytest.raises(PolicyUnavailable):
                    await pdp.decide(question())
    assert not server.asked


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
    async with standing_in(lambda: answer) as server, asking(server.url) as pdp:
        with pytest.raises(PolicyUnavailable):
            await pdp.decide(question())
        assert len(server.asked) == 1


async def test_a_slow_server_is_no():
    """No answer in time is no, and it is not asked again: five seconds were not waited for."""
    async with standing_in(lambda: None) as server, asking(server.url, timeout_s=0.25) as pdp:
        with pytest.raises(PolicyUnavailable):
            await pdp.decide(question())
        assert len(server.asked) == 1


async def test_a_server_that_is_down_is_no():
    """A refused connection is no."""
    async with standing_in(lambda: None) as server:
        url = server.url
    async with asking(url) as pdp:
        with pytest.raises(PolicyUnavailable):
            await pdp.decide(question())
        assert not await pdp.healthy()


def sick(server: StandIn) -> None:
    server.health = "500 Internal Server Error"


async def test_an_unhealthy_server_is_not_asked():
    """Health asks for bundles and plugins, comes before the first question, and is asked for again after a while."""
    async with standing_in(lambda: answering(GOOD)) as server, asking(server.url) as pdp:
        sick(server)
        assert not await pdp.healthy()
        with pytest.raises(PolicyUnavailable):
            await pdp.decide(question())
        assert server.looks[0].startswith(b"GET /health?bundles=True&plugins=True ")
        assert not server.asked
        server.health = "200 OK"
        await asyncio.sleep(SOON.known_s)
        assert isinstance(await pdp.decide(question()), Permit)


@pytest.mark.parametrize(
    "answer", [b"{}", json.dumps({"result": GOOD}).encode()], ids=["no policy", "allows nothing"]
)
async def test_a_server_that_does_not_refuse_the_empty_question_is_not_ready(monkeypatch, answer):
    """No policy at all, or one that allows what nobody asked: not healthy, and not asked."""
    monkeypatch.setattr("tests.policies.serving.answering", lambda *_args, **_kwargs: response(answer))
    async with standing_in(lambda: None) as server, asking(server.url) as pdp:
        assert not await pdp.healthy()
        with pytest.raises(PolicyUnavailable):
            await pdp.decide(question())
    assert not server.asked


async def test_a_failing_server_is_looked_at_before_it_is_asked_again():
    """After a failure the next question waits for a look, so that a sick server is asked once and not for long."""
    async with (
        standing_in(lambda: response(b"{}", "500 Internal Server Error")) as server,
        asking(server.url, demands=Demands(checked_s=60, known_s=60)) as pdp,
    ):
        with pytest.raises(PolicyUnavailable):
            await pdp.decide(question())
        assert (len(server.looks), len(server.asked)) == (1, 1)
        sick(server)
        for _ in range(3):
            with pytest.raises(PolicyUnavailable):
                await pdp.decide(question())
        assert (len(server.looks), len(server.asked)) == (2, 1)


async def test_another_server_is_asked_when_one_is_not_healthy():
    """Of several servers the first healthy one decides; one that hangs leaves time for the others."""
    good = answering(GOOD, provenance=PROVENANCE)
    async with standing_in(lambda: good) as first, standing_in(lambda: good) as second:
        sick(first)
        async with asking(first.url, second.url, timeout_s=1.0) as pdp:
            assert isinstance(await pdp.decide(question()), Permit)
            assert await pdp.healthy()
            first.health = "200 OK"
            await asyncio.sleep(SOON.known_s)
            await pdp.decide(question())
    assert (len(first.asked), len(second.asked)) == (1, 1)


async def test_who_goes_away_does_not_make_a_server_look_sick():
    """A caller that is cancelled while a server is looked at leaves it to be looked at by the next."""
    async with standing_in(lambda: answering(GOOD)) as server, asking(server.url, demands=Demands(known_s=60)) as pdp:
        gone = asyncio.create_task(pdp.decide(question()))
        await server.looked_at.wait()
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        assert isinstance(await pdp.decide(question()), Permit)


@pytest.mark.parametrize("url", ["opa", "https://"])
def test_an_address_without_host_is_refused(url):
    """A fault in the address shows at start."""
    with pytest.raises(ValueError, match="no host"):
        OpaServers([url])

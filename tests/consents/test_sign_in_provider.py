"""Sign-in at the customers' identity provider: one browser, one way, once."""

# ruff: noqa: D102 - each method does what its port says

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

import pytest
from tests.consents.fakes import make_parts
from tests.consents.sign_in_house import Box, House

from sekisho.adapters.records.sessions import SqlSessions
from sekisho.errors import NotFound, Unauthenticated
from sekisho.ports import DataSubjectRef


@pytest.fixture
async def house(database):
    fakes = make_parts()
    return House(fakes, SqlSessions(database, fakes.keys), Box(), database)


@dataclass
class Provider:
    """An identity provider that is content with everything."""

    person_: DataSubjectRef
    seen: list[dict[str, str]] = field(default_factory=list)

    async def authorization_url(self, **more) -> str:
        self.seen.append(more)
        return "https://login.shop.example/authorize"

    async def person(self, **more) -> DataSubjectRef:
        self.seen.append(more)
        return self.person_

    async def close(self) -> None:
        self.seen.clear()


async def test_the_way_through_the_provider_is_bound_to_one_browser(house):
    """State, nonce and verifier belong to the cookie; the challenge is the SHA-256 of the verifier."""
    provider = Provider(DataSubjectRef("customer_id", "17850"))
    sign_in = house.sign_in(provider=provider)
    _, cookie = await sign_in.begin_at_provider()
    asked = provider.seen[0]
    session = await sign_in.finish_at_provider(cookie, asked["state"], "code")
    handed = provider.seen[1]

    digest = hashlib.sha256(handed["verifier"].encode()).digest()
    assert asked["challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert (handed["nonce"], handed["code"]) == (asked["nonce"], "code")
    assert len({asked["state"], asked["nonce"], handed["verifier"]}) == 3
    assert handed["verifier"] not in cookie
    assert await sign_in.person_of(session.token) == DataSubjectRef("customer_id", "17850")


async def test_a_state_that_is_not_the_browsers_is_refused(house):
    """Another's state, a changed or late cookie, and an identifier of no dataset begin no session."""
    provider = Provider(DataSubjectRef("customer_id", "17850"))
    sign_in = house.sign_in(provider=provider)
    _, cookie = await sign_in.begin_at_provider()
    _, other = await sign_in.begin_at_provider()
    state, strange = provider.seen[0]["state"], provider.seen[1]["state"]
    begun, until, mac = cookie.split(".")
    for held, given in [
        (cookie, strange),
        (other, state),
        (f"{begun}.{int(until) + 1}.{mac}", state),
        (f"{strange}.{until}.{mac}", strange),
        ("", ""),
        (".", ""),
        ("..", ""),
        (cookie + "x", state),
    ]:
        with pytest.raises(Unauthenticated):
            await sign_in.finish_at_provider(held, given, "code")
    assert len(provider.seen) == 2
    provider.person_ = DataSubjectRef("sub", "x")
    with pytest.raises(Unauthenticated):
        await sign_in.finish_at_provider(cookie, state, "code")
    provider.person_ = DataSubjectRef("customer_id", "17850")
    house.fakes.clock.advance(600)
    with pytest.raises(Unauthenticated):
        await sign_in.finish_at_provider(cookie, state, "code")


async def test_without_a_provider_there_is_no_such_way(house):
    """It is answered like any address that does not exist."""
    with pytest.raises(NotFound):
        await house.sign_in().begin_at_provider()
    with pytest.raises(NotFound):
        await house.sign_in().finish_at_provider("", "", "")

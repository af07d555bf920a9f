"""An application whose sign-in is real: sessions in a database, people and mail in memory."""

# ruff: noqa: D102 - each method does what its port says

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import httpx
from tests.consents.fakes import make_parts
from tests.consents.sign_in_house import MARIKO, Box, House, email_ref
from tests.http.conftest import World

from sekisho.adapters.records.database import Database
from sekisho.adapters.records.sessions import SqlSessions
from sekisho.consents.sign_in import SignIn
from sekisho.http.app import create_app
from sekisho.ports import DataSubjectRef

OURS = {"Origin": "https://privacy.shop.example"}
HTTPS = "https://privacy.shop.example"


@dataclass
class Me:
    """What a signed-in customer reaches: keeps who came."""

    came: list[tuple[str, DataSubjectRef]] = field(default_factory=list)

    async def my_consents(self, person: DataSubjectRef, *, min_seq: int | None = None) -> dict[str, object]:
        self.came.append(("read", person))
        return {"items": [], "seq": 0}

    async def withdraw_all(self, person: DataSubjectRef) -> dict[str, object]:
        self.came.append(("withdraw", person))
        return {"seq": 1, "withdrawn": []}

    async def object_by_signal(self, person: DataSubjectRef) -> None:
        self.came.append(("object", person))


class Provider:
    """An identity provider that lets everybody in as customer 17850."""

    async def authorization_url(self, **more: str) -> str:
        return f"https://login.shop.example/authorize?state={more['state']}"

    async def person(self, **more: str) -> DataSubjectRef:
        return DataSubjectRef("customer_id", "17850")

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class Site:
    """An application whose sign-in is real, and its parts."""

    house: House
    me: Me
    world: World
    sign_in: SignIn

    def client(self, base_url: str = HTTPS, **headers: str) -> httpx.AsyncClient:
        """Return a browser without cookies."""
        consents = SimpleNamespace(sign_in=self.sign_in, reading=self.me, recording=self.me)
        app = create_app(replace(self.world.services, consents=cast("Any", consents)))
        transport = httpx.ASGITransport(app=app, client=("192.0.2.1", 1))
        return httpx.AsyncClient(transport=transport, base_url=base_url, headers=headers)

    async def link(self, client: httpx.AsyncClient, address: str = MARIKO) -> str:
        """Ask for a link and return its token."""
        await client.post("/v1/me/session:request", json={"email": address})
        await self.sign_in.settled()
        mail = self.house.box.sent[-1][2]
        return mail.partition("#token=")[2].split()[0]

    async def signed_in(self, client: httpx.AsyncClient) -> httpx.Response:
        """Sign in; the client keeps the cookie."""
        token = await self.link(client)
        response = await client.post("/v1/me/session:confirm", json={"token": token}, headers=OURS)
        assert response.status_code == 200, response.text
        return response


async def open_site(database: Database, world: World) -> Site:
    """Return a site where Mariko has an address, and two people share another."""
    fakes = make_parts(identifiers=frozenset({"email_sha256", "email", "customer_id"}))
    await fakes.people.register("email_sha256", [email_ref(MARIKO).value])
    await fakes.people.register("email", ["twins@shop.example"])
    await fakes.people.register("email_sha256", [email_ref("twins@shop.example").value])
    house = House(fakes, SqlSessions(database, fakes.keys), Box(), database)
    return Site(house, Me(), world, house.sign_in(provider=Provider()))


def cookies(response: httpx.Response) -> list[str]:
    return response.headers.get_list("set-cookie")


def told(response: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Return all that an answer says, but the number by which it is found in the log."""
    headers = [(name, value) for name, value in response.headers.multi_items() if name != "sekisho-trace-id"]
    return response.status_code, response.content, headers

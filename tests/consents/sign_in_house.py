"""A sign-in whose mail and people are fakes and whose sessions are real."""

# ruff: noqa: D102 - each method does what its port says

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from sqlalchemy import text
from tests.consents.fakes import FakeParts

from sekisho.adapters.records.database import Database
from sekisho.adapters.records.sessions import SqlSessions
from sekisho.consents.client_limit import Client
from sekisho.consents.sign_in import SignIn
from sekisho.errors import MailUnavailable
from sekisho.ports import DataSubjectRef

MARIKO = "mariko@shop.example"
HERE = Client("192.0.2.1")


def email_ref(address: str) -> DataSubjectRef:
    return DataSubjectRef("email_sha256", hashlib.sha256(address.encode()).hexdigest())


@dataclass
class Box:
    """A mailer that keeps what it is given; ``failing`` times it does not take it."""

    sent: list[tuple[str, str, str]] = field(default_factory=list)
    failing: int = 0

    async def send(self, address: str, subject: str, text: str) -> None:
        if self.failing:
            self.failing -= 1
            raise MailUnavailable("not now")
        self.sent.append((address, subject, text))

    def tokens(self) -> list[str]:
        """Return the token of every link, each of which stands twice in its mail."""
        found = [re.findall(r"https://privacy\.shop\.example/preferences#token=(\S+)", mail[2]) for mail in self.sent]
        assert all(len(both) == 2 and both[0] == both[1] for both in found)
        return [both[0] for both in found]


@dataclass
class House:
    """A sign-in over real sessions and fake people."""

    fakes: FakeParts
    sessions: SqlSessions
    box: Box
    database: Database

    def sign_in(self, **more) -> SignIn:
        settings = {"base_url": "https://privacy.shop.example", "controller": "Example Shop"}
        return SignIn(self.fakes.parts, self.sessions, self.box, pause_s=0, retry_s=(0, 0), **{**settings, **more})

    async def rows(self, sql: str) -> list[tuple[object, ...]]:
        return await self.database.peek(sql)

    async def change(self, sql: str) -> None:
        await self.database.run(lambda connection: connection.execute(text(sql)))


async def linked(house: House, sign_in: SignIn, address: str = MARIKO) -> str:
    await sign_in.request(address, HERE)
    await sign_in.settled()
    return house.box.tokens()[-1]

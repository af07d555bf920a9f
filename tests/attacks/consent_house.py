"""The whole application over the real use cases of consent, on fakes of what lies below; and who calls it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import httpx
from fastapi import FastAPI
from tests.consents.fakes import FakeParts, make_parts
from tests.consents.months import NoRecords
from tests.fakes import FakeGateway, FakeIdentity
from tests.http.conftest import client_of

from sekisho.consents import Consents
from sekisho.consents.feed import Feed
from sekisho.consents.importing import Importing
from sekisho.consents.linking import Linking
from sekisho.consents.monthly import MonthlyReports
from sekisho.consents.notices import Notices
from sekisho.consents.processing import Processing
from sekisho.consents.provisions import Provisions
from sekisho.consents.reading import Reading
from sekisho.consents.receipts import Receipts
from sekisho.consents.recording import Recording
from sekisho.consents.rights import Rights
from sekisho.consents.sign_in import SignIn
from sekisho.consents.webhooks import Webhooks
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.consent_rules import COLLECTION_POINT, PRIVACY_OFFICER, WITHDRAWAL_RELAY
from sekisho.domain.notices import Change
from sekisho.domain.terms import Requester, SubjectNumber
from sekisho.errors import NotFound
from sekisho.http.app import create_app
from sekisho.http.services import Services
from sekisho.ports import ConsentEventInput, DataSubjectRef
from sekisho.ports.policies import Recorded
from sekisho.ports.registers import Found
from sekisho.pseudonymity import Pseudonymity
from sekisho.simulation import Simulation

PURPOSE = "lifecycle_email"
REQUESTERS = {
    "service": Requester("mailer", frozenset({PURPOSE, "ab_measurement"})),
    "relay": Requester("support_desk", frozenset({"customer_support"}), frozenset({WITHDRAWAL_RELAY})),
    "auditor": Requester("auditor", frozenset(), frozenset({"auditor"})),
    "desk": Requester("consent_desk", frozenset(), frozenset({COLLECTION_POINT})),
    "officer": Requester("officer", frozenset(), frozenset({PRIVACY_OFFICER})),
}
"""Who calls, by token."""
SILENT = ("unknown", "never_asked", "refused", "withdrawn", "deferred", "expired", "linked")
"""People of whom a service must learn nothing, by what became of them; each has an e-mail address."""
TRACE = {"traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}
"""Gives every problem the same trace id, so that answers can be compared byte by byte."""


def email_hash(name: str) -> str:
    """Return the ``email_sha256`` of somebody: 64 digits that tell who is meant in a failing test."""
    return name.encode().hex().ljust(64, "0")


@dataclass
class House:
    """The application, and what lies behind it."""

    fakes: FakeParts
    app: FastAPI
    client: httpx.AsyncClient

    async def call(self, token: str | None, method: str, path: str, body: object = None) -> httpx.Response:
        """Return the answer to one call."""
        headers = TRACE if token is None else {**TRACE, "Authorization": f"Bearer {token}"}
        return await self.client.request(method, path, json=body, headers=headers)

    async def say(self, name: str, kind: ConsentEventKind, purpose: str = PURPOSE, **more: Any) -> SubjectNumber:
        """Record what somebody said; return the number."""
        number = SubjectNumber(int((await self.fakes.people.register("email_sha256", [email_hash(name)]))[0]))
        cells = self.fakes.ledger.purposes[purpose].all_cells()
        event = ConsentEventInput(number, purpose, cells, kind, "web_form", "data_subject", **more)
        await self.fakes.ledger.record([event])
        return number


async def open_house() -> House:
    """Return a house in which the people of ``SILENT``, and ``willing``, have said what they had to say.

    Two houses are alike to the last byte.
    """
    fakes = make_parts(requesters={requester.name: requester for requester in REQUESTERS.values()})
    ids = itertools.count(1)
    fakes.clock.new_id = lambda: f"0190c0de-0000-7000-8000-{next(ids):012d}"  # type: ignore[method-assign]
    parts = replace(fakes.parts, pseudonyms=Pseudonymity(fakes.keys, fakes.people))
    recording, reading, linking = Recording(parts), Reading(parts), Linking(parts)
    releases, store = AsyncMock(), AsyncMock()
    releases.releases_of.return_value = {}
    store.webhook.return_value = store.get.return_value = store.person_of.return_value = None
    store.webhooks.return_value = store.of.return_value = store.all.return_value = []
    store.provisions.return_value, store.activities.return_value = Found((), None), []
    store.people_reached.return_value = {}
    store.check = MagicMock(return_value="hooks.shop.example")
    feed = Feed(parts, releases)
    consents = Consents(
        reading=reading,
        recording=recording,
        notices=Notices(parts, "Example Shop", "privacy@shop.example"),
        linking=linking,
        receipts=Receipts(parts, MagicMock(), {"name": "Example Shop"}, MagicMock()),
        feed=feed,
        webhooks=Webhooks(parts, feed, store, store),
        importing=Importing(parts, store),
        sign_in=SignIn(parts, store, store, base_url="https://privacy.shop.example", controller="Shop", pause_s=0),
        rights=Rights(parts, store, store, decisions=recording, consents=reading, erase=AsyncMock()),
        provisions=Provisions(parts, store),
        processing=Processing(parts, store, {"name": "Example Shop", "contact": "privacy@shop.example"}),
        reports=MonthlyReports(parts, NoRecords(), UTC, {"name": "Example Shop", "contact": ""}, dict),
    )
    identity = FakeIdentity(
        dict(REQUESTERS),
        {name: DataSubjectRef("email_sha256", email_hash(name)) for name in ("willing", "refused")},
    )

    async def reference(ref: DataSubjectRef) -> str | None:
        return await reading.subject_reference(ref)

    empty_tree = f"sekisho/audit\n0\n{'A' * 43}=\n\n\u2014 sekisho/audit {'A' * 92}\n"
    proofs = AsyncMock(published=AsyncMock(return_value=empty_tree), consistency=AsyncMock(return_value=[]))
    proofs.proof_of.side_effect = NotFound("There is no such record.")
    nothing_asked = AsyncMock(recorded=AsyncMock(return_value=Recorded([])))
    services = Services(
        gateway=FakeGateway(),
        consents=consents,
        identity=identity,
        audit=fakes.audit,
        proofs=proofs,
        clock=fakes.clock,
        subject_reference=reference,
        jwks=dict[str, object],
        health={},
        simulation=Simulation(parts.catalogue, AsyncMock(), MagicMock(), nothing_asked, fakes.clock),
    )
    app = create_app(services)
    house = House(replace(fakes, parts=parts), app, client_of(app))
    await _people(house)
    return house


async def _people(house: House) -> None:
    kinds = ConsentEventKind
    soon = house.fakes.clock.now() + timedelta(seconds=1)
    await house.say("willing", kinds.GIVE)
    await house.say("never_asked", kinds.GIVE, "newsletter")
    await house.say("refused", kinds.REFUSE)
    await house.say("withdrawn", kinds.GIVE)
    await house.say("withdrawn", kinds.WITHDRAW)
    await house.say("deferred", kinds.DEFER)
    await house.say("expired", kinds.GIVE, valid_until=soon)
    one = await house.say("linked", kinds.GIVE)
    other = await house.say("other address", kinds.REFUSE)
    await house.fakes.ledger.link(one, other, "requester:consent_desk")
    await house.fakes.notices.declare(PURPOSE, Change.MINOR, {}, "file", "sekisho.yaml")
    house.fakes.clock.advance(3600)

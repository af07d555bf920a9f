"""One application on fakes, and a client that speaks ASGI to it without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import cast

import httpx
import pyarrow as pa
import pytest
from fastapi import FastAPI
from tests.fakes import FakeAuditLog, FakeClock, FakeConsents, FakeGateway, FakeIdentity, FakeRelease

from sekisho.consents import Consents
from sekisho.domain.terms import Requester
from sekisho.http.app import create_app
from sekisho.http.services import HttpSettings, Services
from sekisho.ports import DataSubjectRef

REQUESTER = {"Authorization": "Bearer recommender-token"}
AUDITOR = {"Authorization": "Bearer auditor-token"}
CUSTOMER = {"Authorization": "Bearer customer-token"}
QUERY = {"purpose": "recommendation", "sql": "SELECT stock_code FROM pos.order_lines"}


@dataclass
class World:
    """The fakes behind the application, to be arranged by a test."""

    gateway: FakeGateway
    consents: FakeConsents
    identity: FakeIdentity
    audit: FakeAuditLog
    clock: FakeClock
    services: Services
    app: FastAPI

    def with_settings(self, **changes: object) -> FastAPI:
        """Return an application on the same fakes with other limits."""
        settings = replace(HttpSettings(), **changes)  # type: ignore[arg-type]
        return create_app(replace(self.services, settings=settings))


def batch(rows: int, start: int = 0) -> pa.RecordBatch:
    """Return rows of a number and a text."""
    numbers = list(range(start, start + rows))
    return pa.record_batch(
        {"n": pa.array(numbers, pa.int64()), "code": pa.array([f"c{n}" for n in numbers], pa.string())}
    )


def client_of(app: FastAPI, **headers: str) -> httpx.AsyncClient:
    """Return a client whose exceptions are those of the application."""
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://sekisho", headers=headers)


@pytest.fixture
def world() -> World:
    gateway = FakeGateway(FakeRelease([batch(3)]))
    consents = FakeConsents()
    identity = FakeIdentity(
        requesters={
            "recommender-token": Requester("recommender", frozenset({"recommendation"})),
            "auditor-token": Requester("auditor", frozenset(), frozenset({"auditor"})),
        },
        customers={"customer-token": DataSubjectRef("customer_id", "17850")},
    )
    audit, clock = FakeAuditLog(), FakeClock()

    async def reference(ref: DataSubjectRef) -> str | None:
        return "ref-of-17850" if ref.value == "17850" else None

    services = Services(
        gateway=gateway,
        consents=cast(Consents, consents),
        identity=identity,
        audit=audit,
        clock=clock,
        subject_reference=reference,
        jwks=lambda: {"keys": [{"kty": "OKP", "kid": "k1"}]},
        health={"audit": audit.healthy},
    )
    return World(gateway, consents, identity, audit, clock, services, create_app(services))


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(world.app) as opened:
        yield opened

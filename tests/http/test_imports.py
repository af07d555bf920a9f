"""Bulk history over HTTP: streamed to a file, limited at the boundary, refused or reported whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import httpx
import pytest
from tests.consents.import_house import House, ndjson, open_house, said
from tests.http.conftest import REQUESTER, World, client_of

from sekisho.consents import Consents
from sekisho.domain.terms import Requester
from sekisho.http import middleware
from sekisho.http.app import create_app
from sekisho.http.services import HttpSettings

DESK = {"Authorization": "Bearer desk-token", "Content-Type": "application/x-ndjson"}
GOOD = said("customer_id:1", "lifecycle_email", "give", 1)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    opened = open_house(f"sqlite:///{tmp_path}/records.db")
    yield opened
    await opened.database.close()


@pytest.fixture
async def site(world: World, house: House, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The application over the real use case and a real ledger."""
    world.identity.requesters["desk-token"] = Requester("consent_desk", frozenset(), frozenset({"collection_point"}))
    consents = cast(Consents, SimpleNamespace(importing=house.importing))
    spool = tmp_path / "spool"
    spool.mkdir()
    app = create_app(replace(world.services, consents=consents, settings=HttpSettings(spool_folder=spool)))
    async with client_of(app, **DESK) as opened:
        yield opened


async def test_a_file_is_imported_and_reported(site, house):
    """NDJSON in, report out; the same again is the finished batch; CSV by its media type."""
    answer = await site.post("/v1/consents:import", content=ndjson([GOOD, GOOD]))
    assert answer.status_code == 200
    report = answer.json()
    assert {name: report[name] for name in ("lines", "recorded", "finished", "faults", "seq")} == {
        "lines": 2, "recorded": 2, "finished": True, "faults": [], "seq": 2,
    }  # fmt: skip
    assert (await site.post("/v1/consents:import", content=ndjson([GOOD, GOOD]))).json() == report
    csv = (
        "data_subject,purpose,event,method,occurred_at\ncustomer_id:2,newsletter,withdraw,paper,2020-01-01T00:00:00Z"
    )
    answer = await site.post("/v1/consents:import", content=csv, headers={"Content-Type": "text/csv; charset=utf-8"})
    assert answer.json()["recorded"] == 1
    assert len(await house.ledger_says()) == 3


async def test_a_dry_run_reports_and_changes_nothing(site, house):
    """Faults come by line with 200, because nothing was asked to be recorded."""
    answer = await site.post("/v1/consents:import?dry_run=true", content=ndjson([GOOD, "Mariko"]))
    assert answer.status_code == 200
    assert answer.json()["fault_count"] == 1
    assert answer.json()["faults"][0]["line"] == 2
    assert "Mariko" not in answer.text
    assert await house.everything() == [[], [], [], [], []]


async def test_a_file_with_faults_is_a_problem_that_holds_the_report(site, house):
    """Who looks at the status alone cannot take it for imported; skip_faults imports the rest."""
    content = ndjson([GOOD, "Mariko"])
    answer = await site.post("/v1/consents:import", content=content)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    problem = answer.json()
    assert (problem["code"], problem["fault_count"], problem["recorded"]) == ("invalid_request", 1, 0)
    assert await house.ledger_says() == []
    answer = await site.post("/v1/consents:import?skip_faults=true", content=content)
    assert (answer.status_code, answer.json()["recorded"], answer.json()["left_out"]) == (200, 1, 1)


async def test_only_a_collection_point_sends_a_file(site, world):
    """Anybody else is refused before the body is read: it may be endless."""
    pieces = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal pieces
        while True:
            pieces += 1
            yield b"x" * 1024

    answer = await site.post("/v1/consents:import", content=endless(), headers=REQUESTER)
    assert (answer.status_code, answer.json()["code"]) == (403, "access_denied")
    assert pieces <= 1


@pytest.mark.parametrize("announced", [True, False])
async def test_a_file_may_be_larger_than_other_bodies_but_not_endless(site, monkeypatch, announced):
    """The limit of this address is its own; past it the upload is refused, announced or not."""
    content = ndjson([GOOD | {"evidence": {"form": "x" * 4000}}] * 300)
    assert len(content) > 1 << 20
    assert (await site.post("/v1/consents:import?dry_run=true", content=content)).json()["valid"] == 300
    monkeypatch.setitem(middleware.BODY_LIMITS, "/v1/consents:import", 2 << 20)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield content

    answer = await site.post("/v1/consents:import", content=content * 3 if announced else pieces())
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        pytest.param("?dry_run=yes", {}, id="flag"),
        pytest.param("?dry_run=true&dry_run=false", {}, id="flag-twice"),
        pytest.param("", {"Content-Type": "application/json"}, id="media-type"),
    ],
)
async def test_what_cannot_be_meant_is_refused(site, house, query, headers):
    """A flag that is neither true nor false must not mean the one or the other."""
    answer = await site.post(f"/v1/consents:import{query}", content=ndjson([GOOD]), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert await house.ledger_says() == []


async def test_no_upload_leaves_a_file_behind(site, tmp_path):
    """The spooled file has no name, and is gone with the answer."""
    await site.post("/v1/consents:import", content=ndjson([GOOD]))
    assert list((tmp_path / "spool").iterdir()) == []

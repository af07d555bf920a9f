"""Exports over HTTP: a job, how far it is, its files; for auditors, and nobody else learns of them."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

import httpx
import pytest
from tests.http.conftest import AUDITOR, CUSTOMER, REQUESTER, World, client_of

from sekisho.domain.audit_export import ExportFilters, ExportFormat, ExportOrder
from sekisho.domain.scans import Decision
from sekisho.errors import AuditUnavailable, RateLimited, SekishoError
from sekisho.http.app import create_app
from sekisho.http.context import BrokenOff
from sekisho.ports.exports import ExportFile, ExportJob, ExportStatus

ID = "01a200b3-03e6-719f-b140-268f07195af3"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
CONTENT = b"line\n" * 200_000
HREF = f"/v1/audit/exports/{ID}/files/audit.csv"


@dataclass
class FakeExports:
    """One job, and what was asked."""

    job: ExportJob | None = None
    orders: list[tuple[str, ExportOrder]] = field(default_factory=list)
    opened: list[tuple[str, str, str]] = field(default_factory=list)
    files: list[io.BytesIO] = field(default_factory=list)
    error: SekishoError | None = None
    content: bytes = CONTENT

    async def create(self, requester: str, order: ExportOrder) -> ExportJob:
        """Take the order."""
        if self.error is not None:
            raise self.error
        self.orders.append((requester, order))
        self.job = ExportJob(ID, requester, order, ExportStatus.QUEUED, 0.0, NOW)
        return self.job

    async def find(self, export_id: str) -> ExportJob | None:
        """Return the one job."""
        return self.job if export_id == ID else None

    async def open(self, export_id: str, name: str, requester: str) -> tuple[ExportFile, BinaryIO] | None:
        """Open the one file."""
        if self.error is not None:
            raise self.error
        self.opened.append((export_id, name, requester))
        if name != "audit.csv":
            return None
        self.files.append(io.BytesIO(self.content))
        return ExportFile(name, "ab" * 32, len(CONTENT)), self.files[-1]


@pytest.fixture
def exports():
    return FakeExports()


@pytest.fixture
async def client(world: World, exports):
    async with client_of(create_app(replace(world.services, exports=exports))) as opened:
        yield opened


async def test_an_export_is_ordered_and_followed(client: httpx.AsyncClient, exports):
    """202 with `Location` and `id`; then status, progress, and the files with where to fetch them."""
    body = {
        "format": "ocsf",
        "from": "2026-11-01T00:00:00Z",
        "to": "2026-12-01T00:00:00+09:00",
        "filters": {"requester": "recommender", "data_subject": "customer_id:17850"},
    }
    answer = await client.post("/v1/audit/exports", json=body, headers=AUDITOR)
    assert (answer.status_code, answer.headers["location"]) == (202, f"/v1/audit/exports/{ID}")
    assert (answer.json()["id"], answer.json()["status"], answer.json()["files"]) == (ID, "queued", [])
    ((requester, order),) = exports.orders
    assert requester == "auditor"
    assert order == ExportOrder(
        ExportFormat.OCSF,
        datetime(2026, 11, 1, tzinfo=UTC),
        datetime(2026, 11, 30, 15, tzinfo=UTC),
        ExportFilters("recommender", data_subject="ref-of-17850"),
    )
    assert "ref-of-17850" not in answer.text
    exports.job = replace(
        exports.job,
        status=ExportStatus.DONE,
        progress=1.0,
        records=3,
        files=(ExportFile("audit.csv", "ab" * 32, 9),),
        expires_at=NOW + timedelta(days=7),
    )
    told = (await client.get(answer.headers["location"], headers=AUDITOR)).json()
    assert (told["status"], told["progress"], told["records"]) == ("done", 1.0, 3)
    assert told["files"] == [{"name": "audit.csv", "href": HREF, "sha256": "ab" * 32, "bytes": 9}]
    exports.job = replace(exports.job, status=ExportStatus.FAILED, files=(), error="disk_full")
    told = (await client.get(answer.headers["location"], headers=AUDITOR)).json()
    assert (told["status"], told["error"]) == ("failed", {"code": "disk_full"})


async def test_a_file_comes_whole_and_is_closed(client: httpx.AsyncClient, exports):
    """Every byte, with its length and hash, as a download."""
    answer = await client.get(HREF, headers=AUDITOR)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["etag"] == f'"{"ab" * 32}"'
    assert answer.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    assert answer.headers["content-type"].startswith("text/csv")
    assert exports.opened == [(ID, "audit.csv", "auditor")]
    assert exports.files[0].closed


async def test_a_file_that_became_shorter_breaks_the_answer(client: httpx.AsyncClient, exports):
    """A part is never taken for the whole."""
    exports.content = CONTENT[:-5]
    with pytest.raises(BrokenOff):
        await client.get(HREF, headers=AUDITOR)
    assert exports.files[0].closed


@pytest.mark.parametrize("path", [f"/v1/audit/exports/{ID}", HREF], ids=["job", "file"])
async def test_for_others_there_are_no_exports(client: httpx.AsyncClient, exports, path):
    """Who is no auditor gets the same 404 for an export that exists as for one that does not."""
    await client.post("/v1/audit/exports", json={"format": "csv"}, headers=AUDITOR)
    real = await client.get(path, headers=REQUESTER)
    made_up = await client.get(path.replace("01a2", "ffff").replace("audit.csv", "x"), headers=AUDITOR)
    assert (real.status_code, made_up.status_code) == (404, 404)
    assert {k: v for k, v in real.json().items() if k != "trace_id"} == {
        k: v for k, v in made_up.json().items() if k != "trace_id"
    }
    assert all(requester == "auditor" for _, _, requester in exports.opened)
    assert (await client.get(path, headers=CUSTOMER)).status_code == 401
    assert (await client.get(path)).status_code == 401


async def test_only_auditors_order(client: httpx.AsyncClient, exports):
    """As with the search: 403 for a requester without the role, 401 for nobody."""
    assert (await client.post("/v1/audit/exports", json={"format": "csv"}, headers=REQUESTER)).status_code == 403
    assert (await client.post("/v1/audit/exports", json={"format": "csv"})).status_code == 401
    assert exports.orders == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"format": "xml"},
        {"format": "csv", "from": "yesterday"},
        {"format": "csv", "filters": {"requester": "taro@shop.example"}},
        {"format": "csv", "filters": {"kind": "x' OR 1=1"}},
        {"format": "csv", "filters": {"data_subject": "nonsense"}},
        {"format": "csv", "filter": {}},
    ],
    ids=range(7),
)
async def test_orders_that_cannot_be_read_are_refused(client: httpx.AsyncClient, exports, body):
    """422, without quoting what was sent."""
    answer = await client.post("/v1/audit/exports", json=body, headers=AUDITOR)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "taro" not in answer.text
    assert exports.orders == []


async def test_a_person_nobody_knows_is_in_no_record(client: httpx.AsyncClient, exports):
    """The export is empty; the answer does not tell whether somebody is known."""
    body = {"format": "csv", "filters": {"data_subject": "customer_id:1"}}
    answer = await client.post("/v1/audit/exports", json=body, headers=AUDITOR)
    assert answer.json()["filters"] == {"data_subject": True}
    assert exports.orders[0][1].filters.data_subject == ""


@pytest.mark.parametrize(
    ("error", "status"), [(RateLimited("full"), 429), (AuditUnavailable("away"), 503)], ids=["full", "no record"]
)
async def test_what_cannot_be_now_says_so(client: httpx.AsyncClient, exports, error, status):
    """No room is 429; no record is 503, for orders and for files."""
    exports.error = error
    assert (await client.post("/v1/audit/exports", json={"format": "csv"}, headers=AUDITOR)).status_code == status
    if status == 503:
        assert (await client.get(HREF, headers=AUDITOR)).status_code == status


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/audit/records:search", {"decision": "maybe"}),
        ("/v1/audit/records:search", {"decision": ""}),
        ("/v1/audit/exports", {"format": "csv", "filters": {"decision": "maybe"}}),
    ],
)
async def test_a_decision_that_there_is_not_is_an_error(world: World, path: str, body: dict[str, object]) -> None:
    """An empty answer would say that nothing was decided so."""
    services = replace(world.services, exports=FakeExports())
    async with client_of(create_app(services)) as client:
        response = await client.post(path, json=body, headers=AUDITOR)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert "maybe" not in response.text


@pytest.mark.parametrize("decision", ["permit", "deny", *Decision])
async def test_every_decision_of_the_log_can_be_searched_for(world: World, decision: str) -> None:
    """Those of accesses, and those about columns."""
    async with client_of(create_app(world.services)) as client:
        response = await client.post("/v1/audit/records:search", json={"decision": decision}, headers=AUDITOR)
    assert response.status_code == 200

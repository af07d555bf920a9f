"""No record, no data: what leaves when the audit log cannot keep its record (promise 3)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pyarrow as pa
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.types import Message
from tests.fakes import FakeClock
from tests.faults.audit_faults import audit_fault, recorded
from tests.gateway.meddling import MeddlingAudit
from tests.gateway.site import ARROW, NDJSON, Site

from sekisho.audit_verify import verify_database
from sekisho.errors import AuditUnavailable, ConsentUnavailable
from sekisho.http import formats, rows
from sekisho.http.server import hide_exceptions_from_log, listen
from sekisho.ports import AuditEntry
from sekisho.release import ReleasedPage

PROFILES = ("recommender", "recommendation", "SELECT customer_id, member_rank FROM crm.customers")
LINES = ("recommender", "recommendation", "SELECT customer_id, stock_code FROM pos.order_lines")
# More than 65,536 rows, the size of an Arrow page: each order line beside each page view of its customer.
MANY = (
    "marketer",
    "micro_segmentation",
    (
        "SELECT o.customer_id, o.stock_code, e.category FROM pos.order_lines o "
        "JOIN web.events e ON o.customer_id = e.customer_id"
    ),
)


@pytest.mark.parametrize("fault", ["read-only", "full"])
@pytest.mark.parametrize("accept", ["application/json", NDJSON, ARROW, "text/csv"])
async def test_without_the_first_record_there_is_no_row(site: Site, fault: str, accept: str) -> None:
    """A log that takes no record: 503, no row, no header of a release; healed, the same question is answered."""
    with audit_fault(site) as broken:
        broken.strike(fault)
        answers: list[httpx.Response] = []
        while not answers or answers[-1].status_code == 200:  # a full database may still hold some records
            answers.append(await site.post(*PROFILES, accept=accept))
            assert len(answers) < 100
        refusal = answers.pop()
        assert (refusal.status_code, refusal.json()["code"]) == (503, "audit_unavailable")
        assert "rows" not in refusal.json()
        assert "sekisho-release-id" not in refusal.headers
        assert len(recorded(site, "access.release")) == len(answers)
        assert fault == "full" or not answers
        await broken.heal()
        assert (await site.post(*PROFILES, accept=accept)).status_code == 200
    (gap,) = await site.records("gap")
    assert gap["refused"]["access.release"] == 1


@pytest.mark.parametrize("name", ["sales_by_month_country", "channel_kpis"])
async def test_a_view_needs_its_record_too(site: Site, name: str) -> None:
    """Published statistics leave with a record or not at all, also when their release is there already."""
    headers = site.headers("analyst")
    body = {"purpose": "management_statistics"}
    assert (await site.client.post(f"/v1/views/{name}:read", json=body, headers=headers)).status_code == 200
    with audit_fault(site) as broken:
        broken.strike("read-only")
        response = await site.client.post(f"/v1/views/{name}:read", json=body, headers=headers)
    assert (response.status_code, response.json()["code"]) == (503, "audit_unavailable")
    assert len(recorded(site, "access.release")) == 1


async def test_a_refusal_needs_no_record_and_the_log_tells_how_many_it_missed(site: Site) -> None:
    """Without a log a refused statement is refused as ever; afterwards the log counts what it could not keep."""
    with audit_fault(site) as broken:
        broken.strike("read-only")
        response = await site.post("recommender", "recommendation", "SELECT nothing FROM crm.customers")
        assert (response.status_code, response.json()["code"]) == (422, "unknown_column")
        await broken.heal()
    (gap,) = await site.records("gap")
    assert gap["refused"] == {"access.deny": 1}


@pytest.mark.parametrize("fault", ["read-only", "full", "gone"])
async def test_later_pages_stop_where_their_record_fails(site: Site, fault: str) -> None:
    """After the first page the database fails: no further page, and as many records as pages."""
    path = site.folder / "var" / "sekisho.db"
    release = await site.release(*LINES, page_rows=20)
    pages = release.pages()
    shown = [await anext(pages)]
    with audit_fault(site) as broken:
        if fault == "gone":
            for file in path.parent.glob("sekisho.db*"):
                file.rename(file.with_name(f"away-{file.name}"))
        else:
            broken.strike(fault)
        with pytest.raises((AuditUnavailable, ConsentUnavailable)) as caught:
            await _read(pages, shown)
        assert fault == "gone" or isinstance(caught.value, AuditUnavailable)
        assert not any(page.last for page in shown)
        if fault == "gone":
            assert not path.exists() or not path.stat().st_size
            for file in path.parent.glob("away-*"):
                file.rename(file.with_name(file.name.removeprefix("away-")))
        assert len(recorded(site, "access.release")) == len(shown)
        with pytest.raises(StopAsyncIteration):
            await anext(pages)


async def _read(pages: AsyncIterator[ReleasedPage], shown: list[ReleasedPage]) -> None:
    async for page in pages:
        shown.append(page)  # noqa: PERF401 - what came before a failure counts


async def test_each_page_is_on_record_before_it_is_there(site: Site) -> None:
    """When a page can be read, another reader of the database already sees its record; none is ahead of it."""
    events: list[str] = []
    audit = MeddlingAudit(site.workspace.audit, after=lambda entry: events.append(f"recorded {entry.fields['page']}"))
    async with site.with_parts(audit=audit) as asked:
        release = await asked.release(*LINES, page_rows=500)
        number = 0
        async for _page in release.pages():
            events.append(f"page {number}")
            number += 1
            assert len(recorded(site, "access.release")) == number
    assert number > 4
    assert events == [text for i in range(number) for text in (f"recorded {i}", f"page {i}")]
    found = await site.records("access.release")
    assert [record["page"] for record in found] == list(range(number))
    assert {record.get("parent_id") for record in found[1:]} == {found[0]["id"]} == {release.id}


@pytest.mark.parametrize("accept", [NDJSON, ARROW, "application/json", "text/csv", "application/vnd.apache.parquet"])
async def test_no_byte_leaves_before_its_record_is_durable(site: Site, accept: str) -> None:
    """Between the application and the wire: whenever bytes pass, their page's record is in the file."""
    passed: list[tuple[str, int, int]] = []
    body = json.dumps({"purpose": MANY[1], "sql": MANY[2]}).encode()
    requests: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if requests:
            return requests.pop()
        await asyncio.sleep(3600)
        raise AssertionError

    async def send(message: Message) -> None:
        passed.append((message["type"], len(message.get("body", b"")), len(recorded(site, "access.release"))))

    headers = [(name.lower().encode(), value.encode()) for name, value in site.headers(MANY[0], accept).items()]
    scope = {
        "type": "http", "method": "POST", "path": "/v1/query", "raw_path": b"/v1/query", "query_string": b"",
        "headers": headers, "http_version": "1.1", "scheme": "http", "server": ("x", 80), "root_path": "",
    }  # fmt: skip
    await site.app(scope, receive, send)
    assert passed[0][0] == "http.response.start"
    assert passed[0][2] >= 1
    parts = [durable for kind, length, durable in passed if kind == "http.response.body" and length]
    streamed = accept in {NDJSON, ARROW}
    assert parts == (list(range(1, len(parts) + 1)) if streamed else [parts[0]] * len(parts))
    assert (len(parts) > 1) or not streamed


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """Serve *app* with uvicorn on loopback."""
    listener = listen("127.0.0.1", 0)
    hide_exceptions_from_log()
    server = uvicorn.Server(uvicorn.Config(app, http="httptools", ws="none", log_config=None, lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


@pytest.mark.enable_socket
@pytest.mark.parametrize("accept", [NDJSON, ARROW])
async def test_a_client_sees_that_the_rest_is_missing(site: Site, accept: str) -> None:
    """Over a real connection a log that fails at the second page ends the answer without its terminator."""
    with audit_fault(site) as broken:

        def strike(entry: AuditEntry) -> None:
            if entry.fields.get("page") == 1:
                broken.strike("read-only")

        audit = MeddlingAudit(site.workspace.audit, before=strike)
        async with (
            site.with_parts(audit=audit) as asked,
            served(asked.app) as url,
            httpx.AsyncClient(trust_env=False) as client,
        ):
            body = {"purpose": MANY[1], "sql": MANY[2]}
            headers = asked.headers(MANY[0], accept)
            async with client.stream("POST", f"{url}/v1/query", json=body, headers=headers) as response:
                assert response.status_code == 200
                parts = response.aiter_raw()
                received = await anext(parts)
                with pytest.raises(httpx.RemoteProtocolError):
                    received += b"".join([part async for part in parts])
    assert len(received) > 10_000
    assert b"complete" not in received
    assert len(recorded(site, "access.release")) == 1


@pytest.mark.enable_socket
@pytest.mark.parametrize("accept", ["text/csv", "application/vnd.apache.parquet"])
async def test_a_form_that_leaves_whole_does_not_leave(site: Site, accept: str) -> None:
    """CSV and Parquet: a log that fails at a later page leaves a problem and no byte of the rows."""
    with audit_fault(site) as broken:

        def strike(entry: AuditEntry) -> None:
            if entry.fields.get("page") == 1:
                broken.strike("read-only")

        audit = MeddlingAudit(site.workspace.audit, before=strike)
        async with (
            site.with_parts(audit=audit) as asked,
            served(asked.app) as url,
            httpx.AsyncClient(trust_env=False) as client,
        ):
            body = {"purpose": MANY[1], "sql": MANY[2]}
            response = await client.post(f"{url}/v1/query", json=body, headers=asked.headers(MANY[0], accept))
    assert (response.status_code, response.json()["code"]) == (503, "audit_unavailable")


# -- pages that waited ----------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "released"), [(1.9, True), (2.0, True), (2.1, False)])
async def test_a_page_that_waited_for_its_record_too_long_is_void(
    site: Site, seconds: float, *, released: bool
) -> None:
    """More than two seconds between recheck and release: the page does not leave, and the log says so."""
    clock = FakeClock()

    def wait(entry: AuditEntry) -> None:
        if entry.kind == "access.release":
            clock.advance(seconds)

    audit = MeddlingAudit(site.workspace.audit, before=wait)
    async with site.with_parts(audit=audit, clock=clock) as asked:
        response = await asked.post(*PROFILES)
    kinds = [record["kind"] for record in await site.records("access.release", "access.void", "access.deny")]
    if released:
        assert (response.status_code, kinds) == (200, ["access.release"])
        return
    assert (response.status_code, response.json()["code"]) == (503, "consent_unavailable")
    assert kinds == ["access.release", "access.void", "access.deny"]
    release, void = await site.records("access.release", "access.void")
    assert void["parent_id"] == release["id"]


async def test_a_later_page_that_waits_again_and_again_is_void_and_the_last(site: Site) -> None:
    """Of a long answer only the page that waited is void, each time; those before it left, none comes after it."""
    clock = FakeClock()

    def wait(entry: AuditEntry) -> None:
        clock.advance(5.0 if entry.kind == "access.release" and entry.fields["page"] == 2 else 0.9)

    audit = MeddlingAudit(site.workspace.audit, before=wait)
    async with site.with_parts(audit=audit, clock=clock) as asked:
        release = await asked.release(*LINES, page_rows=300)
        shown: list[ReleasedPage] = []
        with pytest.raises(ConsentUnavailable):
            await _read(release.pages(), shown)
    assert len(shown) == 2
    records = await site.records("access.release", "access.void")
    assert [record["seq"] for record in records[:2]] == [page.audit_seq for page in shown]
    assert [record["kind"] for record in records[2:]] == ["access.release", "access.void"] * 3
    assert {record["page"] for record in records[2:]} == {2}


@pytest.mark.parametrize(("encoding", "released"), [(0.05, True), (0.2, False)])
async def test_the_time_of_encoding_counts_as_well(
    site: Site, monkeypatch: pytest.MonkeyPatch, encoding: float, *, released: bool
) -> None:
    """The two seconds run from the recheck to the first byte: a slow record and a slow encoder add up."""
    clock = FakeClock()
    original = rows.ndjson_lines

    def slow(page: pa.RecordBatch) -> bytes:
        clock.advance(encoding)
        return original(page)

    def wait(entry: AuditEntry) -> None:
        if entry.kind == "access.release":
            clock.advance(1.9)

    monkeypatch.setattr(formats, "ndjson_lines", slow)
    audit = MeddlingAudit(site.workspace.audit, before=wait)
    async with site.with_parts(audit=audit, clock=clock) as asked:
        response = await asked.post(*PROFILES, accept=NDJSON)
    voids = await site.records("access.void")
    if released:
        assert (response.status_code, voids) == (200, [])
    else:
        assert (response.status_code, response.json()["code"]) == (503, "consent_unavailable")
        assert len(voids) == 1


async def test_the_log_is_whole_after_all_this(site: Site) -> None:
    """Faults and voids later the chain verifies: nothing that was acknowledged is missing."""
    with audit_fault(site) as broken:
        for fault in ("read-only", "full"):
            broken.strike(fault)
            await asyncio.gather(*(site.post(*PROFILES) for _ in range(4)))
            await broken.heal()
            assert (await site.post(*PROFILES)).status_code == 200
    workspace = site.workspace
    verdict = verify_database(
        site.folder / "var" / "sekisho.db", workspace.settings.audit_folder, workspace.keys.verification_key()
    )
    assert verdict.ok

"""No personal data outside its place: not in logs, errors, records, metrics, reprs, the own database (promise 7)."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pyarrow as pa
import pytest
from structlog.testing import capture_logs
from tests.fakes import FakeClock
from tests.gateway.meddling import MeddlingAudit
from tests.gateway.site import ARROW, NDJSON, Site

from sekisho.domain.governed import GovernedQuery
from sekisho.errors import SekishoError
from sekisho.ports import AuditEntry, ConsentView, DataSubjectRef, People
from sekisho.release import Ask

LITERAL = "kanari-8d1e@example.org"
"""A value that stands in requests only."""
BROKEN = "内緒の山田 090-1234-5678"
"""A value that a broken part puts into its error."""


def canaries(site: Site) -> set[str]:
    """Return what must not be found: values that name people, from the stores' files, and those of requests."""
    found = {LITERAL, BROKEN}
    for row in site.sqlite("crm", "SELECT name, name_kana, email, phone, address, line_id FROM customers"):
        found.update(row)
    for row in site.sqlite("support", "SELECT subject, body FROM tickets"):
        found.update(row)
    for sql in (
        (
            "SELECT DISTINCT cookie_id FROM {web} UNION SELECT DISTINCT ip FROM {web} UNION "
            "SELECT DISTINCT query_text FROM {web} WHERE length(query_text) > 8"
        ),
        "SELECT DISTINCT device_id FROM {app} UNION SELECT DISTINCT push_token FROM {app}",
        "SELECT DISTINCT comment FROM {survey}",
        "SELECT DISTINCT invoice FROM {pos} WHERE length(invoice) > 5",
    ):
        found.update(row[0] for row in site.files(sql))
    return {value for value in found if value and len(value) >= 6}


def leaked(text: str, values: set[str]) -> set[str]:
    """Return which of *values* stand in *text*; digits within a longer number or a hash are none."""
    found = {value for value in values if value in text}
    return {v for v in found if not v.isdigit() or re.search(rf"(?<![0-9A-Fa-f.]){v}(?![0-9A-Fa-f])", text)}


@contextmanager
def listening(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Collect every log line of every logger, with all its keys, at the lowest level."""
    lines: list[str] = []
    with capture_logs() as events, caplog.at_level(logging.DEBUG):
        yield lines
        lines += [repr(event) for event in events]
    lines += [record.getMessage() + (record.exc_text or "") for record in caplog.records]


class Broken:
    """A store whose error quotes a value of a person."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def fetch(
        self, query: GovernedQuery, consent: ConsentView | None, people: People, *, page_rows: int
    ) -> AsyncIterator[pa.RecordBatch]:
        """Fail, with the value, as drivers do."""
        raise self.error
        yield  # pragma: no cover

    async def healthy(self) -> bool:
        """Fail, too."""
        raise self.error


ASKED = [
    ("marketer", "micro_segmentation", "SELECT * FROM crm.customers", ()),
    ("marketer", "micro_segmentation", "SELECT * FROM pos.order_lines", ()),
    ("marketer", "lifecycle_email", "SELECT query_text, referrer, cookie_id FROM web.events", ()),
    ("marketer", "micro_segmentation", f"SELECT 1 AS x FROM crm.customers WHERE email = '{LITERAL}'", ()),
    ("marketer", "micro_segmentation", "SELECT 1 AS x FROM crm.customers WHERE email = ?", (LITERAL,)),
    ("marketer", "micro_segmentation", "SELECT 1 AS x FROM crm.customers WHERE customer_id = ?", (LITERAL,)),
    ("marketer", "micro_segmentation", f"SELECT 1 AS x FROM crm.customers WHERE prefecture = '{LITERAL}'", ()),
    ("marketer", "micro_segmentation", "SELECT 1 AS x FROM crm.customers WHERE prefecture = ?", (LITERAL,)),
    ("marketer", "micro_segmentation", f'SELECT "{LITERAL}" FROM crm.customers', ()),
    ("marketer", "micro_segmentation", f'SELECT 1 AS x FROM "{LITERAL}"', ()),
    ("marketer", "micro_segmentation", f"SELECT '{LITERAL}' FROM", ()),
    ("marketer", "micro_segmentation", f"EXPLAIN SELECT '{LITERAL}' FROM crm.customers", ()),
    ("marketer", "micro_segmentation", f"CALL x('{LITERAL}')", ()),
    ("marketer", "micro_segmentation", f"SHOW '{LITERAL}'", ()),
    ("marketer", "micro_segmentation", f"SELECT CAST(stock_code || '{LITERAL}' AS INTEGER) FROM pos.order_lines", ()),
    ("marketer", LITERAL, "SELECT 1 AS x FROM crm.customers", ()),
    ("support_desk", "customer_support", "SELECT subject, body FROM support.tickets", ()),
    ("support_desk", "customer_support", "SELECT name, email, phone FROM crm.customers LIMIT 1", ()),
    ("support_desk", "customer_support", "SELECT name, email, phone FROM crm.customers", ()),
    ("fraud_team", "fraud_prevention", "SELECT name, email, phone, address FROM crm.customers", ()),
    ("fraud_team", "fraud_prevention", "SELECT cookie_id, ip FROM web.events", ()),
    ("analyst", "emotion_analysis", "SELECT body FROM support.tickets", ()),
    ("analyst", "churn_prediction", "SELECT comment FROM survey.answers", ()),
]


async def test_nothing_is_said_about_anybody_anywhere(site: Site, caplog: pytest.LogCaptureFixture, capfd) -> None:
    """After every kind of request: no name, address, text, identifier, literal or token in what stays behind."""
    values = canaries(site)
    assert len(values) > 500
    refusals, explanations, shown = [], [], set()
    with listening(caplog) as lines:
        for requester, purpose, sql, parameters in ASKED:
            for accept in ("application/json", NDJSON, ARROW, "text/csv"):
                response = await site.post(requester, purpose, sql, *parameters, accept=accept)
                if response.status_code != 200:
                    refusals.append(response.text + str(response.headers))
                elif "/json" in accept:
                    shown |= {str(value) for row in response.json()["rows"] for value in row}
            body = {"purpose": purpose, "sql": sql, "parameters": list(parameters)}
            answer = await site.client.post("/v1/query:explain", json=body, headers=site.headers(requester))
            explanations.append(answer.text)
        metrics = (await site.client.get("/metrics")).text
        records = [str(record) for record in await site.records()]
    assert leaked("\n".join(shown), values)  # the canaries are alive: some purposes do see them
    output = capfd.readouterr()
    places = {
        "refusals": "\n".join(refusals),
        "explanations": "\n".join(explanations),
        "logs": "\n".join(lines),
        "output": output.out + output.err,
        "metrics": metrics,
        "records": "\n".join(records),
    }
    assert len(refusals) > 20
    assert len(records) > 20
    tokens = set(site._tokens.values()) | {value for value in shown if len(value) in {32, 43}}
    for place, text in places.items():
        assert not leaked(text, values | tokens), place


async def test_a_part_that_fails_with_a_value_in_its_words_keeps_them(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a store raises, answer, log, record and probe name the kind of failure only."""
    question = ("marketer", "micro_segmentation", "SELECT stock_code FROM pos.order_lines")
    bodies = []
    with listening(caplog) as lines:
        for error in (RuntimeError(BROKEN), ValueError(BROKEN), OSError(5, BROKEN), KeyError(BROKEN)):
            async with site.with_parts(stores={"duckdb": Broken(error)}) as asked:
                response = await asked.post(*question)
                bodies.append(response.text)
                assert (response.status_code, response.json()["code"]) == (500, "internal_error")
                assert "detail" not in response.json()
    records = str(await site.records())
    assert not leaked("\n".join([*bodies, *lines, records]), {BROKEN, BROKEN.split(maxsplit=1)[0]})
    assert any("RuntimeError" in line for line in lines)


async def test_a_detector_that_fails_shows_no_text(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """A text that could not be masked leaves as a constant; why, is nobody's to read."""

    class Failing:
        def mask(self, texts: list[str | None]) -> list[str | None]:
            raise ValueError(str(texts))

    with listening(caplog) as lines:
        async with site.with_parts(detector=Failing()) as asked:
            rows = await asked.rows("support_desk", "customer_support", "SELECT subject, body FROM support.tickets")
    assert {value for row in rows for value in row.values()} == {"[REDACTED]"}
    assert not leaked("\n".join(lines) + str(await site.records()), canaries(site))


async def test_what_a_traceback_would_print_holds_no_value(site: Site) -> None:
    """The reprs of requests, answers, errors and people show neither SQL nor values nor keys."""
    values = canaries(site) | set(site._tokens.values())
    ask = Ask("customer_support", f"SELECT name FROM crm.customers WHERE email = '{LITERAL}' LIMIT 1", (LITERAL,))
    release = await site.release("support_desk", "customer_support", "SELECT name, email FROM crm.customers LIMIT 1")
    pages = [page async for page in release.pages()]
    assert leaked(str(pages[0].batch.to_pylist()), values)
    keys = await site.workspace.people.keys("customer_id")
    requester = site.requester("support_desk")
    keyed = await site.gateway.pseudonymity.of(
        requester, site.workspace.settings.catalogue.purposes["customer_support"]
    )
    question = site.gateway.statements.read(
        requester, site.workspace.settings.catalogue.purposes["customer_support"], ask.sql
    )
    numbers = {str(customer) for customer in site.customers()}
    for value in (ask, release, pages, keys, keyed, question, DataSubjectRef("email", LITERAL)):
        assert not leaked(repr(value), values | numbers), type(value)


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT name FROM crm.customers WHERE email = '{LITERAL}' AND nothing = 1",
        f"SELECT '{LITERAL}' FROM x",
        f'SELECT "{LITERAL}" FROM crm.customers',
        f"SELECT '{LITERAL}' FROM (",
        f"SELECT CAST('{LITERAL}' AS INTEGER) AS x FROM pos.order_lines",
        f"SELECT '{LITERAL}",
    ],
)
async def test_what_stands_behind_an_error_holds_no_value(site: Site, sql: str) -> None:
    """Neither the error nor what it was raised from quotes the statement, should somebody print the chain."""
    with pytest.raises(SekishoError) as caught:
        await site.gateway.query(site.requester("support_desk"), Ask("customer_support", sql))
    error: BaseException | None = caught.value
    while error is not None:
        assert not leaked(repr(error) + str(error), {LITERAL})
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


async def test_the_own_database_alone_says_nothing_about_anybody(site: Site) -> None:
    """Neither the file nor its write-ahead log nor the views nor the heads hold an identifier."""
    # A letter for each byte: digits within a hash are no number of an invoice.
    values = {value.encode().decode("latin-1") for value in canaries(site)}
    values |= {f'"{customer}"' for customer in site.customers()}
    await site.withdraw(site.customers()[0], "micro_segmentation")
    for requester, purpose, sql, parameters in ASKED[:8]:
        await site.post(requester, purpose, sql, *parameters)
    looked = 0
    for path in (site.folder / "var").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            looked += len(content)
            assert not leaked(content.decode("latin-1"), values), path.name
    assert looked > 100_000


async def test_a_void_and_a_client_that_leaves_are_told_without_data(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """The rarer records and log lines hold codes and counts as well."""
    clock = FakeClock()

    def wait(entry: AuditEntry) -> None:
        if entry.kind == "access.release":
            clock.advance(3)

    with listening(caplog) as lines:
        async with site.with_parts(audit=MeddlingAudit(site.workspace.audit, before=wait), clock=clock) as asked:
            await asked.post("fraud_team", "fraud_prevention", "SELECT name, email FROM crm.customers")
        task = asyncio.create_task(site.post("analyst", "emotion_analysis", "SELECT body FROM support.tickets"))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert (await site.records("access.void"))[0]["page"] == 0
    assert not leaked("\n".join(lines) + str(await site.records()), canaries(site))


def test_log_lines_keep_known_keys_only() -> None:
    """Own lines have the keys of a closed list; of what libraries, threads and the loop say the kind is told."""
    program = """
import structlog
from sekisho.bootstrap import configure_logging
configure_logging(verbose=True)
structlog.get_logger("x").error("event_name", code="some_code", email="canary-1", sql="canary-2", exc_info=False)
import sqlglot
try:
    sqlglot.parse("EXPLAIN SELECT 'canary-3'", dialect="duckdb")
finally:
    pass
import asyncio, gc, logging, threading, warnings
def fail(): raise ValueError("canary-4")
class Failing:
    def __del__(self): fail()
async def forget():
    async def failing(): fail()
    task = asyncio.create_task(failing())
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(fail)
    del task
    gc.collect()
    await asyncio.sleep(0)
asyncio.run(forget())
thread = threading.Thread(target=fail)
thread.start()
thread.join()
Failing()
logging.getLogger("sqlalchemy.pool").error("lost %s", "canary-5", exc_info=ValueError("canary-6"))
logging.getLogger("uvicorn.error").warning("a constant sentence")
warnings.warn("canary-7")
fail()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert told.pop(0)["code"] == "some_code"
    assert "canary" not in done.stderr + done.stdout
    parts = [
        "asyncio",
        "asyncio",
        "thread",
        "unraisable",
        "sqlalchemy.pool",
        "uvicorn.error",
        "py.warnings",
        "process",
    ]
    assert sorted(line["part"] for line in told) == sorted(parts)
    assert {line.get("error") for line in told} == {"ValueError", None}
    assert [line["event"] for line in told if line["part"] == "uvicorn.error"] == ["a constant sentence"]

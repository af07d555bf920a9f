"""Bodies that are too large, too deep or not what they say: refused before anything is asked."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest
from tests.gateway.site import Site

pytestmark = pytest.mark.asyncio(loop_scope="module")

GOOD = {"purpose": "recommendation", "sql": "SELECT stock_code FROM pos.order_lines WHERE quantity = ?"}
SECRET = "valueofaperson"


def _query(**members: object) -> bytes:
    return json.dumps(GOOD | members).encode()


@pytest.mark.parametrize(
    "content",
    [
        _query(parameters=[1], sql="SELECT " + " " * 10_000_000),
        b" " * 10_000_000 + _query(parameters=[1]),
        b"[" * 100_000 + b"]" * 100_000,
        b'{"purpose":' * 50_000 + b"1" + b"}" * 50_000,
        _query(parameters=[[[[SECRET]]]]),
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"\xff\xfe{}",
        _query(parameters=[1]).replace(b'"sql"', b'"sq\\ud800"'),
        b'{"purpose":"recommendation","sql":"SELECT \\ud800","parameters":[]}',
        _query(parameters=[{"a": SECRET}]),
        _query(parameters=[1], max_rows=0),
        _query(parameters=[1], max_rows=-5),
        _query(parameters=[1], max_rows="10"),
        _query(parameters=[1], max_rows=1e400),
        _query(parameters=[float("nan")]),
        _query(parameters=[float("inf")]),
        _query(parameters=[2**70]),
        _query(parameters=[1] * 10_001),
        _query(parameters=["x" * 100_000]),
        _query(parameters=[1], **{SECRET: 1}),
        _query(parameters=[1], purpose=["recommendation"]),
        _query(parameters=[1], purpose=""),
        _query(parameters=[1], sql=None),
        _query(parameters=[1], sql=1),
        _query(parameters=[1], sql="x" * 100_001),
        json.dumps({"sql": GOOD["sql"]}).encode(),
        _query(parameters=[1]) + b"{}",
    ],
    ids=lambda content: f"{len(content)}-{content[-24:]!r}",
)
async def test_a_body_that_cannot_be_read_is_an_invalid_request(shared: Site, content: bytes) -> None:
    """422 with the kind of fault, without a word of what was sent."""
    headers = shared.headers("recommender") | {"content-type": "application/json"}
    response = await shared.client.post("/v1/query", content=content, headers=headers)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert SECRET not in response.text
    assert len(response.text) < 1_000


async def test_a_large_body_in_small_parts_is_refused_as_well(shared: Site) -> None:
    """Without an announced length the body is counted while it comes."""
    taken = 0

    async def parts() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(160):
            taken += 1
            yield b" " * 65_536

    headers = shared.headers("recommender") | {"content-type": "application/json"}
    response = await shared.client.post("/v1/query", content=parts(), headers=headers)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert taken <= 20  # a megabyte is 16 parts: nothing is kept of what comes after it


@pytest.mark.parametrize(
    "parameters", [[], [1, 2], ["1"], [1.5], [True]], ids=["too few", "too many", "text", "double", "boolean"]
)
async def test_parameters_that_do_not_fit_are_refused(shared: Site, parameters: list[object]) -> None:
    """Their number and types are checked here, not by the engine, whose error would print them."""
    headers = shared.headers("recommender")
    response = await shared.client.post("/v1/query", json=GOOD | {"parameters": parameters}, headers=headers)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT stock_code FROM pos.order_lines WHERE " + "(" * 2_000 + "1 = 1" + ")" * 2_000,
        "SELECT " + "-" * 1 + "+".join(["1"] * 20_000) + " FROM pos.order_lines",
        "SELECT stock_code FROM pos.order_lines WHERE quantity IN (" + ",".join(map(str, range(15_000))) + ")",
        "SELECT stock_code FROM (" * 200 + "SELECT stock_code FROM pos.order_lines" + ") t" * 200,
        " UNION ALL ".join(["SELECT stock_code FROM pos.order_lines"] * 500),
        "SELECT stock_code FROM pos.order_lines WHERE " + " AND ".join(["quantity = 1"] * 5_000),
        "SELECT stock_code /*" + "*" * 50_000 + " FROM pos.order_lines",
        "SELECT '" + "x" * 90_000 + " FROM pos.order_lines",
    ],
    ids=["parentheses", "sum", "list", "subqueries", "unions", "conjuncts", "comment", "quote"],
)
async def test_a_statement_that_is_too_much_is_refused_in_time(shared: Site, sql: str) -> None:
    """Deep or long statements end as a refusal, neither as a crash nor as a long wait; others are answered."""
    headers = shared.headers("recommender")
    started = time.monotonic()
    question = asyncio.create_task(
        shared.client.post("/v1/query", json={"purpose": "recommendation", "sql": sql}, headers=headers)
    )
    await asyncio.sleep(0.05)
    assert (await shared.client.get("/health/live")).status_code == 200
    response = await question
    assert response.json()["code"] in {"statement_refused", "invalid_request"}
    assert time.monotonic() - started < 10.0

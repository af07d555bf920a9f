"""Pages: how an answer is cut says nothing but how many rows it has, and no row is lost between two."""

from __future__ import annotations

import json
import weakref

import pyarrow as pa
import pytest
from tests.gateway.site import ARROW, NDJSON, Site

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHO = ("marketer", "micro_segmentation")
STATEMENTS = [
    "SELECT stock_code, quantity FROM pos.order_lines",
    "SELECT stock_code FROM pos.order_lines WHERE quantity > 10",
    "SELECT DISTINCT stock_code FROM pos.order_lines",
    "SELECT stock_code, country, count(*) AS n FROM pos.order_lines GROUP BY stock_code, country",
    "SELECT member_rank FROM crm.customers",
    "SELECT customer_id, stock_code FROM pos.order_lines",
    "SELECT screen FROM app.events",
]


@pytest.mark.parametrize("sql", STATEMENTS)
@pytest.mark.parametrize("page_rows", [10, 700, 10_000])
async def test_every_page_but_the_last_is_full(shared: Site, sql: str, page_rows: int) -> None:
    """Where the engine ends its batches (its threads, and rows that were withheld) is not to be seen."""
    if page_rows == 10 and "order_lines" in sql:
        pytest.skip("hundreds of pages")
    pages = await shared.pages(*WHO, sql, page_rows=page_rows)
    sizes = [page.batch.num_rows for page in pages]
    whole = len(await shared.rows(*WHO, sql))
    assert sum(sizes) == whole
    assert all(size == page_rows for size in sizes[:-1])
    assert 0 < sizes[-1] <= page_rows
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert [page.complete for page in pages] == [page.last for page in pages]


@pytest.mark.parametrize("sql", STATEMENTS)
async def test_all_forms_have_the_same_rows(shared: Site, sql: str) -> None:
    """JSON says that it is complete, and holds what the others hold."""
    ordered = sql + " ORDER BY " + ("1, 2" if "," in sql.partition("FROM")[0] else "1")
    if "customer_id" in sql:
        ordered = sql + " ORDER BY stock_code"
    rows = [list(row.values()) for row in await shared.rows(*WHO, ordered)]
    lines = (await shared.post(*WHO, ordered, accept=NDJSON)).text.splitlines()
    assert json.loads(lines[-1])["complete"] is True
    assert sorted(map(str, rows)) == sorted(str(list(json.loads(line).values())) for line in lines[:-1])
    response = await shared.post(*WHO, ordered, accept=ARROW)
    table = pa.ipc.open_stream(response.content).read_all()
    assert table.num_rows == len(rows)
    assert sorted(str(list(row.values())) for row in table.to_pylist()) == sorted(map(str, rows))


@pytest.mark.parametrize("sql", ["SELECT stock_code FROM pos.order_lines", STATEMENTS[5]])
async def test_a_page_that_was_taken_is_held_nowhere_else(shared: Site, sql: str) -> None:
    """While its reader sends it and lets it go, no step of the gateway keeps a page in memory."""
    release = await shared.release(*WHO, sql, page_rows=700)
    count = 0
    async for page in release.pages():
        held = weakref.ref(page.batch)
        del page
        assert held() is None
        count += 1
    assert count > 1


@pytest.mark.parametrize("max_rows", [1, 57, 1000])
async def test_an_answer_cut_short_says_so(shared: Site, max_rows: int) -> None:
    """``max_rows`` cuts exactly, over pages too, and the answer is not called complete."""
    sql = "SELECT stock_code FROM pos.order_lines"
    response = await shared.post(*WHO, sql, max_rows=max_rows)
    assert len(response.json()["rows"]) == max_rows
    assert response.json()["release"]["complete"] is False
    lines = (await shared.post(*WHO, sql, accept=NDJSON, max_rows=max_rows)).text.splitlines()
    assert len(lines) == max_rows + 1
    assert json.loads(lines[-1])["complete"] is False


async def test_a_limit_that_cuts_nothing_leaves_the_answer_complete(shared: Site) -> None:
    """Exactly as many rows as allowed: complete; one more allowed: complete; one fewer: not."""
    sql = "SELECT member_rank FROM crm.customers"
    total = len(await shared.rows(*WHO, sql))
    for allowed, complete in ((total, True), (total + 1, True), (total - 1, False)):
        release = (await shared.post(*WHO, sql, max_rows=allowed)).json()["release"]
        assert (release["rows"], release["complete"]) == (min(total, allowed), complete)


async def test_an_empty_answer_has_its_columns(shared: Site) -> None:
    """No row is an answer: with columns, a record, and complete."""
    response = await shared.post(*WHO, "SELECT stock_code, quantity FROM pos.order_lines WHERE quantity > 10000000")
    body = response.json()
    assert [column["name"] for column in body["columns"]] == ["stock_code", "quantity"]
    assert body["rows"] == []
    assert body["release"]["complete"] is True

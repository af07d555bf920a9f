"""Stores that fail, hang or are left: a clear code, no row too many, and the next one is served."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import aclosing, closing

import pyarrow as pa
import pytest
from tests.gateway.site import Site

from sekisho.domain.governed import GovernedQuery
from sekisho.errors import StoreUnavailable
from sekisho.ports import ConsentView, DataStore, People

WHO = ("marketer", "micro_segmentation")
PROFILES = "SELECT member_rank FROM crm.customers ORDER BY member_rank"
LINES = "SELECT stock_code FROM pos.order_lines"


async def test_files_that_are_gone_are_an_unavailable_store(site: Site) -> None:
    """Parquet files away: 503 on record and on the health page; back again: answered."""
    pos = site.folder / "stores" / "pos"
    pos.rename(pos.with_name("away"))
    response = await site.post(*WHO, LINES)
    assert (response.status_code, response.json()["code"]) == (503, "store_unavailable")
    assert str(site.folder) not in response.text
    ready = await site.client.get("/health/ready")
    assert (ready.status_code, ready.json()["checks"]["store:pos"]) == (503, "failed")
    assert [record["code"] for record in await site.records("access.deny")] == ["store_unavailable"]
    pos.with_name("away").rename(pos)
    assert (await site.post(*WHO, LINES)).status_code == 200


async def test_a_database_that_is_gone_is_an_unavailable_store(site: Site) -> None:
    """A SQLite store away: 503, and its statement's fault is told in no word of the engine."""
    crm = site.folder / "stores" / "crm.db"
    crm.rename(crm.with_name("away.db"))
    response = await site.post(*WHO, PROFILES)
    assert (response.status_code, response.json()["code"]) == (503, "store_unavailable")
    assert "sqlite" not in response.text.lower().replace("the sqlite store could not be opened", "")
    crm.with_name("away.db").rename(crm)
    assert (await site.post(*WHO, PROFILES)).status_code == 200


async def test_a_damaged_database_releases_nothing(site: Site) -> None:
    """Pages of the file overwritten: a refusal, not half an answer."""
    crm = site.folder / "stores" / "crm.db"
    size = crm.stat().st_size
    with crm.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    response = await site.post(*WHO, PROFILES)
    assert response.json()["code"] in {"store_unavailable", "statement_refused"}
    assert not await site.records("access.release")


async def test_the_stores_are_never_written(site: Site) -> None:
    """Whatever is asked, the stores' files are the same afterwards, byte for byte."""
    before = {path: path.read_bytes() for path in (site.folder / "stores").rglob("*") if path.is_file()}
    for sql in (PROFILES, LINES, "DELETE FROM crm.customers", "SELECT count(*) AS n FROM pos.order_lines"):
        await site.post(*WHO, sql)
    await site.withdraw(site.agreeing(WHO[1])[0], WHO[1])
    await site.post(*WHO, PROFILES)
    after = {path: path.read_bytes() for path in (site.folder / "stores").rglob("*") if path.is_file()}
    assert after == before


async def test_one_who_waits_for_a_connection_gets_one_that_was_left(site: Site) -> None:
    """All connections of a SQLite store in use, one request waiting: when a reader leaves, it is served."""
    releases = [await site.release(*WHO, PROFILES, page_rows=3) for _ in range(4)]
    readers = [release.pages() for release in releases]
    for reader in readers:
        await anext(reader)
    waiting = asyncio.create_task(site.post(*WHO, PROFILES))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    for release in releases:
        await release.close()
    try:
        async with asyncio.timeout(3):
            response = await waiting
    finally:
        waiting.cancel()
    assert response.status_code == 200


async def test_a_table_that_changed_under_the_catalogue_is_refused(site: Site) -> None:
    """A declared column that the store no longer has: nothing is released, and the service goes on."""
    crm = site.folder / "stores" / "crm.db"
    copy = crm.with_name("copy.db")
    shutil.copy(crm, copy)
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("ALTER TABLE customers RENAME COLUMN member_rank TO rank")
        connection.commit()
    copy.replace(crm)
    response = await site.post(*WHO, PROFILES)
    assert response.status_code in {422, 503}
    assert response.json()["code"] in {"statement_refused", "store_unavailable"}
    assert (await site.post(*WHO, "SELECT prefecture FROM crm.customers")).status_code == 200


async def test_a_statement_that_takes_too_long_is_stopped(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both engines stop at their limit with 503, and serve the next one."""
    for name, sql in (
        ("duckdb", ("SELECT count(*) AS n FROM pos.order_lines a, pos.order_lines b, web.events c, web.events d "
         "WHERE a.quantity * b.quantity + length(c.category) <> length(d.category)")),
        ("crm", ("SELECT count(*) AS n FROM crm.customers a, crm.customers b, crm.customers c, crm.customers d, "
         "crm.customers e, crm.customers f WHERE a.member_rank || b.member_rank <> c.member_rank || d.gender || "
         "e.gender || f.gender")),
    ):  # fmt: skip
        monkeypatch.setattr(site.workspace.stores[name], "_timeout", 0.3)
        async with asyncio.timeout(10):
            response = await site.post(*WHO, sql)
        assert (response.status_code, response.json()["code"]) == (503, "store_unavailable"), name
        monkeypatch.setattr(site.workspace.stores[name], "_timeout", 60.0)
        async with asyncio.timeout(10):
            assert (await site.post(*WHO, PROFILES if name == "crm" else LINES)).status_code == 200


class BreaksAfterOne:
    """A store that fails after its first page."""

    def __init__(self, store: DataStore) -> None:
        self.store = store

    async def fetch(
        self, query: GovernedQuery, consent: ConsentView | None, people: People, *, page_rows: int
    ) -> AsyncIterator[pa.RecordBatch]:
        """Yield one page of the real store, then fail."""
        async with aclosing(self.store.fetch(query, consent, people, page_rows=page_rows)) as batches:
            yield await anext(batches)
            raise StoreUnavailable("The store could not be read.")

    async def healthy(self) -> bool:
        """Return what the real store says."""
        return await self.store.healthy()


@pytest.mark.parametrize("sql", ["SELECT prefecture FROM crm.customers", "SELECT count(*) AS n FROM crm.customers"])
async def test_a_store_that_fails_in_mid_answer_ends_it(site: Site, sql: str) -> None:
    """What came before a failure is not taken for the answer: it breaks off, or never begins."""
    stores = {**site.workspace.stores, "crm": BreaksAfterOne(site.workspace.stores["crm"])}
    shown = []
    async with site.with_parts(stores=stores) as asked:
        with pytest.raises(StoreUnavailable):
            shown += [page async for page in (await asked.release(*WHO, sql, page_rows=4)).pages()]
        response = await asked.post(*WHO, sql)
    assert not any(page.last for page in shown)
    assert (response.status_code, response.json()["code"]) == (503, "store_unavailable")
    assert len(await site.records("access.release")) == len(shown)

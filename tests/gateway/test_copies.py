"""Copies with person numbers in a real workspace: the command writes them, a running service finds them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
from pathlib import Path

from tests.gateway.site import Site

PURPOSE = "micro_segmentation"
LINES = "SELECT customer_id, stock_code FROM pos.order_lines"
COUNT = "SELECT count(*) AS n, count(DISTINCT customer_id) AS people FROM pos.order_lines"


async def sekisho(*arguments: str) -> str:
    """Run the program and return what it answers."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "sekisho", *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return str(done.stdout)


async def governed_sql(site: Site, sql: str) -> str:
    """Return what would run for *sql*."""
    body = {"purpose": PURPOSE, "sql": sql}
    response = await site.client.post("/v1/query:explain", json=body, headers=site.headers("marketer"))
    assert response.status_code == 200, response.text
    return str(response.json()["sql"])


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of the stores."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((folder / "stores").rglob("*"))
        if path.is_file()
    }


async def test_a_running_service_reads_a_new_copy_and_withdrawals_count_at_once(site: Site) -> None:
    """No restart, no change of the stores' files, the same answers; her rows are gone from the next one."""
    before = {sql: await site.rows("marketer", PURPOSE, sql) for sql in (COUNT, LINES)}
    assert "colocated" not in await governed_sql(site, COUNT)
    files = digests(site.folder)

    assert json.loads(await sekisho("stores", "sync", "-w", str(site.folder), "--json")) == [
        {"dataset": name, "rows": site.files(f"SELECT count(*) FROM {{{store}}}")[0][0], "written": True}
        for name, store in (("pos.order_lines", "pos"), ("web.events", "web"))
    ]

    assert digests(site.folder) == files
    assert "colocated" in await governed_sql(site, COUNT)
    assert await site.rows("marketer", PURPOSE, COUNT) == before[COUNT]
    after = await site.rows("marketer", PURPOSE, LINES)
    assert sorted(after, key=repr) == sorted(before[LINES], key=repr)

    for her in site.agreeing(PURPOSE)[:3]:
        ((lines,),) = site.files(f"SELECT count(*) FROM {{pos}} WHERE customer_id = {her}")
        (held,) = await site.rows("marketer", PURPOSE, COUNT)
        await site.withdraw(her, PURPOSE)
        assert await site.rows("marketer", PURPOSE, COUNT) == [{"n": held["n"] - lines, "people": held["people"] - 1}]
        rows = await site.rows("marketer", PURPOSE, LINES)
        assert her not in site.customers_of("marketer", PURPOSE, [row["customer_id"] for row in rows])
    assert "colocated" in await governed_sql(site, COUNT)


async def test_the_copy_is_recorded_and_a_second_one_is_not_made(site: Site) -> None:
    """The audit log says what was copied; where nothing changed, nothing is copied."""
    for _ in range(2):
        await sekisho("stores", "sync", "pos.order_lines", "-w", str(site.folder))
    records = await site.records("stores.sync")
    assert [record["dataset"] for record in records] == ["pos.order_lines"]
    assert "up to date" in await sekisho("stores", "sync", "pos.order_lines", "-w", str(site.folder))


async def test_check_says_which_copy_is_not_used(site: Site) -> None:
    """A copy whose files changed is not read; ``sekisho check`` says so, and what to do."""
    await sekisho("stores", "sync", "-w", str(site.folder))
    path = next((site.folder / "stores" / "pos").glob("*.parquet"))
    path.write_bytes(path.read_bytes())
    found = json.loads(await sekisho("check", "-w", str(site.folder), "--json"))["findings"]
    (finding,) = [each for each in found if "copy" in each["finding"]]
    assert finding["part"] == "pos.order_lines"
    assert "sekisho stores sync" in finding["finding"]
    assert "colocated" not in await governed_sql(site, COUNT)


async def test_statistics_views_are_read_from_the_files(site: Site) -> None:
    """A release of a view does not depend on whether a copy lies beside the files."""
    await sekisho("stores", "sync", "-w", str(site.folder))
    view = next(iter(site.workspace.settings.catalogue.views.values()))
    requester = next(
        each for each in site.workspace.settings.catalogue.requesters.values() if view.purpose in each.purposes
    )
    release = await site.gateway.read_view(requester, view.name, view.purpose)
    assert [page async for page in release.pages()]

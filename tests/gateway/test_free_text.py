"""Free text in answers: read by other processes, suppressed where one breaks, never passed."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.gateway.site import opened

MEDDLING = Path(__file__).parents[1] / "adapters" / "presidio" / "meddling.py"
DETECT = "\ndetect: {recognizers: [meddling:meddler], processes: 1}\n"
BODIES = "SELECT body FROM support.tickets"


def write(folder, texts):
    """Let the first tickets say *texts*, a mail address in each."""
    with closing(sqlite3.connect(folder / "stores" / "support.db")) as store:
        tickets = [row[0] for row in store.execute("SELECT ticket_id FROM tickets ORDER BY ticket_id")]
        for ticket, text in zip(tickets, texts, strict=False):
            store.execute("UPDATE tickets SET body = ? WHERE ticket_id = ?", (text, ticket))
        store.commit()


async def bodies(site):
    """Return the bodies of all tickets as they leave."""
    return sorted(row["body"] for row in await site.rows("analyst", "emotion_analysis", BODIES))


async def test_texts_leave_masked_or_not_at_all(folder):
    """A text leaves masked, by our recognisers and the operator's; one at which they break leaves not at all."""
    (folder / "meddling.py").write_text(MEDDLING.read_text())
    with (folder / "sekisho.yaml").open("a") as file:
        file.write(DETECT)
    write(folder, [f"{word} a@secret.example" for word in ["STAFF", "KILL", "RAISE", "OUTSIDE", "ok"] * 99])
    async with opened(folder) as site:
        found = await bodies(site)
        assert len(found) > 5
        assert set(found) <= {"[STAFF_ID] [EMAIL]", "ok [EMAIL]", "[REDACTED]"}
        assert {"[STAFF_ID] [EMAIL]", "ok [EMAIL]", "[REDACTED]"} <= set(found)
        metrics = (await site.client.get("/metrics")).text
        assert 'sekisho_free_texts_total{fate="failed"}' in metrics
        assert 'sekisho_free_texts_total{fate="read"}' in metrics
        (before,) = site.workspace.detector.pool.pids
        os.kill(before, signal.SIGKILL)
        assert await bodies(site) == found
        assert (await site.client.get("/health/ready")).json()["checks"]["free_text"] == "ok"
        (pid,) = site.workspace.detector.pool.pids
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.long
async def test_the_loop_goes_on_while_texts_are_read(folder):
    """While a text hangs, the service answers others."""
    (folder / "meddling.py").write_text(MEDDLING.read_text())
    with (folder / "sekisho.yaml").open("a") as file:
        file.write(DETECT)
    write(folder, ["SLEEP a@secret.example"] * 1_000)
    async with opened(folder) as site:
        detector = site.workspace.detector
        detector.pool._batch_seconds = 1.0
        assert await asyncio.to_thread(detector.pool.wait, 60) is None
        hanging = asyncio.create_task(bodies(site))
        while not (detector.pool._open or hanging.done()):  # noqa: ASYNC110 - the pool has no event
            await asyncio.sleep(0.01)
        rows = await site.rows("analyst", "emotion_analysis", "SELECT channel FROM support.tickets")
        assert rows
        assert not hanging.done()
        assert set(await hanging) == {"[REDACTED]"}


async def test_a_recogniser_that_is_not_there(folder):
    """Where the operator's recognisers cannot be loaded, nothing of a text leaves, and the service is not ready."""
    with (folder / "sekisho.yaml").open("a") as file:
        file.write("\ndetect:\n  recognizers:\n    - not_there:at_all\n")
    async with opened(folder) as site:
        assert set(await bodies(site)) == {"[REDACTED]"}
        ready = await site.client.get("/health/ready")
        assert ready.status_code == 503
        assert ready.json()["checks"]["free_text"] == "failed"

"""What is asked while a policy fails, and how a refusal is told from an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.gateway.site import Site

LINES = ("recommender", "recommendation", "SELECT stock_code FROM pos.order_lines")
WITHIN_S = 2.0
"""Far above the time limit of 250 ms, which the benchmark measures, and far below any retry of a client's."""


def with_policy(folder: Path, policy: str) -> None:
    """Change what the workspace file says about the policy."""
    file = folder / "sekisho.yaml"
    text = file.read_text("utf-8")
    start = text.index("policy:")
    end = text.index("\nidentity:")
    file.write_text(f"{text[:start]}policy: {{{policy}}}\n{text[end:]}", "utf-8")


async def refused(site: Site, codes: Sequence[str] = ("policy_unavailable",)) -> None:
    """Ask once: it is refused in time with one of *codes*, that is on record, and nothing is released."""
    before = len(await site.records("access.deny"))
    started = time.monotonic()
    response = await site.post(*LINES)
    assert time.monotonic() - started < WITHIN_S
    code = response.json()["code"]
    assert code in codes
    assert response.status_code == (503 if code == "policy_unavailable" else 403)
    denied = await site.records("access.deny")
    assert len(denied) == before + 1
    assert code in {each["code"] for each in denied}
    assert not await site.records("access.release")


async def unready(site: Site) -> None:
    """The service says that its policy does not work."""
    ready = await site.client.get("/health/ready")
    assert (ready.status_code, ready.json()["checks"]["policy"]) == (503, "failed")


async def answers_again(site: Site) -> None:
    """Ask until there is an answer, for as long as a server may take to notice what changed; without a restart."""
    for _ in range(150):
        response = await site.post(*LINES)
        if response.status_code == 200:
            assert response.json()["rows"]
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"still refused after fifteen seconds: {response.text}")

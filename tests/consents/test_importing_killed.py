"""Imports that are broken off, overtaken or made twice: nothing is lost and nothing is recorded twice."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.consents.import_house import House, ndjson, open_house, said

from sekisho.consents import import_parts
from sekisho.errors import ConsentUnavailable
from sekisho.ports.imports import ImportPart

GOOD = said("customer_id:1", "lifecycle_email", "give", 1)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """An empty house over SQLite."""
    opened = open_house(f"sqlite:///{tmp_path}/records.db")
    yield opened
    await opened.database.close()


def without(line: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in names}


class Killed(BaseException):
    """The process ends here."""


class KilledAt:
    """Batches whose process is killed at the given commits: before them, or right after."""

    def __init__(self, batches: Any, kills: list[bool | None]) -> None:
        self._batches = batches
        self._kills = kills

    def __getattr__(self, name: str) -> Any:
        done = getattr(self._batches, name)
        if name in {"find", "asked_again"}:
            return done

        async def killed(*arguments: Any) -> Any:
            kill = self._kills.pop(0) if self._kills else None
            if kill is False:
                raise Killed
            answer = await done(*arguments)
            if kill is True:
                raise Killed
            return answer

        return killed


LINES = st.lists(
    st.builds(
        lambda person, purpose, event, day: said(f"customer_id:{person}", purpose, event, day),
        st.integers(1, 4),
        st.sampled_from(["lifecycle_email", "recommendation", "ab_measurement", "newsletter"]),
        st.sampled_from(["give", "withdraw", "refuse", "object", "defer", "renew", "confirm"]),
        st.integers(0, 20),
    )
    | st.sampled_from(["junk", ""]),
    max_size=14,
)


@given(lines=LINES, part=st.integers(1, 6), kills=st.lists(st.none() | st.booleans(), max_size=8))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_kills_an_import_the_ledger_is_that_of_one_go(monkeypatch, lines, part, kills):
    """In any parts, killed before or after any commit and started again, the ledger holds what one go gives."""
    content = ndjson(lines)
    with tempfile.TemporaryDirectory() as folder:
        whole, broken = (open_house(f"sqlite:///{folder}/{name}.db") for name in ("whole", "broken"))
        try:
            monkeypatch.setattr(import_parts, "PART", 1000)
            expected = await whole.run(content, skip_faults=True)
            monkeypatch.setattr(import_parts, "PART", part)
            left = list(kills)
            broken.batches = KilledAt(broken.batches, left)  # type: ignore[assignment]
            for _ in range(len(kills) + 1):
                try:
                    report = await broken.run(content, skip_faults=True)
                    break
                except Killed:
                    continue
            counted = ("batch", "lines", "valid", "recorded", "left_out", "finished", "unchanged", "seq")
            assert {name: report[name] for name in counted} == {name: expected[name] for name in counted}
            assert await broken.ledger_says() == await whole.ledger_says()
            told = [[row[:3] for row in await each.states()] for each in (whole, broken)]
            assert told[0] == told[1]
        finally:
            for each in (whole, broken):
                await each.database.close()


async def test_two_who_import_the_same_file_at_once_record_it_once(house, monkeypatch):
    """Both get the finished batch; each line is in the ledger once, whoever recorded it."""
    monkeypatch.setattr(import_parts, "PART", 3)
    content = ndjson(said(f"customer_id:{n}", "lifecycle_email", "give", n) for n in range(1, 40))
    reports = await asyncio.gather(*(house.run(content) for _ in range(3)))
    assert {report["recorded"] for report in reports} == {39}
    assert all(report["finished"] for report in reports)
    assert len(await house.ledger_says()) == 39


async def test_an_import_that_is_always_overtaken_ends(house, monkeypatch):
    """It says so instead of trying for ever."""

    async def never(_batch: str, _part: ImportPart, _at_work: Any) -> None:
        return None

    monkeypatch.setattr(house.batches, "append", never)
    with pytest.raises(ConsentUnavailable):
        await house.run(ndjson([GOOD]))


async def test_progress_is_told(house, monkeypatch):
    """Both passes tell how far they are, up to the end."""
    monkeypatch.setattr(import_parts, "PART", 2)
    told: list[tuple[str, float]] = []
    await house.run(ndjson([GOOD] * 7), tell=lambda what, done: told.append((what, done)))
    for what in ("checking lines", "importing"):
        steps = [done for name, done in told if name == what]
        assert steps == sorted(steps)
        assert steps[-1] == 1.0
        assert len(steps) == 4

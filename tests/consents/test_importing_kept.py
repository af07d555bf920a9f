"""Imports keep what they checked: which lines are read again, and when what was kept does not count any more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.consents.import_house import House, ndjson, open_house, said

from sekisho.consents import import_events, import_parts
from sekisho.domain.notices import Change
from sekisho.ports.imports import ImportProgress


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """An empty house over SQLite."""
    opened = open_house(f"sqlite:///{tmp_path}/records.db")
    yield opened
    await opened.database.close()


@pytest.mark.parametrize("room", [0, 400, 1 << 20], ids=["no-room", "room-for-some", "room-for-all"])
async def test_what_was_checked_is_not_read_again_as_long_as_there_is_room(house, monkeypatch, room):
    """The ledger says the same whether parts were kept from the check, or read again, or some of each."""
    monkeypatch.setattr(import_parts, "PART", 2)
    monkeypatch.setattr(import_parts, "_KEPT", room)
    read, lines = import_events.LineReader.read, 0

    def counted(self: Any, said: Any) -> Any:
        nonlocal lines
        lines += 1
        return read(self, said)

    monkeypatch.setattr(import_events.LineReader, "read", counted)
    kinds = ("customer_id:{}", "customer_id:{}", "email_sha256:{:064x}")
    said_before = [
        said(kinds[n % 3].format(n), "lifecycle_email", "give" if n % 2 else "withdraw", n) for n in range(1, 12)
    ]
    del said_before[4]["occurred_at"]
    content = ndjson(said_before)
    report = await house.run(content)
    assert (report["recorded"], report["finished"]) == (11, True)
    assert lines in {0: {22}, 400: range(12, 22), 1 << 20: {11}}[room]
    again = ndjson(
        said(kinds[n % 3].format(n), "lifecycle_email", "give", n) | {"evidence": {"form": "x"}} for n in range(1, 12)
    )
    lines = 0
    assert (await house.run(again))["recorded"] == 11
    assert lines == 22  # evidence is not kept
    assert [event.number for event in await house.ledger.changes(0, 11)] == list(range(1, 12))


async def test_parts_that_were_kept_are_checked_again_when_people_are_asked_again(house, monkeypatch):
    """A notice published between the check of the file and its first part counts, also a minor one."""
    begin = house.batches.begin

    async def publishing(batch: str, file_format: str) -> ImportProgress:
        house.notices.clock.advance(10 * 86_400)
        house.notices.show("lifecycle_email", change=change)
        progress: ImportProgress = await begin(batch, file_format)
        return progress

    monkeypatch.setattr(house.batches, "begin", publishing)
    for n, change in enumerate((Change.MINOR, Change.MAJOR), 1):
        line = said(f"customer_id:{n}", "lifecycle_email", "give", n)
        del line["notice_version"]  # it is taken for the one in force
        report = await house.run(ndjson([line]))
        assert report["finished"] == (change is Change.MINOR)
        if n == 1:
            told = await house.notices.in_force("lifecycle_email")
    (event,) = await house.ledger.changes(0, 9)
    assert event.notice_version == str(told.version)

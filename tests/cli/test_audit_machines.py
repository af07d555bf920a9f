"""A log of several machines, each of which saves its own heads, verifies on each of them while all write."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import open_keys
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.database import Database
from sekisho.audit_verify import Outcome
from sekisho.cli.audit import verified_workspace
from sekisho.ports import AuditEntry
from sekisho.settings import load


@pytest.mark.postgres
@pytest.mark.enable_socket
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_the_end_of_a_chain_of_another_machine_is_vouched_for(
    url: str, workspace: Path, tmp_path: Path
) -> None:
    """Its newest head is not in the database yet: the tail that the log's own key made says as much, and no other."""
    settings = replace(load(workspace), database_url=url, audit_folder=tmp_path / "here")
    keys = open_keys(settings)
    key = keys.verification_key()
    async with AsyncExitStack() as stack:
        database = Database(url)
        stack.push_async_callback(database.close)
        for folder in ("here", "there"):
            log = SqlAuditLog(database, keys, SystemClock(), tmp_path / folder, heartbeat_seconds=3_600)
            await log.start()
            stack.push_async_callback(log.close)
            for _ in range(3):
                await log.append(AuditEntry("access.deny", {"code": "access_denied"}))
            assert await log.settled()
        found = await asyncio.to_thread(verified_workspace, settings, key, None)
        assert found.ok, found
        assert found.unsigned_tail == 4  # no head of the other machine is known outside the database
        await database.run(lambda c: c.execute(sa.text("UPDATE audit_tail SET tag = sha256(tag)")))
        found = await asyncio.to_thread(verified_workspace, settings, key, None)
        assert found.outcome is Outcome.INCOMPLETE, found

"""What a running service keeps up by itself: people tables after consent events, copies after their files."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
import structlog

from sekisho.adapters.stores import colocated
from sekisho.adapters.stores.copy_folder import writing
from sekisho.adapters.stores.postgresql import PostgresStore
from sekisho.bootstrap import Workspace, build_app, open_workspace, syncing
from sekisho.bootstrap.syncing import Applied
from sekisho.errors import StoreUnavailable
from sekisho.ports import AuditQuery, DataSubjectRef
from sekisho.release import Ask
from tests.adapters.stores.servers import Server, database
from tests.cli.moved import move_crm

SQL = "SELECT customer_id FROM crm.customers"
LINES = "pos.order_lines"


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look all the time."""
    for name, value in (("_TICK_S", 0.05), ("_WHOLE_S", 0.1), ("_SHARE", 0), ("_COPY_SHARE", 0)):
        monkeypatch.setattr(syncing, name, value)


@pytest.fixture
def server(workspace: Path) -> Iterator[Server]:
    """A server that holds the CRM of the workspace, with the gateway's rights."""
    with database() as made:
        made.bootstrap(move_crm(workspace, made))
        yield made


@dataclass
class Running:
    """A workspace whose stores are kept up, and what was told of them."""

    workspace: Workspace
    told: list[Applied] = field(default_factory=list)

    async def until(self, said: Callable[[], bool]) -> None:
        """Wait until *said*."""
        async with asyncio.timeout(120):  # so that a test that waits in vain fails
            while not said():  # noqa: ASYNC110 - nobody tells when it is so
                await asyncio.sleep(0.01)

    async def people(self, sql: str = SQL) -> int:
        """Return how many rows the recommender gets."""
        requester = self.workspace.settings.catalogue.requesters["recommender"]
        release = await self.workspace.gateway.query(requester, Ask("recommendation", sql))
        return sum([page.batch.num_rows async for page in release.pages()])

    async def withdraw(self, place: int, purpose: str = "recommendation") -> int:
        """Let one person withdraw; return the sequence."""
        person = sorted((await self.workspace.people.keys("customer_id")).values.to_pylist(), key=int)[place]
        recording = self.workspace.consents.recording
        answer: Any = await recording.withdraw(DataSubjectRef("customer_id", person), purpose)
        return int(answer["seq"])

    async def recorded(self) -> list[dict[str, Any]]:
        """Return what the audit log has of syncs."""
        found = await self.workspace.audit.search(AuditQuery(limit=1_000))
        return [dict(record) for record in found if record["kind"] == "stores.sync"]


@asynccontextmanager
async def running(folder: Path, *, stopped: bool = False) -> AsyncIterator[Running]:
    """Open the workspace in *folder* and keep its stores up, unless *stopped*."""
    async with open_workspace(folder) as opened:
        made = Running(opened)
        opened.sync.told = made.told.append
        if stopped:
            yield made
            return
        async with opened.sync.running():
            yield made


def members(server: Server) -> int:
    """Return how many people stand in the only people table."""
    ((name,),) = server.run("SELECT projection FROM sekisho.applied")
    ((count,),) = server.run(f'SELECT count(*) FROM sekisho."{name}"')
    return int(count)


@pytest.mark.postgres
@pytest.mark.enable_socket
async def test_a_withdrawal_reaches_the_store_before_anybody_asks(workspace: Path, server: Server) -> None:
    """The table follows the ledger by itself; what is told is the ledger's sequence, and nothing is behind."""
    async with running(workspace, stopped=True) as quiet:
        agreed = await quiet.people()
    assert await asyncio.to_thread(members, server) == agreed
    async with running(workspace) as live:
        seq = 0
        for place in range(40):
            seq = await live.withdraw(place)
        await live.until(lambda: bool(live.told) and live.told[-1] == Applied("crm", seq, 0))
        left = await asyncio.to_thread(members, server)
        assert left < agreed
        recorded = await live.recorded()
        assert recorded
        assert {(record["store"], record["tables"]) for record in recorded} == {("crm", 1)}
        assert await live.people() == left
        assert max(at.seq for at in live.told) == seq
        # Nothing happens: nothing is written, and nothing recorded.
        told = len(live.told)
        await live.until(lambda: len(live.told) > told + 5)
        assert await live.recorded() == recorded


@pytest.mark.postgres
@pytest.mark.enable_socket
async def test_an_event_about_something_else_leaves_nothing_behind(workspace: Path, server: Server) -> None:
    """A table that holds what it must is not written, and is said to hold the newer sequence."""
    async with running(workspace, stopped=True) as quiet:
        agreed = await quiet.people()
    async with running(workspace) as live:
        seq = await live.withdraw(3, "lifecycle_email")
        await live.until(lambda: bool(live.told) and live.told[-1] == Applied("crm", seq, 0))
        assert await live.recorded() == []
    assert await asyncio.to_thread(members, server) == agreed


@pytest.mark.postgres
@pytest.mark.enable_socket
async def test_one_process_does_it_and_another_takes_over(workspace: Path, server: Server) -> None:
    """Who does not have the turn looks only, and says how far behind the store is; a freed turn is taken."""
    async with running(workspace, stopped=True) as quiet:
        agreed = await quiet.people()
    handle = os.open(workspace / "var" / "sync.lock", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    async with running(workspace) as live:
        first = await live.withdraw(3)
        seq = await live.withdraw(4)
        await live.until(lambda: any(at.seq + at.behind == seq for at in live.told))
        assert live.told[-1].behind >= seq - first
        assert await asyncio.to_thread(members, server) == agreed
        os.close(handle)
        await live.until(lambda: live.told[-1] == Applied("crm", seq, 0))


@pytest.mark.postgres
@pytest.mark.enable_socket
async def test_a_store_that_is_away_is_tried_again_and_keeps_no_other_back(
    workspace: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left alone for longer each time; the log has the store's name and a code; then it is brought up."""
    async with running(workspace, stopped=True) as quiet:
        await quiet.people()
        colocated_lines(quiet.workspace)
    monkeypatch.setattr(syncing, "_WHOLE_S", 1e9)  # what failed is tried again for its own sake
    real = PostgresStore.synchronise
    failures = 0

    async def fails(self: PostgresStore, *given: Any, **named: Any) -> list[str]:
        nonlocal failures
        if failures < 3:
            failures += 1
            raise StoreUnavailable("The store crm could not be read.")
        return await real(self, *given, **named)

    monkeypatch.setattr(PostgresStore, "synchronise", fails)
    with structlog.testing.capture_logs() as logged:
        async with running(workspace) as live:
            seq = await live.withdraw(5)
            await live.until(lambda: usable(live.workspace))
            await live.until(lambda: bool(live.told) and live.told[-1] == Applied("crm", seq, 0))
            assert any(at.behind for at in live.told)
    said = [line for line in logged if line["event"] == "sync"]
    assert said == [{"event": "sync", "part": "crm", "code": "store_unavailable", "log_level": "warning"}] * 3


@pytest.mark.postgres
@pytest.mark.enable_socket
async def test_the_metrics_say_how_far_each_store_is(workspace: Path, server: Server) -> None:
    """The service answers the sequence that a store's tables hold, and how many events they lack."""
    assert server
    async with open_workspace(workspace) as opened:
        app = build_app(opened)
        opened.sync.told(Applied("crm", 41, 1))
        text = app.state.services.metrics.text().decode()
    assert 'sekisho_store_consent_seq{store="crm"} 41.0' in text
    assert 'sekisho_store_events_behind{store="crm"} 1.0' in text


# -- copies ----------------------------------------------------------------------------------------------


def colocated_lines(workspace: Workspace) -> None:
    """Begin a copy of the order lines: an empty place for it."""
    (workspace.sync.folder / LINES).mkdir(parents=True)


def copy_of(workspace: Workspace) -> colocated.Copy | None:
    """Return the copy of the order lines."""
    return colocated.read_copy(workspace.sync.folder, workspace.settings.catalogue.datasets[LINES])


def usable(workspace: Workspace) -> bool:
    """Return whether the copy of the order lines is made of the files as they are."""
    catalogue, copy = workspace.settings.catalogue, copy_of(workspace)
    return copy is not None and colocated.unchanged(copy, catalogue.stores["pos"], catalogue.datasets[LINES])


async def test_copies_follow_their_files(workspace: Path) -> None:
    """A copy that was asked for is written anew when its files change; one that was not is not begun."""
    async with running(workspace, stopped=True) as quiet:
        colocated_lines(quiet.workspace)
    async with running(workspace) as live:
        await live.until(lambda: usable(live.workspace))
        first = copy_of(live.workspace)
        assert first is not None
        path = workspace / "stores" / "pos" / "order_lines.parquet"
        await asyncio.to_thread(lambda: pl.read_parquet(path).head(100).write_parquet(path))
        await live.until(lambda: usable(live.workspace))
        second = copy_of(live.workspace)
        assert second is not None
        assert (second.rows, first.rows > 100) == (100, True)
        assert {each.name for each in live.workspace.sync.folder.iterdir() if each.is_dir()} == {LINES}
        await live.until(lambda: True)
        assert [(each["dataset"], each["rows"]) for each in await live.recorded()] in (
            [(LINES, first.rows), (LINES, 100)],
            [(LINES, first.rows)],
        )


async def test_new_people_are_numbered_where_rows_wait_for_them(workspace: Path) -> None:
    """Rows of somebody whom the registry did not know get their number once it does."""
    path = workspace / "stores" / "pos" / "order_lines.parquet"
    strangers = pl.read_parquet(path).with_columns(pl.col("customer_id").replace(12347, 777_777))
    strangers.write_parquet(path)
    async with running(workspace, stopped=True) as quiet:
        colocated_lines(quiet.workspace)
    async with running(workspace) as live:
        await live.until(lambda: usable(live.workspace))
        before = copy_of(live.workspace)
        assert before is not None
        assert before.unnumbered > 0
        await live.workspace.people.register("customer_id", ["777777"])
        await live.until(lambda: (copy := copy_of(live.workspace)) is not None and not copy.unnumbered)


async def test_while_another_process_writes_copies_they_are_left_alone(workspace: Path) -> None:
    """The folder is one process's: the service goes on without waiting, and writes when it is free."""
    async with running(workspace, stopped=True) as quiet:
        colocated_lines(quiet.workspace)
        folder = quiet.workspace.sync.folder
    with writing(folder):
        async with running(workspace) as live:
            looks = 0
            while looks < 20:
                await asyncio.sleep(0.01)
                looks += 1
            assert copy_of(live.workspace) is None
    async with running(workspace) as live:
        await live.until(lambda: usable(live.workspace))


async def test_a_service_that_stops_leaves_the_earlier_copy(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy under way is broken off, however long it would have taken; what was there stays, and nothing else."""
    async with running(workspace, stopped=True) as quiet:
        colocated_lines(quiet.workspace)
    async with running(workspace) as live:
        await live.until(lambda: usable(live.workspace))
        kept = copy_of(live.workspace)
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def endless(target: Path, *given: Any) -> tuple[int, int]:
        target.write_bytes(b"half")
        with duckdb.connect() as engine, given[-1].guarding(engine):
            loop.call_soon_threadsafe(begun.set)
            engine.execute("SELECT sum(sin(a.range) * cos(b.range)) FROM range(10000000) AS a, range(10000000) AS b")
        raise AssertionError("it was not broken off")

    monkeypatch.setattr(colocated, "_copy_rows", endless)
    path = workspace / "stores" / "pos" / "order_lines.parquet"
    await asyncio.to_thread(lambda: pl.read_parquet(path).head(100).write_parquet(path))
    async with running(workspace) as live:
        await begun.wait()
    assert copy_of(live.workspace) == kept
    assert kept is not None
    place = live.workspace.sync.folder / LINES
    assert {each.name for each in await asyncio.to_thread(lambda: list(place.iterdir()))} == {
        "meta.json",
        *dict(kept.data),
    }

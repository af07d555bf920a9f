"""The records' database is down, stopped, late, cut off, full, a standby, or out of connections.

503 and no row, and it comes back by itself. The gateway is the real one, in a process of its own; between it and
PostgreSQL stands a proxy that breaks connections.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.faults.own_server import NAME, OwnServer, own_server
from tests.faults.service import Clients, Service, token
from tests.faults.tcp_proxy import FaultProxy
from tests.faults.whole_log import WholeLog

from sekisho.demo.workspace import build_workspace

pytestmark = [pytest.mark.postgres, pytest.mark.enable_socket, pytest.mark.long]

BOUND_S = 8.0
"""A refusal hangs no longer: three seconds for consent, two for its own record, the rest to spare.

What the gateway takes to say that it is alive is the machine's, and not counted."""

REFUSALS = {"audit_unavailable", "consent_unavailable", "policy_unavailable"}
HANG_UP = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{NAME}'"
Fault = Callable[["Broken"], Awaitable[None]]


@dataclass
class Broken:
    """What a fault may touch, and whether it met anybody."""

    server: OwnServer
    proxy: FaultProxy

    disk: Path
    taken: list[psycopg.Connection[Any]] = field(default_factory=list)

    async def on_server(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement past the proxy."""
        return await asyncio.to_thread(self.server.run, statement, "postgres")


@dataclass
class Place:
    """A workspace whose records are reached through the proxy's port."""

    server: OwnServer
    folder: Path
    token: str
    disk: Path

    def reach_by(self, port: int) -> None:
        """Let the workspace reach its records by *port*."""
        file = self.folder / "sekisho.yaml"
        text = re.sub(r"127\.0\.0\.1:\d+/" + NAME, f"127.0.0.1:{port}/{NAME}", file.read_text("utf-8"))
        assert f":{port}/" in text
        file.write_text(text, "utf-8")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A workspace whose records are on a server of their own."""
    with own_server() as server:
        folder = tmp_path_factory.mktemp("down") / "workspace"
        build_workspace(folder, customers=40, records=server.url())
        disk = server.made.folder / "disk"
        yield Place(server, folder, token(folder), disk)
        subprocess.run(["umount", str(disk)], check=False, capture_output=True)


def on_small_disk(place: Place) -> None:
    """Move the table of the records to a disk of a few megabytes; skipped where no disk can be mounted."""
    place.disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16m,mode=0777", "tmpfs", str(place.disk)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("a small disk can be mounted by root only")
    (place.disk / "table").mkdir()
    shutil.chown(place.disk / "table", "postgres")
    place.server.run(f"CREATE TABLESPACE small LOCATION '{place.disk}/table'")
    place.server.run("ALTER TABLE audit_record SET TABLESPACE small")


async def _down(broken: Broken) -> None:
    assert len(await asyncio.to_thread(broken.server.kill)) > 5


async def _up(broken: Broken) -> None:
    await asyncio.to_thread(broken.server.start)


async def _stopped(broken: Broken) -> None:
    assert len(broken.server.stop()) > 5


async def _goes_on(broken: Broken) -> None:
    broken.server.go_on()


async def _late(broken: Broken) -> None:
    broken.proxy.delay = 3.0


async def _silent(broken: Broken) -> None:
    broken.proxy.silent = True


async def _reset(broken: Broken) -> None:
    broken.proxy.refusing = True
    broken.proxy.reset()


async def _well(broken: Broken) -> None:
    assert broken.proxy.fired > 0  # the fault met somebody
    broken.proxy.delay, broken.proxy.silent, broken.proxy.refusing = 0.0, False, False


async def _standby(broken: Broken) -> None:
    await _down(broken)
    signal_file = broken.server.data / "standby.signal"
    await asyncio.to_thread(signal_file.touch)
    await _up(broken)
    assert (await broken.on_server("SELECT pg_is_in_recovery()")) == [(True,)]


async def _promoted(broken: Broken) -> None:
    assert (await broken.on_server("SELECT pg_promote()")) == [(True,)]


async def _no_place(broken: Broken) -> None:
    """Take every connection that the server has, also those that the gateway held."""
    server = f"host={broken.server.made.folder} port={broken.server.made.port} user=admin dbname=postgres"

    def connect() -> psycopg.Connection[Any]:
        return psycopg.connect(server, autocommit=True)

    first = await asyncio.to_thread(connect)
    broken.taken.append(first)
    for _ in range(200):
        with suppress(psycopg.OperationalError):
            while True:
                broken.taken.append(await asyncio.to_thread(connect))
        ended = await asyncio.to_thread(first.execute, HANG_UP.encode())
        if not ended.fetchall():
            return
    raise AssertionError("the gateway kept a connection")


async def _place(broken: Broken) -> None:
    assert len(broken.taken) > 30  # the fault fired
    for each in broken.taken:
        each.close()


async def _full(broken: Broken) -> None:
    """Let the disk of the records' table be full."""
    with suppress(OSError), (broken.disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    assert shutil.disk_usage(broken.disk).free == 0  # the fault fired


async def _room(broken: Broken) -> None:
    (broken.disk / "filler").unlink()


FAULTS: dict[str, tuple[Fault, Fault]] = {
    "down": (_down, _up),
    "stopped": (_stopped, _goes_on),
    "late": (_late, _well),
    "half-open": (_silent, _well),
    "reset": (_reset, _well),
    "a standby": (_standby, _promoted),
    "no connection": (_no_place, _place),
    "full": (_full, _room),
}


@asynccontextmanager
async def gateway(place: Place, mutant: str = "none") -> AsyncIterator[tuple[Broken, Service]]:
    """A gateway behind a proxy."""
    proxy = FaultProxy(place.server.made.port)
    place.reach_by(await proxy.open())
    service = None
    try:
        service = await Service.start(place.folder, mutant)
        yield Broken(place.server, proxy, place.disk), service
    finally:
        if service is not None:
            await service.end(signal.SIGKILL)
        await proxy.close()


async def strike(place: Place, fault: str, number: int = 8, mutant: str = "none") -> Clients:
    """Strike a gateway under load, assert that nothing left meanwhile, heal it, assert that it came back."""
    clients, log = Clients(place.token), WholeLog(place.folder, place.server.url())
    breaks, heals = FAULTS[fault]
    async with gateway(place, mutant) as (broken, service), clients.asking(number, service.port):
        await clients.until(lambda: len(clients.took) >= 4 * number)
        await breaks(broken)
        try:
            await clients.everybody_answered()  # who was under way has an answer, and its record may be there
            shown = len(clients.seen)
            await clients.everybody_answered()
            # On a full disk a small record may still find room where a larger one did not.
            assert fault == "full" or len(clients.seen) == shown, "a page left while its record could not be kept"
            await clients.until(lambda: clients.codes.total() >= number)  # the fault fired
        finally:
            await heals(broken)
        before = len(clients.took)
        await clients.until(lambda: len(clients.took) >= before + number)  # without a restart
        assert await log.missing(dict(clients.seen)) == {}
        await service.end()
    assert (await log.verdict()).ok
    assert (await log.grow()).ok
    return clients


@pytest.mark.parametrize("fault", FAULTS)
async def test_nothing_leaves_while_the_records_database_fails(place: Place, fault: str) -> None:
    """Refused within a bound, with 503 and Retry-After; it comes back by itself; what left is on record."""
    if fault == "full":
        await asyncio.to_thread(on_small_disk, place)
    gaps = len(await WholeLog(place.folder, place.server.url()).records("gap"))
    clients = await strike(place, fault)
    sys.stdout.write(
        f"\n{fault}: {dict(clients.codes)}, longest refusal {clients.longest_no:.2f} s,"
        f" longest sign of life {clients.longest_beat:.2f} s, {len(clients.seen)} out\n"
    )
    assert set(clients.codes) <= REFUSALS
    assert clients.without_retry == 0
    assert clients.longest_no < BOUND_S + 2 * clients.longest_beat  # each of its two waits ends as late
    # A record that only comes late is there in the end, though nobody waited for it: no gap.
    if clients.codes["audit_unavailable"] and fault != "late":
        assert len(await WholeLog(place.folder, place.server.url()).records("gap")) > gaps


async def test_the_judge_finds_a_gateway_that_keeps_records_in_memory(place: Place) -> None:
    """A record that waits in memory for a better day is no record."""
    with pytest.raises(AssertionError, match="a page left"):
        await strike(place, "a standby", mutant="spill")

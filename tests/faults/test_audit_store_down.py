"""The records' database is down, stopped, late, cut off, full, read-only or has no place: 503, no row, and it comes back.

The gateway is the real one, in a process of its own; between it and PostgreSQL stands a proxy that breaks connections.
"""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.faults.own_server import NAME, OwnServer, own_server
from tests.faults.service import Clients, Service, token
from tests.faults.tcp_proxy import FaultProxy
from tests.faults.whole_log import WholeLog

from sekisho.demo.workspace import build_workspace

pytestmark = [pytest.mark.postgres, pytest.mark.enable_socket, pytest.mark.long]

BOUND_S = 4.0
"""A refusal comes within this: two seconds for the consent that is read, two for the record; and a busy machine."""

Fault = Callable[["Broken"], Awaitable[None]]


@dataclass
class Broken:
    """What a fault may touch, and whether it met anybody."""

    server: OwnServer
    proxy: FaultProxy

    async def on_server(self, *statements: str) -> None:
        """Run statements past the proxy."""
        for statement in statements:
            await asyncio.to_thread(self.server.run, statement, "postgres")

    async def hang_up(self) -> None:
        """End every session of the gateway."""
        await self.on_server(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{NAME}'")


@dataclass
class Place:
    """A workspace whose records are reached through the proxy's port."""

    server: OwnServer
    folder: Path
    token: str

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
        yield Place(server, folder, token(folder))


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


async def _read_only(broken: Broken) -> None:
    await broken.on_server(f"ALTER DATABASE {NAME} SET default_transaction_read_only = on")
    await broken.hang_up()


async def _writable(broken: Broken) -> None:
    await broken.on_server(f"ALTER DATABASE {NAME} RESET default_transaction_read_only")
    await broken.hang_up()


async def _no_place(broken: Broken) -> None:
    await broken.on_server("ALTER DATABASE sekisho_faults CONNECTION LIMIT 0", "CREATE ROLE other LOGIN")
    await broken.hang_up()


FAULTS: dict[str, tuple[Fault, Fault]] = {
    "down": (_down, _up),
    "stopped": (_stopped, _goes_on),
    "late": (_late, _well),
    "half-open": (_silent, _well),
    "reset": (_reset, _well),
    "read-only": (_read_only, _writable),
}


@asynccontextmanager
async def gateway(place: Place, mutant: str = "none") -> AsyncIterator[tuple[Broken, Service]]:
    """A gateway behind a proxy."""
    proxy = FaultProxy(place.server.made.port)
    place.reach_by(await proxy.open())
    service = None
    try:
        service = await Service.start(place.folder, mutant)
        yield Broken(place.server, proxy), service
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
            assert clients.codes.total() >= number  # the fault fired
            assert len(clients.seen) == shown, "a page left while its record could not be kept"
        finally:
            await heals(broken)
        before = len(clients.took)
        await clients.until(lambda: len(clients.took) >= before + number, 40)  # without a restart
        assert await log.missing(dict(clients.seen)) == {}
        await service.end()
    assert (await log.verdict()).ok
    assert (await log.grow()).ok
    return clients


@pytest.mark.parametrize("fault", FAULTS)
async def test_nothing_leaves_while_the_records_database_fails(place: Place, fault: str) -> None:
    """Refused within a bound, with 503 and Retry-After; it comes back by itself; what left is on record."""
    gaps = len(await WholeLog(place.folder, place.server.url()).records("gap"))
    clients = await strike(place, fault)
    print(
        f"\n{fault}: {dict(clients.codes)}, longest refusal {clients.longest_no:.2f} s, {len(clients.seen)} released"
    )
    assert set(clients.codes) <= {"audit_unavailable", "consent_unavailable"}
    assert clients.without_retry == 0
    assert clients.longest_no < BOUND_S
    if clients.codes["audit_unavailable"]:
        assert len(await WholeLog(place.folder, place.server.url()).records("gap")) > gaps

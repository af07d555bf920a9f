"""PostgreSQL or the gateway is killed at any moment: what a client saw is on record, the log and its tree go on."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.faults.own_server import OwnServer, own_server
from tests.faults.service import Clients, Service, token
from tests.faults.whole_log import WholeLog

from sekisho.audit_verify import Outcome
from sekisho.demo.workspace import build_workspace

pytestmark = [pytest.mark.postgres, pytest.mark.enable_socket]

SIZES = [
    pytest.param((1, 8), id="short", marks=pytest.mark.slow),
    pytest.param((50, 64), id="long", marks=pytest.mark.long),
]
"""How often something is killed, and how many clients ask meanwhile."""


@dataclass
class Place:
    """A workspace, and the server of its records."""

    server: OwnServer
    folder: Path
    token: str


@contextlib.contextmanager
def new_place(folder: Path) -> Iterator[Place]:
    """Build a workspace in *folder* whose records are on a server of their own."""
    with own_server() as server:
        build_workspace(folder, customers=40, records=server.url())
        yield Place(server, folder, token(folder))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A workspace whose records are on a server of their own."""
    with new_place(tmp_path_factory.mktemp("killed") / "workspace") as made:
        yield made


@pytest.fixture
def spoilt(tmp_path: Path) -> Iterator[Place]:
    """A place for a gateway that is broken on purpose: its log loses records whose heads were saved, for good."""
    with new_place(tmp_path / "workspace") as made:
        yield made


async def holds(log: WholeLog, clients: Clients) -> None:
    """Assert that everything that arrived is on record, that the log proves itself, and that its tree goes on."""
    seen = dict(clients.seen)
    assert await log.missing(seen) == {}
    verdict = await log.verdict()
    # Killed between a commit and its signature, the last group waits for the next start of a writer.
    assert verdict.ok or verdict.outcome is Outcome.INCOMPLETE, verdict
    grown = await log.grow()
    assert grown.ok, grown


async def kill_the_server(place: Place, rounds: int, number: int, mutant: str = "none") -> Clients:
    """Kill PostgreSQL so many times under load, and assert each time that the promise held."""
    log, clients, chance = WholeLog(place.folder, place.server.url()), Clients(place.token), random.Random(rounds)
    service = await Service.start(place.folder, mutant)
    try:
        async with clients.asking(number, service.port):
            for _ in range(rounds):
                await clients.answered(2 * number)
                await asyncio.sleep(chance.uniform(0, 0.1))
                pids = await asyncio.to_thread(place.server.kill)
                assert len(pids) > 5  # the fault fired: the first process, its own, and the gateway's sessions
                await clients.refused()
                await asyncio.to_thread(place.server.start)
                assert await log.missing(dict(clients.seen)) == {}
                await clients.answered()  # it came back by itself
                await holds(log, clients)
            assert service.process.returncode is None
            await clients.answered(number)
            assert await service.end() < 10  # told to stop under load, it drains, and closes its chain
        assert await log.missing(dict(clients.seen)) == {}
        assert (await log.records("writer.close"))[-1]["writer"] == (await log.records("writer.open"))[-1]["writer"]
        verdict = await log.verdict()
        assert verdict.ok, verdict
    finally:
        await service.end(signal.SIGKILL)
    return clients


@pytest.mark.parametrize("size", SIZES)
async def test_no_page_leaves_before_its_record_survives_the_server(place: Place, size: tuple[int, int]) -> None:
    """PostgreSQL is killed under load, the gateway told to stop: every page that a client saw has its record."""
    clients = await kill_the_server(place, *size)
    sys.stdout.write(
        f"\nserver killed {size[0]} times: {len(clients.seen)} released, {dict(clients.codes)}, 0 missing\n"
    )
    assert set(clients.codes) <= {"audit_unavailable", "consent_unavailable", "policy_unavailable"}
    assert clients.without_retry == 0


@pytest.mark.long
@pytest.mark.parametrize("mutant", ["commit_early", "no_await"])
async def test_the_judge_finds_a_gateway_that_does_not_wait(spoilt: Place, mutant: str) -> None:
    """Commits that answer early, or a page that does not wait for its record: a kill exposes either."""
    with pytest.raises(AssertionError, match=r"== \{\}"):
        await kill_the_server(spoilt, 10, 64, mutant)


async def kill_the_gateway(folder: Path, url: str, size: tuple[int, int], mutant: str = "none") -> Clients:
    """Kill the gateway so many times under load, and assert each time that the promise held."""
    rounds, number = size
    log, chance = WholeLog(folder, url), random.Random(rounds)
    clients = Clients(await asyncio.to_thread(token, folder))
    service = await Service.start(folder, mutant)
    try:
        async with clients.asking(number, service.port):
            for _ in range(rounds):
                await clients.answered(2 * number)
                await asyncio.sleep(chance.uniform(0, 0.1))
                await service.end(signal.SIGKILL)
                assert service.process.returncode == -signal.SIGKILL  # the fault fired
                await holds(log, clients)
                service = await Service.start(folder, mutant)
                clients.port = service.port
                verdict = await log.verdict()
                assert verdict.ok, verdict
    finally:
        await service.end(signal.SIGKILL)
    return clients


@pytest.mark.parametrize("size", SIZES[1:])
@pytest.mark.parametrize("records", ["sqlite", "postgresql"])
async def test_no_page_leaves_before_its_record_survives_the_gateway(
    place: Place, built: Path, tmp_path: Path, records: str, size: tuple[int, int]
) -> None:
    """The gateway is killed under load, also while it writes tiles: what a client saw is on record."""
    folder, url = place.folder, place.server.url()
    if records == "sqlite":
        folder = Path(shutil.copytree(built, tmp_path / "workspace"))
        url = f"sqlite:///{folder}/var/sekisho.db"
    clients = await kill_the_gateway(folder, url, size)
    sys.stdout.write(
        f"\ngateway on {records} killed {size[0]} times: {len(clients.seen)} releases seen, 0 missing" + "\n"
    )


@pytest.mark.long
async def test_the_judge_finds_a_gateway_that_answers_before_the_record(built: Path, tmp_path: Path) -> None:
    """A page that does not wait for its record is exposed by a gateway that is killed."""
    folder = Path(shutil.copytree(built, tmp_path / "workspace"))
    with pytest.raises(AssertionError, match=r"== \{\}"):
        await kill_the_gateway(folder, f"sqlite:///{folder}/var/sekisho.db", (10, 64), "no_await")

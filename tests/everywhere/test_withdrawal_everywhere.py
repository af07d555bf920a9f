"""Withdrawal is immediate on every worker: four processes, PostgreSQL, wrong clocks, a worker that stops (promise 2).

``make withdrawals`` runs the long history; here a shorter one runs, and each mutant that the judge must find.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import create_engine, make_url, text

from sekisho.bootstrap import open_workspace
from sekisho.demo.filling import customer_contacts
from sekisho.demo.workspace import build_workspace
from sekisho.domain.consent import ConsentEventKind
from sekisho.http.services import ConsentDecision
from sekisho.ports import DataSubjectRef
from sekisho.settings import load
from tests.conftest import postgres_server
from tests.everywhere.history import History
from tests.everywhere.run import Line, four_workers, make_history
from tests.everywhere.worker import PURPOSE

pytestmark = [pytest.mark.postgres, pytest.mark.enable_socket]

LONG = "SEKISHO_TEST_WITHDRAWALS" in os.environ
"""Whether the long history was asked for: ``make withdrawals`` sets 10,000 and breaks the program, too."""
WITHDRAWALS = int(os.environ.get("SEKISHO_TEST_WITHDRAWALS", "60"))
READERS = 32 if LONG else 6


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace of 120 customers whose records are in PostgreSQL."""
    server = make_url(postgres_server()).set(drivername="postgresql+psycopg")
    name = f"sekisho_everywhere_{os.getpid()}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    url = server.set(database=name).render_as_string(hide_password=False)
    folder = tmp_path_factory.mktemp("everywhere") / "workspace"
    build_workspace(folder, customers=120, records=url)
    yield folder
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()


def people_of(folder: Path) -> dict[str, int]:
    """Return the customer ids that decide, with their person numbers: both in order of registration."""
    ids, _ = customer_contacts(folder / "stores" / "crm.db")
    return {customer: place + 1 for place, customer in enumerate(ids)}


async def agree(folder: Path) -> None:
    """Let everybody who decides agree, so that a worker that never reads again has somebody to show wrongly."""
    async with open_workspace(folder) as workspace:
        notice = await workspace.notices.in_force(PURPOSE)
        assert notice is not None
        yes = ConsentDecision(PURPOSE, ConsentEventKind.GIVE, {}, str(notice.version), "ja")
        for customer in people_of(folder):
            await workspace.consents.recording.decide(DataSubjectRef("customer_id", customer), [yes])


def run(folder: Path, *, withdrawals: int, mutant: str = "none", stop: bool = True) -> History:
    """Return the history that the workers made, begun with everybody's yes.

    Sockets have short paths, so that every system takes them.
    """

    async def make(scratch: Path) -> History:
        await agree(folder)
        async with four_workers(folder, scratch, mutant) as workers:
            return await make_history(
                workers,
                people_of(folder),
                withdrawals=withdrawals,
                readers=READERS,
                writers=READERS,
                stop_a_worker=stop,
            )

    with TemporaryDirectory(prefix="sekisho-") as scratch:
        return asyncio.run(make(Path(scratch)))


def test_no_worker_shows_anybody_who_has_withdrawn(built: Path) -> None:
    """Withdrawals against readers on four workers leave no page that shows the person and no check that says yes."""
    history = run(built, withdrawals=WITHDRAWALS)
    assert sum(not decision.yes for decision in history.decisions) >= WITHDRAWALS
    assert sum(len(seen.persons) for seen in history.seen) > WITHDRAWALS, "nobody was shown: nothing was tested"
    assert history.violations() == []


@pytest.mark.skipif(not LONG, reason="minutes each: make withdrawals")
@pytest.mark.parametrize("mutant", ["cache", "no_recheck", "no_catch_up", "join_running"])
def test_the_judge_finds_every_mutant(built: Path, mutant: str) -> None:
    """A program that keeps consent for five seconds, never rechecks, never catches up or joins old work is found."""
    for _ in range(4):  # a rare interleaving may need another run
        history = run(built, withdrawals=400, mutant=mutant, stop=False)
        assert any(seen.persons for seen in history.seen), "nobody was shown: nothing was tested"
        if history.violations():
            return
    pytest.fail(f"the mutant {mutant} was not found")


async def named(line: Line) -> set[str]:
    """Return whom a worker shows; what it refused, because the machine was busy elsewhere, is asked again."""
    answer = await line.call("names")
    while "error" in answer:
        answer = await line.call("names")
    return set(answer["names"])


def rotations(folder: Path, mutant: str = "none", times: int = 4) -> list[str]:
    """Return what was wrong when epochs began on one worker after another, while all of them answered."""

    async def make(scratch: Path) -> list[str]:
        await agree(folder)
        async with four_workers(folder, scratch, mutant) as workers, AsyncExitStack() as stack:
            lines = [await stack.enter_async_context(workers.line(n)) for n in range(4)]
            beside = [await stack.enter_async_context(workers.line(n)) for n in range(4)]
            every = [await named(lines[0])]
            wrong: list[str] = []
            seen: list[set[str]] = []
            for turn in range(times):
                readers = [asyncio.create_task(named(line)) for line in beside]
                await lines[turn % 4].call("rotate")
                new = await asyncio.gather(*(named(line) for line in lines))
                if any(names & every[-1] for names in new):
                    wrong.append("a request that started after a rotation gave out the former epoch")
                if any(names != new[turn % 4] for names in new):
                    wrong.append("two workers were in different epochs")
                every.append(new[turn % 4])
                seen += [await reader for reader in readers]
            wrong += ["one answer was of two epochs" for names in seen if names not in every]
            assert all(every), "nobody was shown: nothing was tested"
            return wrong

    with TemporaryDirectory(prefix="sekisho-") as scratch:
        return asyncio.run(make(Path(scratch)))


@pytest.mark.long
def test_every_worker_is_in_a_new_epoch_at_once(built: Path) -> None:
    """An epoch that has begun on one worker holds on all for what starts later, and no answer is of two."""
    assert rotations(built) == []


@pytest.mark.skipif(not LONG, reason="the judge is judged with the withdrawals: make withdrawals")
def test_a_worker_that_learns_late_is_found(built: Path) -> None:
    """A program that looks for epochs once a second is found."""
    assert rotations(built, "old_epoch") != []


def test_the_workspace_is_on_postgresql(built: Path) -> None:
    """The records of this workspace are not in a file."""
    engine = create_engine(load(built).database_url)
    try:
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM consent_event")).scalar_one() > 0
    finally:
        engine.dispose()

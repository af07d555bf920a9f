"""One worker process: opens the workspace and does what the test tells it over a socket, one line each.

Called as ``python -m tests.everywhere.worker FOLDER SOCKET SKEW MUTANT``. SKEW moves this process's wall clock
by so many seconds. MUTANT breaks the program in one of the ways that the history checker must find.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from sekisho import answer
from sekisho.adapters import clock as clock_module
from sekisho.adapters.records import consent_index, database, key_epochs, rounds
from sekisho.bootstrap import Workspace, open_workspace
from sekisho.domain.consent import ConsentEventKind
from sekisho.errors import SekishoError
from sekisho.http.services import ConsentDecision, ConsentQuestion
from sekisho.ports import DataSubjectRef, Ground
from sekisho.release import STALE_SECONDS, Ask

PURPOSE = "micro_segmentation"
SQL = "SELECT customer_id FROM crm.customers"
PAGE_ROWS = 20


class Worker:
    """What the test may ask of this process."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        catalogue = workspace.settings.catalogue
        self._marketer = catalogue.requesters["marketer"]
        self._calls: dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]] = {
            "withdraw": self.withdraw,
            "give": self.give,
            "check": self.check,
            "query": self.query,
            "rotate": self.rotate,
            "names": self.names,
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection, a line for each line."""
        try:
            while line := await reader.readline():
                told = orjson.loads(line)
                try:
                    done = await self._calls[told["call"]](told)
                except SekishoError as refusal:
                    done = {"error": refusal.code}
                writer.write(orjson.dumps(done) + b"\n")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def withdraw(self, told: dict[str, Any]) -> dict[str, Any]:
        """Withdraw as the customer does."""
        await self._workspace.consents.recording.withdraw(_customer(told["person"]), PURPOSE)
        return {}

    async def give(self, told: dict[str, Any]) -> dict[str, Any]:
        """Give consent as the customer does, on the notice in force."""
        notice = await self._workspace.notices.in_force(PURPOSE)
        assert notice is not None
        decision = ConsentDecision(PURPOSE, ConsentEventKind.GIVE, {}, str(notice.version), "ja")
        await self._workspace.consents.recording.decide(_customer(told["person"]), [decision])
        return {}

    async def check(self, told: dict[str, Any]) -> dict[str, Any]:
        """Check one person."""
        question = ConsentQuestion(_customer(told["person"]), PURPOSE)
        asked = time.monotonic()
        (item,) = await self._workspace.consents.reading.check(self._marketer, [question])
        return {"asked": asked, "answered": time.monotonic(), "allowed": item["allowed"]}

    async def query(self, _told: dict[str, Any]) -> dict[str, Any]:
        """Read everybody, page by page, and tell when each page was rechecked and released."""
        asked = time.monotonic()
        release = await self._workspace.gateway.query(self._marketer, Ask(PURPOSE, SQL), page_rows=PAGE_ROWS)
        pages = []
        async for page in release.pages():
            released = time.monotonic()
            if released - page.rechecked > STALE_SECONDS:
                break  # as the web face does: the answer is broken off
            pseudonyms = page.batch.column(0).to_pylist()
            reader = self._workspace.gateway.pseudonymity
            numbers = [reader.number_of(self._marketer, PURPOSE, pseudonym) for pseudonym in pseudonyms]
            pages.append({"persons": numbers, "rechecked": page.rechecked, "released": released})
            await asyncio.sleep(0)
        return {"asked": asked, "pages": pages}

    async def rotate(self, _told: dict[str, Any]) -> dict[str, Any]:
        """Begin an epoch as the privacy officer does."""
        officer = self._workspace.settings.catalogue.requesters["privacy_officer"]
        return {"epoch": (await self._workspace.rotation.rotate(officer)).epoch}

    async def names(self, _told: dict[str, Any]) -> dict[str, Any]:
        """Return the pseudonyms of everybody, page by page."""
        release = await self._workspace.gateway.query(self._marketer, Ask(PURPOSE, SQL), page_rows=PAGE_ROWS)
        names: list[str] = []
        async for page in release.pages():
            names += page.batch.column(0).to_pylist()
            await asyncio.sleep(0)
        return {"names": names}


def _customer(value: str) -> DataSubjectRef:
    return DataSubjectRef("customer_id", value)


# -- the mutants -------------------------------------------------------------------------------------


def _cache_of_five_seconds() -> None:
    """Answer views that are up to five seconds old."""
    fresh = consent_index.ConsentIndex.view
    kept: dict[Any, tuple[float, Any]] = {}

    async def view(self: Any, cells: Any, *, min_seq: int | None = None) -> Any:
        at, held = kept.get(cells, (-9.0, None))
        if time.monotonic() - at > 5:
            held = await fresh(self, cells, min_seq=min_seq)
            kept[cells] = (time.monotonic(), held)
        return held

    consent_index.ConsentIndex.view = view  # type: ignore[method-assign]


def _no_recheck() -> None:
    """Read consent before the data and never again."""
    release = answer.Answer._release

    class Before:
        def __init__(self, view: Any) -> None:
            self._view = view

        async def view(self, _cells: Any) -> Any:
            return self._view

        def ground(self, _view: Any) -> None:
            """No record rests on it either."""

    async def unchecked(self: answer.Answer, *given: Any, **named: Any) -> Any:
        if not isinstance(self.means.consents, Before):
            self.means = replace(self.means, consents=Before(self.view))  # type: ignore[arg-type]
        return await release(self, *given, **named)

    answer.Answer._release = unchecked  # type: ignore[method-assign]


def _no_catch_up() -> None:
    """Read the ledger at the start and never again."""
    refresh = consent_index.ConsentIndex.refresh

    async def once(self: consent_index.ConsentIndex, **patience: Any) -> None:
        if self._state is None:
            await refresh(self, **patience)

    consent_index.ConsentIndex.refresh = once  # type: ignore[method-assign, assignment]


def _join_what_runs() -> None:
    """Share a catch-up that was sent before the call came."""

    async def join(self: rounds.Rounds) -> None:
        if self._running is not None and not self._running.done():
            await asyncio.shield(self._running)
            return
        if self._next is None:
            self._next = asyncio.create_task(self._round(self._running))
        await asyncio.shield(self._next)

    rounds.Rounds.join = join  # type: ignore[method-assign]


def _old_epoch() -> None:
    """Learn of epochs once a second at most."""
    refresh = key_epochs.SqlKeyEpochs.refresh
    at = -9.0

    async def seldom(self: key_epochs.SqlKeyEpochs, ground: Ground | None = None) -> None:
        nonlocal at
        if time.monotonic() - at > 1:
            at = time.monotonic()
            await refresh(self, ground)

    key_epochs.SqlKeyEpochs.refresh = seldom  # type: ignore[method-assign]


# -- the faults that every run has -------------------------------------------------------------------


def _late_answers() -> None:
    """Let one catch-up in twenty arrive up to 0.3 s after the database has answered it, as on a busy network.

    Whoever joins a reading that is under way is answered from before the call; without this the time in which that
    could happen is shorter than a withdrawal takes to be answered, and would never be met.
    """
    peek = database.Database.peek
    chance = random.Random(1)

    async def late(self: database.Database, sql: str, parameters: Sequence[object] = ()) -> list[database.Row]:
        rows = await peek(self, sql, parameters)
        if "news" in sql and chance.random() < 0.05:
            await asyncio.sleep(chance.random() * 0.3)
        return rows

    database.Database.peek = late  # type: ignore[method-assign]


MUTANTS = {
    "cache": _cache_of_five_seconds,
    "no_recheck": _no_recheck,
    "no_catch_up": _no_catch_up,
    "join_running": _join_what_runs,
    "old_epoch": _old_epoch,
}


async def main(folder: Path, socket: Path, skew: float, mutant: str) -> None:
    """Serve until told to end."""
    _late_answers()
    if mutant != "none":
        MUTANTS[mutant]()
    if skew:
        now = clock_module.SystemClock.now

        def moved(self: clock_module.SystemClock) -> datetime:
            return now(self) + timedelta(seconds=skew)

        clock_module.SystemClock.now = moved  # type: ignore[method-assign]
    async with open_workspace(folder) as workspace:
        server = await asyncio.start_unix_server(Worker(workspace).serve, socket)
        async with server:
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until the test closes it


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), sys.argv[4]))

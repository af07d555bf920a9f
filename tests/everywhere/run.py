"""Runs writers, readers and checkers against four worker processes, and returns the history they made."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tests.everywhere.history import Decision, History, Seen

SKEWS = (0.0, 3600.0, -3600.0, 0.0)
"""Seconds by which the wall clock of each worker is wrong."""


@dataclass
class Workers:
    """Four processes and their sockets."""

    processes: list[asyncio.subprocess.Process]
    sockets: list[Path]

    @asynccontextmanager
    async def line(self, worker: int) -> AsyncIterator[Line]:
        """Yield a connection to one worker."""
        reader, writer = await asyncio.open_unix_connection(self.sockets[worker], limit=1 << 24)
        try:
            yield Line(reader, writer)
        finally:
            writer.close()


@dataclass
class Line:
    """One connection: one call at a time."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def call(self, call: str, **told: Any) -> dict[str, Any]:
        """Return what the worker answers."""
        self.writer.write(orjson.dumps({"call": call, **told}) + b"\n")
        await self.writer.drain()
        answer: dict[str, Any] = orjson.loads(await self.reader.readline())
        return answer


@asynccontextmanager
async def four_workers(folder: Path, scratch: Path, mutant: str = "none") -> AsyncIterator[Workers]:
    """Yield four worker processes over one workspace, whose records are in PostgreSQL."""
    sockets = [scratch / f"{number}.sock" for number in range(len(SKEWS))]
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.everywhere.worker", str(folder), str(socket), str(skew), mutant,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )
        for socket, skew in zip(sockets, SKEWS, strict=True)
    ]  # fmt: skip
    try:
        for process in processes:
            assert process.stdout is not None
            ready = await asyncio.wait_for(process.stdout.readline(), 60)
            assert ready == b"ready\n", "a worker did not start"
        yield Workers(processes, sockets)
    finally:
        for process in processes:
            if process.returncode is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            await process.wait()


async def make_history(
    workers: Workers,
    people: dict[str, int],
    *,
    withdrawals: int,
    readers: int = 32,
    writers: int = 8,
    stop_a_worker: bool = True,
    seed: int = 1,
) -> History:
    """Return the history of *withdrawals* by *writers* while *readers* read pages and check.

    ``people`` is the customer id and person number of everybody who decides; each belongs to one writer.
    """
    history = History()
    done = asyncio.Event()
    names = sorted(people)
    each = -(-withdrawals // writers)

    async def write(place: int) -> None:
        chance = random.Random(seed * 1000 + place)
        mine = names[place::writers]
        lines = [await stack(worker) for worker in range(len(SKEWS))]
        for turn in range(each):
            person = mine[turn % len(mine)]
            for call in ("give", "withdraw"):
                line = lines[chance.randrange(len(lines))]
                begun = time.monotonic()
                answer = await line.call(call, person=person)
                # What was not acknowledged may have happened or not: say it again until it is.
                while "error" in answer:
                    answer = await lines[chance.randrange(len(lines))].call(call, person=person)
                history.decisions.append(Decision(people[person], call == "give", begun, time.monotonic()))
            if chance.random() < 0.3:
                line = lines[chance.randrange(len(lines))]
                answer = await line.call("check", person=person)
                if answer.get("allowed"):
                    history.seen.append(
                        Seen((people[person],), answer["asked"], answer["asked"], answer["answered"], "check")
                    )

    async def read(place: int) -> None:
        line = await stack(place % len(SKEWS))
        while not done.is_set():
            answer = await line.call("query")
            for page in answer.get("pages", ()):
                history.seen.append(
                    Seen(tuple(page["persons"]), answer["asked"], page["rechecked"], page["released"])
                )

    async def meddle() -> None:
        while stop_a_worker and not done.is_set():
            for process in workers.processes:
                await asyncio.sleep(0.7)
                if done.is_set():
                    return
                process.send_signal(signal.SIGSTOP)
                try:
                    await asyncio.sleep(2.5)
                finally:
                    process.send_signal(signal.SIGCONT)

    opened: list[asyncio.StreamWriter] = []

    async def stack(worker: int) -> Line:
        reader, writer = await asyncio.open_unix_connection(workers.sockets[worker], limit=1 << 24)
        opened.append(writer)
        return Line(reader, writer)

    try:
        async with asyncio.TaskGroup() as tasks:
            for place in range(readers):
                tasks.create_task(read(place))
            tasks.create_task(meddle())
            await asyncio.gather(*(tasks.create_task(write(place)) for place in range(writers)))
            done.set()
    finally:
        for writer in opened:
            writer.close()
    return history

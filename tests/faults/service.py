"""A gateway in a process of its own, as ``sekisho serve`` starts it, and clients that note what left it.

``python -m tests.faults.service MUTANT serve …`` is the program itself, broken in one of the ways that the tests of
the audit log must find; MUTANT ``none`` breaks nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROFILES = ("recommender", "recommendation", "SELECT customer_id, member_rank FROM crm.customers")
LINES = ("recommender", "recommendation", "SELECT customer_id, stock_code FROM pos.order_lines")
NDJSON = "application/x-ndjson"
READY = "Sekisho is ready on "


@dataclass
class Service:
    """A running gateway."""

    folder: Path
    process: asyncio.subprocess.Process
    port: int

    @classmethod
    async def start(cls, folder: Path, mutant: str = "none") -> Service:
        """Start the gateway of the workspace in *folder*; return once it listens."""
        command = [sys.executable, "-m", "tests.faults.service", mutant, "serve", "-w", str(folder), "--port", "0"]
        with (folder.parent / "service.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=log
            )
        assert process.stdout is not None
        try:
            line = (await asyncio.wait_for(process.stdout.readline(), 240)).decode()
            assert line.startswith(READY), (
                line,
                (folder.parent / "service.log").read_text("utf-8", "replace")[-2000:],
            )
        except BaseException:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        return cls(folder, process, int(line.removeprefix(READY).split(" ")[0].rpartition(":")[2]))

    async def end(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Send a signal; return how many seconds passed until the process was gone."""
        sent = time.monotonic()
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)
        await asyncio.wait_for(self.process.wait(), 120)
        return time.monotonic() - sent

    @property
    def memory(self) -> int:
        """Bytes of its memory that are in use now."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text("ascii").split("\n")
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def token(folder: Path, requester: str = PROFILES[0]) -> str:
    """Return a bearer token for *requester*."""
    command = [sys.executable, "-m", "sekisho", "token", "-w", str(folder), "-r", requester]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@dataclass
class Clients:
    """Clients of a gateway, and what they saw of it: every release that showed them one byte."""

    token: str
    seen: dict[str, int] = field(default_factory=dict)  # release and how many of its rows arrived
    answers: Counter[int | str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    took: list[float] = field(default_factory=list)  # seconds of each answer of 200
    longest_no: float = 0.0  # of each 503
    longest_beat: float = 0.0  # seconds of an answer that waits for nothing but the machine
    without_retry: int = 0
    port: int = 0
    turns: Counter[int] = field(default_factory=Counter)  # answers and ends of connections of each client

    @asynccontextmanager
    async def asking(self, number: int, port: int) -> AsyncIterator[None]:
        """Let *number* clients ask for as long as this is open; :attr:`port` may change meanwhile."""
        self.port, self.turns = port, Counter(dict.fromkeys(range(number), 0))
        tasks = [asyncio.create_task(self._ask_on(place)) for place in range(number)]
        tasks.append(asyncio.create_task(self._beat()))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError):
                    raise outcome

    async def until(self, said: Callable[[], bool], seconds: float = 240) -> None:
        """Wait until the clients have seen something."""
        until = time.monotonic() + seconds
        while not said():
            assert time.monotonic() < until, (self.answers, self.codes)
            await asyncio.sleep(0.002)

    async def answered(self, number: int = 1) -> None:
        """Wait until so many more questions were answered."""
        before = len(self.took)
        await self.until(lambda: len(self.took) >= before + number)

    async def refused(self, number: int = 1) -> None:
        """Wait until so many more questions were refused."""
        before = self.codes.total()
        await self.until(lambda: self.codes.total() >= before + number)

    async def everybody_answered(self) -> None:
        """Wait until every client was answered what it asked after now."""
        turns = dict(self.turns)
        await self.until(lambda: all(self.turns[place] >= turn + 2 for place, turn in turns.items()))

    async def _ask_on(self, place: int) -> None:
        many = place % 8 == 7
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                self.answers["refused"] += 1
                self.turns[place] += 1
                await asyncio.sleep(0.05)
                continue
            try:
                while True:
                    await self.ask(
                        reader, writer, LINES if many else PROFILES, NDJSON if many else "application/json"
                    )
                    self.turns[place] += 1
            except (OSError, asyncio.IncompleteReadError, ValueError):
                self.answers["broken off"] += 1
                self.turns[place] += 1
            finally:
                writer.transport.abort()

    async def _beat(self) -> None:
        """Ask again and again whether the gateway is alive, which rests on nothing else."""
        while True:
            began = time.monotonic()
            with suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                try:
                    writer.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    await reader.readuntil(b"\r\n\r\n")
                    self.longest_beat = max(self.longest_beat, time.monotonic() - began)
                finally:
                    writer.transport.abort()
            await asyncio.sleep(0.05)

    async def ask(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        question: tuple[str, str, str] = PROFILES,
        accept: str = "application/json",
    ) -> int:
        """Ask once and note what arrives, byte by byte as it does; return the status."""
        body = json.dumps({"purpose": question[1], "sql": question[2]}).encode()
        head = (
            f"POST /v1/query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.token}\r\nAccept: {accept}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        began = time.monotonic()
        writer.write(head.encode() + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        release = headers.get("sekisho-release-id")
        if release is not None:
            self.seen[release] = 0
        whole = b""
        if "content-length" in headers:
            whole = await reader.readexactly(int(headers["content-length"]))
        else:
            assert headers["transfer-encoding"] == "chunked"
            while size := int(await reader.readline(), 16):
                whole += await reader.readexactly(size)
                await reader.readline()
                if release is not None:
                    self.seen[release] = whole.count(b"\n") - whole.count(b'{"complete":')
            await reader.readline()
        self.answers[status] += 1
        if status == 200:
            if accept != NDJSON:
                told = json.loads(whole)
                self.seen[told["release"]["id"]] = len(told["rows"])
            self.took.append(time.monotonic() - began)
        else:
            assert release is None
            self._note_refusal(headers, whole, time.monotonic() - began)
            await asyncio.sleep(random.uniform(0.01, 0.05))
        return status

    def _note_refusal(self, headers: dict[str, str], whole: bytes, took: float) -> None:
        code = json.loads(whole)["code"] if "problem+json" in headers.get("content-type", "") else "plain"
        self.codes[code] += 1
        self.longest_no = max(self.longest_no, took)
        self.without_retry += "retry-after" not in headers


# -- the mutants -------------------------------------------------------------------------------------


def _commit_early() -> None:
    """Answer before the commit is on the disk, and look away."""
    from sekisho.adapters.records import audit_sink, patience

    prepared = patience._prepare

    def hurried(connection: Any, record: object) -> None:
        prepared(connection, record)
        connection.execute("SET synchronous_commit = off")
        connection.commit()

    patience._prepare = hurried  # type: ignore[assignment]
    audit_sink.DURABLE = ()  # type: ignore[assignment]


def _no_await() -> None:
    """Release a page when its record is on its way."""
    from sekisho.adapters.records.audit import SqlAuditLog
    from sekisho.ports import AuditEntry, AuditReceipt

    async def hand_over(self: SqlAuditLog, entry: AuditEntry) -> AuditReceipt:
        pending = self._checked(entry)
        assert self._writer is not None
        self._writer.queue.put(pending)
        return AuditReceipt(pending.id, 0, grounded=entry.ground is not None)

    SqlAuditLog.append = hand_over  # type: ignore[method-assign]


def _spill() -> None:
    """Keep in memory what the log does not take, and release all the same."""
    from sekisho.adapters.records.audit import SqlAuditLog
    from sekisho.errors import AuditUnavailable
    from sekisho.ports import AuditEntry, AuditReceipt

    append, kept = SqlAuditLog.append, list[AuditEntry]()

    async def spilling(self: SqlAuditLog, entry: AuditEntry) -> AuditReceipt:
        try:
            return await append(self, entry)
        except AuditUnavailable:
            kept.append(entry)
            return AuditReceipt(entry.id or "", 0, grounded=entry.ground is not None)

    SqlAuditLog.append = spilling  # type: ignore[method-assign]


MUTANTS = {"commit_early": _commit_early, "no_await": _no_await, "spill": _spill}


def main(mutant: str, arguments: list[str]) -> None:
    """Run the program, with one of its promises broken."""
    if mutant != "none":
        MUTANTS[mutant]()
    from sekisho.cli import main as program

    sys.argv = ["sekisho", *arguments]
    program()


if __name__ == "__main__":
    os.environ.pop("CI", None)
    main(sys.argv[1], sys.argv[2:])

"""A client that costs little: ``python -m tests.benchmarks.audit.load FILE``, a process of its own.

FILE is JSON: ports, token, bodies, connections, seconds, and a file for the ids of the releases that were answered,
or null. Each connection asks its next question when the answer to the one before is there. Prints JSON: answers a
second by status, seconds of the processor, and the p50 and p99 of the waits in milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import uvloop

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_RELEASE = re.compile(rb'"release": *\{"id": *"([^"]+)"')
_PATIENCE_S = 30.0


@dataclass(frozen=True)
class Told:
    """What a load found."""

    rates: dict[str, float]
    cpu: float
    p50: float
    p99: float
    seconds: float

    @property
    def answered(self) -> float:
        """Answers with 200 a second."""
        return self.rates.get("200", 0.0)


def run(
    ports: Sequence[int], token: str, bodies: Sequence[object], *, connections: int, seconds: float,
    ids: Path | None = None,
) -> Told:  # fmt: skip
    """Put the load on the servers at *ports* in a process of its own, and return what it found."""
    asked = {
        "ports": list(ports), "token": token, "bodies": list(bodies), "connections": connections,
        "seconds": seconds, "ids": None if ids is None else str(ids),
    }  # fmt: skip
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(asked, file)
        file.flush()
        command = [sys.executable, "-m", "tests.benchmarks.audit.load", file.name]
        return Told(**json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


class _Asking(asyncio.Protocol):
    """One connection."""

    def __init__(self, load: _Load, place: int) -> None:
        self._load, self._place = load, place
        self._buffer = b""
        self._whole = 0  # bytes of the answer under way, once known
        self._at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._ask()

    def _ask(self) -> None:
        load = self._load
        self._at = time.perf_counter()
        if self._transport is None or self._transport.is_closing():
            return
        if self._at >= load.end:
            self._transport.close()
            return
        self._transport.write(load.requests[self._place % len(load.requests)])
        self._place += 1

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        if not self._whole:
            head = buffer.find(b"\r\n\r\n")
            if head < 0:
                self._buffer = buffer
                return
            length = _LENGTH.search(buffer, 0, head)
            self._whole = head + 4 + (0 if length is None else int(length[1]))
        if len(buffer) < self._whole:
            self._buffer = buffer
            return
        load = self._load
        load.statuses[buffer[9:12]] += 1
        load.waits.append(time.perf_counter() - self._at)
        if load.ids is not None and buffer[9:12] == b"200":
            found = _RELEASE.search(buffer)
            load.ids.append(b"none" if found is None else found[1])
        self._buffer, self._whole = b"", 0
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.lost(self._place)


class _Load:
    def __init__(self, asked: dict[str, object]) -> None:
        self._asked = asked
        self.statuses: Counter[bytes] = Counter()
        self.waits: list[float] = []
        self.ids: list[bytes] | None = None if asked["ids"] is None else []
        self.end = 0.0
        head = (
            "POST /v1/query HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {asked['token']}\r\nContent-Length: "
        )
        texts = [json.dumps(body) for body in asked["bodies"]]  # type: ignore[attr-defined]
        self.requests = [f"{head}{len(text.encode())}\r\n\r\n{text}".encode() for text in texts]
        self._open = 0
        self._done = asyncio.Event()

    async def run(self) -> Told:
        connections, seconds = int(str(self._asked["connections"])), float(str(self._asked["seconds"]))
        cpu, begun = time.process_time(), time.perf_counter()
        self.end = begun + seconds
        await asyncio.gather(*(self._connect(place) for place in range(connections)))
        try:
            await asyncio.wait_for(self._done.wait(), seconds + _PATIENCE_S)
        except TimeoutError:
            self.statuses[b"unanswered"] += self._open
        took = time.perf_counter() - begun
        waits = sorted(self.waits) or [0.0]
        rates = {status.decode(): count / took for status, count in self.statuses.items()}
        at = len(waits)
        return Told(
            rates, time.process_time() - cpu, waits[at // 2] * 1e3, waits[min(at - 1, at * 99 // 100)] * 1e3, took
        )

    async def _connect(self, place: int) -> None:
        ports: list[int] = self._asked["ports"]  # type: ignore[assignment]
        self._open += 1
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: _Asking(self, place * 37), "127.0.0.1", ports[place % len(ports)]
            )
        except OSError:
            self.statuses[b"refused"] += 1
            self.lost(place)

    def lost(self, place: int) -> None:
        """Take note that a connection ended; one that a server closed is opened again."""
        self._open -= 1
        if time.perf_counter() < self.end:
            asyncio.get_running_loop().call_later(0.02, lambda: asyncio.ensure_future(self._connect(place)))
        elif self._open <= 0:
            self._done.set()


if __name__ == "__main__":
    with Path(sys.argv[1]).open("rb") as given:
        made = json.load(given)

    async def _main() -> tuple[Told, list[bytes]]:
        under_way = _Load(made)
        return await under_way.run(), under_way.ids or []

    result, answered = uvloop.run(_main())
    if made["ids"] is not None:
        Path(made["ids"]).write_bytes(b"\n".join(answered))
    sys.stdout.write(json.dumps(asdict(result)) + "\n")

"""Throughput under 64 clients that ask small and middling questions.

``python -m tests.benchmarks.stores.mixed PORT SECONDS FILE`` is the load: a process of its own, raw sockets,
so that the client costs little. FILE holds a token and the bodies; it prints how many answers came a second.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.cases import Row
from tests.benchmarks.client import Server
from tests.benchmarks.stores.reads import HUNDRED, POINT, SELECTIVE, period
from tests.benchmarks.stores.servers import Body, Servers, question, table

CLIENTS = 64
_SECONDS = 8.0
_TURNS = 5
_KEYS = 500


def mixed(both: Servers) -> Iterator[Row]:
    """Compare what both answer a second: small reads most of all, and some aggregates."""
    keys = question(f"SELECT customer_id FROM shop.customers WHERE points < 2500 LIMIT {_KEYS}")
    loads = []
    for server in (both.governed, both.plain):
        people = [row.as_py() for row in table(server, keys)[0]]
        loads.append((server, _bodies(people)))
    with tempfile.TemporaryDirectory() as folder:
        commands = []
        for place, (server, bodies) in enumerate(loads):
            file = Path(folder) / f"{place}.json"
            file.write_text(json.dumps([server.token, bodies]), encoding="utf-8")
            commands.append((server, file))
        for server, file in commands:
            _load(server, file, 2.0)
        rates = [[_load(server, file, _SECONDS) for server, file in commands] for _ in range(_TURNS)]
    rates.sort(key=lambda pair: pair[0] / pair[1])
    ours, theirs = rates[len(rates) // 2]
    ratio = ours / theirs
    note = "70 % point reads, 25 % about 100 rows, 5 % selective aggregates"
    yield Row(
        f"{CLIENTS} clients, mixed, throughput", ours, theirs, ratio, "≥ 0.6", ratio >= 0.6, unit="/s", note=note
    )


def _bodies(people: list[object]) -> list[Body]:
    chance = random.Random(7)
    bodies = []
    for number in range(2_000):
        place = number % 20
        if place == 0:
            bodies.append(question(SELECTIVE, *period(0.01)))
        elif place <= 5:
            bodies.append(question(HUNDRED, f"2000-{1 + chance.randrange(12):02}-{1 + chance.randrange(28):02}"))
        else:
            bodies.append(question(POINT, chance.choice(people)))
    chance.shuffle(bodies)
    return bodies


def _load(server: Server, file: Path, seconds: float) -> float:
    command = [sys.executable, "-m", "tests.benchmarks.stores.mixed", str(server.connection.port)]
    command += [str(seconds), str(file)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


async def load(port: int, token: str, seconds: float, bodies: list[Body]) -> float:
    """Return how many answers a second came for :data:`CLIENTS` connections."""
    head = (
        f"POST /v1/query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    )
    requests = []
    for body in bodies:
        text = json.dumps(body).encode()
        requests.append(f"{head}Content-Length: {len(text)}\r\n\r\n".encode() + text)
    done, begun = 0, time.monotonic()
    end = begun + seconds

    async def ask(client: int) -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        place = client * len(requests) // CLIENTS
        while time.monotonic() < end:
            writer.write(requests[place % len(requests)])
            place += 1
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(answer.split(b"\r\n", 1)[0].decode())
            lines = answer.lower().split(b"\r\n")
            length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length"))
            await reader.readexactly(length)
            done += 1
        writer.close()

    await asyncio.gather(*(ask(client) for client in range(CLIENTS)))
    return done / (time.monotonic() - begun)


if __name__ == "__main__":
    given, asked = json.loads(Path(sys.argv[3]).read_text(encoding="utf-8"))
    sys.stdout.write(f"{asyncio.run(load(int(sys.argv[1]), given, float(sys.argv[2]), asked))}\n")

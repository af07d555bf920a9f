"""A small keep-alive client: the time it measures is the server's and the wire's, as little as possible its own."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from sekisho.http.allocators import ALLOCATORS


@dataclass
class Server:
    """One server process and a connection to it."""

    process: subprocess.Popen[bytes]
    connection: http.client.HTTPConnection
    token: str

    def ask(self, body: dict[str, object], accept: str = "application/json") -> tuple[float, bytes]:
        """Return the seconds that one query took and its answer."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": accept, "Content-Type": "application/json"}
        text = json.dumps(body)
        start = time.perf_counter()
        self.connection.request("POST", "/v1/query", text, headers)
        response = self.connection.getresponse()
        answer = response.read()
        taken = time.perf_counter() - start
        if response.status != 200:
            raise RuntimeError(f"{response.status}: {answer[:500]!r}")
        return taken, answer

    def stop(self) -> None:
        """End the process."""
        self.connection.close()
        self.process.terminate()
        self.process.wait(timeout=30)


def start(workspace: Path, port: int, mode: str, requester: str) -> Server:
    """Start a server process and wait until it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.server", str(workspace), str(port), mode],
        env=os.environ | ALLOCATORS,  # as `sekisho serve` does
    )
    token = subprocess.run(
        [sys.executable, "-m", "sekisho", "token", "--workspace", str(workspace), "--requester", requester],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    for _ in range(600):
        try:
            connection.request("GET", "/health/ready")
            response = connection.getresponse()
            response.read()
            if response.status == 200:
                return Server(process, connection, token)
        except OSError:
            pass
        connection.close()
        time.sleep(0.1)
    raise RuntimeError("the server did not start")

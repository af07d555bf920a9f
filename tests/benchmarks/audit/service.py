"""A workspace whose own records are in PostgreSQL, a witness of its log, and processes that serve it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg

from sekisho.adapters.keyring import FileKeyRing
from sekisho.demo.workspace import build_workspace
from sekisho.settings import FILE_NAME
from tests.benchmarks.audit.place import connect, drop, make
from tests.benchmarks.client import Server, start
from tests.benchmarks.stores.servers import free_port

_NAME = "service"
_REQUESTER = "recommender"
_READY_S = 60.0
POINT = (
    "SELECT customer_id, member_rank, prefecture, birth_date, signed_up_on FROM crm.customers WHERE customer_id = ?"
)


@dataclass(frozen=True)
class Service:
    """The workspace and its records."""

    folder: Path
    token: str

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """Return a connection to the own records."""
        return connect(_NAME)

    def releases(self) -> int:
        """Return how many releases the log holds."""
        with self.connect() as connection:
            row = connection.execute("SELECT count(*) FROM audit_record WHERE kind = 'access.release'").fetchone()
        assert row is not None
        return int(str(row[0]))

    @contextmanager
    def processes(self, mode: str, count: int) -> Iterator[list[Server]]:
        """Yield *count* processes, governed or not, each on a port of its own."""
        servers: list[Server] = []
        try:
            servers.extend(start(self.folder, free_port(), mode, _REQUESTER) for _ in range(count))
            yield servers
        finally:
            for server in servers:
                server.stop()

    @contextmanager
    def served(self, workers: int) -> Iterator[tuple[int, subprocess.Popen[str]]]:
        """Yield the port and the first process of the product's own command with *workers*."""
        command = [sys.executable, "-m", "sekisho", "serve", "--workspace", str(self.folder), "--port", "0"]
        with subprocess.Popen(
            [*command, "--workers", str(workers)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            try:
                assert process.stdout is not None
                line = process.stdout.readline()
                port = int(line.split("http://127.0.0.1:")[1].split()[0])
                until = time.monotonic() + _READY_S
                while httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code != 200:
                    if time.monotonic() > until:
                        raise RuntimeError("the service is not ready")
                    time.sleep(0.1)
                yield port, process
            finally:
                process.terminate()
                process.wait(timeout=30)

    def bodies(self, server: Server) -> list[object]:
        """Return questions for one person each, as *server* knows them."""
        keys = {"purpose": "recommendation", "sql": "SELECT customer_id FROM crm.customers LIMIT 200"}
        rows = httpx.post(
            f"http://127.0.0.1:{server.connection.port}/v1/query",
            json=keys, headers={"Authorization": f"Bearer {server.token}"}, timeout=60,
        ).json()["rows"]  # fmt: skip
        people = [next(iter(row.values())) if isinstance(row, dict) else row[0] for row in rows]
        return [{"purpose": "recommendation", "sql": POINT, "parameters": [person]} for person in people]


@contextmanager
def service(*, witnessed: bool = False) -> Iterator[Service]:
    """Yield a workspace, with a running witness that its file names when *witnessed*; all is gone afterwards."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "workspace"
        try:
            build_workspace(folder, customers=500, records=make(_NAME))
            token = subprocess.run(
                [sys.executable, "-m", "sekisho", "token", "--workspace", str(folder), "--requester", _REQUESTER],
                check=True, capture_output=True, text=True,
            ).stdout.strip()  # fmt: skip
            made = Service(folder, token)
            if not witnessed:
                yield made
                return
            with _witness(Path(temporary) / "witness", folder):
                yield made
        finally:
            drop(_NAME)


@contextmanager
def _witness(own: Path, folder: Path) -> Iterator[None]:
    """Run a witness of the workspace's log, and name it in the workspace's file."""
    vkey = FileKeyRing(folder / "var" / "keys").verification_key()
    with subprocess.Popen(
        [sys.executable, "-m", "sekisho", "audit", "witness", "--folder", str(own), "--port", "0", "--log", vkey,
         "--name", "bench.example/witness"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            url = process.stdout.readline().split()[-1]
            key = process.stderr.readline().rsplit(" ", 1)[1].strip()
            file = folder / FILE_NAME
            text = file.read_text(encoding="utf-8")
            named = f'audit:\n  witnesses: {{bench: {{url: "{url}", key: "{key}"}}}}\n'
            changed = text.replace("\naudit:\n", f"\n{named}", 1)
            if changed == text:
                raise RuntimeError("the workspace's file has no section `audit` to name the witness in")
            file.write_text(changed, encoding="utf-8")
            yield
        finally:
            process.kill()

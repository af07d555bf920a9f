"""A PostgreSQL server that is killed, stopped and started again, with all its processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from tests.adapters.stores.cluster import Cluster, _run, cluster

NAME = "sekisho_faults"


@dataclass(frozen=True)
class OwnServer:
    """A server for the gateway's own records alone, over loopback."""

    made: Cluster

    @property
    def data(self) -> Path:
        """The folder of its data."""
        return self.made.folder / "data"

    def url(self, port: int | None = None) -> str:
        """The records' database, over loopback; *port* is that of a proxy."""
        return f"postgresql://admin@127.0.0.1:{port or self.made.port}/{NAME}"

    @property
    def local_url(self) -> str:
        """The records' database over a socket: the way around every proxy."""
        return f"postgresql://admin@/{NAME}?host={self.made.folder}&port={self.made.port}"

    def processes(self) -> list[int]:
        """The numbers of the server's processes, its first one first."""
        first = int((self.data / "postmaster.pid").read_text("ascii").split("\n")[0])
        return [first, *(pid for pid in _pids() if _parent(pid) == first)]

    def kill(self) -> list[int]:
        """End every process with SIGKILL; return how many there were, once none is left."""
        pids = self.processes()
        _send(pids, signal.SIGKILL)
        for _ in range(2_000):
            if not any(_alive(pid) for pid in pids):
                # Nobody may have asked after the first one's end yet: its number is taken until then.
                for lock in (self.data / "postmaster.pid", *self.made.folder.glob(".s.PGSQL.*.lock")):
                    lock.unlink(missing_ok=True)
                return pids
            time.sleep(0.005)
        raise AssertionError("a process of the server survived SIGKILL")

    def stop(self) -> list[int]:
        """Stop every process where it is, with SIGSTOP; return their numbers."""
        pids = self.processes()
        _send(pids, signal.SIGSTOP)
        return pids

    def go_on(self) -> None:
        """Let stopped processes run again."""
        _send(self.processes(), signal.SIGCONT)

    def start(self) -> None:
        """Start the server; return when it answers."""
        _run(f"{self.made.binaries}/pg_ctl -D {self.data} -l {self.made.folder}/log -w start")

    def run(self, statement: str, database: str = NAME) -> list[tuple[object, ...]]:
        """Run one statement past everybody; return its rows."""
        server = f"host={self.made.folder} port={self.made.port} user=admin dbname={database}"
        with psycopg.connect(server, autocommit=True) as connection:
            found = connection.execute(statement.encode())
            return found.fetchall() if found.description else []


@contextmanager
def own_server() -> Iterator[OwnServer]:
    """A new server with an empty database."""
    with cluster() as made:
        hba = made.folder / "data" / "pg_hba.conf"
        hba.write_text("local all all trust\nhost all all 127.0.0.1/32 trust\n", "ascii")
        made.run(f"CREATE DATABASE {NAME}", "SELECT pg_reload_conf()")
        server = OwnServer(made)
        try:
            yield server
        finally:
            with suppress(OSError, ValueError):
                _send(server.processes(), signal.SIGCONT)  # or it could not be ended


def _send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return []


def _parent(pid: int) -> int | None:
    return int(found[1]) if (found := _stat(pid)) else None


def _alive(pid: int) -> bool:
    return bool(found := _stat(pid)) and found[0] != "Z"

"""What leaves over HTTP: audited answers against ungoverned ones, checkpoint lag, and memory under too much load."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from sekisho.domain.checkpoint import parse_checkpoint
from sekisho.domain.note import parse_note
from tests.benchmarks.audit import load
from tests.benchmarks.audit.service import Service, service
from tests.benchmarks.consent.rows import Row, Tell

WORKERS = 2
_RATE = 1_000
_CONNECTIONS = 256
_BEST = 64  # connections that the overload is counted in
_SECONDS = 5.0
_TURNS = 3
_LAG = 10.0
_OVERLOAD_S = float(os.environ.get("SEKISHO_BENCH_OVERLOAD_SECONDS", "40"))
_TIMES = 10
_GROWTH = 1.05  # of resident memory from the second quarter of the time to the last


def measure(tell: Tell, *, keep: bool) -> None:
    """Measure one row a page, every answer audited, in turns with the same without governance."""
    del keep
    with service() as made, made.processes("governed", WORKERS) as ours, made.processes("ungoverned", WORKERS) as raw:
        loads = [([server.connection.port for server in servers], made.bodies(servers[0])) for servers in (ours, raw)]
        for ports, bodies in loads:
            load.run(ports, made.token, bodies, connections=_CONNECTIONS, seconds=2.0)
        before = made.releases()
        told = [
            [
                load.run(ports, made.token, bodies, connections=_CONNECTIONS, seconds=_SECONDS)
                for ports, bodies in loads
            ]
            for _ in range(_TURNS)
        ]
        recorded = made.releases() - before
    answered = sum(round(governed.rates.get("200", 0) * governed.seconds) for governed, _ in told)
    told.sort(key=lambda pair: pair[0].answered / pair[1].answered)
    governed, without = told[_TURNS // 2]
    if set(governed.rates) != {"200"} or set(without.rates) != {"200"}:
        raise RuntimeError(f"not every question was answered: {governed.rates}, {without.rates}")
    tell(
        Row(
            f"over HTTP, one row a page, {_CONNECTIONS} connections",
            f"{governed.answered:,.0f} /s (p99 {governed.p99:.0f} ms)", f"≥ {_RATE:,} /s", governed.answered >= _RATE,
        )
    )  # fmt: skip
    share = governed.answered / without.answered
    tell(Row("  of governance off", f"{share:.2f} of {without.answered:,.0f} /s"))
    tell(Row("  the client's share of a core", f"{governed.cpu / governed.seconds:.2f}"))
    tell(Row("  answers, and their records", f"{answered:,} and {recorded:,}", "all", recorded >= answered))


def lag(tell: Tell, *, keep: bool) -> None:
    """Measure how long a durable record waits for a checkpoint that a witness signed."""
    del keep
    with service(witnessed=True) as made, made.served(WORKERS) as _:
        tree = made.folder / "var" / "audit" / "tree" / "witnessed"
        until = time.monotonic() + 30
        while not tree.exists():
            if time.monotonic() > until:
                raise RuntimeError("no witness signs")
            time.sleep(0.1)
        waits = _lags(made, tree, 30.0)
    worst = max(waits)
    tell(
        Row(
            "from durable to witnessed, longest", f"{worst:.1f} s (median {statistics.median(waits):.1f})",
            f"≤ {_LAG:.0f} s", worst <= _LAG,
        )
    )  # fmt: skip


def _lags(made: Service, witnessed: Path, seconds: float) -> list[float]:
    """Return the seconds that each of many records waited, new ones coming all the time."""
    waiting: list[tuple[int, float]] = []
    lags: list[float] = []
    end = time.monotonic() + seconds
    asking = threading.Thread(target=_ask, args=(made, end))
    asking.start()
    with made.connect() as connection:
        while (now := time.monotonic()) < end + 2 * _LAG and (now < end or waiting):
            size = parse_checkpoint(parse_note(witnessed.read_text("utf-8")).text).size
            lags += [now - since for seq, since in waiting if seq <= size]
            waiting = [(seq, since) for seq, since in waiting if seq > size]
            if now < end:
                row = connection.execute("SELECT value FROM ledger_counter WHERE name = 'audit'").fetchone()
                assert row is not None
                if not waiting or waiting[-1][0] < int(str(row[0])):
                    waiting.append((int(str(row[0])), now))
            time.sleep(0.05)
    asking.join()
    return [*lags, *(float("inf") for _ in waiting)]


def _ask(made: Service, end: float) -> None:
    """Have records written, some a second."""
    with made.processes("governed", 1) as (server,):
        bodies = made.bodies(server)
        load.run(
            [server.connection.port], made.token, bodies, connections=4, seconds=max(1.0, end - time.monotonic() - 1)
        )


def overload(tell: Tell, *, keep: bool) -> None:
    """Put ten times the connections on the service that it answers best, and look at its memory and its records."""
    del keep
    with service() as made, made.served(WORKERS) as (port, process), tempfile.TemporaryDirectory() as folder:
        with made.processes("governed", 1) as (server,):
            bodies = made.bodies(server)
        ids = Path(folder) / "ids"
        load.run([port], made.token, bodies, connections=_BEST, seconds=4.0)
        samples: list[float] = []
        stop = threading.Event()
        watching = threading.Thread(target=_watch, args=(process, samples, stop))
        watching.start()
        told = load.run([port], made.token, bodies, connections=_TIMES * _BEST, seconds=_OVERLOAD_S, ids=ids)
        stop.set()
        watching.join()
        answered = {line for line in ids.read_bytes().split(b"\n") if line}
        with made.connect() as connection:
            found = connection.execute(
                "SELECT count(*) FROM audit_record WHERE kind = 'access.release' AND id = ANY(%s)",
                ([one.decode() for one in answered],),
            ).fetchone()
        assert found is not None
        recorded = int(str(found[0]))
    quarter = len(samples) // 4
    early, late = statistics.mean(samples[quarter : 2 * quarter]), statistics.mean(samples[-quarter:])
    others = ", ".join(f"{status}: {rate:,.0f} /s" for status, rate in sorted(told.rates.items()))
    tell(
        Row(
            f"memory of {WORKERS} workers under {_TIMES} times the load",
            f"{early:.0f} MB, then {late:.0f} MB, most {max(samples):.0f}", "flat", late <= early * _GROWTH,
        )
    )  # fmt: skip
    tell(
        Row(
            f"  answered, and recorded ({others})", f"{len(answered):,} and {recorded:,}", "all",
            recorded == len(answered) > 0,
        )
    )  # fmt: skip


def _watch(process: subprocess.Popen[str], samples: list[float], stop: threading.Event) -> None:
    """Sample the resident memory of the workers, in MB, five times a second."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    while not stop.wait(0.2):
        pages = sum(int(Path(f"/proc/{child}/statm").read_text().split()[1]) for child in children)
        samples.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)

"""``python -m tests.benchmarks.export``: the gateway's memory while ten million rows leave it.

Takes the demonstration at scale 1, writes its order lines twenty times into one file, and asks a server for all of
them, in each form that streams or is spooled. What is read is the resident memory of the server's process.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from tests.benchmarks.__main__ import EXPORT_KEYED, EXPORT_PLAIN, ROOT, workspace
from tests.benchmarks.client import Server, start

FORMS = {
    "Arrow": "application/vnd.apache.arrow.stream",
    "NDJSON": "application/x-ndjson",
    "CSV": "text/csv",
    "Parquet": "application/vnd.apache.parquet",
}
TIMES = 20
AT_MOST = 300  # MB


def grown() -> Path:
    """Return a workspace whose order lines are there twenty times."""
    folder = ROOT / "export"
    if not folder.exists():
        shutil.copytree(workspace(1), folder)
        lines = folder / "stores" / "pos" / "order_lines.parquet"
        whole = lines.with_suffix(".part")
        duckdb.sql(f"COPY (SELECT l.* FROM read_parquet('{lines}') l, range({TIMES})) TO '{whole}' (FORMAT parquet)")
        whole.replace(lines)
    return folder


def resident(server: Server) -> int:
    """Return the server's resident memory in MB."""
    for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) >> 10
    raise RuntimeError("the server has ended")


def exported(server: Server, sql: str, accept: str) -> tuple[float, list[int], float]:
    """Return how many MB came, the server's memory while they came, and the seconds they took."""
    body = {"purpose": "recommendation", "sql": sql, "parameters": ["2100-01-01"]}
    headers = {"Authorization": f"Bearer {server.token}", "Accept": accept, "Content-Type": "application/json"}
    seen, done = [resident(server)], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            seen.append(resident(server))

    watching = threading.Thread(target=watch)
    watching.start()
    began, came = time.perf_counter(), 0
    try:
        server.connection.request("POST", "/v1/query", json.dumps(body), headers)
        response = server.connection.getresponse()
        while piece := response.read(1 << 20):
            came += len(piece)
    finally:
        done.set()
        watching.join()
    if response.status != 200:
        raise RuntimeError(str(response.status))
    return came / 1e6, seen, time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    table = Table(title="Memory of the gateway's process during an export of the order lines, MB")
    for heading in ("form", "keys", "MB sent", "s", "idle", "at half", "at the end", "highest", f"≤ {AT_MOST}"):
        table.add_column(heading)
    for form, accept in FORMS.items():
        for keys, sql in (("none", EXPORT_PLAIN), ("two", EXPORT_KEYED)):
            server = start(grown(), 8803, "governed", "recommender")
            try:
                sent, seen, seconds = exported(server, sql, accept)
            finally:
                server.stop()
            told = (sent, seconds, seen[0], seen[len(seen) // 2], seen[-1], max(seen))
            table.add_row(form, keys, *(f"{value:,.0f}" for value in told), "yes" if max(seen) <= AT_MOST else "no")
    Console(width=118).print(table)


if __name__ == "__main__":
    main()

"""Answers of a million rows and of ten million, and the gateway's memory meanwhile."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.benchmarks.cases import Row, in_turns
from tests.benchmarks.client import Server
from tests.benchmarks.stores.place import ROWS
from tests.benchmarks.stores.reads import at
from tests.benchmarks.stores.servers import ARROW, NDJSON, Body, Servers, question, read_through, seconds, table

KEYED = "SELECT customer_id, invoice, stock_code, quantity, unit_price, ordered_at, country FROM {}"
PLAIN = "SELECT stock_code, description, quantity, unit_price, ordered_at, country FROM {}"
_STORES = {"PostgreSQL": "shop.order_lines", "Parquet": "files.order_lines"}
_EVERY_S = 0.05
_CHUNK = 1 << 18
_FLAT_MB = 30  # by which the last quarter may lie above the first: pools grow, and pages differ in size


def arrow(both: Servers) -> Iterator[Row]:
    """Send a tenth of the rows that are there as Arrow, with two keyed columns and with none."""
    wanted = ROWS // 10
    for store, name in _STORES.items():
        for columns, statement, target in (("two pseudonym columns", KEYED, 1.3), ("none", PLAIN, 1.1)):
            sql = statement.format(name)
            ours = question(sql) | {"max_rows": wanted}
            ours["sql"] = f"{sql} WHERE ordered_at < ?"
            ours["parameters"] = [_until(wanted)]
            released = table(both.governed, ours).num_rows
            theirs = ours | {"sql": f"{ours['sql']} LIMIT {released}"}
            used: tuple[list[float], list[float]] = ([], [])
            pair = in_turns(
                partial(_asked, both.governed, ours, used[0]), partial(_asked, both.plain, theirs, used[1]), 7, 1
            )
            governed, plain = (statistics.median(each[1:]) for each in used)
            note = f"processor {governed:.2f} s, {plain:.2f} without"
            yield pair.row(f"{released:,} rows to Arrow over HTTP, {columns}, {store}", target, note)


def _asked(server: Server, body: Body, used: list[float]) -> float:
    """Return the seconds that one query took, and add to *used* those of the server's processor."""
    before = processor(server)
    taken = seconds(server, body, ARROW)
    used.append(processor(server) - before)
    return taken


def processor(server: Server) -> float:
    """Return the seconds of the processor that *server* has used."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _until(released: int) -> str:
    """Return the instant before which so many lines of people who agree lie."""
    return at(int(released / 0.75) * 10)


def export(both: Servers) -> Iterator[Row]:
    """Send all rows, and look at the process that sends them."""
    for store, name in _STORES.items():
        for form, accept in (("Arrow", ARROW), ("NDJSON", NDJSON)):
            for columns, statement in (("no keys", PLAIN), ("two keys", KEYED)):
                body = question(statement.format(name))
                yield _exported(both.governed, f"{store}, {form}, {columns}", body, accept)


def _exported(server: Server, measure: str, body: Body, accept: str) -> Row:
    samples: list[tuple[float, float]] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_EVERY_S):
            samples.append((memory(server), memory(server, "RssAnon")))

    before = memory(server)
    watching = threading.Thread(target=look)
    begun = time.perf_counter()
    watching.start()
    size, tail, whole = 0, b"", False
    try:
        response = read_through(server, body, accept)
        while chunk := response.read(_CHUNK):
            size += len(chunk)
            whole = whole or b"complete" in tail + chunk  # only the end of an answer says so
            tail = chunk[-8:]
    finally:
        ended.set()
        watching.join()
    taken = time.perf_counter() - begun
    if not whole:
        raise RuntimeError("the answer broke off")
    most, own = (max(values) for values in zip(*samples, strict=True))
    quarter = len(samples) // 4 or 1
    first, last = (max(value for value, _ in part) for part in (samples[:quarter], samples[-quarter:]))
    grown = last - first
    note = (
        f"{own:.0f} MB of its own, {before:.0f} MB before, {grown:+.0f} MB from first to last quarter,"
        f" {size / 1e6:,.0f} MB in {taken:.0f} s"
    )
    met = most <= 300 and grown <= _FLAT_MB
    return Row(
        f"export of {ROWS:,} rows, memory: {measure}", most, None, None, "≤ 300, flat", met, unit="MB", note=note
    )


def memory(server: Server, what: str = "VmRSS") -> float:
    """Return the resident memory of *server* in MB; as ``RssAnon`` without pages of files, which can be dropped."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:")) / 1024

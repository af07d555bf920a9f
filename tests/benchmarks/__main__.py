"""``python -m tests.benchmarks [--quick] [--only NAME]``: build what is needed, measure, print one table."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import io
import platform
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
from rich.console import Console

from tests.benchmarks import inside
from tests.benchmarks.cases import Row, as_table, in_turns
from tests.benchmarks.client import Server, start

ROOT = Path("var/bench")
ARROW = "application/vnd.apache.arrow.stream"
POINT = (
    "SELECT customer_id, member_rank, prefecture, birth_date, signed_up_on FROM crm.customers WHERE customer_id = ?"
)
HUNDRED = (
    "SELECT customer_id, member_rank, prefecture, birth_date, signed_up_on FROM crm.customers WHERE prefecture = ?"
)
AGGREGATE = (
    "SELECT country, count(*) AS n, sum(quantity) AS items FROM pos.order_lines GROUP BY country ORDER BY n DESC"
)
EXPORT_KEYED = (
    "SELECT customer_id, invoice, stock_code, quantity, invoiced_at, unit_price, country FROM pos.order_lines"
    " WHERE invoiced_at < ?"
)
EXPORT_PLAIN = (
    "SELECT stock_code, description, quantity, invoiced_at, unit_price, country FROM pos.order_lines"
    " WHERE invoiced_at < ?"
)
DAYS = "SELECT date_trunc('day', invoiced_at) AS day, count(*) AS n FROM pos.order_lines GROUP BY 1 ORDER BY 1"
PREFECTURES = "SELECT prefecture, count(*) AS n FROM crm.customers GROUP BY prefecture"


def workspace(scale: int) -> Path:
    """Return a demonstration workspace of *scale*, built when it is missing."""
    folder = ROOT / f"scale-{scale}"
    subprocess.run(
        [sys.executable, "-m", "sekisho", "demo", "--workspace", str(folder), "--scale", str(scale), "--build-only"],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return folder


def files_digest(folder: Path) -> str:
    """Return one SHA-256 over the store's files: governance leaves them as they are."""
    digest = hashlib.sha256()
    for path in sorted((folder / "stores" / "pos").glob("*.parquet")):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def forget_copies(folder: Path) -> None:
    """Remove the copies that ``sekisho stores sync`` made, so that the files are read."""
    shutil.rmtree(folder / "var" / "colocated", ignore_errors=True)


def question(sql: str, *parameters: object) -> dict[str, object]:
    """Return the body of a query."""
    return {
        "purpose": "recommendation", "sql": sql, "parameters": list(parameters), "max_rows": 2_000_000
    }  # fmt: skip


def asked(server: Server, body: dict[str, object], accept: str = "application/json") -> float:
    """Return the seconds that one query took."""
    return server.ask(body, accept)[0]


def table(server: Server, body: dict[str, object]) -> pa.Table:
    """Return the answer of one query."""
    return pyarrow.ipc.open_stream(io.BytesIO(server.ask(body, ARROW)[1])).read_all()


def cut(body: dict[str, object], rows: int) -> dict[str, object]:
    """Return the same question, cut in the store after as many rows as governance lets through.

    Without governance more rows would come: both sides have to read, serialise and send the same number.
    """
    return body | {"sql": f"{body['sql']} LIMIT {rows}"}


def small_reads(governed: Server, plain: Server, *, quick: bool) -> list[Row]:
    """Point reads over HTTP."""
    key = question("SELECT customer_id FROM crm.customers LIMIT 1")
    pseudonym, raw = (table(server, key)[0][0].as_py() for server in (governed, plain))
    times = 200 if quick else 1500
    one = in_turns(
        partial(asked, governed, question(POINT, pseudonym)), partial(asked, plain, question(POINT, raw)), times, 100
    )
    counts = {row["prefecture"]: row["n"] for row in table(governed, question(PREFECTURES)).to_pylist()}
    prefecture = min(counts, key=lambda name: abs(counts[name] - 100))
    body, rows = question(HUNDRED, prefecture), counts[prefecture]
    hundred = in_turns(partial(asked, governed, body), partial(asked, plain, cut(body, rows)), times, 100)
    return [
        one.row("point read over HTTP, 1 row, p50", 1.6, "audit durable"),
        hundred.row(f"read over HTTP, {rows} rows, p50", 1.5, "audit durable"),
    ]


def large_reads(governed: Server, plain: Server, folder: Path, *, quick: bool) -> list[Row]:
    """Aggregates and exports at scale 20; the last one over a copy, against the same baseline."""
    forget_copies(folder)
    before = files_digest(folder)
    times = 4 if quick else 15
    body = question(AGGREGATE)
    rows = [
        in_turns(partial(asked, governed, body), partial(asked, plain, body), times, 2).row(
            "aggregate, 10 M order lines, Parquet untouched", 2.3
        )
    ]
    total, until = 0, None
    for day in table(governed, question(DAYS)).to_pylist():
        if total >= 1_000_000:
            until = day["day"].isoformat(sep=" ")
            break
        total += day["n"]
    for measure, sql, target in (
        ("to Arrow over HTTP, two pseudonym columns", EXPORT_KEYED, 1.4),
        ("to Arrow over HTTP, none", EXPORT_PLAIN, 1.2),
    ):
        body = question(sql, until)
        pair = in_turns(
            partial(asked, governed, body, ARROW), partial(asked, plain, cut(body, total), ARROW), times, 2
        )
        rows.append(pair.row(f"{total:,} rows {measure}", target))
    # The governed server finds the copy by itself; the one without governance stays with the files.
    subprocess.run(
        [sys.executable, "-m", "sekisho", "stores", "sync", "--workspace", str(folder), "pos.order_lines"],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    body = question(AGGREGATE)
    pair = in_turns(partial(asked, governed, body), partial(asked, plain, body), times, 2)
    rows.append(pair.row("the same aggregate, co-located person numbers", 1.5, "after sekisho stores sync"))
    forget_copies(folder)
    if files_digest(folder) != before:
        raise RuntimeError("the source files changed")
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--only", choices=("small", "large", "inside"))
    parser.add_argument("--no-profile", action="store_true", help="leave the profiles out")
    options = parser.parse_args()
    rows: list[Row] = []
    profiles: list[tuple[str, str]] = []
    for name, scale, statements in (
        ("small", 1, [POINT, HUNDRED]),
        ("large", 20, [AGGREGATE, EXPORT_KEYED, EXPORT_PLAIN]),
    ):
        if options.only not in {None, name}:
            continue
        folder = workspace(scale)
        governed = start(folder, 8801, "governed", "recommender")
        plain = start(folder, 8802, "ungoverned", "recommender")
        try:
            if name == "small":
                rows += small_reads(governed, plain, quick=options.quick)
            else:
                rows += large_reads(governed, plain, folder, quick=options.quick)
        finally:
            governed.stop()
            plain.stop()
        if not options.no_profile:
            profiles += [(sql, asyncio.run(inside.profile(folder, sql))) for sql in statements]
    if options.only in (None, "inside"):
        folder = workspace(1)
        rows += asyncio.run(inside.decisions(folder))
        rows += asyncio.run(inside.audited(folder, quick=options.quick))
    show(rows, profiles)


def show(rows: list[Row], profiles: list[tuple[str, str]]) -> None:
    """Print the profiles and then the table."""
    console = Console(width=118)
    for sql, text in profiles:
        console.print(f"[bold]{sql}[/bold]\n{text}")
    console.print(as_table(f"Sekisho, {platform.machine()}, Python {platform.python_version()}", rows))


if __name__ == "__main__":
    main()

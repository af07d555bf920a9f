"""``python -m tests.benchmarks.stores``: what governance costs over PostgreSQL and Parquet, in one run.

Needs a PostgreSQL server in ``SEKISHO_BENCH_POSTGRES`` or ``SEKISHO_TEST_POSTGRES``; makes two databases and a role
of its own there, and removes them. Sizes come from the environment; the targets are about the defaults:

===========================  ==========  ======================
``SEKISHO_BENCH_ROWS``       10,000,000  order lines, in each store
``SEKISHO_BENCH_SHOPPERS``    1,000,000  people; three of four agree
===========================  ==========  ======================
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from subprocess import SubprocessError

from rich.console import Console

from tests.benchmarks.cases import Row, as_table
from tests.benchmarks.stores.large import arrow, export
from tests.benchmarks.stores.mixed import mixed
from tests.benchmarks.stores.peers import peers
from tests.benchmarks.stores.place import PEOPLE, ROWS, Place, place
from tests.benchmarks.stores.reads import aggregate, overlay, point, selective
from tests.benchmarks.stores.rewriting import rewrite
from tests.benchmarks.stores.servers import Servers, servers

SERVED: dict[str, Callable[[Servers], Iterator[Row]]] = {
    "point": point,
    "selective": selective,
    "aggregate": aggregate,
    "arrow": arrow,
    "export": export,
    "mixed": mixed,
    "overlay": overlay,  # last: it changes who agrees
}
"""Parts that ask servers; each starts them anew, so that no part sees another's memory."""
PARTS = (*SERVED, "rewrite", "peers")

ANCHORS = """Anchors, as others published them:
  LinkedIn Data Guard                    13.2 % more CPU on average
  PostgreSQL Anonymizer, 3 to 4 rules    20 to 30 % slower
  CockroachDB row-level security         10.9 to 19.9 % on point reads
  row-level EXISTS on a consent table    7 to 18 times on a full aggregate"""


def main() -> None:
    """Measure the parts asked for, say each row as it comes, and show one table or one line of JSON at the end."""
    parser = argparse.ArgumentParser(description="What governance costs over PostgreSQL and Parquet.")
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {', '.join(PARTS)}, between commas")
    parser.add_argument("--json", action="store_true", help="JSON instead of the table")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave the data there, and use what was left")
    parser.add_argument("--profile", action="store_true", help="also say where the time of a rewrite goes")
    options = parser.parse_args()
    names = options.only.split(",")
    if unknown := set(names) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    progress, rows = Console(stderr=True, width=118), list[tuple[str, Row, float]]()
    with place(options.keep) as made:
        for name in (part for part in PARTS if part in names):
            progress.print(f"[bold]{name}[/bold]")
            for row in _measured(name, made, progress, profiled=options.profile):
                # The machine's load then: a figure taken while others work means little.
                rows.append((name, row, os.getloadavg()[0]))
                ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
                progress.print(f"{row.measure}: {row.ours:,.3f} {row.unit}  {ratio}  {row.target}  {row.note}")
    title = f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    title += f", {ROWS:,} rows, {PEOPLE:,} people"
    if options.json:
        found = [{"part": part, **asdict(row), "load": round(load, 1)} for part, row, load in rows]
        Console(soft_wrap=True).print(json.dumps({"machine": title, "rows": found}), markup=False, highlight=False)
        return
    console = Console(width=140)
    console.print(as_table(title, [row for _, row, _ in rows]))
    console.print(ANCHORS, markup=False, highlight=False)


def _measured(name: str, made: Place, progress: Console, *, profiled: bool) -> Iterator[Row]:
    """Yield the rows of one part; one that breaks ends with a row that says so, and the others go on."""
    try:
        yield from _rows(name, made, progress, profiled=profiled)
    except (RuntimeError, OSError, SubprocessError) as fault:
        yield Row(f"{name}: broke off", 0, None, None, "–", met=False, note=str(fault)[:200])


def _rows(name: str, made: Place, progress: Console, *, profiled: bool) -> Iterator[Row]:
    if name == "rewrite":
        rows, profiles = rewrite(made, profiled=profiled)
        for sql, text in profiles:
            progress.print(f"{sql}\n{text}", markup=False, highlight=False)
        yield from rows
    elif name == "peers":
        yield from peers(made)
    else:
        with servers(made) as both:
            yield from SERVED[name](both)


if __name__ == "__main__":
    main()

"""A benchmark of several parts: rows as they come, one table or one line of JSON at the end."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from tests.benchmarks.consent.rows import Row, loop_ms


def run_parts(description: str, parts: Mapping[str, Callable[..., None]]) -> None:
    """Measure the *parts* that the command line asks for and tell their rows.

    Each part is called with a function that takes its rows, and ``keep``: whether databases stay for the next run.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--only", default=",".join(parts), help=f"some of {', '.join(parts)}, between commas")
    parser.add_argument("--json", action="store_true", help="JSON instead of the table")
    parser.add_argument("--keep", action="store_true", help="leave the databases, and use those that were left")
    options = parser.parse_args()
    names = options.only.split(",")
    if unknown := set(names) - set(parts):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    progress, rows = Console(stderr=options.json, width=118), list[tuple[str, Row, float, float]]()
    for name in names:
        progress.print(f"[bold]{name}[/bold]")

        def tell(row: Row, part: str = name) -> None:
            # The machine's load then, and its speed: a figure taken while others work means little.
            rows.append((part, row, os.getloadavg()[0], loop_ms()))
            said = f"{row.measure}: {row.found}  {row.target}  {row.verdict}  (loop {rows[-1][3]:.1f} ms)"
            progress.print(said, markup=False, highlight=False)

        parts[name](tell, keep=options.keep)
    machine = f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    if options.json:
        found = [
            {"part": part, **asdict(row), "load": round(load, 1), "loop_ms": round(loop, 2)}
            for part, row, load, loop in rows
        ]
        Console(soft_wrap=True).print(json.dumps({"machine": machine, "rows": found}), markup=False, highlight=False)
        return
    table = Table("measure", "found", "target", "met", "load", "loop ms", title=machine)
    for _, row, load, loop in rows:
        table.add_row(row.measure, row.found, row.target, row.verdict, f"{load:.1f}", f"{loop:.1f}")
    progress.print(table)

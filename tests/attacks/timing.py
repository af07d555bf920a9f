"""Whether time tells that a withheld person is in the store: a statistical test, for the statements that people ask.

``python -m tests.attacks.timing`` (``make timing``) asks each statement of two worlds in turn, in random order. One
holds rows of a person who did not agree, the other none; else they are equal. A permutation test says how likely
times as different as those are by chance. Stores in this process are measured by its CPU time, PostgreSQL by the
clock.

It is a program and no test of the suite: what it finds is stated in ``docs/threat-model.md`` with its figures.
"""

# ruff: noqa: T201 - a program prints

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tests.query.postgres import PostgresWorld, database
from tests.query.shop import shop
from tests.query.world import FIRST_ID, PEOPLE, ROWS, Rows, World, agrees

ROWS_OF_ALL = 20_000
WITHHELD = 3
"""A customer who agreed to nothing."""

STATEMENTS = {
    "their pseudonym": "SELECT count(*) AS n FROM {t} WHERE customer_id = '{token}'",
    "a clear value that only they have": "SELECT count(*) AS n FROM {t} WHERE {text} = 'RARE'",
    "that value, in a fenced expression": "SELECT count(*) AS n FROM {t} WHERE lower({text}) = 'rare'",
    "an aggregate of all": "SELECT count(*) AS n, sum({number}) AS s FROM {t}",
    "groups": "SELECT {text}, count(*) AS n FROM {t} GROUP BY {text} ORDER BY 2 DESC LIMIT 10",
    "a page": "SELECT customer_id, {number} FROM {t} LIMIT 50",
}
TABLES = {
    "sqlite": {"t": "crm.tickets", "text": "channel", "number": "minutes"},
    "duckdb": {"t": "pos.order_lines", "text": "stock_code", "number": "quantity"},
    "postgresql": {"t": "shop.order_lines", "text": "stock_code", "number": "quantity"},
}


def rows_with(engine: str, theirs: int) -> Rows:
    """Return many rows, *theirs* of the person who did not agree."""
    name = shop(TABLES[engine]["t"]) if engine != "postgresql" else TABLES[engine]["t"]
    original = next(table for table in ROWS if shop(table) == name)
    text = TABLES[engine]["text"]
    first = ROWS[original][0]
    visible = [place for place in range(PEOPLE) if place != WITHHELD]
    table = [
        first
        | {"place": place, "customer_id": FIRST_ID + place, text: f"s{n % 97}", TABLES[engine]["number"]: n % 13}
        for n in range(ROWS_OF_ALL)
        for place in [visible[n % len(visible)]]
    ]
    step = max(ROWS_OF_ALL // max(theirs, 1), 1)
    for n in range(theirs):
        row = first | {"place": WITHHELD, "customer_id": FIRST_ID + WITHHELD, text: "RARE"}
        table.insert(min(n * (step + 1), len(table)), row)
    assert not agrees(WITHHELD, "recommendation")
    return ROWS | {original: table}


@contextmanager
def world(engine: str, theirs: int) -> Iterator[World]:
    """A world whose store holds *theirs* rows of the person who did not agree."""
    with ExitStack() as stack:
        rows = rows_with(engine, theirs)
        if engine == "postgresql":
            yield stack.enter_context(PostgresWorld(stack.enter_context(database()), rows))
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            built = stack.enter_context(World(Path(folder), rows))
            built.sqlite._timeout = built.duckdb._timeout = 600
            yield built


def permuted(one: NDArray[np.float64], two: NDArray[np.float64], times: int = 4_000) -> float:
    """Return how often a random split of all times has medians as far apart: the two-sided p-value."""
    rng = np.random.default_rng(1)
    both = np.concatenate([one, two])
    seen = abs(np.median(one) - np.median(two))
    hits = 0
    for _ in range(times):
        rng.shuffle(both)
        hits += abs(np.median(both[: len(one)]) - np.median(both[len(one) :])) >= seen
    return (hits + 1) / (times + 1)


def compare(engine: str, theirs: int, runs: int) -> Iterator[tuple[str, float, float, float]]:
    """Yield each statement with its median time, the ratio of the two worlds, and the p-value."""
    clock: Callable[[], float] = time.perf_counter if engine == "postgresql" else time.process_time
    with world(engine, theirs) as present, world(engine, 0) as absent:
        for name, template in STATEMENTS.items():
            sql = template.format(**TABLES[engine], token=present.pseudonym(WITHHELD))
            for each in (present, absent):
                for _ in range(5):
                    each.ask(sql)
            order = [present, absent] * runs
            random.Random(7).shuffle(order)
            took: dict[int, list[float]] = {id(present): [], id(absent): []}
            for each in order:
                began = clock()
                each.ask(sql)
                took[id(each)].append(clock() - began)
            one, two = np.array(took[id(present)]), np.array(took[id(absent)])
            yield name, float(np.median(two)), float(np.median(one) / np.median(two)), permuted(one, two)


def main() -> None:
    """Print what time tells, for 0 (the control), 1 and 2,000 rows of one person among 20,000."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--runs", type=int, default=200)
    given.add_argument("--engine", choices=list(TABLES))
    options = given.parse_args()
    for engine in TABLES:
        if options.engine not in {None, engine}:
            continue
        for theirs in (0, 1, 2_000):
            for name, median, ratio, p in compare(engine, theirs, options.runs):
                told = "TELLS" if p < 0.01 else "-"
                figures = f"{median * 1e3:7.2f} ms | {ratio:5.3f} | p {p:.4f} | {told}"
                print(f"{engine:10} {theirs:5} rows | {name:34} | {figures}", flush=True)


if __name__ == "__main__":
    main()

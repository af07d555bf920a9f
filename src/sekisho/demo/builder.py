"""Builds the stores of the demonstration workspace, and counts what they hold.

The same seed and scale give the same files. A copy of a larger scale differs in customers, invoices and
behaviour; its order lines are those of the real year.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from sekisho.demo.behaviour import END_OF_DATA, WEB_SCHEMA, Browsing, app_events, web_events
from sekisho.demo.people import COPY_OFFSET, profiles
from sekisho.demo.stores import (
    POS_SCHEMA,
    buyers,
    categorised,
    copied_lines,
    order_lines,
    write_customers,
    write_json_lines,
    write_parquet,
)
from sekisho.demo.tickets import Writers, answers, tickets, write_tickets

SEED = 20111209
"""Seed of the demonstration: the last day of its data."""

Progress = Callable[[str, float], None]
"""Told what is being built and how much is done, from 0.0 to 1.0, never less than before."""


@dataclass(frozen=True, slots=True)
class DemoFacts:
    """What the built stores hold, counted in the files themselves.

    Attributes
    ----------
    lines, lines_without_customer:
        Order lines, and those of nobody.
    customers:
        Profiles in the CRM, one for each customer id of the order lines.
    invoices, countries:
        Distinct values in the order lines.
    web_events, web_events_without_customer:
        Web events, and those of visitors who were not signed in.
    app_events, survey_answers, tickets, tickets_japanese:
        Rows, by store.
    last_day:
        Day of the last order line.
    """

    lines: int
    lines_without_customer: int
    customers: int
    invoices: int
    countries: int
    web_events: int
    web_events_without_customer: int
    app_events: int
    survey_answers: int
    tickets: int
    tickets_japanese: int
    last_day: date


def customer_ids(*, scale: int = 1) -> NDArray[np.int64]:
    """Return the customer ids of a workspace of *scale*, ascending, shape (scale * 4,339,)."""
    real = order_lines()["customer_id"].drop_nulls().unique().sort().to_numpy().astype(np.int64)
    return np.concatenate([real + copy * COPY_OFFSET for copy in range(scale)])


def build_stores(
    folder: Path,
    *,
    scale: int = 1,
    seed: int = SEED,
    progress: Progress | None = None,
    customers: int | None = None,
) -> DemoFacts:
    """Build ``stores/`` in the workspace *folder*, replacing what is there, with the attribution beside it.

    Parameters
    ----------
    folder:
        The workspace; made when missing.
    scale:
        How many times the real customers and their order lines occur, for benchmarks; at least 1.
    seed:
        Two builds of the same seed are equal.
    progress:
        See :data:`Progress`.
    customers:
        Limit to this many customers per copy, for tests.

    Raises
    ------
    ValueError
        For a scale below 1.
    """
    if scale < 1:
        raise ValueError("the scale of a demonstration is at least 1")
    tell = progress or _silent
    copies = range(scale)
    stores = folder / "stores"
    stores.mkdir(parents=True, exist_ok=True)
    attribution = files("sekisho.demo").joinpath("data", "ATTRIBUTION.md").read_text(encoding="utf-8")
    (folder / "ATTRIBUTION.md").write_text(attribution, encoding="utf-8")

    def counted(what: str, start: float, end: float) -> Iterator[int]:
        for copy in copies:
            tell(what, start + (end - start) * copy / scale)
            yield copy

    lines = order_lines(customers)
    write_parquet(
        stores / "pos" / "order_lines.parquet",
        POS_SCHEMA,
        (copied_lines(lines, copy) for copy in counted("order lines", 0.0, 0.25)),
    )
    known = buyers(lines)
    people = [profiles(known, copy=copy, seed=seed) for copy in counted("customers", 0.25, 0.35)]
    write_customers(stores / "crm.db", people)

    browsing = Browsing(categorised(lines))
    write_parquet(
        stores / "web" / "events.parquet",
        WEB_SCHEMA,
        (web_events(browsing, people[copy], copy=copy, seed=seed) for copy in counted("web events", 0.35, 0.75)),
    )
    write_json_lines(
        stores / "app" / "events.jsonl",
        (
            app_events(browsing.customers + copy * COPY_OFFSET, copy=copy, seed=seed)
            for copy in counted("app events", 0.75, 0.83)
        ),
    )
    items = _items(lines)
    writers = [Writers(people[copy], _invoices(known, copy), items) for copy in copies]
    write_json_lines(
        stores / "survey" / "answers.jsonl",
        (
            answers(writers[copy], known.height, copy=copy, seed=seed)
            for copy in counted("survey answers", 0.83, 0.88)
        ),
    )
    write_tickets(
        stores / "support.db",
        (
            tickets(writers[copy], known.height, copy=copy, seed=seed)
            for copy in counted("support tickets", 0.88, 0.98)
        ),
    )
    tell("counting", 0.98)
    facts = facts_of(folder)
    tell("stores", 1.0)
    return facts


def facts_of(folder: Path) -> DemoFacts:
    """Return what the stores of a built workspace hold."""
    stores = folder / "stores"
    with closing(duckdb.connect()) as connection:
        lines = connection.execute(
            "SELECT count(*), count(*) FILTER (customer_id IS NULL), count(DISTINCT invoice), "
            "count(DISTINCT country), max(invoiced_at) FROM read_parquet($1)",
            [str(stores / "pos" / "*.parquet")],
        ).fetchone() or (0, 0, 0, 0, END_OF_DATA)
        web = connection.execute(
            "SELECT count(*), count(*) FILTER (customer_id IS NULL) FROM read_parquet($1)",
            [str(stores / "web" / "*.parquet")],
        ).fetchone() or (0, 0)
    return DemoFacts(
        lines=lines[0],
        lines_without_customer=lines[1],
        customers=_count(stores / "crm.db", "SELECT count(*) FROM customers"),
        invoices=lines[2],
        countries=lines[3],
        web_events=web[0],
        web_events_without_customer=web[1],
        app_events=_rows(stores / "app" / "events.jsonl"),
        survey_answers=_rows(stores / "survey" / "answers.jsonl"),
        tickets=_count(stores / "support.db", "SELECT count(*) FROM tickets"),
        tickets_japanese=_count(stores / "support.db", "SELECT count(*) FROM tickets WHERE language = 'ja'"),
        last_day=lines[4].date(),
    )


def _silent(_what: str, _done: float) -> None:
    """Tell nobody."""


def _items(lines: pl.DataFrame) -> list[str]:
    """Return things that people write about, in words rather than capitals."""
    goods = lines.filter(pl.col("description").str.len_chars() > 10)["description"].unique().sort()
    return [name.strip().lower() for name in goods if name.upper() == name]


def _invoices(known: pl.DataFrame, copy: int) -> list[list[str]]:
    mark = f"-{copy}" if copy else ""
    return [[f"{invoice}{mark}" for invoice in invoices] for invoices in known["invoices"].to_list()]


def _count(path: Path, statement: str) -> int:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        return int(connection.execute(statement).fetchone()[0])


def _rows(path: Path) -> int:
    with path.open("rb") as lines:
        return sum(1 for _ in lines)

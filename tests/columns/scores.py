"""How good a classifier is on labelled tables: macro F1 over kinds and over classes, and what it got wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from sekisho.detect.columns import ColumnSample, classify
from tests.columns.labelled import Labelled, Table, sample

Judge = Callable[[ColumnSample], tuple[str, str]]
"""Takes a column, returns its kind and class."""


class Judged(NamedTuple):
    """One column, what it is and what it was taken for."""

    table: str
    column: Labelled
    kind: str
    column_class: str


def ours(column: ColumnSample) -> tuple[str, str]:
    """Return kind and class as the project's classifier sees them."""
    proposal = classify(column)
    return proposal.kind, proposal.column_class


def judged(tables: Iterable[Table], judge: Judge, seed: int = 11) -> list[Judged]:
    """Return every column with what *judge* takes it for."""
    return [
        Judged(table.dataset, column, *judge(sample(table, column, seed)))
        for table in tables
        for column in table.columns
    ]


def macro_f1(pairs: Iterable[tuple[str, str]]) -> float:
    """Return the mean F1 over the labels that there are, of pairs of right and found label."""
    found = list(pairs)
    labels = {right for right, _ in found}
    return sum(f1(found, label) for label in labels) / len(labels)


def f1(pairs: Iterable[tuple[str, str]], label: str) -> float:
    """Return the F1 of one label."""
    hits = misses = 0
    for right, got in pairs:
        hits += right == label == got
        misses += (right == label) != (got == label)
    return 2 * hits / (2 * hits + misses) if hits or misses else 0.0


def kinds(found: Iterable[Judged]) -> list[tuple[str, str]]:
    """Return right and found kind of each column."""
    return [(each.column.kind, each.kind) for each in found]


def classes(found: Iterable[Judged]) -> list[tuple[str, str]]:
    """Return right and found class of each column."""
    return [(str(each.column.column_class), str(each.column_class)) for each in found]

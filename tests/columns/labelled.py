"""Tables with labelled columns, and the samples that a scan of them would take."""

from __future__ import annotations

import random
from dataclasses import dataclass

from sekisho.detect.column_kinds import KINDS, UNKNOWN
from sekisho.detect.columns import ColumnSample
from sekisho.domain.terms import ColumnClass
from tests.columns.people import Make


@dataclass(frozen=True)
class Labelled:
    """A column, what it holds, and how its values are made (none: it is empty)."""

    name: str
    type: str
    kind: str
    make: Make | None
    nobody: bool = False  # a thing's, so that its class is none
    nulls: float = 0.0
    comment: str | None = None

    @property
    def column_class(self) -> ColumnClass:
        """What policy should make of it."""
        if self.kind == UNKNOWN:
            return ColumnClass.DIRECT_IDENTIFIER
        return ColumnClass.NONE if self.nobody else KINDS[self.kind].column_class


@dataclass(frozen=True)
class Table:
    """A dataset with its columns."""

    dataset: str
    columns: tuple[Labelled, ...]


def sample(table: Table, column: Labelled, seed: int, rows: int = 400) -> ColumnSample:
    """Return what a scan would hand to the classifier."""
    rng = random.Random(f"{seed}/{table.dataset}/{column.name}")
    values: list[str] = []
    nulls = rows
    if column.make is not None:
        made = [None if rng.random() < column.nulls else column.make(rng) for _ in range(rows)]
        nulls = made.count(None)
        values = sorted({value for value in made if value is not None})
        rng.shuffle(values)
    return ColumnSample(
        dataset=table.dataset,
        name=column.name,
        type=column.type,
        siblings=tuple(other.name for other in table.columns if other.name != column.name),
        values=values,
        rows=rows,
        nulls=nulls,
        distinct=len(values),
        comment=column.comment,
    )

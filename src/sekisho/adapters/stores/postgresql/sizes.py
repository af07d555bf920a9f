"""Which tables have so few rows that each of them is in the planner's statistics."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Final

import asyncpg

from sekisho.adapters.stores.postgresql.inspection import SIZE, physical, quoted
from sekisho.domain.terms import Dataset

FEW_ROWS: Final = 30_000
"""Rows up to which a table is small: ``ANALYZE`` reads 300 for each of the usual 100 steps of its histograms."""

_LEARNT_S: Final = 60.0  # how long a size is believed


class Sizes:
    """The sizes of one store's tables, asked for once a minute.

    A view is never small: what it reads may be large, and a table that is read whole for each statement is to be a
    choice of its owner's.
    """

    def __init__(self) -> None:
        self._small: dict[str, tuple[bool, float]] = {}

    def unknown(self, datasets: Iterable[Dataset]) -> list[Dataset]:
        """Return those of *datasets* whose size is not known, or not any more."""
        now = time.monotonic()
        return [each for each in datasets if self._small.get(each.name, (False, 0.0))[1] <= now]

    async def learn(self, connection: asyncpg.Connection, datasets: Sequence[Dataset]) -> None:
        """Ask the server for the sizes of *datasets*. Raises what the driver raises."""
        for dataset in datasets:
            size = await connection.fetchrow(SIZE, quoted(*physical(dataset)))
            small = size is not None and bool(size["held"]) and size["rows"] <= FEW_ROWS
            self._small[dataset.name] = small, time.monotonic() + _LEARNT_S

    def is_small(self, dataset: Dataset) -> bool:
        """Return whether *dataset* has at most :data:`FEW_ROWS` rows, as was learnt last."""
        return self._small[dataset.name][0]

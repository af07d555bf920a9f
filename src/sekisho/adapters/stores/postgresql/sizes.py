"""Which tables have so few rows that each of them is in the planner's statistics."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Final

import asyncpg

from sekisho.adapters.stores.postgresql.inspection import BENEATH, physical, quoted
from sekisho.domain.terms import Dataset

FEW_ROWS: Final = 30_000
"""Rows up to which a table is small: ``ANALYZE`` reads 300 for each of the usual 100 steps of its histograms."""

# What was never analysed is guessed by its size. What lies elsewhere, a foreign table, may have any.
_IS_SMALL = f"""{BENEATH}
SELECT count(*) > 0 AND coalesce(bool_and(c.relkind IN ('r', 'p', 'm', 'v')), false) AND sum(
  CASE WHEN c.relkind NOT IN ('r', 'm') THEN 0 WHEN c.reltuples > 0 THEN c.reltuples
    ELSE pg_relation_size(c.oid) / 200.0 END
) <= {FEW_ROWS}
FROM (SELECT DISTINCT oid FROM beneath) AS each JOIN pg_class c USING (oid)
"""
_LEARNT_S: Final = 60.0  # after so long a size is asked for anew


class Sizes:
    """Which of one store's tables are small; of a view, what it reads is counted."""

    def __init__(self) -> None:
        self._small: dict[str, bool] = {}
        self._due: dict[str, float] = {}

    def unknown(self, datasets: Iterable[Dataset]) -> list[Dataset]:
        """Return those of *datasets* whose size was never learnt."""
        return [each for each in datasets if each.name not in self._small]

    def due(self, datasets: Iterable[Dataset]) -> list[Dataset]:
        """Return those of *datasets* whose size is to be learnt anew; whoever asks next is not told of them again."""
        now = time.monotonic()
        due = [each for each in datasets if self._due.get(each.name, now) <= now]
        self._due |= {each.name: now + _LEARNT_S for each in due}
        return due

    async def learn(self, connection: asyncpg.Connection, datasets: Sequence[Dataset]) -> None:
        """Ask the server for the sizes of *datasets*. Raises what the driver raises."""
        for dataset in datasets:
            self._small[dataset.name] = bool(await connection.fetchval(_IS_SMALL, [quoted(*physical(dataset))]))

    def small(self, datasets: Iterable[Dataset]) -> frozenset[str]:
        """Return the names of those of *datasets* of at most :data:`FEW_ROWS` rows, or that were never learnt of."""
        return frozenset(each.name for each in datasets if self._small.get(each.name, True))

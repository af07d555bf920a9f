"""Looking into stores, and keeping what was found and reviewed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from sekisho.domain.scans import ColumnPlace, KnownColumn, Review, Scanned
from sekisho.domain.terms import Dataset

DOCUMENTS: Final = (".jsonl", ".ndjson", ".json")
"""Endings of files whose columns are the keys at the top of documents."""


@dataclass(frozen=True, slots=True)
class FoundColumn:
    """A column that is really there; one that is not *readable* is closed to the gateway's account."""

    name: str
    type: str
    readable: bool = True
    comment: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table, view or set of files that is really there."""

    relation: str
    columns: tuple[FoundColumn, ...]


@dataclass(frozen=True, slots=True)
class SampledColumn:
    """Values of one column, or of one path inside its nested values; they live as long as a scan needs them.

    ``rows``, ``nulls`` and ``distinct`` are counts of the sample; ``values`` are distinct and at most as many as
    were asked for.
    """

    name: str
    type: str
    values: Sequence[str] = field(repr=False)
    rows: int
    nulls: int
    distinct: int
    comment: str | None = field(default=None, repr=False)


class SampledStore(Protocol):
    """A store that can be looked into: read-only, within its time, as the gateway's own account."""

    async def tables(self, declared: Mapping[str, Dataset]) -> list[FoundTable]:
        """Return every table that is there. *declared* are the datasets of the catalogue by relation.

        Raises ``StoreUnavailable``.
        """

    def sample(self, table: FoundTable, most: int) -> AsyncGenerator[list[SampledColumn]]:
        """Yield the readable columns of *table* in groups, each with up to *most* distinct values.

        Raises ``StoreUnavailable``.
        """


class ScanStatus(StrEnum):
    """How far a scan is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ScanRun:
    """One scan. ``wanted`` are the stores and datasets that were named, none for all; ``result`` tells what it found.

    ``progress`` is between 0 and 1.
    """

    id: str
    by: str
    wanted: tuple[str, ...]
    started_at: datetime
    updated_at: datetime
    status: ScanStatus = ScanStatus.RUNNING
    progress: float = 0.0
    result: Mapping[str, object] = field(default_factory=dict)
    error: str | None = None


class ColumnRecords(Protocol):
    """What is known of columns, in the gateway's own database. Every method raises ``PolicyUnavailable``."""

    async def version(self) -> int:
        """Return a number that grows with every change of what is in force; one small read."""

    async def known(self, store: str | None = None) -> list[KnownColumn]:
        """Return every column that is there, in the order of their ids."""

    async def page(
        self, *, state: str | None, dataset: str | None, after: str | None, limit: int
    ) -> list[KnownColumn]:
        """Return the next *limit* columns after the id *after*."""

    async def find(self, column_id: str) -> KnownColumn | None:
        """Return one column."""

    async def keep(
        self, store: str, relation: str, found: Sequence[Scanned], at: datetime, new_id: Callable[[], str]
    ) -> list[KnownColumn]:
        """Take in what a scan found in a whole table; return how its columns stand now. The others are gone."""

    async def keep_tables(self, store: str, relations: Sequence[str], at: datetime) -> None:
        """Note that *store* has no tables but *relations*: the columns of others are gone; their reviews stay."""

    async def review(self, reviews: Sequence[tuple[str, str, Review]]) -> list[KnownColumn]:
        """Write reviews, given as review id, column id and review, all or none; return how the columns stand."""

    async def history(self, column_id: str) -> list[Review]:
        """Return every review of a column, oldest first."""

    async def rename(self, shown: Callable[[ColumnPlace], str]) -> int:
        """Write the name of every column as *shown*, in all that was kept; return how many changed.

        What stands in its place is unique, and its review, state and id stay.
        """

    async def begin(self, run: ScanRun, *, unless_since: datetime | None = None) -> bool:
        """Note that a scan begins; not, and return false, when one by the same began after *unless_since*."""

    async def update(self, run: ScanRun) -> None:
        """Note how far a scan is."""

    async def scan(self, scan_id: str) -> ScanRun | None:
        """Return one scan."""

"""Answers that are read page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Protocol

import pyarrow as pa


class Held(Protocol):
    """The raw rows of one answer, as its store gave them, until they expire."""

    @property
    def id(self) -> str:
        """32 hexadecimal digits that name it among all workers."""

    @property
    def about(self) -> Mapping[str, object]:
        """What was said of it when it was held."""

    @property
    def rows(self) -> int:
        """How many rows it has."""

    async def read(self, start: int) -> pa.RecordBatch:
        """Return rows from *start* on, at least one. Raises ``StoreUnavailable`` when they cannot be read."""

    def close(self) -> None:
        """Let go of it here; it stays held."""


class HeldAnswers(Protocol):
    """Keeps raw rows between the pages of an answer, for every worker, in bounded number, space and time."""

    async def hold(
        self, requester: str, batches: AsyncIterator[pa.RecordBatch], about: Callable[[], Mapping[str, object]]
    ) -> Held:
        """Keep all *batches*, and what *about* answers when they have come.

        Raises ``RateLimited`` when there is no room for more, ``StoreUnavailable`` when nothing can be kept.
        """

    async def find(self, name: str) -> Held | None:
        """Return the held answer whose id is *name*, or ``None`` when there is none any more."""

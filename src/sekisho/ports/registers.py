"""What the registers read: releases that happened, out of the audit log, by sets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ProvisionQuery:
    """Which provisions to third parties; times are UTC, ``since`` inclusive, ``until`` exclusive.

    ``references`` narrows to people by their keyed references in the log; ``None``: whomever they name.
    """

    since: datetime | None = None
    until: datetime | None = None
    requester: str | None = None
    purpose: str | None = None
    references: tuple[str, ...] | None = None
    after_seq: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Found:
    """Records in order of sequence, and the sequence to go on after; ``None`` at the end."""

    records: Sequence[Mapping[str, object]]
    next_after_seq: int | None


@dataclass(frozen=True, slots=True)
class Activity:
    """What left to one requester for one purpose, from one set of datasets.

    ``pages`` are records of the log; an answer has one or more of them.
    """

    requester: str
    purpose: str
    recipient: str | None
    datasets: tuple[str, ...]
    releases: int
    pages: int
    rows: int
    first: datetime
    last: datetime


class Registers(Protocol):
    """The releases of the audit log. What was recorded and never left is in none of the answers."""

    async def provisions(self, query: ProvisionQuery) -> Found:
        """Return records of releases to third parties that name people. Raises ``AuditUnavailable``."""

    async def people(self, seq: int) -> bytes:
        """Return the keyed references of the people of one record, ascending, 16 bytes each."""

    async def last_provisions(self, pairs: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], datetime]:
        """Return when data was last provided, by requester and purpose."""

    async def activities(self) -> list[Activity]:
        """Return everything that was released, added up in the database."""

    async def people_reached(self, most: int) -> Mapping[tuple[str, str], int] | None:
        """Return how many distinct people were reached, by requester and purpose.

        ``None`` when more than *most* references would have to be counted.
        """

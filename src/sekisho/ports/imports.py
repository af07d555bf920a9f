"""Bulk history that is imported in parts, each part once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sekisho.ports.consent import ConsentEventInput, RecordedConsentEvent


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far a file has been imported.

    Attributes
    ----------
    batch:
        SHA-256 of the file, in hexadecimal: the same file is one batch.
    format:
        ``ndjson`` or ``csv``.
    lines:
        Lines of the file that are done; what follows is still to be imported.
    recorded, unchanged, left_out:
        Events in the ledger; those of them that changed nothing, because it knew of something later; lines
        with faults.
    last_seq:
        Sequence of the last event, 0 before the first.
    """

    batch: str
    format: str
    lines: int = 0
    recorded: int = 0
    unchanged: int = 0
    left_out: int = 0
    last_seq: int = 0
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ImportPart:
    """Some consecutive lines of a file, checked.

    Attributes
    ----------
    after, until:
        The last line before them, and the last of them.
    events:
        What is to be recorded, in order.
    left_out:
        How many of the lines have faults.
    asked_again_seq:
        What :meth:`ImportBatches.asked_again` said before the events were checked.
    """

    after: int
    until: int
    events: Sequence[ConsentEventInput]
    left_out: int = 0
    asked_again_seq: int = 0


class ImportBatches(Protocol):
    """Imports under way and done. Every method raises ``ConsentUnavailable`` when the ledger does not answer."""

    async def begin(self, batch: str, file_format: str) -> ImportProgress:
        """Return how far *batch* has come; nothing is done of a new one."""

    async def find(self, batch: str) -> ImportProgress | None:
        """Return how far *batch* has come, ``None`` for one that was never begun."""

    async def asked_again(self) -> int:
        """Return the sequence at which people were last asked again: a major notice or purpose was published."""

    async def append(self, batch: str, part: ImportPart) -> tuple[ImportProgress, list[RecordedConsentEvent]] | None:
        """Record the events of *part* and that its lines are done, in one transaction; return both.

        ``None``, with nothing recorded, when the batch has meanwhile been brought further by somebody else, or
        people were asked again since the part was checked: look again.
        """

    async def finish(self, batch: str) -> ImportProgress:
        """Note that all lines are done."""

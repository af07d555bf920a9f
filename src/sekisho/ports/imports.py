"""Bulk history that is imported in parts, each part once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from sekisho.domain.terms import SubjectNumber
from sekisho.ports.consent import ConsentEventInput


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


class ImportedEvent(NamedTuple):
    """One event of an import. Times are microseconds since 1970-01-01 UTC.

    Attributes
    ----------
    number, occurred_at, valid_until, evidence:
        What is its own; see :class:`~sekisho.ports.ConsentEventInput`.
    alike:
        All the rest, one object for as many events as say the same; in the place of what is their own stands nothing.
    """

    number: SubjectNumber
    alike: ConsentEventInput
    occurred_at: int | None
    valid_until: int | None
    evidence: Mapping[str, str]


class KeptEvent(Protocol):
    """An event as the ledger keeps it, column by column, for the audit trail: see ``consent_tables``."""

    @property
    def seq(self) -> int:
        """Its place in the ledger."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def number(self) -> int | None:
        """The person."""

    @property
    def purpose(self) -> str:
        """The purpose."""

    @property
    def cells(self) -> str:
        """The cells, a JSON array."""

    @property
    def kind(self) -> str:
        """What happened."""

    @property
    def method(self) -> str:
        """How it came in."""

    @property
    def actor(self) -> str:
        """Who handed it in."""

    @property
    def notice_version(self) -> str | None:
        """The notice it is about."""

    @property
    def occurred_at(self) -> int | None:
        """The claim (microseconds since 1970-01-01 UTC, as all times here)."""

    @property
    def recorded_at(self) -> int:
        """When it was recorded."""

    @property
    def said_at(self) -> int:
        """What the rule goes by."""

    @property
    def counts_at(self) -> int:
        """From when a no counts besides."""

    @property
    def valid_until(self) -> int | None:
        """Until when a yes holds."""

    @property
    def facts(self) -> str:
        """Everything else about it, canonical JSON."""

    @property
    def sealed(self) -> bytes | None:
        """The evidence, sealed."""

    @property
    def hash(self) -> bytes:
        """Its hash in the chain."""

    @property
    def outcome(self) -> int:
        """What it did to the person's bits."""

    @property
    def holds_until(self) -> int | None:
        """Until when."""

    @property
    def effects(self) -> str | None:
        """What it did to bits of others, JSON."""


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
    events: Sequence[ImportedEvent]
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

    async def append(
        self, batch: str, part: ImportPart, at_work: Callable[[], None]
    ) -> tuple[ImportProgress, Sequence[KeptEvent]] | None:
        """Record the events of *part* and that its lines are done, in one transaction; return both.

        *at_work* is called, from any thread, once the database is at work and something else may well be done
        meanwhile; of a small part perhaps never.

        ``None``, with nothing recorded, when the batch has meanwhile been brought further by somebody else, or
        people were asked again since the part was checked: look again.
        """

    async def finish(self, batch: str) -> ImportProgress:
        """Note that all lines are done."""

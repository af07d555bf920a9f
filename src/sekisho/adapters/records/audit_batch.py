"""What the audit writer and its sinks hand each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sekisho.domain.record import StoredRecord
from sekisho.ports import Ground


class NotDurableError(Exception):
    """A commit that the database acknowledges may be lost."""


class Overtaken(Exception):
    """Another writer took the sequences, or a ground does not hold: nothing was written."""


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """The last record of a writer, or of the log."""

    writer: str
    wseq: int
    chain: bytes


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a chain whose head was not signed yet, and the log's own proof that it is the end.

    ``tag`` is a MAC over what is going to be signed: see ``audit_seal``.
    """

    writer: str
    wseq: int
    tag: bytes
    chain: bytes


class SignedHead(NamedTuple):
    """A row of ``audit_head``, in the order of its columns."""

    writer: str
    wseq: int
    note: str


class Batch(NamedTuple):
    """What one transaction writes.

    Attributes
    ----------
    rows:
        The records, at least one.
    subjects:
        (sequence, references one after another) of the records that name people.
    heads:
        Heads of earlier batches, signed by now.
    tail:
        Writer, place and tag of the last record: the end that no head covers yet.
    grounds:
        What must hold when everything is written; else nothing is.
    """

    rows: Sequence[StoredRecord]
    subjects: Sequence[tuple[int, bytes]]
    heads: Sequence[SignedHead]
    tail: tuple[str, int, bytes]
    grounds: Sequence[Ground] = ()


class Sink(Protocol):
    """One transaction at a time: begin, then write, then commit; rollback whenever something raised."""

    standing: Sequence[bool]
    """For each of the grounds that the last :meth:`begin` was given whether it holds."""

    def begin(
        self, count: int, meanwhile: Callable[[], object] = lambda: None, grounds: Sequence[Ground] = ()
    ) -> int:
        """Start a transaction, take *count* sequences from the counter and keep it locked.

        Returns the sequence before them. *meanwhile* is called while the database is at it, or before.
        """

    def begin_after(self, last: int, count: int) -> bool:
        """Let the transaction that follows take *count* sequences after *last*, all in one go with its commit.

        Returns ``False`` where :meth:`begin` costs nothing. When somebody else has taken them, or a ground of the
        batch does not hold, :meth:`commit` raises ``Overtaken``.
        """

    def last_of(self, writer: str) -> ChainEnd | None:
        """Return the end of a writer's chain, inside the transaction."""

    def last(self) -> ChainEnd | None:
        """Return the newest record of the log, inside the transaction."""

    def tails(self) -> list[Tail]:
        """Return the ends of all chains that no head covers, inside the transaction."""

    def put(self, rows: Sequence[StoredRecord], subjects: Sequence[tuple[int, bytes]]) -> None:
        """Begin to insert records, and who they are about, that are not in the batch that follows."""

    def write(self, batch: Batch) -> None:
        """Insert what *batch* says; the counter follows when it has more or fewer records than were taken."""

    def seal(self, heads: Sequence[SignedHead]) -> None:
        """Insert *heads*, and forget the tails that they cover."""

    def commit(self) -> None:
        """Make the transaction durable. Raises ``Overtaken`` as :meth:`begin_after` says."""

    def rollback(self) -> None:
        """Undo the transaction; never raises."""

    def close(self) -> None:
        """Give the connection up; never raises."""

"""What the audit writer and its sinks hand each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sekisho.domain.record import StoredRecord
from sekisho.ports import Ground


class NotDurableError(Exception):
    """A commit that the database acknowledges may be lost."""


class Overtaken(Exception):
    """Another writer took the sequences, or the ground does not hold: nothing was written."""


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
        The records, at least one; they follow each other, in the log and in their writer's chain.
    subjects:
        (sequence, references one after another) of the records that name people.
    heads:
        Heads of earlier batches, signed by now.
    tail:
        Writer, place and tag of the last record: the end that no head covers yet.
    """

    rows: Sequence[StoredRecord]
    subjects: Sequence[tuple[int, bytes]]
    heads: Sequence[SignedHead]
    tail: tuple[str, int, bytes]


class Sink(Protocol):
    """One transaction at a time: begin, then write, then commit. Whatever raised, the sink is closed after it."""

    standing: Sequence[bool]
    """For each of the grounds that the last :meth:`begin` was given whether it holds."""

    async def begin(self, grounds: Sequence[Ground] = ()) -> int:
        """Start a transaction, lock the counter, and return the log's last sequence."""

    def begin_later(self) -> bool:
        """Let the transaction begin with :meth:`write`, after what the writer knows to be the last sequence.

        Returns ``False`` where :meth:`begin` costs nothing.
        """

    async def last_of(self, writer: str) -> ChainEnd | None:
        """Return the end of a writer's chain, inside the transaction."""

    async def last(self) -> ChainEnd | None:
        """Return the newest record of the log, inside the transaction."""

    async def tails(self) -> list[Tail]:
        """Return the ends of all chains that no head covers, inside the transaction."""

    async def write(self, batch: Batch, ground: Ground | None = None) -> None:
        """Insert what *batch* says, let the counter follow, and make the transaction durable.

        Raises ``Overtaken``, and has written nothing, when the log ends elsewhere than before the first record, or
        when *ground* does not hold, which a transaction that begins with it (:meth:`begin_later`) may rest on.
        """

    async def seal(self, heads: Sequence[SignedHead]) -> None:
        """Insert *heads*, and forget the tails that they cover."""

    async def commit(self) -> None:
        """Make the transaction durable."""

    async def rollback(self) -> None:
        """Undo the transaction."""

    def close(self) -> None:
        """Undo the transaction and give the connection up; never raises."""

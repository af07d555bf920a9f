"""What a verification says at its end."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any

from sekisho.domain.chain import BadRecord, Walk
from sekisho.domain.checkpoint import Checkpoint
from sekisho.domain.note import VerificationKey


class Outcome(IntEnum):
    """What ``sekisho audit verify`` answers with, and its exit code."""

    OK = 0
    TAMPERED = 1
    INCOMPLETE = 2
    UNTRUSTED = 3


class VerificationFailed(Exception):
    """The end of a verification: what was found, and the record at fault when one can be named.

    ``tail`` is the number of records after the newest head kept outside, where the check came so far; ``unfinished``
    whether the next pruning mends it.
    """

    def __init__(
        self,
        outcome: Outcome,
        finding: str,
        bad: BadRecord | None = None,
        tail: int = 0,
        *,
        unfinished: bool = False,
    ) -> None:
        super().__init__(finding)
        self.outcome = outcome
        self.finding = finding
        self.bad = bad
        self.tail = tail
        self.unfinished = unfinished


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found.

    Attributes
    ----------
    outcome:
        The answer; its value is the exit code.
    finding:
        One sentence on what is wrong or missing; empty when nothing is.
    bad:
        The first bad record, when one can be named.
    records, writers, heads:
        How much was checked; *heads* counts the signed heads that were held against the records.
    unsigned_tail:
        Records after the newest head kept outside the database: so far only the database vouches for them.
    witnesses:
        Names of the trusted witnesses that signed the checkpoint, and when.
    proved:
        Events of an export that were shown to be of records in the tree of a signed checkpoint.
    pruned:
        Where a log begins whose older records were pruned, and which record says so; empty when it is whole.
    unfinished:
        Whether it is incomplete because a pruning broke off, which the next one finishes.
    """

    outcome: Outcome
    finding: str = ""
    bad: BadRecord | None = None
    records: int = 0
    writers: int = 0
    heads: int = 0
    unsigned_tail: int = 0
    witnesses: tuple[str, ...] = ()
    proved: int = 0
    pruned: str = ""
    unfinished: bool = False

    @property
    def ok(self) -> bool:
        """Whether nothing was wrong and nothing missing."""
        return self.outcome is Outcome.OK

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON values."""
        return {**asdict(self), "outcome": self.outcome.name.lower(), "exit_code": int(self.outcome)}


@dataclass(frozen=True, slots=True)
class RangeVerdict:
    """What was found of a range.

    Attributes
    ----------
    outcome, finding, bad:
        As of a :class:`Verdict`.
    first, last:
        The sequences that were read; *last* is below *first* when there are no records.
    writers, heads:
        How many chains, and how many signed heads were held against them.
    checkpoint, note:
        The checkpoint, and the signed note it stands in; ``None`` when there is none.
    cosigned:
        Which of the known witnesses signed it, and when, in seconds since 1970.
    witnessed:
        Whether they are enough; ``None`` where no witness is known.
    """

    outcome: Outcome
    finding: str
    bad: BadRecord | None
    first: int
    last: int
    writers: int
    heads: int
    checkpoint: Checkpoint | None
    note: str | None
    cosigned: tuple[tuple[VerificationKey, int], ...]
    witnessed: bool | None


def failed_verdict(failed: VerificationFailed, walk: Walk, heads: int) -> Verdict:
    """Return the verdict of a verification that ended at *failed*."""
    return Verdict(
        failed.outcome,
        failed.finding,
        failed.bad,
        walk.count,
        len(walk.chains),
        heads,
        failed.tail,
        pruned=walk.pruned,
        unfinished=failed.unfinished,
    )

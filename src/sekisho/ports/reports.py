"""What a monthly report reads of the audit log: figures and the proof of the records that they are counted from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sekisho.audit_verify.verdict import RangeVerdict
from sekisho.domain.month import Month
from sekisho.domain.monthly_tally import MonthlyTally, ProvisionKey


@dataclass(frozen=True, slots=True)
class MonthRead:
    """A month as the log has it.

    Attributes
    ----------
    tally:
        The figures.
    unreadable:
        Records that could not be read; of a log that is what was written there are none.
    people:
        How many distinct people each third party received data about; ``None`` when there were too many to count.
    verdict:
        What the check of these records found.
    key:
        The key with which they were checked.
    """

    tally: MonthlyTally
    unreadable: int
    people: Mapping[ProvisionKey, int] | None
    verdict: RangeVerdict
    key: str


class MonthlyRecords(Protocol):
    """The audit log, a month at a time."""

    async def read(self, month: Month, upto: int, told: Callable[[float], None]) -> MonthRead:
        """Read the records of *month* up to number *upto*, and check them.

        *told* is told how much is done. Raises ``AuditUnavailable``.
        """

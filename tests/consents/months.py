"""Months for the report, put together without a database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sekisho.audit_verify import Outcome
from sekisho.audit_verify.verdict import RangeVerdict
from sekisho.domain.chain import BadRecord
from sekisho.domain.checkpoint import Checkpoint
from sekisho.domain.month import Month
from sekisho.domain.monthly_tally import MonthlyTally, ProvisionKey
from sekisho.ports.reports import MonthRead

OK = RangeVerdict(
    Outcome.OK, "", None, 1, 9, 1, 2, Checkpoint("sekisho/audit", 9, b"r" * 32), "sekisho/audit\n9\n", (), None
)
TAMPERED = RangeVerdict(
    Outcome.TAMPERED, "<the record> was changed", BadRecord("w", 3, 4, "<id>"), 1, 9, 1, 2, None, None, (), False
)


def month_of(
    records: Iterable[Mapping[str, Any]],
    month: Month,
    verdict: RangeVerdict = OK,
    people: Mapping[ProvisionKey, int] | None = None,
) -> MonthRead:
    """Return a month in which *records* happened."""
    tally = MonthlyTally(month)
    for record in records:
        tally.add(record)
    return MonthRead(tally, 0, people, verdict, "sekisho/audit+00000000+AA==")


class NoRecords:
    """Implements ``ports.reports.MonthlyRecords`` over an empty log."""

    async def read(self, month: Month, upto: int, told: Callable[[float], None]) -> MonthRead:
        """See the port."""
        told(1.0)
        return month_of([], month)

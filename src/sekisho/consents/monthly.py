"""The monthly report on compliance: what the audit log says of a month, counted, checked and told in words.

Everything is counted from the records themselves, which are checked as they are read, so that the figures are those
of a log that is what was written, or the report says that they are not. Who has a report made is on record first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from typing import Any, Final

from sekisho.consents.monthly_figures import figures_of, local
from sekisho.consents.parts import Parts
from sekisho.consents.provisions import ROLES
from sekisho.domain.month import Month
from sekisho.domain.record import timestamp
from sekisho.domain.terms import Requester
from sekisho.errors import AccessDenied, InvalidRequest
from sekisho.ports import AuditEntry
from sekisho.ports.reports import MonthlyRecords

Titles = Callable[[], Mapping[str, Mapping[str, str]]]
"""Answers what the reasons of the policies are called, by reason and language."""

FORMAT: Final = "report"
"""What the record of a report calls its format, among those of exports."""


class MonthlyReports:
    """The use case of this module.

    Parameters
    ----------
    parts:
        The ports.
    records:
        Reads the log.
    zone:
        Where a day begins.
    controller:
        ``name`` and ``contact``.
    reasons:
        Texts of the policies.
    """

    def __init__(
        self, parts: Parts, records: MonthlyRecords, zone: tzinfo, controller: Mapping[str, str], reasons: Titles
    ) -> None:
        self._parts, self._records, self._zone = parts, records, zone
        self._controller, self._reasons = dict(controller), reasons
        self._one = asyncio.Lock()  # a report reads much

    async def figures(
        self, requester: Requester, month: str | None = None, told: Callable[[float], None] = lambda _: None
    ) -> dict[str, Any]:
        """Return the figures of *month* (``2026-10``) as JSON values; left out, of the last one that is over.

        Raises ``AccessDenied`` for anybody but the privacy officer and the auditor, ``InvalidRequest`` for a month
        that has not begun, ``AuditUnavailable``.
        """
        if requester.roles.isdisjoint(ROLES):
            raise AccessDenied("Reports are for the privacy officer and the auditor.")
        now = self._parts.clock.now()
        asked = self._month(month, now)
        fields = {
            "requester": requester.name,
            "format": FORMAT,
            "since": timestamp(asked.since),
            "until": timestamp(asked.until),
        }
        made = await self._parts.audit.append(AuditEntry("export.create", fields))
        async with self._one:
            read = await self._records.read(asked, made.seq, told)
        reasons = await asyncio.to_thread(self._reasons)
        figures = figures_of(self._parts.catalogue, read, reasons, now)
        return {
            **figures,
            "generated_at": local(now, self._zone),
            "controller": self._controller,
            "record": {"id": made.id, "seq": made.seq},
        }

    def _month(self, month: str | None, now: datetime) -> Month:
        try:
            asked = Month.before(now, self._zone) if month is None else Month.parse(month, self._zone)
        except ValueError:
            raise InvalidRequest("A month is written as 2026-10.") from None
        if asked.since > now:
            raise InvalidRequest("This month has not begun.")
        return asked

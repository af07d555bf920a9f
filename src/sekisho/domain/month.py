"""A calendar month of a place: its edges as instants, and the days between them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo

from sekisho.domain.record import timestamp

_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])", re.ASCII)


class Month:
    """One month, as the clocks of *zone* tell it.

    Attributes
    ----------
    name:
        ``2026-10``.
    since, until:
        Its first instant, and the first one after it, in UTC.
    first, last:
        The same as records spell times, so that texts can be compared.
    days:
        Its days, in order.
    """

    def __init__(self, year: int, number: int, zone: tzinfo) -> None:
        following = (year + number // 12, number % 12 + 1)
        self.name = f"{year:04}-{number:02}"
        self.zone = zone
        self.since = datetime(year, number, 1, tzinfo=zone).astimezone(UTC)
        self.until = datetime(*following, 1, tzinfo=zone).astimezone(UTC)
        self.first, self.last = timestamp(self.since), timestamp(self.until)
        count = (date(*following, 1) - date(year, number, 1)).days
        self.days = [date(year, number, 1) + timedelta(days=day) for day in range(count)]
        self._by_minute: dict[str, int] = {}

    @classmethod
    def parse(cls, text: str, zone: tzinfo) -> Month:
        """Return the month that *text* names. Raises ``ValueError`` when it names none."""
        found = _MONTH.fullmatch(text)
        if found is None:
            raise ValueError("a month is written as 2026-10")
        return cls(int(found[1]), int(found[2]), zone)

    @classmethod
    def before(cls, instant: datetime, zone: tzinfo) -> Month:
        """Return the last month that was over at *instant*."""
        local = instant.astimezone(zone)
        return cls(local.year - (local.month == 1), (local.month - 2) % 12 + 1, zone)

    def holds(self, at: str) -> bool:
        """Return whether *at*, as a record spells it, lies in this month."""
        return self.first <= at < self.last

    def day_of(self, at: str) -> int:
        """Return the place of the day on which *at* lies, from 0; *at* must lie in this month."""
        minute = at[:16]  # no clock of a place moves within a minute
        day = self._by_minute.get(minute)
        if day is None:
            day = datetime.fromisoformat(f"{minute}:00+00:00").astimezone(self.zone).day - 1
            self._by_minute[minute] = day
        return day

"""Times as the outside spells them: RFC 3339, and nothing else that a parser would take for a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)


def instant_of(text: object) -> datetime:
    """Return the instant, in UTC, that *text* spells as RFC 3339 does (section 5.6): date, time and offset.

    Raises ``ValueError`` for everything else, also for a bare number, a date, a week or a time without its offset:
    what a parser guesses from those may be decades off.
    """
    if not isinstance(text, str) or not _RFC3339.fullmatch(text):
        raise ValueError("no RFC 3339 time")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError:  # at either end of the calendar an offset leads to a year that there is not
        raise ValueError("no time in UTC") from None

"""Instants of SQLite, which has no type for them: one text for each, whatever spelling the store holds.

The text is that of SQLite's own ``datetime()``: ``2026-11-02 10:00:00``, in UTC, with the digits of a fraction behind
where there are any (six at most, no zero at the end). So two texts are equal where their instants are, and stand in
the order of time. What is stored so already costs one call; other spellings take longer.

Read are a day; a day and hours and minutes, with or without seconds, a fraction of them, and an offset (``Z``,
``+09:00``, ``+0900``, ``+09``, up to 14:59); a space or a ``T`` between the two. Without an offset it is UTC, as the
other engines have it. Anything else is no instant, and NULL.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

_PLAIN = "SUBSTR(c, 1, 10) || ' ' || SUBSTR(c, 12, 8)"
# SQLite's own date would be the 3rd of March for a 31st of February.
_IS_DAY = "COALESCE(DATE(SUBSTR(c, 1, 10), '+0 days'), '') = SUBSTR(c, 1, 10)"
_IS_TIME = "SUBSTR(c, 11, 6) GLOB '[ T][0-2][0-9]:[0-5][0-9]' AND SUBSTR(c, 12, 2) < '24'"
_FRACTION = (
    "CASE WHEN SUBSTR(c, 17, 1) = ':' AND SUBSTR(c, 20, 1) = '.' THEN RTRIM(RTRIM(SUBSTR(SUBSTR(c, 20,"
    " LENGTH(c) - 19 - LENGTH(LTRIM(SUBSTR(c, 21), '0123456789'))), 1, 7), '0'), '.') ELSE '' END"
)
_REST = "LTRIM(SUBSTR(c, 17), ' :.0123456789')"  # the offset, and blanks behind it
_OFFSET = f"RTRIM({_REST})"
_DIGITS = f"(REPLACE(SUBSTR({_OFFSET}, 2), ':', '') || '00')"
_BACK = (
    f"CASE WHEN {_OFFSET} IN ('', 'Z', 'z') THEN '+0 days' WHEN SUBSTR({_OFFSET}, 2, 2) <= '14'"
    f" AND ({_OFFSET} GLOB '[+-][01][0-9]' OR {_OFFSET} GLOB '[+-][01][0-9][0-5][0-9]'"
    f" OR {_OFFSET} GLOB '[+-][01][0-9]:[0-5][0-9]') THEN CASE SUBSTR({_OFFSET}, 1, 1) WHEN '+' THEN '-' ELSE '+' END"
    f" || SUBSTR({_DIGITS}, 1, 2) || ':' || SUBSTR({_DIGITS}, 3, 2) END"
)
# In a leap year: with its fraction the last instant of the year 9999 would be rounded up, beyond what SQLite has.
_IS_WRITTEN = f"DATETIME('2000' || SUBSTR(c, 5, LENGTH(c) - 4 - LENGTH({_REST})))"
_CLOCK = "SUBSTR(c, 1, CASE SUBSTR(c, 17, 1) WHEN ':' THEN 19 ELSE 16 END)"

COLUMN = (
    "CASE WHEN c < '0001-' THEN NULL"  # also numbers; what is compared is a text in a column of any type
    " WHEN c = DATETIME(c, '+0 days') THEN c"
    f" WHEN {_PLAIN} = DATETIME(c, '+0 days') AND SUBSTR(c, 11, 1) IN (' ', 'T') THEN {_PLAIN} || {_FRACTION}"
    f" WHEN NOT {_IS_DAY} THEN NULL"
    " WHEN LENGTH(c) = 10 THEN c || ' 00:00:00'"
    f" WHEN NOT ({_IS_TIME}) THEN NULL"
    " WHEN INSTR(c, '.') = 0 AND NOT DATETIME(c) IS NULL THEN DATETIME(c, '+0 days')"
    # As Python writes it: a fraction, and an offset of six characters. It is read by what follows, too, but slowly.
    " WHEN SUBSTR(c, 17, 1) = ':' AND SUBSTR(c, 20, 2) GLOB '.[0-9]'"
    " AND SUBSTR(c, -6) GLOB '[+-][0-9][0-9]:[0-9][0-9]' AND LENGTH(LTRIM(SUBSTR(c, 21), '0123456789')) = 6"
    " THEN DATETIME(SUBSTR(c, 1, 19) || SUBSTR(c, -6), '+0 days')"
    " || RTRIM(RTRIM(SUBSTR(c, 20, MIN(7, LENGTH(c) - 25)), '0'), '.')"
    f" WHEN {_IS_WRITTEN} IS NULL THEN NULL"
    f" ELSE DATETIME({_CLOCK}, {_BACK}) || {_FRACTION} END"
)
"""The text of the instant that a column ``c`` holds. It names the column often, and fails on no value."""

OPERAND = "RTRIM(RTRIM(STRFTIME('%Y-%m-%d %H:%M:%f', c), '0'), '.')"
"""The text of the instant that an expression ``c`` tells, to the millisecond. It names the expression once."""

_SPELLED = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d)(?:(:\d\d)(?:\.(\d+))?)? *(?:([+-])(\d\d)(?::?(\d\d))?|[Zz])? *)?", re.ASCII
)


def canonical(text: str) -> str | None:
    """Return the text of the instant that *text* spells, as :data:`COLUMN` tells it.

    ``None`` where it is none, and where it lies in the year before the first, of which Python knows nothing.
    """
    found = _SPELLED.fullmatch(text)
    if found is None:
        return None
    day, minutes, seconds, fraction, sign, hours, rest = found.groups()
    try:
        instant = datetime.fromisoformat(f"{day} {minutes or '00:00'}{seconds or ':00'}")
        if sign is not None:
            offset = timedelta(hours=int(hours), minutes=int(rest or 0))
            if int(hours) > 14 or int(rest or 0) > 59:
                return None
            instant += -offset if sign == "+" else offset
    except (ValueError, OverflowError):
        return None
    digits = (fraction or "")[:6].rstrip("0")
    return instant.isoformat(" ") + (f".{digits}" if digits else "")


def day_from(text: str, days: int) -> str:
    """Return the day that lies *days* after that of a canonical *text*.

    Beyond the calendar it is what stands before all days, or after them.
    """
    try:
        return (date.fromisoformat(text[:10]) + timedelta(days=days)).isoformat()
    except OverflowError:
        return "" if days < 0 else ":"

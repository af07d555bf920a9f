"""Japan's telephone numbering plan: what kind of number a row of digits is.

The table follows the plan of the Ministry of Internal Affairs and Communications (電気通信番号計画) and holds
what ``phonenumbers`` holds for region JP; it is our own because a look-up there takes longer than the whole
rest of a text. ``tests/detect/test_phones.py`` holds the two against each other.
"""

from __future__ import annotations

import re
from enum import StrEnum


class PhoneType(StrEnum):
    """What answers at a number. Toll-free and navigation numbers are companies' nearly always."""

    MOBILE = "mobile"
    FIXED = "fixed"
    IP = "ip"
    PAGER = "pager"  # 020: pagers and machines
    TOLL_FREE = "toll_free"
    NAVIGATION = "navigation"  # 0570
    PREMIUM = "premium"
    PERSONAL = "personal"  # 060 with ten digits
    ABROAD = "abroad"


_PLAN = re.compile(
    r"(?P<mobile>0[6-9]0[1-9][0-9]{7})"
    r"|(?P<ip>050[1-9][0-9]{7})"
    r"|(?P<pager>020(?:[1-9][0-9]{7}|[0-9]{11}))"
    r"|(?P<toll_free>0120[0-9]{6}|0800[0-9]{7})"
    r"|(?P<navigation>0570[0-9]{6})"
    r"|(?P<premium>0990[0-9]{6})"
    r"|(?P<personal>060[0-9]{7})"
    # The second digit is the region; the areas of each begin with these.
    r"|(?P<fixed>0(?:[136][1-9]|[245789][2-9])[0-9]{7})"
)


def national(digits: str, *, plus: bool) -> str | None:
    """Return the digits of a number of Japan as they are dialled inside it (``0…``), ``None`` for one abroad.

    Parameters
    ----------
    digits:
        All digits, country code included; a zero in brackets after it is left out.
    plus:
        Whether a plus sign stands before.
    """
    if digits.startswith("0") and not plus:
        return "0" + digits[5:].removeprefix("0") if digits.startswith("01081") else digits
    if digits.startswith("81") and (plus or len(digits) in {11, 12}):
        return "0" + digits[2:].removeprefix("0")
    return None


def plan(digits: str) -> str | None:
    """Return the name of the type of a number dialled inside Japan, ``None`` when no such number is given out."""
    match = _PLAN.fullmatch(digits)
    return match.lastgroup if match else None


def phone_type(digits: str, *, plus: bool = False) -> PhoneType | None:
    """Return the type of a number by its *digits*, ``None`` when no such number is given out."""
    inside = national(digits, plus=plus)
    if inside is None:
        return PhoneType.ABROAD if plus and 8 <= len(digits) <= 15 else None
    name = plan(inside)
    return PhoneType(name) if name else None

"""What a single value is, by itself: a validator for each kind, for columns and for literals.

``VALIDATORS[kind](value)`` answers for the *whole* value, whatever its width, dashes and spaces:

- ``None``: the value has not the form of the kind;
- ``Match(checked, detail)``: it has. ``checked`` is ``True`` or ``False`` by the kind's check digit, or by
  its table (dates that exist, known schemes, country lengths), and ``None`` for a kind that has neither.
  ``detail`` says more where there is more: the type of a phone (``mobile``, ``fixed``, ``toll_free`` …), the
  scheme of a card (``jcb``), the country of an IBAN, the law of an insurer.

One check digit lets a tenth of random values pass: the share of a column's values that are ``checked`` is
evidence against that base rate, one value is not. ``NAME`` has no validator here.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from sekisho.detect import checks
from sekisho.detect.dates import read_date
from sekisho.detect.normalise import fold
from sekisho.detect.phones import phone_type
from sekisho.detect.spans import Kind

MAX_VALUE_CHARS = 400
"""A longer value is no single value of any kind."""


class Match(NamedTuple):
    """A value that has the form of a kind: whether its check digit or table agrees, and what more is known."""

    checked: bool | None = None
    detail: str | None = None


Validator = Callable[[str], Match | None]
"""Takes a value, folded and stripped; returns what it is of one kind, or ``None``."""

_SEPARATORS = str.maketrans("", "", " -.()/")
_DIGITS = re.compile(r"[0-9][0-9 -]*")


def matches(kind: Kind, value: str) -> Match | None:
    """Return whether the whole *value* is of *kind*; see the module. An unknown kind matches nothing."""
    if len(value) > MAX_VALUE_CHARS or kind not in _FORMS:
        return None
    return _FORMS[kind](fold(value).text.strip())


def _row(value: str, *lengths: int) -> str | None:
    """Return the digits of *value* when it is one row of them, grouped by spaces or hyphens or not at all."""
    if not _DIGITS.fullmatch(value):
        return None
    digits = value.translate(_SEPARATORS)
    return digits if not lengths or len(digits) in lengths else None


def _checked(check: Callable[[str], bool], *lengths: int) -> Validator:
    """Return a validator for a row of digits with a check digit."""

    def validate(value: str) -> Match | None:
        digits = _row(value, *lengths)
        return None if digits is None else Match(check(digits))

    return validate


def _shaped(pattern: str) -> Validator:
    """Return a validator for a kind that is a form alone."""
    shape = re.compile(pattern)
    return lambda value: Match() if shape.fullmatch(value) else None


def _card(value: str) -> Match | None:
    digits = _row(value, *range(12, 20))
    if digits is None:
        return None
    scheme = checks.card_scheme(digits)
    return Match(scheme is not None and checks.luhn_valid(digits), scheme)


def _phone(value: str) -> Match | None:
    value = re.sub(r"^(?i:tel|fax|phone|電話)[:. ]*", "", value)
    plus = value.startswith(("+", "(+"))
    digits = value.replace("(0)", "" if plus else "0").replace("+", "", 1).translate(_SEPARATORS)
    if not (digits.isascii() and digits.isdigit() and 9 <= len(digits) <= 15):
        return None
    if not plus and digits[0] != "0" and not digits.startswith("81"):
        return None
    kind = phone_type(digits, plus=plus)
    return Match(kind is not None, kind.value if kind else None)


def _invoice(value: str) -> Match | None:
    if value[:1] not in {"T", "t"}:
        return None
    digits = _row(value[1:].lstrip(" -"), 13)
    return None if digits is None else Match(checks.corporate_number_valid(digits))


def _licence(value: str) -> Match | None:
    digits = _row(value, 12)
    return None if digits is None else Match(checks.licence_valid(digits))


def _insurer(value: str) -> Match | None:
    digits = _row(value, 6, 8)
    if digits is None:
        return None
    return Match(checks.insurer_valid(digits), digits[:2] if len(digits) == 8 else "national")


def _iban(value: str) -> Match | None:
    text = value.replace(" ", "").upper()
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[0-9A-Z]{10,30}", text):
        return None
    country = text[:2]
    return Match(checks.iban_length(country) == len(text) and checks.iban_valid(text), country)


def _ip(value: str) -> Match | None:
    try:
        return Match(True, f"v{ipaddress.ip_address(value).version}")
    except ValueError:
        return None


def _birth_date(value: str) -> Match | None:
    # A time of day behind the date belongs to the column's type.
    value = re.sub(r"[T ][0-9]{1,2}:[0-9]{2}.*$", "", value)
    if not _DATE_FORM.fullmatch(value):
        return None
    day = read_date(value)
    return Match(day is not None and day.year >= 1900, str(day.year) if day else None)


_DATE_FORM = re.compile(
    r"(?:西暦\s?)?[0-9]{4}\s?[-/.年]\s?[0-9]{1,2}\s?[-/.月]\s?[0-9]{1,2}\s?日?|(?:18|19|20)[0-9]{6}"
    r"|(?:令和|平成|昭和|大正|明治|[RHSTMrhstm]\.?)\s?[0-9元〇一二三四五六七八九十]{1,3}\s?[-/.年]\s?"
    r"[0-9〇一二三四五六七八九十]{1,3}\s?[-/.月]\s?[0-9〇一二三四五六七八九十]{1,3}\s?日?"
    r"|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4}"
    r"|[0-9]{1,2} [A-Z][A-Za-z]{2,8},? [0-9]{4}|[A-Z][A-Za-z]{2,8} [0-9]{1,2},? [0-9]{4}"
)


def _pension(value: str) -> Match | None:
    return Match() if re.fullmatch(r"[0-9]{4}[- ]?[0-9]{6}", value) else None


def _age(value: str) -> Match | None:
    found = re.fullmatch(r"(?:満)?([0-9]{1,3})\s?(?:歳|才|years? old)?", value)
    return Match(int(found[1]) <= 122) if found else None


def _device(value: str) -> Match | None:
    if not re.fullmatch(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", value):
        return None
    return Match(set(value) > {"0", "-"}, "upper" if value.isupper() else "lower")


# Countries of banks without IBAN.
_BANKING = frozenset(("JP", "US", "CN", "HK", "SG", "KR", "TW", "IN", "AU", "NZ", "CA", "TH", "VN", "ID", "MY", "PH"))


def _swift(value: str) -> Match | None:
    found = re.fullmatch(r"[A-Z]{4}([A-Z]{2})[A-Z0-9]{2}(?:[A-Z0-9]{3})?", value)
    return Match(checks.iban_length(found[1]) is not None or found[1] in _BANKING, found[1]) if found else None


def _postal(value: str) -> Match | None:
    found = re.fullmatch(r"〒?\s?([0-9]{3})[- ]?([0-9]{4})", value)
    # No code begins with 000; 100 to 102 and so on are not looked up: the table changes monthly.
    return Match(found[1] >= "001") if found else None


def _address(value: str) -> Match | None:
    from sekisho.detect.addresses import find_addresses  # noqa: PLC0415 - patterns are compiled at first use

    text = re.sub(r"^〒?\s?[0-9]{3}-?[0-9]{4}\s*", "", value)
    spans = sorted(span[:2] for span in find_addresses(text) if span.kind is Kind.ADDRESS)
    reached = 0
    for start, end in spans:
        if start > reached + 1:
            break
        reached = max(reached, end)
    return Match() if reached and reached >= 0.6 * len(text) else None


_FORMS: Mapping[Kind, Validator] = {
    Kind.EMAIL: _shaped(r"[0-9A-Za-z.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[0-9A-Za-z-]{1,63}\.){1,8}[A-Za-z]{2,24}"),
    Kind.PHONE: _phone,
    Kind.CARD: _card,
    Kind.POSTAL_CODE: _postal,
    Kind.ADDRESS: _address,
    Kind.BIRTH_DATE: _birth_date,
    Kind.AGE: _age,
    Kind.MY_NUMBER: _checked(checks.my_number_valid, 12),
    Kind.RESIDENT_CODE: _checked(checks.resident_code_valid, 11),
    Kind.CORPORATE_NUMBER: _checked(checks.corporate_number_valid, 13),
    Kind.INVOICE_NUMBER: _invoice,
    Kind.DRIVERS_LICENCE: _licence,
    Kind.RESIDENCE_CARD: _shaped(r"[A-Z]{2} ?-?[0-9]{8} ?-?[A-Z]{2}"),
    Kind.PASSPORT: _shaped(r"[A-Z]{2} ?[0-9]{7}"),
    Kind.INSURER_NUMBER: _insurer,
    Kind.INSURED_NUMBER: _shaped(r"[^\W_]{0,8}[-・ ]?[0-9]{1,10}(?:[-・ ][0-9]{1,9}){0,2}"),
    Kind.BENEFICIARY_NUMBER: _checked(checks.luhn_valid, 7, 8, 10),
    Kind.PENSION_NUMBER: _pension,
    Kind.EMPLOYMENT_INSURANCE: _shaped(r"[0-9]{4}-?[0-9]{6}-?[0-9]"),
    Kind.BANK_ACCOUNT: _shaped(r"(?:[0-9]{4}[- ]?[0-9]{3}[- ]?(?:[124][- ]?)?)?[0-9]{7}"),
    Kind.POSTAL_ACCOUNT: _shaped(r"1[0-9]{3}0[- ][0-9]{1,7}1|0[0-9]{4}-(?:[0-9]-)?[0-9]{1,6}|1[0-9]{3}0[0-9]{7}1"),
    Kind.IBAN: _iban,
    Kind.SWIFT: _swift,
    Kind.IP: _ip,
    Kind.MAC: _shaped(
        r"[0-9A-Fa-f]{2}([:-])[0-9A-Fa-f]{2}(?:\1[0-9A-Fa-f]{2}){4}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}"
    ),
    Kind.URL: _shaped(r"(?i:https?|ftp)://\S+|www\.\S+"),
    Kind.LINE_ID: _shaped(r"[UCR][0-9a-f]{32}"),
    Kind.DEVICE_ID: _device,
    Kind.ADVERTISING_ID: _device,
    Kind.COOKIE_ID: _shaped(r"GA1\.[0-9]{1,2}\.[0-9]{5,12}\.[0-9]{10}|fb\.[0-2]\.[0-9]{13}\.\S+|GS[12]\.[0-9]\.\S+"),
    Kind.NUMBER_PLATE: _shaped(
        r"[^\W0-9A-Za-z_]{1,4}\s?[0-9][0-9A-Z]{0,2}\s?[ぁ-んA-Z]\s?(?:[0-9]{1,2}-[0-9]{2}|[0-9・.]{1,4})"
    ),
}

VALIDATORS: Mapping[Kind, Callable[[str], Match | None]] = {kind: partial(matches, kind) for kind in _FORMS}
"""For each kind with a form of its own, the function that judges a whole value (not folded, not stripped)."""

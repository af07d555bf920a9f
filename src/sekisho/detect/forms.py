"""What a row of digits is: by the word beside it first, then by its own form, validators in order of priority."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from sekisho.detect import checks
from sekisho.detect.phones import PhoneType, phone_type, plan
from sekisho.detect.spans import Kind


class Row(NamedTuple):
    """Digits, the lengths of the groups that they are written in, and whether a plus stands before."""

    digits: str
    shape: list[int]
    plus: bool = False


Found = tuple[Kind, float]
"""A kind and its score."""

SHORTEST = 10
"""Digits of what says by itself what it is: a telephone number."""
_PASSED, _LABELLED, _SURE = 0.95, 0.85, 0.8
_PHONE, _CARD = Kind.PHONE, Kind.CARD  # looked up by their names they cost as much as the rest of a reading
_COMPANY = frozenset({PhoneType.TOLL_FREE, PhoneType.NAVIGATION, PhoneType.PREMIUM})
_DIALLED_ABROAD = re.compile("0(?:0[1-9]|10)")


def by_label(kind: Kind, row: Row, *, direct: bool) -> Found | None:
    """Return what *row* is when a word for *kind* stands near it, *direct* when nothing stands between."""
    length = len(row.digits)
    form = _LABELLED_FORMS.get(kind)
    if form is None:
        return None
    lengths, check = form
    if length not in lengths:
        return None
    if not direct and kind in _DIRECT_ONLY:
        return None
    if check is not None and check(row.digits):
        return kind, _PASSED
    return kind, _LABELLED if direct else 0.7


_LABELLED_FORMS: Mapping[Kind, tuple[frozenset[int] | range, Callable[[str], bool] | None]] = {
    Kind.MY_NUMBER: (frozenset({12}), checks.my_number_valid),
    Kind.RESIDENT_CODE: (frozenset({11}), checks.resident_code_valid),
    Kind.CORPORATE_NUMBER: (frozenset({13}), checks.corporate_number_valid),
    Kind.INVOICE_NUMBER: (frozenset({13}), checks.corporate_number_valid),
    Kind.DRIVERS_LICENCE: (frozenset({12}), checks.licence_valid),
    Kind.INSURER_NUMBER: (frozenset({6, 8}), checks.insurer_valid),
    Kind.INSURED_NUMBER: (range(3, 12), None),
    Kind.BENEFICIARY_NUMBER: (range(7, 11), checks.luhn_valid),
    Kind.PENSION_NUMBER: (frozenset({10}), None),
    Kind.EMPLOYMENT_INSURANCE: (frozenset({11}), None),
    Kind.BANK_ACCOUNT: (frozenset({6, 7, 8, 14, 15}), None),
    Kind.POSTAL_ACCOUNT: (range(7, 14), None),
}
_FEWEST, _TOO_MANY = 7, 2  # digits
MISTYPED = frozenset((Kind.MY_NUMBER, Kind.RESIDENT_CODE, Kind.INSURER_NUMBER, Kind.PENSION_NUMBER))
"""Kinds of a fixed number of digits, whose labels say enough to mask one with some too few or too many."""
_DIRECT_ONLY = frozenset({Kind.INSURED_NUMBER})


def by_form(row: Row) -> Found | None:
    """Return what *row* is by its digits and groups alone."""
    digits, shape, plus = row
    length = len(digits)
    if length < SHORTEST and not plus:
        return None
    if 12 <= length <= 19 and not plus:
        if shape[0] == 4 or len(shape) == 1:
            if checks.card_number_valid(digits) and not is_article(digits):
                return _CARD, _PASSED
            if shape == [4, 4, 4, 4]:
                return _CARD, 0.5  # a mistyped card is a card
        if length == 12 and shape in ([12], [4, 4, 4]) and checks.my_number_valid(digits) and digits.strip("0"):
            return Kind.MY_NUMBER, 0.5
    if (phone := _phone(digits, shape, plus=plus)) is not None:
        return _PHONE, phone
    if shape == [4, 6, 1]:
        return Kind.EMPLOYMENT_INSURANCE, 0.5
    if shape == [4, 6]:
        return Kind.PENSION_NUMBER, 0.4
    return None


def mistyped(kind: Kind, row: Row) -> Found | None:
    """Return a number directly behind a label for *kind* with digits too few or too many: it is somebody's, too."""
    form = _LABELLED_FORMS[kind]
    if is_day(row.digits) or not _FEWEST <= len(row.digits) <= max(form[0]) + _TOO_MANY:
        return None
    return kind, 0.5


def in_groups(number: str, label: object) -> Found | None:
    """Return what a labelled *number* with spaces is: a phone or card by its form, else what its label says."""
    groups = number.split(" ")
    row = Row("".join(groups), [*map(len, groups)])
    found = by_form(row)
    if (found is None or found[1] < _SURE) and isinstance(label, Kind):
        return by_label(label, row, direct=True) or found
    return found


def card_by_label(row: Row) -> Found | None:
    """Return a card number beside a word for cards, whatever its check digit: a mistyped card is a card."""
    if 13 <= len(row.digits) <= 19 and (row.shape[0] == 4 or len(row.shape) == 1):
        return Kind.CARD, _PASSED if checks.card_number_valid(row.digits) else 0.8
    return None


def phone_by_label(row: Row, *, direct: bool) -> Found | None:
    """Return a number beside a word for telephones that no plan knows: abroad, local, mistyped."""
    if (6 if direct else 9) <= len(row.digits) <= 15:
        return Kind.PHONE, 0.7 if direct else 0.5
    return None


def is_article(digits: str) -> bool:
    """Return whether *digits* are the number of an article: JAN, EAN or ISBN, by prefix and check digit."""
    return len(digits) == 13 and digits[:2] in {"45", "49", "97"} and checks.article_number_valid(digits)


def is_day(digits: str) -> bool:
    """Return whether *digits* are a day, or a day and a time: ``20261121``, ``20261121103000``."""
    return (
        len(digits) in {8, 12, 14}
        and "1900" <= digits[:4] <= "2099"
        and "01" <= digits[4:6] <= "12"
        and "01" <= digits[6:8] <= "31"
        and (len(digits) == 8 or (digits[8:10] <= "23" and digits[10:12] <= "59"))
    )


def _phone(digits: str, shape: list[int], *, plus: bool) -> float | None:
    """Return how much a row is dialled: Japan's plan, E.164 after a plus, North American groups."""
    length = len(digits)
    if plus:
        if digits.startswith("81"):
            return 0.9 if phone_type(digits, plus=True) else 0.5
        return 0.9 if 8 <= length <= 15 else None
    if digits[0] == "0":
        if length in {10, 11} or (length == 14 and digits.startswith("020")):
            # The last group has three or more digits, or this is a date.
            if digits[1] == "0" or shape[-1] < 3:
                return None
            if length == 11 and digits[2] == "0" != digits[3] and digits[1] in "6789":
                return 0.85  # a mobile phone, most of all
            kind = plan(digits)
            if kind is None:
                return 0.4 if len(shape) > 1 or digits[1:3] in {"90", "80", "70", "60", "50"} else None
            if kind in _COMPANY:
                return 0.4
            if shape == [4, 6]:
                return None  # a pension number more likely
            return 0.85 if len(shape) > 1 or kind == PhoneType.MOBILE else 0.6
        if 12 <= length <= 16 and _DIALLED_ABROAD.match(digits) and shape[-1] >= 3:
            return 0.6
        return None
    if digits.startswith("81") and length in {11, 12}:
        return 0.6 if (len(shape) >= 3 and shape[-1] == 4) or phone_type(digits) is PhoneType.MOBILE else None
    return 0.5 if shape in ([3, 3, 4], [1, 3, 3, 4]) else None

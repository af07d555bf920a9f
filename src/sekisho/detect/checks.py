"""Check digits. One digit modulo 10 or 11 lets a tenth of random numbers pass: it is a hint, not proof."""

from __future__ import annotations

import re

_MY_NUMBER_WEIGHTS = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)

# Issuer prefixes with the lengths that they come in (ISO/IEC 7812; the schemes' public tables).
_ISSUERS = re.compile(
    r"4[0-9]{12}(?:[0-9]{3}){0,2}"  # Visa: 13, 16, 19
    r"|(?:5[1-5]|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12,14}"  # Mastercard, checked to 16
    r"|3[47][0-9]{13}"  # American Express
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12,15}"  # JCB
    r"|3(?:0[0-59]|[689][0-9])[0-9]{11,16}"  # Diners Club
    r"|6(?:011|4[4-9][0-9]|5[0-9]{2})[0-9]{12,15}"  # Discover
    r"|62[0-9]{14,17}"  # UnionPay
)


def luhn_valid(digits: str) -> bool:
    """Return whether ASCII *digits* pass the Luhn check (ISO/IEC 7812-1, annex B)."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = ord(digit) - 48
        if position % 2:
            value *= 2
            if value > 9:
                value -= 9
        total += value
    return total % 10 == 0


def card_number_valid(digits: str) -> bool:
    """Return whether *digits* start like a card of a known scheme, have its length, and pass the Luhn check."""
    return _ISSUERS.fullmatch(digits) is not None and luhn_valid(digits)


def my_number_valid(digits: str) -> bool:
    """Return whether 12 *digits* carry the check digit of an Individual Number (個人番号, マイナンバー).

    The rule stands in the ordinance on Individual Numbers (平成26年総務省令第85号, article 5): weights
    6 5 4 3 2 7 6 5 4 3 2 from the left, modulo 11; a remainder of 0 or 1 gives 0, else 11 less the remainder.
    """
    if len(digits) != 12 or not (digits.isascii() and digits.isdigit()):
        return False
    rest = sum(int(digit) * weight for digit, weight in zip(digits, _MY_NUMBER_WEIGHTS, strict=False)) % 11
    return int(digits[11]) == (0 if rest <= 1 else 11 - rest)


def iban_valid(text: str) -> bool:
    """Return whether *text*, without spaces and in capitals, passes the check of ISO 13616 (modulo 97)."""
    turned = text[4:] + text[:4]
    return int("".join(str(int(char, 36)) for char in turned)) % 97 == 1

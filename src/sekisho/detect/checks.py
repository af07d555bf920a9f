"""Check digits. One digit modulo 10 or 11 lets a tenth of random numbers pass: it is a hint, not proof."""

from __future__ import annotations

import re

# Issuer prefixes with the lengths that they come in (ISO/IEC 7812; the schemes' public tables).
_ISSUERS = re.compile(
    r"(?P<visa>4[0-9]{12}(?:[0-9]{3}){0,2})"  # 13, 16, 19
    r"|(?P<mastercard>(?:5[1-5]|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12,14})"  # checked to 16
    r"|(?P<amex>3[47][0-9]{13})"
    r"|(?P<jcb>35(?:2[89]|[3-8][0-9])[0-9]{12,15})"
    r"|(?P<diners>3(?:0[0-59]|[689][0-9])[0-9]{11,16})"
    r"|(?P<discover>6(?:011|4[4-9][0-9]|5[0-9]{2})[0-9]{12,15})"
    r"|(?P<unionpay>62[0-9]{14,17})"
)
_LUHN_DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))
_ZERO = ord("0")

# Prefectural public safety commissions, the first two digits of a driver's licence; 00: some foreign conversions.
_LICENCE_AUTHORITIES = frozenset(
    f"{code:02d}"
    for low, high in (
        (0, 0), (10, 14), (20, 25), (30, 30), (40, 55), (60, 65), (70, 74), (80, 83), (90, 97),
    )
    for code in range(low, high + 1)
)  # fmt: skip

# Characters of an IBAN by country: the IBAN registry of SWIFT (ISO 13616).
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18,
    "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24,
    "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24,
    "XK": 20,
}  # fmt: skip


def luhn_valid(digits: str) -> bool:
    """Return whether ASCII *digits* pass the Luhn check (ISO/IEC 7812-1, annex B)."""
    row = digits.encode()[::-1]
    once, doubled = row[::2], row[1::2].translate(_LUHN_DOUBLED)
    return (sum(once) - _ZERO * len(once) + sum(doubled)) % 10 == 0


def card_scheme(digits: str) -> str | None:
    """Return the scheme whose prefix and length *digits* have (``visa``, ``jcb`` …), whatever the check digit."""
    match = _ISSUERS.fullmatch(digits)
    return match.lastgroup if match else None


def card_number_valid(digits: str) -> bool:
    """Return whether *digits* start like a card of a known scheme, have its length, and pass the Luhn check."""
    return _ISSUERS.fullmatch(digits) is not None and luhn_valid(digits)


def _rest_of_eleven(digits: str) -> int:
    """Return the sum of *digits* under the weights 2 to 7, 2 to 7 … from the right, modulo 11."""
    return sum((ord(digit) - 48) * (place % 6 + 2) for place, digit in enumerate(reversed(digits))) % 11


def my_number_valid(digits: str) -> bool:
    """Return whether 12 *digits* carry the check digit of an Individual Number (個人番号, マイナンバー).

    The rule stands in the ordinance on Individual Numbers (平成26年総務省令第85号, article 5): weights
    6 5 4 3 2 7 6 5 4 3 2 from the left, modulo 11; a remainder of 0 or 1 gives 0, else 11 less the remainder.
    """
    if not _digits(digits, 12):
        return False
    rest = _rest_of_eleven(digits[:11])
    return int(digits[11]) == (0 if rest <= 1 else 11 - rest)


def resident_code_valid(digits: str) -> bool:
    """Return whether 11 *digits* carry the check digit of a resident record code (住民票コード).

    The ordinance of the Basic Resident Register Act (住民基本台帳法施行規則, article 1) prescribes ten random
    digits and one check digit modulo 11; the weights are taken to be those of the Individual Number, which
    is made from it. Unconfirmed: score by it, do not reject by it.
    """
    if not _digits(digits, 11):
        return False
    rest = _rest_of_eleven(digits[:10])
    return int(digits[10]) == (0 if rest <= 1 else 11 - rest)


def corporate_number_valid(digits: str) -> bool:
    """Return whether 13 *digits* carry the check digit, the first, of a corporate number (法人番号).

    平成26年財務省令第70号, article 2: 9 less the remainder modulo 9 of the sum of the other twelve, those at
    even places from the right counted twice. The example of the National Tax Agency is 7000012050002.
    """
    if not _digits(digits, 13):
        return False
    values = [ord(digit) - 48 for digit in reversed(digits[1:])]
    return int(digits[0]) == 9 - (sum(values[::2]) + 2 * sum(values[1::2])) % 9


def licence_authority_known(digits: str) -> bool:
    """Return whether a driver's licence number begins with the code of a public safety commission."""
    return digits[:2] in _LICENCE_AUTHORITIES


def licence_valid(digits: str) -> bool:
    """Return whether 12 *digits* are a driver's licence number (運転免許証) by authority and check digit.

    The eleventh digit is 11 less the sum modulo 11, modulo 10, under the weights 5 4 3 2 7 6 5 4 3 2. It is
    not published by the police; independent descriptions agree. Score by it, do not reject by it.
    """
    if not _digits(digits, 12) or not licence_authority_known(digits):
        return False
    return int(digits[10]) == (11 - _rest_of_eleven(digits[:10])) % 10


def insurer_valid(digits: str) -> bool:
    """Return whether 6 or 8 *digits* are a health insurer's number (保険者番号): prefecture and check digit.

    The check digit is the Luhn one (weights 2 1 from the right, digits of the products summed: 診療報酬請求書
    等の記載要領, 別添). Eight digits begin with the law (法別番号); the two before the insurer are the prefecture.
    """
    if not (_digits(digits, 6) or _digits(digits, 8)):
        return False
    return 1 <= int(digits[-6:-4]) <= 47 and luhn_valid(digits)


def iban_valid(text: str) -> bool:
    """Return whether *text*, without spaces and in capitals, passes the check of ISO 13616 (modulo 97)."""
    turned = text[4:] + text[:4]
    return int("".join(str(int(char, 36)) for char in turned)) % 97 == 1


def iban_length(country: str) -> int | None:
    """Return how many characters an IBAN of *country* has (IBAN registry), ``None`` where there are none."""
    return _IBAN_LENGTHS.get(country)


def article_number_valid(digits: str) -> bool:
    """Return whether 8 or 13 *digits* are an article number of GS1 (JAN, EAN): weights 3 1 from the right."""
    if not (_digits(digits, 13) or _digits(digits, 8)):
        return False
    values = [ord(digit) - 48 for digit in reversed(digits)]
    return (sum(values[::2]) + 3 * sum(values[1::2])) % 10 == 0


def _digits(text: str, length: int) -> bool:
    return len(text) == length and text.isascii() and text.isdigit()

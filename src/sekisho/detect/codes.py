"""Codes of letters and digits: cards and passports by their own form, references by their letters or label."""

from __future__ import annotations

import re

from sekisho.detect.checks import corporate_number_valid
from sekisho.detect.cues import Aside, is_cue
from sekisho.detect.forms import Found, in_groups, is_day
from sekisho.detect.spans import Kind

_GLUED_CUE = re.compile(r"(?i:tel|phone|fax|mobile|cell|call|ph|card|no|zip|num|number|id|visa|jcb|amex)\Z")
# Codes whose letters say what they are.
_ORDER_LETTERS = "ORD ORDER INV INVOICE TKT TICKET CASE REQ RMA BK BKG RSV SHP TRK REF PO SO CS RET"
_ID_LETTERS = "CUST CUS CST USR USER MEM MBR ACC ACCT CRM PID CID UID EMP ID KH PT"
_ORDER_PREFIX, _ID_PREFIX = frozenset(_ORDER_LETTERS.split()), frozenset(_ID_LETTERS.split())
_PASSPORT = re.compile(r"[A-Z]{2}[0-9]{7}")
_OWN_PASSPORT = frozenset("TMNXDO")  # ordinary for ten and five years, issued abroad, emergency, diplomatic, official
_RESIDENCE = re.compile(r"[A-Z]{2}[0-9]{8}[A-Z]{2}")
_DAY = re.compile("(?:19|20)[0-9]{2}([-_])[01]?[0-9]\\1[0-3]?[0-9]|[0-3]?[0-9]([-_])[01]?[0-9]\\2(?:19|20)[0-9]{2}")
_OWN_FORM = re.compile("[A-Z]{2}(?:[0-9]{7}|[0-9]{8}[A-Z]{2})(?![0-9A-Za-z])")
_EMPLOYMENT = re.compile("[0-9]{4}-[0-9]{6}-[0-9]")
_INVOICE = re.compile(r"T-?[0-9]{13}")
_LETTERS_ONLY = re.compile("[A-Za-z]+")
_AND_GROUPS = re.compile(
    r"(?: [0-9]{3,6}(?:[A-Z]{2})?(?![0-9A-Za-z]|[-/.:,][0-9]"
    r"|\s?[円万億個件人名回枚本点台冊年月日時分秒箱袋足着組%])){1,4}"
)
NOBODYS = frozenset((Aside.PRODUCT, Aside.AMOUNT))
"""Labels that call a number nobody's."""
REFERENCES = frozenset(
    (Kind.ORDER_NUMBER, Kind.ID_NUMBER, Kind.BANK_ACCOUNT, Kind.INVOICE_NUMBER, Kind.INSURED_NUMBER)
)
# Looked up by its name a kind costs as much as the rest of a reading.
_INVOICE_LABEL = Kind.INVOICE_NUMBER
_EMPLOYED = frozenset((Kind.INSURED_NUMBER, Kind.EMPLOYMENT_INSURANCE))
_OTHERS = frozenset((Kind.ORDER_NUMBER, Kind.ID_NUMBER))
CODED = REFERENCES | {
    Kind.PASSPORT,
    Kind.RESIDENCE_CARD,
    Kind.DRIVERS_LICENCE,
    Kind.BENEFICIARY_NUMBER,
    Kind.EMPLOYMENT_INSURANCE,
    Kind.LINE_ID,
}


def all_groups(text: str, code: tuple[int, int], label: Kind | Aside | None, kind: Found) -> tuple[int, Found]:
    """Return where a labelled *code* ends with the groups of digits behind it (1234 5678 9012), and what it is."""
    start, end = code
    if label is None or text[end : end + 1] != " " or (more := _AND_GROUPS.match(text, end)) is None:
        return end, kind
    number = text[start : more.end()]
    return more.end(), (in_groups(number, label) if number.replace(" ", "").isdigit() else None) or kind


def head_of(text: str, start: int) -> int:
    """Return where the code begins to which the digits at *start* belong: letters before them are part of it."""
    if not (text[start - 1].isalnum() or text[start - 1] in "-_"):
        return start
    head = start - 1
    while (
        head > 0
        and start - head < 12
        and text[head - 1].isascii()
        and (text[head - 1].isalnum() or text[head - 1] in "-_")
    ):
        head -= 1
    letters = text[head:start].rstrip("-_")
    if len(letters) == 2 and _OWN_FORM.match(text, head):
        return head
    if not letters or _GLUED_CUE.search(letters) or is_cue(letters):
        return start  # TEL090…: the letters are its label
    while text[head] in "-_":
        head += 1
    return head


def goes_on(text: str, end: int) -> bool:
    """Return whether a code goes on behind the digits: ``12345678AB``, ``12-abc``."""
    behind = text[end : end + 2]
    if not behind.isascii() or not behind:
        return bool(behind) and behind[0].isascii() and behind[0].isalpha()
    return behind[0].isalpha() or (behind[0] in "-_" and behind[1:].isalpha())


def read_code(code: str, label: Kind | Aside | None, *, named: bool) -> Found | None:
    """Return what a *code* of letters and digits is: by its own form, its letters, its label."""
    if not code[0].isupper() or len(code) < 9:
        pass  # a form of its own begins with a capital
    elif _RESIDENCE.fullmatch(code):
        if label not in NOBODYS and label not in _OTHERS:
            return Kind.RESIDENCE_CARD, 0.9
    elif _INVOICE.fullmatch(code):
        return Kind.INVOICE_NUMBER, 0.95 if corporate_number_valid(code.lstrip("T-")) else 0.7
    elif _PASSPORT.fullmatch(code) and (label is Kind.PASSPORT or (label is None and code[0] in _OWN_PASSPORT)):
        return Kind.PASSPORT, 0.85 if label else 0.5
    if label in NOBODYS:
        return None
    if label in _EMPLOYED and _EMPLOYMENT.fullmatch(code):
        return Kind.EMPLOYMENT_INSURANCE, 0.85  # 雇用保険被保険者番号: insured, too
    if isinstance(label, Kind) and label in CODED:
        # "order 12 items" is not a reference: without the word "number" it takes five characters.
        if len(code) >= (3 if named else 5) and not is_day(code) and not _DAY.fullmatch(code):
            if label is _INVOICE_LABEL and not (len(code) == 13 and code.isdigit()):
                label = Kind.ID_NUMBER  # 登録番号 A-123 is a registration, of a member most often
            return label, 0.7 if named else 0.6
        return None
    letters = _LETTERS_ONLY.match(code)
    if letters and len(code) - letters.end() >= 4 and label is None:
        prefix = letters.group().upper()
        if prefix in _ORDER_PREFIX:
            return Kind.ORDER_NUMBER, 0.6
        if prefix in _ID_PREFIX:
            return Kind.ID_NUMBER, 0.6
    return None

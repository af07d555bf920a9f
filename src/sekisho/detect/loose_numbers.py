"""Numbers whose digits stand loosely: two spaces, a line break, a comma between groups; every digit alone.

Rows of digits with such marks between are lists and tables more often than numbers, so they are taken only
where a check digit, the form of a mobile phone or the word before them says what they are.
"""

from __future__ import annotations

import re

from sekisho.detect.checks import card_number_valid
from sekisho.detect.cues import LONGEST, NEAR, Aside, last_cue
from sekisho.detect.forms import is_article
from sekisho.detect.phones import PhoneType, plan
from sekisho.detect.spans import Kind, Span

# Spaces and one line break, with a dash on either side of them; no two ways to read the same.
_BREAK = r"(?:\r?\n[ \t]{0,3})"
_BETWEEN = (
    rf"(?:-(?:[ \t]{{1,3}}{_BREAK}?-?|{_BREAK}-?)?|[ \t]{{1,3}}{_BREAK}?-?"
    rf"|{_BREAK}-?|[、,] ?|[./])"
)
_LOOSE = re.compile(
    r"[0-9](?=[-\s、,])(?:-?[ \t]{0,3}\r?\n|-[ \t]|-?[ \t]{2}|[、,] ?[0-9]{3}|[ -][0-9][ -][0-9][ -])[-\s0-9]"
)
_CARD = re.compile(
    rf"(?<![0-9])(?=(?P<all>[0-9]{{4}}{_BETWEEN}(?:[0-9]{{6}}{_BETWEEN}[0-9]{{5}}"
    rf"|[0-9]{{4}}{_BETWEEN}[0-9]{{4}}{_BETWEEN}[0-9]{{4}}))(?![0-9]))"
)
_TWELVE = re.compile(rf"(?<![0-9])(?=(?P<all>[0-9]{{4}}{_BETWEEN}[0-9]{{4}}{_BETWEEN}[0-9]{{4}})(?![0-9]))")
_PHONE = re.compile(
    rf"(?<![0-9])(?=(?P<all>0[0-9]{{1,7}}{_BETWEEN}[0-9]{{3,8}})(?![0-9]))"
    rf"(?=(?P<longer>0[0-9]{{1,4}}{_BETWEEN}[0-9]{{1,4}}{_BETWEEN}[0-9]{{3,4}})(?![0-9]))?"
)
_SINGLE = re.compile(r"(?<![0-9])(?<![0-9][ -])[0-9](?:[ -][0-9]){9,18}(?![ -]?[0-9])")
_NO_DIGITS = re.compile("[^0-9]+")
_FREE = frozenset({PhoneType.MOBILE, PhoneType.IP})


def find_loose(text: str) -> list[Span]:
    """Return phones, cards and My Numbers of folded *text* whose groups of digits stand loosely."""
    spans: list[Span] = []
    if not _LOOSE.search(text):
        return spans
    for pattern in (_CARD, _TWELVE, _PHONE):
        for match in pattern.finditer(text):
            for name in ("longer", "all") if pattern is _PHONE else ("all",):
                start, end = match.span(name)
                if start >= 0 and (found := _kind(text, start, end)):
                    spans.append(Span(start, end, *found))
                    break
    spans += [
        Span(*match.span(), *found)
        for match in _SINGLE.finditer(text)
        if (found := _kind(text, *match.span())) is not None
    ]
    return spans


def _kind(text: str, start: int, end: int) -> tuple[Kind, float] | None:
    """Return what the digits between *start* and *end* are, if there is more to say so than their number."""
    row = text[start:end]
    digits = _NO_DIGITS.sub("", row)
    label = _label(text, start)
    if len(digits) > 13 and card_number_valid(digits) and not is_article(digits):
        return Kind.CARD, 0.9
    if isinstance(label, Aside):
        return None
    if label is Kind.CARD and 14 <= len(digits) <= 19:
        return Kind.CARD, 0.8
    if label is Kind.MY_NUMBER and len(digits) == 12:
        return Kind.MY_NUMBER, 0.8
    if digits[0] == "0" and len(digits) in {10, 11} and (known := plan(digits)):
        if label is Kind.PHONE or known in _FREE:
            return Kind.PHONE, 0.8
        # A dash that a line break follows: 03-1234-⏎5678.
        if "-" in row and "," not in row and "、" not in row and len(row) - len(digits) < len(digits) - 1:
            return Kind.PHONE, 0.6
    return None


def _label(text: str, start: int) -> Kind | Aside | None:
    cue = last_cue(text, max(0, start - NEAR - LONGEST), start, NEAR)
    return cue.about if cue else None

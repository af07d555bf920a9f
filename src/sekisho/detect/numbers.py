"""Numbers by shape: cards, My Number, phones, postal codes.

A run of digits with single separators is taken once; then every group of digits in it is tried as the
beginning of each kind. Nothing is consumed: readings may overlap (``090-1234-5678 2026-11-21``), and what
overlaps is masked together. Overlap costs precision, consumption would cost recall.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sekisho.detect.checks import card_number_valid, my_number_valid
from sekisho.detect.spans import Kind, Span

_RUN = re.compile(r"[0-9]+(?:[-. ()/]{1,3}[0-9]+)*")
_GROUP = re.compile(r"[0-9]+")
_MAX_GROUPS = 5  # no kind has more groups of digits; a +81 (0)90-1234-5678 has five
_MAX_DIGITS = 19
_NEAR = 20  # characters of context looked at before a number

_PHONE_CUE = re.compile(
    r"電話|でんわ|携帯|ケータイ|連絡先|ファックス|ファクス|(?<![A-Za-z])(?i:tel|phone|mobile|cell|call|fax|ph)(?![a-z])"
)
_CARD_CUE = re.compile(r"カード|クレカ|(?i:card|visa|jcb|amex|mastercard)")
_POSTAL_CUE = re.compile(r"〒|郵便|(?i:zip|postal|post ?code)")
_MY_NUMBER_CUE = re.compile(r"マイナンバー|個人番号|(?i:my ?number)")
_GLUED_CUE = re.compile(r"(?i:tel|phone|fax|mobile|cell|call|ph|card|no|zip|num|number|id|visa|jcb|amex)$")
_AMOUNT_AFTER = re.compile(
    r"\s?(?:円|万|億|個|件|人|名|回|枚|本|点|台|冊|歳|年|月|日|時|分|秒|ポイント|ページ|頁|%|(?i:yen|usd|pts?|kg|g|ml|cm|mm)(?![a-z]))"
)


def find_numbers(text: str) -> Iterator[Span]:
    """Yield the numbers of folded *text* that are, or may be, somebody's."""
    for run in _RUN.finditer(text):
        if run.end() - run.start() < 7:  # the shortest kind is a postal code
            continue
        groups = [group.span() for group in _GROUP.finditer(text, run.start(), run.end())]
        for index in range(len(groups)):
            yield from _starting_at(text, groups, index)


def _starting_at(text: str, groups: list[tuple[int, int]], index: int) -> Iterator[Span]:
    """Yield every reading that starts with group *index*."""
    start = groups[index][0]
    before: str | None = None
    glued = _glued_before(text, start)
    digits = ""
    for count, (group_start, group_end) in enumerate(groups[index : index + _MAX_GROUPS], start=1):
        if group_end - group_start > _MAX_DIGITS:
            return
        digits += text[group_start:group_end]
        if len(digits) > _MAX_DIGITS:
            return
        if len(digits) < 6:
            continue
        shape = [end - begin for begin, end in groups[index : index + count]]
        if before is None:
            before = text[max(0, start - _NEAR) : start]
        found = _read(text, start, group_end, digits, shape, before)
        # A digit run inside a word (a hash, a product code) is only taken when its own shape is proof.
        if found is not None and (found.score >= 0.9 or count >= 3 or not (glued or _letter_at(text, group_end))):
            yield found


def _read(text: str, start: int, end: int, digits: str, shape: list[int], before: str) -> Span | None:
    """Return what *digits*, written in groups of *shape*, are in their context."""
    length = len(digits)
    if 12 <= length <= 19 and (shape[0] == 4 or len(shape) == 1):
        if card_number_valid(digits):
            return Span(start, end, Kind.CARD, 0.95)
        if _CARD_CUE.search(before):
            return Span(start, end, Kind.CARD, 0.8)
        if shape == [4, 4, 4, 4]:
            return Span(start, end, Kind.CARD, 0.5)  # a mistyped card is a card
    if length == 12 and shape in ([12], [4, 4, 4]):
        if _MY_NUMBER_CUE.search(before):
            return Span(start, end, Kind.MY_NUMBER, 0.9)
        if my_number_valid(digits):
            return Span(start, end, Kind.MY_NUMBER, 0.5)
    if _is_phone(text, start, digits, shape):
        start -= text[start - 1] in "+(" if start else 0
        return Span(start, end, Kind.PHONE, 0.7)
    if 6 <= length <= 15 and _PHONE_CUE.search(before):
        return Span(start, end, Kind.PHONE, 0.6)
    if length == 7:
        return _postal_code(text, start, end, shape, before)
    return None


def _is_phone(text: str, start: int, digits: str, shape: list[int]) -> bool:
    """Return whether the digits are dialled: Japan's plan, E.164 after a plus, North American groups."""
    length = len(digits)
    if start and text[start - 1] == "+" and 8 <= length <= 15:
        return True
    if digits[0] == "0":
        # 0AB-J with 10 digits (0120 and 0570 too), 050 060 070 080 090 and 0800 with 11; the United
        # Kingdom's have 11. The last group has three or more digits, or this is a date.
        if digits[1] != "0" and length in {10, 11}:
            return shape[-1] >= 3
        return digits[:2] in {"00", "01"} and 12 <= length <= 16 and shape[-1] >= 3
    if digits.startswith("81") and length in {11, 12}:
        return len(shape) >= 3 and shape[-1] == 4
    return shape in ([3, 3, 4], [1, 3, 3, 4]) or (
        # (555) 123-4567 and 080(1234)5678 without its zero
        length in {10, 11} and len(shape) >= 3 and shape[-1] == 4 and "(" in text[max(0, start - 1) : start + 5]
    )


def _postal_code(text: str, start: int, end: int, shape: list[int], before: str) -> Span | None:
    """Return a Japanese postal code (three and four digits), unless it is a range of amounts."""
    cue = _POSTAL_CUE.search(before)
    if shape == [7]:
        return Span(start, end, Kind.POSTAL_CODE, 0.8) if cue else None
    if shape != [3, 4] or text[start + 3] != "-" or start + 8 != end:
        return None
    if cue:
        return Span(start, end, Kind.POSTAL_CODE, 0.9)
    # Part of a longer number, which is read by itself.
    if text[end : end + 1] == "-" or (start and text[start - 1] in "-+¥$£€"):
        return None
    if _AMOUNT_AFTER.match(text, end):
        return None
    return Span(start, end, Kind.POSTAL_CODE, 0.5)


def _letter_at(text: str, position: int) -> bool:
    char = text[position : position + 1]
    return char.isascii() and char.isalpha()


def _glued_before(text: str, start: int) -> bool:
    """Return whether an ASCII letter stands directly before, other than of a word like TEL or No."""
    if not start or not _letter_at(text, start - 1):
        return False
    return _GLUED_CUE.search(text[max(0, start - 8) : start]) is None

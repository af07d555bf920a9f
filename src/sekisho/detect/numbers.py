"""Numbers: every row of digits is taken once, then typed by its context words, its check digits, its form.

A run of digits with single separators is taken as a whole; then every group of digits in it is tried as the
beginning of each kind. Unless a check digit agrees, nothing is consumed: readings may overlap
(``090-1234-5678 2026-11-21``), and what overlaps is masked together. Overlap costs precision,
consumption would cost recall.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from sekisho.detect.codes import CODED, NOBODYS, REFERENCES, all_groups, goes_on, head_of, read_code
from sekisho.detect.cues import LONGEST, NEAR, WORDS, Aside, Cue, first_cue, last_cue
from sekisho.detect.forms import (
    MISTYPED,
    SHORTEST,
    Found,
    Row,
    by_form,
    by_label,
    card_by_label,
    is_article,
    is_day,
    mistyped,
    phone_by_label,
)
from sekisho.detect.spans import Kind, Span, span_of

_RUN = re.compile(r"[0-9][0-9]*(?:(?: - |[-. ]?\(|\)[-. ]?|[-. /])[0-9]+)*")
_GROUP = re.compile(r"[0-9][0-9]*")
_MAX_GROUPS = 5  # no kind has more groups of digits; a +81 (0)90-1234-5678 has five
_MAX_DIGITS = 19

_GAP = re.compile(
    r"\)?(?:証書?|書|の|用|様|さま)?[\s_]?(?:番号|コード|ナンバー|記号|の?欄|[Nn][Oo]\.?|[Ii][Dd]|#|[Nn]um(?:ber)?|[Cc]ode|[Ss]ymbol|[Rr]eference)?(?:\([^()\n]{1,8}\))?[.:#)]?"
    r"\s?(?:は|が|を|の|も|に|is|was|「|『|\(|\[|\*|=|:|#|,|、|\"|\s){0,4}(?:[+T])?\s?"
)
# Most of them, sooner than by the pattern.
_GAPS = frozenset(
    ("", ":", ": ", " ", "は", "番号", "番号は", "番号:", " number ", " is ", " code is ", "+", ":+", "は+")
)
# What a label ends in that is not ASCII: a context word, or what may stand between it and the number.
_LEADS = frozenset(word[-1] for words in WORDS.values() for word in words if not word.isascii()) | frozenset(
    letter for letter in _GAP.pattern if not letter.isascii()
)
_NAMED = re.compile(r"番号|コード|ナンバー|[Nn][Oo]\b|[Nn]o\.|[Ii][Dd]|#|[Nn]um|[Cc]ode|[Ss]ymbol|[Rr]eference")
_CHAIN = re.compile(r"\s?(?:[、,・/とや&]|and|or|または)\s?")
_CODE = re.compile(r"[0-9A-Za-z]{1,256}(?:[-_][0-9A-Za-z]{1,256}){0,8}")
_AMOUNT_AFTER = re.compile(
    r"\s?(?:円|万|億|個|件|人|名|回|枚|本|点|台|冊|歳|年|月|日|時|分|秒|ポイント|ページ|頁|箱|袋|足|着|組|%|㎡"
    r"|(?:[Yy]en|YEN|JPY|USD|EUR|usd|pts?|points?|kg|[gKk]?g|ml|[cm]?m|[KMG]B|pcs|pieces|units?|items?)(?![A-Za-z]))"
)
_UNITS = frozenset("円万億個件人名回枚本点台冊年月日時分秒箱袋足着組%@")
_PLAIN = frozenset(("", " ", ".", ",", ":", "(", ")", "/", "\n"))  # what ends a code
_AMOUNT_BEFORE = "¥$£€￥.,-:"
_SPACED_RESIDENCE = re.compile(r"[A-Z]{2} [0-9]{4} ?[0-9]{4} [A-Z]{2}(?![0-9A-Za-z])")
_PASSPORT_DIGITS = 7
_TWO_LETTERS = re.compile(r"(?<![A-Za-z])[A-Z]{2} ")
_MOBILE = re.compile("0[6-9]0[- ]?[1-9][0-9]{3}[- ]?[0-9]{4}")
_POSTAL_FORM = re.compile("[0-9]{3}[- ][0-9]{4}")
# Looked up by its name a kind costs as much as the rest of a reading.
_CARD, _PHONE, _POSTAL_CODE, _ORDER = Kind.CARD, Kind.PHONE, Kind.POSTAL_CODE, Kind.ORDER_NUMBER
_FORMED = frozenset((None, Kind.PHONE, Kind.CARD))
_OPENING = ("+", "(")


class _Context(NamedTuple):
    """What stands beside a run: its label (a word directly before), the nearest word before, and behind."""

    label: Kind | Aside | None
    before: Kind | Aside | None
    behind: Kind | Aside | None
    glued: bool


_context: Callable[[tuple[object, ...]], _Context] = partial(tuple.__new__, _Context)  # see spans.span_of
_row: Callable[[tuple[str, list[int], bool]], Row] = partial(tuple.__new__, Row)
_NO_WORD = _Context(None, None, None, glued=False)


def find_numbers(text: str) -> list[Span]:
    """Return the numbers of folded *text* that are, or may be, somebody's."""
    spans: list[Span] = []
    passed, refused, labelled_to = 0, 0, -1
    label: Kind | Aside | None = None
    named_from = 0
    for run in _RUN.finditer(text):
        start, end = run.span()
        if start < passed:  # inside a code that was read as a whole
            continue
        before, behind = text[start - 1 : start], text[end : end + 1]
        short = end - start < 6 and before != "#"
        if short and behind in _UNITS:
            continue  # 30個, 3月: the commonest numbers are nobody's; hanako90@… is an e-mail address
        if short and label is None and not (before.isascii() or before in _LEADS or before.isspace()):
            continue  # 東口5: nothing that stands here calls it anything
        head = start if before in _PLAIN or not before.isascii() else head_of(text, start)
        cue = last_cue(text, max(0, start - NEAR - LONGEST), start, NEAR)
        if cue and start - cue.end <= 20 and (text[cue.end : head] in _GAPS or _GAP.fullmatch(text, cue.end, head)):
            named_from, _, label = cue
        elif label is None or not _CHAIN.fullmatch(text, labelled_to, head):
            label = None  # "numbers 536365 and 536366": what follows in a row has the label of the first
        labelled_to = end
        glued = head < start or (behind not in _PLAIN and behind.isascii() and goes_on(text, end))
        if short and label is None and not glued:
            continue
        if (glued or label in CODED) and start >= refused:
            code = _CODE.match(text, head)
            refused = code.end() if code else end  # a long code is read once, not from each of its digits
            named = label is not None and _NAMED.search(text, named_from, head) is not None
            if code and (kind := read_code(code.group(), label, named=named)):
                last, kind = all_groups(text, (head, code.end()), label, kind)
                spans.append(span_of((head - (text[head - 1 : head] == "#"), last, *kind)))
                passed = labelled_to = last
                continue
        if before == " " and "A" <= text[start - 2 : start - 1] <= "Z" and (apart := _apart(text, start, end, cue)):
            spans.append(apart)
            passed = apart.end
            continue
        if short and label is None:
            continue
        if not glued and before != "(" and (whole := _whole(text[start:end], label, plus=before == "+")):
            spans.append(span_of((start - (before == "+"), end, *whole)))
            continue
        after = None
        if label is None and cue is None and end - start > 6:
            after = first_cue(text, end, end + NEAR)
        context = _context((label, cue.about if cue else None, after.about if after else None, glued))
        if end - start < SHORTEST and before not in _OPENING and context == _NO_WORD and text[start:end].isdigit():
            # No word is near, and by its form it is nothing.
            spans += [bare] if (bare := _bare(text, start, end, context)) else []
            continue
        spans += _run(text, start, end, context)
    return spans


def _apart(text: str, start: int, end: int, cue: Cue | None) -> Span | None:
    """Return a residence card or a passport whose letters stand apart from its digits: AB 1234 5678 CD."""
    if start < len("AB ") or not 7 <= end - start <= 9 or not _TWO_LETTERS.match(text, start - 3):
        return None
    if _SPACED_RESIDENCE.match(text, start - 3):
        return Span(start - 3, end + 3, Kind.RESIDENCE_CARD, 0.9)
    digits = end - start - text.count(" ", start, end)
    labelled = (
        digits == _PASSPORT_DIGITS and cue and cue.about is Kind.PASSPORT and _GAP.fullmatch(text, cue.end, start - 3)
    )
    return Span(start - 3, end, Kind.PASSPORT, 0.85) if labelled else None


def _whole(run: str, label: Kind | Aside | None, *, plus: bool) -> Found | None:
    """Return what a whole *run* is whose form says enough: most runs are one phone, one card, one postal code."""
    length = len(run)
    if plus and (run[0] == "0" or (label is not None and label is not _PHONE)):
        return None
    if label is _POSTAL_CODE:
        return (_POSTAL_CODE, 0.9) if length == 8 and _POSTAL_FORM.fullmatch(run) else None
    if label not in _FORMED or length < SHORTEST or length > 24:
        return None
    if _MOBILE.fullmatch(run):
        return _PHONE, 0.85  # the commonest number; its form says it to all that follows, too
    shape = [length]
    if not run.isdigit():
        groups = _GROUP.findall(run)
        run, shape = "".join(groups), [*map(len, groups)]
    found = by_form(_row((run, shape, plus))) if len(shape) < _MAX_GROUPS else None
    return found if found and found[1] >= 0.8 else None


def _run(text: str, start: int, end: int, context: _Context) -> list[Span]:
    """Return the readings of the groups of digits in a run."""
    if text[start:end].isdigit():
        alone, _ = _starting_at(text, [(start, end)], 0, context)
        return [] if alone is None else [alone]
    spans: list[Span] = []
    groups = [group.span() for group in _GROUP.finditer(text, start, end)]
    index, covered = 0, start
    while index < len(groups):
        if len(groups) > index + 2 and _day_at(text, groups, index):
            index += 3
            continue
        best, taken = _starting_at(text, groups, index, context)
        if best is not None and best.end > covered:
            spans.append(best)
            covered = best.end
        # A reading that is as good as certain is not read again in part.
        index += taken if best is not None and best.score >= 0.8 else 1
    return spans


def _starting_at(text: str, groups: list[tuple[int, int]], index: int, context: _Context) -> tuple[Span | None, int]:
    """Return the best reading that starts with group *index*, the last of equal ones, and how many groups it has."""
    best, taken = None, 1
    start = groups[index][0]
    plus = start > 0 and (text[start - 1] == "+" or text[max(0, start - 2) : start] == "+(")
    glued = context.glued and index == 0
    digits = ""
    shape: list[int] = []
    for group_start, group_end in groups[index : index + _MAX_GROUPS]:
        shape.append(group_end - group_start)
        digits += text[group_start:group_end]
        if len(digits) > _MAX_DIGITS:
            break
        if len(digits) < 5:
            continue
        found = _read(text, start, group_end, _row((digits, shape, plus)), context)
        if found is None or (best is not None and found.score < best.score):
            continue
        # A row of digits inside a word (a hash, a product code) is only taken when its own shape is proof.
        if found.score >= 0.9 or len(shape) >= 3 or not (glued or goes_on(text, group_end)):
            best, taken = found, len(shape)
    bare = None if glued else _bare(text, *groups[index], context)
    if bare is not None and (best is None or bare.score >= best.score):
        best, taken = bare, 1
    return best, taken


def _read(text: str, start: int, end: int, row: Row, context: _Context) -> Span | None:
    """Return what *row* is in its context: by its label, by its form, by words further off."""
    label, before, behind, _ = context
    best = by_form(row)
    if label is not None:
        if isinstance(label, Kind):
            best = _better(best, _worded(label, row, direct=True))
    elif best is None or best[1] < 0.8:  # else its form says enough
        for word in (before, behind):
            if isinstance(word, Kind) and not _AMOUNT_AFTER.match(text, end):
                best = _better(best, _worded(word, row, direct=False))
    if len(row.digits) == 7:
        best = _better(best, _postal_code(text, start, end, row, label or before))
    if best is None and isinstance(label, Kind) and label in MISTYPED and not _AMOUNT_AFTER.match(text, end):
        best = mistyped(label, row)
    # What a label calls an article or an amount is that, unless its check digit says otherwise.
    if best is None or (label in NOBODYS and (best[1] < 0.9 or len(row.digits) == 13)):
        return None  # thirteen digits are an article's
    if best[0] is _PHONE and start:
        # (03)1234-5678 begins with its bracket; one that closes behind the number is the sentence's.
        start -= text[start - 1] == "(" and text.count(")", start, end) > text.count("(", start, end)
        start -= text[start - 1 : start] == "+"
    return span_of((start, end, *best))


def _better(best: Found | None, reading: Found | None) -> Found | None:
    """Return the one with the higher score, the later of two equal ones."""
    return reading if reading is not None and (best is None or reading[1] >= best[1]) else best


def _worded(word: Kind, row: Row, *, direct: bool) -> Found | None:
    """Return what *row* is beside a *word*: a card or a phone of no known form, too."""
    if word is _CARD:
        return card_by_label(row)
    if word is _PHONE:
        return None if _is_ipv4(row) else phone_by_label(row, direct=direct)
    return by_label(word, row, direct=direct)


def _is_ipv4(row: Row) -> bool:
    return len(row.shape) == 4 and max(row.shape) <= 3 and len(row.digits) <= 12


def _postal_code(text: str, start: int, end: int, row: Row, word: Kind | Aside | None) -> Found | None:
    """Return a Japanese postal code (three and four digits), unless it is a range of amounts."""
    if row.shape == [7]:
        return (_POSTAL_CODE, 0.8) if word is _POSTAL_CODE else None
    if row.shape != [3, 4] or end - start != 8 or text[start + 3] not in "- ":
        return None
    if word is _POSTAL_CODE:
        return _POSTAL_CODE, 0.9
    # Part of a longer number, which is read by itself.
    if text[start + 3] != "-" or text[end : end + 1] == "-" or (start and text[start - 1] in "-+¥$£€"):
        return None
    return None if _AMOUNT_AFTER.match(text, end) else (_POSTAL_CODE, 0.5)


def _bare(text: str, start: int, end: int, context: _Context) -> Span | None:
    """Return a bare number of six digits or more that is no amount, day or article: an order, a customer."""
    hashed = text[start - 1 : start] == "#"
    if end - start < (4 if hashed else 6) or context.label in NOBODYS:
        return None
    if start and (text[start - 1] in _AMOUNT_BEFORE or (text[start - 1].isascii() and text[start - 1].isalnum())):
        return None
    behind = text[end : end + 2]
    if behind and ((behind[0].isascii() and behind[0].isalnum()) or (behind[0] in ".,-" and behind[1:].isdigit())):
        return None
    digits = text[start:end]
    if is_day(digits) or is_article(digits) or _AMOUNT_AFTER.match(text, end):
        return None
    kind = context.label or context.before
    found = kind if isinstance(kind, Kind) and kind in REFERENCES else _ORDER
    return span_of((start - hashed, end, found, 0.5 if hashed else 0.3))


def _day_at(text: str, groups: list[tuple[int, int]], index: int) -> bool:
    """Return whether the three groups from *index* on are a day: nobody's, unless a word says that it is a birth."""
    (start, first), (second, middle), (third, end) = groups[index : index + 3]
    mark = text[first:second]
    if len(mark) != 1 or mark not in "-/." or text[middle:third] != mark or end - start > 10:
        return False
    year, month, day = text[start:first], text[second:middle], text[third:end]
    if len(year) != 4:
        year, day = day, year
    if len(year) != 4 or not "1900" <= year <= "2099" or len(month) > 2 or len(day) > 2:
        return False
    if text[end : end + 1] == mark and text[end + 1 : end + 2].isdigit():
        return False  # an order number that begins with a day
    return 1 <= int(month) <= 31 and 1 <= int(day) <= 31 and (int(month) <= 12 or int(day) <= 12)

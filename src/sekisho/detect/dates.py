"""Birth dates and ages: Western and era years (元号), and dates that exist.

A date alone is nobody's: it is a birth date by the word beside it. The era's first and last day are
checked (令和 began on 2019-05-01 …), because ``平成40年`` is a mistake or no date at all.
"""

from __future__ import annotations

import re
from datetime import date

from sekisho.detect.spans import Kind, Span

# Each era's first day, by name, letter and number (before Meiji 6 the calendar was another; nobody lives).
_ERAS = {
    "令和": date(2019, 5, 1),
    "平成": date(1989, 1, 8),
    "昭和": date(1926, 12, 25),
    "大正": date(1912, 7, 30),
    "明治": date(1868, 1, 25),
}
_LAST_DAYS = {
    "令和": date(2099, 12, 31),
    "平成": date(2019, 4, 30),
    "昭和": date(1989, 1, 7),
    "大正": date(1926, 12, 25),
    "明治": date(1912, 7, 30),
}
_LETTERS = {"R": "令和", "H": "平成", "S": "昭和", "T": "大正", "M": "明治"}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_KANJI = {char: value for value, char in enumerate("〇一二三四五六七八九")} | {"零": 0, "○": 0, "元": 1}
_ODD_DAYS = date(1870, 1, 1)
_NEVER = date(2099, 12, 31)

_NUMERAL = "[0-9〇零○一二三四五六七八九十]"
_DATE = (
    rf"(?:(?:西暦\s?)?(?:(?:18|19|20)[0-9]{{2}}|[一二][〇零○一二三四五六七八九]{{3}})\s?[-/.年]\s?{_NUMERAL}{{1,3}}"
    rf"\s?[-/.月]\s?{_NUMERAL}{{1,3}}(?![0-9])\s?日?"
    r"|(?:18|19|20)[0-9]{2}年(?:[0-9]{1,2}月)?"
    rf"|(?:令和|平成|昭和|大正|明治|(?<![A-Za-z])[RHSTMrhstm]\.?)\s?(?:元|{_NUMERAL}{{1,3}})(?:"
    rf"\s?[-/.年]\s?{_NUMERAL}{{1,3}}\s?[-/.月]\s?{_NUMERAL}{{1,3}}(?![0-9])\s?日?|年)"
    r"|[0-9]{1,2}[-/. ][0-9]{1,2}[-/. ](?:(?:18|19|20)[0-9]{2}|[0-9]{2})(?![0-9])"
    r"|(?:18|19|20)[0-9]{6}(?![0-9])"
    r"|[0-9]{1,2}(?:st|nd|rd|th)? (?:of )?[A-Z][A-Za-z]{2,8}\.?,? (?:18|19|20)[0-9]{2}"
    r"|[A-Z][A-Za-z]{2,8}\.? [0-9]{1,2}(?:st|nd|rd|th)?,? (?:18|19|20)[0-9]{2}"
    rf"|{_NUMERAL}{{1,3}}月\s?{_NUMERAL}{{1,3}}日)"
)
_WORD = re.compile(
    "生年月日|誕生日|誕生|生まれ|うまれ|出生日|出生|生(?!産)|バースデー"
    r"|birth|Birth|BIRTH|born|Born|BORN|DOB|dob|D\.O\.B|d\.o\.b|DoB|Dob|seinengappi|Seinengappi"
)
_BEFORE = re.compile(
    r"(?:[ _-]?(?i:date|day|dt|on|in))?(?:\s?\([^()\n]{1,12}\))?"
    # A mask may stand between (生年月日[NAME]1980年…).
    rf"(?:[\s:.はがも=、,\"'|「『\ufffc\-]|is|was|on){{0,6}}(?P<date>{_DATE})"
)
_SURE = frozenset(("生年月日", "誕生日", "birth", "Birth", "BIRTH", "DOB", "dob", "D.O.B", "d.o.b", "DoB", "Dob")) | {
    "seinengappi",
    "Seinengappi",
}
_NEAR = re.compile(rf"[^0-9\n\ufffc]{{0,30}}?(?<![0-9])(?P<date>{_DATE})")
_AFTER = re.compile(rf"(?<![0-9])(?P<date>{_DATE})\s?[\(に]?\Z")
_NEAR_AFTER = re.compile(rf"(?<![0-9])(?P<date>{_DATE})[^0-9\n\ufffc]{{0,20}}\Z")

_AGE_WORD = re.compile(r"(?:年齢|年令|満|享年|[Aa]ged?|AGE)\s?[:はがis=]{0,2}\s?(?P<age>[0-9]{1,3})(?![0-9])")
_AGE_UNIT = re.compile(
    r"(?P<age>[0-9][0-9]{0,2})(?:\s?(?:歳|才)(?:[0-9]{1,2}[ヶかカケ]月)?"
    # 18歳以上, 20歳未満, 10歳向け: a limit, nobody's age.
    r"(?!\s?(?:以上|以下|未満|超|から|まで|向け|用|児用|対象|限定|代|[-~〜]))"
    r"|[- ]?(?:years?[- ]old|yrs?[- ]old|y/o)(?![A-Za-z]))"
)
_OLDEST = 122
_YOUNGEST = 2020
_JOINED = frozenset((".", "-", "~", "〜", ",", "/"))
_LETTER_YEAR = re.compile(r"[RHSTMrhstm]\.?\s?[0-9元]")
_FIELDS = re.compile(r"[0-9]+|[〇零○一二三四五六七八九十元]+|[A-Za-z]{3,9}")


def find_births(text: str) -> list[Span]:
    """Return the birth dates of folded *text*."""
    spans: list[Span] = []
    if _birth_in(text):
        for word in _WORD.finditer(text):
            match = _BEFORE.match(text, word.end()) if word.group() != "生" else None
            match = match or _AFTER.search(text, max(0, word.start() - 24), word.start())
            if match is None and word.group() in _SURE:
                match = _NEAR.match(text, word.end()) or _NEAR_AFTER.search(
                    text, max(0, word.start() - 40), word.start()
                )
                if match and not _long_ago(match["date"]):
                    match = None  # 誕生日プレゼントを2026年…: the day of an order
            if match:
                start, end = match.span("date")
                spans.append(Span(start, len(text[:end].rstrip()), Kind.BIRTH_DATE, 0.8))
    return spans


def find_ages(text: str) -> list[Span]:
    """Return the ages of folded *text*."""
    spans: list[Span] = []
    if "歳" in text or "才" in text or "old" in text or "y/o" in text:
        spans += [
            Span(*match.span(), Kind.AGE, 0.7)
            for match in _AGE_UNIT.finditer(text)
            if int(match["age"]) <= _OLDEST and text[match.start() - 1 : match.start()] not in _JOINED
        ]
    aged = "年齢" in text or "年令" in text or "満" in text or "享" in text
    if aged or "age" in text or "Age" in text or "AGE" in text:
        for match in _AGE_WORD.finditer(text):
            before = text[match.start() - 1 : match.start()]
            if int(match["age"]) <= _OLDEST and not (before.isascii() and before.isalpha()):
                spans.append(Span(*match.span("age"), Kind.AGE, 0.6))
    return spans


def _long_ago(text: str) -> bool:
    """Return whether a date further from the word is one of birth: younger ones are of orders more often."""
    day = read_date(text)
    return day is not None and day.year < _YOUNGEST


def _birth_in(text: str) -> bool:
    """Return whether a word of birth may stand in *text*."""
    # What stands in each word, found faster than the words; one by one, which is five times faster than in a loop.
    if not text.isascii() and ("生" in text or "誕" in text or "うまれ" in text or "バースデー" in text):
        return True
    if "irth" in text or "BIRTH" in text or "orn" in text or "BORN" in text or "einengappi" in text:
        return True
    return "dob" in text or "DOB" in text or "o.b" in text or "O.B" in text or "DoB" in text or "Dob" in text


def read_date(text: str) -> date | None:
    """Return the day that folded *text* is, in any form of :data:`Kind.BIRTH_DATE`; ``None`` when it is none.

    A two-digit year is read as the last one that is past 1930; eight digits are year, month and day.
    """
    text = text.strip()
    if len(text) == 8 and text.isascii() and text.isdigit():
        return _day(int(text[:4]), int(text[4:6]), int(text[6:]))
    era = next((name for name in _ERAS if text.startswith(name)), None)
    if era is None and _LETTER_YEAR.match(text):
        era = _LETTERS[text[0].upper()]
    fields = _FIELDS.findall(text)
    if len(fields) != 3:
        return None
    if era:
        first, last = _ERAS[era], _LAST_DAYS[era]
        numbers = [_number(field) for field in fields]
        if None in numbers:
            return None
        count, era_month, era_day = (number or 0 for number in numbers)
        found = _day(first.year + count - 1, era_month, era_day) if count else None
        return found if found and first <= found <= last else None
    names = [place for place, field in enumerate(fields) if field[:3].lower() in _MONTHS]
    if names:
        month = _MONTHS.index(fields.pop(names[0])[:3].lower()) + 1
        day, year = _number(fields[0]), _number(fields[1])
        return _day(year, month, day) if year and day else None
    first_field, second, third = (_number(field) for field in fields)
    if first_field is None or second is None or third is None:
        return None
    if len(fields[0]) == 4:
        return _day(first_field, second, third)
    year = third if len(fields[2]) == 4 else third + (1900 if third > 30 else 2000)
    return _day(year, first_field, second) or _day(year, second, first_field)


def _number(text: str) -> int | None:
    """Return what digits, in ASCII or kanji (positional or with 十), mean."""
    if text.isascii():
        return int(text) if text.isdigit() and len(text) < 5 else None
    if "十" in text:
        tens, _, ones = text.partition("十")
        if len(tens) > 1 or len(ones) > 1:
            return None
        return _KANJI.get(tens, 1) * 10 + _KANJI.get(ones, 0)
    number = 0
    for char in text:
        number = number * 10 + _KANJI[char]
    return number


def _day(year: int, month: int, day: int) -> date | None:
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    return found if _ODD_DAYS <= found <= _NEVER else None

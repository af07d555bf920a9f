"""One spelling for recognisers: full-width digits, odd dashes, invisible and encoded characters; offsets kept.

Compatibility normalisation (NFKC, Unicode Standard Annex 15) changes the length of a text (``㈱`` grows
to three characters, ``ｶﾞ`` shrinks to one), and spans found in the folded text must be cut from the
original one. So most texts take a path that folds character by character; only a text that holds a
character which grows, combines or is invisible takes the path with an offset map.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

# Hyphens that are nothing else; the long vowel mark ー, wave dashes, dashes of sentences and box lines are
# hyphens only between letters and digits (０９０ー１２３４).
_PLAIN_DASHES = "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"
_DASHES = frozenset("\u30fc\uff70\u301c\uff5e~\u2014\u2015\ufe58\u2500\u2501")
_DASH_LIKE = re.compile(
    "[\u30fc\uff70\u301c\uff5e~\u2014\u2015\ufe58\u2500\u2501](?<=[0-9A-Za-z)\\]].)(?=[0-9A-Za-z(\\[])"
)
_SPACED_DASH = re.compile("[\u30fc\uff70\u301c\u2014\u2015\u2500\u2501](?<=[0-9] .)(?= [0-9])")
_POINTS = frozenset("\u30fb\uff65\u00b7\u2022\u2027")
_DOTS = re.compile("[\u30fb\uff65\u00b7\u2022\u2027](?<=[0-9].)(?=[0-9])")  # 090・1234・5678
_KANJI_ZEROS = frozenset("〇零○◯")
_BY_PLACE = _DASHES | _POINTS | _KANJI_ZEROS
"""What may be a dash or a digit by its place (see :func:`_join`)."""
# Phones and postal codes in kanji numerals, digit by digit: 〇九〇の一二三四の五六七八. Amounts and dates stay.
_KANJI_DIGITS = "〇零○◯一二三四五六七八九"
_KANJI_NUMBER = re.compile(
    rf"(?<![{_KANJI_DIGITS}])(?:[〇零○◯][{_KANJI_DIGITS}](?:[-ーの\u2014\u2015 ()]?[{_KANJI_DIGITS}]){{8,12}}"
    rf"|[{_KANJI_DIGITS}]{{3}}[-ーの][{_KANJI_DIGITS}]{{4}})(?![{_KANJI_DIGITS}])"
)
_KANJI_TABLE = str.maketrans(_KANJI_DIGITS + "ーの\u2014\u2015", "0000123456789----")
_WORD_JOINERS = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # invisible, though not of category Cf
# Nothing shows of them where a text is shown: 090-12<DEL>34-5678 is read as the number. White space stays.
_CONTROLS = "".join(char for char in map(chr, (*range(0x20), *range(0x7F, 0xA0))) if not char.isspace())
_CONTROL = re.compile(f"[{re.escape(_CONTROLS)}]")
# A character as HTML and URLs write it: hanako&#64;example.jp, hanako%40example.jp, &#23665;&#30000;.
_WRITTEN = re.compile(
    r"&#(?:([0-9]{2,7})|[xX]([0-9A-Fa-f]{2,6}));"
    r"|&commat;|%40(?=(?:[0-9A-Za-z-]{1,63}\.){1,6}[A-Za-z]{2,24})"
)


class Folded(NamedTuple):
    """A folded text and the way back.

    Attributes
    ----------
    text:
        What recognisers read.
    starts, ends:
        For each character of ``text``, where its source begins and ends in the original; ``None`` when
        both texts have the same length and offsets are equal.
    """

    text: str
    starts: list[int] | None = None
    ends: list[int] | None = None

    def __repr__(self) -> str:
        """Return a text without the text."""
        return f"Folded({len(self.text)} characters)"

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return where in the original the stretch ``start:end`` (not empty) of ``text`` came from."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


def fold(text: str) -> Folded:
    """Return *text* with digits and Latin letters in ASCII, dashes as ``-``, invisible characters gone."""
    written = "%40" in text or ("&" in text and ("&#" in text or "&commat;" in text))
    if not written and text.isascii() and (text.isprintable() or not _CONTROL.search(text)):
        return Folded(text)
    tables = _tables()
    odd = {*tables.odd.findall(text)}
    if not odd and not written:
        return Folded(text)
    if written or not odd <= tables.simple:
        return _fold_clusters(text, tables)
    # Few characters are another's: put in one by one that is six times faster than a translation of all.
    for char in odd:
        if plain := tables.one_to_one.get(ord(char)):
            text = text.replace(char, plain)
    return Folded(_join(text, {tables.one_to_one.get(ord(char), char) for char in odd}))


@dataclass(frozen=True, slots=True)
class _Tables:
    one_to_one: dict[int, str]
    odd: re.Pattern[str]
    simple: frozenset[str]
    invisible: frozenset[str]


@cache
def _tables() -> _Tables:
    """Classify the characters that NFKC touches, once (40 ms)."""
    one_to_one: dict[int, str] = {}
    hard: list[str] = []
    invisible = {*_WORD_JOINERS, *_CONTROLS}
    hard += _CONTROLS
    ranges = (range(0x80, 0xD800), range(0xE000, 0x10000), range(0x10000, 0x20000), range(0xE0000, 0xE0200))
    for code in (code for block in ranges for code in block):
        char = chr(code)
        category = unicodedata.category(char)
        if category == "Cf" or char in invisible or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF:
            invisible.add(char)
            hard.append(char)
        elif category in {"Mn", "Me"} or char in "\uff9e\uff9f":  # combining marks, half-width voicing marks
            hard.append(char)
        elif category == "Nd":
            one_to_one[code] = str(unicodedata.decimal(char))
        elif char in _PLAIN_DASHES:
            one_to_one[code] = "-"
        else:
            plain = unicodedata.normalize("NFKC", char)
            if len(plain) > 1:
                hard.append(char)
            elif plain != char:
                one_to_one[code] = plain
    # A class that holds characters of both planes is searched as a list, forty times slower than one of the basic
    # plane alone: those that stay as they are are named. Emoji and rare kanji take the careful path.
    simple = frozenset(char for char in (*map(chr, one_to_one), *_BY_PLACE) if char <= "\uffff")
    stay = {*map(chr, range(0x10000))}.difference(hard, simple)
    odd = re.compile(f"[^{''.join(re.escape(char) for char in sorted(stay))}]")
    return _Tables(one_to_one, odd, simple, frozenset(invisible))


def _fold_clusters(text: str, tables: _Tables) -> Folded:
    """Fold a base character together with the marks that follow it, and remember where it came from."""
    out: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    position, length = 0, len(text)
    while position < length:
        start = position
        cluster = text[position]
        position += 1
        if cluster in "&%" and (written := _WRITTEN.match(text, start)):
            cluster, position = _spelled(written), written.end()
        if cluster in tables.invisible:
            continue
        while position < length and _is_mark(text[position]):
            # A cluster of marks is cut at some length: normalisation sorts its marks.
            if position - start < 8:
                cluster += text[position]
            position += 1
        if len(cluster) == 1:
            plain = tables.one_to_one.get(ord(cluster)) or unicodedata.normalize("NFKC", cluster)
        else:
            base = tables.one_to_one.get(ord(cluster[0]), cluster[0])
            plain = unicodedata.normalize("NFKC", base + cluster[1:])
            plain = "".join(char for char in plain if not _is_mark(char)) or plain
        for char in plain:
            out.append(char)
            starts.append(start)
            ends.append(position)
    return Folded(_join("".join(out), {*out}), starts, ends)


def _spelled(written: re.Match[str]) -> str:
    """Return the character that stands there as HTML or a URL writes it; the sign itself where it is none."""
    decimal, hexadecimal = written.groups()
    code = int(decimal) if decimal else int(hexadecimal, 16) if hexadecimal else ord("@")
    return chr(code) if code < 0xD800 or 0xE000 <= code <= 0x10FFFF else "\ufffd"


def _join(text: str, chars: AbstractSet[str]) -> str:
    """Return *text* with what is a dash or a digit by its place alone in ASCII: as long as it was.

    *chars* are those of its characters that may be.
    """
    dashed = not _DASHES.isdisjoint(chars)
    if dashed:
        text = _DASH_LIKE.sub("-", text)
    if not _POINTS.isdisjoint(chars):
        text = _DOTS.sub("-", text)
    if dashed and " " in text:
        text = _SPACED_DASH.sub("-", text)
    if not _KANJI_ZEROS.isdisjoint(chars):
        text = _KANJI_NUMBER.sub(lambda match: match.group().translate(_KANJI_TABLE), text)
    return text


def _is_mark(char: str) -> bool:
    return char in "\uff9e\uff9f" or (char > "\u02ff" and unicodedata.category(char) in {"Mn", "Me"})


_VARIANTS = "髙﨑齋齊邊邉濵濱嶋嶌澤櫻廣國德惠眞髮槇曾瀨豐壽榮學體龍靜淺彌萬圓驛鐵藏禮會實冨峯埜栁鄕斉"
_PLAIN_FORMS = "高崎斎斎辺辺浜浜島島沢桜広国徳恵真髪槙曽瀬豊寿栄学体竜静浅弥万円駅鉄蔵礼会実富峰野柳郷斎"
_VARIANT_TABLE = str.maketrans(_VARIANTS, _PLAIN_FORMS)


def plain_kanji(text: str) -> str:
    """Return *text* with variant forms of kanji (異体字) in their common form, to compare names: 髙﨑 and 高崎."""
    return text.translate(_VARIANT_TABLE)

"""Marks: up to three characters in a row without which a pattern finds nothing, looked for in many texts at once.

Most recognisers find nothing in most texts, and asking each of them costs more than what they find. So a recogniser
names its marks (``:`` before ``//``, a digit before 歳), every mark is one bit, and one pass over the characters of a
batch (numpy) tells which marks each text holds. A mark is necessary and never sufficient: what a recogniser finds
is its own business, and a test holds every recogniser to finding the same without its marks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from string import ascii_letters, ascii_uppercase, digits, hexdigits
from typing import Final

import numpy as np
from numpy.typing import NDArray

_PLACES = 3
_LAST_CODE = 0xFFFF  # which is no character
_WORTH = 0  # texts; of fewer every recogniser is asked, which looks for itself
_TOGETHER = 1 << 15  # characters looked at in one pass
_LONGEST = 1 << 20  # characters of a text that is looked at; its codes and marks take forty times as much memory
Bits = NDArray[np.uint64]
"""Marks of several characters or texts."""
_classes: list[tuple[str | None, ...]] = []


def _mark(first: str, second: str | None = None, third: str | None = None) -> int:
    """Return the bit of a new mark: one of *first*, one of *second*, one of *third*, directly in a row."""
    _classes.append((first, second, third))
    return 1 << (len(_classes) - 1)


def _any(*marks: int) -> int:
    """Return the bits of several marks, of which one is enough."""
    together = 0
    for mark in marks:
        together |= mark
    return together


_SPACES = "".join(char for char in map(chr, range(0x3001)) if char.isspace())  # what \s matches
_NUMERALS = digits + "〇零○元一二三四五六七八九十百"
_PLATE_KANA = "".join(map(chr, range(ord("ぁ"), ord("ん") + 1))) + ascii_uppercase

EVERYTHING: Final = (1 << 64) - 1
"""As if every mark stood in a text."""

DIGIT: Final = _mark(digits)
NUMERAL: Final = _mark(_NUMERALS)
WIDE: Final = _mark("\x80")
"""A character outside ASCII: that one stands for all of them."""

_SCHEME = _mark(":", "/", "/")
_STREET_OR_AT = _mark(" ", "SATa", "tvqe")
_STATED_OR_AT = _mark("トセアコ", "ーッ", "クシトド")
EMAIL: Final = _any(_mark("@★☆"), _mark("([{", "aAア" + _SPACES))
SAID: Final = _any(_STREET_OR_AT, _STATED_OR_AT)
URL: Final = _any(_SCHEME, _mark("w", "w", "."), _mark(ascii_letters, ascii_letters, "/"))
LINE: Final = _any(_mark("UCR", hexdigits, hexdigits), _mark("Llラ", "Iiイ", "Nnン"))

TOKEN: Final = _any(
    _SCHEME,  # a password before a host
    _mark("exn", "yop", "Jxm"),  # eyJ, xox, npm
    _mark("A", "KSRIGNBC", "IODPCzE"),  # AWS, AIza, AGE-SECRET
    _mark("yGS", "aOG", "2C."),  # ya29, GOCSPX, SG.
    _mark("g", "h", "pousr"),
    _mark("g", "il", "tp"),
    _mark("srp", "k", "_-"),
    _mark("-", "-", "-"),  # PEM
    _mark("rRs", "eEi", "rRc"),  # Bearer, Basic
)
KEYED: Final = _mark(ascii_letters + digits + "_.- \"'", "=:")
STATED: Final = _any(
    _mark("aA", "sS", "sS"),
    _mark("pP", "wW"),
    _mark("pPk", "iI", "nNe"),  # PIN, cookie
    _mark("パ", "ス"),
    _mark("暗合秘キ", "証言密ー"),
    _STATED_OR_AT,
)
BANK_CODE: Final = _any(_mark("wWス", "iIイ", "fFフ"), _mark("B", "I", "C"))

_DASHED = _mark(hexdigits, "-", hexdigits)
MAC: Final = _mark("ASfmM", "12baA", ".cC")
MACHINE: Final = _any(
    _mark(hexdigits, ".", hexdigits),
    MAC,  # GA1., GS1., fb.
    _mark(":", hexdigits + ":"),
    _DASHED,
)
IBAN: Final = _mark(ascii_uppercase, ascii_uppercase, digits)
LOOSE: Final = _any(
    _mark(digits, "- \t\r", " \t\r\n"),
    _mark(digits, "\n"),
    _mark(digits, "、,", " " + digits),
    _mark(" -", digits, " -"),
)
SYMBOL: Final = _any(_mark("記枝振郵", "号番替貯便"), _mark("便", "貯"), _mark("ゆ", "う", "ち"))
PLATE: Final = _any(
    _mark(digits + "ACFHKLMPXY", _PLATE_KANA, digits + "-・." + _SPACES),
    _mark("-" + _SPACES, _PLATE_KANA, digits + "-・." + _SPACES),
)

BIRTH: Final = _any(
    _mark("生誕"),
    _mark("うバ", "まー", "れス"),
    _mark("iI", "rR", "tT"),
    _mark("oO", "rR", "nN"),
    _mark("g", "a", "p"),  # seinengappi
    _mark("dDoO", "oO.", "bB"),
)
AGE: Final = _any(
    _mark(digits + _SPACES, "歳才"),
    _mark("oy", "l/", "do"),
    _mark("年", "齢令"),
    _mark("満享"),
    _mark("aA", "gG", "eE"),
)

MUNICIPALITY: Final = _mark("市区郡町村丁")
PREFECTURE: Final = _mark("海森手城田形島木馬玉葉京川潟山井梨野阜岡知重賀阪庫良取根口媛分崎縄本", "県都府道")
BLOCK: Final = _mark(_NUMERALS, "丁番条線-の")
LABELLED: Final = _any(_mark('所地先籍sS"', ":"), _mark("所地先籍sS", "はが" + _SPACES, ":" + _SPACES))
STREET: Final = _any(_STREET_OR_AT, _mark(" ", "RLDBWCPH", "odanrlitwk"))
ROMAJI: Final = _mark(digits + ascii_letters + ",", " ", ascii_uppercase)
WARD: Final = _any(_mark("-", "ksgcmftKS", "uheao"))
BOX: Final = _mark("B私", "o書", "x箱")
POSTCODE: Final = _any(_mark(ascii_uppercase, " ", digits), _mark(" ", digits, ascii_uppercase))
DASHED: Final = _DASHED
"""A dash between digits, or letters that are digits of sixteen."""


def _tables() -> tuple[NDArray[np.intp], Bits, Bits, Bits]:
    """Return the class of each code, and for each place the marks that a character of a class may have there."""
    listed = sorted({char for mark in _classes for chars in mark if chars for char in chars})
    rows: dict[tuple[int, ...], int] = {}

    def kind(char: str) -> int:
        wide = "\x80" if char > "\x7f" else char
        row = tuple(
            sum(
                1 << bit
                for bit, mark in enumerate(_classes)
                if (chars := mark[place]) is None or char in chars or wide in chars
            )
            for place in range(_PLACES)
        )
        return rows.setdefault(row, len(rows))

    classes = np.full(_LAST_CODE + 1, kind("\0"), dtype=np.intp)
    classes[0x80:] = kind("\uffff")
    for char in listed:
        classes[ord(char)] = kind(char)
    first, second, third = np.array([*rows], dtype=np.uint64).T.copy()
    return classes, first, second, third


_CLASS, _FIRST, _SECOND, _THIRD = _tables()


def marks_of(text: str) -> int:
    """Return the marks that stand in *text*, as bits; one of more than a million characters is taken to hold all."""
    return EVERYTHING if len(text) > _LONGEST else int(np.bitwise_or.reduce(_marks_at(text + "\0\0")))


def marks_in(texts: Sequence[str]) -> Bits:
    """Return the marks that stand in each of *texts* (:func:`marks_of`); together they are read sooner."""
    found = np.empty(len(texts), dtype=np.uint64)
    for first, last in _passes(texts):
        if last - first == 1:
            found[first] = marks_of(texts[first])
            continue
        # Two characters behind each text that no mark holds: none reaches from one text into the next.
        starts = [0, *accumulate(len(text) + 2 for text in texts[first : last - 1])]
        joined = "\0\0".join((*texts[first:last], "\0"))
        found[first:last] = np.bitwise_or.reduceat(_marks_at(joined), starts)
    return found


def _marks_at(text: str) -> Bits:
    """Return for each character of *text* but the last two which marks begin there."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    of_class = _CLASS.take(codes, mode="clip")  # what lies beyond the basic plane is read as its last code
    marks: Bits = _FIRST[of_class[:-2]] & _SECOND[of_class[1:-1]] & _THIRD[of_class[2:]]
    return marks


def _passes(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the bounds of groups of *texts* of some characters each."""
    first, held = 0, 0
    for at, text in enumerate(texts):
        if at > first and held + len(text) > _TOGETHER:
            yield first, at
            first, held = at, 0
        held += len(text)
    if first < len(texts):
        yield first, len(texts)

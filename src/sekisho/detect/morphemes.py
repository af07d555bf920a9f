"""Words of Japanese text, by SudachiPy and its core dictionary: loaded at first use, one tokenizer a thread."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from functools import cache
from typing import Any

from sekisho.detect.spans import OPAQUE

# The dictionary knows 高橋, not 髙橋.
_VARIANTS = str.maketrans(
    "髙﨑嵜碕濵濱𠮷邉邊齋齊澤廣眞德櫻國嶋嶌槗栁淵渕瀨曻黑桒冨惠壽榮條龍圓實與來萬靜瀧籔薗莊彌戶穗彥賴增會學靑淺關鐵",
    "高崎崎崎浜浜吉辺辺斎斎沢広真徳桜国島島橋柳淵淵瀬昇黒桑富恵寿栄条竜円実与来万静滝藪園荘弥戸穂彦頼増会学青浅関鉄",
)
_VARIANT = re.compile(f"[{''.join(map(chr, _VARIANTS))}]")
# What was masked ends a sentence, too: a reader of the rest has nothing to go by there.
_SENTENCE = re.compile(rf"(?:[^。!?\n{OPAQUE}]|\n(?!\n))+[。!?\n]*|[。!?\n]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST = 1_000  # characters read together; the analyser takes 49,149 bytes, and context reaches a few words
_SHARED = 40  # characters that end one piece and begin the next, so that one of them has a name whole


Word = tuple[int, str, int]
"""A word: where it begins in its sentence, its letters, and the number of its part of speech."""


class _PerThread(threading.local):
    tokenizer: Any = None
    found: Any = None  # the list that the tokenizer fills again and again


_per_thread = _PerThread()
_loading = threading.Lock()


@cache
def _load() -> Any:
    from sudachipy import Dictionary  # noqa: PLC0415 - 0.1 s, and a process that masks nothing never needs it

    return Dictionary(dict="core")


def _dictionary() -> Any:
    with _loading:
        return _load()


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """Yield where each sentence of *text* begins, and the sentence; a very long one in pieces that overlap."""
    for match in _SENTENCE.finditer(text):
        start, end = match.span()
        while end - start > _LONGEST:
            # Not within a word, if there is any mark or space in the second half.
            cut = max(text.rfind(mark, start + _LONGEST // 2, start + _LONGEST) for mark in "、, \n")
            cut = cut + 1 if cut > 0 else start + _LONGEST
            yield start, text[start:cut]
            start = cut - _SHARED
        yield start, text[start:end]


def words(sentence: str) -> list[Word]:
    """Return the words of *sentence*, end to end, variant characters of names in their usual form (髙 as 高)."""
    tokenizer = _per_thread.tokenizer
    if tokenizer is None:
        # Short units: 東京都 is two words, and no unit reaches over the end of a name.
        tokenizer = _per_thread.tokenizer = _dictionary().tokenizer("A", fields={"pos"})
        _per_thread.found = tokenizer.tokenize("")
    if _VARIANT.search(sentence):
        sentence = sentence.translate(_VARIANTS)
    try:
        found = tokenizer.tokenize(sentence, out=_per_thread.found)
    except UnicodeEncodeError:  # half of a surrogate pair: no letter, whatever it is
        sentence = _SURROGATE.sub("?", sentence)
        found = tokenizer.tokenize(sentence, out=_per_thread.found)
    starts = [(word.begin(), word.part_of_speech_id()) for word in found]
    ends = [start for start, _ in starts[1:]]
    ends.append(len(sentence))
    return [(start, sentence[start:end], pos) for (start, pos), end in zip(starts, ends, strict=True)]


def tags_in_dictionary(surface: str) -> frozenset[str]:
    """Return every kind of proper noun that the dictionary has for *surface*, whatever it is here."""
    entries = _dictionary().lookup(surface)
    parts = {part_of_speech(entry.part_of_speech_id()) for entry in entries}
    return frozenset("/".join(part[2:]) or "一般" for part in parts if part[1:2] == ("固有名詞",)) | frozenset(
        "普通" for part in parts if part[1:2] != ("固有名詞",)
    )


@cache
def part_of_speech(number: int) -> tuple[str, ...]:
    """Return the part of speech with *number* as the dictionary writes it, most general first."""
    found = _dictionary().pos_of(number)
    return tuple(part for part in found if part != "*") if found else ("未知",)

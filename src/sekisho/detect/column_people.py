"""Whether a column's values are names of people, by the dictionary: what each word can be, not what it is here.

A column is judged by the share of its values, so ambiguous words (石川, さくら) do no harm, and neither do
names that the dictionary lacks.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sekisho.detect.morphemes import tags_in_dictionary
from sekisho.detect.normalise import plain_kanji

Tags = Callable[[str], frozenset[str]]

_KANA = re.compile("[ァ-ヶーぁ-ん ・]+")
_LATIN = re.compile("[A-Za-z'., /-]+")
_HONORIFIC = re.compile(r" ?(?:様|さま|さん|殿|氏)$| (?:MR|MS|MRS|MISS|MSTR|Mr|Ms|Mrs|Miss|Dr)\.?$")
_BETWEEN = re.compile("[ ・,/]+")
_HIRAGANA = {code: code + 0x60 for code in range(ord("ぁ"), ord("ゖ") + 1)}
_PEOPLE = ("人名/姓", "人名/名", "人名/一般")


def name_shares(values: list[str]) -> tuple[float, float, float, float]:
    """Return the shares of folded *values* that can be a family name, a given name, a whole name, a name in kana."""
    known: dict[str, frozenset[str]] = {}

    def tags(word: str) -> frozenset[str]:
        found = known.get(word)
        if found is None:
            found = known[word] = tags_in_dictionary(plain_kanji(word)) if len(word) <= 12 else frozenset()
        return found

    family = given = full = kana = 0.0
    for value in values:
        if len(value) > 40:
            continue
        value = _HONORIFIC.sub("", value)  # noqa: PLW2901 - 山田太郎様
        parts = [part for part in _BETWEEN.split(value) if part]
        if _LATIN.fullmatch(value):
            if 2 <= len(parts) <= 3:
                full += _latin(parts, tags)
            elif len(parts) == 1:
                one = tags(parts[0].capitalize())
                family += 0.7 * bool(one & {"人名/姓", "人名/一般"})
                given += 0.7 * bool(one & {"人名/名", "人名/一般"})
            continue
        in_kana = _KANA.fullmatch(value) is not None
        if in_kana:
            parts = [part.translate(_HIRAGANA) for part in parts]
        if len(parts) == 1:
            word = parts[0]
            one = tags(word)
            is_family, is_given = "人名/姓" in one, "人名/名" in one
            family += is_family
            given += is_given
            whole = len(word) >= 3 and not (is_family or is_given) and _whole(word, tags)
            full += whole and not in_kana
            kana += in_kana and (is_family or is_given or whole)
        elif len(parts) == 2 and all(len(part) <= 8 for part in parts):
            whole = "人名/姓" in tags(parts[0]) or "人名/名" in tags(parts[1])
            full += whole and not in_kana
            kana += in_kana and whole
    count = max(1, len(values))
    return family / count, given / count, full / count, kana / count


def _whole(word: str, tags: Tags) -> bool:
    """Return whether *word* is a family name and a given name without a space."""
    if len(word) > 10:
        return False
    return any("人名/姓" in tags(word[:at]) and "人名/名" in tags(word[at:]) for at in range(1, len(word)) if at <= 5)


def _latin(parts: list[str], tags: Tags) -> float:
    found = sum(bool(tags(part.capitalize()) & set(_PEOPLE)) for part in parts)
    return 1.0 if found >= 2 else 0.7 if found else 0.0

"""Part of ``make train-columns``: how the Japanese words of column names are spelled in Latin letters.

People who name columns in romaji spell what the dictionary has in kanji (診療科: ``shinryoka``). The readings are
those of Sudachi's dictionary, in Hepburn without long vowels; ``column_spellings`` brings other spellings to
the same form.
"""

from __future__ import annotations

import json
from pathlib import Path

from sudachipy import Dictionary

from sekisho.detect.column_spellings import folded
from sekisho.detect.column_words import MEANINGS, Concepts

READINGS = Path(__file__).parents[2] / "src/sekisho/detect/column_readings.json"
_LEAST = 5  # letters: shorter ones are other words, too

_ROWS = {
    "": "アイウエオ", "k": "カキクケコ", "s": "サシスセソ", "t": "タチツテト", "n": "ナニヌネノ", "h": "ハヒフヘホ",
    "m": "マミムメモ", "r": "ラリルレロ", "g": "ガギグゲゴ", "z": "ザジズゼゾ", "d": "ダヂヅデド", "b": "バビブベボ",
    "p": "パピプペポ",
}  # fmt: skip
_KANA = {char: head + vowel for head, row in _ROWS.items() for char, vowel in zip(row, "aiueo", strict=True)}
_KANA |= {"ヤ": "ya", "ユ": "yu", "ヨ": "yo", "ワ": "wa", "ヲ": "o", "ン": "n", "ヴ": "vu"}
_SMALL = {"ャ": "ya", "ュ": "yu", "ョ": "yo", "ァ": "a", "ィ": "i", "ゥ": "u", "ェ": "e", "ォ": "o"}


def romaji(kana: str) -> str | None:
    """Return *kana* in Latin letters, ``None`` when it has something else."""
    spelled = ""
    double = False
    for char in kana:
        if char == "ッ":
            double = True
        elif char in _SMALL and spelled:
            spelled = spelled[:-1] + _SMALL[char]
        elif char in _KANA:
            spelled += _KANA[char][0] * double + _KANA[char]
            double = False
        elif char != "ー":
            return None
    return folded(spelled)


def readings() -> dict[str, list[str]]:
    """Return the concepts and how their words in kanji are spelled; what all words say that sound alike."""
    tokenizer = Dictionary(dict="core").tokenizer("C")
    found: dict[str, Concepts] = {}
    for word, concepts in MEANINGS.items():
        if not any("\u4e00" <= char <= "\u9fff" for char in word):
            continue
        spelled = romaji("".join(part.reading_form() for part in tokenizer.tokenize(word)))
        if spelled is not None and len(spelled) >= _LEAST:
            found[spelled] = found.get(spelled, concepts) & concepts
    by_concept: dict[str, list[str]] = {}
    for spelled, concepts in sorted(found.items()):
        for concept in sorted(concepts):
            by_concept.setdefault(concept, []).append(spelled)
    return dict(sorted(by_concept.items()))


def main() -> None:
    """Write the readings beside the words."""
    lines = [f" {json.dumps(concept)}: {json.dumps(' '.join(words))}" for concept, words in readings().items()]
    READINGS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""What the model of names sees of each word: the word, its tag, its letters, and those of its neighbours.

A feature of one word alone is a name (``w=山田``), made once a word; a feature of several words is a number of 64
bits, made of the numbers of their parts for all words of a text at once. Training and use make the same features:
training keeps them, use adds up their weights.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sekisho.detect.morphemes import Word, part_of_speech, tags_in_dictionary

_CLASSES = (
    (re.compile("[0-9]+"), "0"),
    (re.compile("[A-ZÀ-Þ]"), "A"),
    (re.compile("[a-zà-ÿ]+"), "a"),
    (re.compile("[\u3041-\u309f]"), "あ"),
    (re.compile("[\u30a1-\u30fa\u30fc-\u30ff]"), "ア"),
    (re.compile("[\u3005-\u3007\u3400-\u9fff\uf900-\ufaff]"), "漢"),
)
_REMEMBERED: Final = 20_000
"""Words that are remembered, some 20 MB in use; then all are forgotten."""

_NOUNS = frozenset({"名詞", "接頭辞", "接尾辞"})

_EDGE = 0  # the number of what is no word: before and after a sentence

PLACES: Final = ("", "-2", "-1", "+1", "+2", "head")
"""From where a word is seen: from itself; by the second and first after it; by the first and second before it; by the
others of the row of nouns that it ends (the hospital of 京都大学病院 tells that 京都 is no place there)."""

Numbers = NDArray[np.uint64]


class Seen(NamedTuple):
    """The words of some sentences, one behind the other.

    Attributes
    ----------
    numbers:
        For each place and word the number of the word that stands there (places, words).
    joint:
        The features of several words (kinds, words).
    """

    numbers: NDArray[np.intp]
    joint: Numbers


def _number_of(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


# Odd numbers, so that no part is lost; one for each part of a joint feature, and one for each kind.
_FIRST, _SECOND, _THIRD = (np.uint64(_number_of(part) | 1) for part in ("first", "second", "third"))
_KINDS = (
    "tag,tag-", "tag,tag+", "tags", "word,word-", "word,word+", "shapes", "word+,tag", "word-,tag",
    "words-", "words+",
)  # fmt: skip
_OFFSETS = np.array([[_number_of(kind)] for kind in _KINDS], dtype=np.uint64)


class Features:
    """Makes features and remembers words; not for several threads at once.

    Parameters
    ----------
    seen:
        Is told the number of each new word and its features by place (:data:`PLACES`); numbers begin again
        when all words are forgotten.
    """

    def __init__(self, seen: Callable[[int, Sequence[list[str]]], None]) -> None:
        self._told = seen
        self._numbers: dict[tuple[str, int], int] = {}
        self._parts = np.empty((0, 3), dtype=np.uint64)  # word, tag, shape
        self._nouns = np.empty(0, dtype=np.bool_)
        self._forget()

    def of(self, sentences: Sequence[Sequence[Word]]) -> Seen:
        """Return the features of the words of *sentences*, one behind the other."""
        known = self._numbers
        if len(known) > _REMEMBERED:
            self._forget()
        row = [_EDGE, _EDGE]
        for words in sentences:
            for _, surface, pos in words:
                number = known.get((surface, pos))
                row.append(self._look(surface, pos) if number is None else number)
            row += (_EDGE, _EDGE)
        numbers = np.array(row)
        at = np.flatnonzero(numbers)
        around = (numbers[at], numbers[at - 2], numbers[at - 1], numbers[at + 1], numbers[at + 2])
        return Seen(np.stack((*around, self._heads(numbers, at))), self._joint(numbers, at))

    def _heads(self, numbers: NDArray[np.intp], at: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return what ends the row of nouns that the words stand in; of those in none, and of the end, no word."""
        beyond = np.where(self._nouns[numbers], len(numbers), np.arange(len(numbers)))
        ends = np.minimum.accumulate(beyond[::-1])[::-1][at] - 1
        heads: NDArray[np.intp] = np.where(ends > at, numbers[ends], _EDGE)
        return heads

    def _joint(self, numbers: NDArray[np.intp], at: NDArray[np.intp]) -> Numbers:
        """Return the features of several words, for the words that stand *at* these places of *numbers*."""
        word, tag, shape = self._parts[numbers].T
        words = word[:-1] * _FIRST + word[1:] * _SECOND
        tags = tag[:-1] * _FIRST + tag[1:] * _SECOND
        here = tag[at] * _SECOND
        joint = np.stack(
            (
                tags[at - 1],
                tags[at],
                tags[at - 1] + tag[at + 1] * _THIRD,
                words[at - 1],
                words[at],
                shape[at - 1] * _FIRST + shape[at] * _SECOND + shape[at + 1] * _THIRD,
                word[at + 1] * _FIRST + here,
                word[at - 1] * _FIRST + here,
                words[at - 2],
                words[at + 1],
            )
        )
        joint += _OFFSETS
        return joint

    def _forget(self) -> None:
        self._numbers.clear()
        self._parts = np.zeros((1024, 3), dtype=np.uint64)
        self._nouns = np.zeros(1024, dtype=np.bool_)
        self._parts[_EDGE] = _number_of("#")
        self._told(_EDGE, [[], *([f"{place}#"] for place in PLACES[1:])])

    def _look(self, surface: str, pos: int) -> int:
        number = self._numbers[surface, pos] = len(self._numbers) + 1
        if number >= len(self._parts):
            self._parts = np.concatenate((self._parts, np.zeros_like(self._parts)))
            self._nouns = np.concatenate((self._nouns, np.zeros_like(self._nouns)))
        # A line break would break the model's own listing of its features.
        word = surface.replace("\n", "⏎")
        tag = "/".join(part[:4] for part in part_of_speech(pos)[:4])
        shape = _shape(word)
        self._parts[number] = _number_of(word), _number_of(tag), _number_of(shape)
        self._nouns[number] = part_of_speech(pos)[0] in _NOUNS
        entries = ",".join(sorted(tags_in_dictionary(word))) if len(word) > 1 or shape == "漢" else ""
        here = ["b", f"w={word}", f"t={tag}", f"s={shape}", f"l={min(len(word), 6)}", f"ts={tag}|{shape}"]
        here += [f"a={word[0]}", f"z={word[-1]}", f"d={entries}"]
        if len(word) > 1:
            here += [f"a2={word[:2]}", f"z2={word[-2:]}"]
        if len(word) > 2 and shape[0] == "ア":
            here += [f"a3={word[:3]}", f"z3={word[-3:]}"]
            here += [f"g={word[at : at + 2]}" for at in range(len(word) - 1)]
        near = [f"w={word}", f"t={tag}", f"s={shape}", f"d={entries}", f"z={word[-1]}"]
        far = near[:2]
        self._told(
            number,
            [
                here,
                ["-2" + feature for feature in far],
                ["-1" + feature for feature in (*near, f"z2={word[-2:]}")],
                ["+1" + feature for feature in (*near, f"a={word[0]}")],
                ["+2" + feature for feature in far],
                ["head" + feature for feature in (*far, f"d={entries}", f"z={word[-1]}")],
            ],
        )
        return number


def _shape(word: str) -> str:
    for pattern, mark in _CLASSES:
        word = pattern.sub(mark, word)
    return word[:4] + ("+" if len(word) > 4 else "")

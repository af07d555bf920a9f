"""What a word of a column's name means when it is not spelled as the dictionary spells it.

Three ways in which people shorten and spell: romaji of another system (``zyuusyo``, ``touroku``), words without their
vowels (``ntnlty``), and beginnings of words (``occup``). An abbreviation counts for what every word says that
it may stand for, and for nothing when they disagree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path

from sekisho.detect.column_words import MEANINGS, Concepts

_SYSTEMS = (
    ("jy", "j"), ("zy", "j"), ("sy", "sh"), ("ty", "ch"), ("cy", "ch"), ("shy", "sh"), ("chy", "ch"),
)  # fmt: skip
_SYLLABLES = re.compile(r"(?<![sc])h(?=u)|(?<![a-z])si|si|ti|tu|zi|di")
_HEPBURN = {"h": "f", "si": "shi", "ti": "chi", "tu": "tsu", "zi": "ji", "di": "ji"}
_LONG = re.compile(r"o[uh](?![aeiou])|oo+|uu+")
_ROMAJI = re.compile(r"(?:(?:[kgsztdnhbpmyrwjf]|[kgnhbpmr]y|[st]?sh?|c?ch|ts|kk|tt|ss|pp)?[aeiou]|n)+")
_LEAST_BEGINNING = 4
_LEAST_SKELETON = 4
_LEAST_THINNED = 5
_LEAST_WORD = 6  # letters of a word that is abbreviated


def folded(romaji: str) -> str:
    """Return *romaji*, lower case, in Hepburn without long vowels, whatever system it is spelled in."""
    for theirs, ours in _SYSTEMS:
        romaji = romaji.replace(theirs, ours)
    romaji = _SYLLABLES.sub(lambda found: _HEPBURN[found[0]], romaji)
    return _LONG.sub(lambda found: found[0][0], romaji).replace("mb", "nb").replace("mp", "np").replace("tch", "cch")


@cache
def folded_words() -> Mapping[str, Concepts]:
    """Return the words that may be romaji, folded: those of the dictionary, and readings of its words in kanji."""
    written = json.loads(Path(__file__).with_name("column_readings.json").read_text(encoding="utf-8"))
    found: dict[str, Concepts] = {}
    for concept, words in written.items():
        for word in words.split():
            found[word] = found.get(word, frozenset()) | {concept}
    for word, concepts in MEANINGS.items():
        if word.isascii() and word.isalpha():
            found[folded(word)] = concepts
    return found


def abbreviated(piece: str) -> Concepts:
    """Return what *piece* says as the beginning of words, or as a word without vowels; nothing when that is open."""
    if len(piece) >= _LEAST_BEGINNING and (found := _beginnings().get(piece)):
        return found
    if len(piece) >= _LEAST_SKELETON and piece == _skeleton(piece) and (found := _skeletons().get(piece)):
        return found
    return _thinned(piece) if len(piece) >= _LEAST_THINNED else frozenset()


@lru_cache(maxsize=4096)
def _thinned(piece: str) -> Concepts:
    """Return what all words say of which *piece* has most consonants in their order, and the last: ``natlty``."""
    consonants = _skeleton(piece)
    found: Concepts | None = None
    for word, bones in _bones():
        if (
            word[0] == piece[0]
            and word[-1] == piece[-1]
            and len(consonants) + 1 >= len(bones) >= len(consonants)
            and _within(piece, word)
        ):
            found = MEANINGS[word] if found is None else found & MEANINGS[word]
    return found or frozenset()


def _within(short: str, word: str) -> bool:
    """Return whether the letters of *short* stand in *word*, in their order."""
    letters = iter(word)
    return all(letter in letters for letter in short)


@cache
def _bones() -> tuple[tuple[str, str], ...]:
    return tuple((word, _skeleton(word)) for word in _long())


@cache
def _beginnings() -> Mapping[str, Concepts]:
    return _unanimous((word[:size], word) for word in _long() for size in range(_LEAST_BEGINNING, len(word)))


@cache
def _skeletons() -> Mapping[str, Concepts]:
    return _unanimous((_skeleton(word), word) for word in _long())


def _long() -> list[str]:
    """Return the English words that somebody may abbreviate; romaji is cut between words (``haitatsu_saki``)."""
    return [
        word
        for word in MEANINGS
        if word.isascii() and word.isalpha() and len(word) >= _LEAST_WORD and not _ROMAJI.fullmatch(word)
    ]


def _skeleton(word: str) -> str:
    return word[0] + re.sub(r"(.)\1+", r"\1", re.sub("[aeiou]", "", word[1:]))


def _unanimous(pairs: Iterable[tuple[str, str]]) -> Mapping[str, Concepts]:
    found: dict[str, Concepts] = {}
    for short, word in pairs:
        found[short] = found.get(short, MEANINGS[word]) & MEANINGS[word]
    return {short: concepts for short, concepts in found.items() if concepts}

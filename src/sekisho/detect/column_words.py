"""What the words of column names mean, in Japanese, romaji and English, as ``column_words.toml`` has them.

A word may stand for several concepts (``address`` is a place or a machine); the rules of ``column_rules``
decide by the words beside it. Words are written folded (NFKC, lower case).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files

Concepts = frozenset[str]
"""What a word may stand for."""

WORDS: Mapping[str, str] = tomllib.loads((files("sekisho.detect") / "column_words.toml").read_text(encoding="utf-8"))
"""Each concept and its words."""

MEANINGS: dict[str, Concepts] = {}
"""Each word and the concepts that it may stand for."""
_each_once: dict[Concepts, Concepts] = {}  # a set for each of twelve thousand words would be three megabytes
for _concept, _words in WORDS.items():
    for _word in _words.split():
        _meaning = MEANINGS.get(_word, frozenset()) | {_concept}
        MEANINGS[_word] = _each_once.setdefault(_meaning, _meaning)

LONGEST = max(map(len, MEANINGS))
"""Characters of the longest word."""

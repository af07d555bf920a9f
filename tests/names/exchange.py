"""Sentences with other names in the place of theirs, so that the names themselves are learnt less."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable

from tests.names.corpora import Marked

_KATAKANA = re.compile("[\u30a1-\u30fa\u30fc]+")
_KATAKANA_OF_PARTS = re.compile("[\u30a1-\u30fa\u30fb\u30fc=]+")
_KANJI = re.compile("[\u3005\u3007\u4e00-\u9fff]+")


def exchanged(texts: Iterable[Marked], seed: int) -> list[Marked]:
    """Return a copy of each of *texts* that has names, each name exchanged for one of its corpus, kind and shape.

    A name that stands in a text twice is exchanged for the same one; what no other name is like stays as it is, and
    a text in which nothing changed has no copy.
    """
    texts = list(texts)
    chance = random.Random(seed)
    names = defaultdict[tuple[str, str, str], list[str]](list)
    for marked in texts:
        for start, end, label in marked.marks:
            name = marked.text[start:end]
            names[marked.kind, label, _shape(name)].append(name)
    copies = []
    for marked in texts:
        text, marks, at = "", [], 0
        others = dict[tuple[str, str], str]()
        for start, end, label in marked.marks:
            name = marked.text[start:end]
            if (label, name) not in others:
                others[label, name] = chance.choice(names[marked.kind, label, _shape(name)])
            text += marked.text[at:start]
            marks.append((len(text), len(text) + len(others[label, name]), label))
            text += others[label, name]
            at = end
        text += marked.text[at:]
        if text != marked.text:
            copies.append(Marked(text, tuple(marks), marked.kind))
    return copies


def _shape(name: str) -> str:
    if _KATAKANA.fullmatch(name):
        return "ア"
    if _KATAKANA_OF_PARTS.fullmatch(name):
        return "ア・ア"
    if _KANJI.fullmatch(name):
        return "漢" * min(len(name), 6)
    return "other"

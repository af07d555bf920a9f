"""The model of names and places: a conditional random field over words, loaded at first use.

Read ``model/README.md`` for what it was trained on, and ``docs/names.md`` for how well it does.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from enum import Enum
from functools import cache, lru_cache
from gzip import decompress
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import pairwise
from typing import Any, NamedTuple

from sekisho.detect.features import Features
from sekisho.detect.morphemes import Word, part_of_speech, sentences, tags_in_dictionary, words


class Point(Enum):
    """Where the balance is struck between what is missed and what is marked for nothing."""

    TAGGING = "tagging"  # as often wrong as missing: what is it?
    EGRESS = "egress"  # rather too much than too little: may it leave?


class Named(NamedTuple):
    """A named thing in a text.

    Attributes
    ----------
    start, end:
        Where it stands.
    label:
        ``PERSON``, ``LOCATION``, ``ADDRESS``, or what it is mistaken for: ``ORG``, ``FAC``, ``WORK``.
    score:
        How sure the model is, 0 to 1.
    """

    start: int
    end: int
    label: str
    score: float


EGRESS_PROBABILITY = 0.05
"""From which probability on a word counts as part of a name at the egress point."""

_CUE = re.compile(
    "[\u30a1-\u30fa]{2}|[A-Z]|[様氏殿宛/:\n]|さん|さま|ちゃん|くん|君|先生|担当|名義|氏名|名前|と(?:申|言|い|書|名)|です|でござ|より"
    "|[課部店社係]長|者|対応|承認|受付|[弟妹兄姉娘孫妻夫母父]|息子|家族|うちの"
)
_KANJI = re.compile("[\u3005-\u3007\u3400-\u9fff]")
_NAME_ENTRIES = frozenset({"人名/姓", "人名/名", "人名/一般"})
_LATIN_PROBABILITY = 0.3  # below, product names and codes (EMP1234) are as probable


class _Model:
    """The model and the features it knows, read once; taggers of all threads point into it."""

    def __init__(self, folder: Traversable) -> None:
        self.weights = folder.joinpath("names.crfsuite").read_bytes()
        self.known = frozenset(decompress(folder.joinpath("features.gz").read_bytes()).split(b"\n"))


class _PerThread(threading.local):
    tagger: Any = None
    features: Features
    model: _Model  # the tagger points into it


_per_thread = _PerThread()
_loading = threading.Lock()


@cache
def _load() -> _Model:
    return _Model(files("sekisho.detect.model"))


def _ready() -> _PerThread:
    if _per_thread.tagger is None:
        from pycrfsuite import Tagger  # noqa: PLC0415 - a process that masks nothing never needs it

        with _loading:
            model = _load()
        tagger = Tagger()
        tagger.open_inmemory(model.weights)
        _per_thread.model, _per_thread.features, _per_thread.tagger = model, Features(model.known), tagger
    return _per_thread


@lru_cache(maxsize=20_000)
def _may_be_name(surface: str, pos: int) -> bool:
    """Return whether a word is a proper noun here, or is a name elsewhere."""
    if part_of_speech(pos)[1:2] == ("固有名詞",):
        return True
    return len(surface) > 1 and not _NAME_ENTRIES.isdisjoint(tags_in_dictionary(surface))


def _worth_reading(sentence: str, found: list[Word]) -> bool:
    """Return whether *sentence* may hold a name at all: a cue, a word that may be one, or kanji that make no word."""
    if _CUE.search(sentence) or any(_may_be_name(surface, pos) for _, surface, pos in found):
        return True
    alone = [len(surface) == 1 and _KANJI.match(surface) is not None for _, surface, _ in found]
    return any(first and second for first, second in pairwise(alone))


def _end(word: Word) -> int:
    return word[0] + len(word[1])


def _glue(word: Word, probability: float) -> bool:
    """Return whether *word*, at an end of a name, is rather not part of it."""
    kind = part_of_speech(word[2])[0]
    return kind in {"補助記号", "空白"} or (probability < 0.5 and kind in {"助詞", "助動詞"})


def find_named(text: str, point: Point = Point.TAGGING) -> list[Named]:
    """Return what the model finds in folded *text*, in order; at the egress point people only."""
    result: list[Named] = []
    for begin, sentence in sentences(text):
        found = words(sentence)
        if not _worth_reading(sentence, found):
            continue
        ready = _ready()
        tagger = ready.tagger
        tagger.set(ready.features.of(found))
        result += _best(tagger, found, begin) if point is Point.TAGGING else _possible(tagger, found, begin)
    return result


def _best(tagger: Any, found: list[Word], begin: int) -> Iterator[Named]:
    """Yield the names of the most probable reading."""
    labels = tagger.tag()
    at, count = 0, len(found)
    while at < count:
        label = labels[at]
        first = at
        at += 1
        if label == "O":
            continue
        inside = "I-" + label[2:]
        while at < count and labels[at] == inside:
            at += 1
        score = min(tagger.marginal(labels[place], place) for place in range(first, at))
        yield Named(begin + found[first][0], begin + _end(found[at - 1]), label[2:], score)


def _possible(tagger: Any, found: list[Word], begin: int) -> Iterator[Named]:
    """Yield every run of words each of which may well be part of a person's name."""
    marginal, most = tagger.marginal, 1 - EGRESS_PROBABILITY
    run: list[tuple[Word, float]] = []
    for at, word in enumerate(found):
        # Most words are plainly of no name: one question is enough.
        if marginal("O", at) <= most:
            probability = marginal("B-PERSON", at) + marginal("I-PERSON", at)
            if probability >= (_LATIN_PROBABILITY if word[1].isascii() else EGRESS_PROBABILITY):
                run.append((word, probability))
                continue
        if run:
            yield from _trimmed(run, begin)
            run = []
    if run:
        yield from _trimmed(run, begin)


def _trimmed(run: list[tuple[Word, float]], begin: int) -> Iterator[Named]:
    """Yield *run* without the marks and unlikely particles at its ends (in よしか the last may be of the name)."""
    first, last = 0, len(run)
    while first < last and _glue(*run[first]):
        first += 1
    while last > first and _glue(*run[last - 1]):
        last -= 1
    if first < last:
        score = min(1.0, max(probability for _, probability in run[first:last]))
        yield Named(begin + run[first][0][0], begin + _end(run[last - 1][0]), "PERSON", score)

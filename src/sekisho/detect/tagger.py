"""The model of names and places: a conditional random field over words, loaded at first use.

Read ``model/README.md`` for what it was trained on, and ``docs/names.md`` for how well it does.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from enum import Enum
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from sekisho.detect.crf import Crf, Scores
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
    """The model and the features of words that one thread has seen."""

    def __init__(self, crf: Crf) -> None:
        self.crf, self.features = crf, Features(crf.places)
        person = [crf.labels.index(label) for label in ("B-PERSON", "I-PERSON")]
        self.person = person


class _PerThread(threading.local):
    model: _Model | None = None


_per_thread = _PerThread()
_loading = threading.Lock()


@cache
def _load() -> Crf:
    return Crf(files("sekisho.detect.model").joinpath("names.npz").read_bytes())


def _ready() -> _Model:
    model = _per_thread.model
    if model is None:
        with _loading:
            crf = _load()
        model = _per_thread.model = _Model(crf)
    return model


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
        model = _ready()
        scores = model.crf.scores(model.features.of(found))
        take = _best if point is Point.TAGGING else _possible
        result += take(model, scores, found, begin)
    return _united(result)


def _united(named: list[Named]) -> list[Named]:
    """Return *named* in order, those in one that overlap: pieces of a long sentence share some characters."""
    united: list[Named] = []
    for name in sorted(named):
        if united and name.start < united[-1].end:
            last = united.pop()
            surer = max(last, name, key=lambda either: either.score)
            united.append(Named(last.start, max(last.end, name.end), surer.label, surer.score))
        else:
            united.append(name)
    return united


def _best(model: _Model, scores: Scores, found: list[Word], begin: int) -> Iterator[Named]:
    """Yield the names of the most probable reading."""
    labels, probabilities = model.crf.best(scores), model.crf.probabilities(scores)
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
        score = min(probabilities[place, model.crf.labels.index(labels[place])] for place in range(first, at))
        yield Named(begin + found[first][0], begin + _end(found[at - 1]), label[2:], float(score))


def _possible(model: _Model, scores: Scores, found: list[Word], begin: int) -> Iterator[Named]:
    """Yield every run of words each of which may well be part of a person's name."""
    probabilities = model.crf.probabilities(scores)[:, model.person].sum(axis=1)
    run: list[tuple[Word, float]] = []
    last = -1
    for at in np.flatnonzero(probabilities >= EGRESS_PROBABILITY).tolist():
        word, probability = found[at], float(probabilities[at])
        if word[1].isascii() and probability < _LATIN_PROBABILITY:
            continue
        if run and at != last + 1:
            yield from _trimmed(run, begin)
            run = []
        run.append((word, probability))
        last = at
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

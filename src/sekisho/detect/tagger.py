"""The model of names and places: a conditional random field over words, loaded at first use.

Read ``model/README.md`` for what it was trained on, and ``docs/names.md`` for how well it does.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from sekisho.detect.crf import Crf, Scores, Sums
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
_TOGETHER = 2_000  # words that the model reads together: what it needs for them stays in the processor's cache
_LATIN_PROBABILITY = 0.3  # below, product names and codes (EMP1234) are as probable
_CAPITALS_PROBABILITY = 0.5  # below, headings are (PLEASE READ THIS); names in capitals have a rule of their own


class _Model:
    """The model and the features of words that one thread has seen."""

    def __init__(self, crf: Crf) -> None:
        self.crf = crf
        self.sums = Sums(crf)
        self.features = Features(self.sums.keep)
        self.person = [crf.labels.index(label) for label in ("B-PERSON", "I-PERSON")]


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


class _Read(NamedTuple):
    """A sentence that was cut into words."""

    sentence: str
    words: list[Word]


Known = dict[str, list[Named]]
"""What was found in sentences, by the sentence: a text of which a part was masked is read again."""


def find_named(text: str, point: Point = Point.TAGGING) -> list[Named]:
    """Return what the model finds in folded *text*, in order; at the egress point people only."""
    return find_named_in([text], point)[0]


def find_named_in(
    texts: Sequence[str], point: Point = Point.TAGGING, known: Known | None = None
) -> list[list[Named]]:
    """Return what :func:`find_named` finds in each of *texts*; together they are read sooner.

    What was found in a sentence at the same point may be given in *known*, and is added to it.
    """
    known = {} if known is None else known
    cut = [list(sentences(text)) for text in texts]
    new = dict.fromkeys(sentence for each in cut for _, sentence in each if sentence not in known)
    known.update((sentence, []) for sentence in new)
    for group in _groups(new):
        model = _ready()
        lengths = [len(each.words) for each in group]
        scores = model.sums.scores(model.features.of([each.words for each in group]))
        probabilities = model.crf.probabilities(scores, lengths)
        if point is Point.EGRESS:
            for sentence, named in _possible(probabilities[:, model.person].sum(axis=1), group):
                known[sentence].append(named)
            continue
        at = 0
        for each in group:
            of_sentence = slice(at, at + len(each.words))
            labels = model.crf.best(scores[of_sentence])
            known[each.sentence] += _best(model, labels, probabilities[of_sentence], each.words)
            at += len(each.words)
    return [
        _united(
            [
                named._replace(start=begin + named.start, end=begin + named.end)
                for begin, sentence in each
                for named in known[sentence]
            ]
        )
        for each in cut
    ]


def _groups(new: Iterable[str]) -> Iterator[list[_Read]]:
    """Yield the sentences that may hold a name, in groups of some thousand words."""
    group: list[_Read] = []
    held = 0
    for sentence in new:
        found = words(sentence)
        if not _worth_reading(sentence, found):
            continue
        if held and held + len(found) > _TOGETHER:
            yield group
            group, held = [], 0
        group.append(_Read(sentence, found))
        held += len(found)
    if group:
        yield group


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


def _best(model: _Model, labels: list[str], probabilities: Scores, found: list[Word]) -> Iterator[Named]:
    """Yield the names of the most probable reading."""
    at, count = 0, len(labels)
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
        yield Named(found[first][0], _end(found[at - 1]), label[2:], float(score))


def _possible(people: Scores, group: list[_Read]) -> Iterator[tuple[str, Named]]:
    """Yield every run of words of one sentence each of which may well be part of a person's name, by its sentence.

    *people* are the probabilities of the words of all sentences of *group*.
    """
    likely = np.flatnonzero(people >= EGRESS_PROBABILITY)
    ends = np.cumsum([len(each.words) for each in group])
    inside = np.searchsorted(ends, likely, side="right")
    run: list[tuple[Word, float]] = []
    before, last = group[0], -1
    for at, sentence, end, probability in zip(
        likely.tolist(), inside.tolist(), ends[inside].tolist(), people[likely].tolist(), strict=True
    ):
        read = group[sentence]
        word = read.words[at - end]
        surface = word[1]
        if surface.isascii() and probability < (_CAPITALS_PROBABILITY if surface.isupper() else _LATIN_PROBABILITY):
            continue
        if run and (at != last + 1 or read is not before):
            yield from ((before.sentence, named) for named in _trimmed(run))
            run = []
        run.append((word, probability))
        before, last = read, at
    if run:
        yield from ((before.sentence, named) for named in _trimmed(run))


def _trimmed(run: list[tuple[Word, float]]) -> Iterator[Named]:
    """Yield *run* without the marks and unlikely particles at its ends (in よしか the last may be of the name)."""
    first, last = 0, len(run)
    while first < last and _glue(*run[first]):
        first += 1
    while last > first and _glue(*run[last - 1]):
        last -= 1
    if first < last:
        score = min(1.0, max(probability for _, probability in run[first:last]))
        yield Named(run[first][0][0], _end(run[last - 1][0]), "PERSON", score)

"""Names of people: by the model, and by what stands around them (honorifics, labels, introductions)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from sekisho.detect.english_names import find_english
from sekisho.detect.name_cues import find_by_cues, find_readings
from sekisho.detect.spans import Kind, Span
from sekisho.detect.tagger import Point, find_named

_JAPANESE = re.compile("[\u3005-\u3007\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_FIRMS = (
    "(株)",
    "株式会社",
    "(有)",
    "有限会社",
    "合同会社",
)  # what follows is a company, unless it is surely a person
_SURE = 0.6
_MOST_AGAIN = 100
"""Names that are looked for again in one text: what that takes is their number times the length."""


def find_names(text: str, point: Point = Point.EGRESS) -> Iterator[Span]:
    """Yield the names of people in folded *text*.

    Parameters
    ----------
    text:
        As ``normalise.fold`` leaves it.
    point:
        ``EGRESS`` (may this leave?) takes whatever may well be a name, by the model or by a rule; spans
        overlap. ``TAGGING`` (what is this?) takes the model's best reading alone; of English, the rules.
    """
    if not _JAPANESE.search(text):
        yield from find_english(text)
        return
    named = [
        Span(name.start, name.end, Kind.NAME, name.score)
        for name in find_named(text, point)
        if name.label == "PERSON"
    ]
    if point is Point.TAGGING:
        yield from named
        return
    named = [span for span in named if span.score >= _SURE or not text.endswith(_FIRMS, 0, span.start)]
    yield from named
    cued = [*find_english(text), *find_by_cues(text)]
    yield from cued
    spans = [*named, *cued]
    yield from find_readings(text, {span.end for span in spans})
    yield from _again(text, spans)


def _again(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    """Yield the other places where a name that is certain in one place stands: elsewhere it may lack a cue."""
    sure = (text[span.start : span.end] for span in spans if span.score >= _SURE and span.end - span.start > 1)
    for name in islice(dict.fromkeys(sure), _MOST_AGAIN):
        first = text.find(name)
        at = text.find(name, first + len(name))
        while at >= 0:
            yield Span(at, at + len(name), Kind.NAME, 0.5)
            at = text.find(name, at + len(name))

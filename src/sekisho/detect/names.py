"""Names of people: by the model, and by what stands around them (honorifics, labels, introductions)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from sekisho.detect.english_names import find_english
from sekisho.detect.name_cues import find_by_cues, find_readings
from sekisho.detect.spans import Kind, Span
from sekisho.detect.tagger import Known, Named, Point, find_named_in

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


def find_names(text: str, point: Point = Point.EGRESS) -> list[Span]:
    """Return the names of people in folded *text*.

    Parameters
    ----------
    text:
        As ``normalise.fold`` leaves it.
    point:
        ``EGRESS`` (may this leave?) takes whatever may well be a name, by the model or by a rule; spans
        overlap. ``TAGGING`` (what is this?) takes the model's best reading alone; of English, the rules.
    """
    return find_names_in([text], point)[0]


def find_names_in(texts: Sequence[str], point: Point = Point.EGRESS, known: Known | None = None) -> list[list[Span]]:
    """Return what :func:`find_names` finds in each of *texts*; together they are read sooner.

    *known* are sentences that the model has read before at the same point (``tagger.find_named_in``).
    """
    japanese = [at for at, text in enumerate(texts) if _JAPANESE.search(text)]
    named = dict(zip(japanese, find_named_in([texts[at] for at in japanese], point, known), strict=True))
    return [
        _found(text, named[at], point) if at in named else list(find_english(text)) for at, text in enumerate(texts)
    ]


def _found(text: str, by_model: Iterable[Named], point: Point) -> list[Span]:
    """Return the names of Japanese *text*: what the model found, and what the rules find beside it."""
    named = [Span(name.start, name.end, Kind.NAME, name.score) for name in by_model if name.label == "PERSON"]
    if point is Point.TAGGING:
        return named
    named = [span for span in named if span.score >= _SURE or not text.endswith(_FIRMS, 0, span.start)]
    spans = [*named, *find_english(text), *find_by_cues(text)]
    spans += find_readings(text, {span.end for span in spans})
    spans += _again(text, spans)
    return spans


def _again(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    """Yield the other places where a name that is certain in one place stands: elsewhere it may lack a cue."""
    sure = (text[span.start : span.end] for span in spans if span.score >= _SURE and span.end - span.start > 1)
    for name in islice(dict.fromkeys(sure), _MOST_AGAIN):
        first = text.find(name)
        at = text.find(name, first + len(name))
        while at >= 0:
            yield Span(at, at + len(name), Kind.NAME, 0.5)
            at = text.find(name, at + len(name))

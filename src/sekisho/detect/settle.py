"""Until nothing is left: what is found is covered, and the rest is read again.

Masking changes what stands beside the rest: a letter that kept a number from being one is gone, a word of
context comes nearer. So that a masked text never holds what the same recognisers would find in it, the rest
is read again with everything found put down to one opaque character, until nothing new is found. A mask in
a text that was masked before (``[EMAIL]``) reads as the same character: masking twice is masking once.

What is found once by the words around it (a name, a customer number) is masked wherever it stands again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Sequence
from itertools import chain

from sekisho.detect.spans import OPAQUE, Kind, Span

_WORD = rf"\[(?:{'|'.join(sorted(Kind, key=len, reverse=True))}|REDACTED)\]"
_MASKS = re.compile(rf"{_WORD}(?:\s*{_WORD})*")
_MOST_ROUNDS = 8
_MOST_VALUES = 1000  # a text with more is a list of people
_PROVEN = 0.9  # what is found by its own form is found wherever it stands

Find = Callable[[list[str]], list[list[Span]]]
"""Takes texts and returns for each of them its spans, in any order."""


def settle(texts: Sequence[str], find: Find) -> list[list[Span]]:
    """Return for each text the spans of *find*, and those that show once these are masked, in order.

    Parameters
    ----------
    texts:
        Folded texts.
    find:
        What reads the texts, and what is left of them, all that are not settled yet together.
    """
    settled: list[list[Span]] = [[] for _ in texts]
    readings = [(at, _settling(text)) for at, text in enumerate(texts)]
    asked = [next(reading) for _, reading in readings]
    while readings:
        unsettled: list[tuple[int, _Settling]] = []
        rests: list[str] = []
        for (at, reading), found in zip(readings, find(asked), strict=True):
            try:
                rests.append(reading.send(found))
                unsettled.append((at, reading))
            except StopIteration as end:
                settled[at] = end.value
        readings, asked = unsettled, rests
    return settled


_Settling = Generator[str, list[Span], list[Span]]


def _settling(text: str) -> _Settling:
    """Yield what is to be read of *text*, take what was found in it, and return the spans at the end."""
    masks = [match.span() for match in _MASKS.finditer(text)] if "[" in text else []
    spans = _placed(text, masks, *(yield from _asked(text, masks))) if masks else (yield text)
    if not spans:
        return spans
    for _ in range(_MOST_ROUNDS):
        repeated = _repeated(text, spans) if len(spans) < _MOST_VALUES else None
        if repeated is None:
            break
        spans += repeated
        stretches = _stretches(text, chain(masks, (span[:2] for span in spans)))
        found = _placed(text, stretches, *(yield from _asked(text, stretches)))
        if not found:
            spans.sort()
            return spans
        spans += found
    return [Span(0, len(text), Kind.ID_NUMBER, 0.1)]  # nothing that never settles is shown


def _stretches(text: str, places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return *places* in order, those joined that overlap, touch or have spaces alone between."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if joined and (start <= joined[-1][1] or text[joined[-1][1] : start].isspace()):
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _asked(text: str, stretches: list[tuple[int, int]]) -> Generator[str, list[Span], tuple[str, list[Span]]]:
    """Yield *text* with each stretch put down to one character, and return that with what was found in it."""
    pieces: list[str] = []
    at = 0
    for start, end in stretches:
        pieces += (text[at:start], OPAQUE)
        at = end
    pieces.append(text[at:])
    rest = "".join(pieces)
    return rest, (yield rest)


def _placed(text: str, stretches: list[tuple[int, int]], rest: str, found: list[Span]) -> list[Span]:
    """Return the spans *found* in *rest*, which is *text* with each stretch put down, over *text* itself."""
    if not found:
        return found
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    for start, end in (*stretches, (len(text), len(text))):
        starts += (*range(at, start), start)
        ends += (*range(at + 1, start + 1), end)
        at = end
    spans = []
    for start, end, kind, score in found:
        while start < end and (rest[start] == OPAQUE or rest[start].isspace()):
            start += 1  # noqa: PLW2901 - a span is cut to what is not masked yet
        while start < end and (rest[end - 1] == OPAQUE or rest[end - 1].isspace()):
            end -= 1  # noqa: PLW2901 - as above
        if start < end:
            spans.append(Span(starts[start], ends[end - 1], kind, score))
    return spans


def _repeated(text: str, spans: list[Span]) -> list[Span]:
    """Return where the values of *spans* that were found by their context stand again."""
    values: dict[str, Span] = {}
    for span in spans:
        if span.score < _PROVEN and span.end - span.start >= (2 if span.kind is Kind.NAME else 4):
            values.setdefault(text[span.start : span.end], span)
    if not values:
        return []
    known = {span[:2] for span in spans}
    found = []
    for value, span in values.items():
        if text.count(value) < 2:
            continue
        start = text.find(value)
        while start >= 0:
            end = start + len(value)
            if (start, end) not in known and _stands_free(text, start, end):
                found.append(Span(start, end, span.kind, span.score))
            start = text.find(value, end)
    return found


def _stands_free(text: str, start: int, end: int) -> bool:
    """Return whether a value at *start* to *end* is not part of a longer row of ASCII letters or digits."""
    first, before, last, behind = text[start], text[start - 1 : start], text[end - 1], text[end : end + 1]
    return not (_plain(first) and _plain(before)) and not (_plain(last) and _plain(behind))


def _plain(char: str) -> bool:
    return char.isascii() and char.isalnum()

"""Until nothing is left: what is found is covered, and the rest is read again.

Masking changes what stands beside the rest: a letter that kept a number from being one is gone, a word of
context comes nearer. So that a masked text never holds what the same recognisers would find in it, the rest
is read again with everything found put down to one opaque character, until nothing new is found. A mask in
a text that was masked before (``[EMAIL]``) reads as the same character: masking twice is masking once.

What is found once by the words around it (a name, a customer number) is masked wherever it stands again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import chain

from sekisho.detect.spans import OPAQUE, Kind, Span

_WORD = rf"\[(?:{'|'.join(sorted(Kind, key=len, reverse=True))}|REDACTED)\]"
_MASKS = re.compile(rf"{_WORD}(?:\s*{_WORD})*")
_MOST_ROUNDS = 8
_MOST_VALUES = 1000  # a text with more is a list of people
_PROVEN = 0.9  # what is found by its own form is found wherever it stands

Find = Callable[[str], list[Span]]
"""Takes a text and returns spans in any order."""


def settle(text: str, find: Find, again: Find) -> list[Span]:
    """Return the spans of *find*, and those that show once these are masked, in order.

    Parameters
    ----------
    text:
        A folded text.
    find, again:
        What reads the text, and what reads the rest.
    """
    masks = [match.span() for match in _MASKS.finditer(text)] if "[" in text else []
    spans = _read(text, masks, find) if masks else find(text)
    if not spans:
        return spans
    for _ in range(_MOST_ROUNDS):
        found = _repeated(text, spans) if len(spans) < _MOST_VALUES else None
        if found is None:
            break
        spans += found
        stretches = _stretches(text, chain(masks, (span[:2] for span in spans)))
        found = _read(text, stretches, again)
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


def _read(text: str, stretches: list[tuple[int, int]], find: Find) -> list[Span]:
    """Return what *find* finds in *text* with each stretch put down to one character, over *text* itself."""
    pieces: list[str] = []
    at = 0
    for start, end in stretches:
        pieces += (text[at:start], OPAQUE)
        at = end
    pieces.append(text[at:])
    rest = "".join(pieces)
    found = find(rest)
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

"""What was found in one text, made fit to be replaced: merged, without overlaps, and the replacing itself.

The rules are those of presidio-anonymizer with ``REMOVE_INTERSECTIONS``, so that a text reads the same whichever of
the two replaces it (a property test holds both side by side), at a twentieth of the time:

1. spans of one kind that overlap become one, with the higher score;
2. a span inside another is dropped; of two over the same stretch the better one stays, the later one on a tie;
3. of two that overlap otherwise the better one keeps the shared stretch, the left one on a tie;
4. spans of one kind with nothing but spaces between become one.

Whatever any span covered is covered afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

REDACTED = "[REDACTED]"
"""What stands for a text that could not be masked."""

MAX_TEXT_BYTES = 64 * 1024
"""UTF-8 bytes of the longest text that is looked into; a longer one is replaced whole."""

Found = tuple[int, int, str, float]
"""Start, end (exclusive), kind, score: as it was found, overlaps and all."""

Stretch = tuple[int, int, str]
"""Start, end (exclusive) and kind of what is replaced. A text's stretches ascend and do not overlap."""


def resolve(text: str, found: Iterable[Found]) -> list[Stretch]:
    """Return the stretches of *text* that are to be replaced."""
    spans = sorted(found, key=_place)
    if any(after[0] < before[1] for before, after in pairwise(spans)):
        spans = _trimmed(_outermost(_united(spans)))
    stretches: list[Stretch] = []
    for start, end, kind, _ in spans:
        if stretches and stretches[-1][2] == kind and _spaces(text, stretches[-1][1], start):
            start = stretches.pop()[0]  # noqa: PLW2901 - the united stretch begins there
        stretches.append((start, end, kind))
    return stretches


def replaced(text: str, stretches: Sequence[Stretch]) -> str:
    """Return *text* with the kind in brackets in the place of each of *stretches*."""
    parts: list[str] = []
    position = 0
    for start, end, kind in stretches:
        parts += text[position:start], "[", kind, "]"
        position = end
    parts.append(text[position:])
    return "".join(parts)


def are_sound(stretches: object, length: int, kinds: frozenset[str]) -> bool:
    """Return whether *stretches*, from elsewhere, ascend within *length* characters and name known kinds."""
    if not isinstance(stretches, list):
        return False
    position = 0
    for each in stretches:
        if not isinstance(each, list | tuple) or len(each) != 3:
            return False
        start, end, kind = each
        if type(start) is not int or type(end) is not int or type(kind) is not str:
            return False
        if not position <= start < end or kind not in kinds:
            return False
        position = end
    return position <= length


def _place(span: Found) -> tuple[int, int]:
    return span[0], span[1]


def _spaces(text: str, start: int, end: int) -> bool:
    return start < end and not text[start:end].strip(" ")


def _united(spans: list[Found]) -> list[Found]:
    """Unite what overlaps within one kind. A united span stands where the last of its parts stood."""
    open_: dict[str, tuple[int, Found]] = {}
    done: list[tuple[int, Found]] = []
    for position, span in enumerate(spans):
        known = open_.get(span[2])
        if known is not None:
            (start, end, kind, score) = known[1]
            if span[0] < end:
                open_[kind] = position, (start, max(end, span[1]), kind, max(score, span[3]))
                continue
            done.append(known)
        open_[span[2]] = position, span
    return [span for _, span in sorted([*done, *open_.values()], key=lambda each: each[0])]


def _outermost(spans: list[Found]) -> list[Found]:
    """Drop what lies inside another span."""
    order = sorted(range(len(spans)), key=lambda at: (spans[at][0], -spans[at][1], -spans[at][3], -at))
    kept: set[int] = set()
    largest = -1
    for at in order:
        if spans[at][1] > largest:
            kept.add(at)
            largest = spans[at][1]
    return [span for at, span in enumerate(spans) if at in kept]


def _trimmed(spans: list[Found]) -> list[Found]:
    """Give each shared stretch to the better of two."""
    spans = sorted(spans, key=_place)
    at = 0
    while at < len(spans) - 1:
        left, right = spans[at], spans[at + 1]
        if left[1] <= right[0]:
            at += 1
            continue
        if left[3] >= right[3]:
            spans[at + 1] = (left[1], right[1], right[2], right[3])
            after = at + 1
            while after + 1 < len(spans) and _place(spans[after]) > _place(spans[after + 1]):
                spans[after], spans[after + 1] = spans[after + 1], spans[after]
                after += 1
        else:
            spans[at] = (left[0], right[0], left[2], left[3])
    return [span for span in spans if span[0] < span[1]]

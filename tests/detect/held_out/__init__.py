"""``python -m tests.detect.held_out``: the recognisers judged by texts that were written without looking at them.

Each line of the two files is a text with its spans (start, end, kind) and, of special care-required information, its
categories. ``first.jsonl`` was written and labelled before anything was run; what it showed was mended afterwards,
so that its figures are of texts that were looked at. ``second.jsonl`` was written after most of the mending, and aims
at what had been wrong. Numbers have true check digits where a kind has one. Prices, order numbers, versions and the
like stand there to be left alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sekisho.detect.normalise import fold
from sekisho.detect.recognisers import find_in
from sekisho.detect.sensitive import categories
from sekisho.detect.spans import Kind, Span

FILES = {name: Path(__file__).with_name(f"{name}.jsonl") for name in ("first", "second")}
"""The files by name."""

_NEITHER = " \t\n　〒()（）「」:：・,、様-"
_SAME = {Kind.SESSION_ID: Kind.COOKIE_ID}
_WHOLE_ROW = frozenset({Kind.BANK_ACCOUNT, Kind.POSTAL_ACCOUNT, Kind.INSURED_NUMBER})
"""Kinds in which a span may take in what stands beside the number: the branch, the symbol."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text, its spans as (start, end, kind), and the categories of which it speaks."""

    text: str
    spans: tuple[tuple[int, int, Kind], ...]
    flags: frozenset[str] = frozenset()


@dataclass(slots=True)
class Count:
    """Values of one kind: labelled, found exactly, in part, wholly masked; spans found, and those of the kind."""

    labelled: int = 0
    exact: int = 0
    overlapping: int = 0
    masked: int = 0
    found: int = 0
    right: int = 0


@dataclass(slots=True)
class Verdict:
    """Counts by kind, what is left visible, and of texts that hold nothing: all, and those with anything masked."""

    kinds: dict[Kind, Count] = field(default_factory=dict)
    visible: list[str] = field(default_factory=list)
    blameless: int = 0
    touched: int = 0


def labelled(name: str) -> list[Labelled]:
    """Return the texts of the file *name*."""
    return [
        Labelled(
            row["text"],
            tuple((start, end, Kind(kind)) for start, end, kind in row["spans"]),
            frozenset(row.get("flags", ())),
        )
        for row in map(json.loads, FILES[name].read_text(encoding="utf-8").splitlines())
    ]


def judged(rows: Sequence[Labelled]) -> Verdict:
    """Return what the recognisers find in *rows*, at the point of egress, against the labels."""
    verdict = Verdict()
    for row, spans in zip(rows, find_in([row.text for row in rows]), strict=True):
        found = [
            span._replace(kind=_SAME.get(span.kind, span.kind)) for span in spans if span.kind is not Kind.SENSITIVE
        ]
        masked = {at for span in found for at in range(span.start, span.end)}
        for start, end, kind in row.spans:
            count = verdict.kinds.setdefault(kind, Count())
            same = [span for span in found if span.kind is kind and span.start < end and span.end > start]
            left = any(at not in masked and row.text[at] not in _NEITHER for at in range(start, end))
            count.labelled += 1
            count.overlapping += bool(same)
            count.exact += any(_is_exact(row.text, span, start, end) for span in same)
            count.masked += not left
            verdict.visible += [row.text[start:end]] if left else []
        for span in found:
            count = verdict.kinds.setdefault(span.kind, Count())
            count.found += 1
            count.right += any(
                span.kind is kind and span.start < end and span.end > at for at, end, kind in row.spans
            )
        verdict.blameless += not row.spans
        verdict.touched += not row.spans and bool(found)
        _flagged(row, verdict)
    return verdict


def table(verdict: Verdict) -> Iterator[str]:
    """Yield *verdict* as lines."""
    yield f"{'kind':22}{'values':>7}{'exact':>7}{'part':>7}{'masked':>7}{'spans':>8}{'right':>7}"
    for kind, count in sorted(verdict.kinds.items()):
        numbers = (count.labelled, count.exact, count.overlapping, count.masked)
        yield f"{kind:22}" + "".join(f"{number:7}" for number in numbers) + f"{count.found:8}{count.right:7}"
    values = [count for kind, count in verdict.kinds.items() if kind is not Kind.SENSITIVE]
    yield (
        f"of {sum(count.labelled for count in values)} values {sum(count.exact for count in values)} exact, "
        f"{sum(count.overlapping for count in values)} in part, "
        f"{sum(count.masked for count in values)} wholly masked; "
        f"of {verdict.blameless} texts without any {verdict.touched} with something masked"
    )


def _is_exact(text: str, span: Span, start: int, end: int) -> bool:
    """Return whether *span* is the value, but for brackets, spaces and marks around it."""
    trimmed = text[span.start : span.end].strip(_NEITHER)
    value = text[start:end].strip(_NEITHER)
    if span.kind in _WHOLE_ROW:
        return span.start <= start and span.end >= end
    return trimmed in {value, f"+81 {value}", f"+81-{value}"}


def _flagged(row: Labelled, verdict: Verdict) -> None:
    """Count the categories of *row*: exact where all of the labelled ones are found."""
    found = categories(fold(row.text).text)
    if not found and not row.flags:
        return
    count = verdict.kinds.setdefault(Kind.SENSITIVE, Count())
    count.labelled += bool(row.flags)
    count.exact += bool(row.flags) and row.flags <= found
    count.overlapping += bool(row.flags and found)
    count.found += bool(found)
    count.right += bool(found and row.flags)

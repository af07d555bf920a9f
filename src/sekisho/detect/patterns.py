"""Every recogniser that needs no model, over many texts: what cannot stand in one is not looked for there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from sekisho.detect import addresses, contacts, credentials, dates, machines, marks
from sekisho.detect.insurance import find_symbols
from sekisho.detect.loose_numbers import find_loose
from sekisho.detect.numbers import find_numbers
from sekisho.detect.plates import find_plates
from sekisho.detect.spans import OPAQUE, Span

_KINDS_OF_TEXT = 1 << 12  # sets of marks for which it is remembered who is concerned; texts of one store share a few
_Recogniser = tuple[Callable[[str], Iterable[Span]], int, int]
"""What finds spans in a text, if of two sets of marks one of each stands there."""


class _Recognisers:
    """Recognisers in the order in which they read."""

    def __init__(self, *recognisers: _Recogniser) -> None:
        self._each = recognisers
        self._concerned = lru_cache(_KINDS_OF_TEXT)(self._may_find)

    def _may_find(self, standing: int) -> tuple[int, ...]:
        """Return which of them may find something where the marks *standing* stand."""
        return tuple(at for at, (_, needed, too) in enumerate(self._each) if standing & needed and standing & too)

    def read(self, text: str, standing: int) -> list[Span]:
        """Return what they find in *text*, in which the marks *standing* stand."""
        spans: list[Span] = []
        for which in self._concerned(standing):
            spans += self._each[which][0](text)
        return spans

    def read_all(self, texts: Sequence[str], standing: Sequence[int], found: list[list[Span]]) -> None:
        """Add to *found* what they find in each of *texts*: each of them reads all texts before the next begins.

        So the processor has one pattern at hand, not twenty.
        """
        read: list[list[int]] = [[] for _ in self._each]
        for at, bits in enumerate(standing):
            for which in self._concerned(bits):
                read[which].append(at)
        for (find, _, _), places in zip(self._each, read, strict=True):
            for at in places:
                found[at] += find(texts[at])


_BY_FORM = _Recognisers(
    (contacts.find_emails, marks.EMAIL, marks.EVERYTHING),
    (contacts.find_said, marks.SAID, marks.EVERYTHING),
    (contacts.find_urls, marks.URL, marks.EVERYTHING),
    (contacts.find_line, marks.LINE, marks.EVERYTHING),
    (credentials.find_tokens, marks.TOKEN, marks.EVERYTHING),
    (credentials.find_keyed, marks.KEYED, marks.EVERYTHING),
    (credentials.find_stated, marks.STATED, marks.EVERYTHING),
    (machines.find_bank_codes, marks.BANK_CODE, marks.EVERYTHING),
)
_IN_THE_REST = _Recognisers(
    (machines.find_machines, marks.MACHINE, marks.EVERYTHING),
    (machines.find_named, marks.MAC, marks.DIGIT),
    (machines.find_accounts, marks.IBAN, marks.EVERYTHING),
    (find_numbers, marks.DIGIT, marks.EVERYTHING),
    (find_loose, marks.LOOSE, marks.DIGIT),
    (find_symbols, marks.SYMBOL, marks.DIGIT),
    (find_plates, marks.PLATE, marks.WIDE),
    (dates.find_births, marks.BIRTH, marks.NUMERAL),
    (dates.find_ages, marks.AGE, marks.DIGIT),
    (addresses.find_prefectures, marks.PREFECTURE, marks.EVERYTHING),
    (addresses.find_blocks, marks.BLOCK, marks.MUNICIPALITY),
    (addresses.find_labelled, marks.LABELLED, marks.EVERYTHING),
    (addresses.find_streets, marks.STREET, marks.DIGIT),
    (addresses.find_romaji, marks.ROMAJI, marks.DASHED),
    (addresses.find_wards, marks.WARD, marks.DIGIT),
    (addresses.find_boxes, marks.BOX, marks.DIGIT),
    (addresses.find_codes, marks.POSTCODE, marks.EVERYTHING),
)
_PROVEN = 0.9
_TOGETHER = 3  # texts; fewer are read sooner one by one


def find_patterns(text: str) -> list[Span]:
    """Return everything but names in folded *text*, in no order."""
    standing = marks.marks_of(text)
    spans = _BY_FORM.read(text, standing)
    if spans:
        text = _without(text, spans)
        standing |= 0 if text.isascii() else marks.WIDE
    return spans + _IN_THE_REST.read(text, standing)


def find_patterns_in(texts: Sequence[str]) -> list[list[Span]]:
    """Return what :func:`find_patterns` finds in each of *texts*; together they are read in less time."""
    if len(texts) < _TOGETHER:
        return [find_patterns(text) for text in texts]
    found: list[list[Span]] = [[] for _ in texts]
    rests, standing = list(texts), marks.marks_in(texts).tolist()
    _BY_FORM.read_all(rests, standing, found)
    for at, spans in enumerate(found):
        if spans:
            rests[at] = _without(rests[at], spans)
            standing[at] |= 0 if rests[at].isascii() else marks.WIDE
    _IN_THE_REST.read_all(rests, standing, found)
    return found


def _without(text: str, spans: list[Span]) -> str:
    """Return *text* as long as it is, with opaque characters where one of *spans* is found by its own form.

    What stands in an e-mail address or a URL is found with it: no number is looked for inside.
    """
    pieces: list[str] = []
    at = 0
    for start, end, _, score in sorted(spans):
        if score >= _PROVEN and end > at:
            start = max(start, at)  # noqa: PLW2901 - of two that overlap the rest of the second
            pieces += (text[at:start], OPAQUE * (end - start))
            at = end
    return "".join([*pieces, text[at:]])

"""Every recogniser that needs no model, over one text: what cannot stand in it is not looked for."""

from __future__ import annotations

import re

from sekisho.detect.addresses import find_addresses
from sekisho.detect.contacts import find_contacts
from sekisho.detect.credentials import find_credentials
from sekisho.detect.dates import find_dates
from sekisho.detect.insurance import find_symbols
from sekisho.detect.loose_numbers import find_loose
from sekisho.detect.machines import find_bank_codes, find_machines
from sekisho.detect.numbers import find_numbers
from sekisho.detect.plates import find_plates
from sekisho.detect.spans import OPAQUE, Span

_DIGIT = re.compile("[0-9]")
_PROVEN = 0.9


def find_patterns(text: str) -> list[Span]:
    """Return everything but names in folded *text*, in no order."""
    spans = find_contacts(text)
    spans += find_credentials(text)
    spans += find_bank_codes(text)
    # What stands in an e-mail address or a URL is found with it: no number is looked for inside.
    rest = _without(text, spans) if spans else text
    # Addresses of machines and UUIDs may have no decimal digit; they have colons, dashes or dots.
    digits = _DIGIT.search(rest) is not None
    if digits or ":" in rest or rest.count("-") > 3 or rest.count(".") > 1:
        spans += find_machines(rest)
    if digits:
        spans += find_numbers(rest)
        spans += find_loose(rest)
        if "記号" in rest or "枝番" in rest or "郵" in rest or "ゆうちょ" in rest or "振替" in rest:
            spans += find_symbols(rest)
        if not rest.isascii():
            spans += find_plates(rest)
    spans += find_dates(rest)
    spans += find_addresses(rest)
    return spans


def _without(text: str, spans: list[Span]) -> str:
    """Return *text* as long as it is, with opaque characters where one of *spans* is found by its own form."""
    pieces: list[str] = []
    at = 0
    for start, end, _, score in sorted(spans):
        if score >= _PROVEN and end > at:
            start = max(start, at)  # noqa: PLW2901 - of two that overlap the rest of the second
            pieces += (text[at:start], OPAQUE * (end - start))
            at = end
    return "".join([*pieces, text[at:]])

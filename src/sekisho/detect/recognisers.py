"""All recognisers in one pass: text in, spans out."""

from __future__ import annotations

import re

from sekisho.detect.addresses import find_addresses
from sekisho.detect.contacts import find_addresses_of_machines, find_contacts
from sekisho.detect.names import find_names
from sekisho.detect.normalise import fold
from sekisho.detect.numbers import find_numbers
from sekisho.detect.references import find_references
from sekisho.detect.spans import Span

_DIGIT = re.compile(r"[0-9]")


def find(text: str) -> list[Span]:
    """Return everything in *text* that is, or may be, personal data.

    Parameters
    ----------
    text:
        Any text. Callers bound its length; the time taken is linear in it.

    Returns
    -------
    Spans over *text* itself, in order of position. They may overlap: everything that any of them
    covers is to be masked.
    """
    folded = fold(text)
    spans = find_folded(folded.text)
    if folded.starts is None:
        return spans
    return [Span(*folded.original(span.start, span.end), span.kind, span.score) for span in spans]


def find_folded(text: str) -> list[Span]:
    """Return the spans of a text that ``normalise.fold`` has folded, over the folded text."""
    spans = list(find_contacts(text))
    # IPv6 and MAC addresses may have no decimal digit; they have colons.
    if ":" in text or _DIGIT.search(text):
        spans += find_addresses_of_machines(text)
        spans += find_numbers(text)
        spans += find_references(text)
    spans += find_addresses(text)
    spans += find_names(text)
    spans.sort()
    return spans

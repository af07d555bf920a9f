"""Every recogniser that needs no model, over one text: what cannot stand in it is not looked for."""

from __future__ import annotations

import re

from sekisho.detect.addresses import find_addresses
from sekisho.detect.contacts import find_contacts
from sekisho.detect.credentials import find_credentials
from sekisho.detect.dates import find_dates
from sekisho.detect.insurance import find_symbols
from sekisho.detect.machines import find_bank_codes, find_machines
from sekisho.detect.numbers import find_numbers
from sekisho.detect.plates import find_plates
from sekisho.detect.spans import Span

_DIGIT = re.compile("[0-9]")


def find_patterns(text: str) -> list[Span]:
    """Return everything but names in folded *text*, in no order."""
    spans = [*find_contacts(text), *find_credentials(text), *find_bank_codes(text)]
    # IPv6 and MAC addresses may have no decimal digit; they have colons.
    digits = _DIGIT.search(text) is not None
    if digits or ":" in text:
        spans += find_machines(text)
    if digits:
        spans += find_numbers(text)
        spans += find_symbols(text)
        spans += find_plates(text)
    spans += find_dates(text)
    spans += find_addresses(text)
    return spans

"""Identifiers of people in their one spelling, so that two spellings never become two people.

What differs only by how it was typed or pasted is one spelling: white space and what no screen shows around it (a
byte order mark, the marks of direction that address books put around numbers), and the full width that a Japanese
keyboard gives to letters and digits (``１２３９０``). Nothing beyond: Unicode's compatibility forms would also make
``12³`` and ``123`` one person, and one person's yes the other's; neither is a letter's case for us to ignore.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from unicodedata import category

from sekisho.errors import InvalidRequest

EMAIL_SHA256 = "email_sha256"
"""Kind: lower-case hexadecimal SHA-256 of the trimmed, lower-cased e-mail address, in UTF-8."""

_SHA256 = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)
_LONGEST = 19  # digits of 64 bits
_NARROW = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


def trimmed(value: str) -> str:
    """Return *value* without white space, and without format characters (Unicode's Cf), at its ends."""
    start, end = 0, len(value)
    while start < end and _unseen(value[start]):
        start += 1
    while start < end and _unseen(value[end - 1]):
        end -= 1
    return value[start:end]


def _unseen(character: str) -> bool:
    return character.isspace() or category(character) == "Cf"


def normalised(identifier: str, value: str) -> str:
    """Return *value* in the spelling under which a person is known.

    What is not seen around it goes (:func:`trimmed`). Full-width letters, digits and signs become ASCII where nothing
    but ASCII remains: a text of another script is no key that somebody typed in the wrong width, and stays letter by
    letter.

    Parameters
    ----------
    identifier:
        Kind of identifier. :data:`EMAIL_SHA256` is lower-case besides.

    Raises ``InvalidRequest``, without the value, for one that cannot be of its kind: a hash that was made
    in another way names nobody, and a withdrawal under it would have no effect.
    """
    value = trimmed(value)
    if not value.isascii():
        narrow = trimmed(value.translate(_NARROW))
        value = narrow if narrow.isascii() else value
    if identifier != EMAIL_SHA256:
        return value
    if not _SHA256.fullmatch(value):
        raise InvalidRequest("email_sha256 is 64 hexadecimal digits: SHA-256 of the trimmed, lower-cased address.")
    return value.lower()


def whole_number(value: str) -> int | None:
    """Return the number that a key column of whole numbers (64 bits) holds for the identifier *value*, if one.

    An identifier is what the stores hold, letter by letter: ``017`` and ``0x11`` are others than ``17``, and none
    that such a column can hold.
    """
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > _LONGEST:
        return None
    number = int(value)
    return number if str(number) == value and -(2**63) <= number < 2**63 else None


def all_normalised(identifier: str, values: Sequence[str]) -> Sequence[str]:
    """Return each of *values* as :func:`normalised` does; *values* themselves where nothing is to be done."""
    joined = "".join(values)
    # Mostly they are plain; one look at all of them costs a hundredth of one at each.
    if identifier != EMAIL_SHA256 and joined.isascii() and joined.isprintable() and " " not in joined:
        return values
    return [normalised(identifier, value) for value in values]

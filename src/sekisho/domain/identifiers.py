"""Identifiers of people in their one spelling, so that two spellings never become two people."""

from __future__ import annotations

import re

from sekisho.errors import InvalidRequest

EMAIL_SHA256 = "email_sha256"
"""Kind: lower-case hexadecimal SHA-256 of the trimmed, lower-cased e-mail address, in UTF-8."""

_SHA256 = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)


def has_spelling(identifier: str) -> bool:
    """Return whether values of this kind have a spelling of their own; see :func:`normalised`."""
    return identifier == EMAIL_SHA256


def normalised(identifier: str, value: str) -> str:
    """Return *value* in the spelling under which a person is known.

    Parameters
    ----------
    identifier:
        Kind of identifier. Only :data:`EMAIL_SHA256` has a spelling of its own; every other value is
        what the stores hold, letter by letter.

    Raises ``InvalidRequest``, without the value, for one that cannot be of its kind: a hash that was made
    in another way names nobody, and a withdrawal under it would have no effect.
    """
    if not has_spelling(identifier):
        return value
    if not _SHA256.fullmatch(value):
        raise InvalidRequest("email_sha256 is 64 hexadecimal digits: SHA-256 of the trimmed, lower-cased address.")
    return value.lower()

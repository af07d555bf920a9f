"""E-mail addresses in the one spelling that is hashed."""

from __future__ import annotations

import hashlib
import re

from sekisho.errors import InvalidRequest

_ADDRESS = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"  # more dots than RFC 5321 allows: Japanese carriers gave them out
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
)


def mail_address(text: str) -> str:
    """Return the address that *text* spells: trimmed, lower case.

    Raises ``InvalidRequest``, without the text, when it is none: letters that only look like ASCII, control
    characters, several addresses, a name around it.
    """
    address = text.strip(" \t\r\n\u3000")
    # Before lower(): the Kelvin sign and its like become ASCII letters by it, and somebody else's address.
    if not address.isascii() or len(address) > 254 or not _ADDRESS.fullmatch(address.lower()):
        raise InvalidRequest("email is not an address; write it in half-width letters, for example name@example.com.")
    return address.lower()


def email_sha256(address: str) -> str:
    """Return the identifier ``email_sha256`` of an address: the SHA-256 of it, trimmed and in lower case, in hex."""
    return hashlib.sha256(address.strip().lower().encode()).hexdigest()

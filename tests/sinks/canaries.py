"""Values that no sink may hold, and the search for them in every spelling in which they could get there."""

from __future__ import annotations

import base64
import hashlib
import html
import unicodedata
import urllib.parse
from collections.abc import Iterable, Mapping

WORD = "kanari7q"
"""Stands in every name, address, ticket, literal and token that is Latin."""
NAME = "金糸雀花鳥子"
"""Stands in every text that is Japanese; nobody is called so."""
PHONE = "090-5551-0192"
EMAIL = f"hanako.{WORD}@example.org"

OTHER_EMAIL = f"taro.{WORD}@example.org"
HASHED, OTHER_HASHED = (hashlib.sha256(address.encode()).hexdigest() for address in (EMAIL, OTHER_EMAIL))
"""How services name a person by the address."""

STEMS = {"word": WORD, "name": NAME, "phone": PHONE, "phone without dashes": PHONE.replace("-", "")}


def wide(text: str) -> str:
    """Return *text* in full-width forms, which NFKC turns back."""
    return "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in text)


def spellings(text: str) -> dict[str, bytes]:
    """Return the bytes of *text* in each spelling; such as do not depend on what stands beside it."""
    plain = text.encode()
    found = {
        "UTF-8": plain,
        "upper case": text.upper().encode(),
        "full width": wide(text).encode(),
        "NFD": unicodedata.normalize("NFD", text).encode(),
        "UTF-16": text.encode("utf-16-le"),
        "URL": urllib.parse.quote(text).encode(),
        "URL, lower case": urllib.parse.quote(text).lower().encode(),
        "JSON": "".join(f"\\u{ord(each):04x}" for each in text).encode(),
        "JSON, upper case": "".join(f"\\u{ord(each):04X}" for each in text).encode(),
        "non-ASCII as JSON": text.encode("ascii", "backslashreplace"),
        "bytes of Python": repr(plain)[2:-1].encode(),
        "HTML": text.encode("ascii", "xmlcharrefreplace"),
        "HTML, hexadecimal": "".join(f"&#x{ord(each):x};" for each in text).encode(),
        "HTML escaped": html.escape(text).encode(),
        "hexadecimal": plain.hex().encode(),
        "hexadecimal, upper case": plain.hex().upper().encode(),
    }
    for offset in range(3):  # base64 of a text that has it in the middle: three ways to fall on groups of three
        cut = (offset * 8 + 5) // 6, len(plain) + offset
        for alphabet, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            found[f"{alphabet}, at {offset}"] = encode(b"\0" * offset + plain)[cut[0] : cut[1] * 8 // 6]
    return found


NEEDLES = {
    spelt: f"{stem} ({spelling})"
    for stem, text in STEMS.items()
    for spelling, spelt in reversed(spellings(text).items())  # of equal ones, the plainest name stays
}
NEEDLES |= {
    (each.encode() if spelt == "hexadecimal" else bytes.fromhex(each)): f"hash of an address ({spelt})"
    for each in (HASHED, OTHER_HASHED, hashlib.md5(EMAIL.encode(), usedforsecurity=False).hexdigest())
    for spelt in ("hexadecimal", "bytes")
}


def found_in(content: bytes, more: Mapping[bytes, str] | None = None) -> set[str]:
    """Return which canaries stand in *content*, and how they are spelt there; never the values themselves."""
    lower = content.lower()
    found = {name for needle, name in NEEDLES.items() if needle in content}
    found |= {f"{name}, in another case" for needle, name in NEEDLES.items() if needle.islower() and needle in lower}
    return found | {name for needle, name in (more or {}).items() if needle in content}


def secrets_of(tokens: Iterable[str]) -> dict[bytes, str]:
    """Return what to look for of tokens: the middle of each part that is long enough to be one token's alone."""
    parts = [part for token in tokens for part in token.split(".") if len(part) >= 32]
    return {part[-24:].encode(): "a token" for part in parts}

"""What is coarse in web addresses and user agents: the host, and the name of the browser."""

from __future__ import annotations

import re

import pyarrow as pa

# No user information, port, path or query: those can hold a person's name or token.
_HOST = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:@]+)(?::[0-9]*)?(?:[/?#]|\Z)")
_BROWSERS = (("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))


def host(texts: pa.Array) -> pa.Array:
    """Return the host of each address, an empty text for what is none."""
    coded = texts.cast(pa.string()).dictionary_encode()
    found = [_HOST.match(text) for text in coded.dictionary.to_pylist()]
    return pa.array([match[1] if match else "" for match in found], pa.string()).take(coded.indices)


def browser(texts: pa.Array) -> pa.Array:
    """Return the name of the browser of each user agent, ``other`` for what is none of those that are known."""
    coded = texts.cast(pa.string()).dictionary_encode()
    said = [
        next((name for mark, name in _BROWSERS if mark in text), "other") for text in coded.dictionary.to_pylist()
    ]
    return pa.array(said, pa.string()).take(coded.indices)

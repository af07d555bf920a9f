"""The search for canaries finds them in whatever they were packed."""

from __future__ import annotations

import base64
import json
import urllib.parse

import pytest
from tests.sinks.canaries import EMAIL, HASHED, NAME, PHONE, WORD, found_in, secrets_of, wide

AROUND = f"お名前: {NAME} <{EMAIL}> {PHONE}"
PACKED = {
    "as it is": AROUND.encode(),
    "JSON": json.dumps(AROUND).encode(),
    "JSON in capitals": json.dumps(NAME).upper().encode(),
    "URL": urllib.parse.quote(AROUND).encode(),
    "form": urllib.parse.urlencode({"q": AROUND}).encode(),
    "representation": repr(AROUND.encode()).encode(),
    "full width": wide(WORD).encode(),
    "capitals": WORD.upper().encode(),
    "UTF-16": AROUND.encode("utf-16"),
    "hexadecimal": AROUND.encode().hex().encode(),
    "phone without dashes": PHONE.replace("-", "").encode(),
    "hash of the address": HASHED.encode(),
    **{f"base64 {n}": base64.b64encode(b"x" * n + NAME.encode() + b"y" * n) for n in range(6)},
    **{f"base64url {n}": base64.urlsafe_b64encode(b"x" * n + WORD.encode() + b"y") for n in range(6)},
}


@pytest.mark.parametrize("packed", PACKED)
def test_every_spelling_is_found(packed):
    """Alone and in the middle of other bytes; and what finds it does not repeat it."""
    names = found_in(b"\0some" + PACKED[packed] + b"other\xff")
    assert names
    assert not found_in("".join(names).encode())


def test_nothing_is_found_where_nothing_is():
    """Numbers, hashes and other people's names are no canaries."""
    assert (
        found_in(json.dumps({"at": "2026-11-22T09:00:00Z", "n": list(range(10_000)), "who": "服巻 慎吾"}).encode())
        == set()
    )


def test_tokens_are_found_by_their_parts():
    """A part of a token is as good as the token; short parts are nobody's alone."""
    token = f"{'h' * 40}.{'p' * 80}.{'s' * 86}"
    assert found_in(b"Bearer " + b"p" * 80, secrets_of([token])) == {"a token"}
    assert secrets_of(["short.token"]) == {}

"""The prepared keyed hash is HMAC-SHA-256."""

import hmac

from hypothesis import given
from hypothesis import strategies as st

from sekisho.domain.keyed_hash import KeyedHash


@given(key=st.binary(max_size=130), messages=st.lists(st.binary(max_size=200), max_size=4))
def test_it_is_hmac_sha_256(key, messages):
    """Under keys of every length, and however often it was used before, it gives what the standard library gives."""
    hashed = KeyedHash(key)
    for message in messages:
        assert hashed.digest(message) == hmac.digest(key, message, "sha256")

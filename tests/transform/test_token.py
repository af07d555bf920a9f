"""Tokens of linking identifiers."""

from __future__ import annotations

import base64
import hashlib

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.transform.token import Tokens

KEY = bytes(range(64))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
TOKENS = Tokens(KEY, "invoice")


def test_rfc_5297_example():
    """The cipher is AES-SIV as in RFC 5297, appendix A.1."""
    key = bytes.fromhex("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
    sealed = Tokens(key, "x")._cipher.encrypt(
        bytes.fromhex("112233445566778899aabbccddee"),
        [bytes.fromhex("101112131415161718191a1b1c1d1e1f2021222324252627")],
    )
    assert sealed.hex() == "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c"


@given(st.lists(st.none() | TEXTS))
def test_round_trip_and_nulls(values):
    """Every value comes back, nulls stay null, equal values have equal tokens and others have not."""
    array = TOKENS.encode(pa.array(values, pa.string()))
    assert array.type == pa.string()
    tokens = array.to_pylist()
    assert [None if token is None else TOKENS.decode(token) for token in tokens] == values
    assert len(set(tokens)) == len(set(values))


@given(TEXTS, st.data())
def test_any_flipped_bit_is_refused(value, data):
    """A token with one bit changed, anywhere, decodes to nothing."""
    token = TOKENS.encode_one(value)
    sealed = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    assert TOKENS.decode(base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()) is None


@given(TEXTS)
def test_only_one_spelling(value):
    """Other base64 of the same bytes is not a token."""
    token = TOKENS.encode_one(value)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spellings = {token[:-1] + char for char in alphabet} | {token + "=", token + "\n", " " + token}
    assert [text for text in spellings if TOKENS.decode(text) is not None] == [token]


@given(st.text())
def test_any_other_text_is_refused(text):
    """What is not a token is nothing, without an error."""
    assert TOKENS.decode(text) is None


@given(TEXTS)
def test_keys_and_domains_do_not_align(value):
    """Another key or another domain gives another token, and does not read this one."""
    for other in (Tokens(bytes(64), "invoice"), Tokens(KEY, "ticket")):
        assert other.encode_one(value) != TOKENS.encode_one(value)
        assert other.decode(TOKENS.encode_one(value)) is None


def test_length_does_not_tell():
    """An order and its cancellation have tokens of one length, and so has the empty value."""
    assert {len(TOKENS.encode_one(value)) for value in ("", "536365", "C536365")} == {43}


def test_kinds_of_columns():
    """Plain, large and dictionary strings and whole numbers give the same tokens; slices are read as they stand."""
    expected = TOKENS.encode(pa.array(["7", None, "7", "8"])).to_pylist()
    for array in (
        pa.array(["7", None, "7", "8"], pa.large_string()),
        pa.array(["7", None, "7", "8"]).dictionary_encode(),
        pa.array([7, None, 7, 8], pa.int32()),
        pa.array(["x", "7", None, "7", "8", "y"]).slice(1, 4),
    ):
        assert TOKENS.encode(array).to_pylist() == expected
    assert TOKENS.encode(pa.array([], pa.string())).to_pylist() == []


@pytest.mark.parametrize("length", [32, 48, 64])
@given(given=st.lists(TEXTS, max_size=40), seed=st.integers(0, 2**32))
def test_many_are_what_the_library_makes_of_each(length, given, seed):
    """A column of many short values, encrypted in two passes, has the library's tokens; longer ones stand between."""
    tokens = Tokens(hashlib.sha512(str(seed).encode()).digest()[:length], "invoice")
    values = [*given, *(f"{seed % 10**9}{place:03}" for place in range(80)), "x" * 15, "x" * 16, ""]
    made = tokens.encode(pa.array(["before", *values, None, "after"]).slice(1, len(values) + 1)).to_pylist()
    assert made == [*(tokens.encode_one(value) for value in values), None]
    heads = tokens.keys(pa.array([*values, None]))
    assert heads.tolist() == [*(int.from_bytes(token[:8].encode(), "big") for token in made[:-1]), 2**64 - 1]


def test_other_columns_are_refused():
    """A column whose text form is not fixed has no token."""
    with pytest.raises(ValueError, match="whole numbers"):
        TOKENS.encode(pa.array([1.5]))


def test_cache_is_bounded():
    """More values than the cache holds are still encoded rightly."""
    small = Tokens(KEY, "invoice", cached=2)
    values = [str(number % 7) for number in range(50)]
    assert small.encode(pa.array(values)).to_pylist() == TOKENS.encode(pa.array(values)).to_pylist()
    assert small._token.cache_info().currsize <= 2


def test_key_length_and_repr():
    """A key of another length is refused, and the key does not show."""
    with pytest.raises(ValueError, match="32, 48 or 64"):
        Tokens(bytes(16), "invoice")
    assert repr(TOKENS) == "Tokens(domain='invoice')"


@pytest.mark.parametrize("each", [1, 2, 3, 50])
def test_whole_numbers_have_the_tokens_of_their_text(each):
    """However often a whole number stands in a column, all at once or each once, its token is that of its text."""
    numbers = [n // each - 7 for n in range(300)]
    expected = [TOKENS.encode_one(str(n)) for n in numbers]
    assert TOKENS.encode(pa.array(numbers, pa.int32())).to_pylist() == expected
    part = pa.array([*numbers, None], pa.int64())
    assert TOKENS.encode(part).to_pylist() == [*expected, None]
    assert TOKENS.encode(part.slice(100, 150)).to_pylist() == expected[100:250]


def test_most_of_them_distinct_are_not_looked_up(monkeypatch):
    """A column of distinct whole numbers is encrypted as it stands; one of few is encrypted once for each."""
    seen = []
    tokens = Tokens._tokens

    def counted(self, values):
        seen.append(len(values))
        return tokens(self, values)

    monkeypatch.setattr(Tokens, "_tokens", counted)
    TOKENS.encode(pa.array(range(1_000)))
    TOKENS.encode(pa.array([n % 5 for n in range(1_000)]))
    assert seen == [1_000, 5]

"""Pseudonyms of data subjects."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.transform.order import order_of
from sekisho.transform.pseudonym import PersonPseudonyms

KEY = bytes(range(32))
NUMBERS = st.integers(0, 2**63 - 1)
PSEUDONYMS = PersonPseudonyms(KEY)


def encode(pseudonyms: PersonPseudonyms, *numbers: int) -> list[str | None]:
    tokens: list[str | None] = pseudonyms.encode(np.array(numbers, dtype=np.int64)).to_pylist()
    return tokens


@pytest.mark.parametrize(
    ("key", "number", "domain", "token"),
    [
        # FIPS 197 as the AES known-answer tests publish it: the block of zeros under the key of zeros.
        (bytes(16), 0, 0, "66e94bd4ef8a2c3b884cfa59ca342b2e"),
        (bytes(32), 0, 0, "dc95c078a2408989ad48a21492842087"),
    ],
)
def test_known_answers(key, number, domain, token):
    """A pseudonym is the AES block of the standard, nothing of our own."""
    assert encode(PersonPseudonyms(key, domain), number) == [token]


def test_fips_197_example():
    """The example of FIPS 197, appendix C.1, decrypts to its plaintext, which is no person's block."""
    pseudonyms = PersonPseudonyms(bytes(range(16)), 0x8899AABB)
    block = pseudonyms._cipher.decryptor().update(bytes.fromhex("69c4e0d86a7b0430d8cdb78070b4c55a"))
    assert block.hex() == "00112233445566778899aabbccddeeff"
    assert pseudonyms.decode("69c4e0d86a7b0430d8cdb78070b4c55a") is None


@given(st.lists(NUMBERS, unique=True))
def test_round_trip_and_distinct(numbers):
    """Every number comes back, and distinct people have distinct pseudonyms."""
    tokens = encode(PSEUDONYMS, *numbers)
    assert len(set(tokens)) == len(numbers)
    assert [PSEUDONYMS.decode(token) for token in tokens if token is not None] == numbers


@given(NUMBERS, st.integers(0, 127))
def test_any_flipped_bit_is_refused(number, bit):
    """A pseudonym with one bit changed decodes to nobody."""
    (token,) = encode(PSEUDONYMS, number)
    assert token is not None
    forged = f"{int(token, 16) ^ (1 << bit):032x}"
    assert PSEUDONYMS.decode(forged) is None


@given(st.text())
def test_any_other_text_is_refused(text):
    """What is not a pseudonym is nobody, without an error."""
    assert PSEUDONYMS.decode(text) is None


def test_only_one_spelling():
    """Capitals, spaces and full-width digits are not a pseudonym."""
    (token,) = encode(PSEUDONYMS, 7)
    assert token is not None
    for other in (token.upper(), f" {token}", token + "\n", token.translate({ord("1"): "１", ord("0"): "０"})):
        assert PSEUDONYMS.decode(other) is None


@given(st.lists(NUMBERS, min_size=1, unique=True))
def test_purposes_do_not_align(numbers):
    """Pseudonyms of the same people under two keys share no value, and neither key reads the other's."""
    other = PersonPseudonyms(bytes(32))
    first, second = encode(PSEUDONYMS, *numbers), encode(other, *numbers)
    assert not set(first) & set(second)
    assert all(PSEUDONYMS.decode(token) is None for token in second if token is not None)


def test_domains_do_not_align():
    """A token of another domain under the same key is refused."""
    (token,) = encode(PersonPseudonyms(KEY, 2), 7)
    assert token is not None
    assert PSEUDONYMS.decode(token) is None


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.booleans())))
def test_nulls(rows):
    """Negative and invalid numbers are null, and leave no bytes in the array."""
    numbers = np.array([number for number, _ in rows], dtype=np.int64)
    valid = np.array([flag for _, flag in rows], dtype=np.bool_)
    array = PSEUDONYMS.encode(numbers, valid)
    array.validate(full=True)
    present = [flag and number >= 0 for number, flag in rows]
    assert [value is not None for value in array.to_pylist()] == present
    assert array.null_count == present.count(False)
    assert array.type == pa.string()
    assert array.buffers()[2].size == 32 * sum(present)


def test_empty():
    """No people, no pseudonyms."""
    assert encode(PSEUDONYMS) == []


def test_strided_numbers():
    """Numbers that do not lie side by side in memory are read rightly."""
    numbers = np.arange(20, dtype=np.int64)[::3]
    assert PSEUDONYMS.encode(numbers).to_pylist() == encode(PSEUDONYMS, *numbers.tolist())


@pytest.mark.parametrize("length", [0, 15, 24, 64])
def test_key_length(length):
    """A key that AES would not take, or that is not agreed on, is refused."""
    with pytest.raises(ValueError, match="16 or 32"):
        PersonPseudonyms(bytes(length))


def test_wrong_arrays():
    """Arrays of another type or shape are refused, not reinterpreted."""
    with pytest.raises(ValueError, match="int64"):
        PSEUDONYMS.encode(np.array([1.0]))
    with pytest.raises(ValueError, match="shape"):
        PSEUDONYMS.encode(np.array([1, 2]), np.array([True]))
    with pytest.raises(ValueError, match="32-bit"):
        PersonPseudonyms(KEY, 2**32)


def test_repr_has_no_key():
    """The key does not show."""
    assert KEY.hex() not in repr(PSEUDONYMS)
    assert repr(PSEUDONYMS) == "PersonPseudonyms(domain=1)"


@given(st.lists(st.integers(min_value=-1, max_value=300), min_size=1, max_size=200), st.booleans())
def test_order_is_the_order_of_the_pseudonyms(numbers: list[int], large: bool) -> None:
    """Rows are put into the order of what is shown, nobody last, whichever way the order is found."""
    pseudonyms = PersonPseudonyms(bytes(32))
    array = np.array(numbers * (6_000 // len(numbers) + 1) if large else numbers, dtype=np.int64)

    order = order_of(pseudonyms.keys(array))

    shown = pseudonyms.encode(array).take(pa.array(order)).to_pylist()
    known = [token for token in shown if token is not None]
    assert shown == known + [None] * (len(shown) - len(known))
    assert known == sorted(known)
    assert sorted(order.tolist()) == list(range(len(array)))


def test_pseudonyms_from_the_table_are_those_of_the_cipher() -> None:
    """A large page gets the pseudonyms that its rows would get one by one."""
    pseudonyms, fresh = PersonPseudonyms(bytes(32)), PersonPseudonyms(bytes(32))
    numbers = np.random.default_rng(1).integers(-1, 9_000, 20_000)

    shown = pseudonyms.encode(numbers).to_pylist()

    assert shown[:50] == [fresh.encode(numbers[i : i + 1])[0].as_py() for i in range(50)]
    assert set(shown) >= set(fresh.encode(np.unique(numbers)[:100]).to_pylist())


@given(st.lists(st.one_of(st.integers(0, 2**63 - 1), st.text(max_size=40)), max_size=20))
def test_many_are_read_back_like_one(parts: list[int | str]) -> None:
    """Tokens, other keys' tokens and any text: each is read in bulk as it is read alone."""
    pseudonyms, foreign = PersonPseudonyms(bytes(32)), PersonPseudonyms(bytes(31) + b"1")
    tokens: list[str] = []
    for part in parts:
        if isinstance(part, str):
            tokens.append(part)
            continue
        one, other = (codec.encode(np.array([part], np.int64)).to_pylist()[0] for codec in (pseudonyms, foreign))
        tokens += [one, other, one.upper(), one[1:], f" {one[1:]}"]
    alone = [-1 if (number := pseudonyms.decode(token)) is None else number for token in tokens]
    assert pseudonyms.decode_many(tokens).tolist() == alone
    whole = [token for token, number in zip(tokens, alone, strict=True) if number >= 0]
    assert pseudonyms.decode_many(whole).tolist() == [number for number in alone if number >= 0]

"""Check digits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.detect.checks import card_number_valid, iban_valid, luhn_valid, my_number_valid


@pytest.mark.parametrize(
    "number", ["4111111111111111", "5555555555554444", "2223003122003222", "378282246310005", "3530111333300000"]
)
def test_cards(number):
    """The schemes' test numbers pass, and fail with any digit changed."""
    assert card_number_valid(number)
    for at in range(len(number)):
        changed = number[:at] + str((int(number[at]) + 1) % 10) + number[at + 1 :]
        assert not luhn_valid(changed)


def test_no_scheme():
    """A number that passes Luhn but belongs to no scheme, or has another length, is no card."""
    assert luhn_valid("0000000000000000")
    assert not card_number_valid("0000000000000000")
    assert not card_number_valid("41111111111111")


@given(st.integers(0, 10**11 - 1))
def test_my_number_has_one_check_digit(base):
    """Exactly one check digit fits any eleven digits."""
    assert sum(my_number_valid(f"{base:011d}{digit}") for digit in range(10)) == 1


def test_my_number():
    """The published example passes; other lengths and scripts do not."""
    assert my_number_valid("123456789018")
    assert not my_number_valid("123456789019")
    assert not my_number_valid("12345678901")
    assert not my_number_valid("１２３４５６７８９０１８")


def test_iban():
    """The example of ISO 13616 passes, and a changed one does not."""
    assert iban_valid("GB82WEST12345698765432")
    assert not iban_valid("GB82WEST12345698765433")

"""Check digits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.detect.checks import (
    article_number_valid,
    card_number_valid,
    corporate_number_valid,
    iban_valid,
    insurer_valid,
    licence_valid,
    luhn_valid,
    my_number_valid,
    resident_code_valid,
)


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


@pytest.mark.parametrize(
    ("check", "valid", "length"),
    [
        (corporate_number_valid, "7000012050002", 13),
        (insurer_valid, "33120015", 8),
        (article_number_valid, "4901234567894", 13),
        (my_number_valid, "123456789018", 12),
    ],
)
def test_any_digit_changed_fails(check, valid, length):
    """The published example passes; with its last digit changed, another length or other characters it does not."""
    assert check(valid)
    assert len(valid) == length
    assert not check(valid[:-1] + str((int(valid[-1]) + 1) % 10))
    assert not check(valid + "0")
    assert not check("x" * length)


@given(st.integers(0, 10**10 - 1))
def test_codes_have_one_check_digit(base):
    """Exactly one check digit fits ten digits of a resident record code, and of a driver's licence of Tokyo."""
    assert sum(resident_code_valid(f"{base:010d}{digit}") for digit in range(10)) == 1
    assert sum(licence_valid(f"30{base % 10**8:08d}{digit}0") for digit in range(10)) == 1
    assert not licence_valid(f"99{base:010d}")

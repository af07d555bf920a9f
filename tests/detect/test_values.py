"""Whole values, by themselves."""

from __future__ import annotations

import random

import pytest

from sekisho.detect.spans import Kind
from sekisho.detect.values import MAX_VALUE_CHARS, VALIDATORS, Match, matches


@pytest.mark.parametrize(
    ("kind", "value", "match"),
    [
        (Kind.MY_NUMBER, "1234 5678 9018", Match(True)),
        (Kind.MY_NUMBER, "123456789019", Match(False)),
        (Kind.MY_NUMBER, "12345678901", None),
        (Kind.CORPORATE_NUMBER, "7000012050002", Match(True)),
        (Kind.INVOICE_NUMBER, "Ｔ７０００012050002", Match(True)),
        (Kind.INVOICE_NUMBER, "7000012050002", None),
        (Kind.INSURER_NUMBER, "33120015", Match(True, "33")),
        (Kind.PHONE, "０９０−１２３４−５６７８", Match(True, "mobile")),
        (Kind.PHONE, "+81 90-1234-5678", Match(True, "mobile")),
        (Kind.PHONE, "03-1234-5678", Match(True, "fixed")),
        (Kind.PHONE, "0120-123-456", Match(True, "toll_free")),
        (Kind.PHONE, "00-0000-0000", Match(False)),
        (Kind.PHONE, "1234567890", None),
        (Kind.CARD, "3530-1113-3330-0000", Match(True, "jcb")),
        (Kind.CARD, "4111111111111112", Match(False, "visa")),
        (Kind.BIRTH_DATE, "昭和五十五年三月四日", Match(True, "1980")),
        (Kind.BIRTH_DATE, "㍼55年3月4日", Match(True, "1980")),
        (Kind.BIRTH_DATE, "㋿元年5月1日", Match(True, "2019")),
        (Kind.BIRTH_DATE, "令和1年4月30日", Match(False)),
        (Kind.BIRTH_DATE, "平成40年1月1日", Match(False)),
        (Kind.BIRTH_DATE, "1980-02-30", Match(False)),
        (Kind.BIRTH_DATE, "1980-03-04 00:00:00", Match(True, "1980")),
        (Kind.BIRTH_DATE, "Mar 4, 1980", Match(True, "1980")),
        (Kind.BIRTH_DATE, "19800304", Match(True, "1980")),
        (Kind.IBAN, "GB82 WEST 1234 5698 7654 32", Match(True, "GB")),
        (Kind.IBAN, "GB82 WEST 1234 5698 7654 33", Match(False, "GB")),
        (Kind.IP, "::1", Match(True, "v6")),
        (Kind.POSTAL_CODE, "〒１５０－０００１", Match(True)),
        (Kind.ADDRESS, "東京都渋谷区神宮前1-2-3 青山ビル101", Match()),
        (Kind.ADDRESS, "元気です", None),
        (Kind.NUMBER_PLATE, "品川 300 あ 12-34", Match()),
        (Kind.EMAIL, "hanako@example.co.jp", Match()),
        (Kind.EMAIL, "hanako@example.co.jp です", None),
        (Kind.AGE, "45歳", Match(True)),
        (Kind.AGE, "450", Match(False)),
        (Kind.ADVERTISING_ID, "00000000-0000-0000-0000-000000000000", Match(False, "lower")),
        (Kind.NAME, "山田", None),
    ],
)
def test_values(kind, value, match):
    """A whole value has the form of its kind or not, and its check digit or table agrees or not."""
    assert matches(kind, value) == match
    if kind in VALIDATORS:
        assert VALIDATORS[kind](value) == match


def test_a_check_digit_is_a_hint():
    """About a tenth of random numbers pass one check digit: the base rate that columns are judged against."""
    dice = random.Random(1)
    for kind, length in ((Kind.MY_NUMBER, 12), (Kind.CORPORATE_NUMBER, 13), (Kind.RESIDENT_CODE, 11)):
        values = ["".join(dice.choices("0123456789", k=length)) for _ in range(3_000)]
        passed = sum(match is not None and match.checked is True for match in map(VALIDATORS[kind], values))
        assert 0.07 < passed / len(values) < 0.13


def test_long_values_are_none():
    """A value longer than any is of no kind, and costs nothing."""
    assert all(validate("1" * (MAX_VALUE_CHARS + 1)) is None for validate in VALIDATORS.values())
    assert all(validate("") is None for validate in VALIDATORS.values())

"""Identifiers in their one spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.domain.identifiers import EMAIL_SHA256, all_normalised, normalised
from sekisho.errors import InvalidRequest

TYPED = {
    "as-it-is": ("12390", "12390"),
    "space-before": (" 12390", "12390"),
    "line-end-behind": ("12390\r\n", "12390"),
    "ideographic-space": ("\u300012390\u3000", "12390"),
    "full-width-digits": ("１２３９０", "12390"),
    "one-full-width-digit": ("1239０", "12390"),
    "full-width-letters-and-signs": ("ＡＢ－１２", "AB-12"),
    "both": (" １２\u3000", "12"),
    "byte-order-mark": ("\ufeff12390", "12390"),
    "marks-of-direction": ("\u202a12390\u202c", "12390"),
    "zero-width-and-white-space": (" \u200b12390\u2060\u200d ", "12390"),
    "around-full-width": ("\u200e１２\u3000\ufeff", "12"),
}
KEPT = {
    "superscript-is-another-digit": "12³",
    "circled-is-another-digit": "①",
    "roman-numeral": "Ⅻ",
    "ligature": "ﬁ12",
    "half-width-katakana": "ｶﾄｳ1",
    "another-script-stays-letter-by-letter": "会員１２",
    "case": "aB",
    "space-within": "AB 12",
    "unseen-within": "1\u200b2",
}


@pytest.mark.parametrize(("typed", "known"), TYPED.values(), ids=TYPED)
def test_what_differs_by_typing_is_one_spelling(typed, known):
    """White space around it and the width of its letters make no other person."""
    assert normalised("customer_id", typed) == known
    assert all_normalised("customer_id", ["7", typed]) == ["7", known]


@pytest.mark.parametrize("value", KEPT.values(), ids=KEPT)
def test_what_may_be_somebody_else_stays(value):
    """Nothing is folded that could be two people."""
    assert normalised("customer_id", value) == value


def test_an_email_hash_is_trimmed_and_lower_case():
    """The hash is one spelling too; what is no hash is refused."""
    assert normalised(EMAIL_SHA256, " " + "AB" * 32 + "\n") == "ab" * 32
    assert all_normalised(EMAIL_SHA256, ["AB" * 32]) == ["ab" * 32]
    with pytest.raises(InvalidRequest):
        normalised(EMAIL_SHA256, "ab")


@given(st.lists(st.text()))
def test_many_are_spelled_as_one(values):
    """The quick look at all of them changes no answer, and a spelling is its own."""
    spelled = [normalised("customer_id", value) for value in values]
    assert list(all_normalised("customer_id", values)) == spelled
    assert list(all_normalised("customer_id", spelled)) == spelled

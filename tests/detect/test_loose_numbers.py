"""Numbers written loosely: middle dots, two spaces, line breaks, commas, every digit alone."""

from __future__ import annotations

import pytest

from sekisho.detect.recognisers import find
from sekisho.detect.spans import Kind


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("電話は090・1234・5678です", "090・1234・5678", Kind.PHONE),
        ("電話は０９０･１２３４･５６７８です", "０９０･１２３４･５６７８", Kind.PHONE),
        ("カード番号 4111・1111・1111・1111", "4111・1111・1111・1111", Kind.CARD),
        ("マイナンバー: 1234・5678・9018", "1234・5678・9018", Kind.MY_NUMBER),
        ("マイナンバー: 1234  5678  9018", "1234  5678  9018", Kind.MY_NUMBER),
        ("携帯 090  1234  5678", "090  1234  5678", Kind.PHONE),
        ("携帯 ０９０　　１２３４　　５６７８", "０９０　　１２３４　　５６７８", Kind.PHONE),
        ("カード番号 4111  1111  1111  1111", "4111  1111  1111  1111", Kind.CARD),
        ("カード番号 4111  1111  1111  1112", "4111  1111  1111  1112", Kind.CARD),
        ("090-1234-\n5678", "090-1234-\n5678", Kind.PHONE),
        ("090-1234\r\n-5678", "090-1234\r\n-5678", Kind.PHONE),
        ("会社 03-1234-\n5678", "03-1234-\n5678", Kind.PHONE),
        ("4111 1111\n1111 1111", "4111 1111\n1111 1111", Kind.CARD),
        ("カード番号は4111、1111、1111、1111です", "4111、1111、1111、1111", Kind.CARD),
        ("携帯は090、1234、5678です", "090、1234、5678", Kind.PHONE),
        ("電話:0 9 0 1 2 3 4 5 6 7 8", "0 9 0 1 2 3 4 5 6 7 8", Kind.PHONE),
        ("card 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", Kind.CARD),
    ],
)
def test_loose_numbers_are_found(text: str, value: str, kind: Kind) -> None:
    """A number whose groups stand loosely is masked whole."""
    found = {(text[span.start : span.end], span.kind) for span in find(text)}
    assert (value, kind) in found, found


@pytest.mark.parametrize(
    "text",
    [
        "数量は1、2、3です",
        "1・2・3を選ぶ",
        "第1・2・3回の配送",
        "サイズは23・24・25です",
        "価格は1,234,567円と2,000円です",
        "2019、2020、2021、2022の各年",
        "2026・11・21に届く",
        "2026\n11\n21",
        "1 2 3 4 5 6 7 8 9 10 11 12",
        "0 1 2 3 4 5 6 7 8 9",
        "数量  12  1000  2000  3000",
        "在庫 0312\n345\n6789",
        "1200,1300,1400,1500",
    ],
)
def test_lists_prices_and_days_stay(text: str) -> None:
    """Rows of digits that are nobody's number are not masked."""
    assert not find(text)

"""Hostile texts: whatever is repeated to 128 KB is read in time linear in its length."""

from __future__ import annotations

import gc
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sekisho.detect.normalise import fold
from sekisho.detect.patterns import find_patterns
from sekisho.detect.recognisers import find
from sekisho.detect.settle import settle

UNITS = [
    "1 ",
    "11 ",
    "1",
    "090-",
    "a",
    "a@",
    "a.",
    "A b ",
    "NA",
    "NANA NAN ",
    "YAMADA ",
    "KATTO,",
    "1 A ",
    ":",
    "a:",
    "あ",
    "ア",
    "市",
    "一市",
    "東京都",
    "東京都一市一",
    "山1",
    "order-",
    "生まれ",
    "AB-1-1",
    "www.",
    "様",
    "さん",
    "名前は",
    "佐藤",
    "山 ",
    "Dear A ",
    "name:",
    "一丁目",
    "(",
    "\u0301",
    "ｶﾞ",
    "https://",
    "12 A B C ",
    "注文",
    "-",
    "ー",
    "1ー",
    "山山山山山山山山山様",
    "と申します",
    "A-1",
    "AB12 ",
    "[at]",
    "@a.",
    "0 9 ",
    "0  ",
    "0-\n",
    "0123  ",
    "4111、",
    "4111-  \n",
    "1・",
    '"a',
    "123456,",
    "1234-5678-",
    "4111111111111111 ",
    "a1",
    "1a",
    "A1-",
    "T1",
    "会員番号1、",
    "注文番号AB12と",
    "記号1",
    "記号",
    "枝番",
    "品川300",
    "300あ",
    "45歳",
    "年齢",
    "生",
    "誕生日は",
    "1980年",
    "昭和",
    "password=",
    "a=",
    "eyJ",
    "eyJa.",
    "AKIA",
    "sk-",
    "-----BEGIN PRIVATE KEY-----",
    "GA1.",
    "1.1.1.",
    "::",
    "00:1B:",
    "SWIFT ",
    "GB82 ",
    "GB82WEST",
    "LINE:",
    "[EMAIL]",
    "[EMAIL] ",
    "〇",
    "〇九",
    "一二三-",
    "通上る",
    "市1-",
    "-ku ",
    "Aa-ku, ",
    "住所:",
    "キー",
    "パスワード",
    "癌",
    "私の",
    "my ",
    "number ",
    "+81(0)",
    "((",
    "/",
    "#1",
    "http://a.",
    "a@b.c ",
    "、",
    "a1 at b.c ",
    "a アット b.",
    "ライン(a",
    "MAC a483 ",
    "市1の1",
    "東京都港区芝1-1\n",
    "東京都港区芝1-1\nビル ",
    '"address":"',
    '"a_a_a_a_address',
    "記号・番号1-",
    "会員番号1234 5678 ",
    "AB 1234567 ",
    "://a:",
    "://a:b@",
    "マイナンバー123-4567 ",
    "認証コード",
    "account_number_",
]
SIZE = 32_768


def seconds(text: str) -> float:
    """Return the least CPU time of two readings of *text* by all patterns, to the end."""
    least = float("inf")
    for _ in range(2):
        began = time.process_time()
        settle([fold(text).text], lambda texts: [find_patterns(each) for each in texts])
        least = min(least, time.process_time() - began)
    return least


def grows(unit: str, doublings: int = 1) -> float:
    """Return how much longer *unit* repeated takes with each of *doublings* from 32 KB; 2 is linear, 4 quadratic."""
    text = unit * (SIZE // len(unit))
    gc.collect()
    short = seconds(text)
    return float((seconds(text * 2**doublings) / max(short, 0.002)) ** (1 / doublings))


def growth(unit: str) -> float:
    """Return the least growth up to 64 and up to 128 KB.

    What is quadratic grows at both. A step need not: where a text is cut into values of a most length, the last has
    another length at each size, and a short one may stand again in all the others.
    """
    return min(grows(unit), grows(unit, 2))


@pytest.mark.parametrize("unit", UNITS, ids=range(len(UNITS)))
def test_hostile_texts_end(unit):
    """Two thousand characters of any unit are read without a fault, and spans lie inside."""
    text = unit * (2_000 // len(unit))
    assert all(0 <= span.start < span.end <= len(text) for span in find(text))


@pytest.mark.long
@pytest.mark.parametrize("unit", UNITS, ids=range(len(UNITS)))
def test_linear(unit):
    """Twice the text takes about twice the time, up to 128 KB."""
    assert growth(unit) < 3.2


@pytest.mark.long
@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.one_of(st.sampled_from(UNITS), st.text("01aA-@.:=市丁目 あ様〒[]", max_size=4)), min_size=1, max_size=4
    )
    .map("".join)
    .filter(bool)
)
def test_linear_fuzzed(unit):
    """Units made at random are read in linear time, too."""
    if grows(unit) >= 3.2:  # once more: other work on the machine may have come between
        assert min(growth(unit) for _ in range(2)) < 3.2

"""Quick looks before a search: whatever the search finds passes them, in texts of any letters."""

from __future__ import annotations

import re

import pytest

from sekisho.detect import normalise
from sekisho.detect.addresses import _JAPANESE, _PREFECTURES
from sekisho.detect.credentials import _TOKEN, _token_in
from sekisho.detect.cues import WORDS
from sekisho.detect.dates import _WORD, _birth_in
from sekisho.detect.numbers import _GAP, _LEADS
from sekisho.detect.recognisers import find
from sekisho.detect.spans import Kind

WORDS_OF_BIRTH = [re.sub(r"\(\?!.*?\)|\\", "", word) for word in _WORD.pattern.split("|")]

TOKENS = [
    "eyJhbGciOiJI.eyJzdWIi.c2lnbmF0dXJl",
    *(f"A{kind}ABCDEFGH23456789" for kind in ("KIA", "SIA", "ROA", "IDA", "GPA", "NPA", "BIA", "CCA")),
    "AIza" + "aB3" * 11 + "xY",
    "ya29." + "aB3" * 8,
    "GOCSPX-" + "aB3" * 8,
    *(f"gh{kind}_" + "aB3" * 12 for kind in "pousr"),
    "github_pat_11ABCDEFG0aBcDeFcHiJkL_mNoPqRsTuVw",
    "glpat-" + "aB3" * 8,
    *(f"xox{kind}-" + "12345-aBcDe" for kind in "abeoprs"),
    *(f"{kind}_{mode}_" + "aB3" * 6 for kind in ("sk", "rk", "pk") for mode in ("live", "test")),
    "sk-" + "aB3" * 8,
    "SG." + "aB3" * 6 + "." + "aB3" * 6,
    "npm_" + "aB3" * 12,
    "AGE-SECRET-KEY-1" + "QP" * 29,
]


def masked(text: str) -> dict[str, str]:
    return {text[span.start : span.end]: span.kind for span in find(text)}


@pytest.mark.parametrize("word", WORDS_OF_BIRTH)
def test_every_word_of_birth_passes_in_any_text(word: str) -> None:
    """The quick look lets every word pass, alone and in Japanese."""
    assert _WORD.search(word)
    assert _birth_in(word)
    assert _birth_in(f"• 名前 {word} です")


@pytest.mark.parametrize("prefecture", _PREFECTURES.split("|"))
def test_every_prefecture_passes(prefecture: str) -> None:
    """The quick look for the last letter of a prefecture lets each of them pass."""
    assert _JAPANESE.search(prefecture)
    assert masked(f"{prefecture}青葉区本町1-2-3") == {f"{prefecture}青葉区本町1-2-3": Kind.ADDRESS}


def test_what_a_label_ends_in_is_known() -> None:
    """Short numbers are passed over unless what stands before can end a label: a word, or what follows words."""
    assert {letter for letter in _GAP.pattern if not letter.isascii()} <= _LEADS
    assert all(word[-1] in _LEADS for words in WORDS.values() for word in words if not word.isascii())
    assert masked("顧客番号は1234です") == {"1234": Kind.ID_NUMBER}
    assert masked("会員番号\u20291234 です") == {"1234": Kind.ID_NUMBER}


def test_whatever_is_folded_is_looked_at() -> None:
    """A character that becomes another one, alone or between digits, is never passed over as plain."""
    tables = normalise._tables()
    letters = [chr(code) for code in (*range(0x80, 0xD800), *range(0xE000, 0x10000), 0x1F600, 0x20BB7)]
    for text in (form.format(letter) for letter in letters for form in ("a{}b", "0{}1", "0 {} 1")):
        plain = text.translate(tables.one_to_one)
        changed = normalise._join(plain, {*plain}) != text
        assert not changed or tables.odd.search(text), ascii(text)


@pytest.mark.parametrize("token", TOKENS)
def test_every_token_passes_in_any_text(token: str) -> None:
    """The quick look lets every form of token pass, and it is masked whole."""
    assert _token_in(token)
    for text in (token, f"鍵は {token} です"):
        assert any(match.group() == token for match in _TOKEN.finditer(text))
        assert masked(text)[token] is Kind.SECRET


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("I’m a customer, born 4 March 1980", "4 March 1980", Kind.BIRTH_DATE),
        ('{"dob":"1980-01-01","名前":"x"}', "1980-01-01", Kind.BIRTH_DATE),
        ("お客様 dob: 1980-01-01", "1980-01-01", Kind.BIRTH_DATE),
        ("Born 1980/01/01 です", "1980/01/01", Kind.BIRTH_DATE),
        ("D.O.B: 4/3/1980 (確認済)", "4/3/1980", Kind.BIRTH_DATE),
        ("• dob 1980-05-01", "1980-05-01", Kind.BIRTH_DATE),
        ("seinengappi: 1980-05-01", "1980-05-01", Kind.BIRTH_DATE),
        ("生年月日[NAME]1980年1月1日", "1980年1月1日", Kind.BIRTH_DATE),
        ("mac aabb.ccdd.eeff", "aabb.ccdd.eeff", Kind.MAC),
        ("It is aabb.ccdd.eeff.", "aabb.ccdd.eeff", Kind.MAC),
        ("mac AA-BB-CC-DD-EE-FF", "AA-BB-CC-DD-EE-FF", Kind.MAC),
        (
            "device abcdefab-cdef-abcd-efab-cdefabcdefab",
            "abcdefab-cdef-abcd-efab-cdefabcdefab",
            Kind.DEVICE_ID,
        ),
        ("Pin is 4711", "4711", Kind.SECRET),
        ("暗証番号1234です", "1234", Kind.SECRET),
        ('"taro yamada"@example.com まで', '"taro yamada"@example.com', Kind.EMAIL),
    ],
)
def test_what_a_quick_look_passed_over_is_found(text: str, value: str, kind: Kind) -> None:
    """Values whose text lacks the usual letters, digits or marks are masked whole."""
    assert masked(text).get(value) is kind, masked(text)


@pytest.mark.parametrize(
    "text", ["担当が不在でした", "担当が休みの日に", "暗証番号2026年に変更", "担当者が外出中", 'say "hi" @all']
)
def test_what_looks_alike_stays(text: str) -> None:
    """What is said of somebody without a name, and a year, are not masked."""
    assert not masked(text)

"""One spelling for recognisers, with the way back."""

from __future__ import annotations

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.detect.normalise import fold, plain_kanji


def test_digits_letters_and_dashes():
    """Full-width, mathematical and other digits, and dashes between digits, become ASCII."""
    assert fold("０９０−１２３４‐５６７８").text == "090-1234-5678"
    assert fold("１ー２〜３").text == "1-2-3"
    assert fold("𝟎𝟗𝟎٠१").text == "09001"
    assert fold("ＬＩＮＥ　＠ａ").text == "LINE @a"


def test_letters_stay():
    """The long vowel mark of katakana is no dash, and kanji stay as they are."""
    assert fold("カード髙﨑").text == "カード髙﨑"


def test_clusters():
    """What grows, combines or is invisible is folded, and each character knows its source."""
    folded = fold("㈱ｶﾞ0\u200b9a\u0335\ufe0f")
    assert folded.text == "(株)ガ09a"
    assert folded.original(0, 3) == (0, 1)
    assert folded.original(3, 4) == (1, 3)
    assert folded.original(4, 6) == (3, 6)


def test_control_characters_do_not_show():
    """A control character is gone like a space without width, in ASCII too; white space stays."""
    assert fold("090\x7f-12\x0034-5678\x9f").text == "090-1234-5678"
    assert fold("は０\x08９\u2060０").text == "は090"
    assert fold("a\tb\r\nc\x85d").text == "a\tb\r\nc\x85d"
    assert fold("1\x0023").original(0, 2) == (0, 3)


def test_characters_as_html_and_urls_write_them():
    """A numbered entity, and the at sign of a URL, are the character; what is none stays, or is nobody's."""
    folded = fold("a&#64;b&#x2d;c&#23665;&#xFF11;")
    assert folded.text == "a@b-c山1"
    assert folded.original(1, 2) == (1, 6)
    assert fold("hanako%40example.co.jp&commat;").text == "hanako@example.co.jp@"
    assert fold("30%4000円、&#12;&#xZ;&#;&amp;").text == "30%4000円、\x0c&#xZ;&#;&amp;"
    assert fold("&#55296;&#9999999;").text == "\ufffd\ufffd"


WRITTEN = st.text(st.sampled_from("&#%;x@a0123456789.\x00\x7f\u0301\ufe0fｶﾞ山-"))


@settings(deadline=None)  # the first text builds the tables
@given(st.one_of(st.text(), WRITTEN), st.data())
def test_offsets(text, data):
    """Every stretch of the folded text comes from a stretch of the original that folds to at least as much."""
    folded = fold(text)
    if folded.text:
        start = data.draw(st.integers(0, len(folded.text) - 1))
        end = data.draw(st.integers(start + 1, len(folded.text)))
        first, last = folded.original(start, end)
        assert 0 <= first < last <= len(text)
        assert (first, last) >= folded.original(start, start + 1)
    assert folded.starts is not None or len(folded.text) == len(text)


@settings(deadline=None)  # the first text builds the tables
@given(st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs", "Cf", "Mn", "Me"])))
def test_no_wide_digit_remains(text):
    """No digit outside ASCII survives, so that patterns may say [0-9]."""
    assert not [char for char in fold(text).text if unicodedata.category(char) == "Nd" and not char.isascii()]


def test_kanji_digits():
    """Phones and postal codes in kanji numerals are read as digits, in place; amounts and dates are left alone."""
    assert fold("〇九〇−一二三四−五六七八へ").text == "090-1234-5678へ"
    assert fold("〇九〇の一二三四の五六七八").text == "090-1234-5678"
    assert fold("一五〇ー〇〇〇一").text == "150-0001"
    assert fold("二〇二六年三月四日、三百円、一丁目").text == "二〇二六年三月四日、三百円、一丁目"


def test_dashes_only_in_numbers():
    """A dash of a sentence is a hyphen between digits and letters alone, with spaces around too."""
    assert fold("０９０―１２３４ ー ５６７８").text == "090-1234 - 5678"
    assert fold("番号―１２３、スーパー").text == "番号―123、スーパー"


def test_plain_kanji():
    """Variant forms of kanji are compared in their common form."""
    assert plain_kanji("髙﨑と渡邉、齋藤と斉藤") == "高崎と渡辺、斎藤と斎藤"
    assert all(len(plain_kanji(char)) == 1 for char in "髙﨑齋邊邉濵")

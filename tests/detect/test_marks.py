"""Marks: what cannot stand in a text is not looked for there, and nothing else is passed over."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.benchmarks.pii.made import HELD_OUT, SEEN, blameless, made
from tests.benchmarks.pii.support import support_texts
from tests.detect.test_hostile import UNITS

from sekisho.detect import marks, patterns
from sekisho.detect.normalise import fold
from sekisho.detect.patterns import find_patterns, find_patterns_in

LETTERS = (
    "01379aAbBzZTUC@-.:=/, 、。市県都丁目番号のはをあいう様〒[]()#+&é①０１ー\u200b\n\t_\"'"
    "生年月日歳電話注文口座記枝ナンバー品川\ufffc\0😀"
)
_VALUES = """
Uabcdef0123456789abcdef0123456789a|www.a.jp/b|LINE ID: taro99|AKIAABCDEFGH23456789|xoxb-12345-aBcDe
npm_aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3|gho_aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3|glpat-aB3aB3aB3aB3aB3aB3aB3
ya29.aB3aB3aB3aB3aB3aB3aB3|SG.aB3aB3aB3aB3aB3aB3.aB3aB3aB3aB3aB3aB3|sk_live_aB3aB3aB3aB3aB3aB3
Bearer abcdefghijklmnop1|basic abcdefghijklmnop1|PIN is 4711|pw: abc123|パスワードは abc123|合言葉は kome12
アクセストークン:abc123|セッションは abc12345|SWIFT: BOTKJPJT|スイフトコードBOTKJPJT|BIC is BOTKJPJT
10.1.2.3|GA1.2.12345.1234567890|fb.1.1234567890123.abcde|2001:db8::1|00-1B-44-11-3A-B7|aabb.ccdd.eeff
123e4567-e89b-42d3-a456-426614174000|GB82 WEST 1234 5698 7654 32|記号 12340 番号 1234567|枝番 01
ゆうちょ 12340-1234567|郵便貯金 12340-1234567|振替 00120-1-12345|品川 300 あ 12-34|number plate 300 A 12-34
生年月日: 1980-01-02|うまれ 1980/1/2|バースデー 1980.1.2|BIRTH 1980-01-02|born 4 March 1980|DOB 1980-01-02
seinengappi 1980-05-01|D.O.B 4/3/1980|昭和五十五年一月二日生まれ|45歳|45 才|45 years old|45 y/o|年齢 45
年令は45|満45|享年80|Age: 45|東京都渋谷区神宮前1-2-3|京都府|大阪府|北海道|渋谷区神宮前一丁目2|神宮前三丁目5番
住所: どこか|所在地は: どこか|本籍 : どこか 住|Address:somewhere|届け先 : 遠く|12 Baker Street
5 Ash Sq|9 Elm Hwy|9 Elm Ave|9 Elm Terrace
4-12-8 Minami-Aoyama, Minato-ku, Tokyo|Aa-ku, Tokyo 1|P.O. Box 12|私書箱 12号|CA 90210|SW1A 1AA
090-1234\n-5678|0 9 0 1 2 3 4 5 6 7 8|4111、1111、1111、1111|4111 -1111 -1111 -1111|"taro yamada"@example.com
a★b.jp|a(at)b.jp|a [アット] b.jp|a{ AT }b.jp|-----BEGIN PRIVATE KEY-----
mail=taro@example.com|0800-123-4567|09001234567|090・1234・5678|０９０ー１２３４ — 5678|〇九〇の一二三四の五六七八
"""
PIECES = [*UNITS, *(value.replace("\\n", "\n") for line in _VALUES.split("\n") for value in line.split("|") if value)]
"""A value for each mark, beside the units of hostile texts."""


def texts_of(count: int, seed: int) -> list[str]:
    """Return *count* texts: made-up ones, some cut and joined, some with a character put in, some of pieces."""
    dice = random.Random(seed)
    base = [text for text, _ in (*made(300, SEEN, seed=seed), *made(300, HELD_OUT, seed=seed + 1))]
    base += blameless(100, seed=seed) + support_texts(300, seed=seed)
    texts: list[str] = []
    while len(texts) < count:
        text, other = dice.choice(base), dice.choice(base)
        at, cut = dice.randrange(len(text) + 1), dice.randrange(len(other) + 1)
        texts.append(
            dice.choice(
                [
                    text,
                    text[:at] + other[cut:],
                    text[:at] + dice.choice(LETTERS) * dice.randrange(3) + text[at + dice.randrange(2) :],
                    text[:at] + dice.choice(PIECES) + text[at:],
                    "".join(dice.choices([*PIECES, " ", "、", *LETTERS], k=dice.randrange(1, 6))),
                ]
            )
        )
    return texts


def marked_everywhere(text: str) -> list[object]:
    """Return what is found in folded *text* by all recognisers, whatever stands in it."""
    spans = patterns._BY_FORM.read(text, marks.EVERYTHING)
    rest = patterns._without(text, spans) if spans else text
    return [*spans, *patterns._IN_THE_REST.read(rest, _all_but_conditions(rest))]


def _all_but_conditions(text: str) -> int:
    """Return every mark, but for two that are conditions: a digit, a character outside ASCII."""
    everything = marks.EVERYTHING
    if not any(char in "0123456789" for char in text):
        everything &= ~marks.DIGIT
    return everything & ~marks.WIDE if text.isascii() else everything


@settings(deadline=None, max_examples=300)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(LETTERS, max_size=4), st.text(max_size=3)), max_size=5))
@example(["Aa-ku, Tokyo a1@b.jp"])
@example(["number plate 300 A 12-34 a@b.jp"])
@example(["pw: abc123 number plate 300 A 12-34"])
def test_marks_pass_over_nothing(pieces: list[str]) -> None:
    """What is found with the marks of a text is what is found as if all of them stood in it."""
    text = fold("".join(pieces)).text
    assert find_patterns(text) == marked_everywhere(text)


def test_marks_pass_over_nothing_in_many_texts() -> None:
    """The same for made-up texts, whole, cut, joined and mistyped, each alone and in a batch."""
    texts = [fold(text).text for text in texts_of(4_000, 20_261_123)]
    wanted = [marked_everywhere(text) for text in texts]
    texts += ["number plate 300 A 12-34 a@b.jp", "Aa-ku, Tokyo a1@b.jp"] * 32
    wanted += [*map(marked_everywhere, texts[-64:])]
    assert [find_patterns(text) for text in texts] == wanted
    assert [spans for at in range(0, len(texts), 64) for spans in find_patterns_in(texts[at : at + 64])] == wanted


@pytest.mark.parametrize("piece", PIECES, ids=range(len(PIECES)))
def test_each_piece(piece: str) -> None:
    """Each of the pieces alone, between kana and between Latin letters is found as if every mark stood there."""
    for text in (fold(each).text for each in (piece, f"これは{piece}です", f"it is {piece}, yes", f"{piece} 1")):
        assert find_patterns(text) == marked_everywhere(text)


@settings(deadline=None)
@given(st.lists(st.text(st.one_of(st.sampled_from(LETTERS), st.characters(exclude_categories=[])), max_size=30)))
def test_marks_of_texts_together_are_those_of_each(texts: list[str]) -> None:
    """No mark reaches from one text into the next, and none is lost at an end, whatever characters there are."""
    assert marks.marks_in(texts).tolist() == [marks.marks_of(text) for text in texts] == [*map(by_hand, texts)]


def test_what_lies_beyond_the_basic_plane_is_nothing_but_wide() -> None:
    """A character past U+FFFF is outside ASCII, and is not taken for another with the same last digits."""
    assert [marks.marks_of(chr(0x10000 + ord(char))) for char in "0生☆"] == [marks.WIDE] * 3


def by_hand(text: str) -> int:
    """Return the marks of *text*, looked for one by one."""
    found = 0
    for bit, mark in enumerate(marks._classes):
        for at in range(len(text)):
            row = text[at : at + 3]
            if all(
                chars is None
                or (row[place : place + 1] and (row[place] in chars or (chars == "\x80" and row[place] > "\x7f")))
                for place, chars in enumerate(mark)
            ):
                found |= 1 << bit
                break
    return found


def test_a_long_text_is_asked_for_everything() -> None:
    """A text of more than a million characters, alone or among others, is taken to hold every mark."""
    long = "a" * (marks._LONGEST + 1)
    assert marks.marks_of(long) == marks.EVERYTHING
    assert marks.marks_in(["a", long, "b", "1" * marks._TOGETHER, "1"]).tolist() == [
        0, marks.EVERYTHING, 0, marks.DIGIT | marks.NUMERAL, marks.DIGIT | marks.NUMERAL
    ]  # fmt: skip

"""Texts that are read together, and what is left of them: no name remains, and each is read as if alone."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.names import synthetic
from tests.names.evaluate import SEED

from sekisho.detect import tagger
from sekisho.detect.name_cues import find_by_cues, find_readings
from sekisho.detect.names import _again, find_names_in
from sekisho.detect.recognisers import find, find_in
from sekisho.detect.spans import Kind, Span
from sekisho.detect.tagger import Known, Point, find_named, find_named_in
from sekisho.transform.spans import replaced, resolve

PIECES = """
山田 花子 山田花子 毛受 毛受明美 税所 咲良 結愛 光 ジョン・スミス ヤマダハナコ やまだはなこ みゆき Taro YAMADA
様 さん 氏 ちゃん 先生 様から入電。 と申します。 です。 担当の に連絡した。 が対応しました。 株式会社 （ ） 、 。
氏名： 名義は Dear My name is Regards, 花王 東京都渋谷区 渋谷駅 三井住友銀行 [NAME] [EMAIL] [NAME]様 a@b.co
𠮷田 ﾔﾏﾀﾞ 髙橋 を と 「 」 ： の は John Jane Smith 090-1234-5678 \ufffc
"""
TEXTS = st.lists(st.one_of(st.sampled_from([*PIECES.split(), " ", "\n"]), st.text(max_size=3)), max_size=9).map(
    "".join
)


def masked(texts: list[str]) -> list[str]:
    """Return *texts* as they leave."""
    return [
        replaced(text, resolve(text, [(*span[:2], str(span.kind), span.score) for span in spans]))
        for text, spans in zip(texts, find_in(texts), strict=True)
    ]


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(TEXTS, min_size=1, max_size=4))
@example(["担当の毛受が山田様に連絡した。"])
@example(["氏名：⒦O"])
def test_a_masked_text_holds_no_name(texts):
    """Whatever is found by recognisers and model together, nothing is found in what is left."""
    once = masked(texts)
    assert find_in(once) == [[] for _ in once]
    assert masked(once) == once


@pytest.mark.long
def test_a_masked_line_holds_no_name():
    """The same over thousands of support lines with unseen names."""
    texts = [marked.text for marked in synthetic.unseen_lines(3_000, SEED + 1)]
    once = masked(texts)
    assert [text for text, spans in zip(once, find_in(once), strict=True) if spans] == []


def test_together_as_alone(monkeypatch):
    """Texts that are read together, however many fit into one reading, are each read as if alone."""
    texts = synthetic.support_texts(24, SEED)
    texts += ["", "。", "明日は雨です。", texts[0], "Dear Jane Smith, thanks", texts[1] * 3]
    alone = [[span[:3] for span in find(text)] for text in texts]
    tagged = [[name[:3] for name in find_named(text)] for text in texts]
    assert any(alone)
    for together in (2_000, 40, 1):
        monkeypatch.setattr(tagger, "_TOGETHER", together)
        assert [[span[:3] for span in spans] for spans in find_in(texts)] == alone
        assert [[name[:3] for name in names] for names in find_named_in(texts)] == tagged
    assert [[span[:3] for span in spans] for spans in find_in(texts[::-1])] == alone[::-1]


def test_a_sentence_is_read_once(monkeypatch):
    """What was found in a sentence is taken from what is known, and put where the sentence stands now."""
    known: Known = {}
    first = find_names_in(["担当の毛受が対応した。"], known=known)
    monkeypatch.setattr(tagger, "words", None)  # nothing may be cut into words again
    (again,) = find_names_in(["担当の毛受が対応した。担当の毛受が対応した。"], known=known)
    assert {span[:2] for span in again} >= {span[:2] for span in first[0]} | {(14, 16)}


def test_the_egress_point_takes_what_may_be_a_name():
    """A word that is a name with a small probability is masked, and is no name to who tags."""
    texts = [marked.text for marked in synthetic.unseen_lines(150, SEED + 2)]
    egress = [name for names in find_named_in(texts, Point.EGRESS) for name in names]
    assert min(name.score for name in egress) < 0.2
    assert all(name.score >= tagger.EGRESS_PROBABILITY for name in egress)
    assert len(egress) > sum(name.label == "PERSON" for names in find_named_in(texts) for name in names)


@pytest.mark.parametrize("honorific", ["様", "さま", "さん", "氏", "殿", "先生", "ちゃん", "くん", "君"])
def test_every_honorific_tells_a_name(honorific):
    """Before an honorific stands a name, also one that no dictionary has."""
    text = f"本日、鵺塚{honorific}より入電。"
    assert "鵺塚" in {text[span.start : span.end] for span in find_by_cues(text)}


def test_a_reading_is_part_of_the_name():
    """How a name is read is masked with it: in brackets behind a name, and nowhere else."""
    text = "鵺塚(ぬえづか)と駅(えき)"
    assert [text[span.start : span.end] for span in find_readings(text, {2})] == ["ぬえづか"]
    assert not list(find_readings(text, set()))


def test_names_are_looked_for_again_up_to_a_number():
    """Of a text of many names a hundred are looked for again: what that takes stays linear in the text."""
    names = [chr(0x9D00 + at) * 2 for at in range(150)]
    text = "".join(names * 2)
    spans = [Span(2 * at, 2 * at + 2, Kind.NAME, 0.7) for at in range(150)]
    assert [text[span.start : span.end] for span in _again(text, spans)] == names[:100]

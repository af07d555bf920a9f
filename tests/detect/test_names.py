"""Names of people: the model, the rules around it, and what they leave alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.detect.names import find_names
from sekisho.detect.normalise import fold
from sekisho.detect.tagger import Point, find_named


def left(text: str) -> str:
    """Return what can still be read of *text* at the egress point."""
    folded = fold(text)
    hidden = {
        at
        for span in find_names(folded.text)
        for at in range(*folded.original(span.start, span.end))
    }  # fmt: skip
    return "".join("█" if at in hidden else char for at, char in enumerate(text))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("先日お電話した毛受ですが、まだ届きません。", "毛受"),
        ("担当の蒔苗に確認しました。", "蒔苗"),
        ("昨日は山田花子が対応しました。", "山田花子"),
        ("お世話になります。税所 咲良です。", "税所 咲良"),
        ("お世話になります。税所　咲良です。", "税所　咲良"),
        ("髙橋様と山﨑様に連絡した。", "髙橋"),
        ("髙橋様と山﨑様に連絡した。", "山﨑"),
        ("山田、佐藤、毛受の三名で対応。", "佐藤"),
        ("山田、佐藤、毛受の三名で対応。", "毛受"),
        ("口座名義はヤマダ ハナコです。", "ヤマダ ハナコ"),
        ("口座名義はﾔﾏﾀﾞ ﾊﾅｺです。", "ﾔﾏﾀﾞ ﾊﾅｺ"),
        ("フリガナ：メンジョウ　アケミ", "メンジョウ　アケミ"),
        ("毛受 明美（めんじょう あけみ）と申します。", "めんじょう あけみ"),
        ("ジョン・スミスと申します。", "ジョン・スミス"),
        ("マリア・ガルシア・ロペス様より入電。", "マリア・ガルシア・ロペス"),
        ("カードの名義はTaro YAMADAです。", "Taro YAMADA"),
        ("カードの名義はYAMADA Taroです。", "YAMADA Taro"),
        ("ご確認お願いします。\n株式会社青空 営業部\n毛受 明美", "毛受 明美"),
        ("> 毛受様\n> お世話になっております。", "毛受"),
        ("山田花子 <hanako@example.jp>", "山田花子"),
        ("東京都渋谷区神南1-1-1 毛受明美宛にお送りください。", "毛受明美"),
        ("娘の結愛が使っています。", "結愛"),
        ("みゆきちゃんへの贈り物です。", "みゆき"),
    ],
)
def test_masked(text, name):
    """A name is masked to the last letter in every spelling and place, also one that few people have."""
    start = text.index(name)
    assert set(left(text)[start : start + len(name)]) <= {"█", " ", "　"}


@pytest.mark.parametrize(
    "text",
    [
        "花王の洗剤と伊藤園の茶を買いました。",
        "三井住友銀行の口座から引き落とされます。",
        "松屋と吉野家のどちらも使えます。",
        "森さんぽ道を歩いて渋谷に行きました。",
        "先生方、皆様、奥様、お子様へ。担当者様にお伝えください。",
        "明日の天気は雨で、気温が下がるでしょう。",
        "氏名と住所の変更をしたいのですが、担当部署はどこですか。",
        "返品の送料はどちらの負担ですか。領収書も必要です。",
        "メールが届きません。アプリのバージョンは最新です。",
        "新宿駅から徒歩5分です。",
    ],
)
def test_left_alone(text):
    """Companies, products, places, weather and people without a name are left as they are."""
    assert left(text) == text


def test_points():
    """Tagging reads people and places, and what is neither; egress takes people only."""
    text = "東京都に住む山田花子は花王の社員です。"
    tagged = {(text[name.start : name.end], name.label) for name in find_named(text)}
    assert {("山田花子", "PERSON"), ("東京都", "LOCATION")} <= tagged
    assert {name.label for name in find_named(text, Point.EGRESS)} == {"PERSON"}
    assert {text[span.start : span.end] for span in find_names(text, Point.TAGGING)} == {"山田花子"}


def test_a_name_once_certain_is_masked_everywhere():
    """A name that has its cue in one place is masked in the others too."""
    assert "毛受" not in left("毛受様より入電。上記、毛受、至急。")


@settings(deadline=None, max_examples=60)  # the first text loads the dictionary
@given(st.text(st.sampled_from("山田花子佐藤様さんのはが、。 \nアイウーABcd09・()<>@髙ｶﾞ🙂\ud800"), max_size=60))
def test_spans_lie_within_the_text(text):
    """Whatever the text, spans lie inside it, and words stand end to end."""
    assert all(0 <= span.start < span.end <= len(text) for span in find_names(text))
    assert all(0 <= name.start < name.end <= len(text) for name in find_named(text))


def test_threads_agree():
    """Eight threads at once find what one thread finds, and twice the same."""
    names, places = ("山田花子", "毛受", "ジョン・スミス"), ("東京都", "青森市", "森")
    texts = [f"お世話になります。{name}です。{place}に届けてください。" for name in names for place in places] * 4
    alone = [list(find_names(text)) for text in texts]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda text: list(find_names(text)), texts))
    assert together == alone == [list(find_names(text)) for text in texts]


@pytest.mark.parametrize("offset", range(990, 1001))
@pytest.mark.parametrize("name", ["大久保雅人様", "担当の大久保雅人です"])
@pytest.mark.parametrize("filler", ["これは長い文章で", "これは、長い文章で"])
def test_a_name_across_pieces_of_a_long_sentence_is_found_whole(offset: int, name: str, filler: str) -> None:
    """However a sentence of thousands of characters is cut, no part of a name is left."""
    text = (filler * 200)[:offset] + name + filler * 20
    start = text.index("大久保雅人")
    covered = {at for span in find_names(text) for at in range(span.start, span.end)}
    assert covered >= set(range(start, start + 5))
    assert not any(span.end - span.start > 8 for span in find_names(text))

"""Special care-required personal information: flags, never masks."""

from __future__ import annotations

import pytest

from sekisho.detect.recognisers import RECOGNISERS, find
from sekisho.detect.sensitive import Category, categories, flags
from sekisho.detect.spans import Kind


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("私はアイヌです", Category.RACE),
        ("本人はキリスト教の信者です", Category.CREED),
        ("被差別部落の出身", Category.SOCIAL_STATUS),
        ("母が糖尿病で通っています", Category.MEDICAL_HISTORY),
        ("My father has cancer", Category.MEDICAL_HISTORY),
        ("利用者に前科がある", Category.CRIMINAL_RECORD),
        ("娘が性被害にあいました", Category.CRIME_VICTIM),
        ("障害者手帳を持っています", Category.DISABILITY),
        ("私の健康診断の結果です", Category.CHECK_UP),
        ("夫が入院したため届け先を変えたい", Category.TREATMENT),
        ("息子が逮捕されました", Category.CRIMINAL_PROCEDURE),
        ("少年院にいた", Category.JUVENILE_PROCEDURE),
        ("在日朝鮮人だと言うと断られた", Category.RACE),
        ("人間ドックで要精密検査とのこと", Category.CHECK_UP),
        ("不妊と診断され通っております", Category.MEDICAL_HISTORY),
        ("糖尿病の薬を処方されています", Category.MEDICAL_HISTORY),
        ("双極性障害により休職中", Category.MEDICAL_HISTORY),
        ("血糖値が高めでした", Category.CHECK_UP),
        ("夫のDVから逃れている", Category.CRIME_VICTIM),
    ],
)
def test_flagged(text, category):
    """Each category of the Act and the Order is flagged where it is somebody's."""
    assert category in categories(text)


@pytest.mark.parametrize(
    "text",
    [
        "届いた服のサイズが合わない",
        "検査用の箱",
        "ADHD関連の本を3冊",
        "手術用手袋100枚入り",
        "宗教画のポスター",
        "The race car toy is broken",
        "blind for the window 120 cm",
        "在庫処分",
        "診療所用の椅子",
        "private prison drama DVD",
        "DVDから音が出ない",
        "糖尿病の本を退職祝いに",
    ],
)
def test_not_flagged(text):
    """A word without anybody near is an article more often."""
    assert categories(text) == frozenset()


def test_never_masked():
    """Flags are for a reviewer: masking does not touch the words."""
    assert flags("母が糖尿病です")
    assert Kind.SENSITIVE not in {span.kind for span in find("母が糖尿病です")}
    assert [recogniser.kind for recogniser in RECOGNISERS if not recogniser.masked] == [Kind.SENSITIVE]

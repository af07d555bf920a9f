"""Special care-required personal information (要配慮個人情報): flags for review, by category.

APPI article 2(3) names race, creed, social status, medical history, criminal record and the fact of having
been harmed by a crime; the Cabinet Order, article 2, adds disabilities, check-up results, medical guidance,
treatment and dispensing, and criminal and juvenile procedures. A single word is nobody's secret, and
masking words one by one would not hide one: the text or the column is flagged, and somebody looks. A word
counts when it stands near somebody (私, 患者, 娘, my …) or when it cannot well be about anything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum

from sekisho.detect.spans import Kind, Span


class Category(StrEnum):
    """Categories of the Act and the Order."""

    RACE = "race"
    CREED = "creed"
    SOCIAL_STATUS = "social_status"
    MEDICAL_HISTORY = "medical_history"
    CRIMINAL_RECORD = "criminal_record"
    CRIME_VICTIM = "crime_victim"
    DISABILITY = "disability"
    CHECK_UP = "check_up"
    TREATMENT = "treatment"
    CRIMINAL_PROCEDURE = "criminal_procedure"
    JUVENILE_PROCEDURE = "juvenile_procedure"


_WORDS: Mapping[Category, str] = {
    Category.RACE: "人種 民族 アイヌ 在日韓国人 在日朝鮮人 在日コリアン 混血 ethnicity race",
    Category.CREED: (
        "信条 宗教 信仰 信者 信徒 教徒 キリスト教 イスラム教 ムスリム 創価学会 エホバ 共産党員 支持政党 "
        "思想 religion muslim christian jewish buddhist atheist"
    ),
    Category.SOCIAL_STATUS: "被差別部落 部落出身 同和地区 同和 非嫡出子 婚外子",
    Category.MEDICAL_HISTORY: (
        "病歴 既往歴 既往症 持病 癌 がん 白血病 糖尿病 高血圧症 うつ病 鬱病 躁うつ 統合失調症 双極性障害 "
        "認知症 てんかん 肝炎 HIV エイズ 梅毒 結核 心筋梗塞 脳梗塞 喘息 リウマチ 透析 不妊 流産 中絶 依存症 "
        "パニック障害 適応障害 cancer diabetes diabetic hepatitis epilepsy depression schizophrenia hiv "
        "leukemia dementia miscarriage abortion"
    ),
    Category.CRIMINAL_RECORD: (
        "前科 前歴 犯罪歴 有罪判決 服役 懲役 執行猶予 受刑 出所 convicted conviction felon prison parole"
    ),
    Category.CRIME_VICTIM: (
        "犯罪被害 性被害 性的暴行 強姦 痴漢被害 DV被害 DVから DVを DVで 虐待 ストーカー被害 詐欺被害 暴行を受け "
        "襲われ raped assaulted stalked abused"
    ),
    Category.DISABILITY: (
        "身体障害 知的障害 精神障害 発達障害 障害者手帳 療育手帳 障がい 障害者 自閉症 ADHD アスペルガー "
        "聴覚障害 視覚障害 盲目 聾 車椅子 disabled disability autistic wheelchair deaf blind"
    ),
    Category.CHECK_UP: (
        "健康診断 健診結果 検診結果 人間ドック 検査結果 血液検査 陽性 要精密検査 要再検査 ストレスチェック "
        "遺伝子検査 血糖値 血圧値 biopsy"
    ),
    Category.TREATMENT: (
        "診療 診察 診断書 処方 服薬 投薬 通院 入院 手術 治療 カウンセリング 心療内科 精神科 保健指導 調剤 "
        "お薬手帳 抗がん剤 prescribed prescription surgery hospitalized chemotherapy dialysis psychiatrist"
    ),
    Category.CRIMINAL_PROCEDURE: (
        "逮捕 送検 起訴 勾留 拘留 家宅捜索 被疑者 被告人 書類送検 取り調べ 取調べ arrested indicted prosecuted"
    ),
    Category.JUVENILE_PROCEDURE: "少年院 保護観察 家庭裁判所送致 非行 鑑別所 児童相談所 probation",
}
# Words that say it all without anybody beside them.
_TELLING = (
    "お薬手帳 中絶 保護観察 前科 創価学会 少年院 抗がん剤 既往歴 既往症 "
    "犯罪歴 病歴 療育手帳 統合失調症 被差別部落 部落出身 障害者手帳 在日韓国人 在日朝鮮人 要精密検査 要再検査"
)
_ALONE = frozenset(_TELLING.split())
_CATEGORIES = {word: category for category, words in _WORDS.items() for word in words.split()}
_JAPANESE = re.compile(
    "|".join(sorted((word for word in _CATEGORIES if not (word.isascii() and word.islower())), key=len, reverse=True))
)
_LATIN = re.compile("[A-Za-z]{3,}")
_SOMEBODY = re.compile(
    "私|わたし|僕|俺|自分|本人|母|父|娘|息子|妻|夫|主人|家内|子供|子ども|祖母|祖父|兄|弟|姉|妹|友人|患者|部下|上司|同僚|生徒|学生"
    "|被保険者|社員|従業員|利用者|お客|様|さん|氏|彼|です|でした|なので|ため|歳"
    # What is done to somebody, or what somebody does: 処方されて, 診断を受けた, 休職しています.
    "|(?:診断|処方|指摘|告知|宣告)(?:され|を受け)|休職|休学|療養中|治療中|通院中|入院中|闘病|発症|罹患|患って|を(?:[^。、]{0,6})受けて"
    "|[0-9](?:でした|だった)|(?<![A-Za-z])(?i:i|i'm|my|me|mother|father|daughter|son|wife|husband|patient|he|she|his|her|was|am)"
    "(?![A-Za-z])"
)
_NEAR = 30


def find_sensitive(text: str) -> Iterator[tuple[Span, Category]]:
    """Yield words of folded *text* that speak of somebody's special care-required information."""
    if not text.isascii():
        for match in _JAPANESE.finditer(text):
            word = match.group()
            if word in _ALONE:
                yield Span(*match.span(), Kind.SENSITIVE, 0.7), _CATEGORIES[word]
            elif _somebody(text, *match.span()):
                yield Span(*match.span(), Kind.SENSITIVE, 0.5), _CATEGORIES[word]
    for match in _LATIN.finditer(text):
        category = _CATEGORIES.get(match.group().lower())
        if category is not None and _somebody(text, *match.span()):
            yield Span(*match.span(), Kind.SENSITIVE, 0.5), category


def categories(text: str) -> frozenset[Category]:
    """Return the categories that folded *text* speaks of: what a reviewer of a row or column is shown."""
    return frozenset(category for _, category in find_sensitive(text))


def flags(text: str) -> list[Span]:
    """Return the words of folded *text* that call for a review, as spans. They are not to be masked."""
    return [span for span, _ in find_sensitive(text)]


def _somebody(text: str, start: int, end: int) -> bool:
    return (
        _SOMEBODY.search(text, max(0, start - _NEAR), start) is not None
        or _SOMEBODY.search(text, end, end + _NEAR) is not None
    )

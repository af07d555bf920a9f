"""Short lists whose words, as a column's values, tell the kind: prefectures, genders, ranks, bands of income.

All words are folded and in lower case. A list does not have to be complete: a column is judged by the share of
its distinct values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_PREFECTURES = [
    "北海道",
    "青森",
    "岩手",
    "宮城",
    "秋田",
    "山形",
    "福島",
    "茨城",
    "栃木",
    "群馬",
    "埼玉",
    "千葉",
    "東京",
    "神奈川",
    "新潟",
    "富山",
    "石川",
    "福井",
    "山梨",
    "長野",
    "岐阜",
    "静岡",
    "愛知",
    "三重",
    "滋賀",
    "京都",
    "大阪",
    "兵庫",
    "奈良",
    "和歌山",
    "鳥取",
    "島根",
    "岡山",
    "広島",
    "山口",
    "徳島",
    "香川",
    "愛媛",
    "高知",
    "福岡",
    "佐賀",
    "長崎",
    "熊本",
    "大分",
    "宮崎",
    "鹿児島",
    "沖縄",
]
_ROMAJI_PREFECTURES = [
    "hokkaido",
    "aomori",
    "iwate",
    "miyagi",
    "akita",
    "yamagata",
    "fukushima",
    "ibaraki",
    "tochigi",
    "gunma",
    "saitama",
    "chiba",
    "tokyo",
    "kanagawa",
    "niigata",
    "toyama",
    "ishikawa",
    "fukui",
    "yamanashi",
    "nagano",
    "gifu",
    "shizuoka",
    "aichi",
    "mie",
    "shiga",
    "kyoto",
    "osaka",
    "hyogo",
    "nara",
    "wakayama",
    "tottori",
    "shimane",
    "okayama",
    "hiroshima",
    "yamaguchi",
    "tokushima",
    "kagawa",
    "ehime",
    "kochi",
    "fukuoka",
    "saga",
    "nagasaki",
    "kumamoto",
    "oita",
    "miyazaki",
    "kagoshima",
    "okinawa",
]


def _prefectures() -> frozenset[str]:
    ending = {"東京": "都", "京都": "府", "大阪": "府", "北海道": ""}
    kanji = {name + ending.get(name, "県") for name in _PREFECTURES} | set(_PREFECTURES)
    codes = {f"jp-{number:02}" for number in range(1, 48)}
    romaji = {name + tail for name in _ROMAJI_PREFECTURES for tail in ("", "-ken", "-to", "-fu", " prefecture")}
    return frozenset(kanji | codes | romaji)


_COUNTRIES = """
日本 アメリカ 米国 アメリカ合衆国 中国 韓国 台湾 香港 タイ ベトナム フィリピン インドネシア シンガポール
マレーシア インド ネパール ミャンマー イギリス 英国 フランス ドイツ イタリア スペイン ロシア ブラジル ペルー カナダ
オーストラリア ニュージーランド オランダ スイス スウェーデン メキシコ モンゴル スリランカ バングラデシュ
japan jp jpn usa us united_states united_kingdom uk gb gbr china cn chn korea south_korea kr kor taiwan tw twn
hong_kong hk thailand th tha vietnam viet_nam vn vnm philippines ph phl indonesia id idn singapore sg sgp malaysia my
mys india in ind nepal np npl myanmar mm france fr fra germany de deu italy it ita spain es esp russia ru rus brazil
br bra peru pe per canada ca can australia au aus new_zealand nz nzl netherlands nl nld switzerland ch che sweden se
swe mexico mx mex belgium be bel portugal pt prt norway no nor denmark dk dnk finland fi fin austria at aut poland pl
pol ireland ie irl greece gr turkey tr tur israel il isr south_africa za zaf egypt eg saudi_arabia
united_arab_emirates eire rsa channel_islands cyprus lithuania iceland malta bahrain lebanon czech_republic argentina
chile colombia european_community unspecified
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(word.replace("_", " ") for word in text.casefold().split())


_LISTED: Mapping[str, frozenset[str]] = {
    "gender": _words(
        "男 女 男性 女性 男子 女子 おとこ おんな オトコ オンナ male female m f man woman men women "
        "その他 other 不明 unknown 未回答 回答しない "
        "無回答 答えたくない non-binary nonbinary prefer_not_to_say unspecified otoko onna dansei josei"
    ),
    "prefecture": _prefectures(),
    "country": _words(_COUNTRIES),
    "occupation": _words(
        "会社員 公務員 自営業 自営 学生 主婦 専業主婦 主夫 主婦・主夫 パート アルバイト "
        "パート・アルバイト 無職 会社役員 経営者 医師 看護師 教員 教師 弁護士 農業 漁業 派遣社員 "
        "契約社員 "
        "正社員 団体職員 自由業 フリーランス 年金受給者 エンジニア 営業 営業職 事務 事務職 専門職 技術職 "
        "販売 販売職 研究職 管理職 会社経営 薬剤師 介護職 保育士 "
        "engineer teacher nurse doctor lawyer student self-employed unemployed retired homemaker "
        "housewife office_worker civil_servant "
        "part-time freelance freelancer manager accountant designer sales 部長 課長 係長 主任 一般 社長 "
        "取締役 次長 本部長 kaishain gakusei shufu "
        "jieigyo komuin mushoku company_employee executive"
    ),
    "education": _words(
        "中学卒 高校卒 高卒 大卒 大学卒 大学院卒 短大卒 専門卒 専門学校卒 大学院修了 中卒 高専卒 博士 "
        "修士 学士 院卒 短大 大学 大学院 高校 専門学校 高専 "
        "bachelor bachelors master masters phd doctorate high_school college university graduate associate"
    ),
    "marital_status": _words(
        "既婚 未婚 離婚 死別 離別 独身 事実婚 married single divorced widowed separated unmarried "
        "never_married kikon mikon"
    ),
    "member_rank": _words(
        "ゴールド シルバー ブロンズ プラチナ ダイヤモンド ダイヤ レギュラー プレミアム スタンダード "
        "ブラック gold silver bronze platinum diamond regular premium "
        "vip basic royal"
    ),
    "income": _words(
        "300万円未満 200万円未満 300~500万円 500~700万円 700~1000万円 1000万円以上 1500万円以上 "
        "2000万円以上 ~300万円 300-500万円 500-700万円 "
        "<3m 3-5m 5-7m 7-10m >10m low middle high_income"
    ),
    "creed": _words(
        "仏教 神道 キリスト教 カトリック プロテスタント イスラム教 イスラーム ヒンドゥー教 創価学会 "
        "無宗教 浄土真宗 浄土宗 曹洞宗 日蓮宗 真言宗 天台宗 臨済宗 ユダヤ教 "
        "buddhist buddhism christian christianity catholic protestant muslim islam hindu hinduism jewish "
        "judaism atheist shinto none/atheist "
        "自由民主党 立憲民主党 公明党 共産党 日本維新の会 国民民主党 れいわ新選組 社民党 支持政党なし 組合員 非組合員"
    ),
    "race": _words(
        "白人 黒人 アジア系 ヒスパニック アイヌ 在日 大和民族 琉球民族 asian white black hispanic latino "
        "caucasian ainu african_american native_american"
    ),
    "blood": _words("a型 b型 o型 ab型 a+ b+ o+ ab+ a- b- o- ab- rh+ rh-"),
}

LISTINGS: Mapping[str, frozenset[str]] = _LISTED
"""For each kind with a list, its words."""

HEALTH = re.compile(
    "癌|がん$|腫瘍|糖尿|高血圧|喘息|ぜんそく|うつ病|鬱|統合失調|認知症|てんかん|アレルギー|アトピー|"
    "花粉症|骨折|肺炎|胃炎|気管支炎|心不全|心筋梗塞|狭心症|脳梗塞|脳卒中|肝炎|腎不全|透析"
    "|貧血|不整脈|緑内障|白内障|関節炎|リウマチ|ヘルニア|腰痛|頭痛|偏頭痛|不眠|妊娠|流産|"
    "インフルエンザ|コロナ感染|HIV|結核|梅毒|障害|障がい|要介護|要支援|症候群|疾患|血症|炎$|症$|病$"
    "|異常なし|異常あり|[軽中重]度異常|経過観察|要精密|精密検査|要治療|治療中|要再検|要受診|陽性|陰性|既往あり"
    "|錠|カプセル|mg|(?i:diabetes|hypertension|asthma|cancer|depression|migraine|arthritis|allerg|"
    "pneumonia|bronchitis"
    "|epilepsy|dementia|schizophreni|anemia|hepatitis|insomnia|fracture|syndrome|disorder|disease|itis$)"
)
"""A word of medical history, of a handicap or of treatment."""

CRIME = re.compile(
    "窃盗|傷害|詐欺|横領|覚[せ醒]い?剤|懲役|罰金刑|執行猶予|前科|逮捕|有罪|万引|暴行|強盗|殺人|"
    "(?i:theft|fraud|assault|convict|felony|arrest)"
)
"""A word of an offence or its punishment."""

INCOME_BAND = re.compile(
    r"(?=.*(?:万|[~〜]|[mMkK]\b|以上|未満|以下))[~〜<>-]?[¥$]?[0-9,]{1,9}(?:万|千万|[kKmM])?円?(?:以上|未満|以下|台)?"
    r"(?: ?[~〜-] ?(?:[¥$]?[0-9,]{1,9}(?:万|千万|[kKmM])?円?(?:未満|以下|台)?)?)?"
    r"|(?:under|over|below|above|less_than|more_than)[_ -]?[0-9]{1,9}[_ ]?[mk]?"
    r"|[0-9]{1,9}[mk]?_(?:to_)?[0-9]{1,9}[mk]?"
)
"""A band of an amount: 300〜500万円, 1000万円以上."""
AGE_BAND = re.compile(
    r"(?:[0-9]{2}(?:代|歳代|s)(?:前半|後半)?(?:以上)?|(?:[1-9][0-9]|0) ?[-~〜] ?[1-9][0-9]歳?"
    r"|[0-9]{2}歳?(?:以上|以下|未満)|[0-9]{2}\+|[0-9]{1,3}[歳才])"
)
"""An age or a band of it: 30代, 20-29, 65歳以上."""

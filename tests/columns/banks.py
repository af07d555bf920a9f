"""A seventh set: contacts of a CRM, a bank, a hospital, a shop's export, new staff, users of an app, shops."""

from __future__ import annotations

import random
import string
from functools import partial

from tests.columns.labelled import Labelled as C
from tests.columns.labelled import Table
from tests.columns.people import (
    Make,
    address,
    born,
    corporate,
    digits,
    fake,
    hashed,
    my_number,
    one_of,
)  # fmt: skip
from tests.columns.things import ip4, ip6, joined, number, stamp

ja, en = partial(fake, "ja_JP"), partial(fake, "en_US")
_WORD = string.ascii_letters + string.digits


def mostly(make: Make, rest: str, share: float = 0.04) -> Make:
    """Return a generator with a share of *rest* among its values."""
    other = one_of(rest)
    return lambda rng: other(rng) if rng.random() < share else make(rng)


def token(head: str, length: int, more: str = "") -> Make:
    """Return a generator of random letters and digits after *head*."""
    return lambda rng: head + "".join(rng.choice(_WORD + more) for _ in range(length))


def push(rng: random.Random) -> str:
    """Return a token of a push service."""
    return token("", 22, "-_")(rng) + ":APA91b" + token("", 134, "-_")(rng)


def insured(rng: random.Random) -> str:
    """Return sign and number of a card of the health insurance."""
    sign = rng.choice(["12", "3301", "5210", "8", "71", "公立"])
    return f"{sign}{rng.choice('・・-')}{rng.randrange(4, 99_000)}{rng.choice(['', '', ' (01)', ' (00)'])}"


def street(rng: random.Random) -> str:
    """Return a street as customers of a shop in two languages write it."""
    block = f"{rng.randrange(1, 9)}-{rng.randrange(1, 40)}-{rng.randrange(1, 22)}"
    town = rng.choice(
        ["Jingumae", "Nishi-Ogikubo", "Higashiyama", "Sakae", "Motomachi", "本町", "大字中野", "桜ヶ丘"]
    )
    room = rng.choice(["", "", f" #{rng.randrange(101, 999)}", f" {rng.randrange(2, 12)}05号室", " Maison Aoi 4F"])
    return block + " " + town + room if town.isascii() else town + block + room


def handle(rng: random.Random) -> str:
    """Return what users call themselves."""
    return rng.choice(
        [
            lambda: (
                rng.choice(
                    [
                        "もちこ",
                        "ねこ太郎",
                        "ゆっけ",
                        "たなぼた",
                        "はるぽん",
                        "むぎ茶",
                        "おさかな",
                        "ぴよ",
                        "くまきち",
                        "らむね",
                    ]
                )
                + rng.choice(["", "", "@禁酒中", "♪", "★", "1984", "_sub", "2号"])
            ),
            lambda: (
                rng.choice(["yuu", "mocchi", "blue_sky", "taku", "nekoneko", "sora", "haru", "kmr", "tmk", "riri"])
                + rng.choice(["", "_", "."])
                + str(rng.randrange(3, 2009))
            ),
        ]
    )()


karte = joined(
    "３日前より|昨夜から|先週末から|数年前より|今朝",
    "咽頭痛、37℃台の発熱あり。|右膝の痛みが増悪。|めまい・嘔気を自覚。|降圧薬は自己中断していた。"
    "|食欲低下、体重は2kg減。|動悸で来院。",
    "採血のうえ経過をみる。|次回MRI予約。|処方継続とする。|家族に説明、同意を得た。|紹介状を作成。|整形外科へ併診。",
    "|（研修医記載）|バイタル著変なし。",
)
salesnote = joined(
    "Met at the Osaka expo, |Follow up after the demo: |前任の田村様から引継ぎ。"
    "|決裁者ではない。|Spoke on the phone; |名刺交換のみ。",
    "wants a quote before the fiscal year end.|来期予算で再検討とのこと。|prefers "
    "to be contacted by mail.|競合他社の製品を使用中。|価格がネックだが関心は高い。"
    "|is moving to another department in April.",
    "| -KT|\n次回訪問は連休明け。| Send the case studies.",
)
gift = joined(
    "Please leave with the concierge|熨斗紙をつけてください|Gift for my sister, "
    "no invoice please|到着日を月末に変更希望|Could you combine with order",
    ".| #1873.|。よろしくお願いします。|, thank you so much!|（電話での連絡は不要です）|"
    ". I will be away until Monday.",
    "|\n| :)",
)

TABLES: tuple[Table, ...] = (
    Table("sfdc.Contact_export", (
        C("Id", "varchar", "customer_id", token("0035h00000", 8)),
        C("LastName", "varchar", "family_name", mostly(ja("last_name"), "Chen|Nguyen|O'Brien|Müller")),
        C("Title", "varchar", "occupation", one_of(
            "課長|部長|Sales Manager|代表取締役|主任|Engineer|購買担当|本部長|CTO|係長"), nulls=0.2),
        C("Account.Name", "varchar", "employer", ja("company")),
        C("MobilePhone", "varchar", "phone", mostly(digits("+81 80-9999-9999"), "080.1234|なし")),
        C("MailingPostalCode", "varchar", "postal_code", digits("〒999-9999"), nulls=0.1),
        C("LeadSource", "varchar", "none", one_of("Web|展示会|Partner Referral|Purchased List|セミナー")),
        C("HasOptedOutOfEmail", "bool", "none", one_of("true false")),
        C("OwnerAlias", "varchar", "user_name", joined("k t y m s", "tana saka mura oka naka fuji", "be1 mo2 ta x")),
        C("Description", "text", "free_text", salesnote, nulls=0.5),
        C("SystemModstamp", "timestamptz", "none", stamp("%Y-%m-%dT%H:%M:%S.000+0000")),
    )),
    Table("KZ_MEIGI_MST", (
        C("CIF_NO", "bpchar", "customer_id", digits("00999999999")),
        C("TENBAN", "bpchar", "none", digits("999")),
        C("KAMOKU_CD", "bpchar", "none", one_of("1 2 4 9")),
        C("KOZA_BG", "bpchar", "bank_account", digits("9999999")),
        C("MEIGI_KN", "varchar", "name_kana", joined(
            "ｱｲｻﾞﾜ |ｶﾀﾔﾏ |ｻｶｸﾞﾁ |ﾀｹﾓﾄ |ﾅｶﾞｼﾏ |ﾊﾏﾀﾞ |ﾏﾁﾀﾞ |ﾔｷﾞ |ﾛｸｼﾞﾖｳ |ﾜﾀﾍﾞ |ﾎﾘｳﾁ |ﾐﾔｹ |ﾂｶﾞﾜ |ｵﾊﾞﾀ ",
            "ｲﾁﾛｳ|ﾏｻｺ|ﾀﾂﾔ|ﾅﾂﾐ|ｼﾖｳﾍｲ|ｶｽﾞｴ|ﾕｳｷ|ﾘﾖｳｺ|ﾐﾁｺ|ﾃﾙｵ|ｴﾘｶ|ﾋﾛﾌﾐ")),
        C("KAISETSU_YMD", "bpchar", "none", stamp("%Y%m%d")),
        C("ZAIRYU_CARD", "varchar", "residence_card", digits("AA99999999AA"), nulls=0.7),
        C("KOJIN_BG", "varchar", "my_number", my_number(), nulls=0.3),
        C("TSUCHO_KBN", "bpchar", "none", one_of("0:有 1:WEB 2:無")),
        C("RIRITSU", "numeric", "none", number(0, 0.5, 3)),
        C("SAISHU_KOSHIN_TS", "timestamp", "none", stamp("%Y-%m-%d-%H.%M.%S.000000")),
    )),
    Table("医事_外来会計", (
        C("患者ID", "text", "customer_id", digits("0000999999")),
        C("受診日", "date", "none", stamp("%Y-%m-%d")),
        C("主病名", "text", "health", one_of(
            "高血圧症|２型糖尿病|急性上気道炎|変形性膝関節症|アトピー性皮膚炎|胃食道逆流症|"
            "鉄欠乏性貧血|うつ状態|気管支喘息")),
        C("保険者番号", "text", "insurer_number", mostly(one_of(
            "138057 06132013 39131156 01130012 138131 06270011 34130021"), "自費")),
        C("被保険者証 記号・番号", "text", "insured_number", insured, nulls=0.05),
        C("合計点数", "int4", "none", number(72, 5400)),
        C("請求額", "int4", "none", number(210, 16_000)),
        C("処方薬1", "text", "health", one_of(
            "アムロジピンOD錠5mg|メトホルミン塩酸塩錠250mg|ロキソプロフェン錠60mg|レバミピド錠100mg|"
            "フェキソフェナジン60|モーラステープ20mg"), nulls=0.4),
        C("所見", "text", "free_text", karte),
        C("診察室", "text", "none", one_of("第1診 第2診 処置 3F-A")),
        C("院外FLG", "text", "none", one_of("0 1")),
    )),
    Table("orders_export_1", (
        C("Name", "varchar", "order_number", digits("#99999")),
        C("Email", "varchar", "email", en("ascii_safe_email"), nulls=0.05),
        C("Financial Status", "varchar", "none", one_of("paid refunded pending partially_refunded")),
        C("Fulfilled at", "varchar", "none", stamp("%Y-%m-%d %H:%M:%S +0900"), nulls=0.2),
        C("Subtotal", "numeric", "none", number(900, 30_000)),
        C("Discount Code", "varchar", "none", one_of("WELCOME10 SUMMER26 LINE500 VIPSALE"), nulls=0.7),
        C("Lineitem name", "varchar", "none", joined("Linen Apron |Hasami Mug |Cotton Tote |Incense |Donabe ",
            "- Indigo|- S|- Natural / L|- 2 pcs|")),
        C("Lineitem sku", "varchar", "none", digits("AAA-0999-9")),
        C("Shipping Street", "varchar", "address", street),
        C("Shipping Country", "varchar", "country", one_of("JP JP JP US SG AU GB TW")),
        C("Notes", "text", "free_text", gift, nulls=0.6),
    )),
    Table("nyusha_tetsuzuki_2026", (
        C("emp_shimei_kj", "varchar", "name", joined(
            "宮内 |桐谷 |御子柴 |安藤 |八木 |瀬戸口 |柏原 |LIU |大橋 |岸 |二階堂 |上野山 ",
            "優花|慎之介|朱里|翔|直哉|みなみ|大和|理沙|誠|恵梨香")),
        C("koyoho_hihokensha_no", "varchar", "employment_insurance", mostly(digits("9999-999999-9"),
            "新規取得|不明"), nulls=0.1),
        C("kiso_nenkin_bango", "varchar", "pension_number", digits("9999-999999"), nulls=0.05),
        C("gakureki_saishu", "varchar", "education", one_of("大学卒 大学院修了 高校卒 専門学校卒 短大卒 高専卒")),
        C("huyou_ninzu", "int4", "household", one_of("0 0 1 2 3 4")),
        C("chingin_getsugaku", "int4", "income", number(190_000, 520_000)),
        C("haizoku_bumon", "varchar", "none", one_of("第一営業部 物流センター 経営企画室 情報システム部 店舗運営部")),
        C("annai_mail_soshin", "varchar", "none", stamp("%m月%d日 %H時"), nulls=0.1),
        C("nyusha_yotei", "date", "none", one_of("2026/04/01 2026/05/01 2026/06/16 2026/07/01 2026/10/01")),
        C("teishutsu_zumi", "varchar", "none", one_of("済 未 差戻")),
    )),
    Table("app_prod.users", (
        C("display_nm", "varchar", "user_name", handle),
        C("encrypted_password", "varchar", "secret", token("$2a$12$", 53, "./")),
        C("email_sha256", "varchar", "hashed_id", hashed("sha256")),
        C("fcm_registration_id", "varchar", "push_token", push, nulls=0.25),
        C("last_sign_in_ip", "inet", "ip", lambda rng: (ip6 if rng.random() < 0.3 else ip4)(rng)),
        C("dob_ym", "varchar", "birth_date", born("%Y-%m", 1955, 2012), nulls=0.2),
        C("is_under_18", "bool", "minor", one_of("t f")),
        C("loyalty_tier", "varchar", "member_rank", one_of("regular silver gold platinum")),
        C("sign_in_count", "int4", "none", number(0, 900)),
        C("onboarding_step", "varchar", "none", one_of("intro permissions profile done")),
        C("created_at", "timestamptz", "none", stamp("%Y-%m-%d %H:%M:%S.123+09")),
        C("build_no", "int4", "none", number(4100, 5230)),
    )),
    Table("M_TENPO", (
        C("TENPO_CD", "bpchar", "none", digits("S9999")),
        C("TENPO_MEI", "varchar", "none", joined("カフェ・ド・リーブ |リーブ珈琲 ",
            "立川北口店|大宮ルミネ店|天神地下街店|金沢駅前店|高槻店|京橋店")),
        C("YUBIN_NO", "varchar", "postal_code", digits("9999999"), nobody=True),
        C("SHOZAICHI", "varchar", "address", address(), nobody=True),
        C("FAX", "varchar", "phone", digits("03-5999-9999"), nobody=True, nulls=0.3),
        C("IDO", "float8", "location", number(33.2, 43.1, 6), nobody=True),
        C("HOJIN_BG", "varchar", "corporate_number", corporate()),
        C("ZASEKI_SU", "int4", "none", number(18, 96)),
        C("EIGYO_JIKAN", "varchar", "none", joined("7:00-|10:00～|8:30-", "20:00|21:30|22:00",
            "| (LO 30分前)| 不定休")),
        C("KAITEN_YMD", "bpchar", "none", stamp("%Y%m%d")),
    )),
)  # fmt: skip
"""Tables to hold it against."""

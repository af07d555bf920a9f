"""A ninth set: health checks, workers abroad, a dating app, residents, rides, accounts, friends of a shop."""

from __future__ import annotations

import base64
import random
import string
from functools import partial

from tests.columns.labelled import Labelled as C
from tests.columns.labelled import Table
from tests.columns.people import (
    Make,
    digits,
    fake,
    hashed,
    licence,
    one_of,
)  # fmt: skip
from tests.columns.things import ip4, joined, number, stamp

ja, en = partial(fake, "ja_JP"), partial(fake, "en_US")


def noisy(make: Make, junk: str, share: float = 0.03) -> Make:
    """Return a generator of *make* with some *junk*."""
    other = one_of(junk)
    return lambda rng: other(rng) if rng.random() < share else make(rng)


def totp(rng: random.Random) -> str:
    """Return the secret of an authenticator in base 32."""
    return base64.b32encode(rng.randbytes(20)).decode()


def apns(rng: random.Random) -> str:
    """Return a token of a telephone's push service in hexadecimal digits."""
    return rng.randbytes(32).hex()


def imei(rng: random.Random) -> str:
    """Return the number of a telephone's hardware."""
    return f"35{rng.randrange(10**12, 10**13)}"


def login(rng: random.Random) -> str:
    """Return what somebody signs in as."""
    family = rng.choice(
        ["kuwata", "minagawa", "osawa", "tsuji", "hosoda", "ikegami", "nagai", "sugaya", "wada", "b.lee"]
    )
    return f"{rng.choice('abdehjkmnrsty')}{rng.choice(['', '.', '_'])}{family}{rng.choice(['', '', '2', '01'])}"


def hba1c(rng: random.Random) -> str:
    """Return a value of a blood test, or why there is none."""
    return f"{rng.gauss(5.7, 0.7):.1f}" if rng.random() > 0.03 else rng.choice(["ND", "<4.0", "検体不足"])


def sns_page(rng: random.Random) -> str:
    """Return the page of somebody in a network."""
    name = rng.choice(["hrk", "tomo", "mei", "shun", "aya", "ryu"]) + "".join(
        rng.choices(string.ascii_lowercase, k=4)
    )
    host, part = rng.choice(["social", "www.social", "m.social"]), rng.choice(["@", "u/", "in/"])
    return f"https://{host}.example/{part}{name}"


bio = joined(
    "はじめまして！|プロフィール見てくださってありがとうございます。|友達の勧めで登録しました。"
    "|都内でデザイナーをしています。|看護師してます。|",
    "休日はカフェ巡りとサウナ。|猫と暮らしてます🐈|最近ランニングを始めました。"
    "|お酒は飲めませんが居酒屋は好きです。|映画と料理が好き。|人見知りですが慣れるとよく喋ります。"
    "|",
    "気軽にメッセージください！|真剣に結婚を考えてる方希望です。|まずはお茶からよろしくお願いしま"
    "す。|同じ趣味の人と出会えたら嬉しいな😊|タバコ吸う人はごめんなさい。",
)

TABLES: tuple[Table, ...] = (
    Table("KNS_KEKKA_R8", (
        C("NENREI", "int2", "age", number(35, 74)),
        C("SEI_KBN", "varchar", "gender", one_of("1:男 2:女")),
        C("HOKENJA_NO", "varchar", "insurer_number", one_of(
            "06130348 06271118 01140017 31270039 34230011 06400022 63131001")),
        C("HIHO_KIGO_NO", "varchar", "insured_number", joined("1205- 77- 3018- 401- 9- 60- 2214- 581- 33-",
            "11 205 6049 882 37 4150 916 73 2208 640", "2 7 03 5 91 8")),
        C("HBA1C_NGSP", "varchar", "health", hba1c, nulls=0.05),
        C("SHUSHUKUKI_KETSUATSU", "int4", "health", number(92, 178)),
        C("SOGO_HANTEI", "varchar", "health", one_of("A異常なし B軽度異常 C要経過観察 D2要精密検査 E治療中")),
        C("JISSHI_KIKAN_CD", "varchar", "none", digits("1319999999")),
        C("COURSE_MEI", "varchar", "none", one_of("一般健診 人間ドック(日帰り) 協会けんぽ生活習慣病予防 レディース")),
        C("JISSHI_YMD", "varchar", "none", stamp("%Y%m%d")),
        C("MADOGUCHI_SEIKYU", "int4", "none", one_of("0 5282 7169 11000 38500")),
    )),
    Table("hris_us.workers", (
        C("legal_first", "varchar", "given_name", en("first_name")),
        C("legal_last", "varchar", "family_name", en("last_name")),
        C("eeo_ethnicity", "varchar", "race", one_of(
            "White|Black or African American|Hispanic or Latino|Asian|Two or More Races|"
            "Decline to state")),
        C("bgcheck_convictions", "varchar", "criminal_record", one_of(
            "none|misdemeanor - DUI|felony - theft|pending|none reported")),
        C("highest_degree", "varchar", "education", one_of("BA BS MS PhD HS Associate MBA")),
        C("base_salary_usd", "numeric", "income", number(38_000, 240_000, 2)),
        C("work_site", "varchar", "none", one_of("Austin HQ|Plano DC|Remote-US|San Jose Lab")),
        C("flsa_status", "varchar", "none", one_of("Exempt|Non-Exempt")),
        C("cost_ctr", "varchar", "none", digits("CC-99-990")),
        C("hire_dt", "date", "none", stamp("%m/%d/%Y")),
        C("emrg_cntct_tel", "varchar", "phone", noisy(digits("(512) 555-0999"), "same as home|n/a"), nulls=0.15),
    )),
    Table("profiles_v3", (
        C("nickName", "varchar", "user_name", joined(
            "ゆう|ハル|みぃ|けんた|ＳＨＩＮ|おもち|りこ|なお|Taka|まる|ぷりん|じょにー|"
            "あんず|ガク|kaz|さとみん|ふぅ|M",
            "|ぴ|さん@仮|1990|くん|_t|🍀|ママ|☆彡|3号| (32)|🐈|っち|_ok")),
        C("introText", "text", "free_text", bio, nulls=0.1),
        C("annualIncomeBand", "varchar", "income", one_of(
            "200万未満|200～400万|400～600万|600～800万|800～1000万|1000万以上|ヒミツ")),
        C("maritalHist", "varchar", "marital_status", one_of("独身(未婚) 独身(離婚) 独身(死別)")),
        C("faith", "varchar", "creed", one_of("特になし 仏教 キリスト教 神道 イスラム教 その他"), nulls=0.3),
        C("apnsTkn", "varchar", "push_token", apns, nulls=0.3),
        C("lastSeenLat", "float8", "location", number(34.5, 36.1, 5), nulls=0.2),
        C("lastSeenLng", "float8", "location", number(135.2, 140.1, 5), nulls=0.2),
        C("snsLink", "varchar", "url", sns_page, nulls=0.7),
        C("likesLeft", "int4", "none", number(0, 60)),
        C("photoCnt", "int2", "none", one_of("0 1 2 3 4 5 6")),
        C("planType", "varchar", "none", one_of("free std_1m std_6m vip_12m")),
        C("boostUntil", "timestamp", "none", stamp("%Y-%m-%dT%H:%M:%SZ"), nulls=0.8),
    )),
    Table("juki.gaikokujin_tdk", (
        C("juminhyo_cd", "varchar", "resident_code", digits("99999999999")),
        C("zairyu_bango", "varchar", "residence_card", noisy(digits("AA99999999AA"), "特別永住|申請中")),
        C("tsushomei", "varchar", "name", joined("木下|新井|金田|安田|松本|グエン|リー|田中", " |　",
            "フォン|健一|美玲|マリア|ジュン|アン|花子|カルロス|ハオ"), nulls=0.6),
        C("kokuseki_tiiki", "varchar", "nationality", one_of(
            "ベトナム 中国 韓国 フィリピン ネパール ブラジル 台湾 インドネシア 米国")),
        C("kiso_nenkin", "varchar", "pension_number", digits("9999999999"), nulls=0.4),
        C("setai_kosei", "varchar", "household", one_of("単身 夫婦のみ 夫婦と子 ひとり親と子 三世代 その他")),
        C("todoke_ymd", "varchar", "none", stamp("%Y/%m/%d")),
        C("todoke_shubetsu", "varchar", "none", one_of("転入 転居 転出 職権記載")),
        C("uketuke_madoguchi", "varchar", "none", one_of("本庁1番 本庁2番 北支所 南出張所")),
        C("shori_jotai", "varchar", "none", one_of("処理済 審査中 保留")),
    )),
    Table("rs_trips", (
        C("tripSeq", "int8", "record_id", digits("70099999999")),
        C("drvLicNo", "varchar", "driver_licence", licence),
        C("carPlate", "varchar", "number_plate", joined("横浜 川崎 練馬 世田谷 湘南", "500 330 581 301",
            "あ か わ れ を", "10-23 58-81 ・4-56 99-07 31-40 ・・・8 62-15 77-29 20-02")),
        C("devImei", "varchar", "device_id", imei),
        C("riderRank", "varchar", "member_rank", one_of("ブロンズ シルバー ゴールド ダイヤ")),
        C("distKm", "float8", "none", number(0.6, 38, 2)),
        C("surge", "numeric", "none", one_of("1.0 1.2 1.5 1.8 2.0")),
        C("odoMeter", "int4", "none", number(800, 148_000)),
        C("etaMin", "int4", "none", number(1, 25)),
        C("tripState", "varchar", "none", one_of("COMPLETED CANCELED_RIDER CANCELED_DRIVER NO_SHOW")),
        C("fareTtl", "int4", "none", number(500, 14_800)),
    )),
    Table("idp_acct", (
        C("loginNm", "varchar", "user_name", login),
        C("contactEmail", "varchar", "email", noisy(ja("ascii_safe_email"), "noreply@example.com|null"), nulls=0.04),
        C("totp_seed", "varchar", "secret", totp, nulls=0.5),
        C("tel_md5", "varchar", "hashed_id", hashed("md5")),
        C("lastIpAddr", "varchar", "ip", ip4),
        C("clientBuild", "varchar", "none", joined("web- ios- and- ", "20260 20251 20255", "118 204 371 402")),
        C("mfa_on", "bool", "none", one_of("Y N")),
        C("failCnt", "int2", "none", one_of("0 1 2 3 4 5")),
        C("schemaVer", "varchar", "none", joined("2. 3. 4.", "0 1 2 7 11", "|-rc1|-p3")),
        C("updDtTm", "timestamp", "none", stamp("%Y%m%d%H%M%S")),
        C("tenantGuid", "uuid", "none", one_of(
            "5f0c1a52-9d1e-4c22-9f0b-3d6a0d2f7b11 a1d7f0de-32c4-4a0e-8c55-7e9b1c3d2f08 "
            "0e9b6c7d-1f2a-4b3c-8d4e-5f60718293a4")),
    )),
    Table("LINE公式_友だち", (
        C("userId", "text", "line_id", digits("Uxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")),
        C("友だち追加日時", "text", "none", stamp("%Y/%m/%d %H:%M")),
        C("流入経路", "text", "none", one_of("店頭QR チラシ Instagram広告 検索 不明")),
        C("ブロック", "text", "none", one_of("○ -")),
        C("ご住所(都道府県)", "text", "prefecture", ja("prefecture"), nulls=0.3),
        C("年代", "text", "age", one_of("10代 20代 30代 40代 50代 60代以上"), nulls=0.2),
        C("お勤め先", "text", "employer", noisy(ja("company"), "主婦|会社員です|内緒"), nulls=0.5),
        C("利用クーポン", "text", "none", one_of("初回500円OFF|誕生月ドリンク|雨の日10%|なし")),
        C("来店数", "int4", "none", number(0, 40)),
        C("担当店", "text", "none", one_of("梅田店 なんば店 天王寺店 京橋店")),
    )),
)  # fmt: skip
"""Tables to hold it against."""

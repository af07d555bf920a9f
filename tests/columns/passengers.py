"""An eighth set: passengers, tenants, pupils, marketing, pay of freelancers, cards, parcels, a club."""

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
    luhn,
    my_number,
    one_of,
    unique_id,
)  # fmt: skip
from tests.columns.things import agent, joined, number, stamp

ja, en = partial(fake, "ja_JP"), partial(fake, "en_US")


def soiled(make: Make, junk: str, share: float = 0.03) -> Make:
    """Return a generator with *junk* among its values, as staff type it."""
    other = one_of(junk)
    return lambda rng: other(rng) if rng.random() < share else make(rng)


def upper(make: Make) -> Make:
    """Return the same generator in capitals."""
    return lambda rng: make(rng).upper()


def locator(rng: random.Random) -> str:
    """Return the six letters under which an airline keeps a booking."""
    return "".join(rng.choice(string.ascii_uppercase + "23456789") for _ in range(6))


_ROMAN = (
    "YAMANE", "ODAGIRI", "KUBOTA", "SHIRAISHI", "TERADA", "HIRANO", "CHEN", "WATANABE", "NISHIO", "FUJII", "MATSUOKA",
    "KANG", "DE LA CRUZ", "OONO",
)  # fmt: skip


def passenger(rng: random.Random) -> str:
    """Return a name as it stands on a ticket."""
    family = rng.choice(_ROMAN)
    given = rng.choice(["AYUMI", "SHINJI", "MARI", "RYOTA", "KIYOSHI", "LINA", "TOMOKO", "DAICHI", "WEI", "NAOMI"])
    return f"{family}/{given}{rng.choice(['MR', 'MS', 'MR', 'MRS', ' MISS', ''])}"


def visitor(rng: random.Random) -> str:
    """Return the key that a marketing tool puts into a cookie."""
    return f"id:981-LRT-332&token:_mch-example.jp-{rng.randrange(10**12, 2 * 10**12)}-{rng.randrange(10_000, 99_999)}"


def landing(rng: random.Random) -> str:
    """Return a page that somebody came to."""
    page = rng.choice(["seminar/0612/", "product/cloud-fax/", "lp/wp_download", "case/seizou/", "price", "blog/"])
    tail = rng.choice(["", "?utm_source=mail&uid=", "#form", "?c=", "?gclid=Cj0K"])
    return f"https://www.example.co.jp/{page}{tail}" + (f"{rng.randrange(100, 99_999)}" if tail[:1] == "?" else "")


driver_note = joined(
    "インターホン故障中、|犬がいるため|管理人さんに|前回不在だったので|奥様より連絡あり、|台車が使えず",
    "ノックでお願いしたい。|車庫の前に置いた。|預けて了承いただいた。|宅配BOXへ入れました。"
    "|実家に転送してほしいと依頼。|３階まで階段で運んだ。|時間を１８時以降に変更。",
    "|次便も同様に。|（本人確認は免許証）|クレームになりそう。",
)
screening = joined(
    "勤務先へ在籍確認済。|緊急連絡先は兄。|保証会社の審査は通過。|転職して半年のため|生活音に敏感とのこと。|",
    "ペット(猫)1匹を飼育予定。|前家賃で一度滞納があったそう。|内見時に奥様同行、"
    "感じの良い方。|申込書の住所に誤りあり訂正印をもらう。|敷金の分割を希望されている。",
    "|オーナー様に確認中。|5/20迄に返事する。| →OK",
)

TABLES: tuple[Table, ...] = (
    Table("pnr_pax_segment", (
        C("rec_loc", "varchar", "order_number", locator),
        C("pax_nm", "varchar", "name", passenger),
        C("pax_dob", "varchar", "birth_date", upper(born("%d%b%y", 1940, 1999))),
        C("ppt_no", "varchar", "passport", digits("AA9999999"), nulls=0.3),
        C("pax_natlty", "bpchar", "nationality", one_of("JPN JPN CHN KOR USA TWN DEU VNM")),
        C("flt_no", "varchar", "none", joined("NH JL SQ UA MM ", "006 212 837 5 1741 90 863")),
        C("brd_pt", "bpchar", "none", one_of("HND NRT KIX CTS FUK OKA NGO")),
        C("bkg_cls", "bpchar", "none", one_of("Y B M H C J K")),
        C("ffp_no", "varchar", "customer_id", soiled(digits("999999999"), "NONE"), nulls=0.5),
        C("tkt_issue_dt", "varchar", "none", stamp("%d/%m/%Y")),
        C("fare_jpy", "numeric", "none", number(9800, 384_000)),
    )),
    Table("nyukyo_shinsa", (
        C("bukken_mei", "varchar", "none", joined("メゾン・|パークヒルズ|コーポ|第二",
            "北沢|桜台|エスポワール|三ツ沢|けやき", "| A棟|II")),
        C("madori", "varchar", "none", one_of("1K 1DK 1LDK 2DK 2LDK 3LDK ワンルーム")),
        C("yachin", "int4", "none", one_of("58000 63000 72000 81500 98000 124000 156000")),
        C("moyori_eki", "varchar", "none", joined("小田急線 |京王線 |東急東横線 ",
            "経堂|祖師ヶ谷大蔵|千歳烏山|綱島|菊名", " 徒歩5分| 徒歩12分| バス8分")),
        C("mosikomi_sha_sei", "varchar", "family_name", ja("last_name")),
        C("kinmusaki_mei", "varchar", "employer", soiled(ja("company"), "フリーランス|学生")),
        C("nenshu_manyen", "int4", "income", number(180, 1400)),
        C("hoshonin_denwa", "varchar", "phone", joined("045-8 03-33 0466-2 06-67 ", "12- 73- 88- 40-",
            "2981 0047 6612 1180 3905 7724 5573 8416 0329")),
        C("shinyo_shokai_kekka", "varchar", "credit", one_of("問題なし|延滞情報あり|異動情報あり|照会不可")),
        C("zenka_hansha_chk", "varchar", "criminal_record", one_of(
            "該当なし|前科あり(詐欺)|前科あり(傷害)|要確認"), comment="前科・反社チェックの結果"),
        C("bikou2", "text", "free_text", screening, nulls=0.2),
        C("nyukyo_kibo_ymd", "varchar", "none", stamp("%Y/%m/%d")),
    )),
    Table("gakumu.zaiseki", (
        C("学籍番号", "text", "customer_id", joined("26 25 24 23 ", "A B C E ",
            "001 014 027 032 045 058 063 071 086 099 102 117 121 133 140")),
        C("氏名(漢字)", "text", "name", soiled(joined(
            "三好　|野村　|古賀　|内海　|鶴田　|本間　|ホアン　|小野寺　|栗原　|笠井　|"
            "片岡　|植村　|南　", "大翔|心春|律|結月|陽向|咲良|奏|ひなの|悠人|莉子"), "（休学）野村　律", 0.01)),
        C("出身校", "text", "education", joined("市立|県立|私立|", "第三|緑ヶ丘|泉|青陵|南|東",
            "中学校|高等学校|中")),
        C("保護者連絡先", "text", "phone", soiled(digits("070-9999-9999"), "同上|母 080-0000-1111|変更届待ち")),
        C("奨学金振込口座", "text", "bank_account", digits("999-9999999"), nulls=0.6),
        C("成人未成年区分", "text", "minor", one_of("成人 未成年")),
        C("履修科目", "text", "none", one_of("数学Ⅱ 情報Ⅰ 英語コミュニケーション 世界史探究 化学基礎 体育")),
        C("単位数", "int4", "none", one_of("1 2 3 4")),
        C("授業料納入額", "int4", "none", one_of("118800 396000 0 59400")),
        C("納入期限", "text", "none", stamp("%Y年%-m月%-d日")),
    )),
    Table("ma_web_activity", (
        C("mkto_trk", "varchar", "cookie_id", visitor),
        C("landingPageUrl", "varchar", "url", landing),
        C("campaignNm", "varchar", "none", joined("2026SS|2025AW|通年",
            "_展示会フォロー|_WP_DL|_休眠掘り起こし|_導入事例", "| (copy)|_B")),
        C("mailSubject", "varchar", "none", one_of(
            "【6/12開催】クラウドFAX活用セミナーのご案内|導入事例集を公開しました|年末年始休業のお知らせ|"
            "[再送] 価格改定について")),
        C("leadSrcDtl", "varchar", "none", one_of("google_cpc organic referral facebook offline_event")),
        C("clickedAt", "timestamp", "none", stamp("%Y-%m-%dT%H:%M:%S+09:00"), nulls=0.4),
        C("score_add", "int4", "none", one_of("1 3 5 10 -5")),
        C("ua_string", "varchar", "user_agent", agent),
        C("formAnsrJobTtl", "varchar", "occupation", one_of(
            "情報システム部 部長|経営者・役員|一般社員|総務担当|個人事業主|Student"), nulls=0.5),
    )),
    Table("FB支払調書", (
        C("計上部門", "text", "none", one_of("編集1課 編集2課 広報室 書籍部")),
        C("適格請求書発行事業者番号", "text", "invoice_number", corporate("T"), nulls=0.3),
        C("マイナンバー", "text", "my_number", soiled(my_number("-"), "未提出|収集中", 0.05)),
        C("支払先(本名)", "text", "name", soiled(ja("name"), "※要確認")),
        C("区分", "text", "none", one_of("原稿料 デザイン料 講演料 翻訳料 監修料")),
        C("源泉区分", "text", "none", one_of("10.21% 20.42% 対象外")),
        C("支払確定日", "text", "none", stamp("%Y.%m.%d")),
        C("振込手数料負担", "text", "none", one_of("当方 先方")),
        C("予備1", "text", "unknown", None),
    )),
    Table("auth_txn_2606", (
        C("PAN", "varchar", "card", luhn("4 51 54 3528 3566", 16)),
        C("CUR_CD", "bpchar", "none", one_of("392 392 392 840 978 410")),
        C("MCC", "bpchar", "none", one_of("5411 5812 4111 5732 7011 5999")),
        C("MRCH_NM", "varchar", "none", joined("SUPER |CAFE |HOTEL |TAXI |",
            "MIYABI|KITANO|BLUE WAVE|HAKATA|SORA", "| NO.2| ONLINE")),
        C("MRCH_CITY", "varchar", "city", one_of("OSAKA|KYOTO|SAPPORO|NAHA|KOBE|CHIBA|SAITAMA|HIROSHIMA"),
            nobody=True),
        C("TRM_ID", "varchar", "none", digits("T9999999")),
        C("TXN_AMT", "numeric", "none", number(100, 120_000, 0)),
        C("RSP_CD", "bpchar", "none", one_of("00 05 14 51 54 91")),
        C("DVC_FNGRPRNT", "varchar", "device_id", digits("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), nulls=0.5),
        C("txn_uuid", "uuid", "record_id", unique_id()),
    )),
    Table("haisou_jisseki", (
        C("okurijo_no", "varchar", "order_number", digits("4018-9999-9999")),
        C("haisousaki_shikuchoson", "varchar", "city", one_of(
            "世田谷区 川崎市宮前区 府中市 町田市 さいたま市南区 船橋市 横須賀市 小平市 "
            "所沢市 葛飾区 柏市")),
        C("haisousaki_adress1", "varchar", "address", address("below")),
        C("nisugata", "varchar", "none", one_of("段ボール 袋 封筒 パレット その他")),
        C("size_kbn", "varchar", "none", one_of("60 80 100 120 140")),
        C("juryo_kg", "numeric", "none", number(0.2, 24, 1)),
        C("kanryo_ts", "timestamp", "none", stamp("%Y/%m/%d %H:%M:%S"), nulls=0.06),
        C("fuzai_cnt", "int4", "none", one_of("0 0 0 1 2 3")),
        C("driver_memo", "text", "free_text", driver_note, nulls=0.6),
    )),
    Table("club_members_old", (
        C("col1", "varchar", "name_kana", joined(
            "みよし |うつみ |かたおか |のむら |おのでら |つるた |ほんま |くりはら |こが |かさい ",
            "みちよ|しげる|かなえ|たかし|ふみえ|のぼる|ちあき|りょう|さだお|ともみ")),
        C("col2", "varchar", "birth_date", born("era", 1930, 1985)),
        C("col3", "varchar", "gender", one_of("男 女")),
        C("col7", "varchar", "postal_code", digits("999-9999")),
        C("col8", "varchar", "none", one_of("口座振替 現金 クレジット 年払(現金)")),
        C("col11", "varchar", "none", stamp("%Y%m%d")),
    )),
)  # fmt: skip
"""Tables to hold it against."""

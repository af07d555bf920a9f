"""A fifth set: staff, journeys, vets, libraries, cases and weddings; written with the fourth, never learnt from."""

from __future__ import annotations

from functools import partial

from tests.columns.labelled import Labelled as C
from tests.columns.labelled import Table
from tests.columns.people import (
    address,
    born,
    digits,
    email,
    fake,
    hashed,
    luhn,
    my_number,
    one_of,
    pair,
    rare,
    unique_id,
)  # fmt: skip
from tests.columns.things import goods_number, ip4, joined, number, remark, stamp

ja, en = partial(fake, "ja_JP"), partial(fake, "en_GB")
full, kana = rare("{F}{G}"), rare("{f}　{g}")
report = joined(
    "面談で|電話で|書面で",
    "異動の希望を聞いた。|家庭の事情を伺った。|期限の延長を認めた。",
    "次回は来月。|上司へ共有済。|記録のみ。",
)
english = joined(
    "Left a message with|Spoke to|Wrote to",
    " the sister, who will pass it on.| the landlord about the keys.| the office; no answer yet.",
)

TABLES: tuple[Table, ...] = (
    Table("jinji.shain", (
        C("shain_cd", "text", "customer_id", digits("9999999")), C("shain_shimei", "text", "name", full),
        C("kyu_sei", "text", "family_name", rare("{F}"), nulls=0.7),
        C("nyusha_ymd", "text", "none", stamp("%Y%m%d")), C("kihonkyu", "int4", "income", number(180_000, 600_000)),
        C("shozoku_bu", "text", "none", one_of("営業部 総務部 開発部 経理部")),
        C("yakushoku", "text", "occupation", one_of("部長 課長 主任 一般")),
        C("mynumber", "text", "my_number", my_number()),
        C("koyo_hoken_no", "text", "employment_insurance", digits("9999-999999-9")),
        C("nenkin_no", "text", "pension_number", digits("9999-999999")),
        C("fuyo_ninzu", "int4", "household", one_of("0 1 2 3")),
        C("haigusha_umu", "text", "marital_status", one_of("有 無")),
        C("kyuyo_koza_no", "text", "bank_account", digits("9999999")),
        C("kenshin_kekka", "text", "health", one_of("異常なし|要経過観察|要精密検査")),
        C("jitaku_jusho", "text", "address", address()),
        C("tsukin_keiro", "text", "none", joined("渋谷|横浜|大宮", "〜", "品川|新橋|上野")),
        C("jinji_hyoka", "text", "none", one_of("A B C S")), C("mendan_kiroku", "text", "free_text", report),
        C("shafu_mail", "text", "email", email), C("gakureki", "text", "education", one_of("大卒 高卒 院卒 短大卒")),
    )),
    Table("payroll_lines", (
        C("emp_no", "varchar", "customer_id", digits("E-99999")), C("pay_period", "varchar", "none", stamp("%Y-%m")),
        C("gross_pay", "numeric", "income", number(200_000, 900_000)),
        C("net_pay", "numeric", "income", number(150_000, 700_000)),
        C("bank_sort", "varchar", "none", digits("0999-999")),
        C("acct_no", "varchar", "bank_account", digits("9999999")),
        C("union_member", "bool", "creed", one_of("true false")),
        C("cost_centre", "varchar", "none", one_of("CC100 CC200 CC310")),
        C("hrs_worked", "numeric", "none", number(100, 200, 1)),
        C("line_guid", "uuid", "record_id", unique_id()), C("payslip_email", "varchar", "email", email),
    )),
    Table("動物病院.飼い主", (
        C("飼い主番号", "text", "customer_id", digits("A9999")), C("飼い主氏名", "text", "name", rare("{F} {G}")),
        C("飼い主フリガナ", "text", "name_kana", kana),
        C("携帯", "text", "phone", digits("080-9999-9999")),
        C("ペット名", "text", "none", one_of("ココ モモ レオ ソラ ハナ マル")),
        C("犬種", "text", "none", one_of("柴犬 トイプードル 雑種 チワワ")),
        C("体重kg", "numeric", "none", number(1.5, 30, 1)), C("ワクチン接種日", "date", "none", stamp("%Y-%m-%d")),
        C("住まい", "text", "address", address()), C("診療メモ", "text", "free_text", remark),
        C("マイクロチップ番号", "text", "record_id", digits("392999999999999")),
        C("都道府県名", "text", "prefecture", address("prefecture")), C("紹介者", "text", "name", full, nulls=0.8),
    )),
    Table("ryoko_moshikomi", (
        C("moshikomi_no", "text", "order_number", digits("T2026999999")),
        C("daihyosha_nm_roma", "text", "name",
            joined("ENOMOTO/|SAEGUSA/|NEGISHI/|HAGA/", "SAKI MS|KENTO MR|HIMARI MS|TAKUMI MR")),
        C("ryoken_no", "text", "passport", digits("MU9999999")),
        C("ryoken_kigen", "date", "none", one_of("2029-05-11 2031-02-03 2030-10-20")),
        C("seibetsu_cd", "text", "gender", one_of("1 2")),
        C("nenrei", "int4", "age", number(3, 85)), C("doukousha", "text", "name", rare("{F} {G}"), nulls=0.4),
        C("shuppatsu_bi", "date", "none", stamp("%Y-%m-%d")),
        C("tour_cd", "text", "none", digits("EU-999")), C("ryokin_gokei", "int4", "none", number(40_000, 900_000)),
        C("kibo_jiko", "text", "free_text", remark, nulls=0.3),
        C("kinkyu_tel", "text", "phone", digits("0729-99-9999")),
        C("mileage_no", "text", "customer_id", digits("999999999")),
        C("shokuji_allergy", "text", "health", one_of("なし|えび・かに|そば|卵")),
    )),
    Table("library_loans", (
        C("borrower_card", "text", "customer_id", digits("2999999999")),
        C("borrower_surname", "text", "family_name", en("last_name")),
        C("borrower_forename", "text", "given_name", en("first_name")),
        C("isbn13", "text", "none", digits("978499999999")),
        C("title_of_work", "text", "none", joined("The |A |", "Silent|Golden|Last", " Harbour| River| Winter")),
        C("due_back", "date", "none", stamp("%Y-%m-%d")),
        C("fine_due", "numeric", "none", number(0, 20, 2)), C("pin_hash", "text", "hashed_id", hashed("sha256")),
        C("home_postcode", "text", "postal_code", digits("399-9999")),
        C("guardian_mobile", "text", "phone", digits("07099999999"), nulls=0.7),
        C("shelf_mark", "text", "none", digits("999.9-A")), C("year_of_birth", "int", "birth_date", born("%Y")),
        C("staff_remark", "text", "free_text", english, nulls=0.5),
    )),
    Table("law_cases", (
        C("matter_no", "text", "order_number", digits("M-9999/26")),
        C("clientDetails.legalName", "text", "name", pair("en_GB", "first_name", " ", "last_name")),
        C("clientDetails.homeTel", "text", "phone", digits("03-9999-9999")),
        C("clientDetails.maritalStat", "text", "marital_status", one_of("single married divorced widowed")),
        C("offence", "text", "criminal_record", one_of("theft|assault|fraud|none")),
        C("sentence_months", "int", "criminal_record", number(0, 60)),
        C("opposing_party", "text", "name", pair("en_GB", "first_name", " ", "last_name")),
        C("court", "text", "none", joined("Tokyo|Osaka|Sendai", " District Court| High Court")),
        C("fee_yen", "int", "none", number(50_000, 900_000)),
        C("attendance_note", "text", "free_text", english), C("upload_ip", "text", "ip", ip4),
        C("tags[]", "text", "none", one_of("urgent civil appeal family")),
        C("bankruptcy", "text", "credit", one_of("yes no")),
    )),
    Table("kekkon_shiki", (
        C("新郎氏名", "text", "name", full), C("新婦氏名", "text", "name", rare("{F} {G}")),
        C("新婦旧姓", "text", "family_name", rare("{F}")), C("挙式日", "date", "none", stamp("%Y-%m-%d")),
        C("会場", "text", "none", joined("チャペル|ガーデン|本館", "A|B|ノース")),
        C("招待客数", "int", "none", number(20, 120)),
        C("新郎勤務先", "text", "employer", ja("company")),
        C("宗教", "text", "creed", one_of("キリスト教 神前 仏前 人前")),
        C("見積金額", "int", "none", number(10**6, 5 * 10**6)),
        C("内金カード番号", "text", "card", luhn("4 52 35", 16)),
        C("引出物JAN", "text", "none", goods_number), C("打合せメモ", "text", "free_text", report),
        C("代表メールアドレス", "text", "email", email),
    )),
)  # fmt: skip
"""Tables to hold it against."""

"""An eleventh set: columns of published schemas, under the names that they have there; the values are made up.

Of ORCA (receipts of doctors), OrangeHRM, SmartHR, Smaregi, a Chinese hospital's index of patients, EC-CUBE, two
recruiters, a counsellor of care, the municipal lists of facilities and of infections, Google Analytics, Mastodon,
Zendesk and Click Post, in their order; left out are columns of which two readers would say two kinds.
"""

from __future__ import annotations

import base64
import random
from functools import partial

from tests.columns.labelled import Labelled as C
from tests.columns.labelled import Table
from tests.columns.people import (
    Make,
    address,
    born,
    corporate,
    digits,
    email,
    fake,
    licence,
    one_of,
    rare,
    unique_id,
)  # fmt: skip
from tests.columns.things import ip4, joined, note, number, remark, stamp

ja, en = partial(fake, "ja_JP"), partial(fake, "en_US")
full, kana = rare("{F}　{G}"), rare("{f}　{g}")
prefectures = address("prefecture")
ages = one_of("10歳未満 10代 20代 30代 40代 50代 60代 70代 80代 90歳以上")
appeal = joined(
    "接客が好きで、|前職では|学生時代は|資格取得に励み、|未経験ですが、",
    "三年間店長を務めました。|チームをまとめてきました。|数字にこだわって働きました。|基礎から学びたいです。",
    "貴社で長く働きたいと考えております。|よろしくお願いします。|",
)
life = joined(
    "農家の三女として生まれ、|定年まで鉄道会社に勤め、|若くして上京し、|",
    "結婚後は専業主婦。|夫の死後は一人で暮らす。|退職後は畑仕事を楽しむ。|二人の子を育てた。",
    "趣味は民謡。|最近は物忘れが目立つ。|近所との付き合いはよい。|",
)
profile = joined(
    "Gardener and cat person.|写真と山歩き。|Software by day, synths by night.|二児の父です。|she/her, ",
    " Opinions are my own.| 無言フォロー失礼します。| Boosts are no endorsements!| たまに飯テロ。",
)


def pem(rng: random.Random) -> str:
    """Return the text of a private key."""
    return (
        "-----BEGIN PRIVATE KEY----- " + base64.b64encode(rng.randbytes(48)).decode() + " -----END PRIVATE KEY-----"
    )


def crypted(rng: random.Random) -> str:
    """Return a password as bcrypt leaves it."""
    return "$2a$10$" + base64.b64encode(rng.randbytes(40)).decode().replace("+", ".").replace("=", "")[:53]


def token(size: int) -> Make:
    """Return a generator of random words of *size* bytes."""
    return lambda rng: base64.urlsafe_b64encode(rng.randbytes(size)).decode().rstrip("=")


def handle(rng: random.Random) -> str:
    """Return the name under which somebody writes."""
    return (
        rng.choice(["mori", "neko", "kumo", "ringo", "tama", "kage", "yoru", "sora"])
        + rng.choice(["", "_", "x"])
        + rng.choice(["san", "fox", "dev", "88", "chan", "no_ie"])
        + str(rng.randrange(999))
    )


TABLES: tuple[Table, ...] = (
    Table("tbl_ptinf", (
        C("hospid", "bpchar", "none", one_of("JPN000000000000 JPN000000000001")),
        C("ptid", "numeric", "customer_id", digits("99999")), C("kananame", "varchar", "name_kana", kana),
        C("name", "varchar", "name", full), C("sex", "bpchar", "gender", one_of("1 2")),
        C("birthday", "bpchar", "birth_date", born("%Y%m%d")),
        C("home_post", "varchar", "postal_code", digits("9999999")), C("home_adrs", "varchar", "address", address()),
        C("home_banti", "varchar", "address", digits("9-99-9")),
        C("home_tel1", "varchar", "phone", digits("03-9999-9999")),
        C("setainusi", "varchar", "name", full, nulls=0.2),
        C("zokugara", "varchar", "household", one_of("本人 妻 夫 子 父 母"), nulls=0.2),
        C("job", "varchar", "occupation", one_of("会社員 自営業 無職 学生 公務員 主婦 教員"), nulls=0.4),
        C("keitai_tel", "varchar", "phone", digits("090-9999-9999"), nulls=0.3),
        C("comment_1", "varchar", "free_text", note, nulls=0.7),
        C("taboo_1", "varchar", "health", one_of("ペニシリン|NSAIDs|造影剤|アスピリン|セフェム系"), nulls=0.9),
        C("kansensyo_1", "varchar", "health", one_of("HBs抗原陽性|HCV抗体陽性|梅毒|MRSA|結核"), nulls=0.9),
        C("renraku_name", "varchar", "name", full, nulls=0.5),
        C("renraku_adrs", "varchar", "address", address(), nulls=0.5),
        C("office_name", "varchar", "employer", ja("company"), nulls=0.5),
        C("kisei_tel", "varchar", "phone", digits("0299-99-9999"), nulls=0.9),
        C("nyukin_hoho", "bpchar", "none", one_of("01 02 03")),
        C("discount_rate", "bpchar", "none", one_of("00 01 02")), C("creymd", "bpchar", "none", stamp("%Y%m%d")),
        C("uphms", "bpchar", "none", stamp("%H%M%S")),
    )),
    Table("tbl_pthkninf", (
        C("ptid", "numeric", "customer_id", digits("99999")),
        C("hknnum", "bpchar", "none", one_of("060 009 002 039 980 067")),
        C("hknjanum", "bpchar", "insurer_number",
            one_of("01130012 06139463 138057 138172 39131156 31130818 270447")),
        C("hihknjaname", "varchar", "name", full), C("honkzkkbn", "bpchar", "household", one_of("1 2")),
        C("kigo", "varchar", "insured_number", digits("99・99"), nulls=0.1),
        C("num", "varchar", "insured_number", digits("999999")),
        C("skkgetymd", "bpchar", "none", stamp("%Y%m%d", 690)), C("kakuninymd", "bpchar", "none", stamp("%Y%m%d")),
    )),
    Table("hs_hr_employee", (
        C("emp_number", "int4", "customer_id", digits("9999")),
        C("employee_id", "varchar", "customer_id", digits("09999")),
        C("emp_lastname", "varchar", "family_name", en("last_name")),
        C("emp_firstname", "varchar", "given_name", en("first_name")),
        C("emp_middle_name", "varchar", "given_name", en("first_name"), nulls=0.6),
        C("emp_nick_name", "varchar", "user_name", one_of("Bob Liz Kenny Mimi Jojo Tak Bee Ace Pip"), nulls=0.6),
        C("emp_smoker", "int2", "health", one_of("0 0 0 1")),
        C("ethnic_race_code", "varchar", "race", one_of("ASI WHT BLK HIS NAM"), nulls=0.4),
        C("nation_code", "int4", "nationality", one_of("4 62 82 92 169 193 203"), nulls=0.1),
        C("emp_gender", "int2", "gender", one_of("1 2")), C("emp_birthday", "date", "birth_date", born("%Y-%m-%d")),
        C("emp_marital_status", "varchar", "marital_status", one_of("Single Married Other")),
        C("emp_dri_lice_num", "varchar", "driver_licence", licence, nulls=0.3),
        C("emp_dri_lice_exp_date", "date", "none", one_of("2027-03-11 2028-05-02 2029-11-30 2026-12-24"), nulls=0.3),
        C("job_title_code", "int4", "occupation", one_of("1 2 3 5 8 13 21")),
        C("emp_street1", "varchar", "address", en("street_address")), C("city_code", "varchar", "city", en("city")),
        C("coun_code", "varchar", "country", one_of("US JP CA IN")),
        C("provin_code", "varchar", "prefecture", one_of("CA NY TX WA IL Tokyo Osaka")),
        C("emp_hm_telephone", "varchar", "phone", digits("+1-206-999-9999"), nulls=0.2),
        C("emp_work_email", "varchar", "email", email),
        C("sal_grd_code", "varchar", "income", one_of("G1 G2 G3 M1 M2")),
        C("joined_date", "date", "none", stamp("%Y-%m-%d")),
    )),
    Table("従業員リスト", (
        C("社員番号", "text", "customer_id", digits("A9999")),
        C("ビジネスネーム：姓", "text", "family_name", rare("{F}"), nulls=0.8),
        C("ビジネスネーム：名（ヨミガナ）", "text", "name_kana", rare("{g}"), nulls=0.8),
        C("戸籍上の性別", "text", "gender", one_of("男性 女性")),
        C("住民票住所（都道府県）", "text", "prefecture", prefectures),
        C("住民票住所（市区町村）", "text", "city", address("city")),
        C("住民票住所（丁目・番地）", "text", "address", digits("9-99-9")),
        C("住民票住所（建物名・部屋番号）", "text", "address", address("building"), nulls=0.4),
        C("住民票住所の世帯主の続柄", "text", "household", one_of("本人 夫 妻 実父 実母 義父")),
        C("健康保険の被保険者整理番号", "text", "insured_number", digits("9999")),
        C("基礎年金番号", "text", "pension_number", digits("9999-999999")),
        C("雇用保険の被保険者番号", "text", "employment_insurance", digits("9999-999999-9")),
        C("口座名義（カナ）", "text", "name_kana", rare("{f} {g}")),
        C("口座番号", "text", "bank_account", digits("9999999")),
        C("緊急連絡先の続柄", "text", "household", one_of("父 母 配偶者 兄 姉 知人")),
        C("緊急連絡先の電話番号", "text", "phone", digits("080-9999-9999")),
        C("障害者区分", "text", "health", one_of("対象外 対象外 対象外 普通障害者 特別障害者")),
        C("在留資格", "text", "nationality", one_of("永住者 技術・人文知識・国際業務 特定技能1号 留学 定住者"),
            nulls=0.9),
        C("在留カード番号", "text", "residence_card", digits("AA99999999AA"), nulls=0.9),
        C("入社年月日", "text", "none", stamp("%Y/%m/%d")),
        C("役職", "text", "occupation", one_of("部長 課長 主任 リーダー 一般"), nulls=0.3),
        C("給与支給形態", "text", "none", one_of("月給 時給 日給 年俸")),
    )),
    Table("customers", (
        C("customerCode", "string", "customer_id", digits("2900000999999")),
        C("rank", "string", "member_rank", one_of("レギュラー シルバー ゴールド VIP"), nulls=0.3),
        C("lastName", "string", "family_name", rare("{F}")), C("firstKana", "string", "name_kana", rare("{g}")),
        C("postCode", "string", "postal_code", digits("999-9999"), nulls=0.2),
        C("faxNumber", "string", "phone", digits("06-6999-9999"), nulls=0.9),
        C("mailAddress", "string", "email", email, nulls=0.2), C("sex", "string", "gender", one_of("0 1 2")),
        C("companyName", "string", "employer", ja("company"), nulls=0.8),
        C("mailReceiveFlag", "string", "none", one_of("0 1")),
        C("pinCode", "string", "secret", digits("9999"), nulls=0.6),
        C("pointExpireDate", "string", "none", one_of("2027-03-31 2027-09-30 2028-03-31")),
        C("entryDate", "string", "none", stamp("%Y-%m-%d")), C("storeId", "string", "none", one_of("1 2 3 7")),
        C("status", "string", "none", one_of("0 1 2 3 4")), C("note2", "string", "free_text", note, nulls=0.8),
    )),
    Table("PAT_MASTER_INDEX", (
        C("INP_NO", "varchar2", "customer_id", digits("ZY99999999")),
        C("NAME_PHONETIC", "varchar2", "name_kana", kana),
        C("DATE_OF_BIRTH", "date", "birth_date", born("%Y-%m-%d")),
        C("BIRTH_PLACE", "varchar2", "prefecture", prefectures),
        C("CITIZENSHIP", "varchar2", "nationality", one_of("CN JP KR VN US")),
        C("CHARGE_TYPE", "varchar2", "none", one_of("自費 公費 医保 労災")),
        C("MAILING_ADDRESS", "varchar2", "address", address()),
        C("PHONE_NUMBER_BUSINESS", "varchar2", "phone", digits("03-3999-9999"), nulls=0.5),
        C("NEXT_OF_KIN", "varchar2", "name", full),
        C("RELATIONSHIP", "varchar2", "household", one_of("01 02 03 11 20")),
        C("NEXT_OF_KIN_ADDR", "varchar2", "address", address()),
        C("NEXT_OF_KIN_PHONE", "varchar2", "phone", digits("07099999999")),
        C("LAST_VISIT_DATE", "date", "none", stamp("%Y-%m-%d")),
        C("SERVICE_AGENCY", "varchar2", "employer", ja("company"), nulls=0.4),
        C("DEGREE", "varchar2", "education", one_of("博士 修士 大学 高校 中学")),
        C("RACE", "varchar2", "race", one_of("アジア系 白人 黒人 その他"), nulls=0.7),
        C("RELIGION", "varchar2", "creed", one_of("なし 仏教 イスラム教 キリスト教"), nulls=0.6),
        C("OPERATOR", "varchar2", "name", rare("{F}{G}")),
    )),
    Table("dtb_customer", (
        C("id", "int", "customer_id", digits("99999")), C("name01", "varchar", "family_name", rare("{F}")),
        C("name02", "varchar", "given_name", rare("{G}")), C("kana02", "varchar", "name_kana", rare("{g}")),
        C("pref_id", "smallint", "prefecture", number(1, 47)),
        C("addr02", "varchar", "address", address("building")),
        C("phone_number", "varchar", "phone", digits("09099999999")),
        C("sex_id", "smallint", "gender", one_of("1 2"), nulls=0.3),
        C("job_id", "smallint", "occupation", number(1, 18), nulls=0.4),
        C("birth", "datetime", "birth_date", born("%Y-%m-%d 00:00:00"), nulls=0.3),
        C("salt", "varchar", "secret", digits("xxxxxxxxxx")), C("secret_key", "varchar", "secret", token(24)),
        C("buy_times", "decimal", "none", number(0, 40)), C("buy_total", "decimal", "none", number(0, 400_000, 2)),
        C("last_buy_date", "datetime", "none", stamp()), C("reset_key", "varchar", "secret", token(24), nulls=0.95),
        C("point", "decimal", "none", number(0, 9_000)),
    )),
    Table("arbeit_application", (
        C("応募日", "text", "none", stamp("%Y/%m/%d")), C("氏名(カナ)", "text", "name_kana", kana),
        C("現在の職業", "text", "occupation", one_of("フリーター 学生 正社員 主婦・主夫 離職中")),
        C("勤務可能時期", "text", "none", one_of("即日|1週間以内|1ヶ月以内|応相談")),
        C("自己PR", "text", "free_text", appeal, nulls=0.2),
        C("応募先名（店舗名）", "text", "none", joined("炭火焼鳥 |ビストロ |鮨 |麺処 ", "とき|灯|椿|海",
            " 渋谷店| 梅田店| 本店")),
    )),
    Table("applicant_info_tbl", (
        C("applicantId", "int4", "customer_id", digits("9999")),
        C("applicantPostal", "varchar", "postal_code", digits("999-9999")),
        C("prefeNm", "varchar", "prefecture", prefectures),
        C("graduationSchool", "varchar", "education", joined("東都|西海|北陽|南山", "大学|専門学校|高校")),
        C("workYears", "int4", "none", number(0, 30)),
        C("finalEducation", "varchar", "education", one_of("大学院卒 大卒 短大卒 高卒")),
        C("hopeSalaryFrom", "int4", "income", one_of("250000 300000 350000 400000 500000")),
        C("introduce", "text", "free_text", appeal), C("reason", "text", "free_text", appeal, nulls=0.3),
        C("delFlg", "varchar", "none", one_of("0 1")),
    )),
    Table("client", (
        C("writer_name", "varchar", "name", full), C("consultation_date", "date", "none", stamp("%Y-%m-%d")),
        C("client_name", "varchar", "name", full),
        C("disability_adl_level", "varchar", "health", one_of("自立 J1 J2 A1 A2 B1 B2 C1 C2")),
        C("dementia_adl_level", "varchar", "health", one_of("自立 Ⅰ Ⅱa Ⅱb Ⅲa Ⅲb Ⅳ M")),
        C("visitor_name", "varchar", "name", full), C("visitor_contact", "text", "phone", digits("090-9999-9999")),
        C("relation_to_client", "varchar", "household", one_of("長男 長女 妻 夫 嫁 姪")),
        C("emergency_relation", "varchar", "household", one_of("長男 長女 妻 夫 弟")),
        C("life_history", "text", "free_text", life),
    )),
    Table("公共施設一覧", (
        C("都道府県コード又は市区町村コード", "text", "none", one_of("131130 271004 011002 401005")),
        C("名称", "text", "none", joined("中央|東|西|南|北部", "公民館|図書館|体育館|児童センター|プール")),
        C("名称_カナ", "text", "none", joined("チュウオウ|ヒガシ|ニシ|ミナミ",
            "コウミンカン|トショカン|タイイクカン")),
        C("住所", "text", "address", address(), nobody=True),
        C("方書", "text", "address", one_of("市民会館2階|区役所別館|駅ビル5F|総合庁舎内"), nobody=True, nulls=0.8),
        C("緯度", "float8", "location", number(33, 43, 6), nobody=True),
        C("経度", "float8", "location", number(130, 141, 6), nobody=True),
        C("電話番号", "text", "phone", digits("(03)3999-9999"), nobody=True),
        C("法人番号", "text", "corporate_number", corporate()),
        C("利用可能曜日", "text", "none", one_of("月火水木金 月火水木金土日 火水木金土日")),
        C("開始時間", "text", "none", one_of("9:00 8:30 10:00")),
        C("URL", "text", "url", joined("https://www.city.example.lg.jp/", "shisetsu/ sports/ library/",
            "001.html 015.html 120.html index.html"), nobody=True),
    )),
    Table("陽性患者属性", (
        C("全国地方公共団体コード", "text", "none", one_of("130001 270008 141003")),
        C("公表_年月日", "text", "none", stamp("%Y-%m-%d")), C("患者_居住地", "text", "city", address("city")),
        C("患者_年代", "text", "age", ages), C("患者_性別", "text", "gender", one_of("男性 女性 不明")),
        C("患者_職業", "text", "occupation", one_of("会社員 無職 医療従事者 学生 自営業 飲食店店員"), nulls=0.4),
        C("患者_状態", "text", "health", one_of("軽症 中等症 重症 無症状 死亡")),
        C("患者_症状", "text", "health", one_of("発熱|咳|倦怠感|発熱・咳|味覚障害|頭痛・発熱"), nulls=0.3),
    )),
    Table("events_20260601", (
        C("event_name", "string", "none", one_of("page_view session_start scroll purchase first_visit")),
        C("event_timestamp", "int64", "none", digits("1780999999999999")),
        C("user_id", "string", "customer_id", digits("u99999999"), nulls=0.7),
        C("user_pseudo_id", "string", "cookie_id", digits("999999999.1779999999")),
        C("device.advertising_id", "string", "device_id", unique_id(), nulls=0.6),
        C("geo.city", "string", "city", one_of("Shinjuku City|Osaka|Nagoya|Sapporo|Yokohama|Fukuoka")),
        C("geo.country", "string", "country", one_of("Japan|Taiwan|United States|South Korea")),
        C("traffic_source.source", "string", "none", one_of("google (direct) yahoo line t.co")),
        C("user_ltv.revenue", "float64", "none", number(0, 90_000, 1)),
        C("app_info.install_source", "string", "none", one_of("com.android.vending iTunes manual_install")),
    )),
    Table("users", (
        C("encrypted_password", "varchar", "secret", crypted),
        C("reset_password_token", "varchar", "secret", token(30), nulls=0.9),
        C("current_sign_in_ip", "inet", "ip", ip4, nulls=0.1), C("sign_in_count", "int4", "none", number(0, 400)),
        C("unconfirmed_email", "varchar", "email", email, nulls=0.9),
        C("locale", "varchar", "none", one_of("ja en de fr ko zh-TW")),
        C("otp_secret", "varchar", "secret", token(20), nulls=0.7), C("confirmed_at", "timestamp", "none", stamp()),
    )),
    Table("accounts", (
        C("username", "varchar", "user_name", handle), C("private_key", "text", "secret", pem),
        C("note", "text", "free_text", profile),
        C("uri", "varchar", "url", joined("https://social.example/users/", "mori|neko|kumo|ringo|tama",
            "1|22|303|_dev|x")),
        C("display_name", "varchar", "user_name", joined("もり|ねこ|Kumo|りんご🍎|tama",
            "|さん|@固定|.ex|（仕事用）")),
        C("memorial", "bool", "none", one_of("true false")),
    )),
    Table("tickets", (
        C("requester_id", "int8", "customer_id", digits("360999999999")),
        C("raw_subject", "text", "free_text", joined("返品について|ログインできません|Re: 請求の件|届かない",
            "|（至急）| 2回目のお問い合わせです")),
        C("satisfaction_rating.comment", "text", "free_text", remark, nulls=0.8),
        C("via.channel", "text", "none", one_of("email web chat api")),
        C("via.source.from.address", "text", "email", email, nulls=0.4),
        C("due_at", "timestamp", "none", stamp("%Y-%m-%dT%H:%M:%SZ"), nulls=0.5),
    )),
    Table("clickpost", (
        C("お届け先郵便番号", "text", "postal_code", digits("999-9999")), C("お届け先氏名", "text", "name", full),
        C("お届け先敬称", "text", "none", one_of("様 御中 殿")),
        C("お届け先住所1行目", "text", "address", address()),
        C("内容品", "text", "none", joined("書籍|衣類|雑貨|CD|化粧品", "|1点|2点")),
    )),
)  # fmt: skip
"""Tables to hold it against."""

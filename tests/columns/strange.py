"""A third set of tables to hold the classifier against, with names chosen to be strange."""

from __future__ import annotations

from functools import partial

from tests.columns.labelled import Labelled as C
from tests.columns.labelled import Table
from tests.columns.people import (
    address,
    born,
    corporate,
    digits,
    email,
    fake,
    hashed,
    licence,
    luhn,
    one_of,
    pair,
    rare,
    unique_id,
)  # fmt: skip
from tests.columns.things import agent, goods_number, ip4, joined, number, remark, stamp, version

ja, en = partial(fake, "ja_JP"), partial(fake, "en_GB")
both = pair("en_GB", "first_name", " ", "last_name")
wish = joined(
    "窓側の席|禁煙ルーム|ベビーベッド|遅めの到着", "をお願いします。|が可能か教えてください。|を希望します。"
)
finding = joined("左下肺に|腹部に|右膝に", "軽度の炎症を認める。|異常所見なし。|腫脹あり、経過を見る。")
english = joined(
    "Customer asked about|We discussed|Follow up on|Escalated",
    " the renewal.| pricing, call again Monday.| a broken import; see thread.| onboarding.",
)

TABLES: tuple[Table, ...] = (
    Table("saas.workspace_users", (
        C("userUuid", "uuid", "customer_id", unique_id()), C("displayName", "varchar", "user_name", both),
        C("workEmail", "varchar", "email", email),
        C("jobTitle", "varchar", "occupation", one_of("Engineer Manager Designer Accountant Sales")),
        C("companyName", "varchar", "employer", en("company")),
        C("avatarUrl", "varchar", "biometric", digits("https://img.example.com/u/xxxxxxxx.png")),
        C("ssoSubject", "varchar", "customer_id", digits("auth0|xxxxxxxxxxxxxxxxxxxxxxxx")),
        C("apiKey", "varchar", "secret", digits("sk_live_aA9aA9aA9aA9aA9aA9")),
        C("lastActiveAt", "timestamptz", "none", stamp()), C("seatCount", "int", "none", number(1, 500)),
        C("isAdmin", "bool", "none", one_of("true false")), C("signupIpAddress", "inet", "ip", ip4),
        C("crmNotes", "text", "free_text", english),
        C("featureFlags[]", "text", "none", one_of("beta dark_mode new_nav")),
    )),
    Table("ryoko.yoyaku_meisai", (
        C("yoyaku_no", "text", "order_number", digits("Y9999999999")),
        C("daihyosha_shimei", "text", "name", rare("{F} {G}")), C("dohansha_shimei", "text", "name", rare("{F} {G}")),
        C("ryoken_bango", "text", "passport", digits("AA9999999")),
        C("renraku_tel", "text", "phone", digits("08099999999")),
        C("shuppatsu_bi", "date", "none", stamp("%Y-%m-%d")),
        C("mokutekichi", "text", "none", one_of("沖縄 ハワイ 台湾 北海道 ソウル")),
        C("ryokin_goukei", "int", "none", number(20_000, 600_000)), C("go_yobo", "text", "free_text", wish),
        C("shokuji_allergy", "text", "health", one_of("なし えび かに 小麦 そば")),
        C("maishu", "int", "none", number(1, 6)),
    )),
    Table("hoikuen.enji", (
        C("園児氏名", "text", "name", rare("{F} {G}")),
        C("園児ふりがな", "text", "name_kana", joined("はせべ |いかりや |みうら ", "みお|そら|ゆうと")),
        C("生年月日", "text", "birth_date", born("%Y-%m-%d", 2005, 2017)),
        C("保護者1氏名", "text", "name", rare("{F}{G}")), C("保護者1携帯", "text", "phone", digits("090-9999-9999")),
        C("保護者1勤務先", "text", "employer", ja("company")),
        C("かかりつけ医", "text", "none", joined("青空|ひかり|北町", "小児科|クリニック")),
        C("既往歴・アレルギー", "text", "health", one_of("卵アレルギー|熱性けいれん|なし|喘息")),
        C("クラス", "text", "none", one_of("ひよこ うさぎ きりん ぞう")),
        C("平熱", "numeric", "health", number(36, 37, 1)), C("連絡帳", "text", "free_text", remark),
        C("送迎者", "text", "name", rare("{F}{G}")),
    )),
    Table("ehr.encounters", (
        C("mrn", "text", "customer_id", digits("99999999")),
        C("patient.name.family", "text", "family_name", en("last_name")),
        C("patient.name.given", "text", "given_name", en("first_name")),
        C("patient.birthDate", "date", "birth_date", born("%Y-%m-%d")),
        C("icd10_code", "text", "health", digits("A99.9")),
        C("allergen", "text", "health", one_of("penicillin latex peanut none")),
        C("bmi", "numeric", "health", number(17, 38, 1)), C("attending_physician", "text", "name", both),
        C("finding", "text", "free_text", finding), C("admitted_on", "timestamp", "none", stamp()),
        C("ward_code", "text", "none", one_of("3E 4W ICU 5N")),
        C("subscriber_id", "text", "insured_number", digits("A9999999999"), comment="health insurance member number"),
        C("next_of_kin_phone", "text", "phone", digits("03-9999-9999")),
    )),
    Table("kuruma.dealer_customers", (
        C("お客様コード", "text", "customer_id", digits("D-999999")), C("お客様名", "text", "name", rare("{F}{G}")),
        C("自動車登録番号", "text", "number_plate", digits("足立 339 ほ 99-99")),
        C("車台番号", "text", "record_id", digits("AAA99-9999999")),
        C("免許証No", "text", "driver_licence", licence),
        C("車種名", "text", "none", joined("アルファ|ミライ|カゼ", "ワゴン|クーペ|ハイブリッド")),
        C("走行距離", "int", "none", number(10, 120_000)), C("下取価格", "int", "none", number(10_000, 3_000_000)),
        C("家族構成", "text", "household", one_of("独身 夫婦 夫婦+子1 夫婦+子2")),
        C("商談メモ", "text", "free_text", remark), C("DM送付可否", "text", "none", one_of("可 否")),
        C("担当営業", "text", "family_name", rare("{F}")),
    )),
    Table("lms.enrollments", (
        C("learner_id", "int", "customer_id", number(1, 50_000)),
        C("learner_handle", "text", "user_name", joined("study|code|ぺん|sky", "_fox|ロウ|77|cat")),
        C("course_title", "text", "none", joined("Python|統計学|英会話|簿記", "入門|基礎|3級|実践")),
        C("quiz_score", "int", "none", number(0, 100)), C("progress_pct", "numeric", "none", number(0, 100, 1)),
        C("essay_answer", "text", "free_text", remark),
        C("mother_tongue", "text", "none", one_of("日本語 英語 中国語")),
        C("home_country", "text", "country", one_of("Japan China Korea Brazil Nepal")),
        C("age_band", "text", "age", one_of("18-24 25-34 35-44 45-54")), C("browser_ua", "text", "user_agent", agent),
        C("certificate_no", "text", "order_number", digits("CERT-99999999")),
        C("parent_email", "text", "email", email),
    )),
    Table("kashi.borrowers", (
        C("kojin_shimei_kana", "text", "name_kana", rare("{f} {g}")),
        C("seibetsu_kbn", "text", "gender", one_of("1 2")), C("kinzoku_nensu", "int", "none", number(0, 35)),
        C("zeikomi_nenshu", "int", "income", number(2_000_000, 12_000_000)),
        C("tasha_kariire_gaku", "int", "credit", number(0, 3_000_000)),
        C("kyojukeitai", "text", "household", one_of("持家 賃貸 社宅 実家")),
        C("hikiotoshi_koza_no", "text", "bank_account", digits("9999999")),
        C("kigyo_mei", "text", "employer", ja("company")),
        C("shinsa_kekka", "text", "none", one_of("承認 否決 保留")),
        C("card_bango", "text", "card", luhn("4 35 52", 16)), C("kaishu_memo", "text", "free_text", remark),
        C("mynumber_kakunin_flg", "text", "none", one_of("0 1")),
    )),
    Table("nouka_ec.chumon", (
        C("受注番号", "text", "order_number", digits("2026-999999")),
        C("ご注文者名", "text", "name", rare("{F} {G}")),
        C("お届け先郵便番号", "text", "postal_code", digits("499-9999")),
        C("お届け先都道府県", "text", "prefecture", address("prefecture")),
        C("お届け先ご住所", "text", "address", address("below")), C("のし名入れ", "text", "family_name", rare("{F}")),
        C("商品名", "text", "none", joined("有機|完熟|新物", "トマト|みかん|米 5kg|りんご")),
        C("数量", "int", "none", number(1, 5)), C("お支払い方法", "text", "none", one_of("代引き カード 銀行振込")),
        C("配達希望時間", "text", "none", one_of("午前中 14-16時 指定なし")), C("通信欄", "text", "free_text", wish),
        C("送料込み合計", "int", "none", number(1_000, 20_000)), C("JANコード", "text", "none", goods_number),
    )),
    Table("ic_card_log", (
        C("card_idm", "text", "device_id", digits("01xxxxxxxxxxxxxx")),
        C("boarding_station", "text", "none", one_of("渋谷 新宿 池袋 品川 上野")),
        C("fare_yen", "int", "none", number(140, 1200)), C("tapped_at", "timestamp", "none", stamp()),
        C("commuter_flag", "int", "none", one_of("0 1")), C("gate_id", "text", "none", digits("G999")),
        C("fw_ver", "text", "none", version),
    )),
    Table("match_app.profiles", (
        C("nick", "text", "user_name", joined("ゆい|けん|sora|Momo", "|♪|23|ちゃん")),
        C("self_introduction", "text", "free_text", remark),
        C("annual_income_range", "text", "income", one_of("300万円未満 300-500万円 500-700万円 700万円以上")),
        C("body_type", "text", "health", one_of("スリム 普通 がっちり ぽっちゃり")),
        C("sexual_orientation", "text", "creed", one_of("heterosexual bisexual gay undisclosed")),
        C("marriage_history", "text", "marital_status", one_of("独身 離婚 死別")),
        C("hometown_pref", "text", "prefecture", address("prefecture")),
        C("face_photo_url", "text", "biometric", digits("https://img.example.jp/f/xxxxxxxx.jpg")),
        C("like_count", "int", "none", number(0, 900)),
        C("smoking", "text", "none", one_of("吸う 吸わない ときどき")),
        C("religion", "text", "creed", one_of("無宗教 仏教 キリスト教 その他")),
        C("idfv", "text", "device_id", unique_id(upper=True)),
    )),
    Table("keiri.shiharai", (
        C("支払先名称", "text", "none", ja("company")),
        C("適格請求書発行事業者番号", "text", "invoice_number", corporate("T")),
        C("振込先口座番号", "text", "bank_account", digits("9999999")),
        C("口座名義カナ", "text", "name_kana", rare("{f} {g}")), C("支払金額", "int", "none", number(1_000, 900_000)),
        C("摘要", "text", "free_text", remark), C("伝票番号", "text", "order_number", digits("9999999")),
        C("勘定科目", "text", "none", one_of("旅費交通費 消耗品費 会議費")),
        C("承認者", "text", "name", rare("{F} {G}")),
    )),
    Table("tmp_export", (
        C("x1", "text", "name", rare("{F} {G}")),
        C("x2", "text", "none", joined("トマト|みかん|りんご", "ジュース|ゼリー|ジャム")),
        C("x3", "text", "email", email), C("x4", "text", "hashed_id", hashed("sha256")),
        C("x5", "text", "birth_date", born("%Y%m%d")), C("x6", "text", "none", stamp("%Y%m%d")),
        C("x7", "text", "phone", digits("03-9999-9999")), C("x8", "text", "free_text", wish),
        C("x9", "text", "health", one_of("糖尿病|高血圧|喘息|花粉症|うつ病")),
        C("x10", "text", "none", one_of("true false")),
        C("x11", "text", "url", digits("https://www.example.com/p?id=999999")),
        C("x12", "text", "city", address("city")),
    )),
)  # fmt: skip
"""Tables to hold it against."""

"""A twelfth set: columns of published schemas, gathered when the dictionary had been widened and was left alone.

Of lessons, a university's entrance, school uniforms, Synthea, an employer's dependants, an insurer, lenders, Koha,
Fineract, Matomo, Keycloak, Supabase, registers of deaths and marriages, and PrestaShop, under the names that
they have there; the values are made up. Left out are columns of which two readers would say two kinds.
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
    digits,
    email,
    fake,
    licence,
    my_number,
    one_of,
    rare,
    unique_id,
)  # fmt: skip
from tests.columns.things import ip4, joined, note, number, remark, stamp

ja, en = partial(fake, "ja_JP"), partial(fake, "en_US")
full = rare("{F} {G}")
roman = one_of("TARO HANAKO YUKI KENJI MISAKI SHO AOI RIN DAIKI EMI NAOTO SAKI HIRO MIO")
roman_family = one_of("SATO SUZUKI TAKAHASHI TANAKA ITO WATANABE KOBAYASHI KATO YOSHIDA MORI ABE ENDO")
wish = joined(
    "受験まで半年です。|趣味で始めたいです。|前の先生と合わず、|昔少し習っていました。",
    "基礎からお願いします。|曜日は相談させてください。|体験の後に決めたいです。|厳しめでも構いません。",
    "|月2回を希望します。|よろしくお願いいたします。",
)


def token(size: int) -> Make:
    """Return a generator of random words of *size* bytes."""
    return lambda rng: base64.urlsafe_b64encode(rng.randbytes(size)).decode().rstrip("=")


def crypted(rng: random.Random) -> str:
    """Return a password as bcrypt leaves it."""
    return "$2y$10$" + base64.b64encode(rng.randbytes(40)).decode().replace("+", ".").replace("=", "")[:53]


TABLES: tuple[Table, ...] = (
    Table("bookings", (
        C("service_name_snapshot", "varchar", "none", joined("ピアノ|声楽|バイオリン|作曲", "体験|個人|発表会前",
            "30分|45分|60分")),
        C("delivery_method", "varchar", "none", one_of("online visit")),
        C("price_yen", "int", "none", one_of("0 3300 5500 8800")),
        C("customer_name_kana", "varchar", "name_kana", rare("{f} {g}")),
        C("parent_name", "varchar", "name", full, nulls=0.4),
        C("experience_level", "varchar", "none", one_of("未経験 初心者 経験あり 上級")),
        C("request_text", "text", "free_text", wish, nulls=0.3),
        C("payment_deadline", "datetime", "none", stamp(), nulls=0.2),
    )),
    Table("cart_user_profile", (
        C("management_status", "char", "none", one_of("0100 0200 0300 0400 0500 0600 0700")),
        C("first_name_roman", "varchar", "given_name", roman),
        C("last_name_kana", "varchar", "name_kana", rare("{f}")),
        C("parent_last_name_roman", "varchar", "family_name", roman_family),
        C("gender", "tinyint", "gender", one_of("0 1 2")),
        C("country_code", "char", "country", one_of("JP JP JP CN KR TW US")),
        C("municipality", "varchar", "city", address("city")),
        C("town_area", "varchar", "address", address("town")),
        C("care_of_address", "varchar", "address", rare("{F}様方"), nulls=0.95),
        C("parent_building", "varchar", "address", address("building"), nulls=0.5),
        C("parent_mobile_phone", "varchar", "phone", digits("09099999999")),
        C("parent_relation", "varchar", "household", one_of("父 母 祖父 祖母 その他")),
        C("high_school_code", "char", "education", digits("13999A")),
        C("high_school_course_code", "tinyint", "education", one_of("1 2 3 4")),
        C("high_school_graduated_year_month", "char", "none", one_of("202603 202503 202403 202303")),
        C("high_school_notification_consented", "tinyint", "none", one_of("0 1")),
        C("handicapped_person_code", "varchar", "health", one_of("01 02 03 11"), nulls=0.97),
        C("university_code", "varchar", "education", digits("1999"), nulls=0.8),
    )),
    Table("uniform_reservations", (
        C("reservation_number", "varchar", "order_number", digits("R2026-999999")),
        C("guardian_name", "varchar", "name", full),
        C("grade", "int", "none", one_of("1 2 3 4 5 6")),
        C("height", "decimal", "health", number(105, 180, 1)),
        C("weight", "decimal", "health", number(17, 80, 1)),
        C("reservation_time", "time", "none", stamp("%H:%M:%S")),
        C("memo", "varchar", "free_text", note, nulls=0.7),
    )),
    Table("patients", (
        C("birthdate", "date", "birth_date", born("%Y-%m-%d")),
        C("deathdate", "date", "none", stamp("%Y-%m-%d"), nulls=0.9),
        C("ssn", "varchar", "my_number", my_number()),
        C("drivers", "varchar", "driver_licence", licence, nulls=0.3),
        C("passport", "varchar", "passport", digits("AA9999999"), nulls=0.5),
        C("prefix", "varchar", "none", one_of("Mr. Mrs. Ms.")),
        C("maiden", "varchar", "family_name", en("last_name"), nulls=0.7),
        C("marital", "char", "marital_status", one_of("M S D W")),
        C("ethnicity", "varchar", "race", one_of("hispanic nonhispanic")),
        C("lat", "decimal", "location", number(33, 43, 8)),
        C("income", "int", "income", number(800_000, 22_000_000)),
        C("healthcare_coverage", "decimal", "none", number(0, 900_000, 2)),
    )),
    Table("dependents", (
        C("dependent_kanji_last_name", "varchar", "family_name", rare("{F}")),
        C("dependent_kata_first_name", "varchar", "name_kana", rare("{g}")),
        C("dependent_gender", "enum", "gender", one_of("男 女")),
        C("dependent_relative", "enum", "household", one_of("配偶者 子 父 母 兄弟")),
        C("dependent_tax", "enum", "household", one_of("扶養 対象外")),
        C("dependent_birthday", "date", "birth_date", born("%Y-%m-%d")),
        C("dependent_retire_code", "bigint", "pension_number", digits("9999999999"), nulls=0.4),
        C("dependent_tel", "bigint", "my_number", my_number()),
        C("dependent_insurance_join_date", "date", "none", stamp("%Y-%m-%d")),
        C("dependent_social_insurance_number", "bigint", "insured_number", digits("999999")),
        C("dependent_post_code", "varchar", "postal_code", digits("9999999")),
    )),
    Table("insured_persons", (
        C("contract_id", "int", "order_number", digits("99999")),
        C("relationship", "varchar", "household", one_of("本人 配偶者 子ども その他")),
        C("occupation", "varchar", "occupation", one_of("会社員 自営業 主婦 学生 無職")),
        C("health_status", "text", "health", one_of("良好|高血圧で通院中|糖尿病の治療中|腰痛あり|喘息")),
        C("medical_history", "text", "health", one_of("なし|虫垂炎|胃潰瘍|高血圧症|気管支喘息|骨折"), nulls=0.3),
    )),
    Table("borrower_profile", (
        C("borrower_id", "int", "customer_id", digits("99999")),
        C("annual_income", "numeric", "income", number(18_000, 240_000, 2)),
        C("employment_years", "numeric", "none", number(0, 35, 1)),
        C("home_ownership", "varchar", "household", one_of("RENT OWN MORTGAGE OTHER")),
        C("credit_score", "int", "credit", number(420, 850)),
        C("debt_to_income", "numeric", "credit", number(0, 60, 2)),
        C("loan_purpose", "varchar", "none", one_of("car education debt_consolidation home_improvement medical")),
        C("interest_rate", "numeric", "none", number(2, 24, 2)),
    )),
    Table("koha.borrowers", (
        C("borrowernumber", "int", "customer_id", digits("99999")),
        C("cardnumber", "varchar", "customer_id", digits("23529999999999")),
        C("surname", "longtext", "family_name", en("last_name")),
        C("B_address", "varchar", "address", en("street_address"), nulls=0.8),
        C("B_zipcode", "varchar", "postal_code", digits("99999"), nulls=0.8),
        C("emailpro", "text", "email", email, nulls=0.7),
        C("phonepro", "text", "phone", digits("206-999-9999"), nulls=0.7),
        C("smsalertnumber", "varchar", "phone", digits("+819099999999"), nulls=0.5),
        C("branchcode", "varchar", "none", one_of("CPL MPL FFL IPT")),
        C("categorycode", "varchar", "none", one_of("PT ST J K S T")),
        C("dateenrolled", "date", "none", stamp("%Y-%m-%d")),
        C("contactname", "longtext", "name", en("name"), nulls=0.8),
        C("contactfirstname", "mediumtext", "given_name", en("first_name"), nulls=0.8),
        C("borrowernotes", "longtext", "free_text", note, nulls=0.8),
        C("userid", "varchar", "user_name", joined("mori kuma sato neko emma leo", "_ . x", "01 77 lib home 1984")),
        C("debarred", "date", "none", stamp("%Y-%m-%d"), nulls=0.95),
    )),
    Table("m_client", (
        C("account_no", "varchar", "customer_id", digits("0000999999")),
        C("external_id", "varchar", "customer_id", digits("EXT-999999"), nulls=0.5),
        C("activation_date", "date", "none", stamp("%Y-%m-%d")),
        C("middlename", "varchar", "given_name", en("first_name"), nulls=0.7),
        C("mobile_no", "varchar", "phone", digits("08099999999")),
        C("gender_cv_id", "int", "gender", one_of("22 24")),
        C("submittedon_date", "date", "none", stamp("%Y-%m-%d")),
        C("is_staff", "tinyint", "none", one_of("0 1")),
    )),
    Table("log_visit", (
        C("idvisitor", "binary", "cookie_id", digits("xxxxxxxxxxxxxxxx")),
        C("location_ip", "varbinary", "ip", ip4),
        C("location_city", "varchar", "city", one_of("Shinjuku|Osaka|Sapporo|Nagoya|Sendai|Fukuoka")),
        C("location_country", "char", "country", one_of("jp us tw kr de")),
        C("config_device_brand", "varchar", "none", one_of("AP GO SM SO XI")),
        C("visit_total_time", "int", "none", number(0, 4_000)),
        C("referer_url", "text", "url", joined("https://www.google.com/ https://t.co/ https://shop.example.jp/",
            "|search?q=bag|a1B2|item/77")),
    )),
    Table("user_entity", (
        C("id", "varchar", "customer_id", unique_id()),
        C("email_constraint", "varchar", "email", email),
        C("email_verified", "bool", "none", one_of("true false")),
        C("created_timestamp", "bigint", "none", stamp("millis")),
    )),
    Table("auth.users", (
        C("encrypted_password", "varchar", "secret", crypted),
        C("recovery_token", "varchar", "secret", token(28), nulls=0.9),
        C("phone_change", "text", "phone", digits("+8190 9999 9999".replace(" ", "")), nulls=0.9),
        C("last_sign_in_at", "timestamptz", "none", stamp()),
        C("is_sso_user", "bool", "none", one_of("true false")),
    )),
    Table("population_register", (
        C("former_name", "varchar", "name", full, nulls=0.8),
        C("hukou_province", "varchar", "prefecture", address("prefecture")),
        C("cur_city", "varchar", "city", address("city")),
        C("education_level", "varchar", "education", one_of("大学 高校 中学 大学院 専門学校")),
        C("male_name", "varchar", "name", full), C("female_name", "varchar", "name", full),
        C("marriage_date", "date", "none", stamp("%Y-%m-%d")),
        C("death_reason", "varchar", "health", one_of("心不全|肺炎|脳梗塞|老衰|胃癌|交通事故")),
        C("reporter_phone", "varchar", "phone", digits("0898-99-9999")),
        C("reporter_relation", "varchar", "household", one_of("長男 長女 配偶者 兄 甥")),
    )),
    Table("ps_customer", (
        C("id_gender", "int", "gender", one_of("0 1 2")),
        C("company", "varchar", "employer", ja("company"), nulls=0.7),
        C("passwd", "varchar", "secret", crypted),
        C("newsletter", "tinyint", "none", one_of("0 1")),
        C("ip_registration_newsletter", "varchar", "ip", ip4, nulls=0.6),
        C("birthday", "date", "birth_date", born("%Y-%m-%d"), nulls=0.3),
        C("note", "text", "free_text", remark, nulls=0.8),
        C("id_lang", "int", "none", one_of("1 2 5")),
        C("date_upd", "datetime", "none", stamp()),
    )),
)  # fmt: skip
"""Tables to hold it against."""

"""A fourth set: claims, contracts, stays and appointments, written without a look at the classifier's words."""

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
    licence,
    luhn,
    one_of,
    pair,
    rare,
    unique_id,
)  # fmt: skip
from tests.columns.things import agent, ip4, joined, number, remark, stamp, version

ja, en = partial(fake, "ja_JP"), partial(fake, "en_US")
full, kana = rare("{F} {G}"), rare("{f} {g}")
accident = joined(
    "交差点で右折中に|駐車場から出る際に|雨で滑って|停車中に後ろから",
    "対向車と接触した。|ガードレールに当たった。|追突された。|自転車と衝突した。",
    "けが人なし。|同乗者が首の痛みを訴えている。|警察へ届出済み。",
)
desk = joined("折返し|受電|架電|来店", "、解約の相談。|、料金の内訳を説明。|、配偶者より問合せ。|、書面を再送した。")
english = joined(
    "Guest asked for|Caller wants|Please note",
    " a quiet room away from the lift.| a call back after six.| that the deposit was paid in cash.",
)

TABLES: tuple[Table, ...] = (
    Table("hoken.jiko_uketsuke", (
        C("jiko_no", "text", "order_number", digits("J99-999999")),
        C("shoken_bango", "text", "order_number", digits("9999999999")),
        C("keiyakusha_nm", "text", "name", full), C("keiyakusha_kana", "text", "name_kana", kana),
        C("hihokensha_seinengappi", "text", "birth_date", born("%Y%m%d")),
        C("renrakusaki_tel1", "text", "phone", digits("090-9999-9999")),
        C("jiko_basho", "text", "address", address()), C("jiko_jokyo", "text", "free_text", accident),
        C("touroku_no", "text", "number_plate", digits("品川 399 さ 99-99")),
        C("menkyo_no", "text", "driver_licence", licence),
        C("songai_gaku", "int8", "none", number(10_000, 3_000_000)),
        C("shubetsu_cd", "text", "none", one_of("01 02 03 11")),
        C("tsuin_nissu", "int4", "health", number(0, 90)),
        C("shobyo_mei", "text", "health", one_of("頚椎捻挫|腰部打撲|右鎖骨骨折|挫創")),
        C("furikomisaki_koza", "text", "bank_account", digits("9999999")),
        C("tanto_shain_no", "text", "customer_id", digits("E99999")), C("uketsuke_dt", "timestamp", "none", stamp()),
    )),
    Table("claims", (
        C("claim_ref", "varchar", "order_number", digits("CLM-2026-999999")),
        C("policyholder", "varchar", "name", pair("en_US", "first_name", " ", "last_name")),
        C("ph_email", "varchar", "email", email), C("ph_mobile", "varchar", "phone", digits("+81-80-9999-9999")),
        C("insured_dob", "date", "birth_date", born("%Y-%m-%d")), C("incident_desc", "text", "free_text", english),
        C("diagnosis_cd", "varchar", "health", one_of("S13.4 S42.0 M54.5 J20.9 E11.9")),
        C("claimed_amt", "numeric", "none", number(100, 90_000, 2)),
        C("adjuster", "varchar", "name", pair("en_US", "last_name", ", ", "first_name")),
        C("payout_iban", "varchar", "bank_account", en("iban")),
        C("claim_status", "varchar", "none", one_of("open reserved paid closed")),
        C("veh_reg", "varchar", "number_plate", digits("多摩 599 り 9-99")),
        C("loss_dt", "date", "none", stamp("%Y-%m-%d")),
        C("deductible", "numeric", "none", one_of("0 50000 100000")),
        C("underwriter_note", "text", "free_text", english, nulls=0.6),
    )),
    Table("通信.契約者", (
        C("契約ID", "text", "customer_id", digits("K99999999")),
        C("契約者名（漢字）", "text", "name", rare("{F}　{G}")),
        C("契約者名（カナ）", "text", "name_kana", kana), C("請求書送付先", "text", "address", address()),
        C("請求先郵便番号", "text", "postal_code", digits("199-9999")),
        C("回線番号", "text", "phone", digits("08099999999")),
        C("ご利用者生年月日", "text", "birth_date", born("%Y/%m/%d")),
        C("端末IMEI", "text", "device_id", digits("359999999999999")),
        C("料金プラン", "text", "none", one_of("ミニ 標準 大容量 家族割")),
        C("月額料金", "int", "none", number(980, 9_000)),
        C("支払方法", "text", "none", one_of("口座振替 カード 請求書")),
        C("カード番号下4桁", "text", "none", digits("9999")),
        C("与信結果", "text", "credit", one_of("可 否 保留")), C("滞納月数", "int", "credit", number(0, 5)),
        C("本人確認書類番号", "text", "driver_licence", licence), C("応対履歴", "text", "free_text", desk),
        C("開通日", "date", "none", stamp("%Y-%m-%d")), C("解約理由", "text", "free_text", remark, nulls=0.8),
        C("MNP予約番号", "text", "record_id", digits("9999999999")),
    )),
    Table("hotel_bookings", (
        C("bkg_no", "text", "order_number", digits("BK9999999")), C("guest_nm", "text", "name", rare("{F} {G}")),
        C("guest_nm_romaji", "text", "name",
            joined("IGARASHI |HASEBE |OIKAWA |SANADA |YUASA ", "REN|YUINA|SATSUKI|KENGO|MIO")),
        C("psprt_no", "text", "passport", digits("TK9999999")),
        C("ntnlty", "text", "nationality", one_of("JPN KOR TWN USA AUS FRA")),
        C("arr_dt", "date", "none", stamp("%Y-%m-%d")), C("nts", "int", "none", number(1, 9)),
        C("rm_type", "text", "none", one_of("TWN DBL SGL STE")),
        C("pax", "int", "none", number(1, 5)), C("cc_num", "text", "card", luhn("4 52 35", 16)),
        C("cc_exp", "text", "none", digits("09/29")),
        C("loyalty_tier", "text", "member_rank", one_of("Silver Gold Platinum Member")),
        C("dietary_req", "text", "health", one_of("none|egg allergy|gluten free|peanut allergy")),
        C("spcl_req", "text", "free_text", english, nulls=0.4),
        C("room_rate", "numeric", "none", number(8_000, 70_000)),
        C("agent_cd", "text", "none", one_of("JTB RKT BKC EXP")), C("home_addr", "text", "address", address()),
        C("kunde.geb_datum", "text", "birth_date", born("%d.%m.%Y")),
    )),
    Table("yoyaku", (
        C("kanja_id", "text", "customer_id", digits("99999")), C("kanja_shimei", "text", "name", full),
        C("shinryoka", "text", "health", one_of("内科 整形外科 皮膚科 精神科")),
        C("yoyaku_nichiji", "timestamp", "none", stamp()),
        C("hokensho_kigo_bango", "text", "insured_number", digits("9999-999")),
        C("hokensha_no", "text", "insurer_number", luhn("06 13 27", 8)),
        C("shokai_moto", "text", "none", joined("青葉|中央|みどり", "クリニック|医院|病院")),
        C("shujii", "text", "name", full),
        C("monshin_naiyo", "text", "free_text",
            joined("三日前から|昨夜から|先週より", "咳が止まらない。|熱があり頭が痛い。|右膝が痛む。")),
        C("allergy_umu", "text", "health", one_of("有 無")), C("ninshin", "text", "health", one_of("はい いいえ")),
        C("kinkyu_renrakusaki", "text", "phone", digits("0459999999")),
        C("raiin_kubun", "text", "none", one_of("初診 再診")),
        C("shincho", "numeric", "health", number(145, 190, 1)),
        C("uketsuke_bango", "int", "record_id", number(1, 200)),
    )),
    Table("appt_events", (
        C("payload.patient.fullName", "json", "name", pair("en_US", "first_name", " ", "last_name")),
        C("payload.patient.contacts[].tel", "json", "phone", digits("03-9999-9999")),
        C("payload.patient.mrn", "json", "customer_id", digits("MRN999999")),
        C("payload.patient.sexAtBirth", "json", "gender", one_of("M F U")),
        C("payload.visit.reasonText", "json", "free_text", english),
        C("payload.visit.icd10", "json", "health", one_of("J45.9 I10 E78.5 K21.0")),
        C("payload.visit.slot", "json", "none", stamp("%Y-%m-%dT%H:%M:%SZ")),
        C("payload.clinic.name", "json", "none", joined("Harbor|Lakeside|Hill", " Clinic| Medical Center")),
        C("payload.clinic.tel", "json", "phone", digits("06-9999-9999"), nobody=True),
        C("payload.client.ua", "json", "user_agent", agent), C("payload.client.remoteAddr", "json", "ip", ip4),
        C("payload.schemaVer", "json", "none", version),
        C("payload.insurance.memberNo", "json", "insured_number", digits("99999999")),
        C("payload.guardian.relation", "json", "household", one_of("mother father spouse self")),
        C("payload.copay", "json", "none", number(0, 9_000)), C("traceId", "text", "record_id", unique_id()),
    )),
    Table("denki_keiyaku", (
        C("お客様番号", "text", "customer_id", digits("99-9999-9999-99")),
        C("供給地点特定番号", "text", "customer_id", digits("0399999999999999999999")),
        C("ご契約名義", "text", "name", full), C("使用場所住所", "text", "address", address()),
        C("契約容量", "text", "none", one_of("30A 40A 50A 60A")),
        C("検針日", "date", "none", stamp("%Y-%m-%d")), C("使用量kWh", "numeric", "none", number(80, 900, 1)),
        C("世帯人数", "int", "household", one_of("1 2 3 4 5")),
        C("引落口座名義カナ", "text", "name_kana", kana),
        C("引落口座番号", "text", "bank_account", digits("9999999")),
        C("法人番号", "text", "corporate_number", corporate(), nulls=0.5),
        C("メモ欄", "text", "free_text", desk, nulls=0.5), C("通知先アドレス", "text", "email", email),
        C("オール電化", "text", "none", one_of("○ ×")),
    )),
)  # fmt: skip
"""Tables to hold it against."""

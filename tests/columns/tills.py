"""A sixth set: staff of an ERP, a shop's orders, tills, app events, health insurance, calls, cars and a survey."""

from __future__ import annotations

import base64
from functools import partial
from typing import TYPE_CHECKING

from tests.columns.labelled import Labelled as C
from tests.columns.labelled import Table
from tests.columns.people import (
    Make,
    address,
    born,
    digits,
    fake,
    licence,
    one_of,
    unique_id,
)  # fmt: skip
from tests.columns.things import agent, goods_number, ip4, joined, number, stamp

if TYPE_CHECKING:
    import random

ja, en = partial(fake, "ja_JP"), partial(fake, "en_US")


def dirty(make: Make, junk: str, share: float = 0.03) -> Make:
    """Return a generator that now and then gives *junk* in place of a value."""
    other = one_of(junk)
    return lambda rng: other(rng) if rng.random() < share else make(rng)


def yen(low: int, high: int, tail: str = "") -> Make:
    """Return a generator of amounts that look like prices."""
    return lambda rng: f"{rng.randrange(low, high) // 10 * 10}{tail}"


def template(rng: random.Random) -> str:
    """Return a voice print as a recorder keeps it."""
    return base64.b64encode(rng.randbytes(96)).decode()


def ga_client(rng: random.Random) -> str:
    """Return the id that an analytics cookie holds."""
    return f"{rng.randrange(10**8, 2 * 10**9)}.{rng.randrange(1_690_000_000, 1_790_000_000)}"


talk = joined(
    "請求書が届かないとのこと。|ログインできない旨の申告。|解約の希望あり。"
    "|エアコンの水漏れについて。|納期の確認。|先月分が二重に引き落とされている。"
    "|新機種への変更を検討中。|転居に伴う手続き。",
    "登録内容を確認し、再送を手配した。|手順をご案内し解消。|ご家族の介護で引越すため。"
    "|技術部門へエスカレーション済み。|本人は不在、奥様が対応された。|夕方以降に折り返すと伝えた。"
    "|前回の担当の説明と違うと言われた。|",
    "|お怒りのご様子。|CB希望 19時〜|以上|次回まで様子見。",
)
opinion = joined(
    "スタッフの方が|待ち時間が|もう少し種類が|駐車場が|価格のわりに量が|子どもが|店内の音楽が|",
    "親切で気持ちよく過ごせました|長すぎると思う|増えるとうれしい|狭くて停めにくい|"
    "少ないように感じる|楽しんでいたのでまた行きたい|静かだと良かった|特にありません",
    "。|です。|。。|！|。よろしくお願いします。",
)
wish = joined(
    "玄関前に置いてください。|平日は仕事のため夜にお願いします。|のしは「内祝」でお願いします。"
    "|領収書の宛名は空欄で。|ギフトなので金額がわかるものは入れないでください。"
    "|電話は母の携帯にお願いします。|引越したばかりで表札がありません。",
    "\n急いでいます。|前回と同じ包装で。|よろしくお願い致します。|在宅勤務なので午前でも受け取れま"
    "す。|5月10日までに届きますか？|不在なら隣の実家へ。|",
    "|（返信不要です）| m(_ _)m",
)

TABLES: tuple[Table, ...] = (
    Table("ZHR_PA0002", (
        C("PERNR", "bpchar", "customer_id", digits("0009999999"), comment="従業員番号"),
        C("BUKRS", "bpchar", "none", one_of("1000 1100 2000 JP01"), comment="会社コード"),
        C("BEGDA", "bpchar", "none", stamp("%Y%m%d"), comment="開始日"),
        C("NACHN", "varchar", "family_name", dirty(ja("last_name"), "DUMMY|テスト", 0.01), comment="姓"),
        C("VORNA", "varchar", "given_name", ja("first_name"), comment="名"),
        C("GBDAT", "bpchar", "birth_date", dirty(born("%Y%m%d", 1958, 2006), "00000000"), comment="生年月日"),
        C("NATIO", "bpchar", "nationality", one_of("JP JP JP CN KR VN PH US BR"), comment="国籍"),
        C("FAMST", "bpchar", "marital_status", one_of("0 1 2 3"), comment="婚姻区分"),
        C("ABKRS", "bpchar", "none", one_of("J1 J2 JX"), comment="給与計算領域"),
        C("AEDTM", "bpchar", "none", stamp("%Y%m%d"), comment="最終変更日"),
    )),
    Table("dtb_order", (
        C("order_no", "varchar", "order_number", digits("99999-999999")),
        C("kana01", "varchar", "name_kana", dirty(ja("last_kana_name"), "ｱｷﾔﾏ|ﾊｯﾄﾘ|ﾅｶﾞｾ ")),
        C("phone_number", "varchar", "phone", dirty(digits("08099999999"), "0000000000", 0.02)),
        C("addr02", "varchar", "address", address("town")),
        C("message", "text", "free_text", wish, nulls=0.7),
        C("delivery_fee_total", "numeric", "none", one_of("0.00 550.00 770.00 1320.00")),
        C("payment_total", "numeric", "none", yen(980, 48_000, ".00")),
        C("payment_method", "varchar", "none", one_of("クレジットカード|代金引換|銀行振込|コンビニ決済|PayPay"),
            nulls=0.05),
        C("order_date", "timestamp", "none", stamp()),
        C("order_status_id", "int2", "none", one_of("1 3 4 5 6 8")),
    )),
    Table("POS_JNL", (
        C("TEN_CD", "bpchar", "none", digits("0099")),
        C("TEN_NM", "varchar", "none", joined("青空マート|ドラッグ みずき|アオゾラ",
            "三鷹南口店|調布店|本厚木店|登戸店|稲田堤店")),
        C("TEN_TEL", "varchar", "phone", digits("042-999-9999"), nobody=True),
        C("URI_YMD", "bpchar", "none", stamp("%Y%m%d")),
        C("JAN_CD", "bpchar", "none", goods_number),
        C("SHOHIN_NM", "varchar", "none", joined("特選|国産|徳用|KS|",
            "牛乳1L|食パン6枚|バナナ|レタス|洗剤詰替|絹豆腐|ビール350|ｵﾆｷﾞﾘ ｼｬｹ|卵10ｺ|ﾃｨｯｼｭ5P", "|※|　")),
        C("SURYO", "int4", "none", one_of("1 1 1 2 3 5 -1")),
        C("URI_KIN", "int4", "none", yen(60, 3980)),
        C("ZEI_KBN", "bpchar", "none", one_of("0 1 2")),
        C("KAIIN_CD", "bpchar", "customer_id", digits("2801999999999"), nulls=0.45),
    )),
    Table("app_events_intraday", (
        C("event_timestamp", "int8", "none", stamp("millis")),
        C("event_name", "varchar", "none", one_of(
            "screen_view add_to_cart purchase login session_start coupon_open")),
        C("user_pseudo_id", "varchar", "cookie_id", ga_client),
        C("device.advertising_id", "varchar", "device_id", dirty(unique_id(), "00000000-0000-0000-0000-000000000000",
            0.05)),
        C("geo.city", "varchar", "city", dirty(one_of(
            "Shinjuku City|Yokohama|Osaka|Nagoya|Sapporo|Fukuoka|Sendai|Kobe|Setagaya City|Kawasaki"), "(not set)")),
        C("geo.country", "varchar", "country", one_of("Japan|Japan|Taiwan|United States|Hong Kong|Thailand")),
        C("app_info.version", "varchar", "none", joined("5. 6.", "0. 1. 2. 3.", "0 1 2 11")),
        C("engagement_time_msec", "int8", "none", number(12, 180_000)),
        C("client_ip", "varchar", "ip", ip4),
        C("page_referrer", "varchar", "url", joined(
            "https://www.google.com/|https://shop.example.jp/item/|https://t.example.com/r/",
            "?q=1 1023 88410 top?utm_source=line sale 2093?ref=mail a", "|&k=2|#rev|/"), nulls=0.4),
        C("user_agent", "varchar", "user_agent", agent),
    )),
    Table("国保_資格台帳", (
        C("前保険者番号", "text", "insurer_number", digits("06139999"), nulls=0.3),
        C("記号番号", "text", "insured_number", joined("国東 国西 東", "・ -", "10 22 35 48", "203 517 884 091 336",
            "1 2 5 7 8")),
        C("世帯主名", "text", "name", joined(
            "髙橋　|渡邉　|﨑山　|土屋　|斎藤　|齊藤　|小笠原　|伊集院　|東　|関谷　|濵田　|桑名　",
            "信夫|トメ|幸恵|正一|光子|ゆかり|大樹|喜久雄|明日香|敏")),
        C("世帯員数", "int4", "household", one_of("1 2 3 4 5 6")),
        C("住民票CD", "text", "resident_code", digits("99999999999"), nulls=0.02),
        C("資格取得日", "text", "none", joined("R5. R6. R7. R8.", "4. 7. 10. 12.", "1 15 20 28")),
        C("取得事由", "text", "none", one_of("社保離脱 転入 出生 その他")),
        C("総所得金額", "int8", "income", number(0, 7_800_000)),
        C("行政区CD", "text", "none", digits("099")),
        C("更新端末", "text", "none", one_of("KHWS01 KHWS02 KHWS07 BATCH")),
        C("送付停止FLG", "text", "none", one_of("0 1")),
    )),
    Table("cc_interactions", (
        C("interactionGuid", "varchar", "record_id", unique_id(upper=True)),
        C("queueNm", "varchar", "none", one_of("請求窓口|技術サポート|解約|新規受付|EN_Support")),
        C("talkSec", "int4", "none", number(10, 2400)),
        C("dispositionCd", "varchar", "none", one_of("RES ESC CB NA TRF")),
        C("wrapUpMemo", "text", "free_text", talk, nulls=0.1),
        C("lineUid", "varchar", "line_id", digits("Uxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), nulls=0.6),
        C("voicePrintTmpl", "text", "biometric", template, nulls=0.8),
        C("replyToAdress", "varchar", "email", ja("ascii_safe_email"), nulls=0.3),
    )),
    Table("T_JIDOSHA_KEIYAKU", (
        C("SHOKEN_BANGO", "varchar", "order_number", digits("A999-9999-99")),
        C("MENKYOSHO_NO", "varchar", "driver_licence", licence, nulls=0.1),
        C("TOROKU_BANGO", "varchar", "number_plate", joined("品川 多摩 横浜 なにわ 札幌 浜松", "300 501 580 330",
            "さ た に ほ ら", "12-34 80-08 ・・31 45-17 ・812 77-70 29-46 90-63", sep=" ")),
        C("SHAMEI", "varchar", "none", one_of("プリウス フィット N-BOX タント セレナ アルファード CX-5 ｽｲﾌﾄ")),
        C("KATASHIKI", "varchar", "none", joined("DAA- 6AA- DBA- 5BA-", "ZVW30 GR3 JF3 LA650S C27 KF2P")),
        C("SHONENDO_TOROKU_YM", "varchar", "none", stamp("%Y%m")),
        C("NEN_HOKENRYO", "int4", "none", yen(28_000, 142_000)),
        C("HARAIKOMI_KBN", "varchar", "none", one_of("1:年払 2:月払 3:団体")),
        C("YOBI_KOMOKU3", "varchar", "occupation", one_of(
            "会社員 公務員 自営業 専業主婦 学生 無職 パート・アルバイト 農林漁業"), nulls=0.35),
    )),
    Table("enq_2026_spring_raw", (
        C("ANSWER_ID", "int8", "record_id", digits("40199999")),
        C("AGE", "int4", "age", number(15, 79)),
        C("SEIBETU", "varchar", "gender", one_of("男性 女性 回答しない")),
        C("AREA", "varchar", "prefecture", address("prefecture")),
        C("F6_支持政党", "varchar", "creed", one_of(
            "自民党 立憲民主党 公明党 維新 共産党 支持政党なし 答えたくない")),
        C("Q2S1", "int4", "none", one_of("1 2 3 4 5"), comment="商品満足度(5段階)"),
        C("Q3_BRAND", "varchar", "none", one_of("アクアミスト|ナチュレ|モーニング珈琲|その他のブランド")),
        C("Q9FA", "text", "free_text", opinion, nulls=0.3),
        C("START_DT", "timestamp", "none", stamp("%Y/%m/%d %H:%M")),
        C("LAP_SEC", "int4", "none", number(95, 1800)),
    )),
)  # fmt: skip
"""Tables to hold it against."""

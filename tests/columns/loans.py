"""A tenth set: loans, time clocks, a hotel, a shop's export, care, devices, agency staff, goods, a trial."""

from __future__ import annotations

import base64
import random
from functools import partial

from tests.columns.labelled import Labelled as C
from tests.columns.labelled import Table
from tests.columns.people import (
    Make,
    address,
    corporate,
    digits,
    fake,
    luhn,
    my_number,
    one_of,
)  # fmt: skip
from tests.columns.things import agent, goods_number, joined, number, stamp

ja, en = partial(fake, "ja_JP"), partial(fake, "en_US")


def spoilt(make: Make, junk: str, share: float = 0.03) -> Make:
    """Return a generator of *make* among which stands *junk*."""
    other = one_of(junk)
    return lambda rng: other(rng) if rng.random() < share else make(rng)


def face(rng: random.Random) -> str:
    """Return the vector of a face."""
    return "[" + ",".join(f"{rng.gauss(0, 0.09):.4f}" for _ in range(16)) + "]"


def endpoint(rng: random.Random) -> str:
    """Return the subscription of a browser for pushed messages."""
    return f"https://push.example.com/wpush/v2/gAAAAA{base64.urlsafe_b64encode(rng.randbytes(60)).decode()}"


def mac(rng: random.Random) -> str:
    """Return the address of a machine's network card."""
    return ":".join(f"{rng.getrandbits(8):02X}" for _ in range(6))


def birthday(rng: random.Random) -> str:
    """Return a birth date without the care of a form."""
    year, month, day = rng.randrange(1949, 2009), rng.randrange(1, 13), rng.randrange(1, 29)
    return rng.choice([f"{year}/{month}/{day}", f"{year}-{month:02}-{day:02}", f"{year}{month:02}{day:02}"])


request = joined(
    "Late check-in around 23:00.|ベビーベッドをご用意ください。|高層階希望。"
    "|エレベーターから離れたお部屋で。|Anniversary trip, |喫煙可の部屋に変更したい。"
    "|駐車場1台利用。|",
    "母が車椅子です。|Please arrange two futons.|誕生日のケーキを部屋に届けてほしい。"
    "|アレルギーあり、朝食は別メニューで。|We need an airport taxi at 5am.|"
    "前泊の友人と隣同士でお願いします。|領収書は会社名で。|",
    "|よろしくお願いします|Thanks.|（電話受付）",
)
life = joined(
    "夫を亡くしてから独居。|長男夫婦と同居、日中は一人。|元教員で、|戦後に満州から引き揚げ、"
    "|若い頃は農業を営み、|近くに住む娘が週3回訪問。|施設から在宅へ戻った。",
    "囲碁と短歌を好まれる。|入浴の拒否が続いている。|夜間のトイレが心配と話される。"
    "|デイで仲の良い方がいる。|甘いものを控えている。|孫の話をされると笑顔になる。"
    "|補聴器を嫌がる。",
    "|担当者会議で共有。|次月モニタリング要。|主治医へ報告済み。",
)
order_note = joined(
    "日付指定なしで早めに|袋を2枚つけて|前回の商品に傷があったため|孫への入学祝いです、"
    "|領収証を同封|色違いがあれば変更|カタログも一緒に",
    "お願いします。|送ってください。|丁寧な梱包を希望します。|して頂けると助かります！|"
    "。家族が受け取ります。|お願い致します（メール返信希望）",
    "|　|※3日まで不在",
)

TABLES: tuple[Table, ...] = (
    Table("KASHIDASHI_KANRI", (
        C("KOKYAKU_BG", "bpchar", "customer_id", digits("K99999999")),
        C("KEIYAKU_BG", "bpchar", "order_number", digits("26-999999-9")),
        C("ENTAI_NISSU", "int4", "credit", one_of("0 0 0 3 12 31 45 61 92 180")),
        C("JISHA_SCORE", "int4", "credit", number(300, 950), comment="与信スコア"),
        C("SHOKUGYO_KB", "varchar", "occupation", one_of(
            "11:正社員 12:契約社員 21:自営 31:パート 41:年金受給 99:無職")),
        C("HENSAI_HOHO", "varchar", "none", one_of("元利均等 元金均等 リボ 一括")),
        C("TEKIYO_RITSU", "numeric", "none", one_of("3.500 7.800 12.000 14.900 17.800")),
        C("JIKAI_HIKIOTOSHI", "varchar", "none", stamp("%Y%m%d")),
        C("TORIATSUKAI_TEN", "varchar", "none", joined("本店 梅田 栄 天神 仙台", "営業部 支店 ローンプラザ")),
    )),
    Table("dakoku_log", (
        C("dakokuId", "int8", "record_id", digits("8809999999")),
        C("shimeiKana", "varchar", "name_kana", ja("kana_name")),
        C("kaoTokucho", "text", "biometric", face, comment="顔認証の特徴量"),
        C("dakokuDateTime", "timestamp", "none", stamp("%Y-%m-%dT%H:%M")),
        C("dakokuKbn", "varchar", "none", one_of("出勤 退勤 外出 戻り")),
        C("tanmatsuNo", "varchar", "none", one_of("T-01 T-02 T-03 W-11 W-12")),
        C("zangyoMin", "int4", "none", number(0, 240)),
        C("shoninStatus", "varchar", "none", one_of("未申請 申請中 承認 却下")),
    )),
    Table("pms_guest_history", (
        C("GST_NM_KJ", "varchar", "name", spoilt(joined(
            "相馬　|仁科　|辻村　|富樫　|垣内　|SMITH |檜山　|丹波　|宇佐美　|橘　|加賀美　|小暮　|氏家　",
            "康弘|真理恵|孝太郎|JOHN|百合|正人|さくら|亮介|美和|一樹|奈緒美"), "団体様|ﾃｽﾄ ｹﾞｽﾄ", 0.02)),
        C("PSPT_NO", "varchar", "passport", digits("A99999999"), nulls=0.7),
        C("NATLTY_CD", "bpchar", "nationality", one_of("JPN CHN TWN KOR USA AUS FRA THA")),
        C("STG", "varchar", "member_rank", one_of("CLUB SILVER GOLD PLATINUM BLACK"), comment="会員ステージ",
            nulls=0.4),
        C("CAR_NO", "varchar", "number_plate", joined("富士山 長野 松本 山梨 相模 名古屋", "300 502 331 588",
            "さ な は め ろ", "2-45 ・812 36-90 71-08 55-12 ・・・3 19-64 80-21"), nulls=0.6),
        C("RM_TYP", "varchar", "none", one_of("TWN DBL SGL JPN STE TRP")),
        C("RATE_PLN", "varchar", "none", joined("BAR |RACK|OTA-", "素泊まり|朝食付|2食付|30日前早割", "|_26SS")),
        C("NGT", "int2", "none", one_of("1 1 1 2 3 7")),
        C("CI_DT", "date", "none", stamp("%Y/%m/%d")),
        C("TTL_AMT", "int4", "none", number(6_800, 188_000)),
        C("REQ_TXT", "text", "free_text", request, nulls=0.5),
    )),
    Table("注文データ_20260630", (
        C("注文番号", "text", "order_number", digits("M2606-999999")),
        C("注文者_生年月日", "text", "birth_date", birthday, nulls=0.3),
        C("注文者_住所", "text", "address", address()),
        C("届先_TEL", "text", "phone", spoilt(digits("06-6999-9999"), "同上|-")),
        C("届先_〒", "text", "postal_code", digits("9999999"), nulls=0.05),
        C("カードNo(旧)", "text", "card", luhn("4 51 3540", 16, group=True), nulls=0.6),
        C("独自商品コード", "text", "none", digits("aa-99990")),
        C("オプション", "text", "none", joined("サイズ:|カラー:|刻印:", "S|M|L|ネイビー|なし|ベージュ",
            "|/包装あり")),
        C("送料", "int4", "none", one_of("0 600 880 1200")),
        C("決済種別", "text", "none", one_of("クレジット 後払い.com 代引 Amazon_Pay")),
        C("発送メール送信日", "text", "none", stamp("%Y/%m/%d %H:%M"), nulls=0.2),
        C("備考欄", "text", "free_text", order_note, nulls=0.55),
    )),
    Table("kaigo.riyosha_joho", (
        C("kaigo_hihokensha_bango", "varchar", "insured_number", digits("0000999999")),
        C("youkaigodo", "varchar", "health", one_of("要支援1 要支援2 要介護1 要介護2 要介護3 要介護4 要介護5")),
        C("kiou_reki", "varchar", "health", one_of(
            "脳梗塞|認知症(アルツハイマー型)|大腿骨頸部骨折|糖尿病|心不全|パーキンソン病|特になし"), nulls=0.1),
        C("doukyo_kazoku", "varchar", "household", one_of("独居 配偶者 長男家族 長女 夫婦のみ")),
        C("shinkou_hairyo", "varchar", "creed", one_of("なし エホバの証人 創価学会 カトリック 浄土真宗"), nulls=
            0.3, comment="信仰上の配慮"),
        C("kouza_bango", "varchar", "bank_account", digits("9999999"), nulls=0.15),
        C("seikatsu_reki", "text", "free_text", life, nulls=0.1),
        C("tanni_su", "int4", "none", number(190, 27_000)),
        C("jigyosho_bango", "varchar", "none", digits("1372999999")),
    )),
    Table("evt.heartbeat", (
        C("macAddr", "varchar", "device_id", mac),
        C("webPushEndpoint", "varchar", "push_token", endpoint, nulls=0.5),
        C("_fbp", "varchar", "cookie_id", digits("fb.1.17699999999 99.999999999".replace(" ", "")), nulls=0.2),
        C("httpUserAgent", "varchar", "user_agent", agent),
        C("homeLatLng", "varchar", "location", lambda rng: f"{rng.uniform(33, 43):.5f},{rng.uniform(130, 141):.5f}"),
        C("fwVer", "varchar", "none", joined("1. 2. 3.", "0. 4. 11.", "0 3 8 17")),
        C("rssiDbm", "int4", "none", number(-95, -30)),
        C("batPct", "int4", "none", number(1, 100)),
        C("topic", "varchar", "none", joined("aircon/ light/ lock/", "state cmd err", "|/ack")),
        C("recievedAt", "int8", "none", stamp("epoch")),
    )),
    Table("haken_staff_touroku", (
        C("STAFF_MEI_ROMA", "varchar", "name", ja("romanized_name")),
        C("KOYOHOKEN_NO", "varchar", "employment_insurance", digits("99999999999"), nulls=0.2),
        C("MYNO", "varchar", "my_number", my_number(), nulls=0.4),
        C("JINSHU_MINZOKU", "varchar", "race", one_of("アジア系 白人 黒人 ラテン系 アイヌ 回答なし"), nulls=0.5),
        C("SHOUBATSU", "varchar", "criminal_record", one_of(
            "なし なし 道路交通法違反(罰金) 窃盗(執行猶予) 傷害(罰金)"), comment="賞罰"),
        C("JIGYOUSHA_TOUROKU_NO", "varchar", "invoice_number", corporate("T"), nulls=0.8),
        C("HAIGUUSHA", "varchar", "marital_status", one_of("あり なし 離別")),
        C("KIBOU_SHIFT", "varchar", "none", one_of("早番 遅番 夜勤 土日のみ フル")),
        C("HAKEN_SAKI_BUMON", "varchar", "none", joined("第1 第2 東 西", "工場 倉庫 事業所", "検品 梱包 出荷 組立")),
        C("KOUSHIN_KAISU", "int4", "none", one_of("0 1 2 3 4 5 6")),
    )),
    Table("mst_shiire_item", (
        C("hinban", "varchar", "none", digits("AA99-9999-A")),
        C("item_03", "varchar", "none", joined("六角ボルト|平ワッシャ|Ｏリング|スプリングピン|ナット",
            " M4| M6| M8| P10", "|×20|×35| SUS304")),
        C("jancode", "varchar", "none", goods_number),
        C("shiire_tanka", "numeric", "none", number(2, 480, 2)),
        C("maker_hojin_no", "varchar", "corporate_number", corporate()),
        C("maker_tell", "varchar", "phone", digits("0568-99-9999"), nobody=True),
        C("souko_ken", "varchar", "prefecture", one_of("愛知県 三重県 岐阜県 静岡県"), nobody=True),
        C("hacchu_ten", "int4", "none", number(10, 5000)),
        C("saishu_tanaoroshi", "varchar", "none", stamp("%y.%m.%d")),
        C("haiban_flg", "varchar", "none", one_of("0 1")),
    )),
)  # fmt: skip
"""Tables to hold it against."""

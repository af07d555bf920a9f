"""Where people live and are reached, and when they were born."""

from __future__ import annotations

from sekisho.detect.spans import Kind

# The value stands between « and »; everything of it must be found, under this kind.
FOUND: dict[Kind, str] = {
    Kind.EMAIL: """
        メールは«hanako@example.co.jp»です
        a@example.comか«b@example.com»です
        «ｈａｎａｋｏ＠ｅｘａｍｐｌｅ．ｊｐ»です
        write to «jo [at] example.com»
        連絡先：«taro.yamada+shop@mail.example.jp»。
        <«info@example.com»>
        email=«hanako@example.com»&x=1
        «hanako★example.jp»に
        "«jane_doe@example.org»"
        アドレス「«h-y@example.ne.jp»」
        mailto:«x@example.jp»
        «hanako.k at example.jp» へ
        メアドは«hanako アットマーク example.jp»です
    """,
    Kind.PHONE: """
        電話«090-1234-5678»まで
        «０９０ー１２３４ー５６７８»に
        TEL«03-1234-5678»
        «03（1234）5678»へ
        «050−1234−5678»
        フリーダイヤル«0120-123-456»です
        «+81 (0)90-1234-5678»です
        call «(555) 123-4567» now
        on «+44 20 7946 0958».
        番号は«09012345678»です
        «〇九〇−一二三四−五六七八»にかけて
        携帯：«080 1234 5678»
        内線ではなく«045(123)4567»
        «020-1234-5678»のポケベル
        ナビダイヤル«0570-012-345»
        お客様番号 «090 1234 5678» で登録
    """,
    Kind.POSTAL_CODE: """
        〒«150-0001»東京都渋谷区
        郵便番号は«1500001»です
        住まいは«150-0001»です
        〒«１５０－０００１»
        郵便番号：«060-0808»
        〒 «5300001»
        postal code «100-8111»
        zip: «1008111»
        郵便番号「«980−0811»」
        Beverly Hills, CA «90210»
        London «SW1A 1AA»
        "postal_code":"«1500001»"
    """,
    Kind.ADDRESS: """
        〒150-0001«東京都渋谷区神宮前1-2-3 青山ビル101»です
        «北海道札幌市中央区北一条西2丁目3番4号 コーポ青葉201»です
        «横浜市港北区日吉3-5-1»に
        to «4-12-8 Minami-Aoyama, Minato-ku, Tokyo»
        at «12 Baker Street»
        住所は«大阪府大阪市北区梅田三丁目一番三号»です
        «京都府京都市中京区寺町通御池上る上本能寺前町488»へ
        «京都市下京区烏丸通七条下る東塩小路町721-1»まで
        «北海道河東郡音更町東5線北10号»
        «さいたま市浦和区高砂3-15-1»です
        送付先：«愛知県名古屋市中区栄１−２−３ メゾン栄 305号室»
        «千葉県千葉市美浜区中瀬2丁目6-1 WBGビル10階»、
        «神奈川県川崎市高津区溝口1-2-3サンハイツ202»です
        I live at «Shibuya-ku, Jingumae 1-2-3».
        «東京都港区六本木6丁目10番1号 六本木ヒルズ森タワー52F»
        «長野県下高井郡山ノ内町大字平穏123番地の4»
        «仙台市青葉区中央2の3» に転居
        "address2":"«コート青葉 504»"
    """,
    Kind.BIRTH_DATE: """
        生年月日は«昭和55年3月4日»
        «1980年3月4日»生まれ
        生年月日：«1980/03/04»
        DOB: «1980-03-04»
        born on «4 March 1980»
        生年月日 «19800304»
        誕生日は«3月4日»です
        «㍼55年3月4日»生まれ
        生年月日：«S55.3.4»
        «平成元年１月８日»生
        生まれは«㋿元年5月1日»
        Date of birth: «March 4, 1980»
        生年月日は«昭和五十五年三月四日»です
        生年月日（西暦）：«1980年3月4日»
    """,
    Kind.AGE: """
        «45歳»の男性です
        年齢は«38»です
        娘は«3歳6ヶ月»
        age: «52»
        «72才»の母が
        I am «34 years old»
        満«20»になりました
        年齢：«29»
        Age «41», female
        «２５歳»です
        a «70-year-old» man
    """,
}

# Texts that hold no value of the kind.
OTHER: dict[Kind, str] = {
    Kind.EMAIL: """
        メールが届きません
        @hanako をフォロー
        3個@100円
        look at the box
        a @ b
        ＠自宅
        ★★★☆☆ 星三つ
        良い★
        example.co.jpのサイト
        アットホームな店
        meet me at example.com
        アットホームな店
        Twitter @hanako_shop
    """,
    Kind.PHONE: """
        電話がつながらない
        2026-11-21に電話した
        注文番号0312345678
        SKU 090-1234-5678
        型番0120-456-789
        JANコード0490123456789
        価格は09,800円
        電話した2026-11-21 10:30に
        2026/01/09 03:12
        01-02-03
        電話代は1,234円
        10-11-12
    """,
    Kind.POSTAL_CODE: """
        500-1000円の品
        123-45678
        12-3456
        商品コード123-4567
        郵便で2通
        0123-4567
        -150-0001
        ¥150-0001
        2026-1121
        zip file
        図面番号 204-1187
    """,
    Kind.ADDRESS: """
        住所を変更したい
        北海道産のじゃがいも
        市場で3個買った
        村上さんに2回
        町で1-2回見た
        at the street
        12 items please
        3丁目の夕日
        Size 4-5 Please
        区別が3つ
        Visit us
        岩手県産りんご5-6個入り
        東京都知事(2)第123号
        "ip_address":"なし"
    """,
    Kind.BIRTH_DATE: """
        2026年11月21日に届いた
        発生日は2026-11-21
        先生に3月4日に会う
        生産日 20261121
        誕生日プレゼント
        注文日：1980/03/04
        新生活は4月から
        生まれ変わった
        born to run
        期限は令和5年3月4日
    """,
    Kind.AGE: """
        18歳以上の方
        20歳未満お断り
        年齢を教えてください
        page 12
        3歳児用のおもちゃ
        10歳から使える
        message 45
        package 12
        満足度98%
        years of use
    """,
}

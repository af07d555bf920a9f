"""Cards, accounts, and the numbers of orders and customers."""

from __future__ import annotations

from sekisho.detect.spans import Kind

# The value stands between « and »; everything of it must be found, under this kind.
FOUND: dict[Kind, str] = {
    Kind.CARD: """
        カード«4111111111111111»で決済
        番号は«4111-1111-1111-1111»。
        amex «3782 822463 10005» today
        打ち間違えて«4111 1111 1111 1112»と
        JCB«3530111333300000»です
        ダイナース«30569309025904»
        カード番号：«５５５５５５５５５５５５４４４４»
        Visa «4012 8888 8888 1881» expired
        クレカは«3566−0020−2036−0505»
        card no. «6011111111111117»
        クレジットカード(«2223003122003222»)
        «378282246310005»で払いました
    """,
    Kind.BANK_ACCOUNT: """
        口座番号«1234567»へ
        普通«7654321»です
        三菱銀行渋谷支店 普通 «1234567»
        普通預金：«0012345»
        振込先口座は«9876543»
        口座「«１２３４５６７»」
        account number «12345678»
        bank account: «1234567»
        当座預金 «1112223»
        みずほ銀行(0001) 口座番号は«7654321»
        "account_number":"«2938475»"
        accountNumber: "«2938475»"
    """,
    Kind.POSTAL_ACCOUNT: """
        ゆうちょ 記号«10100»番号12345671
        ゆうちょ銀行 記号10100 番号«12345671»
        記号：«12340»　番号：7654321
        ゆうちょの口座は«10100-12345671»です
        郵便貯金 «１２３４０－７６５４３２１»
        振替口座«00100-1-123456»へ
        ゆうちょ «11940 1234561»
        郵便振替 «00120-2-98765»
        郵貯の«10190-55555551»に
        ゆうちょ銀行：«14080-3456781»
        記号番号 «12340-5678901»
        郵便局の口座 «10980 - 5519281»
    """,
    Kind.IBAN: """
        IBAN «GB82WEST12345698765432»
        «GB82 WEST 1234 5698 7654 32»です
        口座«DE89370400440532013000»へ
        IBANは«DE89 3704 0044 0532 0130 00»。
        «FR1420041010050500013M02606»
        send to «NL91ABNA0417164300» please
        «CH9300762011623852957»に送金
        IBAN：«ＧＢ８２ＷＥＳＴ１２３４５６９８７６５４３２»
        «ES9121000418450200051332»,
        IBAN («IT60X0542811101000000123456»)
    """,
    Kind.SWIFT: """
        SWIFTコードは«BOTKJPJT»です
        SWIFT: «BOTKJPJTXXX»
        BIC «DEUTDEFF»
        SWIFT code «MHCBJPJT»
        スイフトコード：«SMBCJPJT»
        swift code is «CHASUS33»
        SWIFT/BIC: «NDEANOKK»
        BICコード «DABAIE2D»
        Swift code: «HSBCHKHHHKH»
        ＳＷＩＦＴ «ＢＯＴＫＪＰＪＴ»
    """,
    Kind.ORDER_NUMBER: """
        注文番号：«536365»について
        my order «#536365» is
        注文«536365»が届かない
        受付番号«A-20261121-07»です
        伝票番号は«1234-5678-9012»
        予約番号「«XK7P2Q»」
        order number «C536379»
        tracking no. «1Z999AA10123456784»
        お問い合わせ番号 «403112345678»
        invoice «INV-2026-0042»
        «ORD-20261121-0001»の件
        注文番号536365と«536366»
    """,
    Kind.ID_NUMBER: """
        お客様番号«17850»です
        会員番号：«0001234»
        顧客ID «C000123»
        会員ID:«yamada99»
        customer id «17850»
        member number: «M-4471»
        社員番号«004512»の者です
        診察券番号「«88213»」
        契約番号 «K2026112101»
        ユーザーID：«taro_2026»
        «CUST-000123»の契約
        学籍番号«20B01234»
        会員番号 «AB12 3456 7890»
        会員カード番号 «2041 8837 1920»
        {"userId": «48213»}
    """,
}

# Texts that hold no value of the kind.
OTHER: dict[Kind, str] = {
    Kind.CARD: """
        カードで払いました
        4111111111111112
        1234567890123456
        JANコード4901234567894
        3.14159265358979
        価格は1,234,567円
        commit 4f1c09a7be21d6e0
        411111111111111111111
        2026-11-21 10:30:00
        ISBN 9784873115658
        JAN 4580123456789
    """,
    Kind.BANK_ACCOUNT: """
        口座を解約したい
        銀行で1,234,567円
        1234567
        普通のサイズ23.5cm
        支店は3つ
        account is locked
        口座開設から12日
        普通郵便で2通
        銀行まで1.5km
        当座の費用1200円
    """,
    Kind.POSTAL_ACCOUNT: """
        ゆうちょに3万円
        記号と番号を忘れた
        12345-67
        郵便番号150-0001
        保険証の記号12番号345
        10100
        ゆうパック2個
        郵便局で1,234円
        振替休日は3日
        2026-11-21
    """,
    Kind.IBAN: """
        GB82WEST12345698765433
        IBANを教えて
        AB12CDEF
        型番GB82-1234
        DE8937040044053201300
        XX82WEST12345698765432
        注文AB12345678901234
        GB82 WEST
        gb82west12345698765432
        IBANは22文字
    """,
    Kind.SWIFT: """
        SWIFTコードとは
        BOTKJPJT
        swift response
        BIC is missing
        スイフトスポーツ
        SWIFT 1234
        Taylor Swift tickets
        SWIFTコードは8桁
        BICボールペン3本
        SWIFT: unknown
    """,
    Kind.ORDER_NUMBER: """
        品番85123Aを3個
        AB-1234が欲しい
        2026年11月21日に注文
        注文は3点です
        合計12,345円
        SKU 123456
        商品コード：4901234567894
        数量 120000
        20261121に注文しました
        order 12 items
        ver 1.2.3
        ¥123456でした
    """,
    Kind.ID_NUMBER: """
        会員になりたい
        お客様は3人です
        顧客満足度98%
        品番85123A
        モデルX100を買った
        customer service
        会員価格1,200円
        契約は2年
        user since 2019
        ユーザーは12人
    """,
}

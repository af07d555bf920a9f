"""What machines and services know people by, and what opens their doors."""

from __future__ import annotations

from sekisho.detect.spans import Kind

_AKIA = "AKIA" + "IOSFODNN7EXAMPLE"
_GITHUB = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
_GOOGLE = "AIza" + "SyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY"
_JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6y"
_PEM = "-----BEGIN PRIVATE KEY----- MIIEvQIBADANBgkqhkiG9w0BAQEFAASC -----END PRIVATE KEY-----"

# The value stands between « and »; everything of it must be found, under this kind.
FOUND: dict[Kind, str] = {
    Kind.IP: """
        IPは«192.168.1.10»から
        IPは«2001:db8::1»から
        from «203.0.113.7».
        接続元：«198.51.100.23»、
        «１９２．０．２．１»より
        [«fe80::1ff:fe23:4567:890a»]
        «203.0.113.7»:8080
        アクセス元«10.0.0.5»です
        ip=«192.0.2.44»&u=1
        «2001:0db8:85a3:0000:0000:8a2e:0370:7334»
    """,
    Kind.MAC: """
        MACは«00:1B:44:11:3A:B7»です
        «00-1B-44-11-3A-B7»から
        端末«a4:83:e7:12:34:56»
        mac=«a483.e712.3456»
        MACアドレス：«００：１Ｂ：４４：１１：３Ａ：Ｂ７»
        («F0:18:98:AA:BB:CC»)
        wifi «3c:22:fb:00:11:22» down
        アドレスは«3C-22-FB-00-11-22»。
        «DE:AD:BE:EF:00:01»を登録
        router «001b.4411.3ab7»
        MACアドレスは«a483e75b201f»
        mac_address=«F01898AC4209»
    """,
    Kind.URL: """
        見て«https://example.com/u?id=1»ね
        «http://example.jp/»です
        «www.example.com/my»を見た
        リンク：«https://example.co.jp/orders/536365»。
        («https://example.com/a_b»)
        «line.me/R/ti/p/abc123»から
        «ftp://files.example.com/x»
        URLは«https://例え.example/?u=1»
        see «HTTPS://EXAMPLE.COM/ME»
        «example.com/users/17850»を開く
    """,
    Kind.LINE_ID: """
        LINE IDは«hanako_99»です
        «U0123456789abcdef0123456789abcdef»から
        LINE：«hanako.y»
        ＬＩＮＥ ＩＤ：«taro-2026»
        グループ«C0123456789abcdef0123456789abcdef»
        ルーム«Rabcdef0123456789abcdef0123456789»
        LINEのIDは@«shop123»
        line id: «hanako99»
        LINEアカウントは「«h_yamada»」
        lineは«hanako-y»です
        ラインID：«hana_22»
        LINE（«tomo_1990»）でも可
        ラインは«yuki.k-7»です
    """,
    Kind.DEVICE_ID: """
        端末«123e4567-e89b-12d3-a456-426614174000»
        id «f47ac10b-58cc-4372-a567-0e02b2c3d479»
        («6BA7B810-9DAD-11D1-80B4-00C04FD430C8»)
        デバイスは«550e8400-e29b-41d4-a716-446655440000»です
        uuid=«123e4567-e89b-12d3-a456-426614174000»
        「«f47ac10b-58cc-4372-a567-0e02b2c3d479»」
        UUID «６ＢＡ７Ｂ８１０-9DAD-11D1-80B4-00C04FD430C8»
        /«550e8400-e29b-41d4-a716-446655440000»/
        key:«00000000-e29b-41d4-a716-446655440000»
        番号«123e4567-e89b-12d3-a456-426614174001»で
    """,
    Kind.ADVERTISING_ID: """
        IDFA: «6BA7B810-9DAD-11D1-80B4-00C04FD430C8»
        広告IDは«f47ac10b-58cc-4372-a567-0e02b2c3d479»です
        gaid=«123e4567-e89b-12d3-a456-426614174000»
        adid «550e8400-e29b-41d4-a716-446655440000»
        IDFV:«6BA7B810-9DAD-11D1-80B4-00C04FD430C8»
        advertising id «f47ac10b-58cc-4372-a567-0e02b2c3d479»
        広告識別子「«123e4567-e89b-12d3-a456-426614174000»」
        aaid: «550e8400-e29b-41d4-a716-446655440000»
        idfa=«123e4567-e89b-12d3-a456-426614174000»;
        GAIDが«f47ac10b-58cc-4372-a567-0e02b2c3d479»
    """,
    Kind.COOKIE_ID: """
        _ga=«GA1.2.1234567890.1600000000»;
        クッキー«GA1.1.987654321.1700000000»です
        _fbp=«fb.1.1596403881668.1116446470»
        «fb.1.1554763741205.AbCdEfGhIjKlMnOp»から
        _gid: «GA1.2.111111111.1600000001»
        _gcl_au=«1.1.1234567890.1600000000»
        cookie_id=«abc12345def»
        visitor_id: «v-20261121-abc»
        _ga_ABCDEF1234=«GS1.1.1700000000.1.0.1700000000.0.0.0»
        gclid=«EAIaIQobChMI12345»
    """,
    Kind.SESSION_ID: """
        JSESSIONID=«1A530637289A03B07199A44E8D531427»
        PHPSESSID: «el4ukv0kqbvoirg7nkp4dncpk3»
        session_id=«abc123def456»
        sid=«s-20261121-0099»;
        ASP.NET_SessionId=«x3fs5jzkgqxm2yu4dcmfob55»
        セッションIDは«abc123def456»です
        connect.sid=«s%3Aj12345678»
        "sessionid": "«7c4a8d09ca3762af»"
        laravel_session=«eyJpdiI6IjEyMzQ1»
        csrftoken=«u32t4o3tb3gg43»
        Cookie ID：«9f8e7d6c5b4a39281706f5e4d3c2b1a0»
    """,
    Kind.SECRET: f"""
        パスワードは«hunter2!»です
        password=«Tr0ub4dor&3»
        key «{_AKIA}» leaked
        token «{_JWT}» です
        «{_GITHUB}»を使った
        Google «{_GOOGLE}».
        «{_PEM}»を貼った
        DB_PASSWORD: «s3cr3t»
        Authorization: Bearer «abcdef0123456789ABCDEF»
        暗証番号は«1234»です
        api_key="«0123456789abcdef»"
        aws_secret_access_key = «wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY»
        mysql://app:«Zx81!qq»@db.internal/crm
        認証コード：«582910»
        セキュリティコードは«381»です
    """,
}

# Texts that hold no value of the kind.
OTHER: dict[Kind, str] = {
    Kind.IP: """
        バージョン1.2.3.4
        999.1.1.1
        127.0.0.1
        ver 10.1.2.3
        1.2.3
        12:34:56
        1.2.3.4.5
        すごい::とても
        v2.0.1.1
        IPアドレスとは
        ファームウェア 10.4.22.7
    """,
    Kind.MAC: """
        00:1B:44:11:3A
        12:34:56
        00:1B:44:11:3A:B7:C8
        00-1B-44-11-3A
        MacBook Airです
        GG:1B:44:11:3A:B7
        2026-11-21-10-30-00
        マックを2個
        1234.5678
        x00:1B:44:11:3A:B7
        ハッシュ a483e75b201f
    """,
    Kind.URL: """
        サイトが開けません
        1/2の確率
        http://
        and/or
        example
        URLを送って
        24/7 support
        A/B
        www
        https:の説明
    """,
    Kind.LINE_ID: """
        LINEで連絡して
        online: available
        U0123456789abcdef
        deadline: tomorrow
        LINEが使えない
        headline
        LINEスタンプ3個
        オンライン
        u0123456789abcdef0123456789abcdef
        XU0123456789abcdef0123456789abcdef
        LINE（公式）から
        LINE(iOS)
        生産ラインはab-12です
    """,
    Kind.DEVICE_ID: """
        00000000-0000-0000-0000-000000000000
        123e4567-e89b-12d3-a456
        g23e4567-e89b-12d3-a456-426614174000
        端末が壊れた
        123e4567e89b12d3a456426614174000
        UUIDとは
        123e4567-e89b-12d3-a456-4266141740001
        x123e4567-e89b-12d3-a456-426614174000
        2026-11-21
        ABCD-EFGH-IJKL-MNOP
    """,
    Kind.ADVERTISING_ID: """
        広告がうるさい
        IDFA: 00000000-0000-0000-0000-000000000000
        端末123e4567-e89b-12d3-a456-426614174000
        広告IDを消したい
        idfaとは
        gaid 1234
        adid=short
        広告費は123,456円
        advertising budget
        id f47ac10b-58cc-4372-a567-0e02b2c3d479
    """,
    Kind.COOKIE_ID: """
        クッキーが3個
        GA1を参照
        fb.com
        ga: 12345678
        cookie settings
        _gaを消す
        cookie policy: none
        uid=12345678
        fb.1
        gid: 1000
    """,
    Kind.SESSION_ID: """
        セッションが切れる
        session: morning
        sid: none
        session expired
        セッションIDとは
        sessions 12
        side: left
        session=1
        セッションは3回
        css id: abc
    """,
    Kind.SECRET: """
        パスワードを忘れた
        passwords are hard
        token expired
        password reset
        パスワードは必須です
        AKIA1234
        eyJhbGci
        暗証番号の変更
        compass: north
        -----BEGIN CERTIFICATE-----
        エラーコード 4821
        確認コードを忘れた
    """,
}

"""The lists that made-up people are drawn from: common names with their readings, and places that are not.

Every name is common in Japan; every combination is drawn by a key. The town does not exist in any prefecture, no
postal code begins with 000, no mobile number goes on with 0 behind 090, 080 and 070 (総務省 電気通信番号計画), and
``example.com`` is reserved (RFC 2606): no letter, call or message reaches anybody.
"""

from __future__ import annotations

_SURNAMES = """
佐藤 サトウ Sato|鈴木 スズキ Suzuki|高橋 タカハシ Takahashi|田中 タナカ Tanaka|伊藤 イトウ Ito
渡辺 ワタナベ Watanabe|山本 ヤマモト Yamamoto|中村 ナカムラ Nakamura|小林 コバヤシ Kobayashi|加藤 カトウ Kato
吉田 ヨシダ Yoshida|山田 ヤマダ Yamada|佐々木 ササキ Sasaki|山口 ヤマグチ Yamaguchi|松本 マツモト Matsumoto
井上 イノウエ Inoue|木村 キムラ Kimura|林 ハヤシ Hayashi|斎藤 サイトウ Saito|清水 シミズ Shimizu
山崎 ヤマザキ Yamazaki|森 モリ Mori|池田 イケダ Ikeda|橋本 ハシモト Hashimoto|阿部 アベ Abe
石川 イシカワ Ishikawa|山下 ヤマシタ Yamashita|中島 ナカジマ Nakajima|石井 イシイ Ishii|小川 オガワ Ogawa
前田 マエダ Maeda|岡田 オカダ Okada|長谷川 ハセガワ Hasegawa|藤田 フジタ Fujita|後藤 ゴトウ Goto
近藤 コンドウ Kondo|村上 ムラカミ Murakami|遠藤 エンドウ Endo|青木 アオキ Aoki|坂本 サカモト Sakamoto
斉藤 サイトウ Saito|福田 フクダ Fukuda|太田 オオタ Ota|西村 ニシムラ Nishimura|藤井 フジイ Fujii
金子 カネコ Kaneko|藤原 フジワラ Fujiwara|岡本 オカモト Okamoto|三浦 ミウラ Miura|中野 ナカノ Nakano
中川 ナカガワ Nakagawa|原田 ハラダ Harada|松田 マツダ Matsuda|竹内 タケウチ Takeuchi|小野 オノ Ono
田村 タムラ Tamura|中山 ナカヤマ Nakayama|和田 ワダ Wada|石田 イシダ Ishida|森田 モリタ Morita|上田 ウエダ Ueda
原 ハラ Hara|柴田 シバタ Shibata|酒井 サカイ Sakai|工藤 クドウ Kudo|横山 ヨコヤマ Yokoyama
宮崎 ミヤザキ Miyazaki|宮本 ミヤモト Miyamoto|内田 ウチダ Uchida|高木 タカギ Takagi|安藤 アンドウ Ando
谷口 タニグチ Taniguchi|大野 オオノ Ono|丸山 マルヤマ Maruyama|今井 イマイ Imai|武田 タケダ Takeda
村田 ムラタ Murata|上野 ウエノ Ueno|杉山 スギヤマ Sugiyama|増田 マスダ Masuda|平野 ヒラノ Hirano
大塚 オオツカ Otsuka|久保 クボ Kubo|松井 マツイ Matsui|岩崎 イワサキ Iwasaki|桜井 サクライ Sakurai
野口 ノグチ Noguchi|松尾 マツオ Matsuo|野村 ノムラ Nomura|木下 キノシタ Kinoshita|菊地 キクチ Kikuchi
佐野 サノ Sano|大西 オオニシ Onishi|杉本 スギモト Sugimoto|新井 アライ Arai|浜田 ハマダ Hamada
市川 イチカワ Ichikawa|古川 フルカワ Furukawa|水野 ミズノ Mizuno|小松 コマツ Komatsu
"""
_GIVEN_NAMES = """
翔太 ショウタ Shota|大輔 ダイスケ Daisuke|健太 ケンタ Kenta|拓也 タクヤ Takuya|直樹 ナオキ Naoki
和也 カズヤ Kazuya|達也 タツヤ Tatsuya|誠 マコト Makoto|浩 ヒロシ Hiroshi|修 オサム Osamu|隆 タカシ Takashi
学 マナブ Manabu|剛 ツヨシ Tsuyoshi|太郎 タロウ Taro|一郎 イチロウ Ichiro|健一 ケンイチ Kenichi
秀樹 ヒデキ Hideki|英樹 ヒデキ Hideki|正樹 マサキ Masaki|雅人 マサト Masato|勇気 ユウキ Yuki|亮 リョウ Ryo
涼太 リョウタ Ryota|悠斗 ユウト Yuto|陽斗 ハルト Haruto|颯太 ソウタ Sota|大和 ヤマト Yamato|樹 イツキ Itsuki
湊 ミナト Minato|晴 ハル Haru|奏太 ソウタ Sota|幸太 コウタ Kota|洋平 ヨウヘイ Yohei|俊介 シュンスケ Shunsuke
裕太 ユウタ Yuta|貴志 タカシ Takashi|康弘 ヤスヒロ Yasuhiro|和彦 カズヒコ Kazuhiko|茂 シゲル Shigeru
清 キヨシ Kiyoshi|陽子 ヨウコ Yoko|恵子 ケイコ Keiko|洋子 ヨウコ Yoko|幸子 サチコ Sachiko|和子 カズコ Kazuko
久美子 クミコ Kumiko|由美子 ユミコ Yumiko|真由美 マユミ Mayumi|明美 アケミ Akemi|直美 ナオミ Naomi
香織 カオリ Kaori|裕子 ユウコ Yuko|智子 トモコ Tomoko|美穂 ミホ Miho|美咲 ミサキ Misaki|愛 アイ Ai|彩 アヤ Aya
舞 マイ Mai|遥 ハルカ Haruka|葵 アオイ Aoi|結衣 ユイ Yui|陽菜 ヒナ Hina|さくら サクラ Sakura|花子 ハナコ Hanako
七海 ナナミ Nanami|優花 ユウカ Yuka|美優 ミユ Miyu|千尋 チヒロ Chihiro|麻衣 マイ Mai|亜希子 アキコ Akiko
典子 ノリコ Noriko|京子 キョウコ Kyoko|春香 ハルカ Haruka|里美 サトミ Satomi|理恵 リエ Rie|純子 ジュンコ Junko
"""

_TOWNS = (
    "桜台 若葉町 緑ケ丘 本町 中央 旭町 栄町 泉町 青葉台 花園 幸町 新町 東雲町 富士見 松原 梅園 柳町 千鳥町"
    " 朝日丘 星見台"
)


def _read(text: str) -> tuple[tuple[str, str, str], ...]:
    found = []
    for entry in text.replace("\n", "|").split("|"):
        if entry:
            kanji, kana, romaji = entry.split()
            found.append((kanji, kana, romaji))
    return tuple(found)


SURNAMES = _read(_SURNAMES)
"""Surnames: kanji, katakana, romaji."""

GIVEN_NAMES = _read(_GIVEN_NAMES)
"""Given names: kanji, katakana, romaji."""

TOWNS = tuple(_TOWNS.split())
"""Town names that are common everywhere."""

CITY = "架空市"
"""The city in which all of them live; there is none of this name."""

MOBILE = ("090-0", "080-0", "070-0")
"""Beginnings of mobile numbers that nobody is given."""

POSTAL = "000-"
"""A beginning of postal codes that no place has."""

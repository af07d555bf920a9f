"""Number plates of vehicles (自動車登録番号標, 道路運送車両法施行規則): ``品川 300 あ 12-34``."""

from __future__ import annotations

import re

from sekisho.detect.spans import Kind, Span

# Offices that plates name, those of the local names (ご当地ナンバー) too.
_NAMES = """
札幌 函館 旭川 室蘭 苫小牧 釧路 知床 帯広 北見 青森 弘前 八戸 岩手 盛岡 平泉 宮城 仙台 秋田 山形 庄内 福島 会津
郡山 白河 いわき 水戸 土浦 つくば 宇都宮 那須 とちぎ 日光 群馬 前橋 高崎 大宮 川口 所沢 川越 熊谷 春日部 越谷
千葉 成田 習志野 市川 船橋 袖ヶ浦 袖ケ浦 市原 野田 柏 松戸 品川 世田谷 江東 練馬 杉並 板橋 足立 江戸川 葛飾
八王子 多摩 横浜 川崎 湘南 相模 山梨 富士山 新潟 長岡 上越 長野 松本 諏訪 安曇野 南信州 富山 石川 金沢 福井 岐阜
飛騨 静岡 浜松 沼津 伊豆 名古屋 豊橋 三河 岡崎 豊田 尾張小牧 一宮 春日井 三重 鈴鹿 四日市 伊勢志摩 滋賀 京都
大阪 なにわ 和泉 堺 奈良 飛鳥 和歌山 神戸 姫路 鳥取 島根 出雲 岡山 倉敷 広島 福山 下関 山口 徳島 香川 高松 愛媛
高知 福岡 北九州 久留米 筑豊 佐賀 長崎 佐世保 熊本 大分 宮崎 鹿児島 奄美 沖縄 尾張 相模原 十勝
"""
_OFFICES = frozenset(_NAMES.split())
_PLATE = re.compile(
    r"[0-9][0-9ACFHKLMPXY]{0,2}[\s\-]?[あ-えか-さす-ふほ-をA-Z][\s\-]?"
    r"(?:[1-9][0-9]?-[0-9]{2}|[・.]{1,3}[ ]?[1-9][0-9]{0,2}(?:-[0-9]{2})?|[1-9][0-9]{0,3})(?![0-9A-Za-z])"
)
_CUE = re.compile("ナンバー|プレート|車両|車番|登録番号|車検|(?i:number plate|license plate|licence plate)")


def find_plates(text: str) -> list[Span]:
    """Return the number plates of folded *text*: with their office, or with a word for them."""
    spans: list[Span] = []
    for match in _PLATE.finditer(text):
        start, end = match.span()
        if start and text[start - 1].isascii() and text[start - 1].isalnum():
            continue
        before = text[max(0, start - 6) : start].rstrip()
        office = next((size for size in (4, 3, 2, 1) if before[-size:] in _OFFICES), 0)
        if office:
            spans.append(Span(text.rindex(before[-office:], 0, start), end, Kind.NUMBER_PLATE, 0.9))
        elif _CUE.search(text, max(0, start - 30), start):
            spans.append(Span(start, end, Kind.NUMBER_PLATE, 0.7))
    return spans

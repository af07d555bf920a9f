"""Addresses: Japanese ones from the prefecture or city to the building, English ones by the street.

A heuristic over the written form (prefecture, municipality, town, block numbers, building); it knows no
table of places. What it takes too much of is masked; what it leaves out is a town without number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sekisho.detect.spans import Kind, Span

KANJI = "々〆\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Character class of kanji, with the repetition mark."""

_PREFECTURES = (
    "北海道|青森県|岩手県|宮城県|秋田県|山形県|福島県|茨城県|栃木県|群馬県|埼玉県|千葉県|東京都|神奈川県|新潟県|富山県|石川県"
    "|福井県|山梨県|長野県|岐阜県|静岡県|愛知県|三重県|滋賀県|京都府|大阪府|兵庫県|奈良県|和歌山県|鳥取県|島根県|岡山県|広島県"
    "|山口県|徳島県|香川県|愛媛県|高知県|福岡県|佐賀県|長崎県|熊本県|大分県|宮崎県|鹿児島県|沖縄県"
)
_PLACE = f"{KANJI}ぁ-んァ-ヴヶー"
_DIGITS = "[0-9一二三四五六七八九十百〇]"
_NUMBER = (
    rf"{_DIGITS}{{1,5}}(?:(?:丁目|番地の|番地|番町|番|号|条|線|地割|-|の|ノ)(?:東|西|南|北)?{_DIGITS}{{0,5}}){{0,6}}"
)
# A building needs a word for one, katakana, Latin letters, or a space before and a room behind; に住む is none.
_BUILDING_WORD = (
    "マンション|アパート|ハイツ|ハイム|コーポ|メゾン|ビル|タワー|ハウス|レジデンス|パレス|ヒルズ"
    "|荘|寮|棟|館|団地|住宅|社宅|官舎|庁舎|センター"
)
_ROOM = (
    r"(?:[ -]?#?[A-Z]?-?[0-9]{1,5}(?:号室|号棟|号|階|室|棟|[Ff](?![A-Za-z]))?"
    r"(?![0-9年月日時分円個件回%:]|[-/.][0-9])){0,3}"
)
_BUILDING = (
    r"(?:[ 、,]{0,2}(?:"
    rf"[{KANJI}ァ-ヴーA-Za-z・][{KANJI}ァ-ヴーA-Za-z0-9・のヶ]{{0,20}}?(?:{_BUILDING_WORD})"
    rf"[{KANJI}ァ-ヴーA-Za-z・]{{0,12}}"
    rf"|(?:{_BUILDING_WORD})[{KANJI}ァ-ヴーA-Za-z・]{{0,12}}"
    rf"|[ァ-ヴー・]{{2,20}}[{KANJI}]{{0,6}}"
    rf"|(?<=[ ])(?:[A-Z][A-Za-z.'-]{{1,20}} ){{0,3}}[A-Z][A-Za-z.'-]{{1,20}}(?=[ -]?[0-9])"
    rf"|(?<=[ ])[{KANJI}ぁ-んァ-ヴーA-Za-z・]{{1,20}}"
    r"(?=[0-9]{1,5}(?:号|階|室|[Ff]|[^0-9年月日時分円個件回人名%:/.-]|$))"
    rf"){_ROOM}|[ 、,-]?[0-9A-Z]{{1,5}}(?:号室|号|階|[Ff](?![A-Za-z]))"
    r"| [0-9]{3,4}(?![0-9年月日時分円個件回人名%:/.-]))?"
)
# A building on the line below its block number: by a word for one, or by a room at its end.
_NEXT_LINE = re.compile(
    r"\r?\n[ \t]{0,3}(?![^\n]{0,12}(?:番号|コード|:))(?:"
    rf"[{KANJI}ァ-ヴーA-Za-z・][{KANJI}のァ-ヴーA-Za-z0-9・ ]{{0,20}}?(?:{_BUILDING_WORD})"
    rf"[{KANJI}ァ-ヴーA-Za-z・]{{0,12}}(?: 第?[0-9]{{1,2}}号館)?(?: ?[0-9]{{1,3}}-(?=[0-9]))?{_ROOM}"
    rf"|[ァ-ヴーA-Za-z・]{{2,20}}[{KANJI}]{{0,8}}[ -]?[0-9]{{3,4}}(?:号室|号)?"
    rf"|[{KANJI}ァ-ヴー・]{{2,20}}[ -]?[0-9]{{1,4}}号室)"
    r"(?:様|宛|気付)?(?=[ \n、。)]|\r|\Z)"
)
_STREETS = rf"(?:[{_PLACE}]{{1,14}}(?:上る|上ル|下る|下ル|東入る?|西入る?|東入ル|西入ル)){{1,3}}"  # Kyoto
_TOWN_ONLY = rf"(?!在住|出身|内|役所|民|立|長|議|在|方面|以外|全域|周辺|産|外)[{KANJI}ァ-ヴヶー]{{1,8}}"
_REST = (
    rf"(?:[ ]?(?P<streets>{_STREETS})?(?P<town>[{_PLACE}]{{0,18}}?)[ ]?(?P<number>{_NUMBER}){_BUILDING}"
    rf"|[ ]?{_STREETS}[{KANJI}ァ-ヴヶーノ]{{0,10}}|{_TOWN_ONLY})?"
)
_JAPANESE = re.compile(rf"(?P<head>(?:{_PREFECTURES})(?:[ ]?[{_PLACE}]{{1,8}}?[市区郡町村]){{0,3}}){_REST}")
_GOODS = re.compile("産|限定|名物|物産|フェア|展|民|警|知事|庁|議会|出身者|内の|全域|方面|以外")
# What follows a municipality in a sentence, not in an address.
_SENTENCE = re.compile(
    f"[にでをへ]|の(?=[{KANJI}])|[はがともや](?![ぁ-ん{KANJI}])|.*(?:です|ます|した|して|から|ので|んで|いて|った|ない|では|には|まで|より)"
)
# Without a prefecture only with block numbers of two parts, and led by a municipality's name.
_BLOCKS = re.compile(
    rf"[市区郡町村](?:{_STREETS})?(?P<town>[{_PLACE}]{{0,18}}?)[ ]?"
    rf"{_DIGITS}{{1,5}}(?:丁目|番地|番|条|線|-|(?<=[0-9])の(?=[0-9]))(?:東|西|南|北)?{_DIGITS}{{0,5}}"
    rf"(?:(?:丁目|番地|番|号|-|の|条|線)(?:東|西|南|北)?{_DIGITS}{{0,5}}){{0,5}}{_BUILDING}"
)
_MUNICIPALITY = re.compile(
    rf"(?:[{KANJI}ヶ]{{1,6}}|さいたま|つくば|いわき|みどり|あきる野|ひたちなか|うるま|えびの|にかほ|かすみがうら|さくら|みよし"
    r"|あわら|いなべ|たつの|うきは|むつ|つがる|南アルプス|ニセコ|みなべ|おおい|せたな|むかわ|いちき串木野)\Z"
)
_TOWN = re.compile(rf"{_DIGITS}{{1,3}}丁目(?:{_DIGITS}{{1,4}}(?:番地|番|号|-)?){{0,3}}{_BUILDING}")
_TOWN_NAME = re.compile(rf"[{KANJI}ヶァ-ヴー]{{2,8}}\Z")
# address2: what follows a key of an address line in JSON, to the closing quotation mark.
_KEYED = re.compile(
    r"\"[A-Za-z_]{0,20}?(?i:address|addr|jusho|juusho|building|tatemono)(?:[_-]?(?i:line|name|mei))?[_-]?[0-9]?\"\s?:\s?\"([^\"\n]{2,100})\""
)
_LABELLED = re.compile(
    r"(?:住所|所在地|届け先|届先|配送先|送付先|居住地|本籍|Address|address|ADDRESS)(?:は|が)?\s?:[ ]?([^\n。]{2,100})"
)
_MACHINE = re.compile(r"(?i:mac|ip|mail|web|url|メール)[ _-]?\Z")
_OTHER_KEY = re.compile(
    r"\"(?i:(?:[a-z]{1,12}_){0,2}(?:mac|ip|ipv4|ipv6|mail|email|web|url|wallet|remote|host)_?addr)"
)
_HOUSE = re.compile(f"[市区郡町村][^\n。]{{0,20}}?{_DIGITS}")

_STREET_WORDS = (
    "Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Way|Court|Ct|Close|Place|Pl|Square|Sq"
    "|Terrace|Crescent|Parkway|Pkwy|Highway|Hwy|Circle"
)
_STREET = re.compile(f" (?:{_STREET_WORDS})(?![A-Za-z])")
_ENGLISH = re.compile(
    r"[0-9][0-9]{0,5}[A-Za-z]?,? (?:(?:[NSEW]|North|South|East|West)\.? )?"
    r"(?:[A-Z0-9][0-9A-Za-z'.-]{0,20} ){1,4}?"
    rf"(?:{_STREET_WORDS})(?![A-Za-z])\.?"
    r"(?:,? (?:Apt|Apartment|Suite|Ste|Unit|Flat|#)\.? ?[0-9A-Za-z-]{1,6})?"
    r"(?:, [A-Z][A-Za-z .'-]{1,25}){0,2}(?:,? [A-Z]{2} [0-9]{5}(?:-[0-9]{4})?(?![0-9]))?"
)
# Japanese addresses in Latin letters: 4-12-8 Minami-Aoyama, Minato-ku, Tokyo; Shibuya-ku, Jingumae 1-2-3.
_ROMAJI = re.compile(
    r"[0-9][0-9]{0,3}(?:-[0-9]{1,3}){1,3}(?:-chome)?,? [A-Z][a-z][A-Za-z-]{1,20}(?:,? [A-Z][A-Za-z-]{1,20}){0,5}"
    r"(?:,? [0-9]{3}-[0-9]{4}(?![0-9]))?"
)
_ROMAJI_SURE = re.compile("[0-9]+-[0-9]+-|.*(?:,|[a-z]-[a-z])")
_WARDS = re.compile(
    r"(?:[A-Z][A-Za-z']{1,20},? ){0,3}[A-Z][A-Za-z']{1,20}"
    r"-(?:ku|shi|gun|cho|machi|son|mura|ken|fu|to|Ku|Shi)(?![A-Za-z])"
    r"(?:,? (?:[A-Z][A-Za-z'.-]{1,20}|[0-9]{1,4}(?:-chome|-[0-9]{1,4}){0,4}(?![0-9A-Za-z]))){0,8}"
)
_WARD = re.compile("-(?:ku|shi|gun|cho|machi|son|mura|ken|fu|to|Ku|Shi)(?![A-Za-z])")
_BOX = re.compile(r"P\.? ?O\.? ?Box [0-9]{1,8}|私書箱\s?(?:第\s?)?[0-9]{1,6}号?")
_CAPITAL_AFTER = re.compile("[0-9][A-Za-z]?(?:-chome)?,? [A-Z0-9]")
_CODE = re.compile(
    r"[A-Z](?:[A-Z] (?P<us>[0-9]{5}(?:-[0-9]{4})?)|(?P<uk>[A-Z]?[0-9][0-9A-Z]? [0-9][A-Z]{2}))(?![0-9A-Za-z])"
)
_DIGIT = re.compile("[0-9]")


def find_addresses(text: str) -> list[Span]:
    """Return the postal addresses of folded *text*."""
    spans = [*find_prefectures(text), *find_blocks(text), *find_labelled(text)]
    if _DIGIT.search(text):
        spans += [*find_streets(text), *find_romaji(text), *find_wards(text), *find_boxes(text), *find_codes(text)]
    return spans


def find_prefectures(text: str) -> Iterator[Span]:
    """Yield the addresses of folded *text* that begin with a prefecture."""
    # Every prefecture ends in one of these: found faster than its name.
    if not ("県" in text or "都" in text or "府" in text or "道" in text):
        return
    for match in _JAPANESE.finditer(text):
        start, end = match.span()
        if match["number"] is not None and match["town"] and _SENTENCE.match(match["town"]):
            end = match.end("head")
        if match.end("head") - start <= 4 and _GOODS.match(text, match.end("head")):
            continue  # 北海道産: nobody lives there
        yield Span(start, _below(text, end), Kind.ADDRESS, 0.9 if match["number"] else 0.7)


def find_blocks(text: str) -> Iterator[Span]:
    """Yield the addresses of folded *text* that begin with a municipality or a town, by their block numbers."""
    if text.isascii():
        return
    if _HOUSE.search(text):
        for match in _BLOCKS.finditer(text):
            if match["town"] and _SENTENCE.match(match["town"]):
                continue
            name = _MUNICIPALITY.search(text, max(0, match.start() - 6), match.start())
            if name:
                yield Span(name.start(), _below(text, match.end()), Kind.ADDRESS, 0.6)
    if "丁目" in text:
        for match in _TOWN.finditer(text):
            name = _TOWN_NAME.search(text, max(0, match.start() - 8), match.start())
            if name:
                yield Span(name.start(), match.end(), Kind.ADDRESS, 0.6)


def find_labelled(text: str) -> Iterator[Span]:
    """Yield what a label of folded *text* calls an address."""
    if ":" in text and ("住" in text or "ddress" in text or "先" in text or "ADDRESS" in text or "地" in text):
        for match in _LABELLED.finditer(text):
            if _MACHINE.search(text, max(0, match.start() - 8), match.start()):
                continue  # a MAC address: no house
            start, end = match.span(1)
            yield Span(start, _below(text, end), Kind.ADDRESS, 0.7)
    if '"' in text and ":" in text:
        for match in _KEYED.finditer(text):
            if not _OTHER_KEY.match(text, match.start()):
                yield Span(*match.span(1), Kind.ADDRESS, 0.7)


def find_streets(text: str) -> Iterator[Span]:
    """Yield the English addresses of folded *text*."""
    if _STREET.search(text) and _CAPITAL_AFTER.search(text):
        for match in _ENGLISH.finditer(text):
            if _free(text, match.start()):
                yield Span(*match.span(), Kind.ADDRESS, 0.7)


def find_romaji(text: str) -> Iterator[Span]:
    """Yield the Japanese addresses of folded *text* in Latin letters that begin with block numbers."""
    if "-" in text and _CAPITAL_AFTER.search(text):
        for match in _ROMAJI.finditer(text):
            if _free(text, match.start()) and _ROMAJI_SURE.match(match.group()):
                yield Span(*match.span(), Kind.ADDRESS, 0.7)


def find_wards(text: str) -> Iterator[Span]:
    """Yield the Japanese addresses of folded *text* in Latin letters, by their municipality."""
    if "-" in text and _WARD.search(text) and _DIGIT.search(text):
        for match in _WARDS.finditer(text):
            yield Span(*match.span(), Kind.ADDRESS, 0.7)


def find_boxes(text: str) -> Iterator[Span]:
    """Yield the post office boxes of folded *text*."""
    if "Box " in text or "私書箱" in text:
        for match in _BOX.finditer(text):
            yield Span(*match.span(), Kind.ADDRESS, 0.7)


def find_codes(text: str) -> Iterator[Span]:
    """Yield the ZIP codes and postcodes of folded *text*."""
    for match in _CODE.finditer(text) if " " in text else ():
        if _free(text, match.start()):
            start = match.start("us") if match["us"] else match.start()
            yield Span(start, match.end(), Kind.POSTAL_CODE, 0.6)


def _below(text: str, end: int) -> int:
    """Return where an address ends whose block number ends at *end*: the building may stand on the next line."""
    if text[end : end + 1] in {"\n", "\r"} and (building := _NEXT_LINE.match(text, end)):
        return building.end()
    return end


def _free(text: str, start: int) -> bool:
    """Return whether no letter, digit or hyphen of ASCII stands directly before."""
    before = text[start - 1 : start]
    return not before or not before.isascii() or not (before.isalnum() or before == "-")

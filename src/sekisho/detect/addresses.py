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
_BUILDING = (
    r"(?:[ 　、,]{0,2}(?:"
    rf"[{KANJI}ぁ-んァ-ヴーA-Za-z0-9・]{{0,20}}?"
    r"(?:マンション|アパート|ハイツ|コーポ|ビル|タワー|ハウス|レジデンス|荘|寮|棟|館)"
    rf"[{KANJI}ァ-ヴーA-Za-z・]{{0,12}}|[ァ-ヴー・A-Za-z]{{2,20}}[{KANJI}]{{0,6}}"
    rf"|(?<=[ 　])[{KANJI}ぁ-んァ-ヴーA-Za-z・]{{1,20}}(?=[0-9])"
    r")?[ 　-]?(?:[0-9A-Za-z]{1,5}(?:号室|号|階|[Ff])?(?![0-9]))?)?"
)
_JAPANESE = re.compile(
    rf"(?:{_PREFECTURES})(?:[ 　]?[{_PLACE}]{{1,8}}?[市区郡町村]){{0,3}}"
    rf"(?:[ 　]?[{_PLACE}]{{0,15}}?[ 　]?{_NUMBER}{_BUILDING})?"
)
# Without a prefecture only with block numbers of two parts, and led by kanji: a municipality.
_CITY = re.compile(
    rf"[{KANJI}ヶ]{{1,6}}[市区郡町村][{_PLACE}]{{0,15}}?[ 　]?"
    rf"{_DIGITS}{{1,5}}(?:丁目|番地|番|-){_DIGITS}{{0,5}}(?:(?:番地|番|号|-|の){_DIGITS}{{0,5}}){{0,4}}{_BUILDING}"
)
_TOWN = re.compile(
    rf"[{KANJI}ヶァ-ヴー]{{2,8}}{_DIGITS}{{1,3}}丁目(?:{_DIGITS}{{1,4}}(?:番地|番|号|-)?){{0,3}}{_BUILDING}"
)
_LABELLED = re.compile(r"(?:住所|所在地|お?届け?先|配送先|送付先|(?i:address))\s?:[ 　]?([^\n。]{2,100})")
_HOUSE = re.compile(r"[市区郡町村]")

_ENGLISH = re.compile(
    r"(?<![0-9A-Za-z])[0-9]{1,6}[A-Za-z]?,? (?:(?:[NSEW]|North|South|East|West)\.? )?"
    r"(?:[A-Z0-9][0-9A-Za-z'.-]{0,20} ){1,4}?"
    r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Way|Court|Ct|Close|Place|Pl|Square|Sq"
    r"|Terrace|Crescent|Parkway|Pkwy|Highway|Hwy|Circle)(?![A-Za-z])\.?"
    r"(?:,? (?:Apt|Apartment|Suite|Ste|Unit|Flat|#)\.? ?[0-9A-Za-z-]{1,6})?"
    r"(?:, [A-Z][A-Za-z .'-]{1,25}){0,2}(?:,? [A-Z]{2} [0-9]{5}(?:-[0-9]{4})?(?![0-9]))?"
)
# Japanese addresses in Latin letters: 4-12-8 Minami-Aoyama, Minato-ku, Tokyo.
_ROMAJI = re.compile(
    r"(?<![0-9A-Za-z-])[0-9]{1,4}(?:-[0-9]{1,4}){1,3},? [A-Z][A-Za-z-]{2,20}(?:,? [A-Z][A-Za-z-]{1,20}){0,4}"
)
_ZIP = re.compile(
    r"(?<![0-9A-Za-z])(?:[A-Z]{2} (?P<us>[0-9]{5}(?:-[0-9]{4})?)"
    r"|(?P<uk>[A-Z]{1,2}[0-9][0-9A-Z]? [0-9][A-Z]{2}))(?![0-9A-Za-z])"
)


def find_addresses(text: str) -> Iterator[Span]:
    """Yield the postal addresses of folded *text*."""
    if text.isascii():
        yield from _english(text)
        return
    for match in _JAPANESE.finditer(text):
        yield Span(*match.span(), Kind.ADDRESS, 0.8)
    if _HOUSE.search(text):
        for match in _CITY.finditer(text):
            yield Span(*match.span(), Kind.ADDRESS, 0.6)
    if "丁目" in text:
        for match in _TOWN.finditer(text):
            yield Span(*match.span(), Kind.ADDRESS, 0.6)
    yield from _english(text)


def _english(text: str) -> Iterator[Span]:
    for match in _LABELLED.finditer(text):
        yield Span(*match.span(1), Kind.ADDRESS, 0.7)
    for pattern in (_ENGLISH, _ROMAJI):
        for match in pattern.finditer(text):
            yield Span(*match.span(), Kind.ADDRESS, 0.7)
    for match in _ZIP.finditer(text):
        yield Span(*match.span("us" if match["us"] else "uk"), Kind.POSTAL_CODE, 0.6)

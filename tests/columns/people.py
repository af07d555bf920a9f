"""Made-up values that are somebody's, each generator seeded by what it is given."""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache

from faker import Faker

from sekisho.detect.checks import my_number_valid

Make = Callable[[random.Random], str]


@cache
def _faker(locale: str) -> Faker:
    return Faker(locale)


def fake(locale: str, what: str) -> Make:
    """Return a generator of one of Faker's providers."""

    def make(rng: random.Random) -> str:
        faker = _faker(locale)
        faker.seed_instance(rng.getrandbits(32))
        return str(getattr(faker, what)()).replace("\n", " ")

    return make


def one_of(words: str) -> Make:
    """Return a generator that chooses among *words*, between bars or spaces."""
    choices = words.split("|") if "|" in words else words.split()
    return lambda rng: rng.choice(choices)


def digits(pattern: str) -> Make:
    """Return a generator of *pattern*: ``9`` a digit, ``A`` and ``a`` a letter, ``x`` a hexadecimal digit."""
    letters = {
        "9": "0123456789",
        "A": "ABCDEFGHJKLMNPRSTUVWXYZ",
        "x": "0123456789abcdef",
        "a": "abcdefghijkmnpqrstuvwxyz",
    }

    def make(rng: random.Random) -> str:
        return "".join(rng.choice(letters[char]) if char in letters else char for char in pattern)

    return make


# Rarer than what Faker knows, so that a list of its names does not help.
_FAMILY = (
    "五十嵐/イガラシ 小鳥遊/タカナシ 長谷部/ハセベ 宇都宮/ウツノミヤ 猪股/イノマタ 蛯名/エビナ "
    "勅使河原/テシガワラ 柳楽/ヤギラ 樫村/カシムラ 及川/オイカワ 三枝/サエグサ 真田/サナダ "
    "鮫島/サメジマ 神宮寺/ジングウジ 筒井/ツツイ 戸塚/トツカ 中園/ナカゾノ 沼尻/ヌマジリ 根岸/ネギシ "
    "芳賀/ハガ 蒔田/マキタ 湯浅/ユアサ 若狭/ワカサ 来栖/クルス 蓮沼/ハスヌマ"
)
_GIVEN = (
    "陽葵/ヒマリ 蓮/レン 凛/リン 湊/ミナト 結菜/ユイナ 朔/サク 樹/イツキ 紬/ツムギ 蒼/アオイ "
    "芽依/メイ 颯太/ソウタ 琴音/コトネ 悠真/ユウマ 詩織/シオリ 健吾/ケンゴ 美桜/ミオ 拓海/タクミ "
    "葵/アオイ 智也/トモヤ 千尋/チヒロ 隼人/ハヤト 久美子/クミコ 義雄/ヨシオ 節子/セツコ "
    "和彦/カズヒコ"
)
_PAIRS = [[tuple(word.split("/")) for word in words.split()] for words in (_FAMILY, _GIVEN)]


def rare(form: str) -> Make:
    """Return a generator of rarer names: ``{F}`` and ``{G}`` in kanji, ``{f}`` and ``{g}`` in katakana."""

    def make(rng: random.Random) -> str:
        (family, family_kana), (given, given_kana) = rng.choice(_PAIRS[0]), rng.choice(_PAIRS[1])
        return form.format(F=family, G=given, f=family_kana, g=given_kana)

    return make


def pair(locale: str, first: str, sep: str, second: str) -> Make:
    """Return a generator of two words of Faker."""
    one, two = fake(locale, first), fake(locale, second)
    return lambda rng: one(rng) + sep + two(rng)


def born(form: str, low: int = 1938, high: int = 2008) -> Make:
    """Return a generator of birth dates in a ``strftime`` *form*, or ``era``."""

    def make(rng: random.Random) -> str:
        day = date(low, 1, 1) + timedelta(days=rng.randrange(365 * (high - low)))
        if form == "era":
            era, begin = ("平成", 1988) if day.year > 1989 else ("昭和", 1925)
            return f"{era}{day.year - begin}年{day.month}月{day.day}日"
        if form == "S":
            era, begin = ("H", 1988) if day.year > 1989 else ("S", 1925)
            return f"{era}{day.year - begin}.{day.month}.{day.day}"
        return day.strftime(form)

    return make


def my_number(sep: str = "") -> Make:
    """Return a generator of Individual Numbers with their check digit."""

    def make(rng: random.Random) -> str:
        base = "".join(rng.choice("0123456789") for _ in range(11))
        whole = next(base + last for last in "0123456789" if my_number_valid(base + last))
        return sep.join((whole[:4], whole[4:8], whole[8:]))

    return make


def licence(rng: random.Random) -> str:
    """Return a driver's licence number: authority, year, serial, check digit, reissues."""
    base = (
        rng.choice(
            ["10", "13", "20", "30", "40", "43", "44", "45", "52", "54", "60", "62", "63", "72", "80", "90", "93"]
        )
        + f"{rng.randrange(70, 100)}"
    )
    base += "".join(rng.choice("0123456789") for _ in range(6))
    rest = sum(int(digit) * weight for digit, weight in zip(base, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2), strict=True)) % 11
    return base + str((11 - rest) % 10 if rest > 1 else (11 - rest) % 11 % 10) + rng.choice("00001")


def corporate(prefix: str = "") -> Make:
    """Return a generator of corporate numbers with their check digit."""

    def make(rng: random.Random) -> str:
        base = "".join(rng.choice("0123456789") for _ in range(12))
        total = sum(int(digit) * (2 if at % 2 else 1) for at, digit in enumerate(reversed(base)))
        return f"{prefix}{9 - total % 9}{base}"

    return make


def luhn(heads: str, length: int, group: bool = False) -> Make:
    """Return a generator of numbers that pass the Luhn check and begin with one of *heads*."""

    def make(rng: random.Random) -> str:
        base = rng.choice(heads.split())
        base += "".join(rng.choice("0123456789") for _ in range(length - 1 - len(base)))
        total = 0
        for at, digit in enumerate(reversed(base)):
            value = int(digit) * (2 if at % 2 == 0 else 1)
            total += value - 9 if value > 9 else value
        whole = base + str(-total % 10)
        return "-".join(whole[at : at + 4] for at in range(0, length, 4)) if group else whole

    return make


def hashed(algorithm: str) -> Make:
    """Return a generator of digests of e-mail addresses."""
    return lambda rng: hashlib.new(algorithm, f"{rng.getrandbits(40)}@example.com".encode()).hexdigest()


def unique_id(upper: bool = False) -> Make:
    """Return a generator of UUIDs."""

    def make(rng: random.Random) -> str:
        text = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        return text.upper() if upper else text

    return make


def email(rng: random.Random) -> str:
    """Return an address at a domain kept for examples."""
    name = rng.choice(
        [
            "hanako",
            "taro.y",
            "k_sato",
            "yuki",
            "misaki.suzuki",
            "j.smith",
            "ryo",
            "mika88",
            "ken",
            "info2",
            "n-tanaka",
            "emma",
        ]
    )
    host = rng.choice(["example.com", "example.co.jp", "example.ne.jp", "mail.example.org", "example.jp"])
    return f"{name}{rng.randrange(9999)}@{host}"


_WARDS = (
    "東京都渋谷区神南|大阪府大阪市北区梅田|愛知県名古屋市中区栄|北海道札幌市中央区大通西|"
    "福岡県福岡市博多区博多駅前|神奈川県横浜市西区みなとみらい|京都府京都市下京区四条通|"
    "広島県呉市本町|宮城県仙台市青葉区一番町|沖縄県那覇市おもろまち|長野県松本市中央|"
    "埼玉県川口市栄町|兵庫県神戸市灘区城内通|静岡県浜松市中央区板屋町|岩手県奥州市水沢"
)


def address(part: str = "full") -> Make:
    """Return a generator of Japanese addresses, or of their town and block, building or municipality alone."""
    building = one_of(
        "コーポ桜|メゾン青葉|グリーンハイツ|パークタワー|第二山田ビル|サンライズマンション|レジデンス本町|ひまわり荘"
    )

    def make(rng: random.Random) -> str:
        place = rng.choice(_WARDS.split("|"))
        block = rng.choice(
            [
                f"{rng.randrange(1, 9)}-{rng.randrange(1, 30)}-{rng.randrange(1, 20)}",
                f"{rng.randrange(1, 9)}丁目{rng.randrange(1, 30)}番{rng.randrange(1, 20)}号",
            ]
        )
        prefecture = place[:4] if place[3] == "県" else place[:3]
        if part == "prefecture":
            return prefecture
        rest = place[len(prefecture) :]
        city = rest[: max(rest.rfind(char) for char in "市区") + 1]
        if part == "city":
            return city
        if part == "town":
            return (rest[len(city) :] or "中央") + block
        if part == "building":
            return f"{building(rng)}{rng.randrange(101, 1205)}号室"
        tail = f" {building(rng)}{rng.randrange(101, 999)}" if rng.random() < 0.4 else ""
        return (rest if part == "below" else place) + block + tail

    return make

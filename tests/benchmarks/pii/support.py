"""Support texts to measure on: the demonstration's tickets in Japanese and English, with made-up people."""

from __future__ import annotations

import random

from sekisho.demo.stores import texts
from sekisho.detect.spans import Kind
from tests.benchmarks.pii.made import MAKERS, digits

_NAMES = (
    ("山田 花子", "ヤマダ ハナコ", "山田", "Hanako Yamada"),
    ("税所 咲良", "サイショ サクラ", "税所", "Sakura Saisho"),
    ("佐藤 健", "サトウ ケン", "佐藤", "Ken Sato"),
    ("李 美玲", "リ メイリン", "李", "Meiling Li"),
)
_ADDRESSES = ("東京都渋谷区神宮前1-2-3", "大阪府大阪市北区梅田3-1-1 梅田ビル5F", "北海道札幌市中央区北1条西2丁目")
_ITEMS = ("WHITE MUG", "JUMBO BAG RED", "木製トレイ", "SET OF 6 TEA PLATES", "北欧風クッション")


def support_texts(count: int, *, seed: int) -> list[str]:
    """Return *count* tickets as the demonstration writes them, two thirds in Japanese."""
    dice = random.Random(seed)
    templates = {language: [ticket["body"] for ticket in texts()["tickets"][language]] for language in ("ja", "en")}
    out = []
    for _ in range(count):
        language = "ja" if dice.random() < 2 / 3 else "en"
        body: str = dice.choice(templates[language])
        name, kana, surname, latin = dice.choice(_NAMES)
        other = dice.choice(_NAMES)
        email = MAKERS[Kind.EMAIL](dice)
        out.append(
            body.format_map(
                {
                    "name": name, "kana": kana, "surname": surname, "latin": latin,
                    "other": other[0].replace(" ", ""),
                    "other_en": other[3], "phone": MAKERS[Kind.PHONE](dice), "email": email, "email2": "x" + email,
                    "postal": MAKERS[Kind.POSTAL_CODE](dice), "address": dice.choice(_ADDRESSES),
                    "address_en": "12 Baker Street, London", "city": "渋谷区", "city_en": "London",
                    "order": "5" + digits(dice, 5), "card": MAKERS[Kind.CARD](dice), "item": dice.choice(_ITEMS),
                    "birth": MAKERS[Kind.BIRTH_DATE](dice), "birth_en": "4 March 1980",
                }
            )
        )  # fmt: skip
    return out

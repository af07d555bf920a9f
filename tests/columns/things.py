"""Made-up values that are nobody's, and sentences."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from tests.columns.people import Make


def number(low: float, high: float, places: int = 0) -> Make:
    """Return a generator of numbers between two bounds."""
    return lambda rng: f"{rng.uniform(low, high):.{places}f}"


def stamp(form: str = "%Y-%m-%d %H:%M:%S", days: int = 700) -> Make:
    """Return a generator of times of late in a ``strftime`` *form*; ``epoch`` and ``millis`` are numbers."""

    def make(rng: random.Random) -> str:
        late = timedelta(days=rng.randrange(days), seconds=rng.randrange(86_400))
        at = datetime(2024, 10, 1) + late  # noqa: DTZ001
        seconds = int((at - datetime(1970, 1, 1)).total_seconds())  # noqa: DTZ001
        if form == "epoch":
            return str(seconds)
        return str(seconds * 1000 + rng.randrange(1000)) if form == "millis" else at.strftime(form)

    return make


def goods_number(rng: random.Random) -> str:
    """Return a JAN number with its check digit."""
    base = rng.choice(("45", "49")) + "".join(rng.choice("0123456789") for _ in range(10))
    total = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(base))
    return base + str(-total % 10)


def joined(*parts: str, sep: str = "") -> Make:
    """Return a generator that chooses one word of each of *parts*."""
    choices = [part.split("|") if "|" in part else part.split() for part in parts]
    return lambda rng: sep.join(rng.choice(words) for words in choices)


def version(rng: random.Random) -> str:
    """Return a version of four numbers."""
    return f"{rng.randrange(1, 9)}.{rng.randrange(12)}.{rng.randrange(20)}.{rng.randrange(9)}"


def ip4(rng: random.Random) -> str:
    """Return an address of a machine."""
    return ".".join(str(rng.randrange(1, 255)) for _ in range(4))


def ip6(rng: random.Random) -> str:
    """Return an address of the documentation network."""
    return "2001:db8:" + ":".join(f"{rng.getrandbits(16):x}" for _ in range(6))


def agent(rng: random.Random) -> str:
    """Return what a browser calls itself."""
    system = rng.choice(
        (
            "iPhone; CPU iPhone OS 17_5 like Mac OS X",
            "Windows NT 10.0; Win64; x64",
            "Linux; Android 14; Pixel 8",
            "Macintosh; Intel Mac OS X 10_15_7",
        )
    )
    version_, safari = f"{rng.randrange(12, 19)}.{rng.randrange(9)}", rng.randrange(500, 620)
    return f"Mozilla/5.0 ({system}) AppleWebKit/605.1.15 Version/{version_} Safari/{safari}.1"


_OPENINGS = "先日購入した|届いた|注文した|店頭で見た|昨年から使っている|子供に買った|ネットで見つけた|初めて利用した"
_MIDDLES = (
    "商品の色が写真と違っていました|サービスがとても良かったです|アプリが途中で止まってしまいます|"
    "箱が少し潰れていた|店員さんの対応が親切でした|説明が分かりにくいと感じました|"
    "ポイントが付いていません"
)
_ENDINGS = (
    "。交換をお願いできますか。|。また利用したいと思います。|。折り返しご連絡ください。|"
    "、改善を希望します。|。|！家族も喜んでいます。|。次回に期待します。"
)
remark = joined(_OPENINGS, _MIDDLES, _ENDINGS)
"""A customer's sentence in Japanese."""

_NOTES = (
    "午前中に連絡希望|留守電あり、折り返し待ち|本人確認済み。次回は書類を持参|上長へ報告済|"
    "住所変更の手続きを案内した|娘さんから電話、来週再訪|請求先は別途確認|特になし|"
    "要フォロー。価格に不満|不在のため名刺のみ置いてきた"
)
_TAILS = "|。再架電は18時以降|（田中対応）|。見積を再送|、5月まで保留|。次回訪問は未定|。要注意"
note = joined(_NOTES, _TAILS)
"""What staff write in a field for remarks."""

english = joined(
    "The parcel arrived late|I would like to return this item|Great service as always|My login "
    "stopped working yesterday|Could you change the delivery slot",
    " and nobody called me back.| because the colour is different.|, thank you!| after the last "
    "update.| for the order of last week.| - please advise.",
)
"""A customer's sentence in English."""

query = joined(
    "レディース|メンズ|子供用|北欧|中古|人気|おしゃれ|安い|軽量",
    "スニーカー|カーテン|ワイヤレスイヤホン|ランチバッグ|財布|コート 冬|マグカップ|自転車 20インチ",
    sep=" ",
)
"""What people search for in a shop."""

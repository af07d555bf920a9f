"""Sentences put together from parts: the same frame around people and around what is no person.

A template teaches what stands around a name; a frame, in which a company, a place or a noun may stand as well,
teaches that the frame alone says little.
"""

from __future__ import annotations

import random

_BEFORE = """
- - - - - - - - 昨日、 先日、 その後、 本件、 なお、 また、 現在、 ただ、 ちなみに 実は もともと 先月から 明日は
たしか やはり 至急、 {loc}の {org}の {role}の {role} {org}{role} {kin}の 取引先の 隣の 婚約者の 同居人の 知人の
後輩の 先輩の 部下の 代理の 名前は 今回は 前回は {date}に {date} {time} 「 ( 【 > ・ 1. ※ → 本日、 朝から 電話で
メールで 店頭で 受付で 窓口で
"""
_PARTICLES = """
は は は が が が を を に に へ と と も も の の から まで より や って とか だけ なら でも さえ しか など ら
本人 宛に 宛 名義で 担当 経由で 側 、 、 , ・ / : - です。 です、 ですが ですけど でした。 だった。 とのこと。
に関して について によると として 以外
"""
_AFTER = """
受け取ります。 待っています。 確認しました。 確認中です。 連絡した。 連絡をください。 返事がない。 対応します。
対応した。 預かっています。 話をしました。 相談しました。 お願いします。 頼みました。 送ってください。
送りました。 渡しました。 渡してください。 来ました。 行きました。 使っています。 住んでいます。 働いています。
知っています。 探しています。 選びました。 勧められた。 紹介された。 断られた。 怒られた。 喜んだ。 困っている。
忘れていた。 間違えた。 書いてある。 書いてあります。 載っている。 登録がある。 登録されています。 変更したい。
戻してください。 {word}を買いました。 {word}を受け取った。 {word}が必要です。 {word}を担当。 {word}の件です。
{word}は不要です。 {word}を持っていく。 学校で使います。 会社に届く。 家に送る。 名札がある。 口座に入金。
サイズが合わない。 予約を取る。 荷物が届く。 意見を聞く。 説明がわかりやすい。 誕生日です。 一緒です。
二人です。 別です。 同じです。 最初です。 {date}までです。 {time}に来ます。 - - -
"""
_PEOPLE = """
{p} {p} {p} {full} {sur} {sur} {giv} {giv} {hira} {kana} {foreign} {latin} {p}{h} {sur}{h} {giv}{h}
"""
_OTHERS = """
{org} {org} {loc} {loc} {fac} {work} {word} {word} {word} {noun} {role} {kin}
"""


def frame(chance: random.Random) -> str:
    """Return a template: a person, or in two of five something else, between random parts."""
    who = chance.choice((_PEOPLE if chance.random() < 0.6 else _OTHERS).split())
    if chance.random() < 0.2:
        who += chance.choice(("、", "と", "・", "や", "か", "→", " ", ",")) + chance.choice(
            (_PEOPLE if chance.random() < 0.7 else _OTHERS).split()
        )
    parts = (chance.choice(_BEFORE.split()), who, chance.choice(_PARTICLES.split()), chance.choice(_AFTER.split()))
    return "".join(part for part in parts if part != "-")

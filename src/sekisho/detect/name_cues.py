"""Names of people by what stands around them: honorifics, statements, introductions, signatures.

Rules that need no model, and find names that no dictionary has; what has none of these cues is the model's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from sekisho.detect.addresses import KANJI
from sekisho.detect.spans import Kind, Span

_KANA = "ァ-ヴー"
_LATIN = r"[A-Z][A-Za-z'-]{0,20}(?: [A-Z][A-Za-z'.-]{0,20}){0,3}"

_STOPS = r"\s、。,;:/()「」『』\[\]0-9"

# 様子, 様式, 氏名, 先生方 and their like are words of their own.
_HONORIFIC = (
    r"(?:様(?![子式々相態])|さま|さん(?!ざん|ぽ|さん|ま(?!で|た)|ご(?=[ぁ-ん]))"
    r"|氏(?![名族])|殿|先生|ちゃん|くん|君(?![臨主]))"
)
_WITH_HONORIFIC = re.compile(
    rf"(?P<name>[{KANJI}ヶ]{{1,5}}(?:[ ・]?[{KANJI}ヶ]{{1,4}}|[ ]?[ぁ-ん]{{2,4}})?"
    rf"|[{_KANA}]{{2,16}}(?:[ ・=][{_KANA}]{{1,12}}){{0,2}}"
    rf"|(?<![ぁ-ん])[ぁ-ん]{{2,5}}(?: [ぁ-ん]{{2,5}})?"
    rf"|(?<![A-Za-z])[A-Za-z][A-Za-z'.-]{{1,20}}(?: [A-Za-z][A-Za-z'.-]{{0,20}}){{0,2}}) ?{_HONORIFIC}"
)
_NOT_A_NAME = re.compile(
    r"(?:.*?(?:客|皆|神|奥|王|同|仕|模|多|一|何|異|有|殿|店長|店員|社員|係員|駅員|社長|部長|課長|係長|担当|担当者|業者|会社"
    r"|弊社|貴社|御社|配達員|販売員|母|父|兄|姉|弟|妹|娘|息子|子供|旦那|主人|家族|友人|嫁|孫|爺|婆|方|人|者|屋|彼|両|某|摂|華|諸|宮"
    r"|御|沈|各|暴|赤|坊|爺|員|看護師|薬剤師|美容師|教師|医師|弁護士|税理士|司法書士|運転手|歌手|選手|助手|大工"
    r"|警察|銀行|本社|支社|病院|郵便局|役所|学校|株式|本殿|担任|沢山|オペレーター|スタッフ|ドライバー|ユーザー|サポート|メーカー|カスタマー)"
    r"|お?子|お?嬢|み?な|みな|たく|おく|おかあ|おとう|おにい|おねえ|おじい|おばあ|おば|おじ|おきゃく|おこ|あか|おつかれ|なん|どちら|どな"
    r"|こち|さ|じゅうぶ|いろいろ|ぞく|そち|あち|やお|ほん)"
)
_STATED = re.compile(
    r"(?:氏名|お?名前|名義人?|宛名|フリガナ|ふりがな|読み|受取人|契約者|担当者?)(?:は|が|の) ?"
    rf"(?P<name>[{KANJI}ヶ]{{2,6}}(?: [{KANJI}ヶ]{{1,4}})?|[{_KANA}]{{2,12}}(?:[ ・][{_KANA}]{{1,12}})?|{_LATIN})"
)
_NOT_STATED = re.compile(
    r"(?:方|者|変更|登録|確認|対応|間違|違|正|同|上記|下記|以下|部署|部門|窓口|店舗|不明|記載|入力|誤|未|別|必要|異|不在|休|外出|離席|退職|退社|席|出張|交代)"
)
_INTRODUCED = re.compile(
    rf"(?P<name>[{KANJI}ヶ]{{1,6}}(?: ?(?![のはがをにでもとへ])[{KANJI}{_KANA}ぁ-ん]{{1,5}})?"
    rf"|[{_KANA}]{{2,12}}(?:[ ・=][{_KANA}]{{1,12}}){{0,3}}"
    rf"|(?<![ぁ-ん{KANJI}])[ぁ-んー]{{2,10}}(?: [ぁ-んー]{{2,8}})?|{_LATIN})"
    r"(?:と(?:申し|言い|いい|もうし)ま|と(?:申す|いう者|言う者|名乗)|という(?:者|お?名前))"
)
# The last thing in a text, alone between marks: who wrote it.
_SIGNATURE = re.compile(
    rf"[、。!?\n] ?(?P<name>[{KANJI}ヶ]{{2,5}}|[{KANJI}]{{1,4}} [{KANJI}ぁ-ん]{{1,4}}"
    rf"|[{_KANA}]{{2,10}}|{_LATIN}|[A-Z][a-z]+)"
    r"(?:です|より)?[\s。]{0,5}\Z"
)
_NOT_SIGNED = re.compile(r"(?:以上|至急|敬具|草々|早々|不可|了解|御中|感謝|残念|最悪|最高|希望|確認|[A-Z ]+\Z)")
# 山田花子(やまだ はなこ): how the name before it is read.
_READING = re.compile(rf"(?<=[^\s(]) ?\((?P<reading>[ぁ-んー ]{{2,24}}|[{_KANA} ]{{2,24}})\)")


def find_readings(text: str, ends: Collection[int]) -> Iterator[Span]:
    """Yield readings in brackets of the names that end at *ends*."""
    if "(" in text:
        for match in _READING.finditer(text):
            if match.start() in ends:
                yield Span(*match.span("reading"), Kind.NAME, 0.7)


def find_by_cues(text: str) -> Iterator[Span]:
    """Yield the names of people in folded Japanese *text*."""
    for match in _WITH_HONORIFIC.finditer(text):
        if not _NOT_A_NAME.fullmatch(match["name"]):
            yield Span(*match.span("name"), Kind.NAME, 0.7)
    for match in _STATED.finditer(text):
        if not _NOT_STATED.match(match["name"]):
            yield Span(*match.span("name"), Kind.NAME, 0.6)
    if "と" in text:
        for match in _INTRODUCED.finditer(text):
            if not _NOT_A_NAME.fullmatch(match["name"]):
                yield Span(*match.span("name"), Kind.NAME, 0.6)
    signed = _SIGNATURE.search(text, max(0, len(text) - 60))
    if signed and not _NOT_SIGNED.match(signed["name"]):
        yield Span(*signed.span("name"), Kind.NAME, 0.4)

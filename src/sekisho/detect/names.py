"""Names of people by what stands around them: honorifics, labels, introductions; common surnames.

A heuristic, not a named-entity model: a rare name in mid-sentence without honorific or cue is not found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sekisho.detect.addresses import KANJI
from sekisho.detect.spans import Kind, Span
from sekisho.detect.surnames import SURNAMES

_KANA = "ァ-ヴー"
_LATIN = r"[A-Z][A-Za-z'-]{0,20}(?: [A-Z][A-Za-z'.-]{0,20}){0,3}"

_STOPS = r"\s、。,;:/()「」『』\[\]0-9"

# 様子, 様式, 氏名, 先生方 and their like are words of their own.
_HONORIFIC = r"(?:様(?![子式々相態])|さま|さん(?!ざん)|氏(?![名族])|殿|先生|ちゃん|くん|君(?![臨主]))"
_WITH_HONORIFIC = re.compile(
    rf"(?P<name>[{KANJI}ヶ]{{1,5}}(?:[ ・]?[{KANJI}ヶ]{{1,4}}|[ ]?[ぁ-ん]{{2,4}})?"
    rf"|[{_KANA}]{{2,16}}(?:[ ・=][{_KANA}]{{1,12}}){{0,2}}"
    rf"|(?<![ぁ-ん])[ぁ-ん]{{2,5}}(?: [ぁ-ん]{{2,5}})?"
    rf"|(?<![A-Za-z])[A-Za-z][A-Za-z'.-]{{1,20}}(?: [A-Za-z][A-Za-z'.-]{{0,20}}){{0,2}}) ?{_HONORIFIC}"
)
_NOT_A_NAME = re.compile(
    r"(?:.*?(?:客|皆|神|奥|王|同|仕|模|多|一|何|異|有|殿|店長|店員|社員|係員|駅員|社長|部長|課長|係長|担当|担当者|業者|会社"
    r"|弊社|貴社|御社|配達員|販売員|母|父|兄|姉|弟|妹|娘|息子|子供|旦那|主人|家族|友人|嫁|孫|爺|婆|方|人|者|屋|彼|両|某|摂|華|諸|宮"
    r"|御|本殿|担任|沢山|オペレーター|スタッフ|ドライバー|ユーザー|サポート|メーカー|カスタマー)"
    r"|み?な|みな|たく|おく|おかあ|おとう|おにい|おねえ|おじい|おばあ|おば|おじ|おきゃく|おこ|あか|おつかれ|なん|どちら|どな"
    r"|こち|さ|じゅうぶ|いろいろ|ぞく|そち|あち|やお|ほん)"
)
_LABELLED = re.compile(
    r"(?:氏名|お?名前|名義人?|宛名|フリガナ|ふりがな|カナ|読み|受取人|受け取り人|契約者|ご?本人|お客[様さ]ま?"
    r"|(?<![A-Za-z])(?i:(?:full |first |last |customer )?name|customer))"
    r"(?:\([^)\n]{0,10}\))?\s?[:=「『]\s?"
    rf"(?P<name>[A-Za-z][A-Za-z'.-]{{0,30}}(?: [A-Z][A-Za-z'.-]{{0,30}}){{0,3}}"
    # Two words at most, and not the next label (氏名：山田 住所：…).
    rf"|[^{_STOPS}]{{1,15}}(?: (?![^{_STOPS}]{{1,8}}\s?:)[^{_STOPS}]{{1,10}})?)"
)
_STATED = re.compile(
    r"(?:氏名|お?名前|名義人?|宛名|フリガナ|ふりがな|読み|受取人|契約者|担当者?)(?:は|が|の) ?"
    rf"(?P<name>[{KANJI}ヶ]{{2,6}}(?: [{KANJI}ヶ]{{1,4}})?|[{_KANA}]{{2,12}}(?:[ ・][{_KANA}]{{1,12}})?|{_LATIN})"
)
_NOT_STATED = re.compile(
    r"(?:方|者|変更|登録|確認|対応|間違|違|正|同|上記|下記|以下|部署|部門|窓口|店舗|不明|記載|入力|誤|未|別|必要|異)"
)
_INTRODUCED = re.compile(
    rf"(?:[{KANJI}{_KANA}A-Za-z]{{1,12}} )?[^\s、。!?「」,.()]{{1,14}}"
    r"(?=と(?:申し|言い|いい|もうし)ま|と(?:申す|いう者|言う者))"
)
# Japanese is written without spaces: kanji or katakana in two parts, or capitalised Latin, is mostly a name.
_TWO_PARTS = re.compile(
    rf"(?<![{KANJI}])[{KANJI}ヶ]{{1,4}} [{KANJI}]{{1,3}}(?![{KANJI}])"
    rf"|(?<![{_KANA}])[{_KANA}]{{2,10}}[ ・][{_KANA}]{{2,12}}"
)
# The last thing in a text, alone between marks: who wrote it.
_SIGNATURE = re.compile(
    rf"[、。!?\n] ?(?P<name>[{KANJI}ヶ]{{2,5}}|[{KANJI}]{{1,4}} [{KANJI}ぁ-ん]{{1,4}}"
    rf"|[{_KANA}]{{2,10}}|{_LATIN}|[A-Z][a-z]+)"
    r"(?:です|より)?[\s。]{0,5}\Z"
)
_NOT_SIGNED = re.compile(r"(?:以上|至急|敬具|草々|早々|不可|了解|御中|感謝|残念|最悪|最高|希望|確認|[A-Z ]+\Z)")
_RUN = re.compile(rf"[{KANJI}ヶ]{{2,}}")
_GIVEN_AFTER = re.compile(
    rf"[ 　](?P<given>[{KANJI}]{{1,3}}|[{_KANA}]{{2,5}}"
    # みゆき of みゆきです; when no particle follows, four characters.
    r"|[ぁ-ん]{2,4}?(?=です|でござ|と|が|は|の|に|を|より|さ|[^ぁ-ん]|$)|[ぁ-ん]{2,4})"
    rf"(?![{KANJI}{_KANA}])"
)

_LATIN_WORD = re.compile("[A-Za-z]{2}")
_TITLED = re.compile(rf"(?<![A-Za-z])(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Sir|Madam|Mister)\.? (?P<name>{_LATIN})")
_ENGLISH_INTRODUCED = re.compile(
    r"(?<![A-Za-z])(?:(?i:my (?:full |real )?name is|my name'?s|name is"
    r"|name on (?:the )?(?:card|order|account)(?: is)?|i am called|on behalf of|in the name of|signed by"
    r"|spoke (?:to|with)|speaking (?:to|with)|attention|attn"
    r"|contact)[: ]{1,2}"
    r"|(?i:i am|i'm|this is) (?=[A-Z])|(?:Dear|Hi|Hello|Hey) (?=[A-Z]))"
    r"(?P<name>[A-Za-z][a-zA-Z'-]{1,20}(?: [A-Z][A-Za-z'.-]{0,20}){0,3})"
)
_SIGNED = re.compile(
    r"(?:[Rr]egards|[Ss]incerely|[Tt]hanks|[Tt]hank you|[Cc]heers|[Bb]est|[Yy]ours)(?: [a-z]{2,10})?"
    rf"\s?[,.!]?\s{{1,3}}(?:- ?)?(?P<name>{_LATIN})"
)
_CAPITALISED = re.compile(r"(?<![A-Za-z])[A-Z][a-z'-]{1,20}(?: [A-Z]\.)?(?: [A-Z][A-Za-z'-]{1,20}){1,2}")
_SENTENCE_WORDS = """
A About After All Also Am An And Any Are As At Be Because Before But By Can Card Could Credit
Customer Day Dear Did Do Does Either For From Good Had Has Have He Hello Her Here Hey Hi His How
However I If In Is It Its Just Last May Me Most Mr Mrs Ms Dr Miss My New No Not Now Of On Once One
Only Or Order Our Out Please Same She Since So Some Still Support Team Thank Thanks That The Their
Then There These They This Those To Today Two Very Was We Were What When Where Which While Who Why
Will With Would Yes Yesterday You Your Monday Tuesday Wednesday Thursday Friday Saturday Sunday
January February March April June July August September October November December Agent Regards
Sincerely Cheers Best
"""
_NOT_CAPITALISED = frozenset(_SENTENCE_WORDS.split())
_NOT_ENGLISH = re.compile(
    r"(?i:sir|madam|team|support|customer|service|all|there|sekisho|everyone|the|a|an|not|so|very|writing|having|still|trying|happy"
    r"|sorry|unable|calling|just|about|and|i|we|please|for|to|regards|thanks|japanese|english)(?:\s|$)"
)


def find_names(text: str) -> Iterator[Span]:
    """Yield the names of people in folded *text*."""
    yield from _english(text)
    if text.isascii():
        return
    for match in _WITH_HONORIFIC.finditer(text):
        if not _NOT_A_NAME.fullmatch(match["name"]):
            yield Span(*match.span("name"), Kind.NAME, 0.7)
    for match in _STATED.finditer(text):
        if not _NOT_STATED.match(match["name"]):
            yield Span(*match.span("name"), Kind.NAME, 0.6)
    if "と" in text:
        for match in _INTRODUCED.finditer(text):
            yield Span(*match.span(), Kind.NAME, 0.6)
    for match in _TWO_PARTS.finditer(text):
        yield Span(*match.span(), Kind.NAME, 0.4)
    signed = _SIGNATURE.search(text, max(0, len(text) - 60))
    if signed and not _NOT_SIGNED.match(signed["name"]):
        yield Span(*signed.span("name"), Kind.NAME, 0.4)
    for match in _RUN.finditer(text):
        yield from _by_surname(text, match.start(), match.end())


def _by_surname(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield the names in a run of kanji: a common surname and what may be the given name after it."""
    position = start
    while position < end - 1:
        length = next((size for size in (3, 2) if text[position : position + size] in SURNAMES), 0)
        if not length or position + length > end:
            position += 1
            continue
        stop = min(end, position + length + 3)  # given names have one to three kanji
        if stop == position + length and (given := _GIVEN_AFTER.match(text, stop)):
            stop = given.end()
        yield Span(position, stop, Kind.NAME, 0.5)
        position = max(stop, position + 1)


def _english(text: str) -> Iterator[Span]:
    if ":" in text or "「" in text or "=" in text or "『" in text:
        for match in _LABELLED.finditer(text):
            yield Span(*match.span("name"), Kind.NAME, 0.7)
    if not _LATIN_WORD.search(text):
        return
    for pattern in (_TITLED, _ENGLISH_INTRODUCED, _SIGNED):
        for match in pattern.finditer(text):
            if not _NOT_ENGLISH.match(match["name"]):
                yield Span(*match.span("name"), Kind.NAME, 0.7)
    for match in _CAPITALISED.finditer(text):
        # "Please Jane Smith": words that begin sentences are peeled off, the rest is a name if two remain.
        start, words = match.start(), match.group().split(" ")
        while words and words[0] in _NOT_CAPITALISED:
            start += len(words.pop(0)) + 1
        if len(words) > 1:
            yield Span(start, match.end(), Kind.NAME, 0.4)

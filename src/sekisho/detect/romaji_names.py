"""Japanese names in capital Latin letters, as cards, passports and forms have them: YAMADA TARO.

Two words in a row whose letters are Japanese syllables, one of which ends like a name: capitals are used
for headings and codes as well, so the syllables alone would say too little.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sekisho.detect.spans import Kind, Span

_CONSONANT = "(?:TCH|T?TS|S?SH|CH|KK|TT|PP|SS|[KGNHBPMR]Y|[KGSZJTDNHFBPMRYW])"
# N and M end a syllable before consonants (HONDA, HOMMA), and an H is a long vowel (OHTANI, SATOH).
_SYLLABLE = f"(?:{_CONSONANT}?[AIUEO](?:H(?![AIUEOY]))?|[NM](?![AIUEOY]))"
_PAIR = re.compile(
    rf"(?<![A-Za-z0-9_])(?=(?P<first>{_SYLLABLE}{{1,9}}),?[ /](?P<second>{_SYLLABLE}{{1,9}})(?![A-Za-z0-9_]))[A-Z]"
)
_ENDING = re.compile(
    # Surnames.
    "(?:MOTO|YAMA|[KG]AWA|MURA|NAKA|SHITA|[HB]ARA|[KG]UCHI|[SZ]AKI|SHIMA|JIMA|TANI|MIYA|NUMA|MORI|[HB]ASHI|KURA|UCHI"
    "|TSUKA|ZUKA|WARA|[SZ]AWA|ADA|IDA|EDA|ODA|UDA|NDA|OTA|ITO|ATO|OTO|NDO|ODO|ANO|INO|ONO|UNO|NABE|BAYASHI|MATSU|SUGI"
    "|SUZUKI|SASAKI|AOKI|HIRA|OKA|KUBO|INOUE|UE|TAKE|SEKI|ARAI|SAKAI|IMAI|FUJII|ISHII|DAI|KIKU|CHIBA|KUDO|SHIBA|TORI"
    # Given names.
    "|KO|RO|[^A]ROH|OU|JI|ZO|ICHI|SUKE|HIKO|HITO|HIRO|YA|TA|TO|SHI|KI|MI|RI|RU|NA|KA|NE|YO|YE|SHO|JUN|KEN|KEI|RYO|REI|MAI)H?\\Z"
)
_WORDS = """
AUTO MEMO DEMO INFO MODE NAME DATE TIME NOTE TOKEN MAIN DATA BASE ONE PAN AGE RATE SIZE PAGE SAME HERE MORE SOME
GIGA MEGA MONO PIN MENU META BETA JAPAN TOYOTA NIKON YAMAHA AMAZON KURONEKO TOKYO OSAKA KYOTO NAGOYA YOKOHAMA
KOBE FUKUOKA SAPPORO HIROSHIMA SENDAI SAITAMA HANEDA SHINJUKU SHIBUYA MINATO CHIYODA OKINAWA NARA AICHI HYOGO
KANAGAWA HOKKAIDO SHIZUOKA KYUSHU SHIKOKU HONSHU KANTO KANSAI USA ASIA GATE HOME MAKE USE NONE DONE ARE SUN MON
MAN WOMAN MINI KARAOKE SUSHI RAMEN SAKE MANGA ANIME EMOJI KIMONO
"""
_OTHER_WORDS = frozenset(_WORDS.split())


def find_romaji(text: str) -> Iterator[Span]:
    """Yield Japanese names in capitals of folded *text*."""
    for match in _PAIR.finditer(text):
        pair = match["first"], match["second"]
        if min(map(len, pair)) < 3 or not _OTHER_WORDS.isdisjoint(pair):
            continue
        if any(len(word) > 3 and _ENDING.search(word, max(0, len(word) - 9)) for word in pair):
            yield Span(match.start("first"), match.end("second"), Kind.NAME, 0.5)

"""Names of people by what stands around them, in Latin letters or after a label: rules and lists, no model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from sekisho.detect.romaji_names import find_romaji
from sekisho.detect.spans import Kind, Span

_CAPITAL = "A-ZÀ-ÖØ-ÞŁŚŠŽČĆĐŐŰĞİŞ"
_LETTER = _CAPITAL + "a-zß-öø-ÿāăąćčďđēėęěğīıłńňōőřśşšťūůűųźżž'’\\-"
# A full stop ends a name, but after an initial.
_LATIN = rf"[{_CAPITAL}][{_LETTER}]{{0,20}}(?: (?:[{_CAPITAL}]\.|[{_CAPITAL}][{_LETTER}]{{0,20}})){{0,3}}"
_STOPS = r"\s、。,;:/()「」『』\[\]0-9"
_LABELLED = re.compile(
    r"(?:氏名|お?名前|名義人?|宛名|フリガナ|ふりがな|カナ|読み|受取人|受け取り人|契約者|ご?本人|お客[様さ]ま?"
    r"|(?<![A-Za-z])(?i:(?:full |first |last |customer )?name|customer))"
    r"(?:\([^)\n]{0,10}\))?\s?[:=「『]\s?"
    rf"(?P<name>[A-Za-z][A-Za-z'.-]{{0,30}}(?: [A-Z][A-Za-z'.-]{{0,30}}){{0,3}}"
    # Two words at most, and not the next label (氏名：山田 住所：…).
    rf"|[^{_STOPS}]{{1,15}}(?: (?![^{_STOPS}]{{1,8}}\s?:)[^{_STOPS}]{{1,10}})?)"
)
_LATIN_WORD = re.compile("[A-Za-z]{2}")
_TITLED = re.compile(
    rf"(?<![A-Za-z])(?:(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Sir|Madam|Mister)\.?|(?:mr|mrs|ms|dr|prof)\.) (?P<name>{_LATIN})"
)
_ENGLISH_INTRODUCED = re.compile(
    r"(?<![A-Za-z])(?:(?i:my (?:full |real )?name is|my name'?s|name is"
    r"|name on (?:the )?(?:card|order|account)(?: is)?|i am called|on behalf of|in the name of|signed by"
    r"|spoke (?:to|with)|speaking (?:to|with)|attention|attn"
    r"|contact)[: ]{1,2}"
    r"|(?i:i am|i'm|this is) (?=[A-Z])|(?:Dear|Hi|Hello|Hey) (?=[A-Z]))"
    rf"(?P<name>[{_LETTER}]{{2,21}}(?: [{_CAPITAL}][{_LETTER}.]{{0,20}}){{0,3}})"
)
# In small letters, too, where nothing follows but the end of what was said.
_SMALL = re.compile(
    r"(?<![A-Za-z])(?i:my (?:full |real )?name(?: is|'s)) "
    r"(?P<name>[a-z'-]{2,20} [a-z'-]{2,20})(?=[.,!?\n]|$)"
)
_SAYS = "said|says|asked|asks|told|tells|wrote|writes|replied|replies|answered|complained|confirmed|lives|lived"
_DOES = (
    "explained|promised|insisted|mentioned|apologi[sz]ed|thinks|thought|laughed|smiled"
    "|(?:gave|had given) (?:me|him|her|us)"
)
_ONE = rf"(?P<name>[{_CAPITAL}][{_LETTER}]{{2,20}})"  # a name of one word
_SPEAKER = re.compile(rf"(?<![{_LETTER}]){_ONE} (?:{_SAYS}|{_DOES})(?![a-z])")
_SPOKEN = re.compile(rf"(?<![A-Za-z])(?:{_SAYS}|named (?:him|her)) {_ONE}(?![{_LETTER}])")
# Who is spoken to: "Ubul, can you ...", "Come back, Ubul!".
_CALLED = re.compile(
    rf"(?:^|[.!?\n] ?){_ONE}, (?:can|could|would|will|may|please|(?:do|are|did|have) you|why|what|when|where) "
)
_CALLED_LAST = re.compile(rf"[a-z], {_ONE}[?!]")
_WHOSE = re.compile(
    rf"(?<![{_LETTER}])(?P<name>[{_CAPITAL}][{_LETTER}]{{2,20}}?)['’]s (?:address|phone|e-?mail|number|birthday"
    r"|wife|husband|son|daughter|mother|father|brother|sister|boss)(?![a-z])"
)
_ROW = re.compile(
    rf"(?<![{_LETTER}])[{_CAPITAL}][{_LETTER}]{{1,20}}(?:, [{_CAPITAL}][{_LETTER}]{{1,20}}){{1,8}},? (?:and|or|&)"
    rf" [{_CAPITAL}][{_LETTER}]{{1,20}}(?![{_LETTER}]| [{_CAPITAL}])"
)
_WORD = re.compile(rf"[{_LETTER}]+")
_LINE_OF = re.compile(rf"^{_ONE}: (?=\S{{1,30}} \S)", re.MULTILINE)  # a talk: who says it, and what
_SMALL_PAIR = re.compile(r"(?<![A-Za-z'-])(?=(?P<name>(?P<given>[a-z]{3,15}) (?P<family>[a-z]{3,15}))(?![A-Za-z'-]))")
_SIGNED = re.compile(
    r"(?:[Rr]egards|[Ss]incerely|[Tt]hanks|[Tt]hank you|[Cc]heers|[Bb]est|[Yy]ours)(?: [a-z]{2,10})?"
    rf"\s?[,.!]?\s{{1,3}}(?:- ?)?(?P<name>{_LATIN})"
)
_PARTICLE = "(?:(?:van|von|de|der|den|di|da|del|dos|al|bin|la|le) ){0,2}"
_CAPITALISED = re.compile(
    rf"(?<![{_LETTER}])[{_CAPITAL}][{_LETTER}]{{1,20}}"
    rf"(?: {_PARTICLE}[{_CAPITAL}](?:\.|[{_LETTER}]{{1,20}})?(?![{_LETTER}])){{0,3}}"
)
_SENTENCE_WORDS = """
A About After All Also Am An And Any Are As At Be Because Before But By Can Card Could Credit
Customer Day Dear Did Do Does Either For From Good Had Has Have He Hello Her Here Hey Hi His How
However I If In Is It Its Just Last May Me Most Mr Mrs Ms Dr Miss My New No Not Now Of On Once One
Only Or Order Our Out Please Same She Since So Some Still Support Team Thank Thanks That The Their
Then There These They This Those To Today Two Very Was We Were What When Where Which While Who Why
Will With Would Yes Yesterday You Your Monday Tuesday Wednesday Thursday Friday Saturday Sunday
January February March April June July August September October November December Agent Regards
Sincerely Cheers Best I'm I've I'll I'd He's She's It's That's What's There's Here's Who's We're We've You're
They're Don't Can't Didn't Doesn't Let's User Client Company Bot Sorry Okay Well Also Maybe Perhaps However Instead
Meanwhile Otherwise Again Anyway Else Everyone Everybody Someone Nobody People Guys Folks Friend Friends Mom Dad
"""
_NOT_CAPITALISED = frozenset(_SENTENCE_WORDS.split())
_NOT_ENGLISH = re.compile(
    r"(?i:sir|madam|team|support|customer|service|all|there|sekisho|everyone|the|a|an|not|so|very|writing|having|still|trying|happy"
    r"|sorry|unable|spelled|spelt|misspelled|wrong|correct|incorrect|missing|no|on|in|also"
    r"|already|being|calling|just|about|and|i|we|please|for|to|regards|thanks|japanese|english)(?:\s|$)"
)

# What is named with capitals and is no person: a street, a firm, a country.
_NOT_OF_PEOPLE = """
Street St Avenue Ave Road Rd Lane Ln Drive Dr Square Squares Streets Court Boulevard Blvd Suite Apt Box Floor
Inc Ltd LLC Corp Corporation Company Co Group Bank University College School Hospital Hotel Restaurant Station
Airport Orchestra Church Museum Library Center Centre Office Department Committee Council Ministry Weekly
Times News Post Journal Press Award Act Title Article Section Chapter Version Bill Law Rights States Kingdom
Republic Union Island Islands Ocean Sea River Lake Mountain Mount City County North South East West Northern
Southern Eastern Western America Africa Europe Asia Australia Zealand England Japan China India Canada France
Germany Italy Spain Mexico Visa Mastercard Account Number Email Phone Address Date Time Price Total Size Color
Model Product Item Delivery Shipping Returns Refund Payment Invoice Receipt Google Microsoft Windows Apple
Amazon Android Chrome Facebook Internet Wi-Fi Personal Info Director Manager President Chief Officer Executive
Engineer Assistant Kids Family Action Comedy Way Plaza Terrace Crescent Beach Bay Harbor Harbour Valley Agency
Software Solutions Technologies Technology Finance Systems Services Service Holdings Partners Industries Media Labs
Networks Insurance Motors Airlines Store Labor APO FPO DPO PSC USS USNS USNV USCGC Rua Rue Calle Via Piazza
Paseo Avenida Royal Subject Note Mobile Desk Fax Website Summary Status Reason Details Comment Comments Question
Answer Problem Issue Result Step Warning Error ID IDs Plan Thread Cookie Passport Session Code
"""
_NO_PERSON = frozenset(_NOT_OF_PEOPLE.split())


@cache
def _lists() -> tuple[frozenset[str], frozenset[str]]:
    """Return common English given names and surnames."""
    given, surnames = files("sekisho.detect.model").joinpath("english_names.txt").read_text("utf-8").splitlines()
    return frozenset(given.split(" ")), frozenset(surnames.split(" "))


def _nobody(word: str) -> bool:
    """Return whether *word*, where a name might stand, is surely none."""
    return word in _NOT_CAPITALISED | _NO_PERSON or word.endswith("ly") or _NOT_ENGLISH.match(word) is not None


def _in_rows(text: str, given: frozenset[str], surnames: frozenset[str]) -> Iterator[Span]:
    """Yield the words of rows (Ubul, Reed and Doyle) half of which the lists know."""
    for match in _ROW.finditer(text):
        words = [part for part in _WORD.finditer(text, *match.span()) if part.group() not in {"and", "or"}]
        if sum(word.group() in given or word.group() in surnames for word in words) * 2 >= len(words):
            yield from (Span(*word.span(), Kind.NAME, 0.4) for word in words if not _nobody(word.group()))


def _in_talk(text: str, given: frozenset[str]) -> Iterator[Span]:
    """Yield who says the lines of a talk: what begins two lines before a colon, if the lists know one of them."""
    speakers = [match for match in _LINE_OF.finditer(text) if not _nobody(match["name"])]
    if len(speakers) > 1 and any(match["name"] in given for match in speakers):
        yield from (Span(*match.span("name"), Kind.NAME, 0.4) for match in speakers)


def find_english(text: str) -> Iterator[Span]:
    """Yield names after a label, and names in Latin letters."""
    if ":" in text or "「" in text or "=" in text or "『" in text:
        for match in _LABELLED.finditer(text):
            yield Span(*match.span("name"), Kind.NAME, 0.7)
    if not _LATIN_WORD.search(text):
        return
    parts = set[str]()  # of names that stand there in full: elsewhere one of them is meant alone
    alone: list[tuple[int, int]] = []
    for pattern in (_TITLED, _ENGLISH_INTRODUCED, _SIGNED):
        for match in pattern.finditer(text):
            if not _NOT_ENGLISH.match(match["name"]):
                parts.update(match["name"].split(" "))
                yield Span(*match.span("name"), Kind.NAME, 0.7)
    patterns = [_SMALL, _SPEAKER, _SPOKEN, _WHOSE]
    if ", " in text:
        patterns += [_CALLED, _CALLED_LAST]
    for pattern in patterns:
        for match in pattern.finditer(text):
            if not _nobody(match["name"]):
                yield Span(*match.span("name"), Kind.NAME, 0.5)
    yield from find_romaji(text)
    given, surnames = _lists()
    if ", " in text:
        yield from _in_rows(text, given, surnames)
    if ": " in text:
        yield from _in_talk(text, given)
    for match in _SMALL_PAIR.finditer(text):
        if match["given"].title() in given and match["family"].title() in surnames:
            yield Span(*match.span("name"), Kind.NAME, 0.5)
    for match in _CAPITALISED.finditer(text):
        # "Please Jane Smith": words that begin sentences are peeled off, the rest is a name if two remain,
        # or if the lists know it.
        start, words = match.start(), match.group().split(" ")
        while words and words[0] in _NOT_CAPITALISED:
            start += len(words.pop(0)) + 1
        # "Taro Yamada's Big Plan": what is his is not he.
        his = next((at for at, word in enumerate(words, 1) if word.endswith(("'s", "’s"))), len(words))
        words = words[:his]
        end = start + len(" ".join(words))
        end -= 2 * text.endswith(("'s", "’s"), start, end)
        if not words or not _NO_PERSON.isdisjoint(words):
            continue
        spelt = [word.title().removesuffix("'S").removesuffix("’S") for word in words]
        capitals = sum(word.isupper() and len(word) > 2 for word in words)
        if len(words) > 1 and (capitals == 0 or (capitals == 1 and len(words) == 2)):  # Taro YAMADA is one too
            parts.update(text[start:end].split(" "))
            yield Span(start, end, Kind.NAME, 0.4)
        elif not given.isdisjoint(spelt) or (len(words) > 1 and not surnames.isdisjoint(spelt)):
            yield Span(start, end, Kind.NAME, 0.5)
        elif len(words) == 1:
            alone.append((start, end))
    yield from (Span(*each, Kind.NAME, 0.4) for each in alone if text[slice(*each)] in parts)

"""What a column's name says: split into words, the words into concepts, the concepts into kinds.

``customerMailAddr1``, ``顧客メールアドレス`` and ``contact.emails[].value`` say the same. What stands last is the
head, in English compounds as in Japanese: ``mail_count`` and メール件数 are counts, not addresses.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from sekisho.detect.column_kinds import NONE
from sekisho.detect.column_owners import Owner
from sekisho.detect.column_rules import HARMFUL, kinds_of
from sekisho.detect.column_spellings import abbreviated, folded, folded_words
from sekisho.detect.column_words import LONGEST, MEANINGS, Concepts

MOST_CHARS = 200
"""Characters of a name or comment that are read."""
_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z']+|[0-9]+|[^\x00-\x7f]+")
_OR = re.compile("[・／]")
_MOST_NAMES = 4
_SEGMENT = re.compile(r"[.\[\]$/]+")
_GLUED = 8  # letters from which two words of romaji may be glued together
_MOST_JOINED = 4  # pieces that are one word of the dictionary
_PREPOSITIONS = frozenset({"of", "at", "for", "on"})
_CLEAR = 0.8
_SMALLEST = 3  # letters of a word inside a run of letters without marks
_TYPED, _LEAST_TYPED = "cdns", 4  # ``CGENDER``, ``DTANJO``: what the store holds it as, and letters behind it
_SHORT_TAILS = 2  # letters of what ends a run of whole words alone: ``tsintelno``, ``shozokunm``
_REACHED = frozenset({"phone", "email"})
_INFLECTED = re.compile("e[dr]s?|ing?")
_UNVOICED = re.compile("^(?:...)*[^aeiou]{3}")
_BRACKETED = re.compile(r"(.*\S)\s*\(([^()]+)\)")

_UNKNOWN: Concepts = frozenset()
_NEUTRAL: Concepts = frozenset({"neutral"})
_HEADS = frozenset({"flag", "count", "score", "type", "time", "amount", "id", "name", "text", "title", "describes"})
_LEAST_SHARE = 0.4  # of the letters, so that remarksofresignation is no nation
_LEAST_TAIL = 4  # letters of a head behind something unknown, one more of any other word
_LEAST_ROMAJI, _LEAST_JAPANESE = 6, 3  # letters of a word whose ending alone is read
_ROMAJI_ENDINGS: Mapping[str, Concepts] = {
    ending: frozenset({concept})
    for concept, endings in (
        ("person", "sha nin"), ("time", "bi"), ("amount", "gaku kin ryo"), ("score", "ritsu"), ("id", "bango kodo"),
        ("type", "kbn"), ("flag", "umu flg"), ("count", "kaisu kensu"), ("name", "mei"),
    )
    for ending in endings.split()
}  # fmt: skip
_ENDINGS: Mapping[str, Concepts] = {
    char: frozenset({concept})
    for concept, chars in (
        ("person", "者員"), ("amount", "料費税"), ("record", "券書票"), ("thing", "店社館品"), ("type", "型式"),
        ("health", "症病薬科"), ("text", "欄"), ("count", "量"),
    )
    for char in chars
}  # fmt: skip
"""What the last character of a word says that is not in the dictionary; none of these ends people's names."""


class Header(NamedTuple):
    """What a name says.

    Attributes
    ----------
    kinds:
        Kinds and how clearly the name says each, 0 to 1.
    owner:
        Whose it is by the name itself.
    known:
        Share of the words that the dictionary knows.
    """

    kinds: Mapping[str, float]
    owner: Owner
    known: float


@lru_cache(maxsize=4096)
def read_header(path: str, dataset: Owner = Owner.UNKNOWN) -> Header:
    """Return what the name at the end of *path* says, in a table about *dataset*."""
    segments = [words for part in _SEGMENT.split(path[-MOST_CHARS:]) if (words := words_of(part))]
    if not segments:
        return Header({}, Owner.UNKNOWN, 0.0)
    last, parents = segments[-1], segments[:-1]
    above = owner_of([word for words in parents for word in words])
    if parents and all(concepts <= _VAGUE for concepts in last):
        # ``phone.number``, ``emails[].value``: what is meant stands above.
        last = [*parents[-1], *last]
    elif parents and {"name"} == frozenset().union(*last) and owner_of(parents[-1]) is Owner.UNKNOWN:
        last = [*parents[-1], *last]  # medication.name
    owner = owner_of(last)
    around = above if above is not Owner.UNKNOWN else dataset
    inside = frozenset().union(*(concepts for words in parents for concepts in words)) if parents else _UNKNOWN
    kinds = kinds_of(tuple(last), owner, around, inside)
    for other in _OR.split(path[-MOST_CHARS:])[:_MOST_NAMES] if _OR.search(path) else ():
        # 国籍・地域 is both; the clearer of two names counts.
        kinds = _clearer(kinds, read_header(other, dataset).kinds)
    if owner is Owner.THING and max(kinds.get(kind, 0.0) for kind in HARMFUL) >= _CLEAR:
        owner = Owner.UNKNOWN  # food_allergy: no food has one
    known = sum(bool(concepts) for concepts in last) / len(last)
    return Header(kinds, owner if owner is not Owner.UNKNOWN else above, known)


def _clearer(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    """Return what two names of one column say together: each kind's greater strength, ``none`` only if both do."""
    kinds = {kind: max(one.get(kind, 0.0), other.get(kind, 0.0)) for kind in {*one, *other} - {NONE}}
    if NONE in one and NONE in other:
        kinds[NONE] = min(one[NONE], other[NONE])
    return kinds


# A place that was kept for anything: Q3, f12, item_03, 項目5. What stands there only the values tell.
_SLOT = re.compile(
    r"(?:[sq]?q|f|item|items|entry|key|val|value|field|col|column|attr|param|opt|option|ans|answer|question|extra|free"
    r"|項目|設問|質問|回答|任意項目|自由項目|フリー|フリー項目|追加項目|拡張項目|オプション|その他)[ _-]*[0-9]{1,4}",
    re.IGNORECASE,
)
_ANSWERS = frozenset({"flag", "count"})
_PARTS = frozenset({"prefecture", "city", "postal", "country"})  # of an address: 送付先住所(都道府県)
_VAGUE = frozenset({"neutral", "id", "count", "type", "kana", "romaji"})


@lru_cache(maxsize=4096)
def read_dataset(name: str) -> Owner:
    """Return what the rows of a dataset are about, by its name."""
    parts = [words for part in _SEGMENT.split(name[-MOST_CHARS:]) if (words := words_of(part))]
    if not parts:
        return Owner.UNKNOWN
    owner = owner_of(parts[-1])
    if owner is Owner.THING and not next((word for word in reversed(parts[-1]) if "neutral" not in word), None):
        return Owner.UNKNOWN  # game_xyz: a dataset is about its last word, and that is not known
    if owner is Owner.UNKNOWN and len(parts) > 1 and owner_of(parts[-2]) is Owner.PERSON:
        return Owner.PERSON  # members.list; a store or schema is often named after a system: shop, app
    return owner


def owner_of(words: list[Concepts]) -> Owner:
    """Return the last of person, thing, record and event that *words* name."""
    for concepts in reversed(words):
        for owner in (Owner.PERSON, Owner.THING, Owner.RECORD, Owner.EVENT):
            if owner.value in concepts:
                return owner
    return Owner.UNKNOWN


def words_of(name: str) -> list[Concepts]:
    """Return the concepts of each word of *name*, an empty set for a word that is not known."""
    name = unicodedata.normalize("NFKC", name[:MOST_CHARS])
    if _SLOT.fullmatch(name):
        return [_NEUTRAL]
    if bracketed := _BRACKETED.fullmatch(name):  # 年齢(入社時): what stands in brackets is no head
        told, before = words_of(bracketed[2]), words_of(bracketed[1])
        parts = bool(told) and bool(told[-1] & _PARTS and before and "address" in before[-1])
        return [*before, *told] if parts or (told and told[-1] & _ANSWERS) else [*told, *before]
    pieces = _head_last([piece.lower() for piece in _PIECE.findall(name)])
    found: list[Concepts] = []
    position = 0
    while position < len(pieces):
        for size in range(min(_MOST_JOINED, len(pieces) - position), 0, -1):
            if meaning := _meaning("".join(pieces[position : position + size]), joined=size > 1):
                found.append(meaning)
                position += size
                break
        else:
            found += _inside(pieces[position])
            position += 1
    return found


def _meaning(word: str, *, joined: bool) -> Concepts:
    """Return what the dictionary has for *word*; when it is *joined* of pieces, in any system of romaji."""
    if word in MEANINGS or not joined or not word.isascii() or len(word) < _GLUED:
        return MEANINGS.get(word, _UNKNOWN)
    return folded_words().get(folded(word), _UNKNOWN)


def _head_last(pieces: list[str]) -> list[str]:
    """Return *pieces* with what stands before a preposition at the end: ``age_at_visit`` is an age."""
    for at in range(1, len(pieces) - 1):
        around = pieces[at - 1] + pieces[at]
        akin = pieces[at] == "to" and "kinship" in MEANINGS.get(pieces[at - 1], _UNKNOWN)  # relation_to_owner
        if (
            (akin or pieces[at] in _PREPOSITIONS)
            and around not in MEANINGS
            and around + pieces[at + 1] not in MEANINGS
        ):
            return [*pieces[at + 1 :], *pieces[:at]]
    return pieces


def _inside(piece: str) -> list[Concepts]:
    """Return the concepts of a piece that is no word itself: a plural, a compound without marks, a number."""
    if piece.isdigit():
        return []  # tel1, address2
    if piece.isascii():
        if found := _whole(piece) or _typed(piece):
            return found
        return [short] if (short := abbreviated(piece)) else _ending(piece, folded(piece))
    cut = _split(piece, 1, MEANINGS)
    if cut and not cut[-1] and len(piece) >= _LEAST_JAPANESE and (told := _ENDINGS.get(piece[-1])):
        return [*cut, told]
    return cut


def _whole(piece: str) -> list[Concepts]:
    """Return the concepts of a run of letters, all of which are words; nothing where some are not."""
    if found := _meaning_of_many(piece) or folded_words().get(folded(piece)):
        return [found]
    spelled = folded(piece)
    for text, meanings in ((piece, MEANINGS), (spelled, folded_words() if len(spelled) >= _GLUED else {})):
        words = _split(text, _SMALLEST, meanings)
        if words and all(words) and (len(text) > _SMALLEST * len(words) or _UNVOICED.search(text)):
            return words  # words of three letters alone say too much: report is no rep's ort
    tail = MEANINGS.get(piece[-_SHORT_TAILS:])
    if tail and len(piece) - _SHORT_TAILS >= _SMALLEST and (head := _whole(piece[:-_SHORT_TAILS])):
        return [*head, tail]
    return []


def _typed(piece: str) -> list[Concepts]:
    """Return what *piece* says behind the letter of a type: a character, a date, a number, a string."""
    if piece[0] not in _TYPED or len(piece) <= _LEAST_TYPED:
        return []
    if found := MEANINGS.get(piece[1:]):
        return [found]
    return _whole(piece[1:]) if len(piece) >= _LEAST_ROMAJI else []


def _meaning_of_many(word: str) -> Concepts:
    """Return what the dictionary has for *word*, or for the one of which it is the plural."""
    found = MEANINGS.get(word, _UNKNOWN)
    if not found and word.endswith("s") and len(word) > _SMALLEST:
        found = MEANINGS.get(word[:-1], _UNKNOWN)
    return found


def _ending(piece: str, spelled: str) -> list[Concepts]:
    """Return what the end of a run of letters says where its beginning is not known: ``mushiisha``."""
    for size in range(len(piece) - 2, _LEAST_TAIL - 1, -1):
        told = MEANINGS.get(piece[-size:], _UNKNOWN)
        if told and (told <= _HEADS or size > max(_LEAST_TAIL, _LEAST_SHARE * len(piece))):
            return [_UNKNOWN, told]
    for size in range(len(spelled) - 2, _LEAST_TAIL - 1, -1):
        told = folded_words().get(spelled[-size:], _UNKNOWN)
        if told and (told <= _HEADS or size > max(_LEAST_TAIL, _LEAST_SHARE * len(spelled))):
            return [_UNKNOWN, told]
    for size in range(len(piece) - 1, max(_LEAST_TAIL, len(piece) - _LEAST_TAIL) - 1, -1):
        told = MEANINGS.get(piece[:size], _UNKNOWN)
        if told & _REACHED and not _INFLECTED.fullmatch(piece[size:]):  # phonepro, emailalt
            return [told]
    if len(spelled) >= _LEAST_ROMAJI:
        for tail, told in _ROMAJI_ENDINGS.items():
            if spelled.endswith(tail):
                return [_UNKNOWN, told]
    return [_UNKNOWN]


def _split(text: str, smallest: int, meanings: Mapping[str, Concepts]) -> list[Concepts]:
    """Return the words of *text* in the split that leaves the fewest characters over, of few and long words."""
    best: list[tuple[int, int, list[Concepts]]] = [(0, 0, [])]
    for end in range(1, len(text) + 1):
        left, count, words = best[end - 1]
        choice = (left + 1, count + 1, words if words and not words[-1] else [*words, _UNKNOWN])
        for size in range(smallest, min(end, LONGEST) + 1):
            word = text[end - size : end]
            concepts = meanings.get(word) or (
                meanings.get(word[:-1]) if word[-1] == "s" and size > _LEAST_TAIL else None  # guardiansname
            )
            if concepts:
                left, count, words = best[end - size]
                if (left, count + 1) <= choice[:2]:  # of as many words the one with the longest last: 注文者|名字
                    choice = (left, count + 1, [*words, concepts])
        best.append(choice)
    return best[-1][2]


def says_nothing(header: Header) -> bool:
    """Return whether the name leaves open what the column is."""
    return max((strength for kind, strength in header.kinds.items() if kind != NONE), default=0.0) < 0.5

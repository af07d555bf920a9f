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
from sekisho.detect.column_rules import Owner, kinds_of
from sekisho.detect.column_spellings import abbreviated, folded, folded_words
from sekisho.detect.column_words import LONGEST, MEANINGS, Concepts

MOST_CHARS = 200
"""Characters of a name or comment that are read."""
_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z']+|[0-9]+|[^\x00-\x7f]+")
_SEGMENT = re.compile(r"[.\[\]$/]+")
_GLUED = 8  # letters from which two words of romaji may be glued together
_SMALLEST = 3  # letters of a word inside a run of letters without marks

_UNKNOWN: Concepts = frozenset()


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
    owner = owner_of(last)
    around = above if above is not Owner.UNKNOWN else dataset
    inside = frozenset().union(*(concepts for words in parents for concepts in words)) if parents else _UNKNOWN
    kinds = kinds_of(tuple(last), owner, around, inside)
    known = sum(bool(concepts) for concepts in last) / len(last)
    return Header(kinds, owner if owner is not Owner.UNKNOWN else above, known)


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
    folded = unicodedata.normalize("NFKC", name[:MOST_CHARS])
    pieces = [piece.lower() for piece in _PIECE.findall(folded)]
    found: list[Concepts] = []
    position = 0
    while position < len(pieces):
        for size in (3, 2, 1):
            joined = "".join(pieces[position : position + size])
            if position + size <= len(pieces) and joined in MEANINGS:
                found.append(MEANINGS[joined])
                position += size
                break
        else:
            found += _inside(pieces[position])
            position += 1
    return found


def _inside(piece: str) -> list[Concepts]:
    """Return the concepts of a piece that is no word itself: a plural, a compound without marks, a number."""
    if piece.isdigit():
        return []  # tel1, address2
    if piece.isascii():
        if piece.endswith("s") and piece[:-1] in MEANINGS:
            return [MEANINGS[piece[:-1]]]
        whole = _split(piece, _SMALLEST, MEANINGS)
        if whole and all(whole):
            return whole
        spelled = folded(piece)
        if found := folded_words().get(spelled):
            return [found]
        whole = _split(spelled, _SMALLEST, folded_words()) if len(spelled) >= _GLUED else []
        return whole if whole and all(whole) else [abbreviated(piece)]
    return _split(piece, 1, MEANINGS)


def _split(text: str, smallest: int, meanings: Mapping[str, Concepts]) -> list[Concepts]:
    """Return the words of *text* in the split that leaves the fewest characters over, of few and long words."""
    best: list[tuple[int, int, list[Concepts]]] = [(0, 0, [])]
    for end in range(1, len(text) + 1):
        left, count, words = best[end - 1]
        choice = (left + 1, count + 1, words if words and not words[-1] else [*words, _UNKNOWN])
        for size in range(smallest, min(end, LONGEST) + 1):
            concepts = meanings.get(text[end - size : end])
            if concepts:
                left, count, words = best[end - size]
                if (left, count + 1) < choice[:2]:
                    choice = (left, count + 1, [*words, concepts])
        best.append(choice)
    return best[-1][2]


def says_nothing(header: Header) -> bool:
    """Return whether the name leaves open what the column is."""
    return max((strength for kind, strength in header.kinds.items() if kind != NONE), default=0.0) < 0.5

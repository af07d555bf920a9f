"""Keys of documents: which name a field, and which are data themselves (a map from people to something).

Where a column holds documents, the path to a value inside is kept, and told as names of columns are. So a key is part
of it only if it is spelled as programs spell fields, and is nothing that a recogniser or a dictionary of names takes
for somebody's.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from sekisho.detect.column_headers import words_of
from sekisho.detect.column_people import name_shares
from sekisho.detect.column_spellings import folded
from sekisho.detect.column_words import MEANINGS
from sekisho.detect.morphemes import tags_in_dictionary
from sekisho.detect.recognisers import find

ANY: Final = "*"
"""Stands in a path for a key that is data."""

_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_NUMBER = re.compile(r"[0-9]{5}")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ITEMS = re.compile(r"(?:\[\])*\Z")
_SCHEMA_WORDS = frozenset({
    "address", "at", "birth", "blood", "by", "code", "count", "created", "customer", "date", "first", "from",
    "given", "id", "ids", "is", "item", "items", "kana", "kind", "last", "list", "middle", "name", "names",
    "no", "note", "number", "order", "path", "phone", "postal", "price", "product", "romaji", "shipping",
    "state", "status", "store", "time", "to", "total", "type", "unit", "updated", "url", "user", "value",
    "zip",
})  # fmt: skip
"""Words of which fields are made: Created At is nobody's name, though it is written like one."""
_KANA = {
    "": "アイウエオ", "k": "カキクケコ", "s": "サシスセソ", "t": "タチツテト", "n": "ナニヌネノ", "h": "ハヒフヘホ",
    "m": "マミムメモ", "y": "ヤイユエヨ", "r": "ラリルレロ", "w": "ワイウエヲ", "g": "ガギグゲゴ", "z": "ザジズゼゾ",
    "d": "ダヂヅデド", "b": "バビブベボ", "p": "パピプペポ", "f": "ハヒフヘホ", "j": "ザジズゼゾ", "sh": "サシスセソ",
    "ch": "タチツテト", "ts": "タチツテト", "c": "カキクケコ",
}  # fmt: skip
_SMALL = {"a": "ャ", "u": "ュ", "o": "ョ"}
_ROWS = "sh|ch|ts|[kgnhbpmr]y|[kgsztdnhbpmyrwjf]"
_TWICE = "k(?=k)|s(?=s)|t(?=t)|p(?=p)|c(?=c)"
_SYLLABLE = re.compile(f"(?P<twice>{_TWICE})?(?P<row>{_ROWS})?(?P<vowel>[aiueo])|n")
_SYLLABLES = re.compile(f"(?:(?:{_TWICE})?(?:{_ROWS})?[aiueo]|n)+")
_SHORTEST_NAME, _LONGEST_NAME = 3, 12  # letters of a name alone, family or given
_PEOPLE = frozenset({"人名/姓", "人名/名"})


def is_field(key: str) -> bool:
    """Return whether *key* is spelled as programs spell fields: ASCII letters, digits and ``_``, 63 at most."""
    return _FIELD.fullmatch(key) is not None


@lru_cache(maxsize=4096)
def is_personal(key: str) -> bool:
    """Return whether *key*, in whatever script, may say something of somebody."""
    if _NUMBER.search(key) or find(key):
        return True
    words = [word for word in _HUMP.sub(" ", key.replace("_", " ")).split() if word.lower() not in _SCHEMA_WORDS]
    spelled = " ".join(words).title()
    if spelled and find(spelled):
        return True
    return any(_may_name(word) for word in words)


def _may_name(word: str) -> bool:
    """Return whether a *word* that no schema has can be a Japanese name, family or given, alone."""
    if not word.isascii():
        return not all(words_of(word)) and any(name_shares([word]))
    plain = word.lower()
    if plain in MEANINGS or len(plain) < _SHORTEST_NAME or len(plain) > _LONGEST_NAME:
        return False
    return any(tags_in_dictionary(kana) & _PEOPLE for kana in _readings(folded(plain)))


def _readings(romaji: str) -> list[str]:
    """Return how folded *romaji* may be read, in katakana, each long vowel (タロウ) written and not; else nothing."""
    if not _SYLLABLES.fullmatch(romaji):
        return []
    found = [""]
    for syllable in _SYLLABLE.finditer(romaji):
        kana, vowel = _kana(syllable), syllable["vowel"]
        found = [
            before + more for before in found for more in ((kana, kana + "ウ") if vowel in {"o", "u"} else (kana,))
        ]
    return found


def _kana(syllable: re.Match[str]) -> str:
    row, vowel = syllable["row"] or "", syllable["vowel"]
    if vowel is None:
        return "ン"
    glide = row in {"sh", "ch", "j"} or row[1:] == "y"
    column = _KANA[row.removesuffix("y") or row]
    kana = column[1] + _SMALL[vowel] if glide and vowel in _SMALL else column["aiueo".index(vowel)]
    return "ッ" + kana if syllable["twice"] else kana


def without_people(path: str) -> str:
    """Return the *path* of a value inside a column of documents, with :data:`ANY` for each key that is data.

    The column's own name, before the first dot, stays: who made the table gave it.
    """
    top, *keys = path.split(".")
    return ".".join([top, *map(_shown, keys)])


def _shown(key: str) -> str:
    items = _ITEMS.search(key)
    bare = key[: items.start()] if items else key
    return key if bare in {"", ANY} or (is_field(bare) and not is_personal(bare)) else key.replace(bare, ANY, 1)

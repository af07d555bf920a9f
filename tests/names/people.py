"""Made-up people: names out of the dictionary's own entries, Faker and parts, in every spelling."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import cache

from faker.providers.person.en_US import Provider as English
from faker.providers.person.ja_JP import Provider as Japanese
from sudachipy import Dictionary

from sekisho.demo import people as demonstration
from sekisho.demo.people import romaji
from tests.names import words
from tests.names.corpora import in_tenth

_NOUN = re.compile("[\u3041-\u309f]{2,6}|[\u30a1-\u30fa\u30fc]{2,10}|[\u3005\u4e00-\u9fff]{2,5}")
_READING = re.compile("[アイウエオカ-モャヤュユョヨ-ロワンヴ]+")  # what ``romaji`` spells
_KANJI = re.compile("[\u3005\u4e00-\u9fff]{1,4}")


def hiragana(kana: str) -> str:
    """Return *kana* as hiragana."""
    return "".join(chr(ord(char) - 0x60) if "ァ" <= char <= "ヶ" else char for char in kana)


@dataclass(frozen=True, slots=True)
class Pool:
    """Names to draw from: kanji with readings in katakana.

    Attributes
    ----------
    surnames, given:
        Of the dictionary's long tail.
    common, common_given:
        Of short lists (training only: everybody has seen them).
    foreign_given, foreign_family:
        Foreign names in katakana.
    latin_given, latin_family:
        English names.
    nouns, places:
        Common nouns and names of places, which are no people.
    """

    surnames: list[tuple[str, str]]
    given: list[tuple[str, str]]
    common: list[tuple[str, str]]
    common_given: list[tuple[str, str]]
    foreign_given: list[str]
    foreign_family: list[str]
    latin_given: list[str]
    latin_family: list[str]
    nouns: list[str]
    places: list[str]


@cache
def pools() -> tuple[Pool, Pool]:
    """Return the names to learn from, and those (every fifth of each list) that are only for judging."""
    found: dict[str, dict[str, str]] = {"姓": {}, "名": {}}
    nouns, places = set[str](), set[str]()
    for entry in Dictionary(dict="core").entries():
        parts = entry.part_of_speech()
        if parts[1] == "普通名詞" and len(entry.surface()) > 1 and _NOUN.fullmatch(entry.surface()):
            nouns.add(entry.surface())
        elif parts[2] == "地名" and _KANJI.fullmatch(entry.surface()):
            places.add(entry.surface())
        if parts[2] == "人名" and parts[3] in found:
            surface, reading = entry.surface(), entry.reading_form()
            if _KANJI.fullmatch(surface) and _READING.fullmatch(reading):
                known = found[parts[3]].get(surface)
                found[parts[3]][surface] = min(known, reading) if known else reading
    faker_given = [(kanji, kana) for kanji, kana, _ in Japanese.first_name_pairs]
    common = [(row["surname"], row["kana"]) for row in demonstration.read_list("surnames.csv")]

    def unseen(name: str) -> bool:
        return in_tenth(name, 3) or in_tenth(name, 7)

    def part(judging: bool) -> Pool:
        easy = {name for name, _ in [*faker_given, *common]}
        surnames = sorted((n, r) for n, r in found["姓"].items() if unseen(n) == judging and n not in easy)
        given = sorted((n, r) for n, r in found["名"].items() if unseen(n) == judging and n not in easy)
        return Pool(
            surnames,
            given,
            [] if judging else common,
            [] if judging else faker_given,
            [name for name in words.FOREIGN_GIVEN if unseen(name) == judging],
            [name for name in words.FOREIGN_FAMILY if unseen(name) == judging],
            sorted(name for name in set(English.first_names) if unseen(name) == judging),
            sorted(name for name in set(English.last_names) if unseen(name) == judging),
            sorted(noun for noun in nouns if unseen(noun) == judging),
            sorted(place for place in places if unseen(place) == judging and len(place) > 1),
        )

    return part(judging=False), part(judging=True)


@dataclass(slots=True)
class People:
    """Draws names, the same for the same seed."""

    pool: Pool
    chance: random.Random

    def surname(self) -> tuple[str, str]:
        """Return a surname and its reading."""
        drawn = self.chance.random()
        if self.pool.common and drawn < 0.35:
            return self.chance.choice(self.pool.common)
        if drawn < 0.85 or (not self.pool.common and drawn < 0.9):
            return self.chance.choice(self.pool.surnames)
        return self.chance.choice(words.SURNAME_HEADS) + self.chance.choice(words.SURNAME_TAILS), self._reading()

    def given(self) -> tuple[str, str]:
        """Return a given name and its reading; sometimes a name that is written in kana."""
        drawn = self.chance.random()
        if self.pool.common_given and drawn < 0.15:
            return self.chance.choice(self.pool.common_given)
        if drawn < 0.7:
            return self.chance.choice(self.pool.given)
        if drawn < 0.85:
            return self.chance.choice(words.GIVEN_HEADS) + self.chance.choice(words.GIVEN_TAILS), self._reading()
        name = self.chance.choice(words.KANA_GIVEN)
        return name, "".join(chr(ord(char) + 0x60) if "ぁ" <= char <= "ゖ" else char for char in name)

    def full(self) -> str:
        """Return a full name in kanji."""
        gap = self.chance.choices(("", " ", "　"), (55, 30, 15))[0]
        return self.surname()[0] + gap + self.given()[0]

    def kana(self) -> str:
        """Return a full name in katakana, as forms ask for it."""
        return self.surname()[1] + self.chance.choices(("", " ", "　"), (35, 50, 15))[0] + self.given()[1]

    def hira(self) -> str:
        """Return a full name, or a part of it, in hiragana."""
        family, given = hiragana(self.surname()[1]), hiragana(self.given()[1])
        return self.chance.choice((family + " " + given, family + given, family, given))

    def foreign(self) -> str:
        """Return a foreign name in katakana."""
        given, family = self.chance.choice(self.pool.foreign_given), self.chance.choice(self.pool.foreign_family)
        if self.chance.random() < 0.3:  # a name out of syllables, which no list has
            family = "".join(self.chance.choice(_SYLLABLES) for _ in range(self.chance.randint(2, 4)))
        dotted = f"{given}・{family}"
        long = f"{family}・{given}・{self.chance.choice(self.pool.foreign_family)}"
        forms = (dotted, dotted, f"{given} {family}", f"{given}={family}", family, given, long, given + family)
        return self.chance.choice(forms)

    def latin(self) -> str:
        """Return a name in Latin letters."""
        if self.chance.random() < 0.6:
            family, given = (romaji(part()[1]).capitalize() for part in (self.surname, self.given))
        else:
            family, given = self.chance.choice(self.pool.latin_family), self.chance.choice(self.pool.latin_given)
        forms = (
            f"{given} {family}", f"{given} {family}", f"{given} {family.upper()}", f"{family.upper()} {given}",
            f"{family} {given}", f"{given.upper()} {family.upper()}", f"{given[:1]}. {family}", f"{family}, {given}",
        )  # fmt: skip
        return self.chance.choice(forms)

    def both(self) -> tuple[str, str, str, str]:
        """Return a full name in kanji, a bracket, its reading, a bracket."""
        (family, family_kana), (given, given_kana) = self.surname(), self.given()
        gap = self.chance.choice(("", " "))
        reading = family_kana + self.chance.choice(("", " ")) + given_kana
        if self.chance.random() < 0.25:
            reading = hiragana(reading)
        return family + gap + given, "(", reading, ")"

    def anyhow(self) -> str:
        """Return a person in any spelling."""
        draw = self.chance.choices(
            (
                self.full,
                lambda: self.surname()[0],
                lambda: self.given()[0],
                self.kana,
                self.hira,
                self.foreign,
                self.latin,
            ),
            (36, 25, 10, 7, 8, 8, 6),
        )[0]
        return draw()

    def _reading(self) -> str:
        return "".join(self.chance.choice(_SYLLABLES[:41]) for _ in range(self.chance.randint(2, 4))).lstrip("ンー")


_SYLLABLES = (
    "アイウエオカキクケコサシスセソタツテトナニヌネノハヒフヘホマ"
    "ミムメモラリルレロヴガグゴザジズダデドバビブベボパピプペポンースルトン"
)

"""Support logs made of templates and made-up people: the same lines for the same seed."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from faker.providers.address.ja_JP import Provider as Addresses
from faker.providers.company.ja_JP import Provider as Companies

from tests.names import plain_lines, templates, unseen_templates, words
from tests.names.corpora import Marked
from tests.names.frames import frame
from tests.names.people import People, pools

_SLOT = re.compile(r"\{(\w+)\}")
_LABELS = {"org": "ORG", "fac": "FAC", "loc": "LOCATION", "addr": "ADDRESS", "work": "WORK"}
_PEOPLE = {"p", "full", "sur", "giv", "kana", "hira", "foreign", "latin"}


class Lines:
    """Fills templates.

    Parameters
    ----------
    seed:
        Of everything that is drawn.
    unseen:
        Whether to draw from the names and words that training never sees.
    """

    def __init__(self, seed: int, *, unseen: bool) -> None:
        self._chance = random.Random(seed)
        self._pool = pools()[unseen]
        self._people = People(self._pool, self._chance)
        self._unseen = unseen

    def fill(self, template: str) -> Marked:
        """Return *template* with every slot filled, and where the names are."""
        text, marks, at = "", [], 0
        template = template.replace("\\n", "\n")
        for slot in _SLOT.finditer(template):
            text += template[at : slot.start()]
            at = slot.end()
            name = slot[1]
            if name == "both":
                kanji, opening, kana, closing = self._people.both()
                marks.append((len(text), len(text) + len(kanji), "PERSON"))
                text += kanji + opening
                marks.append((len(text), len(text) + len(kana), "PERSON"))
                text += kana + closing
                continue
            value = self._value(name)
            label = "PERSON" if name in _PEOPLE else _LABELS.get(name)
            if label:
                marks.append((len(text), len(text) + len(value), label))
            text += value
        return Marked(text + template[at:], tuple(marks), template)

    def _value(self, slot: str) -> str:
        chance, people = self._chance, self._people
        match slot:
            case "p":
                return people.anyhow()
            case "sur":
                return people.surname()[0]
            case "giv":
                return people.given()[0]
            case "full" | "kana" | "hira" | "foreign" | "latin":
                return str(getattr(people, slot)())
            case "h":
                return chance.choice(words.HONORIFICS)
            case "org":
                return self._organisation()
            case "fac":
                return chance.choice(words.UNSEEN_FACILITIES if self._unseen else words.FACILITIES)
            case "loc":
                if chance.random() < 0.3:
                    return chance.choice(self._pool.places)
                return chance.choice(words.UNSEEN_PLACES if self._unseen else words.PLACES)
            case "work":
                return chance.choice(words.UNSEEN_PRODUCTS if self._unseen else words.PRODUCTS)
            case "word":
                return chance.choice(self._pool.nouns if chance.random() < 0.5 else words.WORDS)
            case "noun":
                return chance.choice(words.NOUNS)
            case "kin":
                return chance.choice(words.KIN)
            case "role":
                return chance.choice(words.ROLES)
            case "addr":
                return self._address()
        return self._number(slot)

    def _organisation(self) -> str:
        chance = self._chance
        if chance.random() < 0.5:
            return chance.choice(words.UNSEEN_ORGANISATIONS if self._unseen else words.ORGANISATIONS)
        surname = self._people.surname()[0]
        category = chance.choice(
            [*Companies.company_categories, "電機", "商店", "屋", "製菓", "工務店", "医院", "歯科", "不動産"]
        )
        company = surname + category
        return chance.choice((company, f"株式会社{company}", f"{company}株式会社", f"有限会社{company}"))

    def _address(self) -> str:
        chance = self._chance
        place = chance.choice(Addresses.prefectures) + chance.choice(Addresses.cities)
        if chance.random() < 0.3:
            place = chance.choice(Addresses.cities)
        place += chance.choice(Addresses.towns)
        number = [str(chance.randint(1, 30)) for _ in range(chance.randint(1, 3))]
        place += "-".join(number) if chance.random() < 0.6 else "丁目".join(number[:2]) + "番地"
        if chance.random() < 0.4:
            building = chance.choice(Addresses.building_names)
            place += (
                chance.choice(("", " ")) + building + str(chance.randint(101, 1205)) + chance.choice(("", "号室"))
            )
        return place

    def _number(self, slot: str) -> str:
        chance = self._chance
        match slot:
            case "tel":
                head = chance.choice(("090", "080", "070", "03", "06"))
                return f"{head}-{chance.randint(1000, 9999)}-{chance.randint(1000, 9999)}"
            case "mail":
                return f"user{chance.randint(1, 999)}@example.{chance.choice(('com', 'jp', 'co.jp'))}"
            case "no":
                return str(chance.randint(1000, 99_999_999))
            case "date":
                year, month, day = chance.randint(1950, 2026), chance.randint(1, 12), chance.randint(1, 28)
                return chance.choice(
                    (f"{year}年{month}月{day}日", f"{year}/{month}/{day}", f"{month}月{day}日", f"{month}/{day}")
                )
            case "time":
                return f"{chance.randint(0, 23)}:{chance.randint(0, 59):02}"
            case "yen":
                return f"{chance.randint(1, 99)},{chance.randint(0, 999):03}円"
        raise LookupError(slot)


def lines(count: int, seed: int, source: Sequence[str] | None = None, *, unseen: bool) -> list[Marked]:
    """Return *count* filled lines; one in four of training has nobody in it."""
    made = Lines(seed, unseen=unseen)
    chance = random.Random(seed + 1)
    if source is None:
        source = [*templates.PEOPLE * 2, *templates.OTHERS * 2, *plain_lines.LINES, *templates.ENGLISH]
    result = []
    for _ in range(count):
        template = frame(chance) if not unseen and chance.random() < 0.35 else chance.choice(source)
        if not unseen and chance.random() < 0.3:
            template += chance.choice(("", " ", "\n")) + chance.choice(source)
        result.append(made.fill(template))
    return result


def unseen_lines(count: int, seed: int, source: Sequence[str] = unseen_templates.LINES) -> list[Marked]:
    """Return *count* lines of templates, names and words that training never sees."""
    return lines(count, seed, source, unseen=True)


def support_texts(count: int, seed: int) -> list[str]:
    """Return *count* texts of some fifty characters, two unseen lines each."""
    made = unseen_lines(2 * count, seed)
    return [f"{first.text}\n{second.text}" for first, second in zip(made[::2], made[1::2], strict=True)]

"""Add to the list of given names in Latin letters: ``python -m tests.names.english_lists`` (Faker's, MIT).

Names of Europe and of where its languages are spoken: who writes English is called by any of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from zoneinfo import available_timezones

from faker.providers.address.en import Provider as Places
from faker.providers.lorem.en_US import Provider as Lorem

from sekisho.detect import model

_LOCALES = """
cs_CZ da_DK de_AT de_CH de_DE de_LU en_GB en_IE en_NZ en_US es_AR es_CA es_CL es_CO es_ES es_MX fi_FI fr_BE fr_CA
fr_CH fr_FR hr_HR hu_HU is_IS it_IT lt_LT lv_LV nl_BE nl_NL no_NO pl_PL pt_BR pt_PT ro_RO sk_SK sl_SI sv_SE
"""
_NAME = re.compile(r"[^\W\d_a-zß-öø-ÿ][^\W\d_A-Z]{3,20}")
_NOT_ALONE = """
April June August Autumn Dawn Monday Christian German Roman Slovak Swede Dane Lady Dean Earl Prince Duke Baron
Wolf Love Nova Siri Meta Beta Alfa Alpha Delta Gamma Sigma Omega Mars Vega Saga Borg Kobe Joke Kick Kort Lean
Line Loan Mare Mate Mile Mist Page Roar Star Till Tone Tore Ward Cord Bent Berg Grit Gust Hind Holm Lone Lore
Peer Pero Puck Rein Rune Sine Tera Tori Amber Angel Basil Crystal Daisy Faith Holly Jade Lily Olive Rose
Rosemary Ruby Violet Willow Noel Christmas Even Miller Smith Carter Cooper Sol Ocean Melody Harmony Destiny
Trinity Precious Princess Royal Sterling Charity Patience Prudence Constance Honor Justice Liberty Mercy Unity
Verity Victor Major General Rich Frank Case Chase Chance Hunter Mason Gage Brook Brooks River Forest Heath Clay
Cliff Dale Glen Reed Stone Sunny Stormy Misty Sandy Penny Ginger Cherry Candy Honey Berry Clementine Ebony Ivory
Coco Cocoa Dixie Lexus Porsche Mercedes Chanel Dior Prada Versace Paris Milan Florence Odessa Vienna Verona Roma
Lima Cairo Carolina Virginia Montana Alabama Tennessee Alaska Savannah Memphis Boston Dallas Houston Austin
Denver Orlando Brooklyn Bronx Kent Devon Essex Chester Lincoln Lancaster York Preston Carlisle
"""
_DOCS = Path(__file__).parents[2] / "docs"


def _given(locale: str) -> Iterator[str]:
    """Yield the given names of *locale* that are one word."""
    provider = import_module(f"faker.providers.person.{locale}").Provider
    for attribute in dir(provider):
        names = getattr(provider, attribute)
        if "first" in attribute and isinstance(names, (list, tuple, dict)):
            yield from (name for name in names if isinstance(name, str) and _NAME.fullmatch(name))


def _words() -> frozenset[str]:
    """Return words of English and of names of places, which a name alone must not be taken for."""
    words = {word.lower() for word in [*Lorem.word_list, *_NOT_ALONE.split()]}
    for page in _DOCS.rglob("*.md"):
        words.update(re.findall(r"(?<![\w`/.])[a-z]{3,}(?![\w`/=.])", page.read_text(encoding="utf-8")))
    for place in [*available_timezones(), *Places.countries]:
        words.update(re.findall(r"[a-z]+", place.lower()))
    return frozenset(words)


def main() -> None:
    """Add given names that are no common words to those that are listed; surnames stay as they are."""
    path = Path(model.__file__).with_name("english_names.txt")
    listed, surnames = path.read_text("utf-8").splitlines()
    words = _words()
    new = {name for locale in _LOCALES.split() for name in _given(locale) if name.lower() not in words}
    path.write_text(" ".join(sorted({*listed.split(), *new})) + f"\n{surnames}\n", encoding="utf-8")


if __name__ == "__main__":
    main()

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
Alfa Amber Angel April August Austin Autumn Basil Bent Berg Beta Borg Brooklyn Carolina Carter Chase Christian
Constance Constant Cooper Cord Crystal Daisy Dale Dawn Dean Destiny Devon Drew Earl Ebony Faith Florence Frank
German Glen Grace Grant Grit Gust Harm Harmony Hind Holly Holm Hunter Jade Joke June Kent Kick Kobe Kort Lady
Lean Lies Lily Lincoln Line Loan Lone Lore Love Made Mare Mark Mars Mason Mate Melody Mercedes Meta Milan Mile
Miller Mist Misty Noel Nova Olive Orlando Paris Peer Penny Pero Preston Puck Rein Roar Roman Rose Rosemary Ruby
Rune Saga Said Sandy Savannah Sine Siri Smith Sole Tera Ties Till Tone Tore Tori Trinity Vega Victor Violet
Virginia Ward Willow Wolf
"""


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

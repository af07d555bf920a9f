"""Who is outside: ``requesters.*.party`` and ``datasets.*.obtained_from``.

What stands here goes into the records that the APPI demands (29, 30), so that it is checked for form; that it is
true only the controller can say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from sekisho.domain.provisions import Keeping, Origin, Party
from sekisho.domain.purpose_facts import COUNTRIES
from sekisho.domain.terms import Dataset, Recipient, Requester
from sekisho.settings.faults import shown
from sekisho.settings.section import Section


def with_parties(root: Section, requesters: Mapping[str, Requester]) -> dict[str, Requester]:
    """Return *requesters*, those outside with who they are."""
    found = dict(requesters)
    for name, section in root.named("requesters", "requester"):
        if name in found:
            found[name] = replace(found[name], party=_outside(section, found[name].recipient))
    return found


def with_origins(root: Section, datasets: Mapping[str, Dataset]) -> dict[str, Dataset]:
    """Return *datasets*, those that were received from elsewhere with from whom."""
    found = dict(datasets)
    for name, section in root.named("datasets", "dataset", dotted=True):
        if name in found:
            about_people = found[name].data_subject is not None
            found[name] = replace(found[name], origin=_origin(section, about_people=about_people))
    return found


def _outside(requester: Section, recipient: Recipient) -> Party | None:
    """Return who a requester outside is."""
    section = requester.section("party")
    if section is None:
        return None
    if recipient is Recipient.INTERNAL:
        requester.wrong(
            "party", "somebody inside is no party of its own", "set `recipient` to processor or third_party"
        )
    keeping = section.choice("records", Keeping, "way of keeping records") or Keeping.EACH
    return _party(section, keeping)


def _origin(dataset: Section, *, about_people: bool) -> Origin | None:
    """Return from whom a dataset was received."""
    section = dataset.section("obtained_from")
    if section is None:
        return None
    if not about_people:
        dataset.wrong("obtained_from", "data about nobody needs no record of its receipt", "leave it out")
    received_on = _day(section, "received_on")
    acquired, consent, found = _line(section, "acquired"), section.flag("consent"), _party(section, Keeping.EACH)
    if acquired is None or received_on is None or found is None:
        return None
    return Origin(found, acquired, received_on, consent)


def _party(section: Section, keeping: Keeping) -> Party | None:
    name, address, representative = (_line(section, key) for key in ("name", "address", "representative"))
    country = section.text("country") if section.has("country") else None
    if country is not None and country not in COUNTRIES:
        section.wrong(
            "country", f"{shown(country)} is no country", "write two capital letters of ISO 3166-1, for example JP"
        )
    return None if name is None else Party(name, address, representative, country, keeping)


def _line(section: Section, key: str) -> str | None:
    """Return a text on one line: it goes into audit records, which hold no control characters."""
    text = section.text(key)
    if text is None:
        return None
    text = text.strip()
    if not text.isprintable():
        section.wrong(key, f"`{key}` is not on one line", "write it on one line, without control characters")
        return None
    return text


def _day(section: Section, key: str) -> date | None:
    text = section.text(key)
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        section.wrong(key, f"`{key}` is no day", 'write it as year-month-day in quotes: "2026-04-01"')
        return None

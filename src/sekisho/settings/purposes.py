"""What a purpose tells people, and how it asks them: the optional keys of ``purposes.*``.

Each is refused where it could not be kept: a confirmation of what nobody consents to, a regime that asks
for more than the gateway enforces, a third party that people are not told of.
"""

from __future__ import annotations

from typing import TypedDict

from sekisho.domain.purpose_facts import MOST_DAYS, is_dpv_term
from sekisho.domain.terms import LegalBasis, Recipient
from sekisho.settings.conditions import countries
from sekisho.settings.faults import nearest, shown
from sekisho.settings.keys import CONFIRMATIONS, SECTIONS
from sekisho.settings.section import Section

_STRICTNESS = {LegalBasis.CONSENT: 2, LegalBasis.LEGITIMATE_INTEREST: 1}  # nobody is asked for the others


class PurposeFacts(TypedDict):
    """Further fields of ``domain.terms.Purpose``."""

    direct_marketing: bool
    confirm: bool
    validity_days: int | None
    retention_days: int | None
    guardian_below_age: int | None
    data_categories: tuple[str, ...]
    data_titles: dict[str, dict[str, str]]
    recipients: tuple[str, ...]
    transfer_countries: tuple[str, ...]
    transfer_information: dict[str, dict[str, str]]
    person_related: bool
    dpv: str | None
    legal_bases: dict[str, LegalBasis]


def purpose_facts(section: Section, basis: LegalBasis | None, *, third_party: bool) -> PurposeFacts:
    """Return the optional keys of one purpose.

    Parameters
    ----------
    section:
        The purpose's section; what is wrong is noted there.
    basis:
        Its ``legal_basis``, ``None`` when that is at fault already.
    third_party:
        Its ``third_party``.
    """
    for key in ("confirm", "validity_days", "guardian_below_age"):
        if section.has(key) and basis not in {LegalBasis.CONSENT, None}:
            section.wrong(key, f"nobody consents to {basis.value}", f"leave `{key}` out")
    direct_marketing = section.flag("direct_marketing")
    if direct_marketing and basis is not None and basis not in _STRICTNESS:
        section.wrong(
            "direct_marketing",
            f"nobody could object to {basis.value}, and everybody may object to direct marketing (GDPR 21(2))",
            "make the legal basis consent or legitimate_interest",
        )
    person_related, told = section.flag("person_related"), countries(section, "transfer_countries")
    data = section.told("data_categories")
    return {
        "direct_marketing": direct_marketing,
        "confirm": _confirm(section),
        "validity_days": _whole(section, "validity_days", MOST_DAYS),
        "retention_days": _whole(section, "retention_days", MOST_DAYS),
        "guardian_below_age": _whole(section, "guardian_below_age", 25),
        "data_categories": tuple(data),
        "data_titles": {text: titles for text, titles in data.items() if titles},
        "recipients": _recipients(section, third_party=third_party or person_related),
        "transfer_countries": told,
        "transfer_information": _transfer_information(section, told),
        "person_related": person_related,
        "dpv": _dpv(section),
        "legal_bases": _legal_bases(section, basis),
    }


def _whole(section: Section, key: str, most: int) -> int | None:
    return section.whole(key, 0, 1, most) or None


def _confirm(section: Section) -> bool:
    word = section.text("confirm")
    if word is not None and word not in CONFIRMATIONS:
        section.wrong("confirm", f"{shown(word)} is no confirmation", nearest(word, CONFIRMATIONS))
    return word == "double_opt_in"


def _recipients(section: Section, *, third_party: bool) -> tuple[str, ...]:
    recipients = section.texts("recipients")
    relations = [relation.value for relation in Recipient]
    for recipient in recipients:
        relation, colon, name = recipient.partition(":")
        if not colon or not name.strip():
            section.wrong(
                "recipients",
                f"{shown(recipient)} does not say what the recipient is",
                f'write "RELATION: NAME", the relation one of {", ".join(relations)}',
            )
        elif relation not in relations:
            section.wrong("recipients", f"{shown(relation)} is no relation", nearest(relation, relations))
        elif relation == Recipient.THIRD_PARTY.value and not third_party:
            section.wrong(
                "recipients",
                "a third party receives data of a purpose that provides nothing to third parties",
                "set `third_party: true` if people are told so (APPI 27)",
            )
    return recipients


def _transfer_information(section: Section, told: tuple[str, ...]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for country, inner in section.named("transfer_information", "country", known=frozenset(told)):
        parts = {part: inner.text(part) for part in ("system", "measures")}
        found[country] = {part: text for part, text in parts.items() if text is not None}
    return found


def _dpv(section: Section) -> str | None:
    term = section.text("dpv")
    if term is not None and not is_dpv_term(term):
        section.wrong(
            "dpv",
            f"{shown(term)} is no term of the Data Privacy Vocabulary",
            "write one of its purposes, for example dpv:PersonalisedAdvertising",
        )
    return term


def _legal_bases(section: Section, basis: LegalBasis | None) -> dict[str, LegalBasis]:
    """Return the ground by regime. What is enforced is ``legal_basis``: no regime may ask for more than that."""
    inner = section.section("legal_bases")
    found: dict[str, LegalBasis] = {}
    if inner is None:
        return found
    for key in SECTIONS["purposes.*.legal_bases"]:
        ground = inner.choice(key.name, LegalBasis, "legal basis")
        if ground is None:
            continue
        found[key.name] = ground
        if basis is not None and _STRICTNESS.get(ground, 0) > _STRICTNESS.get(basis, 0):
            inner.wrong(
                key.name,
                f"{key.name} stands on {ground.value}, which asks people more than {basis.value}, which is enforced",
                f"make `legal_basis` {ground.value}",
            )
    return found

"""What people are told about a purpose, as one JSON value, and how far a change of it goes.

What was declared when somebody agreed is what they agreed to (GDPR 4(11), 6(1)(a); 利用目的, APPI 17, 21). More
data, another recipient, another country or a longer time is another question, which has to be asked anew:
a *major* change. Another wording of the same is *minor*.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

from sekisho.domain.notices import LOCALES, Change
from sekisho.domain.terms import LegalBasis, Purpose, Recipient
from sekisho.errors import InvalidRequest

TOLD = frozenset(
    {
        "title",
        "description",
        "recipients",
        "transfer_countries",
        "transfer_information",
        "data_categories",
        "retention_days",
        "validity_days",
        "dpv",
    }
)
"""Facts that can be told anew without a change of ``sekisho.yaml``: they describe, and enforce nothing."""

_ISO_3166 = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC
CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD
GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH
KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW
MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC
SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY
UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
COUNTRIES = frozenset(_ISO_3166.split())
"""Countries by their two letters (ISO 3166-1 alpha-2)."""
MOST_DAYS = 36_500
"""A century: a longer time is a slip."""

_DPV = re.compile(r"dpv:[A-Z][A-Za-z0-9]{1,80}")
_MOST_TEXT = 500
# Facts whose every difference is material, with what their absence means. A fact that an older version of the
# gateway did not know is absent from its versions, and must not read as a change.
_MATERIAL: Mapping[str, object] = {
    "legal_basis": None,
    "output": "rows",
    "third_party": False,
    "person_related": False,
}
_MATERIAL_SETS = ("cells", "data_categories", "explicit", "clear", "recipients", "transfer_countries")
_REGIMES = ("appi", "gdpr")
_LIMITS = {"validity_days": True, "retention_days": False}  # whether none at all is the longest


def facts_of(purpose: Purpose) -> dict[str, object]:
    """Return everything that is declared about *purpose*, as JSON values.

    What data is called in other languages stands there only where it is said: older versions have no such fact.
    """
    titles = {text: dict(titles) for text, titles in purpose.data_titles.items()}
    return {
        **({"data_titles": titles} if titles else {}),
        "title": dict(purpose.title),
        "description": dict(purpose.description),
        "dpv": purpose.dpv,
        "legal_basis": purpose.legal_basis.value,
        "legal_bases": {regime: basis.value for regime, basis in sorted(purpose.legal_bases.items())},
        "default": _default(purpose.legal_basis),
        "output": purpose.output,
        "cells": list(purpose.cells),
        "data_categories": list(purpose.data_categories),
        "explicit": sorted(purpose.explicit),
        "clear": sorted(purpose.clear),
        "recipients": list(purpose.recipients),
        "third_party": purpose.third_party,
        "person_related": purpose.person_related,
        "transfer_countries": list(purpose.transfer_countries),
        "transfer_information": {country: dict(told) for country, told in purpose.transfer_information.items()},
        "direct_marketing": purpose.direct_marketing,
        "gpc": purpose.gpc,
        "confirmation": "double_opt_in" if purpose.confirm else "none",
        "validity_days": purpose.validity_days,
        "retention_days": purpose.retention_days,
        "guardian_below_age": purpose.guardian_below_age,
    }


def change_between(old: Mapping[str, object], new: Mapping[str, object]) -> Change | None:
    """Return how far *new* facts go beyond *old* ones, ``None`` when they say the same.

    Major are: the legal basis (in any regime), the output, data (categories, cells, explicit, unmasked),
    recipients, third parties and what they will know, countries, direct marketing where there was none, a
    longer validity or retention, and a lower age below which a guardian decides. Everything else is wording.
    """
    if facts_sha256(old) == facts_sha256(new):
        return None
    return Change.MAJOR if material_differences(old, new) else Change.MINOR


def material_differences(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names of the facts in which *new* asks for more, or for something else, than *old*."""
    found = [name for name, absent in _MATERIAL.items() if old.get(name, absent) != new.get(name, absent)]
    found += [name for name in _MATERIAL_SETS if _as_set(old.get(name)) != _as_set(new.get(name))]
    if "legal_basis" not in found and _bases(old) != _bases(new):
        found.append("legal_bases")
    if new.get("direct_marketing") and not old.get("direct_marketing"):
        found.append("direct_marketing")
    for name, none_is_longest in _LIMITS.items():
        if _longer(old.get(name), new.get(name), none_is_longest=none_is_longest):
            found.append(name)
    before, now = old.get("guardian_below_age"), new.get("guardian_below_age")
    # None leaves it to the rules of law, to which the workspace's own age can only add.
    if isinstance(before, int) and (not isinstance(now, int) or now < before):
        found.append("guardian_below_age")
    return tuple(sorted(found))


def facts_json(facts: Mapping[str, object]) -> str:
    """Return *facts* in their one spelling: sorted names, no white space."""
    return json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def facts_sha256(facts: Mapping[str, object]) -> str:
    """Return the SHA-256, in hexadecimal, of *facts* in their one spelling."""
    return hashlib.sha256(facts_json(facts).encode()).hexdigest()


def told_anew(facts: Mapping[str, object], overlay: Mapping[str, object]) -> dict[str, object]:
    """Return *facts* with those of *overlay* in their place.

    Raises
    ------
    InvalidRequest
        When *overlay* is empty, holds a fact that ``sekisho.yaml`` alone decides, or one that cannot be read.
    """
    if not overlay or not overlay.keys() <= TOLD:
        raise InvalidRequest(
            f"facts may hold {', '.join(sorted(TOLD))}; what is enforced is declared in sekisho.yaml alone."
        )
    for name, value in overlay.items():
        if not _is_fact(name, value, third_party=facts.get("third_party") is True):
            raise InvalidRequest(f"{name} cannot be read as what sekisho.yaml takes there.")
    return {**facts, **overlay}


def is_dpv_term(text: str) -> bool:
    """Return whether *text* is spelled like a term of the W3C Data Privacy Vocabulary (``dpv:Word``)."""
    return _DPV.fullmatch(text) is not None


def _is_fact(name: str, value: object, *, third_party: bool) -> bool:
    if name in {"title", "description"}:
        return isinstance(value, Mapping) and set(value) == set(LOCALES) and all(map(_is_text, value.values()))
    if name in {"retention_days", "validity_days"}:
        return value is None or (type(value) is int and 1 <= value <= MOST_DAYS)
    if name == "dpv":
        return value is None or (isinstance(value, str) and is_dpv_term(value))
    if name == "transfer_information":
        return isinstance(value, Mapping) and COUNTRIES.issuperset(value) and all(map(_is_told, value.values()))
    if not isinstance(value, list) or len(value) > 100 or not all(map(_is_line, value)):
        return False
    if len(set(value)) != len(value):
        return False
    if name == "transfer_countries":
        return COUNTRIES.issuperset(value)
    return name != "recipients" or all(_is_recipient(text, third_party=third_party) for text in value)


def _is_told(value: object) -> bool:
    """Return whether *value* tells of a country what has to be told before consent (APPI 28(2))."""
    return isinstance(value, Mapping) and set(value) == {"system", "measures"} and all(map(_is_text, value.values()))


def _is_recipient(text: str, *, third_party: bool) -> bool:
    relation, _, who = text.partition(":")
    allowed = set(Recipient) if third_party else set(Recipient) - {Recipient.THIRD_PARTY}
    return relation in allowed and bool(who.strip())


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= _MOST_TEXT


def _is_line(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= 200 and value.isprintable()


def _default(basis: LegalBasis) -> str:
    """Return what holds for somebody who never said anything."""
    if basis is LegalBasis.CONSENT:
        return "not_used"
    return "used_until_objection" if basis is LegalBasis.LEGITIMATE_INTEREST else "used"


def _as_set(value: object) -> frozenset[str]:
    return frozenset(str(item) for item in value) if isinstance(value, list | tuple) else frozenset()


def _bases(facts: Mapping[str, object]) -> dict[object, object]:
    """Return the ground by regime; a regime that is not named stands on the general one."""
    stated = facts.get("legal_bases")
    general = facts.get("legal_basis")
    return dict.fromkeys(_REGIMES, general) | (dict(stated) if isinstance(stated, Mapping) else {})


def _longer(old: object, new: object, *, none_is_longest: bool) -> bool:
    unlimited = MOST_DAYS + 1 if none_is_longest else 0
    before = old if isinstance(old, int) else unlimited
    now = new if isinstance(new, int) else unlimited
    return now > before

"""The factors that speak for and against each kind, each a number from -1 to 1 and none of them a value.

Every factor means the same for every kind, so that a few coefficients serve all of them, and a kind that was
rare among the labelled columns is judged as well as a common one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sekisho.detect.column_fit import fit_of
from sekisho.detect.column_headers import Header
from sekisho.detect.column_kinds import FREE_TEXT, KINDS, NONE, Shape
from sekisho.detect.column_owners import Owner
from sekisho.detect.column_values import Profile
from sekisho.domain.terms import ColumnClass

FACTORS: tuple[str, ...] = (
    "header",  # the name says this kind
    "header_other",  # the name says another one
    "comment",  # the store's comment says this kind
    "marked",  # share of distinct values in a form that is proof
    "loose",  # the same, in a form that other things have too
    "listed",  # share that stands in the kind's list
    "agreement",  # the name says this kind and the values agree
    "misfit",  # share of values that this kind cannot be
    "check_digits",  # pass rate against the tenth that passes by chance
    "outmatched",  # the values are better proof of another kind
    "siblings",  # the other columns of the table
    "person",  # the name, path or table is about people
    "thing",  # it is about goods, shops, companies
    "type",  # the store's type cannot hold this kind
    "unique",  # an identifier is as often distinct as it is there
    "few",  # few distinct values
    "prose",  # sentences, for free text
    "prose_other",  # sentences, against any other kind
    "plain",  # amounts, times, flags: for none
    "wordy",  # varied words, against none
    "firms",  # institutions: for none and employers, against people
    "goods",  # check digits of goods: for none
    "nothing",  # neither name nor form: against all but free text
    "base_none", "base_text", "base_marked", "base_loose", "base_listed", "base_headed",
)  # fmt: skip
"""Names of the factors, in the order of their coefficients."""

AGAINST = frozenset({"header_other", "misfit", "outmatched", "type", "prose_other", "wordy"})
"""Factors that may only count against a kind; ``base_`` ones may do either, all others only speak for it.

``thing``, ``firms`` and ``check_digits`` are negative numbers where they speak against.
"""

_NUMBERED = frozenset({"customer_id", "order_number", "record_id"})
_PEOPLE = frozenset({"name", "family_name", "given_name", "name_kana"})
_PLACES = frozenset({"address", "postal_code", "prefecture", "city", "country", "phone"})
_PARTNERS: Mapping[str, frozenset[str]] = {
    "family_name": frozenset({"given_name", "name_kana"}),
    "given_name": frozenset({"family_name", "name_kana"}),
    "name": frozenset({"name_kana", "birth_date", "gender", "email", "phone", "address"}),
    "name_kana": frozenset({"name", "family_name", "given_name"}),
    "birth_date": frozenset({"gender", "name", "name_kana", "family_name"}),
    "gender": frozenset({"birth_date", "age", "name", "name_kana"}),
    "age": frozenset({"gender"}),
    "insured_number": frozenset({"insurer_number"}),
    "insurer_number": frozenset({"insured_number"}),
    "location": frozenset({"location"}),
    **{kind: _PLACES - {kind, "phone"} for kind in _PLACES},
}
_CHECKED = {
    "my_number": "my_number", "driver_licence": "drivers_licence", "card": "card", "insurer_number": "insurer_number",
    "corporate_number": "corporate_number", "invoice_number": "invoice_number", "resident_code": "resident_code",
}  # fmt: skip
# Kinds whose lists hold words that are seldom labels of anything else.
_TELLING = ("prefecture", "gender", "occupation", "education", "marital_status", "income", "health", "creed", "race")
_STAMPED = ("email", "line_id", "residence_card", "number_plate", "invoice_number")
_PERSONAL = frozenset(
    kind
    for kind, facts in KINDS.items()
    if facts.column_class not in {ColumnClass.NONE, ColumnClass.FREE_TEXT, ColumnClass.LINKING_IDENTIFIER}
)
_BASE = {
    Shape.MARKED: "base_marked",
    Shape.LOOSE: "base_loose",
    Shape.LISTED: "base_listed",
    Shape.HEADED: "base_headed",
}
_RATE = {Shape.MARKED: "marked", Shape.LOOSE: "loose", Shape.LISTED: "listed"}


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of one column, without its values.

    ``sort`` is ``s``, ``n``, ``d`` or ``b`` for text, number, date and boolean; ``distinct`` the distinct values and
    ``present`` the rows that have one; ``siblings`` the kinds that the other names say.
    """

    header: Header
    comment: Header
    owner: Owner
    siblings: tuple[str, ...]
    profile: Profile
    sort: str
    distinct: int
    present: int


def factors_of(evidence: Evidence) -> dict[str, dict[str, float]]:
    """Return for each kind the factors that are not zero."""
    profile = evidence.profile
    # Few values say less than many.
    weight = profile.values / (profile.values + 2)
    proofs = {kind: _proof(kind, evidence) for kind in KINDS}
    proofs[NONE] = max(0.0, check_evidence(*profile.checks.get("goods", (0, 0))))
    return {kind: _of(kind, evidence, weight, proofs) for kind in KINDS}


def check_evidence(tried: int, passed: int) -> float:
    """Return how much *passed* of *tried* check digits speak for a kind, -1 to 1.

    The logarithm of the binomial likelihood ratio of a column of this kind (49 of 50 pass) and of any other
    (one of 10 passes), cut at a million to one.
    """
    ratio = passed * math.log(0.98 / 0.10) + (tried - passed) * math.log(0.02 / 0.90)
    return max(-1.0, min(1.0, ratio / math.log(1e6)))


def _proof(kind: str, evidence: Evidence) -> float:
    """Return how far the values alone prove *kind*."""
    facts, profile = KINDS[kind], evidence.profile
    rate = _rate(kind, profile)
    if kind in _CHECKED:
        checked = check_evidence(*profile.checks.get(_CHECKED[kind], (0, 0)))
        return rate * max(0.0, checked)
    return (
        rate if facts.shape is Shape.MARKED or kind in _PEOPLE else 0.7 * rate if facts.shape is Shape.LISTED else 0.0
    )


def _outmatched(kind: str, proofs: Mapping[str, float], own: float) -> float:
    """Return how much better the values prove another kind than they do this one.

    A name that says nothing personal (区分, AREA) holds against lists of people's words by half, and one that says
    a number (userId) by an eighth against forms that only one kind of number has.
    """
    best = max((proof for other, proof in proofs.items() if other != kind), default=0.0)
    if kind == NONE or kind in _NUMBERED:
        told = max(proofs[other] for other in (_TELLING if kind == NONE else _STAMPED))
        return max(0.0, best - own, told - own / (2 if kind == NONE else 8))
    return max(0.0, best - own)


def _specific(kind: str, profile: Profile) -> float:
    """Return how seldom values of other kinds have the form: bare digits of some length are anything."""
    if kind in _CHECKED:
        return max(0.1, check_evidence(*profile.checks.get(_CHECKED[kind], (0, 0))))
    bare = profile.forms.get("digits", 0.0) + profile.forms.get("epoch", 0.0)
    if kind in {"postal_code", "pension_number", "employment_insurance", "bank_account"}:
        return 1.0 - 0.8 * bare
    return 1.0


_RENAMED = {"driver_licence": "drivers_licence"}


def _rate(kind: str, profile: Profile) -> float:
    rate = profile.matches.get(_RENAMED.get(kind, kind), 0.0)
    if kind == "bank_account":
        return max(rate, profile.matches.get("iban", 0.0), profile.matches.get("postal_account", 0.0))
    if kind == "device_id":
        return max(profile.matches.get("mac", 0.0), 0.8 * profile.matches.get("uuid", 0.0))
    if kind == "record_id":
        return profile.matches.get("uuid", 0.0)
    if kind == "health":
        return max(rate, profile.matches.get("blood", 0.0))
    return rate


def _of(kind: str, evidence: Evidence, weight: float, proofs: Mapping[str, float]) -> dict[str, float]:
    header, profile, facts = evidence.header, evidence.profile, KINDS[kind]
    said = header.kinds.get(kind, 0.0)
    rate, fit = _rate(kind, profile), fit_of(kind, profile, evidence.distinct)
    values: dict[str, float] = {
        "header": said,
        "header_other": max((s for other, s in header.kinds.items() if other != kind), default=0.0) * (1 - said),
        "comment": evidence.comment.kinds.get(kind, 0.0),
        "agreement": said * fit * weight,
        "misfit": (1 - fit) * weight if kind != NONE else 0.0,
        "outmatched": _outmatched(kind, proofs, max(rate, said * fit)) * weight,
        "prose_other": profile.prose * weight if kind != FREE_TEXT else 0.0,
        _BASE[facts.shape] if kind not in {NONE, FREE_TEXT} else "base_none" if kind == NONE else "base_text": 1.0,
    }
    if facts.shape in _RATE and kind != FREE_TEXT:
        values[_RATE[facts.shape]] = rate * weight * (_specific(kind, profile) if facts.shape is Shape.LOOSE else 1.0)
    if kind == "record_id":
        values["loose"] = rate * weight
    if evidence.sort not in facts.types:
        values["type"] = 1.0
    if kind in _CHECKED and _CHECKED[kind] in profile.checks:
        values["check_digits"] = check_evidence(*profile.checks[_CHECKED[kind]]) * rate
    if partners := _PARTNERS.get(kind):
        values["siblings"] = min(1.0, sum(sibling in partners for sibling in evidence.siblings) / 2)
    _of_owner(kind, evidence, values)
    spread = evidence.distinct / evidence.present if evidence.present else 0.0
    if kind in _NUMBERED:
        values["unique"] = (-1.0 if _few(evidence) else spread) * weight
    if kind in _PEOPLE:
        values["firms"] = -profile.firms * weight
    if kind == "employer":
        values["firms"] = profile.firms * weight
    if kind == FREE_TEXT:
        values["prose"] = profile.prose * weight
    if kind == NONE:
        _of_none(evidence, weight, values)
    elif kind != FREE_TEXT and not said and not rate and not evidence.comment.kinds.get(kind):
        values["nothing"] = -1.0
    return {name: value for name, value in values.items() if value}


def _of_owner(kind: str, evidence: Evidence, values: dict[str, float]) -> None:
    if kind in _PERSONAL:
        if evidence.owner is Owner.PERSON:
            values["person"] = 1.0
        if (evidence.owner is Owner.THING and KINDS[kind].of_things is None) or (
            evidence.owner is Owner.THING and kind in _PEOPLE
        ):
            values["thing"] = -1.0
    if kind == NONE and evidence.owner is Owner.THING:
        values["thing"] = 1.0


_PLAIN = ("true_false", "epoch", "day", "decimal", "stamp", "clock", "version", "date")


def _few(evidence: Evidence) -> bool:
    """Return whether the same few values come again and again."""
    return 0 < evidence.distinct <= _MOST_FEW and evidence.present >= 3 * evidence.distinct


_MOST_FEW = 30
_LEAST_NUMBER = 7  # digits
_ALL_DISTINCT = 0.97
_WORDS = ("kanji", "kana", "latin", "other", "word", "masked")


def _of_none(evidence: Evidence, weight: float, values: dict[str, float]) -> None:
    profile = evidence.profile
    forms = profile.forms
    plain = sum(forms.get(form, 0.0) for form in _PLAIN)
    if profile.length < _LEAST_NUMBER:  # a number too short to be anybody's
        plain += forms.get("digits", 0.0)
    plain -= profile.matches.get("birth_date", 0.0) + profile.matches.get("location", 0.0)
    if evidence.sort in {"b", "d"} and not profile.matches.get("birth_date", 0.0):
        plain = 1.0
    values["plain"] = max(0.0, min(1.0, plain)) * weight
    few = _few(evidence)
    values["few"] = float(few)
    worded = sum(forms.get(form, 0.0) for form in _WORDS)
    if evidence.distinct >= _ALL_DISTINCT * evidence.present:  # what is never the same twice is somebody's number
        worded += forms.get("code", 0.0)
        if evidence.header.kinds and profile.length >= _LEAST_NUMBER:
            worded += forms.get("digits", 0.0)
    values["wordy"] = (0.0 if few else worded) * weight
    values["firms"] = profile.firms * weight
    if "goods" in profile.checks:
        values["goods"] = max(0.0, check_evidence(*profile.checks["goods"]))

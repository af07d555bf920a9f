"""What is declared about a purpose, and how far a change of it goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.domain.notices import Change
from sekisho.domain.purpose_facts import (
    TOLD,
    change_between,
    facts_json,
    facts_of,
    facts_sha256,
    material_differences,
    told_anew,
)
from sekisho.domain.terms import LegalBasis, Purpose
from sekisho.errors import InvalidRequest

PURPOSE = Purpose(
    "advertising",
    LegalBasis.CONSENT,
    cells=("purchase", "behaviour"),
    explicit=frozenset({"free_text"}),
    third_party=True,
    validity_days=365,
    retention_days=30,
    guardian_below_age=16,
    data_categories=("purchases", "web use"),
    data_titles={"purchases": {"ja": "購入の記録", "en": "purchases"}},
    recipients=("third_party: Example Ads K.K.",),
    transfer_countries=("US",),
    dpv="dpv:TargetedAdvertising",
    legal_bases={"gdpr": LegalBasis.CONSENT},
    title={"ja": "広告", "en": "Advertising"},
    description={"ja": "広告を出します", "en": "We show ads"},
)
FACTS = facts_of(PURPOSE)

MAJOR: dict[str, tuple[str, dict[str, Any]]] = {
    "another ground": ("legal_basis", {"legal_basis": LegalBasis.LEGITIMATE_INTEREST}),
    "another ground in a regime": ("legal_bases", {"legal_bases": {"gdpr": LegalBasis.CONTRACT}}),
    "another output": ("output", {"output": "statistics"}),
    "another cell": ("cells", {"cells": ("purchase", "behaviour", "profile")}),
    "a cell less": ("cells", {"cells": ("purchase",)}),
    "more data": ("data_categories", {"data_categories": ("purchases", "web use", "location")}),
    "explicit no more": ("explicit", {"explicit": frozenset()}),
    "columns unmasked": ("clear", {"clear": frozenset({"email"})}),
    "another recipient": ("recipients", {"recipients": ("third_party: Another K.K.",)}),
    "third parties no more": ("third_party", {"third_party": False}),
    "person-related data": ("person_related", {"person_related": True}),
    "another country": ("transfer_countries", {"transfer_countries": ("US", "CN")}),
    "selling": ("direct_marketing", {"direct_marketing": True}),
    "longer validity": ("validity_days", {"validity_days": 366}),
    "validity without end": ("validity_days", {"validity_days": None}),
    "longer retention": ("retention_days", {"retention_days": 31}),
    "lower age": ("guardian_below_age", {"guardian_below_age": 15}),
    "age of the law": ("guardian_below_age", {"guardian_below_age": None}),
}
MINOR: dict[str, dict[str, Any]] = {
    "another title": {"title": {"ja": "広告配信", "en": "Advertising"}},
    "another description": {"description": {"ja": "広告を出します。", "en": "We show ads."}},
    "another word for data": {"data_titles": {"purchases": {"ja": "ご購入", "en": "purchases"}}},
    "another order": {"cells": ("behaviour", "purchase"), "data_categories": ("web use", "purchases")},
    "more about a country": {"transfer_information": {"US": {"system": "a", "measures": "b"}}},
    "another term": {"dpv": "dpv:SocialMediaMarketing"},
    "shorter validity": {"validity_days": 30},
    "shorter retention": {"retention_days": 7},
    "retention until the use ends": {"retention_days": None},
    "higher age": {"guardian_below_age": 18},
    "a confirmation": {"confirm": True},
    "heeding a signal": {"gpc": True},
    "a regime that repeats the ground": {"legal_bases": {"gdpr": LegalBasis.CONSENT, "appi": LegalBasis.CONSENT}},
}


@pytest.mark.parametrize("name", MAJOR)
def test_more_than_was_agreed_to_is_a_major_change(name):
    """Whatever people were not told when they agreed is another question."""
    fact, change = MAJOR[name]
    changed = facts_of(replace(PURPOSE, **change))

    assert change_between(FACTS, changed) is Change.MAJOR
    assert material_differences(FACTS, changed) == (fact,)


@pytest.mark.parametrize("name", MINOR)
def test_other_words_are_a_minor_change(name):
    """What asks for no more than before asks nobody again."""
    assert change_between(FACTS, facts_of(replace(PURPOSE, **MINOR[name]))) is Change.MINOR


def test_a_first_limit_or_its_end_counts_by_what_it_allows():
    """No validity at all is the longest, no retention at all the shortest, no age of its own the law's."""
    bare = facts_of(Purpose("advertising", LegalBasis.CONSENT))

    assert change_between(bare, {**bare, "validity_days": 10}) is Change.MINOR
    assert change_between(bare, {**bare, "retention_days": 1}) is Change.MAJOR
    assert change_between(bare, {**bare, "guardian_below_age": 20}) is Change.MINOR


def test_the_same_is_no_change():
    """Facts that say the same, in whatever order their names stand, are the same version."""
    same = dict(reversed(FACTS.items()))

    assert change_between(FACTS, same) is None
    assert facts_sha256(FACTS) == facts_sha256(same)
    assert facts_json({"b": "語", "a": None}) == '{"a":null,"b":"語"}'


@given(st.sets(st.sampled_from(sorted(set(FACTS) - {"legal_basis"}))))
def test_a_fact_that_was_not_known_yet_asks_nobody_again(names):
    """A purpose without optional facts reads like one of a time that did not know them."""
    bare = facts_of(Purpose("advertising", LegalBasis.CONSENT))
    older = {name: value for name, value in bare.items() if name not in names}

    assert change_between(older, bare) in {Change.MINOR, None}


def test_what_is_called_alike_everywhere_has_no_titles():
    """A purpose whose data has one name in all languages reads like one of a time that knew no others."""
    assert "data_titles" not in facts_of(replace(PURPOSE, data_titles={}))


def test_facts_name_everything_that_is_declared():
    """Every field of a purpose that says something to people stands in its facts."""
    renamed = {"name", "confirm"}
    narrowing = {  # what is kept from requesters can change without asking anybody
        "ancestors", "needs", "output_class", "roles", "minimum_age", "limits", "formats", "watermark",
        "weekend_freeze", "break_glass_minutes", "detokenises",
    }  # fmt: skip

    assert set(Purpose.__dataclass_fields__) - renamed - narrowing <= set(FACTS)
    assert FACTS["confirmation"] == "none"
    defaults = {basis: facts_of(replace(PURPOSE, legal_basis=basis))["default"] for basis in LegalBasis}
    assert defaults == {
        LegalBasis.CONSENT: "not_used",
        LegalBasis.LEGITIMATE_INTEREST: "used_until_objection",
        LegalBasis.CONTRACT: "used",
        LegalBasis.LEGAL_OBLIGATION: "used",
    }


def test_what_describes_can_be_told_anew():
    """What describes a purpose takes the place of what was told; everything else stays."""
    overlay: dict[str, object] = {
        "title": {"ja": "あ", "en": "a"},
        "description": {"ja": "い", "en": "b"},
        "recipients": ["processor: 印刷会社", "third_party: Example Ads K.K."],
        "transfer_countries": ["US", "NO"],
        "transfer_information": {"US": {"system": "制度", "measures": "措置"}},
        "data_categories": [],
        "retention_days": None,
        "validity_days": 10,
        "dpv": "dpv:Marketing",
    }
    told = told_anew(FACTS, overlay)

    assert set(overlay) == TOLD
    assert {name: value for name, value in told.items() if name in overlay} == overlay
    assert {name: told[name] for name in FACTS.keys() - TOLD} == {name: FACTS[name] for name in FACTS.keys() - TOLD}


@pytest.mark.parametrize(
    "overlay",
    [
        {},
        {"legal_basis": "contract"},
        {"cells": []},
        {"title": {"ja": "あ"}},
        {"title": {"ja": "あ", "en": " "}},
        {"title": {"ja": "あ", "en": "a", "fr": "a"}},
        {"description": "words"},
        {"recipients": ["Example Ads K.K."]},
        {"recipients": ["friend: Example Ads K.K."]},
        {"recipients": ["processor:  "]},
        {"transfer_countries": ["XX"]},
        {"transfer_countries": ["us"]},
        {"transfer_information": {"US": {"system": "a"}}},
        {"transfer_information": {"XX": {"system": "a", "measures": "b"}}},
        {"transfer_information": ["US"]},
        {"data_categories": ["a", "a"]},
        {"data_categories": ["a\nb"]},
        {"data_categories": [1]},
        {"data_categories": None},
        {"retention_days": 0},
        {"retention_days": True},
        {"validity_days": 36_501},
        {"dpv": "Marketing"},
    ],
    ids=str,
)
def test_what_enforces_or_cannot_be_read_is_refused(overlay):
    """What sekisho.yaml enforces is not told otherwise, and nonsense is not told at all."""
    with pytest.raises(InvalidRequest):
        told_anew(FACTS, overlay)


def test_no_third_party_is_told_of_where_none_may_be():
    """A purpose that provides nothing to third parties has none among its recipients."""
    own = facts_of(replace(PURPOSE, third_party=False, recipients=()))
    with pytest.raises(InvalidRequest):
        told_anew(own, {"recipients": ["third_party: Example Ads K.K."]})

"""Rules of law as dated data: what each asks of a yes, when it holds, and that none is asked about a no."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.domain.consent import NO, SAID_BY_PEOPLE, YES, ActorType, ConsentEventKind, ConsentState, ConsentType
from sekisho.domain.law import (
    RULE_SETS,
    EventFacts,
    check_event,
    explain,
    rule_set,
    rule_set_at,
    rule_sets_at,
)
from sekisho.domain.law_appi import APPI_2022, is_abroad
from sekisho.domain.law_gdpr import GDPR_2018
from sekisho.domain.terms import LegalBasis, Purpose

NOW = datetime(2026, 11, 21, tzinfo=UTC)
BOTH = (APPI_2022, GDPR_2018)
MAIL = Purpose("mail", LegalBasis.CONSENT)
HEALTH = Purpose("health", LegalBasis.CONSENT, explicit=frozenset({"sensitive"}))
ADS = Purpose("ads", LegalBasis.CONSENT, third_party=True, recipients=("third_party: Example Ads",))
ABROAD = Purpose(
    "abroad",
    LegalBasis.CONSENT,
    transfer_countries=("US", "DE"),
    transfer_information={"US": {"system": "Sectoral laws.", "measures": "A contract with our clauses."}},
)
MARKETING = Purpose("marketing", LegalBasis.LEGITIMATE_INTEREST, direct_marketing=True)
YES_FACTS = EventFacts(ConsentEventKind.GIVE, NOW, notice_version="1")
OBJECTED = frozenset({ConsentState.OBJECTED})
FUTURE, PAST = NOW + timedelta(days=1), NOW - timedelta(days=1)


def broken(purpose, rule_sets=BOTH, **facts):
    """The ids of the rules that a yes to *purpose* with these facts breaks."""
    return {one.rule_id for one in check_event(rule_sets, purpose, replace(YES_FACTS, **facts))}


def test_an_ordinary_yes_breaks_nothing():
    """Said by the person, on a notice, about nothing special: no rule has anything against it."""
    assert broken(MAIL) == set()
    assert broken(ABROAD) == set()
    assert broken(ADS) == set()


@pytest.mark.parametrize(
    "facts",
    [
        {"consent_type": ConsentType.IMPLIED},
        {"actor_type": ActorType.SYSTEM},
        {"actor_type": ActorType.SIGNAL},
    ],
    ids=["implied", "system", "signal"],
)
def test_silence_is_no_consent(facts):
    """APPI Guidelines 2-16, GDPR 4(11): what nobody said is no yes."""
    assert broken(MAIL, **facts) == {"appi_2_16_expressed", "gdpr_4_11_affirmative"}


@pytest.mark.parametrize("actor", [ActorType.DATA_SUBJECT, ActorType.GUARDIAN, ActorType.AGENT, ActorType.OPERATOR])
def test_people_say_yes_themselves_and_for_others(actor):
    """Whoever speaks for a person may say what the person said."""
    assert broken(MAIL, actor_type=actor, of_age_at=FUTURE if actor is ActorType.GUARDIAN else None) == set()


def test_consent_is_demonstrable():
    """GDPR 7(1): without the notice that was shown nothing could be demonstrated."""
    assert broken(MAIL, notice_version=None) == {"gdpr_7_1_demonstrable"}


GUARDIAN_RULES = {"appi_2_16_guardian", "gdpr_8_1_guardian"}


@pytest.mark.parametrize(("age", "young"), [(0, True), (15, True), (16, False), (17, False), (90, False)])
def test_below_sixteen_a_guardian_says_yes(age, young):
    """GDPR 8(1), APPI Guidelines 2-16: the sixteenth birthday is the boundary where nothing else is chosen."""
    assert broken(MAIL, age=age) == (GUARDIAN_RULES if young else set())
    assert broken(MAIL, age=age, actor_type=ActorType.OPERATOR) == (GUARDIAN_RULES if young else set())
    assert broken(MAIL, age=age, actor_type=ActorType.GUARDIAN, of_age_at=FUTURE) == set()


def test_a_guardians_yes_says_when_it_ends():
    """A guardian of a child says when the child comes of age; one of an adult need not."""
    guardian = ActorType.GUARDIAN
    assert broken(MAIL, actor_type=guardian) == GUARDIAN_RULES
    assert broken(MAIL, actor_type=guardian, of_age_at=NOW) == GUARDIAN_RULES
    assert broken(MAIL, actor_type=guardian, age=15, of_age_at=PAST) == GUARDIAN_RULES
    assert broken(MAIL, actor_type=guardian, age=70) == set()


def test_coming_of_age_counts_where_no_age_is_known():
    """Before that day the person cannot say yes alone, from that instant on only the person can."""
    assert broken(MAIL, of_age_at=FUTURE) == GUARDIAN_RULES
    assert broken(MAIL, of_age_at=NOW) == set()
    assert broken(MAIL, age=17, of_age_at=FUTURE) == set()


@pytest.mark.parametrize(("name", "age"), [("gdpr@2018-05:age=13", 13), ("gdpr@2018-05", 16)])
def test_the_age_that_a_law_leaves_open_is_a_parameter(name, age):
    """A Member State may choose from 13 to 16; the name of the rule set carries the choice."""
    chosen = (rule_set(name),)
    assert broken(MAIL, chosen, age=age - 1) == {"gdpr_8_1_guardian"}
    assert broken(MAIL, chosen, age=age) == set()
    assert chosen[0].name == name


@pytest.mark.parametrize(
    "name",
    ["", "gdpr", "gdpr@2018", "gdpr@2018-05:", "gdpr@2018-05:age=12", "gdpr@2018-05:age=17", "gdpr@2018-05:age=١٤",
     "gdpr@2018-05:age=0140",
     "gdpr@2018-05:year=14", "appi@2028-01"],
)  # fmt: skip
def test_a_rule_set_that_does_not_exist_is_refused(name):
    """A slip in the workspace never means a law less."""
    with pytest.raises(ValueError, match=r"known are appi@2022-04, gdpr@2018-05|age=13 to age=16"):
        rule_set(name)


def test_a_workspace_may_be_stricter_never_laxer():
    """``guardian_below_age`` counts beside every law and without any."""
    strict, lax = replace(MAIL, guardian_below_age=18), replace(MAIL, guardian_below_age=13)
    assert broken(strict, age=17) == {"guardian_below_age"}
    assert broken(strict, (), age=17) == {"guardian_below_age"}
    assert broken(strict, (), age=18) == set()
    assert broken(lax, age=15) == GUARDIAN_RULES
    assert broken(lax, age=12) == {*GUARDIAN_RULES, "guardian_below_age"}


def test_sensitive_data_needs_an_explicit_yes():
    """APPI 20(2), GDPR 9(2)(a): expressed is not enough."""
    assert broken(HEALTH) == {"appi_20_2_sensitive", "gdpr_9_2_explicit"}
    assert broken(HEALTH, consent_type=ConsentType.EXPLICIT) == set()


@pytest.mark.parametrize("recipients", [(), ("processor: Example Cloud",), ("third_party: ",)])
def test_third_parties_are_named(recipients):
    """APPI 27(1): whoever is asked about third parties is told to whom; a processor is none."""
    assert broken(replace(ADS, recipients=recipients)) == {"appi_27_1_third_party"}
    assert broken(replace(ADS, third_party=False, recipients=("processor: Example Cloud",))) == set()


def test_third_parties_are_told_of():
    """APPI 27(1): naming them in a file that nobody was shown does not count; nor does leaving out the flag."""
    assert broken(ADS, (APPI_2022,), notice_version=None) == {"appi_27_1_third_party"}
    assert broken(replace(ADS, third_party=False), (APPI_2022,), notice_version=None) == {"appi_27_1_third_party"}


@pytest.mark.parametrize("part", ["system", "measures"])
def test_a_transfer_abroad_tells_system_and_measures(part):
    """APPI 28(2): the country, its system, the recipient's measures; one of them left out, and the yes is none."""
    told = {"US": {**ABROAD.transfer_information["US"], part: " "}}
    assert broken(replace(ABROAD, transfer_information=told)) == {"appi_28_2_abroad"}
    assert broken(replace(ABROAD, transfer_countries=("US", "CN"))) == {"appi_28_2_abroad"}
    assert broken(ABROAD, (APPI_2022,), notice_version=None) == {"appi_28_2_abroad"}


def test_countries_recognised_as_equivalent_are_exempt():
    """Enforcement Rules 15: the EEA and the United Kingdom; Japan is no foreign country."""
    assert not any(map(is_abroad, ["JP", "DE", "NO", "IS", "LI", "GB", "HR"]))
    assert all(map(is_abroad, ["US", "CN", "CH", "KR", "IN", "TR"]))
    assert broken(replace(ABROAD, transfer_countries=("DE", "GB"), transfer_information={})) == set()


def test_person_related_information_needs_a_yes_to_the_recipient():
    """APPI 31(1): who will know the person is named, also abroad with system and measures."""
    cookies = replace(ADS, person_related=True)
    assert broken(cookies) == set()
    unnamed = replace(MAIL, person_related=True)
    assert broken(unnamed) == {"appi_31_1_person_related"}
    abroad = replace(cookies, transfer_countries=("US",))
    assert broken(abroad) == {"appi_28_2_abroad", "appi_31_1_abroad"}
    assert broken(replace(abroad, transfer_information=ABROAD.transfer_information)) == set()


def test_an_objection_to_direct_marketing_is_absolute():
    """GDPR 21(2), (3): after it only a new yes of the person counts, no word of the controller's."""
    objected = {"states": OBJECTED}
    rule = {"gdpr_21_3_direct_marketing"}
    assert broken(MARKETING, **objected) == set()
    for actor in (ActorType.OPERATOR, ActorType.AGENT):
        assert broken(MARKETING, actor_type=actor, **objected) == rule
        assert broken(MARKETING, actor_type=actor) == set()
    assert broken(MARKETING, kind=ConsentEventKind.RENEW, **objected) == rule
    assert broken(replace(MARKETING, direct_marketing=False), actor_type=ActorType.OPERATOR, **objected) == set()


EVERYTHING = replace(
    ABROAD, explicit=frozenset({"sensitive"}), third_party=True, person_related=True, direct_marketing=True,
    recipients=(), transfer_information={}, guardian_below_age=20,
)  # fmt: skip
WORST = EventFacts(ConsentEventKind.RENEW, NOW, ConsentType.IMPLIED, ActorType.SIGNAL, age=3, states=OBJECTED)


def test_the_worst_yes_breaks_every_rule_that_can_be_broken():
    """No rule is there for show: one yes can break them all."""
    ids = {rule.id for rules in RULE_SETS for rule in rules.rules if rule.broken is not None}
    assert {one.rule_id for one in check_event(RULE_SETS, EVERYTHING, WORST)} == {*ids, "guardian_below_age"}


@given(st.sampled_from(sorted(SAID_BY_PEOPLE - YES)), st.sampled_from(list(ActorType)), st.integers(0, 99))
def test_no_rule_is_asked_about_a_no(kind, actor, age):
    """GDPR 7(3) and decency: whoever says no, or nothing yet, breaks no rule, however it was said."""
    assert NO <= SAID_BY_PEOPLE - YES
    assert check_event(RULE_SETS, EVERYTHING, replace(WORST, kind=kind, actor_type=actor, age=age)) == []


def test_a_regime_without_consent_asks_nothing():
    """Where a regime lets the purpose stand on a contract, its rules of consent are silent; the other's are not."""
    mixed = replace(HEALTH, legal_bases={"gdpr": LegalBasis.CONTRACT})
    assert broken(mixed) == {"appi_20_2_sensitive"}


def test_rule_sets_are_dated():
    """A set holds from its first day until a newer one of its regime begins; others are not touched."""
    assert rule_set_at("appi", date(2022, 3, 31)) is None
    assert rule_set_at("appi", date(2022, 4, 1)) is APPI_2022
    later = replace(APPI_2022, name="appi@2028-01", effective_from=date(2028, 1, 1), rules=())
    known = (*RULE_SETS, later)
    names = ("appi@2028-01", "appi@2022-04", "gdpr@2018-05")
    assert [one.name for one in rule_sets_at(names, date(2027, 12, 31), known)] == ["appi@2022-04", "gdpr@2018-05"]
    assert [one.name for one in rule_sets_at(names, date(2028, 1, 1), known)] == ["appi@2028-01", "gdpr@2018-05"]
    assert rule_sets_at((), date(2026, 1, 1)) == ()
    assert rule_sets_at(("gdpr@2018-05",), date(2018, 5, 24)) == ()


def test_rules_are_data_with_sources_and_words():
    """Every rule says where it stands, in both languages, what helps, or how it is kept."""
    ids = [rule.id for rules in RULE_SETS for rule in rules.rules]
    assert len(set(ids)) == len(ids)
    for rules in RULE_SETS:
        assert rules.name == f"{rules.regime}@{rules.effective_from:%Y-%m}"
        assert set(rules.title) == {"ja", "en"}
        for rule in rules.rules:
            assert rule.id.startswith(rules.regime)
            assert rule.source.startswith("https://")
            assert set(rule.title) == set(rule.explanation) == {"ja", "en"}
            assert all([*rule.title.values(), *rule.explanation.values(), rule.article])
            assert (rule.broken is None) == (rule.applies is None) == bool(rule.kept_by)
            assert bool(rule.remedy) == (rule.broken is not None)
            with pytest.raises(AttributeError):
                rule.id = "other"  # type: ignore[misc]


def test_an_explanation_is_for_people():
    """In Japanese and English, with the article; another language gets English, an unknown rule nothing."""
    assert (explain("gdpr_7_3_withdrawal") or "").startswith("GDPR 7(3): Withdrawing is as easy as giving. Consent")
    assert (explain("appi_28_2_abroad", "ja") or "").startswith(
        "APPI 28(1), (2), Enforcement Rules 17(2): 外国にある"
    )
    assert explain("appi_28_2_abroad", "fr") == explain("appi_28_2_abroad")
    assert explain("guardian_below_age", "ja") is not None
    assert explain("nonsense") is None

"""Rules of law as dated data: which hold on a day, whether a yes breaks one, and their words for people.

**This is no legal advice.** The rules are those parts of an act that a gateway can check of one event, as they
were read by engineers; whether a use is lawful depends on more than that, and is for a lawyer to say. A yes that
passes is not thereby valid; a yes that fails would be hard to defend.

A rule set is data: a name with the month it took effect (``appi@2022-04``), and rules with article, source, words
and check. A future amendment is another rule set of the same regime in :data:`RULE_SETS`, listed in the workspace
ahead of time: it takes the place of the older one on its first day. A name may choose the age of consent where
the law leaves it open: ``gdpr@2018-05:age=14``.

No rule is ever asked about a no: withdrawing, refusing and objecting are always taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from sekisho.domain.consent import YES
from sekisho.domain.law_appi import APPI_2022
from sekisho.domain.law_gdpr import GDPR_2018
from sekisho.domain.law_rules import (
    EventFacts,
    Rule,
    RuleSet,
    Violation,
    is_too_young,
    may_be_young,
    stands_on,
)
from sekisho.domain.terms import LegalBasis, Purpose

__all__ = [
    "RULE_SETS",
    "EventFacts",
    "Rule",
    "RuleSet",
    "Violation",
    "as_told",
    "check_event",
    "explain",
    "rule_set",
    "rule_set_at",
    "rule_sets_at",
]

RULE_SETS: tuple[RuleSet, ...] = (APPI_2022, GDPR_2018)
"""Every rule set that is known, in any order."""

_OWN_AGE = Rule(
    id="guardian_below_age",
    article="This workspace",
    title={"ja": "お子さまの同意", "en": "A child's consent"},
    explanation={
        "ja": "この利用目的では、定めた年齢に満たない方について、保護者の方の同意をいただきます。",
        "en": "For this purpose a guardian says yes for people below the age that the controller has set.",
    },
    source="sekisho.yaml",
    remedy="let a guardian say yes (actor type guardian, with of_age_at)",
)
_ASKED = frozenset({LegalBasis.CONSENT, LegalBasis.LEGITIMATE_INTEREST})


def rule_set(name: str, known: Iterable[RuleSet] = RULE_SETS) -> RuleSet:
    """Return the rule set called *name*, with the age of consent that the name chooses.

    Parameters
    ----------
    name:
        ``REGIME@YEAR-MONTH``, or ``REGIME@YEAR-MONTH:age=YEARS`` within what the law leaves open.
    known:
        Where to look.

    Raises
    ------
    ValueError
        When there is no such rule set, or the age is none that it leaves open; the text says what is possible.
    """
    known = tuple(known)
    base, colon, choice = name.partition(":")
    found = next((candidate for candidate in known if candidate.name == base), None)
    if found is None:
        raise ValueError(f"there is no such rule set; known are {', '.join(sorted(one.name for one in known))}")
    if not colon:
        return found
    key, _, years = choice.partition("=")
    lowest, highest = found.ages
    if key != "age" or years not in map(str, range(lowest, highest + 1)):
        raise ValueError(f"{base} leaves the age of consent open from age={lowest} to age={highest}")
    return replace(found, name=name, age_of_consent=int(years))


def rule_set_at(regime: str, day: date, known: Iterable[RuleSet] = RULE_SETS) -> RuleSet | None:
    """Return the rule set of *regime* in force on *day*: the newest that had begun, ``None`` before the first."""
    begun = [one for one in known if one.regime == regime and one.effective_from <= day]
    return max(begun, key=lambda one: one.effective_from, default=None)


def rule_sets_at(names: Sequence[str], day: date, known: Iterable[RuleSet] = RULE_SETS) -> tuple[RuleSet, ...]:
    """Return those of *names* that hold on *day*, one for each regime, in order of name.

    A workspace may list next year's rules beside this year's. Raises as :func:`rule_set` does.
    """
    known = tuple(known)
    named = [rule_set(name, known) for name in names]
    newest = (rule_set_at(regime, day, named) for regime in sorted({one.regime for one in named}))
    return tuple(one for one in newest if one is not None)


def check_event(rule_sets: Iterable[RuleSet], purpose: Purpose, event: EventFacts) -> list[Violation]:
    """Return the rules that *event* breaks, none for a no.

    Parameters
    ----------
    rule_sets:
        Those in force: :func:`rule_sets_at`.
    purpose:
        What the yes is about. A regime under which the purpose needs no consent has nothing to say; its own
        ``guardian_below_age`` counts under every regime, and without any.
    event:
        What is known of it.
    """
    if event.kind not in YES:
        return []
    found: list[Violation] = []
    own = purpose.guardian_below_age
    if own is not None and may_be_young(purpose, event, own) and is_too_young(purpose, event, own):
        found.append(Violation(_OWN_AGE.id, _OWN_AGE.article, _OWN_AGE.explanation, _OWN_AGE.remedy))
    for rules in rule_sets:
        if stands_on(purpose, rules.regime) not in _ASKED:
            continue
        found += [
            Violation(rule.id, rule.article, rule.explanation, rule.remedy)
            for rule in rules.rules
            if rule.applies is not None and rule.broken is not None
            if rule.applies(purpose, event, rules.age_of_consent)
            and rule.broken(purpose, event, rules.age_of_consent)
        ]
    return found


def as_told(purpose: Purpose, facts: Mapping[str, object]) -> Purpose:
    """Return *purpose* with the recipients and transfers that people are told of, where *facts* has others.

    Parameters
    ----------
    facts:
        The facts of the published version in force (``notices.PurposeVersion``); what they leave out stays.
    """
    recipients, countries = facts.get("recipients"), facts.get("transfer_countries")
    information = facts.get("transfer_information")
    if isinstance(recipients, list | tuple):
        purpose = replace(purpose, recipients=tuple(map(str, recipients)))
    if isinstance(countries, list | tuple):
        purpose = replace(purpose, transfer_countries=tuple(map(str, countries)))
    if isinstance(information, Mapping):
        told = {str(country): dict(parts) for country, parts in information.items() if isinstance(parts, Mapping)}
        purpose = replace(purpose, transfer_information=told)
    return purpose


def explain(rule_id: str, locale: str = "en", known: Iterable[RuleSet] = RULE_SETS) -> str | None:
    """Return what rule *rule_id* asks, in *locale* (``ja`` or ``en``): article, title, explanation.

    ``None`` for an id that no rule has.
    """
    rules = [_OWN_AGE, *(rule for one in known for rule in one.rules)]
    rule = next((rule for rule in rules if rule.id == rule_id), None)
    if rule is None:
        return None
    language = locale if locale in rule.title else "en"
    stop = "。" if language == "ja" else ". "
    return f"{rule.article}: {rule.title[language]}{stop}{rule.explanation[language]}"

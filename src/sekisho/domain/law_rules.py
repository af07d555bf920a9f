"""What a rule of law is here: an article, its words for people, and a pure check of one yes.

The texts of the rules stand in ``law_appi`` and ``law_gdpr``; ``law`` looks them up by name and day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sekisho.domain.consent import ActorType, Assurance, ConsentEventKind, ConsentState, ConsentType
from sekisho.domain.terms import LegalBasis, Purpose, Recipient

Words = Mapping[str, str]
"""One text in Japanese (``ja``) and in English (``en``)."""


@dataclass(frozen=True, slots=True)
class EventFacts:
    """What the rules of law need to know of an event; nothing of it names anybody.

    Attributes
    ----------
    kind, at:
        What happened, and when it is checked (UTC).
    consent_type, actor_type, assurance:
        How plainly it was said, by whom, and how sure we were who it was.
    age, of_age_at:
        The person's age in whole years as established, and when the person comes of age; ``None``: not established.
    notice_version:
        The version of the purpose's notice that was shown, already found to be in force.
    states:
        The states that the cells of the event have now.
    """

    kind: ConsentEventKind
    at: datetime
    consent_type: ConsentType = ConsentType.EXPRESSED
    actor_type: ActorType = ActorType.DATA_SUBJECT
    assurance: Assurance = Assurance.NONE
    age: int | None = None
    of_age_at: datetime | None = None
    notice_version: str | None = None
    states: frozenset[ConsentState] = frozenset()


Check = Callable[[Purpose, EventFacts, int], bool]
"""Whether the rule has something to say, or is broken: purpose, event, the age of consent that counts."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One duty of the controller towards who is asked.

    Attributes
    ----------
    id:
        Stable code, for ``reasons`` and for the documentation (``gdpr_7_1``).
    article:
        Where it stands.
    title, explanation:
        For people, in Japanese and English.
    remedy:
        What makes a refused yes acceptable, one clause in English, for the error.
    source:
        Address of the text that it was read from.
    applies, broken:
        Whether the rule has something to say about a yes, and whether that yes breaks it. A rule without a check
        (``broken`` is ``None``) is kept by how the gateway is built, as ``kept_by`` says: no single yes can break it.
    kept_by:
        Where such a rule is kept.
    """

    id: str
    article: str
    title: Words
    explanation: Words
    source: str
    remedy: str = ""
    applies: Check | None = None
    broken: Check | None = None
    kept_by: str = ""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of one regime as they hold from a day on.

    Attributes
    ----------
    name, regime, effective_from:
        ``appi@2022-04``, ``appi``, the first day in force. A later set of the same regime takes its place.
    age_of_consent:
        Years below which a guardian says yes; ``ages`` are those that the law leaves to choose from.
    """

    name: str
    regime: str
    effective_from: date
    title: Words
    age_of_consent: int
    rules: tuple[Rule, ...] = field(repr=False)
    ages: tuple[int, int] = (13, 16)


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that a yes breaks: its id, article, explanation (by locale), and what would help."""

    rule_id: str
    article: str
    explanation: Words
    remedy: str


def stands_on(purpose: Purpose, regime: str) -> LegalBasis:
    """Return the ground of *purpose* under *regime*."""
    return purpose.legal_bases.get(regime, purpose.legal_basis)


def always(_purpose: Purpose, _event: EventFacts, _age: int) -> bool:
    """Every yes."""
    return True


def is_sensitive(purpose: Purpose, _event: EventFacts, _age: int) -> bool:
    """The purpose uses classes of data for which consent has to be explicit."""
    return bool(purpose.explicit)


def is_not_explicit(_purpose: Purpose, event: EventFacts, _age: int) -> bool:
    """The yes was not said explicitly."""
    return event.consent_type is not ConsentType.EXPLICIT


def is_silent(_purpose: Purpose, event: EventFacts, _age: int) -> bool:
    """Nobody said anything: implied consent, or a yes of a machine."""
    return event.consent_type is ConsentType.IMPLIED or event.actor_type in {ActorType.SYSTEM, ActorType.SIGNAL}


def has_no_notice(_purpose: Purpose, event: EventFacts, _age: int) -> bool:
    """It is not known what was shown."""
    return event.notice_version is None


def may_be_young(_purpose: Purpose, event: EventFacts, _age: int) -> bool:
    """An age was established, or a guardian acted."""
    return event.age is not None or event.of_age_at is not None or event.actor_type is ActorType.GUARDIAN


def is_too_young(_purpose: Purpose, event: EventFacts, age: int) -> bool:
    """Somebody else than a guardian said yes for a child, or a guardian did not say until when one is needed."""
    guardian = event.actor_type is ActorType.GUARDIAN
    if event.age is not None and event.age >= age:
        return False  # of age; an adult's guardian (成年被後見人) needs no day of coming of age
    if event.age is None and event.of_age_at is not None and event.of_age_at <= event.at:
        return guardian  # of age since then: the guardian's word has ended
    if not guardian:
        return True  # below the age, or coming of age later
    return event.of_age_at is None or event.of_age_at <= event.at


def goes_to_third_parties(purpose: Purpose, _event: EventFacts, _age: int) -> bool:
    """Third parties receive data of this purpose."""
    return purpose.third_party or bool(_third_parties(purpose))


def is_person_related(purpose: Purpose, _event: EventFacts, _age: int) -> bool:
    """Third parties receive what names nobody here, and will know whose it is."""
    return purpose.person_related


def names_no_recipient(purpose: Purpose, event: EventFacts, _age: int) -> bool:
    """The third parties are not named, or it is not known that the person was told of them."""
    return not _third_parties(purpose) or event.notice_version is None


def crosses_borders(abroad: Callable[[str], bool]) -> Check:
    """Return the check whether data go to a country that *abroad* holds for."""

    def applies(purpose: Purpose, _event: EventFacts, _age: int) -> bool:
        return any(map(abroad, purpose.transfer_countries))

    return applies


def lacks_transfer_information(abroad: Callable[[str], bool]) -> Check:
    """Return the check whether of a country that *abroad* holds for not everything was told."""

    def broken(purpose: Purpose, event: EventFacts, _age: int) -> bool:
        told = purpose.transfer_information
        return event.notice_version is None or any(
            not told.get(country, {}).get(part, "").strip()
            for country in purpose.transfer_countries
            if abroad(country)
            for part in ("system", "measures")
        )

    return broken


def is_direct_marketing_objected_to(purpose: Purpose, event: EventFacts, _age: int) -> bool:
    """The purpose contacts people to sell, and this person has objected."""
    return purpose.direct_marketing and ConsentState.OBJECTED in event.states


def is_not_the_persons_own(_purpose: Purpose, event: EventFacts, _age: int) -> bool:
    """It is no new yes of the person, or of who may decide for a child."""
    own = event.actor_type in {ActorType.DATA_SUBJECT, ActorType.GUARDIAN}
    return not own or event.kind is ConsentEventKind.RENEW or event.consent_type is ConsentType.IMPLIED


def _third_parties(purpose: Purpose) -> list[str]:
    named = (recipient.partition(":") for recipient in purpose.recipients)
    return [name.strip() for relation, _, name in named if relation == Recipient.THIRD_PARTY and name.strip()]

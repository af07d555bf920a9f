"""One line of an import as an event: what it must be, checked once for all lines that say the same.

Most lines of a file differ in person and time alone. What they share (purpose, kind, method, notice, scope …)
is checked once and kept; so a million lines cost little more than reading them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from sekisho.consents.asked_again import AskedAgain
from sekisho.consents.import_lines import FIELDS, REQUIRED
from sekisho.consents.parts import Parts
from sekisho.domain.consent import (
    SAID_BY_PEOPLE,
    YES,
    ActorType,
    Assurance,
    ConsentEventKind,
    ConsentType,
    Provenance,
)
from sekisho.domain.consent_rules import METHODS, Actor, cells_in_scope, check_age, require_may_record, require_said
from sekisho.domain.identifiers import normalised, trimmed
from sekisho.domain.instants import instant_of
from sekisho.domain.law import EventFacts, RuleSet, check_event, rule_sets_at
from sekisho.domain.record import micros
from sekisho.domain.terms import Requester, SubjectNumber
from sekisho.errors import InvalidRequest, NoticeOutdated
from sekisho.ports import ConsentEventInput
from sekisho.ports.imports import ImportedEvent

_CODE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_LOCALE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}", re.ASCII)
_RELATION: Final = re.compile(r"[a-z][a-z_]{0,31}", re.ASCII)
_KEPT: Final = 4_096  # distinct claims; a file in which every line is one of its own must not fill the memory
_DAY: Final = 86_400_000_000  # microseconds
_NOBODY: Final = SubjectNumber(0)
_NONE: Final[Mapping[str, str]] = {}


class Checked(NamedTuple):
    """A line that may be imported: whom it names, and what it says. Times are microseconds since 1970-01-01 UTC."""

    identifier: str
    value: str
    claim: Claim
    occurred_at: int | None
    valid_until: int | None
    evidence: Mapping[str, str]

    def event(self, number: SubjectNumber) -> ImportedEvent:
        """Return the event, said by person *number*."""
        _, _, claim, occurred_at, valid_until, evidence = self
        return ImportedEvent(number, claim.alike, occurred_at, valid_until, evidence)


@dataclass(frozen=True, slots=True)
class Claim:
    """What many lines say alike.

    Attributes
    ----------
    alike:
        Their event, but for person, times and evidence. Events that say the same share one provenance, without
        their line: they stand in the ledger in the order of the file.
    is_yes:
        Whether it is one.
    validity:
        How long a yes holds (microseconds).
    outdated_before:
        When people were asked again: a yes from before does not hold any more.
    """

    alike: ConsentEventInput
    is_yes: bool
    validity: int | None
    outdated_before: int | None


class LineReader:
    """Checks the lines of one file.

    Parameters
    ----------
    parts:
        The ports.
    requester:
        The collection point that imports.
    batch:
        Id of the import.
    asked:
        When people were asked again.
    """

    def __init__(self, parts: Parts, requester: Requester, batch: str, asked: AskedAgain) -> None:
        self._parts = parts
        self._requester = requester
        self._batch = batch
        self._asked = asked
        self._started = parts.clock.now()
        self._now = micros(self._started)
        self._claims: dict[tuple[object, ...], Claim] = {}
        self._rules: dict[date, tuple[tuple[RuleSet, ...], str]] = {}

    def read(self, said: Mapping[str, Any]) -> Checked:
        """Return what *said* asks for.

        Raises
        ------
        InvalidRequest, AccessDenied, UnknownPurpose, NoticeOutdated
            When it cannot be imported. No text of them holds a value of the line.
        """
        if not said.keys() <= FIELDS:
            raise InvalidRequest("The line has a field that no event has.")
        get = said.get
        person, occurred = get("data_subject"), get("occurred_at")
        if not (
            isinstance(person, str)
            and isinstance(get("purpose"), str)
            and isinstance(get("event"), str)
            and isinstance(get("method"), str)
        ):
            name = next(name for name in REQUIRED if not isinstance(get(name), str))
            raise InvalidRequest(f"{name} is missing, or is no text.")
        identifier, value = self._person(person)
        said_at, occurred_at = self._started, None  # what is undated was said by now
        if occurred is not None:
            said_at = _instant(occurred, "occurred_at")
            occurred_at = micros(said_at)
            if not 0 <= occurred_at <= self._now:
                raise InvalidRequest("occurred_at lies ahead, or before 1970.")
        until = of_age = None
        evidence, actor = _NONE, ()
        if len(said) > len(REQUIRED) + (occurred is not None):
            if get("of_age_at") is not None:
                of_age = _instant(get("of_age_at"), "of_age_at")
                check_age(of_age)
            evidence, actor = _evidence(get("evidence"), get("actor"))
            until = get("valid_until")
        claim = self._claim(said, actor, said_at, of_age)
        valid_until = None if until is None else micros(_instant(until, "valid_until"))
        if not claim.is_yes:
            return Checked(identifier, value, claim, occurred_at, None, evidence)
        if valid_until is None and claim.validity is not None:
            valid_until = (self._now if occurred_at is None else occurred_at) + claim.validity
        if occurred_at is not None and valid_until is not None and valid_until <= occurred_at:
            raise InvalidRequest("valid_until lies before occurred_at.")
        if claim.outdated_before is not None and (occurred_at is None or occurred_at < claim.outdated_before):
            raise NoticeOutdated(
                "People were asked again after this yes, as far as its date tells; it does not count any more."
            )
        return Checked(identifier, value, claim, occurred_at, valid_until, evidence)

    def _person(self, text: str) -> tuple[str, str]:
        identifier, _, value = text.partition(":")
        if identifier not in self._parts.identifiers:
            known = ", ".join(sorted(self._parts.identifiers))
            raise InvalidRequest(f"data_subject is TYPE:VALUE, the type one of {known}.")
        if not trimmed(value) or len(text) > 512:
            raise InvalidRequest("data_subject has no value, or one of more than 512 characters.")
        return identifier, normalised(identifier, value)

    def _claim(
        self, said: Mapping[str, Any], actor: tuple[Any, ...], said_at: datetime, of_age_at: datetime | None
    ) -> Claim:
        rules, names = self._rules_at(said_at.date())
        get = said.get
        key: tuple[object, ...] = (said["purpose"], said["event"], said["method"], names)
        if len(said) > len(REQUIRED) + ("occurred_at" in said):
            version, scope = get("notice_version"), get("scope")
            key += (
                version,
                type(version),  # true is no 1
                get("locale"),
                get("served_id"),
                get("consent_type"),
                get("reason"),
                tuple(scope.items()) if isinstance(scope, dict) else scope,
                actor,
            )
        shared = of_age_at is None and "age" not in said
        try:
            claim = self._claims.get(key) if shared else None
        except TypeError:
            raise InvalidRequest("A field of the line holds a list or an object.") from None
        if claim is None:
            claim = self._checked(said, actor, rules, names, said_at, of_age_at)
            if shared and len(self._claims) < _KEPT:
                self._claims[key] = claim
        return claim

    def _checked(
        self,
        said: Mapping[str, Any],
        actor_key: tuple[Any, ...],
        rules: tuple[RuleSet, ...],
        names: str,
        said_at: datetime,
        of_age_at: datetime | None,
    ) -> Claim:
        kind = _word(said["event"], "event", ConsentEventKind)
        if kind not in SAID_BY_PEOPLE:
            raise InvalidRequest("event is nothing that a person can say.")
        purpose = self._parts.asking(said["purpose"])
        require_may_record(self._requester, purpose.name, kind)
        method = said["method"]
        if method not in METHODS:
            raise InvalidRequest(f"method is one of {', '.join(sorted(METHODS))}.")
        actor = _actor(actor_key)
        require_said(kind, actor, method)
        cells = cells_in_scope(purpose, _scope(said.get("scope")))
        version, locale = _version(said.get("notice_version")), _matching(said, "locale", _LOCALE)
        consent_type = _word(said.get("consent_type"), "consent_type", ConsentType)
        if consent_type is None:
            explicit = bool(purpose.explicit) and kind in YES
            consent_type = ConsentType.EXPLICIT if explicit else ConsentType.EXPRESSED
        notice, outdated_before = self._asked.check(purpose, version) if kind in YES else (None, None)
        if version is None and kind in YES:
            version = self._asked.in_force(purpose)  # as with an event that comes in now
        age = said.get("age")
        if age is not None and (type(age) is not int or not 0 <= age <= 150):
            raise InvalidRequest("age is a whole number of years.")
        facts = EventFacts(kind, said_at, consent_type, actor.type, actor.assurance, age, of_age_at, version)
        if broken := check_event(rules, purpose, facts):
            remedies = dict.fromkeys(f"{one.article}: {one.remedy}" for one in broken)
            raise InvalidRequest(
                f"This would be no valid consent. {'; '.join(remedies)}.",
                reasons=tuple(one.rule_id for one in broken),
            )
        known = notice is not None and locale in notice.texts
        provenance = Provenance(
            actor_type=actor.type,
            relation=actor.relation,
            assurance=actor.assurance,
            consent_type=consent_type,
            notice_key=None if notice is None else notice.key,
            notice_sha256=notice.sha256(locale) if known and notice is not None and locale is not None else None,
            locale=locale,
            served_id=_matching(said, "served_id", _CODE),
            legal_basis=purpose.legal_basis.value,
            rule_set=names or None,
            collection_point=self._requester.name,
            of_age_at=of_age_at,
            reason=_matching(said, "reason", _CODE),
            batch=self._batch,
        )
        days = purpose.validity_days
        return Claim(
            ConsentEventInput(
                _NOBODY,
                purpose.name,
                cells,
                kind,
                method,
                f"requester:{self._requester.name}",
                version,
                provenance=provenance,
                historical=True,
                confirmed=purpose.confirm,
            ),
            is_yes=kind in YES,
            validity=None if days is None or kind is ConsentEventKind.CONFIRM else days * _DAY,
            outdated_before=None if outdated_before is None else micros(outdated_before),
        )

    def _rules_at(self, day: date) -> tuple[tuple[RuleSet, ...], str]:
        """Return the rules of *day*, and their names."""
        found = self._rules.get(day)
        if found is None:
            rules = rule_sets_at(self._parts.rule_sets, day)
            found = self._rules[day] = rules, ",".join(one.name for one in rules)
        return found


def _instant(text: Any, name: str) -> datetime:
    try:
        return instant_of(text)
    except ValueError:
        raise InvalidRequest(f"{name} is a time with its offset, as RFC 3339 spells it.") from None


def _evidence(evidence: Any, actor: Any) -> tuple[Mapping[str, str], tuple[Any, ...]]:
    """Return the evidence, with what may name whoever acted, and the rest of *actor* in one order."""
    if evidence is None:
        kept: Mapping[str, str] = _NONE
    elif (
        not isinstance(evidence, dict)
        or len(evidence) > 16
        or not all(
            0 < len(key) <= 128 and isinstance(each, str) and len(each) <= 4096 for key, each in evidence.items()
        )
    ):
        raise InvalidRequest("evidence is an object of at most 16 texts.")
    else:
        kept = evidence
    if actor is None:
        return kept, ()
    named: Any = actor
    rest: tuple[Any, ...] = ()
    if isinstance(actor, dict):
        if not actor.keys() <= {"type", "id", "relation", "assurance"} or "type" not in actor:
            raise InvalidRequest("actor is a name, or an object of type, id, relation and assurance.")
        named, rest = actor.get("id"), (actor["type"], actor.get("relation"), actor.get("assurance"))
    if named is not None and (not isinstance(named, str) or not 0 < len(named) <= 128):
        raise InvalidRequest("actor is named by at most 128 characters.")
    return kept if named is None else {**kept, "actor": named}, rest


def _actor(key: tuple[Any, ...]) -> Actor:
    if not key:
        return Actor()
    kind, relation, assurance = key
    if relation and (not isinstance(relation, str) or not _RELATION.fullmatch(relation)):
        raise InvalidRequest("relation is a lower-case word.")
    return Actor(
        _word(kind or "", "actor.type", ActorType),
        relation=relation or None,
        assurance=_word(assurance or "none", "actor.assurance", Assurance),
    )


def _word(text: Any, name: str, words: Any) -> Any:
    if text is None:
        return None
    try:
        return words(text)
    except ValueError:
        raise InvalidRequest(f"{name} is one of {', '.join(sorted(word.value for word in words))}.") from None


def _matching(said: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str | None:
    text = said.get(name)
    if text is not None and (not isinstance(text, str) or not pattern.fullmatch(text)):
        raise InvalidRequest(f"{name} is not written as it has to be.")
    return text


def _version(version: Any) -> str | None:
    if version is None or (type(version) is int and 0 < version < 2**31):
        return None if version is None else str(version)
    if not isinstance(version, str) or not 0 < len(version) <= 64 or not version.isprintable():
        raise InvalidRequest("notice_version is a number, or at most 64 characters.")
    return version


def _scope(scope: Any) -> Mapping[str, str]:
    if scope is None:
        return _NONE
    if not isinstance(scope, dict) or not scope or not all(isinstance(value, str) for value in scope.values()):
        raise InvalidRequest("scope is an object from a dimension to one value.")
    return scope

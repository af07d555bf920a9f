"""What a yes has to fulfil before it is recorded: the notice, the state that it goes on from, the rules of law.

None of this is ever asked of a no.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache

from sekisho.consents.parts import Parts
from sekisho.domain.consent import (
    YES,
    ActorType,
    ConsentEventKind,
    ConsentRecord,
    ConsentState,
    ConsentType,
    Provenance,
    state_at,
)
from sekisho.domain.consent_rules import RENEWABLE, Actor, check_age, require_said
from sekisho.domain.law import EventFacts, as_told, check_event, rule_sets_at
from sekisho.domain.notices import Notice, PurposeVersion, Status
from sekisho.domain.terms import Cell, Purpose, SubjectNumber
from sekisho.errors import InvalidRequest, NoticeOutdated
from sekisho.ports import ConsentEventInput


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said, read but not yet checked.

    Attributes
    ----------
    purpose, cells, kind, method:
        What was said, about what, and how it came in.
    by:
        Who hands it in, as the ledger names them (``requester:consent_desk``).
    actor:
        Who acted.
    collection_point:
        Requester that took it; ``None`` for the person's own page.
    notice_version, locale, served_id:
        What was shown; a version left out is the one in force.
    occurred_at, valid_until:
        When it was said, until when a yes holds.
    age, of_age_at:
        The person's age in years as established, when the person comes of age.
    consent_type:
        How plainly it was said; left out, as plainly as the purpose asks.
    evidence, reason, signal:
        What proves it, a code for why, the signal that it came by.
    """

    purpose: Purpose
    cells: tuple[Cell, ...]
    kind: ConsentEventKind
    method: str
    by: str
    actor: Actor = field(default_factory=Actor)
    collection_point: str | None = None
    notice_version: str | None = None
    locale: str | None = None
    served_id: str | None = None
    occurred_at: datetime | None = None
    valid_until: datetime | None = None
    age: int | None = None
    of_age_at: datetime | None = None
    consent_type: ConsentType | None = None
    evidence: Mapping[str, str] = field(default_factory=dict, repr=False)
    reason: str | None = None
    signal: str | None = None


_SKEW = timedelta(minutes=5)  # how far a caller's clock may be ahead
_rule_sets = lru_cache(maxsize=16)(rule_sets_at)  # by names and day


class Giving:
    """Makes events of what was said; refuses a yes that would be none."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._ledger = parts.ledger
        self._notices = parts.notices
        self._told: dict[str, tuple[str, Purpose]] = {}  # by purpose: digest of the facts, what they make of it

    def no(self, number: SubjectNumber, said: Said) -> ConsentEventInput:
        """Return the event of what ends or forbids a use, or gives nothing; nothing is asked of it."""
        return self._event(number, said, self._provenance(said))

    async def checked(self, number: SubjectNumber | None, said: Said) -> ConsentEventInput:
        """Return the event of *said*, checked where it is a yes. ``None`` is somebody yet unknown.

        Raises
        ------
        NoticeOutdated
            When a notice was shown that is no longer in force, or a renewal of what has become outdated names none;
            the text names the version that is.
        InvalidRequest
            When there is nothing to confirm or to renew, the yes has ended already, the notice does not exist, or a
            rule of law stands against it: then ``reasons`` are the ids of the rules.
        """
        if said.kind not in YES:
            return self.no(number or SubjectNumber(0), said)
        require_said(said.kind, said.actor, said.method)
        if said.occurred_at is not None and said.occurred_at > self._parts.clock.now() + _SKEW:
            raise InvalidRequest("occurred_at lies ahead.")
        checked_at, records = await self._records(number)  # before the notice is looked at
        if said.kind is ConsentEventKind.RENEW:
            self._renewing(said, records)
        elif said.kind is ConsentEventKind.CONFIRM:
            said = _confirming(said, records)
        outdated_seq = _outdated_seq(said, records)
        notice = await self._shown(said, asked_again=outdated_seq is not None)
        said = self._dated(said, notice)
        versions = await self._notices.purpose_versions(said.purpose.name)
        told = next((version for version in reversed(versions) if version.status is Status.PUBLISHED), None)
        if said.age is None and said.of_age_at is None:
            of_age_at = await self._known_age(number, records)
        else:
            of_age_at = said.of_age_at
        purpose = said.purpose if told is None else self._as_told(said.purpose, told)
        self._lawful(said, records, purpose, of_age_at)
        provenance = self._provenance(said, notice, told, outdated_seq)
        return self._event(number or SubjectNumber(0), said, provenance, checked_at)

    async def _records(self, number: SubjectNumber | None) -> tuple[int, Mapping[Cell, ConsentRecord]]:
        """Return the sequence read at, and the records; none of somebody yet unknown."""
        return (await self._ledger.last_seq(), {}) if number is None else await self._ledger.records_of(number)

    def _renewing(self, said: Said, records: Mapping[Cell, ConsentRecord]) -> None:
        if not all(self._state(said.purpose, records.get(cell)) in RENEWABLE for cell in said.cells):
            raise InvalidRequest("Only a yes that was given can be renewed; ask for a new one (give).")

    async def _shown(self, said: Said, *, asked_again: bool) -> Notice | None:
        """Return the notice that was shown, when it may still be agreed to; ``None`` where there is none.

        Who renews a yes that has become outdated (*asked_again*) says which notice was shown: nothing else tells
        that it was not the one of the old yes.
        """
        name = said.purpose.name
        if said.notice_version is not None:
            notice = await self._notices.accepts(name, said.notice_version)
            if notice is not None:
                return notice
        in_force = await self._notices.in_force(name)
        unnamed = said.kind is ConsentEventKind.RENEW and asked_again
        if said.notice_version is None and said.kind is not ConsentEventKind.CONFIRM and not unnamed:
            return in_force
        if in_force is not None:
            raise NoticeOutdated(f"Version {in_force.version} of the notice is in force; show it and ask again.")
        if said.notice_version is not None:
            raise InvalidRequest("No notice of this purpose has been published; there is none to agree to.")
        return None

    def _dated(self, said: Said, notice: Notice | None) -> Said:
        """Return *said* with the notice's version and language, and with the end of its validity."""
        if notice is not None:
            said = replace(said, notice_version=str(notice.version), locale=_language(said.locale, notice))
        if said.kind is ConsentEventKind.CONFIRM:
            return replace(said, valid_until=None)  # what is confirmed has its own end
        now, days = self._parts.clock.now(), said.purpose.validity_days
        if said.valid_until is None and days is not None:
            said = replace(said, valid_until=min(said.occurred_at or now, now) + timedelta(days=days))
        if said.valid_until is not None and said.valid_until <= now:
            raise InvalidRequest("valid_until has already passed.")
        return said

    async def _known_age(
        self, number: SubjectNumber | None, records: Mapping[Cell, ConsentRecord]
    ) -> datetime | None:
        """Return when the person comes of age: known for a child, by any identifier, one is a child until then."""
        linked = () if number is None else await self._ledger.linked(number)
        others = [(await self._ledger.records_of(other))[1] for other in linked if other != number]
        known = (one.of_age_at for held in (records, *others) for one in held.values())
        return max((at for at in known if at is not None), default=None)

    def _lawful(
        self, said: Said, records: Mapping[Cell, ConsentRecord], purpose: Purpose, of_age_at: datetime | None
    ) -> None:
        now = self._parts.clock.now()
        facts = EventFacts(
            said.kind,
            now,
            _type_of(said),
            said.actor.type,
            said.actor.assurance,
            said.age,
            of_age_at,
            said.notice_version,
            frozenset(self._state(said.purpose, records.get(cell)) for cell in said.cells),
        )
        found = check_event(_rule_sets(self._parts.rule_sets, now.date()), purpose, facts)
        if found:
            remedies = dict.fromkeys(f"{broken.article}: {broken.remedy}" for broken in found)
            raise InvalidRequest(
                f"This would be no valid consent. {'; '.join(remedies)}.",
                reasons=tuple(broken.rule_id for broken in found),
            )

    def _state(self, purpose: Purpose, record: ConsentRecord | None) -> ConsentState:
        return state_at(record, purpose, self._parts.clock.now())

    def _as_told(self, purpose: Purpose, version: PurposeVersion) -> Purpose:
        known = self._told.get(purpose.name)
        if known is None or known[0] != version.sha256:
            known = self._told[purpose.name] = version.sha256, as_told(purpose, version.facts)
        return known[1]

    def _provenance(
        self,
        said: Said,
        notice: Notice | None = None,
        told: PurposeVersion | None = None,
        outdated_seq: int | None = None,
    ) -> Provenance:
        check_age(said.of_age_at)
        rules = _rule_sets(self._parts.rule_sets, self._parts.clock.now().date())
        return Provenance(
            actor_type=said.actor.type,
            relation=said.actor.relation,
            assurance=said.actor.assurance,
            consent_type=_type_of(said),
            notice_key=None if notice is None else notice.key,
            notice_sha256=None if notice is None or said.locale is None else notice.sha256(said.locale),
            locale=said.locale,
            served_id=said.served_id,
            purpose_version=None if told is None else told.version,
            # Without it, what was confirmed before would stand, and this yes would wait for no confirmation.
            outdated_seq=outdated_seq if said.purpose.confirm else None,
            legal_basis=said.purpose.legal_basis.value,
            rule_set=",".join(one.name for one in rules) or None,
            collection_point=said.collection_point,
            of_age_at=said.of_age_at if said.kind not in YES or said.actor.type is ActorType.GUARDIAN else None,
            signal=said.signal,
            reason=said.reason,
        )

    def _event(
        self, number: SubjectNumber, said: Said, provenance: Provenance, checked_at: int | None = None
    ) -> ConsentEventInput:
        claimed = {} if said.actor.id is None else {"actor": said.actor.id}
        return ConsentEventInput(
            number=number,
            purpose=said.purpose.name,
            cells=said.cells,
            kind=said.kind,
            method=said.method,
            actor=said.by,
            notice_version=said.notice_version,
            occurred_at=said.occurred_at,
            valid_until=said.valid_until if said.kind in YES else None,
            evidence={**said.evidence, **claimed},
            provenance=provenance,
            confirmed=said.purpose.confirm,
            checked_at=checked_at,
        )


def _confirming(said: Said, records: Mapping[Cell, ConsentRecord]) -> Said:
    """Return *said* as the confirmation of what waits for it, on the notice that was shown with that."""
    waiting = {
        cell: record
        for cell in said.cells
        if (record := records.get(cell)) is not None and record.state is ConsentState.PENDING_CONFIRMATION
    }
    if not waiting:
        raise InvalidRequest("There is no yes that waits for its confirmation; ask for a new one (give).")
    if any(record.outdated for record in waiting.values()):
        raise NoticeOutdated("What waits for its confirmation was given on an earlier notice; ask again.")
    shown = {record.notice_version for record in waiting.values()}
    if said.notice_version is not None:
        shown.add(said.notice_version)
    if len(shown) > 1:
        raise InvalidRequest("What waits was given on another notice; confirm one scope at a time.")
    return replace(said, cells=tuple(waiting), notice_version=shown.pop())


def _outdated_seq(said: Said, records: Mapping[Cell, ConsentRecord]) -> int | None:
    """Return the sequence of the newest yes to what *said* is about that people were asked again since."""
    about = [record for cell in said.cells if (record := records.get(cell)) is not None and record.outdated]
    return max((record.seq for record in about), default=None)


def _type_of(said: Said) -> ConsentType:
    if said.consent_type is not None:
        return said.consent_type
    explicit = bool(said.purpose.explicit) and said.kind in YES
    return ConsentType.EXPLICIT if explicit else ConsentType.EXPRESSED


def _language(locale: str | None, notice: Notice) -> str | None:
    """Return the language of the text that was shown: ``ja`` for ``ja-JP``; the only one where none is named."""
    if locale is None:
        return next(iter(notice.texts)) if len(notice.texts) == 1 else None
    for name in (locale, locale.partition("-")[0]):
        if name in notice.texts:
            return name
    raise InvalidRequest(f"The notice exists in {', '.join(sorted(notice.texts))} only.")

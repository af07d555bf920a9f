"""What people decide, recorded: events of collection points, decisions and withdrawals of customers.

Who may say what stands in ``domain.consent_rules``, what a yes has to fulfil in ``giving``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from sekisho.consents.giving import Giving, Said
from sekisho.consents.parts import Parts, Question
from sekisho.consents.trail import Trail
from sekisho.domain.consent import (
    REFUSING,
    SAID_BY_PEOPLE,
    YES,
    ActorType,
    Assurance,
    ConsentEventKind,
    ConsentRecord,
    ConsentState,
    ConsentType,
    is_in_force,
    state_after,
)
from sekisho.domain.consent_rules import (
    METHODS,
    SETTLED,
    Actor,
    asks_people,
    cells_in_scope,
    refusal_of,
    require_may_record,
    sees_all,
)
from sekisho.domain.terms import Cell, LegalBasis, Purpose, Requester, SubjectNumber
from sekisho.errors import AuditUnavailable, InvalidRequest
from sekisho.ports import ConsentEventInput, DataSubjectRef, RecordedConsentEvent

_PAGE = Actor(assurance=Assurance.VERIFIED_CONTACT)  # who signed in at the person's own address
_SIGNAL = Actor(ActorType.SIGNAL, assurance=Assurance.VERIFIED_CONTACT)
DECISIONS = frozenset({ConsentEventKind.GIVE, ConsentEventKind.REFUSE, ConsentEventKind.WITHDRAW})
"""What a person decides on the page."""


class EventRequest(Question, Protocol):
    """A consent event as a service hands it in: its claims, none of which orders anything.

    See :class:`.giving.Said` for the meaning of each.
    """

    @property
    def kind(self) -> ConsentEventKind:
        """What happened."""

    @property
    def method(self) -> str:
        """One of :data:`.consent_rules.METHODS`."""

    @property
    def actor(self) -> Actor:
        """Who acted."""

    @property
    def notice_version(self) -> str | None:
        """Version of the notice that was shown."""

    @property
    def locale(self) -> str | None:
        """The language in which it was shown."""

    @property
    def served_id(self) -> str | None:
        """The id under which it was served."""

    @property
    def occurred_at(self) -> datetime | None:
        """When it happened."""

    @property
    def valid_until(self) -> datetime | None:
        """Until when a yes holds."""

    @property
    def age(self) -> int | None:
        """The person's age in years, as established."""

    @property
    def of_age_at(self) -> datetime | None:
        """When the person comes of age."""

    @property
    def consent_type(self) -> ConsentType | None:
        """How plainly it was said."""

    @property
    def reason(self) -> str | None:
        """A short code, for revoking and invalidating."""

    @property
    def evidence(self) -> Mapping[str, str]:
        """What proves it: names and references, kept in the ledger alone."""


class DecisionRequest(Protocol):
    """One decision of a person who signed in."""

    @property
    def purpose(self) -> str:
        """Name of the purpose."""

    @property
    def scope(self) -> Mapping[str, str]:
        """Dimension to value; empty for every cell."""

    @property
    def kind(self) -> ConsentEventKind:
        """One of :data:`DECISIONS`."""

    @property
    def notice_version(self) -> str | None:
        """Version of the notice that was shown; a yes needs it."""

    @property
    def locale(self) -> str | None:
        """The language in which it was shown."""


class Recording:
    """The use cases that write."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._purposes = parts.catalogue.purposes
        self._ledger = parts.ledger
        self._giving = Giving(parts)
        self._trail = Trail(parts)

    async def record_event(self, requester: Requester, event: EventRequest) -> dict[str, object]:
        """Record what a person decided and return ``{id, seq, state, receipt_id}``.

        Collection points and the privacy officer record every kind, a yes for purposes that they do not use
        themselves; any other service only passes on ``withdraw`` and ``object``, for purposes of its own.
        A repeated event is recorded again: that it was said twice, and how, is evidence. ``state`` is what counts
        now, which for a yes that is older than a no, or waits for its confirmation, is not ``given``.

        Raises
        ------
        AccessDenied, PurposeNotRegistered
            When the caller may not record this, or not for this purpose.
        UnknownPurpose, InvalidRequest
            When the event is about no declared purpose or cell, cannot be read, or is a yes that would be none.
        NoticeOutdated
            When a yes was said on a notice that is no longer in force.
        AuditUnavailable
            When a yes could not be audited (then it was not recorded), or the entry about a no could not be
            written (then the no counts nevertheless; send it again).
        """
        if event.kind not in SAID_BY_PEOPLE:
            raise InvalidRequest(f"event is one of {', '.join(sorted(kind.value for kind in SAID_BY_PEOPLE))}.")
        require_may_record(requester, self._parts.purpose(event.purpose).name, event.kind)
        if event.method not in METHODS:
            raise InvalidRequest(f"method is one of {', '.join(sorted(METHODS))}.")
        declared = self._parts.asking(event.purpose)
        said = Said(
            declared,
            cells_in_scope(declared, event.scope),
            event.kind,
            event.method,
            f"requester:{requester.name}",
            event.actor,
            requester.name,
            event.notice_version,
            event.locale,
            event.served_id,
            event.occurred_at,
            event.valid_until,
            event.age,
            # Who may only pass on a no does not say how old somebody is: that decides whose next yes counts.
            event.of_age_at if sees_all(requester) else None,
            event.consent_type,
            event.evidence,
            event.reason,
        )
        if event.kind in YES:
            # A yes that is refused must not make anybody known.
            known = await self._parts.known(requester, event)
            checked = await self._giving.checked(known, said)
            await self._require_audit()
            number = await self._parts.named(requester, event, known)
            checked = checked if number == known else replace(checked, number=number)
        else:
            checked = self._giving.no(await self._parts.named(requester, event), said)
        done = (await self._record([checked], requester=requester.name))[0]
        return {"id": done.id, "seq": done.seq, "state": _state(declared, done).value, "receipt_id": done.id}

    async def repeat_no(self, requester: Requester, event: EventRequest) -> dict[str, object]:
        """See to it that a no counts which was recorded before; record it again only if something lifted it since.

        Returns ``{seq}``. Raises as :meth:`record_event` does.
        """
        require_may_record(requester, self._parts.purpose(event.purpose).name, event.kind)
        cells = cells_in_scope(self._parts.asking(event.purpose), event.scope)
        seq, people = await self._standing(await self._parts.named(requester, event))
        if all(cell in records and records[cell].state in REFUSING for records in people for cell in cells):
            return {"seq": seq}
        return await self.record_event(requester, event)

    async def decide(
        self, person: DataSubjectRef, decisions: Sequence[DecisionRequest], *, gpc: bool = False
    ) -> dict[str, object]:
        """Record what *person* decided on the page, all or none; return ``{seq, items}``, an item for each.

        A no needs less than a yes: neither a notice nor its version. Repeating it adds no event.

        Parameters
        ----------
        gpc:
            Whether the browser sends Global Privacy Control with these decisions: then it objects again right after
            a yes to what it covers.

        Raises
        ------
        UnknownPurpose, InvalidRequest
            When a decision is about no declared purpose or cell, two are about the same, or a yes would be none.
        NoticeOutdated
            When a yes was said on a notice that is no longer in force.
        AuditUnavailable
            As in :meth:`record_event`.
        """
        said = [self._on_the_page(decision) for decision in decisions]
        cells = [cell for one in said for cell in one.cells]
        if len(set(cells)) < len(cells):
            raise InvalidRequest("Two decisions are about the same; send one.")
        number = await self._parts.people.number_of(person)
        seq, people = await self._standing(number)
        events: list[ConsentEventInput] = []
        last: dict[int, int] = {}  # which event is the last word on which decision
        for place, one in enumerate(said):
            if one.kind not in YES and _says_no(people, one):
                continue
            events.append(await self._giving.checked(number, one))
            if gpc and one.kind in YES and one.purpose.gpc:
                events.append(self._giving.no(SubjectNumber(0), _objection(one.purpose, one.cells)))
            last[place] = len(events) - 1
        if any(one.kind in YES for one in said):
            await self._require_audit()
        number = await self._parts.registered(person)
        done: list[RecordedConsentEvent] = []
        if events:
            done = await self._record([replace(event, number=number) for event in events])
            seq = done[-1].seq
        before = {place: _newest(people[0], one.cells) for place, one in enumerate(said) if place not in last}
        known = await self._ledger.event_ids([record.seq for record in before.values()]) if before else {}
        items = []
        for place, (decision, one) in enumerate(zip(decisions, said, strict=True)):
            item: dict[str, object] = {"purpose": one.purpose.name}
            if decision.scope:
                item["scope"] = dict(decision.scope)
            if place in last:
                event = done[last[place]]
                item |= {"state": _state(one.purpose, event).value, "receipt_id": event.id}
                if event.provenance.signal is not None:  # not what was asked for: the browser objected to it
                    item["reasons"] = [f"signal:{event.provenance.signal}"]
            else:
                item |= {"state": before[place].state, "receipt_id": known.get(before[place].seq)}
            items.append(item)
        return {"seq": seq, "items": items}

    async def withdraw(
        self, person: DataSubjectRef, purpose: str, *, scope: Mapping[str, str] | None = None
    ) -> dict[str, object]:
        """Withdraw (legitimate interest: object) and return ``{seq, purpose, state}``.

        Counts for every query that starts after this returns. Repeating it records no further event, only
        an audit entry, and answers the present sequence.

        Raises
        ------
        UnknownPurpose
            When there is no such purpose.
        InvalidRequest
            When the purpose stands on a contract or a legal obligation, or *scope* names no cell.
        """
        declared = self._parts.asking(purpose)
        said = _withdrawal(declared, cells_in_scope(declared, scope or {}))
        number = await self._parts.registered(person)
        seq, people = await self._standing(number)
        event = self._giving.no(number, said)
        if _says_no(people, said):
            await self._repeated(seq, event)
        else:
            seq = (await self._record([event]))[0].seq
        return {"seq": seq, "purpose": purpose, "state": state_after(said.kind).value}

    async def withdraw_all(self, person: DataSubjectRef) -> dict[str, object]:
        """Withdraw or object to every purpose that can be; all or none. Returns ``{seq, withdrawn}``.

        ``withdrawn`` names the purposes for which something changed; repeating it changes nothing.
        """
        asked = (purpose for purpose in self._purposes.values() if asks_people(purpose))
        return await self._say_no(person, [_withdrawal(purpose, purpose.all_cells()) for purpose in asked])

    async def object_by_signal(self, person: DataSubjectRef) -> None:
        """Object, for *person*, to every purpose that Global Privacy Control covers; nothing new when repeated.

        Who was never asked becomes known by it, as by every first no.
        """
        covered = (purpose for purpose in self._purposes.values() if purpose.gpc and asks_people(purpose))
        if said := [_objection(purpose, purpose.all_cells()) for purpose in covered]:
            await self._say_no(person, said)

    async def _say_no(self, person: DataSubjectRef, said: Sequence[Said]) -> dict[str, object]:
        number = await self._parts.registered(person)
        seq, people = await self._standing(number)
        new = [one for one in said if not _says_no(people, one)]
        if new:
            seq = (await self._record([self._giving.no(number, one) for one in new]))[-1].seq
        return {"seq": seq, "withdrawn": sorted(one.purpose.name for one in new)}

    async def _standing(self, number: SubjectNumber | None) -> tuple[int, list[Mapping[Cell, ConsentRecord]]]:
        """Return the sequence read at, and the records of *number* and then of whoever is linked with it."""
        if number is None:
            return await self._ledger.last_seq(), [{}]
        (seq, own), linked = await asyncio.gather(self._ledger.records_of(number), self._ledger.linked(number))
        others = await asyncio.gather(*(self._ledger.records_of(other) for other in linked if other != number))
        return seq, [own, *(records for _, records in others)]

    def _on_the_page(self, decision: DecisionRequest) -> Said:
        declared = self._parts.asking(decision.purpose)
        cells = cells_in_scope(declared, decision.scope)
        if decision.kind not in DECISIONS:
            raise InvalidRequest(f"decision is one of {', '.join(sorted(kind.value for kind in DECISIONS))}.")
        if decision.kind is not ConsentEventKind.GIVE:
            said = _withdrawal(declared, cells)
            refused = decision.kind is ConsentEventKind.REFUSE and said.kind is ConsentEventKind.WITHDRAW
            kind = decision.kind if refused else said.kind
            return replace(said, kind=kind, notice_version=decision.notice_version)
        if decision.notice_version is None:
            raise InvalidRequest("A yes says which notice was shown; send its notice_version (GDPR 7(1)).")
        said = Said(declared, cells, decision.kind, "web_form", "data_subject", _PAGE)
        return replace(said, notice_version=decision.notice_version, locale=decision.locale)

    async def _require_audit(self) -> None:
        if not await self._parts.audit.healthy():
            raise AuditUnavailable("The audit log does not answer; the consent was not recorded. Try again.")

    async def _record(
        self, events: Sequence[ConsentEventInput], *, requester: str | None = None
    ) -> list[RecordedConsentEvent]:
        # The ledger first: a withdrawal must count even while the audit log is down.
        done = await self._ledger.record(events)
        await self._trail.note(done, requester=requester)
        return done

    async def _repeated(self, seq: int, event: ConsentEventInput) -> None:
        """Record in the audit log alone that a no was said again."""
        again = RecordedConsentEvent(
            seq, "", event.number, event.purpose, event.cells, event.kind, self._parts.clock.now(), event.method,
            event.actor, event.notice_version, provenance=event.provenance,
        )  # fmt: skip
        await self._trail.note([again], repeated=True)


def _withdrawal(purpose: Purpose, cells: tuple[Cell, ...]) -> Said:
    return Said(purpose, cells, refusal_of(purpose), "web_form", "data_subject", _PAGE)


def _objection(purpose: Purpose, cells: tuple[Cell, ...]) -> Said:
    return Said(purpose, cells, ConsentEventKind.OBJECT, "signal", "data_subject", _SIGNAL, signal="gpc")


def _says_no(people: Iterable[Mapping[Cell, ConsentRecord]], said: Said) -> bool:
    """Return whether *said*, a no, adds nothing: every cell of the person, and of whoever is linked, says it."""
    enough = SETTLED
    if said.signal is not None:
        enough = REFUSING
    elif said.kind is ConsentEventKind.REFUSE:
        enough = SETTLED | {ConsentState.REFUSED}
    return all(cell in records and records[cell].state in enough for records in people for cell in said.cells)


def _newest(records: Mapping[Cell, ConsentRecord], cells: Iterable[Cell]) -> ConsentRecord:
    return max((records[cell] for cell in cells), key=lambda record: record.seq)


def _state(purpose: Purpose, event: RecordedConsentEvent) -> ConsentState:
    """Return the state that the ledger answered: the first that stands in the way, else that of the first cell."""
    never = purpose.legal_basis is LegalBasis.LEGITIMATE_INTEREST
    default = ConsentState.ACTIVE_BY_DEFAULT if never else ConsentState.UNKNOWN
    states = [event.states.get(cell) or default for cell in event.cells]
    return next((state for state in states if not is_in_force(state)), states[0])

"""What people and services do with consent: check, see, record, withdraw.

Who may say what stands in ``domain.consent_rules``. Unknown is answered like refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np

from sekisho.domain.consent import ConsentEventKind, ConsentRecord, state_after
from sekisho.domain.consent_answers import consent_item, explanation
from sekisho.domain.consent_rules import (
    METHODS,
    YES,
    asks_people,
    cells_in_scope,
    is_settled,
    refusal_of,
    require_may_record,
    sees_all,
)
from sekisho.domain.record import subject_ref
from sekisho.domain.terms import Catalogue, Cell, Purpose, Requester, SubjectNumber
from sekisho.errors import AccessDenied, AuditUnavailable, ConsentUnavailable, InvalidRequest, UnknownPurpose
from sekisho.ports import (
    AuditEntry,
    AuditLog,
    Clock,
    ConsentEventInput,
    ConsentLedger,
    DataSubjectRef,
    KeyRing,
    People,
    PseudonymReader,
    RecordedConsentEvent,
)

_WAIT_S = 1.0  # how long a min_seq is waited for


class Question(Protocol):
    """Whether data of ``person`` may be used for ``purpose``, in ``scope`` (empty: in every cell of it)."""

    @property
    def person(self) -> DataSubjectRef:
        """How the caller names the person."""

    @property
    def purpose(self) -> str:
        """Name of the purpose."""

    @property
    def scope(self) -> Mapping[str, str]:
        """Dimension to value, for example ``{"data_category": "behaviour"}``."""


class EventRequest(Question, Protocol):
    """A consent event as a service hands it in; ``actor`` and ``occurred_at`` are its claims."""

    @property
    def kind(self) -> ConsentEventKind:
        """What happened."""

    @property
    def method(self) -> str:
        """One of :data:`.consent_rules.METHODS`."""

    @property
    def actor(self) -> str | None:
        """Who acted, as the caller says."""

    @property
    def notice_version(self) -> str | None:
        """Version of the notice that was shown."""

    @property
    def occurred_at(self) -> datetime | None:
        """When it happened, as the caller says."""

    @property
    def valid_until(self) -> datetime | None:
        """Until when a yes holds."""

    @property
    def evidence(self) -> Mapping[str, str]:
        """What proves it: names and references, kept in the ledger alone."""


@dataclass(frozen=True, slots=True)
class _Decision:
    """One event to be recorded, and who is to be named for it in the audit log."""

    event: ConsentEventInput
    requester: str | None


class Consents:
    """The use cases of consent.

    Parameters
    ----------
    catalogue:
        Purposes, and the kinds of identifier that datasets use.
    people, ledger, audit, keys, clock:
        See ``sekisho.ports``.
    identifiers:
        Further kinds of identifier (``email_sha256``). Another is refused: a withdrawal under it had no effect.
    pseudonyms:
        Reads ``pseudonym:…``; without it such names are refused.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        people: People,
        ledger: ConsentLedger,
        audit: AuditLog,
        keys: KeyRing,
        clock: Clock,
        *,
        identifiers: Iterable[str] = (),
        pseudonyms: PseudonymReader | None = None,
    ) -> None:
        self._purposes = catalogue.purposes
        self._people = people
        self._ledger = ledger
        self._audit = audit
        self._clock = clock
        self._reference_key = keys.derive("subject-ref")
        self._pseudonyms = pseudonyms
        self._identifiers = frozenset(identifiers) | {
            dataset.data_subject.identifier
            for dataset in catalogue.datasets.values()
            if dataset.data_subject is not None
        }

    async def subject_reference(self, person: DataSubjectRef) -> str | None:
        """Return the reference under which the audit log knows *person*, or ``None`` for an unknown one."""
        number = await self._people.number_of(person)
        return None if number is None else subject_ref(self._reference_key, number)

    async def check(
        self,
        requester: Requester,
        questions: Sequence[Question],
        *,
        min_seq: int | None = None,
        valid_at: datetime | None = None,
        known_at: datetime | None = None,
        explain: bool = False,  # noqa: ARG002 - who may see more always does
    ) -> list[dict[str, object]]:
        """Return ``{allowed, seq}`` for each of *questions*, in order.

        Allowed is who has every cell of the question in force; for a contract or a legal obligation, which
        ask nobody, it is who is known. Collection points and the privacy officer also get the ``state``
        and ``reasons``.

        Raises
        ------
        AccessDenied
            When a purpose is not the caller's own (and the caller is neither of those two).
        ConsentUnavailable
            When the ledger does not answer, or does not reach *min_seq* within a second.
        """
        if valid_at is not None or known_at is not None:
            raise InvalidRequest("A check answers for now; leave out valid_at and known_at.")
        cells = [self._asked_cells(requester, question) for question in questions]
        numbers = await self._numbers(requester, questions)
        allowed = np.zeros(len(questions), np.bool_)
        seqs = np.zeros(len(questions), np.int64)
        groups: dict[tuple[Cell, ...], list[int]] = {}
        for place, wanted in enumerate(cells):
            groups.setdefault(wanted, []).append(place)
        for wanted, places in groups.items():
            asked = numbers[places]
            if asks_people(self._purposes[questions[places[0]].purpose]):
                view = await self._ledger.view(wanted, min_seq=min_seq)
                allowed[places], seqs[places] = view.allowed(asked), view.seq
            else:
                allowed[places], seqs[places] = asked >= 0, await self._seq(min_seq)
        answers: list[dict[str, object]] = [
            {"allowed": bool(yes), "seq": int(seq)} for yes, seq in zip(allowed, seqs, strict=True)
        ]
        if sees_all(requester):
            for answer, question, wanted, number in zip(answers, questions, cells, numbers, strict=True):
                records = None
                if number >= 0:
                    _, records = await self._ledger.records_of(SubjectNumber(int(number)))
                purpose = self._purposes[question.purpose]
                answer.update(explanation(purpose, wanted, records, self._clock.now()))
        return answers

    async def my_consents(self, person: DataSubjectRef, *, min_seq: int | None = None) -> dict[str, object]:
        """Return ``{items, seq}``: every purpose and cell with its state, notice, since when and until when.

        A purpose that stands on a contract or a legal obligation is listed with its ground; its ``state`` is
        ``None`` and ``withdrawable`` is false, because there is no consent to withdraw (GDPR 6(1)(b), (c)).
        """
        number = await self._people.number_of(person)
        seq = await self._seq(min_seq)
        records: Mapping[Cell, ConsentRecord] = {}
        if number is not None:
            seq, records = await self._ledger.records_of(number)
        now = self._clock.now()
        items = [
            consent_item(purpose, cell, records.get(cell), now)
            for purpose in self._purposes.values()
            for cell in purpose.all_cells()
        ]
        return {"items": items, "seq": seq}

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
        declared = self._asking(purpose)
        cells = cells_in_scope(declared, scope or {})
        number = await self._registered(person)
        seq, records = await self._ledger.records_of(number)
        kind = refusal_of(declared)
        decision = _Decision(_by_person(number, declared, cells, kind), None)
        if is_settled(records, cells):
            await self._note(decision, None, seq)
        else:
            done = await self._record([decision])
            seq = done[0].seq
        return {"seq": seq, "purpose": purpose, "state": state_after(kind).value}

    async def withdraw_all(self, person: DataSubjectRef) -> dict[str, object]:
        """Withdraw or object to every purpose that can be; all or none. Returns ``{seq, withdrawn}``.

        ``withdrawn`` names the purposes for which something changed; repeating it changes nothing.
        """
        number = await self._registered(person)
        seq, records = await self._ledger.records_of(number)
        decisions = [
            _Decision(_by_person(number, purpose, purpose.all_cells(), refusal_of(purpose)), None)
            for purpose in self._purposes.values()
            if asks_people(purpose) and not is_settled(records, purpose.all_cells())
        ]
        if decisions:
            seq = (await self._record(decisions))[-1].seq
        return {"seq": seq, "withdrawn": sorted(decision.event.purpose for decision in decisions)}

    async def record_event(self, requester: Requester, event: EventRequest) -> dict[str, object]:
        """Record what a person decided and return ``{id, seq, state}``.

        Collection points and the privacy officer record every kind, for purposes that they do not use
        themselves; any other service only passes on ``withdraw`` and ``object``, for purposes of its own.
        A repeated event is recorded again: that it was said twice, and how, is evidence.

        Raises
        ------
        AccessDenied
            When the caller may not record this.
        UnknownPurpose, InvalidRequest
            When the event is about no declared purpose or cell, or cannot be read.
        AuditUnavailable
            When a yes could not be audited (then it was not recorded), or the entry about a no could not be
            written (then the no counts nevertheless; send it again).
        """
        require_may_record(requester, event.purpose, event.kind)
        declared = self._asking(event.purpose)
        cells = cells_in_scope(declared, event.scope)
        if event.method not in METHODS:
            raise InvalidRequest(f"method is one of {', '.join(sorted(METHODS))}.")
        if event.kind in YES and event.valid_until is not None and event.valid_until <= self._clock.now():
            raise InvalidRequest("valid_until has already passed.")
        number = await self._named(requester, event)
        claimed = {} if event.actor is None else {"actor": event.actor}
        decision = _Decision(
            ConsentEventInput(
                number=number,
                purpose=declared.name,
                cells=cells,
                kind=event.kind,
                method=event.method,
                actor=f"requester:{requester.name}",
                notice_version=event.notice_version,
                occurred_at=event.occurred_at,
                valid_until=event.valid_until,
                evidence={**event.evidence, **claimed},
            ),
            requester.name,
        )
        if event.kind in YES and not await self._audit.healthy():
            raise AuditUnavailable("The audit log does not answer; the consent was not recorded. Try again.")
        done = (await self._record([decision]))[0]
        return {"id": done.id, "seq": done.seq, "state": state_after(event.kind).value}

    async def _record(self, decisions: Sequence[_Decision]) -> list[RecordedConsentEvent]:
        # The ledger first: a withdrawal must count even while the audit log is down.
        done = await self._ledger.record([decision.event for decision in decisions])
        await asyncio.gather(
            *(self._note(decision, event, event.seq) for decision, event in zip(decisions, done, strict=True))
        )
        return done

    async def _note(self, decision: _Decision, recorded: RecordedConsentEvent | None, seq: int) -> None:
        event = decision.event
        reference = subject_ref(self._reference_key, event.number)
        fields: dict[str, object] = {
            "purpose": event.purpose,
            "cells": list(event.cells),
            "method": event.method,
            "actor": event.actor,
            "consent_seq": seq,
            "repeated": recorded is None,
            "subject_ref": reference,
            "subjects": [reference],
        }
        if recorded is not None:
            fields["event_id"] = recorded.id
        if decision.requester is not None:
            fields["requester"] = decision.requester
        await self._audit.append(AuditEntry(f"consent.{event.kind.value}", fields))

    def _asking(self, name: str) -> Purpose:
        purpose = self._purposes.get(name)
        if purpose is None:
            raise UnknownPurpose("There is no such purpose.")
        if not asks_people(purpose):
            raise InvalidRequest("This purpose stands on a contract or a legal obligation, not on consent.")
        return purpose

    def _asked_cells(self, requester: Requester, question: Question) -> tuple[Cell, ...]:
        if not sees_all(requester) and question.purpose not in requester.purposes:
            raise AccessDenied("Consent can be checked for the caller's own purposes only.")
        purpose = self._purposes.get(question.purpose)
        if purpose is None:
            raise UnknownPurpose("There is no such purpose.")
        return cells_in_scope(purpose, question.scope)

    async def _numbers(self, requester: Requester, questions: Sequence[Question]) -> np.ndarray:
        numbers = np.full(len(questions), -1, np.int64)
        kinds: dict[str, list[int]] = {}
        for place, question in enumerate(questions):
            if question.person.identifier == "pseudonym":
                read = self._read_pseudonym(requester, question)
                numbers[place] = -1 if read is None else read
            else:
                kinds.setdefault(question.person.identifier, []).append(place)
        for kind, places in kinds.items():
            values = [questions[place].person.value for place in places]
            numbers[places] = await self._people.numbers_of(kind, values)
        return numbers

    def _read_pseudonym(self, requester: Requester, question: Question) -> SubjectNumber | None:
        if self._pseudonyms is None:
            raise InvalidRequest("People cannot be named by pseudonym here.")
        return self._pseudonyms.number_of(requester, question.purpose, question.person.value)

    async def _named(self, requester: Requester, event: EventRequest) -> SubjectNumber:
        if event.person.identifier != "pseudonym":
            return await self._registered(event.person)
        number = self._read_pseudonym(requester, event)
        if number is None:
            raise InvalidRequest("This pseudonym was not given to this requester for this purpose.")
        return number

    async def _registered(self, person: DataSubjectRef) -> SubjectNumber:
        """Return the person's number; a new person where unknown, so that a first no is kept too."""
        if person.identifier not in self._identifiers:
            raise InvalidRequest(f"A data subject is named by one of {', '.join(sorted(self._identifiers))}.")
        number = await self._people.number_of(person)
        if number is None:
            number = SubjectNumber(int((await self._people.register(person.identifier, [person.value]))[0]))
        return number

    async def _seq(self, min_seq: int | None) -> int:
        """Return the ledger's sequence, waiting up to a second for *min_seq*."""
        deadline = self._clock.monotonic() + _WAIT_S
        while (seq := await self._ledger.last_seq()) < (min_seq or 0):
            if self._clock.monotonic() >= deadline:
                raise ConsentUnavailable("The consent ledger has not reached the sequence asked for.")
            await asyncio.sleep(0.01)
        return seq


def _by_person(
    number: SubjectNumber, purpose: Purpose, cells: tuple[Cell, ...], kind: ConsentEventKind
) -> ConsentEventInput:
    return ConsentEventInput(number, purpose.name, cells, kind, method="web_form", actor="data_subject")

"""What services and people read of consent: checks, filters, states.

An ordinary service learns ``allowed`` and the sequence, for its own purposes. Whoever is unknown, was never
asked, refused, withdrew or is named by somebody else's pseudonym is answered alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from sekisho.consents.opaque import OpaqueIds
from sekisho.consents.parts import Parts, Question
from sekisho.domain.consent import ConsentRecord
from sekisho.domain.consent_answers import consent_item, rfc3339
from sekisho.domain.consent_explained import Judgement, decisive_seq, judged, rule_behind
from sekisho.domain.consent_rules import asks_people, cells_in_scope, sees_all
from sekisho.domain.terms import Cell, Purpose, Requester, SubjectNumber
from sekisho.errors import AccessDenied, ConsentUnavailable, InvalidRequest, NotFound, PurposeNotRegistered
from sekisho.ports import ConsentView, DataSubjectRef, Names

_WAIT_S = 1.0  # how long a min_seq is waited for
_PSEUDONYM = "pseudonym"


class Reading:
    """The use cases that read."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._purposes = parts.catalogue.purposes
        self._ledger = parts.ledger
        self._clock = parts.clock
        self._people = parts.people
        self._ids = OpaqueIds(parts.keys)

    async def subject_reference(self, person: DataSubjectRef) -> str | None:
        """Return the reference under which the audit log knows *person*, or ``None`` for an unknown one."""
        number = await self._people.number_of(person)
        return None if number is None else self._parts.reference(number)

    async def check(
        self,
        requester: Requester,
        questions: Sequence[Question],
        *,
        min_seq: int | None = None,
        valid_at: datetime | None = None,
        known_at: datetime | None = None,
        explain: bool = False,
    ) -> list[dict[str, object]]:
        """Return ``{allowed, seq}`` for each of *questions*, in order.

        Allowed is who has every cell of the question in force; for a contract or a legal obligation, which
        ask nobody, it is who is known. Collection points and the privacy officer also get ``state``,
        ``receipt_id`` and ``reasons``, and with *explain* an ``explanation``; nobody else gets more by it.

        Parameters
        ----------
        min_seq:
            Answer from this consent sequence on.
        valid_at, known_at:
            What held at *valid_at* by what was recorded until *known_at*; either left out means now.

        Raises
        ------
        UnknownPurpose, PurposeNotRegistered
            When there is no such purpose; when it is not the caller's own (and the caller is neither of those two).
        ConsentUnavailable
            When the ledger does not answer, or does not reach *min_seq* within a second.
        """
        cells = [self._asked_cells(requester, question.purpose, question.scope) for question in questions]
        if not questions:
            return []
        numbers = await self._numbers(requester, questions)
        answers: list[dict[str, object]] = []
        if valid_at is None and known_at is None:
            answers = await self._now(questions, cells, numbers, min_seq)
            if not sees_all(requester):
                return answers
        elif min_seq is not None:
            await self.reached(min_seq)
        at = _utc(valid_at) or self._clock.now()
        seq, records = await self._records(numbers, _utc(valid_at), _utc(known_at))
        judgements = [
            judged(self._purposes[question.purpose], wanted, records.get(number), at)
            for question, wanted, number in zip(questions, cells, numbers, strict=True)
        ]
        if not answers:
            answers = [{"allowed": judgement.allowed, "seq": seq} for judgement in judgements]
        if sees_all(requester):
            purposes = [self._purposes[question.purpose] for question in questions]
            told = await self._told(purposes, judgements, explain=explain)
            for answer, judgement, more in zip(answers, judgements, told, strict=True):
                # Bits and records are two reads: what either of them denies is denied.
                answer["allowed"] = bool(answer["allowed"]) and judgement.allowed
                answer.update(more)
        return answers

    async def filter(
        self,
        requester: Requester,
        purpose: str,
        named: Mapping[str, Names],
        *,
        scope: Mapping[str, str] | None = None,
        min_seq: int | None = None,
    ) -> tuple[dict[str, list[bool]], int]:
        """Return, by kind of identifier, which of the *named* may be used for *purpose*, and the sequence.

        Parameters
        ----------
        named:
            Kind of identifier (``pseudonym`` among them) to values.
        scope, min_seq:
            As in :meth:`check`.

        Raises as :meth:`check` does.
        """
        cells = self._asked_cells(requester, purpose, scope or {})
        numbers = {
            kind: await self._by_pseudonym(requester, purpose, values)
            if kind == _PSEUDONYM
            else await self._people.numbers_of(kind, values)
            for kind, values in named.items()
        }
        view = await self._view(purpose, cells, min_seq)
        return {kind: view.allowed(found).tolist() for kind, found in numbers.items()}, view.seq

    async def subject_consents(
        self,
        requester: Requester,
        subject_id: str,
        *,
        valid_at: datetime | None = None,
        known_at: datetime | None = None,
        min_seq: int | None = None,
    ) -> dict[str, object]:
        """Return ``{items, seq, valid_at, known_at}`` of the person whose opaque id is *subject_id*.

        Raises
        ------
        AccessDenied
            For anybody but collection points and the privacy officer, before anything is looked up.
        NotFound
            When the id was not made here.
        """
        if not sees_all(requester):
            raise AccessDenied("Only collection points and the privacy officer read a person's consent.")
        number = self._ids.number_of(subject_id)
        if number is None:
            raise NotFound("There is no such data subject.")
        if min_seq is not None:
            await self.reached(min_seq)
        now = self._clock.now()
        at, known = _utc(valid_at) or now, _utc(known_at) or now
        seq, records = await self._records([number], _utc(valid_at), _utc(known_at))
        items = await self._items(records[number], at)
        return {"items": items, "seq": seq, "valid_at": rfc3339(at), "known_at": rfc3339(known)}

    async def my_consents(self, person: DataSubjectRef, *, min_seq: int | None = None) -> dict[str, object]:
        """Return ``{items, seq}``: every purpose and cell with its state, notice, since when and until when.

        A purpose that stands on a contract or a legal obligation is listed with its ground; its ``state`` is
        ``None`` and ``withdrawable`` is false, because there is no consent to withdraw (GDPR 6(1)(b), (c)).
        """
        number = await self._people.number_of(person)
        seq = await self.reached(min_seq)
        records: Mapping[Cell, ConsentRecord] = {}
        if number is not None:
            seq, records = await self._ledger.records_of(number)
        return {"items": await self._items(records, self._clock.now()), "seq": seq}

    def _asked_cells(self, requester: Requester, purpose: str, scope: Mapping[str, str]) -> tuple[Cell, ...]:
        declared = self._parts.purpose(purpose)
        if not sees_all(requester) and purpose not in requester.purposes:
            raise PurposeNotRegistered("Consent can be checked for the caller's own purposes only.")
        return cells_in_scope(declared, scope)

    async def _numbers(self, requester: Requester, questions: Sequence[Question]) -> list[int]:
        """Return the number of the person of each question, -1 where unknown."""
        if len(questions) > 1 or questions[0].person.identifier == _PSEUDONYM:
            found = await self._parts.numbers(requester, [(q.purpose, q.person) for q in questions])
            numbers: list[int] = found.tolist()
            return numbers
        number = await self._people.number_of(questions[0].person)
        return [-1 if number is None else number]

    async def _by_pseudonym(self, requester: Requester, purpose: str, values: Names) -> NDArray[np.int64]:
        if self._parts.pseudonyms is None:
            raise InvalidRequest("People cannot be named by pseudonym here.")
        await self._parts.pseudonyms.refresh()
        return self._parts.pseudonyms.numbers_of(requester, purpose, values)

    async def _now(
        self,
        questions: Sequence[Question],
        cells: Sequence[tuple[Cell, ...]],
        numbers: Sequence[int],
        min_seq: int | None,
    ) -> list[dict[str, object]]:
        """Return ``{allowed, seq}`` of each question by the bits of now."""
        groups: dict[tuple[str, tuple[Cell, ...]], list[int]] = {}
        for place, (question, wanted) in enumerate(zip(questions, cells, strict=True)):
            groups.setdefault((question.purpose, wanted), []).append(place)
        # Asked for together, views share one catch-up.
        views = await asyncio.gather(*(self._view(purpose, wanted, min_seq) for purpose, wanted in groups))
        answers: list[dict[str, object]] = [{}] * len(questions)
        for places, view in zip(groups.values(), views, strict=True):
            members = view.allowed(np.array([numbers[place] for place in places], np.int64)).tolist()
            for place, yes in zip(places, members, strict=True):
                answers[place] = {"allowed": yes, "seq": view.seq}
        return answers

    async def _view(self, purpose: str, cells: tuple[Cell, ...], min_seq: int | None) -> ConsentView | _Everybody:
        if asks_people(self._purposes[purpose]):
            return await self._ledger.view(cells, min_seq=min_seq)
        return _Everybody(await self.reached(min_seq))

    async def _records(
        self, numbers: Iterable[int], valid_at: datetime | None, known_at: datetime | None
    ) -> tuple[int, dict[int, Mapping[Cell, ConsentRecord]]]:
        """Return the sequence read at, and the records of each known person of *numbers*, in one read."""
        known = sorted({SubjectNumber(number) for number in numbers if number >= 0})
        seq, records = await self._ledger.records_at(known, valid_at=valid_at, known_at=known_at)
        return seq, dict(zip(known, records, strict=True))

    async def _told(
        self, purposes: Sequence[Purpose], judgements: Sequence[Judgement], *, explain: bool
    ) -> list[dict[str, object]]:
        """Return what collection points and the privacy officer are told besides."""
        receipts = await self._receipts(judgement.record for judgement in judgements)
        notices = await self._parts.notices.all_in_force() if explain else {}
        told = []
        for purpose, judgement in zip(purposes, judgements, strict=True):
            seq = decisive_seq(judgement.record)
            event_id = receipts.get(seq)
            more: dict[str, object] = {
                "state": None if judgement.state is None else judgement.state.value,
                "receipt_id": event_id,
                "reasons": list(judgement.reasons),
            }
            if explain:
                notice = notices.get(purpose.name)
                more["explanation"] = {
                    **rule_behind(purpose, judgement)._asdict(),
                    "cell": judgement.cell,
                    "event": None if event_id is None else {"id": event_id, "seq": seq},
                    "notice_version": None if judgement.record is None else judgement.record.notice_version,
                    "notice_in_force": None if notice is None else str(notice.version),
                    "rule_sets": self._parts.rule_sets,
                }
            told.append(more)
        return told

    async def _items(self, records: Mapping[Cell, ConsentRecord], at: datetime) -> list[dict[str, object]]:
        """Return every purpose and cell as it stood at *at*, with the notice that is in force now."""
        notices = await self._parts.notices.all_in_force()
        receipts = await self._receipts(records.values())
        return [
            {
                **consent_item(purpose, cell, records.get(cell), at, notices.get(purpose.name)),
                "receipt_id": receipts.get(decisive_seq(records.get(cell))),
            }
            for purpose in self._purposes.values()
            for cell in purpose.all_cells()
        ]

    async def _receipts(self, records: Iterable[ConsentRecord | None]) -> dict[int | None, str]:
        """Return, by sequence, the ids of the events that decided: a receipt has the id of its event."""
        seqs = {seq for record in records if (seq := decisive_seq(record)) is not None}
        ids = await self._ledger.event_ids(sorted(seqs)) if seqs else {}
        return dict(ids.items())

    async def reached(self, min_seq: int | None) -> int:
        """Return the ledger's sequence, waiting up to a second for *min_seq*."""
        deadline = self._clock.monotonic() + _WAIT_S
        while (seq := await self._ledger.last_seq()) < (min_seq or 0):
            if self._clock.monotonic() >= deadline:
                raise ConsentUnavailable("The consent ledger has not reached the sequence asked for.")
            await asyncio.sleep(0.01)
        return seq


@dataclass(frozen=True, slots=True)
class _Everybody:
    """Who may be used where nobody is asked: everybody who is known."""

    seq: int

    def allowed(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        known: NDArray[np.bool_] = numbers >= 0
        return known


def _utc(at: datetime | None) -> datetime | None:
    """Return *at* in UTC. Raises ``InvalidRequest`` for a time that has none (year 1 or 9999)."""
    try:
        return None if at is None else at.astimezone(UTC)
    except OverflowError:
        raise InvalidRequest("valid_at and known_at are times that can be told in UTC.") from None

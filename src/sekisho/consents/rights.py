"""What people may ask of the controller: access, portability, rectification, erasure, objection.

Access and portability are answered at once from what the gateway knows, and from the stores where they are
connected. An objection and the withdrawal that goes with an erasure count at once; what remains to be done in
the controller's own stores is closed by the privacy officer, who also lets an erased person's key go.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, Protocol

from sekisho.consents.disclosures import Disclosures
from sekisho.consents.parts import Parts
from sekisho.domain.consent_answers import rfc3339
from sekisho.domain.consent_rules import PRIVACY_OFFICER, asks_people
from sekisho.domain.rights import RequestKind, RequestStatus, RightsRequest
from sekisho.domain.terms import LegalBasis, Purpose, Requester, SubjectNumber
from sekisho.errors import AccessDenied, AuditUnavailable, InvalidRequest, NotFound, Unavailable
from sekisho.ports import AuditEntry, DataSubjectRef, RecordedConsentEvent

MOST_A_DAY: Final = 20
"""Requests that one person makes within a day."""

MOST_ROWS: Final = 10_000
"""Rows of one dataset in one answer; what is cut is named in it, and is for the privacy officer to give."""

_NOT_CONNECTED = "not_connected"
_MOST_DISCLOSURES = 10_000  # in one answer
_ID = re.compile(r"[0-9a-fA-F-]{1,36}", re.ASCII)
_ANSWERED_HERE = frozenset({RequestKind.ACCESS, RequestKind.PORTABILITY})
_PAGE = 100


class Requests(Protocol):
    """Where requests are kept; notes and answers sealed under the person's own key."""

    async def open(
        self, request_id: str, number: SubjectNumber, kind: RequestKind, note: str | None, *, most: int
    ) -> RightsRequest:
        """Keep a new request. Raises ``RateLimited`` when the person made *most* within a day."""

    async def answer(
        self, request_id: str, status: RequestStatus, answer: Mapping[str, object] | None
    ) -> RightsRequest | None:
        """Keep answer and status of an open request; a closed one stays as it is."""

    async def get(self, request_id: str) -> RightsRequest | None:
        """Return one request with what is sealed in it."""

    async def of(self, numbers: Sequence[SubjectNumber]) -> list[RightsRequest]:
        """Return a person's requests, oldest first, without what is sealed."""

    async def all(self, status: RequestStatus | None, after: str, limit: int) -> list[RightsRequest]:
        """Return everybody's requests with ids above *after*, in their order, without what is sealed."""


class PersonalData(Protocol):
    """What the stores hold of one person."""

    async def rows_of(self, number: SubjectNumber, most: int) -> Mapping[str, Sequence[Mapping[str, object]]]:
        """Return the rows of the person that *number* is, linked numbers among them, column to JSON value.

        At most *most* of each dataset. Raises ``StoreUnavailable`` when any dataset cannot be read.
        """


class Decisions(Protocol):
    """The use case that records a no; ``consents.recording.Recording`` is one."""

    async def withdraw(self, person: DataSubjectRef, purpose: str) -> Mapping[str, object]:
        """Withdraw or object; repeating it changes nothing."""

    async def withdraw_all(self, person: DataSubjectRef) -> Mapping[str, object]:
        """Withdraw or object to every purpose that can be."""


class OwnConsents(Protocol):
    """The use case that tells a person what stands; ``consents.reading.Reading`` is one."""

    async def my_consents(self, person: DataSubjectRef) -> Mapping[str, object]:
        """Return ``{items, seq}``."""


class EndsSessions(Protocol):
    """Where sessions are ended; ``consents.sign_in.Sessions`` is one."""

    async def end_all(self, person: DataSubjectRef) -> None:
        """End every session and link of a person."""


class Rights:
    """The use cases of this module.

    Parameters
    ----------
    parts, requests, sessions:
        The ports.
    decisions, consents:
        The use cases that record a no, and that tell what stands.
    erase:
        Forgets who a number and all that are linked with it are (``consents.linking.Linking.erase``);
        repeating it must be harmless.
    personal_data:
        The stores; without it an answer says that they are not connected.
    """

    def __init__(
        self,
        parts: Parts,
        requests: Requests,
        sessions: EndsSessions,
        *,
        decisions: Decisions,
        consents: OwnConsents,
        erase: Callable[[SubjectNumber], Awaitable[object]],
        personal_data: PersonalData | None = None,
    ) -> None:
        self._parts = parts
        self._requests = requests
        self._sessions = sessions
        self._decisions = decisions
        self._consents = consents
        self._erase = erase
        self._data = personal_data
        self._disclosures = Disclosures(parts)

    # -- the person ----------------------------------------------------------------------------------

    async def disclosures(self, person: DataSubjectRef, cursor: str | None = None) -> dict[str, object]:
        """Return ``{items, next_cursor?}``: who received the person's data, oldest first.

        Raises ``InvalidRequest`` for a cursor that no answer gave.
        """
        items, further = await self._disclosures.page(await self._numbers(person), cursor)
        return {"items": items} if further is None else {"items": items, "next_cursor": further}

    async def request(self, person: DataSubjectRef, kind: RequestKind, note: str | None = None) -> dict[str, object]:
        """Take a request and return ``{id, status, received_at, due_at}``.

        An objection ends every purpose that stands on legitimate interest or sells (GDPR 21(1), (2)), an
        erasure everything that can be withdrawn; both before anything else, and even while the audit log is
        down. An answer with data is recorded first: until then the request waits, and is answered when it is read.

        Raises ``RateLimited`` when the person made too many within a day (what ends has ended).
        """
        number = await self._parts.registered(person)
        await self._say_no(person, kind)
        request = await self._requests.open(self._parts.clock.new_id(), number, kind, note, most=MOST_A_DAY)
        with suppress(AuditUnavailable):  # the request itself is kept, which is what matters to the person
            await self._note("rights.request", request)
        if kind is RequestKind.OBJECTION:
            request = await self._requests.answer(request.id, RequestStatus.DONE, None) or request
        elif kind in _ANSWERED_HERE:
            with suppress(Unavailable):
                request = await self._answered(person, request)
        return _summary(request)

    async def own_requests(self, person: DataSubjectRef) -> dict[str, object]:
        """Return ``{items}``: the person's requests, oldest first."""
        numbers = await self._numbers(person)
        return {"items": [_summary(request) for request in await self._requests.of(numbers)] if numbers else []}

    async def own_request(self, person: DataSubjectRef, request_id: str) -> dict[str, object]:
        """Return one of the person's requests with note and answer; an answer with data is recorded each time.

        Raises ``NotFound`` for what does not exist and what is somebody else's alike, ``AuditUnavailable``.
        """
        numbers = await self._numbers(person)
        request = await self._find(request_id) if numbers else None
        if request is None or request.number not in numbers:
            raise NotFound("There is no such request.")
        if request.kind in _ANSWERED_HERE and request.answer is None and request.status is RequestStatus.RECEIVED:
            request = await self._answered(person, request)
        elif request.kind in _ANSWERED_HERE and request.answer is not None:
            await self._note("rights.read", request)  # what was answered once leaves each time it is opened
        return _whole(request)

    # -- the privacy officer -------------------------------------------------------------------------

    async def requests(
        self, requester: Requester, status: RequestStatus | None = None, cursor: str | None = None
    ) -> dict[str, object]:
        """Return ``{items, next_cursor?}``: everybody's requests, without what was written.

        Raises ``AccessDenied`` for anybody but the privacy officer, ``InvalidRequest`` for a strange cursor.
        """
        _require_officer(requester)
        if cursor is not None and not _ID.fullmatch(cursor):
            raise InvalidRequest("The cursor is not one that an answer gave.")
        found = await self._requests.all(status, cursor or "", _PAGE + 1)
        answer: dict[str, object] = {"items": [_summary(request) for request in found[:_PAGE]]}
        if len(found) > _PAGE:
            answer["next_cursor"] = found[_PAGE - 1].id
        return answer

    async def examine(self, requester: Requester, request_id: str) -> dict[str, object]:
        """Return one request with its note, and the identifiers of whom it is about; itself recorded.

        Raises ``AccessDenied``, ``NotFound``, ``AuditUnavailable``.
        """
        _require_officer(requester)
        request = await self._existing(request_id)
        await self._note("rights.read", request, requester=requester.name)
        numbers = await self._parts.ledger.linked(request.number)
        return {**_summary(request), "note": request.note, "identifiers": await self._identifiers(numbers)}

    async def close(
        self, requester: Requester, request_id: str, outcome: RequestStatus, message: str | None = None
    ) -> dict[str, object]:
        """Close a request as done or refused, and return it; *message* is for the person.

        Done for an erasure means that the person's identifiers and keys are let go here, for all linked numbers,
        and their sessions end. Recorded before anything is done. Repeating it with the same outcome changes
        nothing.

        Raises ``AccessDenied``, ``NotFound``, ``InvalidRequest`` (closed otherwise), ``AuditUnavailable``.
        """
        _require_officer(requester)
        if outcome is RequestStatus.RECEIVED:
            raise InvalidRequest("outcome is done or refused.")
        request = await self._existing(request_id)
        if request.status is not RequestStatus.RECEIVED:
            if request.status is outcome:
                return _summary(request)
            raise InvalidRequest("This request was closed with another outcome.")
        await self._note("rights.close", request, requester=requester.name, outcome=outcome.value)
        if request.kind is RequestKind.ERASURE and outcome is RequestStatus.DONE:
            await self._forget(request.number)
        answer = {**(request.answer or {}), **({"message": message} if message else {})}
        return _summary(await self._requests.answer(request.id, outcome, answer or None) or request)

    # -- what both need ------------------------------------------------------------------------------

    async def _numbers(self, person: DataSubjectRef) -> tuple[SubjectNumber, ...]:
        """Return every number of *person*, none for somebody unknown."""
        number = await self._parts.people.number_of(person)
        return () if number is None else await self._parts.ledger.linked(number)

    async def _find(self, request_id: str) -> RightsRequest | None:
        return await self._requests.get(request_id) if _ID.fullmatch(request_id) else None

    async def _existing(self, request_id: str) -> RightsRequest:
        request = await self._find(request_id)
        if request is None:
            raise NotFound("There is no such request.")
        return request

    async def _identifiers(self, numbers: Sequence[SubjectNumber]) -> list[dict[str, str]]:
        held = await self._parts.people.identifiers_of_many(numbers)
        return [{"identifier": ref.identifier, "value": ref.value} for refs in held.values() for ref in refs]

    async def _forget(self, number: SubjectNumber) -> None:
        numbers = await self._parts.ledger.linked(number)
        held = await self._parts.people.identifiers_of_many(numbers)
        named = [ref for refs in held.values() for ref in refs]
        for ref in named:  # first: were this interrupted, nobody could name them afterwards
            await self._sessions.end_all(ref)
        await self._erase(number)
        for ref in named:  # again: one may have begun meanwhile
            await self._sessions.end_all(ref)

    async def _say_no(self, person: DataSubjectRef, kind: RequestKind) -> None:
        """End what *kind* ends. A log that is down is caught up with later; a no counts without it."""
        if kind is RequestKind.ERASURE:
            with suppress(AuditUnavailable):
                await self._decisions.withdraw_all(person)
        elif kind is RequestKind.OBJECTION:
            for purpose in self._parts.catalogue.purposes.values():
                if _can_be_objected_to(purpose):
                    with suppress(AuditUnavailable):
                        await self._decisions.withdraw(person, purpose.name)

    async def _answered(self, person: DataSubjectRef, request: RightsRequest) -> RightsRequest:
        numbers = await self._parts.ledger.linked(request.number)
        rows = {} if self._data is None else await self._data.rows_of(request.number, MOST_ROWS + 1)
        cut = sorted(dataset for dataset, held in rows.items() if len(held) > MOST_ROWS)
        events = sorted(
            [event for number in numbers for event in await self._parts.ledger.history(number)],
            key=lambda event: event.seq,
        )
        disclosed, complete = await self._all_disclosures(numbers)
        answer = {
            "generated_at": rfc3339(self._parts.clock.now()),
            "identifiers": await self._identifiers(numbers),
            "consents": (await self._consents.my_consents(person))["items"],
            "history": [_told(event) for event in events],
            "receipts": [event.id for event in events if event.purpose],
            "disclosures": disclosed,
            "disclosures_complete": complete,
            "datasets": _NOT_CONNECTED
            if self._data is None
            else {dataset: held[:MOST_ROWS] for dataset, held in rows.items()},
            "datasets_cut": cut,
        }
        await self._note("rights.answer", request, datasets=sorted(rows))  # no record, no data
        # What the stores did not give, the controller still owes: the request stays open until it is closed.
        status = RequestStatus.RECEIVED if self._data is None or cut else RequestStatus.DONE
        return await self._requests.answer(request.id, status, answer) or request

    async def _all_disclosures(self, numbers: Sequence[SubjectNumber]) -> tuple[list[dict[str, object]], bool]:
        items: list[dict[str, object]] = []
        cursor: str | None = None
        while len(items) < _MOST_DISCLOSURES:
            page, cursor = await self._disclosures.page(numbers, cursor, 1_000 - 1)
            items += page
            if cursor is None:
                return items, True
        return items, False

    async def _note(
        self,
        what: str,
        request: RightsRequest,
        *,
        requester: str | None = None,
        outcome: str | None = None,
        datasets: Sequence[str] | None = None,
    ) -> None:
        """Record what is done; never what was written."""
        reference = self._parts.reference(request.number)
        fields: dict[str, object] = {
            "request_id": request.id,
            "request_kind": request.kind.value,
            "subject_ref": reference,
            "subjects": [reference],
        }
        if requester is not None:
            fields["requester"] = requester
        if outcome is not None:
            fields["outcome"] = outcome
        if datasets is not None:
            fields["datasets"] = list(datasets)
        await self._parts.audit.append(AuditEntry(what, fields))


def _can_be_objected_to(purpose: Purpose) -> bool:
    on_interest = purpose.legal_basis is LegalBasis.LEGITIMATE_INTEREST
    return asks_people(purpose) and (on_interest or purpose.direct_marketing)


def _require_officer(requester: Requester) -> None:
    if PRIVACY_OFFICER not in requester.roles:
        raise AccessDenied("Requests of people are for the privacy officer.")


def _summary(request: RightsRequest) -> dict[str, object]:
    told: dict[str, object] = {
        "id": request.id,
        "kind": request.kind.value,
        "status": request.status.value,
        "received_at": rfc3339(request.received_at),
        "due_at": rfc3339(request.due_at),
    }
    if request.closed_at is not None:
        told["closed_at"] = rfc3339(request.closed_at)
    return told


def _whole(request: RightsRequest) -> dict[str, object]:
    return {**_summary(request), "note": request.note, "answer": request.answer}


def _told(event: RecordedConsentEvent) -> dict[str, object]:
    scopes = [cell.partition("/")[2].partition("=") for cell in event.cells if "/" in cell]
    return {
        "id": event.id,
        "seq": event.seq,
        "at": rfc3339(event.recorded_at),
        "purpose": event.purpose,
        "scopes": [{dimension: value} for dimension, _, value in scopes],
        "event": event.kind.value,
        "method": event.method,
        "notice_version": event.notice_version,
        "valid_until": rfc3339(event.valid_until),
    }

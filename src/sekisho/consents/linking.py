"""Identifiers of one person across stores (名寄せ): linked and unlinked; and erasure.

A link only ever restricts: a no of one identifier counts for all of them, and what was withdrawn while they
were linked stays on both sides. Pseudonyms come from person numbers, which no link changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sekisho.consents.opaque import OpaqueIds
from sekisho.consents.parts import Parts
from sekisho.consents.trail import Trail
from sekisho.domain.consent import ConsentRecord, Provenance
from sekisho.domain.consent_rules import asks_people, is_settled, refusal_of, sees_all
from sekisho.domain.terms import Cell, Requester, SubjectNumber
from sekisho.errors import AccessDenied, AuditUnavailable, InvalidRequest, NotFound
from sekisho.ports import AuditEntry, ConsentEventInput, DataSubjectRef, RecordedConsentEvent

_KIND = "data_subject.erase"


class Linking:
    """The use cases about who is who."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._ledger = parts.ledger
        self._ids = OpaqueIds(parts.keys)
        self._trail = Trail(parts)

    async def resolve(self, requester: Requester, person: DataSubjectRef) -> dict[str, object]:
        """Return ``{id}``: the id under which *person* stands in addresses.

        Raises
        ------
        AccessDenied
            When *requester* is neither a collection point nor the privacy officer; nothing was looked up.
        NotFound
            When nobody is known under this identifier. Asking makes nobody known.
        """
        if not sees_all(requester):
            raise AccessDenied("Only a collection point or the privacy officer resolves identifiers.")
        self._require_kind(person)
        number = await self._parts.people.number_of(person)
        if number is None:
            raise NotFound("Nobody is known under this identifier.")
        return {"id": self._ids.id_of(number)}

    async def link(self, requester: Requester, people: Sequence[DataSubjectRef]) -> dict[str, object]:
        """Take two identifiers for one person from here on; return ``{seq}``.

        An identifier never seen becomes known by it and stays unasked. Linking again changes nothing.

        Raises
        ------
        AccessDenied
            When *requester* is neither a collection point nor the privacy officer, or uses data for a purpose
            that people decide about.
        InvalidRequest
            When *people* are not two, or are one and the same.
        """
        one, other = await self._two(requester, people)
        event = await self._ledger.link(one, other, f"requester:{requester.name}")
        return await self._noted(requester, event)

    async def unlink(self, requester: Requester, people: Sequence[DataSubjectRef]) -> dict[str, object]:
        """Undo a link; return ``{seq}``. Undoing it again changes nothing, and answers the present sequence.

        Each identifier's own decisions count again, those that it took over while they were linked among them.

        Raises
        ------
        AccessDenied, InvalidRequest
            As :meth:`link`; the latter also when the two are one person by way of other links.
        AuditUnavailable
            When the audit log does not answer: an unlink may bring a yes back, so it was not recorded.
        """
        one, other = await self._two(requester, people)
        if not await self._parts.audit.healthy():
            raise AuditUnavailable("The audit log does not answer; the link was not undone. Try again.")
        try:
            event = await self._ledger.unlink(one, other, f"requester:{requester.name}")
        except InvalidRequest:
            if other in await self._ledger.linked(one):
                raise InvalidRequest("These two are one person by way of others; undo those links.") from None
            return {"seq": await self._ledger.last_seq()}
        return await self._noted(requester, event)

    async def erase(self, requester: Requester | None, number: SubjectNumber) -> dict[str, object]:
        """Forget a person for good; return ``{seq}``.

        Everything is withdrawn first, then the identifiers and the keys of the evidence go, for every number
        that is linked with *number*: they are one person. Events stay, and their hashes hold. Links stay too,
        between numbers that name nobody. Each step can be repeated: a call that broke off is sent again.

        Parameters
        ----------
        requester:
            The privacy officer or collection point that erases; ``None`` where the person asked here.

        Raises
        ------
        AccessDenied
            When *requester* may not.
        InvalidRequest
            When there is no such person.
        AuditUnavailable
            When the audit log does not answer; nobody was erased.
        """
        if requester is not None and not sees_all(requester):
            raise AccessDenied("Only a collection point or the privacy officer erases people.")
        members = await self._ledger.linked(number)
        for member in members:
            await self._withdraw_everything(requester, member)
        if not await self._parts.audit.healthy():
            raise AuditUnavailable("The audit log does not answer; nobody was erased. Try again.")
        for member in members:
            await self._parts.people.erase(member)
            await self._note_erased(requester, member)
        return {"seq": await self._ledger.last_seq()}

    async def erase_again(self, numbers: Sequence[SubjectNumber]) -> None:
        """Erase those who were erased before and came back with a backup. Raises ``AuditUnavailable``.

        What they had withdrawn is the ledger's matter: it is not older than what was seen.
        """
        for number in numbers:
            await self._parts.people.erase(number)
            await self._note_erased(None, number)

    async def _two(
        self, requester: Requester, people: Sequence[DataSubjectRef]
    ) -> tuple[SubjectNumber, SubjectNumber]:
        # Linking and unlinking touch every purpose, so that nobody does it who wants data for one of them.
        declared = self._parts.catalogue.purposes
        wants = any(name in declared and asks_people(declared[name]) for name in requester.purposes)
        if not sees_all(requester) or wants:
            raise AccessDenied("Only a collection point that uses no data on consent links identifiers.")
        if len(people) != 2:
            raise InvalidRequest("Name the two identifiers of one person.")
        for person in people:
            self._require_kind(person)
        one, other = [await self._parts.registered(person) for person in people]
        if one == other:
            raise InvalidRequest("Both identifiers are the same person already.")
        return one, other

    def _require_kind(self, person: DataSubjectRef) -> None:
        if person.identifier not in self._parts.identifiers:
            raise InvalidRequest(f"A data subject is named by one of {', '.join(sorted(self._parts.identifiers))}.")

    async def _noted(self, requester: Requester, event: RecordedConsentEvent) -> dict[str, object]:
        await self._trail.note([event], requester=requester.name)
        return {"seq": event.seq}

    async def _withdraw_everything(self, requester: Requester | None, number: SubjectNumber) -> None:
        _, records = await self._ledger.records_of(number)
        events = self._refusals(requester, number, records)
        if events:
            done = await self._ledger.record(events)
            await self._trail.note(done, requester=None if requester is None else requester.name)

    def _refusals(
        self, requester: Requester | None, number: SubjectNumber, records: Mapping[Cell, ConsentRecord]
    ) -> list[ConsentEventInput]:
        name = None if requester is None else requester.name
        return [
            ConsentEventInput(
                number=number,
                purpose=purpose.name,
                cells=purpose.all_cells(),
                kind=refusal_of(purpose),
                method="api",
                actor="data_subject" if name is None else f"requester:{name}",
                provenance=Provenance(collection_point=name, reason="erasure", legal_basis=purpose.legal_basis.value),
            )
            for purpose in self._parts.catalogue.purposes.values()
            if asks_people(purpose) and not is_settled(records, purpose.all_cells())
        ]

    async def _note_erased(self, requester: Requester | None, number: SubjectNumber) -> None:
        reference = self._parts.reference(number)
        fields: dict[str, object] = {"subject_ref": reference, "subjects": [reference]}
        if requester is not None:
            fields["requester"] = requester.name
        # The id follows from the person, so that repeating an erasure writes no second record.
        record = f"erase-{reference[:30]}"
        if await self._parts.audit.get(record) is None:
            await self._parts.audit.append(AuditEntry(_KIND, fields, record))

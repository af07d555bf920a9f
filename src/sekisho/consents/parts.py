"""What every use case of consent needs: the ports, and how a caller's words become people and cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sekisho.domain.consent_rules import asks_people
from sekisho.domain.record import subject_ref, subject_refs
from sekisho.domain.terms import Catalogue, Purpose, Requester, SubjectNumber
from sekisho.errors import InvalidRequest, KeysUnavailable, UnknownPurpose
from sekisho.ports import (
    AuditLog,
    Clock,
    ConsentLedger,
    DataSubjectRef,
    KeyRing,
    NoticeRegistry,
    People,
    Pseudonyms,
)


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


@dataclass(frozen=True)
class Parts:
    """The ports behind the use cases.

    Attributes
    ----------
    catalogue, people, ledger, notices, audit, keys, clock:
        See ``sekisho.ports``.
    rule_sets:
        The dated rules of law that events are checked by (``appi@2022-04``); see ``domain.law``.
    identifiers:
        Further kinds of identifier (``email_sha256``). Another is refused: a withdrawal under it had no effect.
    pseudonyms:
        Reads ``pseudonym:…``; without it such names are refused.
    """

    catalogue: Catalogue
    people: People
    ledger: ConsentLedger
    notices: NoticeRegistry
    audit: AuditLog
    keys: KeyRing
    clock: Clock
    rule_sets: tuple[str, ...] = ()
    identifiers: frozenset[str] = frozenset()
    pseudonyms: Pseudonyms | None = None
    _reference_key: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Derive the key of audit references and collect the kinds of identifier that datasets use."""
        object.__setattr__(self, "_reference_key", self.keys.derive("subject-ref"))
        kinds = {d.data_subject.identifier for d in self.catalogue.datasets.values() if d.data_subject is not None}
        object.__setattr__(self, "identifiers", self.identifiers | kinds)

    def reference(self, number: SubjectNumber) -> str:
        """Return the reference under which the audit log knows person *number*."""
        return subject_ref(self._reference_key, number)

    def references(self, numbers: Iterable[int]) -> list[str]:
        """Return the reference of each of *numbers*."""
        return subject_refs(self._reference_key, numbers)

    def purpose(self, name: str) -> Purpose:
        """Return the purpose called *name*. Raises ``UnknownPurpose``."""
        purpose = self.catalogue.purposes.get(name)
        if purpose is None:
            raise UnknownPurpose("There is no such purpose.")
        return purpose

    def asking(self, name: str) -> Purpose:
        """Return the purpose *name*, which people decide about. Raises ``UnknownPurpose``, ``InvalidRequest``."""
        purpose = self.purpose(name)
        if not asks_people(purpose):
            raise InvalidRequest("This purpose stands on a contract or a legal obligation, not on consent.")
        return purpose

    async def registered(self, person: DataSubjectRef, known: SubjectNumber | None = None) -> SubjectNumber:
        """Return the person's number; a new person where unknown, so that a first no is kept too.

        *known* is the number where it was just looked up.
        """
        if person.identifier not in self.identifiers:
            raise InvalidRequest(f"A data subject is named by one of {', '.join(sorted(self.identifiers))}.")
        number = await self.people.number_of(person) if known is None else known
        if number is None:
            number = SubjectNumber(int((await self.people.register(person.identifier, [person.value]))[0]))
        return number

    async def known(self, requester: Requester, question: Question) -> SubjectNumber | None:
        """Return the number of the person whom *requester* names, ``None`` for nobody; register nobody."""
        if question.person.identifier == "pseudonym":
            return await self.read_pseudonym(requester, question.purpose, question.person.value)
        return await self.people.number_of(question.person)

    async def named(
        self, requester: Requester, question: Question, known: SubjectNumber | None = None
    ) -> SubjectNumber:
        """Return the number of the person whom *requester* names, by pseudonym or by identifier.

        *known* is as in :meth:`registered`.
        """
        if question.person.identifier != "pseudonym":
            return await self.registered(question.person, known)
        number = await self.read_pseudonym(requester, question.purpose, question.person.value)
        if number is None:
            raise InvalidRequest("This pseudonym was not given to this requester for this purpose.")
        return number

    async def numbers(self, requester: Requester, named: Sequence[tuple[str, DataSubjectRef]]) -> NDArray[np.int64]:
        """Return the number of each (purpose, person) in *named*, -1 where unknown."""
        numbers = np.full(len(named), -1, np.int64)
        kinds: dict[str, list[int]] = {}
        known = None
        for place, (purpose, person) in enumerate(named):
            if person.identifier == "pseudonym":
                if known is None:
                    known = self._pseudonyms()
                    await known.refresh()
                read = known.number_of(requester, purpose, person.value)
                numbers[place] = -1 if read is None else read
            else:
                kinds.setdefault(person.identifier, []).append(place)
        for kind, places in kinds.items():
            numbers[places] = await self.people.numbers_of(kind, [named[place][1].value for place in places])
        return numbers

    async def read_pseudonym(self, requester: Requester, purpose: str, value: str) -> SubjectNumber | None:
        """Return whom the pseudonym names that *requester* received for *purpose*, or ``None``.

        Raises ``KeysUnavailable`` when an epoch of keys cannot be had and the others do not read it: a no under a
        pseudonym of before is not turned away by that.
        """
        known = self._pseudonyms()
        try:
            await known.refresh()
        except KeysUnavailable:
            number = known.number_of(requester, purpose, value)
            if number is None:
                raise
            return number
        return known.number_of(requester, purpose, value)

    def _pseudonyms(self) -> Pseudonyms:
        if self.pseudonyms is None:
            raise InvalidRequest("People cannot be named by pseudonym here.")
        return self.pseudonyms

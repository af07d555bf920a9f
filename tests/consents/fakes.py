"""In-memory stand-ins for the ports of consent: small, and built on the one rule of the ledger.

``FakeLedger`` (``fake_ledger.py``) keeps events and derives everything else from them; reads of the past
replay. ``make_parts`` puts the fakes together, with the purposes of ``PURPOSES``.
"""

# ruff: noqa: D102 - each method does what its port says

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from tests.consents.fake_ledger import FakeLedger
from tests.fakes import FakeAuditLog, FakeClock

from sekisho.consents.parts import Parts
from sekisho.domain.consent import (
    ConsentRecord,
    ConsentState,
    Provenance,
    state_at,
)
from sekisho.domain.notices import Change, Notice, PurposeVersion, Status
from sekisho.domain.terms import Catalogue, Cell, LegalBasis, Purpose, Requester, SubjectNumber
from sekisho.errors import InvalidRequest, NotFound
from sekisho.ports import DataSubjectRef, Ground, Names, PeopleKeys, listed

MARIKO = DataSubjectRef("customer_id", "17850")
KENJI = DataSubjectRef("customer_id", "12583")
STRANGER = DataSubjectRef("customer_id", "nobody")

PURPOSES = {
    purpose.name: purpose
    for purpose in (
        Purpose("recommendation", LegalBasis.CONSENT, cells=("purchase", "behaviour")),
        Purpose("lifecycle_email", LegalBasis.CONSENT, direct_marketing=True),
        Purpose("newsletter", LegalBasis.CONSENT, confirm=True),
        Purpose(
            "targeted_advertising",
            LegalBasis.CONSENT,
            third_party=True,
            gpc=True,
            recipients=("third_party: Example Ads",),
        ),
        Purpose("emotion_analysis", LegalBasis.CONSENT, explicit=frozenset({"free_text"}), validity_days=30),
        Purpose("ab_measurement", LegalBasis.LEGITIMATE_INTEREST),
        Purpose("customer_support", LegalBasis.CONTRACT),
    )
}


@dataclass
class FakePeople:
    """People by identifier; numbers count from 1. ``sealed`` is set by nobody: nothing is encrypted here."""

    known: dict[DataSubjectRef, SubjectNumber] = field(default_factory=dict)
    last: int = 0

    async def number_of(self, ref: DataSubjectRef) -> SubjectNumber | None:
        return self.known.get(ref)

    async def numbers_of(self, identifier: str, values: Names) -> NDArray[np.int64]:
        return np.array([self.known.get(DataSubjectRef(identifier, value), -1) for value in listed(values)], np.int64)

    async def keys(self, identifier: str, ground: Ground | None = None) -> PeopleKeys:
        found = [(number, ref.value) for ref, number in self.known.items() if ref.identifier == identifier]
        numbers = np.array([number for number, _ in found], np.int64)
        return PeopleKeys(identifier, numbers, tuple(value for _, value in found), len(self.known))

    async def register(self, identifier: str, values: Sequence[str]) -> NDArray[np.int64]:
        for value in values:
            if not value:
                raise InvalidRequest("An identifier of a data subject is empty.")
            ref = DataSubjectRef(identifier, value)
            if ref not in self.known:
                self.last += 1
                self.known[ref] = SubjectNumber(self.last)
        return await self.numbers_of(identifier, values)

    async def attach(self, number: SubjectNumber, identifier: str, value: str) -> None:
        ref = DataSubjectRef(identifier, value)
        if self.known.setdefault(ref, number) != number:
            raise InvalidRequest("This identifier is somebody else's.")

    async def identifiers_of(self, number: SubjectNumber) -> list[DataSubjectRef]:
        return [ref for ref, other in self.known.items() if other == number]

    async def identifiers_of_many(
        self, numbers: Sequence[SubjectNumber]
    ) -> dict[SubjectNumber, list[DataSubjectRef]]:
        return {number: await self.identifiers_of(number) for number in numbers}

    async def erase(self, number: SubjectNumber) -> None:
        self.known = {ref: other for ref, other in self.known.items() if other != number}


@dataclass
class FakeNotices:
    """Versions of notices in a list, newest last; publishing a major one tells the ledger."""

    clock: FakeClock
    ledger: FakeLedger | None = None
    versions: list[Notice] = field(default_factory=list)
    declared: list[PurposeVersion] = field(default_factory=list)

    def show(self, *purposes: str, key: str = "notice", change: Change = Change.MAJOR) -> Notice:
        """Publish a notice without the ledger, as if it had always been there; return it."""
        notice = replace(
            self._new(key, change, purposes, {"ja": f"{key} のお知らせ", "en": f"The notice {key}"}),
            status=Status.PUBLISHED,
            published_at=self.clock.now(),
            published_seq=0,
        )
        self.versions.append(notice)
        return notice

    async def in_force(self, purpose: str) -> Notice | None:
        return next((notice for notice in reversed(self._published()) if purpose in notice.purposes), None)

    async def all_in_force(self) -> dict[str, Notice]:
        return {purpose: notice for notice in self._published() for purpose in notice.purposes}

    async def notice(self, key: str, version: int | None = None) -> Notice | None:
        same = [notice for notice in self.versions if notice.key == key]
        if version is not None:
            return next((notice for notice in same if notice.version == version), None)
        return next((n for n in reversed(same) if n.status is Status.PUBLISHED), None)

    async def notices(self) -> list[Notice]:
        return list(self.versions)

    async def draft(
        self, key: str, change: Change, purposes: tuple[str, ...], texts: Mapping[str, str], by: str
    ) -> Notice:
        notice = self._new(key, change, purposes, texts)
        self.versions.append(notice)
        return notice

    async def accepts(self, purpose: str, version: str) -> Notice | None:
        for notice in reversed([n for n in self._published() if purpose in n.purposes]):
            if str(notice.version) == version:
                return notice
            if notice.change is Change.MAJOR:
                return None
        return None

    async def publish(self, key: str, version: int, by: str) -> Notice:
        found = await self.notice(key, version)
        if found is None:
            raise NotFound("There is no such version of this notice.")
        if found.status is Status.PUBLISHED:
            return found
        seq = 0
        if found.change is Change.MAJOR and self.ledger is not None:
            cells = {name: self.ledger.purposes[name].all_cells() for name in found.purposes}
            seq = await self.ledger.publish(cells, by, Provenance(notice_key=key))
        done = replace(found, status=Status.PUBLISHED, published_at=self.clock.now(), published_seq=seq)
        self.versions.remove(found)
        self.versions.append(done)  # what was published last is in force
        return done

    async def purpose_versions(self, purpose: str) -> list[PurposeVersion]:
        return [version for version in self.declared if version.purpose == purpose]

    async def declare(
        self, purpose: str, change: Change, facts: Mapping[str, object], source: str, by: str
    ) -> PurposeVersion:
        number = len(await self.purpose_versions(purpose)) + 1
        digest = hashlib.sha256(repr(sorted(facts.items())).encode()).hexdigest()
        version = PurposeVersion(purpose, number, change, Status.DRAFT, facts, digest, source)
        self.declared.append(version)
        return version

    async def publish_purpose(self, purpose: str, version: int, by: str) -> PurposeVersion:
        found = next(v for v in self.declared if (v.purpose, v.version) == (purpose, version))
        done = replace(found, status=Status.PUBLISHED, published_at=self.clock.now(), published_seq=0)
        self.declared[self.declared.index(found)] = done
        return done

    def _published(self) -> list[Notice]:
        return [notice for notice in self.versions if notice.status is Status.PUBLISHED]

    def _new(self, key: str, change: Change, purposes: Iterable[str], texts: Mapping[str, str]) -> Notice:
        version = max((notice.version for notice in self.versions), default=0) + 1
        return Notice(key, version, change, Status.DRAFT, tuple(purposes), dict(texts))


@dataclass
class FakeKeys:
    """Keys that are hashes of their labels."""

    epoch: int = 1

    def derive(self, label: str, length: int = 32) -> bytes:
        return hashlib.shake_256(label.encode()).digest(length)

    def sign(self, message: bytes) -> bytes:
        return hashlib.sha512(message).digest()

    def verification_key(self) -> str:
        return "fake+00000000+AAAA"


@dataclass(frozen=True)
class FakeParts:
    """The fakes, and the ``parts`` that are made of them."""

    parts: Parts
    people: FakePeople
    ledger: FakeLedger
    notices: FakeNotices
    audit: FakeAuditLog
    clock: FakeClock
    keys: FakeKeys


def make_parts(
    purposes: Mapping[str, Purpose] | None = None,
    requesters: Mapping[str, Requester] | None = None,
    *,
    rule_sets: tuple[str, ...] = ("appi@2022-04", "gdpr@2018-05"),
    identifiers: frozenset[str] = frozenset({"customer_id", "email_sha256"}),
    notices: bool = True,
) -> FakeParts:
    """Return parts on fakes; with *notices*, one notice, version 1, tells of every purpose."""
    declared = dict(PURPOSES if purposes is None else purposes)
    clock = FakeClock(datetime(2026, 11, 21, tzinfo=UTC))
    people, audit, keys = FakePeople(), FakeAuditLog(), FakeKeys()
    ledger = FakeLedger(clock, declared)
    registry = FakeNotices(clock, ledger)
    if notices:
        registry.show(*declared)
    catalogue = Catalogue({}, {}, declared, dict(requesters or {}), {}, "r1")
    parts = Parts(
        catalogue, people, ledger, registry, audit, keys, clock, rule_sets=rule_sets, identifiers=identifiers
    )
    return FakeParts(parts, people, ledger, registry, audit, clock, keys)


async def state_of(fakes: FakeParts, person: DataSubjectRef, cell: str) -> ConsentState:
    """Return the state of one cell of *person* now, ``unknown`` for a stranger."""
    purpose = fakes.ledger.purposes[cell.partition("/")[0]]
    number = await fakes.people.number_of(person)
    records: dict[Cell, ConsentRecord] = {}
    if number is not None:
        _, records = await fakes.ledger.records_of(number)
    return state_at(records.get(Cell(cell)), purpose, fakes.clock.now())

"""What stands in for the ports in the SQL tests: consent, people, keys, detector, policy."""

# ruff: noqa: D102 - each method does what its port says

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sekisho.domain.access import (
    AccessRequest,
    Decision,
    Deny,
    Obligation,
    ObligationKind,
    Permit,
    TransformKind,
)
from sekisho.domain.consent import ConsentRecord
from sekisho.domain.governed import GovernedQuery
from sekisho.domain.row_filters import RowFilter
from sekisho.domain.terms import Cell, Column, ColumnClass, LegalBasis, Purpose, SubjectNumber
from sekisho.ports import (
    ConsentEventInput,
    ConsentView,
    DataStore,
    DataSubjectRef,
    Ground,
    Names,
    PeopleKeys,
    RecordedConsentEvent,
)


@dataclass(frozen=True)
class FakeView:
    """A consent view over a set of numbers, with the changes that led to it."""

    seq: int
    version: int
    cells: tuple[Cell, ...]
    numbers: frozenset[int]
    log: tuple[tuple[int, int], ...] = ()

    def allowed(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.isin(numbers, self.members())

    def members(self) -> NDArray[np.int64]:
        return np.array(sorted(self.numbers), dtype=np.int64)

    def changes_since(self, version: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]] | None:
        if version > self.version:
            return None
        numbers = np.array(sorted({n for at, n in self.log if at > version}), dtype=np.int64)
        return numbers, self.allowed(numbers)


@dataclass
class FakeConsentLedger:
    """Members by cell; :meth:`withdraw` makes a new version. Implements the part that a query uses."""

    members: dict[str, set[int]]
    version: int = 1
    log: list[tuple[int, int]] = field(default_factory=list)

    async def view(self, cells: tuple[Cell, ...], *, min_seq: int | None = None) -> ConsentView:
        agreed = frozenset.intersection(*(frozenset(self.members[cell]) for cell in cells))
        return FakeView(self.version, self.version, cells, agreed, tuple(self.log))

    def ground(self, view: ConsentView) -> None:
        """Nothing rests on a view of this ledger: each page is checked by another one."""

    def standing(self, cells: tuple[Cell, ...]) -> None:
        """Nothing begins without a look at this ledger."""

    def withdraw(self, cell: str, number: int) -> None:
        self.members[cell].discard(number)
        self.version += 1
        self.log.append((self.version, number))

    def give(self, cell: str, number: int) -> None:
        self.members[cell].add(number)
        self.version += 1
        self.log.append((self.version, number))

    async def record(self, events: Sequence[ConsentEventInput]) -> list[RecordedConsentEvent]:
        raise NotImplementedError

    async def records_of(self, number: SubjectNumber) -> tuple[int, dict[Cell, ConsentRecord]]:
        raise NotImplementedError

    async def last_seq(self) -> int:
        return self.version


@dataclass
class FakePeople:
    """Identifiers by kind; the dense number of a person is its place in a shuffled list, from 1."""

    known: dict[str, dict[str, int]]
    version: int = 1

    async def keys(self, identifier: str, ground: Ground | None = None) -> PeopleKeys:
        table = self.known.get(identifier, {})
        return PeopleKeys(identifier, np.array(list(table.values()), dtype=np.int64), tuple(table), self.version)

    async def number_of(self, ref: DataSubjectRef) -> SubjectNumber | None:
        raise NotImplementedError

    async def numbers_of(self, identifier: str, values: Names) -> NDArray[np.int64]:
        raise NotImplementedError

    async def register(self, identifier: str, values: Sequence[str]) -> NDArray[np.int64]:
        raise NotImplementedError

    async def attach(self, number: SubjectNumber, identifier: str, value: str) -> None:
        raise NotImplementedError


class FakeKeys:
    """Keys derived from a constant."""

    epoch = 1

    def derive(self, label: str, length: int = 32) -> bytes:
        return hmac.digest(b"world", label.encode(), hashlib.sha512)[:length]

    def sign(self, message: bytes) -> bytes:
        raise NotImplementedError

    def verification_key(self) -> str:
        raise NotImplementedError


class FakeDetector:
    """Masks a whole text, so that any part of a raw text in an answer is a leak."""

    def mask(self, texts: Sequence[str | None]) -> list[str | None]:
        return [None if text is None else f"[text of {len(text)}]" for text in texts]


class FakeViews:
    """Keeps nothing."""

    async def get(self, name: str, revision: str) -> pa.Table | None:
        return None

    async def put(self, name: str, revision: str, release: pa.Table) -> pa.Table:
        return release


def transforms(request: AccessRequest) -> dict[str, dict[str, TransformKind]]:
    """Return a transform for each used column, by its class, as the shipped policies do."""
    answer: dict[str, dict[str, TransformKind]] = {}
    for use in request.datasets:
        kinds = answer[use.dataset.name] = {}
        for name in use.columns:
            column = use.dataset.column(name)
            assert column is not None
            key = use.dataset.data_subject
            kinds[name] = transform_of(column, request.purpose, key=key is not None and key.column == name)
    return answer


def transform_of(column: Column, purpose: Purpose, *, key: bool) -> TransformKind:
    """Return the transform of one column for *purpose*."""
    if key:
        return TransformKind.PSEUDONYM
    if column.category is not None and column.category in purpose.clear:
        return TransformKind.CLEAR
    if column.mask is not None:
        return column.mask.kind
    if column.column_class is ColumnClass.QUASI_IDENTIFIER:
        return TransformKind(column.generalise) if column.generalise else TransformKind.CLEAR
    return {
        ColumnClass.DIRECT_IDENTIFIER: TransformKind.REDACT,
        ColumnClass.LINKING_IDENTIFIER: TransformKind.TOKEN,
        ColumnClass.SENSITIVE: TransformKind.WITHHOLD,
        ColumnClass.FREE_TEXT: TransformKind.MASK_TEXT,
        ColumnClass.NONE: TransformKind.CLEAR,
    }[column.column_class]


@dataclass
class ClassPolicy:
    """Decides by class; ``filters`` and ``obligations`` are added to every permit."""

    filters: dict[str, tuple[RowFilter, ...]] = field(default_factory=dict)
    obligations: tuple[Obligation, ...] = ()

    async def decide(self, request: AccessRequest) -> Decision:
        for use in request.datasets:
            if request.purpose.name not in use.dataset.purposes:
                return Deny("access_denied", ("dataset_not_for_purpose",), "r1")
        return self.permit(request)

    def permit(self, request: AccessRequest) -> Permit:
        consent = request.purpose.legal_basis in {LegalBasis.CONSENT, LegalBasis.LEGITIMATE_INTEREST}
        obligations = self.obligations
        if request.purpose.name == "support":
            obligations = (*obligations, Obligation(ObligationKind.MAX_DATA_SUBJECTS, 1))
        filters = {
            u.dataset.name: self.filters[u.dataset.name] for u in request.datasets if u.dataset.name in self.filters
        }
        return Permit(
            legal_basis=request.purpose.legal_basis,
            consent_required=consent,
            cells=request.purpose.all_cells() if consent else (),
            transforms=transforms(request),
            row_filters=filters,
            obligations=obligations,
            revision="r1",
        )

    async def healthy(self) -> bool:
        return True


class WatchedStore:
    """A store that remembers what it was given to run."""

    def __init__(self, inner: DataStore) -> None:
        self.inner = inner
        self.ran: list[GovernedQuery] = []

    async def fetch(
        self, query: GovernedQuery, consent: ConsentView | None, people: Any, *, page_rows: int
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        self.ran.append(query)
        async for batch in self.inner.fetch(query, consent, people, page_rows=page_rows):
            yield batch

    async def healthy(self) -> bool:
        return await self.inner.healthy()

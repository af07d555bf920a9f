"""In-memory stand-ins for the ports: they keep what they were told and answer what they were given."""

# ruff: noqa: D102 - each method does what its port says

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from sekisho.domain.access import TransformKind
from sekisho.domain.governed import Output
from sekisho.domain.request_context import Grant
from sekisho.domain.terms import ColumnType, Dataset, Requester, StatisticsView
from sekisho.errors import NotFound, SekishoError, Unauthenticated
from sekisho.http.services import ConsentDecision, ConsentEventRequest, ConsentQuestion, Release
from sekisho.ports import AuditEntry, AuditQuery, AuditReceipt, DataSubjectRef, Names, listed
from sekisho.release import Ask, Occasion, ReleasedPage


@dataclass
class FakeClock:
    """A clock that moves when told to."""

    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    seconds: float = 0.0

    def now(self) -> datetime:
        return self.at + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def new_id(self) -> str:
        return str(uuid.uuid4())

    def new_ids(self, count: int) -> list[str]:
        return [self.new_id() for _ in range(count)]

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class FakeIdentity:
    """Tokens by their text; requesters and customers apart."""

    requesters: dict[str, Requester] = field(default_factory=dict)
    customers: dict[str, DataSubjectRef] = field(default_factory=dict)

    def requester(self, credential: str) -> Requester:
        if credential not in self.requesters:
            raise Unauthenticated("the token of a customer, or none of ours")
        return self.requesters[credential]

    def data_subject(self, credential: str) -> DataSubjectRef:
        if credential not in self.customers:
            raise Unauthenticated("the token of a requester, or none of ours")
        return self.customers[credential]


@dataclass
class FakeAuditLog:
    """A list of records, numbered from 1."""

    records: list[dict[str, object]] = field(default_factory=list)
    error: SekishoError | None = None
    queries: list[AuditQuery] = field(default_factory=list)

    async def append(self, entry: AuditEntry) -> AuditReceipt:
        if self.error is not None:
            raise self.error
        seq = len(self.records) + 1
        record_id = entry.id or f"record-{seq}"
        self.records.append({"seq": seq, "id": record_id, "kind": entry.kind, **entry.fields})
        return AuditReceipt(record_id, seq)

    async def search(self, query: AuditQuery) -> list[dict[str, object]]:
        self.queries.append(query)
        found = [
            record
            for record in self.records
            if isinstance(seq := record["seq"], int)
            and seq > query.after_seq
            and (query.requester is None or record.get("requester") == query.requester)
            and (query.kind is None or record.get("kind") == query.kind)
        ]
        return found[: query.limit]

    async def get(self, record_id: str) -> dict[str, object] | None:
        return next((record for record in self.records if record["id"] == record_id), None)

    async def healthy(self) -> bool:
        return self.error is None

    async def close(self) -> None:
        """Nothing to write."""


@dataclass
class FakeRelease:
    """An answer from batches. ``breaks`` is raised in the place of the page after the last batch."""

    batches: Sequence[pa.RecordBatch]
    complete: bool = True
    breaks: Exception | None = None
    before_page: Callable[[int], None] | None = None
    pause: float = 0.0
    id: str = "0190c0de-0000-7000-8000-000000000001"
    policy_revision: str = "policy-7"
    consent_seq: int = 41
    read: int = 0
    renewed: float | None = None
    closed: bool = False

    @property
    def schema(self) -> pa.Schema:
        return self.batches[0].schema

    @property
    def columns(self) -> tuple[Output, ...]:
        return tuple(Output(name, _TYPES.get(t), TransformKind.CLEAR) for name, t in _fields(self.schema))

    async def pages(self) -> AsyncIterator[ReleasedPage]:
        try:
            for index, batch in enumerate(self.batches):
                if self.before_page is not None:
                    self.before_page(index)
                if self.pause and index:
                    await asyncio.sleep(self.pause)
                last = index == len(self.batches) - 1 and self.breaks is None
                self.read += 1
                yield ReleasedPage(batch, 100 + index, last, last and self.complete)
            if self.breaks is not None:
                raise self.breaks
        finally:
            self.closed = True

    async def renew(self, *, latest: bool = False) -> float | None:
        return self.renewed

    async def close(self) -> None:
        self.closed = True


_TYPES = {pa.string(): ColumnType.STRING, pa.int64(): ColumnType.INTEGER}


def _fields(schema: pa.Schema) -> list[tuple[str, pa.DataType]]:
    return [(part.name, part.type) for part in schema]


class FakeGrants:
    """No grant was given here."""

    async def in_force(self) -> list[Grant]:
        return []

    async def revoke(self, officer: Requester, grant_id: str) -> Grant:
        raise NotFound("There is no such grant.")


@dataclass
class FakeGateway:
    """Answers every question with ``release``, or raises ``error``."""

    release: FakeRelease | None = None
    error: Exception | None = None
    catalogue: list[Dataset] = field(default_factory=list)
    published: list[StatisticsView] = field(default_factory=list)
    asked: list[tuple[str, Ask | str, int]] = field(default_factory=list)
    grants: Any = field(default_factory=FakeGrants)

    async def query(self, requester: Requester, ask: Ask, *, page_rows: int = 10_000) -> Release:
        self.asked.append((requester.name, ask, page_rows))
        return self._answer()

    async def explain(self, requester: Requester, ask: Ask, language: str = "en") -> Mapping[str, Any]:
        self.asked.append((requester.name, ask, 0))
        if self.error is not None:
            raise self.error
        return {"decision": "permit", "reasons": [], "sql": "SELECT ?"}

    def datasets(self, requester: Requester) -> list[Dataset]:
        return [dataset for dataset in self.catalogue if dataset.purposes & requester.purposes]

    def views(self, requester: Requester) -> list[StatisticsView]:
        return [view for view in self.published if view.purpose in requester.purposes]

    async def read_view(
        self, requester: Requester, name: str, purpose: str, occasion: Occasion | None = None
    ) -> Release:
        if name not in {view.name for view in self.views(requester)}:
            raise NotFound("There is no such view.")
        self.asked.append((requester.name, name, 0))
        return self._answer()

    def _answer(self) -> FakeRelease:
        if self.error is not None:
            raise self.error
        assert self.release is not None
        return self.release


@dataclass
class FakeConsents:
    """Keeps calls; allows what ``allowed`` names. ``reading`` and ``recording`` are itself."""

    allowed: set[tuple[str, str]] = field(default_factory=set)
    calls: list[tuple[object, ...]] = field(default_factory=list)
    error: Exception | None = None
    seq: int = 0

    @property
    def reading(self) -> FakeConsents:
        return self

    @property
    def recording(self) -> FakeConsents:
        return self

    async def check(
        self,
        requester: Requester,
        questions: Sequence[ConsentQuestion],
        *,
        min_seq: int | None,
        valid_at: datetime | None,
        known_at: datetime | None,
        explain: bool,
    ) -> Sequence[Mapping[str, object]]:
        self._called("check", requester.name, tuple(questions), min_seq, valid_at, known_at, explain)
        return [{"allowed": (q.person.value, q.purpose) in self.allowed, "seq": self.seq} for q in questions]

    async def filter(
        self,
        requester: Requester,
        purpose: str,
        named: Mapping[str, Names],
        *,
        scope: Mapping[str, str],
        min_seq: int | None,
    ) -> tuple[dict[str, list[bool]], int]:
        self._called("filter", requester.name, purpose, dict(named), scope, min_seq)
        masks = {
            kind: [(value, purpose) in self.allowed for value in listed(values)] for kind, values in named.items()
        }
        return masks, self.seq

    async def subject_consents(
        self,
        requester: Requester,
        subject_id: str,
        *,
        valid_at: datetime | None,
        known_at: datetime | None,
        min_seq: int | None,
    ) -> Mapping[str, object]:
        self._called("subject_consents", requester.name, subject_id, valid_at, known_at, min_seq)
        return {"items": [], "seq": self.seq}

    async def record_event(self, requester: Requester, event: ConsentEventRequest) -> Mapping[str, object]:
        self._called("record_event", requester.name, event)
        self.seq += 1
        return {"id": "event", "seq": self.seq, "state": "given"}

    async def decide(
        self, person: DataSubjectRef, decisions: Sequence[ConsentDecision], *, gpc: bool
    ) -> Mapping[str, object]:
        self._called("decide", person, tuple(decisions), gpc)
        self.seq += 1
        return {"seq": self.seq, "items": []}

    async def object_by_signal(self, person: DataSubjectRef) -> None:
        self._called("object_by_signal", person)

    async def my_consents(self, person: DataSubjectRef, *, min_seq: int | None) -> Mapping[str, object]:
        self._called("my_consents", person, min_seq)
        return {"items": [{"purpose": purpose, "state": "given"} for _, purpose in self.allowed], "seq": self.seq}

    async def withdraw(
        self, person: DataSubjectRef, purpose: str, *, scope: Mapping[str, str] | None
    ) -> Mapping[str, object]:
        self._called("withdraw", person, purpose, scope)
        self.seq += 1
        self.allowed.discard((person.value, purpose))
        return {"seq": self.seq}

    async def withdraw_all(self, person: DataSubjectRef) -> Mapping[str, object]:
        self._called("withdraw_all", person)
        self.seq += 1
        self.allowed = {item for item in self.allowed if item[0] != person.value}
        return {"seq": self.seq}

    def _called(self, *call: object) -> None:
        if self.error is not None:
            raise self.error
        self.calls.append(call)

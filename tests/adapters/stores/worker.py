"""A worker's view of consent and its statements over a PostgreSQL store, written by hand."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from sekisho.adapters.stores.postgresql import PostgresStore
from sekisho.domain.access import TransformKind
from sekisho.domain.governed import GovernedQuery, Output, Projection
from sekisho.domain.terms import Cell, Column, ColumnClass, ColumnType, Dataset, DataSubjectKey, StoreKind
from sekisho.ports import Ground, PeopleKeys
from tests.query.doubles import FakeView

PROJECTION = Projection("p_0123456789ab", "customer_id", (Cell("recommendation"),))
VISITS = Dataset(
    "crm.visits", "crm", "visits",
    (
        Column("customer_id", ColumnType.INTEGER, ColumnClass.DIRECT_IDENTIFIER),
        Column("place", ColumnType.STRING, ColumnClass.NONE),
    ),
    DataSubjectKey("customer_id", "customer_id"), None, frozenset(),
)  # fmt: skip
ROWS = (
    'SELECT "v"."customer_id", "v"."__person" AS "__person_0" FROM (SELECT "g"."n" AS "customer_id", "g"."n" AS'
    ' "__person" FROM "public"."visits" AS "t" JOIN "sekisho"."p_0123456789ab" AS "g"'
    ' ON "g"."k" = "t"."customer_id") AS "v"'
)
PERSON = Output("customer_id", ColumnType.STRING, TransformKind.PSEUDONYM)
READS = frozenset(
    {("public.visits", "customer_id"), ("public.visits", "place"), (PROJECTION.table, "k"), (PROJECTION.table, "n")}
)


def statement(
    sql: str = ROWS,
    outputs: tuple[Output, ...] = (PERSON,),
    *,
    hidden: int = 1,
    parameters: dict[str, object] | None = None,
    projections: tuple[Projection, ...] = (PROJECTION,),
    reads: frozenset[tuple[str, str]] = READS,
) -> GovernedQuery:
    """Return a governed statement over the visits."""
    return GovernedQuery(
        engine=StoreKind.POSTGRESQL,
        stores=("crm",),
        sql=sql,
        parameters=parameters or {},
        outputs=outputs,
        hidden=hidden,
        rowwise=bool(hidden),
        projections=projections,
        reads=reads,
        order_by_token=False,
        fingerprint="",
    )


def plain(name: str = "x") -> Output:
    """Return an output column that is shown as it is."""
    return Output(name, None, TransformKind.CLEAR)


def ledger_of(view: Callable[[], Any]) -> Any:
    """Return a ledger whose view is always what *view* returns then."""

    async def now(*_: object) -> Any:
        return view()

    return SimpleNamespace(view=now)


@dataclass
class Registry:
    """The identifiers ``first + number`` of some numbers, the same for every worker."""

    numbers: list[int]
    version: int = 1
    asked: int = 0
    first: int = 100
    held: PeopleKeys | None = None

    async def keys(self, identifier: str, ground: Ground | None = None) -> PeopleKeys:
        """Return all of them, the same object until they change."""
        self.asked += 1
        values = tuple(str(self.first + number) for number in self.numbers)
        if self.held is None or (tuple(self.held.values.to_pylist()), self.held.version) != (values, self.version):
            self.held = PeopleKeys(identifier, np.array(self.numbers, np.int64), values, self.version)
        return self.held


@dataclass
class Worker:
    """One worker: a store of its own, and versions of consent that it counts for itself."""

    store: PostgresStore
    registry: Registry
    version: int = 0
    log: list[tuple[int, int]] = field(default_factory=list)
    members: frozenset[int] = frozenset()

    def view(self, seq: int, members: Collection[int]) -> FakeView:
        """Return its view at *seq*."""
        now = frozenset(members)
        if now != self.members or not self.version:
            self.version += 1
            self.log += [(self.version, number) for number in now ^ self.members]
            self.members = now
        return FakeView(seq, self.version, PROJECTION.cells, now, tuple(self.log))

    def trust(self, query: GovernedQuery) -> GovernedQuery:
        """Let *query* pass the second oracle unseen; return it."""
        self.store._checked.add((query.sql, query.reads))
        return query

    async def people(self, view: FakeView | None, query: GovernedQuery | None = None) -> set[int]:
        """Return whose rows an answer has."""
        return {n for batch in await self.batches(view, query) for n in batch.column(0).to_pylist()}

    async def batches(
        self, view: FakeView | None, query: GovernedQuery | None = None, page_rows: int = 10_000
    ) -> list[pa.RecordBatch]:
        """Return the pages of an answer."""
        asked = query or statement()
        registry: Any = self.registry
        return [batch async for batch in self.store.fetch(asked, view, registry, page_rows=page_rows)]

"""The baseline: parse and resolve a statement, run it on the raw tables, release the pages as they come."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
from sqlglot import exp

from sekisho.domain.access import TransformKind
from sekisho.domain.governed import GovernedQuery, Output
from sekisho.domain.terms import Catalogue, Requester, StoreKind
from sekisho.ports import Clock, DataStore, People
from sekisho.query.dialects import DIALECTS
from sekisho.query.form import is_rowwise
from sekisho.query.statements import read
from sekisho.release import Ask, Release, ReleasedPage


@dataclass
class Ungoverned:
    """A gateway without steps (3) to (5), (7) and (8). For measuring only."""

    catalogue: Catalogue
    stores: Mapping[str, DataStore]
    people: People
    clock: Clock
    plans: dict[str, GovernedQuery] = field(default_factory=dict)

    async def query(self, requester: Requester, ask: Ask, *, page_rows: int = 10_000) -> Release:
        """Return raw rows."""
        plan = self.plans.get(ask.sql)
        if plan is None:
            plan = self.plans[ask.sql] = self._plan(requester, ask.sql)
        values = {f"p{i}": value for i, value in enumerate(ask.parameters)}
        query = GovernedQuery(**{name: getattr(plan, name) for name in plan.__slots__} | {"parameters": values})
        store = self.stores["duckdb" if query.engine is StoreKind.DUCKDB else query.stores[0]]
        pages = self._pages(store, query, page_rows)
        first = await anext(pages)
        return Release(
            self.clock.new_id(), "none", 0, plan.outputs, first.batch.schema, first, None if first.last else pages
        )

    def _plan(self, requester: Requester, sql: str) -> GovernedQuery:
        statement, dialect = read(sql, self.catalogue.visible_to(requester), self.catalogue.stores)
        reads = set()
        for relation in statement.relations:
            dataset = relation.dataset
            assert dataset is not None
            assert relation.table is not None
            schema, name = dialect.physical(dataset)
            reads |= {(dialect.reads(schema, name), column.name) for column in dataset.columns}
            relation.table.replace(
                exp.Table(
                    this=exp.to_identifier(name, quoted=True),
                    db=exp.to_identifier(schema, quoted=True),
                    alias=exp.TableAlias(this=exp.to_identifier(relation.alias, quoted=True)),
                )
            )
        if dialect.numbered_parameters:
            for node in list(statement.tree.find_all(exp.Placeholder)):
                node.replace(exp.Parameter(this=exp.Var(this=str(int(str(node.this)[1:]) + 1))))
        outputs = tuple(
            Output(name, getattr(getattr(definition, "column", None), "type", None), TransformKind.CLEAR)
            for name, definition in statement.outputs.items()
        )
        return GovernedQuery(
            engine=dialect.kind,
            stores=tuple(sorted({r.dataset.store for r in statement.relations if r.dataset})),
            sql=DIALECTS[dialect.kind].generate(statement.tree),
            parameters={},
            outputs=outputs,
            hidden=0,
            rowwise=is_rowwise(statement),
            projections=(),
            reads=frozenset(reads),
            order_by_token=False,
            fingerprint="",
            cut=statement.tree.args.get("limit") is not None,
        )

    async def _pages(
        self, store: DataStore, query: GovernedQuery, page_rows: int
    ) -> AsyncGenerator[ReleasedPage, None]:
        raw = store.fetch(query, None, self.people, page_rows=page_rows)
        batch: pa.RecordBatch | None = await anext(raw)
        while batch is not None:
            following = await anext(raw, None)
            yield ReleasedPage(batch, 0, last=following is None, complete=following is None)
            batch = following

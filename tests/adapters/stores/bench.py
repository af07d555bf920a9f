"""A store of each kind with the world's data, and what the contract suites ask it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sekisho.adapters.stores.postgresql import PostgresStore
from sekisho.domain.governed import GovernedQuery
from sekisho.domain.terms import StoreKind
from sekisho.ports import ConsentView
from sekisho.query.plan import bind
from sekisho.query.statements import Statements
from tests.adapters.stores.servers import Server, database
from tests.query.world import DATASETS as CATALOGUE
from tests.query.world import PEOPLE, PURPOSES, REQUESTERS, World, agrees, number_of

DATASETS = {
    StoreKind.DUCKDB: "pos.order_lines",
    StoreKind.SQLITE: "crm.tickets",
    StoreKind.POSTGRESQL: "crm.tickets",
}
CLEAR = {StoreKind.DUCKDB: "quantity", StoreKind.SQLITE: "minutes", StoreKind.POSTGRESQL: "minutes"}


@dataclass
class Bench:
    """One store of a world of its own, and what it needs to run a statement."""

    world: World
    kind: StoreKind
    folder: Path
    server: Server | None = None
    postgres: PostgresStore | None = None

    @property
    def store(self) -> Any:
        """The store."""
        if self.postgres is not None:
            return self.postgres
        return self.world.watched["duckdb" if self.kind is StoreKind.DUCKDB else "crm"].inner

    @property
    def dataset(self) -> str:
        """One of its datasets."""
        return DATASETS[self.kind]

    def governed(self, sql: str, *parameters: object, purpose: str = "recommendation") -> GovernedQuery:
        """Return the governed statement; ``{}`` in *sql* is the dataset."""
        question = self.statements.read(REQUESTERS["recommender"], PURPOSES[purpose], sql.format(self.dataset))
        plan = question.plan(self.world.policy.permit(question.request))
        return bind(plan, parameters, self.world.keyed(purpose=purpose, plan=plan))

    @cached_property
    def statements(self) -> Statements:
        """What reads statements over this store."""
        declared = self.world.catalogue
        if self.server is None:
            return Statements(declared)
        return Statements(replace(declared, stores={**declared.stores, "crm": self.server.store()}))

    def view(self, purpose: str = "recommendation") -> ConsentView:
        """Return who agrees now."""
        return self.world._runner.run(self.world.consents.view((purpose,)))  # type: ignore[arg-type]

    def batches(
        self, query: GovernedQuery, view: ConsentView | None, page_rows: int = 10_000
    ) -> list[pa.RecordBatch]:
        """Return all batches of a statement."""

        async def read() -> list[pa.RecordBatch]:
            return [b async for b in self.store.fetch(query, view, self.world.people, page_rows=page_rows)]

        return self.world._runner.run(read())

    def take_away(self) -> None:
        """Take the data away from the store."""
        if self.server is not None:
            self.server.run("ALTER TABLE tickets RENAME TO moved")
            return
        target = self.folder / ("pos" if self.kind is StoreKind.DUCKDB else "crm.db")
        target.rename(target.with_name("moved"))

    def people(self, query: GovernedQuery, view: ConsentView | None) -> set[int]:
        """Return the hidden person numbers of an answer."""
        table = pa.Table.from_batches(self.batches(query, view))
        return {n for column in table.columns[-query.hidden :] for n in column.to_pylist()}


@pytest.fixture(
    params=[
        pytest.param(kind, marks=[pytest.mark.postgres, pytest.mark.enable_socket])
        if kind is StoreKind.POSTGRESQL
        else kind
        for kind in StoreKind
    ],
    ids=[kind.value for kind in StoreKind],
)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    with World(tmp_path) as world:
        if request.param is not StoreKind.POSTGRESQL:
            yield Bench(world, request.param, tmp_path)
            return
        crm = [dataset for dataset in CATALOGUE.values() if dataset.store == "crm"]
        with database() as server:
            for dataset in crm:
                server.load(dataset, world.rows[dataset.name])
            server.run("CREATE TABLE hidden (customer_id bigint, secret text)")
            server.bootstrap(crm)
            store = PostgresStore(server.store(), CATALOGUE, timeout=20)
            yield Bench(world, request.param, tmp_path, server, store)
            world._runner.run(settled(store))
            store.close()


async def settled(store: PostgresStore) -> None:
    """Wait for the connections that are being given back."""
    await asyncio.gather(*store._settling)


ROWS = "SELECT customer_id FROM {}"


def agreeing(purpose: str = "recommendation") -> set[int]:
    return {number_of(p) for p in range(PEOPLE) if agrees(p, purpose)}


def places() -> list[int]:
    return [p for p in range(PEOPLE) if agrees(p, "recommendation")]

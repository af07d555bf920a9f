"""The retailer of the SQL tests with copies beside its files, and the same gateway without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from sekisho.adapters.stores import colocated
from sekisho.adapters.stores.colocated import ColocatedCopies, Synced
from sekisho.adapters.stores.copy_folder import writing
from sekisho.adapters.stores.duckdb import DuckDbStores
from sekisho.adapters.stores.row_marks import MOST
from sekisho.domain.terms import Dataset, StoreKind
from sekisho.gateway import Gateway
from sekisho.ports import DataStore
from sekisho.release import Ask
from tests.query.world import DATASETS, REQUESTERS, ROWS, Answer, Rows, WatchedStore, World

LINES = DATASETS["pos.order_lines"]


class CopiedWorld(World):
    """A world whose DuckDB may read copies; :meth:`sync` writes them, as the command does."""

    def __init__(self, folder: Path, rows: Rows = ROWS, *, times: int = 1) -> None:
        super().__init__(folder, rows)
        if times > 1:
            path = folder / "pos" / LINES.relation
            pq.write_table(pa.concat_tables([pq.read_table(path)] * times), path)
        self.copies = folder / "copies"
        stores = self.catalogue.stores
        self.duckdb.close()
        files = {name: store for name, store in stores.items() if store.kind is StoreKind.DUCKDB}
        # Rows of copies as old as two seconds would be marked, and the time of a test decide what it looks at.
        self.duckdb = DuckDbStores(files, DATASETS, threads=2, timeout=20, copies=self.copies, least_marked=MOST + 1)
        self.watched["duckdb"] = WatchedStore(self.duckdb)
        watched = cast("dict[str, DataStore]", self.watched)
        self.without = replace(self.gateway, stores=watched, key_bits=(self.duckdb,))
        self.with_copies = replace(self.without, copies=self.reader())
        self.gateway = self.with_copies

    def reader(self) -> ColocatedCopies:
        """Return the copies as a service that just started reads them."""
        return ColocatedCopies(self.copies, self.catalogue.stores, DATASETS, self.people, self.duckdb.attach)

    def sync(self, dataset: Dataset = LINES) -> Synced:
        """Write the copy of *dataset*."""
        with writing(self.copies):
            keys = self._runner.run(self.people.keys("customer_id"))
            return colocated.synchronise(self.copies, self.catalogue.stores[dataset.store], dataset, keys)

    def usable(self) -> bool:
        """Return whether a service that runs already would read the copy of the order lines now."""
        copies = self.with_copies.copies
        assert copies is not None
        return self._runner.run(copies.usable([LINES.name])) == {LINES.name}

    def by(self, gateway: Gateway, sql: str, *parameters: object, purpose: str = "recommendation") -> Answer:
        """Return the answer of one of the two gateways."""
        self.gateway = gateway
        try:
            return self.ask(sql, *parameters, purpose=purpose)
        finally:
            self.gateway = self.with_copies

    def ran(self) -> str:
        """Return the SQL that DuckDB ran last."""
        return self.watched["duckdb"].ran[-1].sql

    def explained(self, sql: str, purpose: str = "recommendation") -> Mapping[str, Any]:
        """Return what ``:explain`` says."""
        return self._runner.run(self.gateway.explain(REQUESTERS["recommender"], Ask(purpose, sql)))


COUNT = "SELECT count(*) AS n, count(DISTINCT customer_id) AS people FROM pos.order_lines"


def source(world: CopiedWorld) -> Path:
    """Return the file of the order lines."""
    return world.folder / "pos" / LINES.relation


def copy_of(world: CopiedWorld) -> Path:
    """Return its copy."""
    (path,) = (world.copies / LINES.name).glob("*.parquet")
    return path


def same_answer(world: CopiedWorld, sql: str, *parameters: object) -> None:
    """Assert that the copy and the files give one answer, and that each of them was asked.

    In the same order, too, where the statement names one: else the engine chooses which side of a join it follows.
    """
    plain = world.by(world.without, sql, *parameters)
    assert "colocated" not in world.ran()
    copied = world.by(world.with_copies, sql, *parameters)
    assert '"colocated"."pos.order_lines"' in world.ran()
    if "ORDER BY" not in sql:
        copied, plain = (Answer(each.names, sorted(each.rows, key=repr)) for each in (copied, plain))
    assert copied == plain


def counted(world: CopiedWorld) -> tuple[int, int]:
    """Return the rows and the people that :data:`COUNT` finds."""
    ((rows, people),) = world.ask(COUNT).rows
    assert isinstance(rows, int)
    assert isinstance(people, int)
    return rows, people

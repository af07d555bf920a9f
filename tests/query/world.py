"""A tiny retailer behind a real gateway: 50 people, two SQLite tables, four file datasets, values to look out for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from sekisho.adapters.stores.duckdb import DuckDbStores
from sekisho.adapters.stores.sqlite import SqliteStore
from sekisho.domain.terms import Catalogue, Requester, StoreKind
from sekisho.gateway import Gateway
from sekisho.pseudonymity import KeyedTransforms
from sekisho.query.plan import Plan
from sekisho.release import Ask
from tests.fakes import FakeAuditLog, FakeClock
from tests.query.doubles import (
    ClassPolicy,
    FakeConsentLedger,
    FakeDetector,
    FakeKeys,
    FakePeople,
    FakeView,
    FakeViews,
    WatchedStore,
    transform_of,
)
from tests.query.retailer import (
    DATASETS,
    FIRST_ID,
    FORBIDDEN_NUMBERS,
    PEOPLE,
    PURPOSES,
    REQUESTERS,
    agrees,
    catalogue,
    number_of,
)
from tests.query.rows import ARROW, ROWS, Rows, build, table_of, twin_rows, write_sqlite

__all__ = [
    "ARROW", "DATASETS", "FIRST_ID", "FORBIDDEN_NUMBERS", "PEOPLE", "PURPOSES", "REQUESTERS", "ROWS", "Answer",
    "ClassPolicy", "FakeConsentLedger", "FakeDetector", "FakeKeys", "FakePeople", "FakeView", "FakeViews", "Rows",
    "WatchedStore", "World", "agrees", "build", "catalogue", "number_of", "table_of", "transform_of", "twin_rows",
    "write_sqlite",
]  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What a requester got: names, transforms and rows of plain values."""

    names: tuple[str, ...]
    rows: list[tuple[object, ...]]

    def column(self, name: str) -> list[object]:
        """Return one column's values."""
        return [row[self.names.index(name)] for row in self.rows]


class World:
    """The retailer, and an event loop to ask it on. Use as a context manager.

    One thread of DuckDB, so that rows come in one order.
    """

    _closing: tuple[Callable[[], None], ...]
    gateway: Gateway

    def __init__(self, folder: Path, rows: Rows = ROWS) -> None:
        build(folder, rows)
        declared = catalogue(folder)
        stores = declared.stores
        files = {name: store for name, store in stores.items() if store.kind is StoreKind.DUCKDB}
        self.folder = folder
        self.sqlite = SqliteStore(stores["crm"], DATASETS, timeout=20)
        crm = WatchedStore(self.sqlite)
        self.duckdb = DuckDbStores(files, DATASETS, threads=1, timeout=20, others={"crm": crm})
        self._closing = (self.duckdb.close, self.sqlite.close)
        self._stand_behind(declared, rows, {"duckdb": WatchedStore(self.duckdb), "crm": crm})
        self.gateway = replace(self.gateway, key_bits=(self.duckdb,))

    def _stand_behind(self, declared: Catalogue, rows: Rows, stores: dict[str, WatchedStore]) -> None:
        """Put a gateway in front of *stores*."""
        self.rows = rows
        self.catalogue = declared
        self.watched = stores
        self.policy = ClassPolicy()
        self.consents = FakeConsentLedger(
            {
                purpose: {number_of(p) for p in range(PEOPLE) if agrees(p, purpose)}
                for purpose in ("recommendation", "advertising", "board")
            }
        )
        self.people = FakePeople({"customer_id": {str(FIRST_ID + p): number_of(p) for p in range(PEOPLE)}})
        self.audit = FakeAuditLog()
        self.gateway = Gateway(
            self.catalogue, self.policy, self.consents, self.people, self.watched, FakeKeys(), FakeDetector(),
            self.audit, FakeClock(), FakeViews(),
        )  # fmt: skip
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None
    ) -> None:
        self._runner.close()
        for close in self._closing:
            close()

    def ask(
        self,
        sql: str,
        *parameters: object,
        purpose: str = "recommendation",
        requester: str = "recommender",
        max_rows: int | None = None,
        page_rows: int = 10_000,
    ) -> Answer:
        """Return the governed answer. Raises the gateway's refusal."""
        return self._runner.run(self._ask(REQUESTERS[requester], Ask(purpose, sql, parameters, max_rows), page_rows))

    async def _ask(self, requester: Requester, ask: Ask, page_rows: int) -> Answer:
        release = await self.gateway.query(requester, ask, page_rows=page_rows)
        rows: list[tuple[object, ...]] = []
        async for page in release.pages():
            rows += zip(*(column.to_pylist() for column in page.batch.columns), strict=True)
        return Answer(tuple(release.schema.names), rows)

    def plan(self, sql: str, *, purpose: str = "recommendation", requester: str = "recommender") -> Plan:
        """Return the plan of *sql* under this world's policy."""
        question = self.gateway.statements.read(REQUESTERS[requester], PURPOSES[purpose], sql)
        return question.plan(self.policy.permit(question.request))

    def keyed(
        self, *, purpose: str = "recommendation", requester: str = "recommender", plan: Plan | None = None
    ) -> KeyedTransforms:
        """Return the pseudonyms and tokens of a requester for a purpose, ready to bind *plan*."""
        return self._runner.run(self.gateway.pseudonymity.of(REQUESTERS[requester], PURPOSES[purpose], plan))

    def pseudonym(self, place: int, *, purpose: str = "recommendation", requester: str = "recommender") -> str:
        """Return the pseudonym of the *place*-th customer."""
        encoded = self.keyed(purpose=purpose, requester=requester).pseudonyms.encode(np.array([number_of(place)]))
        return str(encoded[0].as_py())

    def token(
        self, domain: str, value: object, *, purpose: str = "recommendation", requester: str = "recommender"
    ) -> str:
        """Return the token of a linking identifier."""
        return self.keyed(purpose=purpose, requester=requester).tokens(domain).encode_one(str(value))

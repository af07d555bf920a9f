"""A gateway in front of PostgreSQL tables of any shape: the real adapter, and the role that its own script makes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import TracebackType

from tests.adapters.stores.servers import Server
from tests.query.world import PURPOSES, REQUESTERS, WatchedStore, World

from sekisho.adapters.stores.duckdb import DuckDbStores
from sekisho.adapters.stores.postgresql import PostgresStore
from sekisho.domain.terms import Catalogue, Column, ColumnClass, ColumnType, Dataset, DataSubjectKey, Store, StoreKind
from sekisho.errors import SekishoError

STORE = "shop"
KEY = Column("id", ColumnType.INTEGER, ColumnClass.DIRECT_IDENTIFIER)
TEXT_KEY = replace(KEY, type=ColumnType.STRING)


def dataset(name: str, columns: Iterable[Column], *, relation: str = "") -> Dataset:
    """Return a dataset about the people who are named by ``id``."""
    return Dataset(
        f"{STORE}.{name}", STORE, relation or name, tuple(columns), DataSubjectKey("id", "customer_id"), "profile",
        frozenset({"recommendation", "advertising"}),
    )  # fmt: skip


class Shaped(World):
    """Datasets over the tables of *server*; *people* are the numbers of keys, and *agree* those who agree.

    Where nothing may be written into the server (*writes*), its rows are read by DuckDB.
    """

    def __init__(
        self,
        server: Server,
        datasets: Iterable[Dataset],
        people: Mapping[str, int],
        agree: Iterable[int],
        *,
        writes: bool = True,
    ) -> None:
        named = {each.name: each for each in datasets}
        server.bootstrap(list(named.values()), STORE, writes=writes)
        self.store = PostgresStore(server.store(STORE), named, connections=3, timeout=20)
        watched = {STORE: WatchedStore(self.store)}
        self.duckdb = DuckDbStores({}, named, threads=1, timeout=20, others=watched)
        self._closing = (self.duckdb.close,)
        stores = {STORE: Store(STORE, StoreKind.POSTGRESQL, "", writes=writes)}
        declared = Catalogue(stores, named, PURPOSES, REQUESTERS, {}, "c1")
        self._stand_behind(declared, {}, watched | {"duckdb": WatchedStore(self.duckdb)})
        self.people.known = {"customer_id": dict(people)}
        self.consents.members = {purpose: set(agree) for purpose in PURPOSES}
        self.gateway = replace(self.gateway, key_bits=(self.store,), small_tables=(self.store,))

    def tell(self, sql: str, *, page_rows: int = 10_000) -> list[tuple[object, ...]] | str:
        """Return the rows of an answer, or the code of its refusal."""
        try:
            return self.ask(sql, page_rows=page_rows).rows
        except SekishoError as refusal:
            return refusal.code

    def rest(self) -> None:
        """Let connections that were given back come to rest."""
        self._runner.run(self._settled())

    async def _settled(self) -> None:
        await asyncio.gather(*self.store._settling)

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None
    ) -> None:
        async def closed() -> None:
            await self._settled()
            self.store.close()
            await asyncio.sleep(0)  # for the sockets to be closed

        self._runner.run(closed())
        super().__exit__(kind, fault, at)

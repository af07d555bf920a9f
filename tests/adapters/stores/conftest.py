"""A PostgreSQL database of a shop, the gateway's role in it, and a worker; see ``servers`` and ``worker``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from sekisho.adapters.stores.postgresql import PostgresStore
from tests.adapters.stores.bench import bench
from tests.adapters.stores.servers import Server, database
from tests.adapters.stores.worker import VISITS, Registry, Worker

__all__ = ["bench", "empty", "server", "worker"]


@pytest.fixture(scope="module")
def empty() -> Iterator[Server]:
    """A database with the visits of ten customers, and no role yet."""
    with database() as server:
        server.run(
            "CREATE TABLE visits (customer_id bigint, place text, secret text);"
            "INSERT INTO visits SELECT 100 + i % 10, 'shop ' || i, 'NG' FROM generate_series(0, 49) AS s(i);"
            "CREATE TABLE hidden (customer_id bigint); INSERT INTO hidden VALUES (1)"
        )
        yield server


@pytest.fixture
def server(empty: Server) -> Server:
    """The database, with the gateway's role as its script makes it, and no people table yet."""
    empty.run("DROP SCHEMA IF EXISTS sekisho CASCADE")
    empty.bootstrap([VISITS])
    return empty


@pytest.fixture
async def worker(server: Server) -> AsyncIterator[Worker]:
    """One worker over the visits."""
    store = PostgresStore(server.store(), {VISITS.name: VISITS}, connections=2, timeout=20)
    yield Worker(store, Registry(list(range(10))))
    await asyncio.gather(*store._settling)
    store.close()

"""Which tables of a PostgreSQL store are small: asked for once a minute."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest

from sekisho.adapters.stores.postgresql import PostgresStore, sizes
from sekisho.domain.terms import Dataset
from tests.adapters.stores.servers import Server, database
from tests.adapters.stores.worker import VISITS

pytestmark = [pytest.mark.postgres, pytest.mark.enable_socket]

TABLES = (
    "visits",
    "lots",
    "lots_view",
    "visits_view",
    "parts",
    "few_parts",
    "unanalysed",
    "filled",
    "kept",
    "logged",
    "none",
)


def dataset(table: str) -> Dataset:
    """Return the dataset of the visits in *table*."""
    return replace(VISITS, name=f"crm.{table}", relation=table)


@pytest.fixture
def server() -> Iterator[Server]:
    """Tables of ten rows and of 30,001, whole and in parts, analysed or not."""
    columns = "(customer_id bigint, place text)"
    with database() as made:
        made.run(
            f"CREATE TABLE visits {columns}; CREATE TABLE lots {columns}; CREATE TABLE unanalysed {columns};"
            f"CREATE TABLE filled {columns};"
            "CREATE VIEW lots_view AS SELECT l.* FROM lots l JOIN visits USING (customer_id);"
            "CREATE VIEW visits_view AS SELECT * FROM visits;"
            f"CREATE TABLE parts {columns} PARTITION BY HASH (customer_id);"
            f"CREATE TABLE few_parts {columns} PARTITION BY HASH (customer_id);"
            + "".join(
                f"CREATE TABLE {whole}_{n} PARTITION OF {whole} FOR VALUES WITH (MODULUS 2, REMAINDER {n});"
                for whole in ("parts", "few_parts")
                for n in (0, 1)
            )
            + "ALTER TABLE unanalysed SET (autovacuum_enabled = off);"
            + "ALTER TABLE filled SET (autovacuum_enabled = off);"
            + "".join(
                f"INSERT INTO {table} SELECT i, 'a place with a name of usual length ' || i"
                f" FROM generate_series(1, {rows}) AS s(i);"
                for table, rows in (("visits", 10), ("lots", 30_001), ("parts", 30_001), ("few_parts", 10),
                                    ("unanalysed", 10), ("filled", 300_000))
            )
            + "CREATE MATERIALIZED VIEW kept AS SELECT * FROM lots LIMIT 10; CREATE TABLE logged (LIKE visits);"
            "CREATE RULE log AS ON INSERT TO logged DO ALSO INSERT INTO lots SELECT new.*;"
            "CREATE RULE elsewhere AS ON INSERT TO visits_view DO INSTEAD INSERT INTO lots SELECT new.*;"
            + "ANALYZE kept; ANALYZE visits; ANALYZE lots; ANALYZE parts; ANALYZE few_parts;"
        )  # fmt: skip
        made.bootstrap([dataset(table) for table in TABLES if table != "none"])
        yield made


def store_of(server: Server) -> PostgresStore:
    """Return the store of all tables."""
    return PostgresStore(server.store(), {f"crm.{table}": dataset(table) for table in TABLES}, timeout=10)


async def test_a_table_that_analyze_reads_whole_is_small(server: Server) -> None:
    """Tables and partitioned ones of few rows are small, and views over them; what has more is not.

    A materialised view has rows of its own, and a table those of its own, whatever its rules write to.
    """
    store = store_of(server)
    try:
        found = await store.few([f"crm.{table}" for table in TABLES] + ["other.visits"])
    finally:
        store.close()
    assert found == {f"crm.{each}" for each in ("visits", "visits_view", "few_parts", "unanalysed", "kept", "logged")}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of tables whose size is asked for."""
    names: list[str] = []
    learn = sizes.Sizes.learn

    async def counted(self, connection, datasets):
        names.extend(each.name for each in datasets)
        await learn(self, connection, datasets)

    monkeypatch.setattr(sizes.Sizes, "learn", counted)
    return names


async def test_a_size_is_asked_for_once_a_minute(
    server: Server, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was learnt holds for a minute without a trip; then it is learnt anew, and no statement waits for that."""
    store = store_of(server)
    now = 1_000.0
    monkeypatch.setattr(sizes, "time", SimpleNamespace(monotonic=lambda: now))
    try:
        for _ in range(3):
            assert await store.few(["crm.visits"]) == {"crm.visits"}
        assert asked == ["crm.visits"]
        await asyncio.to_thread(
            server.run, "INSERT INTO visits SELECT i FROM generate_series(1, 40000) AS s(i); ANALYZE visits"
        )
        now += 61
        assert await store.few(["crm.visits"]) == {"crm.visits"}
        await asyncio.gather(*store._settling)
        assert asked == ["crm.visits", "crm.visits"]
        assert await store.few(["crm.visits", "crm.lots"]) == frozenset()
    finally:
        store.close()


async def test_where_nobody_answers_a_table_stays_what_it_was(
    server: Server, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that a server never told about is small; one that it told to be large is not taken for small."""
    store = store_of(server)
    gone = replace(server.store(), location=server.url.replace("sekisho_", "gone_"))
    now = 1_000.0
    monkeypatch.setattr(sizes, "time", SimpleNamespace(monotonic=lambda: now))
    try:
        assert await store.few(["crm.lots"]) == frozenset()
        monkeypatch.setattr(store, "_store", gone)
        for session in list(store._idle):
            session.cut()
        now += 61
        assert await store.few(["crm.lots", "crm.visits", "other.visits"]) == {"crm.visits"}
        assert asked == ["crm.lots"]
    finally:
        store.close()

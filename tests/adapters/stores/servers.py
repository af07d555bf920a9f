"""A PostgreSQL database of a test's own, with a role of the gateway made by its own script."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest
from sqlalchemy import make_url

from sekisho.adapters.stores.postgresql import rights
from sekisho.domain.terms import ColumnType, Dataset, Store, StoreKind

_TYPES = {
    ColumnType.STRING: "text",
    ColumnType.INTEGER: "bigint",
    ColumnType.DOUBLE: "double precision",
    ColumnType.BOOLEAN: "boolean",
    ColumnType.DATE: "date",
    ColumnType.TIMESTAMP: "timestamp",
}
PUBLIC = {"search_path": "public"}  # the administrator may be called like the gateway's schema
_READ: dict[ColumnType, Any] = {ColumnType.DATE: date.fromisoformat, ColumnType.TIMESTAMP: datetime.fromisoformat}


@dataclass(frozen=True)
class Server:
    """One database: as its administrator, and as the gateway."""

    admin: str
    role: str
    url: str

    def store(self, name: str = "crm") -> Store:
        """Return the store that the gateway's role reads."""
        return Store(name, StoreKind.POSTGRESQL, self.url)

    def run(self, sql: str, *arguments: object) -> list[Any]:
        """Run one statement as the administrator."""

        async def ask() -> list[Any]:
            connection = await asyncpg.connect(self.admin, server_settings=PUBLIC)
            try:
                return list(await connection.fetch(sql, *arguments)) if arguments else await _all(connection, sql)
            finally:
                await connection.close()

        return asyncio.run(ask())

    def bootstrap(self, datasets: Sequence[Dataset], name: str = "crm", *, writes: bool = True) -> None:
        """Give the role its rights."""
        store = replace(self.store(name), writes=writes)
        text = rights.script(store, datasets, password=None, connections=40)
        asyncio.run(rights.apply(text, self.admin))

    def load(self, dataset: Dataset, rows: Sequence[Mapping[str, Any]]) -> None:
        """Make the table of *dataset*; every key of a row but ``place`` is a column."""
        names = [name for name in rows[0] if name != "place"]
        types = {column.name: column.type for column in dataset.columns}
        declared = ", ".join(f"{name} {_TYPES[types.get(name, ColumnType.STRING)]}" for name in names)
        readers = {name: _READ.get(types.get(name, ColumnType.STRING)) for name in names}
        records = [
            tuple(
                reader(row[name]) if (reader := readers[name]) and isinstance(row[name], str) else row[name]
                for name in names
            )
            for row in rows
        ]

        async def write() -> None:
            connection = await asyncpg.connect(self.admin, server_settings=PUBLIC)
            try:
                await connection.execute(f"CREATE TABLE {dataset.relation} ({declared})")
                await connection.copy_records_to_table(dataset.relation, records=records, columns=names)
                await connection.execute(f"ANALYZE {dataset.relation}")
            finally:
                await connection.close()

        asyncio.run(write())


async def _all(connection: Any, sql: str) -> list[Any]:
    if sql.lstrip().upper().startswith(("SELECT", "EXPLAIN", "SHOW")):
        return list(await connection.fetch(sql))
    await connection.execute(sql)
    return []


@contextmanager
def database() -> Iterator[Server]:
    """A database with nothing in it; skipped without a server, a failure in CI."""
    given = os.environ.get("SEKISHO_TEST_POSTGRES")
    if given is None:
        if os.environ.get("CI") == "true":
            pytest.fail("SEKISHO_TEST_POSTGRES must name a PostgreSQL server")
        pytest.skip("SEKISHO_TEST_POSTGRES names no PostgreSQL server")
    parts = make_url(given).set(drivername="postgresql")
    name = f"sekisho_store_{uuid.uuid4().hex[:16]}"
    role = f"{name}_gateway"

    def run(*statements: str) -> None:
        async def ask() -> None:
            connection = await asyncpg.connect(parts.render_as_string(hide_password=False))
            try:
                for statement in statements:
                    await connection.execute(statement)
            finally:
                await connection.close()

        asyncio.run(ask())

    run(f"CREATE DATABASE {name}")
    try:
        admin = parts.set(database=name).render_as_string(hide_password=False)
        url = parts.set(database=name, username=role, password=None).render_as_string()
        yield Server(admin, role, url.replace(quote("/", safe=""), "/"))
    finally:
        run(f"DROP DATABASE {name} WITH (FORCE)", f"DROP ROLE IF EXISTS {role}")

"""Databases of the benchmark's own on the server, and logs and workspaces over them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import URL, make_url

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.database import Database, migrate

_PREFIX = "figures_"

RELEASE: dict[str, object] = {
    "action": "query",
    "bytes": 412,
    "columns": {
        "crm.customers.birth_date": "year",
        "crm.customers.customer_id": "pseudonym",
        "crm.customers.member_rank": "clear",
        "crm.customers.prefecture": "clear",
        "crm.customers.signed_up_on": "clear",
    },
    "consent": {"cells": ["recommendation/data_category=profile"], "read_at": 39_580, "seq": 39_580},
    "datasets": ["crm.customers"],
    "decision": "permit",
    "keep_until": "2026-12-22T00:40:46.451091Z",
    "legal_basis": "consent",
    "page": 0,
    "policy": {"revision": "d56d5203209d853b"},
    "purpose": "recommendation",
    "query_fp": "249f3353c697327178d8d30ec242cda9c305e215e9eeb42a6328e722bb1ef860",
    "recipient": "internal",
    "requester": "recommender",
    "rows": 1,
    "stores": ["crm"],
}
"""What the gateway records of a page of one row, its people aside."""


def server() -> URL:
    """Return the server that measures; ``SEKISHO_BENCH_POSTGRES`` goes before that of the tests."""
    given = os.environ.get("SEKISHO_BENCH_POSTGRES") or os.environ["SEKISHO_TEST_POSTGRES"]
    return make_url(given).set(drivername="postgresql")


def text(url: URL) -> str:
    """Return *url* as drivers read it."""
    return url.render_as_string(hide_password=False)


def connect(name: str) -> psycopg.Connection[tuple[object, ...]]:
    """Return a connection to the database *name* that commits each statement."""
    return psycopg.connect(text(server().set(database=_PREFIX + name)), autocommit=True)


def url_of(name: str) -> str:
    """Return where the database *name* is."""
    return text(server().set(database=_PREFIX + name))


def exists(name: str) -> bool:
    """Return whether there is a database *name*."""
    with psycopg.connect(text(server()), autocommit=True) as admin:
        found = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (_PREFIX + name,)).fetchone()
    return found is not None


def make(name: str) -> str:
    """Make the database *name* anew, empty; return where it is."""
    drop(name)
    with psycopg.connect(text(server()), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {_PREFIX}{name}")
    return url_of(name)


def drop(name: str) -> None:
    """Remove the database *name*, if there is one."""
    with psycopg.connect(text(server()), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {_PREFIX}{name} WITH (FORCE)")


@contextmanager
def fresh(name: str) -> Iterator[str]:
    """Yield where a new database *name* is; it is gone afterwards."""
    url = make(name)
    try:
        migrate(url)
        yield url
    finally:
        drop(name)


@asynccontextmanager
async def log_at(url: str, folder: Path) -> AsyncIterator[SqlAuditLog]:
    """Yield a log in the database at *url* that was started, its keys and heads in *folder*."""
    place = folder / "keys"
    keys = FileKeyRing(place) if place.exists() else FileKeyRing.create(place)
    database = Database(url)
    log = SqlAuditLog(database, keys, SystemClock(), folder / "heads")
    await log.start()
    try:
        yield log
    finally:
        await log.close()
        await database.close()

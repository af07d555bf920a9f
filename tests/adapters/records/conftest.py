"""A fresh, migrated database of the gateway's own, on SQLite and, where there is a server, on PostgreSQL."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database, migrate
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.domain.terms import LegalBasis, Purpose

PURPOSES = {
    purpose.name: purpose
    for purpose in (
        Purpose("recommendation", LegalBasis.CONSENT, cells=("purchase", "behaviour")),
        Purpose("lifecycle_email", LegalBasis.CONSENT),
        Purpose("ab_measurement", LegalBasis.LEGITIMATE_INTEREST),
        Purpose("customer_support", LegalBasis.CONTRACT),
    )
}


def postgres_server() -> str:
    """Return the URL of a server on which databases can be made; skip without one, fail in CI."""
    url = os.environ.get("SEKISHO_TEST_POSTGRES")
    if url is None:
        if os.environ.get("CI") == "true":
            pytest.fail("SEKISHO_TEST_POSTGRES must name a PostgreSQL server")
        pytest.skip("SEKISHO_TEST_POSTGRES names no PostgreSQL server")
    return url


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.enable_socket])]
)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with nothing in it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/records.db"
        return
    server = make_url(postgres_server()).set(drivername="postgresql+psycopg")
    name = f"sekisho_test_{uuid.uuid4().hex}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        yield server.set(database=name).render_as_string(hide_password=False)
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        engine.dispose()


@pytest.fixture
def url(empty_url: str) -> str:
    """The URL of a database with the newest schema."""
    migrate(empty_url)
    return empty_url


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """A database with the newest schema."""
    opened = Database(url)
    yield opened
    await opened.close()


@pytest.fixture
def keys(tmp_path: Path) -> FileKeyRing:
    """A real key ring."""
    return FileKeyRing.create(tmp_path / "keys")


@pytest.fixture
def people(database: Database, keys: FileKeyRing) -> PeopleRegistry:
    """The people registry over ``database``."""
    return PeopleRegistry(database, keys)


@pytest.fixture
def ledger(database: Database, keys: FileKeyRing) -> SqlConsentLedger:
    """The consent ledger over ``database``."""
    return SqlConsentLedger(database, PURPOSES, SystemClock(), keys)


@pytest.fixture
async def log(database: Database, keys: FileKeyRing, tmp_path: Path) -> AsyncIterator[SqlAuditLog]:
    """A started log."""
    opened = SqlAuditLog(database, keys, SystemClock(), tmp_path / "heads")
    await opened.start()
    yield opened
    await opened.close()


@pytest.fixture
def tree(database: Database, keys: FileKeyRing, tmp_path: Path) -> AuditTree:
    """Its tree."""
    return AuditTree(database, keys, tmp_path / "tree", tmp_path / "heads")

"""People, ledger, log and tree over a fresh database of the gateway's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import FileKeyRing
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database
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
    """A started log, into which a slow test gets no heartbeat."""
    opened = SqlAuditLog(database, keys, SystemClock(), tmp_path / "heads", heartbeat_seconds=3_600)
    await opened.start()
    yield opened
    await opened.close()


@pytest.fixture
def tree(database: Database, keys: FileKeyRing, tmp_path: Path) -> AuditTree:
    """Its tree."""
    return AuditTree(database, keys, tmp_path / "tree", tmp_path / "heads")

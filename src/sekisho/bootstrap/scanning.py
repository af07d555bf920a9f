"""Composes scans of the stores, reviews of what they found, and the classes in force."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import sekisho.detect
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.scans import SqlColumnRecords
from sekisho.adapters.stores.duckdb_sampling import DuckDbSampling
from sekisho.adapters.stores.sqlite_sampling import SqliteSampling
from sekisho.bootstrap.background import beside, keep_on
from sekisho.detect import columns
from sekisho.domain.terms import Store, StoreKind
from sekisho.ports import AuditLog, Clock, KeyRing
from sekisho.ports.scans import SampledStore
from sekisho.scanning import Classes, ColumnReviews, Scans
from sekisho.scanning.scans import ScanParts
from sekisho.settings import Settings


@dataclass(frozen=True)
class Scanning:
    """Scans, reviews and the classes in force, for as long as a workspace is open."""

    scans: Scans
    reviews: ColumnReviews
    classes: Classes
    every_hours: int | None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow reviews of other workers, and scan on schedule, for as long as this is open."""
        works = [keep_on("classes", self.classes.run)]
        if self.every_hours is not None:
            hours = self.every_hours
            works.append(keep_on("scans", lambda: self.scans.keep_up(hours)))
        async with beside(*works):
            yield

    async def close(self) -> None:
        """Stop what runs in the background."""
        await self.scans.close()


@dataclass(frozen=True)
class OpenedScanning:
    """A workspace of which only scans and reviews are open."""

    settings: Settings
    scanning: Scanning


def scanning_of(settings: Settings, database: Database, audit: AuditLog, clock: Clock, keys: KeyRing) -> Scanning:
    """Return the scans of a workspace, and the classes in force."""
    records, wanted = SqlColumnRecords(database), settings.scan
    classes = Classes(settings.catalogue, records, enforce=wanted.enforce, always=wanted.named)
    parts = ScanParts(
        settings.catalogue,
        sampled(settings.catalogue.stores),
        records,
        audit,
        clock,
        keys,
        columns.classify,
        rules_revision(),
        classes.look,
    )
    reviews = ColumnReviews(lambda: classes.catalogue, records, audit, clock, classes.look)
    return Scanning(Scans(parts), reviews, classes, settings.scan.every_hours)


def sampled(stores: Mapping[str, Store]) -> dict[str, SampledStore]:
    """Return how each of *stores* is looked into."""
    found: dict[str, SampledStore] = {}
    for name, store in stores.items():
        if store.kind is StoreKind.SQLITE:
            found[name] = SqliteSampling(store)
        elif store.kind is StoreKind.DUCKDB:
            found[name] = DuckDbSampling(store)
        else:
            from sekisho.adapters.stores.postgresql.sampling import PostgresSampling  # noqa: PLC0415 - only who has one

            found[name] = PostgresSampling(store)
    return found


@cache
def rules_revision() -> str:
    """Return the version of the rules that judge columns: a digest of the program that does it, and its models."""
    digest = hashlib.sha256()
    for path in sorted(Path(sekisho.detect.__file__).parent.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]

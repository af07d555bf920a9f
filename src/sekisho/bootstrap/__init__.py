"""The composition root: settings become adapters, adapters become a gateway and its faces.

Nothing else in the house knows which adapter stands behind a port.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.held_answers import HeldFiles
from sekisho.adapters.identity import EmbeddedIssuer, EmbeddedKeys, JwksFile, JwtIdentity
from sekisho.adapters.identity.jwks import public_jwk
from sekisho.adapters.identity.oidc import CustomerTokens, SeparateIdentity
from sekisho.adapters.keyring import FileKeyRing, create_keys, open_keys, wrappings_of
from sekisho.adapters.presidio.detector import FreeText
from sekisho.adapters.records.audit import SqlAuditLog
from sekisho.adapters.records.consent_saved import SavedBits
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database, migrate
from sekisho.adapters.records.floor import highest_consent_seq, holds_records
from sekisho.adapters.records.grants import SqlGrants
from sekisho.adapters.records.idempotency import SqlIdempotencyStore
from sekisho.adapters.records.key_epochs import SqlKeyEpochs
from sekisho.adapters.records.notices import SqlNotices
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.adapters.records.shredded import ShreddedPeople
from sekisho.adapters.records.usage import SqlMeter
from sekisho.adapters.records.views import SqlViewCache
from sekisho.adapters.stores.colocated import ColocatedCopies
from sekisho.adapters.stores.duckdb import DuckDbStores
from sekisho.adapters.stores.personal_data import StoredPersonalData
from sekisho.adapters.stores.sqlite import SqliteStore
from sekisho.bootstrap.consents import Composed, compose
from sekisho.bootstrap.exporting import Exporting, exporting
from sekisho.bootstrap.free_text import detector_of
from sekisho.bootstrap.health import probes_of
from sekisho.bootstrap.log_lines import configure_logging as configure_logging
from sekisho.bootstrap.log_lines import keep_statements_out_of_logs
from sekisho.bootstrap.policy import Policies
from sekisho.bootstrap.policy_records import PolicyRecords, records_of, rules_of
from sekisho.bootstrap.scanning import OpenedScanning, Scanning, scanning_of
from sekisho.bootstrap.syncing import StoreSync, servers_of
from sekisho.consents import Consents
from sekisho.consents.parts import Parts
from sekisho.detokenising import Detokenising
from sekisho.domain.identifiers import EMAIL_SHA256
from sekisho.domain.terms import StoreKind
from sekisho.errors import SekishoError, StoreUnavailable, WorkspaceError
from sekisho.gateway import Gateway
from sekisho.ports import DataStore, IdentityProvider, PolicyDecisionPoint
from sekisho.rotation import Rotation
from sekisho.settings import Settings, load

if TYPE_CHECKING:
    from fastapi import FastAPI

    from sekisho.adapters.stores.postgresql import PostgresStore

    StoreAdapter = DuckDbStores | SqliteStore | PostgresStore


@dataclass(frozen=True)
class Workspace:
    """An open workspace: every adapter, the gateway and the use cases over them."""

    settings: Settings
    clock: SystemClock
    keys: FileKeyRing
    epochs: SqlKeyEpochs
    database: Database
    people: PeopleRegistry
    ledger: SqlConsentLedger
    audit: SqlAuditLog
    policy: PolicyDecisionPoint
    policies: Policies
    stores: Mapping[str, StoreAdapter]
    detector: FreeText
    notices: SqlNotices
    gateway: Gateway
    parts: Parts
    composed: Composed
    idempotency: SqlIdempotencyStore
    identity: IdentityProvider
    issuer: EmbeddedIssuer | None
    sync: StoreSync
    policy_records: PolicyRecords
    exporting: Exporting
    scanning: Scanning

    @property
    def consents(self) -> Consents:
        """The use cases of consent."""
        return self.composed.consents

    @property
    def rotation(self) -> Rotation:
        """Begins epochs of keys."""
        return Rotation(self.epochs, self.settings.catalogue, self.audit)

    @property
    def detokenising(self) -> Detokenising:
        """Turns pseudonyms back."""
        return Detokenising(self.gateway, self.people)


def prepare(folder: Path) -> Settings:
    """Read the workspace in *folder*, make its keys and its own database where they are missing.

    Raises ``WorkspaceError`` with every fault of ``sekisho.yaml``.
    """
    settings = load(folder)
    # Consent states, sealed identifiers and audit records lie below: for this account alone.
    (settings.folder / "var").mkdir(mode=0o700, exist_ok=True)
    settings.audit_folder.mkdir(parents=True, exist_ok=True)
    migrate(settings.database_url)
    if not settings.keys_folder.exists():
        if holds_records(settings.database_url):
            raise WorkspaceError(
                f"The keys in {settings.keys_folder} are gone, but the database holds records that need them;"
                " restore the folder from its backup."
            )
        create_keys(settings)
    return settings


@asynccontextmanager
async def open_workspace(folder: Path, *, serving: int = 1) -> AsyncIterator[Workspace]:
    """Open the workspace in *folder* and close it again; *serving* processes share what reads free text.

    Raises
    ------
    WorkspaceError
        When ``sekisho.yaml`` has faults.
    SekishoError
        When a part that must work before anything is released does not.
    """
    keep_statements_out_of_logs()
    settings = prepare(folder)
    clock, keys, database = SystemClock(), open_keys(settings), Database(settings.database_url)
    catalogue = settings.catalogue
    epochs = SqlKeyEpochs(database, keys, wrappings_of(settings, keys), grace=settings.keys.grace_epochs)
    saved = SavedBits(settings.audit_folder, keys)
    ledger = SqlConsentLedger(database, catalogue.purposes, clock, keys, saved=saved)
    shredded = ShreddedPeople(settings.audit_folder, keys)
    people = PeopleRegistry(database, keys, ledger.record_within, shredded)
    notices = SqlNotices(database, ledger, catalogue.purposes)
    audit = SqlAuditLog(database, keys, clock, settings.audit_folder)
    policy = (policies := Policies.of(settings, clock)).cache
    stores = _stores(settings)
    detector = detector_of(settings, keys, serving)
    scanning = scanning_of(settings, database, audit, clock, keys)
    gateway = Gateway(
        catalogue=catalogue,
        policy=policy,
        consents=ledger,
        people=people,
        stores=dict[str, DataStore](stores),
        keys=keys,
        detector=detector,
        audit=audit,
        clock=clock,
        view_cache=SqlViewCache(database, keys, settings.audit_folder / "views"),
        copies=_copies(settings, people, stores),
        rules=cache(partial(rules_of, settings)),
        key_bits=[store for store in stores.values() if not isinstance(store, SqliteStore)],
        small_tables=[store for store in stores.values() if not isinstance(store, DuckDbStores | SqliteStore)],
        held=_held(settings, keys, clock),
        spool=_spool(settings),
        meter=SqlMeter(database, clock),
        epochs=epochs,
        in_force=scanning.classes.current,
        register=SqlGrants(database),
    )
    policy_records = records_of(settings, gateway, policies.point, database, clock)
    parts = Parts(
        catalogue,
        people,
        ledger,
        notices,
        audit,
        keys,
        clock,
        rule_sets=settings.rule_sets,
        identifiers=frozenset({EMAIL_SHA256}),
        pseudonyms=gateway.pseudonymity,
    )
    by_name = {
        name: stores["duckdb" if store.kind is StoreKind.DUCKDB else name] for name, store in catalogue.stores.items()
    }
    personal_data = StoredPersonalData(catalogue.datasets, by_name, people, ledger.linked)
    composed = compose(settings, parts, database, ledger, personal_data=personal_data)
    try:
        await epochs.refresh()  # a data key that cannot be unwrapped is told now, and not to the first who asks
        await audit.start()
        ledger.raise_floor(max(await database.read(highest_consent_seq), composed.floor.read()))
        ledger.raise_floor(await _seen_by_stores(stores))
        await ledger.start()
        await composed.consents.linking.erase_again(await shredded.returned(database))
        await composed.consents.notices.sync()
        gc.freeze()  # what is here by now stays: the collector need not walk through all of it for every import
        yield Workspace(
            settings=settings,
            clock=clock,
            keys=keys,
            epochs=epochs,
            database=database,
            people=people,
            ledger=ledger,
            audit=audit,
            policy=policy,
            policies=policies,
            stores=stores,
            detector=detector,
            gateway=gateway,
            notices=notices,
            parts=parts,
            composed=composed,
            idempotency=SqlIdempotencyStore(database, keys),
            identity=_identity(settings, keys, clock),
            issuer=EmbeddedIssuer(keys, settings.identity, catalogue.requesters, clock)
            if settings.identity.embedded
            else None,
            sync=StoreSync(
                settings, dict(servers_of(settings, stores)), ledger, people, audit, copies_folder(settings)
            ),
            policy_records=policy_records,
            exporting=exporting(settings, audit, composed.tree, clock),
            scanning=scanning,
        )
    finally:
        gc.unfreeze()
        await scanning.close()
        await asyncio.to_thread(detector.close)
        await policy_records.close()
        with suppress(SekishoError):  # the database is gone: what was saved last holds
            composed.floor.save(await ledger.last_seq())
        with suppress(OSError):  # the next start takes longer, that is all
            await ledger.save()
        for store in stores.values():
            store.close()
        await composed.close()
        await policy.close()
        await audit.close()
        await database.close()


@asynccontextmanager
async def open_scanning(folder: Path) -> AsyncIterator[OpenedScanning]:
    """Open what scans and reviews of the workspace in *folder* need, and close it again.

    No store is opened for statements: one that is not what the catalogue says can be scanned, too.
    Raises as :func:`open_workspace`.
    """
    keep_statements_out_of_logs()
    settings = prepare(folder)
    clock, keys, database = SystemClock(), open_keys(settings), Database(settings.database_url)
    audit = SqlAuditLog(database, keys, clock, settings.audit_folder)
    scanning = scanning_of(settings, database, audit, clock, keys)
    try:
        await audit.start()
        await scanning.classes.look()
        yield OpenedScanning(settings, scanning)
    finally:
        await scanning.close()
        await audit.close()
        await database.close()


def _held(settings: Settings, keys: FileKeyRing, clock: SystemClock) -> HeldFiles:
    held = HeldFiles(settings.folder / "var" / "held", keys, clock)
    held.sweep()  # what a killed worker left
    return held


def _identity(settings: Settings, keys: FileKeyRing, clock: SystemClock) -> IdentityProvider:
    services = JwtIdentity(
        settings.identity,
        EmbeddedKeys(keys.token_public_key()) if settings.identity.jwks is None else JwksFile(settings.identity.jwks),
        settings.catalogue.requesters,
        clock,
    )
    customers = settings.customers
    if customers.issuer is None or customers.audience is None or customers.jwks is None:
        return services
    return SeparateIdentity(
        services,
        CustomerTokens(
            issuer=customers.issuer,
            audience=customers.audience,
            keys=JwksFile(customers.jwks),
            clock=clock,
            identifier_claim=customers.identifier_claim,
            algorithms=customers.algorithms,
        ),
    )


def _stores(settings: Settings) -> dict[str, StoreAdapter]:
    stores: dict[str, StoreAdapter] = {}
    for name, store in (catalogue := settings.catalogue).stores.items():
        if store.kind is StoreKind.SQLITE:
            stores[name] = SqliteStore(store, catalogue.datasets)
        elif store.kind is StoreKind.POSTGRESQL:
            from sekisho.adapters.stores.postgresql import PostgresStore  # noqa: PLC0415 - only who has one loads it

            stores[name] = PostgresStore(store, catalogue.datasets)
    files = {name: store for name, store in catalogue.stores.items() if store.kind is StoreKind.DUCKDB}
    if files or len(stores) > 1 or not all(store.writes for store in catalogue.stores.values()):
        # It reads the files, and joins what lies in several stores.
        others = dict[str, DataStore](stores)
        stores["duckdb"] = DuckDbStores(files, catalogue.datasets, copies=copies_folder(settings), others=others)
    return stores


async def _seen_by_stores(stores: Mapping[str, StoreAdapter]) -> int:
    """Return the highest sequence of the ledger that a store with people tables of its own has seen.

    One that does not answer is left out: nothing is released from it either, and its tables never go back.
    """
    seen = 0
    for store in stores.values():
        if not isinstance(store, DuckDbStores | SqliteStore):
            with suppress(StoreUnavailable):
                seen = max(seen, await store.consent_seq())
    return seen


def copies_folder(settings: Settings) -> Path:
    """Return the folder of the copies that ``sekisho stores sync`` writes; it need not exist."""
    return settings.folder / "var" / "colocated"


def _copies(settings: Settings, people: PeopleRegistry, stores: Mapping[str, StoreAdapter]) -> ColocatedCopies | None:
    files, catalogue = stores.get("duckdb"), settings.catalogue
    if not isinstance(files, DuckDbStores):
        return None
    return ColocatedCopies(copies_folder(settings), catalogue.stores, catalogue.datasets, people, files.attach)


def _spool(settings: Settings) -> Path:
    """Return the folder of files without a name, in which rows wait that memory does not hold."""
    (folder := settings.folder / "var" / "spool").mkdir(mode=0o700, exist_ok=True)
    return folder


def build_app(workspace: Workspace) -> FastAPI:
    """Return the ASGI application over an open workspace."""
    from sekisho.http.app import create_app  # noqa: PLC0415 - the command line without a server need not load it
    from sekisho.http.metrics import Metrics  # noqa: PLC0415 - a command that serves nobody needs no web framework
    from sekisho.http.services import HttpSettings, Services  # noqa: PLC0415 - a command that serves nobody needs no web framework

    published = [public_jwk(workspace.keys.token_public_key()), workspace.composed.receipt_key.jwk]
    metrics = Metrics()
    workspace.gateway.costs.watch(metrics.step)
    workspace.policy_records.told = metrics.shadow
    workspace.sync.told = lambda at: metrics.store(at.store, at.seq, at.behind)
    workspace.detector.told = metrics.texts
    workspace.policies.told = lambda loaded: metrics.policies(loaded.revision, refused=loaded.refused is not None)
    return create_app(
        Services(
            gateway=workspace.gateway,
            consents=workspace.consents,
            identity=workspace.identity,
            audit=workspace.audit,
            proofs=workspace.composed.tree,
            witnesses=workspace.composed.witnesses,
            clock=workspace.clock,
            subject_reference=workspace.consents.reading.subject_reference,
            jwks=lambda: {"keys": published},
            idempotency=workspace.idempotency,
            exports=workspace.exporting.jobs,
            rotation=workspace.rotation,
            detokenising=workspace.detokenising,
            scans=workspace.scanning.scans,
            column_reviews=workspace.scanning.reviews,
            health=probes_of(workspace),
            settings=HttpSettings(spool_folder=_spool(workspace.settings)),
            metrics=metrics,
            simulation=workspace.policy_records.simulation,
            remarks=workspace.policies.remarks,
        )
    )

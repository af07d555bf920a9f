"""What ``sekisho check`` looks at, one function for each part of a workspace. Nothing is changed."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import duckdb

from sekisho.adapters.clock import SystemClock
from sekisho.adapters.keyring import open_keys
from sekisho.adapters.records import roles
from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.adapters.records.people import PeopleRegistry
from sekisho.adapters.rego import EmbeddedRego
from sekisho.adapters.stores import colocated, file_rights
from sekisho.adapters.stores.duckdb_locked import CSV_FORM
from sekisho.bootstrap import copies_folder
from sekisho.bootstrap.free_text import try_recognizers
from sekisho.bootstrap.policy import point_of_decision
from sekisho.bootstrap.policy_records import shadow_of
from sekisho.cli.findings_scan import unsettled
from sekisho.cli.findings_servers import errors_and_warnings
from sekisho.domain.provisions import Keeping, least_days
from sekisho.domain.terms import ColumnType, Dataset, Recipient, Store, StoreKind
from sekisho.errors import KeysUnavailable, SekishoError, WorkspaceError
from sekisho.ports import PeopleKeys
from sekisho.settings import FILE_NAME, PolicyEngine, Settings, load

_SAMPLE = 10_000  # lines of a JSON Lines file that are read with their declared types

# Declared SQLite types by the letters that give them their affinity (SQLite, Datatypes, 3.1).
_SQLITE: dict[ColumnType, tuple[str, ...]] = {
    ColumnType.STRING: ("CHAR", "TEXT", "CLOB"),
    ColumnType.INTEGER: ("INT",),
    ColumnType.DOUBLE: ("REAL", "FLOA", "DOUB", "NUM", "DEC", "INT"),
    ColumnType.BOOLEAN: ("BOOL", "INT"),
    ColumnType.DATE: ("DATE", "TEXT", "CHAR"),
    ColumnType.TIMESTAMP: ("TIME", "DATE", "TEXT", "CHAR"),
}
_DUCKDB: dict[ColumnType, tuple[str, ...]] = {
    ColumnType.STRING: ("VARCHAR", "ENUM", "UUID"),
    ColumnType.INTEGER: ("BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT", "UBIGINT", "UINTEGER", "USMALLINT"),
    ColumnType.DOUBLE: ("DOUBLE", "FLOAT", "DECIMAL", "BIGINT", "INTEGER"),
    ColumnType.BOOLEAN: ("BOOLEAN",),
    ColumnType.DATE: ("DATE", "TIMESTAMP"),
    ColumnType.TIMESTAMP: ("TIMESTAMP", "DATE"),
}


class Level(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to mend or to think about; ``part`` is what it is about, ``says`` what and what to do."""

    level: Level
    part: str
    says: str


def findings(folder: Path) -> list[Finding]:
    """Return everything found in the workspace in *folder*, in the order of its parts."""
    try:
        settings = load(folder)
    except WorkspaceError as error:
        return [Finding(Level.ERROR, FILE_NAME, line) for line in error.detail.splitlines()]
    return [
        *_keys(settings),
        *_records(settings),
        *_policies(settings),
        *_shadow(settings),
        *_stores(settings),
        *_servers(settings),
        *_copies(settings),
        *_exposed(settings),
        *_third_parties(settings),
        *_kept_too_briefly(settings),
        *(Finding(Level.WARNING, part, says) for part, says in unsettled(settings)),
        *_recognizers(settings),
    ]


def _recognizers(settings: Settings) -> Iterator[Finding]:
    """Find recognisers of the operator's own that cannot be loaded; a process of its own tries."""
    if settings.detect.recognizers:
        says = try_recognizers(settings)
        if says is not None:
            yield Finding(Level.ERROR, "detect", says)


def _third_parties(settings: Settings) -> Iterator[Finding]:
    """Third parties of which the record of a provision could not say what it must (APPI 29, Rule 20)."""
    for name, requester in settings.catalogue.requesters.items():
        if requester.recipient is not Recipient.THIRD_PARTY:
            continue
        party = requester.party
        if party is None or None in (party.address, party.representative):
            yield Finding(
                Level.WARNING,
                name,
                "the records of what it receives lack who it is; declare name, address and representative of its"
                " `party` (APPI 29)",
            )


def _kept_too_briefly(settings: Settings) -> Iterator[Finding]:
    """Find that records of provisions are pruned before the law lets them go (APPI 29(2), Rule 21)."""
    parties = [
        requester.party
        for requester in settings.catalogue.requesters.values()
        if requester.recipient is Recipient.THIRD_PARTY
    ]
    least = max((least_days(Keeping.EACH if party is None else party.keeping) for party in parties), default=0)
    if settings.audit_keep_days is not None and settings.audit_keep_days < least:
        yield Finding(
            Level.WARNING,
            "audit",
            f"`keep_days` is {settings.audit_keep_days}, and third parties are registered: records of what they"
            f" receive must be kept for {least} days at least (APPI 29)",
        )


def _keys(settings: Settings) -> Iterator[Finding]:
    if not settings.keys_folder.exists():
        yield Finding(
            Level.WARNING, "keys", f"there are none yet; the first start makes them in {settings.keys_folder}"
        )
        return
    try:
        open_keys(settings)
    except (WorkspaceError, KeysUnavailable) as error:
        yield Finding(Level.ERROR, "keys", error.detail)


def _records(settings: Settings) -> Iterator[Finding]:
    kind, _, place = settings.database_url.partition(":///")
    if kind == "sqlite" and not Path(place).exists():
        yield Finding(Level.WARNING, "database", "there is none yet; the first start makes it")
        return

    async def ask() -> list[str]:
        database = Database(settings.database_url)
        try:
            await database.peek("SELECT value FROM ledger_counter WHERE name = 'consent'")
            return await roles.excess(database)
        finally:
            await database.close()

    try:
        for says in asyncio.run(ask()):
            yield Finding(Level.WARNING, "database", says)
    except (DatabaseFailed, ValueError):
        yield Finding(
            Level.ERROR, "database", "the gateway's own records cannot be read; is it there? `sekisho migrate up`"
        )


def _policies(settings: Settings) -> Iterator[Finding]:
    policy = settings.policy
    point = point_of_decision(settings, shared=False)

    async def answers() -> bool:
        try:
            return await point.healthy()
        finally:
            await point.close()

    answering = asyncio.run(answers())
    if policy.engine is PolicyEngine.OPA:
        if not answering:
            yield Finding(
                Level.ERROR,
                "policy",
                "no OPA server answers as is demanded; until one does, nothing is released",
            )
        if policy.keyid is None:
            yield Finding(Level.WARNING, "policy", "no `keyid` is set, so OPA may serve a bundle that nobody signed")
    elif isinstance(point, EmbeddedRego) and not answering:
        yield Finding(Level.ERROR, "policy", point.refused or "the policies do not answer")


def _shadow(settings: Settings) -> Iterator[Finding]:
    """Yield why the shadow policy decides nothing; no request notices."""
    shadow = shadow_of(settings, SystemClock())
    if shadow is None:
        return

    async def answers() -> bool:
        try:
            return await shadow.cache.healthy()
        finally:
            await shadow.cache.close()

    if not asyncio.run(answers()):
        yield Finding(Level.WARNING, "policy", "the shadow policy does not load or answer; it decides nothing")


def _stores(settings: Settings) -> Iterator[Finding]:
    for dataset in settings.catalogue.datasets.values():
        store = settings.catalogue.stores[dataset.store]
        if store.kind is StoreKind.POSTGRESQL:
            continue
        try:
            found = (
                _sqlite_columns(store, dataset) if store.kind is StoreKind.SQLITE else _file_columns(store, dataset)
            )
            yield from _columns(store, dataset, found)
            if store.kind is StoreKind.DUCKDB and _is_json(dataset):
                _read_as_declared(store, dataset)
        except (sqlite3.Error, duckdb.Error, OSError) as error:
            # The engine's own text may quote a value; its class says enough.
            kind = type(error).__name__
            yield Finding(
                Level.ERROR,
                dataset.name,
                f"{dataset.relation} cannot be read in {store.location} ({kind}); is it there?",
            )


def _servers(settings: Settings) -> Iterator[Finding]:
    catalogue = settings.catalogue
    for store in catalogue.stores.values():
        if store.kind is StoreKind.POSTGRESQL:
            datasets = [dataset for dataset in catalogue.datasets.values() if dataset.store == store.name]
            for part, says, must in errors_and_warnings(store, datasets):
                yield Finding(Level.ERROR if must else Level.WARNING, part, says)


def _columns(store: Store, dataset: Dataset, found: dict[str, str]) -> Iterator[Finding]:
    if not found:
        yield Finding(Level.ERROR, dataset.name, f"there is no table {dataset.relation} in {store.location}")
        return
    usable = _SQLITE if store.kind is StoreKind.SQLITE else _DUCKDB
    for column in dataset.columns:
        kind = found.get(column.name)
        if kind is None:
            known = ", ".join(sorted(found))
            yield Finding(Level.ERROR, dataset.name, f"the store has no column {column.name}; it has {known}")
        elif not _is_json(dataset) and not any(word in kind.upper() for word in usable[column.type]):
            yield Finding(
                Level.ERROR,
                dataset.name,
                f"{column.name} is {kind} in the store, and {column.type.value} in {FILE_NAME}; correct its `type`",
            )
    undeclared = sorted(found.keys() - {column.name for column in dataset.columns})
    if undeclared:
        yield Finding(
            Level.WARNING,
            dataset.name,
            f"not declared, so nobody can ask for them: {', '.join(undeclared)}",
        )


def _sqlite_columns(store: Store, dataset: Dataset) -> dict[str, str]:
    uri = f"{Path(store.location).absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        rows = connection.execute("SELECT name, type FROM pragma_table_info(?)", [dataset.relation]).fetchall()
    return {name: kind or "TEXT" for name, kind in rows}


def _file_columns(store: Store, dataset: Dataset) -> dict[str, str]:
    with closing(duckdb.connect()) as connection:
        rows = connection.execute(f"DESCRIBE SELECT * FROM {_source(store, dataset)}").fetchall()
    return {row[0]: str(row[1]) for row in rows}


def _read_as_declared(store: Store, dataset: Dataset) -> None:
    """Read the first lines with the declared types. Raises ``duckdb.Error`` where a value does not fit."""
    words = {
        ColumnType.STRING: "VARCHAR",
        ColumnType.INTEGER: "BIGINT",
        ColumnType.DOUBLE: "DOUBLE",
        ColumnType.BOOLEAN: "BOOLEAN",
        ColumnType.DATE: "DATE",
        ColumnType.TIMESTAMP: "TIMESTAMP",
    }
    types = ", ".join(f"'{column.name}': '{words[column.type]}'" for column in dataset.columns)
    source = _source(store, dataset).removesuffix(")")
    with closing(duckdb.connect()) as connection:
        connection.execute(f"SELECT * FROM {source}, columns = {{{types}}}) LIMIT {_SAMPLE}").fetchall()


def _source(store: Store, dataset: Dataset) -> str:
    pattern = (Path(store.location) / dataset.relation).as_posix().replace("'", "''")
    if _is_json(dataset):
        return f"read_json('{pattern}', format = 'newline_delimited')"
    if dataset.relation.endswith(".csv"):
        return f"read_csv('{pattern}', {CSV_FORM})"
    return f"read_parquet('{pattern}')"


def _is_json(dataset: Dataset) -> bool:
    return dataset.relation.endswith((".jsonl", ".ndjson", ".json"))


def _copies(settings: Settings) -> Iterator[Finding]:
    """Find copies of ``sekisho stores sync`` that are not read, because they say what is no longer so."""
    folder, catalogue = copies_folder(settings), settings.catalogue
    copied = [
        dataset
        for dataset in colocated.eligible(catalogue.stores, catalogue.datasets)
        if (folder / dataset.name).is_dir()
    ]
    if not copied or not settings.keys_folder.exists():
        return

    async def keys() -> dict[str, PeopleKeys]:
        database = Database(settings.database_url)
        try:
            people = PeopleRegistry(database, open_keys(settings))
            kinds = {dataset.data_subject.identifier for dataset in copied if dataset.data_subject is not None}
            return {kind: await people.keys(kind) for kind in kinds}
        finally:
            await database.close()

    try:
        registry = asyncio.run(keys())
    except (SekishoError, ValueError):
        return  # said above already
    for dataset in copied:
        copy = colocated.read_copy(folder, dataset)
        if copy is None:
            why: str | None = "it cannot be read"
        elif copy.identifier not in registry:
            why = "sekisho.yaml describes the dataset otherwise"
        else:
            known = registry[copy.identifier]
            why = colocated.difference(copy, catalogue.stores[dataset.store], dataset, known)
            if why is None and copy.unnumbered and copy.people < len(known.numbers):
                yield Finding(
                    Level.WARNING,
                    dataset.name,
                    f"{copy.unnumbered} rows of its copy were of people not registered then; who of them is by now is"
                    " released after `sekisho stores sync`",
                )
        if why is not None:
            yield Finding(
                Level.WARNING, dataset.name, f"its copy is not used: {why}; `sekisho stores sync` makes a new one"
            )


def _exposed(settings: Settings) -> Iterator[Finding]:
    """Find stores that are open past the gateway, or to change, and passwords that others can read."""
    for name, store in settings.catalogue.stores.items():
        if store.password_file is not None and _is_open(Path(store.password_file)):
            yield Finding(
                Level.WARNING,
                f"store {name}",
                f"other accounts can read its password; chmod 600 {store.password_file}, and change it",
            )
        if store.kind is StoreKind.POSTGRESQL:
            continue
        with suppress(OSError):  # said above already
            for says in file_rights.excess(store, settings.catalogue.datasets.values()):
                yield Finding(Level.WARNING, f"store {name}", says)


def _is_open(secret: Path) -> bool:
    try:
        return bool(secret.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
    except OSError:
        return False  # said above already

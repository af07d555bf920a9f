"""Scanning stores: every table that is there, a sample of every column, a proposal for each.

A scan reads as the gateway's own account, and what it keeps is names, counts and proposals. It is recorded before
the first value is read, and again with what it found.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from sekisho.consents.publications import require_role
from sekisho.detect.columns import ColumnSample
from sekisho.detect.path_keys import ANY, is_personal, without_people
from sekisho.detect.profile import profile_of
from sekisho.domain.classification import Proposal, ReviewState
from sekisho.domain.consent_rules import PRIVACY_OFFICER
from sekisho.domain.keyed_hash import KeyedHash
from sekisho.domain.scans import ColumnPlace, KnownColumn, Profile, Scanned, strictest, top_of
from sekisho.domain.terms import Catalogue, Dataset, Requester, StoreKind
from sekisho.errors import InvalidRequest, NotFound, SekishoError, StoreUnavailable
from sekisho.ports import AuditEntry, AuditLog, Clock, KeyRing
from sekisho.ports.scans import DOCUMENTS, ColumnRecords, FoundTable, SampledColumn, SampledStore, ScanRun, ScanStatus

Classify = Callable[[ColumnSample], Proposal]
"""Says what a column seems to hold, as ``detect.columns.classify``."""
Progress = Callable[[str, float], None]
"""Told what is looked at, and how much is done (0 to 1)."""

SCHEDULE: Final = "schedule"
"""In whose name scheduled scans are made."""
DISTINCT: Final = 1_000
"""Distinct values of a column that are looked at."""

_KIND: Final = "catalog.scan"
_MOST_TOLD: Final = 1_000  # findings, and ungoverned columns, that one result lists
_LOST_AFTER: Final = timedelta(minutes=10)  # without news a scan's process is gone
_STILL: Final = "interrupted"


@dataclass(frozen=True)
class ScanParts:
    """What scanning needs.

    Attributes
    ----------
    catalogue:
        As ``sekisho.yaml`` declares it.
    stores:
        By name; how each is looked into.
    records, audit, clock, keys:
        See ``sekisho.ports``.
    classify:
        The classifier.
    rules:
        Version of its rules: with others, proposals may differ.
    changed:
        Called when classes may have changed.
    """

    catalogue: Catalogue
    stores: Mapping[str, SampledStore]
    records: ColumnRecords
    audit: AuditLog
    clock: Clock
    keys: KeyRing
    classify: Classify
    rules: str
    changed: Callable[[], Awaitable[None]]


@dataclass
class _Result:
    """What a scan found so far."""

    stores: list[dict[str, object]] = field(default_factory=list)
    known: list[KnownColumn] = field(default_factory=list)

    def told(self) -> dict[str, object]:
        governed = [known for known in self.known if known.scanned.governed]
        stale = [known for known in governed if known.state is ReviewState.STALE]
        ungoverned = [known.scanned for known in self.known if not known.scanned.governed]
        return {
            "stores": self.stores,
            "columns": len(self.known),
            "reviewed": sum(known.review is not None for known in governed if known.state is not ReviewState.STALE),
            "unreviewed": sum(known.state is ReviewState.PROPOSED for known in governed),
            "findings": [_finding(known) for known in stale[:_MOST_TOLD]],
            "ungoverned": [
                {"store": each.place.store, "relation": each.place.relation, "column": each.place.name}
                for each in ungoverned[:_MOST_TOLD]
            ],
        }


class Scans:
    """The use cases of scanning."""

    def __init__(self, parts: ScanParts) -> None:
        self._parts = parts
        self._key = KeyedHash(parts.keys.derive("scan-signature"))
        self._running: set[asyncio.Task[ScanRun]] = set()

    async def begin(self, requester: Requester, wanted: Sequence[str] = ()) -> ScanRun:
        """Begin a scan that goes on in the background; return how it stands.

        Raises
        ------
        AccessDenied
            When *requester* is not the privacy officer.
        InvalidRequest
            When *wanted* names something that is neither a store nor a dataset.
        """
        require_role(requester, {PRIVACY_OFFICER})
        run = await self._begin(requester.name, wanted)
        task = asyncio.create_task(self._scan(run, _no_progress))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return run

    async def scan(self, requester: Requester, wanted: Sequence[str] = (), told: Progress | None = None) -> ScanRun:
        """Scan, and return what was found. Raises as :meth:`begin`."""
        require_role(requester, {PRIVACY_OFFICER})
        return await self._scan(await self._begin(requester.name, wanted), told or _no_progress)

    async def find(self, requester: Requester, scan_id: str) -> ScanRun:
        """Return how far a scan is. Raises ``NotFound``, also for who may not see it."""
        found = None if requester.roles.isdisjoint({PRIVACY_OFFICER}) else await self._parts.records.scan(scan_id)
        if found is None:
            raise NotFound("There is no such scan.")
        if found.status is ScanStatus.RUNNING and self._parts.clock.now() - found.updated_at > _LOST_AFTER:
            return replace(found, status=ScanStatus.FAILED, error=_STILL)
        return found

    async def keep_up(self, hours: int) -> None:
        """Scan every so many *hours*, by one worker of all, until cancelled."""
        every = timedelta(hours=hours)
        while True:
            now = self._parts.clock.now()
            run = ScanRun(self._parts.clock.new_id(), SCHEDULE, (), now, now)
            if await self._parts.records.begin(run, unless_since=now - every):
                await self._record_begin(run)
                await self._scan(run, _no_progress)
            await asyncio.sleep(min(60.0, every.total_seconds()))

    async def close(self) -> None:
        """Stop what runs in the background."""
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _begin(self, by: str, wanted: Sequence[str]) -> ScanRun:
        self._wanted(wanted)
        now = self._parts.clock.now()
        run = ScanRun(self._parts.clock.new_id(), by, tuple(dict.fromkeys(wanted)), now, now)
        await self._record_begin(run)
        await self._parts.records.begin(run)
        return run

    async def _record_begin(self, run: ScanRun) -> None:
        fields = {"requester": run.by, "scan": run.id, "wanted": list(run.wanted), "phase": "begin"}
        await self._parts.audit.append(AuditEntry(_KIND, fields))

    def _wanted(self, names: Sequence[str]) -> dict[str, frozenset[str] | None]:
        """Return the stores that *names* mean, each with the datasets that are meant, ``None`` for all of it."""
        stores, datasets = self._parts.catalogue.stores, self._parts.catalogue.datasets
        found: dict[str, frozenset[str] | None] = {}
        for name in names or stores:
            if name in stores:
                found[name] = None
            elif name in datasets:
                store = datasets[name].store
                before = found.get(store, frozenset())
                found[store] = None if before is None else before | {name}
            else:
                raise InvalidRequest("There is no such store or dataset; sekisho.yaml has what can be scanned.")
        return found

    async def _scan(self, run: ScanRun, told: Progress) -> ScanRun:
        result, error = _Result(), None
        wanted = self._wanted(run.wanted)
        try:
            await self._parts.records.rename(self._shown)
            for place, (store, datasets) in enumerate(wanted.items()):
                part = _part(told, place, len(wanted))
                try:
                    columns = await self._store(run, store, datasets, result, part)
                    result.stores.append({"store": store, **columns})
                    error = StoreUnavailable.code if "error" in columns else error
                except StoreUnavailable as fault:
                    result.stores.append({"store": store, "error": fault.code})
                    error = fault.code
        except asyncio.CancelledError:
            await self._end(run, result, _STILL)
            raise
        except SekishoError as fault:
            error = fault.code
        except Exception:  # noqa: BLE001 - its text may hold a value; a scan that ends unnoticed helps nobody
            error = "internal_error"
        return await self._end(run, result, error)

    async def _end(self, run: ScanRun, result: _Result, error: str | None) -> ScanRun:
        status = ScanStatus.FAILED if error is not None else ScanStatus.DONE
        now = self._parts.clock.now()
        ended = replace(run, status=status, error=error, updated_at=now, progress=1.0, result=result.told())
        counts = {"columns": len(result.known), "findings": len(result.told()["findings"])}  # type: ignore[arg-type]
        fields = {"requester": run.by, "scan": run.id, "phase": "end", "status": status.value, **counts}
        await self._parts.audit.append(AuditEntry(_KIND, fields))
        await self._parts.records.update(ended)
        await self._parts.changed()
        return ended

    def _shown(self, place: ColumnPlace) -> str:
        """Return the name under which a column is kept: earlier versions kept keys that are somebody's."""
        shown = without_people(place.name)
        store = self._parts.catalogue.stores.get(place.store)
        if store is None or store.kind is not StoreKind.DUCKDB or not place.relation.endswith(DOCUMENTS):
            return shown
        declared = {
            column.name
            for dataset in self._parts.catalogue.datasets.values()
            if (dataset.store, dataset.relation) == (place.store, place.relation)
            for column in dataset.columns
        }
        if place.top in declared or not is_personal(place.top):
            return shown
        return ANY if shown == place.top else f"{ANY}.{ANY}{shown.removeprefix(place.top)}"

    async def _store(
        self, run: ScanRun, name: str, datasets: frozenset[str] | None, result: _Result, told: Progress
    ) -> dict[str, object]:
        parts, store = self._parts, self._parts.stores[name]
        loose = parts.catalogue.stores[name].kind is not StoreKind.POSTGRESQL
        declared = {d.relation: d for d in parts.catalogue.datasets.values() if d.store == name}
        spelled = {(relation.lower() if loose else relation): dataset for relation, dataset in declared.items()}
        tables = await store.tables(declared)
        columns = 0
        failed: list[str] = []
        for place, table in enumerate(tables):
            dataset = spelled.get(table.relation.lower() if loose else table.relation)
            if datasets is not None and (dataset is None or dataset.name not in datasets):
                continue
            told(f"{name}.{table.relation}", place / len(tables))
            try:
                found = await self._table(name, table, dataset, loose=loose)
            except StoreUnavailable:  # a view that cannot be evaluated, say: one table is not all
                failed.append(table.relation)
                continue
            now = parts.clock.now()
            relation = dataset.relation if dataset is not None else table.relation
            known = await parts.records.keep(name, relation, found, now, parts.clock.new_id)
            columns += len(known)
            result.known += known
            await parts.records.update(replace(run, updated_at=now, progress=min(0.99, (place + 1) / len(tables))))
        if datasets is None:
            there = [declared_as(table.relation, spelled, loose=loose) for table in tables]
            await parts.records.keep_tables(name, there, parts.clock.now())
        told_of: dict[str, object] = {"tables": len(tables), "columns": columns}
        return told_of | ({"failed": failed, "error": StoreUnavailable.code} if failed else {})

    async def _table(self, store: str, table: FoundTable, dataset: Dataset | None, *, loose: bool) -> list[Scanned]:
        relation = dataset.relation if dataset is not None else table.relation
        names = _Names(dataset, loose=loose)
        found = [
            Scanned(ColumnPlace(store, relation, name), *names.said(name), Profile(column.type), None)
            for column in table.columns
            if not column.readable
            for name in (names.of(column.name),)
        ]
        siblings = tuple(names.of(column.name) for column in table.columns)
        shown = dataset.name if dataset is not None else f"{store}.{table.relation}"
        if not any(column.readable for column in table.columns):
            return found
        async with aclosing(self._parts.stores[store].sample(table, DISTINCT)) as groups:
            async for group in groups:
                for name, profile, proposal in await asyncio.to_thread(self._judged, shown, group, siblings, names):
                    place = ColumnPlace(store, relation, name)
                    found.append(Scanned(place, *names.said(name), profile, proposal))
        return found

    def _judged(
        self, dataset: str, group: Sequence[SampledColumn], siblings: tuple[str, ...], names: _Names
    ) -> list[tuple[str, Profile, Proposal]]:
        judged: dict[str, tuple[Profile, Proposal]] = {}
        for column in group:
            name = names.of(column.name)
            sample = ColumnSample(
                dataset,
                name,
                column.type,
                tuple(each for each in siblings if each != name),
                column.values,
                column.rows,
                column.nulls,
                column.distinct,
                column.comment,
            )
            proposal = self._parts.classify(sample)
            judged[name] = profile_of(sample, proposal, rules=self._parts.rules, key=self._key), proposal
        inner: dict[str, list[Proposal]] = {}
        for name, (_, proposal) in judged.items():
            top = top_of(name)
            if name != top and top in judged:
                inner.setdefault(top, []).append(proposal)
        for top, proposals in inner.items():
            judged[top] = judged[top][0], _of_paths(proposals)
        return [(name, profile, proposal) for name, (profile, proposal) in judged.items()]


class _Names:
    """How columns of a table are called: as the catalogue spells them, where it has them."""

    def __init__(self, dataset: Dataset | None, *, loose: bool) -> None:
        self._dataset, self._loose = dataset, loose

    def of(self, path: str) -> str:
        top = top_of(path)
        if self._dataset is None or not self._loose or self._dataset.column(top) is not None:
            return path
        lower = top.lower()
        return lower + path[len(top) :] if self._dataset.column(lower) is not None else path

    def said(self, path: str) -> tuple[str | None, Any, bool]:
        """Return dataset, declared class and whether the column is governed."""
        if self._dataset is None:
            return None, None, False
        column = self._dataset.column(top_of(path))
        declared = None if column is None or column.unreviewed else column.column_class
        return self._dataset.name, declared, column is not None


def declared_as(relation: str, spelled: Mapping[str, Dataset], *, loose: bool) -> str:
    """Return a table's name as the catalogue spells it, where it has it."""
    dataset = spelled.get(relation.lower() if loose else relation)
    return relation if dataset is None else dataset.relation


def _of_paths(proposals: Sequence[Proposal]) -> Proposal:
    """Return the proposal for a column of nested values: it needs what its strictest field needs."""
    column_class = strictest(proposal.column_class for proposal in proposals)
    most = max((p for p in proposals if p.column_class is column_class), key=lambda p: p.confidence)
    return replace(most, factors={"fields": float(len(proposals))}, alternatives=())


def _finding(known: KnownColumn) -> dict[str, object]:
    scanned, proposal = known.scanned, known.scanned.proposal
    return {
        "id": known.id,
        "dataset": scanned.dataset,
        "column": scanned.place.name,
        "declared": None if scanned.declared is None else scanned.declared.value,
        "proposed": None if proposal is None else proposal.column_class.value,
        "kind": None if proposal is None else proposal.kind,
        "drift": [reason.value for reason in known.drift],
    }


def _part(told: Progress, place: int, of: int) -> Progress:
    return lambda what, done: told(what, (place + done) / of)


def _no_progress(_what: str, _done: float) -> None:
    """Tell nobody."""

"""Keeps what stands beside the data up to the ledger and the files: people tables in servers, numbered copies.

``sekisho stores sync`` does it once, :meth:`StoreSync.running` for as long as a service runs. Of the processes
over one workspace folder one does it, by a lock that a killed process lets go; the others look how far it is.
Between machines the locks of the stores themselves see to it that each table has one writer.

A statement needs none of this: it brings its tables up by itself. What is done here is done before it asks.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

import structlog

from sekisho.adapters.stores import colocated
from sekisho.adapters.stores.colocated import Synced
from sekisho.adapters.stores.copy_folder import Interrupt, writing
from sekisho.bootstrap.background import beside
from sekisho.domain.terms import Cell, Dataset, StoreKind
from sekisho.errors import SekishoError
from sekisho.ports import AuditEntry, AuditLog, ConsentViews, PeopleIndex
from sekisho.settings import Settings

if TYPE_CHECKING:
    from sekisho.adapters.stores.postgresql import PostgresStore

_TICK_S = 1.0  # between two looks at the ledger's sequence
_WHOLE_S = 60.0  # after which everything is looked at, events or not: consent ends, files change
_PATIENCE_S = 60.0  # longest pause after failures
_SHARE = 10  # of the time, as 1 / so many, that the work may take
_COPY_SHARE = 20

_log = structlog.get_logger(__name__)


class Ledger(ConsentViews, Protocol):
    """What is asked of the ledger."""

    async def last_seq(self) -> int:
        """Return the sequence of the newest event."""


@dataclass(frozen=True, slots=True)
class Applied:
    """How far a store is: the ledger's sequence that its people tables hold, and how many events it is behind."""

    store: str
    seq: int
    behind: int


@dataclass(slots=True)
class _Rest:
    """Until when a store or a copy is left alone, and how often it failed in a row."""

    until: float = 0.0
    failures: int = 0


@dataclass(eq=False)
class StoreSync:
    """Brings stores up, once or for as long as a service runs.

    Parameters
    ----------
    settings:
        The workspace's.
    servers:
        Its stores that have people tables of their own, by name.
    ledger, people, audit:
        The gateway's own records.
    folder:
        Where the copies lie.
    """

    settings: Settings
    servers: Mapping[str, PostgresStore]
    ledger: Ledger
    people: PeopleIndex
    audit: AuditLog
    folder: Path
    told: Callable[[Applied], None] = field(default=lambda _applied: None)
    """Told of each store after every look; set by who has metrics."""
    _rests: dict[str, _Rest] = field(default_factory=dict, init=False)  # by store or dataset
    _seqs: dict[str, int] = field(default_factory=dict, init=False)  # how far each store was last

    # -- once ----------------------------------------------------------------------------------------

    async def tables(self, store: str, *, anew: bool = True) -> list[str]:
        """Write the people tables of *store*; return the names of those that were written.

        Without *anew* only those that are behind, and nothing is recorded when there are none.
        """
        written = await self.servers[store].synchronise(self.ledger, self.people, self._cells(), anew=anew)
        if written or anew:
            await self.audit.append(AuditEntry("stores.sync", {"store": store, "tables": len(written)}))
        return written

    def copied(self) -> dict[str, Dataset]:
        """Return the datasets that can have a copy, by name."""
        catalogue = self.settings.catalogue
        return {each.name: each for each in colocated.eligible(catalogue.stores, catalogue.datasets)}

    async def copy(self, dataset: Dataset, interrupt: Interrupt | None = None) -> Synced:
        """Bring the copy of *dataset* up; within ``copy_folder.writing``."""
        key = dataset.data_subject
        if key is None:
            return Synced(dataset.name, 0, written=False)
        keys = await self.people.keys(key.identifier)
        store = self.settings.catalogue.stores[dataset.store]
        synced = await asyncio.to_thread(colocated.synchronise, self.folder, store, dataset, keys, interrupt)
        if synced.written:
            await self.audit.append(AuditEntry("stores.sync", {"dataset": dataset.name, "rows": synced.rows}))
        return synced

    # -- for as long as a service runs ---------------------------------------------------------------

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep everything up for as long as this is open; what is under way then is stopped, and left whole."""
        async with beside(self._run()):
            yield

    async def _run(self) -> None:
        seen, whole = -1, -_WHOLE_S
        with _Turn(self.folder.parent / "sync.lock") as turn:
            while True:
                began = time.monotonic()
                due = began - whole >= _WHOLE_S
                try:
                    seq = await self.ledger.last_seq()
                    if seq != seen or due:
                        level = await self._look(seq, mine=turn.take(), files=due)
                        # Another process may be writing, and who failed is tried again: then look once more.
                        seen, whole = seq if level else -1, began if due else whole
                except SekishoError as error:
                    _log.warning("sync", part="ledger", code=error.code)
                except Exception as error:  # noqa: BLE001 - a fault in the background must not end the service
                    _log.error("sync", part="sync", error=type(error).__name__)
                await asyncio.sleep(max(_TICK_S, (time.monotonic() - began) * _SHARE))

    async def _look(self, seq: int, *, mine: bool, files: bool) -> bool:
        """Bring up what is behind, when it is this process's turn, and tell how far each store is.

        Returns whether everything is up. What fails keeps nothing else from being brought up.
        """
        level = True
        for name in self.servers:
            level &= await self._tried(name, self._up(name, seq, mine=mine))
            at = min(self._seqs.get(name, 0), seq)
            self.told(Applied(name, at, seq - at))
            level &= at == seq
        for name, dataset in self.copied().items() if mine and files else ():
            if (self.folder / name).is_dir():  # one that nobody asked for is not begun
                level &= await self._tried(name, self._copied(dataset))
        return level

    async def _up(self, name: str, seq: int, *, mine: bool) -> None:
        if mine:
            await self.tables(name, anew=False)
        applied = await self.servers[name].applied_seq(self._cells())
        self._seqs[name] = seq if applied is None else applied

    async def _copied(self, dataset: Dataset) -> None:
        began = time.monotonic()
        if await self._is_behind(dataset):
            await self._copy_alone(dataset)
            now = time.monotonic()
            self._rests[dataset.name] = _Rest(now + (now - began) * _COPY_SHARE)

    async def _tried(self, part: str, work: Coroutine[None, None, None]) -> bool:
        """Do *work* about a store or dataset, unless that is to be left alone now; return whether it was done."""
        rest = self._rests.get(part, _Rest())
        if time.monotonic() < rest.until:
            work.close()
            return not rest.failures
        try:
            await work
        except SekishoError as error:
            failures = rest.failures + 1
            pause = min(_TICK_S * 2 ** min(failures, 10), _PATIENCE_S)
            self._rests[part] = _Rest(time.monotonic() + pause, failures)
            _log.warning("sync", part=part, code=error.code)
            return False
        if rest.failures and self._rests.get(part) is rest:
            del self._rests[part]
        return True

    def _cells(self) -> frozenset[Cell]:
        """Return every cell that a statement can ask for."""
        return frozenset(
            cell for purpose in self.settings.catalogue.purposes.values() for cell in purpose.all_cells()
        )

    async def _is_behind(self, dataset: Dataset) -> bool:
        key = dataset.data_subject
        copy = await asyncio.to_thread(colocated.read_copy, self.folder, dataset)
        if copy is None or key is None:
            return True
        keys = await self.people.keys(key.identifier)
        if copy.unnumbered and copy.people < len(keys.numbers):
            return True  # some of those rows may be of people who are registered by now
        store = self.settings.catalogue.stores[dataset.store]
        return await asyncio.to_thread(colocated.difference, copy, store, dataset, keys) is not None

    async def _copy_alone(self, dataset: Dataset) -> None:
        interrupt = Interrupt()
        with writing(self.folder, wait=False) as alone:
            if not alone:
                return
            under_way = asyncio.ensure_future(self.copy(dataset, interrupt))
            try:
                await asyncio.shield(under_way)
            except asyncio.CancelledError:
                # The thread cannot be cancelled, and the folder is held until it ends. Its engine forgets that it was
                # told to stop when the next statement begins: it is told until it has.
                while not under_way.done():
                    interrupt.stop()
                    await asyncio.wait({under_way}, timeout=0.05)
                under_way.exception()
                raise


class _Turn:
    """A lock of one process, taken when it is free and kept to the end.

    Parameters
    ----------
    path:
        The lock's file; made when missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = -1
        self._held = False

    def __enter__(self) -> Self:
        self._handle = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self._handle)

    def take(self) -> bool:
        """Return whether it is this process's turn."""
        if not self._held:
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            self._held = True
        return True


def servers_of(settings: Settings, stores: Mapping[str, object]) -> Iterator[tuple[str, PostgresStore]]:
    """Yield the stores that have people tables of their own, by name."""
    if any(store.kind is StoreKind.POSTGRESQL for store in settings.catalogue.stores.values()):
        from sekisho.adapters.stores.postgresql import PostgresStore  # noqa: PLC0415 - only who has one loads it

        declared = settings.catalogue.stores
        yield from (
            (name, store)
            for name, store in stores.items()
            if isinstance(store, PostgresStore) and declared[name].writes
        )

"""Copies of Parquet datasets that carry the person number of each row (``sekisho stores sync``).

A copy has the catalogue's columns and ``__person``, so that the engine need not look a raw key up in the
registry of people for every row; who agrees is still asked of the ledger for every statement. A copy never says
who agreed: nothing in it grows old with consent. It is one Parquet file and, beside it, ``meta.json``, which
says what it was made of: the source files (path, size, time of change), the columns of the catalogue, and the
registry's identifiers (how many, SHA-256). Where one of them says something else now, the copy is not read.

The rows keep the order of their files: rows put together by person would tell a requester who may not see a
key which rows are one person's.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from glob import has_magic
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from sekisho.adapters.stores.copy_folder import Interrupt
from sekisho.adapters.stores.people_table import refresh
from sekisho.domain.governed import NUMBER
from sekisho.domain.terms import Dataset, Store, StoreKind
from sekisho.durable import sync
from sekisho.errors import StoreUnavailable
from sekisho.ports import PeopleIndex, PeopleKeys

_VERSION = 2
_META = "meta.json"
_NOT_PARQUET = (".jsonl", ".ndjson", ".json", ".csv")
_ROW_GROUP = 122_880  # sixty vectors of DuckDB, its own default
_FILES = 4
"""Files of a large copy. Beside marks (``row_marks``) a file is read by one thread, and soonest as a whole."""

Source = tuple[str, int, int]
"""A source file: path below the store's folder, size in bytes, time of change in nanoseconds."""


@dataclass(frozen=True, slots=True)
class Copy:
    """What a copy was made of, as it stands in its ``meta.json``.

    Attributes
    ----------
    dataset, identifier:
        The dataset and the kind of identifier that its data-subject key holds.
    columns:
        Name and type of the catalogue's columns.
    sources:
        The files, sorted.
    people, people_sha256:
        How many identifiers the registry held, and the SHA-256 over them with their numbers.
    data:
        Name and size in bytes of each of the copy's own files, which hold its rows one after another.
    rows:
        Rows in them; as many as in the files.
    unnumbered:
        Rows of somebody whom the registry did not know; nobody's rows, without a key, are not among them.
    """

    dataset: str
    identifier: str
    columns: tuple[tuple[str, str], ...]
    sources: tuple[Source, ...]
    people: int
    people_sha256: str
    data: tuple[tuple[str, int], ...]
    rows: int
    unnumbered: int
    version: int = _VERSION


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of one dataset: rows in its copy, and whether the copy was written anew."""

    dataset: str
    rows: int
    written: bool


# -- what a copy is made of ------------------------------------------------------------------------


def eligible(stores: Mapping[str, Store], datasets: Mapping[str, Dataset]) -> list[Dataset]:
    """Return the datasets that can have a copy: Parquet files with a data-subject key."""
    return [
        dataset
        for dataset in datasets.values()
        if dataset.data_subject is not None
        and stores[dataset.store].kind is StoreKind.DUCKDB
        and not dataset.relation.endswith(_NOT_PARQUET)
    ]


def sources_of(store: Store, dataset: Dataset) -> tuple[Source, ...]:
    """Return the files of *dataset* as they are now. Raises ``OSError`` when one goes meanwhile."""
    folder = Path(store.location)
    found = []
    for path in sorted(folder.glob(dataset.relation)) if has_magic(dataset.relation) else [folder / dataset.relation]:
        state = path.stat()
        found.append((path.relative_to(folder).as_posix(), state.st_size, state.st_mtime_ns))
    return tuple(found)


def people_digest(keys: PeopleKeys, count: int) -> str:
    """Return the SHA-256 over the first *count* identifiers and their numbers: one kind, in order of registration.

    A registry that was restored or made anew may give the same number to somebody else. Then this differs.
    """
    digest = hashlib.sha256(np.ascontiguousarray(keys.numbers[:count], dtype="<i8").tobytes())
    for start in range(0, count, 100_000):
        digest.update(json.dumps(keys.values[start : min(start + 100_000, count)].to_pylist()).encode())
    return digest.hexdigest()


def _columns(dataset: Dataset) -> tuple[tuple[str, str], ...]:
    return tuple((column.name, column.type.value) for column in dataset.columns)


def read_copy(folder: Path, dataset: Dataset) -> Copy | None:
    """Return the copy of *dataset* below *folder*, or ``None`` when there is none that can be understood."""
    place = folder / dataset.name
    try:
        held: dict[str, Any] = json.loads((place / _META).read_text(encoding="utf-8"))
        copy = Copy(
            **held
            | {
                "columns": tuple((str(name), str(kind)) for name, kind in held["columns"]),
                "sources": tuple((str(path), int(size), int(at)) for path, size, at in held["sources"]),
                "data": tuple((str(name), int(size)) for name, size in held["data"]),
            }
        )
        names = all(Path(name).name == name for name, _ in copy.data)
        whole = names and copy.data and all((place / name).stat().st_size == size for name, size in copy.data)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return copy if whole and copy.version == _VERSION else None


def difference(copy: Copy, store: Store, dataset: Dataset, keys: PeopleKeys) -> str | None:
    """Return what keeps *copy* from being read now, or ``None``."""
    if dataset.data_subject is None or copy.dataset != dataset.name:
        return "it is of another dataset"
    if copy.identifier != dataset.data_subject.identifier or copy.columns != _columns(dataset):
        return "sekisho.yaml describes the dataset otherwise"
    if copy.people > len(keys.numbers) or people_digest(keys, copy.people) != copy.people_sha256:
        return "it was made with another registry of people"
    return None if unchanged(copy, store, dataset) else "the files changed since it was made"


def unchanged(copy: Copy, store: Store, dataset: Dataset) -> bool:
    """Return whether the files of *dataset* are those that *copy* was made of."""
    try:
        return sources_of(store, dataset) == copy.sources
    except OSError:
        return False


# -- writing ---------------------------------------------------------------------------------------


def synchronise(
    folder: Path, store: Store, dataset: Dataset, keys: PeopleKeys, interrupt: Interrupt | None = None
) -> Synced:
    """Bring the copy of *dataset* below *folder* up to its files and to *keys*; within :func:`copy_folder.writing`.

    A copy that is as new as both stays. Else new files are written under names of their own, and ``meta.json``
    replaced when they are on the disk: whoever is killed in between leaves the earlier copy in use.

    Raises ``StoreUnavailable`` when the files cannot be copied row by row and type by type.
    """
    place = folder / dataset.name
    place.mkdir(mode=0o700, exist_ok=True)
    held = read_copy(folder, dataset)
    try:
        if held is not None and held.people == len(keys.numbers) and difference(held, store, dataset, keys) is None:
            return Synced(dataset.name, held.rows, written=False)
        copy = _write(place, store, dataset, keys, interrupt or Interrupt())
        temporary = place / f"{_META}.new"
        temporary.write_text(json.dumps(asdict(copy), indent=1), encoding="utf-8")
        temporary.chmod(0o600)
        sync(temporary)
        temporary.replace(place / _META)
        sync(place)
        held = copy
        return Synced(dataset.name, copy.rows, written=True)
    finally:
        for each in place.iterdir():  # earlier copies, and what a killed process left
            if each.is_dir():
                shutil.rmtree(each)
            elif each.name != _META and (held is None or each.name not in dict(held.data)):
                each.unlink()


def remove_others(folder: Path, names: Collection[str]) -> list[str]:
    """Remove the copies of all datasets but *names*; return whose they were."""
    others = sorted(each.name for each in folder.iterdir() if each.is_dir() and each.name not in names)
    for name in others:
        shutil.rmtree(folder / name)
    return others


def _write(place: Path, store: Store, dataset: Dataset, keys: PeopleKeys, interrupt: Interrupt) -> Copy:
    key = dataset.data_subject
    column = dataset.column(key.column) if key is not None else None
    everybody = refresh(None, keys, None, column.type) if column is not None else None
    if key is None or everybody is None or dataset.column(NUMBER) is not None:
        raise StoreUnavailable(f"{dataset.name} names no data subject by a column of its own.")
    people = people_digest(keys, len(keys.numbers))
    try:
        sources = sources_of(store, dataset)
        made_of = json.dumps([_VERSION, dataset.name, key.identifier, _columns(dataset), sources, people])
        target = place / hashlib.sha256(made_of.encode()).hexdigest()[:16]
        files, rows, unnumbered = _copy_rows(target, store, dataset, key.column, everybody.whole, sources, interrupt)
        for file in files:
            file.chmod(0o600)
            sync(file)
        if sources_of(store, dataset) != sources:
            raise StoreUnavailable(f"The files of {dataset.name} changed while they were copied; run it again.")
        data = tuple((file.stem, file.stat().st_size) for file in files)
        for file in files:
            file.replace(place / file.stem)
    except (duckdb.Error, OSError) as fault:
        # The engine's text may print a value; its class says enough.
        raise StoreUnavailable(f"The files of {dataset.name} could not be copied ({type(fault).__name__}).") from None
    return Copy(
        dataset=dataset.name,
        identifier=key.identifier,
        columns=_columns(dataset),
        sources=sources,
        people=len(keys.numbers),
        people_sha256=people,
        data=data,
        rows=rows,
        unnumbered=unnumbered,
    )


def _copy_rows(
    target: Path,
    store: Store,
    dataset: Dataset,
    key: str,
    everybody: pa.Table,
    sources: tuple[Source, ...],
    interrupt: Interrupt,
) -> tuple[list[Path], int, int]:
    """Write the files' rows beside *target*, each with the number that *everybody* (``k``, ``n``) has for its *key*.

    Returns the new files, how many rows there are, and how many of them have a key but no number.
    """
    folder = Path(store.location)
    pattern = (folder / dataset.relation).as_posix()
    with closing(duckdb.connect(config={"temp_directory": f"{target}.spill"})) as engine, interrupt.guarding(engine):
        listed = engine.execute("SELECT file FROM glob(?)", [pattern]).fetchall()
        if {Path(name).relative_to(folder).as_posix() for (name,) in listed} != {path for path, *_ in sources}:
            raise StoreUnavailable(f"DuckDB reads the file pattern of {dataset.name} otherwise; simplify it.")
        columns = ", ".join(f'"{column.name}"' for column in dataset.columns)
        engine.execute(f"CREATE VIEW files AS SELECT {columns} FROM read_parquet({_text(pattern)})")
        engine.register("people", everybody)
        ((count,),) = engine.execute("SELECT count(*) FROM files").fetchall()
        groups = -(-int(count) // _ROW_GROUP) or 1
        step = -(-groups // _FILES) * _ROW_GROUP
        written: list[Path] = []
        for start in range(0, groups * _ROW_GROUP, step):
            written.append(target.with_name(f"{target.name}-{len(written)}.parquet.new"))
            part = f" LIMIT {step} OFFSET {start}" if groups * _ROW_GROUP > step else ""
            engine.execute(
                f'COPY (SELECT t.*, g.n AS "{NUMBER}" FROM (FROM files{part}) AS t'
                f' LEFT JOIN people AS g ON g.k = t."{key}") TO {_text(written[-1].as_posix())}'
                f" (FORMAT parquet, COMPRESSION lz4_raw, ROW_GROUP_SIZE {_ROW_GROUP})"
            )
        names = ", ".join(_text(path.as_posix()) for path in written)
        engine.execute(f"CREATE VIEW written AS SELECT * FROM read_parquet([{names}])")
        before, after = (
            [(name, kind) for name, kind, *_ in engine.execute(f"DESCRIBE {view}").fetchall()]
            for view in ("files", "written")
        )
        rows, copied, unnumbered = (
            int(engine.execute(f"SELECT count(*) FROM {counted}").fetchall()[0][0])
            for counted in ("files", "written", f'written WHERE "{NUMBER}" IS NULL AND "{key}" IS NOT NULL')
        )
    # What may run on withheld rows was judged by the types of the files.
    if after != [*before, (NUMBER, "BIGINT")]:
        raise StoreUnavailable(f"A type of {dataset.name} does not survive being copied.")
    if rows != copied:
        raise StoreUnavailable(f"Two people of the registry have one key of {dataset.name}; it was not copied.")
    return written, rows, unnumbered


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# -- reading ---------------------------------------------------------------------------------------


class ColocatedCopies:
    """The copies of a workspace, as a running service reads them. Implements ``ports.NumberedCopies``.

    A new copy is found without a restart, and a changed source file makes its copy unused at the next
    statement: both are looked at every time, by the times of the files.

    Parameters
    ----------
    folder:
        Folder of all copies; it need not exist.
    stores, datasets:
        Of the catalogue.
    people:
        The registry that the copies must have been made with.
    attach:
        Told a dataset and its copy's files before a statement reads them.
    """

    def __init__(
        self,
        folder: Path,
        stores: Mapping[str, Store],
        datasets: Mapping[str, Dataset],
        people: PeopleIndex,
        attach: Callable[[Dataset, Sequence[Path]], None],
    ) -> None:
        self._folder = folder
        self._datasets = {dataset.name: (stores[dataset.store], dataset) for dataset in eligible(stores, datasets)}
        self._people = people
        self._attach = attach
        self._held: dict[str, tuple[tuple[int, int], Copy | None]] = {}
        self._loading = asyncio.Lock()

    async def usable(self, datasets: Collection[str]) -> frozenset[str]:
        """See ``ports.NumberedCopies.usable``."""
        return frozenset([name for name in datasets if name in self._datasets and await self._usable(name)])

    async def _usable(self, name: str) -> bool:
        store, dataset = self._datasets[name]
        try:
            state = (self._folder / name / _META).stat()
        except OSError:
            return False
        mark = (state.st_ino, state.st_mtime_ns)
        held = self._held.get(name)
        if held is None or held[0] != mark:
            async with self._loading:
                held = self._held.get(name)
                if held is None or held[0] != mark:
                    held = self._held[name] = (mark, await self._load(store, dataset))
        copy = held[1]
        if copy is None:
            return False
        if len(copy.sources) == 1:
            return unchanged(copy, store, dataset)
        return await asyncio.to_thread(unchanged, copy, store, dataset)

    async def _load(self, store: Store, dataset: Dataset) -> Copy | None:
        copy = await asyncio.to_thread(read_copy, self._folder, dataset)
        if copy is None:
            return None
        keys = await self._people.keys(copy.identifier)
        if await asyncio.to_thread(difference, copy, store, dataset, keys) is not None:
            return None
        try:
            paths = [self._folder / dataset.name / name for name, _ in copy.data]
            await asyncio.to_thread(self._attach, dataset, paths)
        except StoreUnavailable:  # gone or damaged meanwhile: the files themselves are read
            return None
        return copy

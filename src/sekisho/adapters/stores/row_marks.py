"""Files whose rows are marked: a statement that asks nobody's key reads them beside one bit for each row.

A join looks the key of every row up. But whose a row is does not change while its file does not. So each row's person
number is read once, from the key or from the copy's column, and kept in memory by the place of the row. For a version
of consent they become marks, and the files are read beside them, place by place (``POSITIONAL JOIN``): no key is read
and nothing is looked up. The marks are made from the statement's own view of consent, so that nothing can be old.

A mark says nothing about a row of another file. So a file must be the very one that was read: its inode, size, time
of change and time of change of the inode, which nobody can set back, are compared before a statement and after each
page of its answer. Files that changed within the last moments are not marked: two changes could bear one time.

The engine reads a file from its beginning under a positional join, and puts no condition below one. That is looked
at in its plan, before a statement runs for the first time (``duckdb_oracle.in_step``).
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sekisho.adapters.stores.colocated import eligible, sources_of
from sekisho.adapters.stores.people_table import refresh
from sekisho.domain.governed import MARKED, NUMBER, Projection
from sekisho.domain.terms import Dataset, Store
from sekisho.errors import ConsentUnavailable, StoreUnavailable
from sekisho.ports import ConsentView, PeopleIndex, PeopleKeys

if TYPE_CHECKING:
    import pyarrow.parquet as pq

LEAST = 100_000
"""Rows from which a dataset's rows are marked; fewer are joined as quickly."""

MOST = 50_000_000
"""Rows of all datasets whose person numbers are kept, four bytes each, and whose marks are, one byte each."""

_FILES = 32  # each is at least one part of a statement
_SETTLED_S = 2.0  # clocks of file systems step by some milliseconds, some by two seconds
_AGAIN = 20  # times as long as reading the keys took, before they are read again for people who came since
_BATCH = 1 << 17
_AT_ONCE = 1 << 16  # so that what NumPy makes of the numbers stays in the processor's cache

State = tuple[str, int, int, int, int, int]
"""A file: path, device, inode, size, time of change of its content, and of its inode, in nanoseconds."""


@dataclass(frozen=True)
class Part:
    """Rows ``low`` to ``high`` of a file, all of it if ``whole``; they are those from ``start`` on of all files."""

    path: str
    low: int
    high: int
    start: int
    whole: bool

    def selected(self, columns: str) -> str:
        """Return the statement that reads *columns* of them."""
        if self.whole:  # to look at the number of each row takes as long as half of an aggregate
            return f"SELECT {columns} FROM {_file(self.path)}"
        return (
            f"SELECT {columns} FROM {_rows_of(self.path)} WHERE file_row_number >= {self.low}"
            f" AND file_row_number < {self.high}"
        )


@dataclass(frozen=True, eq=False)
class Numbered:
    """Whose each row is.

    Attributes
    ----------
    states:
        The files, as they were when they were read.
    parts:
        All their rows, in order.
    numbers:
        For each row 1 + the person number, or 0 for nobody and for somebody whom the registry does not know.
    people:
        Version of the registry, when a row had a key that it does not know; else ``None``.
    again:
        Monotonic time from which on it may be asked for such rows again.
    """

    states: tuple[State, ...]
    parts: tuple[Part, ...]
    numbers: NDArray[np.int32] = field(repr=False)
    people: int | None
    again: float

    @property
    def unchanged(self) -> bool:
        """Whether the files are those that were read."""
        try:
            return all(_state(state[0]) == state for state in self.states)
        except OSError:
            return False


@dataclass(frozen=True, eq=False)
class Marked:
    """A dataset with a mark for each row, as one statement reads it."""

    projection: Projection
    columns: tuple[str, ...]
    numbered: Numbered
    marks: NDArray[np.bool_] = field(repr=False)

    def put_beside(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Make the view that the statement reads, in *cursor*'s own schema."""
        columns = ", ".join(f'"{name}"' for name in self.columns)
        parts = []
        for place, part in enumerate(self.numbered.parts):
            marks = f"{self.projection.table}_{place}"
            end = part.start + part.high - part.low
            cursor.register(marks, {"m": self.marks[part.start : end]})
            parts.append(
                f'SELECT t.* FROM ({part.selected(columns)}) AS t POSITIONAL JOIN {MARKED}."{marks}" AS g WHERE g.m'
            )
        cursor.execute(f'CREATE TEMP VIEW "{self.projection.table}" AS {" UNION ALL ".join(parts)}')

    def look(self) -> None:
        """Raise ``StoreUnavailable`` unless what was read until now is what was marked."""
        if not self.numbered.unchanged:
            raise StoreUnavailable(f"The files of {self.projection.dataset} changed while they were read; ask again.")


class RowMarks:
    """The marks of all datasets of files.

    Parameters
    ----------
    stores, datasets:
        Of the catalogue.
    cursor:
        Opens a connection to the engine.
    threads:
        Of the engine: into as many parts the rows are cut, for each part is read by one.
    timeout:
        Seconds in which a dataset's keys must be read.
    least, settled:
        Rows from which a dataset's are marked, and seconds for which its files must not have changed.
    """

    def __init__(
        self,
        stores: Mapping[str, Store],
        datasets: Mapping[str, Dataset],
        cursor: Callable[[], duckdb.DuckDBPyConnection],
        *,
        threads: int,
        timeout: float,
        least: int = LEAST,
        settled: float = _SETTLED_S,
    ) -> None:
        here = {name: dataset for name, dataset in datasets.items() if dataset.store in stores}
        self._datasets = {dataset.name: (stores[dataset.store], dataset) for dataset in eligible(stores, here)}
        self._cursor = cursor
        self._threads = threads
        self._timeout = timeout
        self._least = least
        self._settled = settled
        self._copies: dict[str, list[str]] = {}
        self._held: dict[tuple[str, bool], tuple[tuple[State, ...], Numbered | None]] = {}
        self._marks: OrderedDict[str, tuple[Numbered, int, NDArray[np.bool_]]] = OrderedDict()
        self._reading = asyncio.Lock()

    def attach(self, name: str, paths: Sequence[Path]) -> None:
        """Remember the files of the copy of a dataset."""
        self._copies[name] = [path.as_posix() for path in paths]

    async def usable(self, name: str, people: PeopleIndex, *, copied: bool) -> bool:
        """Return whether the rows of a dataset, or of its copy, can be marked now; read whose they are if need be."""
        if name not in self._datasets:
            return False
        store, dataset = self._datasets[name]
        key = dataset.data_subject
        if key is None:
            return False
        if has_magic(dataset.relation) and not copied:
            states = await asyncio.to_thread(self._states, store, dataset, copied=copied)
        else:
            states = self._states(store, dataset, copied=copied)
        if states is None:
            return False
        known = await people.keys(key.identifier)
        if self._is_old(name, states, known, copied=copied):
            async with self._reading:
                if self._is_old(name, states, known, copied=copied):
                    found = await asyncio.to_thread(self._read, store, dataset, states, known, copied=copied)
                    self._held[name, copied] = (states, found)
        _, found = self._held[name, copied]
        return found is not None and found.people in (None, known.version)

    def _is_old(self, name: str, states: tuple[State, ...], known: PeopleKeys, *, copied: bool) -> bool:
        held, found = self._held.get((name, copied), ((), None))
        if held != states:
            return True
        return found is not None and found.people not in (None, known.version) and time.monotonic() >= found.again

    async def of(self, projection: Projection, view: ConsentView | None) -> Marked:
        """Return the dataset of *projection*, marked by *view*.

        Raises ``StoreUnavailable`` when its files changed since the statement was planned.
        """
        _, numbered = self._held.get((projection.dataset, projection.copied), ((), None))
        if view is None or not projection.cells:
            raise ConsentUnavailable("Rows are marked by consent alone.")
        if numbered is None or not numbered.unchanged:
            raise StoreUnavailable(f"The files of {projection.dataset} have changed; ask again.")
        held = self._marks.get(projection.table)
        # Never back: whoever came or went since this statement's view is met by its recheck, which reads as far.
        if held is None or held[0] is not numbered or held[1] < view.version:
            held = (numbered, view.version, await _marks(numbered, view))
            self._marks[projection.table] = held
            self._marks.move_to_end(projection.table)
            while len(self._marks) > 1 and sum(len(marks) for *_, marks in self._marks.values()) > MOST:
                self._marks.popitem(last=False)
        columns = tuple(column.name for column in self._datasets[projection.dataset][1].columns)
        return Marked(projection, columns, numbered, held[2])

    def _states(self, store: Store, dataset: Dataset, *, copied: bool) -> tuple[State, ...] | None:
        """Return the files of a dataset, or its copy; ``None`` when they are too many, or changed a moment ago."""
        try:
            if copied:
                paths = self._copies[dataset.name]
            else:
                paths = [(Path(store.location) / path).as_posix() for path, *_ in sources_of(store, dataset)]
            states = tuple(_state(path) for path in paths)
        except (OSError, KeyError):
            return None
        if not 0 < len(states) <= _FILES:
            return None
        settled = time.time_ns() - int(self._settled * 1e9)
        return states if all(max(state[4:]) <= settled for state in states) else None

    def _read(
        self, store: Store, dataset: Dataset, states: tuple[State, ...], known: PeopleKeys, *, copied: bool
    ) -> Numbered | None:
        """Return whose each row is; ``None`` where rows cannot be counted on to lie as they are read."""
        key = dataset.data_subject
        column = dataset.column(key.column) if key is not None else None
        import pyarrow.parquet as pq  # noqa: PLC0415 - nine megabytes that other statements do without; in a thread

        began = time.monotonic()
        try:
            files = [pq.read_metadata(state[0]) for state in states]
            rows = [file.num_rows for file in files]
            others = [found for of, (_, found) in self._held.items() if of != (dataset.name, copied)]
            kept = sum(len(found.numbers) for found in others if found is not None)
            if column is None or not self._least <= sum(rows) <= MOST - kept:
                return None
            with closing(self._cursor()) as cursor:
                watchdog = threading.Timer(self._timeout, cursor.interrupt)
                watchdog.start()
                try:
                    if not copied and not _same(cursor, store, dataset, states):
                        return None
                    if not copied:
                        everybody = refresh(None, known, None, column.type)
                        cursor.register("everybody", everybody.whole if everybody is not None else None)
                    numbers, unknown = _numbers(cursor, states, rows, column.name, copied=copied)
                finally:
                    watchdog.cancel()
        except (duckdb.Error, pa.ArrowException, OSError, ValueError):
            return None
        again = time.monotonic() + _AGAIN * (time.monotonic() - began)
        found = Numbered(
            states, _parts(states, files, self._threads), numbers, known.version if unknown else None, again
        )
        return found if found.unchanged else None


def _state(path: str) -> State:
    found = os.stat(path)  # noqa: PTH116 - on the way of every statement
    return path, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _file(path: str, options: str = "") -> str:
    return "read_parquet('" + path.replace("'", "''") + f"'{options})"


def _rows_of(path: str) -> str:
    return _file(path, ", file_row_number = true")


def _same(cursor: duckdb.DuckDBPyConnection, store: Store, dataset: Dataset, states: tuple[State, ...]) -> bool:
    """Return whether DuckDB finds the same files, each with the columns that the dataset's view has."""
    pattern = (Path(store.location) / dataset.relation).as_posix()
    listed = {name for (name,) in cursor.execute("SELECT file FROM glob(?)", [pattern]).fetchall()}
    if listed != {state[0] for state in states}:
        return False
    schema, table = dataset.name.split(".", 1)
    columns = ", ".join(f'"{column.name}"' for column in dataset.columns)
    wanted = cursor.execute(f'DESCRIBE "{schema}"."{table}"').fetchall()
    return all(
        cursor.execute(f"DESCRIBE SELECT {columns} FROM {_rows_of(state[0])}").fetchall() == wanted
        for state in states
    )


def _numbers(
    cursor: duckdb.DuckDBPyConnection, states: tuple[State, ...], rows: list[int], key: str, *, copied: bool
) -> tuple[NDArray[np.int32], bool]:
    """Return 1 + the person number of each row, and whether a key was not known.

    Raises ``ValueError`` unless each row came exactly once.
    """
    numbers = np.full(sum(rows), -1, np.int32)
    unknown, start = False, 0
    number, join = (f'"{NUMBER}"', "") if copied else ("g.n", f'LEFT JOIN everybody AS g ON g.k = t."{key}"')
    for state, count in zip(states, rows, strict=True):
        asked = (
            f"SELECT file_row_number, CAST(coalesce({number} + 1, 0) AS INTEGER),"
            f' {number} IS NULL AND t."{key}" IS NOT NULL FROM {_rows_of(state[0])} AS t {join}'
        )
        came = 0
        for batch in cursor.sql(asked).to_arrow_reader(_BATCH):
            places, found, strange = (column.to_numpy(zero_copy_only=False) for column in batch.columns)
            if len(places) and not 0 <= int(places.min()) <= int(places.max()) < count:
                raise ValueError("A row lies outside its file.")
            numbers[start + places] = found
            came += len(places)
            unknown = unknown or (not copied and bool(strange.any()))
        if came != count:
            raise ValueError("A key has two people.")
        start += count
    if len(numbers) and int(numbers.min()) < 0:
        raise ValueError("A row did not come.")
    return numbers, unknown


def _parts(states: tuple[State, ...], files: Sequence[pq.FileMetaData], threads: int) -> tuple[Part, ...]:
    """Cut all rows into parts of like size, as many as there are threads or files, between groups of rows."""
    size = -(-sum(file.num_rows for file in files) // threads)
    parts, start = [], 0
    for state, file in zip(states, files, strict=True):
        low = high = 0
        for group in range(file.num_row_groups):
            high += file.row_group(group).num_rows
            if high - low >= size or (group + 1 == file.num_row_groups and high > low):
                parts.append(Part(state[0], low, high, start + low, whole=high - low == file.num_rows))
                low = high
        start += file.num_rows
    return tuple(parts)


async def _marks(numbered: Numbered, view: ConsentView) -> NDArray[np.bool_]:
    """Return for each row whether its person may be read."""
    flags = await asyncio.to_thread(_flags, numbered, view)
    marks = np.zeros(len(numbered.numbers), np.bool_)
    await asyncio.gather(*(asyncio.to_thread(_mark, numbered, part, flags, marks) for part in numbered.parts))
    return marks


def _flags(numbered: Numbered, view: ConsentView) -> NDArray[np.bool_]:
    """Return whether each number of a row may be read; 0 is nobody's."""
    flags = np.zeros(int(numbered.numbers.max(initial=0)) + 1, np.bool_)
    flags[1:] = view.allowed(np.arange(len(flags) - 1, dtype=np.int64))
    return flags


def _mark(numbered: Numbered, part: Part, flags: NDArray[np.bool_], marks: NDArray[np.bool_]) -> None:
    last = part.start + part.high - part.low
    for start in range(part.start, last, _AT_ONCE):
        end = min(start + _AT_ONCE, last)
        flags.take(numbered.numbers[start:end], out=marks[start:end], mode="clip")

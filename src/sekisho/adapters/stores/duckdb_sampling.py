"""Looking into a folder of files (Parquet, CSV, JSON Lines), by a locked-down DuckDB of its own."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, TypeVar

import duckdb

from sekisho.adapters.stores.duckdb_locked import CSV_FORM
from sekisho.adapters.stores.sampling import LONGEST, LONGEST_NESTED, ROWS_A_VALUE, Sampling, groups
from sekisho.detect.path_keys import ANY, is_personal
from sekisho.domain.terms import Dataset, Store
from sekisho.errors import StoreUnavailable
from sekisho.ports.scans import DOCUMENTS, FoundColumn, FoundTable, SampledColumn

_T = TypeVar("_T")

MOST_FILES: Final = 1_000
"""Files and patterns of a store that are tables, besides those that are declared."""

_ENDINGS: Final = (".parquet", ".csv", *DOCUMENTS)
_NESTED: Final = re.compile(r"(STRUCT|MAP|UNION)\(.*|.*\[\d*\]|JSON", re.DOTALL)
_LONG: Final = re.compile(r"(ENUM|STRUCT|UNION)\(.*\)", re.DOTALL)
_SEED: Final = 42
_MEMORY: Final = "256MB"
_WHOLE: Final = 20  # times the rows wanted, up to which a table is read whole


class DuckDbSampling:
    """Implements ``ports.scans.SampledStore`` for a folder.

    Parameters
    ----------
    store:
        The store; its location is the folder.
    timeout:
        Seconds that one query may take.
    """

    def __init__(self, store: Store, *, timeout: float = 60.0) -> None:
        self._store = store
        self._folder = Path(store.location)
        self._timeout = timeout

    async def tables(self, declared: Mapping[str, Dataset]) -> list[FoundTable]:
        """See the port. A declared pattern is one table; every other file is one of its own."""
        return await asyncio.to_thread(self._alone, lambda db: list(self._tables(db, declared)))

    async def sample(self, table: FoundTable, most: int) -> AsyncGenerator[list[SampledColumn]]:
        """See the port."""
        for group in groups(table.columns):
            yield await asyncio.to_thread(self._alone, lambda db, group=group: self._sample(db, table, group, most))

    def _alone(self, work: Callable[[duckdb.DuckDBPyConnection], _T]) -> _T:
        unavailable = StoreUnavailable(f"The store {self._store.name} could not be looked into.")
        try:
            with duckdb.connect(":memory:", config={"threads": 2, "python_enable_replacements": False}) as db:
                db.execute("SET allowed_directories = ?", [[str(self._folder)]])
                for setting in (
                    f"SET memory_limit = '{_MEMORY}'",
                    "SET temp_directory = ''",  # values must not come to lie on a disk
                    "SET autoinstall_known_extensions = false",
                    "SET autoload_known_extensions = false",
                    "SET enable_external_access = false",
                    "SET lock_configuration = true",
                ):
                    db.execute(setting)
                watchdog = threading.Timer(self._timeout, db.interrupt)
                watchdog.start()
                try:
                    return work(db)
                finally:
                    watchdog.cancel()
        except (duckdb.Error, OSError, UnicodeError):
            raise unavailable from None

    def _tables(self, db: duckdb.DuckDBPyConnection, declared: Mapping[str, Dataset]) -> Iterator[FoundTable]:
        for relation in _relations(self._folder, declared):
            try:
                rows = db.execute(f"DESCRIBE SELECT * FROM {self._source(relation)}").fetchall()
            except duckdb.InterruptException:
                raise
            except duckdb.Error:  # no such file, or none that DuckDB reads: one of a store is not all
                continue
            named = _named(relation, [row[0] for row in rows], declared.get(relation))
            columns = [FoundColumn(row[0], _LONG.sub(_shortened, row[1])) for row in rows if row[0] in named]
            if len(columns) < len(rows):
                columns.append(FoundColumn(ANY, "JSON"))
            yield FoundTable(relation, tuple(columns))

    def _sample(
        self, db: duckdb.DuckDBPyConnection, table: FoundTable, columns: tuple[FoundColumn, ...], most: int
    ) -> list[SampledColumn]:
        wanted = most * ROWS_A_VALUE
        source = self._source(table.relation)
        types = {row[0]: row[1] for row in db.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
        nested = [
            column.name for column in columns if column.name == ANY or _NESTED.fullmatch(types.get(column.name, ""))
        ]
        people = types.keys() - {column.name for column in table.columns}
        values = ", ".join(
            _document(sorted(people))
            if column.name == ANY
            else _value(column.name, types.get(column.name, ""), nested)
            for column in columns
        )
        rows = db.execute(f"SELECT {values} FROM (SELECT * FROM {source}) AS t {self._share(db, table, wanted)}")
        sampling = Sampling(columns, most, nested)
        while some := rows.fetchmany(1_000):
            for row in some:
                sampling.add(row)
        return sampling.done()

    def _share(self, db: duckdb.DuckDBPyConnection, table: FoundTable, wanted: int) -> str:
        """Return which rows are read: a reservoir of them, in which every row has the same chance."""
        reservoir = f"USING SAMPLE reservoir({wanted} ROWS) REPEATABLE ({_SEED})"
        if not table.relation.endswith(".parquet"):
            return reservoir
        place = self._place(table.relation)
        counted = db.execute(f"SELECT coalesce(sum(num_rows), 0) FROM parquet_file_metadata('{place}')").fetchone()
        count = 0 if counted is None else counted[0]
        if count <= wanted * _WHOLE:
            return reservoir
        percent = 100.0 * wanted / count
        return f"USING SAMPLE {percent:.6f} PERCENT (bernoulli, {_SEED})"

    def _source(self, relation: str) -> str:
        place = self._place(relation)
        if relation.endswith(".parquet"):
            return f"read_parquet('{place}', union_by_name = true)"
        if relation.endswith(".csv"):  # a phone number is no number: its zero would be lost
            return f"read_csv('{place}', {CSV_FORM}, all_varchar = true)"
        lines = "format = 'newline_delimited', union_by_name = true, map_inference_threshold = -1"
        return f"read_json('{place}', {lines})"

    def _place(self, relation: str) -> str:
        return (self._folder / relation).as_posix().replace("'", "''")


def _named(relation: str, names: Sequence[str], dataset: Dataset | None) -> frozenset[str]:
    """Return the *names* that columns may be called by: a key at the top of a document is a name, too.

    Those that are data, and that nobody declared, are looked at together, as the keys of one document.
    """
    if not relation.endswith(DOCUMENTS):
        return frozenset(names)
    declared = {column.name for column in dataset.columns} if dataset is not None else set()
    return frozenset(name for name in names if name in declared or not (name == ANY or is_personal(name)))


def _document(names: Sequence[str]) -> str:
    fields = ", ".join(f"{_quoted(name)} := t.{_quoted(name)}" for name in names)
    text = f"CAST(to_json(struct_pack({fields})) AS VARCHAR)"
    return f"CASE WHEN length({text}) <= {LONGEST_NESTED} THEN {text} END"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _shortened(found: re.Match[str]) -> str:
    return str(found.group(1))  # the labels of an enumeration are values


def _value(name: str, kind: str, nested: list[str]) -> str:
    column = f"t.{_quoted(name)}"
    if kind in {"BLOB", "BIT"}:
        return "NULL"
    if name in nested:
        text = f"CAST(to_json({column}) AS VARCHAR)"
        return f"CASE WHEN length({text}) <= {LONGEST_NESTED} THEN {text} END"
    text = f"CAST({column} AS VARCHAR)"
    cut = f"left({text}, {LONGEST})"
    if kind != "VARCHAR":
        return cut
    return f"CASE WHEN {text}[1] IN ('{{', '[') AND length({text}) <= {LONGEST_NESTED} THEN {text} ELSE {cut} END"


def _relations(folder: Path, declared: Mapping[str, Dataset]) -> Iterator[str]:
    yield from declared
    seen: set[str] = set()
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder).as_posix()
        if not relative.endswith(_ENDINGS) or not path.is_file():
            continue
        if not path.resolve().is_relative_to(folder.resolve()):
            continue
        if any(fnmatchcase(relative, pattern) for pattern in declared):
            continue
        # The parts of a partitioned table (month=2026-11/…) are one table.
        steps = relative.split("/")
        if any("=" in step for step in steps[:-1]):
            relative = "/".join(["*" if "=" in step else step for step in steps[:-1]] + [f"*{path.suffix}"])
        if relative in seen or re.search(r"['\[\]{}]", relative):
            continue
        seen.add(relative)
        if len(seen) > MOST_FILES:
            return
        yield relative

"""Looking into a SQLite store: read-only, one query for each group of columns, stopped when it takes too long."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

from sekisho.adapters.stores.sampling import LONGEST, LONGEST_NESTED, ROWS_A_VALUE, Sampling, groups
from sekisho.domain.terms import Dataset, Store
from sekisho.errors import StoreUnavailable
from sekisho.ports.scans import FoundColumn, FoundTable, SampledColumn

_T = TypeVar("_T")

_STEP: Final = 20_000  # virtual machine instructions between two looks at the clock
_SPARE: Final = 2  # row ids drawn for each row wanted: some are not there
_TABLES = "SELECT name FROM main.sqlite_master WHERE type IN ('table', 'view') AND substr(name, 1, 7) <> 'sqlite_'"
_READS: Final = frozenset(
    {
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_PRAGMA,
        sqlite3.SQLITE_RECURSIVE,
    }
)


class SqliteSampling:
    """Implements ``ports.scans.SampledStore`` for a database file.

    Parameters
    ----------
    store:
        The store; its location is the file.
    timeout:
        Seconds that one query may take.
    """

    def __init__(self, store: Store, *, timeout: float = 60.0) -> None:
        self._store = store
        self._timeout = timeout

    async def tables(self, declared: Mapping[str, Dataset]) -> list[FoundTable]:  # noqa: ARG002 - the port's
        """See the port."""
        return await asyncio.to_thread(self._alone, _tables)

    async def sample(self, table: FoundTable, most: int) -> AsyncGenerator[list[SampledColumn]]:
        """See the port."""
        for group in groups(table.columns):
            yield await asyncio.to_thread(self._alone, lambda db, group=group: _sample(db, table, group, most))

    def _alone(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        place = f"file:{quote(str(Path(self._store.location)))}?mode=ro"
        ends = time.monotonic() + self._timeout
        try:
            with closing(sqlite3.connect(place, uri=True, isolation_level=None)) as db:
                db.text_factory = lambda raw: raw.decode("utf-8", "replace")
                db.execute("PRAGMA query_only = ON")
                db.execute("PRAGMA trusted_schema = OFF")
                db.set_progress_handler(lambda: 1 if time.monotonic() > ends else 0, _STEP)
                db.set_authorizer(_reads_only)
                return work(db)
        except sqlite3.Error:
            # The engine's own text may print a value.
            raise StoreUnavailable(f"The store {self._store.name} could not be looked into.") from None


def _reads_only(action: int, first: str | None, second: str | None, _db: str | None, _by: str | None) -> int:
    if action == sqlite3.SQLITE_PRAGMA and (first != "table_xinfo" or second is None):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in _READS else sqlite3.SQLITE_DENY


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _tables(db: sqlite3.Connection) -> list[FoundTable]:
    found = []
    for (name,) in db.execute(_TABLES).fetchall():
        rows = db.execute(f"PRAGMA main.table_xinfo({_quoted(name)})").fetchall()
        columns = tuple(FoundColumn(row[1], row[2] or "any") for row in rows if row[6] != 1)  # 1: hidden
        if columns:
            found.append(FoundTable(name, columns))
    return found


def _sample(
    db: sqlite3.Connection, table: FoundTable, columns: tuple[FoundColumn, ...], most: int
) -> list[SampledColumn]:
    wanted = most * ROWS_A_VALUE
    sampling = Sampling(columns, most)
    # Bytes are no text; a text that may be JSON is needed whole.
    values = ", ".join(
        f"CASE typeof(t.{c}) WHEN 'blob' THEN NULL WHEN 'text' THEN"
        f" CASE WHEN substr(t.{c}, 1, 1) IN ('{{', '[') AND length(t.{c}) <= {LONGEST_NESTED} THEN t.{c}"
        f" ELSE substr(t.{c}, 1, {LONGEST}) END ELSE CAST(t.{c} AS TEXT) END"
        for c in (_quoted(column.name) for column in columns)
    )
    for row in _rows(db, f"SELECT {values} FROM main.{_quoted(table.relation)} AS t", table.relation, wanted):
        sampling.add(row)
    return sampling.done()


def _rows(db: sqlite3.Connection, select: str, relation: str, wanted: int) -> list[tuple[Any, ...]]:
    """Return about *wanted* rows from all over the table; the same ones while it does not change."""
    source = f"main.{_quoted(relation)}"
    try:
        low, high = db.execute(f"SELECT min(rowid), max(rowid) FROM {source}").fetchone()
    except sqlite3.Error:  # a table without row ids
        return _thinned(db, select, source, wanted)
    if not isinstance(low, int) or not isinstance(high, int):  # a view, an empty table, or a column of the name
        return _thinned(db, select, source, wanted)
    if high - low < wanted * _SPARE:
        return db.execute(f"{select} LIMIT {wanted * _SPARE}").fetchall()
    draw = random.Random(wanted)  # noqa: S311 - which rows are looked at is no secret
    ids = ", ".join(map(str, sorted({draw.randint(low, high) for _ in range(wanted * _SPARE)})))
    rows = db.execute(f"{select} WHERE t.rowid IN ({ids})").fetchall()
    return rows if len(rows) >= wanted // 2 else _thinned(db, select, source, wanted)


def _thinned(db: sqlite3.Connection, select: str, source: str, wanted: int) -> list[tuple[Any, ...]]:
    (count,) = db.execute(f"SELECT count(*) FROM {source}").fetchone()
    every = max(1, count // wanted)
    return db.execute(f"{select} WHERE abs(random() % {every}) = 0 LIMIT {wanted * 2}").fetchall()

"""The matrix: every consent shape with every expression, on every engine, at any size.

Half of the people agreed. Rows of the others hold values on which every expression fails, rows of those who agreed
hold none. So a statement that ends in an error ran its expression on a withheld row, and the error tells the value.

``python -m tests.attacks.matrix`` (``make matrix``) runs it at 5 million rows; ``test_sql_matrix.py`` at few.
The allow-list is lifted in both: the fence has to hold for what a later allow-list may take, too.
"""

# ruff: noqa: E501, T201 - a statement reads best on its own line; a program prints

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tests.adapters.stores.servers import Server, database
from tests.attacks.matrix_cases import BAD, EXPRESSIONS, FINE, STATEMENTS
from tests.fakes import FakeAuditLog, FakeClock
from tests.query.doubles import ClassPolicy, FakeConsentLedger, FakeDetector, FakeKeys, FakePeople, FakeViews

from sekisho.adapters.stores import colocated, sqlite
from sekisho.adapters.stores.colocated import ColocatedCopies
from sekisho.adapters.stores.copy_folder import writing
from sekisho.adapters.stores.duckdb import DuckDbStores
from sekisho.adapters.stores.postgresql import PostgresStore
from sekisho.adapters.stores.sqlite import SqliteStore
from sekisho.domain.row_filters import AllOf, AnyOf, Comparison, IsNull, Negated, RowFilter
from sekisho.domain.terms import (
    Catalogue,
    Column,
    ColumnClass,
    ColumnType,
    Dataset,
    DataSubjectKey,
    LegalBasis,
    Purpose,
    Requester,
    Store,
    StoreKind,
)
from sekisho.errors import SekishoError
from sekisho.gateway import Gateway
from sekisho.query import oracle, parse, rules
from sekisho.query.dialects import Dialect
from sekisho.release import Ask

FULL = 5_000_000
LARGE = 200_000
ROWS_OF_ONE = 50
FIRST_KEY = 100_000

_NONE = ColumnClass.NONE
CROWD = Dataset(
    "x.lines", "x", "lines",
    (
        Column("customer_id", ColumnType.INTEGER, ColumnClass.DIRECT_IDENTIFIER, category="customer_id"),
        Column("side", ColumnType.STRING, _NONE), Column("text", ColumnType.STRING, _NONE),
        Column("whole", ColumnType.INTEGER, _NONE), Column("part", ColumnType.DOUBLE, _NONE),
        Column("day", ColumnType.STRING, _NONE), Column("doc", ColumnType.STRING, _NONE),
        Column("flag", ColumnType.BOOLEAN, _NONE),
    ),
    DataSubjectKey("customer_id", "customer_id"), "purchase", frozenset({"consent", "law"}),
)  # fmt: skip
PURPOSES = {p.name: p for p in (Purpose("consent", LegalBasis.CONSENT), Purpose("law", LegalBasis.LEGAL_OBLIGATION))}
ANALYST = Requester("analyst", frozenset(PURPOSES))
_FILTER: dict[str, tuple[RowFilter, ...]] = {"x.lines": (Comparison("side", "eq", "in"),)}
_TREE: dict[str, tuple[RowFilter, ...]] = {
    "x.lines": (
        Negated(AnyOf((IsNull("side"), Comparison("side", "in", ("out", "elsewhere"))))),
        AnyOf((Comparison("side", "eq", "in"), AllOf((Comparison("flag", "eq", value=True), IsNull("day"))))),
    )
}
SHAPES: dict[str, tuple[str, Mapping[str, tuple[RowFilter, ...]], str]] = {
    "people table": ("consent", {}, ""),
    "row filter": ("law", _FILTER, ""),
    "tree of row filters": ("law", _TREE, ""),
    "people table and row filter": ("consent", _FILTER, ""),
    "co-located numbers": ("consent", {}, "copy"),
    "co-located numbers and row filter": ("consent", _FILTER, "copy"),
    "marked rows": ("consent", {}, "marks"),
    "marked rows of the copy": ("consent", {}, "marked copy"),
}
"""Purpose, row filter, and what DuckDB reads in the place of the files or beside them."""

_LIFTED_FUNCTIONS = {
    "json_extract", "json_array_length", "json_type", "hex", "zeroblob", "regexp_replace", "json_object_field_text",
    "xml_is_well_formed", "repeat", "chr", "factorial", "array_in", "int4_numeric", "text_cat", "jsonb_exists",
}  # fmt: skip


@dataclass
class Seen:
    """What happened to the cells of one engine."""

    answered: int = 0
    leaked: list[tuple[str, str, str]] = field(default_factory=list)
    odd: list[tuple[str, str, str]] = field(default_factory=list)


class Crowd:
    """One engine's table of many rows behind a gateway. Use as a context manager."""

    def __init__(self, kind: StoreKind, rows: int, folder: Path, server: Server | None = None) -> None:
        self.kind, self.rows, self._server = kind, rows, server
        self._runner = asyncio.Runner()
        people = max(rows // ROWS_OF_ONE, 2)
        numbers = {str(FIRST_KEY + p): 1 + (p * 7919) % people for p in range(people)}
        if len(set(numbers.values())) != people:
            numbers = {str(FIRST_KEY + p): people - p for p in range(people)}
        self._people = FakePeople({"customer_id": numbers})
        agreed = {numbers[str(FIRST_KEY + p)] for p in range(people) if p % 2}
        self._policy = ClassPolicy()
        place = {StoreKind.DUCKDB: folder / "x", StoreKind.SQLITE: folder / "x.db", StoreKind.POSTGRESQL: folder}[
            kind
        ]
        self._location = Store("x", kind, str(place)) if server is None else server.store("x")
        relation = "lines.parquet" if kind is StoreKind.DUCKDB else "lines"
        self.dataset = replace(CROWD, relation=relation)
        getattr(self, f"_fill_{kind.value}")(place, people)
        self.store: Any = self._opened(folder)
        catalogue = Catalogue(
            {"x": self._location}, {CROWD.name: self.dataset}, PURPOSES, {"analyst": ANALYST}, {}, "c1"
        )
        stores = {"duckdb" if kind is StoreKind.DUCKDB else "x": self.store}
        copies = self._copied(folder) if kind is StoreKind.DUCKDB else None
        ports = (
            catalogue, self._policy, FakeConsentLedger({"consent": agreed}), self._people, stores, FakeKeys(),
            FakeDetector(), FakeAuditLog(), FakeClock(), FakeViews(),
        )  # fmt: skip
        self.gateways = {"": Gateway(*ports)}
        if copies is not None:
            self.store._rows._settled = 0.0
            marks = (self.store,)
            self.gateways |= {
                "copy": Gateway(*ports, copies),
                "marks": Gateway(*ports, key_bits=marks),
                "marked copy": Gateway(*ports, copies, key_bits=marks),
            }

    def _opened(self, folder: Path) -> Any:
        datasets = {CROWD.name: self.dataset}
        if self.kind is StoreKind.DUCKDB:
            return DuckDbStores(
                {"x": self._location}, datasets, threads=2, timeout=600, copies=folder / "copies", least_marked=1
            )
        if self.kind is StoreKind.SQLITE:
            return SqliteStore(self._location, datasets, timeout=600)
        return PostgresStore(self._location, datasets, timeout=600)

    def _columns(self, people: int) -> dict[str, Any]:
        places = np.arange(self.rows, dtype=np.int64) % people
        fine = places % 2 == 1
        columns: dict[str, Any] = {"customer_id": places + FIRST_KEY}
        for name, value in FINE.items():
            columns[name] = np.where(fine, np.array(value), np.array(BAD[name]))
        columns["flag"] = np.arange(self.rows) % 3 == 0
        return columns

    def _fill_duckdb(self, place: Path, people: int) -> None:
        place.mkdir()
        columns = {name: pa.array(values) for name, values in self._columns(people).items()}
        pq.write_table(pa.table(columns), place / self.dataset.relation)

    def _fill_sqlite(self, place: Path, people: int) -> None:
        with sqlite3.connect(place) as db:
            db.execute(
                "CREATE TABLE lines (customer_id INTEGER, side TEXT, text TEXT, whole INTEGER, part REAL, day TEXT,"
                " doc TEXT, flag INTEGER)"
            )
            columns = self._columns(people)
            for start in range(0, self.rows, 200_000):
                part = [values[start : start + 200_000].tolist() for values in columns.values()]
                db.executemany("INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?, ?, ?)", zip(*part, strict=True))
        db.close()

    def _fill_postgresql(self, _place: Path, people: int) -> None:
        assert self._server is not None
        values = ", ".join(
            f"CASE WHEN i % {people} % 2 = 1 THEN {v!r} ELSE {BAD[n]!r} END AS {n}" for n, v in FINE.items()
        )
        for sql in (
            f"CREATE TABLE lines AS SELECT {FIRST_KEY} + i % {people} AS customer_id, {values}, i % 3 = 0 AS flag FROM generate_series(0::bigint, {self.rows - 1}) AS s(i)",
            "ALTER TABLE lines ALTER part TYPE double precision",
            "ANALYZE lines",
        ):
            self._server.run(sql)
        self._server.bootstrap([self.dataset], "x")

    def _copied(self, folder: Path) -> ColocatedCopies:
        with writing(folder / "copies"):
            keys = self._runner.run(self._people.keys("customer_id"))
            colocated.synchronise(folder / "copies", self._location, self.dataset, keys)
        return ColocatedCopies(
            folder / "copies", {"x": self._location}, {CROWD.name: self.dataset}, self._people, self.store.attach
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None
    ) -> None:
        if isinstance(self.store, PostgresStore):
            self._runner.run(_settled(self.store))
        self.store.close()
        self._runner.close()

    def ask(self, shape: str, sql: str) -> int:
        """Return the one number that *sql* asks for. Raises the gateway's refusal."""
        purpose, filters, reads = SHAPES[shape]
        self._policy.filters = dict(filters)
        return self._runner.run(self._ask(self.gateways[reads], Ask(purpose, sql)))

    @staticmethod
    async def _ask(gateway: Gateway, ask: Ask) -> int:
        release = await gateway.query(ANALYST, ask)
        rows = [row async for page in release.pages() for row in page.batch.column(0).to_pylist()]
        return int(rows[0])

    def run(
        self, statements: tuple[str, ...], expressions: dict[str, str], tell: Callable[[str], None] = lambda _: None
    ) -> Seen:
        """Ask every cell; a cell that ends in an error leaked."""
        seen = Seen()
        for gateway in self.gateways.values():
            gateway.statements._known.clear()
        for shape, (_, _, reads) in SHAPES.items():
            if reads not in self.gateways:
                continue
            before = len(seen.leaked)
            for form in statements:
                for name, expression in expressions.items():
                    try:
                        count = self.ask(shape, STATEMENTS[form].format(expression))
                    except SekishoError as fault:
                        (seen.leaked if "could not evaluate" in str(fault) else seen.odd).append((shape, form, name))
                    else:
                        seen.answered += 1
                        if not 0 <= count <= self.rows // 2 + ROWS_OF_ONE:
                            seen.leaked.append((shape, form, name))
            tell(f"  {self.kind.value:10} {shape:35} {len(seen.leaked) - before} leaked")
        return seen


async def _settled(store: PostgresStore) -> None:
    await asyncio.gather(*store._settling)


@contextmanager
def allow_lists_lifted() -> Iterator[None]:
    """Take every construct and function, and let the second oracles see no fault in a function."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(parse, "check", return_value=None))
        stack.enter_context(mock.patch.object(sqlite, "_FUNCTIONS", sqlite._FUNCTIONS | _LIFTED_FUNCTIONS))
        stack.enter_context(mock.patch.object(oracle, "FUNCTIONS", oracle.FUNCTIONS | _LIFTED_FUNCTIONS))
        yield


REMOVED: dict[str, tuple[object, str, Callable[..., object]]] = {
    "fence": (Dialect, "fence", lambda _self, select: select),
    "judgement of expressions": (rules, "leak_proof", lambda *_: True),
}
"""What keeps a planner from moving an expression; the matrix leaks without either."""


@contextmanager
def crowd(kind: StoreKind, rows: int) -> Iterator[Crowd]:
    """A table of *rows* rows in an engine."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sekisho-matrix-")))
        server = stack.enter_context(database()) if kind is StoreKind.POSTGRESQL else None
        yield stack.enter_context(Crowd(kind, rows, folder, server))


def main() -> int:
    """Run the matrix and print what leaked; 1 when anything did, or when nothing does without the fence."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--rows", type=int, default=FULL)
    given.add_argument("--engine", choices=[kind.value for kind in EXPRESSIONS])
    options = given.parse_args()
    held = True
    for kind, expressions in EXPRESSIONS.items():
        if options.engine not in {None, kind.value}:
            continue
        with crowd(kind, options.rows) as built, allow_lists_lifted():
            began = time.monotonic()
            forms = tuple(STATEMENTS)[: 1 if options.rows > LARGE else None]
            fenced = built.run(forms, expressions, _say)
            cells = fenced.answered + len(fenced.leaked) + len(fenced.odd)
            print(
                f"{kind.value}: {cells} cells at {options.rows} rows, fenced: {len(fenced.leaked)} leak, {len(fenced.odd)} end otherwise"
            )
            for cell in [*fenced.leaked, *fenced.odd]:
                print("   ", *cell, sep=" | ")
            held &= not fenced.leaked and not fenced.odd
            for guard, (target, name, instead) in REMOVED.items():
                if guard != "fence" and options.rows > LARGE:
                    continue  # it switches the fence off: the same cells once more
                with mock.patch.object(target, name, instead):
                    bare = built.run(forms, expressions, _say)
                which = {name for _, _, name in bare.leaked}
                print(
                    f"{kind.value}: without the {guard}: {len(bare.leaked)} of {cells} leak, by {len(which)} of {len(expressions)} expressions"
                )
                print("    never:", ", ".join(sorted(set(expressions) - which)) or "-")
                held &= bool(bare.leaked)
            print(f"{kind.value}: {time.monotonic() - began:.0f} s", flush=True)
    return 0 if held else 1


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())

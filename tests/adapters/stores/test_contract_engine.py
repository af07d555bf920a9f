"""What every store does, whatever its engine, second half: rights, settings, types, faults, lost connections.

Statements here are handed to the store as if the rewriter had made them, and as if the second oracle had seen nothing
in them, so that what holds is the engine's own lock-down.
"""

# ruff: noqa: E501, ISC004, PT008 - a statement reads best on its own line; patches that take no arguments lie

from __future__ import annotations

import asyncio
import hashlib
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sekisho.adapters.stores import duckdb as duckdb_store
from sekisho.adapters.stores import sqlite as sqlite_store
from sekisho.adapters.stores.duckdb import DuckDbStores
from sekisho.adapters.stores.postgresql import PostgresStore, oracle, session
from sekisho.adapters.stores.sqlite import SqliteStore
from sekisho.domain.access import TransformKind
from sekisho.domain.governed import GovernedQuery, Output
from sekisho.domain.terms import Column, ColumnClass, ColumnType, Dataset, Store, StoreKind
from sekisho.errors import SekishoError, StatementRefused, StoreUnavailable
from tests.adapters.stores.bench import CLEAR, ROWS, Bench, agreeing, settled
from tests.adapters.stores.servers import database
from tests.query.rows import ARROW

_PHYSICAL = {
    StoreKind.DUCKDB: '"pos"."order_lines"',
    StoreKind.SQLITE: '"main"."tickets"',
    StoreKind.POSTGRESQL: '"public"."tickets"',
}


@contextmanager
def oracle_off() -> Iterator[None]:
    """Let every statement pass the second oracles."""
    with (
        mock.patch.object(duckdb_store, "_tables", lambda _tree: set()),
        mock.patch.object(DuckDbStores, "_parse", lambda *_: {}),
        mock.patch.object(sqlite_store, "_authorise", lambda *_: 0),
        mock.patch.object(oracle, "check", lambda *_: None),
    ):
        yield


def handed_over(bench: Bench, sql: str, *outputs: str) -> GovernedQuery:
    """Return *sql* as a governed statement without people."""
    columns = tuple(Output(name, None, TransformKind.CLEAR) for name in outputs or ("x",))
    return replace(bench.governed(ROWS), sql=sql, outputs=columns, hidden=0, projections=(), parameters={})


# -- rights ----------------------------------------------------------------------------------------

_EVERYBODYS = tempfile.gettempdir()  # where a server's process could write, too
_WRITES = {
    "DELETE": "DELETE FROM {t}",
    "UPDATE": "UPDATE {t} SET {c} = 0",
    "INSERT": "INSERT INTO {t} SELECT * FROM {t}",
    "DROP": "DROP TABLE {t}",
    "ALTER": "ALTER TABLE {t} ADD COLUMN x int",
    "CREATE beside it": "CREATE TABLE {s}.x AS SELECT 1 AS x",
    "CREATE INDEX": "CREATE INDEX x ON {t} ({c})",
    "a file": "COPY (SELECT 1 AS x) TO '{d}/sekisho-contract.csv'",
    "another database": "ATTACH '{d}/sekisho-contract.db' AS other",
}


@pytest.mark.parametrize("what", _WRITES)
def test_the_engine_itself_writes_nothing(bench: Bench, what: str) -> None:
    """Where all else failed, the connection or the role may not write: the data stay as they are."""
    table = _PHYSICAL[bench.kind]
    sql = _WRITES[what].format(t=table, c=CLEAR[bench.kind], s=table.split(".")[0], d=_EVERYBODYS)
    before = _digest(bench)
    if (bench.kind, what) in {(StoreKind.SQLITE, "another database"), (StoreKind.DUCKDB, "CREATE beside it")}:
        pytest.skip("memory of the connection's own, where the people tables stand: the oracle alone keeps it")
    with oracle_off(), pytest.raises(SekishoError):
        bench.batches(handed_over(bench, sql), None)
    assert _digest(bench) == before
    assert not list(Path(_EVERYBODYS).glob("sekisho-contract*"))
    assert bench.people(bench.governed(ROWS), bench.view()) <= agreeing()


def _digest(bench: Bench) -> object:
    if bench.server is not None:
        return bench.server.run("SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM tickets t")
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(bench.folder.rglob("*"))
        if path.is_file()
    }


def test_what_the_catalogue_does_not_name_is_out_of_reach(bench: Bench) -> None:
    """A column of the table that no dataset names cannot be read through the governed relation."""
    table = _PHYSICAL[bench.kind] if bench.kind is not StoreKind.SQLITE else '"main"."customers"'
    column = '"password"' if bench.kind is not StoreKind.POSTGRESQL else '"ctid"::text'
    query = handed_over(bench, f"SELECT {column} AS x FROM {table}")
    if bench.kind is StoreKind.DUCKDB:  # the view has no such column, whatever the oracle says
        with oracle_off(), pytest.raises(SekishoError):
            bench.batches(query, None)
    else:
        with pytest.raises(SekishoError):
            bench.batches(query, None)


# -- settings --------------------------------------------------------------------------------------


def test_settings_are_pinned_and_read_back(bench: Bench) -> None:
    """What a connection is set to is what the engine says of it, at the moment a statement runs."""
    asked, wanted = {
        StoreKind.DUCKDB: (
            "SELECT current_setting('enable_external_access')::varchar || current_setting('lock_configuration')::varchar"
            " || current_setting('autoload_known_extensions')::varchar || current_setting('autoinstall_known_extensions')"
            "::varchar || current_setting('python_enable_replacements')::varchar AS x",
            "falsetruefalsefalsefalse",
        ),
        StoreKind.SQLITE: ("SELECT trusted_schema || '' AS x FROM pragma_trusted_schema", "0"),
        StoreKind.POSTGRESQL: (
            "SELECT string_agg(name || '=' || setting, ';' ORDER BY name) AS x FROM pg_catalog.pg_settings WHERE name IN"
            f" ({', '.join(repr(name) for name in session.SETTINGS)})",
            ";".join(
                f"{name}={value}" for name, value in sorted(session.SETTINGS.items(), key=lambda i: i[0].lower())
            ),
        ),
    }[bench.kind]
    with oracle_off():
        (batch,) = bench.batches(handed_over(bench, asked), None)
    told = str(batch.column(0)[0].as_py())
    assert sorted(told.split(";")) == sorted(wanted.split(";"))


_RESET = {
    StoreKind.DUCKDB: ["SET enable_external_access = true", "SET lock_configuration = false", "RESET memory_limit"],
    StoreKind.SQLITE: [],
    StoreKind.POSTGRESQL: ["SET search_path = public", "SET ROLE NONE", "RESET ALL", "SET LOCAL row_security = off"],
}


def test_no_statement_changes_a_setting(bench: Bench) -> None:
    """SET is no statement of a page: it has no answer, and the next statement finds the settings as they were."""
    for sql in _RESET[bench.kind]:
        with oracle_off(), pytest.raises(SekishoError):
            bench.batches(handed_over(bench, sql), None)
    test_settings_are_pinned_and_read_back(bench)


# -- types -----------------------------------------------------------------------------------------

_S, _I, _F, _B, _D, _T = (
    ColumnType.STRING, ColumnType.INTEGER, ColumnType.DOUBLE, ColumnType.BOOLEAN, ColumnType.DATE, ColumnType.TIMESTAMP,
)  # fmt: skip
TYPED = Dataset(
    "x.typed", "x", "typed",
    tuple(Column(name, kind, ColumnClass.NONE) for name, kind in zip("sifbdt", (_S, _I, _F, _B, _D, _T), strict=True)),
    None, None, frozenset(),
)  # fmt: skip
VALUES: list[dict[str, Any]] = [
    {"s": "関所 ' \" \\ \t🛂", "i": 2**63 - 1, "f": 1.7976931348623157e308, "b": True, "d": date(2026, 11, 22), "t": datetime(2026, 11, 22, 23, 59, 59, 999_999)},  # noqa: DTZ001 - stores hold naive instants
    {"s": "", "i": -(2**63), "f": -0.1, "b": False, "d": date(1, 1, 1), "t": datetime(1900, 1, 1)},  # noqa: DTZ001
    {"s": None, "i": None, "f": None, "b": None, "d": None, "t": None},
]  # fmt: skip


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=[pytest.mark.postgres, pytest.mark.enable_socket])
        if kind is StoreKind.POSTGRESQL
        else kind
        for kind in StoreKind
    ],
    ids=[kind.value for kind in StoreKind],
)
def test_every_type_of_the_catalogue_comes_as_it_was_stored(kind: StoreKind, tmp_path: Path) -> None:
    """Text, the widest numbers, truth values, dates, instants and nulls keep their values."""
    got = asyncio.run(_round_trip(kind, tmp_path))
    wanted = VALUES
    if kind is StoreKind.SQLITE:  # it has no type for days: ISO 8601 texts
        wanted = [row | {"d": row["d"] and row["d"].isoformat()} for row in VALUES]
    assert got == wanted


async def _round_trip(kind: StoreKind, folder: Path) -> list[dict[str, Any]]:
    dataset = replace(TYPED, relation="typed.parquet") if kind is StoreKind.DUCKDB else TYPED
    place = '"x"."typed"' if kind is StoreKind.DUCKDB else '"main"."typed"'
    texts = [row | {c: row[c] and row[c].isoformat() for c in "dt"} for row in VALUES]
    if kind is StoreKind.DUCKDB:
        columns = {c.name: pa.array([row[c.name] for row in VALUES], ARROW[c.type]) for c in TYPED.columns}
        pq.write_table(pa.table(columns), folder / "typed.parquet")
        stores: Any = DuckDbStores({"x": Store("x", kind, str(folder))}, {"x.typed": dataset}, timeout=20)
        return await _rows_of(stores, kind, place)
    if kind is StoreKind.SQLITE:
        with sqlite3.connect(folder / "x.db") as db:
            db.execute("CREATE TABLE typed (s TEXT, i INTEGER, f REAL, b INTEGER, d TEXT, t TEXT)")
            db.executemany("INSERT INTO typed VALUES (:s, :i, :f, :b, :d, :t)", texts)
        db.close()
        return await _rows_of(SqliteStore(Store("x", kind, str(folder / "x.db")), {"x.typed": dataset}), kind, place)

    def made() -> Any:
        held = database()
        server = held.__enter__()
        server.load(dataset, texts)
        server.bootstrap([dataset], "x")
        return held, server

    held, server = await asyncio.to_thread(made)
    try:
        store = PostgresStore(server.store("x"), {"x.typed": dataset}, timeout=20)
        return await _rows_of(store, kind, '"public"."typed"')
    finally:
        await asyncio.to_thread(held.__exit__, None, None, None)


async def _rows_of(store: Any, kind: StoreKind, place: str) -> list[dict[str, Any]]:
    columns = ", ".join(f'"t"."{c.name}" AS "{c.name}"' for c in TYPED.columns)
    table = {StoreKind.DUCKDB: "x.typed", StoreKind.SQLITE: "typed", StoreKind.POSTGRESQL: "public.typed"}[kind]
    query = GovernedQuery(
        engine=kind, stores=("x",), sql=f'SELECT {columns} FROM {place} AS "t"', parameters={},
        outputs=tuple(Output(c.name, c.type, TransformKind.CLEAR) for c in TYPED.columns), hidden=0, rowwise=True,
        projections=(), reads=frozenset((table, c.name) for c in TYPED.columns), order_by_token=False, fingerprint="",
    )  # fmt: skip
    nobody: Any = None
    try:
        return [row async for batch in store.fetch(query, None, nobody, page_rows=2) for row in batch.to_pylist()]
    finally:
        if isinstance(store, PostgresStore):
            await settled(store)
        store.close()
        await asyncio.sleep(0.05)  # in which the loop lets go of the sockets


# -- faults ----------------------------------------------------------------------------------------

_FAULTS = {
    StoreKind.DUCKDB: [
        "SELECT CAST('NGvalue' AS INT) AS x", "SELECT CAST('NGvalue' AS DATE) AS x", "SELECT error('NGvalue') AS x",
        "SELECT NGcolumn AS x", "SELECT 1 AS x FROM NGtable", "SELECT NGfunction(1) AS x", "SELEC NGsyntax",
        "SELECT 9223372036854775807 + length('NGvalue') AS x", "SELECT x FROM read_csv('/NGfile') t(x)",
    ],
    StoreKind.SQLITE: [
        "SELECT abs(-9223372036854775807 - (length('NGvalue') > 0)) AS x", "SELECT json('NGvalue') AS x", "SELECT NGcolumn AS x",
        "SELECT 1 AS x FROM NGtable", "SELECT NGfunction(1) AS x", "SELEC NGsyntax", "SELECT zeroblob(99999999999) AS x",
        "SELECT 1 AS x; SELECT 'NGtwo'",
    ],
    StoreKind.POSTGRESQL: [
        "SELECT CAST('NGvalue' AS INT) AS x", "SELECT CAST('NGvalue' AS DATE) AS x", "SELECT 1 / length('') AS x", "SELECT NGcolumn AS x",
        "SELECT 1 AS x FROM NGtable", "SELECT NGfunction(1) AS x", "SELEC NGsyntax", "SELECT 9223372036854775807 + length('NGvalue') AS x",
        "SELECT 1 AS x; SELECT 'NGtwo'", "SELECT secret AS x FROM hidden", "SELECT pg_read_file('/NGfile') AS x",
        "SELECT ('NGvalue')::json::text AS x",
    ],
}  # fmt: skip


def test_faults_are_codes_without_words(bench: Bench) -> None:
    """Whatever fails in an engine becomes one of our errors: no value, name, path or text of the engine, nor a cause."""
    for sql in _FAULTS[bench.kind]:
        with oracle_off(), pytest.raises(SekishoError) as caught:
            bench.batches(handed_over(bench, sql), None)
        told = f"{caught.value} {caught.value.args} {vars(caught.value)}"
        assert not re.search(r"NG[a-z]|syntax error|does not exist|permission denied|/tmp|LINE 1", told)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
        assert isinstance(caught.value, StatementRefused | StoreUnavailable)
    assert bench.people(bench.governed(ROWS), bench.view()) <= agreeing()


# -- connections -----------------------------------------------------------------------------------

_SLOW = "SELECT count(*) AS n FROM {0} a, {0} b, {0} c, {0} d, {0} e WHERE a.customer_id = b.customer_id"


def test_who_goes_away_holds_no_place(bench: Bench) -> None:
    """A caller that is cancelled stops its statement; more of them than there are places leave the store usable."""
    slow, quick, view = bench.governed(_SLOW), bench.governed(ROWS), bench.view()

    async def leave() -> None:
        async def read() -> None:
            async for _ in bench.store.fetch(slow, view, bench.world.people, page_rows=10):
                pass

        for _ in range(10):
            asked = asyncio.ensure_future(read())
            await asyncio.sleep(0.05)
            asked.cancel()
            with pytest.raises((asyncio.CancelledError, SekishoError)):
                await asked
        if bench.postgres is not None:
            await settled(bench.postgres)

    bench.world._runner.run(leave())
    assert bench.people(quick, view) == agreeing()


def test_lost_connections_are_made_anew(bench: Bench) -> None:
    """After every connection was cut from outside at most one answer for each fails; then all is as before."""
    query, view = bench.governed(ROWS), bench.view()

    async def many() -> list[Any]:
        async def one() -> int:
            rows = 0
            async for batch in bench.store.fetch(query, view, bench.world.people, page_rows=10):
                rows += batch.num_rows
            return rows

        return await asyncio.gather(*(one() for _ in range(6)), return_exceptions=True)

    before = bench.world._runner.run(many())
    assert len(set(before)) == 1
    if bench.server is not None:
        bench.server.run(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{bench.server.role}'"
        )
    elif bench.kind is StoreKind.SQLITE:
        for connection in bench.store._idle:
            connection.db.close()
    else:
        bench.store._versions.clear()  # as a store that forgot what it wrote
    for _ in range(2):
        assert all(isinstance(one, int | SekishoError) for one in bench.world._runner.run(many()))
    assert bench.world._runner.run(many()) == before


def test_a_withdrawal_counts_for_all_that_start_later(bench: Bench) -> None:
    """Answers at once, each asked after a withdrawal, hold none of those who withdrew before it was asked."""
    query, ledger = bench.governed(ROWS), bench.world.consents
    gone = sorted(agreeing())[:8]

    async def ask(view: Any) -> set[int]:
        found: set[int] = set()
        async for batch in bench.store.fetch(query, view, bench.world.people, page_rows=10):
            found |= set(batch.column(1).to_pylist())
        return found

    async def all_at_once() -> None:
        asked = []
        for place, number in enumerate(gone, start=1):
            ledger.withdraw("recommendation", number)
            asked.append((set(gone[:place]), asyncio.ensure_future(ask(await ledger.view(("recommendation",))))))  # type: ignore[arg-type]
            await asyncio.sleep(0)
        for withdrawn, answer in asked:
            assert not withdrawn & await answer

    bench.world._runner.run(all_at_once())

"""A database and a workspace of its own for each part of the benchmark, and many people's decisions in it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import create_engine, make_url

from sekisho.bootstrap import open_workspace
from sekisho.demo.workspace import build_workspace
from sekisho.domain.terms import LegalBasis, Purpose
from sekisho.settings import load

CUSTOMERS = 500
"""The demonstration's own people; those that are put beside them have the numbers that follow."""

CELLS = 12
_ROOT = Path("var/bench-consent")
_BLOCK = 100_000  # people whose rows one statement inserts
_FILLERS = 3  # connections that fill
_DAY = 86_400_000_000
_END = 1_893_456_000_000_000  # 2030-01-01, from which on a yes may end


Insert = tuple[str, Sequence[object] | Mapping[str, object]]
"""A statement and its parameters."""


@dataclass(frozen=True)
class Place:
    """A workspace in *folder* whose own records are in the database at *url*, and a connection to it."""

    folder: Path
    url: str

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """Return a connection that commits each statement and does not wait for the disk."""
        connection = psycopg.connect(make_url(self.url).set(drivername="postgresql").render_as_string(False))
        connection.autocommit = True
        connection.execute("SET synchronous_commit = off")
        return connection

    def purposes(self) -> dict[str, Purpose]:
        """Return the purposes of the workspace that ask people."""
        held = {LegalBasis.CONSENT, LegalBasis.LEGITIMATE_INTEREST}
        return {name: one for name, one in load(self.folder).catalogue.purposes.items() if one.legal_basis in held}

    def cells(self) -> list[str]:
        """Return the first twelve cells that people are asked for."""
        return [
            str(cell)
            for purpose in self.purposes().values()
            if purpose.legal_basis is LegalBasis.CONSENT
            for cell in purpose.all_cells()
        ][:CELLS]


@contextmanager
def place(name: str, fill: Callable[[Place], None], *, keep: bool) -> Iterator[Place]:
    """Yield a place that *fill* has filled; it is gone afterwards, unless *keep*: then the next call finds it."""
    server = make_url(os.environ["SEKISHO_TEST_POSTGRES"]).set(drivername="postgresql+psycopg")
    database, folder = f"sekisho_bench_{name}", _ROOT / name
    made = Place(folder, server.set(database=database).render_as_string(hide_password=False))
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    drop = f"DROP DATABASE IF EXISTS {database} WITH (FORCE)"
    filled = folder.with_suffix(".filled")
    try:
        if not (keep and filled.exists()):
            filled.unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            with engine.connect() as connection:
                connection.exec_driver_sql(drop)
                connection.exec_driver_sql(f"CREATE DATABASE {database}")
            build_workspace(folder, customers=CUSTOMERS, records=made.url)
            fill(made)
            filled.touch()
        yield made
    finally:
        if not keep:
            filled.unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            with engine.connect() as connection:
                connection.exec_driver_sql(drop)
        engine.dispose()


def rebuilt(made: Place, table: str, inserts: Iterable[Insert], *, logged: bool = False) -> None:
    """Run *inserts* into *table* over several connections, its keys and indexes taken off and built again after.

    Unless *logged*, the table writes no WAL from then on: no read can tell, and its filling is quicker. Foreign keys
    are not built again.
    """
    with made.connect() as connection:
        keys = connection.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass"
            " AND contype IN ('p', 'u', 'f') ORDER BY contype DESC",
            (table,),
        ).fetchall()
        for name, _ in keys:
            connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        indexes = connection.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s", (table,))
        others = indexes.fetchall()
        for name, _ in others:
            connection.execute(f"DROP INDEX {name}")
        if not logged:
            connection.execute(f"ALTER TABLE {table} SET UNLOGGED")

    def run(insert: Insert) -> None:
        with made.connect() as own:
            own.execute(*insert)

    with ThreadPoolExecutor(_FILLERS) as pool:
        list(pool.map(run, inserts))
    with made.connect() as connection:
        connection.execute("SET maintenance_work_mem = '1GB'")
        for name, definition in keys:
            if not str(definition).startswith("FOREIGN KEY"):
                connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
        for _, definition in others:
            connection.execute(str(definition))
        # As autovacuum would leave it; else the first read of all sets the hint bits of every row.
        connection.execute(f"VACUUM (FREEZE, ANALYZE) {table}")


def decided(made: Place, people: int, *, logged: bool = False) -> None:
    """Let *people* decide in twelve cells: three of four agree, one of five of the agreements has an end.

    Rows of one person stand side by side, as when people answer one form. The ends differ, over three years.
    The people are not in the registry: a worker's start reads the projection and the counters, no person.
    """
    given = (
        "INSERT INTO consent_state (number, cell, state, seq, since, valid_until, notice_version)"
        " SELECT n, cell, CASE WHEN n %% 4 = 0 THEN 'refused' ELSE 'given' END, 1, 1600000000000000 + n * 977,"
        f" CASE WHEN n %% 5 = 0 AND n %% 4 > 0 THEN {_END} + (n * 7919 + place * 104729) %% 1095 * {_DAY}"
        " + n %% 86399 * 1000003 END, '1' FROM generate_series(%s::bigint, %s::bigint) n,"
        " unnest(%s::text[]) WITH ORDINALITY AS asked (cell, place) ORDER BY n, place"
    )
    first, last, cells = CUSTOMERS + 1, CUSTOMERS + people, made.cells()
    blocks = [(low, min(low + _BLOCK - 1, last), cells) for low in range(first, last + 1, _BLOCK)]
    rebuilt(made, "consent_state", [(given, block) for block in blocks], logged=logged)
    with made.connect() as connection:
        connection.execute("UPDATE ledger_counter SET value = %s WHERE name = 'data_subject'", (last,))


def agreeing(people: int) -> int:
    """Return how many of the people of :func:`decided` agree in each cell."""
    return sum(1 for number in range(CUSTOMERS + 1, CUSTOMERS + people + 1) if number % 4)


def registered(made: Place, people: int) -> None:
    """Register *people*, as customers c0, c1 and so on."""

    async def register() -> None:
        async with open_workspace(made.folder) as workspace:
            for low in range(0, people, _BLOCK):
                values = [f"c{number}" for number in range(low, min(low + _BLOCK, people))]
                await workspace.people.register("customer_id", values)

    asyncio.run(register())

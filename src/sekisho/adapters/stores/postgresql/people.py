"""The people tables in a PostgreSQL store, one for all workers of the gateway.

``sekisho.applied`` says for each table what stands in it, and is written in the same transaction: the ledger's
sequence, the hash of the registry, and a bit for everybody who is listed, with their hash. Workers count versions of
consent each for themselves; these they can compare.

A statement looks at it in its own snapshot. Whoever is listed and may not be read by the statement's view travels
with it and is left out: so a withdrawal costs no write. When somebody may be read who is not listed yet, or too many
have gone, the table is brought up first, by its difference, by one writer at a time, and never back.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from sekisho.adapters.stores.postgresql.inspection import SCHEMA, quoted
from sekisho.adapters.stores.postgresql.members import Difference, Differences, Listed, Wanted, listed_of
from sekisho.adapters.stores.postgresql.session import Session
from sekisho.domain.terms import ColumnType
from sekisho.errors import ConsentUnavailable, StoreUnavailable

OVERLAY = 10_000
"""How many people who withdrew may travel with a statement."""

SOON = 500
"""From how many on the table is brought up besides."""

_CHUNK = 1 << 20  # bytes of a COPY that are handed over at once
_AGAIN = "Consent changed while the statement was prepared; ask again."

APPLIED = f"{SCHEMA}.applied"
"""What stands in each people table."""

_MAKE_APPLIED = f"""CREATE TABLE IF NOT EXISTS {APPLIED} (
  projection text PRIMARY KEY, identifier text NOT NULL, cells text[] NOT NULL,
  people bigint NOT NULL, people_sha256 bytea NOT NULL,
  consent bigint NOT NULL, members bigint NOT NULL, members_sha256 bytea NOT NULL, listed bytea NOT NULL)"""
_COLUMNS = "projection, identifier, cells, people, people_sha256, consent, members, members_sha256"
_SAY = f"""INSERT INTO {APPLIED} ({_COLUMNS}, listed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (projection) DO UPDATE SET people = excluded.people, people_sha256 = excluded.people_sha256,
  consent = excluded.consent, members = excluded.members, members_sha256 = excluded.members_sha256,
  listed = excluded.listed"""
_SEEN = f"UPDATE {APPLIED} SET consent = $2 WHERE projection = $1 AND consent < $2"
_LISTED = f"SELECT listed FROM {APPLIED} WHERE projection = $1"
HELD = f"SELECT {_COLUMNS} FROM {APPLIED} WHERE projection = ANY ($1::text[])"
"""What the people tables ``$1`` hold; read it in the snapshot of the statement that joins them."""


@dataclass
class Judged:
    """What the people tables of a statement lack.

    Attributes
    ----------
    given:
        The parameters that make up for what they lack: numbers of those who withdrew.
    late:
        Those that must be brought up before the statement can run.
    soon:
        Those that should be brought up besides.
    """

    given: dict[str, object] = field(default_factory=dict, repr=False)
    late: list[Wanted] = field(default_factory=list)
    soon: list[Wanted] = field(default_factory=list)


class PeopleTables:
    """Brings the people tables of one store up.

    Parameters
    ----------
    store:
        Name of the store, for messages.
    """

    def __init__(self, store: str) -> None:
        self._store = store
        self._listed: dict[str, Listed] = {}
        self._differences = Differences()
        self._locks: dict[str, asyncio.Lock] = {}
        self._held: dict[str, Mapping[str, Any]] = {}

    async def as_before(
        self, session: Session, wanted: Sequence[Wanted], takes: Mapping[str, object]
    ) -> tuple[dict[str, object], list[Mapping[str, Any]]] | None:
        """Return what the tables lack if they hold what they held last time, and what that was, to be compared.

        ``None`` when a statement could not run so. *takes* are its parameters.
        """
        held = [self._held[each.table] for each in wanted if each.table in self._held]
        if len(held) < len(wanted):
            return None
        try:
            judged = await self._judged(session, wanted, takes, {row["projection"]: row for row in held})
        except ConsentUnavailable:
            return None  # what stands there now may be another matter
        return None if judged.late or judged.soon else (judged.given, held)

    async def judge(self, session: Session, wanted: Sequence[Wanted], takes: Mapping[str, object]) -> Judged:
        """Return what the tables lack of what is *wanted*, in the snapshot that *session* is in.

        *takes* are the parameters of the statement. Raises ``ConsentUnavailable`` when a table is so much newer than
        the statement's view that what came since would not fit beside the statement.
        """
        rows = await (await session.prepared(HELD)).fetch([each.table for each in wanted])
        held = {row["projection"]: row for row in rows}
        self._held |= held
        return await self._judged(session, wanted, takes, held)

    async def _judged(
        self,
        session: Session,
        wanted: Sequence[Wanted],
        takes: Mapping[str, object],
        held: Mapping[str, Mapping[str, Any]],
    ) -> Judged:
        judged = Judged()
        for each in wanted:
            row = held.get(each.table)
            if row is None or row["people_sha256"] != each.known.sha256:
                judged.late.append(each)
                continue
            if each.view is None:
                continue
            listed = await self._read_listed(session, each, row)
            if listed is None:
                judged.late.append(each)
                continue
            lacks = await self._differences.between(listed, each)
            newer = row["consent"] > each.seq
            # At one sequence only the end of a consent changes who agrees: fewer people are later.
            grants = bool(len(lacks.come)) and row["consent"] < each.seq
            fits = len(lacks.gone) <= OVERLAY and (not len(lacks.gone) or each.projection.withdrawn in takes)
            if newer and not fits:
                raise ConsentUnavailable(_AGAIN)
            if grants or not fits:
                judged.late.append(each)
                continue
            judged.given[each.projection.withdrawn] = lacks.gone.tolist()
            if len(lacks.gone) >= SOON and not newer:
                judged.soon.append(each)
        return judged

    async def _read_listed(self, session: Session, wanted: Wanted, row: Mapping[str, Any]) -> Listed | None:
        """Return who stands in the table of which *row* tells; ``None`` when what is written there is not so."""
        listed = self._listed.get(wanted.table)
        if listed is not None and listed.sha256 == row["members_sha256"]:
            return listed
        written = await (await session.prepared(_LISTED)).fetchval(wanted.table)
        listed = Listed.of(np.frombuffer(written or b"", np.uint8))
        if listed.sha256 != row["members_sha256"]:
            return None
        self._listed[wanted.table] = listed
        return listed

    async def bring_up(self, session: Session, wanted: Wanted, *, anew: bool = False) -> bool:
        """Make the table hold what is *wanted*, unless it does or holds what followed; *anew*: also then.

        Returns whether rows were written. None are either when the table was written with identifiers that came
        later: then the caller reads the registry again. Raises ``StoreUnavailable`` when the role may not write the
        gateway's own schema, ``ConsentUnavailable`` when the server does not take what is newer, or consent went on
        meanwhile in a way that an older view cannot follow.
        """
        async with self._locks.setdefault(wanted.table, asyncio.Lock()):
            connection = session.connection
            try:
                await connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
                # The caller's own deadline ends the wait for another writer, and a first COPY of all people.
                await connection.execute("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0")
                await connection.fetchval("SELECT pg_advisory_xact_lock($1)", _lock_number(wanted.table))
                listed = await self._apply(session, wanted, anew=anew)
                await connection.execute("COMMIT")
            except (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidSchemaNameError):
                if wanted.table in self._listed:
                    raise ConsentUnavailable(
                        f"The store {self._store} is too far behind the ledger, and the gateway may no longer write"
                        f" there; look at: sekisho stores bootstrap {self._store}."
                    ) from None
                raise StoreUnavailable(
                    f"The store {self._store} has no schema {SCHEMA} that the gateway may write its people tables"
                    f" into; make it by: sekisho stores bootstrap {self._store}."
                ) from None
            except asyncpg.PostgresError:
                raise ConsentUnavailable(
                    f"The store {self._store} could not be told of newer decisions, so that nothing is read from it."
                ) from None
            if listed is not None:
                self._listed[wanted.table] = listed
            return listed is not None

    async def _apply(self, session: Session, wanted: Wanted, *, anew: bool) -> Listed | None:
        """Write what is lacking, and say what stands there then; ``None`` when nothing is."""
        connection, known = session.connection, wanted.known
        if await connection.fetchval("SELECT to_regclass($1)", APPLIED) is None:
            # Two writers of two tables may both be the first.
            await connection.fetchval("SELECT pg_advisory_xact_lock($1)", _lock_number("applied"))
            await connection.execute(_MAKE_APPLIED)
        row = await connection.fetchrow(HELD, [wanted.table])
        there = await connection.fetchval("SELECT to_regclass($1)", quoted(SCHEMA, wanted.table)) is not None
        count = len(known.keys.values)
        since: int | None = None  # identifiers from this place on came since the table was written
        listed: Listed | None = None
        if row is not None and there:
            since = count if row["people_sha256"] == known.sha256 else known.earlier.get(row["people_sha256"])
            if not anew and since is None and row["people"] > known.keys.version:
                return None
            if row["consent"] > wanted.seq:
                if since == count and not anew:
                    return None
                raise ConsentUnavailable(_AGAIN)
            if since is not None and not anew:
                listed = await self._read_listed(session, wanted, row)
        if row is None or since is None or listed is None:
            after = await asyncio.to_thread(listed_of, wanted)
            changed = await self._write_whole(connection, wanted, there=there)
        else:
            lacks = await self._differences.between(listed, wanted)
            if row["consent"] == wanted.seq:  # whoever is missing and not new has ended since
                lacks = Difference(lacks.gone, lacks.come[np.isin(lacks.come, known.keys.numbers[since:])])
            if not lacks and since == count:
                await connection.execute(_SEEN, wanted.table, wanted.seq)
                return None
            after = listed.after(lacks)
            changed = await self._write_difference(connection, wanted, lacks, since)
        members = int(np.bitwise_count(after.bits).sum())
        if changed * 10 > members:
            await connection.execute(f"ANALYZE {quoted(SCHEMA, wanted.table)}")
        projection = wanted.projection
        await connection.execute(
            _SAY, wanted.table, projection.identifier, list(projection.cells), known.keys.version,
            known.sha256, wanted.seq, members, after.sha256, after.bits.tobytes(),
        )  # fmt: skip
        return after

    async def _write_difference(
        self, connection: asyncpg.Connection, wanted: Wanted, lacks: Difference, since: int
    ) -> int:
        """Take out whoever has gone, put in whoever has come; return how many rows that are."""
        keys = wanted.known.keys
        chosen = np.isin(keys.numbers, lacks.come)
        chosen[since:] = wanted.allowed(keys.numbers[since:])
        added = wanted.known.rows(chosen)
        if len(lacks.gone):
            table = quoted(SCHEMA, wanted.table)
            await connection.execute(f"DELETE FROM {table} WHERE n = ANY ($1::bigint[])", lacks.gone.tolist())
        await _put_in(connection, wanted.table, added)
        return len(lacks.gone) + int(added.num_rows)

    async def _write_whole(self, connection: asyncpg.Connection, wanted: Wanted, *, there: bool) -> int:
        """Make the table hold what is wanted, whatever stands in it; return how many rows were written."""
        table, known = quoted(SCHEMA, wanted.table), wanted.known
        kind = "bigint" if known.key_type is ColumnType.INTEGER else "text"
        rows = await asyncio.to_thread(lambda: known.rows(wanted.allowed(known.keys.numbers)))
        if not there:
            await connection.execute(f"CREATE TABLE {table} (k {kind} NOT NULL, n bigint NOT NULL)")
            await _put_in(connection, wanted.table, rows)
            await connection.execute(
                f"ALTER TABLE {table} ADD PRIMARY KEY (k); CREATE INDEX {quoted(wanted.table + '_n')} ON {table} (n)"
            )
            return int(rows.num_rows)
        removed, added = await asyncio.to_thread(_compared, await _read(connection, wanted), rows)
        if removed.num_rows:
            await connection.execute(
                f"DELETE FROM {table} AS held USING unnest($1::{kind}[]) AS gone(k) WHERE held.k = gone.k",
                removed.column("k").to_pylist(),
            )
        await _put_in(connection, wanted.table, added)
        return int(removed.num_rows + added.num_rows)


async def _put_in(connection: asyncpg.Connection, table: str, added: pa.Table) -> None:
    if added.num_rows:
        await connection.copy_to_table(
            table, schema_name=SCHEMA, columns=["k", "n"], source=_csv(added), format="csv"
        )


async def _read(connection: asyncpg.Connection, wanted: Wanted) -> pa.Table:
    """Return what stands in the table."""
    kind = pa.int64() if wanted.known.key_type is ColumnType.INTEGER else pa.string()
    whole = io.BytesIO()
    await connection.copy_from_table(
        wanted.table, schema_name=SCHEMA, columns=["k", "n"], output=whole, format="csv", force_quote=["k"]
    )
    if not whole.tell():
        return pa.table({"k": pa.array([], kind), "n": pa.array([], pa.int64())})
    return pc.read_csv(
        pa.BufferReader(whole.getbuffer()),
        read_options=pc.ReadOptions(column_names=["k", "n"]),
        parse_options=pc.ParseOptions(newlines_in_values=True),
        convert_options=pc.ConvertOptions(column_types={"k": kind, "n": pa.int64()}, strings_can_be_null=False),
    )


def _lock_number(table: str) -> int:
    """Return the number of the lock of a people table, as PostgreSQL counts (64 bits, signed)."""
    return int.from_bytes(hashlib.sha256(f"{SCHEMA}.{table}".encode()).digest()[:8], "big", signed=True)


def _compared(held: pa.Table, wanted: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return the rows of *held* that are not *wanted*, and those wanted that are not held."""
    import polars as pl  # noqa: PLC0415 - tables are compared by `sekisho stores sync` alone

    before, after = pl.DataFrame(held), pl.DataFrame(wanted)
    return (
        before.join(after, on=["k", "n"], how="anti").to_arrow(),
        after.join(before, on=["k", "n"], how="anti").to_arrow(),
    )


async def _csv(table: pa.Table) -> AsyncIterator[bytes]:
    """Yield *table* as CSV, which the server reads back letter by letter."""
    whole = io.BytesIO()
    await asyncio.to_thread(pc.write_csv, table, whole, pc.WriteOptions(include_header=False))
    view = whole.getbuffer()
    for start in range(0, len(view), _CHUNK):
        yield bytes(view[start : start + _CHUNK])
